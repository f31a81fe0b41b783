"""Campaigns: how they stand, begin, change and end, and the bodies that carry them."""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.announcements import announceable
from cases.campaigns import (
    LONGEST_NAME,
    LONGEST_REF,
    Plan,
    Standing,
    add_body,
    begin_campaign,
    bodies,
    campaigns,
    end_campaign,
    find_campaign,
    standing,
)
from cases.case_sheet import CaseLabel, labels
from cases.ledger import today
from cases.models import Body, BodyKind, Campaign, EntryKind, OrderOfWork
from cases.ranking import change_order_of_work
from cases.signing import Signature
from cases.workflow import State
from layers.models import Community
from layers.places import lock_community
from webmap.api.blueprint import Blueprint
from webmap.api.cases import SubmissionSchema
from webmap.api.community import asked_community, asking_viewer
from webmap.api.etags import asked_lanes, tag_lanes
from webmap.api.fields import Day, Text, Word
from webmap.api.schemas import FailureSchema, says, word
from webmap.api.submitting import submit
from webmap.errors import Stale
from webmap.gates import gated, place_session

campaign_api = Blueprint(
    "campaigns", __name__, "Efforts to take the green back, one after another."
)
body_api = Blueprint("bodies", __name__, 'The "1+3+X" that carry the campaigns of a community.')

_STATES: Any = Schema.from_dict(
    {
        state.value: fields.Integer(metadata={"description": f"Cases that are {state}."})
        for state in State
    },
    name="CaseStatesSchema",
)


class CampaignSchema(Schema):
    """A campaign and how it stands; areas are in m2 of the survey CRS, to 0.01 m2."""

    id = fields.UUID(**says("Its identifier."))
    ref = fields.String(**says("What registers call it; once in a community."))
    name = fields.String(**says("What people call it."))
    started_on = fields.Date(**says("When it began."))
    ended_on = fields.Date(**says("When it ended; null while it runs.", allow_none=True))
    outcome = fields.String(**says("What came of it."))
    order_of_work = word(OrderOfWork, "Which cases it takes first.")
    cases = fields.Integer(**says("How many cases it has that were not rejected."))
    cleared = fields.Integer(**says("How many of them are cleared."))
    states = fields.Nested(_STATES, **says("Its cases by state; a state without one is left out."))
    encroached_m2 = fields.Float(**says("What was flagged and verified."))
    reclaimed_m2 = fields.Float(**says("What two people accepted as cleared."))
    rebound_m2 = fields.Float(**says("What was taken again."))
    outstanding_m2 = fields.Float(**says("What is still occupied."))


class CampaignsSchema(Schema):
    """The campaigns of a community."""

    campaigns = fields.List(fields.Nested(CampaignSchema), **says("The latest first."))


class NewCampaignSchema(Schema):
    """What a new campaign is called and when it begins."""

    ref = Text(LONGEST_REF, required=True, metadata={"description": "What registers call it."})
    name = Text(LONGEST_NAME, required=True, metadata={"description": "What people call it."})
    started_on = Day(
        allow_none=True,
        metadata={"description": "When it begins; today where the community lies by default."},
    )
    order_of_work = Word(
        OrderOfWork,
        code="order",
        noun="order of work",
        load_default=OrderOfWork.EASY_FIRST,
        metadata={"description": "Which cases it takes first."},
    )


class SettingsSchema(Schema):
    """What of a campaign that runs can be changed."""

    order_of_work = Word(
        OrderOfWork,
        code="order",
        noun="order of work",
        required=True,
        metadata={"description": "Which cases it takes first."},
    )


class EndSchema(Schema):
    """How a campaign ends; its cases go on."""

    ended_on = Day(
        allow_none=True,
        metadata={"description": "When it ended; today where the community lies by default."},
    )
    outcome = Text(required=True, metadata={"description": "What came of it."})


class StaleCampaignSchema(FailureSchema):
    """A change of a campaign that somebody else has changed since it was read."""

    yours = fields.Dict(**says("The request as it was sent."))
    campaign = fields.Nested(CampaignSchema, **says("The campaign as it is now."))


class AnnounceableSchema(Schema):
    """A case that may be announced."""

    id = fields.UUID(**says("Its identifier."))
    number = fields.Integer(**says("Its number within its campaign."))
    household = fields.String(**says("The ref of the household that answers."))
    occupied_m2 = fields.Float(**says("What its polygons cover, in m2."))


