"""Long histories of a case, each of which once led to a wrong figure."""

import datetime as dt
from typing import Any

import numpy as np
import pytest
import shapely
from sqlalchemy import select

from cases.casework import NOTHING_LEFT, confirm
from cases.checks import check_community
from cases.flagging import batches
from cases.models import AreaEntry, Case
from cases.signing import Signature
from cases.workflow import State
from gis.problems import InputError
from layers.models import Observation, ObservationStatus, StructureType, TitleBasis
from tests import builders
from tests.cases.conftest import Scene, rectangle


@pytest.fixture
def case(scene: Scene) -> Case:
    """A suspected case with 20 m2 on the first parcel."""
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    return scene.cases()[0]


def correct(scene: Scene, old: Observation, *place: float, **values: Any) -> Observation:
    """Replace an observation as an import does."""
    old.status, old.ended_on = ObservationStatus.SUPERSEDED, scene.clock.date()
    scene.session.flush()
    values.setdefault("observed_on", old.observed_on)
    return scene.observe(old.ref, *place, replaces_id=old.id, **values)


def open_observation(scene: Scene, ref: str) -> Observation:
    return scene.session.scalars(
        select(Observation).where(
            Observation.community_id == scene.community.id, Observation.ref == ref
        )
    ).one()


def sound(scene: Scene) -> dict[str, Any]:
    """Return the figures once every invariant holds and none is negative."""
    assert check_community(scene.session, scene.community) == []
    shown = scene.figures()
    assert all(value >= 0 for name, value in shown.items() if name.endswith("_m2"))
    return shown


def test_what_was_seen_before_a_clearance_is_no_rebound(scene: Scene, case: Case) -> None:
    scene.clear(case)
    scene.observe("late import", 2, 1, 4, 5, observed_on=dt.date(2022, 3, 2))
    assert scene.flag().rebounds == 0
    assert sound(scene)["outstanding_m2"] == 0
    assert case.state is State.ACCEPTED


def test_a_rebound_that_was_cleared_again_does_not_come_back(scene: Scene, case: Case) -> None:
    scene.clear(case)
    scene.observe("O2", 2, 1, 4, 5, observed_on=scene.tick().date())
    assert scene.flag().rebounds == 1
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(case, State.ACCEPTED, actor="bo", document="A-2")
    scene.observe("beside", 5, 5, 4, 4, observed_on=scene.tick().date())
    scene.flag()
    shown = sound(scene)
    assert shown["rebound_m2"] == pytest.approx(21, abs=0.01)
    assert shown["reclaimed_m2"] == 40


def test_a_withdrawn_rebound_ends(scene: Scene, case: Case) -> None:
    scene.clear(case)
    tip = scene.observe("tip", 2, 1, 4, 5, observed_on=scene.tick().date())
    scene.flag()
    assert sound(scene)["outstanding_m2"] == 20
    scene.withdraw(tip)
    scene.flag()
    shown = sound(scene)
    assert (shown["rebound_m2"], shown["outstanding_m2"]) == (0, 0)
    assert case.state is State.MONITORING


def test_a_correction_after_acceptance_adds_only_what_is_new(scene: Scene, case: Case) -> None:
    scene.clear(case)
    correct(scene, open_observation(scene, "O1"), 2, 1, 5, 5)
    report = scene.flag()
    assert (report.new, report.rebounds) == (1, 0)
    shown = sound(scene)
    assert (shown["encroached_m2"], shown["reclaimed_m2"]) == (20, 20)
    assert shown["suspected_m2"] == 5
    assert case.state is State.SUSPECTED


def test_a_cleared_case_is_not_rejected(scene: Scene, case: Case) -> None:
    scene.clear(case)
    scene.observe("O2", 2, 1, 2, 5, observed_on=scene.tick().date())
    scene.flag()
    scene.announce(case)
    with pytest.raises(InputError, match="stays in the record"):
        scene.move(case, State.REJECTED, reason="a mistake")
    assert sound(scene)["outstanding_m2"] == 10


