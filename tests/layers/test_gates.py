"""Every way in which a delivery is not what its community needs, with its reason and remedy."""

import datetime as dt
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pytest
import shapely

from gis.crs import project
from gis.datum import to_bd09, to_gcj02
from gis.problems import InputError, Problem
from gis.validity import multipolygons
from layers.door.gates import Checked, GateLimits, Place, check
from layers.door.kinds import KINDS
from layers.files import writing
from layers.files.reading import read

# A compound of 300 by 200 m in Weihai, in metres of EPSG:4550 (zone 41).
WEST, SOUTH = 420_000.0, 4_140_000.0
SURVEY = 4550


def metres(*geometries: shapely.Geometry) -> Any:
    return project(np.array(geometries, dtype=object), SURVEY, 4326)


BOUNDARY = metres(shapely.box(WEST, SOUTH, WEST + 300, SOUTH + 200))[0]
BUILDINGS = metres(
    shapely.union_all(
        [
            shapely.box(x, SOUTH + 40 * n, x + 91, SOUTH + 40 * n + 12)
            for n in range(5)
            for x in (WEST + 10, WEST + 104, WEST + 198)
        ]
    )
)[0]
PLACE = Place("hot-spring", "Hot Spring", SURVEY, BOUNDARY, BUILDINGS)
NOWHERE = Place("new", "New", SURVEY)


def yards(count: int = 20) -> list[shapely.Geometry]:
    """Return yards of 24 m2 south of the rows of houses, in metres of EPSG:4550."""
    return [
        shapely.box(x, y, x + 3, y + 8)
        for n in range(count)
        for x, y in [(WEST + 12 + 13 * n, SOUTH + 40 * (n % 4 + 1) - 9)]
    ]


@pytest.fixture
def deliver(tmp_path: Path) -> Callable[..., Any]:
    """Write geometries as a GeoPackage and read it."""

    def write(geometries: Any, crs: Any = SURVEY, **options: Any) -> Any:
        columns = options.pop("columns", {"ref": [f"p{n}" for n in range(len(geometries))]})
        path = tmp_path / ("delivered.gpkg" if crs else "delivered.parquet")
        frame = geopandas.GeoDataFrame(columns, geometry=list(geometries), crs=crs)
        frame.to_file(path) if crs else frame.to_parquet(path)
        return read(path, **options)

    return write


def problems(
    delivery: Any, place: Place = PLACE, kind: str = "parcels", **limits: Any
) -> list[Problem]:
    with pytest.raises(InputError) as refused:
        check(delivery, place, kind, GateLimits(**limits))
    for problem in refused.value.problems:
        assert problem.message.endswith(".")
        assert problem.remedy.endswith((".", "?"))
    return refused.value.problems


def only(found: list[Problem]) -> Problem:
    assert len(found) == 1, [str(problem) for problem in found]
    return found[0]


def notices(checked: Checked) -> list[str]:
    return [notice.code for notice in checked.notices]


def test_a_sound_layer_passes_as_it_will_be_stored(deliver: Callable[..., Any]) -> None:
    checked = check(deliver(yards()), PLACE, "parcels")
    assert checked.area_m2.tolist() == pytest.approx([24.0] * 20, abs=1e-6)
    assert checked.frame.crs.to_epsg() == 4326
    assert set(checked.frame.geometry.geom_type) == {"MultiPolygon"}
    assert shapely.area(checked.survey) == pytest.approx([24.0] * 20, abs=1e-6)
    assert checked.frame.index.tolist() == list(range(1, 21))
    assert checked.crs == "EPSG:4550"
    assert "tmerc" in checked.transform
    assert checked.given == {"ref"}
    assert set(checked.frame.columns) == {f.name for f in KINDS["parcels"].fields} | {"geometry"}
    assert checked.frame["kind"].unique().tolist() == ["public_green"]
    assert checked.frame["title_basis"].unique().tolist() == ["unknown"]
    assert notices(checked) == ["default_taken", "default_taken"]


@pytest.mark.parametrize("crs", [4490, 4326, 4529, 4549, 32651])
def test_any_crs_that_says_what_it_is_passes(deliver: Callable[..., Any], crs: int) -> None:
    given = project(np.array(yards(), dtype=object), SURVEY, 4326)
    if crs not in (4326, 4490):
        given = project(given, 4326, crs)
    checked = check(deliver(given, crs), PLACE, "parcels")
    assert checked.area_m2.tolist() == pytest.approx([24.0] * 20, abs=1e-4)
    assert (checked.transform == "noop") == (crs in (4326, 4490))


