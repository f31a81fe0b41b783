"""Survey CRS: what is accepted, which way the axes run, and that a round trip changes nothing."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from gis.crs import SurveyCRS, pipeline, project
from gis.problems import InputError

WEIHAI = np.array([shapely.Point(122.2, 37.4)], dtype=object)


def test_x_is_east_and_y_north_in_weihai() -> None:
    """EPSG:4550 says north first; in memory the easting comes first."""
    x, y = shapely.get_coordinates(SurveyCRS(4550).to_survey(WEIHAI))[0]
    assert 425_000 < x < 430_000
    assert 4_100_000 < y < 4_200_000


def test_prefixed_zone_differs_by_its_prefix_alone() -> None:
    """EPSG:4529 is EPSG:4550 with 41 000 000 added to each easting."""
    plain = shapely.get_coordinates(SurveyCRS(4550).to_survey(WEIHAI))
    prefixed = shapely.get_coordinates(SurveyCRS(4529).to_survey(WEIHAI))
    assert np.allclose(prefixed - plain, [[41_000_000, 0]], atol=1e-6)


@pytest.mark.parametrize(
    ("srid", "meridian", "width", "zone", "prefixed"),
    [
        (4550, 123.0, 3, 41, False),
        (4529, 123.0, 3, 41, True),
        (4549, 120.0, 3, 40, False),
        (4508, 111.0, 6, 19, False),
        (32628, -15.0, 6, 28, False),
        (31467, 9.0, 3, 3, True),
        (28992, None, None, None, False),
        (2056, None, None, None, False),
    ],
)
def test_zone_facts(
    srid: int, meridian: float | None, width: int | None, zone: int | None, prefixed: bool
) -> None:
    """The gate tells a wrong zone by these facts."""
    crs = SurveyCRS(srid)
    facts = (crs.central_meridian, crs.zone_width, crs.zone, crs.is_prefixed)
    assert facts == (meridian, width, zone, prefixed)


def test_area_of_use_and_extent_hold_weihai_but_not_shanghai() -> None:
    """The area of use is known in degrees and in metres."""
    crs = SurveyCRS(4550)
    assert crs.contains(122.2, 37.4)
    assert not crs.contains(121.4, 31.3)
    assert crs.extent is not None
    west, south, east, north = crs.extent
    x, y = shapely.get_coordinates(crs.to_survey(WEIHAI))[0]
    assert west < x < east
    assert south < y < north


def test_areal_scale_is_the_one_of_the_rules() -> None:
    """DOMAIN: zone 41 adds 0.12 m2 per 1,000 m2 at Weihai, zone 40 adds 0.93."""
    assert round((SurveyCRS(4550).areal_scale(122.2, 37.4) - 1) * 1000, 2) == 0.12
    assert round((SurveyCRS(4549).areal_scale(122.2, 37.4) - 1) * 1000, 2) == 0.93


@pytest.mark.parametrize(
    ("srid", "code"),
    [
        (4326, "crs_not_projected"),
        (4490, "crs_not_projected"),
        (3857, "crs_mercator"),
        (2927, "crs_not_metres"),
        (2048, "crs_axes"),
        (7415, "crs_axes"),
        (99, "crs_unknown"),
    ],
)
def test_refuses_what_gives_no_square_metres(srid: int, code: str) -> None:
    """Each refusal names the code and the remedy."""
    with pytest.raises(InputError) as refused:
        SurveyCRS(srid)
    assert code in [problem.code for problem in refused.value.problems]
    assert "EPSG:4550" in str(refused.value)


@pytest.mark.parametrize(
    ("srid", "longitude", "latitude"),
    [(4550, 122.2, 37.4), (28992, 5.77, 52.1), (2056, 7.55, 47.25), (32628, -16.4, 28.5)],
)
def test_round_trip_through_storage_is_exact(srid: int, longitude: float, latitude: float) -> None:
    """Coordinates come back within a tenth of a micrometre, so areas are those of the file."""
    crs = SurveyCRS(srid)
    spread = np.random.default_rng(1).random((500, 2)) * 0.1
    there = crs.to_survey(shapely.points(np.add(spread, [longitude, latitude])))
    back = crs.to_survey(crs.to_storage(there))
    moved = np.abs(shapely.get_coordinates(there) - shapely.get_coordinates(back))
    assert moved.max() < 1e-7


def test_nothing_and_empty_stay_and_height_is_dropped() -> None:
    """A row without geometry keeps its place in the array."""
    given = np.array([None, shapely.Polygon(), shapely.Point(122.2, 37.4, 9.0)], dtype=object)
    moved = SurveyCRS(4550).to_survey(given)
    assert moved[0] is None
    assert moved[1].is_empty
    assert not shapely.has_z(moved[2])
    assert project(given, 4326, 4326)[2].equals(WEIHAI[0])


def test_rows_without_a_place_are_all_named() -> None:
    """Swapped or infinite coordinates are refused by row, counted from 1."""
    given = np.array([shapely.Point(1, 95), WEIHAI[0], shapely.Point(np.inf, 1)], dtype=object)
    with pytest.raises(InputError) as refused:
        SurveyCRS(4550).to_survey(given)
    assert [(one.code, one.row) for one in refused.value.problems] == [
        ("crs_outside", 1),
        ("crs_outside", 3),
    ]


def test_pipeline_is_kept_as_text() -> None:
    """The operation can be written down beside the file and means the same later."""
    text = SurveyCRS(4550).pipeline
    assert "inv proj=tmerc" in text
    assert "lon_0=123" in text
    written = Transformer.from_pipeline(pipeline(28992))
    by_ours = shapely.get_coordinates(project(shapely.points([[181400.0, 455000.0]]), 28992, 4326))
    assert np.array_equal(by_ours[0], written.transform(181400.0, 455000.0))


def test_between_two_files_the_way_leads_through_storage() -> None:
    """EPSG:4529 to EPSG:4550 takes off the prefix and nothing else."""
    prefixed = shapely.points([[41427000.0, 4140000.0]])
    x, y = shapely.get_coordinates(project(prefixed, 4529, 4550))[0]
    assert (x, y) == pytest.approx((427000.0, 4140000.0), abs=1e-6)


def test_threads_share_a_crs() -> None:
    """Many threads get what one thread gets."""
    crs = SurveyCRS(4550)
    points = shapely.points(np.add(np.random.default_rng(2).random((2000, 2)), [122, 37]))
    expected = shapely.get_coordinates(crs.to_survey(points))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: crs.to_survey(points), range(32)))
    assert all(np.array_equal(shapely.get_coordinates(one), expected) for one in answers)
