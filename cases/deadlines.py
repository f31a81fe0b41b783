"""The clock of a case: until when a household has time, and what stops it.

A deadline is a day, told to the household; it counts working days of the community's
calendar. An undecided objection stops the clock, and what was left of it is given
again from the decision on.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.calendar import add_working_days, is_announced, is_working_day, working_days
from cases.casework import lock_case
from cases.ledger import Book, Moment, time_problems
from cases.models import Case, CaseEvent
from cases.policy import Policy
from cases.signing import Signature, text_problems
from cases.workflow import AWAITED_STATES, State
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem
from layers.models import Community

SET = "case:deadline:set"
EXTENDED = "case:deadline:extended"
SUSPENDED = "case:deadline:suspended"
RESUMED = "case:deadline:resumed"


@dataclass(frozen=True)
class Clock:
    """Where the clock of a case stands on a day.

    ``left`` is how many working days the household has, ``over`` how many it is late;
    ``is_provisional`` where moved working days up to the deadline are not published.
    """

    deadline_on: dt.date | None
    suspended_on: dt.date | None
    left: int
    over: int
    is_provisional: bool


def clock(community: Community, case: Case, day: dt.date) -> Clock:
    """Return where the clock of ``case`` stands on ``day``."""
    deadline, country = case.deadline_on, community.calendar
    if deadline is None:
        return Clock(None, case.suspended_on, 0, 0, is_provisional=False)
    late = working_days(country, deadline, day) if _counts(case) else 0
    return Clock(
        deadline,
        case.suspended_on,
        working_days(country, case.suspended_on or day, deadline),
        late,
        not is_announced(country, deadline.year),
    )


def is_overdue(day: dt.date) -> ColumnElement[bool]:
    """Return the condition by which a case is overdue on ``day``, for lists."""
    return and_(
        Case.deadline_on < day, Case.suspended_on.is_(None), Case.state.in_(sorted(AWAITED_STATES))
    )


def overdue(case: Case, day: dt.date) -> bool:
    """Return whether a case is overdue on ``day``."""
    return case.deadline_on is not None and case.deadline_on < day and _counts(case)


def _counts(case: Case) -> bool:
    return case.suspended_on is None and case.state in AWAITED_STATES


def default_deadline(community: Community, issued_on: dt.date) -> dt.date:
    """Return the deadline of an announcement that names none."""
    days = Policy.of(community.policy).announcement_days
    return add_working_days(community.calendar, issued_on, days)


def visit_due(community: Community, case: Case) -> dt.date | None:
    """Return the day by which an announced household is visited, ``None`` once it was."""
    if case.state is not State.ANNOUNCED or case.suspended_on is not None:
        return None
    days = Policy.of(community.policy).visit_days
    return add_working_days(community.calendar, case.state_since, days)


def deadline_problems(
    community: Community, issued_on: dt.date, deadline_on: dt.date
) -> list[Problem]:
    """Return why ``deadline_on`` cannot be the deadline of what is issued on ``issued_on``."""
    least = Policy.of(community.policy).shortest_announcement_days
    earliest = add_working_days(community.calendar, issued_on, least)
    if deadline_on >= earliest:
        return _no_working_day(community, deadline_on)
    return [
        Problem(
            "deadline_too_soon",
            f"{deadline_on} leaves fewer than {least} working days.",
            f"Choose {earliest} or later.",
            field="deadline_on",
        )
    ]


def set_deadline(
    session: Session,
    community: Community,
    case: Case,
    deadline_on: dt.date,
    by: Signature,
    *,
    document: str = "",
) -> Case:
    """Give a case its deadline, as an announcement or a deadline notice names it.

    ``document`` is the number of that paper. Time that was given is not taken back. The
    caller commits. Raises ``InputError`` with everything that is wrong.
    """
    case = lock_case(session, community, case.id, by.version)
    moment = Moment.of(community, by.at)
    problems = [
        *by.lacks(Permission.CASE_ANNOUNCE),
        *time_problems(session, community.id, case.id, moment.at),
        *_not_awaited(case),
        *deadline_problems(community, moment.day, deadline_on),
        *_too_early(case, deadline_on),
    ]
    if problems:
        raise InputError(problems)
    _change(session, community, case, moment, by, deadline_on, SET, document=document)
    return case


def extend(
    session: Session,
    community: Community,
    case_id: uuid.UUID,
    deadline_on: dt.date,
    reason: str,
    by: Signature,
) -> Case:
    """Give a household until ``deadline_on``, for a reason; see :func:`set_deadline`."""
    case = lock_case(session, community, case_id, by.version)
    moment = Moment.of(community, by.at)
    problems = [
        *by.lacks(Permission.CASE_EXTEND),
        *time_problems(session, community.id, case.id, moment.at),
        *text_problems([("reason", reason)]),
        *_not_awaited(case),
        *_not_extended(session, community, case, deadline_on),
    ]
    if problems:
        raise InputError(problems)
    _change(session, community, case, moment, by, deadline_on, EXTENDED, note=reason)
    return case


def latest_extension(session: Session, community: Community, case: Case) -> dt.date | None:
    """Return the last day to which the deadline may be extended now, ``None`` if to none."""
    if case.deadline_on is None or _not_awaited(case):
        return None
    left = _left_to_extend(session, community, case)
    return add_working_days(community.calendar, case.deadline_on, left) if left else None


def suspend(book: Book, community: Community, case: Case, moment: Moment, by: Signature) -> None:
    """Stop the clock of a locked case; what is left of it is part of the event."""
    case.suspended_on = moment.day
    if case.deadline_on is not None:
        left = working_days(community.calendar, moment.day, case.deadline_on)
        data = {"deadline_on": case.deadline_on.isoformat(), "left": left}
        book.record(moment, (community.id, case.id), by.actor, SUSPENDED, data=data)


def resume(book: Book, community: Community, case: Case, moment: Moment, by: Signature) -> None:
    """Let the clock of a locked case run on with the working days that were left."""
    since, before = case.suspended_on, case.deadline_on
    case.suspended_on = None
    if since is None or before is None:
        return
    left = working_days(community.calendar, since, before)
    if left:
        case.deadline_on = add_working_days(community.calendar, moment.day, left)
    data = {"from": before.isoformat(), "to": str(case.deadline_on), "left": left}
    book.record(moment, (community.id, case.id), by.actor, RESUMED, data=data)


def _change(
    session: Session,
    community: Community,
    case: Case,
    moment: Moment,
    by: Signature,
    deadline_on: dt.date,
    event: str,
    *,
    document: str = "",
    note: str = "",
) -> None:
    before = case.deadline_on
    data: dict[str, Any] = {"from": before and before.isoformat(), "to": deadline_on.isoformat()}
    if event == EXTENDED and before is not None:
        data["days"] = working_days(community.calendar, before, deadline_on)
    case.deadline_on, case.version = deadline_on, case.version + 1
    book = Book(SurveyCRS(community.survey_srid))
    key = community.id, case.id
    book.record(moment, key, by.actor, event, document=document, note=note, data=data)
    session.flush()
    book.post(session)


def _not_awaited(case: Case) -> list[Problem]:
    """Only a household that is asked to clear has a deadline, and not while its clock stands."""
    if case.suspended_on is not None:
        text = f"An objection of {case.suspended_on} is undecided; the clock stands."
        return [Problem("clock_stands", text, "Decide the objection first.")]
    if case.state in AWAITED_STATES:
        return []
    text = f"A case that is {case.state} has no deadline."
    return [Problem("no_deadline", text, f"Announce it first ({State.ANNOUNCED}).")]


def _not_extended(
    session: Session, community: Community, case: Case, deadline_on: dt.date
) -> list[Problem]:
    """A deadline moves later alone, and by no more than the policy allows in all."""
    if case.deadline_on is None:
        return [Problem("no_deadline", "The case has no deadline.", "Set one by an announcement.")]
    if deadline_on == case.deadline_on:
        return [_not_later(deadline_on, case.deadline_on)]
    if early := _too_early(case, deadline_on):
        return early
    left = _left_to_extend(session, community, case)
    latest = add_working_days(community.calendar, case.deadline_on, left)
    if deadline_on <= latest:
        return _no_working_day(community, deadline_on)
    text = f"A deadline is not extended without end; {left} working days are left."
    remedy = f"Choose {latest} or earlier." if left else "It cannot be extended any more."
    return [Problem("extended_too_far", text, remedy, field="deadline_on")]


def _too_early(case: Case, deadline_on: dt.date) -> list[Problem]:
    """A household keeps the time that it was given."""
    before = case.deadline_on
    return [] if before is None or deadline_on >= before else [_not_later(deadline_on, before)]


def _not_later(deadline_on: dt.date, before: dt.date) -> Problem:
    text = f"{deadline_on} is not later than the deadline, {before}."
    return Problem("not_later", text, "Choose a later day.", field="deadline_on")


def _left_to_extend(session: Session, community: Community, case: Case) -> int:
    """Return by how many working days more the policy lets the deadline be extended."""
    most = Policy.of(community.policy).extension_days
    return max(0, most - _extended(session, case))


def _extended(session: Session, case: Case) -> int:
    """Return by how many working days the deadline was extended since it was set."""
    ours = (CaseEvent.community_id == case.community_id) & (CaseEvent.case_id == case.id)
    began = select(func.max(CaseEvent.seq)).where(ours, CaseEvent.event == SET).scalar_subquery()
    days = session.scalars(
        select(CaseEvent.data["days"].as_integer()).where(
            ours, CaseEvent.event == EXTENDED, CaseEvent.seq > began
        )
    )
    return sum(days)


def _no_working_day(community: Community, day: dt.date) -> list[Problem]:
    if is_working_day(community.calendar, day):
        return []
    after = add_working_days(community.calendar, day, 1)
    text = f"{day} is not a working day."
    return [Problem("no_working_day", text, f"Choose {after}.", field="deadline_on")]
