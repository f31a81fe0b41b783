"""How the own account logs in: its password, its second factor, its recovery codes.

What Flask-Security does on its pages is done here likewise: the same checks, the same
signals, the same session anew.
"""

import datetime as dt
from typing import Any

from flask import current_app, jsonify, session
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_security.changeable import change_user_password
from flask_security.signals import tf_profile_changed
from flask_security.tf_plugin import tf_clean_session
from flask_security.twofactor import tf_disable
from flask_wtf.csrf import generate_csrf
from marshmallow import Schema, fields

from gis.problems import InputError, Problem, Said
from webmap.accounts import current_security_store
from webmap.api.fields import Secret
from webmap.api.own_account import OwnAccountSchema, answer, once, own_account_api
from webmap.api.schemas import FailureSchema, says
from webmap.gates import Open, delicate, gated

LONGEST_CODE = 16


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
    return once(jsonify(csrf_token=generate_csrf()))


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
    return once(jsonify(key=key, uri=uri))


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
    return answer()


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
    return answer()


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
    return once(jsonify(codes=codes))


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
