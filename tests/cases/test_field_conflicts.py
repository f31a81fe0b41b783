"""Two people change one observation, in every order: no outline is ever overwritten.

Each pair is played on an observation of its own. Whoever corrects reads it, sends from the
phone, answers a conflict where there is one, and is reviewed; the other does the same, or is
the office that withdraws or corrects it. The orders are all interleavings of these steps.
"""

import datetime as dt
import itertools
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import select

from cases.access import Permission
from cases.decisions import withdraw
from cases.field.clocks import PhoneClock
from cases.field.judging import Overtaken
from cases.field.receiving import Corrected, Correction, Sent, receive
from cases.field.reviewing import Acceptance, Merger, accept, merge, send_back
from cases.field.verdicts import decision_on
from cases.field.versions import observation_version
from cases.lineage import latest
from cases.models import CaptureMethod, FieldSubmission, FieldVerdict, SubmissionKind
from cases.signing import Signature
from gis.problems import InputError
from layers.models import Observation, ObservationStatus, StructureType
from tests.cases.conftest import Scene, rectangle

PAIRS = 500
REVIEWER = Signature("sue", permissions=frozenset({Permission.FIELD_REVIEW}))
OFFICE = Signature("tom", permissions=frozenset({Permission.CASE_VERIFY}))
# What an inspector answers to a conflict, and what a reviewer does about the submission.
ANSWERS = ("mine", "theirs", "both")
REVIEWS = ("replace", "beside", "merge", "return")
PHONE = ("read", "send", "review")
ACTS = ("withdraw", "correct")


@dataclass(frozen=True)
class Plan:
    """What two people do; an ``act`` is the office's instead of a second phone."""

    order: tuple[int, ...]
    answers: tuple[str, str]
    reviews: tuple[str, str]
    act: str = ""


def plans() -> list[Plan]:
    """Return 500 different pairs of edits, the same each time, every order among them."""
    turns = sorted(set(itertools.permutations((0, 0, 0, 1, 1, 1))))
    phones = [
        Plan(order, (mine, other), (first, second))
        for order in turns
        for mine, other in itertools.product(ANSWERS, repeat=2)
        for first, second in itertools.product(REVIEWS, repeat=2)
    ]
    office = [
        Plan(order, (answer, ""), (review, ""), act)
        for order in sorted(set(itertools.permutations((0, 0, 0, 1))))
        for answer in ANSWERS
        for review in REVIEWS
        for act in ACTS
    ]
    chosen = random.Random(412)
    by_order = [[one for one in phones if one.order == order] for order in turns]
    few = (PAIRS - len(office)) // len(turns) + 1
    picked = [one for group in by_order for one in chosen.sample(group, few)]
    return [*office, *picked][:PAIRS]


