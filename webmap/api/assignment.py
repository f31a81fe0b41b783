"""Who works on a case, how hard it is, and which household answers for it."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields, validates_schema
from marshmallow.validate import Length
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.assignment import (
    Basis,
    Duty,
    StaleCases,
    assign,
    check_versions,
    follow_lane,
    own_choices,
)
from cases.case_list import find_listed
from cases.difficulty import EASIEST, HARDEST, Reason
from cases.models import Case
from cases.ranking import ranks, set_difficulty
from cases.reassigning import reassign
from cases.signing import Signature
from gis.problems import InputError, Problem
from layers.bulk import among
from layers.models import Community
from webmap.api.blueprint import Blueprint
from webmap.api.cases import LONGEST_REF, ListedCaseSchema, listed_case
from webmap.api.changing import Change, SignedSchema, change_case, changes_case, seen_case
from webmap.api.community import asked_community, asking_viewer
from webmap.api.fields import Text, Truth, Version, Whole, refused
from webmap.api.histories import SubmissionSchema
from webmap.api.schemas import FailureSchema, says, word
from webmap.api.submitting import submit
from webmap.api.workers import LONGEST_ADDRESS, WorkerSchema, account_of, listed_workers
from webmap.errors import Stale
from webmap.gates import gated, place_session

assignment = Blueprint("assignment", __name__, "Who works on cases, and how hard they are.")

FOLLOW_LANE = "lane"
MOST_CASES = 500


class AssignedSchema(Schema):
    """Who works on a case."""

    housekeeper = fields.String(**says("The account of its lane housekeeper.", allow_none=True))
    basis = word(Basis, "Whether the lane or a person chose the housekeeper.")
    inspector = fields.String(**says("The account of its inspector.", allow_none=True))


class WantedSchema(SignedSchema):
    """Whom to assign; what is left out stays as it is, and null is nobody."""

    housekeeper = Text(
        LONGEST_ADDRESS,
        allow_none=True,
        metadata={
            "description": "The account of a lane housekeeper, who then stays when lanes change;"
            " `lane` lets the case follow its lane again."
        },
    )
    inspector = Text(
        LONGEST_ADDRESS, allow_none=True, metadata={"description": "The account of an inspector."}
    )

    @validates_schema
    def check_given(self, data: Mapping[str, Any], **_more: Any) -> None:
        """Refuse a body that assigns nobody to anything."""
        if "housekeeper" not in data and "inspector" not in data:
            remedy = "Give a housekeeper, an inspector, or both."
            raise refused("nobody", "Nobody is assigned.", remedy)


class ReadCaseSchema(Schema):
    """A case as it was read."""

    id = fields.UUID(required=True, metadata={"description": "Its identifier."})
    version = Version(required=True, metadata={"description": "The version in which it was read."})


class AssignmentsSchema(WantedSchema):
    """Whom to assign to several cases."""

    cases = fields.List(
        fields.Nested(ReadCaseSchema),
        required=True,
        validate=Length(min=1, max=MOST_CASES),
        metadata={"description": "The cases; one that somebody else has changed stops all."},
    )


class AssignedCasesSchema(Schema):
    """Cases as they are now."""

    cases = fields.List(fields.Nested(ListedCaseSchema), **says("The cases of the request."))


class StaleCasesSchema(FailureSchema):
    """An assignment of cases of which somebody else has changed some since."""

    yours = fields.Dict(**says("The request as it was sent."))
    cases = fields.List(fields.Nested(ListedCaseSchema), **says("Those that changed, as now."))


class WorkersSchema(Schema):
    """Who can be assigned in a community."""

    housekeepers = fields.List(fields.Nested(WorkerSchema), **says("Lane housekeepers, by name."))
    inspectors = fields.List(fields.Nested(WorkerSchema), **says("Inspectors, by name."))


class RankSchema(Schema):
    """How hard a case is."""

    difficulty = fields.Integer(**says("What counts, 1 (easy) to 5."))
    suggested = fields.Integer(**says("What its ground and its past suggest."))
    reasons = fields.List(word(Reason, "A reason."), **says("Why that is suggested."))
    chosen = fields.Integer(**says("What a person set instead.", allow_none=True))
    reason = fields.String(**says("Why a person set it; empty where nobody did."))
    is_remedial = fields.Boolean(**says("Whether the remedial team takes it."))
    is_remedial_suggested = fields.Boolean(**says("Whether that is suggested."))


class NewRankSchema(SignedSchema):
    """How hard a case is to be taken."""

    difficulty = Whole(
        EASIEST,
        HARDEST,
        required=True,
        allow_none=True,
        metadata={"description": "1 (easy) to 5; null follows the suggestion."},
    )
    reason = Text(
        load_default="", metadata={"description": "Why; needed where a difficulty is set."}
    )
    is_remedial = Truth(
        load_default=False, metadata={"description": "Whether the remedial team takes it."}
    )


class AnswerSchema(SignedSchema):
    """Who answers for ground of a case instead."""

    household = Text(
        LONGEST_REF, required=True, metadata={"description": "The ref of the household."}
    )
    reason = Text(required=True, metadata={"description": "Why."})
    observation = Text(
        LONGEST_REF,
        load_default="",
        metadata={"description": "Only for the ground of the observation of this ref."},
    )


@assignment.route("/communities/<place>/workers")
@assignment.response(200, WorkersSchema)
@gated(Permission.CASE_ASSIGN)
def place_workers(place: str) -> ResponseReturnValue:
    """Who can be assigned to cases of a community."""
    with place_session() as session:
        community = asked_community(session)
        return jsonify(
            housekeepers=listed_workers(session, community, Duty.HOUSEKEEPER),
            inspectors=listed_workers(session, community, Duty.INSPECTOR),
        )


@assignment.route("/communities/<place>/cases/<uuid:case_id>/assignment")
@assignment.response(200, AssignedSchema)
@gated(Permission.CASE_READ)
def case_assignment(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Who works on a case."""
    with place_session() as session:
        community = asked_community(session)
        case = seen_case(session, community, case_id)
        listed = find_listed(session, community, case_id)
        is_own = bool(own_choices(session, community, [case.id]))
    basis = Basis.PERSON if is_own else Basis.LANE
    return jsonify(housekeeper=listed.housekeeper, basis=basis, inspector=listed.inspector)


