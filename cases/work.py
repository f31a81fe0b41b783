"""The work of a day: what waits for one person, and in which order to go round.

What is listed follows from what the account may do, what it may see and where each case
stands; nothing is stored.
"""

import datetime as dt
import enum
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.announcements import awaiting_poster
from cases.assignment import Duty
from cases.deadlines import overdue
from cases.difficulty import Ranked, in_order
from cases.models import (
    Case,
)
from cases.parcel_file import case_number
from cases.patrols import NextPatrol, due_patrols
from cases.ranking import Rank, order_of_work, ranks
from cases.requirements import person
from cases.work_rows import select_lines
from cases.workflow import State
from gis.crs import SurveyCRS
from gis.route import walking_order
from layers.models import Building, Community

# A walk of more doors than this is no day's; the rest follows in its own order.
MOST_STOPS = 200

Place = tuple[float, float]
"""Longitude and latitude in EPSG:4326."""


class Task(enum.StrEnum):
    """What can be asked of somebody, in the order in which a page lists it."""

    VISIT = "visit"
    VERIFY = "verify"
    CONFIRM = "confirm"
    INSPECT = "inspect"
    ACCEPT = "accept"
    PATROL = "patrol"
    ASSIGN = "assign"
    ANNOUNCE = "announce"
    OBJECTION = "objection"
    WITHDRAW = "withdraw"
    OVERDUE = "overdue"


PERMISSION_OF: dict[Task, Permission] = {
    Task.VISIT: Permission.CASE_VISIT,
    Task.VERIFY: Permission.CASE_VERIFY,
    Task.CONFIRM: Permission.CASE_VERIFY,
    Task.INSPECT: Permission.CASE_INSPECT,
    Task.ACCEPT: Permission.CASE_ACCEPT,
    Task.PATROL: Permission.CASE_INSPECT,
    Task.ASSIGN: Permission.CASE_ASSIGN,
    Task.ANNOUNCE: Permission.CASE_ANNOUNCE,
    Task.OBJECTION: Permission.OBJECTION_DECIDE,
    Task.WITHDRAW: Permission.OBJECTION_DECIDE,
    Task.OVERDUE: Permission.CASE_EXTEND,
}
# What only whoever is assigned to a case does.
DUTY_OF: dict[Task, Duty] = {
    Task.VISIT: Duty.HOUSEKEEPER,
    Task.VERIFY: Duty.INSPECTOR,
    Task.CONFIRM: Duty.INSPECTOR,
    Task.INSPECT: Duty.INSPECTOR,
    Task.PATROL: Duty.INSPECTOR,
}
# What is done by going there, so that its order is a walk.
WALKED = frozenset({Task.VISIT, Task.VERIFY, Task.CONFIRM, Task.INSPECT, Task.PATROL})
_TO_VISIT = frozenset({State.ANNOUNCED, State.VISITED, State.DECLINED, State.REBOUND})
_TO_INSPECT = frozenset({State.SELF_CLEARING, State.ASSISTED, State.REFERRED})


@dataclass(frozen=True)
class Worker:
    """Whose day it is: the account, what it may and does, and which cases it sees."""

    account_id: int
    actor: str
    permissions: frozenset[Permission]
    duties: frozenset[Duty]
    visible: ColumnElement[bool]

    def does(self, task: Task) -> bool:
        """Tell whether ``task`` is ever theirs to do."""
        duty = DUTY_OF.get(task)
        return PERMISSION_OF[task] in self.permissions and (duty is None or duty in self.duties)


@dataclass(frozen=True)
class Line:
    """A case that waits for something; ``stop`` counts from 1 where it is part of a walk."""

    case: Case
    number: str
    household: str
    building: str | None
    lane: str | None
    housekeeper: str | None
    inspector: str | None
    inspected_by: str | None
    next_on: dt.date | None
    objected_on: dt.date | None
    is_unconfirmed: bool
    is_withdrawal_due: bool
    door: Place | None
    ground: Place | None
    rank: Rank | None = None
    patrol: NextPatrol | None = None
    stop: int | None = None

    def place(self, task: Task) -> Place | None:
        """Return where to go: to the door for a visit, to the ground to look at it."""
        first, second = (self.door, self.ground) if task is Task.VISIT else (self.ground, self.door)
        return first or second


@dataclass(frozen=True)
class Section:
    """Everything of one kind that waits for a person."""

    task: Task
    lines: list[Line]


@dataclass(frozen=True)
class StartingPoint:
    """A building from which a walk can begin."""

    building_id: uuid.UUID
    ref: str
    place: Place


