"""Areas that must add up: of parcels, of the ledger, of what still stands."""

import uuid
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.models import AreaEntry, Encroachment, EntryKind
from cases.violations import Violation
from gis.crs import SurveyCRS
from layers.frames import frame, geometries, wkb
from layers.models import Community, Parcel

# Ten thousand micrometre-wide seams of 1 m; a hundredth of what is reported.
EQUAL_M2 = 1e-4
# What storing in degrees and rounding to a micrometre may do to one polygon.
STORED_M2 = 1e-3


def area_violations(session: Session, community: Community) -> Iterator[Violation]:
    """Yield every area of a community that does not add up."""
    yield from _parcel_areas(session, community)
    yield from _ledger(session, community)
    yield from _standing(session, community)


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
