"""Who may call which route: each carries its gate, and one without is never answered."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, request
from flask_login import current_user
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.people import Rights, limit, rights
from layers.db import EVERYWHERE, Scope
from layers.features import Place, find_place
from webmap.connections import current_database

View = TypeVar("View", bound=Callable[..., Any])


class Open(StrEnum):
    """Gates that ask for no permission."""

    PUBLIC = "public"
    LOGGED_IN = "logged in"
    CLOSED = "closed"


Gate = Open | Permission

# Routes that libraries bring along.
FOREIGN: dict[str, Gate] = {
    "static": Open.PUBLIC,
    "security.login": Open.PUBLIC,
    "security.logout": Open.LOGGED_IN,
    # Asks again for the password before something delicate, of which there is nothing yet.
    "security.verify": Open.CLOSED,
}


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


def gate_of(app: Flask, endpoint: str) -> Gate | None:
    """Return the gate of a route, ``None`` where somebody forgot it."""
    if endpoint in FOREIGN:
        return FOREIGN[endpoint]
    return getattr(app.view_functions[endpoint], "gate", None)


def enforce() -> None:
    """Stop a request that its account may not make.

    A place that is unknown and one outside the account's scope are the same
    404; 403 is for what a known place does not allow this account.
    """
    if request.endpoint is None:
        return  # No route matched: Flask answers 404.
    gate = gate_of(current_app, request.endpoint)
    if gate is None:
        raise LookupError(f"the route {request.endpoint} has no gate")
    if gate is Open.PUBLIC:
        return
    if gate is Open.CLOSED:
        abort(404)
    if not current_user.is_authenticated:
        abort(401)
    code = (request.view_args or {}).get("place")
    if isinstance(gate, Permission) and code is not None:
        g.access = _access(gate, code)


def _access(permission: Permission, code: str) -> Access:
    if "\x00" in code:
        abort(404)  # PostgreSQL knows no such text.
    with current_database().session(EVERYWHERE) as session:
        place = find_place(session, code)
        mine = rights(session, current_user.id)
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
