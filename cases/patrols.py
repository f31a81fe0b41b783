"""Patrols over cleared ground, for a year after its acceptance (DOMAIN, product rule 19).

What is due follows from the acceptance and the community's days alone; a row is kept of
each patrol that was made. One look serves for every earlier day that was missed.
"""

import datetime as dt
import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.casework import lock_case, move
from cases.ground import Ground, acceptance_day
from cases.ledger import Book, Moment, time_problems
from cases.models import Campaign, Case, Encroachment, Patrol, PatrolOutcome
from cases.policy import Days, Policy
from cases.requirements import Request
from cases.sightings import Sighting, keep_sighting, note_problems, polygon_problems
from cases.signing import Signature
from cases.workflow import CLEARED_STATES, State
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem, Said
from layers.bulk import among
from layers.frames import Rows
from layers.models import Building, Community, Household, Observation, Purpose, StructureType

CLEAR = "patrol:case:clear"
REBOUND = "patrol:case:rebound"
_PATROLLED = (State.ACCEPTED, State.MONITORING)


class Found(enum.StrEnum):
    """What somebody says that they found on cleared ground."""

    CLEAR = "clear"
    SAME = "same"
    TAKEN = "taken"


@dataclass(frozen=True)
class SamePolygon:
    """The ground is taken again as it was before it was cleared."""


SAME_AS_BEFORE = SamePolygon()


@dataclass(frozen=True)
class Slot:
    """One of the days on which cleared ground is looked at again."""

    days: int
    due_on: dt.date


@dataclass(frozen=True)
class NextPatrol:
    """The patrol of a case that is due, or the next that will be."""

    case_id: uuid.UUID
    number: int
    year: int
    household: str
    building: str | None
    state: State
    accepted_on: dt.date
    slot: Slot

    def is_due(self, day: dt.date) -> bool:
        """Tell whether it should have been made by ``day``."""
        return self.slot.due_on <= day


def next_slot(schedule: Days, accepted_on: dt.date, done: int, day: dt.date) -> Slot | None:
    """Return the patrol to make on ``day``: the last one due, else the first to come.

    ``done`` is the latest made since the acceptance, 0 for none; ``None`` after the last.
    """
    left = [Slot(days, accepted_on + dt.timedelta(days)) for days in schedule if days > done]
    due = [slot for slot in left if slot.due_on <= day]
    return due[-1] if due else next(iter(left), None)


def next_patrols(
    session: Session,
    community: Community,
    day: dt.date,
    cases: Sequence[uuid.UUID] | None = None,
) -> list[NextPatrol]:
    """Return the next patrol of each cleared case, the longest due first."""
    schedule = Policy.of(community.policy).patrol_days
    rows = _cleared(community)
    if cases is not None:
        rows = rows.where(among(Case.id, cases))
    found = []
    for case_id, number, started, household, building, state, accepted_on, done in session.execute(
        rows
    ):
        slot = next_slot(schedule, accepted_on, done, day)
        if slot is not None:
            found.append(
                NextPatrol(
                    case_id, number, started.year, household, building, state, accepted_on, slot
                )
            )
    return sorted(found, key=lambda one: (one.slot.due_on, one.number))


def due_patrols(session: Session, community: Community, day: dt.date) -> list[NextPatrol]:
    """Return the patrols that should have been made by ``day``, the longest due first."""
    return [one for one in next_patrols(session, community, day) if one.is_due(day)]


def made_patrols(session: Session, case: Case) -> Sequence[Patrol]:
    """Return the patrols of a case that were made, in their order."""
    return session.scalars(
        select(Patrol)
        .where(
            Patrol.community_id == case.community_id,
            Patrol.case_id == case.id,
            Patrol.done_on.is_not(None),
        )
        .order_by(Patrol.done_on, Patrol.days)
    ).all()


