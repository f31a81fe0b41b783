"""Who sees which case: nobody comes to see one by what they do to it unseen."""

import pytest
from sqlalchemy import select

from cases.access import Role
from cases.casework import NOTHING_LEFT
from cases.flagging import flag
from cases.ground import Ground
from cases.models import Account, Case, CaseEvent
from cases.people import add_account, rights
from cases.reassigning import reassign
from cases.signing import Signature
from cases.visibility import visible_cases
from cases.workflow import State
from tests import builders
from tests.cases.conftest import Scene


def person(scene: Scene, role: Role = Role.INSPECTOR) -> Account:
    email = f"{builders.fresh('li')}@example.org"
    place = scene.community.code
    return add_account(
        scene.session, email, name="Li", password="long enough 1", role=role, place=place
    )


def case_of(scene: Scene, index: int) -> Case:
    home = scene.households[index].id
    return next(one for one in scene.cases() if one.household_id == home)


def seen(scene: Scene, who: Account) -> set[str]:
    """Return the households whose cases somebody sees."""
    sees = visible_cases(rights(scene.session, who.id), who.id)
    found = scene.session.scalars(select(Case).where(sees))
    by_id = {one.id: one.ref for one in scene.households}
    return {by_id[case.household_id] for case in found}


@pytest.fixture
def ana(scene: Scene) -> Account:
    """The inspector of the case of H0; nobody is assigned to that of H1."""
    who = person(scene)
    for index in range(2):
        scene.observe(f"O{index}", index * 10 + 2, 1, 4, 5)
    scene.flag()
    case_of(scene, 0).inspector_id = who.id
    scene.session.flush()
    return who


@pytest.fixture
def bo(scene: Scene, ana: Account) -> Account:
    who = person(scene)
    assert (seen(scene, ana), seen(scene, who)) == ({"H0", "H1"}, {"H1"})
    return who


def acts_by(scene: Scene, who: Account, case: Case) -> set[str]:
    return set(
        scene.session.scalars(
            select(CaseEvent.event).where(
                CaseEvent.case_id == case.id, CaseEvent.actor == who.email
            )
        )
    )


@pytest.mark.parametrize("state", [State.SUSPECTED, State.REJECTED, State.CLOSED])
def test_drawing_ground_over_a_case_does_not_bring_it_into_sight(
    scene: Scene, bo: Account, state: State
) -> None:
    case = case_of(scene, 0)
    if state is State.REJECTED:
        scene.move(case, State.REJECTED, reason="a mistake")
    elif state is State.CLOSED:
        scene.clear(case)
        scene.move(case, State.MONITORING)
        accepted = Ground(scene.session, scene.community, case).patrolled()
        assert accepted is not None
        builders.patrolled(scene.session, case, accepted[0])
        scene.move(case, State.CLOSED, at=scene.tick().replace(year=2024))
        scene.clock = scene.clock.replace(year=2024)
    when = scene.tick()
    scene.observe("drawn", 1, 1, 8, 8, observed_on=when.date())
    flag(scene.session, [scene.community], at=when, actor=bo.email)
    scene.session.expire_all()
    if state is not State.SUSPECTED:
        assert acts_by(scene, bo, case)
    assert seen(scene, bo) == {"H1"}


def test_reassigning_ground_does_not_bring_the_other_case_into_sight(
    scene: Scene, bo: Account
) -> None:
    hers, open_to_all = case_of(scene, 0), case_of(scene, 1)
    scene.move(open_to_all, State.VERIFIED, actor=bo.email)
    scene.move(hers, State.VERIFIED)
    by = Signature(bo.email, scene.tick())
    reassign(scene.session, scene.community, open_to_all.id, "H0", "It is their fence.", by)
    scene.session.expire_all()
    assert acts_by(scene, bo, hers)
    assert seen(scene, bo) == {"H1"}


def test_whoever_led_a_case_on_follows_it(scene: Scene, ana: Account, bo: Account) -> None:
    case = case_of(scene, 0)
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, actor=ana.email, residual=NOTHING_LEFT)
    assert "H0" in seen(scene, bo)
    scene.move(case, State.ACCEPTED, actor=bo.email, document="A-1")
    assert "H0" in seen(scene, bo)
    assert "H0" not in seen(scene, person(scene))
