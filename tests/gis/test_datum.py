"""GCJ-02 and BD-09 against the fixtures of the libraries that everybody uses."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from gis.datum import (
    DatumRule,
    from_bd09,
    from_gcj02,
    gcj02_suspected,
    in_china,
    to_bd09,
    to_gcj02,
)

# googollee/eviltransform, python/test.py; longitude first.
EVILTRANSFORM = np.array(
    [
        [121.5272106, 31.1774276, 121.531541859215, 31.17530398364597],
        [113.912316, 22.543847, 113.9171764808363, 22.540796131694766],
        [116.377817, 39.911954, 116.38404722455657, 39.91334545536069],
    ]
)
# wandergis/coordtransform, test/app.js.
TIANANMEN = np.array([[116.404, 39.915]])
TIANANMEN_GCJ02 = np.array([[116.41024449916938, 39.91640428150164]])
GCJ02_AS_BD09 = np.array([[116.41036949371029, 39.92133699351021]])

WEIHAI = np.array([122.1, 37.4])
COMPOUND = shapely.box(122.098, 37.3985, 122.102, 37.4015)

longitudes = st.floats(74.0, 134.0)
latitudes = st.floats(18.0, 53.0)


def yards(count: int = 60) -> np.ndarray:
    """Return places in the compound, shape (count, 2)."""
    return np.random.default_rng(7).uniform((122.0985, 37.399), (122.1015, 37.401), (count, 2))


def test_gcj02_is_the_published_one() -> None:
    assert np.allclose(to_gcj02(EVILTRANSFORM[:, :2]), EVILTRANSFORM[:, 2:], rtol=0, atol=1e-12)
    assert np.allclose(to_gcj02(TIANANMEN), TIANANMEN_GCJ02, rtol=0, atol=1e-12)


def test_bd09_is_gcj02_shifted_once_more() -> None:
    place = from_gcj02(TIANANMEN)
    assert np.allclose(to_bd09(place), GCJ02_AS_BD09, rtol=0, atol=2e-9)


@given(longitudes, latitudes)
def test_the_inverse_comes_back_to_a_tenth_of_a_millimetre(x: float, y: float) -> None:
    place = np.array([[x, y]])
    assert np.abs(from_gcj02(to_gcj02(place)) - place).max() < 2e-9
    assert np.abs(from_bd09(to_bd09(place)) - place).max() < 2e-9


def test_nothing_moves_outside_china() -> None:
    abroad = np.array([[5.77, 52.1], [-123.9, 46.4]])
    assert not in_china(abroad).any()
    assert (to_gcj02(abroad) == abroad).all()
    assert (to_bd09(abroad) == abroad).all()


@pytest.mark.parametrize(("system", "shift"), [("GCJ-02", to_gcj02), ("BD-09", to_bd09)])
def test_a_shifted_layer_is_recognised_by_the_boundary(system: str, shift) -> None:  # type: ignore[no-untyped-def]
    found = gcj02_suspected(shift(yards()), COMPOUND)
    assert found is not None
    assert found.system == system
    assert found.share_before == 0.0
    assert found.share_after == 1.0
    assert found.shift_m == pytest.approx(
        np.hypot(448, 112) if system == "GCJ-02" else 1270, abs=30
    )


def test_a_layer_in_its_place_is_not_suspected() -> None:
    assert gcj02_suspected(yards(), COMPOUND) is None


def test_a_layer_of_another_town_is_not_suspected() -> None:
    assert gcj02_suspected(yards() + (0.4, -0.2), COMPOUND) is None


def test_a_layer_abroad_is_not_suspected() -> None:
    assert gcj02_suspected(yards() - WEIHAI + (5.77, 52.1), COMPOUND) is None


def test_what_stands_beside_buildings_is_recognised_by_them() -> None:
    """Rows of houses 12 m deep, 40 m apart, each with yards 4 m south of it."""
    degree_y, degree_x = 1 / 111_000, 1 / 88_400
    rows = [37.398 + 40 * n * degree_y for n in range(20)]
    houses = shapely.union_all([shapely.box(122.09, y, 122.11, y + 12 * degree_y) for y in rows])
    place = np.array(
        [[122.0 + 0.1 + 9 * n * degree_x, rows[n % 20] - 4 * degree_y] for n in range(50)]
    )
    rule = DatumRule(near_m=6.0)
    assert gcj02_suspected(place, houses, beside=True, rule=rule) is None
    found = gcj02_suspected(to_gcj02(place), houses, beside=True, rule=rule)
    assert found is not None
    assert found.system == "GCJ-02"
    assert found.share_after == 1.0
