"""The own account: its name, its language, its tokens, and what was done to it.

Reading it is for tokens too; each change needs a session, and what its page asks the
password for again asks here for a confirmation. How it logs in is in ``own_login``.
"""

import hashlib
import json
import uuid
from typing import Any

from flask import Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.account_history import AccountAct, history
from cases.memberships import memberships
from cases.models import AccessToken, Account, Membership
from cases.people import rename_account
from cases.tokens import TokenForm, make_token, revoke_token, standing_tokens
from layers.db import EVERYWHERE
from layers.transactions import transact
from webmap.api.account_shapes import AccountSchema, EntrySchema, told_account, told_entry
from webmap.api.blueprint import Blueprint
from webmap.api.etags import asked_digests, tag_digest
from webmap.api.fields import Day, Language, Text, Truth
from webmap.api.schemas import FailureSchema, says
from webmap.connections import current_database
from webmap.errors import Stale
from webmap.factors import needs_factor
from webmap.gates import Open, current_actor, delicate, gated
from webmap.languages import LANGUAGES, remember_language

own_account_api = Blueprint("own_account", __name__, "The own account and how it logs in.")

LONGEST_NAME = 200
LAST = 10


class TokenSchema(Schema):
    """An access token, without its secret."""

    id = fields.UUID(**says("Its identifier."))
    name = fields.String(**says("What it is called."))
    may_write = fields.Boolean(**says("Whether it also changes what its account may change."))
    expires_on = fields.Date(**says("The last day on which it is good.", allow_none=True))
    last_used_on = fields.Date(**says("When it was last used.", allow_none=True))


class OwnAccountSchema(AccountSchema):
    """The own account."""

    version = fields.String(**says("What If-Match names, or the whole ETag."))
    language = fields.String(**says("Its language; null is as the browser asks.", allow_none=True))
    factor_needed = fields.Boolean(**says("Whether one of its roles demands a second factor."))
    recovery_codes_left = fields.Integer(**says("How many recovery codes are not used yet."))
    tokens = fields.List(fields.Nested(TokenSchema), **says("Its tokens, the newest first."))
    logins = fields.List(fields.Nested(EntrySchema), **says("The last logins, the latest first."))
    history = fields.List(fields.Nested(EntrySchema), **says("The last acts, the latest first."))


class ProfileSchema(Schema):
    """What changes of the own account; what is left out stays."""

    name = Text(LONGEST_NAME, metadata={"description": "What its owner is called."})
    language = Language(
        tuple(LANGUAGES),
        allow_none=True,
        metadata={"description": "Its language; null is as the browser asks."},
    )


class StaleAccountSchema(FailureSchema):
    """A change of an account that was changed since it was read."""

    yours = fields.Dict(**says("The request as it was sent, with the versions of If-Match."))
    account = fields.Nested(OwnAccountSchema, **says("The account as it is now."))


class NewTokenSchema(Schema):
    """A token to be made."""

    name = Text(LONGEST_NAME, required=True, metadata={"description": "Where it will be used."})
    expires_on = Day(
        allow_none=True, load_default=None, metadata={"description": "The last day, if any."}
    )
    may_write = Truth(
        load_default=False,
        metadata={"description": "Whether it also changes what the account may change."},
    )


class MadeTokenSchema(TokenSchema):
    """A token with its secret, which is told this once and kept nowhere."""

    secret = fields.String(**says("What a program sends as `Authorization: Bearer`."))


@own_account_api.route("/account")
@own_account_api.response(200, OwnAccountSchema)
@gated(Open.LOGGED_IN)
def own_account() -> ResponseReturnValue:
    """The own account: roles, how it logs in, its tokens, and what was done to it and by it."""
    return answer()


