"""Who comes with a token instead of a session: QGIS and scripts, and only for data.

A request with a token is that of the token's account alone: its cookies are not read,
it sets none, and no other site can send it, so it needs no CSRF token.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, request
from flask_wtf import CSRFProtect
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import TooManyRequests, Unauthorized

from cases.tokens import PREFIX, Bearer, open_by_token
from gis.problems import Problem
from layers.db import NOWHERE
from webmap.connections import current_database
from webmap.errors import Refused
from webmap.limits import LoginLimits, refused_token

View = TypeVar("View", bound=Callable[..., Any])

# What tokens open: data for programs. Pages, and accounts above all, want a session.
API = "/api/v1/"
PATHS = (API, "/tiles/", "/ogc/")
READING = {"GET", "HEAD", "OPTIONS"}


def by_session(view: View) -> View:
    """Mark a view as one that no token opens, not even one that may write.

    Whoever took a token would else make of it a better one, or keep its owner out.
    """
    view.by_session = True  # type: ignore[attr-defined]
    return view


class Protection(CSRFProtect):  # type: ignore[misc]
    """Asks every change for its CSRF token, unless it comes with an access token."""

    def protect(self, apply_exemptions: bool = False) -> None:
        """Raise ``CSRFError`` where another site may have sent the request."""
        if bearer() is None:
            super().protect(apply_exemptions=apply_exemptions)


def init_bearers(app: Flask, limits: LoginLimits) -> None:
    """Let tokens open what they open; the rest of the program asks Flask-Login as ever."""
    app.extensions["commongreen-limits"] = limits


def bearer() -> Bearer | None:
    """Return what the request's token opens, ``None`` for a request without one.

    Raises ``Unauthorized`` for a token that opens nothing and ``Forbidden`` for one
    that may only read, and for every one where a session is needed.
    """
    if "bearer" not in g:
        g.bearer = _read()
    found: Bearer | None = g.bearer
    return found


def _read() -> Bearer | None:
    secret, is_basic = _secret()
    if secret is None or not request.path.startswith(PATHS):
        return None
    with current_database().session(NOWHERE) as session, session.begin():
        found = open_by_token(session, secret)
    if found is None:
        _refuse()
    assert found is not None
    if getattr(current_app.view_functions.get(request.endpoint or ""), "by_session", False):
        raise Refused(_no_token_does())
    if request.method not in READING and (
        is_basic or not found.may_write or not request.path.startswith(API)
    ):
        abort(403)
    account = current_app.extensions["security"].datastore.find_user(id=found.account_id)
    # Flask-Login asks the session first; this request is the token's, whatever cookie it has.
    current_app.login_manager._update_request_context_with_user(account)  # type: ignore[attr-defined]
    return found


def _secret() -> tuple[str | None, bool]:
    """Return the token of the request, and whether it came as a password, as QGIS sends it."""
    sent = request.authorization
    if sent is None:
        return None, False
    is_basic = sent.type == "basic"
    secret = sent.password if is_basic else sent.token if sent.type == "bearer" else None
    return (secret if secret and secret.startswith(PREFIX) else None), is_basic


def _no_token_does() -> Problem:
    message = "An access token changes no account."
    remedy = "Log in, and send the session's cookie with X-CSRFToken."
    return Problem("by_session", message, remedy, field="Authorization")


def _refuse() -> None:
    if refused_token(current_app.extensions["commongreen-limits"]):
        raise TooManyRequests
    raise Unauthorized(www_authenticate=WWWAuthenticate("basic", {"realm": "Common Green"}))
