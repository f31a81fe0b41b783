"""Objections of households: lodged, decided, and what stands still meanwhile."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, not_, or_, select
from sqlalchemy.orm import Session, aliased

from cases.access import Permission
from cases.calendar import add_working_days
from cases.casework import lock_case, move
from cases.deadlines import resume, suspend
from cases.documents import wrong_paper
from cases.ground import Ground
from cases.ledger import Book, Moment, time_problems
from cases.models import Case, CaseEvent, Objection
from cases.policy import Policy
from cases.requirements import Request, Requirements, person
from cases.signing import Signature, text_problems
from cases.workflow import MOVES, OBJECTION_STATES, Document, State
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem
from layers.models import Community

LODGED = "case:objection:lodged"
DECIDED = "case:objection:decided"
WITHDRAWN = "case:observation:withdrawn"
# Where an upheld objection may send its case.
OUTCOMES = (State.REJECTED, State.SUSPECTED)


@dataclass(frozen=True)
class Decision:
    """What is decided on an objection.

    ``outcome`` is where an upheld one sends its case: rejected, or suspected to be
    verified again. ``document`` is the number of the objection decision.
    """

    upheld: bool
    reason: str
    document: str
    outcome: State | None = None


def window_ends(session: Session, community: Community, case: Case) -> dt.date | None:
    """Return the last day on which an objection stops the clock; ``None`` where any does.

    It counts from the last poster, not from one before a rebound.
    """
    ground = Ground(session, community, case)
    announced = ground.last(State.ANNOUNCED)
    if announced is None or not ground.is_announced():
        return None
    days = Policy.of(community.policy).objection_days
    return add_working_days(community.calendar, announced.day, days)


def lodge(
    session: Session, community: Community, case_id: uuid.UUID, grounds: str, by: Signature
) -> Objection:
    """Record an objection of the household of a case; within the window it stops the clock.

    A late one must be decided too, but stops nothing. The caller commits. Raises
    ``InputError`` with everything that is wrong.
    """
    case = lock_case(session, community, case_id, by.version)
    moment = Moment.of(community, by.at)
    problems = [
        *by.lacks(Permission.OBJECTION_LODGE),
        *time_problems(session, community.id, case.id, moment.at),
        *text_problems([("grounds", grounds)]),
        *_not_objectionable(session, case),
    ]
    if problems:
        raise InputError(problems)
    made = Objection(
        community_id=community.id,
        id=uuid.uuid4(),
        case_id=case.id,
        lodged_on=moment.day,
        recorded_by=by.actor,
        grounds=grounds.strip(),
    )
    session.add(made)
    ends = window_ends(session, community, case)
    is_late = ends is not None and moment.day > ends
    book = Book(SurveyCRS(community.survey_srid))
    data = {"objection": str(made.id), "late": is_late}
    book.record(moment, (community.id, case.id), by.actor, LODGED, note=made.grounds, data=data)
    if not is_late:
        suspend(book, community, case, moment, by)
    case.version += 1
    session.flush()
    book.post(session)
    return made


def decide_objection(
    session: Session, community: Community, case_id: uuid.UUID, decision: Decision, by: Signature
) -> Objection:
    """Decide the open objection of a case; the clock runs on, or the case goes back.

    Whoever verified the case does not decide. The caller commits. Raises
    ``InputError`` with everything that is wrong.
    """
    case = lock_case(session, community, case_id, by.version)
    moment = Moment.of(community, by.at)
    made = open_objection(session, case)
    problems = [
        *by.lacks(Permission.OBJECTION_DECIDE),
        *time_problems(session, community.id, case.id, moment.at),
        *text_problems([("reason", decision.reason), ("document", decision.document)]),
        *wrong_paper(session, case, decision.document, Document.OBJECTION_DECISION, "document"),
        *([] if made else [_nothing_to_decide()]),
        *_own_work(session, community, case, by),
    ]
    request = None if made is None else _request(made, decision, by)
    problems += _wrong_outcome(Ground(session, community, case), decision, request, moment)
    if problems or made is None:
        raise InputError(problems)
    made.decided_on, made.decided_by = moment.day, by.actor
    made.upheld, made.decision = decision.upheld, decision.reason.strip()
    _record(session, community, case, made, decision, by)
    if request is not None and case.state in OBJECTION_STATES:
        move(session, community, case.id, request)
    return made


def open_objection(session: Session, case: Case) -> Objection | None:
    """Return the objection of a case that nobody has decided."""
    return session.scalars(
        select(Objection).where(
            Objection.community_id == case.community_id,
            Objection.case_id == case.id,
            Objection.decided_on.is_(None),
        )
    ).first()


def withdrawal_due() -> ColumnElement[bool]:
    """Say of a ``Case`` that an objection was upheld whose observation nobody has withdrawn.

    So it is where an upheld objection moved nothing, and no observation of the case was
    withdrawn since.
    """
    decided, later = aliased(CaseEvent), aliased(CaseEvent)
    followed = exists().where(
        later.community_id == decided.community_id,
        later.case_id == decided.case_id,
        later.seq > decided.seq,
        or_(
            later.event == WITHDRAWN,
            and_(
                later.state.is_not(None),
                later.data["objection"].astext == decided.data["objection"].astext,
            ),
        ),
    )
    return exists().where(
        decided.community_id == Case.community_id,
        decided.case_id == Case.id,
        decided.event == DECIDED,
        decided.data["upheld"].astext == "true",
        not_(followed),
    )


def is_withdrawal_due(session: Session, case: Case) -> bool:
    """Tell it of one case."""
    mine = Case.community_id == case.community_id, Case.id == case.id
    return bool(session.scalar(select(exists().where(*mine, withdrawal_due()))))


def list_objections(session: Session, community: Community, case: Case) -> list[dict[str, Any]]:
    """Return the objections of a case, latest first, with the day by which one is decided."""
    rows = session.scalars(
        select(Objection)
        .where(Objection.community_id == case.community_id, Objection.case_id == case.id)
        .order_by(Objection.lodged_on.desc(), Objection.id)
    )
    days = Policy.of(community.policy).decision_days
    return [
        {
            "id": row.id,
            "lodged_on": row.lodged_on,
            "recorded_by": row.recorded_by,
            "grounds": row.grounds,
            "due_on": add_working_days(community.calendar, row.lodged_on, days),
            "decided_on": row.decided_on,
            "decided_by": row.decided_by,
            "upheld": row.upheld,
            "decision": row.decision,
        }
        for row in rows
    ]


def _record(
    session: Session,
    community: Community,
    case: Case,
    made: Objection,
    decision: Decision,
    by: Signature,
) -> None:
    moment = Moment.of(community, by.at)
    book = Book(SurveyCRS(community.survey_srid))
    book.record(
        moment,
        (community.id, case.id),
        by.actor,
        DECIDED,
        document=decision.document,
        note=decision.reason,
        data={"objection": str(made.id), "upheld": decision.upheld},
    )
    if decision.outcome is None:
        resume(book, community, case, moment, by)
    else:
        case.suspended_on = None
    case.version += 1
    session.flush()
    book.post(session)


def _request(made: Objection, decision: Decision, by: Signature) -> Request | None:
    """Return the move that an upheld objection asks for; its decision is the permission."""
    if decision.outcome is None:
        return None
    return Request(
        decision.outcome,
        by.actor,
        by.at,
        decision.document,
        decision.reason,
        objection=made.id,
    )


def _wrong_outcome(
    ground: Ground, decision: Decision, request: Request | None, moment: Moment
) -> list[Problem]:
    """Return why the case cannot go where the decision says.

    Ground that was accepted as cleared stays in the record; there an upheld objection
    moves nothing, and the observation that reported the rebound is withdrawn.
    """
    target, case = decision.outcome, ground.case
    if target is not None and (not decision.upheld or target not in OUTCOMES):
        text = f"This decision does not send the case to {target}."
        remedy = "An upheld objection leads to rejected, or to suspected; another to nothing."
        return [Problem("wrong_outcome", text, remedy, field="outcome")]
    if not decision.upheld or case.state not in OBJECTION_STATES:
        return []
    if target is None:
        if any(found.cleared_on is not None for found in ground.encroachments()):
            return []
        text = "An upheld objection sends its case somewhere."
        remedy = "Say rejected, or suspected to have it verified again."
        return [Problem("outcome_missing", text, remedy, field="outcome")]
    step = MOVES.get((case.state, target))
    if step is None:
        text = f"A case that is {case.state} does not become {target}."
        return [Problem("move_not_allowed", text, "Choose the other.", field="outcome")]
    if request is None:
        return []
    known = {"reason", "document", "actor", "at"}
    lacks = Requirements(ground, request, moment).problems(step)
    return [problem for problem in lacks if problem.field not in known]


def _not_objectionable(session: Session, case: Case) -> list[Problem]:
    if case.state not in OBJECTION_STATES:
        text = f"The case is {case.state}; nothing is asked of the household."
        return [Problem("not_objectionable", text, "Object to a case that is open.")]
    if open_objection(session, case) is None:
        return []
    text = "The household has objected already, and nobody has decided."
    return [Problem("objection_open", text, "Decide that objection first.")]


def _nothing_to_decide() -> Problem:
    text = "The case has no objection that waits for a decision."
    return Problem("nothing_to_decide", text, "Record the objection first.")


def _own_work(session: Session, community: Community, case: Case, by: Signature) -> list[Problem]:
    """Nobody decides on an objection to what they verified themselves."""
    verified = Ground(session, community, case).last(State.VERIFIED)
    if verified is None or person(verified.actor) != person(by.actor):
        return []
    text = f"{verified.actor} verified this case and cannot decide on it."
    return [Problem("same_person", text, "Let a second person decide.", field="actor")]
