"""Random campaigns on three parcels: whatever people do, the record stays whole."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Protocol

import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from cases.casework import NOTHING_LEFT, Nothing, Request, confirm, move
from cases.checks import check_community
from cases.decisions import decide, withdraw
from cases.flagging import FlagReport, flag
from cases.ground import Ground
from cases.models import AreaEntry, Case, CaseEvent, Encroachment, EntryKind
from cases.objections import Decision, decide_objection, lodge
from cases.reassigning import reassign
from cases.signing import Signature
from cases.workflow import CLEARED_STATES, MOVES, State, moves_from
from gis.problems import InputError
from layers.models import Observation, ObservationStatus, Purpose
from tests import builders
from tests.cases.conftest import MORNING, Scene

NEVER_NEGATIVE = (
    "suspected_m2",
    "encroached_m2",
    "declared_m2",
    "reclaimed_m2",
    "rebound_m2",
    "outstanding_m2",
)
ONWARD = {
    State.SUSPECTED: State.VERIFIED,
    State.VERIFIED: State.SELF_CLEARING,
    State.ANNOUNCED: State.SELF_CLEARING,
    State.VISITED: State.SELF_CLEARING,
    State.SIGNED: State.ASSISTED,
    State.DECLINED: State.SELF_CLEARING,
    State.REBOUND: State.SELF_CLEARING,
    State.SELF_CLEARING: State.INSPECTED,
    State.ASSISTED: State.INSPECTED,
    State.REFERRED: State.INSPECTED,
    State.INSPECTED: State.ACCEPTED,
    State.ACCEPTED: State.MONITORING,
    State.MONITORING: State.CLOSED,
}


@dataclass
class Campaign:
    """A scene played step by step, with the figures that each day ended with."""

    scene: Scene
    days: dict[dt.date, dict[str, Any]] = field(default_factory=dict)

    def open_observations(self) -> list[Observation]:
        """Return what people saw and nobody took back, in the order of their refs."""
        return list(
            self.scene.session.scalars(
                select(Observation)
                .where(
                    Observation.community_id == self.scene.community.id,
                    Observation.status == ObservationStatus.OPEN,
                    Observation.purpose != Purpose.RESIDUAL,
                )
                .order_by(Observation.ref)
            )
        )

    def observe(self, place: "Place", **values: Any) -> None:
        """Draw a rectangle that then waits to be flagged."""
        self.scene.observe(values.pop("ref"), place.x, place.y, place.width, place.height, **values)

    def flag_twice(self) -> None:
        """Flag; a second run at once, and one that looks at everything again, change nothing."""
        self.scene.flag()
        before = self.record()
        assert _nothing(self.again())
        assert self.record() == before
        for seen in self.open_observations():
            builders.wait_again(self.scene.session, seen)
        self.scene.session.flush()
        assert _nothing(self.again())
        assert self.record() == before

    def again(self) -> FlagReport:
        """Flag at the very moment of the last run."""
        report = flag(self.scene.session, [self.scene.community], at=self.scene.clock)
        self.scene.session.expire_all()
        return report

    def record(self) -> tuple[Any, ...]:
        """Return all that a refusal or a second run must leave as it is."""
        session, ours = self.scene.session, self.scene.community.id
        return (
            [(case.id, case.state, case.version) for case in self.scene.cases()],
            [
                (found.id, found.case_id, found.verified_on, found.standing)
                for found in sorted(self.scene.current(), key=lambda found: found.id)
            ],
            session.scalars(
                select(Observation.status)
                .where(Observation.community_id == ours)
                .order_by(Observation.id)
            ).all(),
            session.scalar(select(func.count()).where(CaseEvent.community_id == ours)),
            session.scalar(select(func.count()).where(AreaEntry.community_id == ours)),
        )

    def attempt(self, act: Any) -> bool:
        """Return whether ``act`` was done; refused, it has changed nothing."""
        before = self.record()
        try:
            act()
        except InputError:
            assert self.record() == before
            return False
        self.scene.session.flush()
        self.scene.session.expire_all()
        return True

    def move(self, case: Case, target: State, actor: str, left: float = 0.0) -> bool:
        """Ask for a move with every paper it could need; outside the table it is refused."""
        session, at, source = self.scene.session, self.scene.tick(), case.state
        if target is State.CLOSED:
            self.patrol(case)
        request = Request(
            target,
            actor,
            at=at,
            document="D-1",
            reason="as the minutes say",
            residual=self.residual(case, left),
        )
        if target is State.ANNOUNCED:
            done = self.attempt(lambda: builders.announce(session, case, at, actor))
        else:
            done = self.attempt(lambda: move(session, self.scene.community, case.id, request))
        assert not done or (source, target) in MOVES
        return done

    def patrol(self, case: Case) -> None:
        """Let the last patrol of a case be made, wherever it is accepted and not patrolled."""
        known = Ground(self.scene.session, self.scene.community, case).patrolled()
        if known is not None and not known[1]:
            builders.patrolled(self.scene.session, case, known[0])

    def residual(self, case: Case, left: float) -> shapely.Geometry | Nothing:
        """Return the western share ``left`` of what a case occupies, or that nothing is left."""
        grounds = [
            shapely.from_wkb(bytes(found.geom.data))
            for found in self.scene.current()
            if found.case_id == case.id
        ]
        if not left or not grounds:
            return NOTHING_LEFT
        west, south, east, north = grounds[0].bounds
        return shapely.box(west, south, west + left * (east - west), north)

    def check(self) -> None:
        """Hold the record against every rule, and note how the day ends."""
        session, community = self.scene.session, self.scene.community
        assert check_community(session, community) == []
        shown = self.scene.figures()
        assert {name: shown[name] for name in NEVER_NEGATIVE if shown[name] < -0.005} == {}
        self.days[self.scene.clock.date()] = shown
        cleared = {case.id for case in self.scene.cases() if case.state in CLEARED_STATES}
        for found in self.scene.current():
            if found.case_id in cleared:
                assert found.verified_on is not None
                assert found.standing is None
        assert [row for row in self.superseded() if abs(row[2]) > 1e-6] == []

    def superseded(self) -> list[Any]:
        """Return what the ledger leaves of each encroachment that no longer counts."""
        ended = (Encroachment.community_id == AreaEntry.community_id) & (
            Encroachment.id == AreaEntry.encroachment_id
        )
        return list(
            self.scene.session.execute(
                select(Encroachment.id, AreaEntry.kind, func.sum(AreaEntry.area_m2))
                .join(Encroachment, ended)
                .where(
                    AreaEntry.community_id == self.scene.community.id,
                    Encroachment.superseded_on.is_not(None),
                    AreaEntry.kind.in_([EntryKind.SUSPECTED, EntryKind.ENCROACHED]),
                )
                .group_by(Encroachment.id, AreaEntry.kind)
            )
        )


def _nothing(report: FlagReport) -> bool:
    return report.new == report.ended == report.rebounds == 0


class Step(Protocol):
    """Something that somebody does in a campaign."""

    def play(self, campaign: Campaign) -> None:
        """Do it, a day after the last."""


@dataclass(frozen=True)
class Place:
    """A rectangle in metres from the scene's origin."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Observe:
    """Somebody sees a structure ``days`` after (before, if negative) the campaign's day."""

    place: Place
    days: int = 0
    occupier: int | None = None

    def play(self, campaign: Campaign) -> None:
        """Enter the observation; flagging is a step of its own."""
        scene = campaign.scene
        day = scene.tick().date()
        who = None if self.occupier is None else scene.households[self.occupier].id
        seen = day + dt.timedelta(days=self.days)
        campaign.observe(self.place, ref=f"O{day.isoformat()}", observed_on=seen, occupier_id=who)


