"""How a household declares that it clears: by a one-time link, or by its own account.

A link is good for some days and one declaration. Only the SHA-256 of its token is kept,
so that whoever reads the database can declare nothing. The history says that the
household declared, not who of it: it is never changed, and people can be forgotten.
"""

import datetime as dt
import hashlib
import secrets
import uuid
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.casework import lock_case, move
from cases.ledger import Moment
from cases.models import Campaign, Case, DeclarationLink, ResidentAccount
from cases.parcel_file import case_number
from cases.policy import Policy
from cases.requirements import LONGEST_TEXT, Request
from cases.signing import Signature
from cases.workflow import MOVES, State
from gis.problems import InputError, Problem, Said
from layers.models import Community, Household

HOUSEHOLD = "household (one-time link)"
HOUSEHOLD_ACCOUNT = "household (own account)"
TOKEN_BYTES = 16


@dataclass(frozen=True)
class OpenedLink:
    """What a token opens: the case, and why nothing can be declared, if so."""

    community_id: int
    link_id: uuid.UUID
    case_id: uuid.UUID
    expires_at: dt.datetime
    used_at: dt.datetime | None

    def problem(self, now: dt.datetime) -> Problem | None:
        """Return why the link is good no more."""
        if self.used_at is not None:
            text = "This link has been used."
            return Problem("link_used", text, "Nothing more is to be done here.")
        if self.expires_at <= now:
            text = "This link is no longer good."
            return Problem("link_expired", text, "Ask your lane housekeeper for another.")
        return None


@dataclass(frozen=True)
class OwnCase:
    """A case of a household, as its residents see it."""

    case: Case
    community: Community
    number: str
    household: str

    @property
    def is_declarable(self) -> bool:
        """Tell whether the household may declare that it clears."""
        return is_declarable(self.case)


def own_cases(session: Session, account_id: int) -> list[OwnCase]:
    """Return the cases of the households in which an account lives, the latest first.

    The session sees the communities where the account is a resident.
    """
    rows = session.execute(
        select(Case, Community, Campaign.started_on, Household.ref)
        .join(Community, Community.id == Case.community_id)
        .join(
            Campaign,
            (Campaign.community_id == Case.community_id) & (Campaign.id == Case.campaign_id),
        )
        .join(
            Household,
            (Household.community_id == Case.community_id) & (Household.id == Case.household_id),
        )
        .where(lives_there(account_id))
        .order_by(Campaign.started_on.desc(), Case.number)
    )
    return [
        OwnCase(case, community, case_number(community.code, started.year, case.number), ref)
        for case, community, started, ref in rows
    ]


def lives_there(account_id: int) -> ColumnElement[bool]:
    """Return which cases are of a household in which an account lives."""
    return exists().where(
        ResidentAccount.community_id == Case.community_id,
        ResidentAccount.household_id == Case.household_id,
        ResidentAccount.account_id == account_id,
        ResidentAccount.ended_at.is_(None),
    )


def declare_own(session: Session, case_id: uuid.UUID, account_id: int, note: str) -> Case:
    """Declare that the own household clears.

    The session sees the communities where the account is a resident. The caller
    commits. Raises ``InputError`` where it is not the own case, or waits for nothing.
    """
    found = session.scalar(select(Case).where(Case.id == case_id, lives_there(account_id)))
    if found is None:
        text = "That is no case of your household."
        raise InputError([Problem("unknown_case", text, "Choose one from the list.")])
    community = session.get_one(Community, found.community_id)
    case = lock_case(session, community, case_id)
    problems = [*_not_declarable(case), *_note_problems(note)]
    if problems:
        raise InputError(problems)
    return _declare(session, community, case, HOUSEHOLD_ACCOUNT, note)


