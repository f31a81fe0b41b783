"""The clock of a case on its page: its deadline, its objections, and who answers."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from cases.access import Permission
from cases.deadlines import clock, extend, latest_extension, visit_due
from cases.ground import Ground
from cases.ledger import today
from cases.objections import (
    LEADS,
    Decision,
    Outcome,
    decide_objection,
    is_withdrawal_due,
    list_objections,
    lodge,
    open_objection,
    window_ends,
)
from cases.reassigning import reassign
from cases.workflow import MOVES, OBJECTION_STATES
from layers.models import Observation
from webmap.forms import Form
from webmap.gates import gated
from webmap.pages.cases import PARTS, Opened, Part, answer_form
from webmap.pages.typed import decision_words

clock_forms = Blueprint("clock", __name__)


@clock_forms.post("/c/<place>/cases/<uuid:case_id>/objections")
@gated(Permission.OBJECTION_LODGE)
def lodge_objection(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Record an objection."""

    def act(opened: Opened, form: Form) -> None:
        by, grounds = opened.signed_form(form), form.text("grounds")
        form.check()
        lodge(opened.session, opened.community, case_id, grounds, by)

    return answer_form(case_id, act)


@clock_forms.post("/c/<place>/cases/<uuid:case_id>/objections/decision")
@gated(Permission.OBJECTION_DECIDE)
def decide(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Decide the open objection."""

    def act(opened: Opened, form: Form) -> None:
        by, outcome = opened.signed_form(form), form.choice("outcome", Outcome)
        reason, document = form.text("reason"), form.text("document", needed=False, longest=64)
        form.check()
        assert outcome is not None
        decision = Decision.of(outcome, reason, document)
        decide_objection(opened.session, opened.community, case_id, decision, by)

    return answer_form(case_id, act)


@clock_forms.post("/c/<place>/cases/<uuid:case_id>/deadline")
@gated(Permission.CASE_EXTEND)
def extend_deadline(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Give the household more time."""

    def act(opened: Opened, form: Form) -> None:
        by, day, reason = opened.signed_form(form), form.day("deadline_on"), form.text("reason")
        form.check()
        assert day is not None
        extend(opened.session, opened.community, case_id, day, reason, by)

    return answer_form(case_id, act)


@clock_forms.post("/c/<place>/cases/<uuid:case_id>/answer")
@gated(Permission.CASE_READ)
def reassign_case(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Let another household answer for ground of the case; the function asks who may."""

    def act(opened: Opened, form: Form) -> None:
        by, household = opened.signed_form(form), form.text("household", longest=64)
        reason, seen = form.text("reason"), form.text("observation", needed=False, longest=64)
        form.check()
        reassign(
            opened.session,
            opened.community,
            case_id,
            household,
            reason,
            by,
            observation_ref=seen or None,
        )

    return answer_form(case_id, act)


def _deadline_part(opened: Opened) -> Mapping[str, Any] | None:
    session, community, case = opened.session, opened.community, opened.case
    shown = clock(community, case, today(community))
    if shown.deadline_on is None and shown.suspended_on is None:
        return None
    latest = latest_extension(session, community, case)
    may = Permission.CASE_EXTEND in opened.viewer.permissions
    return {
        "clock": shown,
        "visit_due": visit_due(community, case),
        "latest_on": latest if may else None,
    }


def _objections_part(opened: Opened) -> Mapping[str, Any] | None:
    session, community, case = opened.session, opened.community, opened.case
    objections = list_objections(session, community, case)
    outcomes = _outcomes(opened)
    allowed = opened.viewer.permissions
    may_lodge = Permission.OBJECTION_LODGE in allowed and case.state in OBJECTION_STATES
    if not objections and not may_lodge:
        return None
    return {
        "objections": objections,
        "today": today(community),
        "window_ends": window_ends(session, community, case),
        "outcomes": outcomes if Permission.OBJECTION_DECIDE in allowed else [],
        "may_lodge": may_lodge and not outcomes,
        "is_withdrawal_due": is_withdrawal_due(session, case),
    }


def _outcomes(opened: Opened) -> list[tuple[Outcome, str]]:
    """Return what may become of the open objection, with what each is called."""
    case = opened.case
    if open_objection(opened.session, case) is None:
        return []
    words = decision_words()
    ways = [one for one, state in LEADS.items() if (case.state, state) in MOVES]
    if case.state not in OBJECTION_STATES or _has_cleared(opened):
        ways = [Outcome.UPHELD]
    return [(one, words[one]) for one in (Outcome.REFUSED, *ways)]


def _has_cleared(opened: Opened) -> bool:
    ground = Ground(opened.session, opened.community, opened.case).encroachments()
    return any(one.cleared_on is not None for one in ground)


def _answer_part(opened: Opened) -> Mapping[str, Any] | None:
    allowed = {Permission.CASE_ASSIGN, Permission.CASE_VERIFY} & opened.viewer.permissions
    ground = Ground(opened.session, opened.community, opened.case).encroachments()
    if not allowed or not ground or any(one.cleared_on is not None for one in ground):
        return None
    refs = opened.session.scalars(
        select(Observation.ref)
        .where(
            Observation.community_id == opened.community.id,
            Observation.id.in_({one.observation_id for one in ground}),
        )
        .order_by(Observation.ref)
    )
    return {"observations": [(ref, ref) for ref in refs]}


_READ: tuple[tuple[str, Callable[[Opened], Mapping[str, Any] | None]], ...] = (
    ("deadline", _deadline_part),
    ("objections", _objections_part),
    ("answer", _answer_part),
)
PARTS.extend(Part(f"case/parts/{name}.html", read) for name, read in _READ)
