"""The record of a household visit as a paper, issued once for each visit."""

import datetime as dt
import uuid

from sqlalchemy.orm import Session

from cases.access import Permission
from cases.casework import lock_case
from cases.documents import issue
from cases.issuing import Issued, case_paper
from cases.ledger import Moment
from cases.models import Case, DocumentRecord, Visit
from cases.requirements import person
from cases.signing import Signature
from cases.visits import visits
from cases.workflow import Document
from gis.problems import InputError, Problem, Said
from layers.models import Community


def issue_visit_record(
    session: Session, community: Community, visit_id: uuid.UUID, by: Signature
) -> DocumentRecord:
    """Issue the record of a visit. The caller commits.

    Whoever made the visit may, and who issues papers of the community. Raises
    ``InputError`` where there is no such visit, where its record is issued already, or the
    account may not.
    """
    visit = session.get(Visit, (community.id, visit_id))
    if visit is None:
        message, remedy = "There is no such visit.", "Choose one from the page of its case."
        raise InputError([Problem("visit", message, remedy, field="visit")])
    if problems := _lacks_issuing(visit, by):
        raise InputError(problems)
    case = lock_case(session, community, visit.case_id)
    said = {
        "visited_on": visit.visited_on.isoformat(),
        "visited_by": visit.actor,
        "outcome": visit.outcome,
        "next_on": visit.next_on and visit.next_on.isoformat(),
        "note": visit.note,
    }
    issued = Issued(Moment.of(community, by.at).day, by.actor, said, visit.id)
    paper = case_paper(session, community, case, Document.VISIT_RECORD, issued)
    return issue(session, community, paper)


def visit_on(session: Session, case: Case, day: dt.date | None = None) -> Visit:
    """Return the latest visit of a case, or the latest of one day.

    Raises ``InputError`` where there is none, with the days on which there was one.
    """
    made = visits(session, case)
    for one in made:
        if day is None or one.visited_on == day:
            return one
    message = "Nobody has visited." if day is None else Said("Nobody visited on {day}.", day=day)
    days = ", ".join(sorted({one.visited_on.isoformat() for one in made}))
    remedy = Said("Choose one of {days}.", days=days) if made else "Record a visit first."
    raise InputError([Problem("visit", message, remedy, field="on")])


def may_issue_record(visit: Visit, by: Signature) -> bool:
    """Tell whether somebody may issue the record of a visit."""
    return not _lacks_issuing(visit, by)


def _lacks_issuing(visit: Visit, by: Signature) -> list[Problem]:
    is_own = person(visit.actor) == person(by.actor)
    own = (Permission.CASE_VISIT,) if is_own else ()
    return by.lacks(Permission.DOCUMENT_ISSUE, *own)
