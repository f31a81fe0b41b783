"""The one-time link by which a household declares: the letter with it, and what it opens."""

import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urljoin

import qrcode
from flask import (
    Blueprint,
    Flask,
    abort,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup
from qrcode.image.svg import SvgPathImage
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission, Role
from cases.declarations import (
    OpenedLink,
    current_link,
    declare_by_link,
    declare_own,
    is_declarable,
    make_link,
    open_link,
    own_cases,
)
from cases.ledger import Moment
from cases.models import Case
from cases.policy import Policy
from cases.submissions import Answer
from gis.problems import InputError, Problem
from layers.db import EVERYWHERE, Scope
from layers.models import Community, Household
from layers.transactions import transact
from webmap.connections import current_database, current_settings
from webmap.forms import Filled, Form
from webmap.gates import Open, current_access, current_rights, gated, place_session
from webmap.pages.cases import PARTS, Opened, Part, open_case, show_case
from webmap.pages.submitting import led, sent_form, told
from webmap.submitting import Sent, submit_in
from webmap.throttle import make_limiter

declarations = Blueprint("declarations", __name__)

# Nobody types 22 random characters by trial; this keeps programs from trying.
TRIES = "60 per 15 minutes"


def init_declarations(app: Flask) -> None:
    """Limit how often an address may try links."""
    shared = make_limiter(app).shared_limit(TRIES, "declarations")
    for name in ("declarations.declare", "declarations.declared"):
        view: Any = app.view_functions[name]
        app.view_functions[name] = shared(view)


@declarations.post("/c/<place>/cases/<uuid:case_id>/declaration-link")
@gated(Permission.CASE_DECLARE)
def letter(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Make a link and show the letter with it; it is shown this once.

    It has no key to be sent again under: what is kept of an answer would hold the link.
    """
    try:
        page = transact(
            current_database(), current_access().scope, lambda session: _letter(session, case_id)
        )
    except InputError as error:
        with place_session() as session:
            return show_case(open_case(session, case_id), Filled.again(error)), 422
    return page


def _letter(session: Session, case_id: uuid.UUID) -> str:
    opened = open_case(session, case_id)
    token, link = make_link(session, opened.community, case_id, opened.signed())
    household = session.get_one(Household, (opened.community.id, opened.case.household_id))
    base = current_settings().public_url or request.url_root
    address = urljoin(base, url_for("declarations.declare", token=token))
    return render_template(
        "declaration_letter.html",
        community=opened.community,
        case=opened.case,
        household=household.ref,
        address=address,
        code=_code(address),
        until=Moment.of(opened.community, link.expires_at).day,
    )


@declarations.get("/d/<token>")
@gated(Open.PUBLIC)
def declare(token: str) -> ResponseReturnValue:
    """Show what a household is asked, without any name."""
    opened = _open(token)
    with current_database().session(Scope(frozenset({opened.community_id}))) as session:
        return _page(session, token, opened, Filled())


@declarations.post("/d/<token>")
@gated(Open.PUBLIC)
def declared(token: str) -> ResponseReturnValue:
    """Record that the household declares; the link is good once, which is its own key."""
    opened = _open(token)
    scope = Scope(frozenset({opened.community_id}))

    def work(session: Session) -> str:
        form = Form.of_request()
        note = form.text("note", needed=False)
        form.check()
        declare_by_link(session, opened, note)
        community = session.get_one(Community, opened.community_id)
        return render_template("declare.html", community=community, state="done")

    try:
        return transact(current_database(), scope, work)
    except InputError as error:
        with current_database().session(scope) as session:
            return _page(session, token, opened, Filled.again(error)), 422


@declarations.get("/my-household")
@gated(Open.LOGGED_IN)
def own() -> ResponseReturnValue:
    """Show a resident the cases of the own household, and what to declare."""
    with _residents_session() as session:
        return _own_page(session, Filled())


@declarations.post("/my-household")
@gated(Open.LOGGED_IN)
def declare_own_case() -> ResponseReturnValue:
    """Record that the own household clears."""
    try:
        form = Form.of_request()
        case_id, note = form.key("case"), form.text("note", needed=False)
        form.check()
        assert case_id is not None
        return _declare_own(case_id, note)
    except InputError as error:
        with _residents_session() as session:
            return _own_page(session, Filled.again(error)), 422


def _declare_own(case_id: uuid.UUID, note: str) -> ResponseReturnValue:
    """Declare for a case of the own household, once for each form that was shown."""

    def work(session: Session) -> Answer:
        declare_own(session, case_id, current_user.id, note)
        return led(redirect(url_for("declarations.own")))

    scope = _residents_scope()
    with current_database().session(scope) as session:
        community_id = session.scalar(select(Case.community_id).where(Case.id == case_id))
    # Of a case that is not there nothing is kept: the transaction tells so itself.
    sent = sent_form() if community_id is not None else Sent(None, None)
    return told(lambda: submit_in(community_id or 0, scope, sent, work))


def _residents_scope() -> Scope:
    """Return the communities where the account is a resident."""
    homes = [grant for grant in current_rights().grants if grant.role is Role.RESIDENT]
    return Scope(frozenset().union(*(grant.communities or () for grant in homes)))


def _residents_session() -> AbstractContextManager[Session]:
    return current_database().session(_residents_scope())


def _own_page(session: Session, filled: Filled) -> str:
    return render_template(
        "my_household.html",
        cases=own_cases(session, current_user.id),
        filled=filled,
        untouched=Filled(),
    )


def _open(token: str) -> OpenedLink:
    with current_database().session(EVERYWHERE) as session:
        opened = open_link(session, token)
    return opened if opened is not None else abort(404)


def _page(session: Session, token: str, opened: OpenedLink, filled: Filled) -> str:
    community = session.get_one(Community, opened.community_id)
    case = session.get_one(Case, (community.id, opened.case_id))
    ended = opened.problem(Moment.of(community, None).at)
    return render_template(
        "declare.html",
        community=community,
        state=_state(case, ended),
        token=token,
        filled=filled,
        until=Moment.of(community, opened.expires_at).day,
    )


def _state(case: Case, ended: Problem | None) -> str:
    """Return what a page says: used, too old, not asked any more, or open."""
    if ended is not None:
        return ended.code
    return "open" if is_declarable(case) else "not_declarable"


def _code(address: str) -> Markup:
    """Return an address as a QR code in SVG, drawn by us and free of any text."""
    drawn = qrcode.make(address, image_factory=SvgPathImage, border=1)
    return Markup(drawn.to_string(encoding="unicode"))


def _read(opened: Opened) -> Mapping[str, Any] | None:
    """Return what the panel shows, where the household of a case may declare."""
    may = Permission.CASE_DECLARE in opened.viewer.permissions
    if not may or not is_declarable(opened.case):
        return None
    return {
        "link": current_link(opened.session, opened.case),
        "days": Policy.of(opened.community.policy).declaration_days,
    }


PARTS.append(Part("case/parts/declaration.html", _read, rank=30))
