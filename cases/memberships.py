"""Roles given and taken by admins: within their own places, and the weighty ones by two.

An admin grants only where the own membership reaches, nobody grants to themselves,
and a grant of ``TWO_PERSON_ROLES`` waits until another admin approves it (SAFETY,
"Who may what"). The operator's command line is the one exception, and says so.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import Session

from cases.access import GRANTS, TWO_PERSON_ROLES, Permission, Role
from cases.account_history import OPERATOR, AccountAct, Actor, record
from cases.hands import hands
from cases.models import Account, Membership, ResidentAccount
from cases.people import in_force, unknown_place
from gis.problems import InputError, Problem
from layers.features import Place, find_place, subtree
from layers.models import Community, Household, Region

_ADMINISTERS = [role for role in Role if Permission.ACCOUNTS_MANAGE in GRANTS[role]]


@dataclass(frozen=True)
class GrantForm:
    """A role at a place, everywhere where none is named; a resident's has a household."""

    role: Role
    place: str | None = None
    household: str | None = None


@dataclass(frozen=True)
class Reach:
    """The places where an admin may grant."""

    everywhere: bool = False
    regions: frozenset[int] = frozenset()
    communities: frozenset[int] = frozenset()

    def covers(self, region_id: int | None, community_id: int | None) -> bool:
        """Tell whether a membership at a place, everywhere for none, lies within."""
        return self.everywhere or region_id in self.regions or community_id in self.communities

    def memberships(self) -> ColumnElement[bool]:
        """Return which memberships lie within."""
        if self.everywhere:
            return true()
        return or_(
            Membership.region_id.in_(self.regions), Membership.community_id.in_(self.communities)
        )


@dataclass(frozen=True)
class Granted:
    """A membership as people read it."""

    membership: Membership
    account: Account
    place: str | None
    place_name: str | None
    households: tuple[str, ...] = ()


def reach(session: Session, actor: Actor) -> Reach:
    """Return where ``actor`` may grant; the session must see every community."""
    if actor == OPERATOR:
        return Reach(everywhere=True)
    mine = and_(
        Membership.account_id == actor.account_id, in_force(), Membership.role.in_(_ADMINISTERS)
    )
    places = session.execute(
        select(Membership.region_id, Membership.community_id).where(mine)
    ).all()
    below = subtree(select(Membership.region_id).where(mine, Membership.region_id.is_not(None)))
    regions = frozenset(session.scalars(select(below.c.id)))
    inside = session.scalars(select(Community.id).where(Community.region_id.in_(regions)))
    named = (one.community_id for one in places if one.community_id is not None)
    everywhere = any(one.region_id is None and one.community_id is None for one in places)
    return Reach(everywhere, regions, frozenset(named).union(inside))


def grant(session: Session, account: Account, form: GrantForm, actor: Actor) -> Membership:
    """Give a role, or propose it where a second admin has to approve.

    Raises ``InputError`` with every fault. The caller commits.
    """
    # Two at once would otherwise both find that the role is missing.
    session.execute(select(Account.id).where(Account.id == account.id).with_for_update())
    place = find_place(session, form.place) if form.place else None
    household, problems = _household(session, form, place)
    problems += _grant_problems(session, account, form, place, actor)
    standing = _standing(session, account, form.role, place)
    if standing is not None and (household is None or _lives(session, account, household)):
        problems.append(_has_it_already(standing))
    if problems:
        raise InputError(problems)
    membership = standing or _propose(session, account, form, place, actor)
    if household is not None:
        session.add(
            ResidentAccount(
                community_id=household.community_id,
                household_id=household.id,
                account_id=account.id,
                granted_by=actor.email,
            )
        )
    session.flush()
    return membership


def _propose(
    session: Session, account: Account, form: GrantForm, place: Place | None, actor: Actor
) -> Membership:
    membership = Membership(
        account_id=account.id,
        role=form.role,
        region_id=place.id if place and not place.is_community else None,
        community_id=place.id if place and place.is_community else None,
        proposed_by=actor.email,
    )
    said = {"role": form.role.value, "place": form.place, "household": form.household}
    record(session, account.id, AccountAct.MEMBERSHIP_PROPOSED, actor, **said)
    if form.role not in TWO_PERSON_ROLES or actor == OPERATOR:
        membership.approved_by, membership.approved_at = actor.email, _now()
        record(session, account.id, AccountAct.MEMBERSHIP_APPROVED, actor, **said)
    session.add(membership)
    return membership


