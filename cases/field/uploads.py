"""Photographs from phones, piece by piece: begun once, held to their hash, kept whole or not."""

import datetime as dt
import hashlib
import uuid
from dataclasses import asdict, dataclass
from typing import Any

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.field.carried import submissions_of
from cases.field.clocks import FORGIVEN
from cases.field.datums import are_shifted
from cases.field.parts import Parts
from cases.field.receiving import Position
from cases.ledger import CLOCK_SLACK
from cases.models import (
    Datum,
    FieldSubmission,
    Photograph,
    PhotographOriginal,
    PhotographSubject,
    SubmissionKind,
    Upload,
    UploadRole,
)
from cases.photograph_files import PhotographFiles
from cases.photographs import FILES_LOCK
from cases.pictures import LARGEST_BYTES, Picture, read_picture
from cases.signing import Signature, length_problems
from gis.problems import InputError, Problem, Said
from layers.models import STORAGE_SRID, Community

# More than any phone has waiting; each may hold ``LARGEST_BYTES``.
MOST_UNDER_WAY = 300
KEPT = dt.timedelta(days=30)
# Before it no phone took photographs for this program.
SOONEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Announced:
    """A file that a phone wants to send; ``photograph`` is the phone's own identifier.

    ``sha256`` and ``original_sha256`` in hexadecimal; ``bearing`` in degrees from north.
    """

    photograph: uuid.UUID
    submission: uuid.UUID
    role: UploadRole
    size: int
    sha256: str
    original_sha256: str | None = None
    taken_at: dt.datetime | None = None
    position: Position | None = None
    bearing: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Progress:
    """How far an upload has come; it is whole once ``receipt`` is its SHA-256 in hexadecimal."""

    upload: uuid.UUID
    offset: int
    size: int
    receipt: str | None


def begin(
    session: Session,
    community: Community,
    sent: Announced,
    account_id: int,
    parts: Parts,
    by: Signature,
) -> Progress:
    """Let a file be sent, or say how far it has come where it was begun before.

    The caller commits. Raises ``InputError`` with everything that is wrong.
    """
    known = _begun(session, community, sent)
    submission = session.get(FieldSubmission, (community.id, sent.submission))
    if known is not None:
        carries = _carries(submission, known, account_id) and not _unannounced(submission, sent, by)
        if _named(known.told, carries) != _named(_told(sent), carries):
            message = "This photograph was begun with something else."
            remedy = "Keep both: send the new one under an identifier of its own."
            raise InputError([Problem("key_reused", message, remedy, field="id")])
        return progress(session, known, parts)
    problems = [
        *by.lacks(Permission.FIELD_CAPTURE),
        *_wrong(sent),
        *_unannounced(submission, sent, by),
        *_of_another(session, community, sent),
        *_too_many(session, community, account_id),
    ]
    if problems:
        raise InputError(problems)
    made = Upload(
        community_id=community.id,
        id=uuid.uuid4(),
        photograph_id=sent.photograph,
        role=sent.role,
        submission_id=sent.submission,
        account_id=account_id,
        size=sent.size,
        sha256=bytes.fromhex(sent.sha256),
        told=_told(sent),
    )
    session.add(made)
    session.flush()
    return progress(session, made, parts)


def find_upload(
    session: Session, community: Community, upload_id: uuid.UUID, account_id: int
) -> Upload | None:
    """Return an upload of an account, ``None`` where it has none of that identifier."""
    found = session.get(Upload, (community.id, upload_id))
    return found if found is not None and found.account_id == account_id else None


def progress(session: Session, upload: Upload, parts: Parts) -> Progress:
    """Return how far an upload has come."""
    if _is_kept(session, upload):
        return Progress(upload.id, upload.size, upload.size, upload.sha256.hex())
    return Progress(upload.id, parts.of(str(upload.id)).offset, upload.size, None)


def finish(
    session: Session,
    community: Community,
    upload: Upload,
    picture: Picture,
    files: PhotographFiles,
) -> None:
    """Keep a file that has come whole: on the disk first, then its row. The caller commits."""
    session.execute(select(func.pg_advisory_xact_lock_shared(FILES_LOCK)))
    # Two requests that saw the last byte wait here, and the second finds it done.
    session.execute(select(Upload.id).where(Upload.id == upload.id).with_for_update())
    if _is_kept(session, upload):
        return
    files.keep(picture)
    if upload.role is UploadRole.ORIGINAL:
        session.add(_original(upload, picture))
    else:
        submission = session.get_one(FieldSubmission, (community.id, upload.submission_id))
        session.add(_photograph(community, submission, upload, picture))
    session.flush()


