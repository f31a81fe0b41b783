"""What phones send from the field: taken once under the phone's own identifier."""

import datetime as dt
import uuid
from typing import Any

from flask import abort, jsonify, request
from flask.typing import ResponseReturnValue
from geoalchemy2.shape import to_shape
from marshmallow import Schema, fields
from marshmallow.validate import Length
from shapely.geometry import mapping
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.field.clocks import PhoneClock
from cases.field.receiving import (
    MOST_FIXES,
    MOST_PHOTOGRAPHS,
    Corrected,
    Correction,
    Position,
    Receipt,
    Sent,
    receive,
)
from cases.field.versions import observation_version
from cases.models import CaptureMethod, Datum, SubmissionKind
from cases.signing import Signature
from layers.models import Observation, ObservationStatus, StructureType
from layers.transactions import transact
from webmap.api.blueprint import Blueprint
from webmap.api.cases import LONGEST_REF
from webmap.api.community import asked_community, asking_viewer
from webmap.api.fields import (
    POLYGONS,
    Digest,
    Drawing,
    Instant,
    Key,
    Number,
    PhoneInstant,
    Text,
    Truth,
    Word,
)
from webmap.api.schemas import FailureSchema, says, word
from webmap.connections import current_database
from webmap.errors import Stale
from webmap.gates import current_access, gated

field_submissions = Blueprint(
    "submissions", __name__, "What inspectors capture in the field, sent by their phones."
)

_LONGITUDE = {"metadata": {"description": "Degrees east."}}
_LATITUDE = {"metadata": {"description": "Degrees north."}}
_ACCURACY = {"metadata": {"description": "How well that is known, in m."}}


class PhonePositionSchema(Schema):
    """Where a phone was."""

    longitude = Number(-180, 180, required=True, **_LONGITUDE)
    latitude = Number(-90, 90, required=True, **_LATITUDE)
    accuracy_m = Number(0, 99_999, load_default=None, allow_none=True, **_ACCURACY)
    datum = Word(
        Datum,
        code="datum",
        noun="datum",
        load_default=Datum.WGS84,
        metadata={"description": "What the phone's positions are in; GCJ-02 is never kept."},
    )


class FixSchema(Schema):
    """One position of a walk."""

    longitude = Number(-180, 180, required=True, **_LONGITUDE)
    latitude = Number(-90, 90, required=True, **_LATITUDE)
    accuracy_m = Number(0, 99_999, load_default=None, allow_none=True, **_ACCURACY)
    at = PhoneInstant(required=True, metadata={"description": "When, by the phone's clock."})


class CorrectedObservationSchema(Schema):
    """The observation that is corrected."""

    id = Key(required=True, metadata={"description": "Its identifier."})
    version = Text(64, required=True, metadata={"description": "Its version in the bundle."})


class AnnouncedSchema(Schema):
    """A photograph that will follow."""

    id = Key(required=True, metadata={"description": "The phone's identifier of it."})
    sha256 = Digest(required=True, metadata={"description": "Of the file that will be sent."})
    original_sha256 = Digest(
        load_default=None, allow_none=True, metadata={"description": "Of what the camera made."}
    )
    sends_original = Truth(
        load_default=False, metadata={"description": "Whether that will be sent too."}
    )


class MarkedOnSchema(Schema):
    """The bundle that it was marked on."""

    prepared_at = Instant(
        load_default=None, allow_none=True, metadata={"description": "Its time, of the server."}
    )


