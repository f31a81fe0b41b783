"""Finding cases and reading what happened to them."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.models import Campaign, Case, CaseEvent, Encroachment
from gis.area import round_m2
from gis.problems import InputError, Problem
from layers.models import Community, Household


def list_cases(
    session: Session, community: Community, state: str | None = None
) -> list[dict[str, Any]]:
    """Return the cases of the latest campaign with their current area in m2."""
    areas = (
        select(Encroachment.case_id, func.sum(Encroachment.occupied_m2).label("occupied_m2"))
        .where(Encroachment.community_id == community.id, Encroachment.superseded_on.is_(None))
        .group_by(Encroachment.case_id)
        .subquery()
    )
    statement = (
        select(
            Case.number,
            Household.ref.label("household"),
            Case.state,
            Case.state_since.label("since"),
            func.coalesce(areas.c.occupied_m2, 0.0),
        )
        .join(
            Household,
            (Household.community_id == Case.community_id) & (Household.id == Case.household_id),
        )
        .outerjoin(areas, areas.c.case_id == Case.id)
        .where(Case.community_id == community.id)
        .order_by(Case.number)
    )
    if state is not None:
        statement = statement.where(Case.state == state)
    names = ("number", "household", "state", "since", "occupied_m2")
    return [
        dict(zip(names, (*row[:-1], float(round_m2(row[-1]))), strict=True))
        for row in session.execute(statement)
    ]


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
        message = f"Household {household!r} has no case in {community.code}."
        remedy = "List the cases with 'commongreen case list'."
        raise InputError([Problem("unknown_case", message, remedy, field="household")])
    return found
