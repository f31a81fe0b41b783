"""The story of an invented compound's campaign: who did what to which case, and when.

Pure and deterministic. Every move is one of ``cases.workflow``'s table, made on a
working day between 8:30 and 20:00 by somebody whose role may make it, and nobody
is in two households at once.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cases.access import Role
from cases.demo.events import (
    EARLIER_CAMPAIGNS,
    Announcement,
    Calendar,
    EarlierCampaign,
    Meeting,
    ScoreStandard,
    announcement,
    at,
    calendar,
    meetings,
    standard,
    working_day,
)
from cases.demo.layout import SEED, DemoCompound
from cases.workflow import Document, State

LANES, LANE_BUILDINGS = 6, 13
PATROL_DAYS = (7, 30, 90, 180, 365)
ROLE_OF = {
    "inspector": Role.INSPECTOR,
    "lane_housekeeper": Role.LANE_HOUSEKEEPER,
    "remedial_team": Role.LANE_HOUSEKEEPER,
    "secretary": Role.SECRETARY,
}


@dataclass(frozen=True)
class Move:
    """One move of one case.

    ``residual`` (EPSG:4550) is what an inspection found still standing, or what a
    patrol found taken again; None on an inspection means that nothing is left.
    """

    at: dt.datetime
    state: State
    actor: str
    document: str | None = None
    note: str | None = None
    residual: BaseGeometry | None = None


@dataclass(frozen=True)
class Patrol:
    """A look at a cleared household's ground, ``due`` days after its acceptance."""

    household: str
    due: int
    at: dt.datetime
    actor: str
    is_clear: bool


@dataclass(frozen=True)
class Story:
    """Everything that happened to one compound, in order; moves by household."""

    earlier: tuple[EarlierCampaign, ...]
    meetings: tuple[Meeting, ...]
    survey_days: tuple[dt.date, ...]
    standard: ScoreStandard
    files_opened: tuple[dt.date, dt.date]
    announcement: Announcement
    moves: dict[str, list[Move]]
    patrols: list[Patrol]
    as_of: dt.date | None


def role_of(actor: str) -> Role:
    """Return the role behind an actor's label, such as ``lane_housekeeper_3``."""
    return next(role for label, role in ROLE_OF.items() if actor.startswith(label))


def tell(compound: DemoCompound) -> Story:
    """Tell the campaign of ``compound``: whole if it has finished, else to its middle."""
    dates = calendar(compound.finished)
    rng = np.random.default_rng([SEED, compound.number, 1])
    cases = _cases(compound, rng)
    teller = _Teller(dates, rng, announcement(dates))
    paths = _whole(cases) if compound.finished else _halfway(cases, rng)
    moves = {case.household: teller.walk(case, path) for case, path in paths}
    patrols = [patrol for case, _ in paths for patrol in teller.patrols(case, moves)]
    for household, patrol in ((p.household, p) for p in patrols if p.due == PATROL_DAYS[-1]):
        moves[household].append(teller.close(patrol))
    return Story(
        earlier=EARLIER_CAMPAIGNS,
        meetings=meetings(dates),
        survey_days=tuple(sorted(set(compound.observations["observed_on"]))),
        standard=standard(dates),
        files_opened=(dates.files_from, working_day(dates.files_from, 4)),
        announcement=teller.announcement,
        moves={case.household: moves[case.household] for case in cases},
        patrols=patrols,
        as_of=dates.as_of,
    )