class NewSubmissionSchema(Schema):
    """What an inspector marked."""

    kind = Word(
        SubmissionKind,
        code="kind",
        noun="kind of submission",
        required=True,
        metadata={"description": "Whether something is enclosed or the household is clear."},
    )
    geometry = Drawing(
        load_default=None, metadata={"description": "The outline in EPSG:4326; none where clear."}
    )
    method = Word(
        CaptureMethod,
        code="method",
        noun="way to capture",
        load_default=CaptureMethod.DRAWN,
        metadata={"description": "How the outline was made."},
    )
    rms_m = Number(
        0, 99, load_default=0.3, metadata={"description": "How exactly its vertices are known."}
    )
    phone_area_m2 = Number(
        0,
        1e9,
        load_default=None,
        allow_none=True,
        metadata={"description": "Its area as the phone computed it, in the survey CRS."},
    )
    structure_types = fields.List(
        Word(StructureType, code="structure_type", noun="type of structure"),
        load_default=list,
        validate=Length(max=8),
        metadata={"description": "What stands there, the main one first.", "maxItems": 8},
    )
    height_m = Number(
        0, 99, load_default=None, allow_none=True, metadata={"description": "How high it is."}
    )
    plants = Text(load_default="", metadata={"description": "What grows there."})
    note = Text(load_default="", metadata={"description": "A note."})
    household = Text(
        LONGEST_REF,
        load_default="",
        allow_none=True,
        metadata={"description": "The ref of who occupies it, or was found clear."},
    )
    corrects = fields.Nested(
        CorrectedObservationSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "The observation that it corrects."},
    )
    keep_both = Truth(
        load_default=False,
        metadata={"description": "Whether the office shall see both where somebody was first."},
    )
    follows = Key(
        load_default=None,
        allow_none=True,
        metadata={"description": "The own submission whose place it takes."},
    )
    position = fields.Nested(
        PhonePositionSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "Where the phone was."},
    )
    fixes = fields.List(
        fields.Nested(FixSchema),
        load_default=list,
        metadata={"description": "The positions of a walk.", "maxItems": MOST_FIXES},
    )
    observed_at = PhoneInstant(
        required=True, metadata={"description": "When it was seen, by the phone's clock."}
    )
    photographs = fields.List(
        fields.Nested(AnnouncedSchema),
        load_default=list,
        metadata={"description": "Those that will follow.", "maxItems": MOST_PHOTOGRAPHS},
    )
    bundle = fields.Nested(
        MarkedOnSchema,
        load_default=None,
        allow_none=True,
        metadata={"description": "The bundle that it was marked on."},
    )
    app_version = Text(64, load_default="", metadata={"description": "The version of the page."})


class PhoneTimeSchema(Schema):
    """What the phone's clock says when it sends; apart from the body, which stays the same."""

    phone_time = PhoneInstant(
        data_key="Phone-Time",
        load_default=None,
        metadata={
            "description": "The phone's clock at sending, by which a wrong one is found out."
        },
    )


class AnnouncedCountSchema(Schema):
    """How many photographs of a submission have arrived."""

    announced = fields.Integer(**says("How many were announced."))
    received = fields.Integer(**says("How many of them have arrived whole."))


class ReceiptSchema(Schema):
    """What a phone may rely on: it is stored."""

    id = fields.UUID(**says("The identifier under which it was sent."))
    sha256 = fields.String(**says("The SHA-256 of the body's bytes, in hexadecimal."))
    version = fields.Integer(**says("Always 1: what was sent is never changed."))
    received_at = fields.DateTime(**says("When it was stored, by the server's clock."))
    photographs = fields.Nested(AnnouncedCountSchema, **says("Its photographs."))


class OtherVersionSchema(Schema):
    """An observation as somebody else has made it since."""

    id = fields.UUID(**says("Its identifier; another one where it was replaced."))
    ref = fields.String(**says("Its ref."))
    version = fields.String(**says("What a correction of it names."))
    status = word(ObservationStatus, "Whether it still speaks.")
    observed_on = fields.Date(**says("When it was seen."))
    structure_type = word(StructureType, "What stands there.")
    area_m2 = fields.Float(**says("In m2 of the survey CRS."))
    geometry = fields.Dict(required=True, metadata={"description": "Its outline.", **POLYGONS})


class CorrectedSchema(FailureSchema):
    """Somebody else has changed what was to be corrected."""

    yours = fields.Dict(**says("The request as it was sent."))
    now = fields.Nested(OtherVersionSchema, **says("The observation as it is now."))