def test_ground_that_nobody_verified_is_not_accepted(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    scene.observe("O2", 7, 1, 2, 5)
    scene.flag()
    with pytest.raises(InputError, match="not verified"):
        scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    confirm(scene.session, scene.community, case.id, Signature("ana", scene.tick()))
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    scene.observe("O3", 2, 7, 2, 2)
    scene.flag()
    assert case.state is State.SELF_CLEARING
    sound(scene)


def test_a_version_covers_the_ground_that_is_signed_for(scene: Scene, case: Case) -> None:
    before = case.version
    scene.observe("O2", 7, 1, 2, 5)
    scene.flag()
    assert case.version > before


def test_nothing_here_is_no_encroachment(scene: Scene) -> None:
    scene.observe("clear", 2, 1, 4, 5, structure_type=StructureType.NONE)
    assert scene.flag().new == 0


def test_nothing_is_dated_before_the_last_event(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.observe("O2", 7, 1, 2, 5)
    scene.flag()
    for at in (scene.clock - dt.timedelta(days=30), dt.datetime(2099, 1, 1, tzinfo=dt.UTC)):
        with pytest.raises(InputError), scene.session.begin_nested():
            confirm(scene.session, scene.community, case.id, Signature("ana", at))


def test_declared_areas_follow_what_stands(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    assert scene.figures()["declared_m2"] == 20
    scene.observe("O2", 7, 1, 2, 5)
    scene.flag()
    confirm(scene.session, scene.community, case.id, Signature("ana", scene.tick()))
    scene.move(case, State.VISITED)
    assert sound(scene)["declared_m2"] == 0
    scene.move(case, State.SELF_CLEARING)
    assert sound(scene)["declared_m2"] == 30


def test_a_case_that_loses_its_ground_is_rejected_wherever_it_stands(
    scene: Scene, case: Case
) -> None:
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    scene.withdraw(open_observation(scene, "O1"))
    scene.flag()
    assert case.state is State.REJECTED
    shown = sound(scene)
    assert (shown["declared_m2"], shown["encroached_m2"]) == (0, 0)


def test_a_link_made_later_opens_the_case(scene: Scene) -> None:
    scene.observe("O1", 6, 1, 8, 5)
    assert scene.flag().undecided == 2
    seen = open_observation(scene, "O1")
    seen.occupier_id = scene.households[0].id
    scene.session.flush()
    report = scene.flag()
    assert (report.cases_opened, report.undecided) == (1, 0)
    sound(scene)


def test_title_settled_after_verification_is_found(scene: Scene) -> None:
    scene.parcels[1].title_basis = TitleBasis.UNKNOWN
    scene.observe("O1", 6, 1, 8, 5, occupier_id=scene.households[0].id)
    assert scene.flag().unknown_title == 1
    (case,) = scene.cases()
    scene.move(case, State.VERIFIED)
    scene.parcels[1].title_basis = TitleBasis.OWNER_COMMON
    builders.wait_again(scene.session, open_observation(scene, "O1"))
    scene.session.flush()
    report = scene.flag()
    assert (report.new, report.unknown_title) == (1, 0)
    shown = sound(scene)
    assert (shown["encroached_m2"], shown["suspected_m2"]) == (20, 20)


@pytest.mark.parametrize("basis", [TitleBasis.INDIVIDUAL, TitleBasis.UNKNOWN])
def test_ground_that_is_not_common_is_not_announced(
    scene: Scene, case: Case, basis: TitleBasis
) -> None:
    scene.move(case, State.VERIFIED)
    scene.parcels[0].title_basis = basis
    scene.session.flush()
    with pytest.raises(InputError, match="not common green"):
        scene.announce(case)


@pytest.mark.parametrize("spelling", ["ana@x.org ", "ANA@X.ORG", "\uff41na@x.org"])
def test_one_person_is_one_however_spelled(scene: Scene, case: Case, spelling: str) -> None:
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, actor="ana@x.org", residual=NOTHING_LEFT)
    with pytest.raises(InputError, match="cannot accept"):
        scene.move(case, State.ACCEPTED, actor=spelling, document="A-1")


def test_a_residual_as_large_as_the_world_is_refused(scene: Scene, case: Case) -> None:
    scene.move(case, State.VERIFIED)
    scene.move(case, State.SELF_CLEARING)
    wide = scene.polygon(rectangle(-9_000, -9_000, 18_000, 18_000))
    with pytest.raises(InputError, match="does not lie at"):
        scene.move(case, State.INSPECTED, residual=wide)


def test_neighbours_whose_boundaries_nearly_touch_are_flagged_apart(scene: Scene) -> None:
    boxes = [rectangle(0, 0, 100, 100), rectangle(100.5, 0, 100, 100), rectangle(900, 0, 50, 50)]
    places = scene.survey.to_storage(np.array(boxes, dtype=object))
    made = [
        builders.community(scene.session, boundary=shapely.MultiPolygon([place]))
        for place in places
    ]
    scene.session.expire_all()
    together = [{community.id for community in group} for group in batches(made)]
    assert not any({made[0].id, made[1].id} <= group for group in together)
    assert any(
        {made[1].id, made[2].id} <= group or {made[0].id, made[2].id} <= group for group in together
    )


def test_entries_of_superseded_ground_cancel_out(scene: Scene, case: Case) -> None:
    correct(scene, open_observation(scene, "O1"), 2, 1, 5, 5)
    scene.flag()
    total = scene.session.scalars(
        select(AreaEntry.area_m2).where(AreaEntry.case_id == case.id)
    ).all()
    assert sum(total) == pytest.approx(25, abs=1e-6)
