"""Projections between storage (EPSG:4326), files and a community's survey CRS.

In memory x is always east (or longitude) and y north (or latitude), whatever
order an authority writes (EPSG:4550 says north, east). One fixed operation per
CRS leads to storage, the same for every point, so that a survey never tears
where two transformations meet; the way back is its exact inverse, so that
storing and exporting change nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Proj, Transformer
from pyproj.enums import TransformDirection
from pyproj.exceptions import CRSError

from gis.problems import InputError, Problem, Said

STORAGE_SRID = 4326

Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]

_REMEDY = "Name the projected CRS of the survey in metres; for Weihai that is EPSG:4550."


def project(geometries: Geometries, source: CRS | int, target: CRS | int) -> Geometries:
    """Project an array of geometries, all coordinates in one call per step.

    ``geometries`` has any shape and may hold ``None`` and empty geometries,
    which stay as they are; Z is dropped. ``source`` and ``target`` are a CRS or
    an EPSG code; between two that are not storage the way leads through it.
    Raises ``InputError`` naming each row (from 1) that has no finite place in
    ``target``.
    """
    given = _flat(np.asarray(geometries, dtype=object))
    start, end, storage = _crs(source), _crs(target), _crs(STORAGE_SRID)
    if start == end:
        return given
    if start != storage:
        given = _move(given, lambda x, y: _to_storage(start, x, y), storage)
    if end != storage:
        given = _move(given, lambda x, y: _from_storage(end, x, y), end)
    return given


def pipeline(crs: CRS | int) -> str:
    """Return the PROJ text of the operation from ``crs`` to storage, to be kept with a survey."""
    return str(_operation(_crs(crs)).definition)


@dataclass(frozen=True)
class SurveyCRS:
    """The projected CRS, in metres, in which a community's lengths and areas are taken.

    Raises ``InputError`` where ``srid`` is unknown, is not projected, is not in
    metres, does not count x to the east and y to the north, or is a Mercator
    for the web, whose areas are wrong by half at Weihai's latitude (DOMAIN,
    survey and maps).
    """

    srid: int

    def __post_init__(self) -> None:
        """Refuse a CRS in which an area could not be taken."""
        problems = _survey_problems(self.srid)
        if problems:
            raise InputError(problems)

    def to_survey(self, geometries: Geometries) -> Geometries:
        """Project stored geometries (EPSG:4326, x = longitude) into metres."""
        return project(geometries, STORAGE_SRID, self.srid)

    def to_storage(self, geometries: Geometries) -> Geometries:
        """Project geometries in metres to storage (EPSG:4326, x = longitude)."""
        return project(geometries, self.srid, STORAGE_SRID)

    @property
    def crs(self) -> CRS:
        """The CRS as pyproj knows it."""
        return _crs(self.srid)

    @property
    def name(self) -> str:
        """The authority's name, such as ``CGCS2000 / 3-degree Gauss-Kruger CM 123E``."""
        return str(self.crs.name)

    @property
    def pipeline(self) -> str:
        """PROJ text of the operation from survey to storage."""
        return pipeline(self.srid)

    @cached_property
    def central_meridian(self) -> float | None:
        """Degrees east of Greenwich; ``None`` unless a Transverse Mercator."""
        if not self._is_transverse_mercator:
            return None
        return self._parameter("Longitude of natural origin")

    @cached_property
    def false_easting(self) -> float:
        """Metres added to every easting (41500000 where the zone is prefixed)."""
        easting = self._parameter("False easting")
        return (easting or self._parameter("Easting at projection centre")) or 0.0

    @property
    def zone_width(self) -> int | None:
        """Degrees of a Gauss-Krueger (3 or 6) or UTM zone (6), else ``None``."""
        if not self._is_transverse_mercator:
            return None
        if "3-degree" in self.name:
            return 3
        return 6 if "Gauss-Kruger" in self.name or "UTM zone" in self.name else None

    @property
    def zone(self) -> int | None:
        """The number of the zone: 41 for EPSG:4550 and 4529; ``None`` without zones."""
        meridian, width = self.central_meridian, self.zone_width
        if meridian is None or width is None:
            return None
        if width == 3:
            return round(meridian / 3) % 120 or 120
        first = 183 if "UTM zone" in self.name else 3
        return round((meridian + first) / 6) % 60 or 60

    @property
    def is_prefixed(self) -> bool:
        """Whether eastings begin with the zone's number (EPSG:4529: 41 500 000)."""
        zone = self.zone
        return zone is not None and self.false_easting == zone * 1_000_000 + 500_000

    @cached_property
    def area_of_use(self) -> tuple[float, float, float, float] | None:
        """Degrees ``west, south, east, north`` within which the CRS is meant to be used."""
        area = self.crs.area_of_use
        return None if area is None else (area.west, area.south, area.east, area.north)

    @cached_property
    def extent(self) -> tuple[float, float, float, float] | None:
        """The area of use in metres: least and greatest x and y as ``minx, miny, maxx, maxy``."""
        area = self.area_of_use
        if area is None:
            return None
        box = shapely.segmentize(shapely.box(*area), 0.25)
        projected = self.to_survey(np.array([box], dtype=object))
        least_x, least_y, greatest_x, greatest_y = shapely.bounds(projected[0]).tolist()
        return least_x, least_y, greatest_x, greatest_y

    def contains(self, longitude: float, latitude: float) -> bool:
        """Whether a place in degrees lies within the area of use (true where none is given)."""
        area = self.area_of_use
        if area is None:
            return True
        west, south, east, north = area
        return west <= longitude <= east and south <= latitude <= north

    def areal_scale(self, longitude: float, latitude: float) -> float:
        """Return m2 in this CRS per m2 on its ellipsoid at a place (1.00012 at Weihai in 4550)."""
        factors = Proj(self.crs).get_factors(longitude, latitude, radians=False)
        return float(factors.areal_scale)

    @property
    def _is_transverse_mercator(self) -> bool:
        operation = self.crs.coordinate_operation
        return operation is not None and operation.method_name == "Transverse Mercator"

    def _parameter(self, name: str) -> float | None:
        operation = self.crs.coordinate_operation
        parameters = operation.params if operation is not None else []
        return next((float(one.value) for one in parameters if one.name == name), None)


