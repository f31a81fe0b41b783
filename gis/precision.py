"""Geometries that overlays made, firm enough to be projected and stored."""

import numpy as np
import shapely

from gis.crs import Geometries
from gis.overlay import Booleans, Floats, only_polygons, to_multipolygons

# Doubles near Weihai's eastings carry some 1e-10 m, degrees of longitude 1e-9 m.
GRID_M = 1e-6
# Vertices up to which all distances are computed at once in less time than GEOS takes.
FEW_VERTICES = 16


def firm(geometries: Geometries) -> Geometries:
    """Return overlay results in the survey CRS as MultiPolygons that survive a projection.

    An overlay of edges that all but coincide leaves hairs some 1e-10 m wide, valid
    where they are and crossing themselves once projected, so that the database
    refuses them. What has a clearance (the least move of a vertex that makes it
    invalid) below a micrometre is put on a grid of a micrometre, which removes hairs
    and moves areas by less than 1e-4 m2 for 100 m of outline; the rest, nearly all,
    stays as it is. What collapses altogether becomes ``None``; ``None`` stays.
    """
    areas = only_polygons(geometries)
    weak = ~_surely_clear(areas, 2 * GRID_M)
    weak[weak] = shapely.minimum_clearance(areas[weak]) < GRID_M
    if weak.any():
        areas[weak] = _on_grid(areas[weak])
    return to_multipolygons(areas)


def _surely_clear(areas: Geometries, least_m: float) -> Booleans:
    """Return which areas are rings of few vertices whose clearance is above ``least_m``.

    Most are, and it costs a third of what GEOS takes to say so. ``False`` says nothing.
    """
    number = shapely.get_num_coordinates(areas) - 1
    simple = shapely.get_type_id(areas) == shapely.GeometryType.POLYGON
    simple &= (shapely.get_num_interior_rings(areas) == 0) & (number <= FEW_VERTICES)
    clear = np.zeros(len(areas), dtype=bool)
    for count in np.unique(number[simple]):
        rows = np.flatnonzero(simple & (number == count))
        closed = shapely.get_coordinates(areas[rows]).reshape(len(rows), count + 1, 2)
        clear[rows] = _least_squares(closed - closed[:, :1]) > least_m**2
    return clear


def _least_squares(closed: Floats) -> Floats:
    """Return the square of the clearance of rings (N, V + 1, 2) that repeat their first vertex.

    It is the least distance of a vertex from another or from an edge that it is no end of.
    """
    vertex, edge = closed[:, :-1], np.diff(closed, axis=1)
    length = np.einsum("ijk,ijk->ij", edge, edge)
    least: Floats = length.min(axis=1)
    safe = np.where(length > 0, length, 1.0)
    # Vertex i + 1 + step against the edge from i to i + 1.
    for step in range(1, vertex.shape[1] - 1):
        away = np.roll(vertex, -1 - step, axis=1) - vertex
        along = np.clip(np.einsum("ijk,ijk->ij", away, edge) / safe, 0.0, 1.0)
        away -= along[:, :, None] * edge
        np.minimum(least, np.einsum("ijk,ijk->ij", away, away).min(axis=1), out=least)
    return least


def _on_grid(areas: Geometries) -> Geometries:
    snapped = only_polygons(shapely.set_precision(areas, GRID_M))
    # The precision would otherwise travel along and round the projected degrees.
    snapped = np.asarray(shapely.set_precision(snapped, 0, mode="pointwise"), dtype=object)
    snapped[shapely.is_empty(snapped)] = None
    return snapped
