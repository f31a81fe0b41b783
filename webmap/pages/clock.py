"""The clock of a case: its deadline, its objections, and who answers."""

import datetime as dt
import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.casework import StaleVersion
from cases.deadlines import Clock, clock, extend, latest_extension
from cases.ground import Ground
from cases.ledger import today
from cases.models import Campaign, Case
from cases.objections import (
    Decision,
    decide_objection,
    list_objections,
    lodge,
    open_objection,
    window_ends,
)
from cases.parcel_file import case_number
from cases.reassigning import reassign
from cases.signing import Signature
from cases.workflow import MOVES, OBJECTION_STATES, State
from gis.problems import InputError
from layers.models import Community, Household, Observation
from webmap.forms import Filled, Form
from webmap.gates import current_access, gated, place_session

clock_pages = Blueprint("clock", __name__)

Act = Callable[[Session, Community, Case, Signature, Form], None]


class Outcome(enum.StrEnum):
    """What may become of an objection, as the form offers it."""

    REFUSED = "refused"
    REJECTED = "rejected"
    SUSPECTED = "suspected"
    UPHELD = "upheld"


@dataclass(frozen=True)
class View:
    """Everything that the page of a clock shows.

    ``latest_on`` is the last day that an extension may reach, ``None`` where none may
    be given; ``outcomes`` are those of the open objection, empty where there is none.
    """

    place: str
    case: Case
    number: str
    household: str
    today: dt.date
    clock: Clock
    window_ends: dt.date | None
    objections: list[dict[str, Any]]
    outcomes: list[Outcome]
    latest_on: dt.date | None
    observations: list[str]
    allowed: frozenset[Permission]

    @property
    def observation_choices(self) -> list[tuple[str, str]]:
        """Return the observations as a form offers them."""
        return [(one, one) for one in self.observations]

    @property
    def may_object(self) -> bool:
        """Return whether the household can object now, and somebody here may record it."""
        return (
            Permission.OBJECTION_LODGE in self.allowed
            and self.case.state in OBJECTION_STATES
            and not self.outcomes
        )

    @property
    def may_decide(self) -> bool:
        """Return whether an objection waits for somebody like this account."""
        return Permission.OBJECTION_DECIDE in self.allowed and bool(self.outcomes)

    @property
    def may_extend(self) -> bool:
        """Return whether the deadline can be moved by this account."""
        return Permission.CASE_EXTEND in self.allowed and self.latest_on is not None

    @property
    def may_reassign(self) -> bool:
        """Return whether ground can be laid to another household by this account."""
        allowed = {Permission.CASE_ASSIGN, Permission.CASE_VERIFY} & self.allowed
        return bool(allowed and self.observations)


@dataclass(frozen=True)
class Forms:
    """The forms of the page as they were filled in, one of them perhaps refused."""

    filled: Mapping[str, Filled] = field(default_factory=dict)
    is_stale: bool = False

    def __getitem__(self, name: str) -> Filled:
        """Return a form by its name; one that nobody sent is empty."""
        return self.filled.get(name, Filled())