@dataclass(frozen=True)
class Flag:
    """What waits is laid over the parcels."""

    def play(self, campaign: Campaign) -> None:
        """Flag, and flag again."""
        campaign.flag_twice()


@dataclass(frozen=True)
class Correct:
    """A delivery replaces an observation, as an import does."""

    which: int
    place: Place

    def play(self, campaign: Campaign) -> None:
        """Supersede the old observation and enter the new one under its ref."""
        day, known = campaign.scene.tick().date(), campaign.open_observations()
        if not known:
            return
        old = known[self.which % len(known)]
        old.status = ObservationStatus.SUPERSEDED
        old.ended_on = max(old.observed_on, day)
        campaign.scene.session.flush()
        campaign.observe(
            self.place,
            ref=old.ref,
            observed_on=day,
            occupier_id=old.occupier_id,
            replaces_id=old.id,
        )


@dataclass(frozen=True)
class Withdraw:
    """An observation turns out to be wrong."""

    which: int

    def play(self, campaign: Campaign) -> None:
        """Withdraw it, unless it is dated later; what rested on it ends."""
        scene, known = campaign.scene, campaign.open_observations()
        at = scene.tick()
        if known:
            ref = known[self.which % len(known)].ref
            campaign.attempt(
                lambda: withdraw(
                    scene.session, scene.community, ref, "a shadow", Signature("ana", at)
                )
            )