def _grant_problems(
    session: Session, account: Account, form: GrantForm, place: Place | None, actor: Actor
) -> list[Problem]:
    problems = []
    if form.place and place is None:
        problems.append(unknown_place(form.place))
    elif not reach(session, actor).covers(*_ids(place)):
        message = "This place is not within your own."
        remedy = "Ask an admin of the place, or of a region above it."
        problems.append(Problem("outside", message, remedy, field="place"))
    if account.id == actor.account_id:
        remedy = "Ask another admin."
        problems.append(Problem("self", "Nobody grants to themselves.", remedy, field="role"))
    if not account.active:
        remedy = "Open it first."
        problems.append(Problem("closed", "The account is closed.", remedy, field="email"))
    return problems


def _household(
    session: Session, form: GrantForm, place: Place | None
) -> tuple[Household | None, list[Problem]]:
    """Return the household that a resident's membership names, or why it names none."""
    if form.role is not Role.RESIDENT:
        if not form.household:
            return None, []
        message, remedy = "Only residents belong to a household.", "Leave the household out."
        return None, [Problem("household", message, remedy, field="household")]
    found = None
    if place is not None and place.is_community and form.household:
        found = session.scalar(
            select(Household).where(
                Household.community_id == place.id, Household.ref == form.household
            )
        )
    if found is not None:
        return found, []
    message = f"There is no household {form.household or ''!r} in this community."
    remedy = "Give a community and the reference of one of its households, such as 12-1-101."
    return None, [Problem("household", message, remedy, field="household")]


def _standing(
    session: Session, account: Account, role: Role, place: Place | None
) -> Membership | None:
    region_id, community_id = _ids(place)
    return session.scalar(
        select(Membership).where(
            Membership.account_id == account.id,
            Membership.role == role,
            Membership.region_id.is_not_distinct_from(region_id),
            Membership.community_id.is_not_distinct_from(community_id),
            Membership.revoked_at.is_(None),
        )
    )


def _lives(session: Session, account: Account, household: Household) -> bool:
    known = select(ResidentAccount.id).where(
        ResidentAccount.community_id == household.community_id,
        ResidentAccount.household_id == household.id,
        ResidentAccount.account_id == account.id,
        ResidentAccount.ended_at.is_(None),
    )
    return session.scalar(known) is not None


def _has_it_already(standing: Membership) -> Problem:
    if standing.state == "waiting":
        message, remedy = "This grant waits for approval already.", "Ask another admin to approve."
    else:
        message, remedy = "The account has this role there already.", "Nothing is to be done."
    return Problem("granted", message, remedy, field="role")


def _ids(place: Place | None) -> tuple[int | None, int | None]:
    if place is None:
        return None, None
    return (None, place.id) if place.is_community else (place.id, None)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def approve(session: Session, membership_id: int, actor: Actor) -> Membership:
    """Let a proposed membership take effect; raises ``InputError`` with every reason not to.

    The caller commits.
    """
    membership = _locked(session, membership_id, actor)
    if problems := approval_problems(session, membership, actor):
        raise InputError(problems)
    membership.approved_by, membership.approved_at = actor.email, _now()
    _record_membership(session, AccountAct.MEMBERSHIP_APPROVED, membership, actor)
    return membership


def approval_problems(session: Session, membership: Membership, actor: Actor) -> list[Problem]:
    """Return why ``actor`` may not approve a membership."""
    problems = []
    if membership.state != "waiting":
        message, remedy = "This grant does not wait for approval.", "Reload the page."
        problems.append(Problem("not_waiting", message, remedy))
    if membership.proposed_by == actor.email:
        message = "Whoever proposes a grant does not approve it."
        problems.append(Problem("same_person", message, "Ask another admin."))
    elif hands(session, membership.proposed_by) & hands(session, actor.email):
        # Who was let into another's account could otherwise act as both persons.
        problems.append(_one_hand())
    if membership.account_id == actor.account_id:
        problems.append(Problem("self", "Nobody grants to themselves.", "Ask another admin."))
    return problems


def _one_hand() -> Problem:
    message = (
        "One person could be behind both: an admin has opened or reset one of the two accounts,"
        " or both."
    )
    remedy = "Ask another admin, or let the operator give a new link by `commongreen user reset`."
    return Problem("one_hand", message, remedy)


