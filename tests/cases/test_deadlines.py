"""The clock of a case: set, extended, stopped by an objection, and run on."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from cases.access import Permission
from cases.casework import NOTHING_LEFT, StaleVersion, available_moves
from cases.checks import check_community
from cases.deadlines import (
    EXTENDED,
    RESUMED,
    SUSPENDED,
    clock,
    default_deadline,
    extend,
    is_overdue,
    latest_extension,
    overdue,
    set_deadline,
    visit_due,
)
from cases.models import Case, CaseEvent, Objection
from cases.objections import DECIDED, LODGED, Decision, decide_objection, list_objections, lodge
from cases.signing import Signature
from cases.workflow import MOVES, Addressee, Requirement, State
from gis.problems import InputError
from tests.cases.conftest import Scene


def noon(month: int, day: int) -> dt.datetime:
    """Return an instant that is on that day of 2022 in China."""
    return dt.datetime(2022, month, day, 4, tzinfo=dt.UTC)


def day(month: int, number: int) -> dt.date:
    return dt.date(2022, month, number)


# An announcement of Monday 11 April 2022. The 24th, a Sunday, is worked for Labour Day.
ANNOUNCED = noon(4, 11)
DEADLINE = day(4, 29)


@pytest.fixture
def case(scene: Scene) -> Case:
    """An announced case of 20 m2 with a deadline 15 working days later."""
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    (made,) = scene.cases()
    scene.move(made, State.VERIFIED)
    scene.clock = ANNOUNCED
    return scene.announce(made, ANNOUNCED)


def object_on(scene: Scene, case: Case, at: dt.datetime, **values: Any) -> Objection:
    by = Signature("ana", at, **values)
    return lodge(scene.session, scene.community, case.id, "It is our own yard.", by)


def decide_on(
    scene: Scene, case: Case, at: dt.datetime, target: State | None, upheld: bool = True
) -> Objection:
    decision = Decision(upheld, "The deed says so.", "OD-1", target)
    by = Signature("bo", at)
    made = decide_objection(scene.session, scene.community, case.id, decision, by)
    scene.session.expire_all()
    return made


def refuse_on(scene: Scene, case: Case, at: dt.datetime) -> Objection:
    return decide_on(scene, case, at, None, upheld=False)


def codes(error: pytest.ExceptionInfo[InputError]) -> set[str]:
    return {problem.code for problem in error.value.problems}


def events(scene: Scene, case: Case, name: str) -> list[CaseEvent]:
    rows = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.event == name)
    return list(scene.session.scalars(rows.order_by(CaseEvent.seq)))


def test_an_announcement_gives_15_working_days(scene: Scene) -> None:
    assert default_deadline(scene.community, ANNOUNCED.date()) == DEADLINE
    scene.community.policy = {"announcement_days": 1}
    assert default_deadline(scene.community, ANNOUNCED.date()) == day(4, 12)


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        (day(4, 19), "deadline_too_soon"),
        (day(4, 1), "deadline_too_soon"),
        (day(5, 2), "no_working_day"),
    ],
)
def test_a_deadline_is_never_too_soon_nor_on_a_holiday(
    scene: Scene, case: Case, chosen: dt.date, code: str
) -> None:
    case.deadline_on = None
    scene.session.flush()
    with pytest.raises(InputError) as error:
        set_deadline(scene.session, scene.community, case, chosen, Signature("bo", ANNOUNCED))
    assert codes(error) == {code}
    assert case.deadline_on is None
    set_deadline(scene.session, scene.community, case, day(4, 20), Signature("bo", ANNOUNCED))
    assert case.deadline_on == day(4, 20)


def test_time_that_was_given_is_not_taken_back(scene: Scene, case: Case) -> None:
    with pytest.raises(InputError) as error:
        set_deadline(scene.session, scene.community, case, day(4, 28), Signature("bo", ANNOUNCED))
    assert codes(error) == {"not_later"}
    assert case.deadline_on == DEADLINE


def test_the_clock_counts_working_days(scene: Scene, case: Case) -> None:
    assert clock(scene.community, case, day(4, 11)).left == 15
    assert clock(scene.community, case, day(4, 28)).left == 1
    assert not overdue(case, DEADLINE)
    late = clock(scene.community, case, day(5, 7))
    # From 30 April to 4 May is Labour Day; Saturday the 7th is worked.
    assert (late.left, late.over, late.is_provisional) == (0, 3, False)
    assert overdue(case, day(5, 7))


def test_an_announced_household_is_visited_within_five_working_days(
    scene: Scene, case: Case
) -> None:
    assert visit_due(scene.community, case) == day(4, 18)
    object_on(scene, case, noon(4, 15))
    assert visit_due(scene.community, case) is None
    refuse_on(scene, case, noon(4, 18))
    scene.move(case, State.VISITED, at=noon(4, 18))
    assert visit_due(scene.community, case) is None


def test_lists_and_pages_agree_on_what_is_overdue(scene: Scene, case: Case) -> None:
    for state in State:
        for suspended in (None, day(4, 20)):
            case.state, case.suspended_on = state, suspended
            scene.session.flush()
            for date in (DEADLINE, day(4, 30)):
                listed = scene.session.scalars(
                    select(Case).where(Case.id == case.id, is_overdue(date))
                ).all()
                assert bool(listed) == overdue(case, date)
    case.deadline_on = None
    scene.session.flush()
    assert scene.session.scalars(select(Case).where(is_overdue(day(12, 1)))).all() == []


def test_an_extension_keeps_the_old_day_and_its_reason(scene: Scene, case: Case) -> None:
    by = Signature("bo", noon(4, 20))
    extend(scene.session, scene.community, case.id, day(5, 10), "A death in the family.", by)
    (event,) = events(scene, case, EXTENDED)
    assert event.data == {"from": "2022-04-29", "to": "2022-05-10", "days": 5}
    assert (event.actor, event.note) == ("bo", "A death in the family.")
    with pytest.raises(InputError) as error:
        extend(scene.session, scene.community, case.id, day(5, 25), "Again.", by)
    assert codes(error) == {"extended_too_far"}
    assert "10 working days are left" in str(error.value)
    assert latest_extension(scene.session, scene.community, case) == day(5, 24)
    assert "2022-05-24" in str(error.value)
    extend(scene.session, scene.community, case.id, day(5, 24), "Again.", by)
    assert case.deadline_on == day(5, 24)
    assert latest_extension(scene.session, scene.community, case) is None


def test_everything_an_extension_lacks_comes_at_once(scene: Scene, case: Case) -> None:
    nobody = Signature("bo", noon(4, 1), frozenset())
    with pytest.raises(InputError) as error:
        extend(scene.session, scene.community, case.id, DEADLINE, " ", nobody)
    assert codes(error) == {"not_permitted", "wrong_time", "reason_missing", "not_later"}
    with pytest.raises(StaleVersion):
        extend(
            scene.session,
            scene.community,
            case.id,
            day(5, 10),
            "late",
            Signature("bo", noon(4, 20), version=1),
        )


def test_an_objection_stops_the_clock_and_its_refusal_lets_it_run_on(
    scene: Scene, case: Case
) -> None:
    object_on(scene, case, noon(4, 15))
    assert case.suspended_on == day(4, 15)
    (suspended,) = events(scene, case, SUSPENDED)
    # 18 to 22, the worked 24th, and 25 to 29 April.
    assert suspended.data == {"deadline_on": "2022-04-29", "left": 11}
    assert not overdue(case, day(6, 1))
    assert clock(scene.community, case, day(6, 1)).left == 11
    assert [one.rule for one in check_community(scene.session, scene.community)] == []
    refuse_on(scene, case, noon(5, 9))
    assert case.deadline_on == day(5, 24)
    assert clock(scene.community, case, day(5, 9)).suspended_on is None
    (resumed,) = events(scene, case, RESUMED)
    assert resumed.data == {"from": "2022-04-29", "to": "2022-05-24", "left": 11}
    (decided,) = events(scene, case, DECIDED)
    assert (decided.document, decided.data["upheld"]) == ("OD-1", False)
    assert case.state is State.ANNOUNCED
    (listed,) = list_objections(scene.session, scene.community, case)
    assert (listed["upheld"], listed["due_on"]) == (False, day(4, 25))


def test_a_clock_that_stands_without_an_objection_is_found(scene: Scene, case: Case) -> None:
    case.suspended_on = day(4, 15)
    scene.session.flush()
    (fault,) = check_community(scene.session, scene.community)
    assert (fault.rule, "nobody objects" in fault.message) == ("clock", True)


def test_while_the_clock_stands_nobody_is_pressed(scene: Scene, case: Case) -> None:
    object_on(scene, case, noon(4, 15))
    scene.clock = noon(5, 20)
    pressing = {step for step in MOVES.values() if Requirement.CLOCK_RUNS in step.requires}
    assert {step.target for step in pressing} == {
        State.ANNOUNCED,
        State.VISITED,
        State.DECLINED,
        State.REFERRED,
        State.ASSISTED,
    }
    for step in pressing:
        case.state = step.source
        scene.session.flush()
        with pytest.raises(InputError, match="is undecided"):
            scene.move(case, step.target, document="D-1", reason="because", at=noon(5, 20))
    by = Signature("bo", noon(5, 20))
    with pytest.raises(InputError, match="the clock stands"):
        set_deadline(scene.session, scene.community, case, day(6, 20), by)
    with pytest.raises(InputError, match="the clock stands"):
        extend(scene.session, scene.community, case.id, day(6, 20), "why", by)
    case.state = State.ANNOUNCED
    scene.session.flush()
    # Of its own accord a household may clear at any time.
    scene.move(case, State.SELF_CLEARING, at=noon(5, 20))


def test_the_page_says_what_the_clock_forbids(scene: Scene, case: Case) -> None:
    object_on(scene, case, noon(4, 15))
    moves = available_moves(scene.session, scene.community, case, "bo", None)
    lacks = {one.move.target: {problem.code for problem in one.lacks} for one in moves}
    assert "clock_stands" in lacks[State.VISITED]
    assert State.SUSPECTED not in lacks
    assert lacks[State.SELF_CLEARING] == set()


def test_an_upheld_objection_rejects_the_case(scene: Scene, case: Case) -> None:
    object_on(scene, case, noon(4, 15))
    decide_on(scene, case, noon(4, 18), State.REJECTED)
    assert (case.state, case.suspended_on, case.deadline_on) == (State.REJECTED, None, None)
    assert scene.figures(day(4, 18))["encroached_m2"] == 0
    assert scene.figures(day(4, 17))["encroached_m2"] == 20
    assert check_community(scene.session, scene.community) == []


def test_an_upheld_objection_has_the_ground_verified_again(scene: Scene, case: Case) -> None:
    scene.move(case, State.SELF_CLEARING, at=noon(4, 14))
    object_on(scene, case, noon(4, 15))
    made = decide_on(scene, case, noon(4, 18), State.SUSPECTED)
    assert (case.state, case.deadline_on) == (State.SUSPECTED, None)
    shown = scene.figures(day(4, 18))
    assert (shown["encroached_m2"], shown["suspected_m2"], shown["declared_m2"]) == (0, 20, 0)
    assert check_community(scene.session, scene.community) == []
    back = events(scene, case, "case:state:suspected")
    assert [event.data["objection"] for event in back] == [str(made.id)]
    scene.clock = noon(4, 18)
    assert (scene.flag().new, case.state) == (0, State.SUSPECTED)
    scene.move(case, State.VERIFIED, at=noon(4, 20))
    assert scene.figures(day(4, 20))["encroached_m2"] == 20
    assert check_community(scene.session, scene.community) == []


def test_a_late_objection_is_decided_and_stops_nothing(scene: Scene, case: Case) -> None:
    # Seven working days after the 11th is the 20th.
    object_on(scene, case, noon(4, 21))
    assert case.suspended_on is None
    assert events(scene, case, LODGED)[0].data["late"] is True
    scene.move(case, State.VISITED, at=noon(4, 22))
    refuse_on(scene, case, noon(4, 25))
    assert case.deadline_on == DEADLINE
    object_on(scene, case, noon(4, 26))
    decide_on(scene, case, noon(4, 27), State.REJECTED)


def test_one_objection_at_a_time_and_two_people(scene: Scene, case: Case) -> None:
    with pytest.raises(InputError) as error:
        refuse_on(scene, case, noon(4, 15))
    assert codes(error) == {"nothing_to_decide"}
    object_on(scene, case, noon(4, 15))
    with pytest.raises(InputError) as error:
        object_on(scene, case, noon(4, 16))
    assert codes(error) == {"objection_open"}
    blank = Decision(upheld=True, reason="", document="", outcome=State.VISITED)
    by = Signature("ANA ", noon(4, 16), frozenset({Permission.OBJECTION_LODGE}))
    with pytest.raises(InputError) as error:
        decide_objection(scene.session, scene.community, case.id, blank, by)
    assert codes(error) == {
        "not_permitted",
        "reason_missing",
        "document_missing",
        "same_person",
        "wrong_outcome",
    }


@pytest.mark.parametrize(
    ("target", "upheld", "code"),
    [
        (None, True, "outcome_missing"),
        (State.REJECTED, False, "wrong_outcome"),
        (State.CLOSED, True, "wrong_outcome"),
    ],
)
def test_a_decision_goes_where_it_may(
    scene: Scene, case: Case, target: State | None, upheld: bool, code: str
) -> None:
    object_on(scene, case, noon(4, 15))
    with pytest.raises(InputError) as error:
        decide_on(scene, case, noon(4, 18), target, upheld)
    assert codes(error) == {code}
    assert case.suspended_on == day(4, 15)


def test_against_a_rebound_an_objection_moves_nothing(scene: Scene, case: Case) -> None:
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(case, State.ACCEPTED, actor="bo", document="A-1")
    assert case.deadline_on is None
    with pytest.raises(InputError, match="nothing is asked"):
        object_on(scene, case, scene.tick())
    scene.observe("O2", 2, 1, 4, 5, observed_on=scene.tick().date())
    scene.flag()
    object_on(scene, case, scene.tick())
    with pytest.raises(InputError, match="does not become"):
        decide_on(scene, case, scene.tick(), State.REJECTED)
    decide_on(scene, case, scene.tick(), None)
    assert case.state is State.REBOUND
    assert check_community(scene.session, scene.community) == []


def test_a_refusal_is_referred_once_the_promised_time_is_over(scene: Scene, case: Case) -> None:
    scene.move(case, State.VISITED, at=noon(4, 14))
    scene.move(case, State.DECLINED, reason="will not", at=noon(4, 14))
    words: dict[str, Any] = {"document": "R-1", "reason": "declined twice"}
    with pytest.raises(InputError) as error:
        scene.move(case, State.REFERRED, at=noon(4, 29), **words)
    assert codes(error) == {"deadline_not_passed"}
    claim = Addressee.OWNERS_CLAIM
    scene.move(case, State.REFERRED, at=noon(4, 30), addressee=claim, **words)
    (event,) = events(scene, case, "case:state:referred")
    assert event.data == {"addressee": "owners_claim"}


def test_a_case_that_is_not_asked_to_clear_has_no_deadline(scene: Scene, case: Case) -> None:
    case.state = State.VERIFIED
    scene.session.flush()
    with pytest.raises(InputError, match="has no deadline"):
        set_deadline(scene.session, scene.community, case, DEADLINE, Signature("bo", ANNOUNCED))
