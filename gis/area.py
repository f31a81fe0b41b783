"""Areas in the survey CRS, how uncertain they are, and which overlaps are survey noise.

Everything is in metres and square metres of one survey CRS (DOMAIN 13).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike

from gis.overlay import Booleans, Floats, Geometries, Indexes, polygon_parts, sum_by

NARROW = "narrow"
SMALL = "small"


@dataclass(frozen=True)
class Tolerances:
    """What is too little to be told from survey noise; configuration, not law.

    ``width_factor`` and ``sigma_factor`` are the two factors of the sliver rule
    (DOMAIN 13). ``noise_m`` and ``noise_m2`` are the width and the area below
    which an overlap is the rounding of coordinates (a micrometre, a square
    millimetre) and is not even listed; ground that was cut before is cut again on a
    grid of ``grid_m``, a tenth of that width. ``wall_strip_m`` is the strip along outer
    walls that does not count as green (DOMAIN 14, GB 50180-2018 4.0.7).
    """

    width_factor: float = 2.0
    sigma_factor: float = 2.0
    noise_m: float = 1e-6
    noise_m2: float = 1e-6
    grid_m: float = 1e-7
    wall_strip_m: float = 1.0


class Judgement(NamedTuple):
    """Arrays, one entry per connected part, of what the sliver rule says of it."""

    area_m2: Floats
    width_m: Floats
    sigma_m2: Floats
    is_narrow: Booleans
    is_small: Booleans
    is_noise: Booleans

    @property
    def is_sliver(self) -> Booleans:
        """Whether the part is dropped: it is noise, or too narrow, or too small."""
        return self.is_narrow | self.is_small | self.is_noise


def area_m2(geometries: Geometries) -> Floats:
    """Return the area of each geometry in m2, 0 for ``None`` and for what is not an area."""
    areas: Floats = np.nan_to_num(shapely.area(geometries))
    return areas


def width_m(geometries: Geometries) -> Floats:
    """Return 2A/P in m, about the width of a long strip (DOMAIN 13); 0 where nothing is."""
    return _width(area_m2(geometries), geometries)


def combined_rms(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return sqrt(m1^2 + m2^2): the RMS in m of a boundary made by two surveys."""
    return np.hypot(np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))


def sigma_m2(geometries: Geometries, rms: ArrayLike) -> Floats:
    """Return the standard deviation in m2 of each polygon's area.

    sigma_A = m / (2 sqrt 2) * sqrt(sum of d_i^2), where ``rms`` m is the RMS of a
    vertex's position in m and d_i the distance between the two neighbours of
    vertex i in its ring (DOMAIN 13; it is the error propagation of the shoelace
    formula, m^2/2 on each axis). All rings of all parts are summed: holes and
    parts add their variances. For an intersection pass the ``combined_rms`` of
    the two surveys. ``rms`` is one number or one per geometry.
    """
    squares = _square_sums(np.asarray(geometries, dtype=object))
    return np.asarray(rms, dtype=np.float64) / (2 * math.sqrt(2)) * np.sqrt(squares)


def judge(parts: Geometries, rms: ArrayLike, tolerances: Tolerances) -> Judgement:
    """Apply the sliver rule of DOMAIN 13 to connected parts (Polygons) of intersections.

    A part is narrow when 2A/P is under ``width_factor`` times ``rms`` and small
    when A is under ``sigma_factor`` times sigma_A. ``rms`` in m, one number or
    one per part, is the ``combined_rms`` of the two surveys that made the part,
    both for the width (the rule's sqrt(m1^2 + m2^2)) and for sigma_A.
    """
    rms = np.asarray(rms, dtype=np.float64)
    area = area_m2(parts)
    width = _width(area, parts)
    sigma = sigma_m2(parts, rms)
    return Judgement(
        area_m2=area,
        width_m=width,
        sigma_m2=sigma,
        is_narrow=width < tolerances.width_factor * rms,
        is_small=area < tolerances.sigma_factor * sigma,
        is_noise=(width < tolerances.noise_m) | (area < tolerances.noise_m2),
    )


def round_m2(areas: float | Iterable[float]) -> Decimal:
    """Sum areas exactly and round once, to 0.01 m2 (DOMAIN 13).

    Halves go away from zero, as a surveyor rounds by hand and as PostgreSQL's
    ``round(numeric, 2)`` does. The sum is first read at 15 significant digits,
    as PostgreSQL reads a double: 198.785 is stored as 198.78499..., and means
    198.785.
    """
    total = areas if isinstance(areas, int | float) else math.fsum(areas)
    rounded = Decimal(format(total, ".15g")).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return abs(rounded) if rounded.is_zero() else rounded


def _width(area: Floats, geometries: Geometries) -> Floats:
    perimeter = np.nan_to_num(shapely.length(geometries))
    width: Floats = np.zeros_like(area)
    np.divide(2 * area, perimeter, out=width, where=perimeter > 0)
    return width


def _square_sums(geometries: Geometries) -> Floats:
    """Return the sum of d_i^2 in m2 over the vertices of each geometry."""
    rings, owner = _rings(geometries)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    if not len(coordinates):
        return np.zeros(len(geometries))
    # Most vertices stand between their neighbours; a ring repeats its first vertex
    # at its end, so that the neighbours of that one are the second and the last but one.
    apart = coordinates[2:] - coordinates[:-2]
    squares = np.einsum("ij,ij->i", apart, apart)
    squares[ring[2:] != ring[:-2]] = 0.0
    starts = np.flatnonzero(np.diff(ring, prepend=-1))
    ends = np.append(starts[1:], len(ring)) - 1
    closing = coordinates[starts + 1] - coordinates[ends - 1]
    sums = sum_by(ring[1:-1], squares, len(rings))
    sums[ring[starts]] += np.einsum("ij,ij->i", closing, closing)
    return sum_by(owner, sums, len(geometries))


def _rings(geometries: Geometries) -> tuple[Geometries, Indexes]:
    """Return closed rings and the geometry each belongs to.

    A Polygon without holes is its own ring, which spares a copy of nearly all.
    """
    simple = shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON
    simple &= shapely.get_num_interior_rings(geometries) == 0
    everything = np.arange(len(geometries))
    if simple.all():
        return geometries, everything
    parts, owner = polygon_parts(geometries[~simple])
    rings, part = shapely.get_rings(parts, return_index=True)
    rings = np.concatenate([geometries[simple], rings])
    return rings, np.concatenate([everything[simple], everything[~simple][owner[part]]])