@dataclass(frozen=True)
class _Case:
    """One household's case: its ground (EPSG:4550) and how hard it will be, 0 easiest."""

    household: str
    building: int
    seen: dt.date
    structure: str
    ground: BaseGeometry
    rank: float

    @property
    def lane(self) -> int:
        return min((self.building - 1) // LANE_BUILDINGS + 1, LANES)


_EFFORT = {
    "shed": 2.0,
    "glasshouse": 2.0,
    "paving": 1.4,
    "fence": 0.9,
    "hedge": 0.6,
    "planting": 0.3,
}


def _cases(compound: DemoCompound, rng: np.random.Generator) -> list[_Case]:
    """Return the cases that flagging opens, easiest first; only ground known to be common."""
    seen, parcels = compound.observations, compound.parcels
    common = parcels[
        (parcels["kind"] == "public_green") & (parcels["title_basis"] == "owner_common")
    ]
    shapes = np.asarray(common.geometry.array)
    tree = shapely.STRtree(shapes)
    cases = []
    for index, household in enumerate(compound.holders):
        outline = seen.geometry.iloc[index]
        pieces = [
            shapely.intersection(outline, shapes[i])
            for i in tree.query(outline, predicate="intersects")
        ]
        ground = [piece for piece in pieces if piece.area > 2.0]
        if household is None or not ground:
            continue
        largest = max(ground, key=lambda piece: piece.area)
        structure = str(seen["structure_type"].iloc[index])
        effort = _EFFORT[structure] + outline.area / 60.0 + 1.6 * float(rng.random())
        cases.append(
            _Case(
                household,
                int(household.split("-")[0]),
                seen["observed_on"].iloc[index],
                structure,
                largest,
                effort,
            )
        )
    return sorted(cases, key=lambda case: (case.rank, case.household))


_Path = tuple[str, ...]
_START = ("suspected", "verified", "announced")
_CLEARED = ("self_clearing", "inspected", "accepted", "monitoring")


def _whole(cases: Sequence[_Case]) -> list[tuple[_Case, _Path]]:
    """Return every case's way to its end: the hardest refuse once, the very last twice."""
    paths = []
    for index, case in enumerate(cases):
        left = len(cases) - index
        talks: _Path = ("visited", "signed")
        if left <= 32:
            talks = ("visited", "declined", "visited", "signed")
        if left <= 12:
            talks = ("visited", "declined", "visited", "declined", "remedial", "signed")
        clearing = ("assisted", *_CLEARED[1:]) if left % 13 == 5 else _CLEARED
        paths.append((case, _START + talks + clearing))
    return paths


_SIGNED = (*_START, "visited", "signed")
_REFUSED = (*_START, "visited", "declined")
# What has become of the cases of an unfinished campaign, with its share in percent.
_MIDDLE: tuple[tuple[int, _Path], ...] = (
    (6, ("suspected",)),
    (6, ("suspected", "verified")),
    (4, ("suspected", "rejected")),
    (5, _START),
    (7, (*_START, "visited")),
    (7, _REFUSED),
    (3, (*_REFUSED, "visited", "declined", "referred")),
    (10, _SIGNED),
    (10, (*_SIGNED, "self_clearing")),
    (4, (*_SIGNED, "assisted")),
    (6, (*_SIGNED, "self_clearing", "inspected")),
    (5, (*_SIGNED, "self_clearing", "found_rest", "sent_back")),
    (3, (*_SIGNED, "self_clearing", "found_rest", "sent_back", *_CLEARED[1:])),
    (7, (*_SIGNED, *_CLEARED[:-1])),
    (14, (*_SIGNED, *_CLEARED)),
    (3, (*_SIGNED, *_CLEARED, "rebound")),
)


def _halfway(cases: Sequence[_Case], rng: np.random.Generator) -> list[tuple[_Case, _Path]]:
    """Give each case one of the outcomes of ``_MIDDLE``, each at least once."""
    total = sum(share for share, _ in _MIDDLE)
    bounds = np.cumsum([share for share, _ in _MIDDLE]) * len(cases) / total
    order = rng.permutation(len(cases))
    outcome = np.searchsorted(bounds, np.arange(len(cases)) + 0.5)
    return [(cases[int(i)], _MIDDLE[int(k)][1]) for i, k in zip(order, outcome, strict=True)]


_VISITS = ((14, 30), (15, 10), (15, 50), (16, 30), (17, 10), (18, 40), (19, 20))
_TALKS = ((9, 0), (10, 0), (11, 0), (14, 0), (15, 0), (16, 0), (17, 0), (18, 30))
_ROUNDS = tuple(
    (hour, minute)
    for hour in (8, 9, 10, 14, 15, 16)
    for minute in (0, 20, 40)
    if (hour, minute) > (8, 30)
)


@dataclass
class _Diary:
    """Who is where when: no actor's slot is given twice."""

    taken: set[tuple[str, dt.datetime]] = field(default_factory=set)

    def book(self, actor: str, after: dt.datetime, slots: Sequence[tuple[int, int]]) -> dt.datetime:
        """Return the actor's first free slot after a moment."""
        time = next(slot for slot in _slots(after, slots) if (actor, slot) not in self.taken)
        self.taken.add((actor, time))
        return time


def _slots(after: dt.datetime, slots: Sequence[tuple[int, int]]) -> Iterator[dt.datetime]:
    day = working_day(after.date())
    while True:
        yield from (slot for slot in (at(day, *time) for time in slots) if slot > after)
        day = working_day(day + dt.timedelta(days=1))


@dataclass
class _Teller:
    """Finds time, actor and paper for each step of a case's way."""

    dates: Calendar
    rng: np.random.Generator
    announcement: Announcement
    diary: _Diary = field(default_factory=_Diary)
    papers: dict[Document, int] = field(default_factory=dict)

    def walk(self, case: _Case, path: _Path) -> list[Move]:
        """Return the case's moves along its path."""
        steps: dict[str, Callable[[_Case, list[Move]], Move]] = {
            "suspected": self._suspected,
            "verified": self._verified,
            "rejected": self._rejected,
            "announced": self._announced,
            "visited": self._visited,
            "remedial": self._remedial,
            "declined": self._declined,
            "signed": self._signed,
            "referred": self._referred,
            "self_clearing": self._self_clearing,
            "assisted": self._assisted,
            "inspected": self._inspected,
            "found_rest": self._found_rest,
            "sent_back": self._sent_back,
            "accepted": self._accepted,
            "monitoring": self._monitoring,
            "rebound": self._rebound,
        }
        moves: list[Move] = []
        for step in path:
            moves.append(steps[step](case, moves))
        return moves

    def patrols(self, case: _Case, moves: dict[str, list[Move]]) -> list[Patrol]:
        """Return the patrols of a case that reached monitoring, as far as the story goes."""
        own = moves[case.household]
        accepted = next((move for move in own if move.state is State.ACCEPTED), None)
        is_clear = own[-1].state is not State.REBOUND
        patrols: list[Patrol] = []
        if accepted is None or State.MONITORING not in {move.state for move in own}:
            return patrols
        for due in PATROL_DAYS if is_clear else PATROL_DAYS[:1]:
            day = working_day(accepted.at.date() + dt.timedelta(days=due))
            if self.dates.as_of is not None and day > self.dates.as_of:
                break
            moment = at(day, 8, 30) + dt.timedelta(minutes=2 * int(self.rng.integers(60)))
            actor = f"lane_housekeeper_{case.lane}"
            patrols.append(Patrol(case.household, due, moment, actor, is_clear))
        return patrols

    def close(self, last: Patrol) -> Move:
        """Return the closing of a case on the working day after its last patrol."""
        day = working_day(last.at.date() + dt.timedelta(days=1))
        moment = at(day, 10) + dt.timedelta(minutes=int(self.rng.integers(90)))
        return Move(moment, State.CLOSED, "secretary", None, "a year without rebound")

    def _paper(self, kind: Document) -> str:
        self.papers[kind] = self.papers.get(kind, 0) + 1
        return f"{kind} 2022-{self.papers[kind]:03d}"

    def _day_after(self, moment: dt.datetime, least: int, most: int) -> dt.datetime:
        """Return the early morning between ``least`` and ``most`` working days later."""
        days = int(self.rng.integers(least, most + 1))
        return at(working_day(moment.date(), days), 0)

    def _suspected(self, case: _Case, moves: list[Move]) -> Move:
        moment = at(case.seen, 17, 30)
        return Move(moment, State.SUSPECTED, _inspector(case), None, "flagged from the survey")

    def _verified(self, case: _Case, moves: list[Move]) -> Move:
        actor = _inspector(case)
        moment = self.diary.book(actor, self._day_after(moves[-1].at, 2, 6), _ROUNDS)
        return Move(moment, State.VERIFIED, actor, None, f"{case.structure} on common green")

    def _rejected(self, case: _Case, moves: list[Move]) -> Move:
        actor = _inspector(case)
        moment = self.diary.book(actor, self._day_after(moves[-1].at, 2, 6), _ROUNDS)
        reason = "the property company put it up and keeps it: no household's enclosure"
        return Move(moment, State.REJECTED, actor, None, reason)

    def _announced(self, case: _Case, moves: list[Move]) -> Move:
        post = self.announcement
        return Move(post.posted_at, State.ANNOUNCED, "secretary", post.document)

    def _visited(self, case: _Case, moves: list[Move]) -> Move:
        actor, last = f"lane_housekeeper_{case.lane}", moves[-1]
        if last.state is State.ANNOUNCED:
            moment = self.diary.book(actor, self._day_after(last.at, 1, 1), _VISITS)
            return Move(moment, State.VISITED, actor, None, "first visit, announcement explained")
        moment = self.diary.book(actor, self._day_after(last.at, 2, 3), _TALKS)
        return Move(moment, State.VISITED, actor, None, "second visit, with the building head")

    def _remedial(self, case: _Case, moves: list[Move]) -> Move:
        start = max(self._day_after(moves[-1].at, 1, 2), at(self.dates.remedial_from, 0))
        moment = self.diary.book("remedial_team", start, _TALKS)
        return Move(moment, State.VISITED, "remedial_team", None, "visit of the remedial team")

    def _declined(self, case: _Case, moves: list[Move]) -> Move:
        reasons = (
            "paid for the planting",
            "waits for the neighbours to begin",
            "says the developer promised the ground",
            "nobody took the last campaign's",
        )
        reason = reasons[int(self.rng.integers(len(reasons)))]
        return _after(moves, 20, State.DECLINED, moves[-1].actor, None, reason)

    def _signed(self, case: _Case, moves: list[Move]) -> Move:
        paper = self._paper(Document.CREDIT_CONTRACT)
        return _after(moves, 25, State.SIGNED, moves[-1].actor, paper, None)

    def _referred(self, case: _Case, moves: list[Move]) -> Move:
        # A promise holds: nobody is referred before the deadline has passed.
        overdue = at(working_day(self.dates.deadline + dt.timedelta(days=1)), 0)
        start = max(self._day_after(moves[-1].at, 3, 5), overdue)
        moment = self.diary.book("secretary", start, _ROUNDS)
        return Move(
            moment,
            State.REFERRED,
            "secretary",
            self._paper(Document.REFERRAL),
            "refused twice; for the authority to decide",
        )

    def _self_clearing(self, case: _Case, moves: list[Move]) -> Move:
        """The household starts on its own; the housekeeper enters it the same day."""
        day = self._day_after(moves[-1].at, 1, 1 if self._is_late(moves) else 4)
        moment = day + dt.timedelta(minutes=int(self.rng.integers(8 * 60 + 40, 19 * 60)))
        return Move(
            moment,
            State.SELF_CLEARING,
            f"lane_housekeeper_{case.lane}",
            None,
            "household clears by itself",
        )

    def _assisted(self, case: _Case, moves: list[Move]) -> Move:
        most = 1 if self._is_late(moves) else 3
        moment = self.diary.book("remedial_team", self._day_after(moves[-1].at, 1, most), _TALKS)
        return Move(
            moment,
            State.ASSISTED,
            "remedial_team",
            self._paper(Document.ASSISTANCE_CONSENT),
            "asked for help; inventory signed",
        )

    def _is_late(self, moves: list[Move]) -> bool:
        return moves[-1].at.date() >= self.dates.remedial_from

    def _inspected(self, case: _Case, moves: list[Move]) -> Move:
        most = 2 if self._is_late(moves) else 5
        start = self._day_after(moves[-1].at, 1, most)
        start = max(
            min(start, at(self.dates.last_inspection, 0)),
            at(working_day(moves[-1].at.date() + dt.timedelta(days=1)), 0),
        )
        moment = self.diary.book(_inspector(case), start, _ROUNDS)
        return Move(moment, State.INSPECTED, _inspector(case), None, "nothing left")

    def _found_rest(self, case: _Case, moves: list[Move]) -> Move:
        found = self._inspected(case, moves)
        rest = _part(case.ground, 0.3)
        return Move(found.at, found.state, found.actor, None, "part still stands", rest)

    def _sent_back(self, case: _Case, moves: list[Move]) -> Move:
        actor = _inspector(case, second=True)
        moment = self.diary.book(actor, moves[-1].at, _ROUNDS)
        return Move(moment, State.SELF_CLEARING, actor, None, "the rest must go as well")

    def _accepted(self, case: _Case, moves: list[Move]) -> Move:
        actor = _inspector(case, second=True)
        moment = self.diary.book(actor, self._day_after(moves[-1].at, 1, 1), _ROUNDS)
        return Move(moment, State.ACCEPTED, actor, self._paper(Document.ACCEPTANCE_FORM))

    def _monitoring(self, case: _Case, moves: list[Move]) -> Move:
        return _after(moves, 5, State.MONITORING, moves[-1].actor, None, "patrols set")

    def _rebound(self, case: _Case, moves: list[Move]) -> Move:
        """The first patrol finds a fence on part of the ground; the inspector confirms it."""
        accepted = next(move for move in moves if move.state is State.ACCEPTED)
        day = working_day(accepted.at.date() + dt.timedelta(days=PATROL_DAYS[0]))
        moment = self.diary.book(_inspector(case), at(day, 13), _ROUNDS)
        return Move(
            moment, State.REBOUND, _inspector(case), None, "fenced again", _part(case.ground, 0.45)
        )


def _inspector(case: _Case, second: bool = False) -> str:
    """Return the inspector of a case's lane, or the other one, who accepts."""
    return f"inspector_{'ab'[(case.lane + second) % 2]}"


def _after(
    moves: list[Move],
    minutes: int,
    state: State,
    actor: str,
    document: str | None,
    note: str | None,
) -> Move:
    return Move(moves[-1].at + dt.timedelta(minutes=minutes), state, actor, document, note)


def _part(ground: BaseGeometry, share: float) -> BaseGeometry:
    """Return the eastern ``share`` of a polygon's width, as one valid polygon."""
    west, south, east, north = ground.bounds
    cut = shapely.box(east - share * (east - west), south, east, north)
    piece = shapely.set_precision(shapely.intersection(ground, cut), 0.001)
    return max(shapely.get_parts(piece), key=lambda part: part.area)
