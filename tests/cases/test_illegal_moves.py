"""What the table does not allow is refused with its reason, and leaves no trace."""

import datetime as dt
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from cases.casework import NOTHING_LEFT, Request, StaleVersion, confirm, move
from cases.chain import first_fault, head
from cases.ground import Ground
from cases.models import AreaEntry, Case, CaseEvent
from cases.signing import Signature
from cases.workflow import BY_THE_RECORD, MOVES, Move, Requirement, State, moves_from
from gis.problems import InputError
from layers.models import Observation
from tests import builders
from tests.cases.conftest import MORNING, Scene, rectangle

AGAIN = (State.ANNOUNCED, State.VISITED, State.DECLINED)

# A poster is what a walk can bring; what is observed or decided is not.
UNASKED = BY_THE_RECORD - {Requirement.ANNOUNCEMENT}

# By which moves a case comes to each state; a rebound is seen after the acceptance.
PATHS: dict[State, list[State]] = {State.SUSPECTED: []}
_waiting = deque([State.SUSPECTED])
while _waiting:
    for _step in moves_from(_waiting.popleft()):
        if _step.target not in PATHS and not _step.requires & UNASKED:
            PATHS[_step.target] = [*PATHS[_step.source], _step.target]
            _waiting.append(_step.target)
PATHS[State.REBOUND] = PATHS[State.ACCEPTED]


@dataclass
class Walk:
    """A case on its way through the table, and what was refused on it."""

    scene: Scene
    refused: int = 0
    states: set[State] = field(default_factory=set)
    lacked: set[Requirement] = field(default_factory=set)

    @property
    def case(self) -> Case:
        """Return the one case of the scene."""
        return self.scene.cases()[0]

    def cleared(self) -> bool:
        """Return whether ground of the case was accepted as cleared before."""
        return any(found.cleared_on is not None for found in self.scene.current())

    def begin(self, state: State) -> None:
        """Bring a new case to ``state``, each step as the table allows it."""
        self.scene.clock = MORNING
        self.scene.observe("O1", 2, 1, 4, 5)
        self.scene.flag()
        for target in PATHS[state]:
            self.go(target)
        if state is State.REBOUND:
            self.scene.observe("O2", 2, 1, 4, 5, observed_on=self.scene.tick().date())
            self.scene.flag()
        assert self.case.state is state

    def go(self, target: State) -> None:
        """Make a move with all that it could need."""
        self.ready(target)
        request = self.full(target)
        assert request.at is not None
        if target is State.ANNOUNCED:
            builders.announce(self.scene.session, self.case, request.at, request.actor)
        else:
            move(self.scene.session, self.scene.community, self.case.id, request)
        self.scene.session.expire_all()

    def ready(self, target: State) -> None:
        """Let happen what a move to ``target`` rests on."""
        if target is State.CLOSED:
            accepted = Ground(self.scene.session, self.scene.community, self.case).patrolled()
            if accepted is not None and not accepted[1]:
                builders.patrolled(self.scene.session, self.case, accepted[0])
        if target is State.ANNOUNCED and self.case.state in AGAIN:
            self.find_more()
        if target is State.REFERRED and self.case.state is State.DECLINED:
            if not Ground(self.scene.session, self.scene.community, self.case).is_announced():
                # Declared unasked, visited and declined: no poster gave it time.
                for one in (State.ANNOUNCED, State.VISITED, State.DECLINED):
                    self.go(one)
            assert self.case.deadline_on is not None
            past = self.case.deadline_on + dt.timedelta(days=1)
            noon = dt.datetime.combine(past, dt.time(4), dt.UTC)
            self.scene.clock = max(self.scene.clock, noon)

    def find_more(self) -> None:
        """Let the case come to hold ground that no poster showed."""
        column, row = divmod(len(self.scene.current()), 4)
        self.scene.observe(builders.fresh("M"), 6.3 + 1.8 * (column % 2), 0.5 + 2.3 * row, 1.6, 2)
        self.scene.flag()
        at = self.scene.tick()
        confirm(self.scene.session, self.scene.community, self.case.id, Signature("ana", at))
        self.scene.session.expire_all()

    def full(self, target: State) -> Request:
        """Return a request that lacks nothing."""
        actor = "bo" if target is State.ACCEPTED else "ana"
        return Request(
            target,
            actor,
            announcement=uuid.uuid4() if target is State.ANNOUNCED else None,
            at=self.scene.tick(),
            document="D-1",
            reason="as the minutes say",
            residual=NOTHING_LEFT,
        )

    def record(self) -> tuple[Any, ...]:
        """Return everything that a refusal must leave as it is."""
        session, community = self.scene.session, self.scene.community
        session.flush()
        session.expire_all()
        rows = (CaseEvent, AreaEntry, Observation)
        return (
            [(one.id, one.state, one.state_since, one.version) for one in self.scene.cases()],
            [(one.deadline_on, one.suspended_on) for one in self.scene.cases()],
            [
                (found.id, found.verified_on, found.cleared_on, found.standing is None)
                for found in sorted(self.scene.current(), key=lambda found: found.id)
            ],
            [
                session.scalar(select(func.count()).where(row.community_id == community.id))
                for row in rows
            ],
            head(session, community),
        )

    def refuse(self, request: Request, code: str) -> None:
        """Ask, be refused for the one reason, and find no trace of it."""
        before = self.record()
        with pytest.raises(InputError) as error:
            move(self.scene.session, self.scene.community, self.case.id, request)
        assert {problem.code for problem in error.value.problems} == {code}
        assert all(problem.message and problem.remedy for problem in error.value.problems)
        assert self.record() == before
        self.refused += 1
        self.states.add(self.case.state)

    def refuse_elsewhere(self, target: State) -> None:
        """Ask for a move that the table does not know."""
        self.refuse(self.full(target), "move_not_allowed")

    def refuse_without(self, step: Move, requirement: Requirement) -> None:
        """Ask for a move of the table that lacks one thing alone."""
        with self.aside():
            if requirement not in UNREADY:
                self.ready(step.target)
            lacking, code = LACKING[requirement](self, self.full(step.target))
            always = sorted(step.requires & UNASKED - {requirement})
            if not always:
                self.refuse(lacking, code)
                self.lacked.add(requirement)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take back whatever is done inside."""
        inside, clock = self.scene.session.begin_nested(), self.scene.clock
        try:
            yield
        finally:
            inside.rollback()
            self.scene.session.expire_all()
            self.scene.clock = clock


def _change(walk: Walk, **values: Any) -> None:
    """Give the case's ground other values than the campaign gave it."""
    for found in walk.scene.current():
        for name, value in values.items():
            setattr(found, name, value)
    walk.scene.session.flush()


