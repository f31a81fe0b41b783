"""Accounts, what they may, and where: memberships become the scope of a session.

An account is someone who can log in; a person of a household is a resident, with or
without an account. Passwords are hashed by argon2id as Flask-Security verifies them,
so that the command line can make an account without the web. What is made here is in
force at once: it is the operator's, or the demo's. ``cases.memberships`` has the way of
two persons.
"""

import re
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    and_,
    func,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from cases.access import GRANTS, Permission, Role, permissions
from cases.account_history import OPERATOR, AccountAct, Actor, record
from cases.models import Account, Membership
from cases.tokens import revoke_tokens
from gis.problems import InputError, Problem, Said
from layers.db import EVERYWHERE, NOWHERE, Scope
from layers.features import Place, find_place, subtree
from layers.models import Community, Region

SHORTEST_PASSWORD = 10
_ADDRESS = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+")


@dataclass(frozen=True)
class Grant:
    """A role in some communities; ``None`` is everywhere."""

    role: Role
    communities: frozenset[int] | None


@dataclass(frozen=True)
class Rights:
    """Everything that an account may, each with the communities where it may."""

    grants: tuple[Grant, ...] = ()

    def scope(self, permission: Permission | None = None) -> Scope:
        """Return where ``permission`` is held; without one, where the account is anything."""
        held = [
            grant for grant in self.grants if permission is None or permission in GRANTS[grant.role]
        ]
        if any(grant.communities is None for grant in held):
            return EVERYWHERE
        if not held:
            return NOWHERE
        return Scope(frozenset().union(*(grant.communities or () for grant in held)))

    def holds(self, permission: Permission) -> bool:
        """Tell whether the account has ``permission`` anywhere, be it in an empty region."""
        return any(permission in GRANTS[grant.role] for grant in self.grants)

    @property
    def roles(self) -> frozenset[Role]:
        """Return every role of the account, wherever it has it."""
        return frozenset(grant.role for grant in self.grants)

    def permissions(self, community_id: int) -> frozenset[Permission]:
        """Return what the account may in one community."""
        return permissions(
            grant.role
            for grant in self.grants
            if grant.communities is None or community_id in grant.communities
        )


def limit(scope: Scope, communities: Iterable[int]) -> Scope:
    """Return the part of ``scope`` that lies within ``communities``."""
    wanted = frozenset(communities)
    return Scope(wanted if scope.everywhere else scope.communities & wanted)


def in_force() -> ColumnElement[bool]:
    """Return which memberships hold: those that are approved and not revoked."""
    return and_(Membership.approved_at.is_not(None), Membership.revoked_at.is_(None))


def rights(session: Session, account_id: int) -> Rights:
    """Return what an account may; the session must see every community.

    A membership in a region holds for each community below it, also for those
    that come later.
    """
    memberships = select(Membership).where(Membership.account_id == account_id, in_force())
    reached: dict[int, set[int]] = {}
    for membership_id, community_id in session.execute(_reached(account_id)):
        reached.setdefault(membership_id, set()).add(community_id)
    return Rights(
        tuple(
            Grant(one.role, None if _everywhere(one) else frozenset(reached.get(one.id, ())))
            for one in session.scalars(memberships.order_by(Membership.id))
        )
    )


def _reached(account_id: int) -> CompoundSelect[*tuple[Any, ...]]:
    """Select each membership with the communities it names or that lie in its region."""
    mine = and_(Membership.account_id == account_id, in_force())
    below = subtree(select(Membership.region_id).where(mine, Membership.region_id.is_not(None)))
    return union_all(
        select(Membership.id, Membership.community_id).where(
            mine, Membership.community_id.is_not(None)
        ),
        select(Membership.id, Community.id)
        .join(below, below.c.root == Membership.region_id)
        .join(Community, Community.region_id == below.c.id)
        .where(mine),
    )


def _everywhere(membership: Membership) -> bool:
    return membership.region_id is None and membership.community_id is None


def home_place(session: Session, account_id: int) -> str | None:
    """Return the code of the only community or region whose map the account may read."""
    scope = rights(session, account_id).scope(Permission.MAP_READ)
    seen = select(Community.code).limit(2)
    if not scope.everywhere:
        seen = seen.where(Community.id.in_(scope.communities))
    codes = session.scalars(seen).all()
    if len(codes) < 2:
        return codes[0] if codes else None
    reading = [role for role in Role if Permission.MAP_READ in GRANTS[role]]
    regions = session.scalars(
        select(Region.code)
        .select_from(Membership)
        .outerjoin(Region, Region.id == Membership.region_id)
        .where(Membership.account_id == account_id, in_force(), Membership.role.in_(reading))
        .distinct()
    ).all()
    # A membership in no region, in a community or everywhere, counts as another place.
    return regions[0] if len(regions) == 1 else None


