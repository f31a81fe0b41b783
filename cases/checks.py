"""What must always hold, verified against the database itself."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from cases.chain import Head, first_fault
from cases.figures import last_states
from cases.models import AreaEntry, Case, Encroachment, EntryKind, Objection
from cases.photograph_files import PhotographFiles
from cases.photographs import hashes
from gis.crs import SurveyCRS
from layers.db import durability_faults, role_faults
from layers.frames import frame, geometries, wkb
from layers.models import Community, Parcel

# Ten thousand micrometre-wide seams of 1 m; a hundredth of what is reported.
EQUAL_M2 = 1e-4
# What storing in degrees and rounding to a micrometre may do to one polygon.
STORED_M2 = 1e-3


@dataclass(frozen=True)
class Violation:
    """One broken rule, where, and what it says."""

    rule: str
    place: str
    message: str


def check_database(session: Session) -> list[Violation]:
    """Return what is wrong with the server and its roles (SAFETY)."""
    connection = session.connection()
    faults = [Violation("role", "database", fault) for fault in role_faults(connection)]
    faults += [Violation("durability", "database", f) for f in durability_faults(connection)]
    marked = session.scalar(
        text(
            "SELECT proleakproof FROM pg_proc"
            " WHERE oid = 'geometry_overlaps(geometry, geometry)'::regprocedure"
        )
    )
    if not marked:
        message = (
            "geometry_overlaps is not marked leakproof, so row-level security turns spatial"
            " look-ups into full scans: as a superuser run ALTER FUNCTION"
            " geometry_overlaps(geometry, geometry) LEAKPROOF."
        )
        faults.append(Violation("leakproof", "database", message))
    return faults


def check_community(
    session: Session, community: Community, noted: Head | None = None
) -> list[Violation]:
    """Return every broken invariant of one community.

    ``noted`` is a head of its chain that somebody wrote down earlier.
    """
    return [
        *_history(session, community, noted),
        *_states(session, community),
        *_clocks(session, community),
        *_parcel_areas(session, community),
        *_ledger(session, community),
        *_standing(session, community),
    ]


def check_photographs(
    session: Session, community: Community, files: PhotographFiles
) -> Iterator[Violation]:
    """Yield each photograph whose file is not what its row says (DOMAIN 16)."""
    for sha256, fault in files.faults(hashes(session, [community.id])):
        message = f"Of the photograph {sha256.hex()[:16]}... {fault}."
        yield Violation("photograph", community.code, message)


def _history(session: Session, community: Community, noted: Head | None) -> Iterator[Violation]:
    """History is what was recorded, each row in its place (SAFETY, "History")."""
    fault = first_fault(session, community, noted)
    if fault is not None:
        yield Violation("chain", community.code, str(fault))


def _states(session: Session, community: Community) -> Iterator[Violation]:
    """A case is where its last event left it."""
    last = last_states([community.id], dt.date.max).subquery()
    rows = session.execute(
        select(Case.number, Case.state, last.c.state.label("recorded"))
        .outerjoin(last, last.c.case_id == Case.id)
        .where(
            Case.community_id == community.id,
            func.coalesce(last.c.state, "") != Case.state,
        )
    )
    for number, state, recorded in rows:
        message = f"Case {number} is {state}, its last event says {recorded}."
        yield Violation("projection", community.code, message)


def _clocks(session: Session, community: Community) -> Iterator[Violation]:
    """A clock stands only while an objection is undecided."""
    undecided = exists().where(
        Objection.community_id == Case.community_id,
        Objection.case_id == Case.id,
        Objection.decided_on.is_(None),
    )
    standing = select(Case.number, Case.suspended_on).where(
        Case.community_id == community.id, Case.suspended_on.is_not(None), ~undecided
    )
    for number, since in session.execute(standing):
        message = f"The clock of case {number} stands since {since}, and nobody objects."
        yield Violation("clock", community.code, message)


def _parcel_areas(session: Session, community: Community) -> Iterator[Violation]:
    """Stored areas are those of the stored polygons in the survey CRS (DOMAIN 13)."""
    parcels = frame(
        session,
        select(Parcel.ref, Parcel.area_m2, wkb(Parcel.geom)).where(
            Parcel.community_id == community.id
        ),
    )
    measured = shapely.area(SurveyCRS(community.survey_srid).to_survey(geometries(parcels)))
    wrong = abs(measured - parcels["area_m2"].to_numpy(dtype=np.float64)) > STORED_M2
    for ref, stored, area in zip(
        parcels["ref"][wrong], parcels["area_m2"][wrong], measured[wrong], strict=True
    ):
        message = f"Parcel {ref} is stored with {stored:.4f} m2 and measures {area:.4f} m2."
        yield Violation("area", community.code, message)


def _entries(session: Session, community: Community) -> pd.DataFrame:
    entries = frame(
        session,
        select(
            AreaEntry.seq,
            AreaEntry.day,
            AreaEntry.kind,
            AreaEntry.encroachment_id,
            AreaEntry.area_m2,
            wkb(AreaEntry.geom),
        )
        .where(AreaEntry.community_id == community.id)
        .order_by(AreaEntry.day, AreaEntry.seq),
    )
    survey = SurveyCRS(community.survey_srid)
    return entries.assign(ground=survey.to_survey(geometries(entries)))


def _ledger(session: Session, community: Community) -> Iterator[Violation]:
    """Each entry's area is its polygon's, and each day's figures are a union of polygons."""
    entries = _entries(session, community)
    measured = shapely.area(geometries(entries, "ground"))
    wrong = abs(measured - abs(entries["area_m2"].to_numpy(dtype=np.float64))) > STORED_M2
    for row in entries[wrong].itertuples():
        message = f"Entry {row.seq} says {row.area_m2:.4f} m2, its polygon does not."
        yield Violation("entry", community.code, message)
    yield from _outstanding(entries, community)


