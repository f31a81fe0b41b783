"""What is drawn on the small maps of pages: polygons read from forms, features as JSON."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gis.problems import Problem
from webmap.forms import Form

# 10,000 vertices with 15 digits each, and some room.
LONGEST_DRAWING = 500_000
# Seven decimals of a degree are a centimetre.
DECIMALS = 7


def read_polygon(form: Form, name: str) -> BaseGeometry | None:
    """Return the polygon that a form holds; see :func:`read_shape`."""
    return read_shape(form, name, "Polygon", "MultiPolygon")


def read_shape(form: Form, name: str, *kinds: str) -> BaseGeometry | None:
    """Return the geometry (EPSG:4326) that a form holds as GeoJSON, ``None`` where none is drawn.

    ``kinds`` are the types that may be. What cannot be read is remembered as a problem of
    the field; whether it is sound is for whoever stores it to check.
    """
    text = form.sent.get(name, "").strip()
    if not text:
        return None
    try:
        if len(text) > LONGEST_DRAWING:
            raise ValueError("it is too long")
        shape = shapely.from_geojson(text)
        if shape.geom_type not in kinds:
            raise ValueError(f"it is no {' or '.join(kinds)}")
    except (ValueError, shapely.GEOSException, RecursionError) as error:
        message = f"The drawing cannot be read: {error}."
        form.problems.append(Problem("polygon", message, "Draw it anew.", field=name))
        return None
    return shape


def feature(key: uuid.UUID | str, shape: BaseGeometry, **more: Any) -> Mapping[str, Any]:
    """Return a geometry of EPSG:4326 as a plan draws it, to a centimetre."""
    rounded = shapely.transform(shape, lambda xy: np.round(xy, DECIMALS))
    return {"id": str(key), "geometry": json.loads(shapely.to_geojson(rounded)), **more}