# The CRS.


@pytest.mark.parametrize(
    ("crs", "option"), [(4550, "4550"), (4529, "4529"), (4549, "4549"), (32651, "32651")]
)
def test_without_crs_the_grids_that_fit_are_named(
    deliver: Callable[..., Any], crs: int, option: str
) -> None:
    given = project(np.array(yards(), dtype=object), SURVEY, crs)
    problem = only(problems(deliver(given, None)))
    assert problem.code == "crs_missing"
    assert f"--crs EPSG:{option}" in problem.remedy
    assert "--swap-xy" not in problem.remedy


def test_without_crs_degrees_and_prefixed_zones_are_told_by_the_numbers(
    deliver: Callable[..., Any],
) -> None:
    degrees = deliver(project(np.array(yards(), dtype=object), SURVEY, 4326), None)
    assert "EPSG:4490" in only(problems(degrees, NOWHERE)).remedy
    prefixed = deliver(project(np.array(yards(), dtype=object), SURVEY, 4529), None)
    assert "EPSG:4529" in only(problems(prefixed, NOWHERE)).remedy
    bare = only(problems(deliver(yards(), None), NOWHERE))
    assert bare.remedy == "Ask the surveyor and name it, for example --crs EPSG:4550."


@pytest.mark.parametrize(("wrong", "place"), [(4549, PLACE), (4551, PLACE), (4549, NOWHERE)])
def test_the_wrong_zone_is_named_with_the_right_one(
    deliver: Callable[..., Any], wrong: int, place: Place
) -> None:
    problem = only(problems(deliver(yards(), wrong), place))
    assert problem.code == "crs_wrong_zone"
    assert "EPSG:4550 (CGCS2000 / 3-degree Gauss-Kruger CM 123E)" in problem.message
    assert "--crs EPSG:4550" in problem.remedy


def test_a_forgotten_prefix_is_the_wrong_zone(deliver: Callable[..., Any]) -> None:
    prefixed = project(np.array(yards(), dtype=object), SURVEY, 4529)
    assert "EPSG:4529" in only(problems(deliver(prefixed, 4550))).remedy


@pytest.mark.parametrize("crs", [4550, None])
def test_north_as_x_is_recognised(deliver: Callable[..., Any], crs: int | None) -> None:
    swapped = shapely.transform(yards(), lambda xy: xy[:, ::-1])
    problem = only(problems(deliver(swapped, crs)))
    assert problem.code == ("axes_swapped" if crs else "crs_missing")
    assert "--crs EPSG:4550 --swap-xy" in problem.remedy
    assert len(check(deliver(swapped, crs or 4550, swap_xy=True), PLACE, "parcels").frame) == 20


def test_latitude_as_x_is_recognised(deliver: Callable[..., Any]) -> None:
    degrees = project(np.array(yards(), dtype=object), SURVEY, 4326)
    swapped = shapely.transform(degrees, lambda xy: xy[:, ::-1])
    problem = only(problems(deliver(swapped, 4490)))
    assert problem.code == "axes_swapped"
    assert "--swap-xy" in problem.remedy


def test_degrees_given_as_metres_and_metres_as_degrees(deliver: Callable[..., Any]) -> None:
    degrees = project(np.array(yards(), dtype=object), SURVEY, 4326)
    problem = only(problems(deliver(degrees, 4550)))
    assert problem.code == "degrees_as_metres"
    assert "--crs EPSG:4490" in problem.remedy
    problem = only(problems(deliver(yards(), 4490)))
    assert problem.code == "metres_as_degrees"
    assert "--crs EPSG:4550" in problem.remedy
    assert only(problems(deliver(yards(), 4326), NOWHERE)).code == "metres_as_degrees"


def test_a_contradiction_of_file_and_person_is_refused(
    deliver: Callable[..., Any], tmp_path: Path
) -> None:
    deliver(yards(), 4550)
    problem = only(problems(read(tmp_path / "delivered.gpkg", crs=4549)))
    assert problem.code == "crs_conflict"
    assert "The file says EPSG:4550" in problem.message
    assert len(check(read(tmp_path / "delivered.gpkg", crs=4550), PLACE, "parcels").frame) == 20


