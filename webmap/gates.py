"""Who may call which route: each carries its gate, and one without is never answered."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_security.utils import check_and_update_authn_fresh
from sqlalchemy.orm import Session

from cases.access import Permission, Role
from cases.account_history import Actor
from cases.models import Account
from cases.people import Rights, limit, rights
from gis.problems import Problem
from layers.db import EVERYWHERE, Scope
from layers.features import Place, find_place
from webmap.bearers import PATHS, bearer
from webmap.connections import current_database, current_settings
from webmap.errors import Refused

View = TypeVar("View", bound=Callable[..., Any])


class Open(StrEnum):
    """Gates that ask for no permission."""

    PUBLIC = "public"
    LOGGED_IN = "logged in"
    CLOSED = "closed"


@dataclass(frozen=True)
class Anywhere:
    """The gate of what lies at no place: the permission, held wherever it be."""

    permission: Permission


Gate = Open | Permission | Anywhere

# Routes that libraries bring along.
FOREIGN: dict[str, Gate] = {
    "static": Open.PUBLIC,
    "security.login": Open.PUBLIC,
    "security.logout": Open.LOGGED_IN,
    "security.verify": Open.LOGGED_IN,
    "security.change_password": Open.LOGGED_IN,
    "security.forgot_password": Open.PUBLIC,
    "security.reset_password": Open.PUBLIC,
    # Who comes half-way through a login has no session yet; these look for that themselves.
    "security.two_factor_setup": Open.PUBLIC,
    "security.two_factor_token_validation": Open.PUBLIC,
    "security.mf_recovery": Open.PUBLIC,
    "security.mf_recovery_codes": Open.LOGGED_IN,
    # One kind of factor needs no choice, and messages no rescue; a setup ends with its code.
    "security.two_factor_setup_validate": Open.CLOSED,
    "security.two_factor_rescue": Open.CLOSED,
    "security.tf_select": Open.CLOSED,
}
# What somebody reaches whose role demands a second factor and who has none yet.
WITHOUT_FACTOR = frozenset(
    {
        "security.verify",
        "security.logout",
        "account.own",
        "api_own_account.begin_factor",
        "api_own_account.confirm_factor",
        "api_own_account.confirm_own_password",
        "api_own_account.own_account",
    }
)


@dataclass(frozen=True)
class Access:
    """The place of a request, and the part of it where the account may do what was asked."""

    place: Place
    scope: Scope
    rights: Rights


def gated(gate: Gate) -> Callable[[View], View]:
    """Mark a view with its gate: a permission at the place its address names, or open."""

    def mark(view: View) -> View:
        view.gate = gate  # type: ignore[attr-defined]
        return view

    return mark


def delicate(view: View) -> View:
    """Mark a view of the API that asks for a password given just now, as its page does."""
    view.delicate = True  # type: ignore[attr-defined]
    return view


def is_fresh() -> bool:
    """Tell whether the password of this session was given just now."""
    config = current_app.config
    within, grace = config["SECURITY_FRESHNESS"], config["SECURITY_FRESHNESS_GRACE_PERIOD"]
    return bool(check_and_update_authn_fresh(within, grace))


def gate_of(app: Flask, endpoint: str) -> Gate | None:
    """Return the gate of a route, ``None`` where somebody forgot it."""
    if endpoint in FOREIGN:
        return FOREIGN[endpoint]
    return getattr(app.view_functions[endpoint], "gate", None)


def enforce() -> ResponseReturnValue | None:
    """Stop a request that its account may not make.

    A place that is unknown and one outside the account's scope are the same
    404; 403 is for what a known place does not allow this account.
    """
    if request.endpoint is None:
        return None  # No route matched: Flask answers 404.
    gate = gate_of(current_app, request.endpoint)
    if gate is None:
        raise LookupError(f"the route {request.endpoint} has no gate")
    if gate is Open.PUBLIC:
        return None
    if gate is Open.CLOSED:
        abort(404)
    bearer()
    if not current_user.is_authenticated:
        abort(401)
    if not _has_factor_enough():
        if request.path.startswith(PATHS):
            abort(403)
        return redirect(url_for("security.two_factor_setup"))
    if isinstance(gate, Anywhere) and not current_rights().holds(gate.permission):
        abort(403)
    code = (request.view_args or {}).get("place")
    if isinstance(gate, Permission) and code is not None:
        g.access = _access(gate, code)
    view = current_app.view_functions[request.endpoint]
    if getattr(view, "delicate", False) and not is_fresh():
        raise Refused(_password_again())
    return None


def _password_again() -> Problem:
    message = "The password was given too long ago for this."
    remedy = "Send it to /api/v1/account/confirmation, then this again."
    return Problem("confirm_password", message, remedy)


def _has_factor_enough() -> bool:
    """Tell whether the account has the second factor that one of its roles demands.

    A role may be given while somebody is logged in, so each request asks anew.
    """
    roles = current_settings().second_factor_roles
    if not roles or bearer() is not None or current_user.has_second_factor:
        return True
    return request.endpoint in WITHOUT_FACTOR or not current_rights().roles & set(roles)


def current_rights() -> Rights:
    """Return what the account of this request may."""
    if "rights" not in g:
        with current_database().session(EVERYWHERE) as session:
            g.rights = rights(session, current_user.id)
    found: Rights = g.rights
    return found


def may_send(permission: Permission) -> bool:
    """Tell, before a form is read, whether its sender may send anything of that kind anywhere.

    What strangers send is held to the size of every other request.
    """
    return bool(current_user.is_authenticated) and current_rights().holds(permission)


def residents_scope() -> Scope:
    """Return the communities where the account of this request is a resident."""
    homes = [grant for grant in current_rights().grants if grant.role is Role.RESIDENT]
    return Scope(frozenset().union(*(grant.communities or () for grant in homes)))


def holds(permission: str) -> bool:
    """Tell a page whether whoever reads it has a permission anywhere."""
    return current_rights().holds(Permission(permission))


def current_actor(account: Account | None = None) -> Actor:
    """Return who acts in this request: the account logged in, or the one that logs in."""
    who = account or current_user
    return Actor(who.email, who.id, request.remote_addr or "")


def _access(permission: Permission, code: str) -> Access:
    if "\x00" in code:
        abort(404)  # PostgreSQL knows no such text.
    with current_database().session(EVERYWHERE) as session:
        place = find_place(session, code)
        mine = g.rights = rights(session, current_user.id)
    if place is None or not limit(mine.scope(), place.communities).communities:
        abort(404)
    scope = limit(mine.scope(permission), place.communities)
    if not scope.communities:
        abort(403)
    return Access(place, scope, mine)


def current_access() -> Access:
    """Return the place that the gate of this request let through."""
    access: Access = g.access
    return access


def place_session() -> AbstractContextManager[Session]:
    """Return a session that sees the place of this request and nothing else."""
    return current_database().session(current_access().scope)
