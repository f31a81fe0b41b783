"""The command line takes files in and writes them out, as people type it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pytest
from sqlalchemy import text

from layers.config import Settings
from tests.layers.files import SRID, box, point, write
from webmap import cli
from webmap.commands.operator import operator_session

Run = Callable[..., tuple[int, str, str]]
HOSTILE = "</script><script>alert(1)</script>{{7*7}}${alert(1)}"


@pytest.fixture
def run(
    committed: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run the command line on the module's database; return exit code, stdout, stderr."""
    if committed.database_url is None:
        monkeypatch.setenv("COMMONGREEN_DATABASE", committed.database)
    else:
        monkeypatch.setenv("DATABASE_URL", committed.database_url)

    def run_it(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(one) for one in arguments])
        return code, *capsys.readouterr()

    return run_it


@pytest.fixture
def place(run: Run, committed: Settings) -> str:
    """A compound of the test's own, with a building and two ground-floor flats."""
    code = f"place{count(committed, 'community')}"
    assert run("community", "add", code, "--name", "温泉小区", "--survey-crs", "EPSG:4550")[0] == 0
    return code


@pytest.fixture
def homes(run: Run, place: str, tmp_path: Path) -> str:
    building = write(tmp_path / "b.gpkg", [{"ref": "1", "geometry": box(0, 0, 40, 12)}])
    flats = [
        {"ref": f"1-1-{n}", "building": "1", "floor": 1, "geometry": point(x, 6)}
        for n, x in ((101, 10), (102, 30))
    ]
    households = write(tmp_path / "h.gpkg", flats)
    assert run("import", "buildings", building, "--community", place)[0] == 0
    assert run("import", "households", households, "--community", place)[0] == 0
    return place


def gardens(folder: Path, *more: dict[str, Any]) -> Path:
    rows = [{"ref": "绿-1", "geometry": box(1, -6, 18, 5)}, *more]
    return write(folder / "gardens.gpkg", rows)


def count(settings: Settings, table: str) -> int:
    with operator_session(settings) as session:
        return int(session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def test_places_are_added_and_listed(run: Run, tmp_path: Path) -> None:
    outline = write(tmp_path / "outline.gpkg", [{"geometry": box(-50, -50, 200, 200)}])
    assert run("community", "add", "huancui", "--name", "环翠区", "--kind", "district")[0] == 0
    added = run(
        *("community", "add", "listed", "--name", "小区", "--survey-crs", "EPSG:4550"),
        *("--within", "huancui", "--boundary", outline),
    )
    assert added == (0, "listed is added.\n", "")
    rows = {row["code"]: row for row in json.loads(run("community", "list", "--json")[1])}
    assert rows["huancui"]["kind"] == "district"
    assert rows["listed"] == {
        "code": "listed", "name": "小区", "kind": "community", "within": "huancui",
        "survey_crs": "EPSG:4550", "boundary": True,
    }  # fmt: skip


def test_a_boundary_can_be_given_later(run: Run, place: str, tmp_path: Path) -> None:
    outline = write(tmp_path / "outline.gpkg", [{"geometry": box(-50, -50, 100, 100)}])
    assert run("community", "boundary", place, outline)[0] == 0
    far = write(tmp_path / "far.gpkg", [{"ref": "a", "geometry": box(5_000, 0)}])
    code, _out, error = run("import", "parcels", far, "--community", place)
    assert code == 2
    assert "m east of 温泉小区" in error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--name", "x"), "needs --survey-crs"),
        (("--name", "x", "--kind", "town", "--time-zone", "Asia/Shanghai"), "field time_zone"),
        (("--name", "x", "--survey-crs", "EPSG:4326", "--within", "z"), "field within"),
    ],
)
def test_a_place_that_will_not_do_is_refused(run: Run, options: tuple[str, ...], said: str) -> None:
    code, _out, error = run("community", "add", "x", *options)
    assert code == 2
    assert said in error


def test_an_import_says_what_it_did(run: Run, homes: str, tmp_path: Path) -> None:
    path = gardens(tmp_path, {"ref": "between", "geometry": box(15, -14, 10, 5)})
    code, out, error = run(
        *("import", "parcels", path, "--community", homes),
        *("--set", "title_basis=owner_common", "--set", "title_evidence=master plan"),
    )
    assert code == 0
    assert f"parcels of {homes}: 2 new, 0 changed, 0 unchanged." in out
    assert "1 parcels are linked" in out
    assert f"commongreen link --community {homes}" in out
    assert "note: No RMS is given: 0.05 m is assumed" in error
    again = json.loads(run("import", "parcels", path, "--community", homes, "--json")[1])
    assert (again["new"], again["unchanged"], again["survey"]) == (0, 2, None)
    assert [one["parcel"] for one in again["ambiguous"]] == ["between"]


def test_a_dry_run_shows_a_table_and_writes_nothing(
    run: Run, homes: str, committed: Settings, tmp_path: Path
) -> None:
    before = count(committed, "parcel")
    path = gardens(tmp_path)
    code, out, _error = run("import", "parcels", path, "--community", homes, "--dry-run")
    assert code == 0
    assert re.search(r"row +ref +action +changes\n1 +绿-1 +new +-", out)
    assert re.search(r"绿-1 +1-1-101 .* clear", out)
    assert "(nothing is written)" in out
    assert count(committed, "parcel") == before


