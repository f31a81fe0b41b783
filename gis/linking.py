"""Propose which ground-floor household a parcel belongs to, from where things lie.

All geometries are arrays in one survey CRS, metres. A link that the file does not
give is proposed only where one unit is clearly the nearest; whatever is in doubt is
listed for a person with the nearest and the runner-up, never guessed.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.overlay import Booleans, Floats, Geometries, Indexes

LINKED = "linked"
NO_BUILDING = "no_building"
BUILDING_IN_DOUBT = "building_in_doubt"
NO_UNIT = "no_unit"
UNIT_WITHOUT_PLACE = "unit_without_place"
UNIT_IN_DOUBT = "unit_in_doubt"
TOO_FAR = "too_far"

NOTHING = -1


@dataclass(frozen=True)
class LinkTolerances:
    """How clear a nearest thing must be; configuration.

    The nearest is clear when every other is at least ``margin_m`` further and at least
    ``ratio`` times as far. Nothing beyond ``max_distance_m`` is linked.
    """

    max_distance_m: float = 30.0
    margin_m: float = 1.0
    ratio: float = 1.2

    def clear_from(self, nearest_m: Floats) -> Floats:
        """Return the distance in m from which another leaves no doubt about the nearest."""
        clear: Floats = np.maximum(nearest_m + self.margin_m, nearest_m * self.ratio)
        return clear


@dataclass(frozen=True)
class Units:
    """U ground-floor households: ``place`` (the door's or the flat's point) and building.

    ``place`` may be ``None``. ``building`` indexes the buildings, -1 where unknown.
    """

    place: Geometries
    building: Indexes


class Links(NamedTuple):
    """What lies nearest to each of P parcels; arrays of length P.

    ``building`` is the facing building and ``nearest`` and ``runner_up`` are units of
    it, as indexes, -1 where there is none; distances in m are from the parcel's edge (0
    inside), NaN where there is nothing. ``outcome`` is ``linked`` or why a person must decide:
    only the rows of ``is_linked`` may be taken as links.
    """

    building: Indexes
    building_distance_m: Floats
    nearest: Indexes
    distance_m: Floats
    runner_up: Indexes
    runner_up_distance_m: Floats
    outcome: NDArray[np.str_]

    @property
    def is_linked(self) -> Booleans:
        """Whether one unit is clearly the parcel's."""
        linked: Booleans = self.outcome == LINKED
        return linked


def link(
    parcels: Geometries,
    facing: Indexes,
    buildings: Geometries,
    units: Units,
    tolerances: LinkTolerances,
) -> Links:
    """Find the nearest ground-floor unit of the building that each parcel faces.

    ``facing`` (P) is the index of the building where the file says so, else -1: then
    it is the nearest of those buildings (footprints) that have a ground-floor unit.

    Of the building's units the nearest to the parcel's edge is linked if it is also the
    nearest to the parcel's centre, and is clearly so by one of the two measures: from
    the edge of a garden the flats beside it are hardly further than its own, and the
    centre of a large yard may be anywhere. The only unit of a building needs no place of
    its own; where one of several has none, the nearest of the others would be a guess,
    and a person decides.
    """
    count = np.bincount(units.building[units.building != NOTHING], minlength=len(buildings))
    building, reach, doubtful = _facing(parcels, facing, buildings, count > 0, tolerances)
    known = building != NOTHING
    place = _places(units, buildings, count)
    asked, unit, edge, centre = _measured(parcels, building, place, units.building)
    clear = _is_clear(asked, edge, centre, len(parcels), tolerances)
    first = np.diff(asked, prepend=NOTHING) != 0
    second = np.roll(first, 1) & ~first
    nearest = _spread(asked[first], unit[first], len(parcels), NOTHING)
    away = _spread(asked[first], edge[first], len(parcels), np.nan)
    runner_up = _spread(asked[second], unit[second], len(parcels), NOTHING)
    further = _spread(asked[second], edge[second], len(parcels), np.nan)
    homeless = shapely.is_missing(place) & (units.building != NOTHING)
    causes = {
        NO_BUILDING: ~known,
        BUILDING_IN_DOUBT: doubtful,
        UNIT_WITHOUT_PLACE: np.isin(building, units.building[homeless]) & known,
        NO_UNIT: nearest == NOTHING,
        TOO_FAR: away > tolerances.max_distance_m,
        UNIT_IN_DOUBT: ~clear,
    }
    outcome = np.select(list(causes.values()), list(causes), LINKED)
    return Links(building, reach, nearest, away, runner_up, further, outcome)