@changes_case(
    assignment,
    "assignment",
    WantedSchema,
    Permission.CASE_ASSIGN,
    methods=["PUT"],
    example={"housekeeper": "lane", "inspector": "ana@example.org"},
)
def assign_case(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Assign a housekeeper, an inspector, or both to a case."""

    def act(change: Change) -> None:
        session, community = change.session, change.community
        check_versions(session, community, {case_id: change.version})
        by = Signature(change.viewer.actor, asked.get("at"), change.viewer.permissions)
        _assign(session, community, [case_id], asked, by)

    return change_case(case_id, headers, act)


@assignment.route("/communities/<place>/assignments", methods=["POST"])
@assignment.arguments(SubmissionSchema, location="headers")
@assignment.arguments(
    AssignmentsSchema,
    example={
        "cases": [{"id": "8a1f6bd2-0d0c-4c39-9d52-0f8e3a7f6d11", "version": 3}],
        "inspector": "ana@example.org",
    },
)
@assignment.response(200, AssignedCasesSchema)
@assignment.failure(412, StaleCasesSchema)
@gated(Permission.CASE_ASSIGN)
def assign_cases(headers: dict[str, Any], asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Assign a housekeeper, an inspector, or both to several cases at once.

    Each case names the version in which it was read; one that somebody else has changed
    since stops them all.
    """
    viewer = asking_viewer()
    read: dict[uuid.UUID, int | None] = {one["id"]: one["version"] for one in asked["cases"]}

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        _check_seen(session, community, read)
        try:
            check_versions(session, community, read)
        except StaleCases as error:
            changed = _listed(session, community, error.ids)
            raise Stale(yours=request.get_json(), cases=changed) from error
        by = Signature(viewer.actor, asked.get("at"), viewer.permissions)
        _assign(session, community, read, asked, by)
        return {"cases": _listed(session, community, read)}

    return submit(headers.get("key"), work)


@assignment.route("/communities/<place>/cases/<uuid:case_id>/difficulty")
@assignment.response(200, RankSchema)
@gated(Permission.CASE_READ)
def case_difficulty(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """How hard a case is, as suggested with its reasons and as a person set it."""
    with place_session() as session:
        community = asked_community(session)
        case = seen_case(session, community, case_id)
        rank = ranks(session, community, [case.id])[case.id]
    suggestion = asdict(rank.suggestion)
    return jsonify(
        difficulty=rank.difficulty,
        suggested=suggestion["difficulty"],
        reasons=suggestion["reasons"],
        chosen=rank.chosen,
        reason=rank.reason,
        is_remedial=rank.is_remedial,
        is_remedial_suggested=rank.is_remedial_suggested,
    )


@changes_case(
    assignment,
    "difficulty",
    NewRankSchema,
    Permission.CASE_ASSIGN,
    methods=["PUT"],
    example={"difficulty": 4, "reason": "Two parties must agree.", "is_remedial": True},
)
def rank_case(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Set how hard a case is, or follow the suggestion; and whether the remedial team takes it."""

    def act(change: Change) -> None:
        set_difficulty(
            change.session,
            change.community,
            case_id,
            asked["difficulty"],
            asked["reason"],
            change.signed(asked.get("at")),
            is_remedial=asked["is_remedial"],
        )

    return change_case(case_id, headers, act)


@changes_case(
    assignment,
    "answer",
    AnswerSchema,
    Permission.CASE_READ,
    example={"household": "12-1-102", "reason": "The fence is the neighbour's."},
)
def reassign_ground(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Let another household answer for ground of a case.

    The ground moves to the case of that household with its area as it was measured, so that
    every figure stays.
    """

    def act(change: Change) -> None:
        reassign(
            change.session,
            change.community,
            case_id,
            asked["household"],
            asked["reason"],
            change.signed(asked.get("at")),
            observation_ref=asked["observation"] or None,
        )

    return change_case(case_id, headers, act)


def _assign(
    session: Session,
    community: Community,
    cases: Collection[uuid.UUID],
    asked: Mapping[str, Any],
    by: Signature,
) -> None:
    """Assign whoever is asked for, or raise ``InputError`` with all that is wrong."""
    follows = asked.get("housekeeper") == FOLLOW_LANE
    found, problems = {}, []
    for duty in Duty:
        if duty in asked and not (duty is Duty.HOUSEKEEPER and follows):
            found[duty], wrong = account_of(session, community, duty, asked[duty] or None)
            problems += wrong
    if problems:
        raise InputError(problems)
    if follows:
        follow_lane(session, community, cases, by)
    for duty, account in found.items():
        assign(session, community, cases, duty, account, by)


def _check_seen(session: Session, community: Community, cases: Collection[uuid.UUID]) -> None:
    """Raise ``InputError`` for cases that the account does not see, or that are not there."""
    seen = session.scalars(
        select(Case.id).where(
            Case.community_id == community.id, among(Case.id, cases), asking_viewer().sees
        )
    ).all()
    if len(seen) < len(cases):
        text, remedy = "There is no such case.", "Choose from the list."
        raise InputError([Problem("unknown_case", text, remedy, field="cases")])


def _listed(
    session: Session, community: Community, cases: Collection[uuid.UUID]
) -> list[dict[str, Any]]:
    session.flush()
    return [listed_case(find_listed(session, community, one)) for one in cases]
