"""Finding the case of a household and reading what happened to it."""

import uuid
from collections.abc import Sequence
from typing import Any

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from cases.models import Campaign, Case, CaseEvent
from gis.problems import InputError, Problem, Said
from layers.models import Community, Household, Parcel, ParcelHousehold


def list_events(session: Session, case: Case) -> list[dict[str, Any]]:
    """Return what happened to a case, oldest first."""
    events = session.scalars(
        select(CaseEvent)
        .where(CaseEvent.community_id == case.community_id, CaseEvent.case_id == case.id)
        .order_by(CaseEvent.seq)
    )
    return [
        {
            "at": event.at.isoformat(timespec="minutes"),
            "event": event.event,
            "state": event.state,
            "actor": event.actor,
            "document": event.document,
            "note": event.note,
        }
        for event in events
    ]


def find_case(session: Session, community: Community, household: str) -> Case:
    """Return the case of a household, by its ref, in the latest campaign that has one."""
    own = (Household.community_id == Case.community_id) & (Household.id == Case.household_id)
    within = (Campaign.community_id == Case.community_id) & (Campaign.id == Case.campaign_id)
    found = session.scalars(
        select(Case)
        .join(Household, own)
        .join(Campaign, within)
        .where(Case.community_id == community.id, Household.ref == household)
        .order_by(Campaign.started_on.desc())
        .limit(1)
    ).first()
    if found is None:
        message = Said(
            "Household {household!r} has no case in {code}.",
            household=household,
            code=community.code,
        )
        remedy = "List the cases with 'commongreen case list'."
        raise InputError([Problem("unknown_case", message, remedy, field="household")])
    return found


def find_household(session: Session, community: Community, ref: str) -> Household | None:
    """Return a household of the community by its ref."""
    return session.scalars(
        select(Household).where(Household.community_id == community.id, Household.ref == ref)
    ).first()


def linked_households(
    session: Session, community_id: int, parcels: Sequence[uuid.UUID] | Select[uuid.UUID]
) -> list[str]:
    """Return the refs of the households that are linked to any of some parcels."""
    own = and_(
        Household.community_id == ParcelHousehold.community_id,
        Household.id == ParcelHousehold.household_id,
    )
    rows = session.scalars(
        select(Household.ref)
        .join(ParcelHousehold, own)
        .where(
            ParcelHousehold.community_id == community_id,
            ParcelHousehold.parcel_id.in_(parcels),
        )
        .distinct()
        .order_by(Household.ref)
    )
    return list(rows)


def linked_ground(
    session: Session, community_id: int, household_id: uuid.UUID
) -> dict[uuid.UUID, shapely.Geometry]:
    """Return the parcels that are linked to a household, with their ground in EPSG:4326."""
    rows = session.execute(
        select(Parcel.id, Parcel.geom)
        .join(
            ParcelHousehold,
            and_(
                ParcelHousehold.community_id == Parcel.community_id,
                ParcelHousehold.parcel_id == Parcel.id,
            ),
        )
        .where(
            ParcelHousehold.community_id == community_id,
            ParcelHousehold.household_id == household_id,
        )
        .order_by(Parcel.id)
    )
    return {key: to_shape(ground) for key, ground in rows}
