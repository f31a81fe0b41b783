"""Tell the story of an invented compound by the verbs that its people have.

Meetings are held, the announcement is issued and posted, households are visited, papers
are numbered as they are issued: everything in the order of its time, so that numbers
follow dates and any day can be looked at again.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.announcements import Notice, Posted, announce, post
from cases.campaigns import add_body, campaigns
from cases.casework import NOTHING_LEFT, Request
from cases.demo.accounts import email
from cases.demo.events import Meeting
from cases.demo.lanes import assign_inspectors
from cases.demo.story import Move, Patrol, Story
from cases.issuing import Item, PaperDetails, move_with_paper
from cases.meetings import Held, Vote, record_meeting
from cases.models import BodyKind, Campaign, Case, Channel, VisitOutcome
from cases.patrols import record_clear, record_rebound
from cases.signing import Signature
from cases.visits import Visited, record_visit
from cases.workflow import State
from gis.crs import SurveyCRS
from layers.models import Community, Household, StructureType

# A contract that is signed or refused this soon after a visit came of that visit.
SAME_VISIT = dt.timedelta(minutes=60)
OUTCOMES = {State.SIGNED: VisitOutcome.SIGNED, State.DECLINED: VisitOutcome.DECLINED}
# Whoever goes round may say what is there, and does not close a case.
ROUND = frozenset({Permission.CASE_INSPECT, Permission.CASE_VERIFY})
BODIES = (
    ("party_branch", BodyKind.PARTY_BRANCH, "社区党支部 Party branch"),
    ("residents_committee", BodyKind.RESIDENTS_COMMITTEE, "居委会 Residents' committee"),
    ("owners_committee", BodyKind.OWNERS_COMMITTEE, "业委会 Owners' committee"),
    ("property_company", BodyKind.PROPERTY_COMPANY, "物业公司 Property company"),
    ("property_office", BodyKind.PROPERTY_OFFICE, "物业办 Property office"),
    ("volunteers", BodyKind.VOLUNTEER, "志愿者 Volunteers"),
    ("lane_housekeepers", BodyKind.LANE_HOUSEKEEPER, "巷管家 Lane housekeepers"),
)
WORDING = (
    "圈占公共绿地的住户请在期限内自行清理；需要帮助的，经书面同意后协助清理。\n"
    "Whoever has enclosed common green clears it by the deadline; help is given on written"
    " consent."
)
INVENTORY = (Item("竹篱笆 bamboo fence", 12, "旧 worn"), Item("花盆 flower pots", 8, "完好 sound"))
DETAILS = PaperDetails(INVENTORY, "综合行政执法局（虚构） Enforcement office (invented)")


def tell_story(session: Session, community: Community, story: Story) -> None:
    """Let everything of ``story`` happen, in the order of its time. The caller commits."""
    telling = _Telling(session, community, story)
    for step in sorted(telling.steps(), key=lambda one: one.at):
        step.act()


@dataclass(frozen=True)
class _Step:
    """Something that happens at a time."""

    at: dt.datetime
    act: Callable[[], object]


class _Telling:
    """One story on its way into the database."""

    def __init__(self, session: Session, community: Community, story: Story) -> None:
        self.session = session
        self.community = community
        self.story = story
        self.campaign: Campaign = campaigns(session, community)[0]
        self.cases = self._cases()
        self.bodies: dict[str, uuid.UUID] = {}

    def steps(self) -> Iterator[_Step]:
        """Yield everything that happens."""
        first = self.story.meetings[0].at
        yield _Step(first - dt.timedelta(hours=1), self._add_bodies)
        for meeting in self.story.meetings:
            yield _Step(meeting.at, partial(self._meet, meeting))
        posted_at = self.story.announcement.posted_at
        before = posted_at - dt.timedelta(minutes=30)
        yield _Step(before, partial(assign_inspectors, self.session, self.community, before))
        yield _Step(posted_at, self._announce)
        for patrol in self.story.patrols:
            if patrol.is_clear:
                yield _Step(patrol.at, partial(self._patrol, patrol))
        for household, moves in self.story.moves.items():
            yield from self._of_case(self.cases[household], moves)

    def _of_case(self, case: uuid.UUID, moves: list[Move]) -> Iterator[_Step]:
        """Yield a case's steps; what came of a visit is one with it."""
        following = [*moves[1:], None]
        came_of_visit = False
        for move, after in zip(moves, following, strict=True):
            if came_of_visit or move.state in {State.SUSPECTED, State.ANNOUNCED}:
                came_of_visit = False
                continue
            outcome = _outcome(move, after)
            if outcome is not None:
                came_of_visit = outcome is not VisitOutcome.UNDECIDED
                yield _Step(move.at, self._visit(case, move, after, outcome))
            else:
                yield _Step(move.at, partial(self._make, case, move))

    def _cases(self) -> dict[str, uuid.UUID]:
        found = self.session.execute(
            select(Household.ref, Case.id)
            .join(
                Case,
                (Case.community_id == Household.community_id) & (Case.household_id == Household.id),
            )
            .where(Household.community_id == self.community.id)
        )
        return {row.ref: row.id for row in found}

    def _add_bodies(self) -> None:
        by = Signature(email("secretary"))
        for ref, kind, name in BODIES:
            self.bodies[ref] = add_body(self.session, self.community, ref, kind, name, by).id

    def _meet(self, meeting: Meeting) -> None:
        people = {
            self.bodies[ref]: 2 + (meeting.number + place) % 4
            for place, ref in enumerate(meeting.bodies)
        }
        came, abstained = sum(people.values()), meeting.number % 3
        held = Held(
            meeting.at.date(),
            meeting.topic,
            people,
            place="居民活动室 Residents' room",
            resolutions=[Vote(meeting.resolution, came - abstained, 0, abstained)],
        )
        by = Signature(email("secretary"), meeting.at)
        record_meeting(self.session, self.community, self.campaign, held, by)

    def _announce(self) -> None:
        told = self.story.announcement
        moves = self.story.moves.items()
        wanted = [
            self.cases[household]
            for household, steps in moves
            if any(step.state is State.ANNOUNCED for step in steps)
        ]
        by = Signature(email("secretary"), told.posted_at)
        notice = Notice(
            self.bodies["residents_committee"],
            told.standard_version,
            told.objection,
            WORDING,
            wanted,
            told.deadline,
        )
        made = announce(self.session, self.community, self.campaign, notice, by)
        for channel, posted_at in told.channels:
            proof = f"照片 Photograph {channel}"
            posted = Posted(Channel(channel), "", posted_at.date(), proof)
            post(self.session, self.community, made, posted, by)

    def _visit(
        self, case: uuid.UUID, move: Move, after: Move | None, outcome: VisitOutcome
    ) -> Callable[[], object]:
        reason = after.note if after is not None and outcome is VisitOutcome.DECLINED else None
        visited = Visited(outcome, reason or move.note or "", details=DETAILS)
        by = Signature(email(move.actor), move.at)
        return partial(record_visit, self.session, self.community, case, visited, by)

    def _patrol(self, patrol: Patrol) -> None:
        by = Signature(email(patrol.actor), patrol.at, ROUND)
        record_clear(self.session, self.community, self.cases[patrol.household], "", by)

    def _make(self, case: uuid.UUID, move: Move) -> None:
        """Make a move of the table; a rebound is what a patrol sees."""
        if move.state is State.REBOUND:
            by = Signature(email(move.actor), move.at, ROUND)
            seen = _stored(move.residual)
            fence = StructureType.FENCE
            record_rebound(self.session, self.community, case, seen, fence, move.note or "", by)
            return
        left = None
        if move.state is State.INSPECTED:
            left = NOTHING_LEFT if move.residual is None else _stored(move.residual)
        request = Request(
            move.state, email(move.actor), move.at, reason=move.note or "", residual=left
        )
        move_with_paper(self.session, self.community, case, request, DETAILS)


def _outcome(move: Move, after: Move | None) -> VisitOutcome | None:
    """Return what came of a visit, ``None`` for any other move."""
    if move.state is not State.VISITED:
        return None
    if after is not None and after.at - move.at <= SAME_VISIT:
        return OUTCOMES.get(after.state, VisitOutcome.UNDECIDED)
    return VisitOutcome.UNDECIDED


def _stored(polygon: shapely.Geometry) -> shapely.Geometry:
    return SurveyCRS(4550).to_storage(np.array([polygon], dtype=object))[0]
