"""The one-time link by which a household declares: the letter with it, and what it opens."""

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import qrcode
from flask import (
    Blueprint,
    Flask,
    abort,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from qrcode.image.svg import SvgPathImage
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.declarations import (
    OpenedLink,
    current_link,
    declare_by_link,
    is_declarable,
    make_link,
    open_link,
)
from cases.ledger import Moment
from cases.models import Case
from cases.policy import Policy
from gis.problems import InputError, Problem
from layers.db import EVERYWHERE, Scope
from layers.models import Community, Household
from layers.transactions import transact
from webmap.connections import current_database, current_settings
from webmap.forms import Filled, Form
from webmap.gates import Open, current_access, gated, place_session
from webmap.pages.cases import PARTS, Opened, Part, open_case, show_case
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
