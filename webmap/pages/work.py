"""The work of a day: what waits for whoever asks, here and in all their communities."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date, gettext
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.assignment import (
    Duty,
    StaleCases,
    assign,
    check_versions,
    follow_lane,
    workers,
)
from cases.case_list import ListedCase, find_listed
from cases.decisions import MAY_DECIDE
from cases.enclosures import count_undecided
from cases.field.reading import count_to_review
from cases.lanes import mapped_buildings
from cases.ledger import today
from cases.models import OrderOfWork
from cases.people import Rights, rights
from cases.ranking import order_of_work, set_order_of_work
from cases.tips import count_waiting
from cases.work import (
    WALKED,
    Line,
    Place,
    Section,
    StartingPoint,
    Task,
    starting_points,
)
from cases.work import my_day as work_of_day
from layers.db import EVERYWHERE
from layers.features import count_communities, list_communities
from layers.models import Community
from webmap.api.community import asking_worker
from webmap.connections import current_database
from webmap.forms import Filled, Form
from webmap.gates import Open, current_access, gated
from webmap.pages.drawn import feature
from webmap.pages.opened import OpenedPlace, answer, show
from webmap.pages.places import Pager
from webmap.pages.typed import typed

work = Blueprint("work", __name__)

BY_DIFFICULTY = "difficulty"
FOLLOW_LANE = "lane"
LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class Waiting:
    """How much waits in one community, by task."""

    code: str
    name: str
    counts: dict[Task, int]

    @property
    def total(self) -> int:
        """Return how much waits there in all."""
        return sum(self.counts.values())


@work.get("/c/<place>/work")
@gated(Permission.CAMPAIGN_READ)
def my_day(place: str) -> ResponseReturnValue:
    """Show what waits for the account here today, with a plan of the round."""
    return show(lambda opened: _page(opened, Filled()))


@work.post("/c/<place>/work/assign")
@gated(Permission.CASE_ASSIGN)
def assign_many(place: str) -> ResponseReturnValue:
    """Assign the ticked cases to a housekeeper, an inspector, or both."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        _assign(opened, form)
        return redirect(url_for("work.my_day", place=place) + "#assign")

    def conflict(opened: OpenedPlace, filled: Filled, error: Exception) -> str:
        assert isinstance(error, StaleCases)
        return _page(opened, filled, error.ids)

    return answer(act, _page, conflict)


