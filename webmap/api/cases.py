"""Cases: the list, one case, what happened to it, and the moves that it makes."""

import json
import uuid
from dataclasses import asdict
from typing import Any

from flask import abort, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import Equal, OneOf
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.case_list import (
    CaseFilter,
    ListedCase,
    Sort,
    count_cases,
    find_listed,
    list_cases,
)
from cases.case_sheet import LAYERS, Shape, case_shapes, find_case
from cases.casework import StaleVersion
from cases.issuing import move_with_paper
from cases.models import Case
from cases.parcel_file import case_events, case_file
from cases.workflow import Document, Requirement, State
from gis.problems import InputError, Problem
from layers.models import Community
from webmap.api.blueprint import Blueprint
from webmap.api.community import asked_community, asking_viewer
from webmap.api.cursors import read_cursor, write_cursor
from webmap.api.etags import asked_versions, tag_version
from webmap.api.fields import POLYGONS, Count, Flag, Key, Text, Word
from webmap.api.moves import MoveSchema, move_request, paper_details
from webmap.api.schemas import FailureSchema, ProblemSchema, says, word
from webmap.api.submitting import submit
from webmap.errors import Stale
from webmap.gates import gated, place_session

cases = Blueprint("cases", __name__, "Households that have taken green space, one case each.")

PER_PAGE = 50
MOST_PER_PAGE = 200
LONGEST_REF = 64
_TEXTS = ("building", "unit", "household", "housekeeper", "campaign", "text")


class EventSchema(Schema):
    """Something that happened to a case; history is never changed."""

    day = fields.Date(**says("The day where the community lies."))
    at = fields.DateTime(**says("The instant."))
    actor = fields.String(**says("Whose account recorded it."))
    event = fields.String(**says("What, as source:subject:action."))
    state = word(State, "The state that the case came to.", allow_none=True)
    document = fields.String(**says("The number of the paper behind it."))
    note = fields.String(**says("The reason or note."))


class AvailableMoveSchema(Schema):
    """A move that the table allows from here."""

    target = word(State, "The state that it leads to.")
    permitted = fields.Boolean(**says("Whether the asking account may make it."))
    document = word(
        Document,
        "The kind of paper that it rests on, issued with it where none is named.",
        allow_none=True,
    )
    requires = fields.List(
        word(Requirement, "A requirement."), **says("All that such a move needs.")
    )
    lacks = fields.List(
        fields.Nested(ProblemSchema),
        **says("What it would lack without any field, a paper's number counted."),
    )


class CaseSchema(Schema):
    """A case with its history and its next moves."""

    id = fields.UUID(**says("Its identifier."))
    number = fields.String(**says("What people call it."))
    household = fields.String(**says("The ref of the household that answers."))
    campaign = fields.String(**says("The name of its campaign."))
    state = word(State, "How far it has come.")
    since = fields.Date(**says("Since when."))
    version = fields.Integer(**says("Raised by every change; If-Match names it."))
    events = fields.List(fields.Nested(EventSchema), **says("What happened, oldest first."))
    moves = fields.List(fields.Nested(AvailableMoveSchema), **says("What may happen next."))


class ListedCaseSchema(Schema):
    """A line of the list of cases."""

    id = fields.UUID(**says("Its identifier."))
    number = fields.String(**says("What people call it."))
    household = fields.String(**says("The ref of the household that answers."))
    building = fields.String(**says("The ref of its building.", allow_none=True))
    unit = fields.String(**says("Its unit within the building."))
    campaign = fields.String(**says("The name of its campaign."))
    campaign_ref = fields.String(**says("The ref of its campaign."))
    state = word(State, "How far it has come.")
    since = fields.Date(**says("Since when."))
    version = fields.Integer(**says("Raised by every change."))
    occupied_m2 = fields.Float(**says("What its polygons covered when found, in m2."))
    deadline_on = fields.Date(**says("By when to clear.", allow_none=True))
    suspended_on = fields.Date(**says("When an objection stopped the clock.", allow_none=True))
    is_overdue = fields.Boolean(**says("Whether the deadline has passed with the clock running."))
    difficulty = fields.Integer(
        **says("1 to 5, where a person set it instead of the suggestion.", allow_none=True)
    )
    housekeeper = fields.String(**says("The account of its lane housekeeper.", allow_none=True))
    inspector = fields.String(**says("The account of its inspector.", allow_none=True))


