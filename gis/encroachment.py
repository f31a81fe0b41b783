"""Lay observations over parcels and flag what they take of the common green.

The one implementation of flagging (DESIGN, decision 3): for one polygon from a
phone, for a city, and per partition. All geometries are arrays in one survey CRS,
metres, already valid Polygons or MultiPolygons (the door checks them).

The rules. Each connected part of the raw intersection of an observation with a
parcel is judged a sliver or not (DOMAIN 13) before any ground is shared out; what
stays is the observation's *claim* on the parcel. A point under several claims
belongs to the first of them: the observation of the lowest rank, then the parcel
that accuses least, then the parcel of the lowest rank. So the areas of any grouping
add up to the area of the union (DOMAIN 14), a dropped sliver takes no ground from
another's enclosure, and ground under two titles does not accuse (DOMAIN 1). What an
observation loses depends on lower ranks that overlap it and on nothing else: the
order of input does not matter, and a part of a city gives what the whole city gives
as long as the overlapping neighbours are there.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.area import (
    NARROW,
    SMALL,
    Judgement,
    Tolerances,
    combined_rms,
    judge,
    width_m,
)
from gis.overlay import (
    Booleans,
    Floats,
    Geometries,
    Indexes,
    collect_parts,
    fold,
    interiors_meet,
    intersect,
    only_polygons,
    polygon_parts,
    share_area,
    sum_by,
)
from gis.problems import InputError, Problem
from gis.walls import outside_strip_m2

SLIVER = "sliver"
UNKNOWN_TITLE = "unknown_title"

Strings = NDArray[np.str_]

_AREAL = (
    shapely.GeometryType.MISSING,
    shapely.GeometryType.POLYGON,
    shapely.GeometryType.MULTIPOLYGON,
)


class Accusation(IntEnum):
    """What an overlap with a parcel may lead to; the lower code keeps contested ground.

    ``NEVER``: not public green, or an individual's by title. ``UNKNOWN``: title
    unknown or disputed, listed for title work. ``COMMON``: common green whose title
    is known, so that its occupation is an encroachment (DOMAIN 1).
    """

    NEVER = 0
    UNKNOWN = 1
    COMMON = 2


@dataclass(frozen=True)
class Observations:
    """N enclosures as seen: ``geometry``, ``rms`` of a vertex in m, ``rank``.

    ``rank`` is an integer that no other has; the lower one keeps shared ground. Make
    it from what does not change, such as the date and the identifier. Rows without
    geometry (``None`` or empty) are allowed and take nothing.
    """

    geometry: Geometries
    rms: Floats
    rank: Indexes

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together and geometries that are no areas."""
        _refuse(_layer_problems("observation", self.geometry, self.rms, self.rank))


@dataclass(frozen=True)
class Parcels:
    """P parcels: ``geometry``, ``rms`` in m, unique ``rank``, ``accusation`` codes."""

    geometry: Geometries
    rms: Floats
    rank: Indexes
    accusation: NDArray[np.integer]

    def __post_init__(self) -> None:
        """Refuse what observations refuse, and codes that mean nothing."""
        problems = _layer_problems("parcel", self.geometry, self.rms, self.rank)
        if len(self.accusation) != len(self.geometry):
            problems.append(_unequal("parcel", "accusation"))
        elif not np.isin(self.accusation, list(Accusation)).all():
            text = "An accusation code of a parcel is none of 0, 1 and 2."
            problems.append(Problem("accusation_unknown", text, "Use the codes of Accusation."))
        _refuse(problems)


@dataclass(frozen=True)
class Encroachments:
    """What observations take of common green, shared ground once; arrays of one length.

    ``observation`` and ``parcel`` index the inputs. ``geometry`` is a valid Polygon
    or MultiPolygon. ``occupied_m2`` is its area, ``countable_m2`` the area outside
    the wall strip (DOMAIN 14), ``sigma_m2`` the standard deviation of the occupied
    area at the combined RMS of both surveys (DOMAIN 13). Sorted by the rank of the
    observation, then of the parcel.
    """

    observation: Indexes
    parcel: Indexes
    geometry: Geometries
    occupied_m2: Floats
    countable_m2: Floats
    sigma_m2: Floats

    def __len__(self) -> int:
        """Return the number of encroachments."""
        return len(self.observation)