def judge(upload: Upload, content: bytes) -> Picture:
    """Return a file that has come whole as a picture; raises ``InputError`` naming the file.

    It takes a while and needs no database.
    """
    if hashlib.sha256(content).digest() != upload.sha256:
        message = "What arrived is not what the phone hashed."
        raise InputError([Problem("sha256_differs", message, "Send it again from its start.")])
    return read_picture(f"{upload.photograph_id}.jpg", content)


def give_up(session: Session, upload: Upload, parts: Parts) -> None:
    """Forget an upload whose file was refused, so that it can be begun anew."""
    parts.of(str(upload.id)).remove()
    session.delete(upload)
    session.flush()


def sweep_uploads(session: Session, parts: Parts) -> int:
    """Forget uploads after their term and part files of none; return how many files went.

    The session must see every community. A phone that comes later begins anew.
    """
    old = select(Upload).where(Upload.created_at < func.now() - KEPT)
    for upload in session.scalars(old):
        session.delete(upload)
    session.flush()
    # What is begun meanwhile is in none of the files that were seen, so these are seen first.
    seen = parts.all()
    known = {str(one) for one in session.scalars(select(Upload.id))}
    orphans = [path for path in seen if path.stem not in known]
    for path in orphans:
        path.unlink(missing_ok=True)
    return len(orphans)


def _begun(session: Session, community: Community, sent: Announced) -> Upload | None:
    # Whoever begins the same at once waits for this; the key is of the photograph.
    key = select(func.pg_advisory_xact_lock(func.hashtextextended(str(sent.photograph), 0)))
    session.execute(key)
    return session.scalars(
        select(Upload).where(
            Upload.community_id == community.id,
            Upload.photograph_id == sent.photograph,
            Upload.role == sent.role,
        )
    ).first()


def _is_kept(session: Session, upload: Upload) -> bool:
    key = (upload.community_id, upload.photograph_id)
    found: Photograph | PhotographOriginal | None
    if upload.role is UploadRole.COPY:
        found = session.get(Photograph, key, populate_existing=True)
    else:
        found = session.get(PhotographOriginal, key, populate_existing=True)
    return found is not None and found.sha256 == upload.sha256


def _told(sent: Announced) -> dict[str, Any]:
    told = {name: value for name, value in asdict(sent).items() if value is not None}
    told |= {name: str(told[name]) for name in ("photograph", "submission", "role")}
    if sent.taken_at is not None:
        told["taken_at"] = sent.taken_at.isoformat()
    return told


def _carries(submission: FieldSubmission | None, known: Upload, account_id: int) -> bool:
    """Tell whether what was begun with one submission may be had by one that follows."""
    return bool(submission and submission.follows_id) and known.account_id == account_id


def _named(told: dict[str, Any], is_carried: bool) -> dict[str, Any]:
    """Return which file it is; what is noted beside it stays as it was told first.

    One that is carried came with another submission before.
    """
    names = ["photograph", "role", "size", "sha256"]
    return {name: told[name] for name in (names if is_carried else [*names, "submission"])}


def _wrong(sent: Announced) -> list[Problem]:
    problems = length_problems([("note", sent.note)])
    if not 0 < sent.size <= LARGEST_BYTES:
        message = Said(
            "{size} bytes are no photograph that is taken: up to {most}.",
            size=sent.size,
            most=LARGEST_BYTES,
        )
        problems.append(
            Problem("upload_size", message, "Send the smaller copy.", field="Upload-Length")
        )
    return problems


def _unannounced(
    submission: FieldSubmission | None, sent: Announced, by: Signature
) -> list[Problem]:
    """Return why a file does not belong to what its sender submitted."""
    if submission is None or submission.recorded_by != by.actor:
        message, remedy = "You sent no such submission.", "Send the submission first."
        return [Problem("unknown_submission", message, remedy, field="submission")]
    name = "original_sha256" if sent.role is UploadRole.ORIGINAL else "sha256"
    if _listed(submission, sent.photograph).get(name) == sent.sha256:
        return []
    message = "The submission announced no such photograph."
    remedy = "Send what it announced, or submit it anew."
    return [Problem("photograph_unannounced", message, remedy, field="id")]