def record_clear(
    session: Session, community: Community, case_id: uuid.UUID, note: str, by: Signature
) -> Patrol:
    """Record that a due patrol found the ground clear; the case moves on as the table says.

    An accepted case comes to monitoring, and is closed after the last patrol where the
    account may close it. The caller commits. Raises ``InputError``.
    """
    case = lock_case(session, community, case_id, by.version)
    moment = Moment.of(community, by.at)
    accepted_on, slot = _slot(session, community, case, moment.day)
    problems = [
        *by.lacks(Permission.CASE_INSPECT),
        *time_problems(session, community.id, case.id, moment.at),
        *note_problems(note),
        *(_not_patrolled(case, _PATROLLED) or _not_due(slot, moment.day)),
    ]
    if problems or slot is None or accepted_on is None:
        raise InputError(problems)
    made = _made(case, accepted_on, slot, moment.day, by, PatrolOutcome.CLEAR, note)
    session.add(made)
    _record(session, community, case, CLEAR, moment, by, note, _data(slot))
    _move_on(session, community, case, slot, by)
    return made


def record_rebound(
    session: Session,
    community: Community,
    case_id: uuid.UUID,
    polygon: shapely.Geometry | SamePolygon | None,
    structure_type: StructureType,
    note: str,
    by: Signature,
) -> Observation:
    """Record that cleared ground of a case is taken again, whoever took it.

    The polygon (EPSG:4326) is an observation of purpose patrol, flagged at once. A
    rebound needs no due patrol; where one is due, or is to come, it counts as made. The
    caller commits. Raises ``InputError`` also where no cleared ground is taken.
    """
    case = lock_case(session, community, case_id, by.version)
    moment = Moment.of(community, by.at)
    accepted_on, slot = _slot(session, community, case, moment.day)
    seen = _sighting(session, community, case, polygon, structure_type, note)
    problems = [
        *by.lacks(Permission.CASE_INSPECT),
        *by.lacks(Permission.CASE_VERIFY),
        *time_problems(session, community.id, case.id, moment.at),
        *note_problems(note),
        *_not_patrolled(case, CLEARED_STATES),
        *polygon_problems(seen.polygon, _ground(session, community, case)),
        *_same_day(accepted_on, moment.day),
    ]
    if problems:
        raise InputError(problems)
    # Flagging and the patrol are one moment, also where nobody says when.
    at_once = replace(by, at=moment.at)
    kept, _report = keep_sighting(session, community, seen, Purpose.PATROL, at_once)
    session.refresh(case)
    if case.state is not State.REBOUND:
        raise InputError([_no_rebound()])
    if slot is not None and accepted_on is not None:
        made = _made(case, accepted_on, slot, moment.day, by, PatrolOutcome.REBOUND, note)
        made.observation_id = kept.id
        session.add(made)
    _record(session, community, case, REBOUND, moment, by, note, _data(slot), kept.id)
    return kept


def _cleared(community: Community) -> Rows:
    """Select each cleared case with the day of its acceptance and its latest patrol since."""
    accepted_on = acceptance_day()
    done = (
        select(func.coalesce(func.max(Patrol.days), 0))
        .where(
            Patrol.community_id == Case.community_id,
            Patrol.case_id == Case.id,
            Patrol.accepted_on == accepted_on,
            Patrol.done_on.is_not(None),
        )
        .correlate(Case)
        .scalar_subquery()
    )
    own = (Household.community_id == Case.community_id) & (Household.id == Case.household_id)
    around = (Building.community_id == Household.community_id) & (
        Building.id == Household.building_id
    )
    within = (Campaign.community_id == Case.community_id) & (Campaign.id == Case.campaign_id)
    return (
        select(
            Case.id,
            Case.number,
            Campaign.started_on,
            Household.ref,
            Building.ref,
            Case.state,
            accepted_on,
            done,
        )
        .join(Household, own)
        .join(Campaign, within)
        .outerjoin(Building, around)
        .where(Case.community_id == community.id, Case.state.in_(_PATROLLED))
    )


def _slot(
    session: Session, community: Community, case: Case, day: dt.date
) -> tuple[dt.date | None, Slot | None]:
    """Return when a case was last accepted, and the patrol that a look on ``day`` counts for."""
    patrolled = Ground(session, community, case).patrolled()
    if patrolled is None:
        return None, None
    schedule = Policy.of(community.policy).patrol_days
    return patrolled[0], next_slot(schedule, *patrolled, day)


