"""Drawings (DXF): whose outlines are lines, whose layers are a column, whose arcs are hidden."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.problems import InputError, Problem
from layers.files.dbase import known_encoding, preview

_ROUND = frozenset({"ARC", "CIRCLE", "ELLIPSE", "SPLINE"})
_POLYLINES = frozenset({"LWPOLYLINE", "VERTEX"})
_VERSION = re.compile(rb"\$ACADVER\s+1\s+AC(\d+)")
_CODE_PAGE = re.compile(rb"\$DWGCODEPAGE\s+3\s+(\S+)")
_HEADER = re.compile(rb"\s2\s+HEADER\s")
# GDAL takes the text of a drawing without a header for Latin-1, whatever it is told.
_EMPTY_HEADER = b"0\nSECTION\n2\nHEADER\n9\n$ACADVER\n1\nAC1015\n0\nENDSEC\n"
_UTF8_SINCE = 1021
_BULGE = b"42"


@dataclass(frozen=True)
class DrawingFacts:
    """How a drawing's text is written, and how many of its entities are curved."""

    encoding: str
    curves: int


def check_drawing(path: Path, encoding: str | None) -> DrawingFacts:
    """Decide how the text of the DXF at ``path``, our copy, is read and count its curves.

    AutoCAD 2007 and later write UTF-8, the earlier ones name a code page;
    raises ``InputError`` where neither is said and the text is not ASCII, or
    where it is not what is said, with a preview.
    """
    content = path.read_bytes()
    version, page = _VERSION.search(content), _CODE_PAGE.search(content)
    if encoding:
        declared = known_encoding(encoding)
    elif version and int(version.group(1)) >= _UTF8_SINCE:
        declared = "UTF-8"
    elif page:
        said = page.group(1).decode("ascii", "replace").lower()
        declared = known_encoding(said.replace("ansi_", ""))
    else:
        declared = "ASCII"
    try:
        content.decode(declared)
    except UnicodeDecodeError as error:
        start = content.rfind(b"\n", 0, error.start) + 1
        sample = content[start:].split(b"\n", 1)[0].strip()[:40]
        text = f"{path.name} is not {declared}. A text of it would read as {preview([sample])}."
        remedy = "Choose the legible one, for example --encoding GBK."
        raise InputError([Problem("encoding_wrong", text, remedy)]) from error
    if not _HEADER.search(content):
        path.write_bytes(_EMPTY_HEADER + content)
    return DrawingFacts("UTF-8" if declared == "ASCII" else declared, _count_curves(content))


def close_outlines(
    geometries: NDArray[np.object_], distance: float
) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.float64]]:
    """Make polygons of the lines whose ends meet, and of no others.

    ``distance`` is how far the ends may be apart, in the drawing's units: arcs
    come out of GDAL with the last digit changed. Returns the geometries, the
    indexes of those that became polygons and, for each line, the gap between
    its ends (NaN for what is no line).
    """
    made = geometries.copy()
    lines = np.flatnonzero(shapely.get_type_id(made) == shapely.GeometryType.LINESTRING)
    gaps = np.full(len(made), np.nan)
    gaps[lines] = shapely.distance(
        shapely.get_point(made[lines], 0), shapely.get_point(made[lines], -1)
    )
    closed = []
    for index in lines[gaps[lines] <= distance].tolist():
        corners = shapely.get_coordinates(made[index])
        corners[-1] = corners[0]
        if len(np.unique(corners, axis=0)) >= 3:
            made[index] = shapely.Polygon(corners)
            closed.append(index)
    return made, np.array(closed, dtype=np.int64), gaps


def _count_curves(content: bytes) -> int:
    """Count arcs, circles and the like, and polylines with at least one bulge.

    A DXF is pairs of lines: a group code and its value.
    """
    lines = [line.strip() for line in content.split(b"\n")]
    curves, entity, counted = 0, "", False
    for code, value in zip(lines[0::2], lines[1::2], strict=False):
        if code == b"0":
            entity, counted = value.decode("ascii", "replace"), False
            curves += entity in _ROUND
        elif code == _BULGE and entity in _POLYLINES and not counted and value.strip(b"-0."):
            curves, counted = curves + 1, True
    return curves
