"""Submissions from the field as the office and their inspectors read them, and what is decided."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, abort, jsonify
from flask.typing import ResponseReturnValue
from geoalchemy2.shape import to_shape
from marshmallow import Schema, fields
from shapely.geometry import mapping
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.field.evidence import submission_evidence
from cases.field.judging import Overtaken
from cases.field.reading import Submitted, Wanted, find_submission, list_submissions
from cases.field.reviewing import MOST_MERGED, Acceptance, Merger, accept, merge, send_back
from cases.field.verdicts import FieldState
from cases.models import CaptureMethod, SubmissionKind
from cases.signing import Signature
from layers.models import Community, StructureType
from layers.places import lock_community
from webmap.api.blueprint import Blueprint
from webmap.api.cases import LONGEST_REF
from webmap.api.community import asked_community, asking_viewer
from webmap.api.cursors import read_place, write_place
from webmap.api.field_submissions import AnnouncedCountSchema
from webmap.api.fields import POLYGONS, Day, Flag, Key, Text, Word
from webmap.api.histories import SubmissionSchema
from webmap.api.paging import page_cursor, page_limit, page_of
from webmap.api.photographs import PhotographSchema, told_photograph
from webmap.api.schemas import says, word
from webmap.api.submitting import submit
from webmap.gates import gated, place_session

field_reviews = Blueprint(
    "reviews", __name__, "What the office makes of what was captured in the field."
)


class FieldQuerySchema(Schema):
    """Which submissions a list shows."""

    mine = Flag(load_default=False, metadata={"description": "Only the own ones."})
    state = fields.List(
        Word(FieldState, code="state", noun="state"),
        load_default=list,
        metadata={"description": "Only in these states; once for each."},
    )
    limit = page_limit()
    cursor = page_cursor()


class FieldSubmissionSchema(Schema):
    """A submission as it stands in a list."""

    id = fields.UUID(**says("The identifier that its phone made."))
    kind = word(SubmissionKind, "Whether something is enclosed or the household is clear.")
    state = word(FieldState, "What was decided, else `waiting`.")
    reason = fields.String(**says("Why it was returned or merged, or what the reviewer noted."))
    decided_by = fields.String(**says("Who decided.", allow_none=True))
    decided_at = fields.DateTime(**says("When.", allow_none=True))
    observation = fields.UUID(**says("The observation that it became.", allow_none=True))
    observation_ref = fields.String(**says("Its ref.", allow_none=True))
    household = fields.String(**says("The household that the inspector named.", allow_none=True))
    corrects = fields.UUID(**says("The observation that it corrects.", allow_none=True))
    corrects_ref = fields.String(**says("Its ref.", allow_none=True))
    keep_both = fields.Boolean(**says("Whether somebody else had changed that one."))
    follows = fields.UUID(**says("The submission whose place it takes.", allow_none=True))
    structure_types = fields.List(
        word(StructureType, "One of them."), **says("What stands there, the main one first.")
    )
    area_m2 = fields.Float(**says("In m2 of the survey CRS.", allow_none=True))
    phone_area_m2 = fields.Float(**says("As the phone computed it.", allow_none=True))
    observed_on = fields.Date(**says("On which day it was seen."))
    is_clock_doubtful = fields.Boolean(**says("Whether that day must be confirmed."))
    received_at = fields.DateTime(**says("When it was stored, by the server's clock."))
    recorded_by = fields.String(**says("Who sent it."))
    photographs = fields.Nested(AnnouncedCountSchema, **says("Its photographs."))


class PlaceSchema(Schema):
    """Where a phone was."""

    longitude = fields.Float(**says("Degrees east."))
    latitude = fields.Float(**says("Degrees north."))
    accuracy_m = fields.Float(**says("How well that is known.", allow_none=True))


class WholeSubmissionSchema(FieldSubmissionSchema):
    """A submission with all that its phone sent."""

    geometry = fields.Dict(
        required=True,
        allow_none=True,
        metadata={
            "description": "Its outline in EPSG:4326.",
            "anyOf": [*POLYGONS["anyOf"], {"type": "null"}],
        },
    )
    method = word(CaptureMethod, "How the outline was made.")
    rms_m = fields.Float(**says("How exactly its vertices are known."))
    height_m = fields.Float(**says("How high it is.", allow_none=True))
    plants = fields.String(**says("What grows there."))
    note = fields.String(**says("A note."))
    position = fields.Nested(PlaceSchema, **says("Where the phone was.", allow_none=True))
    fixes = fields.List(
        fields.Dict(keys=fields.String()), **says("The positions of a walk, in order.")
    )
    observed_at = fields.DateTime(**says("When it was seen, by the phone's clock."))
    sha256 = fields.String(**says("The SHA-256 of the body as it came."))
    app_version = fields.String(**says("The version of the phone's page."))


class FieldPageSchema(Schema):
    """A page of submissions."""

    next = fields.String(
        **says("The address of the next page; null after the last.", allow_none=True)
    )
    submissions = fields.List(
        fields.Nested(FieldSubmissionSchema), **says("Those received last come first.")
    )


_DAY = {"description": "The day on which it was seen, where the phone's clock was doubtful."}


class AcceptanceSchema(Schema):
    """What the office says beside yes."""

    structure_type = Word(
        StructureType,
        code="structure_type",
        noun="type of structure",
        load_default=None,
        allow_none=True,
        metadata={"description": "What stands there; the inspector's main one by default."},
    )
    household = Text(
        LONGEST_REF,
        load_default="",
        metadata={"description": "Who occupies it; as the inspector said by default."},
    )
    observed_on = Day(load_default=None, allow_none=True, metadata=_DAY)
    overtaken = Word(
        Overtaken,
        code="overtaken",
        noun="choice",
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Of a correction of what somebody else has changed: whether it takes"
            " the place of what stands now, or stands beside it."
        },
    )
    reason = Text(load_default="", metadata={"description": "A note on the decision."})


class MergerSchema(Schema):
    """What becomes one with a submission."""

    with_ = fields.List(
        Key(),
        data_key="with",
        load_default=list,
        metadata={"description": "Other submissions that wait.", "maxItems": MOST_MERGED},
    )
    observation = Key(
        load_default=None,
        allow_none=True,
        metadata={"description": "An open observation that belongs to it as well."},
    )
    observed_on = Day(load_default=None, allow_none=True, metadata=_DAY)
    reason = Text(required=True, metadata={"description": "Why they are one."})


class ReturnSchema(Schema):
    """A submission that goes back to its inspector."""

    reason = Text(required=True, metadata={"description": "What to do about it."})


@field_reviews.route("/communities/<place>/field/submissions")
@field_reviews.arguments(FieldQuerySchema, location="query")
@field_reviews.response(200, FieldPageSchema)
@gated(Permission.FIELD_READ)
def submission_list(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Submissions, a page at a time: all for whoever reviews, the own ones for an inspector."""
    of = f"{place}/field"
    after = _read(asked["cursor"], of) if asked["cursor"] else None
    wanted = Wanted(frozenset(asked["state"]), asked["mine"], after, asked["limit"])
    with place_session() as session:
        community = asked_community(session)
        found, more = list_submissions(session, community, asking_viewer(), wanted)
    last = found[-1].sent if more else None
    following = write_place(of, last.received_at.isoformat(), last.id.hex) if last else None
    return page_of(following, submissions=[told(one) for one in found])


