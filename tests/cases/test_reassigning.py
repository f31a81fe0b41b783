"""Another household answers: every figure stays, and both cases say why."""

from typing import Any

import pytest
from sqlalchemy import select

from cases.access import Permission
from cases.casework import NOTHING_LEFT
from cases.checks import check_community
from cases.decisions import decide
from cases.models import AnswerBasis, AreaEntry, Case, CaseEvent, Encroachment
from cases.reassigning import REASSIGNED, reassign
from cases.signing import Signature
from cases.workflow import State
from gis.problems import InputError
from tests.cases.conftest import Scene

AREAS = ("suspected_m2", "encroached_m2", "reclaimed_m2", "rebound_m2", "outstanding_m2")


@pytest.fixture
def case(scene: Scene) -> Case:
    """A suspected case of the first household: 20 m2 of one enclosure, 10 m2 of another."""
    scene.observe("O1", 2, 1, 4, 5)
    scene.observe("O2", 7, 1, 2, 5)
    scene.flag()
    return scene.cases()[0]


def give(scene: Scene, case: Case, to: str = "H2", **values: Any) -> Case:
    """Reassign, and hold the record against every rule."""
    observation = values.pop("observation_ref", None)
    given = {"actor": "bo", "at": scene.tick(), **values}
    taking = reassign(
        scene.session,
        scene.community,
        case.id,
        to,
        "It is their fence.",
        Signature(**given),
        observation_ref=observation,
    )
    scene.session.expire_all()
    assert check_community(scene.session, scene.community) == []
    return taking


def areas(scene: Scene) -> list[float]:
    shown = scene.figures()
    return [shown[name] for name in AREAS]


