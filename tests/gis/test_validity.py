"""The checks at the door, on the inputs of SAFETY and the cases of GEOS."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import shapely

from gis.problems import Problem
from gis.validity import (
    FILE_LIMITS,
    POINTS,
    POLYGONS,
    WEB_LIMITS,
    GeometryLimits,
    check,
    from_wkb,
    multipolygons,
    place_of_fault,
    type_names,
)
from gis.wkb import scan

BOWTIE = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")
SQUARE = shapely.box(0, 0, 2, 2)


def array(*geometries: shapely.Geometry | None) -> np.ndarray:
    made = np.empty(len(geometries), dtype=object)
    made[:] = geometries
    return made


def check_one(geometry: shapely.Geometry, limits: GeometryLimits = WEB_LIMITS) -> list[Problem]:
    return check(array(geometry), [7], limits)


def scribble(count: int) -> shapely.Geometry:
    places = np.random.default_rng(count).random((count, 2))
    return shapely.Polygon(np.vstack([places, places[:1]]))


def nested(levels: int) -> bytes:
    return struct.pack("<BII", 1, 7, 1) * levels + struct.pack("<BIdd", 1, 1, 0.0, 0.0)


def open_ring(*places: tuple[float, float], z: bool = False) -> bytes:
    values = [number for place in places for number in (*place, 0.0)[: 3 if z else 2]]
    kind = 1003 if z else 3
    return struct.pack(f"<BIII{len(values)}d", 1, kind, 1, len(places), *values)


def test_a_bowtie_is_refused_with_the_place_where_it_crosses() -> None:
    (problem,) = check_one(BOWTIE)
    assert problem.code == "geometry_invalid"
    assert problem.row == 7
    assert problem.message == "In this geometry the outline crosses itself at x 1, y 1."
    assert place_of_fault(BOWTIE) == ("the outline crosses itself", (1.0, 1.0))


@pytest.mark.parametrize("count", [501, 2001])
def test_a_scribble_is_refused_at_once(count: int) -> None:
    assert [problem.code for problem in check_one(scribble(count))] == ["geometry_invalid"]


def test_a_scribble_past_the_limit_is_not_even_judged() -> None:
    assert [problem.code for problem in check_one(scribble(10_001))] == ["geometry_too_large"]
    assert [p.code for p in check_one(scribble(10_001), FILE_LIMITS)] == ["geometry_invalid"]


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_with_its_vertex(number: float) -> None:
    places = np.array([(0, 0), (1, 0), (1, number), (0, 0)])
    with np.errstate(invalid="ignore"):
        (problem,) = check_one(shapely.Polygon(places))
    assert problem.code == "coordinates_not_finite"
    assert "Vertex 3" in problem.message


def test_the_no_data_value_of_other_programs_is_refused() -> None:
    (problem,) = check_one(shapely.Point(-1.7976931348623157e308, -1.7976931348623157e308))
    assert problem.code == "coordinates_out_of_range"


def test_an_empty_and_a_flat_polygon_are_refused_and_a_missing_one_is_passed_over() -> None:
    flat = shapely.Polygon([(0, 0), (1, 1), (2, 2), (0, 0)])
    collapsed = shapely.from_wkt("MULTIPOLYGON EMPTY")
    found = check(array(None, collapsed, SQUARE, flat), [1, 2, 3, 4], WEB_LIMITS)
    assert [(one.row, one.code) for one in found] == [
        (2, "geometry_empty"),
        (4, "geometry_invalid"),
    ]


def test_the_type_must_be_one_of_those_asked_for() -> None:
    given = array(shapely.Point(1, 2), SQUARE, shapely.LineString([(0, 0), (1, 1)]))
    assert [p.row for p in check(given, [1, 2, 3], WEB_LIMITS, POLYGONS)] == [1, 3]
    assert [p.row for p in check(given, [1, 2, 3], WEB_LIMITS, POINTS)] == [2, 3]
    assert type_names(array(None, SQUARE)).tolist() == [None, "Polygon"]


def test_collections_may_not_be_nested_deep() -> None:
    inner: shapely.Geometry = shapely.Point(1, 2)
    for _ in range(4):
        inner = shapely.GeometryCollection([inner, shapely.Point(3, 4)])
    assert check_one(inner) == []
    deep = shapely.GeometryCollection([inner])
    assert [problem.code for problem in check_one(deep)] == ["geometry_too_deep"]


@pytest.mark.parametrize("levels", [5, 100_000])
def test_nested_wkb_never_reaches_the_library(levels: int) -> None:
    """At 100,000 levels GEOS would end the process."""
    built, problems = from_wkb([nested(levels), shapely.to_wkb(SQUARE)], [1, 2], WEB_LIMITS)
    assert [(one.row, one.code) for one in problems] == [(1, "geometry_broken")]
    assert built[0] is None
    assert built[1].equals(SQUARE)


@pytest.mark.parametrize(
    "value",
    [
        struct.pack("<BII", 1, 3, 2**31),
        struct.pack("<BIII", 1, 3, 1, 2**31),
        struct.pack("<BII", 1, 6, 2**31) + b"\0" * 64,
        struct.pack("<BII", 1, 7, 2**32 - 1),
        b"",
        b"\x01",
        b"\xff" * 30,
        struct.pack("<BII", 1, 8, 0),
    ],
)
def test_broken_wkb_is_a_problem(value: bytes) -> None:
    _, problems = from_wkb([value], [3], WEB_LIMITS)
    assert [(one.row, one.code) for one in problems] == [(3, "geometry_broken")]


@pytest.mark.parametrize("z", [False, True])
def test_an_unclosed_ring_is_refused_with_its_gap(z: bool) -> None:
    value = open_ring((0, 0), (3, 0), (3, 4), z=z)
    built, (problem,) = from_wkb([value], [5], WEB_LIMITS)
    assert built[0] is None
    assert problem.code == "ring_not_closed"
    assert "its last vertex, x 3, y 4, is 5 units from its first" in problem.message


@pytest.mark.parametrize("flavor", ["iso", "extended"])
@pytest.mark.parametrize("byte_order", [0, 1])
@pytest.mark.parametrize(
    "wkt",
    [
        "POINT (1 2)",
        "LINESTRING ZM (0 0 1 1, 1 1 1 1)",
        "POLYGON Z ((0 0 1, 1 0 1, 1 1 1, 0 0 1))",
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
        "GEOMETRYCOLLECTION M (POINT M (0 0 3), MULTIPOINT M ((1 1 1), (2 2 2)))",
    ],
)
def test_a_scan_agrees_with_the_library(wkt: str, byte_order: int, flavor: str) -> None:
    geometry = shapely.from_wkt(wkt)
    value = shapely.to_wkb(geometry, output_dimension=4, byte_order=byte_order, flavor=flavor)
    found = scan(value, depth=4)
    assert found.fault is None
    assert found.kind == geometry.geom_type
    assert found.vertices == shapely.get_num_coordinates(geometry)
    assert found.open_rings == ()


def test_what_is_stored_is_flat_and_a_multipolygon() -> None:
    tall = shapely.from_wkt("POLYGON Z ((0 0 9, 1 0 9, 1 1 9, 0 0 9))")
    pair = shapely.GeometryCollection([SQUARE, shapely.box(5, 5, 6, 6)])
    mixed = shapely.GeometryCollection([SQUARE, shapely.Point(1, 1)])
    stored = multipolygons(array(tall, SQUARE, None, pair, mixed, shapely.Point(1, 2, 3)))
    assert type_names(stored).tolist() == [
        "MultiPolygon",
        "MultiPolygon",
        None,
        "MultiPolygon",
        "GeometryCollection",
        "Point",
    ]
    assert not shapely.has_z(stored).any()
    assert shapely.area(stored[3]) == 5.0


def test_the_cases_of_geos_are_judged_as_their_authors_say(shared_data: Path) -> None:
    cases = json.loads((shared_data / "C_bad_inputs/geos_cases.json").read_text())
    with np.errstate(invalid="ignore"):
        geometries = shapely.from_wkt([case["wkt"] for case in cases])
    faults = {p.row: p for p in check(geometries, range(118), FILE_LIMITS)}
    judged = [index not in faults for index in range(len(cases))]
    expected = [
        case["shapely_valid"] if case["expected_valid"] is None else case["expected_valid"]
        for case in cases
    ]
    # What is valid by the rules of OGC may still be empty, and is then refused.
    empty = shapely.is_empty(geometries)
    assert [a or e for a, e in zip(judged, empty, strict=True)] == expected
    assert len(cases) == 118
    assert expected.count(False) == 60
    for fault in faults.values():
        assert "Vertex" in fault.message or " at x " in fault.message or "empty" in fault.message
