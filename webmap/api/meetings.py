"""Joint meetings of a campaign: who came, what was resolved by how many votes, the minutes."""

import uuid
from collections import Counter
from typing import Any

from flask import abort, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import Length
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.meetings import (
    LONGEST_PLACE,
    MOST_PEOPLE,
    Held,
    MeetingSheet,
    Vote,
    issue_minutes,
    meeting_sheet,
    meetings,
    record_meeting,
)
from cases.models import Meeting
from gis.problems import InputError, Problem
from layers.models import Community
from webmap.api.blueprint import Blueprint
from webmap.api.campaigns import BodySchema, asked_campaign, signed, told_body
from webmap.api.cases import SubmissionSchema
from webmap.api.community import asked_community
from webmap.api.cursors import read_place, write_place
from webmap.api.fields import Day, Key, Text, Whole
from webmap.api.paging import PageQuerySchema, page_of
from webmap.api.papers import PaperSchema, told_paper
from webmap.api.schemas import says
from webmap.api.submitting import submit
from webmap.gates import gated, place_session

meeting_api = Blueprint("meetings", __name__, "Joint meetings of the bodies of a campaign.")

MOST_BODIES, MOST_RESOLUTIONS = 100, 50
EXAMPLE = {
    "held_on": "2022-04-11",
    "place": "Community hall",
    "agenda": "The score standard",
    "attendance": [{"body": "8a1f6bd2-0d0c-4c39-9d52-0f8e3a7f6d11", "people": 12}],
    "resolutions": [{"wording": "The standard is adopted.", "for": 11, "abstained": 1}],
}


class AttendanceSchema(Schema):
    """How many people of a body came."""

    body = fields.Nested(BodySchema, **says("The body."))
    people = fields.Integer(**says("How many of it came."))


ResolutionSchema: Any = Schema.from_dict(
    {
        "wording": fields.String(**says("What was resolved.")),
        "for": fields.Integer(**says("Votes for it.")),
        "against": fields.Integer(**says("Votes against it.")),
        "abstained": fields.Integer(**says("Who abstained.")),
    },
    name="ResolutionSchema",
)


class MeetingSchema(Schema):
    """A joint meeting, whole."""

    id = fields.UUID(**says("Its identifier."))
    campaign_id = fields.UUID(**says("The campaign that it belongs to."))
    number = fields.Integer(**says("Its number within the campaign."))
    held_on = fields.Date(**says("When it was held."))
    place = fields.String(**says("Where it was held."))
    agenda = fields.String(**says("What was on the agenda."))
    minutes = fields.String(**says("What was said."))
    people = fields.Integer(**says("How many came in all."))
    attendance = fields.List(fields.Nested(AttendanceSchema), **says("Who came, by body."))
    resolutions = fields.List(fields.Nested(ResolutionSchema), **says("What was resolved."))
    recorded_by = fields.String(**says("Whose account recorded it."))


class MeetingPageSchema(Schema):
    """A page of the meetings of a campaign."""

    next = fields.String(
        **says("The address of the next page; null after the last.", allow_none=True)
    )
    meetings = fields.List(fields.Nested(MeetingSchema), **says("The latest first."))


class CameSchema(Schema):
    """How many people of a body came."""

    body = Key(required=True, metadata={"description": "The identifier of the body."})
    people = Whole(1, MOST_PEOPLE, required=True, metadata={"description": "How many of it came."})


def _votes(text: str) -> Whole:
    return Whole(0, MOST_PEOPLE, load_default=0, metadata={"description": text})


NewResolutionSchema: Any = Schema.from_dict(
    {
        "wording": Text(required=True, metadata={"description": "What was resolved."}),
        "for": _votes("Votes for it."),
        "against": _votes("Votes against it."),
        "abstained": _votes("Who abstained."),
    },
    name="NewResolutionSchema",
)


class NewMeetingSchema(Schema):
    """A meeting to be recorded."""

    held_on = Day(required=True, metadata={"description": "When it was held."})
    place = Text(
        LONGEST_PLACE, load_default="", metadata={"description": "Where it was held, if known."}
    )
    agenda = Text(required=True, metadata={"description": "What was on the agenda."})
    minutes = Text(load_default="", metadata={"description": "What was said."})
    attendance = fields.List(
        fields.Nested(CameSchema),
        required=True,
        validate=Length(max=MOST_BODIES),
        metadata={"description": "Who came, each body once."},
    )
    resolutions = fields.List(
        fields.Nested(NewResolutionSchema),
        load_default=[],
        validate=Length(max=MOST_RESOLUTIONS),
        metadata={"description": "What was resolved; nobody has more votes than came."},
    )


