"""Accounts, what they may, and where: memberships become the scope of a session.

An account is someone who can log in; residents are not accounts. Passwords are
hashed by argon2id as Flask-Security verifies them, so that the command line can
make an account without the web.
"""

import re
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from argon2 import PasswordHasher
from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from cases.access import GRANTS, Permission, Role, permissions
from cases.models import Account, Membership
from gis.problems import InputError, Problem
from layers.db import EVERYWHERE, NOWHERE, Scope
from layers.features import Place, find_place, subtree
from layers.models import Community

SHORTEST_PASSWORD = 10
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")


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


def rights(session: Session, account_id: int) -> Rights:
    """Return what an account may; the session must see every community.

    A membership in a region holds for each community below it, also for those
    that come later.
    """
    mine = select(Membership).where(Membership.account_id == account_id)
    regions = select(mine.subquery().c.region_id)
    below = subtree(regions)
    reached = union_all(
        select(Membership.id, Membership.community_id)
        .where(Membership.account_id == account_id)
        .where(Membership.community_id.is_not(None)),
        select(Membership.id, Community.id)
        .join(below, below.c.root == Membership.region_id)
        .join(Community, Community.region_id == below.c.id)
        .where(Membership.account_id == account_id),
    )
    communities: dict[int, set[int]] = {}
    for membership_id, community_id in session.execute(reached):
        communities.setdefault(membership_id, set()).add(community_id)
    return Rights(
        tuple(
            Grant(
                membership.role,
                None if _everywhere(membership) else frozenset(communities.get(membership.id, ())),
            )
            for membership in session.scalars(mine.order_by(Membership.id))
        )
    )


def _everywhere(membership: Membership) -> bool:
    return membership.region_id is None and membership.community_id is None


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
        problems.append(_unknown_place(place))
    if problems:
        raise InputError(problems)
    account = Account(
        email=normal_email(email),
        name=name.strip(),
        password=hash_password(password),
        fs_uniquifier=secrets.token_hex(32),
    )
    session.add(account)
    session.flush()
    session.add(_membership(account, role, found))
    session.flush()
    return account


def _membership(account: Account, role: Role, place: Place | None) -> Membership:
    return Membership(
        account_id=account.id,
        role=role,
        region_id=place.id if place and place.kind == "region" else None,
        community_id=place.id if place and place.kind == "community" else None,
    )


def _unknown_place(code: str) -> Problem:
    return Problem(
        "place",
        f"There is no region or community {code!r}.",
        "See `commongreen community list`.",
        field="place",
    )


def _account_problems(session: Session, email: str, name: str, password: str) -> list[Problem]:
    problems = []
    try:
        address = normal_email(email)
    except ValueError as error:
        problems.append(Problem("email", f"{error}.", "Give name@organisation.", field="email"))
    else:
        if session.scalar(select(Account.id).where(Account.email == address)) is not None:
            problems.append(
                Problem(
                    "email_taken",
                    f"There is an account {address} already.",
                    "See `commongreen user list`.",
                    field="email",
                )
            )
    if not 0 < len(name.strip()) <= 200:
        problems.append(
            Problem("name", "The name is missing or too long.", "Give 1 to 200.", field="name")
        )
    if len(password) < SHORTEST_PASSWORD:
        problems.append(
            Problem(
                "password",
                f"The password has {len(password)} characters.",
                f"Give {SHORTEST_PASSWORD} or more.",
                field="password",
            )
        )
    return problems