@pytest.mark.parametrize("crs", [2437, 2386])
def test_beijing_1954_and_xian_1980_are_refused(deliver: Callable[..., Any], crs: int) -> None:
    problem = problems(deliver(yards(), crs))[0]
    assert problem.code == "datum_without_shift"
    assert "CGCS2000" in problem.remedy


# The place.


@pytest.mark.parametrize(("system", "shift"), [("GCJ-02", to_gcj02), ("BD-09", to_bd09)])
@pytest.mark.parametrize("place", [PLACE, Place("x", "X", SURVEY, None, BUILDINGS)])
def test_the_shift_of_web_maps_is_recognised(
    deliver: Callable[..., Any], place: Place, system: str, shift: Any
) -> None:
    degrees = project(np.array(yards(), dtype=object), SURVEY, 4326)
    found = problems(deliver(shapely.transform(degrees, shift), 4326), place)
    assert only(found).code == "datum_shifted"
    assert system in found[0].message
    houses = shapely.get_parts(BUILDINGS)
    found = problems(deliver(shapely.transform(houses, shift), 4326), place, "buildings")
    assert (only(found).code, system in found[0].message) == ("datum_shifted", True)


def test_a_single_feature_is_not_judged_by_the_buildings(deliver: Callable[..., Any]) -> None:
    """Twenty metres from a wall, it would come to lie beside another by chance."""
    place = Place("x", "X", SURVEY, None, BUILDINGS)
    for x in range(30, 150, 7):
        lone = metres(shapely.box(WEST + x, SOUTH + 24, WEST + x + 2, SOUTH + 26))
        assert len(check(deliver(lone, 4326), place, "parcels").frame) == 1


def test_another_place_is_refused_with_distance_and_direction(deliver: Callable[..., Any]) -> None:
    moved = shapely.transform(yards(), lambda xy: xy + (0, 5000))
    problem = only(problems(deliver(moved)))
    assert problem.code == "outside_boundary"
    assert "m north of Hot Spring" in problem.message
    assert (
        4_700 < float(problem.message.split(" lies ")[1].split(" m ")[0].replace(",", "")) < 5_000
    )


def test_features_over_the_boundary_are_named_with_their_distance(
    deliver: Callable[..., Any],
) -> None:
    edge = shapely.box(WEST + 298, SOUTH + 50, WEST + 310, SOUTH + 60)
    near = shapely.box(WEST + 298, SOUTH + 70, WEST + 304, SOUTH + 80)
    problem = only(problems(deliver([*yards(), edge, near])))
    assert (problem.code, problem.row) == ("outside_boundary", 21)
    assert "reaches 10.0 m beyond" in problem.message
    assert len(problems(deliver([*yards(), edge, near]), outside_m=1.0)) == 2


def test_without_boundary_what_can_be_judged_is_judged(deliver: Callable[..., Any]) -> None:
    checked = check(deliver(yards()), NOWHERE, "parcels")
    assert "boundary_missing" in notices(checked)
    web = check(
        deliver(project(np.array(yards(), dtype=object), SURVEY, 4326), 4326), NOWHERE, "parcels"
    )
    assert {"boundary_missing", "datum_untested"} <= set(notices(web))
    abroad = deliver([shapely.box(5.7, 52.1, 5.7001, 52.1001)], 4326)
    assert only(problems(abroad, NOWHERE)).code == "outside_survey_crs"


# Geometry.


def test_faults_of_geometry_are_found_by_row_all_at_once(deliver: Callable[..., Any]) -> None:
    x, y = WEST + 100, SOUTH + 100
    bowtie = shapely.Polygon([(x, y), (x + 8, y + 8), (x + 8, y), (x, y + 8), (x, y)])
    outside = shapely.box(WEST - 60, SOUTH, WEST - 50, SOUTH + 9)
    given = [*yards(), bowtie, None, shapely.Polygon(), shapely.Point(x, y), yards()[0], outside]
    found = problems(deliver(given))
    assert {(one.code, one.row) for one in found} == {
        ("geometry_invalid", 21),
        ("geometry_missing", 22),
        ("geometry_empty", 23),
        ("geometry_type", 24),
        ("geometry_repeated", 25),
        ("outside_boundary", 26),
    }
    (invalid,) = [one for one in found if one.code == "geometry_invalid"]
    assert f"at x {x + 4:.10g}, y {y + 4:.10g}" in invalid.message