def _facing(
    parcels: Geometries,
    facing: Indexes,
    buildings: Geometries,
    is_lived_in: Booleans,
    tolerances: LinkTolerances,
) -> tuple[Indexes, Floats, Booleans]:
    """Return each parcel's building, its distance in m, and whether another is as near."""
    building = np.array(facing, dtype=np.int64)
    open_rows = np.flatnonzero(building == NOTHING)
    homes = np.flatnonzero(is_lived_in)
    tree = shapely.STRtree(buildings[homes])
    (asked, found), away = tree.query_nearest(
        parcels[open_rows],
        max_distance=tolerances.max_distance_m,
        return_distance=True,
        all_matches=False,
    )
    near = open_rows[asked]
    building[near] = homes[found]
    rivals, _ = tree.query(parcels[near], predicate="dwithin", distance=tolerances.clear_from(away))
    doubtful = np.zeros(len(parcels), dtype=bool)
    doubtful[near] = np.bincount(rivals, minlength=len(near)) > 1
    known = building != NOTHING
    distance = np.full(len(parcels), np.nan)
    distance[known] = shapely.distance(parcels[known], buildings[building[known]])
    return building, distance, doubtful


def _places(units: Units, buildings: Geometries, count: Indexes) -> Geometries:
    """Return where each unit is; the only one of a building is where the building is."""
    place = units.place.copy()
    homeless = np.flatnonzero(shapely.is_missing(place) & (units.building != NOTHING))
    only = homeless[count[units.building[homeless]] == 1]
    place[only] = buildings[units.building[only]]
    return place


def _measured(
    parcels: Geometries, building: Indexes, place: Geometries, home: Indexes
) -> tuple[Indexes, Indexes, Floats, Floats]:
    """Return parcel, unit, and the distances from its edge and centre, the nearest first.

    An STRtree finds one nearest thing among all; the runner-up is wanted among the
    few units of one building, so all of those are measured. Parcels ascend.
    """
    parcel, unit = _candidates(building, place, home)
    edge = shapely.distance(parcels[parcel], place[unit])
    centre = shapely.distance(shapely.centroid(parcels)[parcel], place[unit])
    order = np.lexsort((unit, centre, edge, parcel))
    return parcel[order], unit[order], edge[order], centre[order]


def _is_clear(
    parcel: Indexes, edge: Floats, centre: Floats, count: int, tolerances: LinkTolerances
) -> Booleans:
    """Whether each parcel's first candidate is clearly the nearest, as ``link`` says."""
    first = np.diff(parcel, prepend=NOTHING) != 0
    clear, agreed = np.zeros(count, dtype=bool), np.ones(count, dtype=bool)
    for distance in (edge, centre):
        nearest, others = np.full(count, np.nan), np.full(count, np.inf)
        nearest[parcel[first]] = distance[first]
        np.minimum.at(others, parcel[~first], distance[~first])
        clear |= others >= tolerances.clear_from(nearest)
        agreed &= others >= nearest
    return clear & agreed


def _spread(index: Indexes, values: NDArray[Any], count: int, fill: float) -> NDArray[Any]:
    """Return ``count`` values, those given at ``index`` and ``fill`` elsewhere."""
    spread = np.full(count, fill, dtype=values.dtype)
    spread[index] = values
    return spread


def _candidates(building: Indexes, place: Geometries, home: Indexes) -> tuple[Indexes, Indexes]:
    """Return every pair of a parcel and a placed unit of its building, parcels ascending."""
    placed = np.flatnonzero(~shapely.is_missing(place) & (home != NOTHING))
    placed = placed[np.argsort(home[placed], kind="stable")]
    starts = np.searchsorted(home[placed], building, side="left")
    sizes = np.searchsorted(home[placed], building, side="right") - starts
    parcel = np.repeat(np.arange(len(building)), sizes)
    before = np.repeat(np.cumsum(sizes) - sizes, sizes)
    return parcel, placed[np.repeat(starts, sizes) + np.arange(len(parcel)) - before]
