"""Geometries that overlays made, firm enough to be projected and stored."""

import shapely

from gis.crs import Geometries
from gis.overlay import only_polygons, to_multipolygons

# Doubles near Weihai's eastings carry some 1e-10 m, degrees of longitude 1e-9 m.
GRID_M = 1e-6


def firm(geometries: Geometries) -> Geometries:
    """Return overlay results in the survey CRS as MultiPolygons on a grid of a micrometre.

    An overlay of edges that all but coincide leaves hairs some 1e-10 m wide, valid
    where they are and crossing themselves once projected, so that the database
    refuses them. The grid removes hairs and moves areas by less than 1e-4 m2 for
    100 m of outline. What collapses altogether becomes ``None``; ``None`` stays.
    """
    snapped = only_polygons(shapely.set_precision(geometries, GRID_M))
    # The precision would otherwise travel along and round the projected degrees.
    snapped = shapely.set_precision(snapped, 0, mode="pointwise")
    snapped[shapely.is_empty(snapped)] = None
    return to_multipolygons(snapped)
