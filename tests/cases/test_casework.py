"""Moves of a case: what each needs, what it does to the areas, and what it refuses."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from cases.access import GRANTS, Permission, Role
from cases.casework import (
    NOTHING_LEFT,
    Request,
    StaleVersion,
    available_moves,
    confirm,
    move,
)
from cases.checks import check_community, check_database
from cases.models import AreaEntry, Case, CaseEvent
from cases.signing import Signature
from cases.workflow import MOVES, STATUS_OF, Requirement, State, Status, moves_from
from gis.problems import InputError
from tests.cases.conftest import Scene, rectangle


@pytest.fixture
def case(scene: Scene) -> Case:
    """A suspected case with 20 m2 on the first parcel."""
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    return scene.cases()[0]


def codes(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_every_state_has_a_status_and_can_be_reached() -> None:
    assert set(STATUS_OF) == set(State)
    assert set(STATUS_OF.values()) <= set(Status)
    reached = {State.SUSPECTED}
    while new := {target for source, target in MOVES if source in reached} - reached:
        reached |= new
    assert reached == set(State)


def test_a_refusal_leads_only_to_persuasion_clearing_or_referral() -> None:
    targets = {step.target for step in moves_from(State.DECLINED)}
    # No answer to the refusal: a finding that was wrong or doubtful, a rebound that was none.
    targets -= {State.REJECTED, State.SUSPECTED, State.MONITORING}
    # Nor is a poster for ground that none has shown yet.
    targets -= {State.ANNOUNCED}
    assert targets == {State.VISITED, State.SELF_CLEARING, State.REFERRED}


def test_assistance_needs_a_signed_consent() -> None:
    steps = [step for step in MOVES.values() if step.target is State.ASSISTED]
    assert all(step.document == "assistance_consent" for step in steps)


def test_verify_clear_and_accept_reclaims_the_area(scene: Scene, case: Case) -> None:
    before = scene.clock.date()
    scene.clear(case)
    assert case.state is State.ACCEPTED
    shown = scene.figures()
    assert (shown["encroached_m2"], shown["reclaimed_m2"], shown["outstanding_m2"]) == (20, 20, 0)
    assert (shown["encroaching_households"], shown["cleared_households"]) == (1, 1)
    assert (shown["suspected_m2"], shown["declared_m2"]) == (0, 20)
    assert scene.figures(before)["suspected_m2"] == 20
    assert scene.current()[0].standing is None
    assert check_community(scene.session, scene.community) == []


def test_a_residual_polygon_keeps_the_case_open(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    left = scene.polygon(rectangle(2, 1, 2, 5))
    scene.move(case, State.INSPECTED, residual=left)
    with pytest.raises(InputError) as error:
        scene.move(case, State.ACCEPTED, actor="bo", document="A-1")
    assert codes(error) == ["residual_too_large"]
    assert "10.00 m2" in str(error.value)
    scene.move(case, State.SELF_CLEARING, actor="bo", reason="half of it still stands")
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(case, State.ACCEPTED, actor="bo", document="A-1")
    assert scene.figures()["reclaimed_m2"] == 20


def test_a_tolerated_residual_stays_outstanding(scene: Scene, case: Case) -> None:
    scene.community.policy = {"residual_tolerance_m2": 3.0}
    scene.session.flush()
    scene.clear(case, residual=scene.polygon(rectangle(2, 1, 0.5, 5)))
    shown = scene.figures()
    assert (shown["reclaimed_m2"], shown["outstanding_m2"]) == (17.5, 2.5)
    assert check_community(scene.session, scene.community) == []


def test_everything_a_move_lacks_comes_at_once(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.parcels[0].title_disputed = True
    scene.session.flush()
    with pytest.raises(InputError) as error:
        scene.move(
            case, State.ANNOUNCED, permissions=frozenset(), at=scene.clock - dt.timedelta(days=9)
        )
    assert sorted(codes(error)) == [
        "announcement_missing",
        "document_missing",
        "not_permitted",
        "title_doubtful",
        "wrong_time",
    ]


def test_two_different_people_accept(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, actor="Ana@x.org", residual=NOTHING_LEFT)
    with pytest.raises(InputError) as error:
        scene.move(case, State.ACCEPTED, actor="ana@x.org", document="A-1")
    assert codes(error) == ["same_person"]


def test_a_residual_elsewhere_or_crossing_itself_is_refused(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    elsewhere = scene.polygon(rectangle(400, 0, 5, 5))
    with pytest.raises(InputError) as error:
        scene.move(case, State.INSPECTED, residual=elsewhere)
    assert codes(error) == ["residual_elsewhere"]


def test_the_future_is_not_recorded(scene: Scene, case: Case) -> None:
    with pytest.raises(InputError) as error:
        scene.move(case, State.VERIFIED, at=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    assert codes(error) == ["wrong_time"]


def test_an_old_version_is_refused(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED, version=1)
    with pytest.raises(StaleVersion):
        scene.move(case, State.SELF_CLEARING, version=1)


def test_a_rejected_case_gives_its_ground_back(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.move(case, State.REJECTED, reason="a lease of 2012 covers it")
    scene.flag()
    shown = scene.figures()
    assert (shown["encroached_m2"], shown["encroaching_households"]) == (0, 0)
    assert scene.current() == []
    assert check_community(scene.session, scene.community) == []


def test_what_was_found_later_is_confirmed_apart(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.observe("O2", 7, 1, 2, 5)
    scene.flag()
    assert scene.figures()["encroached_m2"] == 20
    confirm(scene.session, scene.community, case.id, Signature("ana", scene.tick()))
    assert scene.figures()["encroached_m2"] == 30


def test_available_moves_say_what_they_lack(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    secretary = GRANTS[Role.SECRETARY]
    found = available_moves(scene.session, scene.community, case, "bo", secretary)
    by_target = {item.move.target: item for item in found}
    assert State.ANNOUNCED not in by_target  # by its campaign alone
    assert by_target[State.SELF_CLEARING].is_permitted
    assert [p.code for p in by_target[State.REJECTED].lacks] == ["reason_missing"]
    assert not by_target[State.REJECTED].is_permitted


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.sampled_from(State), target=st.sampled_from(State))
def test_moves_outside_the_table_are_refused_and_leave_no_trace(
    scene: Scene, start: State, target: State
) -> None:
    if not scene.cases():
        scene.observe("O1", 2, 1, 4, 5)
        scene.flag()
    (case,) = scene.cases()
    case.state = start
    scene.session.flush()
    step = MOVES.get((start, target))
    if step is not None and Requirement.NEW_OBSERVATION not in step.requires:
        return
    counts = _counts(scene)
    with pytest.raises(InputError):
        move(scene.session, scene.community, case.id, Request(target, "ana", document="D"))
    assert _counts(scene) == counts
    assert case.state is start


def _counts(scene: Scene) -> tuple[int | None, int | None]:
    return (
        scene.session.scalar(select(func.count()).select_from(CaseEvent)),
        scene.session.scalar(select(func.count()).select_from(AreaEntry)),
    )


def test_check_finds_a_case_that_its_events_do_not_explain(scene: Scene, case: Case) -> None:
    case.state = State.SIGNED
    scene.session.flush()
    assert [v.rule for v in check_community(scene.session, scene.community)] == ["projection"]


def test_check_finds_an_area_that_its_polygon_does_not_have(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.session.execute(
        text("UPDATE parcel SET area_m2 = area_m2 + 1 WHERE community_id = :c AND ref = 'P0'"),
        {"c": scene.community.id},
    )
    scene.session.execute(
        text(
            "INSERT INTO area_ledger"
            " (community_id, day, kind, case_id, encroachment_id, area_m2, geom)"
            " SELECT community_id, day, kind, case_id, encroachment_id, 7, geom"
            " FROM area_ledger WHERE kind = 'encroached'"
        )
    )
    rules = {v.rule for v in check_community(scene.session, scene.community)}
    assert rules == {"area", "entry", "outstanding", "standing", "verified"}


def test_the_served_database_is_sound(scene: Scene) -> None:
    assert check_database(scene.session) == []


def test_permissions_are_sorted_and_every_one_is_granted() -> None:
    names = list(Permission.__members__)
    assert names == sorted(names)
    assert set(Permission) == frozenset().union(*GRANTS.values())
