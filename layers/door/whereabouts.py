"""Where the numbers of a file would lie, if they were in another CRS than the file says.

A layer that falls outside its community is in most cases right in itself and
mislabelled: another zone, the zone's number in front of the easting, X as
north, degrees for metres. The grids tried are those of CGCS2000 (EPSG:4491 to
4554, Gauss-Krueger in zones of 3 and 6 degrees), UTM, degrees, Web Mercator and
the community's own. In a Gauss-Krueger grid all zones are alike, so that one
inverse projection serves them all: it leaves the central meridian open.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Proj
from pyproj.exceptions import ProjError

from gis.crs import STORAGE_SRID, Geometries, SurveyCRS, pipeline, project
from gis.problems import InputError
from layers.files.delivery import name_crs

Coordinates = NDArray[np.float64]

_PREFIX = 1_000_000
_SAMPLE = 500
_ELLIPSOID_A = 6378137.0
_SHIFTS = ("helmert", "molodensky", "gridshift", "cart")


@dataclass(frozen=True)
class Fit:
    """A CRS in which the numbers would lie where they belong, perhaps with the axes exchanged.

    ``share`` of the sampled vertices, ``middle`` their mean longitude and
    latitude.
    """

    crs: CRS
    is_swapped: bool
    share: float
    middle: tuple[float, float]

    def __str__(self) -> str:
        """Name the CRS, and where the numbers lie in it."""
        x, y = self.middle
        swapped = " with x and y exchanged" if self.is_swapped else ""
        return f"{name_crs(self.crs)}{swapped} (around {x:.4f} E, {y:.4f} N)"

    @property
    def options(self) -> str:
        """The options with which the file would be read so."""
        code = ":".join(self.crs.to_authority() or ("", ""))
        return f"--crs {code}{' --swap-xy' if self.is_swapped else ''}"


def sample(geometries: Geometries) -> Coordinates:
    """Return at most some hundred vertices of the geometries, evenly chosen, shape (n, 2)."""
    coordinates: Coordinates = shapely.get_coordinates(geometries)
    coordinates = coordinates[np.isfinite(coordinates).all(axis=1)]
    if len(coordinates) <= _SAMPLE:
        return coordinates
    chosen: Coordinates = coordinates[np.linspace(0, len(coordinates) - 1, _SAMPLE).astype(int)]
    return chosen


def to_storage(geometries: Geometries, crs: CRS) -> Geometries:
    """Project geometries in ``crs`` to EPSG:4326; raises ``InputError`` by position from 1.

    Geographic CRSs that PROJ takes for the same as WGS 84, such as CGCS2000,
    stay as they are.
    """
    if is_plain_degrees(crs):
        return geometries
    return project(geometries, crs, STORAGE_SRID)


def transform_text(crs: CRS) -> str:
    """Return the PROJ text of the way to storage, to be kept with the survey."""
    return "noop" if is_plain_degrees(crs) else pipeline(crs)


def is_plain_degrees(crs: CRS) -> bool:
    """Whether coordinates are stored as they are: degrees on a datum like WGS 84."""
    return bool(crs.is_geographic) and _is_like_wgs84(crs) and _counts_degrees(crs)


def lacks_shift(crs: CRS) -> bool:
    """Whether the way from this CRS to WGS 84 leaves out the shift between their datums.

    So it is for Beijing 1954 and Xian 1980, whose parameters are not public:
    their numbers would come to lie some hundred metres off.
    """
    if _is_like_wgs84(crs):
        return False
    try:
        return not any(word in pipeline(crs) for word in _SHIFTS)
    except ProjError:
        return True


def fits(
    numbers: Coordinates, ground: shapely.Geometry, survey: SurveyCRS, least: float = 0.9
) -> list[Fit]:
    """Return the CRSs in which a share of at least ``least`` of the numbers lies on the ground.

    ``numbers`` has shape (n, 2), x and y as in the file; ``ground`` is polygonal
    in EPSG:4326. The best comes first; with equal shares those that leave the
    axes as they are, and of these the community's own.
    """
    found = []
    shapely.prepare(ground)
    for is_swapped in (False, True):
        given = numbers[:, ::-1] if is_swapped else numbers
        for crs, places in _readings(given, shapely.centroid(ground), survey):
            inside = shapely.intersects_xy(ground, places)
            if len(places) and inside.mean() >= least:
                found.append(Fit(crs, is_swapped, float(inside.mean()), _middle(places)))
    unique = {(fit.crs.to_epsg(), fit.is_swapped): fit for fit in reversed(found)}
    return sorted(
        unique.values(), key=lambda f: (-f.share, f.is_swapped, f.crs.to_epsg() != survey.srid)
    )


def guesses(numbers: Coordinates) -> list[Fit]:
    """Return what the numbers alone allow to say: degrees, or the zone in front of an easting."""
    found = []
    for is_swapped in (False, True):
        given = numbers[:, ::-1] if is_swapped else numbers
        if not len(given):
            continue
        if _are_degrees(given):
            found.append(Fit(CRS.from_epsg(4490), is_swapped, 1.0, _middle(given)))
            break
        zones = np.unique(given[:, 0] // _PREFIX).astype(int)
        if len(zones) == 1 and _is_northing(given[:, 1]):
            found += [
                Fit(CRS.from_epsg(base + zones[0]), is_swapped, 1.0, _middle(places))
                for base, first, last, width in _PREFIXED
                if first <= zones[0] <= last
                for places in [_zoned(given - (zones[0] * _PREFIX, 0), int(zones[0]), width)]
            ]
    return found


# Base of the EPSG codes, first and last zone, width in degrees.
_PREFIXED = ((4488, 25, 45, 3), (4478, 13, 23, 6))
_UNPREFIXED = ((4509, 25, 45, 3), (4489, 13, 23, 6))


def _readings(
    numbers: Coordinates, middle: shapely.Point, survey: SurveyCRS
) -> Iterator[tuple[CRS, Coordinates]]:
    """Give each CRS worth trying and where the numbers lie in it, in degrees."""
    yield survey.crs, _in_degrees(numbers, survey.crs)
    if _are_degrees(numbers):
        yield CRS.from_epsg(4490), numbers
        return
    web = CRS.from_epsg(3857)
    yield web, _in_degrees(numbers, web)
    if not _is_northing(numbers[:, 1]):
        return
    prefix = float(np.median(numbers[:, 0]) // _PREFIX)
    for base, first, last, width in _PREFIXED if prefix >= 1 else _UNPREFIXED:
        bare = numbers - (prefix * _PREFIX, 0)
        zone = int(prefix) if prefix >= 1 else _zone(bare, middle.x, width)
        if first <= zone <= last:
            yield CRS.from_epsg(base + zone), _zoned(bare, zone, width)
    if prefix == 0:
        zone = round((middle.x - _offset(numbers, 0.9996)[0].mean() + 183) / 6)
        if 1 <= zone <= 60:
            utm = CRS.from_epsg((32600 if middle.y >= 0 else 32700) + zone)
            yield utm, _in_degrees(numbers, utm)


def _zone(bare: Coordinates, longitude: float, width: int) -> int:
    """Return the zone whose central meridian brings eastings nearest to a longitude."""
    meridian = longitude - float(_offset(bare, 1.0)[0].mean())
    return round(meridian / 3) if width == 3 else round((meridian + 3) / 6)


def _zoned(bare: Coordinates, zone: int, width: int) -> Coordinates:
    """Return eastings and northings of a Gauss-Krueger zone as degrees."""
    east, north = _offset(bare, 1.0)
    meridian = 3.0 * zone if width == 3 else 6.0 * zone - 3.0
    return np.column_stack([meridian + east, north])


def _offset(bare: Coordinates, scale: float) -> tuple[Coordinates, Coordinates]:
    """Return degrees east of the central meridian, and latitudes, on GRS 80."""
    grid = Proj(proj="tmerc", lat_0=0, lon_0=0, k=scale, x_0=500_000, ellps="GRS80")
    east, north = grid(bare[:, 0], bare[:, 1], inverse=True)
    return np.asarray(east), np.asarray(north)


def _in_degrees(numbers: Coordinates, crs: CRS) -> Coordinates:
    """Return the places in EPSG:4326 of numbers in ``crs``, those that have one."""
    points = shapely.points(numbers)
    try:
        places: Coordinates = shapely.get_coordinates(to_storage(points, crs))
    except (InputError, ProjError):
        return np.empty((0, 2))
    return places


def _are_degrees(numbers: Coordinates) -> bool:
    return bool((np.abs(numbers[:, 0]) <= 180).all() and (np.abs(numbers[:, 1]) <= 90).all())


def _is_northing(numbers: Coordinates) -> bool:
    return bool((np.abs(numbers) > 90).all() and (np.abs(numbers) < 10_000_000).all())


def _middle(places: Coordinates) -> tuple[float, float]:
    x, y = places.mean(axis=0).tolist()
    return x, y


def _is_like_wgs84(crs: CRS) -> bool:
    ellipsoid = crs.ellipsoid
    if ellipsoid is None or (crs.prime_meridian and crs.prime_meridian.longitude):
        return False
    return abs(ellipsoid.semi_major_metre - _ELLIPSOID_A) < 1.0


def _counts_degrees(crs: CRS) -> bool:
    return all(axis.unit_name == "degree" for axis in crs.axis_info[:2])