@work.post("/c/<place>/work/order")
@gated(Permission.CAMPAIGN_EDIT)
def set_order(place: str) -> ResponseReturnValue:
    """Say whether the running campaign takes the easy or the difficult cases first."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        order, by = form.choice("order", OrderOfWork), opened.signed(form)
        form.check()
        assert order is not None
        set_order_of_work(opened.session, opened.community, order, by)
        return redirect(url_for("work.my_day", place=place))

    return answer(act, _page)


@work.get("/work")
@gated(Open.LOGGED_IN)
def all_work() -> ResponseReturnValue:
    """Show how much waits for the account in each of its communities."""
    database = current_database()
    with database.session(EVERYWHERE) as session:
        mine = rights(session, current_user.id)
    with database.session(mine.scope(Permission.CAMPAIGN_READ)) as session:
        pager = Pager.of(count_communities(session, ""), request.args.get("page", 1, type=int))
        shown = list_communities(session, "", limit=24, offset=pager.offset)
        wanted = [place.id for place in shown]
        communities = session.scalars(
            select(Community).where(Community.id.in_(wanted)).order_by(Community.code)
        ).all()
        counted = [_count(session, one, mine) for one in communities]
    tasks = [task for task in Task if any(task in one.counts for one in counted)]
    return render_template(
        "all_work.html", communities=counted, columns=tasks, pager=pager, title_of=title_of
    )


def _count(session: Session, community: Community, mine: Rights) -> Waiting:
    sections = work_of_day(session, community, asking_worker(mine, community), today(community))
    counts = {section.task: len(section.lines) for section in sections}
    return Waiting(community.code, community.name, counts)


def _page(opened: OpenedPlace, filled: Filled, changed: frozenset[uuid.UUID] = frozenset()) -> str:
    """Return the page; ``changed`` are ticked cases that somebody else has changed since."""
    session, community = opened.session, opened.community
    who = asking_worker(current_access().rights, community)
    points = starting_points(session, community)
    day = today(community)
    sections = work_of_day(
        session,
        community,
        who,
        day,
        start=_start(points),
        by_difficulty=request.args.get("order") == BY_DIFFICULTY,
    )
    walk = _chosen(sections)
    may = who.permissions
    return render_template(
        "work.html",
        community=community,
        day=day,
        sections=sections,
        walk=walk,
        walked=WALKED,
        points=points,
        plan=_plan(session, community, walk) if walk else None,
        filled=filled,
        conflict=_conflict(session, community, filled, changed) if changed else None,
        difficult_first=order_of_work(session, community) is OrderOfWork.DIFFICULT_FIRST,
        may_order=Permission.CAMPAIGN_EDIT in may,
        tips=count_waiting(session, community) if Permission.TIP_CHECK in may else None,
        undecided=count_undecided(session, community) if may & MAY_DECIDE else None,
        submissions=_to_review(session, community, may),
        keepers=_choices(session, community, Duty.HOUSEKEEPER, may),
        inspectors=_choices(session, community, Duty.INSPECTOR, may),
        notes=lambda task, line: notes(task, line, day),
        title_of=title_of,
    )


@dataclass(frozen=True)
class Conflict:
    """What whoever assigned must see: their choice, and the cases that changed, as they are."""

    typed: list[tuple[str, str]]
    now: list[ListedCase]


def _conflict(
    session: Session, community: Community, filled: Filled, changed: frozenset[uuid.UUID]
) -> Conflict:
    names = [name for name in ("housekeeper", "inspector") if filled.value(name)]
    said = Filled({"form": "assignment", **{name: filled.value(name) for name in names}})
    now = [find_listed(session, community, case_id) for case_id in sorted(changed)]
    return Conflict(typed(session, said), now)


def _choices(
    session: Session, community: Community, duty: Duty, may: frozenset[Permission]
) -> list[tuple[int, str]]:
    if Permission.CASE_ASSIGN not in may:
        return []
    return [(one.id, one.name) for one in workers(session, community, duty)]


def _assign(opened: OpenedPlace, form: Form) -> None:
    """Assign what is ticked to whoever is chosen; something must be chosen."""
    session, community, by = opened.session, opened.community, opened.signed(form)
    cases = form.several("cases")
    read = {one: form.number(f"version-{one}", least=1, most=LARGEST_ID) for one in cases}
    inspector = form.number("inspector", needed=False, most=LARGEST_ID)
    follows = form.text("housekeeper", needed=inspector is None) == FOLLOW_LANE
    keeper = None if follows else form.number("housekeeper", needed=False, most=LARGEST_ID)
    form.check()
    check_versions(session, community, read)
    if follows:
        follow_lane(session, community, cases, by)
    elif keeper is not None:
        assign(session, community, cases, Duty.HOUSEKEEPER, keeper, by)
    if inspector is not None:
        assign(session, community, cases, Duty.INSPECTOR, inspector, by)


def _chosen(sections: Sequence[Section]) -> Section | None:
    """Return the round that the plan shows: the one asked for, else the first there is."""
    walks = [one for one in sections if one.task in WALKED and one.lines]
    asked = request.args.get("walk")
    return next((one for one in walks if one.task == asked), next(iter(walks), None))


def _to_review(session: Session, community: Community, may: frozenset[Permission]) -> int | None:
    """Return how many submissions of others wait, ``None`` for whoever does not review."""
    if Permission.FIELD_REVIEW not in may:
        return None
    return count_to_review(session, community, current_user.email)


def _start(points: Sequence[StartingPoint]) -> Place | None:
    """Return where the round begins: where the account is, or at a building."""
    east, north = request.args.get("lon", type=float), request.args.get("lat", type=float)
    if east is not None and north is not None and abs(east) <= 180 and abs(north) <= 90:
        return east, north
    asked = request.args.get("start", type=uuid.UUID)
    return next((one.place for one in points if one.building_id == asked), None)


def _plan(session: Session, community: Community, walk: Section) -> Mapping[str, Any]:
    """Return the plan of a round: buildings to know one's way, and the numbered stops."""
    stops = [
        {"stop": line.stop, "label": line.household, "place": place}
        for line in walk.lines
        if (place := line.place(walk.task)) is not None
    ]
    buildings = mapped_buildings(session, community)
    begin = _start(starting_points(session, community))
    return {
        "buildings": [feature(one.id, one.outline, ref=one.ref) for one in buildings],
        "stops": stops,
        "start": begin,
    }


def title_of(task: Task) -> str:
    """Return what a section of the work is called."""
    titles: dict[Task, str] = {
        Task.VISIT: gettext("To visit"),
        Task.VERIFY: gettext("To verify"),
        Task.CONFIRM: gettext("New ground to confirm"),
        Task.INSPECT: gettext("To inspect"),
        Task.ACCEPT: gettext("To accept"),
        Task.PATROL: gettext("Patrols due"),
        Task.ASSIGN: gettext("To assign"),
        Task.ANNOUNCE: gettext("To announce"),
        Task.OBJECTION: gettext("Objections waiting"),
        Task.WITHDRAW: gettext("Observations to withdraw"),
        Task.OVERDUE: gettext("Overdue"),
    }
    return titles[task]


def notes(task: Task, line: Line, day: dt.date) -> list[str]:
    """Return what somebody must know of a line before they go."""
    told: list[str | None] = [
        gettext("building %(ref)s", ref=line.building) if line.building else None,
        gettext("lane %(ref)s", ref=line.lane) if line.lane and task is Task.VISIT else None,
        _patrol(line, day) if task is Task.PATROL else None,
        _missing(line) if task is Task.ASSIGN else None,
        _since(task, line),
    ]
    return [one for one in told if one]


def _patrol(line: Line, day: dt.date) -> str | None:
    if line.patrol is None:
        return None
    late = (day - line.patrol.slot.due_on).days
    text: str = gettext("patrol of day %(days)s", days=line.patrol.slot.days)
    if late > 0:
        text += ", " + gettext("%(days)s days late", days=late)
    return text


def _missing(line: Line) -> str:
    both: str = gettext("no housekeeper, no inspector")
    keeper: str = gettext("no housekeeper")
    inspector: str = gettext("no inspector")
    if line.housekeeper is None and line.inspector is None:
        return both
    return keeper if line.housekeeper is None else inspector


def _since(task: Task, line: Line) -> str:
    case = line.case
    told: str = gettext("since %(day)s", day=format_date(case.state_since, "medium"))
    if task is Task.OBJECTION and line.objected_on is not None:
        told = gettext("objected on %(day)s", day=format_date(line.objected_on, "medium"))
    elif case.deadline_on is not None:
        told = gettext("deadline %(day)s", day=format_date(case.deadline_on, "medium"))
    return told
