"""The site plan of an invented compound: 75 buildings, 3,600 flats, 441 on the ground.

Metres in the local frame of ``cases.demo.streets``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cases.demo.buildings import Building, build_row
from cases.demo.streets import (
    JOINT,
    LANE_WIDTH,
    ROAD_WIDTH,
    VERGE,
    FloatArray,
    IntArray,
    Row,
    Streets,
    character,
    rows_of,
    streets,
)

BUILDINGS, HOUSEHOLDS, GROUND_FLOOR = 75, 3600, 441
BAY_DEPTH, FOOTPATH = 5.0, 1.5


@dataclass
class SitePlan:
    """A whole compound in its local frame."""

    streets: Streets
    rows: list[Row]
    buildings: list[Building]
    plots: dict[str, tuple[Row, float, float]]
    lanes: list[BaseGeometry]
    footpaths: list[BaseGeometry]
    parking: list[BaseGeometry]


def apportion(total: int, weights: FloatArray, low: IntArray, high: IntArray) -> IntArray:
    """Share ``total`` whole things out in proportion to ``weights``, within bounds.

    One at a time to whoever is furthest below the exact share; raises
    ValueError where the bounds leave no solution.
    """
    given = low.copy()
    exact = total * weights / weights.sum()
    if not low.sum() <= total <= high.sum():
        raise ValueError(f"{total} cannot be shared out between {low.sum()} and {high.sum()}")
    for _ in range(total - int(low.sum())):
        want = np.where(given < high, exact - given, -np.inf)
        given[int(np.argmax(want))] += 1
    return given


def subset_with_sum(values: Sequence[int], total: int) -> list[int] | None:
    """Return indices of ``values`` that add up to ``total``, early ones first, or None."""
    reached: dict[int, list[int]] = {0: []}
    for index, value in enumerate(values):
        for subtotal, chosen in list(reached.items()):
            if subtotal + value <= total and subtotal + value not in reached:
                reached[subtotal + value] = [*chosen, index]
    return reached.get(total)


def storeys(kinds: Sequence[str], ground: Sequence[int]) -> list[int]:
    """Choose each building's floors so that the flats add up to HOUSEHOLDS exactly.

    Slabs have 6 floors, mid-rises 11 to 15, towers 15 to 18, or to 25 where that
    is not enough. The lowest such heights that exceed the total by at least 24
    are taken, and slabs lose their sixth floor until it is met. Raises ValueError
    where no choice does.
    """
    low = [index for index, kind in enumerate(kinds) if kind == "low"]
    options = sorted(product(range(11, 16), range(15, 26)), key=lambda pair: pair[1] > 18)
    for mid, tower in options:
        heights = {"tower": tower, "mid": mid, "low": 6}
        floors = [heights[kind] for kind in kinds]
        excess = sum(f * g for f, g in zip(floors, ground, strict=True)) - HOUSEHOLDS
        lowered = subset_with_sum([ground[index] for index in low], excess)
        if excess >= 24 and lowered is not None:
            for index in lowered:
                floors[low[index]] = 5
            return floors
    raise ValueError(f"no choice of floors gives {HOUSEHOLDS} households")


def share_out(rows: list[Row]) -> None:
    """Give each row its buildings and ground-floor flats; both totals are exact.

    Towers and mid-rises take the room there is; slabs are the rest.
    """
    slots = {"tower": 42.0, "mid": 60.0, "low": 50.0}
    widths = np.array([row.end - row.start for row in rows])
    kinds = np.array([row.kind for row in rows])
    room = np.maximum(widths // np.array([slots[row.kind] for row in rows]), 1).astype(np.int64)
    built = np.where(kinds == "low", 0, room)
    low = kinds == "low"
    built[low] = apportion(
        BUILDINGS - int(built.sum()), widths[low], np.minimum(room[low], 1), room[low]
    )
    slab = kinds != "tower"
    net = widths[slab] - 13.0 * built[slab]
    flats = np.where(slab, 0, 4 * built)
    flats[slab] = apportion(GROUND_FLOOR - int(flats.sum()), net, 4 * built[slab], 8 * built[slab])
    for row, buildings, ground in zip(rows, built.tolist(), flats.tolist(), strict=True):
        row.buildings, row.ground = buildings, ground


def site_plan(number: int, rng: np.random.Generator) -> SitePlan:
    """Draw compound ``number``: exactly 75 buildings, 3,600 flats, 441 on the ground."""
    traits = character(number, rng)
    laid = streets(traits)
    rows = rows_of(traits, laid, rng)
    plots = _amenities(rows)
    share_out(rows)
    rows.sort(key=lambda row: (row.frame.y, row.frame.x))
    ground = [_by_building(row, rng) for row in rows]
    kinds = [row.kind for row in rows for _ in range(row.buildings)]
    floors = iter(storeys(kinds, [flats for share in ground for flats in share]))
    buildings = [
        building
        for row, share in zip(rows, ground, strict=True)
        for building in build_row(row, [next(floors) for _ in share], share, rng)
    ]
    lanes: list[BaseGeometry] = []
    footpaths: list[BaseGeometry] = []
    parking: list[BaseGeometry] = []
    for row in rows:
        own = [building for building in buildings if building.row is row]
        cell = shapely.transform(laid.sectors[row.sector], row.frame.fetch)
        roads = shapely.transform(laid.roads, row.frame.fetch).buffer(JOINT)
        lanes.append(_local(row, _lane(row, own, cell, roads)))
        footpaths.append(_local(row, _footpath(row, own, roads)))
        parking.extend(_local(row, bay) for bay in _bays(row, own, cell, rng))
    return SitePlan(laid, rows, buildings, plots, lanes, footpaths, parking)


def _local(row: Row, geometry: BaseGeometry) -> BaseGeometry:
    return shapely.transform(geometry, row.frame.place)


def _by_building(row: Row, rng: np.random.Generator) -> list[int]:
    """Share a row's ground-floor flats among its buildings, 4 to 8 each."""
    if row.kind == "tower":
        return [4] * row.buildings
    shares = np.full(row.buildings, row.ground // row.buildings)
    shares[: row.ground % row.buildings] += 1
    for giver, taker in rng.integers(0, row.buildings, (2, 2)):
        if giver != taker and shares[giver] > 4 and shares[taker] < 8:
            shares[giver] -= 1
            shares[taker] += 1
    return [int(share) for share in rng.permutation(shares)]


def _amenities(rows: list[Row]) -> dict[str, tuple[Row, float, float]]:
    """Reserve a kindergarten beside the garden and a community centre by the south gate.

    Returns for each its row and the stretch of u that it takes.
    """
    long = [row for row in rows if row.end - row.start > 150.0]
    kindergarten = [row for row in long if row.sector == 3][1]
    centre = [row for row in long if row.sector == 2][-1]
    plots = {
        "kindergarten": (kindergarten, kindergarten.start, kindergarten.start + 60.0),
        "centre": (centre, centre.end - 46.0, centre.end),
    }
    kindergarten.start += 66.0
    centre.end -= 52.0
    return plots


def _lane(row: Row, own: list[Building], cell: BaseGeometry, roads: BaseGeometry) -> BaseGeometry:
    """Return the access lane behind a row, from road to road, with the ways to its doors."""
    middle = row.lane + LANE_WIDTH / 2
    west, _, east, _ = cell.bounds
    line = shapely.intersection(shapely.LineString([(west, middle), (east, middle)]), cell)
    line = max(shapely.get_parts(line), key=lambda part: part.length)
    doors = np.vstack([building.doors for building in own])
    ways = shapely.box(doors[:, 0] - 1.1, doors[:, 1] + JOINT, doors[:, 0] + 1.1, row.lane + 0.5)
    paved = shapely.union_all([line.buffer(LANE_WIDTH / 2, cap_style="flat"), *ways])
    return _largest(shapely.difference(paved, roads))


def _largest(geometry: BaseGeometry) -> BaseGeometry:
    return max(shapely.get_parts(geometry), key=lambda part: part.area)


def _footpath(row: Row, own: list[Building], roads: BaseGeometry) -> BaseGeometry:
    """Return the winding path along a row's gardens, with the ways between the buildings."""
    stations = _kerb_stations(row, own)
    kerb = np.column_stack((stations, -row.garden_depth(stations) - JOINT - 0.05))
    winding = shapely.Polygon(np.vstack((kerb, (kerb - (0.0, FOOTPATH))[::-1])))
    gaps = [(a[1] + b[0]) / 2 for a, b in pairwise(row.spans)]
    ways = [
        shapely.box(u - 0.75, -row.garden_depth(np.array([u]))[0] - 0.5, u + 0.75, row.lane - JOINT)
        for u in gaps
    ]
    return _largest(shapely.difference(shapely.union_all([winding, *ways]), roads))


def _kerb_stations(row: Row, own: list[Building]) -> FloatArray:
    """Return where the footpath bends: at the gardens' own kerb points, and between gardens."""
    step = (row.end - row.start) / 60
    stations = np.arange(row.start - VERGE, row.end + VERGE + 1e-6, step)
    points: list[FloatArray] = []
    for strip in (strip for building in own for strip in building.strips):
        u = strip.outer[:, 0]
        u = u[np.abs(strip.outer[:, 1] + row.garden_depth(u)) < 1e-9]
        if u.size:
            stations = stations[(stations < u.min()) | (stations > u.max())]
            points.append(u)
    return np.unique(np.concatenate((stations, *points)))


def _bays(
    row: Row, own: list[Building], cell: BaseGeometry, rng: np.random.Generator
) -> list[BaseGeometry]:
    """Return the parking bays across the lane from a row, 2.5 m each."""
    room = cell.buffer(-ROAD_WIDTH / 2 - 1.5)
    south = row.lane + LANE_WIDTH + JOINT
    bays = []
    for building in own:
        count = int(rng.integers(6, 15))
        spare = building.east - building.west + 8.0 - 2.5 * count
        if spare < 0.0:
            count, spare = count // 2, building.east - building.west - 1.25 * count
        west = building.west - 4.0 + float(rng.uniform(0.0, max(spare, 0.1)))
        bay = shapely.box(west, south, west + 2.5 * count, south + BAY_DEPTH)
        if room.contains(bay):
            bays.append(bay)
    return bays