@field_reviews.route("/communities/<place>/field/submissions/<uuid:submission_id>")
@field_reviews.response(200, WholeSubmissionSchema)
@gated(Permission.FIELD_READ)
def whole_submission(place: str, submission_id: uuid.UUID) -> ResponseReturnValue:
    """One submission with all that its phone sent, and what was decided."""
    with place_session() as session:
        return jsonify(_whole(_found(session, asked_community(session), submission_id)))


@field_reviews.route("/communities/<place>/field/submissions/<uuid:submission_id>/photographs")
@field_reviews.response(200, PhotographSchema(many=True))
@gated(Permission.FIELD_READ)
def submission_photographs(place: str, submission_id: uuid.UUID) -> ResponseReturnValue:
    """The photographs of a submission that have arrived, those taken first before the others."""
    with place_session() as session:
        community = asked_community(session)
        sent = _found(session, community, submission_id).sent
        shown = submission_evidence(session, community, sent).shown
        return jsonify([told_photograph(session, one) for one in shown])


@field_reviews.route(
    "/communities/<place>/field/submissions/<uuid:submission_id>/acceptance", methods=["POST"]
)
@field_reviews.arguments(SubmissionSchema, location="headers")
@field_reviews.arguments(AcceptanceSchema, example={"structure_type": "fence", "reason": ""})
@field_reviews.response(200, WholeSubmissionSchema)
@gated(Permission.FIELD_REVIEW)
def accept_submission(
    headers: dict[str, Any], asked: dict[str, Any], place: str, submission_id: uuid.UUID
) -> ResponseReturnValue:
    """Let a submission become an observation, flagged at once; never the own one."""
    return _decide(
        headers,
        submission_id,
        lambda session, community, by: accept(
            session, community, submission_id, Acceptance(**asked), by
        ),
    )


