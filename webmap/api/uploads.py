"""Photographs from phones, resumed where they were cut: tus 1.0.0 (https://tus.io/protocols).

Core and creation. Whoever begins an upload that is begun is led to the same place.
"""

import base64
import binascii
import uuid
from typing import Any

from flask import Response, abort, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from marshmallow import Schema, ValidationError
from sqlalchemy.orm import Session
from werkzeug.exceptions import PreconditionFailed, UnsupportedMediaType

from cases.access import Permission
from cases.field.parts import UPLOADS, Parts
from cases.field.receiving import Position
from cases.field.uploads import (
    Announced,
    Progress,
    begin,
    find_upload,
    finish,
    give_up,
    judge,
    progress,
)
from cases.models import Datum, Upload, UploadRole
from cases.photograph_files import PhotographFiles
from cases.pictures import LARGEST_BYTES
from cases.signing import Signature
from gis.problems import InputError, Problem
from layers.models import Community
from layers.transactions import transact
from webmap.api.blueprint import Blueprint
from webmap.api.community import asked_community, asking_viewer
from webmap.api.fields import Count, Decimal, Digest, Key, PhoneInstant, Text, Word, problems_in
from webmap.connections import current_database, current_settings
from webmap.errors import problem, told_to
from webmap.gates import current_access, gated

uploads = Blueprint(
    "uploads", __name__, "Photographs from phones, resumed where they were cut (tus 1.0.0)."
)

VERSION = "1.0.0"
PIECE = "application/offset+octet-stream"
# What is noted goes with a photograph in a header: in Chinese this much are 4,000 bytes of base64.
# The file that a phone exports is held to no header and takes longer notes of earlier versions.
LONGEST_NOTE = 1_000
# Each would be one more name for what a client says in Upload-Metadata.
_TUS = {"description": f"{VERSION}.", "schema": {"type": "string"}, "example": VERSION}
_OFFSET = {"description": "How many bytes have come.", "schema": {"type": "integer"}}
_RECEIPT = {
    "description": "The SHA-256 of the whole file, once it is kept for good.",
    "schema": {"type": "string"},
}
_TOLD = {"Tus-Resumable": _TUS, "Upload-Offset": _OFFSET, "Upload-Receipt": _RECEIPT}


class TusSchema(Schema):
    """The version of the protocol, with every request."""

    tus = Text(
        16,
        data_key="Tus-Resumable",
        load_default="",
        metadata={"description": f"{VERSION}, else the answer is 412.", "example": VERSION},
    )


class CreationSchema(TusSchema):
    """A file that is to be sent."""

    size = Count(
        1,
        LARGEST_BYTES,
        data_key="Upload-Length",
        required=True,
        metadata={"description": "How long it is, in bytes."},
    )
    metadata = Text(
        8_000,
        data_key="Upload-Metadata",
        required=True,
        metadata={
            "description": "Pairs of a name and its value in base64, separated by commas: id,"
            " submission, role (copy or original), sha256, original_sha256, taken_at, longitude,"
            " latitude, accuracy_m, datum, bearing, note (up to"
            f" {LONGEST_NOTE} characters)."
        },
    )


class PieceSchema(TusSchema):
    """Where a piece begins."""

    offset = Count(
        0,
        LARGEST_BYTES,
        data_key="Upload-Offset",
        required=True,
        metadata={"description": "What has come so far."},
    )


class MetadataSchema(Schema):
    """What a phone says of a file."""

    id = Key(required=True)
    submission = Key(required=True)
    role = Word(UploadRole, code="role", noun="role of a file", load_default=UploadRole.COPY)
    sha256 = Digest(required=True)
    original_sha256 = Digest(load_default=None)
    taken_at = PhoneInstant(load_default=None)
    longitude = Decimal(-180, 180, load_default=None)
    latitude = Decimal(-90, 90, load_default=None)
    accuracy_m = Decimal(0, 99_999, load_default=None)
    datum = Word(Datum, code="datum", noun="datum", load_default=Datum.WGS84)
    bearing = Decimal(0, 359.999, load_default=None)
    note = Text(LONGEST_NOTE, load_default="")


@uploads.route("/communities/<place>/field/uploads", methods=["POST"])
@uploads.arguments(CreationSchema, location="headers")
@uploads.describes(
    responses={
        201: {
            "description": "It may be sent to Location, from Upload-Offset on.",
            "headers": {"Location": {"schema": {"type": "string"}}, **_TOLD},
        },
        412: {"description": "Another version of the protocol."},
    }
)
@gated(Permission.FIELD_CAPTURE)
def begin_upload(headers: dict[str, Any], place: str) -> ResponseReturnValue:
    """Announce a photograph of a submission, or ask how far it has come."""
    _check_version(headers)
    sent = _announced(headers)
    viewer, account_id = asking_viewer(), current_user.id
    by = Signature(viewer.actor, None, viewer.permissions)
    if not current_access().place.is_community:
        abort(404)

    def work(session: Session) -> Progress:
        community = asked_community(session)
        return begin(session, community, sent, account_id, _parts(), by)

    come = transact(current_database(), current_access().scope, work)
    answer = _tell(come, 201)
    answer.headers["Location"] = url_for(
        "api_uploads.upload_progress", place=place, upload_id=come.upload
    )
    return answer


