"""The wall strip: the quick way in front of a facade equals taking the strip away."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.area import area_m2
from gis.overlay import fold
from gis.walls import outside_strip_m2
from tests.gis.shapes import array, box

SLAB = box(0, 0, 40, 12)
RECESSED = shapely.union_all([box(0, 0, 40, 6), box(0, 6, 10, 12), box(20, 6, 40, 12)])
WALLS = {
    "slab": array([SLAB]),
    "recessed": array([RECESSED]),
    "with a court": array([shapely.difference(SLAB, box(15, 3, 25, 9))]),
    "in two parts": array([shapely.MultiPolygon([box(0, 0, 18, 12), box(22, 0, 40, 12)])]),
    "two side by side": array([box(0, 0, 18, 12), box(21, 2, 40, 12)]),
    "turned": array([shapely.affinity.rotate(SLAB, 7, origin="center")]),
}


def without_strips(grounds: np.ndarray, walls: np.ndarray, strip_m: float) -> np.ndarray:
    """Measure by set operations alone."""
    strips = shapely.buffer(walls, strip_m, quad_segs=32)
    at, by = shapely.STRtree(strips).query(grounds)
    return area_m2(fold(shapely.difference, grounds, strips, at, by))


@st.composite
def yards(draw: st.DrawFn) -> shapely.Polygon:
    """A crooked yard somewhere about the buildings, 3 to 6 m wide."""
    west, south = draw(st.floats(-8, 42)), draw(st.floats(-8, 16))
    places = np.linspace(0, draw(st.floats(3, 6)), 4)
    tops = np.array(draw(st.lists(st.floats(0.5, 6), min_size=4, max_size=4)))
    outer = np.column_stack([places, tops])[::-1]
    ring = np.concatenate([[[0.0, 0.0], [places[-1], 0.0]], outer]) + [west, south]
    corner = shapely.get_coordinates(box(0, 0, 1, 1)).min(axis=0)
    return shapely.Polygon(ring + corner)


@pytest.mark.parametrize("name", WALLS)
@settings(deadline=None, max_examples=60)
@given(grounds=st.lists(yards(), min_size=1, max_size=12))
def test_a_yard_loses_what_lies_within_the_strip(name: str, grounds: list[shapely.Polygon]) -> None:
    given_grounds, walls = array(grounds), WALLS[name]
    found = outside_strip_m2(given_grounds, walls, 1.0)
    assert found == pytest.approx(without_strips(given_grounds, walls, 1.0), abs=1e-6)


@pytest.mark.parametrize(
    ("ground", "expected"),
    [
        (box(5, 12, 11, 17), 24.0),
        (box(5, 11.5, 11, 17), 24.0),
        (box(5, 13, 11, 17), 24.0),
        (box(5, 14, 11, 17), 18.0),
        (box(5, 12.2, 11, 12.9), 0.0),
        (shapely.difference(box(5, 12, 11, 17), box(7, 12.5, 9, 15)), 20.0),
        (shapely.MultiPolygon([box(5, 12, 6, 14), box(8, 12, 9, 15)]), 3.0),
    ],
    ids=["at the wall", "into it", "at the strip", "beyond", "within", "holed", "in parts"],
)
def test_known_yards_before_a_slab(ground: shapely.Geometry, expected: float) -> None:
    assert outside_strip_m2(array([ground]), array([SLAB]), 1.0) == pytest.approx([expected])


def test_a_recess_is_not_taken_for_wall() -> None:
    in_recess = box(13, 11, 17, 16)
    assert outside_strip_m2(array([in_recess]), array([RECESSED]), 1.0) == pytest.approx([20.0])


def test_no_ground_and_no_wall_near_are_fine() -> None:
    assert len(outside_strip_m2(array([]), array([SLAB]), 1.0)) == 0
    assert outside_strip_m2(array([box(90, 0, 92, 2)]), array([SLAB]), 1.0) == pytest.approx([4])
