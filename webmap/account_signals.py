"""What Flask-Security did becomes lines of the account's history, in its own transaction."""

from typing import Any

from flask import Flask, after_this_request, current_app, flash, request, session
from flask.wrappers import Response
from flask_babel import gettext
from flask_login import user_logged_in, user_logged_out
from flask_security import (
    password_changed,
    password_reset,
    tf_code_confirmed,
    tf_disabled,
    tf_profile_changed,
    user_authenticated,
)

from cases.account_history import AccountAct, forget_addresses, record
from cases.models import Account
from cases.people import end_sessions
from layers.db import NOWHERE
from webmap.connections import current_database, current_settings
from webmap.gates import current_actor
from webmap.languages import LANGUAGES, remember_language


def connect_signals(app: Flask) -> None:
    """Listen to everything that belongs into the history."""
    user_logged_in.connect(_renew_session, app)
    user_logged_out.connect(_logged_out, app)
    user_authenticated.connect(_logged_in, app)
    password_changed.connect(_password_changed, app)
    password_reset.connect(_password_reset, app)
    tf_profile_changed.connect(_factor_set, app)
    tf_code_confirmed.connect(_code_confirmed, app)
    tf_disabled.connect(_factor_removed, app)


def _note(account: Account, act: AccountAct, **data: Any) -> None:
    """Append to the history together with what the view will commit."""
    store = current_app.extensions["security"].datastore.db.session
    record(store, account.id, act, current_actor(account), **data)


def _renew_session(_app: Flask, **_user: object) -> None:
    """Let no token from before a login open anything after it.

    The session itself is in the cookie, signed, and so is a new one with each change.
    """
    session.pop("csrf_token", None)


def _logged_out(_app: Flask, user: Account, **_more: object) -> None:
    """End every session of the account: a cookie that was copied is as good as its original."""
    session.pop("csrf_token", None)
    with current_database().session(NOWHERE) as store, store.begin():
        end_sessions(store.get_one(Account, user.id))
        record(store, user.id, AccountAct.LOGGED_OUT, current_actor(user))
    flash(gettext("Logged out, here and everywhere else."))


def _logged_in(_app: Flask, user: Account, authn_via: list[str] | None, **_more: object) -> None:
    if authn_via == ["change"]:
        return  # The same session goes on after a change of its password.
    _note(user, AccountAct.LOGGED_IN, second_factor=user.has_second_factor)
    # Whoever leaves an address lets older ones go, so that none outstays its term.
    with current_database().session(NOWHERE) as store, store.begin():
        forget_addresses(store, current_settings().address_days)
    if user.language in LANGUAGES:
        after_this_request(_speak(user.language))


def _speak(language: str) -> Any:
    def answer(response: Response) -> Response:
        return remember_language(response, language)

    return answer


def _password_changed(_app: Flask, user: Account, **_more: object) -> None:
    _note(user, AccountAct.PASSWORD_CHANGED)
    flash(gettext("The password has been changed. Your sessions elsewhere have ended."))


def _password_reset(_app: Flask, user: Account, **_more: object) -> None:
    _note(user, AccountAct.PASSWORD_RESET)
    flash(gettext("The new password holds. Log in with it."))


def _factor_set(_app: Flask, user: Account, **_more: object) -> None:
    _note(user, AccountAct.FACTOR_SET)
    flash(gettext("The second factor is set. Make recovery codes for the day it is lost."))


def _code_confirmed(_app: Flask, user: Account, **_more: object) -> None:
    """Tell a factor set at the login, because a role demands it, from a plain login."""
    if request.endpoint and session.get("tf_state") == "validating_profile":
        _factor_set(_app, user)


def _factor_removed(_app: Flask, user: Account, **_more: object) -> None:
    _note(user, AccountAct.FACTOR_REMOVED)
    flash(gettext("The second factor has been removed."))