def _undisputed_no_more(walk: Walk, full: Request) -> tuple[Request, str]:
    walk.scene.parcels[0].title_disputed = True
    walk.scene.session.flush()
    return full, "title_doubtful"


def _unverified(walk: Walk, full: Request) -> tuple[Request, str]:
    _change(walk, verified_on=None)
    return full, "unverified_ground"


def _cleared(walk: Walk, full: Request) -> tuple[Request, str]:
    _change(walk, cleared_on=dt.date(2022, 4, 2))
    return full, "already_cleared"


def _half_left(walk: Walk, full: Request) -> tuple[Request, str]:
    """Inspect once more, and find half of it standing."""
    walk.go(State.SELF_CLEARING)
    left = walk.scene.polygon(rectangle(2, 1, 2, 5))
    request = replace(walk.full(State.INSPECTED), residual=left)
    move(walk.scene.session, walk.scene.community, walk.case.id, request)
    return replace(full, at=walk.scene.tick()), "residual_too_large"


def _stopped(walk: Walk, full: Request) -> tuple[Request, str]:
    walk.case.suspended_on = walk.scene.clock.date()
    return full, "clock_stands"


def _promised(walk: Walk, full: Request) -> tuple[Request, str]:
    walk.case.deadline_on = walk.scene.clock.date() + dt.timedelta(days=30)
    return full, "deadline_not_passed"


def _more_found(walk: Walk, full: Request) -> tuple[Request, str]:
    walk.find_more()
    return replace(full, at=walk.scene.tick()), "ground_unannounced"


def _all_announced(walk: Walk, full: Request) -> tuple[Request, str]:
    if Ground(walk.scene.session, walk.scene.community, walk.case).unannounced_m2() > 0:
        walk.go(State.ANNOUNCED)
    return replace(full, at=walk.scene.tick()), "already_announced"