def test_a_layer_of_the_wrong_geometry_is_refused_once(deliver: Callable[..., Any]) -> None:
    points = [shapely.centroid(yard) for yard in yards()]
    problem = only(problems(deliver([*points, *yards(5)])))
    assert (problem.code, problem.row) == ("geometry_type", None)
    assert "20 Point, 5 MultiPolygon" in problem.message


def test_a_table_without_places_is_refused_once_unless_of_households(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("ref,floor\na,1\nb,2\n")
    problem, crs = problems(read(path), PLACE, "buildings")
    assert (problem.code, crs.code) == ("geometry_missing", "crs_missing")
    checked = check(read(path), PLACE, "households")
    assert checked.frame["ground_floor"].tolist() == [True, False]
    assert checked.frame.geometry.isna().all()
    assert checked.area_m2.tolist() == [0.0, 0.0]


def test_a_site_has_the_geometry_of_its_kind(deliver: Callable[..., Any]) -> None:
    garden, pile = yards()[0], shapely.Point(WEST + 50, SOUTH + 50)
    columns = {"ref": ["a", "b"], "kind": ["landscaping", "charging_pile"]}
    checked = check(deliver([garden, pile], columns=columns), PLACE, "sites")
    assert checked.frame.geometry.geom_type.tolist() == ["MultiPolygon", "Point"]
    assert checked.area_m2.tolist() == pytest.approx([24.0, 0.0], abs=1e-6)
    found = problems(deliver([pile, garden], columns=columns), kind="sites")
    assert {one.code for one in found} == {"geometry_type"}


def test_sizes_that_cannot_be_are_refused_and_small_ones_noticed(
    deliver: Callable[..., Any],
) -> None:
    sliver = shapely.box(WEST + 50, SOUTH + 50, WEST + 51, SOUTH + 50.2)
    assert "area_tiny" in notices(check(deliver([*yards(), sliver]), PLACE, "parcels"))
    whole = shapely.box(WEST, SOUTH, WEST + 300, SOUTH + 200)
    found = problems(deliver([whole]), area_m2={"parcels": (1, 1000)})
    assert only(found).code == "area_too_large"
    assert "60,000 m2" in found[0].message


def test_parcels_that_overlap_are_listed_with_the_area(deliver: Callable[..., Any]) -> None:
    given = yards()
    shifted = shapely.transform(given[3], lambda xy: xy + (2, 0))
    checked = check(deliver([*given, shifted]), PLACE, "parcels")
    (overlap,) = checked.overlaps
    assert (overlap.row, overlap.other) == (4, 21)
    assert overlap.area_m2 == pytest.approx(8.0, abs=1e-6)
    assert "parcels_overlap" in notices(checked)
    assert check(deliver(given), PLACE, "parcels", GateLimits(overlap_m2=None)).overlaps == ()


# Values.


def test_values_get_their_types(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    own = uuid.uuid4()
    path.write_text(
        "id,REF,kind,title_basis,title_disputed,rms_m,观测,WKT\n"
        f'{own},12,公共绿地,owner_common,是,0.05,x,"SRID=4550;{yards()[0].wkt}"\n'
        f',13,Path,,no,,x,"SRID=4550;{yards()[1].wkt}"\n'
    )
    checked = check(read(path), PLACE, "parcels")
    rows = checked.frame.drop(columns="geometry").to_dict("records")
    assert rows[0]["id"] == own
    assert [row["ref"] for row in rows] == ["12", "13"]
    assert [row["kind"] for row in rows] == ["public_green", "path"]
    assert [row["title_basis"] for row in rows] == ["owner_common", "unknown"]
    assert [row["title_disputed"] for row in rows] == [True, False]
    assert [row["rms_m"] for row in rows] == [0.05, None]
    assert "columns_unused" in notices(checked)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2022-03-01", dt.date(2022, 3, 1)),
        ("2022/3/1", dt.date(2022, 3, 1)),
        ("20220301", dt.date(2022, 3, 1)),
        ("2022年3月1日", dt.date(2022, 3, 1)),
        ("2022-03-01T08:00:00+08:00", dt.date(2022, 3, 1)),
        ("2022-02-30", None),
        ("01.03.2022", None),
        ("22-03-01", None),
        ("1022-03-01", None),
    ],
)
def test_dates(deliver: Callable[..., Any], text: str, day: dt.date | None) -> None:
    columns = {"ref": ["1"], "observed_on": [text]}
    delivery = deliver(yards(1), columns=columns)
    if day is None:
        problem = only(problems(delivery, kind="observations"))
        assert (problem.code, problem.row, problem.field) == ("value_wrong", 1, "observed_on")
    else:
        assert check(delivery, PLACE, "observations").frame["observed_on"].tolist() == [day]


