"""Files as surveyors deliver them, for tests: a compound at Weihai in EPSG:4550."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import shapely

from gis.crs import SurveyCRS

SRID = 4550
EAST, NORTH = 429_000.0, 4_130_000.0


def box(x: float, y: float, wide: float = 10.0, high: float = 10.0) -> shapely.Polygon:
    """Return a rectangle in metres from the compound's corner."""
    return shapely.box(EAST + x, NORTH + y, EAST + x + wide, NORTH + y + high)


def point(x: float, y: float) -> shapely.Point:
    """Return a point in metres from the compound's corner."""
    return shapely.Point(EAST + x, NORTH + y)


def in_degrees(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return a geometry of the compound in EPSG:4326."""
    return SurveyCRS(SRID).to_storage(np.array([geometry], dtype=object))[0]


def write(path: Path, rows: list[dict[str, Any]], layer: str | None = None) -> Path:
    """Write rows with their ``geometry`` as a GeoPackage and return its path."""
    frame = geopandas.GeoDataFrame(rows, geometry="geometry", crs=SRID)
    frame.to_file(path, driver="GPKG", layer=layer or path.stem)
    return path
