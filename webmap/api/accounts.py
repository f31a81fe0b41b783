"""Accounts as admins handle them: found, opened, closed, let in again, given roles.

An account lies at no community and a key of a client's does, so nothing here takes an
Idempotency-Key: what is sent again finds done what it asks for, or is refused by name.
"""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, abort, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.access import Permission, Role
from cases.account_history import Actor, history
from cases.administration import (
    count_seen,
    find_seen,
    is_managed,
    managed,
    page_seen,
    record_reset,
    remove_factor,
)
from cases.memberships import (
    GrantForm,
    Reach,
    grant,
    memberships,
    reach,
)
from cases.models import Account, Membership
from cases.people import disable_account, enable_account, open_account
from layers.db import EVERYWHERE
from layers.transactions import transact
from webmap.accounts import reset_link
from webmap.api.account_shapes import (
    AccountSchema,
    EntrySchema,
    told_account,
    told_entry,
)
from webmap.api.blueprint import Blueprint
from webmap.api.cases import LONGEST_REF
from webmap.api.cursors import read_place, write_place
from webmap.api.fields import Text, Truth, Word
from webmap.api.paging import PageQuerySchema, page_of
from webmap.api.schemas import says
from webmap.api.workers import LONGEST_ADDRESS
from webmap.connections import current_database
from webmap.gates import Anywhere, current_actor, delicate, gated
from webmap.pages.places import LONGEST_SEARCH

account_api = Blueprint("accounts", __name__, "Accounts, their roles, and who lets them in.")

MANAGES = Anywhere(Permission.ACCOUNTS_MANAGE)
LONGEST_NAME = 200
LONGEST_CODE = 64
LAST = 30
Act = Callable[[Session, Account, Reach, Actor], object]


class WholeAccountSchema(AccountSchema):
    """One account with what was done to it."""

    managed = fields.Boolean(
        **says("Whether the asking account may close it, reset it or take off its factor.")
    )
    history = fields.List(
        fields.Nested(EntrySchema),
        **says("The latest acts, the latest first; of an account that is managed alone."),
    )


class AccountPageSchema(Schema):
    """A page of the accounts."""

    total = fields.Integer(**says("How many there are on all pages."))
    next = fields.String(
        **says("The address of the next page; null after the last.", allow_none=True)
    )
    accounts = fields.List(
        fields.Nested(AccountSchema), **says("By address, each with the roles that stand.")
    )


class AccountQuerySchema(PageQuerySchema):
    """Which accounts."""

    q = Text(
        LONGEST_SEARCH,
        load_default="",
        metadata={"description": "A part of the name or the address."},
    )


class NewMembershipSchema(Schema):
    """A role to be given."""

    role = Word(
        Role, code="role", noun="role", required=True, metadata={"description": "The role."}
    )
    place = Text(
        LONGEST_CODE,
        allow_none=True,
        load_default=None,
        metadata={"description": "The code of a region or community; null is everywhere."},
    )
    household = Text(
        LONGEST_REF,
        allow_none=True,
        load_default=None,
        metadata={"description": "The ref of the household of a resident; others have none."},
    )


class NewAccountSchema(NewMembershipSchema):
    """An account to be opened, with its first role."""

    email = Text(
        LONGEST_ADDRESS, required=True, metadata={"description": "The address to log in by."}
    )
    name = Text(LONGEST_NAME, required=True, metadata={"description": "What its owner is called."})


class ResetSchema(Schema):
    """The link by which the owner of an account sets a password; it is told this once."""

    account = fields.Nested(WholeAccountSchema, **says("The account as it is then."))
    address = fields.String(**says("The link, good once and for a day, for its owner alone."))


class StateSchema(Schema):
    """Whether an account is to be open."""

    active = Truth(required=True, metadata={"description": "true to open it, false to close it."})


ROLE = {"role": "planner", "place": "WH-1"}


@account_api.route("/accounts")
@account_api.arguments(AccountQuerySchema, location="query")
@account_api.response(200, AccountPageSchema)
@gated(MANAGES)
def account_list(asked: dict[str, Any]) -> ResponseReturnValue:
    """Accounts of the own places, by address, a page at a time."""
    of, cursor, limit = "accounts", asked["cursor"], asked["limit"]
    after = uuid.UUID(read_place(cursor, of, 1)[0]) if cursor else None
    with current_database().session(EVERYWHERE) as session:
        within = reach(session, current_actor())
        total = count_seen(session, within, asked["q"])
        found = page_seen(session, within, asked["q"], limit=limit + 1, after=after)
        told = [told_account(one.account, one.granted) for one in found[:limit]]
    more = len(found) > limit
    following = write_place(of, found[limit - 1].account.public_id.hex) if more else None
    return page_of(following, total=total, accounts=told)


