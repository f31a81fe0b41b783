"""What a case rests on, on its page: new ground confirmed, an observation withdrawn."""

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.casework import unconfirmed
from cases.decisions import withdraw
from cases.enclosures import open_observations
from cases.field.captured import captured_for
from cases.ground import Ground
from cases.issuing import confirm_with_paper
from cases.objections import is_withdrawal_due
from layers.models import Observation, Parcel
from webmap.forms import Form
from webmap.gates import gated
from webmap.pages.cases import PARTS, Opened, Part, answer_form
from webmap.pages.opened import local_time

findings = Blueprint("findings", __name__)


@findings.post("/c/<place>/cases/<uuid:case_id>/confirmation")
@gated(Permission.CASE_VERIFY)
def confirm_ground(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Verify the ground that was found since the case was verified."""

    def act(opened: Opened, form: Form) -> None:
        by, note = opened.signed_form(form), form.text("note", needed=False)
        form.check()
        confirm_with_paper(opened.session, opened.community, case_id, by, note)

    return answer_form(case_id, act)


@findings.post("/c/<place>/cases/<uuid:case_id>/withdrawal")
@gated(Permission.CASE_READ)
def withdraw_from_case(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Withdraw an observation that the case rests on; the function asks who may."""

    def act(opened: Opened, form: Form) -> None:
        by = opened.signed_form(form)
        ref, reason = form.text("observation", longest=64), form.text("reason")
        form.check()
        withdraw(opened.session, opened.community, ref, reason, by, case_id=case_id)

    return answer_form(case_id, act)


def _confirmation_part(opened: Opened) -> Mapping[str, Any] | None:
    session, community, case = opened.session, opened.community, opened.case
    found = unconfirmed(Ground(session, community, case))
    if not found or Permission.CASE_VERIFY not in opened.viewer.permissions:
        return None
    rows = [
        {
            "parcel": session.get_one(Parcel, (community.id, one.parcel_id)).ref,
            "seen": session.get_one(Observation, (community.id, one.observation_id)),
            "occupied_m2": one.occupied_m2,
            "uncertainty_m2": 2 * one.sigma_m2,
        }
        for one in found
    ]
    return {"rows": rows}


def _withdrawal_part(opened: Opened) -> Mapping[str, Any] | None:
    """Return what may be withdrawn, and whether an upheld objection asks for it."""
    allowed, case = opened.viewer.permissions, opened.case
    is_due = is_withdrawal_due(opened.session, case)
    may = Permission.CASE_VERIFY in allowed or (is_due and Permission.OBJECTION_DECIDE in allowed)
    seen = open_observations(opened.session, case)
    if not seen or not (may or is_due):
        return None
    return {"observations": seen, "is_due": is_due, "may": may}


def _captured_part(opened: Opened) -> Mapping[str, Any] | None:
    """Return what inspectors found in the field, beyond the type of structure."""
    captured = captured_for(opened.session, opened.case, opened.viewer)
    if not captured:
        return None
    return {
        "captured": captured,
        "local": local_time(opened.community),
    }


PARTS.append(Part("case/parts/captured.html", _captured_part, rank=4))
PARTS.append(Part("case/parts/confirmation.html", _confirmation_part, rank=5))
PARTS.append(Part("case/parts/withdrawal.html", _withdrawal_part, rank=51))
