"""The file of a phone as the commands and the page take it in: read whole, then written."""

import json
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, TypeVar

from marshmallow import EXCLUDE, Schema, ValidationError, fields
from sqlalchemy.orm import Session

from cases.field.exports import (
    ExportedDraft,
    ExportedFile,
    ExportedPhotograph,
    FieldExport,
    content_of,
    read_export,
)
from cases.field.importing import (
    PhotographStore,
    TakenIn,
    inspector_of,
    take_in,
    take_in_photograph,
)
from cases.field.parts import UPLOADS, Parts
from cases.field.receiving import Position, Sent
from cases.field.uploads import Announced
from cases.models import Datum, UploadRole
from cases.photograph_files import PhotographFiles
from cases.pictures import read_picture
from cases.signing import Signature
from gis.problems import InputError, Problem
from layers.config import Settings
from layers.db import EVERYWHERE, Database, Scope
from layers.models import Community
from layers.transactions import transact
from webmap.api.field_submissions import NewSubmissionSchema, sent_as
from webmap.api.fields import Number, PhoneInstant, Text, Word, problems_in

Result = TypeVar("Result")


@dataclass(frozen=True)
class Target:
    """Where the file is taken in: a community of a database, and the folder of photographs."""

    database: Database
    community_id: int
    settings: Settings

    @property
    def scope(self) -> Scope:
        """Return what the transactions see."""
        return Scope(frozenset({self.community_id}))

    @property
    def store(self) -> PhotographStore:
        """Return where photographs are kept."""
        folder = self.settings.photographs
        return PhotographStore(PhotographFiles(folder), Parts(folder / UPLOADS))


class _PlaceSchema(Schema):
    """Where a photograph was taken, as a phone keeps it."""

    longitude = Number(-180, 180, required=True)
    latitude = Number(-90, 90, required=True)
    accuracy_m = Number(0, 99_999, load_default=None, allow_none=True)
    datum = Word(Datum, code="datum", noun="datum", load_default=Datum.WGS84)


class _PhotographSchema(Schema):
    """What a phone notes of a photograph."""

    taken_at = PhoneInstant(load_default=None, allow_none=True)
    position = fields.Nested(_PlaceSchema(unknown=EXCLUDE), load_default=None, allow_none=True)
    accuracy_m = Number(0, 99_999, load_default=None, allow_none=True)
    bearing = Number(0, 359.999, load_default=None, allow_none=True)
    datum = Word(Datum, code="datum", noun="datum", load_default=None, allow_none=True)
    note = Text(load_default="")


def take_in_file(target: Target, file: IO[bytes], by: Signature) -> TakenIn:
    """Take in what a phone exported and commit it; raises ``InputError`` before anything is kept.

    The same file again changes nothing. A draft or photograph that is refused keeps none of
    the others back.
    """
    export = read_export(file)
    with target.database.session(EVERYWHERE) as session:
        community = session.get_one(Community, target.community_id)
        inspector = inspector_of(session, community, export, by)
    drafts = {one.id: _sent(one) for one in export.drafts}
    announced, unfit = _announced(export)
    done = _transact(
        target, lambda session, place: take_in(session, place, drafts, inspector[0], by)
    )
    done.part = export.part
    arrived = {*done.new, *done.known}
    for draft, problems in unfit:
        done.refused.setdefault(draft, []).extend(problems)
    with zipfile.ZipFile(file) as archive:
        for told, entry in announced:
            if told.submission in arrived:
                _take_in_photograph(target, archive, told, entry, inspector, done)
    return done


def _take_in_photograph(
    target: Target,
    archive: zipfile.ZipFile,
    told: Announced,
    entry: ExportedFile,
    inspector: tuple[Signature, int],
    done: TakenIn,
) -> None:
    """Judge a file and keep it; one that is no photograph keeps none of the others back."""
    try:
        picture = read_picture(entry.name, content_of(archive, entry.name))

        def work(session: Session, place: Community) -> bool:
            return take_in_photograph(session, place, told, picture, target.store, inspector)

        done.photographs += _transact(target, work)
    except InputError as error:
        done.refused.setdefault(told.submission, []).extend(error.problems)


def _transact(target: Target, work: Callable[[Session, Community], Result]) -> Result:
    """Run ``work`` on the community in a transaction of its own."""

    def run(session: Session) -> Result:
        return work(session, session.get_one(Community, target.community_id))

    return transact(target.database, target.scope, run)


def _announced(
    export: FieldExport,
) -> tuple[list[tuple[Announced, ExportedFile]], list[tuple[uuid.UUID, list[Problem]]]]:
    """Return the files of photographs, copies first, and what is wrong with what others say.

    One that is wrong keeps none of the others back; its draft is told of it.
    """
    sound: list[tuple[Announced, ExportedFile]] = []
    unfit: list[tuple[uuid.UUID, list[Problem]]] = []
    for one in export.photographs:
        try:
            noted = _PhotographSchema(unknown=EXCLUDE).load(one.told)
            for role, entry in ((UploadRole.COPY, one.copy), (UploadRole.ORIGINAL, one.original)):
                if entry is not None:
                    sound.append((_as_announced(one, noted, role, entry), entry))
        except ValidationError as error:
            unfit.append((one.draft, list(problems_in(error.messages))))
    return sound, unfit


def _as_announced(
    one: ExportedPhotograph, noted: dict[str, Any], role: UploadRole, entry: ExportedFile
) -> Announced:
    original = one.told.get("original_sha256")
    make = partial(Announced, one.id, one.draft, role, entry.size, entry.sha256.hex())
    if role is UploadRole.ORIGINAL:
        return make()
    return make(
        original_sha256=original if isinstance(original, str) else None,
        taken_at=noted["taken_at"],
        position=_position(noted),
        bearing=noted["bearing"],
        note=noted["note"],
    )


def _position(noted: dict[str, Any]) -> Position | None:
    place = noted["position"]
    if place is None:
        return None
    accuracy = place["accuracy_m"] if noted["accuracy_m"] is None else noted["accuracy_m"]
    return Position(
        place["longitude"], place["latitude"], accuracy, noted["datum"] or place["datum"]
    )


def _sent(draft: ExportedDraft) -> Sent | list[Problem] | None:
    """Return what a draft would have sent, what is wrong with it, or ``None`` where it is none."""
    if draft.body is None:
        return None
    try:
        asked = _loaded(draft.body)
    except ValidationError as error:
        return list(problems_in(error.messages))
    return sent_as(draft.id, draft.body, asked)


def _loaded(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        text, remedy = "The draft is no JSON.", "Export it on the phone again."
        raise ValidationError([Problem("body", text, remedy)]) from None
    loaded: dict[str, Any] = NewSubmissionSchema().load(told)
    return loaded