def _outstanding(entries: pd.DataFrame, community: Community) -> Iterator[Violation]:
    """outstanding = encroached - reclaimed + rebound = area of the union still standing."""
    signs = {EntryKind.ENCROACHED: 1, EntryKind.RECLAIMED: -1, EntryKind.REBOUND: 1}
    counted = entries[entries["kind"].isin(list(signs))]
    standing: dict[uuid.UUID, shapely.Geometry] = defaultdict(shapely.Polygon)
    outstanding = 0.0
    for day, rows in counted.groupby("day", sort=True):
        for row in rows.itertuples():
            outstanding += signs[row.kind] * row.area_m2
            adds = signs[row.kind] * row.area_m2 > 0
            overlay = shapely.union if adds else shapely.difference
            before = standing[row.encroachment_id]
            standing[row.encroachment_id] = overlay(before, row.ground)
        union = float(shapely.area(shapely.union_all(list(standing.values()))))
        if abs(union - outstanding) > EQUAL_M2 * max(1, len(standing)):
            message = (
                f"On {day} the ledger leaves {outstanding:.4f} m2 outstanding,"
                f" the polygons still standing cover {union:.4f} m2."
            )
            yield Violation("outstanding", community.code, message)


def _standing(session: Session, community: Community) -> Iterator[Violation]:
    """What an encroachment still occupies is what its entries leave of it."""
    found = frame(
        session,
        select(Encroachment.id, wkb(Encroachment.standing)).where(
            Encroachment.community_id == community.id,
            Encroachment.superseded_on.is_(None),
            Encroachment.verified_on.is_not(None),
        ),
    )
    survey = SurveyCRS(community.survey_srid)
    areas = np.nan_to_num(shapely.area(survey.to_survey(geometries(found, "standing"))))
    sums = (
        select(
            AreaEntry.encroachment_id,
            func.sum(AreaEntry.area_m2)
            .filter(AreaEntry.kind.in_([EntryKind.ENCROACHED, EntryKind.REBOUND]))
            .label("taken"),
            func.sum(AreaEntry.area_m2)
            .filter(AreaEntry.kind == EntryKind.RECLAIMED)
            .label("freed"),
        )
        .where(AreaEntry.community_id == community.id)
        .group_by(AreaEntry.encroachment_id)
    )
    left = {
        row.encroachment_id: (row.taken or 0.0) - (row.freed or 0.0)
        for row in session.execute(sums)
    }
    for identifier, area in zip(found["id"], areas, strict=True):
        if abs(left.get(identifier, 0.0) - area) > STORED_M2:
            message = f"Encroachment {identifier} stands with {area:.4f} m2, the ledger disagrees."
            yield Violation("standing", community.code, message)
