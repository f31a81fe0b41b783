"""Roles are given within an admin's own places, and the weighty ones by two persons."""

import uuid

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from cases.access import TWO_PERSON_ROLES, Role
from cases.account_history import OPERATOR, AccountAct, Actor, history, record
from cases.administration import (
    count_seen,
    find_seen,
    is_managed,
    list_seen,
    record_reset,
    remove_factor,
)
from cases.memberships import (
    GrantForm,
    approval_problems,
    approve,
    grant,
    memberships,
    reach,
    revoke,
    revoke_role,
    waiting,
)
from cases.models import Account, Case, Membership, ResidentAccount
from cases.people import add_account, open_account, rights
from cases.visibility import visible_cases
from cases.workflow import State
from gis.problems import InputError
from layers.models import RegionKind
from tests import builders as make


def somebody(session: Session, role: Role | None = None, place: str | None = None) -> Account:
    email = f"{make.fresh('li')}@example.org"
    if role is None:
        return open_account(session, email, name="Li", actor=OPERATOR)
    return add_account(session, email, name="Li", password="long enough 1", role=role, place=place)


def acting(account: Account) -> Actor:
    return Actor(account.email, account.id, "10.0.0.7")


def codes(caught: pytest.ExceptionInfo[InputError]) -> set[str]:
    return {one.code for one in caught.value.problems}


@pytest.mark.parametrize("role", list(Role))
def test_only_what_weighs_needs_a_second_admin(session: Session, role: Role) -> None:
    place = make.community(session)
    first, second = somebody(session, Role.ADMIN), somebody(session, Role.ADMIN)
    who = somebody(session)
    home = make.household(session, place).ref if role is Role.RESIDENT else None
    given = grant(session, who, GrantForm(role, place.code, home), acting(first))
    assert given.state == ("waiting" if role in TWO_PERSON_ROLES else "in_force")
    assert bool(rights(session, who.id).grants) == (role not in TWO_PERSON_ROLES)
    if role in TWO_PERSON_ROLES:
        approve(session, given.id, acting(second))
    assert rights(session, who.id).roles == {role}
    assert rights(session, who.id).scope().communities == {place.id}


def test_what_waits_is_listed_and_gives_nothing(session: Session) -> None:
    town = make.region(session)
    other = make.region(session)
    first = somebody(session, Role.ADMIN, town.code)
    who = somebody(session)
    grant(session, who, GrantForm(Role.SECRETARY, town.code), acting(first))
    listed = waiting(session, reach(session, acting(first)))
    assert [(one.account.email, one.place) for one in listed] == [(who.email, town.code)]
    stranger = somebody(session, Role.ADMIN, other.code)
    assert waiting(session, reach(session, acting(stranger))) == []


def test_nobody_approves_the_own_proposal(session: Session) -> None:
    admin = somebody(session, Role.ADMIN)
    given = grant(session, somebody(session), GrantForm(Role.ADMIN), acting(admin))
    with pytest.raises(InputError) as caught:
        approve(session, given.id, acting(admin))
    assert codes(caught) == {"same_person"}
    assert given.state == "waiting"


def test_nobody_grants_to_themselves(session: Session) -> None:
    first, second = somebody(session, Role.ADMIN), somebody(session, Role.ADMIN)
    with pytest.raises(InputError) as caught:
        grant(session, first, GrantForm(Role.PLANNER), acting(first))
    assert codes(caught) == {"self"}
    given = grant(session, second, GrantForm(Role.SECRETARY), acting(first))
    with pytest.raises(InputError) as caught:
        approve(session, given.id, acting(second))
    assert codes(caught) == {"self"}


def test_the_database_itself_wants_two_people(session: Session) -> None:
    given = grant(
        session, somebody(session), GrantForm(Role.ADMIN), acting(somebody(session, Role.ADMIN))
    )
    given.approved_by, given.approved_at = given.proposed_by, given.proposed_at
    with pytest.raises(IntegrityError, match="two_people"), session.begin_nested():
        session.flush()


OPENING = [
    AccountAct.ACCOUNT_ADDED,
    AccountAct.ACCOUNT_OPENED,
    AccountAct.FACTOR_REMOVED,
    AccountAct.RESET_ISSUED,
]