@dataclass(frozen=True)
class Decide:
    """A person says who answers."""

    which: int
    household: int

    def play(self, campaign: Campaign) -> None:
        """Decide, or be told that nothing waits for a decision."""
        scene, known = campaign.scene, campaign.open_observations()
        at = scene.tick()
        ref = known[self.which % len(known)].ref if known else "none"
        who = scene.households[self.household].ref
        campaign.attempt(
            lambda: decide(scene.session, scene.community, ref, who, "asked", Signature("ana", at))
        )


@dataclass(frozen=True)
class Confirm:
    """What was found after a case was verified is verified too."""

    which: int

    def play(self, campaign: Campaign) -> None:
        """Confirm, or be told that nothing waits."""
        scene, at = campaign.scene, campaign.scene.tick()
        cases = scene.cases()
        if cases:
            case = cases[self.which % len(cases)]
            campaign.attempt(
                lambda: confirm(scene.session, scene.community, case.id, Signature("ana", at))
            )


@dataclass(frozen=True)
class Move:
    """A case moves: where the table allows it (``way``), or to any ``target``."""

    which: int
    way: int = 0
    target: State | None = None
    actor: str = "ana"
    left: float = 0.0

    def play(self, campaign: Campaign) -> None:
        """Ask for the move."""
        cases = campaign.scene.cases()
        if cases:
            case = cases[self.which % len(cases)]
            ways = [step.target for step in moves_from(case.state)]
            target = self.target or ways[self.way % len(ways)] if ways else State.VERIFIED
            campaign.move(case, target, self.actor, self.left)


@dataclass(frozen=True)
class Lead:
    """A case is led towards its acceptance, for at most so many moves."""

    which: int
    moves: int
    left: float = 0.0

    def play(self, campaign: Campaign) -> None:
        """Let one person do it all but the acceptance, until it is refused."""
        cases = campaign.scene.cases()
        if not cases:
            return
        case = cases[self.which % len(cases)]
        for _turn in range(self.moves):
            target = ONWARD.get(case.state)
            actor = "bo" if target is State.ACCEPTED else "ana"
            if target is None or not campaign.move(case, target, actor, self.left):
                return


