"""The own household of a resident: its cases, and what it says about them."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, abort, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from marshmallow import Schema, fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.declarations import declare_own
from cases.documents import number_of
from cases.models import Case, DocumentRecord
from cases.own_household import OwnSheet, object_own, own_paper, own_sheets
from cases.papers.files import MEDIA_TYPES
from cases.submissions import Answer
from cases.workflow import Document, State
from webmap.api.blueprint import Blueprint
from webmap.api.fields import Text
from webmap.api.histories import SubmissionSchema
from webmap.api.papers import FileQuerySchema
from webmap.api.schemas import says, word
from webmap.connections import current_database
from webmap.gates import Open, gated, residents_scope
from webmap.papers import send_paper
from webmap.submitting import Sent, submit_in

household = Blueprint("household", __name__, "The own household of a resident.")


class OwnEventSchema(Schema):
    """Something that happened; nobody is named."""

    day = fields.Date(**says("The day."))
    event = fields.String(**says("What, as source:subject:action."))
    state = word(State, "The state that the case came to.", allow_none=True)
    note = fields.String(**says("The household's own words, or a reason that it was given."))


class OwnPaperSchema(Schema):
    """A paper that was addressed to the household; nobody is named."""

    id = fields.UUID(**says("Its identifier."))
    number = fields.String(**says("Its number in the community and year, with its version."))
    kind = word(Document, "What it is.")
    title = fields.String(**says("Its title."))
    issued_on = fields.Date(**says("When it was issued."))


class OwnCaseSchema(Schema):
    """A case of the own household."""

    id = fields.UUID(**says("Its identifier."))
    number = fields.String(**says("What people call it."))
    community = fields.String(**says("The code of the community."))
    household = fields.String(**says("The ref of the household."))
    state = word(State, "How far it has come.")
    since = fields.Date(**says("Since when."))
    deadline_on = fields.Date(**says("By when to clear.", allow_none=True))
    suspended_on = fields.Date(**says("When an objection stopped the clock.", allow_none=True))
    standing_m2 = fields.Float(**says("What is still occupied, in m2 of the survey CRS."))
    may_declare = fields.Boolean(**says("Whether it may declare that it clears."))
    may_object = fields.Boolean(**says("Whether it may object."))
    window_ends_on = fields.Date(
        **says("Until when an objection stops the clock; null where any does.", allow_none=True)
    )
    events = fields.List(fields.Nested(OwnEventSchema), **says("The latest first."))
    papers = fields.List(fields.Nested(OwnPaperSchema), **says("Those addressed to it."))


class OwnDeclarationSchema(Schema):
    """What a household says when it declares."""

    note = Text(load_default="", metadata={"description": "Anything that should be known."})


class OwnObjectionSchema(Schema):
    """What a household objects."""

    grounds = Text(required=True, metadata={"description": "What to, and why."})


@household.route("/household")
@household.response(200, OwnCaseSchema(many=True))
@gated(Open.LOGGED_IN)
def own_household() -> ResponseReturnValue:
    """Cases of the own household, the latest first; nobody else is named."""
    with current_database().session(residents_scope()) as session:
        return jsonify([_told(one) for one in own_sheets(session, current_user.id)])


@household.route("/household/cases/<uuid:case_id>/declaration", methods=["POST"])
@household.arguments(SubmissionSchema, location="headers")
@household.arguments(OwnDeclarationSchema, example={"note": "Gone by Friday."})
@household.response(200, OwnCaseSchema(many=True))
@gated(Open.LOGGED_IN)
def declare_own_case(
    headers: dict[str, Any], asked: dict[str, Any], case_id: uuid.UUID
) -> ResponseReturnValue:
    """Declare that the own household clears."""
    return _submit(
        headers.get("key"),
        case_id,
        lambda session: declare_own(session, case_id, current_user.id, asked["note"]),
    )


@household.route("/household/cases/<uuid:case_id>/objections", methods=["POST"])
@household.arguments(SubmissionSchema, location="headers")
@household.arguments(OwnObjectionSchema, example={"grounds": "The hedge was there before."})
@household.response(200, OwnCaseSchema(many=True))
@gated(Open.LOGGED_IN)
def object_to_own_case(
    headers: dict[str, Any], asked: dict[str, Any], case_id: uuid.UUID
) -> ResponseReturnValue:
    """Object to a case of the own household; within the window that stops its clock."""
    return _submit(
        headers.get("key"),
        case_id,
        lambda session: object_own(session, case_id, current_user.id, asked["grounds"]),
    )


@household.route("/household/papers/<uuid:paper_id>/file.pdf")
@household.arguments(FileQuerySchema, location="query")
@household.response(200, {"type": "string", "format": "binary"}, content_type=MEDIA_TYPES["pdf"])
@gated(Open.LOGGED_IN)
def own_paper_pdf(asked: dict[str, Any], paper_id: uuid.UUID) -> ResponseReturnValue:
    """A paper that was addressed to the own household, as PDF."""
    return _file(paper_id, asked["language"], "pdf")


@household.route("/household/papers/<uuid:paper_id>/file.docx")
@household.arguments(FileQuerySchema, location="query")
@household.response(200, {"type": "string", "format": "binary"}, content_type=MEDIA_TYPES["docx"])
@gated(Open.LOGGED_IN)
def own_paper_docx(asked: dict[str, Any], paper_id: uuid.UUID) -> ResponseReturnValue:
    """A paper that was addressed to the own household, as docx."""
    return _file(paper_id, asked["language"], "docx")


def _file(paper_id: uuid.UUID, language: str, format: str) -> Response:
    def find(session: Session) -> DocumentRecord:
        return own_paper(session, current_user.id, paper_id) or abort(404)

    return send_paper(find, language, format, residents_scope())


def _submit(
    key: uuid.UUID | None, case_id: uuid.UUID, act: Callable[[Session], object]
) -> Response:
    """Do ``act`` once under its key, and answer with the cases as they are then."""

    def work(session: Session) -> Answer:
        act(session)
        told = [_told(one) for one in own_sheets(session, current_user.id)]
        return Answer(200, current_app.json.dumps(told))

    scope = residents_scope()
    with current_database().session(scope) as session:
        community_id = session.scalar(select(Case.community_id).where(Case.id == case_id))
    # Of a case that is not there nothing is kept: the transaction tells so itself.
    known = key if community_id is not None else None
    sent = Sent(known, [request.method, request.path, request.get_json()])
    answer = submit_in(community_id or 0, scope, sent, work)
    return Response(answer.body, answer.status, content_type="application/json")


def _told(sheet: OwnSheet) -> dict[str, Any]:
    own, case = sheet.own, sheet.own.case
    return {
        "id": str(case.id),
        "number": own.number,
        "community": own.community.code,
        "household": own.household,
        "state": case.state,
        "since": case.state_since.isoformat(),
        "deadline_on": _day(case.deadline_on),
        "suspended_on": _day(case.suspended_on),
        "standing_m2": round(sheet.standing_m2, 2),
        "may_declare": own.is_declarable,
        "may_object": sheet.may_object,
        "window_ends_on": _day(sheet.window_ends),
        "events": [
            {
                "day": one.day.isoformat(),
                "event": one.event,
                "state": one.state,
                "note": one.note,
            }
            for one in sheet.events
        ],
        "papers": [
            {
                "id": str(one.id),
                "number": number_of(one),
                "kind": one.kind,
                "title": one.title,
                "issued_on": one.issued_on.isoformat(),
            }
            for one in sheet.papers
        ],
    }


def _day(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
