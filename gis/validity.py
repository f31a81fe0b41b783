"""Whether geometries can be stored: vectorised checks that name the row and the place.

PostGIS takes NaN, infinity and unclosed rings without complaint, and its repair
can stop the whole cluster (SAFETY, finding 2 and "Geometry at the door"), so
every geometry passes here first. Nothing is repaired in this module.
"""

import re
import struct
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.problems import Problem, Said
from gis.wkb import Scan, scan

Geometries = NDArray[np.object_]
Mask = NDArray[np.bool_]

POINTS = frozenset({"Point"})
POLYGONS = frozenset({"Polygon", "MultiPolygon"})

_TYPE_NAMES = np.array(
    [
        "Point",
        "LineString",
        "LinearRing",
        "Polygon",
        "MultiPoint",
        "MultiLineString",
        "MultiPolygon",
        "GeometryCollection",
    ],
    dtype=object,
)
_COLLECTION = 7
_REASONS = {
    "Self-intersection": Said("the outline crosses itself"),
    "Ring Self-intersection": Said("a ring touches itself"),
    "Hole lies outside shell": Said("a hole lies outside the outline"),
    "Holes are nested": Said("a hole lies inside another hole"),
    "Interior is disconnected": Said("holes cut the area into pieces"),
    "Nested shells": Said("one part lies inside another"),
    "Duplicate Rings": Said("a ring is there twice"),
    "Too few points in geometry component": Said("a part has too few different vertices"),
    "Invalid Coordinate": Said("a coordinate is not a number"),
}
_NUMBER = r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf)"
_PLACE = re.compile(rf"[\[(]({_NUMBER}),? ({_NUMBER})", re.IGNORECASE)

_REDRAW = "Correct it in the source, or ask for a repair and look at the areas before and after."


@dataclass(frozen=True)
class GeometryLimits:
    """How large one geometry may be.

    ``vertices`` a feature, ``depth`` of nested collections, ``furthest`` the
    greatest coordinate in any CRS: beyond it stand the "no data" values of
    other programs, such as -1.8e308 (a Gauss-Krueger easting with its zone
    stays under 6e7).
    """

    vertices: int
    depth: int = 4
    furthest: float = 1e9


WEB_LIMITS = GeometryLimits(vertices=10_000)
"""For what a browser or a phone sends (SAFETY, "Geometry at the door")."""
FILE_LIMITS = GeometryLimits(vertices=200_000)
"""For the features of an imported file; the tables take no more."""


def check(
    geometries: Geometries,
    rows: Sequence[int],
    limits: GeometryLimits,
    types: Collection[str] | None = None,
) -> list[Problem]:
    """Return every fault of an array of geometries, the first fault of each.

    ``geometries`` has shape (n,), ``rows`` numbers them for a person, ``types``
    are the geometry types allowed (all where ``None``). Polygons must have an
    area. A ``None`` is skipped: whether a geometry may be missing is the
    caller's to say.
    """
    checker = _Checker(geometries, rows)
    checker.apply(shapely.is_empty, _empty)
    checker.apply(
        lambda given: shapely.get_num_coordinates(given) > limits.vertices, _large(limits)
    )
    checker.apply(lambda given: _collection_depth(given) > limits.depth, _deep(limits))
    checker.apply(lambda given: ~_each(given, np.isfinite), _not_finite)
    checker.apply(lambda given: ~_each(given, _within(limits.furthest)), _far(limits))
    if types is not None:
        checker.apply(lambda given: ~np.isin(type_names(given), list(types)), _type(types))
    checker.apply(lambda given: ~shapely.is_valid(given), _invalid)
    checker.apply(_without_area, _flat)
    return sorted(checker.problems, key=lambda problem: problem.row or 0)


def type_names(geometries: Geometries) -> Geometries:
    """Return the geometry type of each as text, ``None`` for a missing one."""
    ids = shapely.get_type_id(geometries)
    names: Geometries = _TYPE_NAMES[ids]
    names[ids < 0] = None
    return names


def place_of_fault(geometry: shapely.Geometry) -> tuple[str, tuple[float, float] | None]:
    """Return what is wrong with an invalid geometry, in words, and where.

    The place is x, y in the geometry's own coordinates: a point on the fault
    as GEOS found it, the first where there are several.
    """
    said = str(shapely.is_valid_reason(geometry))
    reason = re.split(r"[\[(]| at or near", said, maxsplit=1)[0].strip()
    match = _PLACE.search(said)
    place = (float(match.group(1)), float(match.group(2))) if match else None
    return _REASONS.get(reason, reason), place


