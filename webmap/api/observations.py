"""Observations: one drawn and flagged at once, who answers for it, and its withdrawal."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.decisions import decide, withdraw
from cases.enclosures import Enclosure, Waiting, find_enclosure, undecided
from cases.sightings import Sighting, record_sighting
from cases.signing import Signature
from layers.models import Community, Observation, ObservationStatus, Purpose, StructureType
from layers.places import lock_community
from webmap.api.blueprint import Blueprint
from webmap.api.cases import LONGEST_REF
from webmap.api.changing import SignedSchema
from webmap.api.community import asked_community, asking_viewer
from webmap.api.etags import asked_digests, tag_digest
from webmap.api.fields import Drawing, Text, Word
from webmap.api.histories import SubmissionSchema
from webmap.api.schemas import FailureSchema, says, word
from webmap.api.submitting import submit
from webmap.errors import Stale
from webmap.gates import gated, place_session

observations = Blueprint("observations", __name__, "What people saw, and who answers for it.")


class WaitingSchema(Schema):
    """An enclosure for which nobody answers yet."""

    id = fields.UUID(**says("Its identifier."))
    ref = fields.String(**says("Its ref."))
    observed_on = fields.Date(**says("When it was seen."))
    parcels = fields.String(**says("The refs of the parcels it takes from."))
    occupied_m2 = fields.Float(**says("How much of them, in m2 of the survey CRS."))


class UndecidedSchema(Schema):
    """The enclosures that wait for a person."""

    observations = fields.List(fields.Nested(WaitingSchema), **says("Those seen first come first."))


class PieceSchema(Schema):
    """Common green that an observation takes from one parcel."""

    parcel = fields.String(**says("The ref of the parcel."))
    occupied_m2 = fields.Float(**says("In m2 of the survey CRS."))
    uncertainty_m2 = fields.Float(**says("Two standard deviations."))
    household = fields.String(
        **says("Who answers, null while nobody does or hidden.", allow_none=True)
    )
    case_id = fields.UUID(**says("Its case, as far as the account sees it.", allow_none=True))
    verified_on = fields.Date(**says("When it was verified.", allow_none=True))
    cleared_on = fields.Date(**says("When it was last cleared.", allow_none=True))
    superseded_on = fields.Date(**says("Since when it counts no more.", allow_none=True))


class ObservationSchema(Schema):
    """An observation with what it takes."""

    id = fields.UUID(**says("Its identifier."))
    ref = fields.String(**says("Its ref."))
    version = fields.String(**says("What If-Match names, or the whole ETag."))
    purpose = word(Purpose, "What it was drawn for.")
    structure_type = word(StructureType, "What stands there.")
    status = word(ObservationStatus, "Whether it still speaks.")
    observed_on = fields.Date(**says("When it was seen."))
    ended_on = fields.Date(**says("When it was withdrawn or corrected.", allow_none=True))
    is_undecided = fields.Boolean(**says("Whether a person must say who answers."))
    linked = fields.List(fields.String(), **says("The households linked to its parcels."))
    ground = fields.List(fields.Nested(PieceSchema), **says("What it takes, parcel by parcel."))


class SightingSchema(SignedSchema):
    """Something seen on the ground, drawn."""

    polygon = Drawing(
        required=True, metadata={"description": "Its outline in EPSG:4326, as GeoJSON."}
    )
    structure_type = Word(
        StructureType,
        code="structure_type",
        noun="type of structure",
        required=True,
        metadata={"description": "What stands there."},
    )
    note = Text(load_default="", metadata={"description": "A note."})


class WhoAnswersSchema(SignedSchema):
    """Who answers for an observation."""

    household = Text(LONGEST_REF, required=True, metadata={"description": "Its ref."})
    reason = Text(required=True, metadata={"description": "How that is known."})


class WithdrawalSchema(SignedSchema):
    """An observation that was wrong."""

    reason = Text(required=True, metadata={"description": "Why."})


class StaleObservationSchema(FailureSchema):
    """Somebody has decided something about the observation since it was read."""

    yours = fields.Dict(**says("The request as it was sent, with the versions of If-Match."))
    now = fields.Nested(ObservationSchema, **says("The observation as it is now."))


_OUTLINE = {
    "type": "Polygon",
    "coordinates": [[[122.1, 37.4], [122.1001, 37.4], [122.1001, 37.4001], [122.1, 37.4]]],
}


@observations.route("/communities/<place>/observations")
@observations.response(200, UndecidedSchema)
@gated(Permission.MAP_READ)
def undecided_observations(place: str) -> ResponseReturnValue:
    """Observations for which a person must say who answers."""
    with place_session() as session:
        found = undecided(session, asked_community(session))
    return jsonify(observations=[_waiting(one) for one in found])


@observations.route("/communities/<place>/observations", methods=["POST"])
@observations.arguments(SubmissionSchema, location="headers")
@observations.arguments(
    SightingSchema, example={"polygon": _OUTLINE, "structure_type": "fence", "note": "bamboo"}
)
@observations.response(201, ObservationSchema)
@gated(Permission.CASE_VERIFY)
def record_observation(
    headers: dict[str, Any], asked: dict[str, Any], place: str
) -> ResponseReturnValue:
    """Keep what was seen and lay it over the parcels at once."""
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        by = Signature(viewer.actor, asked.get("at"), viewer.permissions)
        sighting = Sighting(asked["polygon"], asked["structure_type"], asked["note"])
        seen, _report = record_sighting(session, community, sighting, by)
        # What lies on the ground of cases of others is kept, and told as far as it is seen.
        return _told(seen, find_enclosure(session, community, seen.id, viewer))

    return submit(headers.get("key"), work, 201)


@observations.route("/communities/<place>/observations/<uuid:observation_id>")
@observations.response(200, ObservationSchema)
@gated(Permission.MAP_READ)
def whole_observation(place: str, observation_id: uuid.UUID) -> ResponseReturnValue:
    """One observation with what it takes and who answers."""
    with place_session() as session:
        found = _found(session, asked_community(session), observation_id)
        told = _told(found.seen, found)
    return tag_digest(jsonify(told), told["version"])


@observations.route(
    "/communities/<place>/observations/<uuid:observation_id>/answer", methods=["POST"]
)
@observations.arguments(SubmissionSchema, location="headers")
@observations.arguments(
    WhoAnswersSchema, example={"household": "12-1-101", "reason": "They hold the key."}
)
@observations.response(200, ObservationSchema)
@observations.failure(412, StaleObservationSchema)
@observations.versioned
@gated(Permission.MAP_READ)
def answer_for_observation(
    headers: dict[str, Any], asked: dict[str, Any], place: str, observation_id: uuid.UUID
) -> ResponseReturnValue:
    """Say which household answers for an observation; its case opens with it.

    For whoever verifies or assigns.
    """

    def act(session: Session, community: Community, shown: Enclosure, by: Signature) -> None:
        decide(session, community, shown.seen.ref, asked["household"], asked["reason"], by)

    return _change(headers, asked, observation_id, act)


@observations.route(
    "/communities/<place>/observations/<uuid:observation_id>/withdrawal", methods=["POST"]
)
@observations.arguments(SubmissionSchema, location="headers")
@observations.arguments(WithdrawalSchema, example={"reason": "It is the shadow of a tree."})
@observations.response(200, ObservationSchema)
@observations.failure(412, StaleObservationSchema)
@observations.versioned
@gated(Permission.MAP_READ)
def withdraw_observation(
    headers: dict[str, Any], asked: dict[str, Any], place: str, observation_id: uuid.UUID
) -> ResponseReturnValue:
    """Withdraw an observation that was wrong; what rested on it ends at once.

    For whoever verifies, and after an upheld objection for whoever decides objections.
    """

    def act(session: Session, community: Community, shown: Enclosure, by: Signature) -> None:
        withdraw(session, community, shown.seen.ref, asked["reason"], by)

    return _change(headers, asked, observation_id, act)


def _change(
    headers: dict[str, Any],
    asked: dict[str, Any],
    observation_id: uuid.UUID,
    act: Callable[[Session, Community, Enclosure, Signature], object],
) -> Response:
    """Let ``act`` decide about an observation as it was read, and answer with it as it is then."""
    viewer, read = asking_viewer(), asked_digests()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        lock_community(session, community.id)
        shown = _found(session, community, observation_id)
        if shown.version not in read:
            yours = {"versions": sorted(read), **request.get_json()}
            raise Stale(yours=yours, now=_told(shown.seen, shown))
        by = Signature(viewer.actor, asked.get("at"), viewer.permissions)
        act(session, community, shown, by)
        session.expire_all()
        return _told(shown.seen, find_enclosure(session, community, observation_id, viewer))

    return submit(headers.get("key"), work)


def _found(session: Session, community: Community, observation_id: uuid.UUID) -> Enclosure:
    return find_enclosure(session, community, observation_id, asking_viewer()) or abort(404)


def _waiting(one: Waiting) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "ref": one.ref,
        "observed_on": one.observed_on.isoformat(),
        "parcels": one.parcels,
        "occupied_m2": round(one.occupied_m2, 2),
    }


def _told(seen: Observation, shown: Enclosure | None) -> dict[str, Any]:
    """Return an observation; without ``shown`` what it takes is not the account's to see."""
    return {
        "id": str(seen.id),
        "ref": seen.ref,
        "version": shown.version if shown else "",
        "purpose": seen.purpose,
        "structure_type": seen.structure_type,
        "status": seen.status,
        "observed_on": seen.observed_on.isoformat(),
        "ended_on": seen.ended_on and seen.ended_on.isoformat(),
        "is_undecided": shown.is_undecided if shown else False,
        "linked": shown.linked if shown else [],
        "ground": [
            {
                "parcel": one.parcel,
                "occupied_m2": round(one.occupied_m2, 2),
                "uncertainty_m2": round(one.uncertainty_m2, 2),
                "household": one.household,
                "case_id": one.case_id and str(one.case_id),
                "verified_on": one.verified_on and one.verified_on.isoformat(),
                "cleared_on": one.cleared_on and one.cleared_on.isoformat(),
                "superseded_on": one.superseded_on and one.superseded_on.isoformat(),
            }
            for one in (shown.pieces if shown else [])
        ],
    }
