"""What a resident sees of the own household's cases, and says about them (SAFETY, "Who may what").

Nobody else is named: events tell what happened and when, never who did it, and of what was
written only what the household said itself or was told.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.deadlines import EXTENDED, RESUMED, SET, SUSPENDED, Clock, clock
from cases.declarations import HOUSEHOLD, HOUSEHOLD_ACCOUNT, OwnCase, lives_there, own_cases
from cases.documents import papers
from cases.issuing import announced_by
from cases.ledger import today
from cases.models import Case, CaseEvent, DocumentRecord, Objection
from cases.objections import DECIDED, LODGED, list_objections, lodge, open_objection, window_ends
from cases.paper_ground import PaperGround, paper_ground
from cases.signing import Signature
from cases.visits import RECORDED
from cases.workflow import OBJECTION_STATES, Document, State
from gis.problems import InputError, Problem

# What is handed to a household; the others go to bodies, boards and authorities.
ADDRESSED = frozenset(
    {
        Document.CREDIT_CONTRACT,
        Document.DEADLINE_NOTICE,
        Document.ASSISTANCE_CONSENT,
        Document.OBJECTION_DECISION,
        Document.ACCEPTANCE_FORM,
    }
)
# What happened to the household; who works on its case and how hard that is are not its matter.
TOLD = frozenset({RECORDED, LODGED, DECIDED, SET, EXTENDED, SUSPENDED, RESUMED})
# Where what was written is the household's own, or a reason that was given to it.
_QUOTED = frozenset({LODGED, DECIDED, EXTENDED})


@dataclass(frozen=True)
class OwnEvent:
    """A line of the time line; ``note`` is the household's own words or a reason given to it."""

    at: dt.datetime
    day: dt.date
    event: str
    state: State | None
    deadline_on: dt.date | None
    note: str


@dataclass(frozen=True)
class OwnSheet:
    """A case of the own household; areas in m2 of the survey CRS.

    ``window_ends`` is the last day on which an objection stops the clock, ``None`` where
    any does.
    """

    own: OwnCase
    ground: list[PaperGround]
    clock: Clock
    events: list[OwnEvent]
    papers: Sequence[DocumentRecord]
    objections: list[dict[str, Any]]
    may_object: bool
    window_ends: dt.date | None
    is_window_open: bool
    objection_route: str

    @property
    def standing_m2(self) -> float:
        """Return what is still occupied."""
        return sum(one.m2 for one in self.ground)


def own_sheets(session: Session, account_id: int) -> list[OwnSheet]:
    """Return the cases of the households in which an account lives, the latest first.

    The session sees the communities where the account is a resident.
    """
    return [_sheet(session, one) for one in own_cases(session, account_id)]


def own_paper(session: Session, account_id: int, paper_id: uuid.UUID) -> DocumentRecord | None:
    """Return a paper that was addressed to the own household, ``None`` for any other."""
    return session.scalar(
        select(DocumentRecord)
        .join(
            Case,
            (Case.community_id == DocumentRecord.community_id)
            & (Case.id == DocumentRecord.case_id),
        )
        .where(
            DocumentRecord.id == paper_id,
            DocumentRecord.kind.in_(sorted(ADDRESSED)),
            lives_there(account_id),
        )
    )


def object_own(session: Session, case_id: uuid.UUID, account_id: int, grounds: str) -> Objection:
    """Object to a case of the own household; within the window that stops its clock.

    The session sees the communities where the account is a resident. The history says
    that the household objected, not who of it. The caller commits. Raises ``InputError``
    where it is not the own case, or with everything else that is wrong.
    """
    own = next((one for one in own_cases(session, account_id) if one.case.id == case_id), None)
    if own is None:
        text = "That is no case of your household."
        raise InputError([Problem("unknown_case", text, "Choose one from the list.")])
    by = Signature(HOUSEHOLD_ACCOUNT, permissions=frozenset({Permission.OBJECTION_LODGE}))
    return lodge(session, own.community, case_id, grounds, by)


def _sheet(session: Session, own: OwnCase) -> OwnSheet:
    community, case = own.community, own.case
    now = today(community)
    ends = window_ends(session, community, case)
    announced = announced_by(session, community, case)
    return OwnSheet(
        own,
        list(paper_ground(session, community, [case.id], suspected=True)),
        clock(community, case, now),
        _events(session, case),
        [one for one in papers(session, community, case_id=case.id) if one.kind in ADDRESSED],
        list_objections(session, community, case),
        case.state in OBJECTION_STATES and open_objection(session, case) is None,
        ends,
        ends is None or now <= ends,
        announced.objection_route if announced else "",
    )


def _events(session: Session, case: Case) -> list[OwnEvent]:
    """Return what happened to a household, the latest first."""
    rows = session.scalars(
        select(CaseEvent)
        .where(
            CaseEvent.community_id == case.community_id,
            CaseEvent.case_id == case.id,
            CaseEvent.state.is_not(None) | CaseEvent.event.in_(sorted(TOLD)),
        )
        .order_by(CaseEvent.seq)
    )
    events: list[OwnEvent] = []
    before: State | None = None
    for one in rows:
        note = one.note if _is_for_household(one, before) else ""
        events.insert(0, OwnEvent(one.at, one.day, one.event, one.state, _deadline(one), note))
        before = one.state or before
    return events


def _is_for_household(event: CaseEvent, before: State | None) -> bool:
    """Tell whether what was written is the household's own, or a reason that it is given.

    A note that somebody made of a visit may name anybody, and stays on the case.
    """
    is_own = event.actor in {HOUSEHOLD, HOUSEHOLD_ACCOUNT}
    is_sent_back = event.state is State.SELF_CLEARING and before is State.INSPECTED
    return is_own or is_sent_back or event.event in _QUOTED


def _deadline(event: CaseEvent) -> dt.date | None:
    told = event.data.get("to") if event.event in {SET, EXTENDED, RESUMED} else None
    return dt.date.fromisoformat(told) if told else None