def from_wkb(
    values: Sequence[bytes | None], rows: Sequence[int], limits: GeometryLimits
) -> tuple[Geometries, list[Problem]]:
    """Build geometries from WKB, and a problem for each value that is none.

    The result has the shape of ``values``, ``None`` where the value is ``None``
    or could not be built: an unclosed ring is refused with the place of its
    gap, nothing is closed or dropped in silence.
    """
    wkb = np.array(list(values) or [], dtype=object)
    problems: list[Problem] = []
    for index in (number for number, value in enumerate(values) if _may_nest(value)):
        found = scan(wkb[index], limits.depth)
        if found.fault is not None:
            problems.append(_unreadable(found, rows[index]))
            wkb[index] = None
    built: Geometries = np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), dtype=object)
    failed = shapely.is_missing(built) & np.array([value is not None for value in wkb], dtype=bool)
    for index in np.flatnonzero(failed).tolist():
        problems.append(_unreadable(scan(wkb[index], limits.depth), rows[index]))
    return built, problems


def multipolygons(geometries: Geometries) -> Geometries:
    """Return the geometries in two dimensions, each polygonal one as a MultiPolygon.

    A collection that holds polygons only becomes one as well; points, lines,
    mixed collections and ``None`` come back as they are, only flat.
    """
    flat: Geometries = np.array(
        shapely.force_2d(np.asarray(geometries, dtype=object)), dtype=object
    )
    single = shapely.get_type_id(flat) == shapely.GeometryType.POLYGON
    if single.any():
        flat[single] = shapely.multipolygons(flat[single], indices=np.arange(single.sum()))
    for index in np.flatnonzero(shapely.get_type_id(flat) == _COLLECTION):
        parts = _polygons_of(flat[index])
        if parts:
            flat[index] = shapely.multipolygons(parts)
    return flat


Test = Callable[[Geometries], Mask]
Say = Callable[[shapely.Geometry, int], Problem]


class _Checker:
    """Applies one check after another, each to what passed the ones before."""

    def __init__(self, geometries: Geometries, rows: Sequence[int]) -> None:
        self.geometries = np.asarray(geometries, dtype=object)
        self.rows = rows
        self.left = np.flatnonzero(~shapely.is_missing(self.geometries))
        self.problems: list[Problem] = []

    def apply(self, fails: Test, say: Say) -> None:
        """Report the geometries that ``fails`` marks and leave them out from here on."""
        if not len(self.left):
            return
        failed = np.asarray(fails(self.geometries[self.left]), dtype=bool)
        for index in self.left[failed]:
            self.problems.append(say(self.geometries[index], int(self.rows[index])))
        self.left = self.left[~failed]


def _each(geometries: Geometries, good: Callable[[NDArray[np.float64]], Mask]) -> Mask:
    """Return which geometries have only coordinates that are ``good``."""
    coordinates, owner = shapely.get_coordinates(geometries, return_index=True)
    result = np.ones(len(geometries), dtype=bool)
    result[owner[~good(coordinates).all(axis=1)]] = False
    return result


def _within(furthest: float) -> Callable[[NDArray[np.float64]], Mask]:
    return lambda coordinates: np.abs(coordinates) <= furthest


def _collection_depth(geometries: Geometries) -> NDArray[np.int64]:
    """Return how many levels of collections each geometry has, 0 for a single part."""
    depth = np.zeros(len(geometries), dtype=np.int64)
    parts, owner = np.asarray(geometries, dtype=object), np.arange(len(geometries))
    while True:
        nested = shapely.get_type_id(parts) >= 4
        if not nested.any():
            return depth
        depth[owner[nested]] += 1
        parts, position = shapely.get_parts(parts[nested], return_index=True)
        owner = owner[nested][position]


def _without_area(geometries: Geometries) -> Mask:
    polygonal = np.isin(shapely.get_type_id(geometries), [3, 6])
    flat: Mask = polygonal & ~(shapely.area(geometries) > 0)
    return flat


def _may_nest(value: bytes | None) -> bool:
    """Whether a WKB value could hold collections in collections.

    One polygon in a MultiPolygon, by far the most frequent, cannot.
    """
    if value is None:
        return False
    if len(value) < 18:
        return True
    order = "<" if value[0] == 1 else ">"
    code, count = struct.unpack_from(order + "II", value, 1)
    if code & 0x20000000:
        return True
    if code % 1000 < 4:
        return False
    inner = "<" if value[9] == 1 else ">"
    return bool(count != 1 or struct.unpack_from(inner + "I", value, 10)[0] % 1000 > 3)


