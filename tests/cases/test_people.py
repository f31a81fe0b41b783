"""Memberships become scopes, and accounts are made whole or not at all."""

import datetime as dt

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.access import GRANTS, Permission, Role
from cases.models import Account, Membership
from cases.people import (
    Grant,
    Rights,
    add_account,
    disable_account,
    ensure_account,
    limit,
    list_accounts,
    normal_email,
    rights,
)
from gis.problems import InputError
from layers.db import EVERYWHERE, NOWHERE, Scope
from layers.models import RegionKind
from tests import builders as make

PASSWORD = "long enough 1"


def account(session: Session, role: Role, place: str | None = None, **values: str) -> Account:
    given = {"name": "Li", "password": PASSWORD, **values}
    email = given.pop("email", f"{make.fresh('li')}@example.org")
    return add_account(session, email, role=role, place=place, **given)


def test_a_membership_in_a_region_reaches_every_community_below(session: Session) -> None:
    city = make.region(session, kind=RegionKind.CITY)
    town = make.region(session, parent_id=city.id)
    elsewhere = make.region(session)
    inside = [
        make.community(session, region_id=city.id),
        make.community(session, region_id=town.id),
    ]
    make.community(session, region_id=elsewhere.id)
    make.community(session)
    mine = rights(session, account(session, Role.PLANNER, city.code).id)
    assert mine.scope() == Scope(frozenset(one.id for one in inside))
    # One that is founded later belongs to it as well.
    late = make.community(session, region_id=town.id)
    again = rights(session, account(session, Role.PLANNER, city.code).id)
    assert late.id in again.scope().communities


def test_a_region_that_contains_itself_ends(session: Session) -> None:
    first = make.region(session)
    second = make.region(session, parent_id=first.id)
    first.parent_id = second.id
    place = make.community(session, region_id=second.id)
    mine = rights(session, account(session, Role.PLANNER, first.code).id)
    assert mine.scope().communities == {place.id}


def test_no_place_is_everywhere(session: Session) -> None:
    assert rights(session, account(session, Role.PLANNER).id).scope() == EVERYWHERE


def test_a_region_without_communities_is_nowhere(session: Session) -> None:
    town = make.region(session)
    assert rights(session, account(session, Role.PLANNER, town.code).id).scope() == NOWHERE


def test_an_account_without_membership_may_nothing(session: Session) -> None:
    someone = account(session, Role.PLANNER)
    for one in session.query(Membership).filter_by(account_id=someone.id):
        one.revoked_by, one.revoked_at = "operator", dt.datetime.now(dt.UTC)
    session.flush()
    assert rights(session, someone.id) == Rights()
    assert rights(session, someone.id).scope() == NOWHERE


def test_each_permission_has_the_scope_of_the_roles_that_grant_it(session: Session) -> None:
    first, second = make.community(session), make.community(session)
    email = "two@example.org"
    someone = account(session, Role.INSPECTOR, first.code, email=email)
    ensure_account(session, email, name="", password="", role=Role.OFFICIAL, place=second.code)
    mine = rights(session, someone.id)
    assert mine.scope(Permission.FIGURES_READ).communities == {first.id, second.id}
    assert mine.scope(Permission.MAP_READ).communities == {first.id}
    assert mine.scope(Permission.ACCOUNTS_MANAGE) == NOWHERE
    assert mine.permissions(first.id) == GRANTS[Role.INSPECTOR]
    assert mine.permissions(second.id) == GRANTS[Role.OFFICIAL]
    assert mine.permissions(10**9) == frozenset()


def test_a_scope_is_limited_by_a_place() -> None:
    assert limit(EVERYWHERE, [1, 2]) == Scope(frozenset({1, 2}))
    assert limit(Scope(frozenset({2, 3})), [1, 2]) == Scope(frozenset({2}))
    assert limit(NOWHERE, [1]) == NOWHERE
    everywhere = Rights((Grant(Role.PLANNER, None), Grant(Role.INSPECTOR, frozenset({1}))))
    assert everywhere.permissions(7) == GRANTS[Role.PLANNER]


def test_a_password_is_kept_as_argon2id_only(session: Session) -> None:
    someone = account(session, Role.PLANNER, password="pass wörd 12")
    assert someone.password.startswith("$argon2id$")
    # Normalised, so that another keyboard's way to write it opens the account too.
    assert PasswordHasher().verify(someone.password, "pass wo\u0308rd 12")


def test_every_fault_of_a_new_account_is_named_at_once(session: Session) -> None:
    with pytest.raises(InputError) as caught:
        add_account(
            session, "nobody", name=" ", password="short", role=Role.PLANNER, place="nowhere"
        )
    assert {one.field for one in caught.value.problems} == {"email", "name", "password", "place"}
    assert session.scalar(select(func.count()).select_from(Account)) == 0


def test_an_address_is_taken_in_every_spelling(session: Session) -> None:
    account(session, Role.PLANNER, email="Wang@Example.org ")
    with pytest.raises(InputError) as caught:
        account(session, Role.PLANNER, email="wang@example.ORG")
    assert [one.code for one in caught.value.problems] == ["email_taken"]


def test_ensuring_twice_changes_nothing(session: Session) -> None:
    place = make.community(session)
    for _ in range(2):
        ensure_account(
            session,
            "demo@example.org",
            name="Demo",
            password=PASSWORD,
            role=Role.INSPECTOR,
            place=place.code,
        )
    assert list_accounts(session) == [
        {
            "email": "demo@example.org",
            "name": "Demo",
            "active": True,
            "role": Role.INSPECTOR,
            "place": place.code,
            "state": "in_force",
        }
    ]


def test_ensuring_at_an_unknown_place_is_refused(session: Session) -> None:
    account(session, Role.PLANNER, email="demo@example.org")
    with pytest.raises(InputError):
        ensure_account(
            session,
            "demo@example.org",
            name="",
            password="",
            role=Role.PLANNER,
            place="nowhere",
        )


def test_a_closed_account_loses_its_sessions(session: Session) -> None:
    someone = account(session, Role.PLANNER, email="gone@example.org")
    before = someone.fs_uniquifier
    disable_account(session, "GONE@example.org")
    assert not someone.active
    assert someone.fs_uniquifier != before


def test_closing_nobody_is_refused(session: Session) -> None:
    with pytest.raises(InputError):
        disable_account(session, "nobody@example.org")


@pytest.mark.parametrize(
    "text", ["", "a", "a@", "@b", "a b@c", "a@b\n@c", "a\x00@b", "x" * 300 + "@c"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        normal_email(text)


@pytest.mark.parametrize(
    ("name", "taken"),
    [("王　海棠", True), ("O’Brien", True), ("a\u202eb", False), ("a\nb", False), ("a\x00", False)],
)
def test_a_name_is_what_can_be_read(session: Session, name: str, taken: bool) -> None:
    if taken:
        assert account(session, Role.PLANNER, name=name).name == name
    else:
        with pytest.raises(InputError):
            account(session, Role.PLANNER, name=name)
