"""The own account: name, language, password, second factor, recovery codes, tokens.

Reading it is for tokens too; each change needs a session, and what its page asks the
password for again asks here for a confirmation. What Flask-Security does on its pages,
it does here: the same checks, the same signals, the same session anew.
"""

import datetime as dt
import hashlib
import json
import uuid
from typing import Any

from flask import Response, abort, current_app, jsonify, request, session
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_security.changeable import change_user_password
from flask_security.signals import tf_profile_changed
from flask_security.tf_plugin import tf_clean_session
from flask_security.twofactor import tf_disable
from flask_wtf.csrf import generate_csrf
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.account_history import AccountAct, history
from cases.memberships import memberships
from cases.models import AccessToken, Account, Membership
from cases.people import rename_account
from cases.tokens import TokenForm, make_token, revoke_token, standing_tokens
from gis.problems import InputError, Problem, Said
from layers.db import EVERYWHERE
from layers.transactions import transact
from webmap.accounts import current_security_store
from webmap.api.account_shapes import AccountSchema, EntrySchema, told_account, told_entry
from webmap.api.blueprint import Blueprint
from webmap.api.etags import asked_digests, tag_digest
from webmap.api.fields import Day, Language, Secret, Text, Truth
from webmap.api.schemas import FailureSchema, says
from webmap.connections import current_database
from webmap.errors import Stale
from webmap.factors import needs_factor
from webmap.gates import Open, current_actor, delicate, gated
from webmap.languages import LANGUAGES, remember_language

own_account_api = Blueprint("own_account", __name__, "The own account and how it logs in.")

LONGEST_NAME = 200
LONGEST_CODE = 16
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


class PasswordSchema(Schema):
    """The own password."""

    password = Secret(required=True, metadata={"description": "The password as it is."})


class NewPasswordSchema(PasswordSchema):
    """The own password and the one that follows it."""

    new_password = Secret(
        required=True, metadata={"description": "The new one, of 10 characters or more."}
    )


class FreshSchema(Schema):
    """That the password was right."""

    until = fields.DateTime(**says("Until when nothing asks for it again, and later if used."))


class CsrfSchema(Schema):
    """That the password has changed: a session anew, with another token for its changes."""

    csrf_token = fields.String(**says("What X-CSRFToken is from now on."))


class FactorKeySchema(Schema):
    """The key for an authenticator; it is told this once, and holds once a code confirmed it."""

    key = fields.String(**says("The key as it is typed, in base32."))
    uri = fields.String(**says("The key as an authenticator reads it from a QR code."))


class CodeSchema(Schema):
    """A code of the authenticator."""

    code = Secret(
        LONGEST_CODE, required=True, metadata={"description": "The six digits that it shows."}
    )


class CodesSchema(Schema):
    """The recovery codes; they are told this once."""

    codes = fields.List(fields.String(), **says("Each stands in for the six digits once."))


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
    return _answer()


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
    response = _answer()
    if asked.get("language"):
        remember_language(response, asked["language"])
    return response


@own_account_api.route("/account/confirmation", methods=["POST"])
@own_account_api.arguments(PasswordSchema, example={"password": "..."})
@own_account_api.response(200, FreshSchema)
@own_account_api.failure(429, FailureSchema)
@own_account_api.by_session
@gated(Open.LOGGED_IN)
def confirm_own_password(asked: dict[str, Any]) -> ResponseReturnValue:
    """Give the password again, which `confirm_password` of another answer asks for."""
    _check_password(asked["password"])
    _commit()
    now = dt.datetime.now(dt.UTC)
    session["fs_paa"] = now.timestamp()
    return jsonify(until=(now + current_app.config["SECURITY_FRESHNESS"]).isoformat())


@own_account_api.route("/account/password", methods=["PUT"])
@own_account_api.arguments(NewPasswordSchema, example={"password": "...", "new_password": "..."})
@own_account_api.response(200, CsrfSchema)
@own_account_api.failure(429, FailureSchema)
@own_account_api.by_session
@gated(Open.LOGGED_IN)
def change_own_password(asked: dict[str, Any]) -> ResponseReturnValue:
    """Change the own password; all other sessions end and this one goes on anew.

    It is asked for as it is, so a request that is sent again is refused as `password`.
    """
    old = _check_password(asked["password"])
    chosen = _checked_new(asked["new_password"], old)
    change_user_password(current_user._get_current_object(), chosen)
    _commit()
    return _once(jsonify(csrf_token=generate_csrf()))


