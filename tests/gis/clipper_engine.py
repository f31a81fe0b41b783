"""Flagging once more, slowly, by an engine that shares no code with GEOS: Clipper.

Coordinates become integers of a micrometre from a corner, and every overlay is
pyclipper's; the rules (claims, slivers, ranks, wall strip) are written out in plain
loops from DOMAIN 13 and 14. It is the independent program of the golden tests.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

import pyclipper
import shapely

MICRO = 1_000_000
Path = list[tuple[int, int]]
Paths = list[Path]


def to_paths(geometry: shapely.Geometry, corner: tuple[float, float]) -> Paths:
    """Return the rings of a polygon as integers, outer ones counterclockwise, holes clockwise."""
    paths: Paths = []
    for part in shapely.get_parts(geometry):
        for number, ring in enumerate((part.exterior, *part.interiors)):
            path = [
                (round((x - corner[0]) * MICRO), round((y - corner[1]) * MICRO))
                for x, y in list(ring.coords)[:-1]
            ]
            if pyclipper.Orientation(path) == (number > 0):
                path.reverse()
            paths.append(path)
    return paths


def area(paths: Paths) -> float:
    """Return the area in m2 of rings that do not overlap."""
    return math.fsum(pyclipper.Area(path) for path in paths) / MICRO**2


def overlay(kind: int, subject: Paths, clip: Paths) -> Paths:
    """Return the intersection, union or difference of two areas."""
    parts: Paths = [ring for part in components(kind, subject, clip) for ring in part]
    return parts


def union(areas: Iterable[Paths]) -> Paths:
    """Return the union of many areas."""
    together: Paths = []
    for paths in areas:
        together = overlay(pyclipper.CT_UNION, together, paths)
    return together


def components(kind: int, subject: Paths, clip: Paths) -> list[Paths]:
    """Return the connected parts of an overlay, each its outer ring and its holes."""
    if not subject:
        subject, clip = (clip, []) if kind == pyclipper.CT_UNION else ([], [])
    if not subject:
        return []
    engine = pyclipper.Pyclipper()
    engine.AddPaths(subject, pyclipper.PT_SUBJECT, True)
    if clip:
        engine.AddPaths(clip, pyclipper.PT_CLIP, True)
    tree = engine.Execute2(kind, pyclipper.PFT_NONZERO, pyclipper.PFT_NONZERO)
    return list(_parts(tree))


def _parts(node: pyclipper.PyPolyNode) -> Iterator[Paths]:
    for child in node.Childs:
        if not child.IsHole:
            yield [child.Contour, *(hole.Contour for hole in child.Childs)]
        yield from _parts(child)


def is_sliver(part: Paths, rms: float) -> bool:
    """Apply the sliver rule of DOMAIN 13 with its factors of 2."""
    length = squares = 0.0
    for ring in part:
        for place, point in enumerate(ring):
            after = ring[(place + 1) % len(ring)]
            length += math.dist(point, after) / MICRO
            squares += (math.dist(ring[place - 1], after) / MICRO) ** 2
    sigma = rms / (2 * math.sqrt(2)) * math.sqrt(squares)
    return 2 * area(part) / length < 2 * rms or area(part) < 2 * sigma


def flagged(
    observations: Sequence[Paths], parcels: Sequence[Paths], rms: float
) -> dict[tuple[int, int], Paths]:
    """Return the ground of each observation on each parcel, ranked as they come.

    ``rms`` is the combined RMS in m of both surveys, the same for all.
    """
    taken: Paths = []
    found: dict[tuple[int, int], Paths] = {}
    for row, seen in enumerate(observations):
        for column, parcel in enumerate(parcels):
            raw = components(pyclipper.CT_INTERSECTION, seen, parcel)
            claim = [ring for part in raw if not is_sliver(part, rms) for ring in part]
            left = overlay(pyclipper.CT_DIFFERENCE, claim, taken) if claim else []
            if area(left) > 1e-6:
                found[row, column] = left
            taken = overlay(pyclipper.CT_UNION, taken, claim) if claim else taken
    return found


def outside_strip(ground: Paths, walls: Sequence[Paths], width: float) -> Paths:
    """Return what of ``ground`` is further than ``width`` m from every wall."""
    offset = pyclipper.PyclipperOffset(arc_tolerance=0.0002 * MICRO)
    for wall in walls:
        offset.AddPaths(wall, pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    strip = offset.Execute(width * MICRO)
    return overlay(pyclipper.CT_DIFFERENCE, ground, strip)
