"""Lanes: which buildings one housekeeper looks after, changed one at a time under one version."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import Length
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.assignment import Duty
from cases.lane_buildings import buildings_of
from cases.lane_versions import StaleLanes, lanes_version
from cases.lanes import (
    CODE_LENGTH,
    NAME_LENGTH,
    LaneForm,
    find_lane,
    list_lanes,
    mapped_buildings,
    remove_lane,
    save_lane,
)
from cases.signing import Signature
from gis.problems import InputError
from layers.models import Community
from webmap.api.blueprint import Blueprint
from webmap.api.cases import LONGEST_REF
from webmap.api.community import asked_community, asking_viewer
from webmap.api.etags import asked_digests, tag_digest
from webmap.api.fields import Drawing, Text
from webmap.api.histories import SubmissionSchema
from webmap.api.schemas import FailureSchema, says
from webmap.api.submitting import submit
from webmap.api.workers import LONGEST_ADDRESS, account_of
from webmap.errors import Stale
from webmap.gates import gated, place_session

lanes = Blueprint("lanes", __name__, "Which buildings one housekeeper looks after.")

MOST_BUILDINGS = 2_000
# What is as no lanes ever are, so that a verb refuses it as stale.
_NEVER = ""


class LaneSchema(Schema):
    """A lane."""

    id = fields.UUID(**says("Its identifier."))
    ref = fields.String(**says("Its number."))
    name = fields.String(**says("Its name."))
    housekeeper = fields.String(**says("The account of its housekeeper.", allow_none=True))
    buildings = fields.List(fields.String(), **says("The refs of its buildings."))
    cases = fields.Integer(**says("How many cases are under way in it."))


class LanesSchema(Schema):
    """The lanes of a community, which have one version together."""

    version = fields.String(**says("What If-Match names, or the whole ETag."))
    lanes = fields.List(fields.Nested(LaneSchema), **says("All of them, by number."))
    left = fields.List(fields.String(), **says("The refs of the buildings in no lane."))


class NewLaneSchema(Schema):
    """A lane as it is to be; its buildings leave the lanes in which they were."""

    ref = Text(CODE_LENGTH, required=True, metadata={"description": "Its number."})
    name = Text(NAME_LENGTH, load_default="", metadata={"description": "Its name."})
    housekeeper = Text(
        LONGEST_ADDRESS,
        allow_none=True,
        load_default=None,
        metadata={"description": "The account of its housekeeper; null is nobody yet."},
    )
    buildings = fields.List(
        Text(LONGEST_REF),
        load_default=[],
        validate=Length(max=MOST_BUILDINGS),
        metadata={"description": "The refs of its buildings."},
    )
    drawn = Drawing(
        load_default=None,
        metadata={
            "description": "A polygon in EPSG:4326: the buildings whose centre lies within are"
            " the lane's too."
        },
    )


class StaleLanesSchema(FailureSchema):
    """A change of lanes that somebody else has changed since they were read."""

    yours = fields.Dict(**says("The request as it was sent, with the versions of If-Match."))
    now = fields.Nested(LanesSchema, **says("The lanes as they are now."))


_EXAMPLE = {
    "ref": "3",
    "name": "South lane",
    "housekeeper": "li@example.org",
    "buildings": ["12", "13"],
}


@lanes.route("/communities/<place>/lanes")
@lanes.response(200, LanesSchema)
@gated(Permission.CAMPAIGN_READ)
def place_lanes(place: str) -> ResponseReturnValue:
    """Lanes of a community, with their housekeepers and buildings.

    The ETag begins with the version of all lanes, as a building that one takes another loses;
    a change of any of them sends it back as `If-Match`.
    """
    with place_session() as session:
        told = _told(session, asked_community(session))
    return tag_digest(jsonify(told), told["version"])


@lanes.route("/communities/<place>/lanes", methods=["POST"])
@lanes.arguments(SubmissionSchema, location="headers")
@lanes.arguments(NewLaneSchema, example=_EXAMPLE)
@lanes.response(200, LanesSchema)
@lanes.failure(412, StaleLanesSchema)
@lanes.versioned
@gated(Permission.LANES_EDIT)
def add_lane(headers: dict[str, Any], asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Make a lane of buildings, named or drawn around; cases under way follow it."""
    return _save(headers, asked, None)


@lanes.route("/communities/<place>/lanes/<uuid:lane_id>", methods=["PUT"])
@lanes.arguments(SubmissionSchema, location="headers")
@lanes.arguments(NewLaneSchema, example=_EXAMPLE)
@lanes.response(200, LanesSchema)
@lanes.failure(412, StaleLanesSchema)
@lanes.versioned
@gated(Permission.LANES_EDIT)
def change_lane(
    headers: dict[str, Any], asked: dict[str, Any], place: str, lane_id: uuid.UUID
) -> ResponseReturnValue:
    """Change a lane: it is then exactly as the body says, and cases under way follow."""
    return _save(headers, asked, lane_id)


@lanes.route("/communities/<place>/lanes/<uuid:lane_id>", methods=["DELETE"])
@lanes.response(200, LanesSchema)
@lanes.failure(412, StaleLanesSchema)
@lanes.versioned
@gated(Permission.LANES_EDIT)
def drop_lane(place: str, lane_id: uuid.UUID) -> ResponseReturnValue:
    """Remove a lane; its cases lose the housekeeper that they had from it."""

    def act(session: Session, community: Community, by: Signature, read: str) -> None:
        remove_lane(session, community, lane_id, by, read)

    return _change(None, lane_id, act)


def _save(
    headers: dict[str, Any], asked: dict[str, Any], lane_id: uuid.UUID | None
) -> ResponseReturnValue:
    def act(session: Session, community: Community, by: Signature, read: str) -> None:
        keeper, problems = account_of(session, community, Duty.HOUSEKEEPER, asked["housekeeper"])
        try:
            buildings = buildings_of(session, community, asked["buildings"], asked["drawn"])
        except InputError as error:
            raise InputError([*problems, *error.problems]) from error
        if problems:
            raise InputError(problems)
        form = LaneForm(asked["ref"], asked["name"], keeper, buildings)
        save_lane(session, community, lane_id, form, by, read)

    return _change(headers.get("key"), lane_id, act)


def _change(
    key: uuid.UUID | None,
    lane_id: uuid.UUID | None,
    act: Callable[[Session, Community, Signature, str], None],
) -> Response:
    """Let ``act`` change the lanes and answer with all of them as they are then."""
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        if lane_id is not None and find_lane(session, community, lane_id) is None:
            abort(404)
        read, now = asked_digests(), lanes_version(session, community)
        by = Signature(viewer.actor, permissions=viewer.permissions)
        try:
            act(session, community, by, now if now in read else _NEVER)
        except StaleLanes as error:
            yours = {"versions": sorted(read), **(request.get_json(silent=True) or {})}
            raise Stale(yours=yours, now=_told(session, community)) from error
        return _told(session, community)

    response = submit(key, work)
    return tag_digest(response, (response.json or {})["version"])


def _told(session: Session, community: Community) -> dict[str, Any]:
    session.flush()
    buildings = mapped_buildings(session, community)
    return {
        "version": lanes_version(session, community),
        "lanes": [
            {
                "id": str(one.id),
                "ref": one.ref,
                "name": one.name,
                "housekeeper": one.account,
                "buildings": list(one.buildings),
                "cases": one.cases,
            }
            for one in list_lanes(session, community)
        ],
        "left": [one.ref for one in buildings if one.lane_id is None],
    }
