"""Geometries that overlays made, firm enough to be projected and stored."""

import numpy as np
import shapely

from gis.crs import Geometries
from gis.overlay import only_polygons, to_multipolygons

# Doubles near Weihai's eastings carry some 1e-10 m, degrees of longitude 1e-9 m.
GRID_M = 1e-6


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
    weak = shapely.minimum_clearance(areas) < GRID_M
    if weak.any():
        areas[weak] = _on_grid(areas[weak])
    return to_multipolygons(areas)


def _on_grid(areas: Geometries) -> Geometries:
    snapped = only_polygons(shapely.set_precision(areas, GRID_M))
    # The precision would otherwise travel along and round the projected degrees.
    snapped = np.asarray(shapely.set_precision(snapped, 0, mode="pointwise"), dtype=object)
    snapped[shapely.is_empty(snapped)] = None
    return snapped