class WholeCaseSchema(ListedCaseSchema):
    """A case with its history, its next moves and where it stands in the list."""

    events = fields.List(fields.Nested(EventSchema), **says("What happened, oldest first."))
    moves = fields.List(fields.Nested(AvailableMoveSchema), **says("What may happen next."))


class CasePageSchema(Schema):
    """A page of the list of cases."""

    total = fields.Integer(**says("How many cases the filters keep."))
    next = fields.String(
        **says("The address of the next page; null after the last.", allow_none=True)
    )
    cases = fields.List(fields.Nested(ListedCaseSchema), **says("The cases of this page."))


class CaseQuerySchema(Schema):
    """Which cases, in which order, from where on."""

    state = fields.List(
        Word(State, code="state", noun="state"),
        load_default=[],
        metadata={"description": "Only these states; name it several times for several."},
    )
    building = Text(LONGEST_REF, load_default="", metadata={"description": "Only this building."})
    unit = Text(LONGEST_REF, load_default="", metadata={"description": "Only this unit."})
    household = Text(LONGEST_REF, load_default="", metadata={"description": "Only this household."})
    housekeeper = Text(
        254, load_default="", metadata={"description": "Only of this account, by its address."}
    )
    campaign = Text(
        LONGEST_REF, load_default="", metadata={"description": "Only of this campaign, by its ref."}
    )
    overdue = Flag(metadata={"description": "Only overdue cases, or only the others."})
    text = Text(
        100,
        load_default="",
        metadata={"description": "Part of a number, a ref, a document or a note."},
    )
    sort = Word(
        Sort,
        code="sort",
        noun="order",
        load_default=Sort.NUMBER,
        metadata={"description": "What comes first; the number decides between equals."},
    )
    descending = Flag(load_default=False, metadata={"description": "The last one first."})
    limit = Count(
        1,
        MOST_PER_PAGE,
        load_default=PER_PAGE,
        metadata={"description": "How many cases a page holds."},
    )
    cursor = Text(
        400,
        load_default="",
        metadata={"description": "Where the page begins: taken from `next`, never made up."},
    )


class ShapeSchema(Schema):
    """What a polygon is."""

    layer = fields.String(**says("What it is.", validate=OneOf(LAYERS)))
    label = fields.String(**says("The ref of the building, parcel or observation."))
    day = fields.Date(**says("Since when, where that is known.", allow_none=True))


class FeatureSchema(Schema):
    """A polygon as GeoJSON."""

    type = fields.String(**says("Always Feature.", validate=Equal("Feature")))
    geometry = fields.Raw(required=True, metadata={"description": "Its polygon.", **POLYGONS})
    properties = fields.Nested(ShapeSchema, **says("What it is."))


class GroundSchema(Schema):
    """Polygons as GeoJSON."""

    type = fields.String(**says("Always FeatureCollection.", validate=Equal("FeatureCollection")))
    features = fields.List(fields.Nested(FeatureSchema), **says("Those that lie below first."))


class SubmissionSchema(Schema):
    """What makes a resend safe."""

    key = Key(
        data_key="Idempotency-Key",
        metadata={
            "description": "A random UUID of the client's: the same body under it is done once"
            " and answered the same, for 30 days."
        },
    )


class StaleSchema(FailureSchema):
    """A change of a case that somebody else has changed since it was read."""

    yours = fields.Dict(**says("The request as it was sent, with the versions of If-Match."))
    case = fields.Nested(CaseSchema, **says("The case as it is now."))


