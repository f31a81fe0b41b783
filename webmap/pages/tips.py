"""Neighbours' tips: written down without a name, read only by those who check them."""

import uuid

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.models import Tip, TipState
from cases.tips import add_tip, check_tip, green_parcels, list_tips
from webmap.forms import Filled, Form
from webmap.gates import gated
from webmap.pages.drawn import feature
from webmap.pages.opened import OpenedPlace, answer, show
from webmap.pages.submitting import KEY

tips = Blueprint("tips", __name__)


@tips.get("/c/<place>/tips")
@gated(Permission.TIP_ADD)
def tip_list(place: str) -> ResponseReturnValue:
    """Show the form of a tip, and to those who check them the tips."""
    return show(_page)


@tips.post("/c/<place>/tips")
@gated(Permission.TIP_ADD)
def add(place: str) -> ResponseReturnValue:
    """Keep a tip, under the key of its form, so that no key need be kept with an account."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        wording = form.text("wording")
        parcel = form.text("parcel", needed=False, longest=64)
        by, tip_id = opened.signed(form), form.key(KEY, needed=False)
        form.check()
        add_tip(opened.session, opened.community, wording, parcel, by, tip_id)
        return redirect(url_for("tips.tip_list", place=place, kept=1))

    return answer(act, _page, is_kept=False)


@tips.post("/c/<place>/tips/<uuid:tip_id>")
@gated(Permission.TIP_CHECK)
def check(place: str, tip_id: uuid.UUID) -> ResponseReturnValue:
    """Confirm a tip, which leads to the form of what was seen, or dismiss it."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        if opened.session.get(Tip, (opened.community.id, tip_id)) is None:
            abort(404)
        outcome = form.choice("outcome", TipState)
        note, by = form.text("note", needed=False), opened.signed(form)
        form.check()
        assert outcome is not None
        tip = check_tip(opened.session, opened.community, tip_id, outcome, note, by)
        if tip.state is TipState.CONFIRMED and _may(opened, Permission.CASE_VERIFY):
            address = url_for("observations.new_observation", place=place, parcel=tip.parcel_id)
            return redirect(address)
        return redirect(url_for("tips.tip_list", place=place))

    return answer(act, lambda opened, filled: _page(opened, filled, tip_id))


def _may(opened: OpenedPlace, permission: Permission) -> bool:
    return permission in opened.viewer.permissions


def _page(
    opened: OpenedPlace, filled: Filled | None = None, tip_id: uuid.UUID | None = None
) -> str:
    """Return the page; ``filled`` is what was refused, of the tip ``tip_id`` or of a new one."""
    session, community = opened.session, opened.community
    refused = filled or Filled()
    return render_template(
        "tips.html",
        community=community,
        tips=list_tips(session, community) if _may(opened, Permission.TIP_CHECK) else None,
        may_see=_may(opened, Permission.CASE_VERIFY),
        parcels=[
            feature(one.id, one.outline, ref=one.ref) for one in green_parcels(session, community)
        ],
        filled=Filled() if tip_id else refused,
        untouched=Filled(),
        refused=refused,
        refused_tip=tip_id,
    )