def _survey_problems(srid: int) -> list[Problem]:
    """Return why ``srid`` cannot be a survey CRS, nothing when it can."""
    try:
        crs = _crs(srid)
    except CRSError:
        return [Problem("crs_unknown", Said("EPSG:{srid} is not a known CRS.", srid=srid), _REMEDY)]
    if not crs.is_projected:
        text = Said(
            "EPSG:{srid} ({name}) is not projected: areas in it are not square metres.",
            srid=srid,
            name=crs.name,
        )
        return [Problem("crs_not_projected", text, _REMEDY)]
    problems = []
    if {axis.unit_conversion_factor for axis in crs.axis_info} != {1.0}:
        text = Said("EPSG:{srid} ({name}) does not count in metres.", srid=srid, name=crs.name)
        problems.append(Problem("crs_not_metres", text, _REMEDY))
    if sorted(axis.direction for axis in crs.axis_info) != ["east", "north"]:
        text = Said(
            "EPSG:{srid} ({name}) does not have one axis to the east and one to the north.",
            srid=srid,
            name=crs.name,
        )
        problems.append(Problem("crs_axes", text, _REMEDY))
    operation = crs.coordinate_operation
    if operation is not None and operation.method_name in _WEB_METHODS:
        text = Said(
            "EPSG:{srid} ({name}) inflates areas, at Weihai by 58 %.", srid=srid, name=crs.name
        )
        problems.append(Problem("crs_mercator", text, _REMEDY))
    return problems