def revoke(session: Session, membership_id: int, actor: Actor) -> Membership:
    """End a membership, or withdraw one that waits; the row stays. The caller commits.

    Raises ``InputError`` where there is none that stands.
    """
    membership = _locked(session, membership_id, actor)
    if membership.state == "revoked":
        raise InputError([_no_membership()])
    membership.revoked_by, membership.revoked_at = actor.email, _now()
    _record_membership(session, AccountAct.MEMBERSHIP_REVOKED, membership, actor)
    if membership.role is Role.RESIDENT:
        _end_households(session, membership, actor)
    return membership


def revoke_role(session: Session, account: Account, form: GrantForm, actor: Actor) -> Membership:
    """End the membership that ``form`` describes, for the command line."""
    place = find_place(session, form.place) if form.place else None
    if form.place and place is None:
        raise InputError([unknown_place(form.place)])
    standing = _standing(session, account, form.role, place)
    if standing is None:
        raise InputError([_no_membership()])
    return revoke(session, standing.id, actor)


def _end_households(session: Session, membership: Membership, actor: Actor) -> None:
    for one in session.scalars(
        select(ResidentAccount).where(
            ResidentAccount.community_id == membership.community_id,
            ResidentAccount.account_id == membership.account_id,
            ResidentAccount.ended_at.is_(None),
        )
    ):
        one.ended_by, one.ended_at = actor.email, _now()
    session.flush()


def _locked(session: Session, membership_id: int, actor: Actor) -> Membership:
    """Return a membership within the actor's reach, which nobody else changes meanwhile."""
    found = session.get(Membership, membership_id, with_for_update=True, populate_existing=True)
    if found is None or not reach(session, actor).covers(found.region_id, found.community_id):
        raise InputError([_no_membership()])
    return found


def _no_membership() -> Problem:
    message = "There is no such membership that stands."
    return Problem("unknown_membership", message, "See `commongreen user list`.", field="role")


def _record_membership(
    session: Session, act: AccountAct, membership: Membership, actor: Actor
) -> None:
    region = session.get(Region, membership.region_id) if membership.region_id else None
    community = session.get(Community, membership.community_id) if membership.community_id else None
    place = region or community
    said: dict[str, Any] = {"role": membership.role.value, "place": place.code if place else None}
    record(session, membership.account_id, act, actor, **said)


def memberships(session: Session, condition: ColumnElement[bool]) -> list[Granted]:
    """Return memberships with their places and households, the oldest first."""
    place = func.coalesce(Community.code, Region.code)
    name = func.coalesce(Community.name, Region.name)
    rows = session.execute(
        select(Membership, Account, place, name)
        .join(Account, Account.id == Membership.account_id)
        .outerjoin(Region, Region.id == Membership.region_id)
        .outerjoin(Community, Community.id == Membership.community_id)
        .where(condition)
        .order_by(Membership.proposed_at, Membership.id)
    ).all()
    homes = _households_of(session, [row[1].id for row in rows])
    return [
        Granted(
            one,
            account,
            code,
            title,
            homes.get((account.id, one.community_id), ()) if one.role is Role.RESIDENT else (),
        )
        for one, account, code, title in rows
    ]


def _households_of(
    session: Session, accounts: Iterable[int]
) -> dict[tuple[int, int | None], tuple[str, ...]]:
    rows = session.execute(
        select(ResidentAccount.account_id, ResidentAccount.community_id, Household.ref)
        .join(
            Household,
            (Household.community_id == ResidentAccount.community_id)
            & (Household.id == ResidentAccount.household_id),
        )
        .where(ResidentAccount.account_id.in_(set(accounts)), ResidentAccount.ended_at.is_(None))
        .order_by(Household.ref)
    )
    found: dict[tuple[int, int | None], tuple[str, ...]] = {}
    for account_id, community_id, ref in rows:
        key = (account_id, community_id)
        found[key] = (*found.get(key, ()), ref)
    return found


def waiting(session: Session, within: Reach) -> list[Granted]:
    """Return the grants that wait for a second person, within an admin's reach."""
    waits = and_(Membership.approved_at.is_(None), Membership.revoked_at.is_(None))
    return memberships(session, and_(waits, within.memberships()))
