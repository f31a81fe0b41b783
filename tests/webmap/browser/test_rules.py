"""The rules that the browser computes by itself, against the server's and other libraries'."""

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from pyproj import Geod

from cases.workflow import Status
from gis.datum import to_gcj02
from layers.config import PROJECT_ROOT
from tests.webmap.browser.conftest import Watch

STATIC = PROJECT_ROOT / "webmap" / "static"
CASES = json.loads((PROJECT_ROOT / "tests/webmap/status_cases.json").read_text(encoding="utf-8"))
GEOD = Geod(ellps="WGS84")
# Corners in degrees: a parcel, a compound, a street along a meridian, and one far south.
RINGS = [
    [(122.2, 37.4), (122.20009, 37.4), (122.20009, 37.40007), (122.2, 37.40007)],
    [(122.19, 37.39), (122.21, 37.391), (122.212, 37.41), (122.2, 37.42), (122.189, 37.405)],
    [(122.2, 37.3), (122.2001, 37.3), (122.2001, 37.5), (122.2, 37.5)],
    [(18.4, -33.9), (18.41, -33.9), (18.405, -33.91)],
]


@pytest.fixture(scope="module")
def rules(browser: Browser) -> Iterator[Page]:
    """An empty page with the scripts that compute."""
    page = browser.new_page()
    watch = Watch()
    watch.over(page)
    statuses = json.dumps({"language": "en", "statuses": list(Status)})
    page.set_content(f'<script type="application/json" id="map-config">{statuses}</script>')
    page.add_script_tag(path=STATIC / "vendor/leaflet/dist/leaflet.js")
    for name in ("core", "days", "status", "basemaps", "geodesic"):
        page.add_script_tag(path=STATIC / "js" / f"{name}.js")
    yield page
    page.close()
    assert watch.faults == []


def test_a_status_follows_the_same_cases_as_the_server(rules: Page) -> None:
    found = rules.evaluate(
        """cases => cases.map(({ day, looked, ...parcel }) =>
            CommonGreen.parcelStatus({ ...parcel, looked: looked ?? undefined }, day))""",
        CASES,
    )
    expected = {case["name"]: case["expected"] for case in CASES}
    assert dict(zip(expected, found, strict=True)) == expected


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ({"from": 100, "h": "100:suspected;110:verified"}, [None, "suspected", "verified"]),
        ({"from": 100, "to": 105, "h": "100:suspected;105:end"}, [None, "suspected", None]),
        ({"from": 100, "h": ""}, [None, "suspected", "suspected"]),
        ({"h": ""}, [None, None, None]),
    ],
)
def test_an_encroachment_stands_while_it_was_believed(
    rules: Page, feature: dict[str, Any], expected: list[str | None]
) -> None:
    script = "one => [99, 100, 110].map(day => CommonGreen.encroachmentStatus(one, day))"
    assert rules.evaluate(script, feature) == expected


@pytest.mark.parametrize("ring", RINGS)
def test_measures_are_geodesic(rules: Page, ring: list[tuple[float, float]]) -> None:
    points = [{"lng": lon, "lat": lat} for lon, lat in ring]
    lon, lat = zip(*ring, strict=True)
    area = rules.evaluate("ring => CommonGreen.geodesic.area(ring)", points)
    assert area == pytest.approx(abs(GEOD.polygon_area_perimeter(lon, lat)[0]), rel=2e-7, abs=1e-3)
    length = rules.evaluate("ring => CommonGreen.geodesic.length(ring)", points)
    assert length == pytest.approx(GEOD.line_length(lon, lat), abs=1e-4)


def test_a_point_measured_against_itself_is_nothing(rules: Page) -> None:
    same = [{"lng": 122.2, "lat": 37.4}] * 3
    assert rules.evaluate("ring => CommonGreen.geodesic.area(ring)", same) == 0
    assert rules.evaluate("ring => CommonGreen.geodesic.length(ring)", same) == 0


def test_gcj02_is_the_servers(rules: Page) -> None:
    places = np.array([(122.2, 37.4), (121.47, 31.23), (114.06, 22.54), (87.6, 43.8), (5.8, 52.1)])
    found = rules.evaluate(
        "places => places.map(([lon, lat]) => CommonGreen.toGcj02(lon, lat))", places.tolist()
    )
    assert np.abs(np.array(found) - to_gcj02(places)).max() < 1e-11


def test_days_are_counted_as_the_server_counts_them(rules: Page) -> None:
    days = ["1970-01-01", "2022-03-01", "2024-02-29", "1969-12-31"]
    assert rules.evaluate("days => days.map(CommonGreen.days.parse)", days) == [0, 19052, 19782, -1]
    there_and_back = "days => days.map(CommonGreen.days.parse).map(CommonGreen.days.iso)"
    assert rules.evaluate(there_and_back, days) == days
    assert rules.evaluate("CommonGreen.days.parse('never')") is None
    starts = rules.evaluate("CommonGreen.days.monthStarts(19052, 19120)")
    assert starts == [19083, 19113]


# Viénot, Brettel and Mollon 1999: how a colour in linear RGB looks without red or green cones.
WITHOUT = {
    "protanopia": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "deuteranopia": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    "print without colour": [[0.2126, 0.7152, 0.0722]] * 3,
    "everybody": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
}


@pytest.mark.parametrize("eyes", WITHOUT)
def test_no_two_statuses_look_alike(rules: Page, eyes: str) -> None:
    rules.add_script_tag(path=STATIC / "js" / "palette.js")
    looks = rules.evaluate("all => all.map(CommonGreen.statusLook)", list(Status))
    alike = [
        (one, other)
        for (one, first), (other, second) in combinations(zip(Status, looks, strict=True), 2)
        if first.get("hatch") == second.get("hatch")
        and first.get("dash") == second.get("dash")
        and difference(first["fill"], second["fill"], eyes) < 10
    ]
    assert alike == []


def difference(first: str, second: str, eyes: str) -> float:
    """Return how far two colours lie apart for somebody's eyes, in CIE 1976 units."""
    return float(np.linalg.norm(lab(first, eyes) - lab(second, eyes)))


def lab(color: str, eyes: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    given = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(WITHOUT[eyes]) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.maximum(np.array(to_xyz) @ seen / [0.9505, 1, 1.089], 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
