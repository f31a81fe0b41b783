"""A map as one file: nothing outside, nothing that data could break out of."""

import datetime as dt
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy.orm import Session

from gis.problems import InputError
from layers.features import MapPlace
from tests import builders
from webmap.commands.map import map_
from webmap.export_map import MapData, render_file, write_map
from webmap.standalone import block

HOSTILE = "{{7*7}}</script><!-- ${alert(1)} & \u2028 '\" {% raw %} \\u003c"


def data(text: str = "") -> MapData:
    """Return the smallest map, with ``text`` in each of its texts."""
    place = MapPlace(
        "garden", f"Garden{text}", "community", (122.1, 37.3, 122.2, 37.4), None, None, 4550
    )
    feature = {
        "type": "Feature",
        "properties": {"id": "1", "ref": f"G1{text}", "kind": "public_green", "title": text},
        "geometry": {"type": "Point", "coordinates": [122.15, 37.35]},
    }
    layers = {"parcels": {"type": "FeatureCollection", "features": [feature]}}
    days: dict[str, Any] = {"first": None, "last": None, "days": []}
    return MapData(place, layers, days, [], dt.date(2022, 7, 1))


def blocks(page: str) -> dict[str, Any]:
    found = re.findall(r'<script type="application/json" id="([\w-]+)">(.*?)</script>', page, re.S)
    return {name: json.loads(text) for name, text in found}


@pytest.mark.parametrize("text", [HOSTILE, "", "温泉花园"])
def test_data_is_data_and_never_markup(text: str) -> None:
    page = render_file(data(text), "en")
    assert blocks(page)["map-data"] == data(text).layers
    assert blocks(page)["map-config"]["place"]["name"] == f"Garden{text}"
    title = re.search(r"<h1>(.*?)</h1>", page, re.S)
    assert title
    assert html.unescape(title.group(1)) == f"Garden{text}"
    assert page.count("<script") == render_file(data(), "en").count("<script")


def test_a_block_never_ends_its_element() -> None:
    written = block({"<!--": HOSTILE})
    assert not set(written) & set("<>&\u2028\u2029")
    assert json.loads(written) == {"<!--": HOSTILE}


def test_numbers_that_json_lacks_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        block({"area": float("nan")})


def test_the_file_names_no_other_file() -> None:
    page = render_file(data(), "en")
    assert re.findall(r"<(?:script|link|img|iframe)[^>]*\s(?:src|href)=", page) == []
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.S))
    named = [one.strip("\"'") for one in re.findall(r"url\(([^)]*)", styles)]
    # The second is Leaflet's for a browser of 2010.
    assert [one for one in named if not one.startswith(("data:", "#default"))] == []
    assert "sourceMappingURL" not in page


def test_the_file_speaks_the_language_asked_for() -> None:
    assert "导出于2022年7月1日" in render_file(data(), "zh_Hans")
    assert "Exported on 1 July 2022" in render_file(data(), "en")
    assert '<html lang="zh-Hans">' in render_file(data(), "zh_Hans")


def test_one_community_at_a_time(session: Session, tmp_path: Path) -> None:
    first = builders.community(session)
    builders.community(session)
    with pytest.raises(ValueError, match="sees the communities"):
        write_map(session, first.id, tmp_path / "map.html", "en")
    assert list(tmp_path.iterdir()) == []


def test_a_file_by_another_name_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(map_, [str(tmp_path / "map.pdf"), "--community", "garden"])
    assert isinstance(result.exception, InputError)
    assert result.exception.problems[0].field == "FILE"
