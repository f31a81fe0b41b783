"""Overlay results are firm: GEOS's clearance says so, whichever way it was found."""

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gis.precision import GRID_M, _surely_clear, firm

X, Y = 400_000.0, 4_130_000.0

corners = st.integers(0, 4)
crumbs = st.sampled_from([0.0, 1e-9, 1e-7, 3e-7, 1e-6, 3e-6, 1e-5])
places = st.tuples(corners, corners, crumbs, crumbs)


@given(st.lists(places, min_size=3, max_size=9))
def test_what_is_called_clear_has_a_clearance(ring: list[tuple[int, int, float, float]]) -> None:
    area = shapely.Polygon([(X + x + dx, Y + y + dy) for x, y, dx, dy in ring])
    areas = np.array([area], dtype=object)
    if area.is_valid and area.area > 0 and _surely_clear(areas, 2 * GRID_M)[0]:
        assert shapely.minimum_clearance(area) >= GRID_M


def test_open_ground_is_clear_without_asking_geos() -> None:
    yard = shapely.Polygon([(X, Y), (X + 7, Y), (X + 7, Y + 5), (X + 3, Y + 6), (X, Y + 5)])
    assert _surely_clear(np.array([yard], dtype=object), 2 * GRID_M).all()


def test_a_hair_goes_and_holes_parts_and_nothing_stay() -> None:
    # A spike of a tenth of a nanometre's width on a square.
    ring = [(X, Y), (X + 4, Y), (X + 4, Y + 2), (X + 9, Y + 2 + 1e-9), (X + 4, Y + 2 + 2e-9)]
    hairy = shapely.Polygon([*ring, (X + 4, Y + 4), (X, Y + 4)])
    holed = shapely.Polygon(
        shapely.box(X, Y, X + 4, Y + 4).exterior, [shapely.box(X + 1, Y + 1, X + 2, Y + 2).exterior]
    )
    apart = shapely.union_all(
        [shapely.box(X, Y, X + 1, Y + 1), shapely.box(X + 3, Y, X + 4, Y + 1)]
    )
    given_areas = np.array([hairy, holed, apart, None], dtype=object)
    firmed = firm(given_areas)
    assert firmed[0].bounds[2] < X + 5
    assert shapely.minimum_clearance(firmed[:3]).min() >= GRID_M / 2
    assert shapely.equals(firmed[1:3], given_areas[1:3]).all()
    assert firmed[3] is None
