"""Move a case through the workflow, with what each move does to the area ledger.

Every move runs under a lock on its case, checks all that it needs at once, and
writes the event, the entries and the projections in the caller's transaction.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.declared import declare, take_back_declared
from cases.ground import ANNOUNCED_GROUND, Ground
from cases.ledger import Book, Moment, time_problems
from cases.models import Case, CaseEvent, Encroachment, EntryKind
from cases.observing import observe
from cases.requirements import NOTHING_LEFT, Nothing, Request, Requirements
from cases.signing import Signature, length_problems
from cases.workflow import (
    BY_THE_RECORD,
    DEADLINE_STATES,
    MOVES,
    UNCONFIRMED_STATES,
    Move,
    State,
    moves_from,
)
from gis.precision import firm
from gis.problems import InputError, Problem
from layers.models import (
    STORAGE_SRID,
    Community,
    Observation,
    ObservationStatus,
    Purpose,
)
from layers.places import lock_community

__all__ = [
    "NOTHING_LEFT",
    "AvailableMove",
    "Nothing",
    "Request",
    "StaleVersion",
    "available_moves",
    "confirm",
    "lock_case",
    "move",
    "unconfirmed",
]


class StaleVersion(Exception):
    """Somebody else changed the case since the caller read it."""

    def __init__(self, case: Case) -> None:
        """Keep the case as it is now."""
        self.case = case
        super().__init__(
            f"The case has changed since it was read (version {case.version} now)."
            " Read it again and repeat what still applies."
        )


@dataclass(frozen=True)
class AvailableMove:
    """A move that the table allows now, and what it still lacks."""

    move: Move
    is_permitted: bool
    lacks: tuple[Problem, ...]


def move(session: Session, community: Community, case_id: uuid.UUID, request: Request) -> Case:
    """Make one move; raises ``InputError`` with everything that it lacks, by field.

    The caller commits. Raises ``StaleVersion`` where ``request.version`` is not
    the case's.
    """
    case = lock_case(session, community, case_id, request.version)
    work = _Work(session, community, case, request)
    step = MOVES.get((case.state, request.target))
    problems = (
        [_not_allowed(case, request.target)] if step is None else work.requirements.problems(step)
    )
    if step is None or problems:
        raise InputError(problems)
    work.carry_out(step)
    return case


def lock_case(
    session: Session, community: Community, case_id: uuid.UUID, version: int | None = None
) -> Case:
    """Return a case, locked with its community until the transaction ends.

    Raises ``InputError`` where there is none, and ``StaleVersion`` where ``version`` is
    given and not the case's.
    """
    lock_community(session, community.id)
    # Not against those who only refer to the case: they may wait for the community.
    case = session.get(
        Case,
        (community.id, case_id),
        with_for_update={"key_share": True},
        populate_existing=True,
    )
    if case is None:
        raise InputError(
            [Problem("unknown_case", "There is no such case.", "Choose one from the list.")]
        )
    if version is not None and version != case.version:
        raise StaleVersion(case)
    return case


def available_moves(
    session: Session,
    community: Community,
    case: Case,
    actor: str,
    permissions: frozenset[Permission] | None,
) -> list[AvailableMove]:
    """Return the moves from the case's state, each with what an empty request lacks."""
    found = []
    for step in moves_from(case.state):
        work = _Work(session, community, case, Request(step.target, actor))
        allowed = permissions is None or step.permission in permissions
        if not step.requires & BY_THE_RECORD:
            found.append(AvailableMove(step, allowed, tuple(work.requirements.problems(step))))
    return found


def confirm(
    session: Session, community: Community, case_id: uuid.UUID, by: Signature, note: str = ""
) -> Case:
    """Verify the encroachments that were found after the case itself was verified.

    The caller commits. Raises ``InputError`` with everything that is wrong, and
    ``StaleVersion`` where ``by.version`` is not the case's.
    """
    case = lock_case(session, community, case_id, by.version)
    request = Request(case.state, by.actor, by.at, reason=note)
    work = _Work(session, community, case, request)
    problems = [
        *by.lacks(Permission.CASE_VERIFY),
        *time_problems(session, community.id, case.id, work.moment.at),
        *length_problems([("note", note)]),
        *([] if unconfirmed(work.ground) else [_nothing_to_confirm(case)]),
    ]
    if problems:
        raise InputError(problems)
    work.verify()
    case.version += 1
    work.record("case:area:confirmed", None)
    return case


def unconfirmed(ground: Ground) -> list[Encroachment]:
    """Return what was found after its case was verified, and nobody has confirmed."""
    if ground.case.state in UNCONFIRMED_STATES:
        return ground.unverified()
    return []


def _nothing_to_confirm(case: Case) -> Problem:
    return Problem(
        "nothing_to_confirm",
        f"The case is {case.state} and has no area to confirm.",
        "Verify a suspected case; confirm only what was found later.",
    )