def refused_as_one_hand(session: Session, by: Account, approver: Account) -> bool:
    """Tell whether what ``by`` proposes is refused to ``approver`` as one person's work."""
    given = grant(session, somebody(session), GrantForm(Role.OFFICIAL), acting(by))
    problems = approval_problems(session, given, acting(approver))
    if not problems:
        return approve(session, given.id, acting(approver)).state != "in_force"
    with pytest.raises(InputError, match="user reset"):
        approve(session, given.id, acting(approver))
    return {one.code for one in problems} == {"one_hand"}


@pytest.mark.parametrize("act", OPENING)
def test_whoever_let_somebody_into_an_account_is_no_second_person_to_it(
    session: Session, act: AccountAct
) -> None:
    first, second, third = (somebody(session, Role.ADMIN) for _ in range(3))
    assert not refused_as_one_hand(session, first, second)
    record(session, second.id, act, acting(first))
    assert refused_as_one_hand(session, first, second)
    assert refused_as_one_hand(session, second, first)
    assert not refused_as_one_hand(session, second, third)


def test_two_accounts_that_one_admin_opened_are_one_hand(session: Session) -> None:
    first, second, third = (somebody(session, Role.ADMIN) for _ in range(3))
    for one in (second, third):
        record(session, one.id, AccountAct.RESET_ISSUED, acting(first))
    assert refused_as_one_hand(session, second, third)


def test_a_hand_reaches_through_the_accounts_that_it_opened(session: Session) -> None:
    first, second, third = (somebody(session, Role.ADMIN) for _ in range(3))
    record(session, second.id, AccountAct.FACTOR_REMOVED, acting(first))
    record(session, third.id, AccountAct.RESET_ISSUED, acting(second))
    assert refused_as_one_hand(session, third, first)


def test_only_a_password_set_by_the_operator_s_link_frees_an_account(session: Session) -> None:
    first, second, third = (somebody(session, Role.ADMIN) for _ in range(3))
    record(session, second.id, AccountAct.RESET_ISSUED, acting(first))
    # Whoever holds an account could do all this as well, and so could a friend.
    for act in (AccountAct.PASSWORD_RESET, AccountAct.PASSWORD_CHANGED, AccountAct.FACTOR_SET):
        record(session, second.id, act, acting(second))
    record(session, second.id, AccountAct.RESET_ISSUED, acting(third))
    record(session, second.id, AccountAct.FACTOR_REMOVED, OPERATOR)
    record(session, second.id, AccountAct.RESET_ISSUED, OPERATOR)
    assert refused_as_one_hand(session, second, first)
    record(session, second.id, AccountAct.PASSWORD_RESET, acting(second))
    assert not refused_as_one_hand(session, second, first)
    assert not refused_as_one_hand(session, third, second)


def test_a_link_given_after_the_operator_s_frees_nothing(session: Session) -> None:
    first, second = somebody(session, Role.ADMIN), somebody(session, Role.ADMIN)
    record(session, second.id, AccountAct.RESET_ISSUED, OPERATOR)
    record(session, second.id, AccountAct.RESET_ISSUED, acting(first))
    record(session, second.id, AccountAct.PASSWORD_RESET, acting(second))
    assert refused_as_one_hand(session, second, first)


def test_a_new_link_ends_sessions_and_the_links_before(session: Session) -> None:
    who = somebody(session)
    before = who.fs_uniquifier
    record_reset(session, who, OPERATOR)
    assert who.fs_uniquifier != before


def test_an_admin_grants_only_within_the_own_region(session: Session) -> None:
    city = make.region(session, kind=RegionKind.CITY)
    town = make.region(session, parent_id=city.id)
    mine = make.community(session, region_id=town.id)
    next_town = make.region(session, parent_id=city.id)
    theirs = make.community(session, region_id=next_town.id)
    admin = acting(somebody(session, Role.ADMIN, town.code))
    for place in (town.code, mine.code):
        grant(session, somebody(session), GrantForm(Role.PLANNER, place), admin)
    for outside in (city.code, next_town.code, theirs.code, None):
        with pytest.raises(InputError) as caught:
            grant(session, somebody(session), GrantForm(Role.PLANNER, outside), admin)
        assert codes(caught) == {"outside"}


def test_a_region_without_communities_can_be_administered(session: Session) -> None:
    town = make.region(session)
    admin = acting(somebody(session, Role.ADMIN, town.code))
    given = grant(session, somebody(session), GrantForm(Role.PLANNER, town.code), admin)
    assert given.state == "in_force"


def test_other_roles_grant_nothing(session: Session) -> None:
    for role in set(Role) - {Role.ADMIN}:
        who = acting(somebody(session, role))
        with pytest.raises(InputError) as caught:
            grant(session, somebody(session), GrantForm(Role.PLANNER), who)
        assert codes(caught) == {"outside"}


