"""What can be prepared for a phone: lanes and buildings, with how much each would take along."""

import uuid
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from cases.enclosures import seen_by
from cases.field.taken import shown_ground
from cases.lanes import CODE_LENGTH
from cases.models import Case, Encroachment, Lane, LaneBuilding, Photograph
from cases.parcel_file import Viewer
from layers.frames import Rows
from layers.models import Building, Community, Household, Observation, ObservationStatus, Parcel

# Fitted to bundles of 1 to 75 buildings of both demo compounds, within a sixth of each: what
# every bundle takes, and what a building, its parcels and what was seen there add, with what
# lies around them. A copy of a photograph is some 300 kB of its 1,600 pixels.
BUNDLE_BYTES = 55_000
BUILDING_BYTES = 2_300
PARCEL_BYTES = 2_300
OBSERVATION_BYTES = 2_600
CASE_BYTES = 300
PHOTOGRAPH_BYTES = 300_000

Counts = dict[uuid.UUID, int]


@dataclass(frozen=True)
class FieldBuilding:
    """A building to prepare; ``size`` is an estimate of its part of the bundle, in bytes.

    ``box`` is west, south, east, north in degrees.
    """

    id: uuid.UUID
    ref: str
    name: str
    parcels: int
    observations: int
    cases: int
    photographs: int
    box: tuple[float, float, float, float]

    @property
    def size(self) -> int:
        """Return about how many bytes a phone would keep."""
        ground = BUILDING_BYTES + self.parcels * PARCEL_BYTES
        seen = self.observations * OBSERVATION_BYTES + self.cases * CASE_BYTES
        return ground + seen + self.photographs * PHOTOGRAPH_BYTES


@dataclass(frozen=True)
class FieldLane:
    """A lane to prepare, by its buildings."""

    id: uuid.UUID
    ref: str
    name: str
    buildings: tuple[uuid.UUID, ...]


def field_buildings(session: Session, community: Community, viewer: Viewer) -> list[FieldBuilding]:
    """Return every building of a community with how much of it the viewer would take along."""
    parcels = _counted(session, _parcels(community))
    observations = _counted(session, _observations(community))
    cases = _counted(session, _cases(community, viewer))
    photographs = Counter(_counted(session, _photographs(community, viewer)))
    photographs.update(_counted(session, _photographs_of_ground(community, viewer)))
    rows = session.execute(
        select(
            Building.id,
            Building.ref,
            Building.name,
            func.ST_XMin(Building.geom),
            func.ST_YMin(Building.geom),
            func.ST_XMax(Building.geom),
            func.ST_YMax(Building.geom),
        )
        .where(Building.community_id == community.id)
        .order_by(func.lpad(Building.ref, CODE_LENGTH))
    )
    return [
        FieldBuilding(
            key,
            ref,
            name,
            parcels.get(key, 0),
            observations.get(key, 0),
            cases.get(key, 0),
            photographs[key],
            (west, south, east, north),
        )
        for key, ref, name, west, south, east, north in rows
    ]


def field_lanes(session: Session, community: Community) -> list[FieldLane]:
    """Return the lanes of a community with the buildings of each."""
    rows = session.execute(
        select(Lane.id, Lane.ref, Lane.name, func.array_agg(LaneBuilding.building_id))
        .join(
            LaneBuilding,
            (LaneBuilding.community_id == Lane.community_id) & (LaneBuilding.lane_id == Lane.id),
        )
        .where(Lane.community_id == community.id)
        .group_by(Lane.community_id, Lane.id)
        .order_by(func.lpad(Lane.ref, CODE_LENGTH))
    )
    return [FieldLane(key, ref, name, tuple(buildings)) for key, ref, name, buildings in rows]


def _counted(session: Session, rows: Rows) -> Counts:
    return {key: number for key, number in session.execute(rows) if key is not None}


def _parcels(community: Community) -> Rows:
    return (
        select(Parcel.building_id, func.count())
        .where(Parcel.community_id == community.id)
        .group_by(Parcel.building_id)
    )


def _observations(community: Community) -> Rows:
    on = (Parcel.community_id == Encroachment.community_id) & (Parcel.id == Encroachment.parcel_id)
    seen = _same(Observation.id, Encroachment.observation_id, Observation.community_id)
    return (
        select(Parcel.building_id, func.count(Observation.id.distinct()))
        .select_from(Encroachment)
        .join(Parcel, on)
        .join(Observation, seen)
        .where(
            Encroachment.community_id == community.id,
            Encroachment.superseded_on.is_(None),
            Observation.status == ObservationStatus.OPEN,
        )
        .group_by(Parcel.building_id)
    )


def _same(
    key: InstrumentedAttribute[uuid.UUID],
    other: InstrumentedAttribute[uuid.UUID],
    community: InstrumentedAttribute[int],
) -> ColumnElement[bool]:
    return (community == Encroachment.community_id) & (key == other)


def _cases(community: Community, viewer: Viewer) -> Rows:
    return (
        select(Household.building_id, func.count())
        .select_from(Case)
        .join(Household, _household())
        .where(Case.community_id == community.id, viewer.sees)
        .group_by(Household.building_id)
    )


def _photographs(community: Community, viewer: Viewer) -> Rows:
    of = (Photograph.community_id == Case.community_id) & (Photograph.case_id == Case.id)
    return (
        select(Household.building_id, func.count())
        .select_from(Photograph)
        .join(Case, of)
        .join(Household, _household())
        .where(Case.community_id == community.id, viewer.sees)
        .group_by(Household.building_id)
    )


def _photographs_of_ground(community: Community, viewer: Viewer) -> Rows:
    """Count those without a case: they show an observation that the viewer may open."""
    shown = shown_ground(community)
    found = Encroachment.observation_id == shown.c.observation_id
    on = (Parcel.community_id == Encroachment.community_id) & (Parcel.id == Encroachment.parcel_id)
    seen = _same(Observation.id, Encroachment.observation_id, Observation.community_id)
    return (
        select(Parcel.building_id, func.count(shown.c.id.distinct()))
        .select_from(Encroachment)
        .join(shown, found)
        .join(Parcel, on)
        .join(Observation, seen)
        .where(
            Encroachment.community_id == community.id,
            Encroachment.superseded_on.is_(None),
            Observation.status == ObservationStatus.OPEN,
            shown.c.case_id.is_(None),
            seen_by(viewer),
        )
        .group_by(Parcel.building_id)
    )


def _household() -> ColumnElement[bool]:
    return (Household.community_id == Case.community_id) & (Household.id == Case.household_id)
