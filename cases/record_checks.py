"""Projections, papers and clocks that must follow from what was recorded."""

import datetime as dt
from collections.abc import Callable, Iterator

from sqlalchemy import String, Subquery, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from cases.area_checks import STORED_M2
from cases.deadlines import EXTENDED, RESUMED, SET
from cases.documents import NUMBER
from cases.figures import last_states
from cases.ground import acceptance_day
from cases.models import (
    AreaEntry,
    Case,
    CaseEvent,
    DocumentRecord,
    Encroachment,
    EntryKind,
    Objection,
    Patrol,
)
from cases.objections import DECIDED, LODGED
from cases.policy import Policy
from cases.violations import Violation
from cases.workflow import DEADLINE_STATES, State
from layers.models import Community


def record_violations(session: Session, community: Community) -> Iterator[Violation]:
    """Yield everything of a community that does not follow from its history."""
    rules: tuple[Callable[[Session, Community], Iterator[Violation]], ...] = (
        _states,
        _clocks,
        _deadlines,
        _numbers,
        _named_papers,
        _objections,
        _verified,
        _cleared,
        _declared,
        _patrols,
    )
    for rule in rules:
        yield from rule(session, community)


def _states(session: Session, community: Community) -> Iterator[Violation]:
    """A case is where its last event left it."""
    last = last_states([community.id], dt.date.max).subquery()
    rows = session.execute(
        select(Case.number, Case.state, last.c.state.label("recorded"))
        .outerjoin(last, last.c.case_id == Case.id)
        .where(
            Case.community_id == community.id,
            func.coalesce(last.c.state, "") != Case.state,
        )
    )
    for number, state, recorded in rows:
        message = f"Case {number} is {state}, its last event says {recorded}."
        yield Violation("projection", community.code, message)


def _clocks(session: Session, community: Community) -> Iterator[Violation]:
    """A clock stands only while an objection is undecided."""
    undecided = exists().where(
        Objection.community_id == Case.community_id,
        Objection.case_id == Case.id,
        Objection.decided_on.is_(None),
    )
    standing = select(Case.number, Case.suspended_on).where(
        Case.community_id == community.id, Case.suspended_on.is_not(None), ~undecided
    )
    for number, since in session.execute(standing):
        message = f"The clock of case {number} stands since {since}, and nobody objects."
        yield Violation("clock", community.code, message)


def _deadlines(session: Session, community: Community) -> Iterator[Violation]:
    """A deadline is the one that was last set, extended or run on, and ends with its state."""
    told = (
        select(CaseEvent.case_id, CaseEvent.state, CaseEvent.data["to"].as_string().label("until"))
        .ext(distinct_on(CaseEvent.case_id))
        .where(
            CaseEvent.community_id == community.id,
            CaseEvent.event.in_([SET, EXTENDED, RESUMED])
            | CaseEvent.state.not_in(sorted(DEADLINE_STATES)),
        )
        .order_by(CaseEvent.case_id, CaseEvent.seq.desc())
        .subquery()
    )
    rows = session.execute(
        select(Case.number, Case.deadline_on, told.c.until)
        .outerjoin(told, told.c.case_id == Case.id)
        .where(
            Case.community_id == community.id,
            func.coalesce(cast(Case.deadline_on, String), "None")
            != func.coalesce(told.c.until, "None"),
        )
        .order_by(Case.number)
    )
    for number, deadline, until in rows:
        message = f"Case {number} has the deadline {deadline}, its events say {until}."
        yield Violation("deadline", community.code, message)