@dataclass(frozen=True)
class Object:
    """A household objects, and days later somebody decides."""

    which: int
    days: int
    upheld: bool
    target: State | None

    def play(self, campaign: Campaign) -> None:
        """Lodge and decide, or be told why not."""
        scene, cases = campaign.scene, campaign.scene.cases()
        if not cases:
            return
        session, community = scene.session, scene.community
        case, at = cases[self.which % len(cases)], scene.tick()
        campaign.attempt(
            lambda: lodge(session, community, case.id, "It is ours.", Signature("ana", at))
        )
        for _day in range(self.days):
            at = scene.tick()
        decision = Decision(self.upheld, "The deed says so.", "OD-1", self.target)
        campaign.attempt(
            lambda: decide_objection(session, community, case.id, decision, Signature("cy", at))
        )


@dataclass(frozen=True)
class Reassign:
    """Another household answers for all the ground of a case."""

    which: int
    household: int

    def play(self, campaign: Campaign) -> None:
        """Reassign, or be told why not; what was taken and freed stays the same."""
        scene, cases, at = campaign.scene, campaign.scene.cases(), campaign.scene.tick()
        if not cases:
            return
        case, who = cases[self.which % len(cases)], scene.households[self.household].ref
        before = scene.figures()
        campaign.attempt(
            lambda: reassign(
                scene.session, scene.community, case.id, who, "their key", Signature("cy", at)
            )
        )
        after = scene.figures()
        same = set(NEVER_NEGATIVE) - {"declared_m2"}
        assert {name: after[name] for name in same} == {name: before[name] for name in same}


few = st.integers(0, 2)
# Small enough a field that rectangles meet each other, parcels' edges and the wall.
places = st.builds(
    Place,
    x=st.integers(0, 40).map(lambda half: half / 2),
    y=st.integers(-2, 14).map(lambda half: half / 2),
    width=st.integers(1, 16).map(lambda half: half / 2),
    height=st.integers(1, 12).map(lambda half: half / 2),
)
days = st.sampled_from([0, -40, -5, 3])
lefts = st.sampled_from([0.0, 0.0, 0.5])
observed = st.builds(Observe, places, days, st.none() | few)
# On the first case's ground, beside what others have taken of it.
retaken = st.builds(
    Observe,
    st.builds(
        Place,
        st.integers(1, 5),
        st.integers(0, 3),
        few.map(lambda m: m + 2),
        few.map(lambda m: m + 3),
    ),
    days,
)
led = st.builds(Lead, few, st.integers(1, 6), lefts)
steps: st.SearchStrategy[Step] = st.one_of(
    observed,
    st.just(Flag()),
    led,
    st.builds(Correct, few, places),
    st.builds(Withdraw, few),
    retaken,
    st.just(Flag()),
    led,
    st.builds(Decide, few, few),
    st.builds(Confirm, few),
    st.builds(Move, few, st.integers(0, 4), actor=st.sampled_from(["ana", "bo"]), left=lefts),
    st.builds(Move, few, target=st.sampled_from(State)),
    st.builds(
        Object,
        few,
        st.sampled_from([0, 3]),
        st.booleans(),
        st.sampled_from([State.REJECTED, State.SUSPECTED, None]),
    ),
    st.builds(Reassign, few, few),
)
# Most of what can go wrong needs a case that has come some way.
begun = st.tuples(
    st.builds(Observe, st.just(Place(2, 1, 5, 5))),
    st.just(Flag()),
    st.builds(Lead, st.just(0), st.sampled_from([5, 5, 5, 4, 2, 1]), lefts),
    retaken,
    st.just(Flag()),
).map(list)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=begun, then=st.lists(steps, min_size=3, max_size=9))
def test_whatever_people_do_the_record_stays_whole(
    scene: Scene, first: list[Step], then: list[Step]
) -> None:
    play(scene, [*first, *then, Flag()])


def play(scene: Scene, played: list[Step]) -> None:
    """Play the steps from an empty record, holding it against every rule after each."""
    inside = scene.session.begin_nested()
    try:
        scene.clock = MORNING
        campaign = Campaign(scene)
        for step in played:
            step.play(campaign)
            campaign.check()
        for day, shown in campaign.days.items():
            assert scene.figures(day) == shown
    finally:
        inside.rollback()
        scene.session.expire_all()