_EXAMPLE = {
    "kind": "enclosure",
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[122.1, 37.4], [122.1001, 37.4], [122.1001, 37.4001], [122.1, 37.4]]],
    },
    "structure_types": ["fence"],
    "observed_at": "2022-04-11T09:30:00+08:00",
}


@field_submissions.route(
    "/communities/<place>/field/submissions/<uuid:submission_id>", methods=["PUT"]
)
@field_submissions.arguments(PhoneTimeSchema, location="headers")
@field_submissions.arguments(NewSubmissionSchema, example=_EXAMPLE)
@field_submissions.response(201, ReceiptSchema)
@field_submissions.failure(412, CorrectedSchema)
@gated(Permission.FIELD_CAPTURE)
def send_submission(
    headers: dict[str, Any], asked: dict[str, Any], place: str, submission_id: uuid.UUID
) -> ResponseReturnValue:
    """Keep what an inspector marked, under the identifier that the phone made.

    The same bytes again change nothing and are answered the same; other bytes under the
    same identifier are refused, for good. Nothing is flagged until the office accepts it.
    """
    sent = sent_as(submission_id, request.get_data(), asked, headers["phone_time"])
    viewer = asking_viewer()
    by = Signature(viewer.actor, None, viewer.permissions)
    access = current_access()
    if not access.place.is_community:
        abort(404)

    def work(session: Session) -> Receipt:
        try:
            return receive(session, asked_community(session), sent, by)
        except Corrected as outcome:
            raise Stale(yours=request.get_json(), now=told_version(outcome.now)) from outcome

    receipt = transact(current_database(), access.scope, work)
    answer = jsonify(_told(receipt))
    answer.status_code = 201
    return answer


def told_version(seen: Observation) -> dict[str, Any]:
    """Return an observation as a phone shows it beside its own."""
    return {
        "id": str(seen.id),
        "ref": seen.ref,
        "version": observation_version(seen),
        "status": seen.status,
        "observed_on": seen.observed_on.isoformat(),
        "structure_type": seen.structure_type,
        "area_m2": round(seen.area_m2, 2),
        "geometry": mapping(to_shape(seen.geom)),
    }


def sent_as(
    submission_id: uuid.UUID,
    body: bytes,
    asked: dict[str, Any],
    phone_time: dt.datetime | None = None,
) -> Sent:
    """Return a submission by its ``body`` and what was read in it.

    Without a time of sending its phone's clock is believed within its bounds.
    """
    corrects, position, bundle = asked["corrects"], asked["position"], asked["bundle"] or {}
    return Sent(
        submission_id,
        body,
        asked["kind"],
        asked["method"],
        asked["rms_m"],
        PhoneClock(asked["observed_at"], phone_time, bundle.get("prepared_at")),
        polygon=asked["geometry"],
        phone_area_m2=asked["phone_area_m2"],
        structure_types=tuple(asked["structure_types"]),
        height_m=asked["height_m"],
        plants=asked["plants"],
        note=asked["note"],
        household=asked["household"] or "",
        corrects=Correction(corrects["id"], corrects["version"]) if corrects else None,
        keep_both=asked["keep_both"],
        follows=asked["follows"],
        position=Position(**position) if position else None,
        fixes=[{**fix, "at": fix["at"].isoformat()} for fix in asked["fixes"]],
        announced=[_announced(one) for one in asked["photographs"]],
        app_version=asked["app_version"],
    )


def _announced(one: dict[str, Any]) -> dict[str, Any]:
    original = one["original_sha256"]
    return {
        "id": str(one["id"]),
        "sha256": one["sha256"].hex(),
        "original_sha256": original.hex() if original else None,
        "sends_original": one["sends_original"],
    }


def _told(receipt: Receipt) -> dict[str, Any]:
    return {
        "id": str(receipt.id),
        "sha256": receipt.sha256,
        "version": 1,
        "received_at": receipt.received_at.isoformat(),
        "photographs": {"announced": receipt.announced, "received": receipt.received},
    }
