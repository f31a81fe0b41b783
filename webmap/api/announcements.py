"""Announcements of a campaign: what was announced, until when, and where it was posted."""

import uuid
from typing import Any

from flask import abort, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import Length
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.announcements import (
    LONGEST_PLACE,
    LONGEST_STANDARD,
    AnnouncementSheet,
    Notice,
    Posted,
    announce,
    announcements,
    find_announcement,
    post,
)
from cases.models import Channel
from layers.models import Community
from webmap.api.blueprint import Blueprint
from webmap.api.campaigns import BodySchema, asked_campaign, signed, told_body
from webmap.api.cases import SubmissionSchema
from webmap.api.community import asked_community
from webmap.api.cursors import read_place, write_place
from webmap.api.fields import Day, Key, Text, Word
from webmap.api.paging import PageQuerySchema, page_of
from webmap.api.papers import PaperSchema, told_paper
from webmap.api.schemas import says, word
from webmap.api.submitting import submit
from webmap.gates import gated, place_session

announcement_api = Blueprint(
    "announcements", __name__, "What a campaign tells all: ground and a deadline, never people."
)

MOST_CASES = 1_000
_SOME_ID = "8a1f6bd2-0d0c-4c39-9d52-0f8e3a7f6d11"
NOTICE = {
    "issuer_id": _SOME_ID,
    "standard_version": "2022-1",
    "objection_route": "In writing to the community office.",
    "wording": "The ground shown here is cleared by its households.",
    "cases": [_SOME_ID],
    "deadline_on": "2022-05-10",
}
POSTED = {
    "channel": "notice_board",
    "place": "Gate 1",
    "posted_on": "2022-04-12",
    "proof": "photograph 17",
}


class PostingSchema(Schema):
    """One place where an announcement was posted."""

    id = fields.UUID(**says("Its identifier."))
    channel = word(Channel, "By which channel.")
    place = fields.String(**says("Where."))
    posted_on = fields.Date(**says("When."))
    proof = fields.String(**says("What proves it."))
    recorded_by = fields.String(**says("Whose account recorded it."))


class AnnouncementSchema(Schema):
    """An announcement with its paper and its postings."""

    id = fields.UUID(**says("Its identifier."))
    campaign_id = fields.UUID(**says("The campaign that announced it."))
    issuer = fields.Nested(BodySchema, **says("The body that issued it."))
    paper = fields.Nested(PaperSchema, **says("Its paper, with the ground plan, as a file."))
    issued_on = fields.Date(**says("When it was issued."))
    deadline_on = fields.Date(**says("Until when its households clear."))
    standard_version = fields.String(**says("The version of the score standard."))
    objection_route = fields.String(**says("How to object."))
    wording = fields.String(**says("What it says."))
    postings = fields.List(fields.Nested(PostingSchema), **says("Where it was posted."))


class AnnouncementPageSchema(Schema):
    """A page of the announcements of a campaign."""

    next = fields.String(
        **says("The address of the next page; null after the last.", allow_none=True)
    )
    announcements = fields.List(fields.Nested(AnnouncementSchema), **says("The latest first."))


class NoticeSchema(Schema):
    """An announcement to be issued; all of its cases are announced, or none is."""

    issuer_id = Key(required=True, metadata={"description": "The body that issues it."})
    standard_version = Text(
        LONGEST_STANDARD,
        required=True,
        metadata={"description": "The version of the score standard."},
    )
    objection_route = Text(required=True, metadata={"description": "How to object."})
    wording = Text(required=True, metadata={"description": "What it says; it names nobody."})
    cases = fields.List(
        Key(metadata={"description": "The identifier of a case."}),
        required=True,
        validate=Length(max=MOST_CASES),
        metadata={"description": "The cases whose ground it shows: verified, or taken again."},
    )
    deadline_on = Day(
        allow_none=True,
        metadata={"description": "Until when to clear; the community's usual time by default."},
    )


class NewPostingSchema(Schema):
    """A posting to be recorded, with its proof."""

    channel = Word(
        Channel,
        code="channel",
        noun="channel",
        required=True,
        metadata={"description": "By which channel."},
    )
    place = Text(LONGEST_PLACE, load_default="", metadata={"description": "Where."})
    posted_on = Day(required=True, metadata={"description": "When."})
    proof = Text(
        required=True,
        metadata={"description": "Such as the number of a photograph, or who saw it."},
    )