# What is lacking as long as nothing has happened for it.
UNREADY = {Requirement.PATROLS_DONE, Requirement.UNANNOUNCED_GROUND}
LACKING: dict[Requirement, Callable[[Walk, Request], tuple[Request, str]]] = {
    Requirement.DOCUMENT: lambda _walk, full: (replace(full, document=" "), "document_missing"),
    Requirement.REASON: lambda _walk, full: (replace(full, reason="\n"), "reason_missing"),
    Requirement.RESIDUAL: lambda _walk, full: (replace(full, residual=None), "residual_missing"),
    Requirement.SECOND_PERSON: lambda _walk, full: (replace(full, actor="ANA"), "same_person"),
    Requirement.NEW_OBSERVATION: lambda _walk, full: (full, "observation_missing"),
    Requirement.UPHELD_OBJECTION: lambda _walk, full: (full, "objection_missing"),
    Requirement.KNOWN_TITLE: _undisputed_no_more,
    Requirement.ALL_VERIFIED: _unverified,
    Requirement.NOTHING_CLEARED: _cleared,
    Requirement.RESIDUAL_WITHIN_TOLERANCE: _half_left,
    Requirement.CLOCK_RUNS: _stopped,
    Requirement.DEADLINE_PASSED: _promised,
    Requirement.ANNOUNCEMENT: lambda _walk, full: (
        replace(full, announcement=None),
        "announcement_missing",
    ),
    Requirement.UNANNOUNCED_GROUND: _all_announced,
    Requirement.GROUND_ANNOUNCED: _more_found,
    Requirement.PATROLS_DONE: lambda _walk, full: (full, "patrols_missing"),
}


def elsewhere(state: State) -> list[State]:
    """Return the states to which the table has no way from ``state``."""
    return [target for target in State if (state, target) not in MOVES]


def test_every_requirement_can_be_lacking() -> None:
    assert set(LACKING) == set(Requirement)
    assert set(PATHS) == set(State)


@pytest.mark.parametrize("state", State)
def test_from_every_state_what_is_illegal_leaves_no_trace(scene: Scene, state: State) -> None:
    walk = Walk(scene)
    walk.begin(state)
    for target in elsewhere(state):
        walk.refuse_elsewhere(target)
    for step in moves_from(state):
        for requirement in step.requires:
            walk.refuse_without(step, requirement)
        if step.requires & UNASKED:
            continue
        with walk.aside():
            walk.ready(step.target)
            full = walk.full(step.target)
            walk.refuse(replace(full, permissions=frozenset()), "not_permitted")
            tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
            walk.refuse(replace(full, at=tomorrow), "wrong_time")
            before = walk.record()
            with pytest.raises(StaleVersion):
                move(scene.session, scene.community, walk.case.id, replace(full, version=0))
            assert walk.record() == before
        with walk.aside():
            if not (walk.cleared() and Requirement.NOTHING_CLEARED in step.requires):
                walk.go(step.target)
    plain = [step for step in moves_from(state) if not step.requires & UNASKED]
    assert walk.lacked >= set().union(*(step.requires for step in plain))
    assert first_fault(scene.session, scene.community) is None


def test_200_illegal_moves_on_random_walks(scene: Scene) -> None:
    walk = Walk(scene)

    @settings(
        max_examples=4,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(choices=st.lists(st.integers(0, 1_000), min_size=4, max_size=8))
    def wander(start: State, choices: list[int]) -> None:
        with walk.aside():
            walk.begin(start)
            for choice in choices:
                _attempt(walk, choice)
                _onward(walk, choice)

    for state in State:
        wander(state)
    assert walk.refused >= 200
    assert walk.states == set(State)


def _attempt(walk: Walk, choice: int) -> None:
    """Ask for one of all moves that are illegal where the case is."""
    state = walk.case.state
    targets = elsewhere(state)
    steps = [(step, one) for step in moves_from(state) for one in sorted(step.requires)]
    if walk.cleared():
        # Already lacking, beside whatever else is taken away.
        steps = [one for one in steps if Requirement.NOTHING_CLEARED not in one[0].requires]
    if choice % 2 or not steps:
        walk.refuse_elsewhere(targets[choice // 2 % len(targets)])
    else:
        walk.refuse_without(*steps[choice // 2 % len(steps)])


def _onward(walk: Walk, choice: int) -> None:
    """Make one of the moves that are legal."""
    ways = [step.target for step in moves_from(walk.case.state) if _is_open(walk, step)]
    if ways:
        walk.go(ways[choice % len(ways)])


def _is_open(walk: Walk, step: Move) -> bool:
    if step.requires & UNASKED:
        return False
    return not (walk.cleared() and Requirement.NOTHING_CLEARED in step.requires)