def test_wrong_values_are_found_all_at_once_with_what_is_allowed(
    deliver: Callable[..., Any],
) -> None:
    columns = {
        "ref": ["1", "1", None],
        "kind": ["green", "path", "green"],
        "rms_m": ["0.05", "wide", "-1"],
        "title_disputed": ["maybe", "no", "no"],
        "id": ["not", "one", "uuid"],
    }
    found = problems(deliver(yards(3), columns=columns))
    assert {(one.code, one.row, one.field) for one in found} == {
        ("value_missing", 3, "ref"),
        ("ref_repeated", 2, "ref"),
        ("value_unknown", 1, "kind"),
        ("value_wrong", 2, "rms_m"),
        ("value_wrong", 3, "rms_m"),
        ("value_wrong", 1, "title_disputed"),
    }
    (kind,) = [one for one in found if one.field == "kind"]
    assert "public_green, private_yard, path, parking, other" in kind.remedy
    assert "So in row 3" in kind.message


def test_missing_fields_say_how_to_name_them(deliver: Callable[..., Any]) -> None:
    delivery = deliver(yards(2), columns={"号": ["1", "2"]})
    problem = only(problems(delivery))
    assert (problem.code, problem.field) == ("field_missing", "ref")
    assert "the file has 号" in problem.message
    assert "--field ref=COLUMN" in problem.remedy
    found = problems(deliver(yards(2), columns={"号": ["1", "2"]}, fields={"reff": "号"}))
    assert {one.code for one in found} == {"field_unknown", "field_missing"}
    assert {one.remedy for one in found if one.code == "field_unknown"} == {
        "Perhaps ref or source?"
    }
    numbered = deliver(yards(2), columns={"号": ["1", "2"]}, fields={"ref": "#"})
    assert check(numbered, PLACE, "parcels").frame["ref"].tolist() == ["1", "2"]