@dataclass
class Edited:
    """An observation, the two who edit it, and every outline that anybody made of it."""

    scene: Scene
    plan: Plan
    place: float
    outlines: dict[uuid.UUID, bytes] = field(default_factory=dict)
    read: dict[int, Observation] = field(default_factory=dict)
    version: dict[int, str] = field(default_factory=dict)
    sent: dict[int, Sent] = field(default_factory=dict)
    conflicts: int = 0

    def __post_init__(self) -> None:
        self.first = self.scene.observe(f"O-{self.place:.0f}", self.place, 100, 5, 5)

    def play(self) -> Iterator[None]:
        """Take one step after the other; whoever reads along looks after each."""
        steps = {0: iter(PHONE), 1: iter(("office",) if self.plan.act else PHONE)}
        for who in self.plan.order:
            step = next(steps[who])
            getattr(self, f"_{step}")(who)
            yield

    def _office(self, _who: int) -> None:
        now = latest(self.scene.session, self.first)
        if now.status is not ObservationStatus.OPEN:
            return
        session, community = self.scene.session, self.scene.community
        if self.plan.act == "withdraw":
            withdraw(session, community, now.ref, "a shadow", replace(OFFICE, at=None))
            return
        # As an import corrects: a new row in the place of the old one.
        now.status, now.ended_on = ObservationStatus.SUPERSEDED, now.observed_on
        session.flush()
        self.scene.observe(now.ref, self.place + 2, 101, 4, 4, replaces_id=now.id)

    def _read(self, who: int) -> None:
        now = latest(self.scene.session, self.first)
        self.read[who], self.version[who] = now, observation_version(now)

    def _send(self, who: int) -> None:
        outline = rectangle(self.place + who + 0.5, 100.5 + who, 5, 4)
        sent = Sent(
            uuid.uuid4(),
            f"{self.place} {who}".encode(),
            SubmissionKind.ENCLOSURE,
            CaptureMethod.CORRECTED,
            0.3,
            PhoneClock(dt.datetime.now(dt.UTC)),
            polygon=self.scene.polygon(outline),
            structure_types=(StructureType.FENCE,),
            corrects=Correction(self.read[who].id, self.version[who]),
        )
        is_changed = observation_version(self.read[who]) != self.version[who]
        try:
            self._receive(who, sent)
            assert not is_changed, "what had changed meanwhile was not said"
        except Corrected as conflict:
            assert is_changed
            self.conflicts += 1
            self._answer(who, sent, conflict.now)

    def _answer(self, who: int, sent: Sent, now: Observation) -> None:
        """Choose as the plan says; of what has ended for good only both can be kept."""
        answer = self.plan.answers[who]
        if answer == "theirs":
            return
        if answer == "mine" and now.status is ObservationStatus.OPEN:
            body = sent.body + b" again"
            corrects = Correction(now.id, observation_version(now))
            self._receive(who, replace(sent, id=uuid.uuid4(), body=body, corrects=corrects))
            return
        self._receive(who, replace(sent, body=sent.body + b" both", keep_both=True))

    def _receive(self, who: int, sent: Sent) -> None:
        actor = f"inspector-{who}"
        by = Signature(actor, None, frozenset({Permission.FIELD_CAPTURE}))
        receive(self.scene.session, self.scene.community, sent, by)
        self.sent[who] = sent
        self.outlines[sent.id] = shapely.MultiPolygon([sent.polygon]).wkb

    def _review(self, who: int) -> None:
        sent = self.sent.get(who)
        session, community = self.scene.session, self.scene.community
        if sent is None or decision_on(session, community, sent.id) is not None:
            return
        review = self.plan.reviews[who]
        if review == "return":
            send_back(session, community, sent.id, "again", REVIEWER)
        elif review == "merge" and (wanted := self._to_merge(who)):
            merge(session, community, sent.id, wanted, REVIEWER)
        else:
            self._accept(sent, review)

    def _to_merge(self, who: int) -> Merger | None:
        other = self.sent.get(1 - who)
        session, community = self.scene.session, self.scene.community
        if other is not None and decision_on(session, community, other.id) is None:
            return Merger([other.id], None, "one fence")
        now = latest(session, self.first)
        is_open = now.status is ObservationStatus.OPEN
        return Merger([], now.id, "one fence") if is_open else None

    def _accept(self, sent: Sent, review: str) -> None:
        session, community = self.scene.session, self.scene.community
        codes = self._refused(sent)
        if codes:
            assert codes == ["overtaken"]
            self.conflicts += 1
            now = latest(session, self.first)
            stands = now.status is ObservationStatus.OPEN
            beside = review == "beside" or not stands
            choice = Overtaken.BESIDE if beside else Overtaken.REPLACE
            accept(session, community, sent.id, Acceptance(overtaken=choice), REVIEWER)

    def _refused(self, sent: Sent) -> list[str]:
        """Accept without saying which version stands; return what was wrong with that.

        Accepted so, it takes the place of what its inspector had read, and of nothing else.
        """
        session, community = self.scene.session, self.scene.community
        try:
            done = accept(session, community, sent.id, Acceptance(), REVIEWER)
            assert done.observation is not None
            assert sent.corrects is not None
            assert done.observation.replaces_id == sent.corrects.observation
        except InputError as refused:
            return [one.code for one in refused.problems]
        return []