@own_account_api.route("/account/factor", methods=["POST"])
@own_account_api.response(200, FactorKeySchema)
@own_account_api.by_session
@delicate
@gated(Open.LOGGED_IN)
def begin_factor() -> ResponseReturnValue:
    """Make the key of a new second factor, which holds once a code of it was sent by PUT.

    Until then the factor that there is holds. Sent again it makes another key, and the latest
    alone is good.
    """
    codes = current_app.extensions["security"].totp_factory
    secret = codes.generate_totp_secret()
    # As the pages keep it until its first code, so that either of them may go on.
    session["tf_totp_secret"] = secret
    session["tf_primary_method"], session["tf_state"] = "authenticator", "validating_profile"
    key, uri = codes.get_totp_b32_key(secret), codes.get_totp_uri(current_user.email, secret)
    return _once(jsonify(key=key, uri=uri))


@own_account_api.route("/account/factor", methods=["PUT"])
@own_account_api.arguments(CodeSchema, example={"code": "123456"})
@own_account_api.response(200, OwnAccountSchema)
@own_account_api.by_session
@gated(Open.LOGGED_IN)
def confirm_factor(asked: dict[str, Any]) -> ResponseReturnValue:
    """Set the second factor whose key was made before, by a code of it."""
    secret = session.get("tf_totp_secret")
    if secret is None or session.get("tf_state") != "validating_profile":
        remedy = "Make one by POST /api/v1/account/factor."
        raise InputError([Problem("no_key", "No key waits for its code.", remedy)])
    extension, mine = current_app.extensions["security"], current_user._get_current_object()
    window = current_app.config["SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY"]
    if not extension.totp_factory.verify_totp(asked["code"], secret, mine, window):
        remedy = "Send the six digits that the authenticator shows now."
        raise InputError([Problem("code", "The code is not right.", remedy, field="code")])
    current_security_store().tf_set(mine, "authenticator", totp_secret=secret)
    _signal(tf_profile_changed, user=mine, method="authenticator")
    _commit()
    tf_clean_session()  # type: ignore[no-untyped-call]
    return _answer()


@own_account_api.route("/account/factor", methods=["DELETE"])
@own_account_api.response(200, OwnAccountSchema)
@own_account_api.by_session
@delicate
@gated(Open.LOGGED_IN)
def drop_own_factor() -> ResponseReturnValue:
    """Remove the own second factor, unless a role demands one; without one nothing changes."""
    mine = current_user._get_current_object()
    if mine.check_tf_required_setup():
        message, remedy = "One of your roles needs a second factor.", "Set up another one instead."
        raise InputError([Problem("factor_needed", message, remedy)])
    if mine.has_second_factor:
        tf_disable(mine)
        _commit()
    return _answer()


@own_account_api.route("/account/recovery-codes", methods=["POST"])
@own_account_api.response(200, CodesSchema)
@own_account_api.by_session
@delicate
@gated(Open.LOGGED_IN)
def new_recovery_codes() -> ResponseReturnValue:
    """Make recovery codes, which replace the ones before, and tell them once."""
    extension = current_app.extensions["security"]
    codes = extension.mf_recovery_codes_util.create_recovery_codes(
        current_user._get_current_object()
    )
    _commit()
    return _once(jsonify(codes=codes))


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
    return _once(response)


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
    return _answer()


def _check_password(text: str) -> str:
    """Return the own password as it is compared; raises ``InputError`` where it is not that."""
    password: str = current_app.extensions["security"].password_util.normalize(text)
    if not password.strip() or not current_user.verify_and_update_password(password):
        message, remedy = "This is not the password.", "Type it again."
        raise InputError([Problem("password", message, remedy, field="password")])
    return password


def _checked_new(text: str, old: str) -> str:
    """Return a new password as it is stored; raises ``InputError`` with every fault."""
    util = current_app.extensions["security"].password_util
    faults, chosen = util.validate(text, False, user=current_user)
    remedy = "Choose another one."
    found = [
        Problem("new_password", Said("{fault}", fault=str(one)), remedy, field="new_password")
        for one in faults or ()
    ]
    if chosen == old:
        message = "The new password is the old one."
        found.append(Problem("same_password", message, remedy, field="new_password"))
    if found:
        raise InputError(found)
    return str(chosen)


def _commit() -> None:
    """Keep what Flask-Security did, with the lines of the history that came of it."""
    current_security_store().commit()  # type: ignore[no-untyped-call]


def _signal(signal: Any, **said: Any) -> None:
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    signal.send(app, _async_wrapper=current_app.ensure_sync, **said)


def _once(response: Response) -> Response:
    """Let nothing on the way keep an answer that holds a secret."""
    response.headers["Cache-Control"] = "no-store"
    return response


def _answer() -> Response:
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
