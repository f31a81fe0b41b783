"""Whose hands an account is in: who was let into it, and so could act as its owner.

Two people are asked for where one could do harm. Whoever has opened an account, opened
it again, given a link for its password or taken off its second factor may hold it, and
through it every account that it let itself into in turn.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.account_history import OPERATOR, AccountAct
from cases.models import Account, AccountEvent

_OPENING = frozenset(
    {
        AccountAct.ACCOUNT_ADDED,
        AccountAct.ACCOUNT_OPENED,
        AccountAct.FACTOR_REMOVED,
        AccountAct.RESET_ISSUED,
    }
)


def hands(session: Session, email: str) -> frozenset[str]:
    """Return every address that could act by the account of ``email``, its own among them.

    What its owner does does not wash it off, for whoever holds the account could do it
    too. A password set by the operator's link does: that link opened to nobody else.
    """
    known: set[str] = set()
    asked = frozenset({email})
    while asked:
        known |= asked
        openers = _openers(session, asked)
        asked = frozenset().union(*openers.values()) - known
    return frozenset(known)


def _openers(session: Session, emails: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Return who let somebody into each account since the operator's last link was used."""
    rows = session.execute(
        select(Account.email, AccountEvent.event, AccountEvent.actor)
        .join(AccountEvent, AccountEvent.account_id == Account.id)
        .where(
            Account.email.in_(emails),
            AccountEvent.event.in_({*_OPENING, AccountAct.PASSWORD_RESET}),
        )
        .order_by(AccountEvent.seq)
    )
    acts: dict[str, list[tuple[str, str]]] = {}
    for email, event, actor in rows:
        acts.setdefault(email, []).append((event, actor))
    return {email: _last_openers(email, told) for email, told in acts.items()}


def _last_openers(owner: str, acts: Iterable[tuple[str, str]]) -> frozenset[str]:
    openers: set[str] = set()
    by_operator = False
    for event, actor in acts:
        if event == AccountAct.PASSWORD_RESET:
            if by_operator:
                openers.clear()
            by_operator = False
        elif event == AccountAct.RESET_ISSUED:
            by_operator = actor == OPERATOR.email
        if event in _OPENING and actor not in (owner, OPERATOR.email):
            openers.add(actor)
    return frozenset(openers)
