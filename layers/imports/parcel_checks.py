"""What is asked of parcels beside their own geometry: the ground of others, and stated areas."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.area import sigma_m2
from gis.crs import Geometries, SurveyCRS
from gis.problems import Problem
from layers.files.delivery import Notice
from layers.frames import frame, geometries, overlapping, wkb
from layers.imports.coverage import Ground
from layers.imports.overlaps import Overlap, overlaps_between, overlaps_within, say
from layers.imports.plans import ImportPolicy, Prepared
from layers.models import Community, Parcel
from layers.titles import unproven

FEW = 64
STATED_FIELDS = ("area_m2", "register_m2", "面积")
"""Columns that are taken for a parcel's area as the source states it, in m2."""

_REMEDY = "Correct the outline, give the changed parcel its old ref, or --allow-overlaps."


def overlap_problems(
    session: Session,
    community: Community,
    prepared: Prepared,
    moved: Sequence[int],
    replaced: Sequence[uuid.UUID],
    policy: ImportPolicy,
) -> list[Problem]:
    """Return a problem for each row whose ground another parcel has, beyond survey noise.

    ``moved`` are the positions of rows whose ground is new; ``replaced`` are the
    stored parcels that the delivery itself gives, which are compared as given.
    """
    if not len(moved):
        return []
    rms = np.array(prepared.column("rms_m"), dtype=np.float64)
    given = Ground(prepared.metric, rms)
    found: dict[int, list[tuple[str, float]]] = {}
    for one in overlaps_within(given, policy.tolerances):
        _add(found, one, one.second, prepared.refs[one.first])
    mine = Ground(prepared.metric[moved], rms[moved])
    others = _others(session, community, prepared.stored[moved], replaced)
    if not others.empty:
        metric = SurveyCRS(community.survey_srid).to_survey(geometries(others))
        theirs = Ground(metric, others["rms_m"].to_numpy(dtype=np.float64))
        for one in overlaps_between(mine, theirs, policy.tolerances):
            _add(found, one, moved[one.first], others["ref"][one.second])
    return [
        Problem(
            "parcel_overlap",
            say(sum(area for _, area in shared), prepared.refs[at], [ref for ref, _ in shared]),
            _REMEDY,
            prepared.rows[at],
            "geometry",
        )
        for at, shared in sorted(found.items())
    ]


def protected_problems(
    prepared: Prepared, changed: Mapping[int, uuid.UUID], reasons: Mapping[uuid.UUID, str]
) -> list[Problem]:
    """Return a problem for each changed parcel whose ground carries a case."""
    remedy = "Give the new ground a ref of its own, or settle the case first."
    return [
        Problem("parcel_protected", reasons[key], remedy, prepared.rows[at], "geometry")
        for at, key in changed.items()
        if key in reasons
    ]


def title_problems(prepared: Prepared, titles: Mapping[int, Mapping[str, Any]]) -> list[Problem]:
    """Return a problem for each row whose title names nothing that it rests on.

    ``titles`` are the columns that :func:`layers.titles.unproven` judges, by position. Where
    no row has any evidence, that is one problem of the whole file.
    """
    lacking = {at: unproven(title) for at, title in titles.items()}
    lacking = {at: names for at, names in lacking.items() if names}
    if "title_evidence" not in prepared.values and len(lacking) == len(titles) > 1:
        text = "The titles of these parcels have no evidence, and no column holds title_evidence."
        remedy = "Name it: --field title_evidence=COLUMN, or --set title_evidence=TEXT for all."
        return [Problem("title_unproven", text, remedy, field="title_evidence")]
    return [
        Problem(
            "title_unproven",
            f"The title {titles[at]['title_basis']} of {prepared.refs[at]} has no {name}.",
            f"Give {name}, or leave the title unknown: then it accuses nobody.",
            prepared.rows[at],
            name,
        )
        for at, names in lacking.items()
        for name in names
    ]


def stated_areas(
    columns: pd.DataFrame, prepared: Prepared, name: str | None, policy: ImportPolicy
) -> list[Notice]:
    """Compare computed areas with those that the file states, in m2.

    They agree within ``policy.stated_m2`` or twice the uncertainty of the
    computed area (DOMAIN 13), whichever is more. ``name`` is the column.
    """
    column = name or next((one for one in STATED_FIELDS if one in columns.columns), None)
    if column is None:
        return []
    stated = pd.to_numeric(columns[column], errors="coerce").to_numpy(dtype=np.float64)
    rms = np.array(prepared.column("rms_m"), dtype=np.float64)
    allowed = np.maximum(policy.stated_m2, 2 * sigma_m2(prepared.metric, rms))
    apart = np.abs(shapely.area(prepared.metric) - stated)
    there = ~np.isnan(stated)
    off = np.flatnonzero(there & (apart > allowed))
    text = f"{int(there.sum()) - len(off):,} of {int(there.sum()):,} areas agree with {column}"
    if not len(off):
        return [Notice("area_agrees", f"{text}, by {np.nanmax(apart, initial=0):.2f} m2 or less.")]
    text += f"; the others differ by up to {apart[off].max():.2f} m2."
    return [Notice("area_differs", text, tuple(prepared.rows[at] for at in off))]


def _add(found: dict[int, list[tuple[str, float]]], one: Overlap, at: int, other: str) -> None:
    found.setdefault(at, []).append((other, one.area_m2))


def _others(
    session: Session, community: Community, stored: Geometries, replaced: Sequence[uuid.UUID]
) -> pd.DataFrame:
    """Return the stored parcels near the given ones (EPSG:4326) that are not replaced."""
    query = select(Parcel.id, Parcel.ref, Parcel.rms_m, wkb(Parcel.geom))
    query = query.where(Parcel.community_id == community.id)
    if len(stored) <= FEW:
        query = overlapping(query, Parcel.geom, stored)
    found = frame(session, query).drop_duplicates("id")
    return found[~found["id"].isin(list(replaced))].reset_index(drop=True)
