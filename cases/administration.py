"""Accounts as their admins see and handle them: found, closed, let in again.

An admin sees the accounts that are or were something within the own places, and
handles those that may nothing beyond. What an account does is no case of theirs.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from cases.account_history import AccountAct, Actor, record
from cases.memberships import Granted, Reach, memberships
from cases.models import Account, Membership
from cases.people import end_sessions
from gis.problems import InputError, Problem
from layers.models import Community, Region

SUGGESTED = 200


@dataclass(frozen=True)
class Listed:
    """An account in a list, with what stands of its memberships."""

    account: Account
    granted: tuple[Granted, ...]


def seen_accounts(within: Reach, text: str = "") -> ColumnElement[bool]:
    """Return which accounts an admin sees: those with a membership, be it ended, within reach."""
    named = or_(
        Account.email.icontains(text, autoescape=True),
        Account.name.icontains(text, autoescape=True),
    )
    if within.everywhere:
        return named
    theirs = select(Membership.id).where(Membership.account_id == Account.id, within.memberships())
    return and_(named, theirs.exists())


def find_seen(session: Session, within: Reach, public_id: uuid.UUID) -> Account | None:
    """Return an account that an admin sees, ``None`` for any other."""
    return session.scalar(
        select(Account).where(Account.public_id == public_id, seen_accounts(within))
    )


def count_seen(session: Session, within: Reach, text: str) -> int:
    """Return how many accounts an admin sees with ``text`` in name or address."""
    seen = select(func.count()).select_from(Account).where(seen_accounts(within, text))
    return session.scalar(seen) or 0


def list_seen(
    session: Session, within: Reach, text: str, *, limit: int, offset: int
) -> list[Listed]:
    """Return some of the accounts that an admin sees, by name."""
    accounts = session.scalars(
        select(Account)
        .where(seen_accounts(within, text))
        .order_by(Account.name, Account.id)
        .limit(limit)
        .offset(offset)
    ).all()
    return _with_memberships(session, within, accounts)


def page_seen(
    session: Session, within: Reach, text: str, *, limit: int, after: uuid.UUID | None = None
) -> list[Listed]:
    """Return some of the accounts that an admin sees, by address, those after one of them.

    An address never changes and no account is removed, so no page loses or repeats one.
    """
    seen = select(Account).where(seen_accounts(within, text))
    if after is not None:
        last = select(Account.email).where(Account.public_id == after).scalar_subquery()
        seen = seen.where(Account.email > last)
    accounts = session.scalars(seen.order_by(Account.email).limit(limit)).all()
    return _with_memberships(session, within, accounts)


def _with_memberships(session: Session, within: Reach, accounts: Sequence[Account]) -> list[Listed]:
    wanted = Membership.account_id.in_([one.id for one in accounts])
    standing = and_(wanted, Membership.revoked_at.is_(None), within.memberships())
    found = memberships(session, standing)
    return [
        Listed(account, tuple(one for one in found if one.account.id == account.id))
        for account in accounts
    ]


def places_within(session: Session, within: Reach) -> list[tuple[str, str]]:
    """Return code and name of the places where an admin may grant, the first of very many."""
    regions = select(Region.code, Region.name)
    communities = select(Community.code, Community.name)
    if not within.everywhere:
        regions = regions.where(Region.id.in_(within.regions))
        communities = communities.where(Community.id.in_(within.communities))
    found = [
        (code, name)
        for rows in (regions.order_by(Region.code), communities.order_by(Community.code))
        for code, name in session.execute(rows.limit(SUGGESTED))
    ]
    return found[:SUGGESTED]


def is_managed(session: Session, account: Account, within: Reach, actor: Actor) -> bool:
    """Tell whether an admin may close an account, reset it or remove its second factor.

    Not the own one, and only where everything that the account may lies within the
    admin's reach: otherwise a town's admin could log in as the city's.
    """
    if account.id == actor.account_id:
        return False
    places = session.execute(
        select(Membership.region_id, Membership.community_id).where(
            Membership.account_id == account.id, Membership.revoked_at.is_(None)
        )
    )
    return all(within.covers(region_id, community_id) for region_id, community_id in places)


def managed(session: Session, account: Account, within: Reach, actor: Actor) -> Account:
    """Return an account that the actor may handle; raises ``InputError`` for any other."""
    if is_managed(session, account, within, actor):
        return account
    message = "This account is your own, or may more than lies within your places."
    remedy = "Ask an admin of a region above, or another admin."
    raise InputError([Problem("not_managed", message, remedy)])


def record_reset(session: Session, account: Account, actor: Actor) -> None:
    """Note that somebody was given a link to set a password anew. The caller commits.

    Sessions and links from before open nothing more: who lost a password may have lost
    it to somebody. Raises ``InputError`` for a closed account, which no password opens.
    """
    if not account.active:
        raise InputError([Problem("closed", "The account is closed.", "Open it first.")])
    end_sessions(account)
    record(session, account.id, AccountAct.RESET_ISSUED, actor)


def remove_factor(session: Session, account: Account, actor: Actor) -> None:
    """Take a lost second factor off an account and end its sessions. The caller commits."""
    account.tf_primary_method = account.tf_totp_secret = None
    account.totp_counter = account.mf_recovery_codes = None
    end_sessions(account)
    record(session, account.id, AccountAct.FACTOR_REMOVED, actor)
