"""Household visits on the page of a case, and the papers that its steps were made with."""

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.documents import number_of, papers, subject_of
from cases.ledger import today
from cases.models import VisitOutcome
from cases.visit_records import may_issue_record
from cases.visits import Visited, may_be_visited, record_visit, visits
from webmap.forms import Form
from webmap.gates import gated
from webmap.pages.cases import PARTS, Opened, Part, answer_form

visit_forms = Blueprint("visits", __name__)


@visit_forms.post("/c/<place>/cases/<uuid:case_id>/visits")
@gated(Permission.CASE_VISIT)
def new_visit(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Record a visit."""

    def act(opened: Opened, form: Form) -> None:
        outcome = form.choice("outcome", VisitOutcome)
        note, next_on = form.text("note", needed=False), form.day("next_on", needed=False)
        document = form.text("document", needed=False, longest=64)
        by = opened.signed_form(form)
        form.check()
        assert outcome is not None
        visited = Visited(outcome, note, next_on, document)
        record_visit(opened.session, opened.community, case_id, visited, by)

    return answer_form(case_id, act)


def _visits_part(opened: Opened) -> Mapping[str, Any] | None:
    made = visits(opened.session, opened.case)
    may = Permission.CASE_VISIT in opened.viewer.permissions and may_be_visited(opened.case)
    if not made and not may:
        return None
    records = papers(opened.session, opened.community, case_id=opened.case.id)
    by = opened.signed()
    return {
        "visits": made,
        "record_of": {subject_of(one): (number_of(one), one) for one in records},
        "may_issue": {one.id: may_issue_record(one, by) for one in made},
        "may_record": may,
        "outcomes": list(VisitOutcome),
        "today": today(opened.community),
    }


def _papers_part(opened: Opened) -> Mapping[str, Any] | None:
    issued = papers(opened.session, opened.community, case_id=opened.case.id)
    return {"papers": [(number_of(one), one) for one in issued]} if issued else None


PARTS.append(Part("case/parts/visits.html", _visits_part, rank=10))
PARTS.append(Part("case/parts/papers.html", _papers_part, rank=60))