@dataclass(frozen=True)
class Findings:
    """What accuses nobody and is listed all the same; arrays of one length.

    ``kind`` is ``sliver`` (a part of a raw intersection, dropped; ``reason`` is
    ``narrow`` or ``small``) or ``unknown_title`` (``reason`` the same; its ground is
    shared out like that of encroachments). ``area_m2`` and ``width_m`` (2A/P) are of
    ``geometry``. Slivers come first; each kind is sorted like encroachments.
    """

    observation: Indexes
    parcel: Indexes
    kind: Strings
    geometry: Geometries
    area_m2: Floats
    width_m: Floats
    reason: Strings

    def __len__(self) -> int:
        """Return the number of findings."""
        return len(self.observation)


class Flagged(NamedTuple):
    """The answer of ``flag``."""

    encroachments: Encroachments
    findings: Findings


def flag(
    observations: Observations,
    parcels: Parcels,
    tolerances: Tolerances,
    *,
    targets: Booleans | None = None,
    taken: Geometries | None = None,
    walls: Geometries | None = None,
) -> Flagged:
    """Return the encroachments and the findings of the observations on the parcels.

    ``targets`` (N booleans) asks for those observations only; the others must be
    given where they overlap a target, and take their ground if their rank is lower.
    ``parcels`` must hold all that the targets overlap. ``taken`` are geometries of
    encroachments that already stand: their ground is taken away before anything is
    judged, so that a second survey of the same fence finds slivers and no new
    encroachment. ``walls`` are building footprints; without them all ground counts.

    Raises ``InputError`` naming the rows (from 1) whose geometry GEOS cannot overlay.
    """
    chosen = np.ones(len(observations.rank), dtype=bool) if targets is None else targets
    try:
        claims, slivers = _claim(observations, parcels, tolerances, chosen, taken)
        claims = _share_out(claims, tolerances)
        claims = claims.where(chosen[claims.observation])
        title = parcels.accusation[claims.parcel]
        encroachments = _encroachments(claims.where(title == Accusation.COMMON), walls, tolerances)
    except shapely.errors.GEOSException as error:
        raise InputError(_overlay_problems(observations, parcels, error)) from error
    unknown = _unknown_title(claims.where(title == Accusation.UNKNOWN))
    return Flagged(encroachments, _one_after_another(slivers, unknown))


class _Claims(NamedTuple):
    """Geometries, each of one observation on one parcel, the first claim first.

    ``alone`` is true where neither the observation nor the parcel intersects another.
    """

    observation: Indexes
    parcel: Indexes
    geometry: Geometries
    rms: Floats
    area: Floats
    sigma: Floats
    alone: Booleans

    def where(self, index: Booleans | Indexes) -> "_Claims":
        """Return the claims at ``index``."""
        return _Claims(
            self.observation[index],
            self.parcel[index],
            self.geometry[index],
            self.rms[index],
            self.area[index],
            self.sigma[index],
            self.alone[index],
        )


def _claim(
    observations: Observations,
    parcels: Parcels,
    tolerances: Tolerances,
    chosen: Booleans,
    taken: Geometries | None,
) -> tuple[_Claims, Findings]:
    """Intersect, judge each connected part, and return the claims and the slivers."""
    seen, ground = _pairs(observations, parcels, chosen)
    raw = intersect(observations.geometry[seen], parcels.geometry[ground])
    if taken is not None:
        raw = _without(raw, taken, tolerances)
    rms = combined_rms(observations.rms[seen], parcels.rms[ground])
    parts, pair = polygon_parts(raw)
    judged = judge(parts, rms[pair], tolerances)
    listed = judged.is_sliver & ~judged.is_noise & chosen[seen[pair]]
    listed &= parcels.accusation[ground[pair]] != Accusation.NEVER
    slivers = _slivers(seen[pair], ground[pair], parts, judged, listed)
    keep = ~judged.is_sliver
    parts, pair, count = parts[keep], pair[keep], len(seen)
    claims = _Claims(
        observation=seen,
        parcel=ground,
        geometry=collect_parts(parts, pair, count),
        rms=rms,
        area=sum_by(pair, judged.area_m2[keep], count),
        sigma=np.sqrt(sum_by(pair, judged.sigma_m2[keep] ** 2, count)),
        alone=(np.bincount(seen)[seen] == 1) & (np.bincount(ground)[ground] == 1),
    )
    return claims.where(claims.area > 0), slivers


