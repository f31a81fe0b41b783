"""The clock of a case: its deadline, and the objections that stop it."""

import datetime as dt
import uuid
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from cases.access import Permission
from cases.deadlines import clock as clock_of
from cases.deadlines import extend, latest_extension, visit_due
from cases.ledger import today
from cases.objections import (
    Decision,
    Outcome,
    decide_objection,
    list_objections,
    lodge,
    window_ends,
)
from webmap.api.blueprint import Blueprint
from webmap.api.changing import Change, SignedSchema, change_case, changes_case, seen_case
from webmap.api.community import asked_community
from webmap.api.fields import Day, Text, Word
from webmap.api.schemas import says
from webmap.api.visits import LONGEST_NUMBER
from webmap.gates import gated, place_session

clock = Blueprint("clock", __name__, "Deadlines of cases, and objections, which stop them.")

_DAYS = ("lodged_on", "due_on", "decided_on")


class DeadlineSchema(Schema):
    """Where the clock of a case stands today."""

    deadline_on = fields.Date(**says("By when to clear.", allow_none=True))
    suspended_on = fields.Date(**says("When an objection stopped the clock.", allow_none=True))
    left = fields.Integer(**says("How many working days the household has."))
    over = fields.Integer(**says("How many working days it is late."))
    is_provisional = fields.Boolean(
        **says("Whether moved working days up to the deadline are not published yet.")
    )
    visit_due_on = fields.Date(
        **says("By when an announced household is visited.", allow_none=True)
    )
    latest_on = fields.Date(
        **says("The last day to which it may be extended now; null for none.", allow_none=True)
    )


class ExtensionSchema(SignedSchema):
    """More time for a household."""

    deadline_on = Day(
        required=True, metadata={"description": "The new deadline, a working day later than now's."}
    )
    reason = Text(required=True, metadata={"description": "Why."})


class ObjectionSchema(Schema):
    """An objection, with what was decided on it."""

    id = fields.UUID(**says("Its identifier."))
    lodged_on = fields.Date(**says("The day."))
    recorded_by = fields.String(**says("Whose account recorded it."))
    grounds = fields.String(**says("What the household objects."))
    due_on = fields.Date(**says("By when it is to be decided."))
    decided_on = fields.Date(**says("When it was decided.", allow_none=True))
    decided_by = fields.String(**says("Whose account decided.", allow_none=True))
    upheld = fields.Boolean(**says("Whether it was upheld.", allow_none=True))
    decision = fields.String(**says("The reason of the decision; empty before."))


class ObjectionsSchema(Schema):
    """The objections of a case."""

    window_ends_on = fields.Date(
        **says("Until when an objection stops the clock; null where any does.", allow_none=True)
    )
    objections = fields.List(fields.Nested(ObjectionSchema), **says("The latest first."))


class NewObjectionSchema(SignedSchema):
    """An objection to be recorded."""

    grounds = Text(required=True, metadata={"description": "What the household objects."})


class DecisionSchema(SignedSchema):
    """A decision on the open objection."""

    outcome = Word(
        Outcome,
        code="outcome",
        noun="outcome",
        required=True,
        metadata={
            "description": "refused lets the clock run on; rejected and suspected uphold it and"
            " send the case there; upheld moves nothing, where ground was once accepted as"
            " cleared."
        },
    )
    reason = Text(required=True, metadata={"description": "Why."})
    document = Text(
        LONGEST_NUMBER,
        load_default="",
        metadata={"description": "The number of the decision; without one it is issued."},
    )


@clock.route("/communities/<place>/cases/<uuid:case_id>/deadline")
@clock.response(200, DeadlineSchema)
@gated(Permission.CASE_READ)
def case_deadline(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Where the clock of a case stands today."""
    with place_session() as session:
        community = asked_community(session)
        case = seen_case(session, community, case_id)
        now = clock_of(community, case, today(community))
        return jsonify(
            deadline_on=_day(now.deadline_on),
            suspended_on=_day(now.suspended_on),
            left=now.left,
            over=now.over,
            is_provisional=now.is_provisional,
            visit_due_on=_day(visit_due(community, case)),
            latest_on=_day(latest_extension(session, community, case)),
        )


@changes_case(
    clock,
    "deadline",
    ExtensionSchema,
    Permission.CASE_EXTEND,
    example={"deadline_on": "2022-05-20", "reason": "The tenant is away until then."},
)
def extend_deadline(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Give the household of a case more time, for a reason."""

    def act(change: Change) -> None:
        by = change.signed(asked.get("at"))
        day, reason = asked["deadline_on"], asked["reason"]
        extend(change.session, change.community, case_id, day, reason, by)

    return change_case(case_id, headers, act)


@clock.route("/communities/<place>/cases/<uuid:case_id>/objections")
@clock.response(200, ObjectionsSchema)
@gated(Permission.CASE_READ)
def case_objections(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Objections of the household of a case, the latest first."""
    with place_session() as session:
        community = asked_community(session)
        case = seen_case(session, community, case_id)
        rows = list_objections(session, community, case)
        ends = window_ends(session, community, case)
    shown = [
        {**one, "id": str(one["id"]), **{day: _day(one[day]) for day in _DAYS}} for one in rows
    ]
    return jsonify(window_ends_on=_day(ends), objections=shown)


@changes_case(
    clock,
    "objections",
    NewObjectionSchema,
    Permission.OBJECTION_LODGE,
    example={"grounds": "The hedge was planted by the property company."},
)
def lodge_objection(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Record an objection of the household of a case; within the window it stops the clock."""

    def act(change: Change) -> None:
        by = change.signed(asked.get("at"))
        lodge(change.session, change.community, case_id, asked["grounds"], by)

    return change_case(case_id, headers, act)


@changes_case(
    clock,
    "objections/decision",
    DecisionSchema,
    Permission.OBJECTION_DECIDE,
    example={"outcome": "refused", "reason": "The parcel is common.", "document": "B-31"},
)
def decide_case_objection(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Decide the open objection of a case.

    Whoever verified the case does not decide.
    """
    decision = Decision.of(asked["outcome"], asked["reason"], asked["document"])

    def act(change: Change) -> None:
        by = change.signed(asked.get("at"))
        decide_objection(change.session, change.community, case_id, decision, by)

    return change_case(case_id, headers, act)


def _objection(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "id": str(row["id"]), **{day: _day(row[day]) for day in _DAYS}}


def _day(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
