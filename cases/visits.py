"""Household visits: who was there, what came of it, when somebody comes again."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.casework import lock_case
from cases.issuing import PaperDetails, move_with_paper
from cases.ledger import Book, Moment, time_problems
from cases.models import Case, Visit, VisitOutcome
from cases.requirements import LONGEST_TEXT, Request
from cases.signing import Signature
from cases.workflow import MOVES, State
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem, Said
from layers.models import Community

RECORDED = "case:visit:recorded"
# Where a visit leads; nobody at home changes nothing, and persuasion goes on.
LEADS_TO: dict[VisitOutcome, tuple[State, ...]] = {
    VisitOutcome.NOT_HOME: (),
    VisitOutcome.UNDECIDED: (State.VISITED,),
    VisitOutcome.WILL_CLEAR: (State.VISITED, State.SELF_CLEARING),
    VisitOutcome.SIGNED: (State.VISITED, State.SIGNED),
    VisitOutcome.DECLINED: (State.VISITED, State.DECLINED),
}


@dataclass(frozen=True)
class Visited:
    """What a visit brought; ``document`` is the number of a contract signed on other paper."""

    outcome: VisitOutcome
    note: str = ""
    next_on: dt.date | None = None
    document: str = ""
    details: PaperDetails = field(default_factory=PaperDetails)


def record_visit(
    session: Session, community: Community, case_id: uuid.UUID, visited: Visited, by: Signature
) -> Visit:
    """Record a visit and what it leads to; a contract without a number is issued.

    The caller commits. Raises ``InputError`` with everything that is wrong.
    """
    case = lock_case(session, community, case_id, by.version)
    moment = Moment.of(community, by.at)
    problems = [
        *by.lacks(Permission.CASE_VISIT),
        *time_problems(session, community.id, case.id, moment.at),
        *_wrong(case, visited, moment.day),
    ]
    if problems:
        raise InputError(problems)
    made = Visit(
        community_id=community.id,
        id=uuid.uuid4(),
        case_id=case.id,
        visited_on=moment.day,
        actor=by.actor,
        outcome=visited.outcome,
        next_on=visited.next_on,
        note=visited.note.strip(),
    )
    session.add(made)
    _record(session, community, case, visited, moment, by)
    for target in LEADS_TO[visited.outcome]:
        request = Request(
            target,
            by.actor,
            at=moment.at,
            document=visited.document if target is State.SIGNED else "",
            reason=visited.note if target is State.DECLINED else "",
            permissions=by.permissions,
        )
        move_with_paper(session, community, case.id, request, visited.details)
    return made


def visits(session: Session, case: Case) -> Sequence[Visit]:
    """Return the visits of a case, the latest first."""
    return session.scalars(
        select(Visit)
        .where(Visit.community_id == case.community_id, Visit.case_id == case.id)
        .order_by(Visit.visited_on.desc(), Visit.recorded_at.desc())
    ).all()


def may_be_visited(case: Case) -> bool:
    """Return whether the table of moves knows a visit from where the case stands."""
    return (case.state, State.VISITED) in MOVES


def _record(
    session: Session,
    community: Community,
    case: Case,
    visited: Visited,
    moment: Moment,
    by: Signature,
) -> None:
    book = Book(SurveyCRS(community.survey_srid))
    data = {
        "outcome": visited.outcome,
        "next_on": visited.next_on.isoformat() if visited.next_on else None,
    }
    key = (community.id, case.id)
    book.record(moment, key, by.actor, RECORDED, note=visited.note.strip(), data=data)
    case.version += 1
    session.flush()
    book.post(session)


def _wrong(case: Case, visited: Visited, day: dt.date) -> list[Problem]:
    problems = []
    if not may_be_visited(case):
        message: str = Said("A case that is {state} is not visited.", state=case.state)
        remedy = "Announce it first, or leave it as it is."
        problems.append(Problem("move_not_allowed", message, remedy, field="outcome"))
    if visited.outcome is VisitOutcome.DECLINED and not visited.note.strip():
        message = "The household declined, and nobody says why."
        problems.append(Problem("reason_missing", message, "Write its reason.", field="note"))
    if len(visited.note) > LONGEST_TEXT:
        message = Said(
            "The note has more than {longest_text} characters.", longest_text=LONGEST_TEXT
        )
        problems.append(Problem("too_long", message, "Shorten it.", field="note"))
    if visited.next_on is not None and visited.next_on <= day:
        message = Said("{next_on} is not after the visit.", next_on=visited.next_on)
        problems.append(Problem("wrong_time", message, "Give a later day.", field="next_on"))
    return problems
