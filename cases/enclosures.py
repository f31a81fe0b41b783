"""One observed enclosure: what it takes, who answers for it, and who might.

Households appear by their reference only.
"""

import datetime as dt
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import InstrumentedAttribute, Session

from cases.access import Permission
from cases.case_sheet import Shape, shape_of, shapes_around, shapes_of_ground
from cases.models import AreaEntry, Campaign, Case, CaseEvent, Encroachment
from cases.parcel_file import Viewer, number_column
from cases.registry import linked_households
from layers.models import (
    Community,
    Household,
    Observation,
    ObservationStatus,
    Parcel,
    Purpose,
)


@dataclass(frozen=True)
class Piece:
    """Common green that an enclosure takes from one parcel; areas in m2 of the survey CRS.

    ``uncertainty_m2`` is 2 sigma; ``household`` is ``None`` while nobody answers.
    """

    id: uuid.UUID
    parcel_id: uuid.UUID
    parcel: str
    occupied_m2: float
    uncertainty_m2: float
    household: str | None
    case_id: uuid.UUID | None
    case_number: str | None
    verified_on: dt.date | None
    cleared_on: dt.date | None
    superseded_on: dt.date | None


@dataclass(frozen=True)
class Enclosure:
    """What a page of an observation shows; ``linked`` are the households of its parcels."""

    seen: Observation
    pieces: list[Piece]
    linked: list[str]
    shapes: list[Shape]

    @property
    def is_open(self) -> bool:
        """Return whether it still speaks, and is more than the measure of an inspection."""
        is_open = self.seen.status is ObservationStatus.OPEN
        return is_open and self.seen.purpose is not Purpose.RESIDUAL

    @property
    def is_undecided(self) -> bool:
        """Return whether a person must say who answers."""
        current = [one for one in self.pieces if one.superseded_on is None]
        return self.is_open and any(one.household is None for one in current)

    @property
    def version(self) -> str:
        """Return what changes with everything that somebody decides about it."""
        told = [(self.seen.status, self.seen.ended_on)] + [
            (one.id, one.household, one.verified_on, one.cleared_on, one.superseded_on)
            for one in self.pieces
        ]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Waiting:
    """An enclosure for which nobody answers yet, in a list."""

    id: uuid.UUID
    ref: str
    observed_on: dt.date
    parcels: str
    occupied_m2: float


def find_enclosure(
    session: Session, community: Community, observation_id: uuid.UUID, viewer: Viewer
) -> Enclosure | None:
    """Return an observation of the community, ``None`` where the viewer sees none of its cases.

    One that belongs to no case is seen by whoever sees the map.
    """
    seen = session.scalar(
        select(Observation).where(
            Observation.community_id == community.id,
            Observation.id == observation_id,
            seen_by(viewer),
        )
    )
    if seen is None:
        return None
    found = _ground(session, seen)
    own = shape_of("observed", seen.ref, seen.observed_on, seen.geom)
    around = shapes_around(session, community.id, [seen.geom])
    ground = [shape for one in found for shape in shapes_of_ground(one, seen.ref)]
    pieces = _pieces(session, community, seen, viewer)
    return Enclosure(
        seen,
        pieces,
        linked_households(session, community.id, _parcels(seen)),
        [*around, own, *ground],
    )


def seen_by(viewer: Viewer) -> ColumnElement[bool]:
    """Return which observations a viewer may open, as one condition on ``Observation``."""
    visible = [_in_case(viewer.sees)]
    if Permission.MAP_READ in viewer.permissions:
        visible.append(~_in_case())
    return or_(*visible)


def opened_by(
    session: Session, community: Community, ids: Sequence[uuid.UUID], viewer: Viewer
) -> set[uuid.UUID]:
    """Return which of some observations a viewer may open."""
    if not ids or Permission.MAP_READ not in viewer.permissions:
        return set()
    rows = select(Observation.id).where(
        Observation.community_id == community.id, Observation.id.in_(ids), seen_by(viewer)
    )
    return set(session.scalars(rows))