_WEB_METHODS = {
    "Popular Visualisation Pseudo Mercator",
    "Mercator (variant A)",
    "Mercator (variant B)",
}


def _crs(crs: CRS | int) -> CRS:
    return _from_epsg(crs) if isinstance(crs, int) else crs


@lru_cache(maxsize=256)
def _from_epsg(srid: int) -> CRS:
    return CRS.from_epsg(srid)


@lru_cache(maxsize=256)
def _operation(crs: CRS) -> Transformer:
    """Return the one operation from ``crs`` to storage that serves all points.

    PROJ would choose an operation for each point by its area of use. The one it
    chooses in the middle of the CRS's own area is taken for all. A Transformer
    built from a pipeline is rebuilt by pyproj in each thread (its
    ``TransformerLocal``), so that the cached one is safe to share.
    """
    choosing = Transformer.from_crs(crs, _crs(STORAGE_SRID), always_xy=True)
    choosing.transform(*_middle(crs))
    return Transformer.from_pipeline(choosing.get_last_used_operation().definition)


def _middle(crs: CRS) -> tuple[float, float]:
    """Return the middle of the area of use in the units of ``crs``, x first."""
    if crs.area_of_use is None:
        return 0.0, 0.0
    west, south, east, north = crs.area_of_use.bounds
    to_crs = Transformer.from_crs(_crs(STORAGE_SRID), crs, always_xy=True)
    x, y = to_crs.transform((west + east) / 2, (south + north) / 2)
    return float(x), float(y)


def _to_storage(crs: CRS, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    longitude, latitude = _operation(crs).transform(x, y)
    return longitude, latitude


def _from_storage(crs: CRS, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Invert the operation to storage, exactly.

    PROJ inverts a Helmert shift by transposing its small-angle matrix, which
    misses by a millimetre in the Netherlands. What is missed in storage is aimed
    for in addition, until nothing is missed; twice is enough.
    """
    operation, inverse = _operation(crs), TransformDirection.INVERSE
    x, y = operation.transform(longitude, latitude, direction=inverse)
    aim = given = np.array([longitude, latitude])
    for _ in range(2 if _is_shifted(crs) and np.isfinite([x, y]).all() else 0):
        aim = aim + given - np.array(operation.transform(x, y))
        x, y = operation.transform(aim[0], aim[1], direction=inverse)
    return x, y


@lru_cache(maxsize=256)
def _is_shifted(crs: CRS) -> bool:
    """Whether PROJ's own way back does not lead back to the place it came from."""
    operation, start = _operation(crs), _middle(crs)
    back = operation.transform(*operation.transform(*start), direction=TransformDirection.INVERSE)
    unit = 1e-12 if crs.is_geographic else 1e-7
    return bool(np.abs(np.subtract(back, start)).max() > unit)


def _move(
    geometries: Geometries,
    operation: Callable[[Floats, Floats], tuple[Floats, Floats]],
    target: CRS,
) -> Geometries:
    """Apply ``operation`` to every coordinate and refuse rows that leave the plane."""
    x, y = shapely.get_coordinates(geometries).T
    moved = np.column_stack(operation(x, y))
    finite = np.isfinite(moved)
    if not finite.all():
        _coordinates, index = shapely.get_coordinates(geometries, return_index=True)
        outside = np.unique(index[~finite.all(axis=1)])
        remedy = "Check which CRS the coordinates are in and the order of x and y."
        text = Said("A coordinate has no place in {name}.", name=target.name)
        rows = (int(row) + 1 for row in outside)
        raise InputError([Problem("crs_outside", text, remedy, row=row) for row in rows])
    projected: Geometries = shapely.set_coordinates(geometries.copy(), moved)
    return projected


def _flat(geometries: Geometries) -> Geometries:
    """Drop Z and M; most have neither and need no copy."""
    deep = shapely.has_z(geometries) | shapely.has_m(geometries)
    flat: Geometries = shapely.force_2d(geometries) if deep.any() else geometries
    return flat
