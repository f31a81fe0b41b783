"""Neighbours' tips: written down without a name, read only by those who check them."""

import uuid

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.models import TipState
from cases.tips import add_tip, check_tip, green_parcels, list_tips
from gis.problems import InputError
from webmap.forms import Filled, Form
from webmap.gates import current_access, gated, place_session
from webmap.pages.drawn import feature
from webmap.pages.lanes import here, signature

tips = Blueprint("tips", __name__)


@tips.get("/c/<place>/tips")
@gated(Permission.TIP_ADD)
def tip_list(place: str) -> ResponseReturnValue:
    """Show the form of a tip, and to those who check them the tips."""
    with place_session() as session:
        return _page(session)


@tips.post("/c/<place>/tips")
@gated(Permission.TIP_ADD)
def add(place: str) -> ResponseReturnValue:
    """Keep a tip."""
    with place_session() as session:
        form = Form.of_request()
        try:
            with session.begin_nested():
                wording = form.text("wording")
                parcel = form.text("parcel", needed=False, longest=64)
                form.check()
                add_tip(session, here(session), wording, parcel, signature())
        except InputError as error:
            return _page(session, Filled.again(error)), 422
        session.commit()
    return redirect(url_for("tips.tip_list", place=place, kept=1))


@tips.post("/c/<place>/tips/<uuid:tip_id>")
@gated(Permission.TIP_CHECK)
def check(place: str, tip_id: uuid.UUID) -> ResponseReturnValue:
    """Confirm a tip, which leads to the form of what was seen, or dismiss it."""
    with place_session() as session:
        form = Form.of_request()
        try:
            with session.begin_nested():
                outcome = form.choice("outcome", TipState)
                note = form.text("note", needed=False)
                form.check()
                assert outcome is not None
                tip = check_tip(session, here(session), tip_id, outcome, note, signature())
        except InputError as error:
            return _page(session, Filled.again(error), tip_id), 422
        parcel, is_confirmed = tip.parcel_id, tip.state is TipState.CONFIRMED
        session.commit()
    if is_confirmed and _may(Permission.CASE_VERIFY):
        return redirect(url_for("observations.new_observation", place=place, parcel=parcel))
    return redirect(url_for("tips.tip_list", place=place))


def _may(permission: Permission) -> bool:
    access = current_access()
    return permission in access.rights.permissions(access.place.id)


def _page(session: Session, filled: Filled | None = None, tip_id: uuid.UUID | None = None) -> str:
    """Return the page; ``filled`` is what was refused, of the tip ``tip_id`` or of a new one."""
    community = here(session)
    refused = filled or Filled()
    return render_template(
        "tips.html",
        community=community,
        tips=list_tips(session, community) if _may(Permission.TIP_CHECK) else None,
        may_see=_may(Permission.CASE_VERIFY),
        parcels=[
            feature(one.id, one.outline, ref=one.ref) for one in green_parcels(session, community)
        ],
        filled=Filled() if tip_id else refused,
        untouched=Filled(),
        refused=refused,
        refused_tip=tip_id,
    )
