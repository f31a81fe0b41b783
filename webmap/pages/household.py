"""The own household of a resident: its cases, its papers, and what it says about them."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date, gettext
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.declarations import declare_own
from cases.documents import number_of
from cases.models import Case, DocumentRecord
from cases.own_household import OwnEvent, OwnSheet, object_own, own_paper, own_sheets
from cases.papers.files import WRITERS
from cases.papers.words import LANGUAGES
from cases.submissions import Answer
from cases.workflow import State
from gis.problems import InputError
from webmap.connections import current_database
from webmap.forms import Filled, Form
from webmap.gates import Open, gated, residents_scope
from webmap.languages import current_language
from webmap.pages.submitting import led, sent_form, told
from webmap.papers import send_paper
from webmap.submitting import Sent, submit_in
from webmap.words import word

household = Blueprint("household", __name__)

Act = Callable[[Session, uuid.UUID], object]


@household.get("/my-household")
@gated(Open.LOGGED_IN)
def own() -> ResponseReturnValue:
    """Show a resident the cases of the own household."""
    with _session() as session:
        return _page(session, Filled())


@household.post("/my-household")
@gated(Open.LOGGED_IN)
def declare() -> ResponseReturnValue:
    """Record that the own household clears."""

    def read(form: Form) -> Act:
        note = form.text("note", needed=False)
        return lambda session, case_id: declare_own(session, case_id, current_user.id, note)

    return _answer(read)


@household.post("/my-household/objections")
@gated(Open.LOGGED_IN)
def object_to() -> ResponseReturnValue:
    """Record an objection of the own household."""

    def read(form: Form) -> Act:
        grounds = form.text("grounds")
        return lambda session, case_id: object_own(session, case_id, current_user.id, grounds)

    return _answer(read)


@household.get("/my-household/papers/<uuid:paper_id>.<kind>")
@gated(Open.LOGGED_IN)
def paper(paper_id: uuid.UUID, kind: str) -> ResponseReturnValue:
    """Send a paper that was addressed to the own household."""
    language = request.args.get("in", current_language())
    if kind not in WRITERS or language not in LANGUAGES:
        abort(404)

    def find(session: Session) -> DocumentRecord:
        return own_paper(session, current_user.id, paper_id) or abort(404)

    return send_paper(find, language, kind, residents_scope())


def _answer(read: Callable[[Form], Act]) -> ResponseReturnValue:
    """Do what a form of the page says about a case, once for each form that was shown."""
    try:
        form = Form.of_request()
        act, case_id = read(form), form.key("case")
        form.check()
        assert case_id is not None
        return _submit(case_id, act)
    except InputError as error:
        with _session() as session:
            return _page(session, Filled.again(error)), 422


def _submit(case_id: uuid.UUID, act: Act) -> ResponseReturnValue:
    def work(session: Session) -> Answer:
        act(session, case_id)
        return led(redirect(url_for("household.own", _anchor=f"case-{case_id}")))

    scope = residents_scope()
    with current_database().session(scope) as session:
        community_id = session.scalar(select(Case.community_id).where(Case.id == case_id))
    # Of a case that is not there nothing is kept: the transaction tells so itself.
    sent = sent_form() if community_id is not None else Sent(None, None)
    return told(lambda: submit_in(community_id or 0, scope, sent, work))


def _session() -> AbstractContextManager[Session]:
    return current_database().session(residents_scope())


def _page(session: Session, filled: Filled) -> str:
    return render_template(
        "my_household.html",
        sheets=own_sheets(session, current_user.id),
        number_of=number_of,
        title_of=_title,
        meaning=_meaning,
        filled_of=lambda sheet, name: _filled_of(filled, sheet, name),
    )


def _filled_of(filled: Filled, sheet: OwnSheet, name: str) -> Filled:
    """Return what was typed into one form of one case."""
    is_it = filled.value("case") == str(sheet.own.case.id) and filled.value("form") == name
    return filled if is_it else Filled()


def _title(event: OwnEvent) -> str:
    title = word("state", event.state) if event.state else word("event", event.event)
    if event.deadline_on is None:
        return title
    return f"{title}: {format_date(event.deadline_on, 'medium')}"


def _meaning(state: State) -> str:
    """Return what a state means to the household, and what comes next."""
    texts: dict[State, Any] = {
        State.SUSPECTED: gettext(
            "A survey saw something on common green at your home. Somebody comes to check it."
            " Nothing is asked of you yet."
        ),
        State.VERIFIED: gettext(
            "It was checked: ground of all owners is enclosed at your home. You may clear it"
            " now; otherwise an announcement names a deadline."
        ),
        State.REJECTED: gettext("The case was dropped. Nothing is asked of you."),
        State.ANNOUNCED: gettext(
            "The announcement is out. You are asked to clear the ground by the deadline."
            " Your lane housekeeper will call on you."
        ),
        State.VISITED: gettext(
            "Your lane housekeeper has spoken with you. You are asked to clear the ground by"
            " the deadline."
        ),
        State.SIGNED: gettext("You have signed that you clear the ground by the deadline."),
        State.DECLINED: gettext(
            "It is recorded that you do not want to clear. You can still change your mind."
            " Nobody clears without your consent; after the deadline the case may go to the"
            " authority or to a claim of the owners."
        ),
        State.SELF_CLEARING: gettext(
            "You are clearing. Somebody comes to look whether the ground is clear."
        ),
        State.ASSISTED: gettext("You are being helped to clear, as you agreed in writing."),
        State.REFERRED: gettext(
            "The case lies with the authority or is a claim of the owners. You can still"
            " clear, and still object."
        ),
        State.INSPECTED: gettext(
            "Somebody has looked at the ground. A second person now decides whether it is accepted."
        ),
        State.ACCEPTED: gettext("Your clearance was accepted by two people. Thank you."),
        State.MONITORING: gettext(
            "The ground is clear. For a year somebody passes by now and then to see that it"
            " stays so."
        ),
        State.CLOSED: gettext("The case is closed. Nothing is asked of you."),
        State.REBOUND: gettext(
            "Ground that was cleared is taken again. You may clear it now; otherwise it is"
            " announced anew."
        ),
    }
    return str(texts[state])
