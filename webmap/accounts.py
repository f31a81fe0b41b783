"""Logging in and what belongs to it, by Flask-Security-Too over our own accounts and sessions."""

from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

from flask import Flask, abort, current_app, has_request_context, request, url_for
from flask_babel import lazy_gettext as _
from flask_security import (
    LoginForm,
    RoleMixin,
    Security,
    SQLAlchemySessionUserDatastore,
    UserMixin,
)
from flask_security.recoverable import generate_reset_password_token
from sqlalchemy.orm import Session, scoped_session

from cases.account_history import AccountAct, record
from cases.models import Account
from cases.people import SHORTEST_PASSWORD
from layers.config import Settings
from layers.db import NOWHERE
from layers.db import scoped_session as session_within
from webmap.account_signals import connect_signals
from webmap.bearers import Protection, init_bearers
from webmap.connections import current_database, current_settings
from webmap.factors import (
    Codes,
    FactorSetup,
    RecoveryCodes,
    Rescue,
    demanding_roles,
    factor_settings,
    needs_factor,
)
from webmap.gates import current_actor
from webmap.limits import LoginLimits
from webmap.mail import Mail

__all__ = ["Accounts", "LoginLimits", "User", "init_accounts", "reset_link"]

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
    "SECURITY_CHANGEABLE": True,
    "SECURITY_CHANGE_URL": "/account/password",
    "SECURITY_CHANGE_PASSWORD_TEMPLATE": "account/password.html",
    "SECURITY_POST_CHANGE_VIEW": "/account",
    "SECURITY_RECOVERABLE": True,
    "SECURITY_RESET_URL": "/reset",
    "SECURITY_RESET_PASSWORD_WITHIN": timedelta(days=1),
    "SECURITY_FORGOT_PASSWORD_TEMPLATE": "account/forgot.html",
    "SECURITY_RESET_PASSWORD_TEMPLATE": "account/reset.html",
    "SECURITY_POST_RESET_VIEW": "/login",
    # Before something delicate the password is asked for again.
    "SECURITY_FRESHNESS": timedelta(minutes=30),
    "SECURITY_FRESHNESS_GRACE_PERIOD": timedelta(minutes=30),
    "SECURITY_VERIFY_URL": "/account/verify",
    "SECURITY_VERIFY_TEMPLATE": "account/verify.html",
    "SECURITY_POST_VERIFY_VIEW": "/account",
    "SECURITY_TWO_FACTOR_SETUP_URL": "/account/factor",
    "SECURITY_TWO_FACTOR_SETUP_TEMPLATE": "account/factor.html",
    "SECURITY_TWO_FACTOR_POST_SETUP_VIEW": "/account",
    "SECURITY_TWO_FACTOR_TOKEN_VALIDATION_URL": "/login/code",
    "SECURITY_TWO_FACTOR_VERIFY_CODE_TEMPLATE": "account/code.html",
    "SECURITY_TWO_FACTOR_RESCUE_URL": "/login/rescue",
    "SECURITY_TWO_FACTOR_SELECT_URL": "/login/factor",
    "SECURITY_MULTI_FACTOR_RECOVERY_CODES_URL": "/account/recovery-codes",
    "SECURITY_MULTI_FACTOR_RECOVERY_CODES_TEMPLATE": "account/recovery_codes.html",
    "SECURITY_MULTI_FACTOR_RECOVERY_URL": "/login/recovery",
    "SECURITY_MULTI_FACTOR_RECOVERY_TEMPLATE": "account/recovery.html",
    "SECURITY_EMAIL_HTML": False,
    "SECURITY_EMAIL_TEMPLATE_PASSWORD_RESET": "account/mail/reset",
    "SECURITY_EMAIL_TEMPLATE_PASSWORD_RESET_NOTICE": "account/mail/changed",
    "SECURITY_EMAIL_TEMPLATE_PASSWORD_CHANGE_NOTICE": "account/mail/changed",
    "SECURITY_EMAIL_SUBJECT_PASSWORD_RESET": _("Common Green: choose a new password"),
    "SECURITY_EMAIL_SUBJECT_PASSWORD_NOTICE": _("Common Green: new password"),
    "SECURITY_EMAIL_SUBJECT_PASSWORD_CHANGE_NOTICE": _("Common Green: new password"),
    "SESSION_COOKIE_NAME": "commongreen",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
    "WTF_CSRF_TIME_LIMIT": None,
}
_MAILS = ("PASSWORD_RESET_EMAIL", "PASSWORD_RESET_NOTICE_EMAIL", "PASSWORD_CHANGE_EMAIL")