@field_reviews.route(
    "/communities/<place>/field/submissions/<uuid:submission_id>/merger", methods=["POST"]
)
@field_reviews.arguments(SubmissionSchema, location="headers")
@field_reviews.arguments(
    MergerSchema,
    example={"with": ["8a1f6bd2-0d0c-4c39-9d52-0f8e3a7f6d11"], "reason": "One and the same fence."},
)
@field_reviews.response(200, WholeSubmissionSchema)
@gated(Permission.FIELD_REVIEW)
def merge_submission(
    headers: dict[str, Any], asked: dict[str, Any], place: str, submission_id: uuid.UUID
) -> ResponseReturnValue:
    """Let several submissions become one observation; each stays in the record as it was."""
    wanted = Merger(asked["with_"], asked["observation"], asked["reason"], asked["observed_on"])
    return _decide(
        headers,
        submission_id,
        lambda session, community, by: merge(session, community, submission_id, wanted, by),
    )


@field_reviews.route(
    "/communities/<place>/field/submissions/<uuid:submission_id>/return", methods=["POST"]
)
@field_reviews.arguments(SubmissionSchema, location="headers")
@field_reviews.arguments(ReturnSchema, example={"reason": "Walk around the shed as well."})
@field_reviews.response(200, WholeSubmissionSchema)
@gated(Permission.FIELD_REVIEW)
def return_submission(
    headers: dict[str, Any], asked: dict[str, Any], place: str, submission_id: uuid.UUID
) -> ResponseReturnValue:
    """Send a submission back to its inspector with the reason."""
    return _decide(
        headers,
        submission_id,
        lambda session, community, by: send_back(
            session, community, submission_id, asked["reason"], by
        ),
    )


def _decide(
    headers: dict[str, Any],
    submission_id: uuid.UUID,
    act: Callable[[Session, Community, Signature], object],
) -> Response:
    """Let ``act`` decide about a submission, and answer with it as it is then."""
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        lock_community(session, community.id)
        _found(session, community, submission_id)
        act(session, community, Signature(viewer.actor, None, viewer.permissions))
        session.expire_all()
        return _whole(_found(session, community, submission_id))

    return submit(headers.get("key"), work)


def _found(session: Session, community: Community, submission_id: uuid.UUID) -> Submitted:
    return find_submission(session, community, submission_id, asking_viewer()) or abort(404)


def _read(cursor: str, of: str) -> tuple[dt.datetime, uuid.UUID]:
    received_at, last = read_place(cursor, of, 2)
    return dt.datetime.fromisoformat(received_at), uuid.UUID(last)


def told(one: Submitted) -> dict[str, Any]:
    """Return a submission as a list tells it."""
    sent, decided = one.sent, one.decision
    return {
        "id": str(sent.id),
        "kind": sent.kind,
        "state": one.state,
        "reason": decided.reason if decided else "",
        "decided_by": decided and decided.decided_by,
        "decided_at": decided and decided.decided_at.isoformat(),
        "observation": _key(decided.observation_id if decided else None),
        "observation_ref": one.became,
        "household": one.household,
        "corrects": _key(sent.corrects_id),
        "corrects_ref": one.corrects,
        "keep_both": sent.keep_both,
        "follows": _key(sent.follows_id),
        "structure_types": sent.structure_types,
        "area_m2": sent.area_m2,
        "phone_area_m2": sent.phone_area_m2,
        "observed_on": sent.observed_on.isoformat(),
        "is_clock_doubtful": sent.is_clock_doubtful,
        "received_at": sent.received_at.isoformat(),
        "recorded_by": sent.recorded_by,
        "photographs": {"announced": len(sent.announced), "received": one.received},
    }


def _whole(one: Submitted) -> dict[str, Any]:
    sent = one.sent
    place = None if sent.position is None else to_shape(sent.position)
    return told(one) | {
        "geometry": None if sent.geom is None else mapping(to_shape(sent.geom)),
        "method": sent.method,
        "rms_m": sent.rms_m,
        "height_m": sent.height_m,
        "plants": sent.plants,
        "note": sent.note,
        "position": place
        and {"longitude": place.x, "latitude": place.y, "accuracy_m": sent.accuracy_m},
        "fixes": sent.fixes,
        "observed_at": sent.observed_at.isoformat(),
        "sha256": sent.body_sha256.hex(),
        "app_version": sent.app_version,
    }


def _key(key: uuid.UUID | None) -> str | None:
    return None if key is None else str(key)