def test_an_admin_who_was_revoked_approves_no_more(session: Session) -> None:
    first, second = somebody(session, Role.ADMIN), somebody(session, Role.ADMIN)
    given = grant(session, somebody(session), GrantForm(Role.ADMIN), acting(first))
    revoke_role(session, second, GrantForm(Role.ADMIN), OPERATOR)
    with pytest.raises(InputError) as caught:
        approve(session, given.id, acting(second))
    assert codes(caught) == {"unknown_membership"}


def test_a_membership_of_another_region_is_unknown(session: Session) -> None:
    town, other = make.region(session), make.region(session)
    admin = acting(somebody(session, Role.ADMIN, town.code))
    given = grant(session, somebody(session), GrantForm(Role.PLANNER, other.code), OPERATOR)
    with pytest.raises(InputError) as caught:
        revoke(session, given.id, admin)
    assert codes(caught) == {"unknown_membership"}
    assert given.state == "in_force"


def test_a_revoked_role_ends_at_once_and_its_row_stays(session: Session) -> None:
    place = make.community(session)
    who = somebody(session)
    given = grant(session, who, GrantForm(Role.INSPECTOR, place.code), OPERATOR)
    revoke(session, given.id, OPERATOR)
    assert rights(session, who.id).grants == ()
    assert session.get(Membership, given.id) is given
    with pytest.raises(InputError):
        revoke(session, given.id, OPERATOR)
    # It can be given again, as a row of its own.
    again = grant(session, who, GrantForm(Role.INSPECTOR, place.code), OPERATOR)
    assert again.id != given.id
    assert rights(session, who.id).roles == {Role.INSPECTOR}


def test_the_same_role_is_not_given_twice(session: Session) -> None:
    who = somebody(session)
    grant(session, who, GrantForm(Role.PLANNER), OPERATOR)
    with pytest.raises(InputError) as caught:
        grant(session, who, GrantForm(Role.PLANNER), OPERATOR)
    assert codes(caught) == {"granted"}


def test_every_fault_of_a_grant_is_named_at_once(session: Session) -> None:
    admin = somebody(session, Role.ADMIN)
    admin.active = False
    with pytest.raises(InputError) as caught:
        grant(session, admin, GrantForm(Role.RESIDENT, "nowhere", "1"), acting(admin))
    assert codes(caught) == {"place", "household", "self", "closed"}


def test_a_resident_belongs_to_a_household_and_sees_its_cases_only(session: Session) -> None:
    place = make.community(session)
    campaign = make.campaign(session, place)
    mine, theirs = (make.household(session, place) for _ in range(2))
    own = make.case(session, mine, campaign)
    make.case(session, theirs, campaign)
    who = somebody(session)
    given = grant(session, who, GrantForm(Role.RESIDENT, place.code, mine.ref), OPERATOR)
    second = make.household(session, place)
    grant(session, who, GrantForm(Role.RESIDENT, place.code, second.ref), OPERATOR)
    (read,) = memberships(session, Membership.account_id == who.id)
    assert read.households == tuple(sorted((mine.ref, second.ref)))
    seen = visible_cases(rights(session, who.id), who.id)
    assert session.scalars(select(Case).where(seen)).all() == [own]
    revoke(session, given.id, OPERATOR)
    assert {one.ended_by for one in session.scalars(select(ResidentAccount))} == {"operator"}
    seen = visible_cases(rights(session, who.id), who.id)
    assert session.scalars(select(Case).where(seen)).all() == []


@pytest.mark.parametrize("household", [None, "", "nowhere"])
def test_a_resident_without_a_household_is_refused(session: Session, household: str | None) -> None:
    place = make.community(session)
    with pytest.raises(InputError) as caught:
        grant(session, somebody(session), GrantForm(Role.RESIDENT, place.code, household), OPERATOR)
    assert codes(caught) == {"household"}


def test_each_role_sees_its_own_cases_within_its_communities(session: Session) -> None:
    here, there = make.community(session), make.community(session)
    found = {}
    for place in (here, there):
        campaign = make.campaign(session, place)
        for state in (State.VERIFIED, State.REFERRED):
            home = make.household(session, place)
            found[place.id, state] = make.case(session, home, campaign, state=state)
    every = {found[here.id, State.VERIFIED], found[here.id, State.REFERRED]}
    expected = {
        Role.LANE_HOUSEKEEPER: set[Case](),
        Role.INSPECTOR: every,
        Role.PLANNER: every,
        Role.SECRETARY: every,
        Role.OFFICIAL: {found[here.id, State.REFERRED]},
        Role.ADMIN: set(),
    }
    for role, cases in expected.items():
        who = somebody(session, role, here.code)
        seen = visible_cases(rights(session, who.id), who.id)
        assert set(session.scalars(select(Case).where(seen))) == cases, role


