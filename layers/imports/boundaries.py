"""Ground outlined in a file: the boundary of a community, or what a survey covered."""

from pathlib import Path

import numpy as np
import shapely

from gis.crs import STORAGE_SRID, project
from gis.overlay import only_polygons, to_multipolygons
from gis.problems import InputError, Problem
from gis.validity import FILE_LIMITS, POLYGONS, check
from layers.files.reading import read

_NAME_CRS = "Name it, for example --crs EPSG:4550, or save the file with its CRS."


def read_boundary(
    path: Path, *, layer: str | None = None, crs: str | None = None
) -> shapely.MultiPolygon:
    """Return the union of the polygons in a file as a MultiPolygon in EPSG:4326.

    Raises ``InputError`` with everything that is wrong with them.
    """
    delivery = read(path, layer=layer, crs=crs)
    given = np.asarray(delivery.frame.geometry.to_numpy(), dtype=object)
    rows = [int(row) for row in delivery.frame.index]
    problems = [*delivery.problems, *check(given, rows, FILE_LIMITS, POLYGONS)]
    missing = shapely.is_missing(given)
    if len(given) and missing.all():
        text = f"{delivery.file_name} has no geometry."
        problems.append(Problem("geometry_missing", text, "Choose another file."))
    if delivery.crs is None:
        text = f"{delivery.file_name} names no CRS."
        problems.append(Problem("crs_missing", text, _NAME_CRS, field="crs"))
    if problems or delivery.crs is None:
        raise InputError(problems)
    outline = shapely.union_all(project(given[~missing], delivery.crs, STORAGE_SRID))
    ground: shapely.MultiPolygon = to_multipolygons(
        only_polygons(np.array([outline], dtype=object))
    )[0]
    return ground