class User(UserMixin, Account):  # type: ignore[misc]
    """An account as Flask-Login knows it; the same table."""

    def check_tf_required(self, tf_setup_methods: list[Any], tf_fresh: bool) -> tuple[bool, Any]:
        """Ask for a code where there is a factor, or where a role demands one."""
        return bool(tf_setup_methods) or needs_factor(self), tf_setup_methods

    def check_tf_required_setup(self) -> bool:
        """Tell whether the factor may not be removed."""
        return needs_factor(self)

    def track_failed_authn(self, auth_type: str, tfa: bool = False) -> None:
        """Note a wrong code: whoever sends one knows the password."""
        if tfa:
            with current_database().session(NOWHERE) as session, session.begin():
                record(session, self.id, AccountAct.CODE_REFUSED, current_actor(self))


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

    def tf_reset(self, user: Any) -> None:
        """Forget the second factor with the codes that stand in for it."""
        super().tf_reset(user)
        user.totp_counter = user.mf_recovery_codes = None


def init_accounts(app: Flask, settings: Settings, limits: LoginLimits) -> None:
    """Add log in and out, passwords, second factors, tokens, CSRF and the limits on tries.

    The session's cookie, or for data an access token, is all that opens anything.
    """
    demanding_roles(settings)  # A name of no role is refused before anything is served.
    has_mail = settings.mail_server is not None
    app.config.update(SECURITY, **factor_settings(app.config["SECRET_KEY"]))
    app.config.update({f"SECURITY_SEND_{name}": has_mail for name in _MAILS})
    sessions: scoped_session[Session] = scoped_session(_account_session)  # type: ignore[arg-type]
    app.teardown_appcontext(lambda _error: sessions.remove())
    init_bearers(app, limits)
    Protection(app)
    app.before_request(_take_forms_only)
    # Roles are memberships with a place (cases.people), which its own know nothing of.
    security = Security(
        app,
        Accounts(sessions, User, RoleMixin),
        login_form=Login,
        two_factor_setup_form=FactorSetup,
        two_factor_rescue_form=Rescue,
        mail_util_cls=Mail,
        totp_cls=Codes,
        mf_recovery_codes_util_cls=RecoveryCodes,
    )
    # It would read the account before every answer, also before a script or a picture;
    # the gates read it where it is asked for.
    security.principal.identity_loaders.clear()
    # Its tokens would stay good after logging out and be read from every address and
    # body; so no request is asked for one, and no login answers with one.
    app.login_manager.request_loader(lambda _request: None)  # type: ignore[attr-defined]
    security.want_json(lambda _request: False)
    app.add_template_global(reset_address)
    connect_signals(app)


def _account_session() -> Session:
    return session_within(current_database().engine, NOWHERE)


def _take_forms_only() -> None:
    """Refuse JSON where somebody logs in: the limits count what a form holds."""
    if request.blueprint == "security" and request.is_json:
        abort(415)


def reset_link(email: str) -> str:
    """Return the address by which the owner of an account sets a password anew, once."""
    user = current_security_store().find_user(email=email)
    assert user is not None
    token: str = generate_reset_password_token(user)  # type: ignore[no-untyped-call]
    return reset_address(token)


def reset_address(token: str) -> str:
    """Return where a reset token leads.

    The address that people use is a setting: the one in a request's Host header is
    chosen by whoever asks, and a message with it would hand them the token. Who reads
    the link on the page is at the right address already.
    """
    settings = current_settings()
    here = request.host_url if has_request_context() else f"http://{settings.host}:{settings.port}/"
    base = f"{settings.public_url}/" if settings.public_url else here
    return urljoin(base, url_for("security.reset_password", token=token, _external=False))


def current_security_store() -> Accounts:
    """Return Flask-Security's store of the running application."""
    store = current_app.extensions["security"].datastore
    assert isinstance(store, Accounts)
    return store
