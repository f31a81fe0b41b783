"""The strip along the outer walls of buildings, which does not count as green (DOMAIN 14).

All in metres of one survey CRS.
"""

from typing import NamedTuple

import numpy as np
import shapely

from gis.area import area_m2
from gis.overlay import Booleans, Floats, Geometries, Indexes, fold, polygon_parts

# Arcs of the strip have 32 segments to a quarter circle: its area is right
# to 0.0004 m2 at each corner of a building.
_QUARTER_SEGMENTS = 32


def outside_strip_m2(grounds: Geometries, walls: Geometries, strip_m: float) -> Floats:
    """Return the area in m2 of each ground (Polygon or MultiPolygon) outside the wall strip.

    The strip is all within ``strip_m`` of one of the ``walls``, the footprints of
    buildings. Ground in front of one straight wall, as most is, is measured by
    integrating along its outline; from the rest the strips are taken away.
    """
    areas = area_m2(grounds)
    at, by = _near(grounds, walls, strip_m)
    near, wall = np.unique(by, return_inverse=True)
    alone = np.bincount(at, minlength=len(grounds))[at] == 1
    fronts = _fronts(grounds[at[alone]], wall[alone], _facades(walls[near]), strip_m)
    measured = at[alone][fronts.applies]
    areas[measured] = fronts.beyond_m2[fronts.applies]
    left = ~np.isin(at, measured)
    left[left] = shapely.dwithin(grounds[at[left]], walls[by[left]], strip_m)
    at, wall, cut = at[left], wall[left], np.unique(at[left])
    strips = np.full(len(near), None, dtype=object)
    used = np.unique(wall)
    strips[used] = shapely.buffer(walls[near[used]], strip_m, quad_segs=_QUARTER_SEGMENTS)
    areas[cut] = area_m2(fold(shapely.difference, grounds, strips, at, wall)[cut])
    return areas


def _near(grounds: Geometries, walls: Geometries, distance: float) -> tuple[Indexes, Indexes]:
    """Return pairs of a ground and a wall whose boxes are at most ``distance`` apart."""
    west, south, east, north = shapely.bounds(walls).T
    boxes = shapely.box(west - distance, south - distance, east + distance, north + distance)
    wall, ground = shapely.STRtree(grounds).query(boxes)
    order = np.lexsort((wall, ground))
    return ground[order], wall[order]


class _Fronts(NamedTuple):
    """Whether a ground lies in front of one straight wall, and its area beyond the strip."""

    applies: Booleans
    beyond_m2: Floats


class _Facades(NamedTuple):
    """Straight walls behind which all of their building lies.

    From ``start`` (x, y) along the unit vector ``along`` for ``length`` metres; the
    building is to the left. Sorted by ``building``, an index.
    """

    building: Indexes
    start: Floats
    along: Floats
    length: Floats

    def seen_from(self, facade: Indexes, points: Floats) -> tuple[Floats, Floats]:
        """Return how far along its facade, and how far before it, each of the points lies."""
        offset, along = points - self.start[facade], self.along[facade]
        place = offset[:, 0] * along[:, 0] + offset[:, 1] * along[:, 1]
        height = offset[:, 0] * along[:, 1] - offset[:, 1] * along[:, 0]
        return place, height