def _pairs(
    observations: Observations, parcels: Parcels, chosen: Booleans
) -> tuple[Indexes, Indexes]:
    """Return observations and parcels that intersect, pair by pair in the order of claims.

    Left out are observations that could only lose ground to the chosen ones, and
    those on which nothing but parcels that never accuse was found.
    """
    last = observations.rank[chosen].max(initial=np.iinfo(np.int64).min)
    useful = np.flatnonzero(chosen | (observations.rank < last))
    tree = shapely.STRtree(parcels.geometry)
    found, ground = tree.query(observations.geometry[useful], predicate="intersects")
    seen = useful[found]
    accused = np.zeros(len(chosen), dtype=bool)
    accused[seen[parcels.accusation[ground] != Accusation.NEVER]] = True
    seen, ground = seen[accused[seen]], ground[accused[seen]]
    precedence = parcels.rank[ground], parcels.accusation[ground], observations.rank[seen]
    order = np.lexsort(precedence)
    return seen[order], ground[order]


def _without(raw: Geometries, taken: Geometries, tolerances: Tolerances) -> Geometries:
    """Take from each intersection the ground of ``taken``."""
    areas = only_polygons(raw)
    at, by = shapely.STRtree(taken).query(areas, predicate="intersects")
    noise = tolerances.noise_m, tolerances.noise_m2
    real = share_area(areas[at], taken[by], *noise, tolerances.grid_m)
    return fold(shapely.difference, areas, taken, at[real], by[real], tolerances.grid_m)


def _share_out(claims: _Claims, tolerances: Tolerances) -> _Claims:
    """Give ground under several claims to the first of them.

    A claim loses the whole of each earlier claim that overlaps it, whatever that
    one has lost itself: what the earlier lost, a still earlier one has. What is
    left of a claim is judged no more, except that the rounding of coordinates goes.
    """
    later, earlier, left = _contested(claims, tolerances)
    cut, first = np.unique(later, return_index=True)
    geometry = claims.geometry.copy()
    geometry[cut] = only_polygons(left[first])
    later, earlier = np.delete(later, first), np.delete(earlier, first)
    uncut, grid_m = claims.geometry, tolerances.grid_m
    geometry = fold(shapely.difference, geometry, uncut, later, earlier, grid_m)
    parts, owner = polygon_parts(geometry[cut])
    judged = judge(parts, claims.rms[cut][owner], tolerances)
    real, count = ~judged.is_noise, len(cut)
    owner = owner[real]
    claims.geometry[cut] = collect_parts(parts[real], owner, count)
    claims.area[cut] = sum_by(owner, judged.area_m2[real], count)
    claims.sigma[cut] = np.sqrt(sum_by(owner, judged.sigma_m2[real] ** 2, count))
    return claims.where(claims.area > 0)


def _contested(claims: _Claims, tolerances: Tolerances) -> tuple[Indexes, Indexes, Geometries]:
    """Return pairs of claims that overlap: the later, the earlier, what it leaves of the later.

    Sorted by the later, then the earlier. Two claims can only overlap if they have an
    observation in common, or a parcel, or if each observation intersects both parcels:
    so claims that were alone, the most of them, are not looked at.
    """
    candidates = np.flatnonzero(~claims.alone)
    geometry = claims.geometry[candidates]
    one, other = shapely.STRtree(geometry).query(geometry)
    later, earlier = candidates[one[one > other]], candidates[other[one > other]]
    order = np.lexsort((earlier, later))
    later, earlier = later[order], earlier[order]
    meet = interiors_meet(claims.geometry[later], claims.geometry[earlier], tolerances.noise_m)
    later, earlier = later[meet], earlier[meet]
    left = shapely.difference(claims.geometry[later], claims.geometry[earlier])
    real = claims.area[later] - shapely.area(left) > tolerances.noise_m2
    return later[real], earlier[real], left[real]


