"""One observed enclosure: who answers for it, and its withdrawal; and those that wait."""

import uuid
from collections.abc import Callable

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.decisions import MAY_DECIDE, cases_of, decide, may_not_withdraw, withdraw
from cases.enclosures import Enclosure, find_enclosure, undecided
from cases.field.captured import captured_as
from cases.field.evidence import observation_photographs
from cases.photographs import Shown
from cases.signing import Signature
from gis.problems import InputError
from layers.places import lock_community
from webmap.forms import Filled, Form
from webmap.gates import gated
from webmap.pages.cases import drawn
from webmap.pages.named import naming
from webmap.pages.opened import OpenedPlace, open_place, show
from webmap.pages.submitting import submit_form

enclosures = Blueprint("enclosures", __name__)


class StaleEnclosure(Exception):
    """Somebody has decided something about the enclosure since the form was shown."""


@enclosures.get("/c/<place>/observations")
@gated(Permission.MAP_READ)
def undecided_list(place: str) -> ResponseReturnValue:
    """List the enclosures for which a person must say who answers."""

    def page(opened: OpenedPlace) -> str:
        return render_template(
            "enclosures.html",
            community=opened.community,
            waiting=undecided(opened.session, opened.community),
            may_decide=bool(opened.viewer.permissions & MAY_DECIDE),
        )

    return show(page)


@enclosures.get("/c/<place>/observations/<uuid:observation_id>")
@gated(Permission.MAP_READ)
def enclosure(place: str, observation_id: uuid.UUID) -> ResponseReturnValue:
    """Show an observation with its ground."""
    return show(lambda opened: _page(opened, _found(opened, observation_id)))


@enclosures.post("/c/<place>/observations/<uuid:observation_id>/answer")
@gated(Permission.MAP_READ)
def decide_answer(place: str, observation_id: uuid.UUID) -> ResponseReturnValue:
    """Let a household answer; the function asks who may."""

    def act(opened: OpenedPlace, shown: Enclosure, form: Form) -> str:
        household, reason = form.text("household", longest=64), form.text("reason")
        session, community, by = opened.session, opened.community, opened.signed(form)
        form.check()
        case = decide(session, community, shown.seen.ref, household, reason, by)
        if not opened.sees(case.id):
            return url_for("enclosures.undecided_list", place=place)
        return url_for("cases.case_page", place=place, case_id=case.id)

    return _answer(observation_id, act)


@enclosures.post("/c/<place>/observations/<uuid:observation_id>/withdrawal")
@gated(Permission.MAP_READ)
def withdraw_enclosure(place: str, observation_id: uuid.UUID) -> ResponseReturnValue:
    """Withdraw the observation; the function asks who may."""

    def act(opened: OpenedPlace, shown: Enclosure, form: Form) -> str:
        reason, by = form.text("reason"), opened.signed(form)
        form.check()
        withdraw(opened.session, opened.community, shown.seen.ref, reason, by)
        return url_for("enclosures.enclosure", place=place, observation_id=observation_id)

    return _answer(observation_id, act)


def _answer(
    observation_id: uuid.UUID, act: Callable[[OpenedPlace, Enclosure, Form], str]
) -> ResponseReturnValue:
    """Do what a form asks for and lead on; refused, show the page with all that was typed.

    422 where the input is at fault, 412 where somebody has decided something since.
    """

    def work(session: Session) -> ResponseReturnValue:
        opened = open_place(session)
        lock_community(session, opened.community.id)
        shown, form = _found(opened, observation_id), Form.of_request()
        if (version := form.text("version")) and version != shown.version:
            raise StaleEnclosure
        return redirect(act(opened, shown, form))

    try:
        return submit_form(work)
    except InputError as error:
        filled, status = Filled.again(error), 422
    except StaleEnclosure:
        filled, status = Filled(request.form), 412
    return show(
        lambda opened: (
            _page(opened, _found(opened, observation_id), filled, is_stale=status == 412),
            status,
        )
    )


def _found(opened: OpenedPlace, observation_id: uuid.UUID) -> Enclosure:
    session, community, viewer = opened.session, opened.community, opened.viewer
    shown = find_enclosure(session, community, observation_id, viewer)
    return shown if shown is not None else abort(404)


def _page(
    opened: OpenedPlace,
    shown: Enclosure,
    filled: Filled | None = None,
    *,
    is_stale: bool = False,
) -> str:
    may = opened.viewer.permissions
    captured = captured_as(opened.session, opened.community, shown.seen, opened.viewer)
    return render_template(
        "enclosure.html",
        community=opened.community,
        shown=shown,
        shapes=[drawn(one) for one in shown.shapes],
        is_stale=is_stale,
        photographs=_photographs(opened, shown),
        captured=captured,
        person=naming(opened.session),
        local=opened.local,
        may_have_original=Permission.PHOTOGRAPH_ORIGINAL in may,
        may_decide=shown.is_undecided and bool(may & MAY_DECIDE),
        may_withdraw=shown.is_open and _may_withdraw(opened, shown),
        filled_of=lambda name: filled if filled and filled.value("form") == name else Filled(),
    )


def _photographs(opened: OpenedPlace, shown: Enclosure) -> list[Shown]:
    """Return the photographs of an observation, those of cases where the account sees them."""
    found = observation_photographs(opened.session, opened.community, shown.seen.id)
    return [one for one in found if one.row.case_id is None or opened.sees(one.row.case_id)]


def _may_withdraw(opened: OpenedPlace, shown: Enclosure) -> bool:
    session, viewer = opened.session, opened.viewer
    by = Signature(viewer.actor, permissions=viewer.permissions)
    return not may_not_withdraw(session, opened.community, cases_of(session, shown.seen), by)
