"""Patrols: what is due, what a clear one does, and how a rebound comes back to its case."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from cases.access import GRANTS, Permission, Role
from cases.casework import NOTHING_LEFT
from cases.checks import check_community
from cases.models import Case, CaseEvent, Patrol, PatrolOutcome
from cases.patrols import (
    SAME_AS_BEFORE,
    due_patrols,
    next_patrols,
    next_slot,
    record_clear,
    record_rebound,
)
from cases.signing import Signature
from cases.workflow import State
from gis.problems import InputError
from layers.models import Purpose, StructureType
from tests.cases.conftest import Scene, rectangle

DAYS = (7, 30, 90, 180, 365)
ACCEPTED = dt.date(2022, 5, 1)


@pytest.fixture
def case(scene: Scene) -> Case:
    """An accepted case of 20 m2 on the first parcel."""
    scene.observe("O1", 2, 1, 4, 5, occupier_id=scene.households[0].id)
    scene.flag()
    case = scene.cases()[0]
    scene.clear(case)
    return case


def later(scene: Scene, days: int, role: Role = Role.INSPECTOR, **values: Any) -> Signature:
    """Sign some days after the acceptance."""
    at = scene.clock + dt.timedelta(days=days)
    return Signature("ana@example.org", at, GRANTS[role], **values)


def codes(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


@given(st.integers(0, 400), st.sampled_from([0, *DAYS]))
def test_the_last_day_that_is_due_is_looked_at_else_the_next(passed: int, done: int) -> None:
    slot = next_slot(DAYS, ACCEPTED, done, ACCEPTED + dt.timedelta(passed))
    if done == DAYS[-1]:
        assert slot is None
        return
    assert slot is not None
    assert slot.days > done
    assert slot.due_on == ACCEPTED + dt.timedelta(slot.days)
    due = [days for days in DAYS if done < days <= passed]
    assert slot.days == (due[-1] if due else next(days for days in DAYS if days > done))


def test_a_case_is_due_from_its_seventh_day_on(scene: Scene, case: Case) -> None:
    accepted = scene.clock.date()
    assert due_patrols(scene.session, scene.community, accepted + dt.timedelta(6)) == []
    due = due_patrols(scene.session, scene.community, accepted + dt.timedelta(7))
    assert [(one.case_id, one.household, one.building, one.slot.days) for one in due] == [
        (case.id, "H0", "1", 7)
    ]
    later_on = due_patrols(scene.session, scene.community, accepted + dt.timedelta(31))
    assert [one.slot.days for one in later_on] == [30]


def test_a_community_sets_the_days(scene: Scene, case: Case) -> None:
    scene.community.policy = {"patrol_days": [3]}
    scene.session.flush()
    found = next_patrols(scene.session, scene.community, scene.clock.date())
    assert [one.slot.days for one in found] == [3]


def test_clear_patrols_lead_to_monitoring_and_after_a_year_to_the_end(
    scene: Scene, case: Case
) -> None:
    before = scene.figures()
    for days in DAYS:
        record_clear(scene.session, scene.community, case.id, "clear", later(scene, days))
        expected = State.CLOSED if days == DAYS[-1] else State.MONITORING
        assert case.state is expected
    made = scene.session.scalars(select(Patrol).order_by(Patrol.days)).all()
    assert [(one.days, one.outcome, one.actor) for one in made] == [
        (days, PatrolOutcome.CLEAR, "ana@example.org") for days in DAYS
    ]
    assert next_patrols(scene.session, scene.community, scene.clock.date()) == []
    after = scene.figures(scene.clock.date() + dt.timedelta(400))
    assert {**after, "as_of": None} == {**before, "as_of": None}
    assert check_community(scene.session, scene.community) == []


def test_who_may_not_close_leaves_the_case_in_monitoring(scene: Scene, case: Case) -> None:
    at = scene.clock + dt.timedelta(days=365)
    by = Signature("ana", at, frozenset({Permission.CASE_INSPECT}))
    record_clear(scene.session, scene.community, case.id, "", by)
    assert case.state is State.MONITORING


def test_a_patrol_is_not_recorded_before_it_is_due_nor_twice(scene: Scene, case: Case) -> None:
    session, community = scene.session, scene.community
    with pytest.raises(InputError) as error:
        record_clear(session, community, case.id, "", later(scene, 6))
    assert codes(error) == ["patrol_not_due"]
    record_clear(session, community, case.id, "", later(scene, 8))
    with pytest.raises(InputError) as error:
        record_clear(session, community, case.id, "", later(scene, 9))
    assert codes(error) == ["patrol_not_due"]
    with pytest.raises(InputError) as error:
        record_clear(session, community, case.id, "", later(scene, 30, Role.LANE_HOUSEKEEPER))
    assert codes(error) == ["not_permitted"]


@pytest.mark.parametrize("taken", [SAME_AS_BEFORE, rectangle(2, 1, 2, 5)])
def test_ground_taken_again_is_a_rebound_of_the_case_that_had_cleared_it(
    scene: Scene, case: Case, taken: Any
) -> None:
    polygon = taken if taken is SAME_AS_BEFORE else scene.polygon(taken)
    before = scene.figures()
    by = later(scene, 7)
    seen = record_rebound(
        scene.session, scene.community, case.id, polygon, StructureType.FENCE, "again", by
    )
    assert case.state is State.REBOUND
    assert seen.purpose is Purpose.PATROL
    patrol = scene.session.scalars(select(Patrol)).one()
    assert (patrol.days, patrol.outcome, patrol.observation_id) == (
        7,
        PatrolOutcome.REBOUND,
        seen.id,
    )
    assert by.at is not None
    after = scene.figures(by.at.date())
    area = 20 if taken is SAME_AS_BEFORE else 10
    assert after["rebound_m2"] - before["rebound_m2"] == pytest.approx(area, abs=0.01)
    assert after["outstanding_m2"] == pytest.approx(area, abs=0.01)
    assert len(scene.cases()) == 1
    assert check_community(scene.session, scene.community) == []
    events = scene.session.scalars(
        select(CaseEvent.event).where(CaseEvent.observation_id == seen.id).order_by(CaseEvent.seq)
    ).all()
    assert events == ["flag:case:rebound", "patrol:case:rebound"]


def test_a_patrol_is_dated_now_where_nobody_says_when(scene: Scene, case: Case) -> None:
    by = Signature("ana@example.org", None, GRANTS[Role.INSPECTOR])
    record_rebound(
        scene.session, scene.community, case.id, SAME_AS_BEFORE, StructureType.FENCE, "", by
    )
    at = scene.session.scalars(
        select(CaseEvent.at).where(CaseEvent.event.contains("rebound")).order_by(CaseEvent.seq)
    ).all()
    assert len(at) == 2
    assert at[0] == at[1]


def test_a_year_begins_anew_when_a_rebound_is_cleared(scene: Scene, case: Case) -> None:
    session, community = scene.session, scene.community
    by = later(scene, 7)
    record_rebound(session, community, case.id, SAME_AS_BEFORE, StructureType.FENCE, "", by)
    assert next_patrols(session, community, scene.clock.date() + dt.timedelta(400)) == []
    assert by.at is not None
    scene.clock = by.at
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(case, State.ACCEPTED, actor="bo", document="A-2")
    due = due_patrols(session, community, scene.clock.date() + dt.timedelta(7))
    assert [(one.slot.days, one.accepted_on) for one in due] == [(7, scene.clock.date())]


def test_a_rebound_is_found_after_the_last_patrol_too(scene: Scene, case: Case) -> None:
    session, community = scene.session, scene.community
    record_clear(session, community, case.id, "", later(scene, 365))
    assert scene.cases()[0].state is State.CLOSED
    by = later(scene, 500)
    record_rebound(session, community, case.id, SAME_AS_BEFORE, StructureType.SHED, "tip", by)
    assert case.state is State.REBOUND


@pytest.mark.parametrize(
    ("taken", "days", "expected"),
    [
        (None, 7, ["polygon_missing"]),
        (rectangle(2, 1, 4, 5), 0, ["same_day"]),
        (rectangle(900, 900, 4, 5), 7, ["polygon_elsewhere"]),
        (rectangle(12, 1, 4, 5), 7, ["no_rebound"]),
        (rectangle(2, 1, 0.2, 0.2), 7, ["no_rebound"]),
    ],
)
def test_what_is_no_rebound_is_refused(
    scene: Scene, case: Case, taken: Any, days: int, expected: list[str]
) -> None:
    polygon = None if taken is None else scene.polygon(taken)
    with pytest.raises(InputError) as error:
        record_rebound(
            scene.session,
            scene.community,
            case.id,
            polygon,
            StructureType.FENCE,
            "",
            later(scene, days),
        )
    assert codes(error) == expected


def test_a_case_that_was_never_cleared_has_no_patrols(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    case = scene.cases()[0]
    with pytest.raises(InputError) as error:
        record_clear(scene.session, scene.community, case.id, "", later(scene, 9))
    assert codes(error) == ["no_patrol"]