class _Work:
    """One request on one locked case."""

    def __init__(
        self, session: Session, community: Community, case: Case, request: Request
    ) -> None:
        self.session = session
        self.community = community
        self.case = case
        self.request = request
        self.moment = Moment.of(community, request.at)
        self.ground = Ground(session, community, case)
        self.requirements = Requirements(self.ground, request, self.moment)
        self.book = Book(self.ground.survey)

    def carry_out(self, step: Move) -> None:
        """Do what the move does to areas, then move and record."""
        effects: dict[State, Callable[[], None]] = {
            State.SUSPECTED: self._doubt,
            State.VERIFIED: self.verify,
            State.REJECTED: self._reject,
            State.SELF_CLEARING: self._declare,
            State.ASSISTED: self._declare,
            State.VISITED: self._withdraw_declaration,
            State.ACCEPTED: self._accept,
        }
        observation = self._store_residual() if step.target is State.INSPECTED else None
        effects.get(step.target, lambda: None)()
        self.case.state = step.target
        self.case.state_since = self.moment.day
        self.case.version += 1
        if step.target not in DEADLINE_STATES:
            self.case.deadline_on = None
        self.record(f"case:state:{step.target}", step.target, observation)

    def record(self, event: str, state: State | None, observation: uuid.UUID | None = None) -> None:
        """Write the event and everything entered in the area ledger."""
        self.book.record(
            self.moment,
            (self.community.id, self.case.id),
            self.request.actor,
            event,
            state=state,
            document=self.request.document,
            note=self.request.reason,
            observation=observation,
            data=self._data(),
        )
        self.session.flush()
        self.book.post(self.session)

    def _data(self) -> dict[str, Any]:
        """Return what the event says beside its columns."""
        data: dict[str, Any] = {}
        if self.request.residual is NOTHING_LEFT:
            data["nothing_left"] = True
        if self.request.target is State.REFERRED:
            data["addressee"] = self.request.addressee
        if self.request.objection is not None:
            data["objection"] = str(self.request.objection)
        if self.request.announcement is not None:
            data["announcement"] = str(self.request.announcement)
            shown = [found for found in self.ground.encroachments() if found.verified_on]
            data[ANNOUNCED_GROUND] = [str(found.id) for found in shown if found.standing]
        return data

    def _doubt(self) -> None:
        """Count what was verified as suspected again, until somebody verifies it anew."""
        take_back_declared(self.session, self.book, self.moment, self.case)
        for found in self.ground.encroachments():
            if found.verified_on is None:
                continue
            ground = self.ground.in_survey(found.geom)
            self._enter(EntryKind.ENCROACHED, found, ground, -found.occupied_m2)
            self._enter(EntryKind.SUSPECTED, found, ground, found.occupied_m2)
            found.verified_on = None

    def verify(self) -> None:
        """Count what was suspected as encroached."""
        for found in self.ground.unverified():
            ground = self.ground.in_survey(found.geom)
            self._enter(EntryKind.SUSPECTED, found, ground, -found.occupied_m2)
            self._enter(EntryKind.ENCROACHED, found, ground, found.occupied_m2)
            found.verified_on = self.moment.day

    def _reject(self) -> None:
        """Take the case's areas back and withdraw the observations behind them."""
        take_back_declared(self.session, self.book, self.moment, self.case)
        for found in self.ground.encroachments():
            kind = EntryKind.SUSPECTED if found.verified_on is None else EntryKind.ENCROACHED
            self._enter(kind, found, self.ground.in_survey(found.geom), -found.occupied_m2)
            found.superseded_on, found.standing = self.moment.day, None
            observation = self.session.get_one(
                Observation, (self.community.id, found.observation_id)
            )
            observation.status = ObservationStatus.WITHDRAWN
            observation.ended_on = self.moment.day
            # It waits for flagging, as neighbours may now own ground that it had.

    def _declare(self) -> None:
        """Enter what the household says it clears."""
        verified = [found for found in self.ground.encroachments() if found.verified_on is not None]
        declare(self.session, self.book, self.moment, self.case, verified)

    def _withdraw_declaration(self) -> None:
        """Take a declaration back when the household must be visited again."""
        take_back_declared(self.session, self.book, self.moment, self.case)

    def _accept(self) -> None:
        """Enter as reclaimed what the re-survey found free, and keep what it did not."""
        standing = [found for found in self.ground.encroachments() if found.verified_on is not None]
        standing = [found for found in standing if found.standing is not None]
        result = self.ground.residual_of(standing)
        left = self.ground.survey.to_storage(firm(result.occupied.geometry))
        for index, found in enumerate(standing):
            freed = result.reclaimed.geometry[index]
            if freed is not None:
                self._enter(EntryKind.RECLAIMED, found, freed, result.reclaimed.area_m2[index])
                found.cleared_on = self.moment.day
            found.standing = None if left[index] is None else _stored(left[index])

    def _store_residual(self) -> uuid.UUID | None:
        """Keep the re-survey's polygon as an observation of purpose residual."""
        if not isinstance(self.request.residual, shapely.Geometry):
            return None
        count = self.session.scalar(
            select(func.count()).where(
                CaseEvent.community_id == self.community.id,
                CaseEvent.case_id == self.case.id,
                CaseEvent.state == State.INSPECTED,
            )
        )
        return observe(
            self.session,
            self.community,
            self.request.residual,
            ref=f"R-{self.case.id.hex[:12]}-{int(count or 0) + 1}",
            purpose=Purpose.RESIDUAL,
            observed_on=self.moment.day,
            rms_m=self._residual_rms(),
            note=self.request.reason,
        ).id

    def _residual_rms(self) -> float:
        """Measure the residual as well as the survey that found the encroachment."""
        found = self.ground.encroachments()
        key = (self.community.id, found[0].observation_id)
        return self.session.get_one(Observation, key).rms_m

    def _enter(
        self, kind: EntryKind, found: Encroachment, ground: shapely.Geometry, m2: float
    ) -> None:
        key = (self.community.id, self.case.id, found.id)
        self.book.enter(kind, self.moment, key, ground, m2)


def _not_allowed(case: Case, target: State) -> Problem:
    open_ways = ", ".join(step.target for step in moves_from(case.state)) or "nowhere"
    return Problem(
        "move_not_allowed",
        f"A case that is {case.state} does not become {target}.",
        f"From {case.state} it goes to: {open_ways}.",
        field="target",
    )


def _stored(geometry: shapely.Geometry) -> WKBElement:
    return from_shape(geometry, srid=STORAGE_SRID)
