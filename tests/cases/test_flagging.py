"""Flagging in the database: once, again, corrected, withdrawn, shared, taken again."""

import datetime as dt
import uuid

import pytest
from sqlalchemy import func, select

from cases.models import AnswerBasis, AreaEntry, CaseEvent, Finding, FindingKind
from cases.workflow import State
from layers.models import Observation, ObservationStatus, ParcelHousehold, ParcelKind, TitleBasis
from tests import builders
from tests.cases.conftest import Scene


def test_an_overlap_becomes_an_encroachment_with_its_case_event_and_area(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    report = scene.flag()
    assert (report.new, report.cases_opened) == (1, 1)
    (found,) = scene.current()
    (case,) = scene.cases()
    assert found.occupied_m2 == pytest.approx(20, abs=1e-6)
    assert (found.case_id, found.answer_basis) == (case.id, AnswerBasis.PARCEL_LINK)
    assert (case.state, case.number) == (State.SUSPECTED, 1)
    event = scene.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id)).one()
    entry = scene.session.scalars(select(AreaEntry).where(AreaEntry.case_id == case.id)).one()
    assert (event.state, entry.kind) == (State.SUSPECTED, "suspected")
    assert entry.area_m2 == pytest.approx(20, abs=1e-6)


def test_flagging_again_changes_nothing(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.observe("O2", 5, 1, 4, 5)
    scene.flag()
    before = [(found.id, found.occupied_m2) for found in scene.current()]
    again = scene.flag()
    assert (again.observations, again.new, again.ended) == (0, 0, 0)
    for seen in scene.session.scalars(select(Observation)):
        builders.wait_again(scene.session, seen)
    forced = scene.flag()
    assert (forced.observations, forced.kept, forced.new, forced.ended) == (2, 2, 0, 0)
    assert [(found.id, found.occupied_m2) for found in scene.current()] == before


def test_shared_ground_counts_once_and_goes_to_whoever_was_seen_first(scene: Scene) -> None:
    scene.observe("late", 4, 0, 4, 5, observed_on=dt.date(2022, 3, 9))
    scene.observe("early", 2, 0, 4, 5, observed_on=dt.date(2022, 3, 2))
    scene.flag()
    assert [found.occupied_m2 for found in scene.current()] == pytest.approx([10, 20], abs=1e-6)


def test_within_a_day_the_ground_is_whoevers_was_entered_first(scene: Scene) -> None:
    first = scene.observe("first", 2, 0, 4, 5, id=uuid.UUID(int=2**128 - 1))
    scene.observe("second", 4, 0, 4, 5, id=uuid.UUID(int=1), observed_on=first.observed_on)
    scene.flag()
    found = {one.observation_id: one.occupied_m2 for one in scene.current()}
    assert found[first.id] == pytest.approx(20, abs=1e-6)


def test_one_later_polygon_equals_all_at_once(scene: Scene) -> None:
    scene.observe("A", 1, 0, 4, 5, observed_on=dt.date(2022, 3, 3))
    scene.observe("C", 6, 0, 3, 5, observed_on=dt.date(2022, 3, 5))
    scene.flag()
    scene.observe("B", 4, 0, 4, 5, observed_on=dt.date(2022, 3, 1))
    report = scene.flag()
    assert (report.new, report.ended) == (3, 2)
    assert [found.occupied_m2 for found in scene.current()] == pytest.approx([5, 15, 20], abs=1e-6)


def test_a_strip_near_the_wall_is_occupied_but_not_countable(scene: Scene) -> None:
    scene.observe("O1", 2, 5, 4, 5)
    scene.flag()
    (found,) = scene.current()
    assert found.occupied_m2 == pytest.approx(20, abs=1e-6)
    assert found.countable_m2 == pytest.approx(16, abs=1e-6)


def test_a_sliver_is_listed_and_accuses_nobody(scene: Scene) -> None:
    scene.observe("O1", 9.95, 1, 5, 6)
    report = scene.flag()
    assert (report.new, report.slivers) == (1, 1)
    finding = scene.session.scalars(select(Finding)).one()
    assert (finding.kind, finding.parcel_id) == (FindingKind.SLIVER, scene.parcels[0].id)


@pytest.mark.parametrize(
    ("values", "findings"),
    [
        ({"title_basis": TitleBasis.UNKNOWN}, 1),
        ({"title_disputed": True}, 1),
        ({"title_basis": TitleBasis.INDIVIDUAL}, 0),
        ({"kind": ParcelKind.PATH}, 0),
    ],
)
def test_title_before_accusation(scene: Scene, values: dict[str, object], findings: int) -> None:
    for name, value in values.items():
        setattr(scene.parcels[0], name, value)
    scene.observe("O1", 2, 1, 4, 5)
    report = scene.flag()
    assert (report.new, report.unknown_title) == (0, findings)
    assert scene.cases() == []


def test_a_withdrawn_observation_ends_its_findings_and_leaves_history(scene: Scene) -> None:
    seen = scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    scene.withdraw(seen)
    report = scene.flag()
    assert report.ended == 1
    assert scene.current() == []
    assert scene.cases()[0].state is State.REJECTED
    entries = scene.session.scalars(select(AreaEntry.area_m2).order_by(AreaEntry.seq)).all()
    assert entries == pytest.approx([20, -20], abs=1e-6)
    assert scene.figures()["suspected_m2"] == 0


def test_a_corrected_observation_replaces_its_encroachment(scene: Scene) -> None:
    old = scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    old.status, old.ended_on = ObservationStatus.SUPERSEDED, scene.clock.date()
    scene.observe("O1", 2, 1, 4, 6, replaces_id=old.id)
    report = scene.flag()
    assert (report.ended, report.new, report.cases_opened) == (1, 1, 0)
    assert scene.figures()["suspected_m2"] == 24.0
    assert len(scene.cases()) == 1


def test_an_enclosure_over_two_parcels_is_one_case(scene: Scene) -> None:
    scene.observe("O1", 6, 1, 8, 5, occupier_id=scene.households[0].id)
    report = scene.flag()
    assert (report.new, report.cases_opened, report.undecided) == (2, 1, 0)
    assert {found.household_id for found in scene.current()} == {scene.households[0].id}


def test_two_enclosures_of_one_household_are_one_case(scene: Scene) -> None:
    scene.observe("O1", 1, 1, 2, 5)
    scene.observe("O2", 5, 1, 2, 5)
    report = scene.flag()
    assert (report.new, report.cases_opened) == (2, 1)


def test_where_parcels_disagree_a_person_decides(scene: Scene) -> None:
    scene.observe("O1", 6, 1, 8, 5)
    report = scene.flag()
    assert (report.new, report.undecided, report.cases_opened) == (2, 2, 0)


def test_an_occupier_who_belongs_to_none_of_the_parcels_is_not_believed(scene: Scene) -> None:
    scene.observe("O1", 1, 1, 4, 5, occupier_id=scene.households[2].id)
    assert scene.flag().undecided == 1


def test_an_unlinked_parcel_leaves_the_named_occupier(scene: Scene) -> None:
    link = scene.session.scalars(
        select(ParcelHousehold).where(ParcelHousehold.parcel_id == scene.parcels[0].id)
    ).one()
    scene.session.delete(link)
    scene.observe("O1", 1, 1, 4, 5, occupier_id=scene.households[2].id)
    scene.flag()
    assert scene.current()[0].answer_basis is AnswerBasis.OCCUPIER


def test_cleared_ground_taken_again_is_a_rebound_of_its_case(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    (case,) = scene.cases()
    scene.clear(case)
    today = scene.tick().date()
    scene.observe("O2", 4, 1, 4, 5, occupier_id=scene.households[0].id, observed_on=today)
    report = scene.flag()
    assert (report.rebounds, report.new) == (1, 1)
    assert case.state is State.REBOUND
    shown = scene.figures()
    assert shown["rebound_m2"] == 10.0
    assert shown["outstanding_m2"] == 10.0
    assert shown["suspected_m2"] == 10.0


def test_verified_ground_is_never_flagged_twice(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    scene.move(scene.cases()[0], State.VERIFIED)
    scene.observe("O2", 2, 1, 4.05, 5, observed_on=dt.date(2022, 2, 1))
    report = scene.flag()
    assert (report.new, report.ended, report.slivers) == (0, 0, 1)


def test_many_at_once_equal_one_by_one(scene: Scene) -> None:
    """The bulk way of reading and the way by index lead to the same encroachments."""
    for index in range(3, 40):
        scene.add_parcel(index)
    for index in range(80):
        scene.observe(f"O{index:03}", index * 4, 1, 5, 5, occupier_id=None)
    scene.flag()
    bulk = {(f.observation_id, f.parcel_id): f.occupied_m2 for f in scene.current()}
    other = builders.community(scene.session, survey_srid=4550)
    twin = Scene(scene.session, other, scene.survey, builders.building(scene.session, other))
    for index in range(40):
        twin.add_parcel(index)
    for index in range(80):
        twin.observe(f"O{index:03}", index * 4, 1, 5, 5, occupier_id=None)
        if index % 7 == 0:
            twin.flag()
    twin.flag()
    single = sorted(f.occupied_m2 for f in twin.current())
    total = scene.session.scalar(select(func.count()).select_from(AreaEntry))
    assert total is not None
    assert sum(single) == pytest.approx(sum(bulk.values()), abs=1e-6)
