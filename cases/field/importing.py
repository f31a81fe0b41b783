"""Drafts from the file of a phone, taken in as if it had sent them itself."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.field.exports import FieldExport
from cases.field.parts import Parts
from cases.field.receiving import Corrected, Receipt, Sent, receive
from cases.field.uploads import Announced, begin, finish
from cases.models import Account, Upload
from cases.people import rights
from cases.photograph_files import PhotographFiles
from cases.pictures import Picture
from cases.signing import Signature
from gis.problems import InputError, Problem, Said
from layers.models import Community


@dataclass(frozen=True)
class PhotographStore:
    """Where photographs are kept, and the parts of those that are under way."""

    files: PhotographFiles
    parts: Parts


@dataclass
class TakenIn:
    """What became of the drafts of a file, by their identifiers.

    ``unfinished`` were still being marked; ``refused`` says why of each. ``part`` is which of
    several files it was, as its number and how many there are.
    """

    new: list[uuid.UUID] = field(default_factory=list)
    known: list[uuid.UUID] = field(default_factory=list)
    unfinished: list[uuid.UUID] = field(default_factory=list)
    refused: dict[uuid.UUID, list[Problem]] = field(default_factory=dict)
    photographs: int = 0
    part: tuple[int, int] | None = None


def inspector_of(
    session: Session, community: Community, export: FieldExport, by: Signature
) -> tuple[Signature, int]:
    """Return who made the drafts, and the number of that account.

    Inspectors take in their own, whoever reviews takes in everybody's: raises ``InputError``
    where ``by`` may not. The session must see every community, as accounts and their roles
    lie above them.
    """
    problems = by.lacks(Permission.FIELD_REVIEW, Permission.FIELD_CAPTURE)
    if export.place != community.code:
        elsewhere = Said("The file is of {place}.", place=export.place[:64])
        there = Said("Take it in at {place}.", place=export.place[:64])
        problems.append(Problem("export_elsewhere", elsewhere, there, field="file"))
    account = session.scalars(
        select(Account).where(Account.public_id == export.account, Account.active)
    ).first()
    allowed = rights(session, account.id).permissions(community.id) if account else frozenset()
    if account is None or Permission.FIELD_CAPTURE not in allowed:
        stranger = "The account of the file captures nothing here."
        remedy = "Give its inspector the role here first."
        problems.append(Problem("export_account", stranger, remedy, field="file"))
    elif not by.lacks(Permission.FIELD_CAPTURE) and by.lacks(Permission.FIELD_REVIEW):
        problems += _of_another(account, by)
    if problems or account is None:
        raise InputError(problems)
    return Signature(account.email, None, allowed), account.id


def take_in(
    session: Session,
    community: Community,
    drafts: Mapping[uuid.UUID, Sent | list[Problem] | None],
    inspector: Signature,
    by: Signature,
) -> TakenIn:
    """Keep drafts under their own identifiers, each as its inspector's; the caller commits.

    What arrived by itself is known already. A correction of what somebody else has changed
    is kept for the office to choose. ``drafts`` hold problems where a body cannot be read,
    ``None`` where there is none yet. One that is refused keeps none of the others back.
    """
    done = TakenIn()
    imported_by = None if by.actor == inspector.actor else by.actor
    for key, sent in drafts.items():
        if sent is None:
            done.unfinished.append(key)
        elif isinstance(sent, list):
            done.refused[key] = sent
        else:
            try:
                receipt = _receive(session, community, sent, inspector, imported_by)
            except InputError as error:
                done.refused[key] = list(error.problems)
            else:
                (done.new if receipt.is_new else done.known).append(key)
    return done


def take_in_photograph(
    session: Session,
    community: Community,
    told: Announced,
    picture: Picture,
    store: PhotographStore,
    inspector: tuple[Signature, int],
) -> bool:
    """Keep a photograph of a draft that was taken in; tell whether it is new.

    The caller commits. Raises ``InputError`` where its submission announced no such file.
    """
    by, account_id = inspector
    begun = begin(session, community, told, account_id, store.parts, by)
    if begun.receipt is not None:
        return False
    upload = session.get_one(Upload, (community.id, begun.upload))
    finish(session, community, upload, picture, store.files)
    return True


def _receive(
    session: Session,
    community: Community,
    sent: Sent,
    inspector: Signature,
    imported_by: str | None,
) -> Receipt:
    try:
        return receive(session, community, sent, inspector, imported_by)
    except Corrected:
        both = replace(sent, keep_both=True)
        return receive(session, community, both, inspector, imported_by)


def _of_another(account: Account, by: Signature) -> list[Problem]:
    if account.email == by.actor:
        return []
    text, remedy = "The file is another inspector's.", "Let a secretary take it in."
    return [Problem("export_account", text, remedy, field="file")]
