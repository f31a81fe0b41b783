"""What a client submits under a key of its own is done once (SAFETY, "Idempotency")."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cases.models import Idempotency
from gis.problems import InputError, Problem

# Longer than any phone stays without a signal; what comes later meets a newer version.
KEPT = dt.timedelta(days=30)
_FORGOTTEN_AT_ONCE = 100


@dataclass(frozen=True)
class Submission:
    """Who submits what, under which key; ``body_hash`` is a SHA-256 in hex."""

    community_id: int
    account_id: int
    key: uuid.UUID
    body_hash: str


@dataclass(frozen=True)
class Answer:
    """What was answered: the HTTP status and the body as it was sent."""

    status: int
    body: str


def once(session: Session, submission: Submission, work: Callable[[], Answer]) -> Answer:
    """Do ``work`` unless its key was used before; then return what it answered then.

    The key is written first: of two at once the second waits for the first one's
    transaction, and takes over where that failed. The caller commits. Raises
    ``InputError`` where the key was used for something else.
    """
    if not _claim(session, submission):
        return _answered(session, submission)
    answer = work()
    session.execute(
        update(Idempotency)
        .where(_is(submission))
        .values(status=answer.status, response=answer.body)
    )
    _forget(session, submission.community_id)
    return answer


def kept_answer(session: Session, submission: Submission) -> Answer | None:
    """Return what was answered under a key, ``None`` where it is free; raises as ``once``."""
    is_known = session.scalar(select(Idempotency.key).where(_is(submission))) is not None
    return _answered(session, submission) if is_known else None


def keep_answer(session: Session, submission: Submission, answer: Answer) -> None:
    """Keep the answer of what was done in transactions of its own, as it may be done again.

    Of two at once the first one's stays. The caller commits. Raises as ``once``.
    """
    once(session, submission, lambda: answer)


@dataclass(frozen=True)
class Kept:
    """An answer as it was kept: under which key, by which account, since when."""

    key: uuid.UUID
    account_id: int
    at: dt.datetime
    body: str


def list_kept(
    session: Session,
    community_id: int,
    beginning: str,
    *,
    key: uuid.UUID | None = None,
    account_id: int | None = None,
    limit: int = 10,
) -> list[Kept]:
    """Return the answers of a community that begin so, the latest first.

    Only those under ``key`` and of ``account_id`` where these are given.
    """
    rows = (
        select(Idempotency.key, Idempotency.account_id, Idempotency.at, Idempotency.response)
        .where(
            Idempotency.community_id == community_id,
            Idempotency.response.startswith(beginning, autoescape=True),
        )
        .order_by(Idempotency.at.desc())
        .limit(limit)
    )
    if key is not None:
        rows = rows.where(Idempotency.key == key)
    if account_id is not None:
        rows = rows.where(Idempotency.account_id == account_id)
    found = session.execute(rows)
    return [Kept(own, account, at, body or "") for own, account, at, body in found]


def _claim(session: Session, submission: Submission) -> bool:
    """Write the key; tell whether it was free."""
    fresh = (
        insert(Idempotency)
        .values(
            community_id=submission.community_id,
            account_id=submission.account_id,
            key=submission.key,
            body_hash=submission.body_hash,
        )
        .on_conflict_do_nothing()
        .returning(Idempotency.key)
    )
    return session.scalar(fresh) is not None


def _answered(session: Session, submission: Submission) -> Answer:
    known = session.execute(select(Idempotency).where(_is(submission))).scalar_one()
    if known.body_hash != submission.body_hash:
        message = "This Idempotency-Key was used for another submission."
        remedy = "Make a new key for what is new, and send an old one with what it was made for."
        raise InputError([Problem("key_reused", message, remedy, field="Idempotency-Key")])
    if known.status is None or known.response is None:
        raise AssertionError("a committed submission has its answer")
    return Answer(known.status, known.response)


def _is(submission: Submission) -> ColumnElement[bool]:
    return and_(
        Idempotency.community_id == submission.community_id,
        Idempotency.account_id == submission.account_id,
        Idempotency.key == submission.key,
    )


def _forget(session: Session, community_id: int) -> None:
    """Remove some old keys of the community; those that another is removing are left to it."""
    old = (
        select(Idempotency.account_id, Idempotency.key)
        .where(Idempotency.community_id == community_id, Idempotency.at < func.now() - KEPT)
        .limit(_FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
        .subquery()
    )
    session.execute(
        delete(Idempotency).where(
            Idempotency.community_id == community_id,
            Idempotency.account_id == old.c.account_id,
            Idempotency.key == old.c.key,
        )
    )
