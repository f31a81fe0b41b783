"""Compare standing encroachments with a re-survey: what is still occupied, what is free.

All geometries are arrays in one survey CRS, metres, valid Polygons or MultiPolygons.
"""

from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.area import NARROW, SMALL, Judgement, Tolerances, combined_rms, judge, sigma_m2
from gis.overlay import (
    Booleans,
    Floats,
    Geometries,
    Indexes,
    collect_parts,
    fold,
    only_polygons,
    polygon_parts,
    share_area,
    sum_by,
)


class Ground(NamedTuple):
    """One geometry for each standing encroachment, ``None`` where there is no ground.

    ``sigma_m2`` is the standard deviation of ``area_m2`` (DOMAIN 13), at the combined
    RMS of both surveys wherever the re-survey found a part of the encroachment.
    """

    geometry: Geometries
    area_m2: Floats
    sigma_m2: Floats


class Slivers(NamedTuple):
    """Parts cut off by a re-survey that are survey noise; arrays of one length.

    ``standing`` indexes the standing encroachments. A part that ``is_occupied`` lies
    under a polygon of the re-survey and still counts as reclaimed; another lies beside
    it and still counts as occupied. ``reason`` is ``narrow`` or ``small``.
    """

    standing: Indexes
    is_occupied: Booleans
    geometry: Geometries
    area_m2: Floats
    width_m: Floats
    reason: NDArray[np.str_]


class Residual(NamedTuple):
    """What is still occupied and what is free; together they are the standing ground."""

    occupied: Ground
    reclaimed: Ground
    slivers: Slivers


def residual(
    standing: Geometries,
    standing_rms: Floats,
    found: Geometries,
    found_rms: Floats,
    tolerances: Tolerances,
) -> Residual:
    """Divide ``standing`` (S geometries) by what a re-survey ``found`` occupied (F polygons).

    Each connected part of a standing encroachment is cut by the union of the found
    polygons. A cut-off part that is a sliver (DOMAIN 13, at the combined RMS of the
    standing and the worst found polygon, ``*_rms`` in m) stays with the ground that
    it was cut from, and is listed: neither a fence measured twice nor a strip of noise
    is ever reclaimed, and neither keeps a case open. A part that no line cuts goes
    whole, however small. Where the re-survey did not look is the caller's knowledge:
    here such ground counts as reclaimed.
    """
    parts, owner = polygon_parts(standing)
    rms, under = _under(parts, standing_rms[owner], found, found_rms, tolerances)
    occupied, inside = _real(under, parts, rms, tolerances, is_occupied=True)
    beside = _difference(parts, occupied, tolerances.grid_m)
    free, outside = _real(beside, parts, rms, tolerances, is_occupied=False)
    mended = np.unique(outside.standing)
    occupied[mended] = _difference(parts[mended], free[mended], tolerances.grid_m)
    slivers = Slivers(*(np.concatenate(pair) for pair in zip(inside, outside, strict=True)))
    count = len(standing)
    return Residual(
        _ground(occupied, owner, rms, count),
        _ground(free, owner, rms, count),
        slivers._replace(standing=owner[slivers.standing]),
    )


def _under(
    parts: Geometries, rms: Floats, found: Geometries, found_rms: Floats, tolerances: Tolerances
) -> tuple[Floats, Geometries]:
    """Return the combined RMS of each part and what of it lies under found polygons."""
    at, by = shapely.STRtree(found).query(parts, predicate="intersects")
    noise, grid_m = (tolerances.noise_m, tolerances.noise_m2), tolerances.grid_m
    real = share_area(parts[at], found[by], *noise, grid_m)
    at, by = at[real], by[real]
    worst = np.zeros(len(parts))
    np.maximum.at(worst, at, found_rms[by])
    pieces = only_polygons(shapely.intersection(parts[at], found[by], grid_size=grid_m))
    nothing = np.full(len(parts), shapely.Polygon(), dtype=object)
    under = fold(shapely.union, nothing, pieces, at, np.arange(len(at)), grid_m)
    return combined_rms(rms, worst), under


def _real(
    cut: Geometries, parts: Geometries, rms: Floats, tolerances: Tolerances, *, is_occupied: bool
) -> tuple[Geometries, Slivers]:
    """Return what of ``cut``, one geometry for each part, is no sliver, and the slivers."""
    pieces, at = polygon_parts(cut)
    judged = judge(pieces, rms[at], tolerances)
    whole = shapely.area(parts) - shapely.area(cut) <= tolerances.noise_m2
    keep = ~judged.is_noise & (whole[at] | ~judged.is_sliver)
    listed = ~judged.is_noise & ~keep
    kept = collect_parts(pieces[keep], at[keep], len(parts))
    return kept, _slivers(pieces, at, judged, listed, is_occupied)


def _slivers(
    pieces: Geometries, at: Indexes, judged: Judgement, listed: Booleans, is_occupied: bool
) -> Slivers:
    return Slivers(
        standing=at[listed],
        is_occupied=np.full(listed.sum(), is_occupied),
        geometry=pieces[listed],
        area_m2=judged.area_m2[listed],
        width_m=judged.width_m[listed],
        reason=np.where(judged.is_narrow[listed], NARROW, SMALL),
    )


def _difference(parts: Geometries, taken: Geometries, grid_m: float) -> Geometries:
    """Return each part without what was taken of it, the part itself where nothing was."""
    left = parts.copy()
    some = ~shapely.is_missing(taken)
    free = shapely.difference(parts[some], taken[some], grid_size=grid_m)
    left[some] = only_polygons(free)
    return left


def _ground(geometry: Geometries, owner: Indexes, rms: Floats, count: int) -> Ground:
    """Put the parts of each standing encroachment together again and measure them."""
    pieces, at = polygon_parts(geometry)
    place = owner[at]
    collected = collect_parts(pieces, place, count)
    areas = sum_by(place, shapely.area(pieces), count)
    return Ground(collected, areas, np.sqrt(sum_by(place, sigma_m2(pieces, rms[at]) ** 2, count)))