@dataclass
class Witness:
    """Whoever looks after each step, and knows every outline that there has been."""

    scene: Scene
    known: dict[uuid.UUID, bytes] = field(default_factory=dict)

    def look(self, edited: Edited) -> None:
        rows = self._rows(edited)
        for key, outline in self.known.items():
            assert rows.get(key, outline) == outline, "an outline was overwritten"
        self.known |= rows
        assert edited.outlines.items() <= rows.items(), "an outline that was sent is not kept"
        self._chosen(edited)

    def _rows(self, edited: Edited) -> dict[uuid.UUID, bytes]:
        session = self.scene.session
        session.expire_all()
        kept = session.scalars(
            select(FieldSubmission).where(FieldSubmission.id.in_(edited.outlines))
        )
        rows = {one.id: _wkb(one) for one in kept}
        return rows | {one.id: _wkb(one) for one in self._observations(edited)}

    def _observations(self, edited: Edited) -> list[Observation]:
        """Return the observation with all that came in its place or beside it."""
        session = self.scene.session
        beside = [f"F-{key.hex[:12]}" for key in edited.outlines]
        wanted = Observation.ref.in_([edited.first.ref, *beside])
        return list(session.scalars(select(Observation).where(wanted)))

    def _chosen(self, edited: Edited) -> None:
        """What stands is what was there, what the office drew, or what a reviewer accepted."""
        session, community = self.scene.session, self.scene.community
        decisions = [decision_on(session, community, key) for key in edited.outlines]
        became = {
            one.observation_id
            for one in decisions
            if one is not None and one.verdict in (FieldVerdict.ACCEPTED, FieldVerdict.MERGED)
        }
        for one in self._observations(edited):
            is_office = edited.plan.act == "correct" and one.survey_id is None
            assert one.id == edited.first.id or is_office or one.id in became


def _wkb(row: FieldSubmission | Observation) -> bytes:
    assert row.geom is not None
    return bytes(to_shape(row.geom).wkb)


def test_the_pairs_hold_every_order_and_every_choice() -> None:
    made = plans()
    assert len(made) == len(set(made)) == PAIRS
    assert len({one.order for one in made if not one.act}) == 20
    assert len({one.order for one in made if one.act}) == 4
    assert {one.act for one in made} == {"", *ACTS}
    assert {answer for one in made for answer in one.answers} >= set(ANSWERS)
    assert {review for one in made for review in one.reviews} >= set(REVIEWS)


def test_of_500_pairs_of_edits_no_outline_is_overwritten(scene: Scene) -> None:
    witness, conflicts = Witness(scene), 0
    for number, plan in enumerate(plans()):
        edited = Edited(scene, plan, 1_000.0 + 20 * number)
        witness.look(edited)
        for _step in edited.play():
            witness.look(edited)
        conflicts += edited.conflicts
        witness.known.clear()
    assert conflicts > PAIRS / 4


def test_what_was_read_before_somebody_else_was_first_is_not_taken_unseen(scene: Scene) -> None:
    """The plainest pair: both read, one is accepted, the other sends."""
    plan = Plan((0, 1, 0, 0, 1, 1), ("mine", "theirs"), ("replace", "replace"))
    edited = Edited(scene, plan, 1_000.0)
    for _step in edited.play():
        pass
    assert edited.conflicts == 1
    assert set(edited.sent) == {0}
    again = replace(edited.sent[0], id=uuid.uuid4(), body=b"late")
    by = Signature("late", None, frozenset({Permission.FIELD_CAPTURE}))
    with pytest.raises(Corrected):
        receive(scene.session, scene.community, again, by)