class BodySchema(Schema):
    """One of the bodies that carry the campaigns of a community."""

    id = fields.UUID(**says("Its identifier."))
    ref = fields.String(**says("What registers call it; once in a community."))
    kind = word(BodyKind, "What it is.")
    name = fields.String(**says("What people call it."))


class NewBodySchema(Schema):
    """A body to be added."""

    ref = Text(LONGEST_REF, required=True, metadata={"description": "What registers call it."})
    name = Text(LONGEST_NAME, required=True, metadata={"description": "What people call it."})
    kind = Word(
        BodyKind,
        code="kind",
        noun="kind of body",
        required=True,
        metadata={"description": "What it is."},
    )


@campaign_api.route("/communities/<place>/campaigns")
@campaign_api.response(200, CampaignsSchema)
@gated(Permission.CAMPAIGN_READ)
def campaign_list(place: str) -> ResponseReturnValue:
    """Campaigns of a community, the latest first, each with how it stands."""
    with place_session() as session:
        found = campaigns(session, asked_community(session))
        return jsonify(campaigns=[_told(standing(session, one)) for one in found])


@campaign_api.route("/communities/<place>/campaigns", methods=["POST"])
@campaign_api.arguments(SubmissionSchema, location="headers")
@campaign_api.arguments(
    NewCampaignSchema,
    example={"ref": "2022-2", "name": "Green again", "order_of_work": "easy_first"},
)
@campaign_api.response(201, CampaignSchema)
@gated(Permission.CAMPAIGN_EDIT)
def new_campaign(headers: dict[str, Any], asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Begin a campaign; one runs at a time."""

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        day = asked.get("started_on") or today(community)
        plan = Plan(asked["ref"], asked["name"], day, asked["order_of_work"])
        return _told(standing(session, begin_campaign(session, community, plan, signed())))

    return _tagged(submit(headers.get("key"), work, 201))


@campaign_api.route("/communities/<place>/campaigns/<uuid:campaign_id>")
@campaign_api.response(200, CampaignSchema)
@gated(Permission.CAMPAIGN_READ)
def whole_campaign(place: str, campaign_id: uuid.UUID) -> ResponseReturnValue:
    """One campaign and how it stands.

    Its ETag begins with a version of what can be changed of it, which a change sends back
    as `If-Match`; how its cases stand is no part of that.
    """
    with place_session() as session:
        found = asked_campaign(session, asked_community(session), campaign_id)
        return _tagged(jsonify(_told(standing(session, found))))


@campaign_api.route("/communities/<place>/campaigns/<uuid:campaign_id>", methods=["PATCH"])
@campaign_api.arguments(SubmissionSchema, location="headers")
@campaign_api.arguments(SettingsSchema, example={"order_of_work": "difficult_first"})
@campaign_api.response(200, CampaignSchema)
@campaign_api.failure(412, StaleCampaignSchema)
@campaign_api.versioned
@gated(Permission.CAMPAIGN_EDIT)
def change_campaign(
    headers: dict[str, Any], asked: dict[str, Any], place: str, campaign_id: uuid.UUID
) -> ResponseReturnValue:
    """Change in which order a campaign that runs takes its cases."""

    def act(session: Session, community: Community, campaign: Campaign) -> None:
        change_order_of_work(session, campaign, asked["order_of_work"], signed())

    return _change(campaign_id, headers, act)


@campaign_api.route("/communities/<place>/campaigns/<uuid:campaign_id>/end", methods=["POST"])
@campaign_api.arguments(SubmissionSchema, location="headers")
@campaign_api.arguments(EndSchema, example={"outcome": "179 of 179 cleared."})
@campaign_api.response(200, CampaignSchema)
@campaign_api.failure(412, StaleCampaignSchema)
@campaign_api.versioned
@gated(Permission.CAMPAIGN_EDIT)
def finish_campaign(
    headers: dict[str, Any], asked: dict[str, Any], place: str, campaign_id: uuid.UUID
) -> ResponseReturnValue:
    """End a campaign with what came of it; its cases go on."""

    def act(session: Session, community: Community, campaign: Campaign) -> None:
        day = asked.get("ended_on") or today(community)
        end_campaign(session, community, campaign, day, asked["outcome"], signed())

    return _change(campaign_id, headers, act)


@campaign_api.route("/communities/<place>/campaigns/<uuid:campaign_id>/announceable")
@campaign_api.response(200, AnnounceableSchema(many=True))
@gated(Permission.CASE_ANNOUNCE)
def announceable_cases(place: str, campaign_id: uuid.UUID) -> ResponseReturnValue:
    """Cases that an announcement of the campaign may choose."""
    with place_session() as session:
        found = asked_campaign(session, asked_community(session), campaign_id)
        cases = labels(session, announceable(session, found))
    return jsonify([_labelled(one) for one in cases])


@body_api.route("/communities/<place>/bodies")
@body_api.response(200, BodySchema(many=True))
@gated(Permission.CAMPAIGN_READ)
def body_list(place: str) -> ResponseReturnValue:
    """Bodies that carry the campaigns of a community."""
    with place_session() as session:
        return jsonify([told_body(one) for one in bodies(session, asked_community(session))])


@body_api.route("/communities/<place>/bodies", methods=["POST"])
@body_api.arguments(SubmissionSchema, location="headers")
@body_api.arguments(
    NewBodySchema, example={"ref": "RC", "name": "Residents' committee", "kind": "other"}
)
@body_api.response(201, BodySchema)
@gated(Permission.CAMPAIGN_EDIT)
def new_body(headers: dict[str, Any], asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Add a body to a community."""

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        made = add_body(session, community, asked["ref"], asked["kind"], asked["name"], signed())
        return told_body(made)

    return submit(headers.get("key"), work, 201)


def signed() -> Signature:
    """Return the signature of the account that asks, now."""
    viewer = asking_viewer()
    return Signature(viewer.actor, permissions=viewer.permissions)


def asked_campaign(session: Session, community: Community, campaign_id: uuid.UUID) -> Campaign:
    """Return a campaign of the community; 404 where there is none."""
    return find_campaign(session, community, campaign_id) or abort(404)


def told_body(body: Body) -> dict[str, Any]:
    """Return a body as JSON."""
    return {"id": str(body.id), "ref": body.ref, "kind": body.kind, "name": body.name}


def _change(
    campaign_id: uuid.UUID,
    headers: dict[str, Any],
    act: Callable[[Session, Community, Campaign], None],
) -> Response:
    """Let ``act`` change a campaign, unless somebody else has since it was read: 412."""
    read = asked_lanes()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        lock_community(session, community.id)
        found = asked_campaign(session, community, campaign_id)
        now = _told(standing(session, found))
        if _version(now) not in read:
            raise Stale(yours=request.get_json(), campaign=now)
        act(session, community, found)
        return _told(standing(session, found))

    return _tagged(submit(headers.get("key"), work))


def _tagged(response: Response) -> Response:
    return tag_lanes(response, _version(response.json or {}))


def _version(told: dict[str, Any]) -> str:
    """Return the version of what can be changed of a campaign: the same facts, the same one."""
    names = ("id", "ref", "name", "started_on", "ended_on", "outcome", "order_of_work")
    said = json.dumps([told[name] for name in names])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _told(stands: Standing) -> dict[str, Any]:
    one = stands.campaign
    return {
        "id": str(one.id),
        "ref": one.ref,
        "name": one.name,
        "started_on": one.started_on.isoformat(),
        "ended_on": one.ended_on and one.ended_on.isoformat(),
        "outcome": one.outcome,
        "order_of_work": one.order_of_work,
        "cases": stands.cases,
        "cleared": stands.cleared,
        "states": {state.value: number for state, number in stands.states.items()},
        "encroached_m2": round(stands.m2(EntryKind.ENCROACHED), 2),
        "reclaimed_m2": round(stands.m2(EntryKind.RECLAIMED), 2),
        "rebound_m2": round(stands.m2(EntryKind.REBOUND), 2),
        "outstanding_m2": round(stands.outstanding_m2, 2),
    }


def _labelled(case: CaseLabel) -> dict[str, Any]:
    return {
        "id": str(case.id),
        "number": case.number,
        "household": case.household,
        "occupied_m2": round(case.occupied_m2, 2),
    }
