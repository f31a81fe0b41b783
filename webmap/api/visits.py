"""Visits of the household of a case: those made, and one more with what came of it."""

import uuid
from typing import Any

from flask import abort, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.models import Visit, VisitOutcome
from cases.visit_records import issue_visit_record
from cases.visits import Visited, record_visit
from cases.visits import visits as visits_of
from webmap.api.blueprint import Blueprint
from webmap.api.campaigns import signed
from webmap.api.changing import Change, SignedSchema, change_case, changes_case, seen_case
from webmap.api.community import asked_community
from webmap.api.fields import Day, Text, Word
from webmap.api.histories import SubmissionSchema
from webmap.api.papers import PaperSchema, told_paper
from webmap.api.schemas import says, word
from webmap.api.submitting import submit
from webmap.gates import gated, place_session

visits = Blueprint("visits", __name__, "Visits of the household of a case.")

LONGEST_NUMBER = 64


class VisitSchema(Schema):
    """A visit, which is never changed."""

    id = fields.UUID(**says("Its identifier."))
    visited_on = fields.Date(**says("The day."))
    actor = fields.String(**says("Whose account recorded it."))
    outcome = word(VisitOutcome, "What came of it.")
    next_on = fields.Date(**says("When somebody comes again.", allow_none=True))
    note = fields.String(**says("What was said."))


class NewVisitSchema(SignedSchema):
    """A visit to be recorded, with what came of it."""

    outcome = Word(
        VisitOutcome,
        code="outcome",
        noun="outcome",
        required=True,
        metadata={"description": "What came of it; the case moves as that says."},
    )
    note = Text(
        load_default="",
        metadata={"description": "What was said; needed where the household declines."},
    )
    next_on = Day(
        allow_none=True, load_default=None, metadata={"description": "When somebody comes again."}
    )
    document = Text(
        LONGEST_NUMBER,
        load_default="",
        metadata={
            "description": "The number of a contract signed on other paper; without one the"
            " contract is issued with the visit."
        },
    )


@visits.route("/communities/<place>/cases/<uuid:case_id>/visits")
@visits.response(200, VisitSchema(many=True))
@gated(Permission.CASE_READ)
def case_visits(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Visits of the household of a case, the latest first."""
    with place_session() as session:
        case = seen_case(session, asked_community(session), case_id)
        return jsonify([_shown(one) for one in visits_of(session, case)])


@changes_case(
    visits,
    "visits",
    NewVisitSchema,
    Permission.CASE_VISIT,
    example={"outcome": "undecided", "note": "Asks until when.", "next_on": "2022-04-20"},
)
def record_case_visit(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Record a visit of the household of a case, and what it leads to.

    A household that signs, declines or will clear brings its case to that state.
    """
    visited = Visited(asked["outcome"], asked["note"], asked["next_on"], asked["document"])

    def act(change: Change) -> None:
        by = change.signed(asked.get("at"))
        record_visit(change.session, change.community, case_id, visited, by)

    return change_case(case_id, headers, act)


@visits.route("/communities/<place>/visits/<uuid:visit_id>/record", methods=["POST"])
@visits.arguments(SubmissionSchema, location="headers")
@visits.response(201, PaperSchema)
@gated(Permission.CASE_VISIT)
def new_visit_record(
    headers: dict[str, Any], place: str, visit_id: uuid.UUID
) -> ResponseReturnValue:
    """Issue the record of a visit as a paper of its case, once for each visit.

    Whoever made the visit may, and who issues papers of the community.
    """

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        visit = session.get(Visit, (community.id, visit_id)) or abort(404)
        seen_case(session, community, visit.case_id)
        return told_paper(session, issue_visit_record(session, community, visit.id, signed()))

    return submit(headers.get("key"), work, 201)


def _shown(visit: Visit) -> dict[str, Any]:
    return {
        "id": str(visit.id),
        "visited_on": visit.visited_on.isoformat(),
        "actor": visit.actor,
        "outcome": visit.outcome,
        "next_on": visit.next_on and visit.next_on.isoformat(),
        "note": visit.note,
    }