def _listed(submission: FieldSubmission, photograph: uuid.UUID) -> dict[str, Any]:
    """Return what a submission announced of a photograph, nothing where it announced none."""
    return next((one for one in submission.announced if one["id"] == str(photograph)), {})


def _of_another(session: Session, community: Community, sent: Announced) -> list[Problem]:
    """Return why a file does not go with the photograph that is kept under its identifier."""
    is_copy = sent.role is UploadRole.COPY
    kept = session.get(Photograph, (community.id, sent.photograph))
    if kept is None:
        if is_copy:
            return []
        message, remedy = "The photograph itself has not come yet.", "Send its copy first."
        return [Problem("copy_missing", message, remedy, field="role")]
    hashed = kept.sha256 if is_copy else kept.original_sha256
    has_it = sent.submission in submissions_of(session, kept)
    if has_it and hashed == bytes.fromhex(sent.sha256):
        return []
    message = "Another photograph is kept under this identifier."
    remedy = "Keep both: send the new one under an identifier of its own."
    return [Problem("key_reused", message, remedy, field="id")]


def _too_many(session: Session, community: Community, account_id: int) -> list[Problem]:
    begun = select(func.count()).where(
        Upload.community_id == community.id,
        Upload.account_id == account_id,
        ~select(Photograph.id)
        .where(
            Photograph.community_id == Upload.community_id,
            Photograph.id == Upload.photograph_id,
        )
        .exists(),
    )
    if (session.scalar(begun) or 0) < MOST_UNDER_WAY:
        return []
    message = Said("{most} photographs are under way already.", most=MOST_UNDER_WAY)
    return [Problem("uploads_many", message, "Let some of them arrive first.")]


def _photograph(
    community: Community, submission: FieldSubmission, upload: Upload, picture: Picture
) -> Photograph:
    told, said = upload.told, picture.taken
    position = _position(community, submission, upload)
    is_clear = submission.kind is SubmissionKind.CLEAR
    taken_at = _taken_at(submission, told)
    original = _listed(submission, upload.photograph_id).get("original_sha256")
    return Photograph(
        community_id=community.id,
        id=upload.photograph_id,
        submission_id=submission.id,
        subject=PhotographSubject.OTHER if is_clear else PhotographSubject.BEFORE,
        taken_at=taken_at,
        accuracy_m=None if position is None else told["position"].get("accuracy_m"),
        bearing=told.get("bearing", said.bearing),
        sha256=picture.sha256,
        original_sha256=bytes.fromhex(original) if original else None,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        size=len(picture.content),
        note=str(told.get("note", "")).strip(),
        recorded_by=submission.recorded_by,
        geom=None if position is None else from_shape(position, srid=STORAGE_SRID),
    )


def _taken_at(submission: FieldSubmission, told: dict[str, Any]) -> dt.datetime | None:
    """Return when it was taken, by our clock; ``None`` where nobody can know."""
    if "taken_at" not in told or submission.is_clock_doubtful:
        return None
    offset = dt.timedelta(seconds=submission.clock_offset_s)
    said = dt.datetime.fromisoformat(told["taken_at"])
    taken_at = said + (offset if abs(offset) > FORGIVEN else dt.timedelta())
    is_possible = SOONEST <= taken_at <= dt.datetime.now(dt.UTC) + CLOCK_SLACK
    return taken_at if is_possible else None


def _position(
    community: Community, submission: FieldSubmission, upload: Upload
) -> shapely.Point | None:
    """Return where the phone was, ``None`` where it does not say or says it in GCJ-02."""
    told = upload.told.get("position")
    if not told or Datum.GCJ02 in (told["datum"], submission.datum):
        return None
    place = (told["longitude"], told["latitude"])
    fix = (*place, told.get("accuracy_m"))
    return None if are_shifted(community, [fix]) else shapely.Point(place)


def _original(upload: Upload, picture: Picture) -> PhotographOriginal:
    return PhotographOriginal(
        community_id=upload.community_id,
        photograph_id=upload.photograph_id,
        sha256=picture.sha256,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        size=len(picture.content),
    )
