"""Flagging agrees with Clipper, an engine that shares nothing with GEOS.

The golden answers are made while the test runs, by ``clipper_engine``: a compound of
slanted yards with enclosures of every kind, drawn from a fixed seed to the millimetre.
"""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import shapely

from gis.area import Tolerances
from gis.encroachment import flag
from tests.gis import clipper_engine
from tests.gis.shapes import EAST, NORTH, areas, array, ground, observed

CORNER = (EAST, NORTH)
SLANT = math.radians(17.0)


@dataclass(frozen=True)
class Compound:
    """Four rows of houses with yards, and what was seen on them."""

    parcels: list[shapely.Geometry]
    observations: list[shapely.Geometry]
    houses: list[shapely.Geometry]


@pytest.fixture(scope="module", params=[1, 2, 3])
def compound(request: pytest.FixtureRequest) -> Compound:
    """Draw 40 yards and about 40 enclosures from a seed."""
    random = np.random.default_rng(request.param)
    yards: list[shapely.Geometry] = []
    houses: list[shapely.Geometry] = []
    seen: list[shapely.Geometry] = []
    for row in range(4):
        houses.append(_slanted(0, 20 * row + 6, 80, 20 * row + 16))
        for column in range(10):
            west, south = 8 * column, 20 * row
            nudge = random.uniform(-0.1, 0.1, 2)
            yards.append(_slanted(west + nudge[0], south, west + 8 + nudge[1], south + 6))
            seen.extend(_enclosures(random, west, south))
    return Compound(yards, seen, houses)


def _enclosures(random: np.random.Generator, west: float, south: float) -> list[shapely.Geometry]:
    """Return what was seen about one yard: often one enclosure, sometimes two or none."""
    made: list[shapely.Geometry] = []
    for _ in range(random.choice([0, 1, 1, 1, 2])):
        left, low = west + random.uniform(-1, 3), south + random.uniform(-1, 2)
        wide, deep = random.uniform(2, 9), random.uniform(2, 6)
        kind = random.choice(["box", "ring", "star", "strip"])
        if kind == "ring":
            outer = _slanted(left, low, left + wide, low + deep)
            made.append(outer - _slanted(left + 0.6, low + 0.6, left + 1.4, low + 1.4))
        elif kind == "star":
            made.append(_star(random, left + wide / 2, low + deep / 2))
        else:
            thin = random.uniform(0.05, 0.3) if kind == "strip" else wide
            made.append(_slanted(left, low, left + thin, low + deep))
    return made


def _slanted(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """Return a box turned by 17 degrees about the compound's corner, to the millimetre."""
    corners = np.array([[west, south], [east, south], [east, north], [west, north]])
    turn = np.array([[math.cos(SLANT), math.sin(SLANT)], [-math.sin(SLANT), math.cos(SLANT)]])
    return shapely.Polygon((corners @ turn).round(3) + np.array(CORNER))


def _star(random: np.random.Generator, east: float, north: float) -> shapely.Polygon:
    angle = np.arange(9) * 2 * math.pi / 9
    reach = random.uniform(1, 4, 9)[:, None]
    turn = np.array([[math.cos(SLANT), math.sin(SLANT)], [-math.sin(SLANT), math.cos(SLANT)]])
    ring = np.array([east, north]) + reach * np.column_stack([np.cos(angle), np.sin(angle)])
    return shapely.Polygon((ring @ turn).round(3) + np.array(CORNER))


def test_every_area_is_clippers(compound: Compound) -> None:
    """Each observation on each parcel, shared ground once, slivers dropped, to a square cm."""
    seen, yards = (
        [clipper_engine.to_paths(shape, CORNER) for shape in layer]
        for layer in (compound.observations, compound.parcels)
    )
    taken = clipper_engine.flagged(seen, yards, math.hypot(0.05, 0.075))
    golden = {pair: clipper_engine.area(rings) for pair, rings in taken.items()}
    found, listed = flag(
        observed(compound.observations, rms=0.05), ground(compound.parcels, rms=0.075), Tolerances()
    )
    assert len(golden) > 30
    assert len(listed) > 5
    assert areas(found) == {pair: pytest.approx(area, abs=1e-4) for pair, area in golden.items()}
    union = clipper_engine.area(clipper_engine.union(taken.values()))
    assert found.occupied_m2.sum() == pytest.approx(union, abs=1e-3)


def test_every_wall_strip_is_clippers(compound: Compound) -> None:
    """Countable green, offset and clipped by the other engine, to 0.002 m2 apiece."""
    found, _ = flag(
        observed(compound.observations),
        ground(compound.parcels),
        Tolerances(),
        walls=array(compound.houses),
    )
    walls = [clipper_engine.to_paths(house, CORNER) for house in compound.houses]
    golden = [
        clipper_engine.area(
            clipper_engine.outside_strip(clipper_engine.to_paths(shape, CORNER), walls, 1.0)
        )
        for shape in found.geometry
    ]
    assert found.countable_m2.tolist() == pytest.approx(golden, abs=2e-3)
    assert found.countable_m2.sum() < 0.95 * found.occupied_m2.sum()
