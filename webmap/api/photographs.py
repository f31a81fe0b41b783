"""Photographs of a case: one more, those there are, their copies and their originals."""

import hashlib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Response, abort, current_app, jsonify, request, send_file
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.field.carried import submissions_of
from cases.field.evidence import original_of, sees_evidence
from cases.models import FieldDecision, Photograph, PhotographSubject, UploadRole
from cases.photograph_files import PhotographFiles
from cases.photographs import (
    Shots,
    Shown,
    add_photographs,
    find_photograph,
)
from cases.photographs import photographs as photographs_of
from cases.pictures import LARGEST_BYTES, MediaType, Picture, Size, Taken, read_picture
from cases.signing import Signature
from cases.submissions import Answer
from gis.problems import InputError, Problem
from layers.models import Community, Observation
from webmap.api.blueprint import Blueprint
from webmap.api.cases import LONGEST_REF
from webmap.api.changing import seen_case
from webmap.api.community import asked_community, asking_viewer
from webmap.api.fields import Decimal, Digest, Instant, Text, Upload, Word
from webmap.api.histories import SubmissionSchema
from webmap.api.schemas import says, word
from webmap.caching import keep_picture
from webmap.connections import current_settings
from webmap.gates import gated, place_session
from webmap.submitting import Sent, submit_at_place

photographs = Blueprint("photographs", __name__, "Photographs of cases as evidence.")

# The file, and room for the fields beside it.
LARGEST_UPLOAD = LARGEST_BYTES + 64 * 1024
SUFFIX = {MediaType.JPEG: "jpg", MediaType.PNG: "png", MediaType.WEBP: "webp"}
_TYPED = ("taken_at", "longitude", "latitude", "accuracy_m", "bearing")
_BINARY = {"type": "string", "format": "binary"}


class PhotographSchema(Schema):
    """A photograph of a case; what it says of time and place comes from the camera, else typed."""

    id = fields.UUID(**says("Its identifier."))
    subject = word(PhotographSubject, "What it is evidence of.")
    observation = fields.String(
        **says("The ref of the observation that it shows.", allow_none=True)
    )
    taken_at = fields.DateTime(**says("When it was taken.", allow_none=True))
    longitude = fields.Float(**says("Where, in degrees east.", allow_none=True))
    latitude = fields.Float(**says("Where, in degrees north.", allow_none=True))
    accuracy_m = fields.Float(**says("How well that is known, in m.", allow_none=True))
    bearing = fields.Float(**says("The view in degrees from north.", allow_none=True))
    is_outside = fields.Boolean(**says("Whether that lies outside the community."))
    sha256 = fields.String(**says("The SHA-256 of the file as it came, in hexadecimal."))
    media_type = fields.String(**says("Its kind, as its content says."))
    width = fields.Integer(**says("Its width in pixels."))
    height = fields.Integer(**says("Its height in pixels."))
    size = fields.Integer(**says("Its size in bytes."))
    note = fields.String(**says("A note."))
    recorded_by = fields.String(**says("Whose account added it."))
    submission = fields.UUID(
        **says("The submission from the field that it came with.", allow_none=True)
    )
    original_sha256 = fields.String(
        **says("The SHA-256 of the file that the phone made it smaller from.", allow_none=True)
    )
    has_original = fields.Boolean(**says("Whether that file was sent as well."))


class NewPhotographSchema(Schema):
    """A photograph to be added; typed fields stand in for what it does not say itself."""

    photograph = Upload(
        required=True,
        metadata={"description": "The file as the camera made it: JPEG, PNG or WebP."},
    )
    sha256 = Digest(
        required=True,
        metadata={"description": "Its SHA-256: what was cut off on its way is refused."},
    )
    subject = Word(
        PhotographSubject,
        code="choice",
        noun="subject",
        required=True,
        metadata={"description": "before or after."},
    )
    observation = Text(
        LONGEST_REF,
        load_default="",
        metadata={"description": "The ref of the observation of the case that it shows."},
    )
    note = Text(load_default="", metadata={"description": "A note."})
    taken_at = Instant(metadata={"description": "When it was taken, with its zone."})
    longitude = Decimal(-180, 180, metadata={"description": "Where, in degrees east."})
    latitude = Decimal(-90, 90, metadata={"description": "Where, in degrees north."})
    accuracy_m = Decimal(0, 99_999, metadata={"description": "How well that is known, in m."})
    bearing = Decimal(0, 359.99, metadata={"description": "The view in degrees from north."})