def _numbers(session: Session, community: Community) -> Iterator[Violation]:
    """Papers are numbered without gaps within a year, and so are their versions."""
    rows = session.execute(
        select(
            DocumentRecord.year,
            DocumentRecord.number,
            func.count().label("versions"),
            func.max(DocumentRecord.version).label("last"),
        )
        .where(DocumentRecord.community_id == community.id)
        .group_by(DocumentRecord.year, DocumentRecord.number)
        .order_by(DocumentRecord.year, DocumentRecord.number)
    ).all()
    expected: dict[int, int] = {}
    for row in rows:
        wanted = expected.get(row.year, 1)
        if row.number != wanted:
            message = f"Of {row.year} the papers {wanted} to {row.number - 1} are missing."
            yield Violation("number", community.code, message)
        if row.versions != row.last:
            message = f"Of paper {row.year}-{row.number:03d} a version is missing."
            yield Violation("number", community.code, message)
        expected[row.year] = row.number + 1


def _named_papers(session: Session, community: Community) -> Iterator[Violation]:
    """A paper that an event names by one of our numbers is here, and of that case."""
    known = {
        (record.year, record.number, record.version): record.case_id
        for record in session.execute(
            select(
                DocumentRecord.year,
                DocumentRecord.number,
                DocumentRecord.version,
                DocumentRecord.case_id,
            ).where(DocumentRecord.community_id == community.id)
        )
    }
    named = session.execute(
        select(CaseEvent.seq, CaseEvent.case_id, CaseEvent.document)
        .where(CaseEvent.community_id == community.id, CaseEvent.document != "")
        .order_by(CaseEvent.seq)
    )
    for seq, case_id, document in named:
        read = NUMBER.fullmatch(document.strip())
        if read is None:
            continue
        year, number, version = (int(part or 1) for part in read.groups())
        if known.get((year, number, version), seq) not in {None, case_id}:
            message = f"Event {seq} names the paper {document}, which its case does not have."
            yield Violation("paper", community.code, message)


def _objections(session: Session, community: Community) -> Iterator[Violation]:
    """What an objection says and how it was decided is what its events say."""
    lodged, decided = (_event_of_objection(community, event) for event in (LODGED, DECIDED))
    rows = session.execute(
        select(Objection.id, Case.number)
        .join(
            Case,
            (Case.community_id == Objection.community_id) & (Case.id == Objection.case_id),
        )
        .outerjoin(lodged, lodged.c.objection == cast(Objection.id, String))
        .outerjoin(decided, decided.c.objection == cast(Objection.id, String))
        .where(
            Objection.community_id == community.id,
            or_(
                lodged.c.note.is_distinct_from(Objection.grounds),
                lodged.c.case_id != Objection.case_id,
                decided.c.upheld.is_distinct_from(Objection.upheld),
                func.coalesce(func.btrim(decided.c.note), "") != Objection.decision,
            ),
        )
    )
    for identifier, number in rows:
        message = f"Objection {identifier} of case {number} is not what its events say."
        yield Violation("objection", community.code, message)


def _event_of_objection(community: Community, event: str) -> Subquery:
    return (
        select(
            CaseEvent.case_id,
            CaseEvent.note,
            CaseEvent.data["objection"].as_string().label("objection"),
            CaseEvent.data["upheld"].as_boolean().label("upheld"),
        )
        .where(CaseEvent.community_id == community.id, CaseEvent.event == event)
        .subquery()
    )


def _verified(session: Session, community: Community) -> Iterator[Violation]:
    """What is verified counts as encroached, what is not as suspected, and each once."""
    sums = _sums(community, EntryKind.SUSPECTED, EntryKind.ENCROACHED)
    rows = session.execute(
        select(
            Encroachment.id,
            Encroachment.verified_on,
            Encroachment.occupied_m2,
            func.coalesce(sums.c.suspected, 0.0),
            func.coalesce(sums.c.encroached, 0.0),
        )
        .outerjoin(sums, sums.c.encroachment_id == Encroachment.id)
        .where(
            Encroachment.community_id == community.id,
            Encroachment.superseded_on.is_(None),
            Encroachment.case_id.is_not(None),
        )
    )
    for identifier, verified_on, occupied_m2, suspected_m2, encroached_m2 in rows:
        expected = (occupied_m2, 0.0) if verified_on is None else (0.0, occupied_m2)
        wrong = (suspected_m2 - expected[0], encroached_m2 - expected[1])
        if max(map(abs, wrong)) > STORED_M2:
            message = (
                f"Encroachment {identifier} of {occupied_m2:.4f} m2 (verified: {verified_on}) is"
                f" entered with {suspected_m2:.4f} m2 suspected and {encroached_m2:.4f} encroached."
            )
            yield Violation("verified", community.code, message)


