"""What a re-survey leaves standing and what it gives back."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.area import Tolerances
from gis.residual import Residual, residual
from tests.gis.shapes import array, box

USUAL = Tolerances()
YARD = box(0, 0, 10, 6)


def compared(
    standing: list[shapely.Geometry | None], found: list[shapely.Geometry | None], rms: float = 0.05
) -> Residual:
    """Compare lists instead of arrays, both surveyed with one RMS."""
    return residual(
        array(standing), np.full(len(standing), rms), array(found), np.full(len(found), rms), USUAL
    )


def areas(result: Residual) -> tuple[list[float], list[float]]:
    """Return occupied and reclaimed areas in m2, to 0.1 mm2."""
    return result.occupied.area_m2.round(7).tolist(), result.reclaimed.area_m2.round(7).tolist()


def test_nothing_found_gives_everything_back() -> None:
    """Sigma is then that of the first survey alone."""
    result = compared([YARD, box(20, 0, 23, 8)], [])
    assert areas(result) == ([0.0, 0.0], [60.0, 24.0])
    assert result.occupied.geometry.tolist() == [None, None]
    assert result.reclaimed.geometry[0].equals(YARD)
    assert result.reclaimed.sigma_m2[1] == pytest.approx(0.302, abs=0.001)
    assert result.occupied.sigma_m2.tolist() == [0.0, 0.0]


def test_the_same_fence_gives_nothing_back() -> None:
    """All stays, with nothing to list."""
    result = compared([YARD], [box(-1, -1, 11, 7)])
    assert areas(result) == ([60.0], [0.0])
    assert result.occupied.geometry[0].equals(YARD)
    assert result.reclaimed.geometry[0] is None
    assert len(result.slivers.standing) == 0


def test_half_cleared() -> None:
    """The line of the re-survey divides; both sides carry both surveys' errors."""
    result = compared([YARD], [box(6, 0, 12, 6)])
    assert areas(result) == ([24.0], [36.0])
    assert result.occupied.geometry[0].equals(box(6, 0, 10, 6))
    assert result.reclaimed.geometry[0].equals(box(0, 0, 6, 6))
    assert result.reclaimed.sigma_m2[0] == pytest.approx(0.05 * math.sqrt(72))


def test_a_fence_measured_twice_is_not_reclaimed() -> None:
    """8 cm less than before are survey noise: they stay occupied, and are listed."""
    result = compared([YARD], [box(0.08, 0, 10, 6)])
    assert areas(result) == ([60.0], [0.0])
    assert result.slivers.is_occupied.tolist() == [False]
    assert result.slivers.area_m2.tolist() == pytest.approx([0.48])
    assert result.slivers.reason.tolist() == ["narrow"]
    assert result.occupied.geometry[0].equals(YARD)


def test_a_strip_of_noise_keeps_no_case_open() -> None:
    """A neighbour's polygon that reaches 8 cm in leaves the yard cleared."""
    result = compared([YARD], [box(-5, 0, 0.08, 6)])
    assert areas(result) == ([0.0], [60.0])
    assert result.slivers.is_occupied.tolist() == [True]
    assert result.slivers.area_m2.tolist() == pytest.approx([0.48])


def test_noise_beside_a_real_residual() -> None:
    """A shed stays, the strip of another polygon beside it does not."""
    result = compared([YARD], [box(6, 2, 9, 4), box(-5, 0, 0.08, 6)])
    assert areas(result) == ([6.0], [54.0])
    assert result.reclaimed.geometry[0].equals(YARD - box(6, 2, 9, 4))


def test_found_polygons_that_overlap_count_once() -> None:
    """Two inspectors drew the same shed."""
    result = compared([YARD], [box(0, 0, 4, 6), box(2, 0, 5, 6), box(2, 0, 5, 6)])
    assert areas(result) == ([30.0], [30.0])


def test_a_part_that_no_line_cuts_goes_whole_however_small() -> None:
    """A remnant of 4 cm x 5 m that was verified is reclaimed or stays, but is not lost."""
    remnant = box(20, 0, 20.04, 5)
    standing = shapely.MultiPolygon([YARD, remnant])
    assert areas(compared([standing], [])) == ([0.0], [60.2])
    assert areas(compared([standing], [box(19, -1, 21, 6)])) == ([0.2], [60.0])
    assert areas(compared([standing], [YARD])) == ([60.0], [0.2])


def test_each_standing_encroachment_has_its_own_answer() -> None:
    """Rows stay in place; None stands for nothing."""
    result = compared([YARD, None, box(20, 0, 23, 8)], [box(20, 0, 23, 4), None])
    assert areas(result) == ([0.0, 0.0, 12.0], [60.0, 0.0, 12.0])
    assert result.occupied.geometry[:2].tolist() == [None, None]
    assert shapely.get_type_id(result.reclaimed.geometry).tolist() == [3, -1, 3]


def test_the_worst_survey_decides_what_is_noise() -> None:
    """A re-survey by phone at half a metre cannot tell 80 cm."""
    found = array([box(0.8, 0, 10, 6), box(5, 1, 6, 2)])
    result = residual(array([YARD]), np.array([0.05]), found, np.array([0.05, 0.5]), USUAL)
    assert areas(result) == ([60.0], [0.0])
    precise = residual(array([YARD]), np.array([0.05]), found[:1], np.array([0.05]), USUAL)
    assert areas(precise) == ([55.2], [4.8])


sides = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 60), st.integers(1, 60))
rectangles = sides.map(lambda at: box(at[0], at[1], at[0] + at[2] / 10, at[1] + at[3] / 10))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.lists(rectangles, min_size=1, max_size=4),
    st.lists(rectangles, max_size=5),
    st.sampled_from([0.0, 0.05]),
)
def test_occupied_and_reclaimed_are_the_standing_ground(
    first: list[shapely.Geometry], found: list[shapely.Geometry], rms: float
) -> None:
    """They overlap nowhere, leave nothing out, and without RMS are the exact overlay."""
    standing: list[shapely.Geometry] = []
    for shape in first:
        free = shape - shapely.union_all(standing)
        standing += [part for part in [free] if shapely.get_type_id(part) in (3, 6) and part.area]
    result = compared(standing, found, rms)
    total = result.occupied.area_m2 + result.reclaimed.area_m2
    assert total.tolist() == pytest.approx(shapely.area(standing).tolist(), abs=1e-5)
    for side in (result.occupied, result.reclaimed):
        some = side.geometry[~shapely.is_missing(side.geometry)]
        assert shapely.is_valid(some).all()
        assert (shapely.area(side.geometry[side.area_m2 > 0]) > 0).all()
    pieces = np.concatenate([result.occupied.geometry, result.reclaimed.geometry])
    union = shapely.union_all(pieces)
    assert union.area == pytest.approx(np.nansum(shapely.area(pieces)), abs=1e-5)
    if rms == 0:
        under = [(shape & shapely.union_all(found)).area for shape in standing]
        assert result.occupied.area_m2.tolist() == pytest.approx(under, abs=1e-5)