def my_day(
    session: Session,
    community: Community,
    who: Worker,
    day: dt.date,
    *,
    start: Place | None = None,
    by_difficulty: bool = False,
) -> list[Section]:
    """Return what waits for somebody on ``day``, a section for each task they may do.

    What is done by going there is in walking order from ``start``, lane after lane, or
    by difficulty as the campaign's order says; the rest is by difficulty always.
    """
    lines = _lines(session, community, who)
    patrols = {one.case_id: one for one in due_patrols(session, community, day)}
    does_announce = who.does(Task.ANNOUNCE)
    posters = {one.id for one in awaiting_poster(session, community)} if does_announce else set()
    waiting = {
        task: [line for line in lines if _waits(task, line, who, day, patrols, posters)]
        for task in Task
        if who.does(task)
    }
    known = ranks(session, community, {line.case.id for some in waiting.values() for line in some})
    order = order_of_work(session, community)
    sections = []
    for task, some in waiting.items():
        found = [
            replace(line, rank=known[line.case.id], patrol=patrols.get(line.case.id))
            for line in some
        ]
        ranked = in_order(order, found, _rank)
        walked = task in WALKED and not by_difficulty
        sections.append(Section(task, _walk(community, task, ranked, start) if walked else ranked))
    return sections


def starting_points(session: Session, community: Community) -> list[StartingPoint]:
    """Return the buildings from which a walk can begin, by ref."""
    middle = func.ST_Centroid(Building.geom)
    rows = session.execute(
        select(Building.id, Building.ref, func.ST_X(middle), func.ST_Y(middle))
        .where(Building.community_id == community.id)
        .order_by(func.lpad(Building.ref, 64))
    )
    return [StartingPoint(key, ref, (east, north)) for key, ref, east, north in rows]


def _waits(
    task: Task,
    line: Line,
    who: Worker,
    day: dt.date,
    patrols: dict[uuid.UUID, NextPatrol],
    posters: set[uuid.UUID],
) -> bool:
    """Tell whether a case waits for ``who`` to do ``task``."""
    case = line.case
    is_mine = case.inspector_id in {None, who.account_id}
    tests: dict[Task, Callable[[], bool]] = {
        Task.VISIT: lambda: case.housekeeper_id == who.account_id and _is_to_visit(line, day),
        Task.VERIFY: lambda: is_mine and case.state is State.SUSPECTED,
        Task.CONFIRM: lambda: is_mine and line.is_unconfirmed,
        Task.INSPECT: lambda: is_mine and case.state in _TO_INSPECT,
        Task.ACCEPT: lambda: case.state is State.INSPECTED and not _inspected_by(line, who),
        Task.PATROL: lambda: is_mine and case.id in patrols,
        Task.ASSIGN: lambda: line.housekeeper is None or line.inspector is None,
        Task.ANNOUNCE: lambda: case.id in posters,
        Task.OBJECTION: lambda: line.objected_on is not None,
        Task.WITHDRAW: lambda: line.is_withdrawal_due,
        Task.OVERDUE: lambda: overdue(case, day),
    }
    return tests[task]()


def _is_to_visit(line: Line, day: dt.date) -> bool:
    """Tell whether a household is visited today: not while it objects, nor before it was asked."""
    if line.case.state not in _TO_VISIT or line.case.suspended_on is not None:
        return False
    return line.next_on is None or line.next_on <= day


def _inspected_by(line: Line, who: Worker) -> bool:
    return line.inspected_by is not None and person(line.inspected_by) == person(who.actor)


def _rank(line: Line) -> Ranked:
    assert line.rank is not None
    return Ranked(line.rank.difficulty, line.case.state_since, line.case.number)


def _walk(
    community: Community, task: Task, lines: Sequence[Line], start: Place | None
) -> list[Line]:
    """Put lines in walking order, lane after lane, each from where the one before ended."""
    by_lane = sorted(lines, key=lambda line: (line.lane is None, _natural(line.lane or "")))
    survey = SurveyCRS(community.survey_srid)
    here = None if start is None else _metres(survey, [start])[0]
    walked: list[Line] = []
    for _lane, group in groupby(by_lane, key=lambda line: line.lane):
        members = sorted(group, key=lambda line: _natural(line.household))
        placed = [line for line in members if line.place(task) is not None][:MOST_STOPS]
        points = _metres(survey, [place for line in placed if (place := line.place(task))])
        order = walking_order(points, here)
        if len(order):
            here = points[order[-1]]
        walked += [placed[index] for index in order]
        walked += [line for line in members if line not in placed]
    return [replace(line, stop=stop) for stop, line in enumerate(walked, start=1)]


def _natural(ref: str) -> str:
    """Return what sorts building 2 before building 10."""
    return "-".join(part.rjust(8) for part in ref.split("-"))


def _metres(survey: SurveyCRS, places: Iterable[Place]) -> NDArray[np.float64]:
    points = np.array([shapely.Point(place) for place in places], dtype=object)
    metres: NDArray[np.float64] = shapely.get_coordinates(survey.to_survey(points))
    return metres


def _lines(session: Session, community: Community, who: Worker) -> list[Line]:
    """Return every case under way that the account sees."""
    return [
        Line(
            row.Case,
            case_number(community.code, row.started_on.year, row.Case.number),
            row.household,
            row.building,
            row.lane,
            row.housekeeper,
            row.inspector,
            row.inspected_by,
            row.next_on,
            row.objected_on,
            row.is_unconfirmed,
            row.is_withdrawal_due,
            _place(row.door_x, row.door_y),
            _place(row.ground_x, row.ground_y),
        )
        for row in session.execute(select_lines(community).where(who.visible))
    ]


def _place(east: float | None, north: float | None) -> Place | None:
    return None if east is None or north is None else (east, north)
