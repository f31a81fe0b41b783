"""What the residents of an invented compound fenced off, as surveyors would draw it.

Rings are metres in the frame of the building's row. A strip between its wall
and its path is a ribbon: s runs along it from 0 to 1, t from the wall (0) to
the path (1), so that one rule draws enclosures of fronts, corners and gables.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cases.demo.buildings import Building, Strip
from cases.demo.streets import FloatArray, Row

STRUCTURES = ("fence", "hedge", "paving", "planting", "shed", "glasshouse")
NOTES = {
    "fence": ("locked gate", "wire fence, vegetables behind", "wooden fence, about 1.2 m"),
    "hedge": ("privet hedge, clipped", "hedge with a wicket"),
    "paving": ("laid with slabs, table and benches", "concreted, used for drying"),
    "planting": ("vegetable beds", "leeks and beans in rows", "fruit trees in tubs"),
    "shed": ("tool shed", "bicycle shed with a roof"),
    "glasshouse": ("glasshouse on a brick foot", "polythene tunnel"),
}


@dataclass(frozen=True)
class Habits:
    """How the enclosures of a compound are mixed (counts, and metres of survey noise)."""

    enclosures: int
    pairs: int = 11
    overlaps: int = 8
    scratches: int = 14
    over_path: int = 7
    noise: float = 0.035


@dataclass(frozen=True)
class GreenStrip:
    """A strip with its building's index and footprint (row's frame) and its wall's v."""

    building: int
    row: Row
    strip: Strip
    south: float
    house: BaseGeometry


@dataclass(frozen=True)
class Enclosure:
    """One observed outline.

    ``strips`` are the indices of what it was meant to take (none for noise),
    ``holder`` the strip whose household did it, ``named`` whether the survey says so.
    """

    strips: tuple[int, ...]
    holder: int | None
    named: bool
    structure: str
    note: str
    row: Row
    ring: FloatArray


def green_strips(buildings: Sequence[Building]) -> list[GreenStrip]:
    """Return every strip, building by building, flat by flat."""
    houses = [shapely.Polygon(building.ring) for building in buildings]
    return [
        GreenStrip(index, building.row, strip, building.flats[strip.flat].south, houses[index])
        for index, building in enumerate(buildings)
        for strip in building.strips
    ]


def enclose(
    strips: Sequence[GreenStrip],
    eligible: Sequence[int],
    habits: Habits,
    rng: np.random.Generator,
) -> list[Enclosure]:
    """Draw the enclosures, then the observations that take nothing."""
    pairs = _pairs(strips, eligible, habits.pairs, rng)
    spoken = {index for pair in pairs for index in pair}
    single = _singles(
        strips, [i for i in eligible if i not in spoken], habits.enclosures - len(pairs), rng
    )
    pushes = _pushes(strips, single, habits.overlaps, rng)
    made = [_over_two(strips, pair, rng) for pair in pairs]
    made += [_single(strips, index, pushes, rng) for index in single]
    left = [
        i
        for i in eligible
        if i not in spoken and i not in single and strips[i].strip.side == "front"
    ]
    noise = [strips[int(i)] for i in rng.permutation(left)]
    made += [_scratch(strip, rng) for strip in noise[: habits.scratches]]
    made += [
        _over_path(strip, rng)
        for strip in noise[habits.scratches : habits.scratches + habits.over_path]
    ]
    return [_surveyed(enclosure, habits.noise, rng) for enclosure in made]


def _joined(first: GreenStrip, second: GreenStrip) -> bool:
    """Tell whether two strips lie side by side before one straight wall."""
    return (
        first.building == second.building
        and first.south == second.south
        and {first.strip.side, second.strip.side} <= {"front", "corner"}
        and first.row.kind != "tower"
    )