@account_api.route("/accounts", methods=["POST"])
@account_api.arguments(
    NewAccountSchema, example={"email": "li@example.org", "name": "Li Na", **ROLE}
)
@account_api.response(201, ResetSchema)
@account_api.by_session
@delicate
@gated(MANAGES)
def new_account(asked: dict[str, Any]) -> ResponseReturnValue:
    """Open an account with its first role, and tell once the link by which its owner gets in.

    What is kept under an Idempotency-Key would hold the link, so there is none: an address has
    one account, and sent again this is refused as `email_taken`. A link that was lost is made
    anew by `reset`.
    """
    actor = current_actor()

    def work(session: Session) -> uuid.UUID:
        made = open_account(session, asked["email"], name=asked["name"], actor=actor)
        grant(session, made, grant_form(asked), actor)
        record_reset(session, made, actor)
        return made.public_id

    made = transact(current_database(), EVERYWHERE, work)
    return _tell_link(made, 201)


@account_api.route("/accounts/<uuid:account_id>")
@account_api.response(200, WholeAccountSchema)
@gated(MANAGES)
def whole_account(account_id: uuid.UUID) -> ResponseReturnValue:
    """One account with its roles, also those that ended, and what was done to it."""
    return jsonify(_whole(account_id))


@account_api.route("/accounts/<uuid:account_id>/state", methods=["PUT"])
@account_api.arguments(StateSchema, example={"active": False})
@account_api.response(200, WholeAccountSchema)
@account_api.by_session
@delicate
@gated(MANAGES)
def set_account_state(asked: dict[str, Any], account_id: uuid.UUID) -> ResponseReturnValue:
    """Close an account, which ends its sessions and tokens, or open it again.

    An account that is so already stays as it is.
    """

    def act(session: Session, of: Account, within: Reach, actor: Actor) -> None:
        email = managed(session, of, within, actor).email
        if of.active != asked["active"]:
            set_state = enable_account if asked["active"] else disable_account
            set_state(session, email, actor)

    return do(account_id, act)


@account_api.route("/accounts/<uuid:account_id>/factor", methods=["DELETE"])
@account_api.response(200, WholeAccountSchema)
@account_api.by_session
@delicate
@gated(MANAGES)
def remove_account_factor(account_id: uuid.UUID) -> ResponseReturnValue:
    """Take a lost second factor off an account, which ends its sessions.

    An account without one stays as it is.
    """

    def act(session: Session, of: Account, within: Reach, actor: Actor) -> None:
        if managed(session, of, within, actor).has_second_factor:
            remove_factor(session, of, actor)

    return do(account_id, act)


@account_api.route("/accounts/<uuid:account_id>/reset", methods=["POST"])
@account_api.response(200, ResetSchema)
@account_api.by_session
@delicate
@gated(MANAGES)
def new_reset_link(account_id: uuid.UUID) -> ResponseReturnValue:
    """Make the link by which the owner of an account sets a new password, and tell it once.

    It ends the sessions of the account and the link before, so that the latest alone is good.
    There is no Idempotency-Key: what is kept of an answer would hold the link.
    """

    def act(session: Session, of: Account, within: Reach, actor: Actor) -> None:
        record_reset(session, managed(session, of, within, actor), actor)

    _act(account_id, act)
    return _tell_link(account_id)


def do(account_id: uuid.UUID, act: Act, status: int = 200) -> Response:
    """Do one thing to an account in one transaction, and answer with it as it is then."""
    _act(account_id, act)
    response = jsonify(_whole(account_id))
    response.status_code = status
    return response


def _act(account_id: uuid.UUID, act: Act) -> None:
    actor = current_actor()

    def work(session: Session) -> None:
        within = reach(session, actor)
        act(session, _seen(session, within, account_id), within, actor)

    transact(current_database(), EVERYWHERE, work)


def _seen(session: Session, within: Reach, account_id: uuid.UUID) -> Account:
    """Return an account that the asking one sees; any other is not there."""
    return find_seen(session, within, account_id) or abort(404)


def grant_form(asked: dict[str, Any]) -> GrantForm:
    """Return what a body asks to be given."""
    return GrantForm(asked["role"], asked["place"] or None, asked["household"] or None)


def _whole(account_id: uuid.UUID) -> dict[str, Any]:
    actor = current_actor()
    with current_database().session(EVERYWHERE) as session:
        within = reach(session, actor)
        of = _seen(session, within, account_id)
        theirs = (Membership.account_id == of.id) & within.memberships()
        may = is_managed(session, of, within, actor)
        entries = history(session, of.id, limit=LAST) if may else []
        return told_account(of, memberships(session, theirs)) | {
            "managed": may,
            "history": [told_entry(one) for one in entries],
        }


def _tell_link(account_id: uuid.UUID, status: int = 200) -> Response:
    """Answer with an account and the link for its owner, which nothing on the way keeps."""
    told = _whole(account_id)
    response = jsonify(account=told, address=reset_link(told["email"]))
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