def undecided(session: Session, community: Community) -> list[Waiting]:
    """Return the enclosures of a community for which a person must say who answers."""
    rows = session.execute(
        select(
            Observation.id,
            Observation.ref,
            Observation.observed_on,
            func.string_agg(Parcel.ref, aggregate_order_by(literal(", "), Parcel.ref)),
            func.sum(Encroachment.occupied_m2),
        )
        .select_from(Encroachment)
        .join(Observation, _of(Encroachment.observation_id, Observation))
        .join(Parcel, _of(Encroachment.parcel_id, Parcel))
        .where(*_waiting(community))
        .group_by(Observation.community_id, Observation.id)
        .order_by(Observation.observed_on, Observation.ref)
    )
    return [Waiting(*row) for row in rows]


def count_undecided(session: Session, community: Community) -> int:
    """Return how many enclosures wait for somebody to say who answers."""
    counted = select(func.count(Encroachment.observation_id.distinct()))
    return session.scalar(counted.where(*_waiting(community))) or 0


def open_observations(session: Session, case: Case) -> list[Observation]:
    """Return the open observations that a case rests on, oldest first."""
    shown = select(Encroachment.observation_id).where(
        Encroachment.community_id == case.community_id,
        Encroachment.case_id == case.id,
        Encroachment.superseded_on.is_(None),
    )
    reported = select(AreaEntry.observation_id).where(
        AreaEntry.community_id == case.community_id,
        AreaEntry.case_id == case.id,
        AreaEntry.observation_id.is_not(None),
    )
    return list(
        session.scalars(
            select(Observation)
            .where(
                Observation.community_id == case.community_id,
                Observation.id.in_(shown.union(reported)),
                Observation.status == ObservationStatus.OPEN,
                Observation.purpose != Purpose.RESIDUAL,
            )
            .order_by(Observation.observed_on, Observation.ref)
        )
    )


def _waiting(community: Community) -> tuple[ColumnElement[bool], ...]:
    return (
        Encroachment.community_id == community.id,
        Encroachment.superseded_on.is_(None),
        Encroachment.household_id.is_(None),
    )


def _of(
    key: InstrumentedAttribute[Any], other: type[Observation | Parcel | Household | Case]
) -> ColumnElement[bool]:
    """Join an encroachment to what it names."""
    return and_(other.community_id == Encroachment.community_id, other.id == key)


def _in_case(*which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say of an observation that ground, a rebound or an inspection of a case rests on it."""
    tables = (Encroachment, AreaEntry, CaseEvent)
    named = [
        select(table.case_id)
        .where(
            table.community_id == Observation.community_id, table.observation_id == Observation.id
        )
        .correlate(Observation)
        for table in tables
    ]
    return exists().where(
        Case.community_id == Observation.community_id,
        or_(*(Case.id.in_(ids) for ids in named)),
        *which,
    )


def _select_ground(seen: Observation) -> Select[Encroachment]:
    return (
        select(Encroachment)
        .where(
            Encroachment.community_id == seen.community_id, Encroachment.observation_id == seen.id
        )
        .order_by(Encroachment.found_on, Encroachment.id)
    )


def _ground(session: Session, seen: Observation) -> Sequence[Encroachment]:
    return session.scalars(_select_ground(seen)).all()


def _pieces(
    session: Session, community: Community, seen: Observation, viewer: Viewer
) -> list[Piece]:
    """Return what it takes, without what belongs to a case that the viewer does not see."""
    run = and_(Campaign.community_id == Case.community_id, Campaign.id == Case.campaign_id)
    rows = session.execute(
        _select_ground(seen)
        .add_columns(
            Parcel.ref.label("parcel"),
            Household.ref.label("household"),
            number_column(community).label("number"),
            and_(Case.id.is_not(None), viewer.sees).label("is_seen"),
        )
        .join(Parcel, _of(Encroachment.parcel_id, Parcel))
        .outerjoin(Household, _of(Encroachment.household_id, Household))
        .outerjoin(Case, _of(Encroachment.case_id, Case))
        .outerjoin(Campaign, run)
    )
    return [
        Piece(
            found.id,
            found.parcel_id,
            parcel,
            found.occupied_m2,
            2 * found.sigma_m2,
            household,
            found.case_id,
            number if is_seen else None,
            found.verified_on,
            found.cleared_on,
            found.superseded_on,
        )
        for found, parcel, household, number, is_seen in rows
        if is_seen or found.case_id is None
    ]


def _parcels(seen: Observation) -> Select[uuid.UUID]:
    """Select the parcels that it takes from."""
    return _select_ground(seen).with_only_columns(Encroachment.parcel_id).order_by(None)
