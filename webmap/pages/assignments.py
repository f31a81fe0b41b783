"""Who works on a case and how hard it is: a panel of its page."""

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from cases.access import Permission
from cases.assignment import (
    Basis,
    Duty,
    assign,
    check_versions,
    follow_lane,
    own_choices,
    workers,
)
from cases.difficulty import EASIEST, HARDEST, Reason
from cases.ranking import ranks, set_difficulty
from webmap.forms import Form
from webmap.gates import gated
from webmap.pages.cases import PARTS, Opened, Part, answer_form

assignments = Blueprint("assignments", __name__)

FOLLOW_LANE = "lane"
LARGEST_ID = 2**31 - 1


@assignments.post("/c/<place>/cases/<uuid:case_id>/assignment")
@gated(Permission.CASE_ASSIGN)
def assign_case(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Assign a housekeeper, by hand or as the lane says, and an inspector."""

    def act(opened: Opened, form: Form) -> None:
        session, community, case = opened.session, opened.community, opened.case
        by, ids = opened.signed(), [case_id]
        follows = form.text("housekeeper", needed=False) == FOLLOW_LANE
        keeper = None if follows else form.number("housekeeper", needed=False, most=LARGEST_ID)
        inspector = form.number("inspector", needed=False, most=LARGEST_ID)
        version = form.number("version", least=1, most=LARGEST_ID)
        form.check()
        check_versions(session, community, {case_id: version})
        if follows:
            follow_lane(session, community, ids, by)
        elif "housekeeper" in form.sent and (keeper != case.housekeeper_id or not _is_own(opened)):
            assign(session, community, ids, Duty.HOUSEKEEPER, keeper, by)
        if "inspector" in form.sent and inspector != case.inspector_id:
            assign(session, community, ids, Duty.INSPECTOR, inspector, by)

    return answer_form(case_id, act)


@assignments.post("/c/<place>/cases/<uuid:case_id>/difficulty")
@gated(Permission.CASE_ASSIGN)
def rank_case(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Set how hard a case is, or follow the suggestion; and whether the remedial team takes it."""

    def act(opened: Opened, form: Form) -> None:
        difficulty = form.number("difficulty", least=EASIEST, most=HARDEST, needed=False)
        reason = form.text("reason", needed=False)
        version = form.number("version", least=1, most=LARGEST_ID)
        form.check()
        set_difficulty(
            opened.session,
            opened.community,
            case_id,
            difficulty,
            reason,
            opened.signed(version),
            is_remedial=form.ticked("is_remedial"),
        )

    return answer_form(case_id, act)


def _read(opened: Opened) -> Mapping[str, Any]:
    """Return what the panel shows; only who may assign gets the forms."""
    session, community, case = opened.session, opened.community, opened.case
    may = Permission.CASE_ASSIGN in opened.viewer.permissions
    rank = ranks(session, community, [case.id])[case.id]
    return {
        "rank": rank,
        "reasons": [reason_text(one) for one in rank.suggestion.reasons],
        "may": may,
        "basis": Basis.PERSON if _is_own(opened) else Basis.LANE,
        "keepers": _choices(opened, Duty.HOUSEKEEPER) if may else [],
        "inspectors": _choices(opened, Duty.INSPECTOR) if may else [],
    }


def _is_own(opened: Opened) -> bool:
    """Tell whether a person chose the housekeeper of the case."""
    return bool(own_choices(opened.session, opened.community, [opened.case.id]))


def _choices(opened: Opened, duty: Duty) -> list[tuple[int, str]]:
    return [(one.id, one.name) for one in workers(opened.session, opened.community, duty)]


def reason_text(reason: Reason) -> str:
    """Return why a case is hard, in words."""
    texts: dict[Reason, str] = {
        Reason.LARGE_AREA: gettext("large area"),
        Reason.FOUNDED: gettext("built on a foundation"),
        Reason.TENANT: gettext("let to a tenant: two parties must agree"),
        Reason.REFUSED: gettext("refused before"),
        Reason.REBOUND: gettext("taken again before"),
        Reason.SEVERAL_PARCELS: gettext("over several parcels"),
    }
    return texts[reason]


PARTS.append(Part("case/parts/assignment.html", _read, rank=20))