def test_verified_ground_goes_to_another_household(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    before, day = areas(scene), scene.clock.date()
    reported = scene.figures(day)
    taking = give(scene, case)
    assert areas(scene) == before
    assert scene.figures(day) == reported
    assert (case.state, taking.state) == (State.REJECTED, State.VERIFIED)
    assert taking.household_id == scene.households[2].id
    assert {found.case_id for found in scene.current()} == {taking.id}
    assert {found.answer_basis for found in scene.current()} == {AnswerBasis.PERSON}
    events = scene.session.scalars(
        select(CaseEvent).where(CaseEvent.event == REASSIGNED).order_by(CaseEvent.seq)
    ).all()
    assert [(event.case_id, event.actor, event.data) for event in events] == [
        (case.id, "bo", {"to": str(taking.id)}),
        (taking.id, "bo", {"from": str(case.id)}),
    ]
    assert {event.note for event in events} == {"It is their fence."}


def test_the_new_case_runs_its_whole_course(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    taking = give(scene, case)
    scene.move(taking, State.SELF_CLEARING)
    scene.move(taking, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(taking, State.ACCEPTED, actor="bo", document="A-1")
    shown = scene.figures()
    assert (shown["reclaimed_m2"], shown["outstanding_m2"]) == (30, 0)
    assert (shown["encroaching_households"], shown["cleared_households"]) == (1, 1)
    assert check_community(scene.session, scene.community) == []


def test_flagging_again_keeps_what_a_person_decided(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    taking = give(scene, case)
    scene.observe("O3", 2, 7, 2, 2)
    assert scene.flag().new == 1
    assert {found.case_id for found in scene.current() if found.occupied_m2 > 5} == {taking.id}
    assert check_community(scene.session, scene.community) == []


def test_one_enclosure_of_a_case_is_given_away(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    assert scene.figures()["declared_m2"] == 30
    version = case.version
    taking = give(scene, case, observation_ref="O2")
    assert (case.state, taking.state) == (State.SELF_CLEARING, State.VERIFIED)
    assert case.version > version
    shown = scene.figures()
    # The other household has declared nothing.
    assert (shown["declared_m2"], shown["encroached_m2"]) == (20, 30)
    assert shown["encroaching_households"] == 2


def test_suspected_ground_stays_suspected(scene: Scene, case: Case) -> None:
    taking = give(scene, case)
    assert (case.state, taking.state) == (State.REJECTED, State.SUSPECTED)
    assert scene.figures()["suspected_m2"] == 30
    scene.flag()
    assert {found.case_id for found in scene.current()} == {taking.id}


def test_a_household_that_has_a_case_takes_it_into_that(scene: Scene, case: Case) -> None:
    scene.observe("O9", 22, 1, 2, 5)
    scene.flag()
    other = scene.cases()[1]
    scene.move(other, State.VERIFIED)
    scene.move(other, State.SELF_CLEARING)
    scene.move(case, State.VERIFIED)
    assert give(scene, case).id == other.id
    assert other.state is State.SELF_CLEARING
    assert scene.figures()["encroached_m2"] == 40


def test_an_inspection_before_is_void(scene: Scene, case: Case) -> None:
    scene.observe("O9", 22, 1, 2, 5)
    scene.flag()
    other = scene.cases()[1]
    scene.move(other, State.VERIFIED)
    scene.move(other, State.SELF_CLEARING)
    scene.move(other, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(case, State.VERIFIED)
    give(scene, case)
    assert other.state is State.SELF_CLEARING


def test_everything_wrong_is_named_and_nothing_is_done(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    rows = [AreaEntry, CaseEvent, Encroachment, Case]
    before = [len(scene.session.scalars(select(row)).all()) for row in rows]
    with pytest.raises(InputError) as error:
        reassign(
            scene.session,
            scene.community,
            case.id,
            "nobody",
            " ",
            Signature("bo", permissions=frozenset({Permission.CASE_READ})),
            observation_ref="O9",
        )
    assert {problem.code for problem in error.value.problems} == {
        "not_permitted",
        "reason_missing",
        "unknown_household",
        "nothing_to_reassign",
    }
    with pytest.raises(InputError, match="already"):
        give(scene, case, "H0")
    assert [len(scene.session.scalars(select(row)).all()) for row in rows] == before


@pytest.mark.parametrize("permission", [Permission.CASE_ASSIGN, Permission.CASE_VERIFY])
def test_either_permission_is_enough(scene: Scene, case: Case, permission: Permission) -> None:
    give(scene, case, permissions=frozenset({permission}))


def test_cleared_ground_stays_with_whoever_cleared_it(scene: Scene, case: Case) -> None:
    scene.clear(case)
    with pytest.raises(InputError, match="stays in its record"):
        give(scene, case)


def test_a_third_household_on_ground_that_another_cleared_reopens_that_case(
    scene: Scene, case: Case
) -> None:
    scene.clear(case)
    third = scene.households[2].id
    # Half on what was cleared, half beside it.
    seen = scene.observe("N1", 2, 3, 4, 6, observed_on=scene.tick().date(), occupier_id=third)
    report = scene.flag()
    assert (report.rebounds, report.new) == (1, 1)
    assert case.state is State.REBOUND
    back = scene.session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.state == State.REBOUND)
    ).one()
    assert back.observation_id == seen.id
    entry = scene.session.scalars(
        select(AreaEntry).where(AreaEntry.observation_id == seen.id, AreaEntry.kind == "rebound")
    ).one()
    assert (entry.case_id, round(entry.area_m2, 2)) == (case.id, 12)
    # Of what lies beside, the parcel's household and the occupier disagree: a person decides.
    at = scene.tick()
    decide(scene.session, scene.community, "N1", "H2", "they built it", Signature("bo", at))
    scene.session.expire_all()
    (new,) = [found for found in scene.current() if found.observation_id == seen.id]
    assert (new.household_id, round(new.occupied_m2, 2)) == (third, 12)
    shown = scene.figures()
    assert (shown["rebound_m2"], shown["outstanding_m2"], shown["suspected_m2"]) == (12, 12, 12)
    assert check_community(scene.session, scene.community) == []