class OriginalQuerySchema(Schema):
    """Which file of a photograph that a phone made smaller."""

    role = Word(
        UploadRole,
        code="role",
        noun="role of a file",
        load_default=UploadRole.ORIGINAL,
        metadata={
            "description": "`copy` for the smaller one that came, and whose hash is `sha256`;"
            " otherwise the original where that was sent."
        },
    )


class CopyQuerySchema(Schema):
    """Which copy of a photograph."""

    size = Word(
        Size,
        code="size",
        noun="size",
        load_default=Size.SMALL,
        metadata={"description": "How large the copy is."},
    )


@photographs.url_value_preprocessor  # type: ignore[untyped-decorator]
def allow_large_requests(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let an upload be larger than other requests, before anybody reads its form."""
    if endpoint == "api_photographs.add_photograph":
        request.max_content_length = LARGEST_UPLOAD


@photographs.route("/communities/<place>/cases/<uuid:case_id>/photographs")
@photographs.response(200, PhotographSchema(many=True))
@gated(Permission.CASE_READ)
def case_photographs(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Photographs of a case, those taken first before the others."""
    with place_session() as session:
        community = asked_community(session)
        case = seen_case(session, community, case_id)
        return jsonify(
            [told_photograph(session, one) for one in photographs_of(session, community, case)]
        )


@photographs.route("/communities/<place>/cases/<uuid:case_id>/photographs", methods=["POST"])
@photographs.arguments(SubmissionSchema, location="headers")
@photographs.arguments(NewPhotographSchema, location="upload")
@photographs.response(200, PhotographSchema)
@gated(Permission.PHOTOGRAPH_ADD)
def add_photograph(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Add a photograph of a case, as a form with the file and its SHA-256.

    The same picture sent again changes nothing and is answered with what was kept.
    """
    # Decoded before a transaction begins, which must not wait for it.
    picture = _picture(asked)
    typed = Taken(*(asked.get(one) for one in _TYPED))
    shots = Shots([picture], asked["subject"], asked["note"], typed, asked["observation"])
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        case = seen_case(session, community, case_id)
        by = Signature(viewer.actor, permissions=viewer.permissions)
        add_photographs(session, community, case_id, shots, _files(), by)
        (kept,) = [
            one
            for one in photographs_of(session, community, case)
            if one.row.sha256 == picture.sha256 and one.row.subject == asked["subject"]
        ]
        return told_photograph(session, kept)

    def do(session: Session) -> Answer:
        return Answer(200, current_app.json.dumps(work(session)))

    sent = Sent(headers.get("key"), [request.method, request.path, _sent(asked)])
    return Response(submit_at_place(sent, do).body, content_type="application/json")


@photographs.route("/communities/<place>/photographs/<uuid:photograph_id>/copy")
@photographs.arguments(CopyQuerySchema, location="query")
@photographs.response(200, _BINARY, content_type=MediaType.JPEG.value)
@gated(Permission.CASE_READ)
def photograph_copy(
    asked: dict[str, Any], place: str, photograph_id: uuid.UUID
) -> ResponseReturnValue:
    """A copy of a photograph, which carries nothing but pixels."""
    found = _found(photograph_id)
    return _file(
        _files().copy(found.sha256, asked["size"]), MediaType.JPEG, None, "private, no-cache"
    )


@photographs.route("/communities/<place>/photographs/<uuid:photograph_id>/original")
@photographs.arguments(OriginalQuerySchema, location="query")
@photographs.response(200, _BINARY, content_type="image/*")
@gated(Permission.PHOTOGRAPH_ORIGINAL)
def photograph_original(
    asked: dict[str, Any], place: str, photograph_id: uuid.UUID
) -> ResponseReturnValue:
    """A photograph as it came, with what its camera wrote into it; to be saved, not shown."""
    with place_session() as session:
        found = _seen(session, asked_community(session), photograph_id)
        kept = (asked["role"] is UploadRole.ORIGINAL and original_of(session, found)) or found
        sha256, kind = kept.sha256, MediaType(kept.media_type)
    name = f"{sha256.hex()[:16]}.{SUFFIX[kind]}"
    return _file(_files().original(sha256), kind, name, "no-store")


def _picture(asked: Mapping[str, Any]) -> Picture:
    """Return the uploaded picture, whole as its sender hashed it."""
    content = asked["photograph"].stream.read(LARGEST_BYTES + 1)
    if hashlib.sha256(content).digest() != asked["sha256"]:
        message = "The file is another than the one that was hashed."
        remedy = "Send it again, whole."
        raise InputError([Problem("sha256_differs", message, remedy, field="sha256")])
    return read_picture(asked["photograph"].filename or "", content)


def _sent(asked: Mapping[str, Any]) -> list[str]:
    """Return what makes two uploads one: every field, the file by its hash."""
    plain = {**asked, "photograph": asked["photograph"].filename, "sha256": asked["sha256"].hex()}
    return sorted(f"{name}={value}" for name, value in plain.items())


def _files() -> PhotographFiles:
    return PhotographFiles(current_settings().photographs)


def _found(photograph_id: uuid.UUID) -> Photograph:
    with place_session() as session:
        return _seen(session, asked_community(session), photograph_id)


def _seen(session: Session, community: Community, photograph_id: uuid.UUID) -> Photograph:
    """Return a photograph that the account sees; any other is not there."""
    found = find_photograph(session, community.id, photograph_id) or abort(404)
    if found.submission_id is not None and sees_evidence(session, found, asking_viewer()):
        return found
    if found.submission_id is not None and found.case_id is None:
        abort(404)
    if found.case_id is not None:
        seen_case(session, community, found.case_id)
    return found


def _file(path: Path, kind: MediaType, name: str | None, kept: str) -> Response:
    if not path.is_file():
        abort(404)
    sent = send_file(path, mimetype=kind, as_attachment=name is not None, download_name=name)
    return keep_picture(sent, kept)


def told_photograph(session: Session, shown: Shown) -> dict[str, Any]:
    """Return a photograph as the API tells it."""
    row = shown.row
    return {
        "id": str(row.id),
        "subject": row.subject,
        "observation": _observed(session, row),
        "taken_at": shown.taken and shown.taken.isoformat(),
        "longitude": shown.longitude,
        "latitude": shown.latitude,
        "accuracy_m": row.accuracy_m,
        "bearing": row.bearing,
        "is_outside": shown.is_outside,
        "sha256": shown.sha256,
        "media_type": row.media_type,
        "width": row.width,
        "height": row.height,
        "size": row.size,
        "note": row.note,
        "recorded_by": row.recorded_by,
        "submission": row.submission_id and str(row.submission_id),
        "original_sha256": row.original_sha256 and row.original_sha256.hex(),
        "has_original": shown.has_original,
    }


def _observed(session: Session, row: Photograph) -> str | None:
    """Return the ref of the observation that a photograph shows, or that it became."""
    became = (
        select(FieldDecision.observation_id)
        .where(
            FieldDecision.community_id == row.community_id,
            FieldDecision.submission_id.in_(submissions_of(session, row)),
            FieldDecision.observation_id.is_not(None),
        )
        .limit(1)
        .scalar_subquery()
    )
    return session.scalar(
        select(Observation.ref).where(
            Observation.community_id == row.community_id,
            Observation.id == func.coalesce(row.observation_id, became),
        )
    )