@announcement_api.route("/communities/<place>/campaigns/<uuid:campaign_id>/announcements")
@announcement_api.arguments(PageQuerySchema, location="query")
@announcement_api.response(200, AnnouncementPageSchema)
@gated(Permission.CAMPAIGN_READ)
def announcement_list(
    asked: dict[str, Any], place: str, campaign_id: uuid.UUID
) -> ResponseReturnValue:
    """Announcements of a campaign, the latest first, a page at a time."""
    of, cursor = f"announcements of {campaign_id}", asked["cursor"]
    after = uuid.UUID(read_place(cursor, of, 1)[0]) if cursor else None
    with place_session() as session:
        run = asked_campaign(session, asked_community(session), campaign_id)
        found = announcements(session, run)
        keys = [one.announcement.id for one in found]
        # Announcements are added and never removed.
        begin = 0 if after is None else keys.index(after) + 1
        shown = found[begin : begin + asked["limit"]]
        told = [_told(session, one) for one in shown]
    more = begin + len(shown) < len(found)
    return page_of(
        write_place(of, keys[begin + len(shown) - 1].hex) if more else None,
        **{"announcements": told},
    )


@announcement_api.route(
    "/communities/<place>/campaigns/<uuid:campaign_id>/announcements", methods=["POST"]
)
@announcement_api.arguments(SubmissionSchema, location="headers")
@announcement_api.arguments(NoticeSchema, example=NOTICE)
@announcement_api.response(201, AnnouncementSchema)
@gated(Permission.CASE_ANNOUNCE)
def new_announcement(
    headers: dict[str, Any], asked: dict[str, Any], place: str, campaign_id: uuid.UUID
) -> ResponseReturnValue:
    """Issue an announcement: its cases are announced and get their deadline with it.

    Its paper shows their ground on a plan and names nobody.
    """
    notice = Notice(
        asked["issuer_id"],
        asked["standard_version"],
        asked["objection_route"],
        asked["wording"],
        list(dict.fromkeys(asked["cases"])),
        asked.get("deadline_on"),
    )

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        run = asked_campaign(session, community, campaign_id)
        made = announce(session, community, run, notice, signed())
        return _told(session, _sheet(session, community, made.id))

    return submit(headers.get("key"), work, 201)


@announcement_api.route("/communities/<place>/announcements/<uuid:announcement_id>")
@announcement_api.response(200, AnnouncementSchema)
@gated(Permission.CAMPAIGN_READ)
def whole_announcement(place: str, announcement_id: uuid.UUID) -> ResponseReturnValue:
    """One announcement with its paper and its postings."""
    with place_session() as session:
        found = _sheet(session, asked_community(session), announcement_id)
        return jsonify(_told(session, found))


@announcement_api.route(
    "/communities/<place>/announcements/<uuid:announcement_id>/postings", methods=["POST"]
)
@announcement_api.arguments(SubmissionSchema, location="headers")
@announcement_api.arguments(NewPostingSchema, example=POSTED)
@announcement_api.response(201, AnnouncementSchema)
@gated(Permission.CAMPAIGN_EDIT)
def new_posting(
    headers: dict[str, Any], asked: dict[str, Any], place: str, announcement_id: uuid.UUID
) -> ResponseReturnValue:
    """Record where an announcement was posted, and what proves it."""
    posted = Posted(asked["channel"], asked["place"], asked["posted_on"], asked["proof"])

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        sheet = _sheet(session, community, announcement_id)
        post(session, community, sheet.announcement, posted, signed())
        return _told(session, _sheet(session, community, announcement_id))

    return submit(headers.get("key"), work, 201)


def _sheet(session: Session, community: Community, announcement_id: uuid.UUID) -> AnnouncementSheet:
    return find_announcement(session, community, announcement_id) or abort(404)


def _told(session: Session, sheet: AnnouncementSheet) -> dict[str, Any]:
    one = sheet.announcement
    return {
        "id": str(one.id),
        "campaign_id": str(one.campaign_id),
        "issuer": told_body(sheet.issuer),
        "paper": told_paper(session, sheet.document),
        "issued_on": one.issued_on.isoformat(),
        "deadline_on": one.deadline_on.isoformat(),
        "standard_version": one.standard_version,
        "objection_route": one.objection_route,
        "wording": one.wording,
        "postings": [
            {
                "id": str(posted.id),
                "channel": posted.channel,
                "place": posted.place,
                "posted_on": posted.posted_on.isoformat(),
                "proof": posted.proof,
                "recorded_by": posted.recorded_by,
            }
            for posted in sheet.postings
        ],
    }