def _fronts(grounds: Geometries, wall: Indexes, facades: _Facades, strip_m: float) -> _Fronts:
    """Compare each ground with the facade of its building that it lies farthest before.

    ``wall`` is the building near each ground. A ground is in front of a facade where
    it is beside no corner, and nowhere deeper behind the facade's line than
    ``strip_m``: there the strip ends at a straight line.
    """
    count = len(grounds)
    applies, beyond = np.zeros(count, dtype=bool), np.zeros(count)
    simple = shapely.get_type_id(grounds) == shapely.GeometryType.POLYGON
    simple &= shapely.get_num_interior_rings(grounds) == 0
    ground, facade = _foremost(grounds, wall, facades)
    ground, facade = ground[simple[ground]], facade[simple[ground]]
    if not len(ground):
        return _Fronts(applies, beyond)
    coordinates, ring = shapely.get_coordinates(grounds[ground], return_index=True)
    place, height = facades.seen_from(facade[ring], coordinates)
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    fits = np.minimum.reduceat(place, first) >= 0
    fits &= np.maximum.reduceat(place, first) <= facades.length[facade]
    fits &= np.minimum.reduceat(height, first) >= -strip_m
    applies[ground] = fits
    beyond[ground] = _beyond_m2(place, height - strip_m, ring, len(ground))
    return _Fronts(applies, beyond)


def _foremost(grounds: Geometries, wall: Indexes, facades: _Facades) -> tuple[Indexes, Indexes]:
    """Return grounds and, for each, the facade that the middle of its box is farthest before."""
    begin = np.searchsorted(facades.building, wall)
    number = np.searchsorted(facades.building, wall, side="right") - begin
    ground = np.repeat(np.arange(len(grounds)), number)
    facade = np.arange(len(ground)) - np.repeat(np.cumsum(number) - number - begin, number)
    box = shapely.bounds(grounds)
    middle = (box[:, :2] + box[:, 2:]) / 2
    _place, height = facades.seen_from(facade, middle[ground])
    order = np.lexsort((height, ground))
    last = np.flatnonzero(np.diff(ground[order], append=-1))
    return ground[order][last], facade[order][last]


def _beyond_m2(place: Floats, height: Floats, ring: Indexes, count: int) -> Floats:
    """Return the area of each closed ring where ``height`` is positive.

    By Green's theorem it is the integral of the positive part of the height along
    the ring. Over an edge that crosses zero, from h to k, that part is
    (h+^2 - k+^2) / (2 (h - k)) on average, where + keeps what is positive.
    """
    step, inside = np.diff(place), ring[1:] == ring[:-1]
    start, end = height[:-1], height[1:]
    up, down = np.maximum(start, 0), np.maximum(end, 0)
    mean = (up + down) / 2
    crossing = (start > 0) != (end > 0)
    squares = up[crossing] ** 2 - down[crossing] ** 2
    mean[crossing] = squares / (2 * (start[crossing] - end[crossing]))
    return np.abs(np.bincount(ring[1:][inside], (step * mean)[inside], minlength=count))


def _facades(walls: Geometries) -> _Facades:
    """Return the edges that buildings have in common with their convex hulls."""
    hulls = shapely.orient_polygons(shapely.convex_hull(walls))
    edges, building = _edges(hulls)
    # A polygon of as many vertices as its hull has is its hull.
    kept = (shapely.get_num_coordinates(walls) == shapely.get_num_coordinates(hulls))[building]
    recessed = np.unique(building[~kept])
    outline, owner = _edges(walls[recessed])
    outline = np.concatenate([outline, outline[:, [2, 3, 0, 1]]])
    owner = np.tile(recessed[owner], 2)
    known = set(zip(owner.tolist(), map(tuple, outline.tolist()), strict=True))
    mine = zip(building[~kept].tolist(), map(tuple, edges[~kept].tolist()), strict=True)
    kept[~kept] = [edge in known for edge in mine]
    edges, building = edges[kept], building[kept]
    vector = edges[:, 2:] - edges[:, :2]
    length = np.hypot(vector[:, 0], vector[:, 1])
    return _Facades(building, edges[:, :2], vector / length[:, None], length)


def _edges(areas: Geometries) -> tuple[Floats, Indexes]:
    """Return the edges (x, y, x, y) of all rings of polygons, and whose each is."""
    parts, owner = polygon_parts(areas)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    inside = ring[1:] == ring[:-1]
    edges = np.column_stack([points[:-1], points[1:]])[inside]
    return edges, owner[part[ring[1:][inside]]]
