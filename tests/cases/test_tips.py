"""Tips stay in confidence: nobody is named, and no case, export or figure knows of them."""

import pytest
from sqlalchemy import inspect, select

from cases.access import GRANTS, Permission, Role
from cases.models import CaseEvent, Tip, TipState
from cases.signing import Signature
from cases.tips import add_tip, check_tip, count_waiting, green_parcels, list_tips
from gis.problems import InputError
from layers.models import Observation
from tests.cases.conftest import Scene

TOLD = "the fence behind 3 is back"


def by(scene: Scene, role: Role = Role.INSPECTOR) -> Signature:
    return Signature("ana@example.org", scene.tick(), GRANTS[role])


def codes(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_a_tip_keeps_no_name(scene: Scene) -> None:
    tip = add_tip(scene.session, scene.community, TOLD, "P1", by(scene, Role.LANE_HOUSEKEEPER))
    kept = [str(getattr(tip, column.key)) for column in inspect(Tip).columns]
    assert not any("ana" in value for value in kept)
    listed = list_tips(scene.session, scene.community)
    assert [(one.parcel, one.wording, one.state) for one in listed] == [
        ("P1", TOLD, TipState.RECEIVED)
    ]


def test_a_tip_touches_nothing_else(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    day = scene.clock.date()
    before = scene.figures(day), scene.session.scalars(select(CaseEvent.seq)).all()
    tip = add_tip(scene.session, scene.community, TOLD, "P0", by(scene))
    check_tip(scene.session, scene.community, tip.id, TipState.CONFIRMED, "", by(scene))
    after = scene.figures(day), scene.session.scalars(select(CaseEvent.seq)).all()
    assert after == before
    assert len(scene.session.scalars(select(Observation)).all()) == 1


def test_a_tip_is_checked_once(scene: Scene) -> None:
    session, community = scene.session, scene.community
    tip = add_tip(session, community, TOLD, "", by(scene))
    assert count_waiting(session, community) == 1
    check_tip(session, community, tip.id, TipState.DISMISSED, "a hedge of the property", by(scene))
    found = list_tips(session, community)[0]
    assert (found.state, found.checked_by, found.note) == (
        TipState.DISMISSED,
        "ana@example.org",
        "a hedge of the property",
    )
    assert count_waiting(session, community) == 0
    with pytest.raises(InputError) as error:
        check_tip(session, community, tip.id, TipState.CONFIRMED, "", by(scene))
    assert codes(error) == ["tip_checked"]


def test_a_dismissal_says_why(scene: Scene) -> None:
    tip = add_tip(scene.session, scene.community, TOLD, "", by(scene))
    with pytest.raises(InputError) as error:
        check_tip(scene.session, scene.community, tip.id, TipState.DISMISSED, " ", by(scene))
    assert codes(error) == ["note_missing"]


def test_everything_that_is_wrong_with_a_tip_is_said(scene: Scene) -> None:
    with pytest.raises(InputError) as error:
        add_tip(scene.session, scene.community, " ", "P99", by(scene, Role.PLANNER))
    assert codes(error) == ["not_permitted", "wording_missing", "unknown_parcel"]
    tip = add_tip(scene.session, scene.community, TOLD, "", by(scene))
    with pytest.raises(InputError) as error:
        check_tip(
            scene.session,
            scene.community,
            tip.id,
            TipState.CONFIRMED,
            "",
            by(scene, Role.LANE_HOUSEKEEPER),
        )
    assert codes(error) == ["not_permitted"]


def test_who_may_add_and_who_may_check() -> None:
    adding = {role for role in Role if Permission.TIP_ADD in GRANTS[role]}
    checking = {role for role in Role if Permission.TIP_CHECK in GRANTS[role]}
    assert adding == {Role.LANE_HOUSEKEEPER, Role.INSPECTOR, Role.SECRETARY}
    assert checking == {Role.INSPECTOR, Role.SECRETARY}


def test_the_parcels_to_choose_are_public_green(scene: Scene) -> None:
    assert [one.ref for one in green_parcels(scene.session, scene.community)] == ["P0", "P1", "P2"]