def _cleared(session: Session, community: Community) -> Iterator[Violation]:
    """Ground counts as cleared from the day on which the ledger says reclaimed, and no other."""
    last = (
        select(AreaEntry.encroachment_id, func.max(AreaEntry.day).label("day"))
        .where(AreaEntry.community_id == community.id, AreaEntry.kind == EntryKind.RECLAIMED)
        .group_by(AreaEntry.encroachment_id)
        .subquery()
    )
    rows = session.execute(
        select(Encroachment.id, Encroachment.cleared_on, last.c.day)
        .outerjoin(last, last.c.encroachment_id == Encroachment.id)
        .where(
            Encroachment.community_id == community.id,
            Encroachment.cleared_on.is_distinct_from(last.c.day),
        )
    )
    for identifier, cleared_on, day in rows:
        message = f"Encroachment {identifier} was cleared {cleared_on}, the ledger says {day}."
        yield Violation("cleared", community.code, message)


def _declared(session: Session, community: Community) -> Iterator[Violation]:
    """A declaration stands only while its household clears, until it is accepted."""
    freed = aliased(AreaEntry)
    accepted = exists().where(
        freed.community_id == AreaEntry.community_id,
        freed.encroachment_id == AreaEntry.encroachment_id,
        freed.kind == EntryKind.RECLAIMED,
        freed.seq > AreaEntry.seq,
    )
    rows = session.execute(
        select(Case.number, Case.state, func.sum(AreaEntry.area_m2).label("m2"))
        .join(
            AreaEntry,
            (AreaEntry.community_id == Case.community_id) & (AreaEntry.case_id == Case.id),
        )
        .where(
            Case.community_id == community.id,
            Case.state.not_in([State.SELF_CLEARING, State.ASSISTED, State.INSPECTED]),
            AreaEntry.kind == EntryKind.DECLARED,
            ~accepted,
        )
        .group_by(Case.id, Case.number, Case.state)
        .having(func.abs(func.sum(AreaEntry.area_m2)) > STORED_M2)
    )
    for number, state, m2 in rows:
        message = f"Case {number} is {state}, and {m2:.4f} m2 are still declared as cleared."
        yield Violation("declared", community.code, message)


def _patrols(session: Session, community: Community) -> Iterator[Violation]:
    """A case is closed after patrols since its acceptance, where its community makes any."""
    if not Policy.of(community.policy).patrol_days:
        return
    accepted_on = acceptance_day()
    patrolled = exists().where(
        Patrol.community_id == Case.community_id,
        Patrol.case_id == Case.id,
        Patrol.accepted_on == accepted_on,
    )
    closed = select(Case.number).where(
        Case.community_id == community.id, Case.state == State.CLOSED, ~patrolled
    )
    for number in session.scalars(closed.order_by(Case.number)):
        message = f"Case {number} is closed, and nobody has patrolled its ground."
        yield Violation("patrol", community.code, message)


def _sums(community: Community, *kinds: EntryKind) -> Subquery:
    """Select what the ledger holds of each encroachment, a column in m2 for each of ``kinds``."""
    columns = [
        func.sum(AreaEntry.area_m2).filter(AreaEntry.kind == kind).label(kind) for kind in kinds
    ]
    return (
        select(AreaEntry.encroachment_id, *columns)
        .where(AreaEntry.community_id == community.id)
        .group_by(AreaEntry.encroachment_id)
        .subquery()
    )
