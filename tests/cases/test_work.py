"""The work of a day: each sees what waits for them, in an order in which to go."""

import datetime as dt
from typing import Any

import pytest

from cases.access import Role
from cases.assignment import Duty, assign, duties
from cases.casework import NOTHING_LEFT
from cases.lanes import LaneForm, save_lane
from cases.models import Account, Case, OrderOfWork, Visit, VisitOutcome
from cases.objections import lodge
from cases.people import ensure_account, rights
from cases.ranking import set_order_of_work
from cases.signing import Signature
from cases.visibility import visible_cases
from cases.work import Line, Task, Worker, my_day, starting_points
from cases.workflow import State
from tests import builders
from tests.cases.conftest import Scene, rectangle


def account(scene: Scene, name: str, role: Role) -> Account:
    return ensure_account(
        scene.session,
        f"{name}@example.org",
        name=name,
        password="correct horse 7",
        role=role,
        place=scene.community.code,
    )


def worker(scene: Scene, who: Account) -> Worker:
    held, here = rights(scene.session, who.id), scene.community.id
    may = held.permissions(here)
    return Worker(who.id, who.email, may, duties(held, here), visible_cases(held, who.id))


def day_of(scene: Scene, who: Account, **values: Any) -> dict[Task, list[Line]]:
    day = values.pop("day", scene.clock.date())
    sections = my_day(scene.session, scene.community, worker(scene, who), day, **values)
    return {section.task: section.lines for section in sections}


def households(lines: list[Line]) -> list[str]:
    return [line.household for line in lines]


def by_operator(scene: Scene) -> Signature:
    return Signature("op", scene.tick())


@pytest.fixture
def cases(scene: Scene) -> list[Case]:
    """A case of each of the three households, whose doors stand in a row."""
    for index in range(3):
        door = rectangle(index * 10 + 5, 9, 1, 1).centroid
        scene.households[index].geom = builders.stored(scene.polygon(door))
        scene.observe(f"O{index}", index * 10 + 2, 1, 4, 5)
    scene.flag()
    return sorted(
        scene.cases(),
        key=lambda case: [one.id for one in scene.households].index(case.household_id),
    )


@pytest.fixture
def li(scene: Scene, cases: list[Case]) -> Account:
    """The housekeeper of all three."""
    who = account(scene, "li", Role.LANE_HOUSEKEEPER)
    form = LaneForm("1", housekeeper_id=who.id, buildings=frozenset({scene.building.id}))
    save_lane(scene.session, scene.community, None, form, by_operator(scene))
    return who


@pytest.fixture
def ana(scene: Scene, cases: list[Case]) -> Account:
    """The inspector of all three."""
    who = account(scene, "ana", Role.INSPECTOR)
    ids = [case.id for case in cases]
    assign(scene.session, scene.community, ids, Duty.INSPECTOR, who.id, by_operator(scene))
    return who


def announced(scene: Scene, cases: list[Case]) -> None:
    for case in cases:
        scene.move(case, State.VERIFIED)
        scene.announce(case)


def place_of(scene: Scene, x: float, y: float) -> tuple[float, float]:
    point = scene.polygon(rectangle(x, y, 1, 1).centroid)
    return point.x, point.y


def test_a_housekeeper_walks_from_where_the_day_begins(
    scene: Scene, cases: list[Case], li: Account
) -> None:
    announced(scene, cases)
    found = day_of(scene, li, start=place_of(scene, 100, 9))
    assert set(found) == {Task.VISIT}
    assert households(found[Task.VISIT]) == ["H2", "H1", "H0"]
    assert [line.stop for line in found[Task.VISIT]] == [1, 2, 3]
    found = day_of(scene, li, start=place_of(scene, -100, 9))
    assert households(found[Task.VISIT]) == ["H0", "H1", "H2"]


def test_lanes_are_walked_one_after_the_other(scene: Scene, cases: list[Case], li: Account) -> None:
    other = builders.building(scene.session, scene.community, ref="2")
    scene.households[1].building_id = other.id
    form = LaneForm("2", housekeeper_id=li.id, buildings=frozenset({other.id}))
    save_lane(scene.session, scene.community, None, form, by_operator(scene))
    announced(scene, cases)
    found = day_of(scene, li, start=place_of(scene, -100, 9))[Task.VISIT]
    assert [(line.lane, line.household) for line in found] == [
        ("1", "H0"),
        ("1", "H2"),
        ("2", "H1"),
    ]


