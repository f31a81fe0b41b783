"""What was done to accounts and by them: appended, shown to their owners, never changed.

Network addresses alone are forgotten after their term.
"""

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cases.models import AccountEvent


class AccountAct(enum.StrEnum):
    """Every act on an account, as ``source:subject:action``."""

    ACCOUNT_ADDED = "account:account:added"
    ACCOUNT_CLOSED = "account:account:closed"
    ACCOUNT_OPENED = "account:account:opened"
    CODE_REFUSED = "account:code:refused"
    FACTOR_REMOVED = "account:factor:removed"
    FACTOR_SET = "account:factor:set"
    LOGGED_IN = "account:login:made"
    LOGGED_OUT = "account:login:ended"
    MEMBERSHIP_APPROVED = "account:membership:approved"
    MEMBERSHIP_PROPOSED = "account:membership:proposed"
    MEMBERSHIP_REVOKED = "account:membership:revoked"
    NAME_CHANGED = "account:name:changed"
    PASSWORD_CHANGED = "account:password:changed"
    PASSWORD_RESET = "account:password:reset"
    RECOVERY_CODES_MADE = "account:recovery_codes:made"
    RECOVERY_CODE_USED = "account:recovery_code:used"
    RESET_ISSUED = "account:reset:issued"
    TOKEN_MADE = "account:token:made"
    TOKEN_REVOKED = "account:token:revoked"


@dataclass(frozen=True)
class Actor:
    """Who acts, and the network address where from; the operator has no account."""

    email: str
    account_id: int | None = None
    address: str = ""


OPERATOR = Actor("operator")
"""Whoever runs the command line of the installation."""


@dataclass(frozen=True)
class Entry:
    """One line of an account's history."""

    event: str
    actor: str
    at: dt.datetime
    address: str
    data: dict[str, Any]


def record(session: Session, account_id: int, act: AccountAct, actor: Actor, **data: Any) -> None:
    """Append one act to the history of an account. The caller commits."""
    session.add(
        AccountEvent(
            account_id=account_id,
            event=act.value,
            actor=actor.email,
            address=actor.address[:64],
            data=data,
        )
    )
    session.flush()


def history(
    session: Session, account_id: int, *, limit: int, only: AccountAct | None = None
) -> list[Entry]:
    """Return the last acts on an account, the newest first."""
    rows = select(AccountEvent).where(AccountEvent.account_id == account_id)
    if only is not None:
        rows = rows.where(AccountEvent.event == only.value)
    return [
        Entry(one.event, one.actor, one.at, one.address, one.data)
        for one in session.scalars(rows.order_by(AccountEvent.seq.desc()).limit(limit))
    ]


def forget_addresses(session: Session, days: int) -> int:
    """Empty the network addresses of entries older than ``days``, and return how many.

    30 days at least: the database refuses to forget what is younger. The caller commits.
    """
    old = AccountEvent.at < func.now() - dt.timedelta(days=days)
    forgotten = session.scalars(
        update(AccountEvent)
        .where(AccountEvent.address != "", old)
        .values(address="")
        .returning(AccountEvent.seq)
        .execution_options(synchronize_session=False)
    )
    return len(forgotten.all())
