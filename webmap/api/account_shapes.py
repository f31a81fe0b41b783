"""What is told of accounts, to admins and to their owners: roles, where, and what was done."""

from collections.abc import Iterable
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from cases.access import Role
from cases.account_history import AccountAct, Entry
from cases.memberships import Granted
from cases.models import Account
from webmap.api.schemas import says, word

STATES = ("in_force", "waiting", "revoked")


class MembershipSchema(Schema):
    """A role that an account was given, and where it holds."""

    id = fields.Integer(**says("Its number."))
    role = word(Role, "The role.")
    place = fields.String(
        **says("The code of the region or community; null is everywhere.", allow_none=True)
    )
    place_name = fields.String(**says("What the place is called.", allow_none=True))
    households = fields.List(
        fields.String(), **says("The refs of the households to which a resident belongs.")
    )
    state = fields.String(
        **says("Whether it holds, waits for a second person, or has ended.", validate=OneOf(STATES))
    )
    proposed_by = fields.String(**says("Who gave or proposed it; `operator` is no account."))
    proposed_at = fields.DateTime(**says("When."))
    approved_by = fields.String(**says("Who let it take effect.", allow_none=True))
    approved_at = fields.DateTime(**says("When.", allow_none=True))
    revoked_by = fields.String(**says("Who ended it.", allow_none=True))
    revoked_at = fields.DateTime(**says("When.", allow_none=True))


class EntrySchema(Schema):
    """Something that was done to an account or by it; history is never changed."""

    at = fields.DateTime(**says("When."))
    event = fields.String(
        **says("What, as source:subject:action.", validate=OneOf(list(AccountAct)))
    )
    actor = fields.String(**says("Whose account did it; `operator` is no account."))
    address = fields.String(**says("The network address where from; emptied after its term."))
    about = fields.Dict(
        keys=fields.String(), **says("The role, place, household or name that it was about.")
    )


class AccountSchema(Schema):
    """Someone who can log in."""

    id = fields.UUID(**says("Its identifier."))
    email = fields.String(**says("The address by which it logs in; it never changes."))
    name = fields.String(**says("What its owner is called."))
    active = fields.Boolean(**says("Whether it is open."))
    second_factor = fields.Boolean(**says("Whether logging in asks for a code as well."))
    memberships = fields.List(fields.Nested(MembershipSchema), **says("Its roles."))


def told_account(account: Account, granted: Iterable[Granted]) -> dict[str, Any]:
    """Return an account as ``AccountSchema`` describes it."""
    return {
        "id": str(account.public_id),
        "email": account.email,
        "name": account.name,
        "active": account.active,
        "second_factor": account.has_second_factor,
        "memberships": [told_membership(one) for one in granted],
    }


def told_membership(granted: Granted) -> dict[str, Any]:
    """Return a membership as ``MembershipSchema`` describes it."""
    one = granted.membership
    return {
        "id": one.id,
        "role": one.role,
        "place": granted.place,
        "place_name": granted.place_name,
        "households": list(granted.households),
        "state": one.state,
        "proposed_by": one.proposed_by,
        "proposed_at": one.proposed_at.isoformat(),
        "approved_by": one.approved_by,
        "approved_at": one.approved_at and one.approved_at.isoformat(),
        "revoked_by": one.revoked_by,
        "revoked_at": one.revoked_at and one.revoked_at.isoformat(),
    }


def told_entry(entry: Entry) -> dict[str, Any]:
    """Return a line of a history as ``EntrySchema`` describes it."""
    return {
        "at": entry.at.isoformat(),
        "event": entry.event,
        "actor": entry.actor,
        "address": entry.address,
        "about": entry.data,
    }
