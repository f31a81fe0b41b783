"""The cases under way with what their work lists need of them, in one query."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import aliased

from cases.assignment import RESTING_STATES
from cases.models import (
    Account,
    Campaign,
    Case,
    CaseEvent,
    Encroachment,
    Lane,
    LaneBuilding,
    Objection,
    Visit,
)
from cases.objections import withdrawal_due
from cases.workflow import UNCONFIRMED_STATES, State
from layers.frames import Rows
from layers.models import Building, Community, Household


def select_lines(community: Community) -> Rows:
    """Select every case under way, with whatever decides what waits on it."""
    keeper, inspector = aliased(Account), aliased(Account)
    door = func.coalesce(Household.geom, func.ST_Centroid(Building.geom), type_=None)
    ground = _ground()
    own = (Household.community_id == Case.community_id) & (Household.id == Case.household_id)
    within = (Campaign.community_id == Case.community_id) & (Campaign.id == Case.campaign_id)
    around = (Building.community_id == Household.community_id) & (
        Building.id == Household.building_id
    )
    inside = (LaneBuilding.community_id == Building.community_id) & (
        LaneBuilding.building_id == Building.id
    )
    of_lane = (Lane.community_id == LaneBuilding.community_id) & (Lane.id == LaneBuilding.lane_id)
    return (
        select(
            Case,
            Campaign.started_on,
            Household.ref.label("household"),
            Building.ref.label("building"),
            Lane.ref.label("lane"),
            keeper.name.label("housekeeper"),
            inspector.name.label("inspector"),
            _inspector().label("inspected_by"),
            _next_visit().label("next_on"),
            _objection().label("objected_on"),
            _unconfirmed().label("is_unconfirmed"),
            withdrawal_due().label("is_withdrawal_due"),
            func.ST_X(door).label("door_x"),
            func.ST_Y(door).label("door_y"),
            func.ST_X(ground).label("ground_x"),
            func.ST_Y(ground).label("ground_y"),
        )
        .join(Household, own)
        .join(Campaign, within)
        .outerjoin(Building, around)
        .outerjoin(LaneBuilding, inside)
        .outerjoin(Lane, of_lane)
        .outerjoin(keeper, (keeper.id == Case.housekeeper_id) & keeper.active)
        .outerjoin(inspector, (inspector.id == Case.inspector_id) & inspector.active)
        .where(Case.community_id == community.id, Case.state.not_in(sorted(RESTING_STATES)))
        .order_by(Case.number)
    )


def _ground() -> ColumnElement[object]:
    """Return the middle of the ground of a case."""
    return (
        select(func.ST_Centroid(func.ST_Collect(Encroachment.geom)))
        .where(
            Encroachment.community_id == Case.community_id,
            Encroachment.case_id == Case.id,
            Encroachment.superseded_on.is_(None),
        )
        .correlate(Case)
        .scalar_subquery()
    )


def _unconfirmed() -> ColumnElement[bool]:
    """Say of a case that ground was found after it was verified, and nobody confirmed it."""
    return and_(
        Case.state.in_(sorted(UNCONFIRMED_STATES)),
        exists()
        .where(
            Encroachment.community_id == Case.community_id,
            Encroachment.case_id == Case.id,
            Encroachment.superseded_on.is_(None),
            Encroachment.verified_on.is_(None),
        )
        .correlate(Case),
    )


def _inspector() -> ColumnElement[str]:
    """Return who inspected a case last."""
    return (
        select(CaseEvent.actor)
        .where(
            CaseEvent.community_id == Case.community_id,
            CaseEvent.case_id == Case.id,
            CaseEvent.state == State.INSPECTED,
        )
        .order_by(CaseEvent.seq.desc())
        .limit(1)
        .correlate(Case)
        .scalar_subquery()
    )


def _next_visit() -> ColumnElement[dt.date | None]:
    """Return the day on which the last visit agreed to come again."""
    return (
        select(Visit.next_on)
        .where(Visit.community_id == Case.community_id, Visit.case_id == Case.id)
        .order_by(Visit.visited_on.desc(), Visit.recorded_at.desc())
        .limit(1)
        .correlate(Case)
        .scalar_subquery()
    )


def _objection() -> ColumnElement[dt.date]:
    """Return since when an objection waits to be decided."""
    return (
        select(Objection.lodged_on)
        .where(
            Objection.community_id == Case.community_id,
            Objection.case_id == Case.id,
            Objection.decided_on.is_(None),
        )
        .correlate(Case)
        .scalar_subquery()
    )