def test_a_refused_file_is_refused_with_every_reason(
    run: Run, homes: str, committed: Settings, tmp_path: Path
) -> None:
    before = count(committed, "survey")
    path = gardens(
        tmp_path,
        {"ref": "绿-2", "geometry": box(30, -6), "household": "9-9-999"},
        {"ref": "绿-3", "geometry": box(60, -6), "building": "7"},
    )
    code, out, error = run("import", "parcels", path, "--community", homes)
    assert (code, out) == (2, "")
    assert "error: row 2, field household: There is no household '9-9-999'." in error
    assert "error: row 3, field building: There is no building '7'." in error
    assert count(committed, "survey") == before


def test_the_map_of_a_dry_run_holds_hostile_text_as_text(
    run: Run, homes: str, tmp_path: Path
) -> None:
    path = gardens(tmp_path, {"ref": HOSTILE[:64], "geometry": box(60, -6)})
    drawn = tmp_path / "plan.html"
    assert run("import", "parcels", path, "--community", homes, "--dry-run-map", drawn)[0] == 0
    page = drawn.read_text(encoding="utf-8")
    assert "<script>alert" not in page
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href|url)\W*(https?:)?//", markup)
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    features = json.loads(found[1])["features"]
    assert [(one["ref"], one["action"]) for one in features] == [
        ("绿-1", "new"), (HOSTILE[:64], "new"),
    ]  # fmt: skip


def test_the_map_of_a_refusal_shows_the_faults(run: Run, homes: str, tmp_path: Path) -> None:
    path = gardens(tmp_path, {"ref": "绿-2", "geometry": box(5, -6)})
    drawn = tmp_path / "refused.html"
    code, _out, _err = run("import", "parcels", path, "--community", homes, "--dry-run-map", drawn)
    assert code == 2
    found = re.search(r'id="data">(.*?)</script>', drawn.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    features = json.loads(found[1])["features"]
    assert [one["action"] for one in features] == ["no fault", "refused"]
    assert "lies on 绿-1" in features[1]["text"]


def test_a_person_decides_what_is_in_doubt(run: Run, homes: str, tmp_path: Path) -> None:
    path = gardens(tmp_path, {"ref": "between", "geometry": box(15, -14, 10, 5)})
    run("import", "parcels", path, "--community", homes, "--links", "none")
    shown = json.loads(run("link", "--community", homes, "--dry-run", "--json")[1])
    assert shown["linked"] == 1
    made = json.loads(run("link", "--community", homes, "--json")[1])
    assert (made["linked"], [one["parcel"] for one in made["undecided"]]) == (1, ["between"])
    table = tmp_path / "links.csv"
    table.write_text("parcel,household\nbetween,1-1-102\n", encoding="utf-8")
    assert run("link", "--community", homes, "--csv", table)[0] == 0
    assert json.loads(run("link", "--community", homes, "--json")[1])["undecided"] == []


def test_what_is_exported_comes_back_unchanged(run: Run, homes: str, tmp_path: Path) -> None:
    run("import", "parcels", gardens(tmp_path), "--community", homes)
    path = tmp_path / "out.gpkg"
    code, out, _error = run("export", "parcels", path, "--community", homes)
    assert (code, out) == (0, f"1 parcels written to {path} in EPSG:4550.\n")
    assert geopandas.read_file(path).crs.to_epsg() == SRID
    done = json.loads(run("import", "parcels", path, "--community", homes, "--json")[1])
    assert (done["new"], done["changed"], done["unchanged"]) == (0, 0, 1)
    assert run("export", "parcels", path, "--community", homes)[0] == 2
    assert run("export", "parcels", path, "--community", homes, "--overwrite")[0] == 0


def test_a_survey_says_what_it_covered(run: Run, homes: str, tmp_path: Path) -> None:
    run("import", "parcels", gardens(tmp_path), "--community", homes)
    seen = write(tmp_path / "seen.gpkg", [{"ref": "o", "geometry": box(100, 0)}])
    given = ("import", "observations", seen, "--community", homes, "--date", "2022-03-01")
    assert "looked at" not in run(*given, "--dry-run")[1]
    assert "1 parcels are looked at." in run(*given, "--covers", "community")[1]
    ground = write(tmp_path / "ground.gpkg", [{"geometry": box(-10, -20, 60, 40)}])
    for covers in ("buildings:1", ground):
        assert run(*given, "--covers", covers)[0] == 0
    assert run(*given, "--covers", "buildings:99")[0] == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--field", "ref"), "'ref' is no pair"),
        (("--field", "ref=a", "--set", "ref=b"), "ref is given twice"),
        (("--rms", "-1"), "no RMS"),
        (("--crs", "Gauss"), "not a known CRS"),
        (("--layer", "trees"), "no layer 'trees'"),
        (("--set", "kind=garden"), "field kind"),
        (("--date", "yesterday"), "--date"),
    ],
)
def test_options_that_will_not_do_are_refused(
    run: Run, place: str, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    given = ("import", "parcels", gardens(tmp_path), "--community", place)
    code, _out, error = run(*given, *options)
    assert code == 2
    assert said in error
    assert "Traceback" not in error


def test_an_unknown_community_kind_or_file_is_one_line(run: Run, tmp_path: Path) -> None:
    for given, said in (
        (("import", "parcels", gardens(tmp_path), "--community", "nowhere"), "no community"),
        (("import", "trees", gardens(tmp_path), "--community", "x"), "trees"),
        (("import", "parcels", tmp_path / "none.gpkg", "--community", "listed"), "no file"),
        (("import", "parcels", "/vsicurl/http://x/y.gpkg", "--community", "listed"), "not a path"),
        (("export", "trees", tmp_path / "a.gpkg", "--community", "listed"), "no layer"),
    ):
        code, _out, error = run(*given)
        assert code == 2
        assert said in error
        assert error.count("\n") == 1
