"""Batch flagging without a database, against the least that any overlay must do."""

import numpy as np
import shapely

from gis.area import Tolerances
from gis.encroachment import Accusation, Observations, Parcels, flag
from tests.benchmarks.city import RMS_M, City
from tests.benchmarks.timing import Comparison, Row, by_turns, take_turns

GOAL = 1.5


def compare_overlay(city: City, label: str, turns: int) -> list[Row]:
    """Compare :func:`gis.encroachment.flag` with STRtree, intersection and area alone.

    The same arrays; ours also judges slivers, shares ground out and computes
    uncertainties, in the second line the wall strip too.
    """
    observations, parcels = layers_of(city)

    def ours() -> None:
        flag(observations, parcels, Tolerances())

    def with_walls() -> None:
        flag(observations, parcels, Tolerances(), walls=city.buildings.geometry)

    def theirs() -> None:
        pair_areas(city)

    plain = Comparison("overlay, no database : STRtree + intersection + area", label, GOAL)
    walled = Comparison("the same with the wall strip", label)
    return [
        by_turns(take_turns(plain, ours, theirs, turns)),
        by_turns(take_turns(walled, with_walls, theirs, max(1, turns // 3))),
    ]


def layers_of(city: City) -> tuple[Observations, Parcels]:
    """Return the city as flagging takes it: all public green of known title."""
    seen, ground = city.observations.geometry, city.parcels.geometry
    return (
        Observations(seen, np.full(len(seen), RMS_M), np.arange(len(seen))),
        Parcels(
            ground,
            np.full(len(ground), RMS_M),
            np.arange(len(ground)),
            np.full(len(ground), int(Accusation.COMMON)),
        ),
    )


def pair_areas(city: City) -> np.ndarray:
    """Return the area in m2 that each observation has in common with each parcel it meets."""
    tree = shapely.STRtree(city.parcels.geometry)
    seen, ground = tree.query(city.observations.geometry, predicate="intersects")
    common = shapely.intersection(city.observations.geometry[seen], city.parcels.geometry[ground])
    areas: np.ndarray = shapely.area(common)
    return areas