def _polygons_of(collection: shapely.Geometry) -> list[shapely.Geometry]:
    """Return the polygons of a collection that holds nothing else, else an empty list."""
    parts = [collection]
    for _ in range(FILE_LIMITS.depth):
        parts = shapely.get_parts(parts).tolist()
    return parts if all(part.geom_type == "Polygon" for part in parts) else []


def _empty(geometry: shapely.Geometry, row: int) -> Problem:
    text = Said("The geometry is an empty {geom_type}.", geom_type=geometry.geom_type)
    return Problem("geometry_empty", text, "Draw it, or leave the row out.", row, "geometry")


def _large(limits: GeometryLimits) -> Say:
    def say(geometry: shapely.Geometry, row: int) -> Problem:
        count = shapely.get_num_coordinates(geometry)
        text = Said(
            "The geometry has {count:,} vertices, more than the {vertices:,} allowed.",
            count=count,
            vertices=limits.vertices,
        )
        remedy = "Divide it or simplify it in the source."
        return Problem("geometry_too_large", text, remedy, row, "geometry")

    return say


def _deep(limits: GeometryLimits) -> Say:
    def say(geometry: shapely.Geometry, row: int) -> Problem:
        text = Said("Collections are nested more than {depth} deep.", depth=limits.depth)
        remedy = "Dissolve the nested collections in the source."
        return Problem("geometry_too_deep", text, remedy, row, "geometry")

    return say


def _not_finite(geometry: shapely.Geometry, row: int) -> Problem:
    number, x, y = _first_vertex(geometry, np.isfinite)
    text = Said("Vertex {number} is ({x:g}, {y:g}): not a place.", number=number, x=x, y=y)
    return Problem("coordinates_not_finite", text, "Correct the vertex.", row, "geometry")


def _far(limits: GeometryLimits) -> Say:
    def say(geometry: shapely.Geometry, row: int) -> Problem:
        number, x, y = _first_vertex(geometry, _within(limits.furthest))
        text = Said(
            "Vertex {number} is ({x:.6g}, {y:.6g}): outside every CRS, a no-data value perhaps.",
            number=number,
            x=x,
            y=y,
        )
        return Problem("coordinates_out_of_range", text, "Correct the vertex.", row, "geometry")

    return say


def _type(types: Collection[str]) -> Say:
    def say(geometry: shapely.Geometry, row: int) -> Problem:
        text = Said(
            "The geometry is a {geom_type}; it must be {listed}.",
            geom_type=geometry.geom_type,
            listed=" or ".join(sorted(types)),
        )
        remedy = "Leave the row out, or choose the layer with the right geometry."
        return Problem("geometry_type", text, remedy, row, "geometry")

    return say


def _invalid(geometry: shapely.Geometry, row: int) -> Problem:
    reason, place = place_of_fault(geometry)
    where = Said(" at x {x:.10g}, y {y:.10g}", x=place[0], y=place[1]) if place else ""
    return Problem(
        "geometry_invalid",
        Said("In this geometry {reason}{where}.", reason=reason, where=where),
        _REDRAW,
        row,
        "geometry",
    )


def _flat(geometry: shapely.Geometry, row: int) -> Problem:
    x, y = shapely.get_coordinates(geometry)[0]
    text = Said("The polygon at x {x:.10g}, y {y:.10g} has no area.", x=x, y=y)
    return Problem("geometry_without_area", text, _REDRAW, row, "geometry")


def _first_vertex(
    geometry: shapely.Geometry, good: Callable[[NDArray[np.float64]], Mask]
) -> tuple[int, float, float]:
    coordinates = shapely.get_coordinates(geometry)
    index = int(np.flatnonzero(~good(coordinates).all(axis=1))[0])
    return index + 1, float(coordinates[index, 0]), float(coordinates[index, 1])


def _unreadable(found: Scan, row: int) -> Problem:
    """Say why a WKB value gave no geometry."""
    if found.fault is None and found.open_rings:
        ring = found.open_rings[0]
        text = Said(
            "Ring {number} of the {kind} is not closed: its last vertex, x {x:.10g}, y {y:.10g}, "
            "is {gap:.6g} units from its first.",
            number=ring.number,
            kind=found.kind,
            x=ring.x,
            y=ring.y,
            gap=ring.gap,
        )
        return Problem("ring_not_closed", text, _REDRAW, row, "geometry")
    reason = found.fault or Said("a part has too few vertices")
    text = Said("The {kind} cannot be built: {reason}.", kind=found.kind, reason=reason)
    return Problem("geometry_broken", text, "Correct it in the source.", row, "geometry")
