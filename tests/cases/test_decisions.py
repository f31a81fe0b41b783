"""Who answers and what is withdrawn, where the data cannot tell."""

import pytest
from sqlalchemy import select

from cases.access import Permission
from cases.case_list import list_cases
from cases.decisions import decide, list_undecided, withdraw
from cases.models import AnswerBasis, CaseEvent
from cases.registry import find_case, list_events
from cases.signing import Signature
from cases.workflow import State
from gis.problems import InputError
from layers.models import Observation, Purpose
from tests.cases.conftest import Scene, rectangle


def test_a_decision_gives_the_enclosure_a_case_and_is_an_event(scene: Scene) -> None:
    scene.observe("O1", 6, 1, 8, 5)
    scene.flag()
    listed = list_undecided(scene.session, [scene.community.id])
    assert [(row["parcel"], row["linked_household"]) for row in listed] == [
        ("P0", "H0"),
        ("P1", "H1"),
    ]
    case = decide(
        scene.session, scene.community, "O1", "H1", "their key", Signature("bo", scene.tick())
    )
    scene.session.expire_all()
    assert {found.answer_basis for found in scene.current()} == {AnswerBasis.PERSON}
    events = scene.session.scalars(select(CaseEvent.event).where(CaseEvent.case_id == case.id))
    assert "case:answer:decided" in set(events)
    assert scene.figures()["suspected_m2"] == 40
    assert list_undecided(scene.session, [scene.community.id]) == []


def test_an_enclosure_without_an_answer_is_said_beside_the_figures_until_somebody_answers(
    scene: Scene,
) -> None:
    scene.observe("O1", 6, 1, 8, 5)
    scene.flag()
    before = scene.clock.date()
    shown = scene.figures()
    assert (shown["undecided_enclosures"], shown["undecided_m2"]) == (1, 40)
    assert (shown["suspected_m2"], shown["encroached_m2"]) == (0, 0)
    decide(scene.session, scene.community, "O1", "H1", "their key", Signature("bo", scene.tick()))
    after = scene.figures()
    assert (after["undecided_enclosures"], after["suspected_m2"]) == (0, 40)
    assert scene.figures(before)["undecided_m2"] == 40


def test_a_decision_survives_a_new_look(scene: Scene) -> None:
    seen = scene.observe("O1", 6, 1, 8, 5)
    scene.flag()
    decide(scene.session, scene.community, "O1", "H1", "their key", Signature("bo"))
    scene.observe("O0", 6, 1, 1, 5, observed_on=seen.observed_on.replace(day=1, month=2))
    scene.flag()
    households = {f.household_id for f in scene.current() if f.observation_id == seen.id}
    assert households == {scene.households[1].id}


def test_every_wrong_field_of_a_decision_is_named(scene: Scene) -> None:
    with pytest.raises(InputError) as error:
        decide(scene.session, scene.community, "none", "nobody", " ", Signature("bo"))
    assert [problem.field for problem in error.value.problems] == [
        "observation",
        "household",
        "reason",
    ]


def test_withdrawing_ends_the_case_at_once_and_leaves_its_history(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    by = Signature("ana", scene.tick())
    withdraw(scene.session, scene.community, "O1", "a trellis", by)
    case = find_case(scene.session, scene.community, "H0")
    assert case.state is State.REJECTED
    assert [event["event"] for event in list_events(scene.session, case)] == [
        "flag:case:opened",
        "case:observation:withdrawn",
        "flag:case:rejected",
    ]
    assert list_cases(scene.session, scene.community).cases[0].occupied_m2 == 0


def test_a_household_without_a_case_is_said_so(scene: Scene) -> None:
    with pytest.raises(InputError, match="has no case"):
        find_case(scene.session, scene.community, "H2")


def test_the_residual_of_an_inspection_is_not_withdrawn(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    case = find_case(scene.session, scene.community, "H0")
    for state in (State.VERIFIED, State.SELF_CLEARING):
        scene.move(case, state)
    scene.move(case, State.INSPECTED, residual=scene.polygon(rectangle(2, 1, 2, 5)))
    residual = scene.session.scalars(
        select(Observation).where(
            Observation.community_id == scene.community.id,
            Observation.purpose == Purpose.RESIDUAL,
        )
    ).one()
    by = Signature("ana", scene.tick())
    with pytest.raises(InputError) as error:
        withdraw(scene.session, scene.community, residual.ref, "a shadow", by)
    assert [problem.code for problem in error.value.problems] == ["unknown_observation"]


def test_who_may_decide_confirm_and_withdraw(scene: Scene) -> None:
    scene.observe("O1", 6, 1, 8, 5)
    scene.flag()
    for permission in Permission:
        by = Signature("bo", scene.tick(), frozenset({permission}))
        may_decide = permission in {Permission.CASE_ASSIGN, Permission.CASE_VERIFY}
        may_withdraw = permission is Permission.CASE_VERIFY
        for act, may in (
            (lambda by=by: decide(scene.session, scene.community, "O1", "-", "x", by), may_decide),
            (lambda by=by: withdraw(scene.session, scene.community, "-", "x", by), may_withdraw),
        ):
            with pytest.raises(InputError) as error:
                act()
            codes = {problem.code for problem in error.value.problems}
            assert ("not_permitted" in codes) is not may, permission
