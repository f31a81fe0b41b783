"""Tokens open what their account may until they end, and only their hashes are kept."""

import datetime as dt
import hashlib
import uuid

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Role
from cases.account_history import OPERATOR, AccountAct, history
from cases.models import AccessToken, Account
from cases.people import add_account, disable_account, enable_account
from cases.tokens import (
    PREFIX,
    TokenForm,
    list_tokens,
    make_token,
    open_by_token,
    revoke_named_token,
    revoke_token,
    standing_tokens,
)
from gis.problems import InputError
from layers.features import today


@pytest.fixture
def who(session: Session) -> Account:
    return add_account(
        session, "li@example.org", name="Li", password="long enough 1", role=Role.PLANNER
    )


def test_a_token_opens_its_account_and_is_kept_as_a_hash(session: Session, who: Account) -> None:
    secret = make_token(session, who, TokenForm("QGIS"), OPERATOR)
    assert secret.startswith(PREFIX)
    assert len(secret) == len(PREFIX) + 43  # 32 random bytes.
    opened = open_by_token(session, secret)
    assert opened is not None
    assert (opened.account_id, opened.may_write) == (who.id, False)
    (kept,) = session.scalars(select(AccessToken))
    assert kept.last_used_on == today([])
    assert secret.encode() not in kept.sha256
    assert len(kept.sha256) == 32


@pytest.mark.parametrize("wrong", ["", "cg_", "cg_" + "A" * 43, "\x00", "cg_\ud800"])
def test_a_guess_opens_nothing(session: Session, who: Account, wrong: str) -> None:
    make_token(session, who, TokenForm("QGIS"), OPERATOR)
    assert open_by_token(session, wrong) is None


@pytest.mark.parametrize(("days", "opens"), [(0, True), (-1, False)])
def test_a_token_ends_after_its_day(session: Session, who: Account, days: int, opens: bool) -> None:
    last = today([]) + dt.timedelta(days=days)
    hashed = hashlib.sha256(b"cg_known").digest()
    session.add(AccessToken(account_id=who.id, name="QGIS", sha256=hashed, expires_on=last))
    session.flush()
    assert (open_by_token(session, "cg_known") is not None) is opens


def test_a_revoked_token_opens_nothing(session: Session, who: Account) -> None:
    secrets = {name: make_token(session, who, TokenForm(name), OPERATOR) for name in ("one", "two")}
    (first,) = [one for one in standing_tokens(session, who.id) if one.name == "one"]
    revoke_token(session, who, first.id, OPERATOR)
    assert open_by_token(session, secrets["one"]) is None
    assert open_by_token(session, secrets["two"]) is not None
    revoke_named_token(session, who, "two")
    assert open_by_token(session, secrets["two"]) is None
    with pytest.raises(InputError):
        revoke_named_token(session, who, "two")
    with pytest.raises(InputError):
        revoke_token(session, who, uuid.uuid4(), OPERATOR)


def test_nobody_revokes_the_token_of_another(session: Session, who: Account) -> None:
    other = add_account(
        session, "bo@example.org", name="Bo", password="long enough 1", role=Role.PLANNER
    )
    secret = make_token(session, who, TokenForm("QGIS"), OPERATOR)
    with pytest.raises(InputError):
        revoke_token(session, other, standing_tokens(session, who.id)[0].id, OPERATOR)
    assert open_by_token(session, secret) is not None


def test_a_closed_account_loses_its_tokens_for_good(session: Session, who: Account) -> None:
    secret = make_token(session, who, TokenForm("QGIS"), OPERATOR)
    disable_account(session, who.email)
    assert open_by_token(session, secret) is None
    with pytest.raises(InputError):
        make_token(session, who, TokenForm("another"), OPERATOR)
    enable_account(session, who.email)
    assert open_by_token(session, secret) is None


def test_every_fault_of_a_token_is_named_at_once(session: Session, who: Account) -> None:
    yesterday = today([]) - dt.timedelta(days=1)
    with pytest.raises(InputError) as caught:
        make_token(session, who, TokenForm(" ", yesterday), OPERATOR)
    assert {one.field for one in caught.value.problems} == {"name", "expires"}
    make_token(session, who, TokenForm("QGIS"), OPERATOR)
    with pytest.raises(InputError):
        make_token(session, who, TokenForm(" QGIS "), OPERATOR)


def test_what_is_listed_holds_no_secret(session: Session, who: Account) -> None:
    secret = make_token(session, who, TokenForm("QGIS", today([])), OPERATOR)
    listed = list_tokens(session, who)
    assert [(one["email"], one["name"], one["expires"]) for one in listed] == [
        (who.email, "QGIS", today([]))
    ]
    assert secret not in str(listed)
    acts = [one.event for one in history(session, who.id, limit=1)]
    assert acts == [AccountAct.TOKEN_MADE]
    assert secret not in str(history(session, who.id, limit=9))