@own_account_api.route("/account", methods=["PATCH"])
@own_account_api.arguments(ProfileSchema, example={"name": "Li Na", "language": "zh_Hans"})
@own_account_api.response(200, OwnAccountSchema)
@own_account_api.failure(412, StaleAccountSchema)
@own_account_api.versioned
@own_account_api.by_session
@gated(Open.LOGGED_IN)
def change_profile(asked: dict[str, Any]) -> ResponseReturnValue:
    """Take another name or language."""
    actor = current_actor()

    def work(inside: Session) -> None:
        mine = inside.get_one(Account, current_user.id, with_for_update=True)
        read = asked_digests()
        if _version(mine) not in read:
            yours = {"versions": sorted(read), **request.get_json()}
            raise Stale(yours=yours, account=_told(inside, mine))
        if "name" in asked:
            rename_account(inside, mine, asked["name"], actor)
        if "language" in asked:
            mine.language = asked["language"] or ""

    transact(current_database(), EVERYWHERE, work)
    response = answer()
    if asked.get("language"):
        remember_language(response, asked["language"])
    return response


@own_account_api.route("/account/tokens", methods=["POST"])
@own_account_api.arguments(NewTokenSchema, example={"name": "QGIS", "expires_on": "2027-06-30"})
@own_account_api.response(201, MadeTokenSchema)
@own_account_api.by_session
@delicate
@gated(Open.LOGGED_IN)
def new_token(asked: dict[str, Any]) -> ResponseReturnValue:
    """Make an access token, and tell its secret once.

    What is kept under an Idempotency-Key would hold the secret, so there is none: a name has
    one token, and sent again this is refused as `name_taken`. One whose secret was lost is
    revoked and made anew.
    """
    form = TokenForm(asked["name"], asked["expires_on"], asked["may_write"])
    actor = current_actor()

    def work(inside: Session) -> dict[str, Any]:
        mine = inside.get_one(Account, current_user.id, with_for_update=True)
        secret = make_token(inside, mine, form, actor)
        inside.flush()
        made = next(one for one in standing_tokens(inside, mine.id) if one.name == form.name)
        return _told_token(made) | {"secret": secret}

    response = jsonify(transact(current_database(), EVERYWHERE, work))
    response.status_code = 201
    return once(response)


@own_account_api.route("/account/tokens/<uuid:token_id>", methods=["DELETE"])
@own_account_api.response(200, OwnAccountSchema)
@own_account_api.by_session
@gated(Open.LOGGED_IN)
def end_own_token(token_id: uuid.UUID) -> ResponseReturnValue:
    """End one of the own tokens; one that has ended stays as it is."""
    actor = current_actor()

    def work(inside: Session) -> None:
        token = inside.get(AccessToken, token_id)
        if token is None or token.account_id != current_user.id:
            abort(404)
        if token.revoked_at is None:
            revoke_token(inside, inside.get_one(Account, current_user.id), token_id, actor)

    transact(current_database(), EVERYWHERE, work)
    return answer()


def once(response: Response) -> Response:
    """Let nothing on the way keep an answer that holds a secret."""
    response.headers["Cache-Control"] = "no-store"
    return response


def answer() -> Response:
    """Answer with the own account as it is now."""
    with current_database().session(EVERYWHERE) as inside:
        mine = inside.get_one(Account, current_user.id)
        return tag_digest(jsonify(_told(inside, mine)), _version(mine))


def _version(mine: Account) -> str:
    """Return the digest of what a change of the profile could overwrite."""
    return hashlib.sha256(json.dumps([mine.name, mine.language]).encode()).hexdigest()[:16]


def _told(inside: Session, mine: Account) -> dict[str, Any]:
    standing = (Membership.account_id == mine.id) & Membership.revoked_at.is_(None)
    logins = history(inside, mine.id, limit=LAST, only=AccountAct.LOGGED_IN)
    return told_account(mine, memberships(inside, standing)) | {
        "version": _version(mine),
        "language": mine.language or None,
        "factor_needed": needs_factor(mine),
        "recovery_codes_left": len(mine.mf_recovery_codes or ()),
        "tokens": [_told_token(one) for one in standing_tokens(inside, mine.id)],
        "logins": [told_entry(one) for one in logins],
        "history": [told_entry(one) for one in history(inside, mine.id, limit=2 * LAST)],
    }


def _told_token(token: AccessToken) -> dict[str, Any]:
    return {
        "id": str(token.id),
        "name": token.name,
        "may_write": token.may_write,
        "expires_on": token.expires_on and token.expires_on.isoformat(),
        "last_used_on": token.last_used_on and token.last_used_on.isoformat(),
    }
