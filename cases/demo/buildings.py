"""Buildings of an invented compound and the green strips of their ground-floor flats.

All coordinates are metres along (u) and north of (v) the row's line of south walls.
Neighbours share their corner points exactly, so that parcels never overlap.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cases.demo.streets import SLAB_DEPTH, FloatArray, Row

TOWER_WIDTH = 26.0
BALCONY, STAIR_OUT, STAIR_WIDTH = 1.4, 1.3, 2.8


@dataclass(frozen=True)
class Flat:
    """One flat of a landing: room number on its landing, side, extent in the row's frame."""

    unit: int
    room: int
    west: float
    east: float
    south: float
    north: float


@dataclass(frozen=True)
class Strip:
    """A green parcel beside its flat, between the wall and the path.

    ``inner`` (n, 2) follows the wall and ``outer`` (m, 2) the path, both in the
    same direction and in the row's frame.
    """

    flat: int
    side: str
    inner: FloatArray
    outer: FloatArray

    def ring(self) -> FloatArray:
        """Return the open ring, (n + m, 2)."""
        return np.vstack((self.inner, self.outer[::-1]))


@dataclass
class Building:
    """One building in its row's frame, with what lies around it."""

    row: Row
    floors: int
    ring: FloatArray
    flats: list[Flat]
    doors: FloatArray
    strips: list[Strip]
    yards: list[FloatArray]
    west: float
    east: float


_LANDINGS: dict[int, list[tuple[int, ...]]] = {
    4: [(2, 2)],
    5: [(2, 3), (3, 2)],
    6: [(2, 2, 2), (2, 2, 2), (3, 3)],
    7: [(2, 3, 2), (2, 2, 3), (3, 2, 2)],
    8: [(2, 2, 2, 2), (2, 2, 2, 2), (3, 2, 3)],
}


def _flat_widths(landings: tuple[int, ...]) -> FloatArray:
    """Return relative widths of a slab's ground-floor flats from west to east."""
    widths = [width for flats in landings for width in ([1.0] * 2, [1.06, 0.82, 1.06])[flats - 2]]
    widths[0] += 0.1
    widths[-1] += 0.1
    return np.array(widths)


def build_row(
    row: Row, floors: list[int], first_flats: list[int], rng: np.random.Generator
) -> list[Building]:
    """Place a row's buildings from west to east, with their green strips."""
    if row.kind == "tower":
        return _tower_row(row, floors, rng)
    landings = [
        _LANDINGS[ground][int(rng.integers(len(_LANDINGS[ground])))] for ground in first_flats
    ]
    widths = [_flat_widths(landing) for landing in landings]
    free = row.end - row.start - 9.0 - 12.0 * (len(widths) - 1)
    scale = min(free / sum(float(w.sum()) for w in widths), 9.0)
    if scale < 6.6:
        raise ValueError(f"flats of {scale:.2f} m do not fit a row of sector {row.sector}")
    spare = (free - scale * sum(float(w.sum()) for w in widths)) / (len(widths) + 1)
    at, cuts = row.start + 4.5 + spare, []
    for width in widths:
        cuts.append(at + scale * np.concatenate(([0.0], np.cumsum(width))))
        at = float(cuts[-1][-1]) + 12.0 + spare
    row.spans = [(float(cut[0]), float(cut[-1])) for cut in cuts]
    return [
        _slab(row, index, floors[index], landings[index], cuts[index], rng)
        for index in range(len(cuts))
    ]


def _slab(
    row: Row,
    index: int,
    floors: int,
    landings: tuple[int, ...],
    cuts: FloatArray,
    rng: np.random.Generator,
) -> Building:
    flats = _slab_flats(landings, cuts, rng)
    doors, stairs = _stairs(flats, landings)
    ring = _slab_ring(flats, stairs)
    straight = len({flat.south for flat in flats}) == 1
    backs = bool(rng.random() < 0.2) and straight and set(landings) == {2}
    strips = (
        _back_strips(row, flats, stairs, rng) if backs else _front_strips(row, index, flats, rng)
    )
    yards = _sunk_yards(row, flats) if backs else []
    return Building(row, floors, ring, flats, doors, strips, yards, float(cuts[0]), float(cuts[-1]))