@cases.route("/communities/<place>/cases")
@cases.arguments(CaseQuerySchema, location="query")
@cases.response(200, CasePageSchema)
@gated(Permission.CASE_READ)
def case_list(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """List cases, a page at a time.

    `next` (and the header `Link`) leads to the page after this one; cases that come or
    go meanwhile are neither lost nor shown twice.
    """
    wanted = CaseFilter(
        frozenset(asked["state"]),
        **{name: asked[name] for name in _TEXTS},
        overdue=asked.get("overdue"),
        sees=asking_viewer().sees,
    )
    order = {"sort": asked["sort"], "descending": asked["descending"]}
    after = read_cursor(asked["cursor"], place, **order) if asked["cursor"] else None
    with place_session() as session:
        community = asked_community(session)
        page = list_cases(session, community, wanted, **order, limit=asked["limit"], after=after)
        number = count_cases(session, community, wanted)
    following = page.following and _address(write_cursor(page.following, place, **order))
    response = jsonify(
        total=number, next=following or None, cases=[_listed(one) for one in page.cases]
    )
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


@cases.route("/communities/<place>/cases/<uuid:case_id>")
@cases.response(200, WholeCaseSchema)
@gated(Permission.CASE_READ)
def whole_case(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """One case with its history and its next moves.

    Its ETag begins with its version; a move sends it back as `If-Match`.
    """
    with place_session() as session:
        community = asked_community(session)
        case = _case(session, community, case_id)
        listed = find_listed(session, community, case_id)
        found = case_file(session, community, case, asking_viewer())
    return tag_version(jsonify(_listed(listed) | found), case.version)


@cases.route("/communities/<place>/cases/<uuid:case_id>/events")
@cases.response(200, EventSchema(many=True))
@gated(Permission.CASE_READ)
def case_history(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """What happened to a case, oldest first."""
    with place_session() as session:
        case = _case(session, asked_community(session), case_id)
        return jsonify(case_events(session, case))


@cases.route("/communities/<place>/cases/<uuid:case_id>/ground")
@cases.response(200, GroundSchema)
@gated(Permission.CASE_READ)
def case_ground(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """The polygons of a case, then and now, as GeoJSON.

    What lies around it comes first, so that it can be recognised.
    """
    with place_session() as session:
        case = _case(session, asked_community(session), case_id)
        shapes = case_shapes(session, case)
    return jsonify(type="FeatureCollection", features=[_feature(shape) for shape in shapes])


@cases.route("/communities/<place>/cases/<uuid:case_id>/moves", methods=["POST"])
@cases.arguments(SubmissionSchema, location="headers")
@cases.arguments(MoveSchema, example={"target": "verified"})
@cases.response(200, CaseSchema)
@cases.failure(412, StaleSchema)
@cases.versioned
@gated(Permission.CASE_READ)
def move_case(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Make one move of a case.

    Which moves there are, who may make them and what each needs is in the case's
    `moves`. Everything that a move lacks comes at once, by field. The paper that a move
    rests on is issued with it where `document` gives no number; a consent to assistance
    then needs its `inventory`, a referral its `authority`.
    """
    viewer, read, details = asking_viewer(), asked_versions(), paper_details(asked)
    if "version" in asked and asked["version"] not in read:
        message = "The body's version is another than If-Match's."
        remedy = "Send the version that was read in both, or in If-Match alone."
        raise InputError([Problem("version", message, remedy, field="version")])

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        known = _case(session, community, case_id).version
        wanted = move_request(asked, viewer, known if known in read else 0)
        try:
            moved = move_with_paper(session, community, case_id, wanted, details)
        except StaleVersion as error:
            now = case_file(session, community, error.case, viewer)
            yours = {"versions": sorted(read), **request.get_json()}
            raise Stale(yours=yours, case=now) from error
        return case_file(session, community, moved, viewer)

    response = submit(headers.get("key"), work)
    return tag_version(response, (response.json or {})["version"])


def _case(session: Session, community: Community, case_id: uuid.UUID) -> Case:
    return find_case(session, community, case_id, asking_viewer()) or abort(404)


def _listed(case: ListedCase) -> dict[str, Any]:
    dated = ("since", "deadline_on", "suspended_on")
    row = asdict(case)
    return row | {name: row[name] and row[name].isoformat() for name in dated}


def _feature(shape: Shape) -> dict[str, Any]:
    day = None if shape.day is None else shape.day.isoformat()
    return {
        "type": "Feature",
        "geometry": json.loads(shape.geometry),
        "properties": {"layer": shape.layer, "label": shape.label, "day": day},
    }


def _address(cursor: str) -> str:
    """Return the address of the same list from another row on."""
    kept = {**request.args.to_dict(flat=False), **(request.view_args or {}), "cursor": cursor}
    return url_for(request.endpoint or "", **kept)