def test_a_household_is_not_visited_before_the_day_it_asked_for_nor_while_it_objects(
    scene: Scene, cases: list[Case], li: Account
) -> None:
    announced(scene, cases)
    day = scene.clock.date()
    builders.add(
        scene.session,
        Visit(
            community_id=scene.community.id,
            case_id=cases[0].id,
            visited_on=day,
            actor="li",
            outcome=VisitOutcome.NOT_HOME,
            next_on=day + dt.timedelta(3),
        ),
    )
    lodge(scene.session, scene.community, cases[1].id, "mine", by_operator(scene))
    assert households(day_of(scene, li, day=day)[Task.VISIT]) == ["H2"]
    later = day_of(scene, li, day=day + dt.timedelta(3))
    assert households(later[Task.VISIT]) == ["H0", "H2"]


def test_an_inspector_never_accepts_the_own_inspection(
    scene: Scene, cases: list[Case], ana: Account
) -> None:
    bo = account(scene, "bo", Role.INSPECTOR)
    first, second, third = cases
    for case in (first, second):
        scene.move(case, State.VERIFIED)
        scene.move(case, State.SELF_CLEARING)
    scene.move(first, State.INSPECTED, actor=" ANA@example.org", residual=NOTHING_LEFT)
    found = day_of(scene, ana)
    assert households(found[Task.VERIFY]) == ["H2"]
    assert households(found[Task.INSPECT]) == ["H1"]
    assert found[Task.ACCEPT] == []
    found = day_of(scene, bo)
    assert households(found[Task.ACCEPT]) == ["H0"]
    assert (found[Task.VERIFY], found[Task.INSPECT]) == ([], [])
    assert third.state is State.SUSPECTED


def test_an_inspector_sees_the_patrols_that_are_due(
    scene: Scene, cases: list[Case], ana: Account
) -> None:
    scene.clear(cases[0])
    assert day_of(scene, ana)[Task.PATROL] == []
    week = scene.clock.date() + dt.timedelta(7)
    lines = day_of(scene, ana, day=week)[Task.PATROL]
    assert households(lines) == ["H0"]
    assert lines[0].patrol is not None
    assert lines[0].patrol.slot.days == 7


def test_a_secretary_sees_what_waits_for_the_office(
    scene: Scene, cases: list[Case], li: Account
) -> None:
    secretary = account(scene, "sec", Role.SECRETARY)
    announced(scene, cases[:2])
    scene.move(cases[2], State.VERIFIED)
    cases[0].deadline_on = scene.clock.date()
    lodge(scene.session, scene.community, cases[1].id, "mine", by_operator(scene))
    found = day_of(scene, secretary, day=scene.clock.date() + dt.timedelta(1))
    assert sorted(households(found[Task.ASSIGN])) == ["H0", "H1", "H2"]
    assert households(found[Task.ANNOUNCE]) == ["H2"]
    assert households(found[Task.OBJECTION]) == ["H1"]
    assert households(found[Task.OVERDUE]) == ["H0"]
    assert set(found) == {
        Task.ACCEPT,
        Task.ASSIGN,
        Task.ANNOUNCE,
        Task.OBJECTION,
        Task.WITHDRAW,
        Task.OVERDUE,
    }


def test_a_closed_account_leaves_its_cases_to_be_assigned(
    scene: Scene, cases: list[Case], li: Account, ana: Account
) -> None:
    secretary = account(scene, "sec", Role.SECRETARY)
    assert day_of(scene, secretary)[Task.ASSIGN] == []
    li.active = False
    scene.session.flush()
    assert len(day_of(scene, secretary)[Task.ASSIGN]) == 3


def test_the_campaign_says_which_cases_come_first(
    scene: Scene, cases: list[Case], li: Account
) -> None:
    cases[1].difficulty, cases[2].difficulty = 5, 3
    announced(scene, cases)
    easy = day_of(scene, li, by_difficulty=True)[Task.VISIT]
    assert households(easy) == ["H0", "H2", "H1"]
    assert [line.rank.difficulty for line in easy if line.rank] == [1, 3, 5]
    set_order_of_work(
        scene.session, scene.community, OrderOfWork.DIFFICULT_FIRST, by_operator(scene)
    )
    hard = day_of(scene, li, by_difficulty=True)[Task.VISIT]
    assert households(hard) == ["H1", "H2", "H0"]


@pytest.mark.parametrize("role", [Role.PLANNER, Role.OFFICIAL, Role.ADMIN, Role.RESIDENT])
def test_who_works_on_no_case_has_no_work(scene: Scene, cases: list[Case], role: Role) -> None:
    assert day_of(scene, account(scene, role, role)) == {}


def test_a_walk_begins_at_any_building(scene: Scene) -> None:
    assert [one.ref for one in starting_points(scene.session, scene.community)] == ["1"]