def signatory(
    session: Session, community_id: int, email: str, permission: Permission | None = None
) -> tuple[str, frozenset[Permission]]:
    """Return the address of an active account and what it may in a community.

    Raises ``InputError`` where nobody has that address, or the account is closed or
    lacks ``permission`` there: a name in the history must be somebody's.
    """
    try:
        account = find_account(session, normal_email(email))
    except ValueError:
        account = None
    allowed = rights(session, account.id).permissions(community_id) if account else frozenset()
    if account is None or not account.active:
        text, remedy = (
            Said("No active account is called {email!r}.", email=email),
            "Add it with 'user add'.",
        )
    elif permission is not None and permission not in allowed:
        text, remedy = (
            Said(
                "{email} lacks the permission {permission} here.",
                email=email,
                permission=permission,
            ),
            "Ask who has it.",
        )
    else:
        return account.email, allowed
    raise InputError([Problem("not_permitted", text, remedy, field="by")])


def normal_email(text: str) -> str:
    """Return an address as it is stored and compared; raises ``ValueError`` for none."""
    address = unicodedata.normalize("NFKC", text).strip().lower()
    if not _ADDRESS.fullmatch(address) or len(address) > 254:
        raise ValueError(f"{text!r} is not an e-mail address")
    return address


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, normalised as at login (NFKD)."""
    return PasswordHasher().hash(unicodedata.normalize("NFKD", password))


def add_account(
    session: Session,
    email: str,
    *,
    name: str,
    password: str,
    role: Role,
    place: str | None = None,
) -> Account:
    """Make an account with one membership, everywhere where no ``place`` is given.

    Raises ``InputError`` with every fault. The caller commits.
    """
    found = find_place(session, place) if place is not None else None
    problems = _account_problems(session, email, name, password)
    if place is not None and found is None:
        problems.append(unknown_place(place))
    if problems:
        raise InputError(problems)
    account = _new_account(session, email, name, password, OPERATOR)
    session.add(_membership(account, role, found))
    session.flush()
    return account


def open_account(
    session: Session, email: str, *, name: str, actor: Actor, password: str | None = None
) -> Account:
    """Make an account that may nothing yet.

    Without a ``password`` nobody knows it, and a reset link lets its owner choose one.
    Raises ``InputError`` with every fault. The caller commits.
    """
    chosen = secrets.token_urlsafe(32) if password is None else password
    if problems := _account_problems(session, email, name, chosen):
        raise InputError(problems)
    return _new_account(session, email, name, chosen, actor)


def _new_account(session: Session, email: str, name: str, password: str, actor: Actor) -> Account:
    account = Account(
        email=normal_email(email),
        name=name.strip(),
        password=hash_password(password),
        fs_uniquifier=secrets.token_hex(32),
    )
    session.add(account)
    session.flush()
    record(session, account.id, AccountAct.ACCOUNT_ADDED, actor)
    return account


def ensure_account(
    session: Session,
    email: str,
    *,
    name: str,
    password: str,
    role: Role,
    place: str | None = None,
) -> Account:
    """Return the account, made if it is missing, with at least this membership.

    An account that exists keeps its name and password; raises ``InputError``
    for an unknown place. The caller commits.
    """
    account = find_account(session, email)
    if account is None:
        return add_account(session, email, name=name, password=password, role=role, place=place)
    found = find_place(session, place) if place is not None else None
    if place is not None and found is None:
        raise InputError([unknown_place(place)])
    wanted = _membership(account, role, found)
    known = session.scalars(
        select(Membership).where(
            Membership.account_id == account.id, Membership.revoked_at.is_(None)
        )
    )
    if not any(_same(wanted, one) for one in known):
        session.add(wanted)
        session.flush()
    return account


def _same(first: Membership, second: Membership) -> bool:
    return (first.role, first.region_id, first.community_id) == (
        second.role,
        second.region_id,
        second.community_id,
    )


def disable_account(session: Session, email: str, actor: Actor = OPERATOR) -> Account:
    """Close an account: it logs in no more, its open sessions and tokens end.

    The caller commits.
    """
    account = named_account(session, email)
    account.active = False
    end_sessions(account)
    revoke_tokens(session, account, actor)
    record(session, account.id, AccountAct.ACCOUNT_CLOSED, actor)
    session.flush()
    return account


def enable_account(session: Session, email: str, actor: Actor = OPERATOR) -> Account:
    """Open a closed account again, with the password it had. The caller commits."""
    account = named_account(session, email)
    account.active = True
    record(session, account.id, AccountAct.ACCOUNT_OPENED, actor)
    session.flush()
    return account


def rename_account(session: Session, account: Account, name: str, actor: Actor) -> None:
    """Give an account another name; raises ``InputError``. The caller commits."""
    if problems := _name_problems(name):
        raise InputError(problems)
    if name.strip() != account.name:
        account.name = name.strip()
        record(session, account.id, AccountAct.NAME_CHANGED, actor)
        session.flush()


def end_sessions(account: Account) -> None:
    """Let no cookie open the account that was made before: each carries the old value."""
    account.fs_uniquifier = secrets.token_hex(32)


def list_accounts(session: Session) -> list[dict[str, Any]]:
    """Return a row for each membership that stands, and one for each account without any."""
    place = func.coalesce(Community.code, Region.code, "everywhere")
    standing = (Membership.account_id == Account.id) & Membership.revoked_at.is_(None)
    rows = session.execute(
        select(Account, Membership, place)
        .outerjoin(Membership, standing)
        .outerjoin(Region, Region.id == Membership.region_id)
        .outerjoin(Community, Community.id == Membership.community_id)
        .order_by(Account.email, Membership.id)
    )
    return [
        {
            "email": account.email,
            "name": account.name,
            "active": account.active,
            "role": membership.role if membership is not None else None,
            "place": code if membership is not None else None,
            "state": membership.state if membership is not None else None,
        }
        for account, membership, code in rows
    ]


def find_account(session: Session, email: str) -> Account | None:
    """Return the account of an address in any spelling, ``None`` where there is none."""
    address = unicodedata.normalize("NFKC", email).strip().lower()
    return session.scalar(select(Account).where(Account.email == address.replace("\x00", "")))


def account_names(session: Session, addresses: Iterable[str]) -> dict[str, str]:
    """Return the names of accounts by their addresses; whoever has no account is left out."""
    rows = session.execute(
        select(Account.email, Account.name).where(Account.email.in_(set(addresses)))
    )
    return {email: name for email, name in rows if name.strip()}


def named_account(session: Session, email: str) -> Account:
    """Return the account of an address; raises ``InputError`` where there is none."""
    account = find_account(session, email)
    if account is None:
        message = Said("There is no account {email!r}.", email=email)
        remedy = "See `commongreen user list`."
        raise InputError([Problem("email", message, remedy, field="email")])
    return account


def _membership(account: Account, role: Role, place: Place | None) -> Membership:
    return Membership(
        account_id=account.id,
        role=role,
        region_id=place.id if place and place.kind == "region" else None,
        community_id=place.id if place and place.kind == "community" else None,
        proposed_by=OPERATOR.email,
        approved_by=OPERATOR.email,
        approved_at=func.now(),
    )


def unknown_place(code: str) -> Problem:
    """Return what is wrong with the code of a place that there is not."""
    return Problem(
        "place",
        Said("There is no region or community {code!r}.", code=code),
        "See `commongreen community list`.",
        field="place",
    )


def _account_problems(session: Session, email: str, name: str, password: str) -> list[Problem]:
    problems = []
    try:
        address = normal_email(email)
    except ValueError as error:
        problems.append(
            Problem(
                "email", Said("{error}.", error=error), "Give name@organisation.", field="email"
            )
        )
    else:
        if find_account(session, address) is not None:
            problems.append(
                Problem(
                    "email_taken",
                    Said("There is an account {address} already.", address=address),
                    "See `commongreen user list`.",
                    field="email",
                )
            )
    problems += _name_problems(name)
    if len(password) < SHORTEST_PASSWORD:
        problems.append(
            Problem(
                "password",
                Said("The password has {count} characters.", count=len(password)),
                Said("Give {shortest_password} or more.", shortest_password=SHORTEST_PASSWORD),
                field="password",
            )
        )
    return problems


def _name_problems(name: str) -> list[Problem]:
    # Neither control characters nor marks that turn the order of what is read.
    readable = not any(unicodedata.category(one).startswith("C") for one in name)
    if 0 < len(name.strip()) <= 200 and readable:
        return []
    remedy = "Give 1 to 200 characters."
    return [Problem("name", "The name is missing, too long or unreadable.", remedy, field="name")]