def _encroachments(
    claims: _Claims, walls: Geometries | None, tolerances: Tolerances
) -> Encroachments:
    countable = claims.area.copy()
    if walls is not None and len(walls):
        countable = outside_strip_m2(claims.geometry, walls, tolerances.wall_strip_m)
    return Encroachments(
        observation=claims.observation,
        parcel=claims.parcel,
        geometry=claims.geometry,
        occupied_m2=claims.area,
        countable_m2=countable,
        sigma_m2=claims.sigma,
    )


def _slivers(
    seen: Indexes, ground: Indexes, parts: Geometries, judged: Judgement, listed: Booleans
) -> Findings:
    narrow = judged.is_narrow[listed]
    return Findings(
        observation=seen[listed],
        parcel=ground[listed],
        kind=np.full(len(narrow), SLIVER),
        geometry=parts[listed],
        area_m2=judged.area_m2[listed],
        width_m=judged.width_m[listed],
        reason=np.where(narrow, NARROW, SMALL),
    )


def _unknown_title(claims: _Claims) -> Findings:
    label = np.full(len(claims.observation), UNKNOWN_TITLE)
    return Findings(
        observation=claims.observation,
        parcel=claims.parcel,
        kind=label,
        geometry=claims.geometry,
        area_m2=claims.area,
        width_m=width_m(claims.geometry),
        reason=label.copy(),
    )


def _one_after_another(first: Findings, second: Findings) -> Findings:
    pairs = zip(vars(first).values(), vars(second).values(), strict=True)
    return Findings(*(np.concatenate(pair) for pair in pairs))


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InputError(problems)


def _layer_problems(layer: str, geometry: Geometries, rms: Floats, rank: Indexes) -> list[Problem]:
    """Return what is wrong with the arrays of one layer."""
    columns = {"rms": rms, "rank": rank}
    unequal = [_unequal(layer, name) for name in columns if len(columns[name]) != len(geometry)]
    kinds = np.isin(shapely.get_type_id(geometry), _AREAL)
    order = np.argsort(rank, kind="stable")
    twice = np.zeros(len(rank), dtype=bool)
    twice[order[1:]] = rank[order[1:]] == rank[order[:-1]]
    measured = np.isfinite(rms) & (rms >= 0)
    return [
        *unequal,
        *_rows(layer, "geometry", ~kinds, "is not an area.", "Give Polygons or MultiPolygons."),
        *_rows(layer, "rms", ~measured, "has no RMS error.", "Give it in metres, 0 or more."),
        *_rows(layer, "rank", twice, "has another's rank.", "Give each its own rank."),
    ]


def _rows(layer: str, name: str, wrong: Booleans, fault: str, remedy: str) -> list[Problem]:
    """Return one problem for each row (from 1) at which ``wrong`` is true."""
    text = f"The {layer} {fault}"
    rows = (int(row) + 1 for row in np.flatnonzero(wrong))
    return [Problem(f"{layer}_{name}", text, remedy, row=row, field=name) for row in rows]


def _unequal(layer: str, name: str) -> Problem:
    text = f"There are not as many values of {name} as {layer} geometries."
    return Problem(f"{layer}_{name}_count", text, "Give one for each geometry.", field=name)


def _overlay_problems(
    observations: Observations, parcels: Parcels, error: shapely.errors.GEOSException
) -> list[Problem]:
    """Name the invalid geometries that made GEOS give up; they are looked for only then."""
    layers = {"observation": observations.geometry, "parcel": parcels.geometry}
    problems = [
        problem
        for layer, geometry in layers.items()
        for problem in _rows(
            layer,
            "geometry",
            ~(shapely.is_valid(geometry) | shapely.is_missing(geometry)),
            "crosses or touches itself.",
            "Repair it before flagging.",
        )
    ]
    text = f"The overlay failed: {error}."
    return problems or [Problem("overlay", text, "Check the walls and the ground taken.")]