def make_link(
    session: Session, community: Community, case_id: uuid.UUID, by: Signature
) -> tuple[str, DeclarationLink]:
    """Make a link for the household of a case; return its token, which is kept nowhere.

    Links made before are good no more. The caller commits. Raises ``InputError`` where
    the account may not, or the case is not waiting for the household to clear.
    """
    case = lock_case(session, community, case_id, by.version)
    problems = [*by.lacks(Permission.CASE_DECLARE), *_not_declarable(case)]
    if problems:
        raise InputError(problems)
    now = Moment.of(community, by.at).at
    _end_links(session, case, now)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    days = Policy.of(community.policy).declaration_days
    link = DeclarationLink(
        community_id=community.id,
        id=uuid.uuid4(),
        case_id=case.id,
        token_sha256=_digest(token),
        created_by=by.actor,
        created_at=now,
        expires_at=now + dt.timedelta(days=days),
    )
    session.add(link)
    session.flush()
    return token, link


def open_link(session: Session, token: str) -> OpenedLink | None:
    """Return what a token opens, ``None`` for nothing; the session sees every community."""
    found = session.execute(
        select(
            DeclarationLink.community_id,
            DeclarationLink.id,
            DeclarationLink.case_id,
            DeclarationLink.expires_at,
            DeclarationLink.used_at,
        ).where(DeclarationLink.token_sha256 == _digest(token))
    ).first()
    return None if found is None else OpenedLink(*found)


def declare_by_link(session: Session, opened: OpenedLink, note: str) -> Case:
    """Declare in the household's name that it clears; the link is used by it.

    ``session`` sees the link's community. The caller commits. Raises ``InputError``
    where the link is used or too old, or the case cannot be declared any more.
    """
    community = session.get_one(Community, opened.community_id)
    case = lock_case(session, community, opened.case_id)
    link = session.get_one(DeclarationLink, (community.id, opened.link_id), populate_existing=True)
    now = dt.datetime.now(dt.UTC)
    ended = OpenedLink(community.id, link.id, case.id, link.expires_at, link.used_at).problem(now)
    problems = [*([ended] if ended else _not_declarable(case)), *_note_problems(note)]
    if problems:
        raise InputError(problems)
    link.used_at = now
    return _declare(session, community, case, HOUSEHOLD, note)


def current_link(session: Session, case: Case) -> DeclarationLink | None:
    """Return the link of a case that can still be used."""
    return session.scalars(
        select(DeclarationLink)
        .where(
            DeclarationLink.community_id == case.community_id,
            DeclarationLink.case_id == case.id,
            DeclarationLink.used_at.is_(None),
            DeclarationLink.expires_at > dt.datetime.now(dt.UTC),
        )
        .order_by(DeclarationLink.created_at.desc())
        .limit(1)
    ).first()


def is_declarable(case: Case) -> bool:
    """Tell whether the household of a case may declare that it clears."""
    step = MOVES.get((case.state, State.SELF_CLEARING))
    return step is not None and step.permission is Permission.CASE_DECLARE


def _declare(session: Session, community: Community, case: Case, actor: str, note: str) -> Case:
    may = frozenset({Permission.CASE_DECLARE})
    request = Request(State.SELF_CLEARING, actor, reason=note.strip(), permissions=may)
    return move(session, community, case.id, request)


def _note_problems(note: str) -> list[Problem]:
    if len(note) <= LONGEST_TEXT:
        return []
    text = Said("The note has more than {longest_text} characters.", longest_text=LONGEST_TEXT)
    return [Problem("too_long", text, "Shorten it.", field="note")]


def _not_declarable(case: Case) -> list[Problem]:
    if is_declarable(case):
        return []
    text = Said("A case that is {state} waits for no declaration.", state=case.state)
    return [Problem("not_declarable", text, "Look at what its next steps are.")]


def _end_links(session: Session, case: Case, now: dt.datetime) -> None:
    session.execute(
        update(DeclarationLink)
        .where(
            DeclarationLink.community_id == case.community_id,
            DeclarationLink.case_id == case.id,
            DeclarationLink.used_at.is_(None),
            DeclarationLink.expires_at > now,
        )
        .values(expires_at=now)
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
