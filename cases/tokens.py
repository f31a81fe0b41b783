"""Tokens by which QGIS and scripts read as an account; the secret is shown once."""

import datetime as dt
import hashlib
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cases.account_history import OPERATOR, AccountAct, Actor, record
from cases.models import AccessToken, Account
from gis.problems import InputError, Problem, Said
from layers.features import today

PREFIX = "cg_"
"""What every token begins with, so that one that leaked is found by a search."""

_BYTES = 32


@dataclass(frozen=True)
class TokenForm:
    """What is asked for: a name, the last day it is good for, whether it may also write."""

    name: str
    expires_on: dt.date | None = None
    may_write: bool = False


@dataclass(frozen=True)
class Bearer:
    """What a good token opens."""

    token_id: uuid.UUID
    account_id: int
    may_write: bool


def make_token(session: Session, account: Account, form: TokenForm, actor: Actor) -> str:
    """Make a token and return its secret, which is kept nowhere.

    Raises ``InputError`` with every fault. The caller commits.
    """
    if problems := _problems(session, account, form):
        raise InputError(problems)
    secret = PREFIX + secrets.token_urlsafe(_BYTES)
    session.add(
        AccessToken(
            account_id=account.id,
            name=form.name.strip(),
            sha256=_hashed(secret),
            may_write=form.may_write,
            expires_on=form.expires_on,
        )
    )
    record(session, account.id, AccountAct.TOKEN_MADE, actor, name=form.name.strip())
    return secret


def _problems(session: Session, account: Account, form: TokenForm) -> list[Problem]:
    problems = []
    name = form.name.strip()
    if not 0 < len(name) <= 200 or not name.isprintable():
        remedy = "Give 1 to 200 characters, such as where it will be used."
        problems.append(Problem("name", "The token has no such name.", remedy, field="name"))
    elif any(one.name == name for one in standing_tokens(session, account.id)):
        remedy = "Revoke that one first, or choose another name."
        problems.append(
            Problem(
                "name_taken",
                Said("There is a token {name!r} already.", name=name),
                remedy,
                field="name",
            )
        )
    if form.expires_on is not None and form.expires_on < today([]):
        over = Said("{expires_on} is over.", expires_on=form.expires_on)
        problems.append(Problem("expires", over, "Give a day from today on.", field="expires"))
    if not account.active:
        message, remedy = "The account is closed.", "Open it with `commongreen user enable`."
        problems.append(Problem("closed", message, remedy, field="email"))
    return problems


def standing_tokens(session: Session, account_id: int) -> list[AccessToken]:
    """Return the tokens of an account that are not revoked, the newest first."""
    rows = select(AccessToken).where(
        AccessToken.account_id == account_id, AccessToken.revoked_at.is_(None)
    )
    return list(session.scalars(rows.order_by(AccessToken.created_at.desc(), AccessToken.id)))


def list_tokens(session: Session, account: Account | None = None) -> list[dict[str, Any]]:
    """Return the standing tokens of one account or of all, without their secrets."""
    rows = (
        select(AccessToken, Account.email)
        .join(Account, Account.id == AccessToken.account_id)
        .where(AccessToken.revoked_at.is_(None))
        .order_by(Account.email, AccessToken.created_at, AccessToken.id)
    )
    if account is not None:
        rows = rows.where(Account.id == account.id)
    return [
        {
            "email": email,
            "name": token.name,
            "writes": token.may_write,
            "created": token.created_at.date(),
            "expires": token.expires_on,
            "last_used": token.last_used_on,
        }
        for token, email in session.execute(rows)
    ]


def revoke_token(session: Session, account: Account, token_id: uuid.UUID, actor: Actor) -> None:
    """End one token of an account; raises ``InputError`` where it has none such.

    The caller commits.
    """
    token = session.scalar(
        select(AccessToken)
        .where(
            AccessToken.id == token_id,
            AccessToken.account_id == account.id,
            AccessToken.revoked_at.is_(None),
        )
        .with_for_update(key_share=True)
    )
    if token is None:
        raise InputError([_unknown()])
    _end(session, token, actor)


def revoke_named_token(session: Session, account: Account, name: str) -> None:
    """End the token of an account that is called ``name``, for the operator."""
    found = [one for one in standing_tokens(session, account.id) if one.name == name]
    if not found:
        raise InputError([_unknown()])
    _end(session, found[0], OPERATOR)


def revoke_tokens(session: Session, account: Account, actor: Actor) -> None:
    """End every token of an account. The caller commits."""
    for token in standing_tokens(session, account.id):
        _end(session, token, actor)


def _end(session: Session, token: AccessToken, actor: Actor) -> None:
    token.revoked_at, token.revoked_by = dt.datetime.now(dt.UTC), actor.email
    record(session, token.account_id, AccountAct.TOKEN_REVOKED, actor, name=token.name)


def _unknown() -> Problem:
    remedy = "See `commongreen user token list`."
    return Problem("unknown_token", "There is no such token.", remedy, field="name")


def open_by_token(session: Session, secret: str) -> Bearer | None:
    """Return what a secret opens, ``None`` for one that is unknown, revoked or expired.

    The day of the use is noted; the caller commits.
    """
    day = today([])
    found = session.execute(
        select(
            AccessToken.id, AccessToken.account_id, AccessToken.may_write, AccessToken.last_used_on
        )
        .join(Account, Account.id == AccessToken.account_id)
        .where(
            AccessToken.sha256 == _hashed(secret),
            AccessToken.revoked_at.is_(None),
            func.coalesce(AccessToken.expires_on, day) >= day,
            Account.active,
        )
    ).one_or_none()
    if found is None:
        return None
    if found.last_used_on != day:  # One write a day, not one a tile.
        session.execute(
            update(AccessToken).where(AccessToken.id == found.id).values(last_used_on=day)
        )
    return Bearer(found.id, found.account_id, found.may_write)


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()