def _pairs(
    strips: Sequence[GreenStrip], eligible: Sequence[int], count: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Choose ``count`` neighbouring strips that one household takes together."""
    allowed = set(eligible)
    candidates = [
        (a, b)
        for a, b in pairwise(range(len(strips)))
        if a in allowed and b in allowed and _joined(strips[a], strips[b])
    ]
    chosen: list[tuple[int, int]] = []
    houses: set[int] = set()
    for position in rng.permutation(len(candidates)):
        pair = candidates[int(position)]
        if len(chosen) < count and strips[pair[0]].building not in houses:
            chosen.append(pair)
            houses.add(strips[pair[0]].building)
    return chosen


def _singles(
    strips: Sequence[GreenStrip], eligible: Sequence[int], count: int, rng: np.random.Generator
) -> list[int]:
    """Choose ``count`` strips; neighbours imitate each other, so some buildings take most."""
    mood = rng.uniform(0.25, 1.0, max(strip.building for strip in strips) + 1)
    appeal = {"front": 1.0, "corner": 1.2, "gable": 0.8, "back": 0.55}
    score = np.array([mood[strips[i].building] * appeal[strips[i].strip.side] for i in eligible])
    order = np.argsort(-score * rng.uniform(0.3, 1.0, len(eligible)), kind="stable")
    return sorted(eligible[int(position)] for position in order[:count])


def _pushes(
    strips: Sequence[GreenStrip], single: Sequence[int], overlaps: int, rng: np.random.Generator
) -> dict[int, tuple[float | None, float | None]]:
    """Return how far (m) each enclosure goes past its west and east party line.

    Where both neighbours enclose, half touch, some overlap; None is a free end.
    """
    pushes: dict[int, tuple[float | None, float | None]] = {}
    taken, left = set(single), overlaps
    for index in single:
        west = east = None
        if index + 1 in taken and _joined(strips[index], strips[index + 1]):
            east = 0.0
            if left and rng.random() < 0.5:
                east, left = float(rng.uniform(0.25, 0.4)), left - 1
        if index - 1 in taken and _joined(strips[index - 1], strips[index]):
            west = 0.0
        pushes[index] = (west, east)
    return pushes


def _line(points: FloatArray) -> FloatArray:
    """Return the fraction of its length at which each vertex of a line lies."""
    step = points[1:] - points[:-1]
    run = np.cumsum(np.sqrt(step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1]))
    return np.concatenate(([0.0], run / run[-1]))


def _along(points: FloatArray, s: FloatArray) -> FloatArray:
    """Return the points at fractions ``s`` of a line's length, (n, 2)."""
    at = _line(points)
    return np.column_stack((np.interp(s, at, points[:, 0]), np.interp(s, at, points[:, 1])))


def _ribbon(
    inner: FloatArray,
    outer: FloatArray,
    s: tuple[float, float],
    t: tuple[float, float],
    bulge: float = 0.0,
    stations: int = 7,
) -> FloatArray:
    """Return the ring between ``s`` and ``t``; ``bulge`` (m) is added in the middle."""
    along = np.linspace(s[0], s[1], stations)
    near, far = _along(inner, along), _along(outer, along)
    deep = far - near
    length = np.sqrt(deep[:, 0] * deep[:, 0] + deep[:, 1] * deep[:, 1])
    middle = (along - s[0]) / (s[1] - s[0])
    reach = t[1] + 4.0 * middle * (1.0 - middle) * bulge / np.maximum(length, 1.0)
    edge = near + deep * reach[:, None]
    at = _line(inner)
    bends = inner[(at > s[0]) & (at < s[1])] if t[0] == 0.0 else inner[:0]
    foot = near + deep * t[0]
    foot = foot if t[0] > 0.9 else np.vstack((foot[:1], bends, foot[-1:]))
    return np.vstack((foot, edge[::-1]))


def _spine(inner: FloatArray) -> FloatArray:
    """Return a wall without balconies and small steps: its ends and its great corners."""
    flank = np.abs(inner[1:, 1] - inner[:-1, 1]) > 3.0
    kept = np.concatenate(([True], flank)) | np.concatenate((flank, [True]))
    return inner[kept]


def _outside(ring: FloatArray, house: BaseGeometry) -> FloatArray:
    """Return the ring of what lies outside the house and is nowhere under 0.4 m wide."""
    left = shapely.difference(shapely.Polygon(ring), house)
    core = shapely.buffer(left, -0.2, join_style="mitre")
    greatest = max(shapely.get_parts(core), key=lambda part: part.area)
    tidy = shapely.simplify(shapely.buffer(greatest, 0.2, join_style="mitre"), 0.03)
    return np.array(tidy.exterior.coords)[:-1]


def _lengths(strip: Strip) -> tuple[float, float]:
    """Return the strip's mean length along the wall and its mean depth, in metres."""
    s = np.linspace(0.1, 0.9, 5)
    deep = _along(strip.outer, s) - _along(strip.inner, s)
    depth = float(np.sqrt((deep * deep).sum(axis=1)).mean())
    step = strip.inner[1:] - strip.inner[:-1]
    return float(np.sqrt((step * step).sum(axis=1)).sum()), depth


def _over_two(
    strips: Sequence[GreenStrip], pair: tuple[int, int], rng: np.random.Generator
) -> Enclosure:
    """Draw one enclosure over two strips; the survey names who holds it."""
    first, second = (strips[index] for index in pair)
    inner = _spine(np.vstack((first.strip.inner, second.strip.inner[1:])))
    outer = np.vstack((first.strip.outer, second.strip.outer[1:]))
    part = (float(rng.uniform(0.02, 0.05)), float(rng.uniform(0.95, 0.98)))
    structure = "fence" if rng.random() < 0.7 else "hedge"
    ring = _ribbon(
        inner, outer, part, (0.0, float(rng.uniform(0.88, 1.0))), float(rng.uniform(0.0, 0.6)), 11
    )
    ring = _outside(ring, first.house)
    holder = pair[int(rng.integers(2))]
    note = "also fenced in what lies before the neighbour's flat"
    return Enclosure(pair, holder, True, structure, note, first.row, ring)


def _single(
    strips: Sequence[GreenStrip],
    index: int,
    pushes: dict[int, tuple[float | None, float | None]],
    rng: np.random.Generator,
) -> Enclosure:
    green = strips[index]
    west, east = pushes[index]
    weights = [0.38, 0.18, 0.14, 0.18, 0.07, 0.05]
    structure = str(rng.choice(STRUCTURES, p=weights))
    if east:
        structure = "fence"
    elif structure in ("shed", "glasshouse") and green.strip.side != "front":
        structure = "paving"
    if structure in ("fence", "hedge"):
        ring = _fenced(green.strip, west, east, rng)
    else:
        ring = _furnished(green.strip, structure, rng)
    ring = _outside(ring, green.house)
    named = bool(rng.random() < 0.55) or bool(east)
    note = str(rng.choice(NOTES[structure]))
    return Enclosure((index,), index, named, structure, note, green.row, ring)


def _fenced(
    strip: Strip, west: float | None, east: float | None, rng: np.random.Generator
) -> FloatArray:
    """Draw a fence or hedge round most of a strip, bulging towards the path."""
    length, depth = _lengths(strip)
    gaps = rng.uniform(0.3, 0.9, 2)
    s0 = 0.0 if west is not None else float(gaps[0]) / length
    s1 = 1.0 if east is not None else 1.0 - float(gaps[1]) / length
    far = float(rng.uniform(0.82, 1.02))
    bulge = float(rng.uniform(0.0, 0.85)) if strip.side != "back" else 0.1
    ring = _ribbon(
        _spine(strip.inner),
        strip.outer,
        (s0, s1),
        (0.0, far),
        min(bulge, 0.14 * depth),
        9 if strip.side == "corner" else 7,
    )
    if east:
        edge = ring[:, 0] == ring[:, 0].max()
        ring[edge, 0] += east
    return ring


def _furnished(strip: Strip, structure: str, rng: np.random.Generator) -> FloatArray:
    """Draw paving, beds, a shed or a glasshouse on part of a strip."""
    length, depth = _lengths(strip)
    width, deep, near = {
        "paving": (0.75 * length, 0.8 * depth, 0.0),
        "planting": (0.8 * length, 0.98 * depth, 0.22),
        "shed": (max(4.2, 0.3 * length), max(3.2, 0.55 * depth), 0.0),
        "glasshouse": (max(5.0, 0.4 * length), max(3.4, 0.65 * depth), 0.06),
    }[structure]
    span = min(width / length * float(rng.uniform(0.9, 1.1)), 0.9)
    start = float(rng.uniform(0.05, 0.95 - span))
    far = min(deep / depth * float(rng.uniform(0.95, 1.05)), 1.02)
    wavy = 0.4 if structure == "planting" and strip.side != "back" else 0.0
    stations = 3 if structure in ("shed", "glasshouse") and strip.side != "corner" else 6
    spine = _spine(strip.inner)
    return _ribbon(spine, strip.outer, (start, start + span), (near, far), wavy, stations)


def _scratch(green: GreenStrip, rng: np.random.Generator) -> Enclosure:
    """Draw something on the footpath that grazes a strip by a few centimetres."""
    _, depth = _lengths(green.strip)
    start = float(rng.uniform(0.1, 0.4))
    graze = float(rng.uniform(0.015, 0.05))
    ring = _ribbon(
        green.strip.inner,
        green.strip.outer,
        (start, start + 0.45),
        (1.0 - graze / depth, 1.0 + float(rng.uniform(0.7, 1.2)) / depth),
        0.0,
        4,
    )
    structure = str(rng.choice(["paving", "planting", "other"]))
    return Enclosure((), None, False, structure, "on the footpath, along the kerb", green.row, ring)


def _over_path(green: GreenStrip, rng: np.random.Generator) -> Enclosure:
    """Draw something that stands on the footpath alone."""
    _, depth = _lengths(green.strip)
    start = float(rng.uniform(0.1, 0.6))
    ring = _ribbon(
        green.strip.inner,
        green.strip.outer,
        (start, start + 0.25),
        (1.0 + 0.4 / depth, 1.0 + 1.35 / depth),
        0.0,
        3,
    )
    return Enclosure((), None, False, "other", "flower boxes on the footpath", green.row, ring)


def _surveyed(enclosure: Enclosure, noise: float, rng: np.random.Generator) -> Enclosure:
    """Move each vertex by survey noise: three uniform numbers of unit variance together.

    A ring that would cross itself, or come within a centimetre of it, is measured
    again, as a surveyor would.
    """
    ring = enclosure.ring
    for _ in range(100):
        shift = noise * (2.0 * rng.random((3, *ring.shape)).sum(axis=0) - 3.0)
        outline = shapely.Polygon(ring + shift)
        if outline.is_valid and shapely.minimum_clearance(outline) > 0.01:
            return replace(enclosure, ring=ring + shift)
    raise ValueError(f"a {enclosure.structure} in sector {enclosure.row.sector} crosses itself")
