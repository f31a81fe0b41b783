"""Patrols over cleared ground: those that come next, those of a case, and one more."""

import datetime as dt
import uuid
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.ledger import today
from cases.models import Case, Patrol, PatrolOutcome
from cases.parcel_file import case_number
from cases.patrols import (
    SAME_AS_BEFORE,
    Found,
    NextPatrol,
    made_patrols,
    next_patrols,
    record_clear,
    record_rebound,
)
from cases.workflow import State
from gis.problems import InputError, Problem, Said
from layers.models import Community, StructureType
from webmap.api.blueprint import Blueprint
from webmap.api.changing import Change, SignedSchema, change_case, changes_case, seen_case
from webmap.api.community import asked_community, asking_viewer
from webmap.api.fields import Day, Drawing, Text, Word
from webmap.api.schemas import says, word
from webmap.gates import gated, place_session

patrols = Blueprint("patrols", __name__, "Patrols over cleared ground, for a year.")


class NextPatrolSchema(Schema):
    """The patrol of a case that is due, or the next that will be."""

    case = fields.UUID(**says("The case."))
    number = fields.String(**says("What people call it."))
    household = fields.String(**says("The ref of the household."))
    building = fields.String(**says("The ref of its building.", allow_none=True))
    state = word(State, "How far the case has come.")
    accepted_on = fields.Date(**says("When its clearance was accepted."))
    days = fields.Integer(**says("How many days after that the patrol is made."))
    due_on = fields.Date(**says("When that is."))
    is_due = fields.Boolean(**says("Whether it should have been made by today."))


class PatrolSchema(Schema):
    """A patrol that was made."""

    days = fields.Integer(**says("For which day after the acceptance it counts."))
    due_on = fields.Date(**says("When that was."))
    done_on = fields.Date(**says("When it was made."))
    actor = fields.String(**says("Whose account recorded it."))
    outcome = word(PatrolOutcome, "What it found.")
    note = fields.String(**says("A note."))


class CasePatrolsSchema(Schema):
    """The patrols of a case."""

    made = fields.List(fields.Nested(PatrolSchema), **says("Those that were made, in order."))
    next = fields.Nested(
        NextPatrolSchema,
        **says("The next one; null before a clearance and after the last.", allow_none=True),
    )


class UntilSchema(Schema):
    """Up to which day patrols are listed."""

    until = Day(metadata={"description": "Those due by this day; today if left out."})


class NewPatrolSchema(SignedSchema):
    """What a patrol found."""

    found = Word(
        Found,
        code="found",
        noun="finding",
        required=True,
        metadata={
            "description": "clear; same, taken again as it was before; or taken, as the polygon"
            " says."
        },
    )
    polygon = Drawing(metadata={"description": "What is taken again, in EPSG:4326."})
    structure_type = Word(
        StructureType,
        code="structure_type",
        noun="structure",
        load_default=StructureType.FENCE,
        metadata={"description": "What stands there, where it is taken again."},
    )
    note = Text(load_default="", metadata={"description": "A note."})


@patrols.route("/communities/<place>/patrols")
@patrols.arguments(UntilSchema, location="query")
@patrols.response(200, NextPatrolSchema(many=True))
@gated(Permission.CASE_INSPECT)
def due_patrols(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Patrols due by a day, the longest due first.

    The proposed round over those due today is the section `patrol` of the work.
    """
    with place_session() as session:
        community = asked_community(session)
        now = today(community)
        cases = session.scalars(
            select(Case.id).where(Case.community_id == community.id, asking_viewer().sees)
        ).all()
        found = next_patrols(session, community, now, cases)
    until = asked.get("until") or now
    return jsonify([_next(community, one, now) for one in found if one.is_due(until)])


@patrols.route("/communities/<place>/cases/<uuid:case_id>/patrols")
@patrols.response(200, CasePatrolsSchema)
@gated(Permission.CASE_READ)
def case_patrols(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Patrols of a case: those made, and the next."""
    with place_session() as session:
        community = asked_community(session)
        case = seen_case(session, community, case_id)
        made = [_made(one) for one in made_patrols(session, case)]
        return jsonify(made=made, next=_following(session, community, case))


@changes_case(
    patrols,
    "patrols",
    NewPatrolSchema,
    Permission.CASE_INSPECT,
    example={"found": "clear", "note": "The lawn has grown."},
)
def record_patrol(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Record what a patrol found on the ground of a case: clear, or taken again.

    What is taken again is flagged at once, and the case is a rebound.
    """
    found, polygon, note = asked["found"], asked.get("polygon"), asked["note"]
    if polygon is not None and found is not Found.TAKEN:
        message = Said("A patrol that found the ground {found} has no polygon.", found=found)
        remedy = "Leave it out, or say that the ground is taken."
        raise InputError([Problem("polygon", message, remedy, field="polygon")])

    def act(change: Change) -> None:
        by, on = change.signed(asked.get("at")), (change.session, change.community, case_id)
        if found is Found.CLEAR:
            record_clear(*on, note, by)
        else:
            taken = SAME_AS_BEFORE if found is Found.SAME else polygon
            record_rebound(*on, taken, asked["structure_type"], note, by)

    return change_case(case_id, headers, act)


def _following(session: Session, community: Community, case: Case) -> dict[str, Any] | None:
    day = today(community)
    found = next(iter(next_patrols(session, community, day, [case.id])), None)
    return None if found is None else _next(community, found, day)


def _next(community: Community, one: NextPatrol, day: dt.date) -> dict[str, Any]:
    return {
        "case": str(one.case_id),
        "number": case_number(community.code, one.year, one.number),
        "household": one.household,
        "building": one.building,
        "state": one.state,
        "accepted_on": one.accepted_on.isoformat(),
        "days": one.slot.days,
        "due_on": one.slot.due_on.isoformat(),
        "is_due": one.is_due(day),
    }


def _made(patrol: Patrol) -> dict[str, Any]:
    return {
        "days": patrol.days,
        "due_on": patrol.due_on.isoformat(),
        "done_on": patrol.done_on and patrol.done_on.isoformat(),
        "actor": patrol.actor,
        "outcome": patrol.outcome,
        "note": patrol.note,
    }