@clock_pages.get("/c/<place>/cases/<uuid:case_id>/clock")
@gated(Permission.CASE_READ)
def case_clock(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Show the clock of a case, and what may be done about it."""
    return _page(case_id, Forms())


@clock_pages.post("/c/<place>/cases/<uuid:case_id>/objections")
@gated(Permission.OBJECTION_LODGE)
def lodge_objection(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Record an objection."""

    def act(session: Session, community: Community, case: Case, by: Signature, form: Form) -> None:
        grounds = form.text("grounds")
        form.check()
        lodge(session, community, case.id, grounds, by)

    return _answer(case_id, "lodge", act)


@clock_pages.post("/c/<place>/cases/<uuid:case_id>/objections/decision")
@gated(Permission.OBJECTION_DECIDE)
def decide(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Decide the open objection."""

    def act(session: Session, community: Community, case: Case, by: Signature, form: Form) -> None:
        outcome = form.choice("target", Outcome)
        reason, document = form.text("reason"), form.text("document", longest=64)
        form.check()
        assert outcome is not None
        leads = {Outcome.REJECTED: State.REJECTED, Outcome.SUSPECTED: State.SUSPECTED}
        upheld = outcome is not Outcome.REFUSED
        decision = Decision(upheld, reason, document, leads.get(outcome))
        decide_objection(session, community, case.id, decision, by)

    return _answer(case_id, "decide", act)


@clock_pages.post("/c/<place>/cases/<uuid:case_id>/deadline")
@gated(Permission.CASE_EXTEND)
def extend_deadline(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Give the household more time."""

    def act(session: Session, community: Community, case: Case, by: Signature, form: Form) -> None:
        day, reason = form.day("deadline_on"), form.text("reason")
        form.check()
        assert day is not None
        extend(session, community, case.id, day, reason, by)

    return _answer(case_id, "extend", act)


@clock_pages.post("/c/<place>/cases/<uuid:case_id>/answer")
@gated(Permission.CASE_READ)
def reassign_case(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Let another household answer for ground of the case."""

    def act(session: Session, community: Community, case: Case, by: Signature, form: Form) -> None:
        household, reason = form.text("household", longest=64), form.text("reason")
        seen = form.text("observation", needed=False, longest=64) or None
        form.check()
        reassign(session, community, case.id, household, reason, by, observation_ref=seen)

    return _answer(case_id, "reassign", act)


def clock_view(session: Session, community: Community, case: Case) -> View:
    """Return what the clock of a case shows to the account of this request."""
    campaign = session.get_one(Campaign, (community.id, case.campaign_id))
    household = session.get_one(Household, (community.id, case.household_id))
    day = today(community)
    return View(
        place=community.code,
        case=case,
        number=case_number(community.code, campaign.started_on.year, case.number),
        household=household.ref,
        today=day,
        clock=clock(community, case, day),
        window_ends=window_ends(session, community, case),
        objections=list_objections(session, community, case),
        outcomes=_outcomes(session, community, case),
        latest_on=latest_extension(session, community, case),
        observations=_observations(session, community, case),
        allowed=current_access().rights.permissions(community.id),
    )


def outcome_choices(outcomes: Sequence[Outcome]) -> list[tuple[Outcome, str]]:
    """Return the outcomes of an objection with what each is called."""
    words = {
        Outcome.REFUSED: gettext("Not upheld: the clock runs on"),
        Outcome.REJECTED: gettext("Upheld: the case is rejected"),
        Outcome.SUSPECTED: gettext("Upheld: verify the ground again"),
        Outcome.UPHELD: gettext("Upheld: its observation will be withdrawn"),
    }
    return [(one, words[one]) for one in outcomes]


def _outcomes(session: Session, community: Community, case: Case) -> list[Outcome]:
    if open_objection(session, case) is None:
        return []
    found = Ground(session, community, case).encroachments()
    if case.state not in OBJECTION_STATES or any(one.cleared_on for one in found):
        return [Outcome.REFUSED, Outcome.UPHELD]
    ways = [one for one in (Outcome.REJECTED, Outcome.SUSPECTED) if _leads(case, one)]
    return [Outcome.REFUSED, *ways]


def _leads(case: Case, outcome: Outcome) -> bool:
    return (case.state, State(outcome)) in MOVES


def _observations(session: Session, community: Community, case: Case) -> list[str]:
    """Return the refs of what was observed on the case's ground, unless some was cleared."""
    found = Ground(session, community, case).encroachments()
    if any(one.cleared_on for one in found):
        return []
    ids = {one.observation_id for one in found}
    refs = select(Observation.ref).where(
        Observation.community_id == community.id, Observation.id.in_(ids)
    )
    return list(session.scalars(refs.order_by(Observation.ref)))


def _answer(case_id: uuid.UUID, name: str, act: Act) -> ResponseReturnValue:
    """Do what a form asks and show the clock; refused, show the form as it was filled in."""
    form = Form.of_request()
    version = form.number("version", least=1, most=2**31 - 1)
    access = current_access()
    allowed = access.rights.permissions(access.place.id)
    by = Signature(current_user.email, permissions=allowed, version=version)
    try:
        with place_session() as session, session.begin():
            community, case = _found(session, case_id)
            act(session, community, case, by, form)
    except InputError as error:
        return _page(case_id, Forms({name: Filled.again(error)})), 422
    except StaleVersion:
        return _page(case_id, Forms({name: Filled(request.form)}, is_stale=True)), 412
    return redirect(url_for("clock.case_clock", place=access.place.code, case_id=case_id))


def _page(case_id: uuid.UUID, forms: Forms) -> str:
    with place_session() as session:
        community, case = _found(session, case_id)
        view = clock_view(session, community, case)
    choices = outcome_choices(view.outcomes)
    return render_template("case/clock.html", view=view, forms=forms, outcomes=choices)


def _found(session: Session, case_id: uuid.UUID) -> tuple[Community, Case]:
    place = current_access().place
    community = session.get(Community, place.id) if place.is_community else None
    case = session.get(Case, (place.id, case_id)) if community is not None else None
    if community is None or case is None:
        abort(404)
    return community, case
