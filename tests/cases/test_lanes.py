"""Lanes and who is assigned to a case: by the lane, by hand, and what stays when lanes change."""

import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import GRANTS, Role
from cases.assignment import (
    CHANGED,
    Duty,
    StaleCases,
    assign,
    check_versions,
    follow_lane,
    workers,
)
from cases.casework import NOTHING_LEFT
from cases.checks import check_community
from cases.lane_versions import StaleLanes, lanes_version
from cases.lanes import (
    LaneForm,
    LaneReport,
    import_lanes,
    list_lanes,
    mapped_buildings,
    remove_lane,
    save_lane,
)
from cases.models import Account, Case, CaseEvent
from cases.people import ensure_account, rights
from cases.signing import Signature
from cases.visibility import visible_cases
from cases.workflow import State
from gis.problems import InputError
from layers.models import Community
from tests import builders
from tests.cases.conftest import Scene

SECRETARY = frozenset(GRANTS[Role.SECRETARY])


def account(session: Session, name: str, role: Role, place: str | None = None) -> Account:
    return ensure_account(
        session,
        f"{name}@example.org",
        name=name,
        password="correct horse 7",
        role=role,
        place=place,
    )


def by(scene: Scene, role: Role = Role.SECRETARY) -> Signature:
    return Signature("sec@example.org", scene.tick(), frozenset(GRANTS[role]))


