"""Logging in and out, by Flask-Security-Too over our own accounts and sessions."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from flask import Flask, Response, abort, request, session
from flask.typing import ResponseReturnValue
from flask_limiter.util import get_remote_address
from flask_login import user_logged_in, user_logged_out
from flask_security import (
    EmailValidateException,
    LoginForm,
    MailUtil,
    RoleMixin,
    Security,
    SQLAlchemySessionUserDatastore,
    UserMixin,
)
from flask_wtf import CSRFProtect
from sqlalchemy.orm import Session, scoped_session

from cases.models import Account
from cases.people import SHORTEST_PASSWORD, normal_email
from layers.db import NOWHERE
from layers.db import scoped_session as session_within
from webmap.connections import current_database
from webmap.throttle import make_limiter

SECURITY = {
    "SECURITY_PASSWORD_HASH": "argon2",
    "SECURITY_PASSWORD_SCHEMES": ["argon2"],
    # argon2 salts each hash by itself. A pepper beside the database would make every
    # backup of the database alone useless.
    "SECURITY_PASSWORD_SINGLE_HASH": True,
    "SECURITY_PASSWORD_LENGTH_MIN": SHORTEST_PASSWORD,
    "SECURITY_RETURN_GENERIC_RESPONSES": True,
    "SECURITY_LOGIN_USER_TEMPLATE": "login.html",
    "SECURITY_LOGOUT_METHODS": ["POST"],
    "SECURITY_POST_LOGIN_VIEW": "/",
    "SECURITY_POST_LOGOUT_VIEW": "/login",
    "SECURITY_FLASH_MESSAGES": False,
    "SECURITY_STATIC_FOLDER": None,
    "SECURITY_CLI_USERS_NAME": False,
    "SECURITY_CLI_ROLES_NAME": False,
    "SECURITY_JOIN_USER_ROLES": False,
    "SESSION_COOKIE_NAME": "commongreen",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
    "WTF_CSRF_TIME_LIMIT": None,
}


@dataclass(frozen=True)
class LoginLimits:
    """How many failed logins are let through, in Flask-Limiter's words.

    The pair of account and address is narrow; the account alone is wide, so
    that a stranger cannot easily lock its owner out, and the address too, for
    an office stands behind one.
    """

    pair: str = "5 per 5 minutes"
    account: str = "50 per hour"
    address: str = "100 per 15 minutes"


class User(UserMixin, Account):  # type: ignore[misc]
    """An account as Flask-Login knows it; the same table."""


class Addresses(MailUtil):
    """Reads addresses as the accounts store them; an intranet's need no public domain."""

    def normalize(self, email: str) -> str:
        """Return the address as it is stored."""
        try:
            return normal_email(email)
        except ValueError as error:
            raise EmailValidateException(str(error)) from error

    def validate(self, email: str) -> str:
        """Return the address as it is stored."""
        return self.normalize(email)


class Login(LoginForm):
    """The form to log in by, for one session: it cannot ask to be remembered for a year."""

    remember = None


class Accounts(SQLAlchemySessionUserDatastore):
    """Flask-Security's store over sessions that see no community at all."""

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> User | None:
        """Return one account and give the connection back at once.

        Addresses are stored in lower case, so the index on them serves every spelling.
        """
        user = super().find_user(case_insensitive=False, **kwargs)
        self.db.session.commit()
        assert user is None or isinstance(user, User)
        return user


def init_accounts(app: Flask, limits: LoginLimits) -> None:
    """Add log in, log out, CSRF protection and the limits on failed logins.

    The session's cookie is the only thing that opens a page.
    """
    app.config.update(SECURITY)
    sessions: scoped_session[Session] = scoped_session(_account_session)  # type: ignore[arg-type]
    app.teardown_appcontext(lambda _error: sessions.remove())
    CSRFProtect(app)
    # Roles are memberships with a place (cases.people), which its own know nothing of.
    security = Security(
        app, Accounts(sessions, User, RoleMixin), login_form=Login, mail_util_cls=Addresses
    )
    # It would read the account before every answer, also before a script or a picture;
    # the gates read it where it is asked for.
    security.principal.identity_loaders.clear()
    # Its tokens would stay good after logging out and be read from every address and
    # body; so no request is asked for one, and no login answers with one.
    app.login_manager.request_loader(lambda _request: None)  # type: ignore[attr-defined]
    security.want_json(lambda _request: False)
    user_logged_in.connect(_renew_session, app)
    user_logged_out.connect(_renew_session, app)
    _limit_logins(app, limits)
    _take_forms_only(app)


def _renew_session(_app: Flask, **_user: object) -> None:
    """Let no token from before a login or logout open anything after it.

    The session itself is in the cookie, signed, and so is a new one with each change.
    """
    session.pop("csrf_token", None)


def _account_session() -> Session:
    return session_within(current_database().engine, NOWHERE)


def _limit_logins(app: Flask, limits: LoginLimits) -> None:
    limiter = make_limiter(app)
    view: Any = app.view_functions["security.login"]
    for limit, key in (
        (limits.address, get_remote_address),
        (limits.account, _account_key),
        (limits.pair, _pair_key),
    ):
        view = limiter.limit(limit, key_func=key, methods=["POST"], deduct_when=_failed)(view)
    app.view_functions["security.login"] = view


def _take_forms_only(app: Flask) -> None:
    """Refuse a login as JSON: the limits count what a form holds."""
    login: Any = app.view_functions["security.login"]

    def take_form() -> ResponseReturnValue:
        return abort(415) if request.is_json else cast(ResponseReturnValue, login())

    app.view_functions["security.login"] = take_form


def _failed(response: Response) -> bool:
    """Tell a login that was refused from one that led on, and from a failure of ours."""
    return response.status_code != 302 and response.status_code < 500


def _account_key() -> str:
    """Return the address as accounts store it, so that no other spelling has its own count."""
    try:
        return normal_email(request.form.get("email", ""))
    except ValueError:
        return "no address"  # No account has it; an empty key would not be counted.


def _pair_key() -> str:
    return f"{get_remote_address()} {_account_key()}"