@uploads.route("/communities/<place>/field/uploads/<uuid:upload_id>", methods=["HEAD"])
@uploads.arguments(TusSchema, location="headers")
@uploads.describes(
    responses={
        200: {"description": "How far it has come.", "headers": _TOLD},
        412: {"description": "Another version of the protocol."},
    }
)
@gated(Permission.FIELD_CAPTURE)
def upload_progress(
    headers: dict[str, Any], place: str, upload_id: uuid.UUID
) -> ResponseReturnValue:
    """How much of a file has come, and its receipt once it is kept."""
    _check_version(headers)
    return _tell(_come(upload_id), 200)


@uploads.route("/communities/<place>/field/uploads/<uuid:upload_id>", methods=["PATCH"])
@uploads.arguments(PieceSchema, location="headers")
@uploads.describes(
    requestBody={
        "required": True,
        "content": {PIECE: {"schema": {"type": "string", "format": "binary"}}},
    },
    responses={
        204: {"description": "It has come, up to Upload-Offset.", "headers": _TOLD},
        409: {"description": "The file ends elsewhere, or is being sent by another request."},
        412: {"description": "Another version of the protocol."},
        413: {"description": "More than one request may hold: send smaller pieces."},
        415: {"description": f"Not {PIECE}."},
    },
)
@gated(Permission.FIELD_CAPTURE)
def send_piece(headers: dict[str, Any], place: str, upload_id: uuid.UUID) -> ResponseReturnValue:
    """Send the next piece of a file; what came of a piece that was cut is kept.

    With the last piece the file is judged and kept. One that is no photograph is refused,
    and can be begun anew.
    """
    _check_version(headers)
    if request.mimetype != PIECE:
        raise UnsupportedMediaType
    come = _come(upload_id)
    if come.receipt is not None:
        return _tell(come, 204)
    part = _parts().of(str(upload_id))
    try:
        end = part.append(headers["offset"], come.size, request.stream.read)
    except InputError as error:
        told = [told_to(one) for one in error.problems]
        return problem(409, str(error.problems[0].message), problems=told)
    if end == come.size:
        _keep(upload_id)
        come = _come(upload_id)
    return _tell(Progress(upload_id, end, come.size, come.receipt), 204)


def _keep(upload_id: uuid.UUID) -> None:
    """Judge a file that has come whole, and keep it or refuse it for good."""
    scope, account_id = current_access().scope, current_user.id
    part = _parts().of(str(upload_id))
    with current_database().session(scope) as session:
        upload = _found(session, asked_community(session), upload_id, account_id)
    # Neither reading nor judging it, which takes a while, holds a connection.
    try:
        content = part.content()
    except FileNotFoundError:
        return  # Another request has kept or refused it meanwhile.
    try:
        picture = judge(upload, content)
    except InputError:
        transact(current_database(), scope, lambda inner: _refuse(inner, upload_id))
        raise

    def work(inner: Session) -> None:
        community = asked_community(inner)
        upload = _found(inner, community, upload_id, account_id)
        finish(inner, community, upload, picture, PhotographFiles(current_settings().photographs))

    transact(current_database(), scope, work)
    # Its row is committed and its file elsewhere: the part has served.
    part.remove()


def _refuse(session: Session, upload_id: uuid.UUID) -> None:
    upload = _found(session, asked_community(session), upload_id, current_user.id)
    give_up(session, upload, _parts())


def _come(upload_id: uuid.UUID) -> Progress:
    with current_database().session(current_access().scope) as session:
        upload = _found(session, asked_community(session), upload_id, current_user.id)
        return progress(session, upload, _parts())


def _found(session: Session, community: Community, upload_id: uuid.UUID, account_id: int) -> Upload:
    return find_upload(session, community, upload_id, account_id) or abort(404)


def _parts() -> Parts:
    return Parts(current_settings().photographs / UPLOADS)


def _tell(come: Progress, status: int) -> Response:
    answer = Response(status=status)
    answer.headers["Tus-Resumable"] = VERSION
    answer.headers["Upload-Offset"] = str(come.offset)
    answer.headers["Upload-Length"] = str(come.size)
    answer.headers["Cache-Control"] = "no-store"
    if come.receipt is not None:
        answer.headers["Upload-Receipt"] = come.receipt
    return answer


def _check_version(headers: dict[str, Any]) -> None:
    if headers["tus"] != VERSION:
        raise PreconditionFailed


def _announced(headers: dict[str, Any]) -> Announced:
    try:
        told = MetadataSchema().load(_pairs(headers["metadata"]))
    except ValidationError as error:
        raise InputError(list(problems_in(error.messages))) from None
    has_position = None not in (told["longitude"], told["latitude"])
    original = told["original_sha256"]
    return Announced(
        told["id"],
        told["submission"],
        told["role"],
        headers["size"],
        told["sha256"].hex(),
        original.hex() if original else None,
        told["taken_at"],
        Position(told["longitude"], told["latitude"], told["accuracy_m"], told["datum"])
        if has_position
        else None,
        told["bearing"],
        told["note"],
    )


def _pairs(metadata: str) -> dict[str, str]:
    """Return the names and values of Upload-Metadata; a name without a value has none."""
    pairs = {}
    for part in metadata.split(","):
        name, _space, value = part.strip().partition(" ")
        try:
            pairs[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            message, remedy = "A value is no text in base64.", "Encode it as base64 of UTF-8."
            raise InputError(
                [Problem("metadata", message, remedy, field="Upload-Metadata")]
            ) from None
    return pairs
