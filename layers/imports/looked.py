"""The rows of coverage: which survey looked at which parcel, and on what day.

The geometry is :mod:`layers.imports.coverage`'s. Nothing here commits.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gis.crs import Geometries, SurveyCRS
from layers.bulk import among, copy_rows
from layers.frames import Rows, frame, geometries, overlapping, wkb
from layers.imports.coverage import Ground, covered, days_touched
from layers.imports.plans import Covers, ImportPolicy
from layers.models import (
    Building,
    Community,
    Observation,
    ObservationStatus,
    Parcel,
    ParcelSurvey,
    Survey,
)

FEW = 64

Looked = Mapping[uuid.UUID, dt.date]
"""Parcels, and the day on which a survey looked at each."""


@dataclass(frozen=True)
class Seen:
    """Observations: where they lie (EPSG:4326 and survey CRS), how sharply, on what days."""

    stored: Geometries
    metric: Geometries
    rms_m: Sequence[float]
    days: Sequence[dt.date]


def looked_at(
    session: Session,
    community: Community,
    seen: Seen,
    covers: Covers,
    surveyed_on: dt.date,
    policy: ImportPolicy,
) -> dict[uuid.UUID, dt.date]:
    """Return the parcels that a survey looked at, with the day.

    Those that its observations lie on have the first day on which one does,
    those in the ground that it says it covered the day of the survey.
    """
    looked: dict[uuid.UUID, dt.date] = {}
    touched = _parcels_near(session, community.id, seen.stored)
    if not touched.empty:
        first = days_touched(_ground(community, touched), _seen(seen), seen.days, policy.tolerances)
        looked |= {touched["id"][at]: day for at, day in first.items()}
    for key in _said(session, community, covers, policy.coverage_share):
        looked.setdefault(key, surveyed_on)
    return looked


def new_days(session: Session, community_id: int, looked: Looked) -> bool:
    """Whether ``looked`` says anything that is not known yet."""
    query = select(ParcelSurvey.parcel_id, ParcelSurvey.day).where(
        ParcelSurvey.community_id == community_id, among(ParcelSurvey.parcel_id, looked)
    )
    known = {(key, day) for key, day in session.execute(query)}
    return any((key, day) not in known for key, day in looked.items())


def write_looked(session: Session, community_id: int, survey_id: uuid.UUID, looked: Looked) -> None:
    """Store what one survey looked at."""
    rows = [(community_id, key, survey_id, day) for key, day in looked.items()]
    names = ["community_id", "parcel_id", "survey_id", "day"]
    copy_rows(session, ParcelSurvey, names, rows, conflict="ON CONFLICT DO NOTHING")


def look_up_earlier(
    session: Session,
    community: Community,
    parcels: Sequence[uuid.UUID],
    policy: ImportPolicy,
) -> None:
    """Find which earlier surveys looked at parcels that are new or have moved.

    What was known of them is forgotten first: ground that a parcel has gained
    may never have been looked at.
    """
    session.execute(
        delete(ParcelSurvey).where(
            ParcelSurvey.community_id == community.id, among(ParcelSurvey.parcel_id, parcels)
        )
    )
    moved = frame(session, _parcels(community.id).where(among(Parcel.id, parcels)))
    if moved.empty:
        return
    for survey_id, looked in _earlier_observations(session, community, moved, policy).items():
        write_looked(session, community.id, survey_id, looked)
    for survey_id, looked in _earlier_grounds(session, community, moved, policy).items():
        write_looked(session, community.id, survey_id, looked)


def _earlier_observations(
    session: Session, community: Community, parcels: pd.DataFrame, policy: ImportPolicy
) -> dict[uuid.UUID, dict[uuid.UUID, dt.date]]:
    query = (
        select(
            Observation.id,
            Observation.survey_id,
            Observation.observed_on,
            Observation.rms_m,
            wkb(Observation.geom),
        )
        .where(Observation.community_id == community.id)
        .where(Observation.status == ObservationStatus.OPEN, Observation.survey_id.is_not(None))
    )
    if len(parcels) <= FEW:
        query = overlapping(query, Observation.geom, geometries(parcels))
    found = frame(session, query).drop_duplicates("id", ignore_index=True)
    survey = SurveyCRS(community.survey_srid)
    looked: dict[uuid.UUID, dict[uuid.UUID, dt.date]] = {}
    ground = _ground(community, parcels)
    for survey_id, rows in found.groupby("survey_id", sort=False):
        stored = geometries(rows)
        seen = Seen(
            stored, survey.to_survey(stored), rows["rms_m"].tolist(), rows["observed_on"].tolist()
        )
        first = days_touched(ground, _seen(seen), seen.days, policy.tolerances)
        looked[survey_id] = {parcels["id"][at]: day for at, day in first.items()}
    return looked


def _earlier_grounds(
    session: Session, community: Community, parcels: pd.DataFrame, policy: ImportPolicy
) -> dict[uuid.UUID, dict[uuid.UUID, dt.date]]:
    query = select(Survey.id, Survey.surveyed_on, wkb(Survey.covered)).where(
        Survey.community_id == community.id, Survey.covered.is_not(None)
    )
    surveys = frame(session, query)
    metric = SurveyCRS(community.survey_srid).to_survey(geometries(surveys, "covered"))
    ground = _ground(community, parcels)
    looked = {}
    for survey_id, day, area in zip(surveys["id"], surveys["surveyed_on"], metric, strict=True):
        inside = covered(ground.geometries, area, policy.coverage_share)
        looked[survey_id] = {parcels["id"][int(at)]: day for at in np.flatnonzero(inside)}
    return looked


def _said(session: Session, community: Community, covers: Covers, share: float) -> list[uuid.UUID]:
    """Return the parcels in the ground that a survey says it looked at."""
    every = select(Parcel.id).where(Parcel.community_id == community.id)
    found: list[uuid.UUID] = []
    if covers.community:
        return list(session.scalars(every))
    if covers.buildings:
        facing = every.join(
            Building,
            (Building.community_id == Parcel.community_id) & (Building.id == Parcel.building_id),
        )
        found += session.scalars(facing.where(among(Building.ref, covers.buildings)))
    if covers.ground is not None:
        area = np.array([covers.ground], dtype=object)
        near = _parcels_near(session, community.id, area)
        metric = SurveyCRS(community.survey_srid).to_survey(area)[0]
        if not near.empty:
            inside = covered(_ground(community, near).geometries, metric, share)
            found += near["id"][inside].tolist()
    return found


def _parcels(community_id: int) -> Rows:
    query = select(Parcel.id, Parcel.rms_m, wkb(Parcel.geom))
    return query.where(Parcel.community_id == community_id)


def _parcels_near(session: Session, community_id: int, given: Geometries) -> pd.DataFrame:
    """Return the parcels whose box overlaps that of one of the geometries (EPSG:4326)."""
    query = _parcels(community_id)
    if not len(given):
        return frame(session, query.where(Parcel.id.is_(None)))
    if len(given) <= FEW:
        query = overlapping(query, Parcel.geom, given)
    else:
        query = overlapping(query, Parcel.geom, [shapely.box(*shapely.total_bounds(given))])
    return frame(session, query).drop_duplicates("id", ignore_index=True)


def _ground(community: Community, parcels: pd.DataFrame) -> Ground:
    metric = SurveyCRS(community.survey_srid).to_survey(geometries(parcels))
    return Ground(metric, parcels["rms_m"].to_numpy(dtype=np.float64))


def _seen(seen: Seen) -> Ground:
    return Ground(seen.metric, np.array(seen.rms_m, dtype=np.float64))