def _slab_flats(
    landings: tuple[int, ...], cuts: FloatArray, rng: np.random.Generator
) -> list[Flat]:
    """Return the flats of one floor; the units of one slab in three step back a little."""
    step = float(rng.choice([0.0, 0.0, 0.5, -0.5])) if len(landings) < 4 else 0.0
    base = float(rng.uniform(0.0, 1.0)) + max(0.0, -step * (len(landings) - 1))
    flats, room = [], iter(pairwise(cuts.tolist()))
    for unit, count in enumerate(landings, start=1):
        south = base + step * (unit - 1)
        for number in range(1, count + 1):
            west, east = next(room)
            flats.append(Flat(unit, number, west, east, south, south + SLAB_DEPTH))
    return flats


def _stairs(flats: list[Flat], landings: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return doors (units, 2) and stair bays (units, 3: west, east, wall) on the north side."""
    doors, bays = [], []
    for unit in range(1, len(landings) + 1):
        own = [flat for flat in flats if flat.unit == unit]
        middle = (own[0].west + own[-1].east) / 2
        half = STAIR_WIDTH / 2
        bays.append((middle - half, middle + half, own[0].north))
        doors.append((middle, own[0].north + STAIR_OUT))
    return np.array(doors), np.array(bays)


def _south_wall(flat: Flat) -> list[tuple[float, float]]:
    """Follow the south wall of ``flat`` from west to east, round its balcony."""
    width, v = flat.east - flat.west, flat.south
    left, right = flat.west + 0.2 * width, flat.east - 0.24 * width
    return [
        (flat.west, v),
        (left, v),
        (left, v - BALCONY),
        (right, v - BALCONY),
        (right, v),
        (flat.east, v),
    ]


def _slab_ring(flats: list[Flat], stairs: FloatArray) -> FloatArray:
    south = [point for flat in flats for point in _south_wall(flat)]
    first, last = flats[0], flats[-1]
    east = [(last.east, (last.south + last.north) / 2)]
    west = [(first.west, (first.south + first.north) / 2)]
    north: list[tuple[float, float]] = []
    for unit, (left, right, wall) in reversed(list(enumerate(stairs.tolist(), start=1))):
        own = [flat for flat in flats if flat.unit == unit]
        north += [
            (own[-1].east, wall),
            (right, wall),
            (right, wall + STAIR_OUT),
            (left, wall + STAIR_OUT),
            (left, wall),
            (own[0].west, wall),
        ]
    return _without_repeats(np.array(south + east + north + west))


def _without_repeats(ring: FloatArray) -> FloatArray:
    """Drop a point that repeats the one before it."""
    repeats = (ring == np.roll(ring, 1, axis=0)).all(axis=1)
    kept: FloatArray = ring[~repeats]
    return kept


def _front_strips(row: Row, index: int, flats: list[Flat], rng: np.random.Generator) -> list[Strip]:
    """Return one strip for each flat: in front, round the gable, or beside it."""
    strips = []
    for number, flat in enumerate(flats):
        side, inner = "front", _inner_edge(flats, number)
        outer = row.kerb(flat.west, (flat.west + flat.east) / 2, flat.east)
        for west_end in ([True] if number == 0 else []) + (
            [False] if number == len(flats) - 1 else []
        ):
            side = str(rng.choice(["corner", "corner", "corner", "front", "gable"]))
            beside = _gable_room(row, index, west_end)
            if side == "corner":
                inner, outer = _round_corner(row, flat, west_end, beside, inner, outer, rng)
            elif side == "gable":
                inner, outer = _gable_only(flat, west_end, beside, rng)
        strips.append(Strip(number, side, np.array(inner), np.array(outer)))
    return strips


def _inner_edge(flats: list[Flat], number: int) -> list[tuple[float, float]]:
    """Follow the wall, with the neighbour's flank where that stands further south."""
    flat, edge = flats[number], _south_wall(flats[number])
    if number > 0 and flats[number - 1].south < flat.south:
        edge.insert(0, (flat.west, flats[number - 1].south))
    if number + 1 < len(flats) and flats[number + 1].south < flat.south:
        edge.append((flat.east, flats[number + 1].south))
    return edge


def _gable_room(row: Row, index: int, west_end: bool) -> float:
    """Return how far (m) a side garden may reach from the gable and leave a way through."""
    spans = row.spans
    if west_end:
        gap = (
            spans[0][0] - row.start + 3.0
            if index == 0
            else (spans[index][0] - spans[index - 1][1]) / 2
        )
    else:
        gap = (
            row.end - spans[-1][1] + 3.0
            if index == len(spans) - 1
            else (spans[index + 1][0] - spans[index][1]) / 2
        )
    return min(gap - 1.6, 6.0)


def _round_corner(
    row: Row,
    flat: Flat,
    west_end: bool,
    beside: float,
    inner: list[tuple[float, float]],
    outer: list[tuple[float, float]],
    rng: np.random.Generator,
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Lead a front strip round the gable: an L whose outer corner a path cuts off."""
    end, sign = (flat.west, -1.0) if west_end else (flat.east, 1.0)
    reach = beside * float(rng.uniform(0.65, 1.0))
    cut = float(rng.uniform(0.5, 0.8)) * reach
    top = flat.north if rng.random() < 0.4 else (flat.south + flat.north) / 2
    taper = float(rng.uniform(0.6, 1.0))
    kerb = row.kerb(end + sign * (reach - cut))
    gable_inner = (
        [(end, top)] if top < flat.north else [(end, top), (end, (flat.south + flat.north) / 2)]
    )
    far = end + sign * reach
    gable_outer = [(end + sign * reach * taper, top), (far, kerb[0][1] + cut), *kerb]
    if west_end:
        return gable_inner + inner, gable_outer + outer[1:]
    return inner + gable_inner[::-1], outer[:-1] + gable_outer[::-1]


def _gable_only(
    flat: Flat, west_end: bool, beside: float, rng: np.random.Generator
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Return a tapering garden along the gable alone, for an end flat."""
    end, sign = (flat.west, -1.0) if west_end else (flat.east, 1.0)
    near, far = beside * rng.uniform(0.55, 1.0, 2)
    middle = (flat.south + flat.north) / 2
    inner = [(end, flat.north), (end, middle), (end, flat.south)]
    outer = [
        (end + sign * float(far) * 0.7, flat.north),
        (end + sign * float(far), flat.north - 2.2),
        (end + sign * float(near), flat.south + 1.6),
        (end + sign * float(near) * 0.6, flat.south),
    ]
    return inner, outer


def _back_strips(
    row: Row, flats: list[Flat], stairs: FloatArray, rng: np.random.Generator
) -> list[Strip]:
    """Return strips between the north wall and the lane, cut off beside the doors."""
    strips = []
    for number, flat in enumerate(flats):
        left, right, wall = stairs[flat.unit - 1].tolist()
        kerb = row.lane - 0.35
        cut = float(rng.uniform(0.4, 1.3))
        if flat.room == 1:
            inner = [(flat.west, wall), (left, wall), (left, wall + STAIR_OUT)]
            outer = [(flat.west, kerb), (left - cut - 0.4, kerb), (left - 0.2, kerb - cut)]
        else:
            inner = [(right, wall + STAIR_OUT), (right, wall), (flat.east, wall)]
            outer = [(right + 0.2, kerb - cut), (right + cut + 0.4, kerb), (flat.east, kerb)]
        strips.append(Strip(number, "back", np.array(inner), np.array(outer)))
    return strips


def _sunk_yards(row: Row, flats: list[Flat]) -> list[FloatArray]:
    """Return the walled yards in front, sold with their flats, where the green is behind."""
    rings = []
    for number, flat in enumerate(flats):
        middle = (flat.west + flat.east) / 2
        outer = [(u, v + 0.9) for u, v in row.kerb(flat.west, middle, flat.east)]
        rings.append(np.array(_inner_edge(flats, number) + outer[::-1]))
    return rings


def _tower_row(row: Row, floors: list[int], rng: np.random.Generator) -> list[Building]:
    """Place point towers: four flats on a landing, two south, two north."""
    count = len(floors)
    spare = (row.end - row.start - TOWER_WIDTH * count) / count
    towers = []
    for index in range(count):
        west = row.start + spare / 2 + index * (TOWER_WIDTH + spare)
        row.spans.append((west, west + TOWER_WIDTH))
        towers.append(_tower(row, floors[index], west, min(spare / 2 - 1.6, 6.5), rng))
    return towers


_TOWER = np.array(
    [
        (0, 0),
        (3, 0),
        (3, -1.4),
        (9, -1.4),
        (9, 0),
        (11, 0),
        (11, 2.5),
        (13, 2.5),
        (15, 2.5),
        (15, 0),
        (17, 0),
        (17, -1.4),
        (23, -1.4),
        (23, 0),
        (26, 0),
        (26, 9.5),
        (24, 9.5),
        (24, 19),
        (15.5, 19),
        (15.5, 16.5),
        (10.5, 16.5),
        (10.5, 19),
        (2, 19),
        (2, 9.5),
        (0, 9.5),
    ],
    dtype=np.float64,
)


def _tower(row: Row, floors: int, west: float, beside: float, rng: np.random.Generator) -> Building:
    shift = np.array((west, 0.0))
    ring = _TOWER + shift
    extents = [
        (0.0, 13.0, 0.0, 9.5),
        (13.0, 26.0, 0.0, 9.5),
        (2.0, 13.0, 9.5, 19.0),
        (13.0, 24.0, 9.5, 19.0),
    ]
    flats = [
        Flat(1, room, west + a, west + b, south, north)
        for room, (a, b, south, north) in enumerate(extents, start=1)
    ]
    strips = []
    # The two gardens of one side reach equally far, so that their corner is one point.
    sides = beside * rng.uniform(0.7, 1.0, 2)
    for number, mirror in ((0, False), (1, True), (2, False), (3, True)):
        reach, cut = float(sides[number % 2]), float(rng.uniform(1.0, 2.5))
        inner, outer = (_tower_front if number < 2 else _tower_back)(reach, cut)
        if mirror:
            inner, outer = _mirrored(inner)[::-1], _mirrored(outer)[::-1]
        outer = _to_kerb(row, outer + shift) if number < 2 else outer + shift
        strips.append(Strip(number, "corner", inner + shift, outer))
    doors = np.array([(west + 13.0, 16.5)])
    return Building(row, floors, ring, flats, doors, strips, [], west, west + TOWER_WIDTH)


def _mirrored(points: FloatArray) -> FloatArray:
    return np.column_stack((TOWER_WIDTH - points[:, 0], points[:, 1]))


def _tower_front(reach: float, cut: float) -> tuple[FloatArray, FloatArray]:
    """Return the south-west garden; an outer v of 0 or less is measured from the row's kerb."""
    inner = np.vstack(([(0.0, 9.5)], _TOWER[:8]))
    outer = [(-reach, 9.5), (-reach, -cut), (-reach + cut, 0.0), (4.0, 0.0), (13.0, 0.0)]
    return inner, np.array(outer)


def _tower_back(reach: float, cut: float) -> tuple[FloatArray, FloatArray]:
    inner = np.vstack(([(0.0, 9.5)], _TOWER[23:20:-1]))
    outer = [(-reach, 9.5), (-reach, 21.0 - cut), (-reach + cut, 23.0), (5.0, 23.6), (9.0, 23.6)]
    return inner, np.array(outer)


def _to_kerb(row: Row, outer: FloatArray) -> FloatArray:
    u, v = outer[:, 0], outer[:, 1]
    return np.column_stack((u, np.where(v <= 0.0, -row.garden_depth(u) - v, v)))
