"""The ground around chosen buildings as a phone keeps it: parcels, what was seen and taken."""

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from typing import Any

import pandas as pd
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.enclosures import seen_by
from cases.field.verdicts import DECIDED
from cases.field.versions import version_of
from cases.flag_load import current_encroachments, standing_and_freed
from cases.models import Encroachment, FieldDecision, FieldSubmission
from cases.parcel_file import Viewer
from gis.crs import Geometries, SurveyCRS
from layers.bulk import among
from layers.frames import Rows, frame, overlapping, wkb
from layers.models import (
    Community,
    Household,
    Observation,
    ObservationStatus,
    Parcel,
    ParcelHousehold,
    ParcelSurvey,
    Purpose,
    StructureType,
)

GeoJson = dict[str, Any]


def plain(shape: shapely.Geometry) -> GeoJson:
    """Return a geometry of EPSG:4326 as GeoJSON, to the last digit.

    A corner that a phone snaps to is then the very corner that is stored: one that is rounded
    gives the overlay two corners a micrometre apart, and a greater uncertainty.
    """
    told: GeoJson = json.loads(shapely.to_geojson(shape))
    return told


def _near(session: Session, rows: Rows, column: Any, boxes: Geometries) -> pd.DataFrame:
    """Return the rows whose box meets one of ``boxes``, each once, by their identifiers."""
    found = frame(session, overlapping(rows, column, boxes))
    return found.drop_duplicates("id").sort_values("id", key=lambda ids: ids.map(str))


def parcels_near(session: Session, community: Community, boxes: Geometries) -> list[dict[str, Any]]:
    """Return the parcels with their title, their doors and when they were looked at last."""
    looked = (
        select(func.max(ParcelSurvey.day))
        .where(
            ParcelSurvey.community_id == Parcel.community_id, ParcelSurvey.parcel_id == Parcel.id
        )
        .scalar_subquery()
    )
    rows = select(
        Parcel.id,
        Parcel.ref,
        Parcel.kind,
        Parcel.title_basis,
        Parcel.title_disputed,
        Parcel.rms_m,
        Parcel.area_m2,
        Parcel.building_id,
        looked.label("surveyed_on"),
        wkb(Parcel.geom),
    ).where(Parcel.community_id == community.id)
    found = _near(session, rows, Parcel.geom, boxes)
    linked = _doors(session, community, found["id"].tolist())
    return [
        {
            "id": str(row.id),
            "ref": row.ref,
            "kind": str(row.kind),
            "title_basis": str(row.title_basis),
            "title_disputed": row.title_disputed,
            "rms_m": row.rms_m,
            "area_m2": row.area_m2,
            "building": _text(row.building_id),
            "households": linked.get(row.id, []),
            "surveyed_on": _day(row.surveyed_on),
            "geometry": plain(row.geom),
        }
        for row in found.itertuples()
    ]


def _doors(
    session: Session, community: Community, parcels: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[str]]:
    """Return the refs of the households linked to each parcel."""
    own = (Household.community_id == ParcelHousehold.community_id) & (
        Household.id == ParcelHousehold.household_id
    )
    rows = session.execute(
        select(ParcelHousehold.parcel_id, Household.ref)
        .join(Household, own)
        .where(
            ParcelHousehold.community_id == community.id,
            among(ParcelHousehold.parcel_id, parcels),
        )
        .order_by(Household.ref)
    )
    doors: dict[uuid.UUID, list[str]] = {}
    for parcel, ref in rows:
        doors.setdefault(parcel, []).append(ref)
    return doors


def observations_near(
    session: Session, community: Community, boxes: Geometries, viewer: Viewer
) -> list[dict[str, Any]]:
    """Return the open observations; what was noted only of those that the viewer may open."""
    rows = select(
        Observation.id,
        Observation.ref,
        Observation.status,
        Observation.ended_on,
        Observation.purpose,
        Observation.structure_type,
        Observation.occupier_id,
        Observation.observed_on,
        Observation.rms_m,
        Observation.area_m2,
        Observation.note,
        seen_by(viewer).label("is_seen"),
        wkb(Observation.geom),
    ).where(
        Observation.community_id == community.id,
        Observation.status == ObservationStatus.OPEN,
        Observation.purpose != Purpose.RESIDUAL,
        Observation.structure_type != StructureType.NONE,
    )
    return [
        {
            "id": str(row.id),
            "ref": row.ref,
            "version": version_of(
                row.status, row.ended_on, row.structure_type, row.occupier_id, row.geom
            ),
            "status": str(row.status),
            "purpose": str(row.purpose),
            "structure_type": str(row.structure_type),
            "observed_on": row.observed_on.isoformat(),
            "rms_m": row.rms_m,
            "area_m2": row.area_m2,
            "note": row.note if row.is_seen else "",
            "geometry": plain(row.geom),
        }
        for row in _near(session, rows, Observation.geom, boxes).itertuples()
    ]


def encroachments_near(
    session: Session,
    community: Community,
    boxes: Geometries,
    survey: SurveyCRS,
    cases: dict[str, Any],
) -> list[dict[str, Any]]:
    """Return what was found taken: what stands of it, and what was cleared once."""
    found = _near(session, current_encroachments([community.id]), Encroachment.geom, boxes)
    cleared = _cleared(found, survey)
    return [
        {
            "id": str(row.id),
            "observation": str(row.observation_id),
            "parcel": str(row.parcel_id),
            "case": _text(row.case_id) if str(row.case_id) in cases else None,
            "occupied_m2": row.occupied_m2,
            "rms_m": row.rms_m,
            "verified_on": _day(row.verified_on),
            "cleared_on": _day(row.cleared_on),
            "geometry": None if row.standing is None else plain(row.standing),
            "cleared": None if freed is None else plain(freed),
        }
        for row, freed in zip(found.itertuples(), cleared, strict=True)
    ]


def _cleared(found: pd.DataFrame, survey: SurveyCRS) -> Geometries:
    """Return in EPSG:4326 what of each encroachment was cleared, ``None`` where nothing was."""
    _standing, freed = standing_and_freed(found, survey)
    was = found["cleared_on"].notna().to_numpy(dtype=bool) & (shapely.area(freed) > 0)
    freed[~was] = None
    return survey.to_storage(freed)


def waiting_near(
    session: Session, community: Community, boxes: Geometries, viewer: Viewer
) -> list[dict[str, Any]]:
    """Return the ground that others have sent and nobody has decided about."""
    rows = (
        select(FieldSubmission.id, wkb(FieldSubmission.geom))
        .outerjoin(FieldDecision, DECIDED)
        .where(
            FieldSubmission.community_id == community.id,
            FieldDecision.id.is_(None),
            FieldSubmission.recorded_by != viewer.actor,
            FieldSubmission.geom.is_not(None),
        )
    )
    return [
        {"id": str(row.id), "geometry": plain(row.geom)}
        for row in _near(session, rows, FieldSubmission.geom, boxes).itertuples()
    ]


def _text(key: object) -> str | None:
    return str(key) if isinstance(key, uuid.UUID) else None


def _day(day: object) -> str | None:
    return day.isoformat() if isinstance(day, dt.date) else None