def codes(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def lane(scene: Scene, ref: str, keeper: Account | None) -> LaneReport:
    form = LaneForm(
        ref, housekeeper_id=keeper.id if keeper else None, buildings=frozenset({scene.building.id})
    )
    return save_lane(scene.session, scene.community, None, form, by(scene))[1]


def flagged(scene: Scene) -> list[Case]:
    """Open the cases of two households."""
    scene.observe("O1", 2, 1, 4, 5)
    scene.observe("O2", 12, 1, 4, 5)
    scene.flag()
    return scene.cases()


def assignments(scene: Scene, case: Case) -> list[tuple[object, ...]]:
    events = scene.session.scalars(
        select(CaseEvent)
        .where(CaseEvent.case_id == case.id, CaseEvent.event == CHANGED)
        .order_by(CaseEvent.seq)
    )
    return [
        (one.data["duty"], one.data["basis"], one.data["from"], one.data["to"]) for one in events
    ]


@pytest.fixture
def keepers(scene: Scene) -> tuple[Account, Account]:
    first, second = (
        account(scene.session, name, Role.LANE_HOUSEKEEPER, scene.community.code)
        for name in ("li", "wu")
    )
    return first, second


def test_a_case_opens_with_the_housekeeper_of_its_lane(
    scene: Scene, keepers: tuple[Account, Account]
) -> None:
    lane(scene, "1", keepers[0])
    case = flagged(scene)[0]
    assert case.housekeeper_id == keepers[0].id
    assert assignments(scene, case) == [("housekeeper", "lane", None, "li@example.org")]
    assert check_community(scene.session, scene.community) == []


def test_cases_follow_when_lanes_change_and_an_own_choice_stays(
    scene: Scene, keepers: tuple[Account, Account]
) -> None:
    li, wu = keepers
    first, second = flagged(scene)
    assert lane(scene, "1", li).cases_changed == 2
    assert assign(scene.session, scene.community, [first.id], Duty.HOUSEKEEPER, wu.id, by(scene))
    found = list_lanes(scene.session, scene.community)[0]
    assert (found.housekeeper, found.buildings, found.cases) == ("li", ("1",), 2)
    remove_lane(scene.session, scene.community, found.id, by(scene))
    assert (first.housekeeper_id, second.housekeeper_id) == (wu.id, None)
    lane(scene, "2", li)
    assert (first.housekeeper_id, second.housekeeper_id) == (wu.id, li.id)
    assert follow_lane(scene.session, scene.community, [first.id], by(scene)) == 1
    assert first.housekeeper_id == li.id
    assert assignments(scene, first)[-2:] == [
        ("housekeeper", "person", "li@example.org", "wu@example.org"),
        ("housekeeper", "lane", "wu@example.org", "li@example.org"),
    ]


def test_choosing_whom_the_lane_gave_keeps_it_too(
    scene: Scene, keepers: tuple[Account, Account]
) -> None:
    li, wu = keepers
    lane(scene, "1", li)
    first, _second = flagged(scene)
    assert assign(scene.session, scene.community, [first.id], Duty.HOUSEKEEPER, li.id, by(scene))
    assert not assign(
        scene.session, scene.community, [first.id], Duty.HOUSEKEEPER, li.id, by(scene)
    )
    form = LaneForm("1", housekeeper_id=wu.id, buildings=frozenset({scene.building.id}))
    kept = list_lanes(scene.session, scene.community)[0].id
    save_lane(scene.session, scene.community, kept, form, by(scene))
    assert first.housekeeper_id == li.id


def test_a_resting_case_keeps_whom_it_had(scene: Scene, keepers: tuple[Account, Account]) -> None:
    lane(scene, "1", keepers[0])
    case = flagged(scene)[0]
    scene.move(case, State.REJECTED, reason="no enclosure")
    remove_lane(
        scene.session, scene.community, list_lanes(scene.session, scene.community)[0].id, by(scene)
    )
    assert case.housekeeper_id == keepers[0].id


def test_a_building_lies_in_one_lane(scene: Scene, keepers: tuple[Account, Account]) -> None:
    lane(scene, "1", keepers[0])
    lane(scene, "2", keepers[1])
    found = list_lanes(scene.session, scene.community)
    assert [one.buildings for one in found] == [(), ("1",)]
    assert [one.lane_id for one in mapped_buildings(scene.session, scene.community)] == [
        found[1].id
    ]


def test_an_inspector_is_assigned_to_many_cases_at_once(scene: Scene) -> None:
    ana = account(scene.session, "ana", Role.INSPECTOR, scene.community.code)
    cases = [case.id for case in flagged(scene)]
    assert assign(scene.session, scene.community, cases, Duty.INSPECTOR, ana.id, by(scene)) == 2
    assert {case.inspector_id for case in scene.cases()} == {ana.id}


def test_who_is_assigned_works_there_in_that_role(scene: Scene) -> None:
    elsewhere = builders.community(scene.session)
    session = scene.session
    here = account(session, "ana", Role.INSPECTOR, scene.community.code)
    everywhere = account(session, "bo", Role.INSPECTOR)
    account(session, "cy", Role.INSPECTOR, elsewhere.code)
    account(session, "di", Role.PLANNER, scene.community.code)
    closed = account(session, "ed", Role.INSPECTOR, scene.community.code)
    closed.active = False
    session.flush()
    assert workers(session, scene.community, Duty.INSPECTOR) == [here, everywhere]
    case = flagged(scene)[0]
    for name in ("cy", "di", "ed"):
        other = session.scalars(select(Account).where(Account.name == name)).one()
        with pytest.raises(InputError) as error:
            assign(session, scene.community, [case.id], Duty.INSPECTOR, other.id, by(scene))
        assert codes(error) == ["no_worker"]


def test_everything_that_is_wrong_with_an_assignment_is_said(scene: Scene) -> None:
    with pytest.raises(InputError) as error:
        assign(scene.session, scene.community, [], Duty.INSPECTOR, 0, by(scene, Role.INSPECTOR))
    assert codes(error) == ["not_permitted", "no_case", "no_worker"]


def test_everything_that_is_wrong_with_a_lane_is_said(scene: Scene) -> None:
    other = builders.building(scene.session, builders.community(scene.session))
    form = LaneForm(" ", "x" * 201, 0, frozenset({other.id}))
    with pytest.raises(InputError) as error:
        save_lane(scene.session, scene.community, None, form, by(scene, Role.INSPECTOR))
    assert codes(error) == [
        "not_permitted",
        "lane_ref",
        "lane_name",
        "unknown_building",
        "unknown_housekeeper",
    ]
    lane(scene, "1", None)
    with pytest.raises(InputError) as error:
        lane(scene, "1", None)
    assert codes(error) == ["lane_taken"]


def test_lanes_are_taken_from_a_table(
    scene: Scene, keepers: tuple[Account, Account], tmp_path: Path
) -> None:
    builders.building(scene.session, scene.community, ref="2")
    path = tmp_path / "lanes.csv"
    path.write_text("lane,building,name,housekeeper\nA,1,South,LI@example.org\nA,2,,\n", "utf-8")
    report = import_lanes(scene.session, scene.community, path, by(scene))
    assert (report.lanes, report.buildings) == (1, 2)
    found = list_lanes(scene.session, scene.community)[0]
    assert (found.ref, found.name, found.housekeeper, found.buildings) == (
        "A",
        "South",
        "li",
        ("1", "2"),
    )
    path.write_text("lane,building\nA,2\n", "utf-8")
    import_lanes(scene.session, scene.community, path, by(scene))
    found = list_lanes(scene.session, scene.community)[0]
    assert (found.name, found.housekeeper, found.buildings) == ("South", "li", ("2",))


def test_a_table_with_faults_is_refused_whole(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "lanes.csv"
    path.write_text("lane,building,housekeeper\nA,1,\nB,1,\n,9,nobody@example.org\n", "utf-8")
    with pytest.raises(InputError) as error:
        import_lanes(scene.session, scene.community, path, by(scene))
    assert [(one.row, one.code) for one in error.value.problems] == [
        (2, "building_twice"),
        (3, "lane_ref"),
        (3, "unknown_building"),
        (3, "unknown_housekeeper"),
    ]
    assert list_lanes(scene.session, scene.community) == []


def test_lanes_that_changed_since_they_were_read_are_not_overwritten(
    scene: Scene, keepers: tuple[Account, Account]
) -> None:
    session, community = scene.session, scene.community
    read = lanes_version(session, community)
    lane(scene, "1", keepers[0])
    form = LaneForm("2", buildings=frozenset({scene.building.id}))
    with pytest.raises(StaleLanes):
        save_lane(session, community, None, form, by(scene), read)
    (kept,) = list_lanes(session, community)
    with pytest.raises(StaleLanes):
        remove_lane(session, community, kept.id, by(scene), read)
    assert kept.buildings == ("1",)
    remove_lane(session, community, kept.id, by(scene), lanes_version(session, community))
    # What is again as it was read is what was read.
    assert lanes_version(session, community) == read


@pytest.mark.parametrize("change", ["ref", "name", "housekeeper_id", "buildings"])
def test_everything_of_a_lane_is_in_the_version_of_lanes(
    scene: Scene, keepers: tuple[Account, Account], change: str
) -> None:
    session, community = scene.session, scene.community
    lane(scene, "1", keepers[0])
    (kept,) = list_lanes(session, community)
    before = lanes_version(session, community)
    same = LaneForm("1", "", keepers[0].id, frozenset({scene.building.id}))
    save_lane(session, community, kept.id, same, by(scene))
    assert lanes_version(session, community) == before
    values = {
        "ref": "2",
        "name": "South",
        "housekeeper_id": keepers[1].id,
        "buildings": frozenset[uuid.UUID](),
    }
    other = replace(same, **{change: values[change]})  # type: ignore[arg-type]
    save_lane(session, community, kept.id, other, by(scene))
    assert lanes_version(session, community) != before


def test_cases_that_changed_since_they_were_read_are_named(scene: Scene) -> None:
    session, community = scene.session, scene.community
    ana = account(session, "ana", Role.INSPECTOR, community.code)
    first, second = flagged(scene)
    read: dict[uuid.UUID, int | None] = {one.id: one.version for one in (first, second)}
    check_versions(session, community, read)
    assign(session, community, [second.id], Duty.INSPECTOR, ana.id, by(scene))
    with pytest.raises(StaleCases) as error:
        check_versions(session, community, read)
    assert error.value.ids == {second.id}
    check_versions(session, community, {second.id: None})


def seen(session: Session, community: Community, who: Account) -> set[Case]:
    condition = visible_cases(rights(session, who.id), who.id)
    return set(session.scalars(select(Case).where(Case.community_id == community.id, condition)))


def test_each_role_sees_the_cases_that_safety_says(
    scene: Scene, keepers: tuple[Account, Account]
) -> None:
    session, community = scene.session, scene.community
    li, wu = keepers
    ana, bo = (account(session, name, Role.INSPECTOR, community.code) for name in ("ana", "bo"))
    first, second = flagged(scene)
    assign(session, community, [first.id], Duty.HOUSEKEEPER, li.id, by(scene))
    assign(session, community, [second.id], Duty.INSPECTOR, ana.id, by(scene))
    assert seen(session, community, li) == {first}
    assert seen(session, community, wu) == set()
    assert seen(session, community, ana) == {first, second}
    assert seen(session, community, bo) == {first}
    for role in (Role.PLANNER, Role.SECRETARY):
        assert seen(session, community, account(session, role, role)) == {first, second}
    for role in (Role.OFFICIAL, Role.ADMIN, Role.RESIDENT):
        assert seen(session, community, account(session, role, role)) == set()
    elsewhere = builders.community(session)
    for role in (Role.SECRETARY, Role.INSPECTOR):
        stranger = account(session, f"far-{role}", role, elsewhere.code)
        assert seen(session, community, stranger) == set()


def test_a_second_person_sees_what_waits_to_be_accepted_and_what_it_accepted(
    scene: Scene,
) -> None:
    session, community = scene.session, scene.community
    ana, bo, cy = (
        account(session, name, Role.INSPECTOR, community.code) for name in ("ana", "bo", "cy")
    )
    case, other = flagged(scene)
    assign(session, community, [case.id, other.id], Duty.INSPECTOR, ana.id, by(scene))
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    assert seen(session, community, bo) == set()
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    assert seen(session, community, bo) == {case}
    scene.move(case, State.ACCEPTED, actor=bo.email, document="A-1")
    assert seen(session, community, bo) == {case}
    assert seen(session, community, cy) == set()