@meeting_api.route("/communities/<place>/campaigns/<uuid:campaign_id>/meetings")
@meeting_api.arguments(PageQuerySchema, location="query")
@meeting_api.response(200, MeetingPageSchema)
@gated(Permission.CAMPAIGN_READ)
def meeting_list(asked: dict[str, Any], place: str, campaign_id: uuid.UUID) -> ResponseReturnValue:
    """Meetings of a campaign, the latest first, a page at a time."""
    of, cursor = f"meetings of {campaign_id}", asked["cursor"]
    after = uuid.UUID(read_place(cursor, of, 1)[0]) if cursor else None
    with place_session() as session:
        run = asked_campaign(session, asked_community(session), campaign_id)
        found = meetings(session, run)
    begin = 0 if after is None else _beyond([one.meeting.id for one in found], after)
    shown = found[begin : begin + asked["limit"]]
    more = begin + len(shown) < len(found)
    following = write_place(of, shown[-1].meeting.id.hex) if more else None
    return page_of(following, meetings=[_told(one) for one in shown])


@meeting_api.route("/communities/<place>/campaigns/<uuid:campaign_id>/meetings", methods=["POST"])
@meeting_api.arguments(SubmissionSchema, location="headers")
@meeting_api.arguments(NewMeetingSchema, example=EXAMPLE)
@meeting_api.response(201, MeetingSchema)
@gated(Permission.CAMPAIGN_EDIT)
def new_meeting(
    headers: dict[str, Any], asked: dict[str, Any], place: str, campaign_id: uuid.UUID
) -> ResponseReturnValue:
    """Record a joint meeting under the next number of its campaign."""
    held = _held(asked)

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        run = asked_campaign(session, community, campaign_id)
        made = record_meeting(session, community, run, held, signed())
        return _told(meeting_sheet(session, made))

    return submit(headers.get("key"), work, 201)


@meeting_api.route("/communities/<place>/meetings/<uuid:meeting_id>")
@meeting_api.response(200, MeetingSchema)
@gated(Permission.CAMPAIGN_READ)
def whole_meeting(place: str, meeting_id: uuid.UUID) -> ResponseReturnValue:
    """One meeting with its attendance and its resolutions."""
    with place_session() as session:
        found = _meeting(session, asked_community(session), meeting_id)
        return jsonify(_told(meeting_sheet(session, found)))


@meeting_api.route("/communities/<place>/meetings/<uuid:meeting_id>/minutes", methods=["POST"])
@meeting_api.arguments(SubmissionSchema, location="headers")
@meeting_api.response(201, PaperSchema)
@gated(Permission.DOCUMENT_ISSUE)
def new_minutes(headers: dict[str, Any], place: str, meeting_id: uuid.UUID) -> ResponseReturnValue:
    """Issue the minutes of a meeting as a paper of its campaign."""

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        found = _meeting(session, community, meeting_id)
        return told_paper(session, issue_minutes(session, community, found.id, signed()))

    return submit(headers.get("key"), work, 201)


def _meeting(session: Session, community: Community, meeting_id: uuid.UUID) -> Meeting:
    return session.get(Meeting, (community.id, meeting_id)) or abort(404)


def _beyond(keys: list[uuid.UUID], after: uuid.UUID) -> int:
    """Return where the row after ``after`` stands; meetings are added and never removed."""
    return keys.index(after) + 1


def _held(asked: dict[str, Any]) -> Held:
    """Return a meeting as it was sent; raises ``InputError`` where a body came twice."""
    came = asked["attendance"]
    twice = [body for body, times in Counter(one["body"] for one in came).items() if times > 1]
    if twice:
        message = f"{', '.join(map(str, twice))} came more than once."
        remedy = "Name each body once, with all who came of it."
        raise InputError([Problem("body_twice", message, remedy, field="attendance")])
    return Held(
        asked["held_on"],
        asked["agenda"],
        {one["body"]: one["people"] for one in came},
        asked["place"],
        asked["minutes"],
        [
            Vote(one["wording"], one["for"], one["against"], one["abstained"])
            for one in asked["resolutions"]
        ],
    )


def _told(sheet: MeetingSheet) -> dict[str, Any]:
    one = sheet.meeting
    return {
        "id": str(one.id),
        "campaign_id": str(one.campaign_id),
        "number": one.number,
        "held_on": one.held_on.isoformat(),
        "place": one.place,
        "agenda": one.agenda,
        "minutes": one.minutes,
        "people": sheet.people,
        "attendance": [
            {"body": told_body(body), "people": people} for body, people in sheet.attendance
        ],
        "resolutions": [
            {
                "wording": resolved.wording,
                "for": resolved.votes_for,
                "against": resolved.votes_against,
                "abstained": resolved.votes_abstained,
            }
            for resolved in sheet.resolutions
        ],
        "recorded_by": one.recorded_by,
    }