def test_an_admin_sees_the_accounts_of_the_own_places(session: Session) -> None:
    town, other = make.region(session), make.region(session)
    admin = acting(somebody(session, Role.ADMIN, town.code))
    mine = somebody(session, Role.PLANNER, town.code)
    theirs = somebody(session, Role.PLANNER, other.code)
    within = reach(session, admin)
    seen = list_seen(session, within, "", limit=9, offset=0)
    assert {one.account.email for one in seen} == {admin.email, mine.email}
    assert {one.granted[0].place for one in seen} == {town.code}
    assert count_seen(session, within, mine.email.upper()) == 1
    assert count_seen(session, within, "%") == 0
    assert find_seen(session, within, mine.public_id) is mine
    assert find_seen(session, within, theirs.public_id) is None
    assert find_seen(session, within, uuid.uuid4()) is None


def test_nobody_is_reset_who_may_more_than_the_admin_reaches(session: Session) -> None:
    town, other = make.region(session), make.region(session)
    admin = somebody(session, Role.ADMIN, town.code)
    within = reach(session, acting(admin))
    who = somebody(session, Role.PLANNER, town.code)
    assert is_managed(session, who, within, acting(admin))
    assert not is_managed(session, admin, within, acting(admin))
    grant(session, who, GrantForm(Role.INSPECTOR, other.code), OPERATOR)
    assert not is_managed(session, who, within, acting(admin))


def test_a_lost_factor_is_removed_with_all_that_opened_by_it(session: Session) -> None:
    who = somebody(session)
    who.tf_primary_method, who.tf_totp_secret, who.totp_counter = "authenticator", "{}", 7
    who.mf_recovery_codes = ["a"]
    before = who.fs_uniquifier
    remove_factor(session, who, OPERATOR)
    assert not who.has_second_factor
    session.refresh(who)
    assert who.totp_counter is None
    assert who.mf_recovery_codes is None
    assert who.fs_uniquifier != before


def test_every_act_is_in_the_history(session: Session) -> None:
    place = make.community(session)
    first, second = somebody(session, Role.ADMIN), somebody(session, Role.ADMIN)
    who = somebody(session)
    given = grant(session, who, GrantForm(Role.SECRETARY, place.code), acting(first))
    approve(session, given.id, acting(second))
    revoke(session, given.id, OPERATOR)
    told = [(one.event, one.actor, one.address) for one in history(session, who.id, limit=9)]
    assert told == [
        (AccountAct.MEMBERSHIP_REVOKED, "operator", ""),
        (AccountAct.MEMBERSHIP_APPROVED, second.email, "10.0.0.7"),
        (AccountAct.MEMBERSHIP_PROPOSED, first.email, "10.0.0.7"),
        (AccountAct.ACCOUNT_ADDED, "operator", ""),
    ]
    (said,) = history(session, who.id, limit=1)
    assert said.data == {"role": "secretary", "place": place.code}


def test_the_acts_are_sorted_and_named_alike() -> None:
    names = [act.name for act in AccountAct]
    assert names == sorted(names)
    assert all(act.value.startswith("account:") and act.count(":") == 2 for act in AccountAct)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM membership",
        "UPDATE membership SET role = 'admin'",
        "UPDATE membership SET proposed_by = 'operator'",
        "DELETE FROM account",
        "DELETE FROM access_token",
        "UPDATE access_token SET account_id = 1",
        "UPDATE account_event SET actor = ''",
        "DELETE FROM account_event",
        "DELETE FROM personal.resident_account",
        "UPDATE personal.resident_account SET household_id = gen_random_uuid()",
    ],
)
def test_the_application_cannot_rewrite_who_was_what(session: Session, change: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        session.execute(text(change))


@pytest.mark.parametrize(
    "change", ["UPDATE account_event SET actor = ''", "TRUNCATE account_event"]
)
def test_the_history_of_accounts_is_appended_whoever_asks(owner: Session, change: str) -> None:
    with pytest.raises(DBAPIError, match="appended only"):
        owner.execute(text(change))
