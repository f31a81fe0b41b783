"""Areas, their uncertainty and the sliver rule of DOMAIN 13."""

from decimal import Decimal

import numpy as np
import pytest
import shapely

from gis.area import (
    Tolerances,
    area_m2,
    combined_rms,
    judge,
    round_m2,
    sigma_m2,
    width_m,
)
from gis.overlay import collect_parts, polygon_parts, to_multipolygons

YARD = shapely.box(427_000, 4_140_000, 427_003, 4_140_008)
HOLED = shapely.Polygon(
    [(0, 0), (30, 0), (32, 20), (0, 20)], [[(5, 5), (9, 5), (9, 11)], [(20, 8), (24, 9), (22, 14)]]
)


def array(*geometries: shapely.Geometry | None) -> np.ndarray:
    """Return an object array, which numpy would else take apart."""
    made = np.empty(len(geometries), dtype=object)
    made[:] = geometries
    return made


def test_three_by_eight_metres_at_five_centimetres() -> None:
    """DOMAIN 13: sigma is 0.30 m2, reported as 2 sigma = 0.60 m2."""
    sigma = sigma_m2(array(YARD), 0.05)[0]
    assert round(sigma, 2) == 0.30
    assert round(2 * sigma, 2) == 0.60


@pytest.mark.parametrize(
    "shape",
    [
        YARD,
        HOLED,
        shapely.MultiPolygon([YARD, shapely.box(427_010, 4_140_000, 427_012, 4_140_001)]),
    ],
    ids=["yard", "holes", "two parts"],
)
def test_sigma_agrees_with_random_displacement(shape: shapely.Geometry) -> None:
    """Displacing every vertex by the RMS spreads the area as the formula says."""
    rms, draws = 0.05, 20_000
    noise = np.random.default_rng(20_220_301)
    spread = np.zeros(draws)
    for part in shapely.get_parts(shape):
        for ring in shapely.get_rings(part):
            sign = 1 if ring.equals(part.exterior) else -1
            start = shapely.get_coordinates(ring)[:-1]
            start = start - start.mean(axis=0)
            moved = start + noise.normal(0, rms / np.sqrt(2), (draws, *start.shape))
            x, y = moved[..., 0], moved[..., 1]
            signed = (x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(axis=1) / 2
            spread += sign * np.abs(signed)
    assert sigma_m2(array(shape), rms)[0] == pytest.approx(spread.std(), rel=0.02)


def test_sigma_of_many_is_sigma_of_each() -> None:
    """Nothing leaks from one geometry of an array into the next."""
    shapes = array(YARD, None, HOLED, shapely.Polygon(), shapely.MultiPolygon([HOLED, YARD]))
    rms = np.array([0.05, 0.05, 0.1, 0.05, 0.075])
    alone = [sigma_m2(array(shape), one)[0] for shape, one in zip(shapes, rms, strict=True)]
    assert sigma_m2(shapes, rms).tolist() == alone
    assert alone[1] == 0
    assert alone[3] == 0


def test_parts_add_their_variances() -> None:
    """A MultiPolygon's variance is the sum of its parts' variances."""
    there = shapely.box(0, 0, 6, 6)
    both = sigma_m2(array(shapely.MultiPolygon([YARD, there])), 0.05)[0]
    assert both == pytest.approx(np.hypot(*sigma_m2(array(YARD, there), 0.05)))


def test_combined_rms_of_two_surveys() -> None:
    """5 cm and 12 cm make 13 cm."""
    assert combined_rms([0.05], 0.12).tolist() == pytest.approx([0.13])


def test_area_and_width_of_nothing_are_zero() -> None:
    """Neither None nor a line has an area."""
    shapes = array(None, shapely.Polygon(), shapely.LineString([(0, 0), (1, 1)]), YARD)
    assert area_m2(shapes).tolist() == pytest.approx([0, 0, 0, 24])
    assert width_m(shapes).tolist() == pytest.approx([0, 0, 0, 48 / 22])


def test_strip_narrower_than_the_rule_is_a_sliver() -> None:
    """20 m long at 7.07 cm combined RMS: 14 cm wide is dropped, 15 cm is kept."""
    rms = combined_rms(0.05, 0.05)
    tolerances = Tolerances(sigma_factor=0)
    widths = np.array([0.14, 0.15])
    judged = judge(shapely.box(0, 0, 20, widths), rms, tolerances)
    assert judged.width_m.tolist() == pytest.approx([0.13903, 0.14889], abs=1e-5)
    assert judged.is_narrow.tolist() == [True, False]
    assert judged.is_sliver.tolist() == [True, False]


def test_area_under_two_sigma_is_a_sliver() -> None:
    """A square of side s has sigma s*m: it is small when s is under twice m."""
    sides = np.array([0.19, 0.21])
    judged = judge(shapely.box(0, 0, sides, sides), 0.1, Tolerances(width_factor=0))
    assert judged.sigma_m2.tolist() == pytest.approx((sides * 0.1).tolist())
    assert judged.is_small.tolist() == [True, False]
    assert judged.is_sliver.tolist() == [True, False]


def test_factors_are_configuration() -> None:
    """With both factors zero only the rounding of coordinates is dropped."""
    strips = array(shapely.box(0, 0, 20, 0.01), shapely.box(0, 0, 20, 1e-7))
    judged = judge(strips, 0.05, Tolerances(width_factor=0, sigma_factor=0))
    assert judged.is_sliver.tolist() == [False, True]
    assert judged.is_noise.tolist() == [False, True]
    assert judge(strips, 0.0, Tolerances()).is_sliver.tolist() == [False, True]


def test_polygons_are_taken_out_of_what_an_intersection_leaves() -> None:
    """Lines and points where areas touch are no area."""
    mixed = shapely.GeometryCollection(
        [
            shapely.Point(0, 0),
            YARD,
            shapely.MultiPolygon([HOLED]),
            shapely.LineString([(0, 0), (1, 1)]),
        ]
    )
    shapes = array(mixed, None, shapely.Point(1, 1), shapely.MultiPolygon([YARD, HOLED]))
    parts, index = polygon_parts(shapes)
    assert index.tolist() == [0, 0, 3, 3]
    assert [part.equals(one) for part, one in zip(parts, [YARD, HOLED] * 2, strict=True)] == [
        True
    ] * 4


def test_parts_are_put_together_again() -> None:
    """One part stays a Polygon, two make a MultiPolygon, none leaves None."""
    far = shapely.box(100, 100, 101, 101)
    parts = array(YARD, HOLED, far)
    made = collect_parts(parts, np.array([1, 3, 3]), 4)
    assert made[0] is None
    assert made[2] is None
    assert made[1].equals_exact(YARD)
    assert made[3].equals_exact(shapely.MultiPolygon([HOLED, far]))


def test_every_polygon_becomes_a_multipolygon() -> None:
    """Storage holds MultiPolygons; None and MultiPolygons stay."""
    shapes = array(YARD, None, shapely.MultiPolygon([HOLED]))
    forced = to_multipolygons(shapes)
    assert shapely.get_type_id(forced).tolist() == [6, -1, 6]
    assert shapely.area(forced)[[0, 2]].tolist() == shapely.area(shapes)[[0, 2]].tolist()
    assert shapes[0] is YARD


@pytest.mark.parametrize(
    ("areas", "rounded"),
    [
        (198.785, "198.79"),
        ([0.004, 0.004], "0.01"),
        ([0.1] * 10, "1.00"),
        ([0.125], "0.13"),
        ([-0.125], "-0.13"),
        ([-0.001], "0.00"),
        ([], "0.00"),
        (12, "12.00"),
    ],
)
def test_rounded_once_after_summing_halves_away_from_zero(
    areas: float | list[float], rounded: str
) -> None:
    """Two strips of 0.004 m2 are 0.01 m2, not nothing."""
    assert round_m2(areas) == Decimal(rounded)
    assert str(round_m2(areas)) == rounded