def test_households_are_named_by_building_unit_and_room(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("building,unit,room,floor\n12,1,101,1\n12,1,201,2\n12,1,,2\n")
    (problem,) = problems(read(path), PLACE, "households")
    assert (problem.code, problem.row, problem.field) == ("value_missing", 3, "ref")
    path.write_text("building,unit,room,floor\n12,1,101,1\n12,1,201,2\n")
    checked = check(read(path), PLACE, "households")
    assert checked.frame["ref"].tolist() == ["12-1-101", "12-1-201"]
    assert checked.frame["ground_floor"].tolist() == [True, False]


HOSTILE = ["{{7*7}}", "</script>", "${alert(1)}", "'; DROP TABLE parcel; --", "=cmd", "\u202eabc"]


def test_hostile_text_stays_text_and_control_characters_are_refused(
    deliver: Callable[..., Any],
) -> None:
    columns = {"ref": HOSTILE, "title_evidence": HOSTILE[::-1]}
    checked = check(deliver(yards(6), columns=columns), PLACE, "parcels")
    assert checked.frame["ref"].tolist() == HOSTILE
    assert checked.frame["title_evidence"].tolist() == HOSTILE[::-1]
    columns = {"ref": ["a\x07", "b\nc", "d" * 65], "title_evidence": ["one\ntwo", "\ufffd", "x"]}
    found = problems(deliver(yards(3), columns=columns))
    assert {(one.code, one.row, one.field) for one in found} == {
        ("text_control", 1, "ref"),
        ("text_control", 2, "ref"),
        ("text_control", 3, "ref"),
    }


def test_a_built_site_has_its_day(deliver: Callable[..., Any]) -> None:
    columns = {"ref": ["a"], "kind": ["landscaping"], "state": ["built"]}
    problem = only(problems(deliver(yards(1), columns=columns), kind="sites"))
    assert (problem.code, problem.field) == ("value_missing", "built_on")


def test_many_rows_with_one_fault_are_counted(deliver: Callable[..., Any]) -> None:
    given = [shapely.box(WEST + 310 + n, SOUTH, WEST + 311 + n, SOUTH + 9) for n in range(40)]
    found = problems(
        deliver([*yards(), *yards(), *given], columns={"ref": list(map(str, range(80)))}), shown=5
    )
    assert [one.row for one in found if one.code == "outside_boundary"] == [
        41,
        42,
        43,
        44,
        45,
        None,
    ]
    assert "35 more rows" in [one for one in found if one.code == "outside_boundary"][-1].message


def test_an_unknown_kind_is_refused(deliver: Callable[..., Any]) -> None:
    assert only(problems(deliver(yards()), kind="trees")).code == "kind_unknown"


# What export writes.

ROUND_TRIP: dict[str, list[Any]] = {
    "ref": ["12", "=cmd"],
    "kind": ["path", "public_green"],
    "title_basis": ["owner_common", "unknown"],
    "title_evidence": ["审批 1998", "one\ntwo"],
    "title_disputed": [True, False],
    "rms_m": [0.05, None],
    "source": ["", "survey"],
    "household": ["12-1-101;12-1-102", None],
}


@pytest.mark.parametrize("form", writing.FORMATS, ids=lambda form: form.ending)
def test_what_export_writes_comes_back_unchanged(tmp_path: Path, form: writing.Format) -> None:
    srid = 4326 if form.always_degrees else SURVEY
    given = multipolygons(project(np.array(yards(2), dtype=object), SURVEY, srid))
    content = writing.Content("parcels", pa.table(ROUND_TRIP), given, srid, "MultiPolygon")
    path = tmp_path / f"parcels{form.ending}"
    form.write(content, path)
    checked = check(read(path), PLACE, "parcels")
    # FlatGeobuf puts the rows into the order of its index.
    order = [checked.frame["ref"].tolist().index(ref) for ref in ROUND_TRIP["ref"]]
    for name, values in ROUND_TRIP.items():
        found = checked.frame[name].iloc[order].tolist()
        assert found == [None if value == "" else value for value in values]
    assert checked.area_m2.tolist() == pytest.approx([24.0, 24.0], abs=1e-4)
    if srid == SURVEY:
        expected = shapely.normalize(given)
        survey = shapely.normalize(checked.survey[order])
        assert shapely.equals_exact(survey, expected, 1e-7).all()


# Real files.


def test_real_layers_pass_and_agree_with_their_registers(shared_data: Path) -> None:
    swiss = read(
        shared_data / "A_parcels/ch_kammersrohr/ch_kammersrohr.gpkg",
        layer="parcels",
        fields={"ref": "parcel_no"},
    )
    checked = check(swiss, Place("k", "Kammersrohr", 2056), "parcels")
    official = swiss.frame["official_area_m2"].to_numpy(dtype=float)
    assert np.abs(checked.area_m2 - official).max() < 1.0
    spanish = read(shared_data / "A_parcels/es_catastro/parcel.gpkg", fields={"ref": "localId"})
    checked = check(spanish, Place("c", "Catastro", 32628), "parcels")
    assert np.abs(checked.area_m2 - spanish.frame["areaValue"]).max() < 0.6
    assert len(checked.overlaps) > 0


def test_the_chinese_files_pass_or_say_what_is_missing(shared_data: Path) -> None:
    folder = shared_data / "C_crs_encoding/derived_gbk_cgcs2000"
    osm = shared_data / "A_china_osm/shanghai_university/shanghai_university_2021_09_17.gpkg"
    standing = shapely.union_all(read(osm, layer="buildings").frame.geometry.to_numpy())
    place = Place(
        "shu", "上海大学", 4549, shapely.buffer(shapely.convex_hull(standing), 1e-4), standing
    )
    fields = {"ref": "编号", "name": "名称"}
    declared = read(folder / "buildings_gbk.shp", fields=fields)
    checked = check(declared, place, "buildings")
    assert checked.frame["name"].iloc[0] == "上海音乐学院"
    assert len(checked.frame) == 107
    bare = folder / "buildings_gbk_noprj_nocpg.shp"
    problem = only(problems(read(bare, fields=fields, encoding="GBK"), place, "buildings"))
    assert (problem.code, "--crs EPSG:4549" in problem.remedy) == ("crs_missing", True)
    said = check(read(bare, fields=fields, encoding="GBK", crs=4549), place, "buildings")
    assert shapely.equals_exact(said.survey, checked.survey, tolerance=1e-6).all()
    json = read(folder / "buildings_cgcs2000.geojson", fields={"ref": "osm"})
    assert len(check(json, place, "buildings").frame) == 107
