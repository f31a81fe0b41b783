"""Patrols of a case: a panel of its page, where one is recorded."""

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.ledger import today
from cases.patrols import (
    SAME_AS_BEFORE,
    made_patrols,
    next_patrols,
    record_clear,
    record_rebound,
)
from cases.workflow import CLEARED_STATES
from layers.models import StructureType
from webmap.forms import Form
from webmap.gates import gated
from webmap.pages.cases import PARTS, Opened, Part, answer_form
from webmap.pages.drawn import read_polygon
from webmap.pages.observations import KINDS

patrols = Blueprint("patrols", __name__)


@patrols.post("/c/<place>/cases/<uuid:case_id>/patrols")
@gated(Permission.CASE_INSPECT)
def record(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Record what a patrol found: the ground clear, or taken again."""

    def act(opened: Opened, form: Form) -> None:
        found = form.text("left")
        note = form.text("note", needed=False)
        by = opened.signed(form.number("version", least=1))
        if found == "clear":
            form.check()
            record_clear(opened.session, opened.community, case_id, note, by)
            return
        kind = form.choice("structure_type", StructureType)
        polygon = SAME_AS_BEFORE if found == "same" else read_polygon(form, "residual")
        form.check()
        assert kind is not None
        record_rebound(opened.session, opened.community, case_id, polygon, kind, note, by)

    return answer_form(case_id, act)


def _read(opened: Opened) -> Mapping[str, Any] | None:
    """Return the patrols made and the next one; nothing before the ground was cleared."""
    session, community, case = opened.session, opened.community, opened.case
    made = made_patrols(session, case)
    if case.state not in CLEARED_STATES and not made:
        return None
    day = today(community)
    following = next(iter(next_patrols(session, community, day, [case.id])), None)
    may = opened.viewer.permissions
    return {
        "made": made,
        "next": following,
        "is_due": following is not None and following.is_due(day),
        "may": Permission.CASE_INSPECT in may and case.state in CLEARED_STATES,
        "may_rebound": Permission.CASE_VERIFY in may,
        "kinds": KINDS,
    }


PARTS.append(Part("case/parts/patrols.html", _read, rank=15))