def _sighting(
    session: Session,
    community: Community,
    case: Case,
    polygon: shapely.Geometry | SamePolygon | None,
    structure_type: StructureType,
    note: str,
) -> Sighting:
    if not isinstance(polygon, SamePolygon):
        return Sighting(polygon, structure_type, note)
    cleared = _freed(session, community, case)
    if not cleared:
        return Sighting(None, structure_type, note)
    seen = session.get_one(Observation, (community.id, cleared[0].observation_id))
    whole = shapely.union_all([to_shape(found.geom) for found in cleared])
    return Sighting(whole, structure_type, note, seen.rms_m)


def _freed(session: Session, community: Community, case: Case) -> list[Encroachment]:
    found = Ground(session, community, case).encroachments()
    return [one for one in found if one.cleared_on is not None]


def _ground(session: Session, community: Community, case: Case) -> shapely.Geometry | None:
    grounds = [to_shape(found.geom) for found in _freed(session, community, case)]
    return shapely.union_all(grounds) if grounds else None


def _made(
    case: Case,
    accepted_on: dt.date,
    slot: Slot,
    day: dt.date,
    by: Signature,
    outcome: PatrolOutcome,
    note: str,
) -> Patrol:
    return Patrol(
        community_id=case.community_id,
        case_id=case.id,
        accepted_on=accepted_on,
        days=slot.days,
        due_on=slot.due_on,
        done_on=day,
        actor=by.actor,
        outcome=outcome,
        note=note.strip(),
    )


def _record(
    session: Session,
    community: Community,
    case: Case,
    event: str,
    moment: Moment,
    by: Signature,
    note: str,
    data: dict[str, object],
    observation: uuid.UUID | None = None,
) -> None:
    book = Book(SurveyCRS(community.survey_srid))
    book.record(
        moment,
        (community.id, case.id),
        by.actor,
        event,
        note=note.strip(),
        observation=observation,
        data=data,
    )
    case.version += 1
    session.flush()
    book.post(session)


def _data(slot: Slot | None) -> dict[str, object]:
    return {} if slot is None else {"days": slot.days, "due_on": slot.due_on.isoformat()}


def _move_on(session: Session, community: Community, case: Case, slot: Slot, by: Signature) -> None:
    """Bring a case that is clear to monitoring, and to its end after the last patrol."""
    may_close = by.permissions is None or Permission.CASE_ACCEPT in by.permissions
    is_last = slot.days == Policy.of(community.policy).patrol_days[-1]
    if case.state is State.ACCEPTED:
        request = Request(State.MONITORING, by.actor, by.at, permissions=by.permissions)
        move(session, community, case.id, request)
    if is_last and may_close:
        request = Request(State.CLOSED, by.actor, by.at, permissions=by.permissions)
        move(session, community, case.id, request)


def _not_patrolled(case: Case, states: Sequence[State] | frozenset[State]) -> list[Problem]:
    if case.state in states:
        return []
    text = Said("A case that is {state} has no patrols.", state=case.state)
    return [Problem("no_patrol", text, "Patrols follow its acceptance.")]


def _not_due(slot: Slot | None, day: dt.date) -> list[Problem]:
    if slot is None:
        text, remedy = "Every patrol of the case has been made.", "Close the case."
        return [Problem("patrols_done", text, remedy)]
    if slot.due_on <= day:
        return []
    text = Said("The next patrol is due on {due_on}.", due_on=slot.due_on)
    return [Problem("patrol_not_due", text, "Record it from that day on.", field="at")]


def _same_day(accepted_on: dt.date | None, day: dt.date) -> list[Problem]:
    """What is seen on the day of a clearance shows the ground as it was before."""
    if accepted_on is None or day > accepted_on:
        return []
    text = Said("The ground was accepted as cleared on {accepted_on}.", accepted_on=accepted_on)
    return [Problem("same_day", text, "A rebound is seen on a later day.", field="at")]


def _no_rebound() -> Problem:
    return Problem(
        "no_rebound",
        "The polygon takes no ground that this case had cleared, or less than surveys can tell.",
        "Draw what is taken again, or enter new ground as an observation.",
        field="polygon",
    )
