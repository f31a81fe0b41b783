"""Edits of geometry: what they change, what they refuse, and how they are taken back."""

import datetime as dt
import uuid
from typing import Any

import numpy as np
import pytest
import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.chain import first_fault
from cases.checks import check_community
from cases.edits.editing import Asked, Done, edit, layer_of, undo
from cases.edits.plans import Change, Draw, Merge, Outline, Read, Remove, Split, StaleRows
from cases.ledger import today
from cases.lineage import successors, with_forebears
from cases.models import EditLayer, GeometryEdit
from cases.signing import Signature
from cases.workflow import State
from gis.problems import InputError
from layers.models import (
    Observation,
    ObservationStatus,
    Parcel,
    ParcelHousehold,
    ParcelSurvey,
    Site,
    SiteKind,
    SiteState,
)
from tests import builders
from tests.cases.conftest import Scene, rectangle

PLANNER = Signature("planner@example.org", permissions=frozenset({Permission.GEOMETRY_EDIT}))
PARCELS, OBSERVATIONS, SITES = EditLayer.PARCELS, EditLayer.OBSERVATIONS, EditLayer.SITES


@pytest.fixture
def plot(scene: Scene) -> Scene:
    """The scene with the areas of its parcels as they measure."""
    for one in scene.parcels:
        measure(scene, one)
    scene.session.flush()
    scene.session.expire_all()
    return scene


def measure(scene: Scene, one: Any) -> None:
    shape = np.array([to_shape(one.geom)], dtype=object)
    one.area_m2 = float(shapely.area(scene.survey.to_survey(shape))[0])


def read(scene: Scene, layer: EditLayer, row: uuid.UUID) -> Read:
    """Return a row as a planner reads it now."""
    found = layer_of(scene.session, scene.community, layer).read([row])[row]
    return Read(found.id, found.version)


def line(scene: Scene, *points: tuple[float, float]) -> shapely.Geometry:
    """Return a line through points in metres of the scene."""
    east, north = rectangle(0, 0, 1, 1).bounds[:2]
    moved = shapely.LineString([(east + x, north + y) for x, y in points])
    return scene.polygon(moved)


def do(scene: Scene, layer: EditLayer, *changes: Change) -> Done:
    done = edit(scene.session, scene.community, Asked(layer, changes, "as built"), PLANNER)
    scene.session.expire_all()
    return done


def back(scene: Scene, done: Done) -> Done:
    again = undo(scene.session, scene.community, done.edit.id, "a mistake", PLANNER)
    scene.session.expire_all()
    return again


def sound(scene: Scene) -> None:
    """Nothing that must always hold is broken."""
    assert check_community(scene.session, scene.community) == []


def codes(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [one.code for one in error.value.problems]


def refused(scene: Scene, layer: EditLayer, *changes: Change) -> list[str]:
    with pytest.raises(InputError) as error:
        do(scene, layer, *changes)
    return codes(error)


def parcels(scene: Scene) -> dict[str, float]:
    rows = scene.session.execute(
        select(Parcel.ref, Parcel.area_m2).where(Parcel.community_id == scene.community.id)
    )
    return {ref: round(area, 1) for ref, area in rows}


def in_halves(scene: Scene, index: int = 0, at: float = 6) -> Split:
    """Return the change that cuts a parcel of the scene from south to north."""
    x = index * 10 + at
    key = scene.parcels[index].id
    return Split(read(scene, PARCELS, key), line(scene, (x, -5), (x, 15)))


def test_a_parcel_is_split_with_its_households_and_surveys(plot: Scene) -> None:
    builders.looked(plot.session, plot.parcels[0], builders.survey(plot.session, plot.community))
    do(plot, PARCELS, in_halves(plot))
    assert parcels(plot) == {"P0": 60.0, "P0-2": 40.0, "P1": 100.0, "P2": 100.0}
    of_part = Parcel.ref == "P0-2"
    part = plot.session.scalars(select(Parcel).where(of_part)).one()
    for table in (ParcelHousehold, ParcelSurvey):
        hanging = plot.session.scalars(select(table).where(table.parcel_id == part.id)).all()
        assert len(hanging) == 1
    sound(plot)


def test_an_edit_is_kept_with_who_when_why_and_what(plot: Scene) -> None:
    done = do(plot, PARCELS, in_halves(plot))
    kept = plot.session.get_one(GeometryEdit, (plot.community.id, done.edit.id))
    assert (kept.actor, kept.reason, kept.number) == ("planner@example.org", "as built", 1)
    first, second = done.rows
    assert first.area_before_m2 == pytest.approx(100, abs=0.1)
    assert first.area_after_m2 == pytest.approx(60, abs=0.1)
    assert second.geom_before is None
    assert first.before["links"] == first.after["links"]
    assert first_fault(plot.session, plot.community) is None


def test_parts_are_made_one_again(plot: Scene) -> None:
    done = do(plot, PARCELS, in_halves(plot))
    ids = [row.after_id for row in done.rows if row.after_id]
    do(plot, PARCELS, Merge(tuple(read(plot, PARCELS, key) for key in ids)))
    assert parcels(plot) == {"P0": 100.0, "P1": 100.0, "P2": 100.0}
    sound(plot)


def test_what_differs_or_lies_apart_is_not_made_one(plot: Scene) -> None:
    one, other, third = (read(plot, PARCELS, parcel.id) for parcel in plot.parcels)
    assert refused(plot, PARCELS, Merge((one, third))) == ["apart"]
    assert refused(plot, PARCELS, Merge((one,))) == ["not_several"]
    plot.parcels[1].title_disputed = True
    plot.session.flush()
    other = read(plot, PARCELS, plot.parcels[1].id)
    assert refused(plot, PARCELS, Merge((one, other))) == ["unlike"]


def test_an_outline_is_changed_and_measured_anew(plot: Scene) -> None:
    wider = plot.polygon(rectangle(0, -5, 10, 15))
    do(plot, PARCELS, Outline(read(plot, PARCELS, plot.parcels[0].id), wider))
    assert parcels(plot)["P0"] == 150.0
    sound(plot)


def test_a_parcel_does_not_lie_on_another(plot: Scene) -> None:
    wider = plot.polygon(rectangle(0, 0, 15, 10))
    change = Outline(read(plot, PARCELS, plot.parcels[0].id), wider)
    assert refused(plot, PARCELS, change) == ["parcel_overlap"]
    assert refused(plot, PARCELS, Draw(wider, {"ref": "N1"})) == ["parcel_overlap"] * 2


def test_neighbours_are_moved_together(plot: Scene) -> None:
    """Two outlines of one edit are judged as they will be, not one after another."""
    one, other = (read(plot, PARCELS, parcel.id) for parcel in plot.parcels[:2])
    do(
        plot,
        PARCELS,
        Outline(one, plot.polygon(rectangle(0, 0, 12, 10))),
        Outline(other, plot.polygon(rectangle(12, 0, 8, 10))),
    )
    assert parcels(plot) == {"P0": 120.0, "P1": 80.0, "P2": 100.0}


def test_everything_wrong_is_told_at_once(plot: Scene) -> None:
    bow = shapely.Polygon([(122.2, 37.4), (122.21, 37.41), (122.21, 37.4), (122.2, 37.41)])
    key = read(plot, PARCELS, plot.parcels[0].id)
    asked = Asked(PARCELS, [Draw(bow, {}), Outline(key, None), Split(key, None)], " ")
    with pytest.raises(InputError) as error:
        edit(plot.session, plot.community, asked, Signature("x", permissions=frozenset()))
    assert {one.field for one in error.value.problems} >= {
        "reason",
        "changes.0.shape",
        "changes.1.shape",
        "changes.2.line",
        "changes.2",
    }


def test_a_line_must_cut(plot: Scene) -> None:
    key = read(plot, PARCELS, plot.parcels[0].id)
    assert refused(plot, PARCELS, Split(key, line(plot, (5, 2), (5, 8)))) == ["not_split"]
    assert refused(plot, PARCELS, Split(key, line(plot, (0.05, -5), (0.05, 15)))) == ["sliver"]


def test_a_new_parcel_has_no_title_and_accuses_nobody(plot: Scene) -> None:
    plot.observe("O1", 100, 2, 5, 5)
    plot.flag()
    done = do(plot, PARCELS, Draw(plot.polygon(rectangle(100, 0, 10, 10)), {"ref": "N1"}))
    assert done.report.unknown_title == 1
    assert done.report.new == 0
    back(plot, done)
    assert "N1" not in parcels(plot)
    sound(plot)


def test_a_title_is_drawn_only_with_what_it_rests_on(plot: Scene) -> None:
    shape, said = plot.polygon(rectangle(100, 0, 10, 10)), {"ref": "N1", "title_basis": "municipal"}
    assert refused(plot, PARCELS, Draw(shape, said)) == ["title_unproven"] * 2
    done = do(
        plot, PARCELS, Draw(shape, {**said, "title_evidence": "deed 7", "source": "survey of May"})
    )
    assert done.rows[0].after["title_evidence"] == "deed 7"


def test_suspected_ground_is_laid_over_the_parts_at_once(plot: Scene) -> None:
    plot.observe("O1", 2, 2, 6, 6)
    plot.flag()
    done = do(plot, PARCELS, in_halves(plot))
    assert done.report.new == 2
    assert sorted(round(one.occupied_m2) for one in plot.current()) == [12, 24]
    assert [case.state for case in plot.cases()] == [State.SUSPECTED]
    sound(plot)
    back(plot, done)
    assert [round(one.occupied_m2) for one in plot.current()] == [36]
    sound(plot)


def test_a_parcel_keeps_its_outline_under_a_verified_enclosure(plot: Scene) -> None:
    plot.observe("O1", 2, 2, 6, 6)
    plot.flag()
    (case,) = plot.cases()
    plot.move(case, State.VERIFIED)
    assert refused(plot, PARCELS, in_halves(plot)) == ["parcel_protected"]


def test_cleared_ground_keeps_its_past_through_split_undo_and_redo(plot: Scene) -> None:
    plot.observe("O1", 7, 2, 2, 6)
    plot.flag()
    (case,) = plot.cases()
    plot.clear(case)
    before = plot.figures()
    done = do(plot, PARCELS, in_halves(plot))
    part = next(row.after_id for row in done.rows if row.geom_before is None)
    assert [one.parcel_id for one in plot.current()] == [part]
    sound(plot)
    again = back(plot, done)
    assert [one.parcel_id for one in plot.current()] == [plot.parcels[0].id]
    redone = back(plot, again)
    assert [one.parcel_id for one in plot.current()] == [part]
    assert redone.edit.undoes_id == again.edit.id
    sound(plot)
    after = plot.figures()
    for name in ("encroached_m2", "reclaimed_m2", "outstanding_m2", "cleared_households"):
        assert after[name] == before[name]


def test_an_enclosure_verified_on_one_parcel_and_found_on_another_keeps_them_apart(
    plot: Scene,
) -> None:
    plot.observe("O1", 8, 2, 4, 4, occupier_id=plot.households[0].id)
    plot.flag()
    first = plot.cases()[0]
    plot.clear(first)
    keys = tuple(read(plot, PARCELS, one.id) for one in plot.parcels[:2])
    assert refused(plot, PARCELS, Merge(keys)) == ["inseparable"]


def test_what_a_case_names_is_not_removed(plot: Scene) -> None:
    plot.observe("O1", 2, 2, 6, 6)
    plot.flag()
    assert refused(plot, PARCELS, Remove(read(plot, PARCELS, plot.parcels[0].id))) == ["rests"]
    done = do(plot, PARCELS, Remove(read(plot, PARCELS, plot.parcels[1].id)))
    assert "P1" not in parcels(plot)
    back(plot, done)
    assert parcels(plot)["P1"] == 100.0
    linked = select(ParcelHousehold).where(ParcelHousehold.parcel_id == plot.parcels[1].id)
    assert len(plot.session.scalars(linked).all()) == 1
    sound(plot)


def test_a_row_is_written_only_as_it_was_read(plot: Scene) -> None:
    change = in_halves(plot)
    do(plot, PARCELS, in_halves(plot, at=5))
    with pytest.raises(StaleRows) as error:
        do(plot, PARCELS, change)
    (stale,) = error.value.rows
    assert stale.row == change.row
    assert stale.now[0].state.area_m2 == pytest.approx(50, abs=0.1)


def test_a_row_that_came_back_is_another_version(plot: Scene) -> None:
    key = plot.parcels[1].id
    first = read(plot, PARCELS, key)
    back(plot, do(plot, PARCELS, Remove(first)))
    assert read(plot, PARCELS, key) != first


def test_an_edit_is_taken_back_once_and_only_while_nothing_came_after(plot: Scene) -> None:
    done = do(plot, PARCELS, in_halves(plot))
    later = do(plot, PARCELS, in_halves(plot, at=3))
    with pytest.raises(InputError) as error:
        back(plot, done)
    assert codes(error) == ["built_upon"]
    again = back(plot, later)
    with pytest.raises(InputError) as error:
        back(plot, later)
    assert "undone" in codes(error)
    assert again.edit.number == 3


def test_a_corrected_observation_is_a_new_row_in_its_place(plot: Scene) -> None:
    seen = plot.observe("O1", 2, 2, 6, 6)
    plot.flag()
    smaller = plot.polygon(rectangle(2, 2, 3, 6))
    done = do(plot, OBSERVATIONS, Outline(read(plot, OBSERVATIONS, seen.id), smaller))
    (row,) = done.rows
    now = plot.session.get_one(Observation, (plot.community.id, row.after_id))
    assert (now.ref, now.replaces_id, now.status) == ("O1", seen.id, ObservationStatus.OPEN)
    was = plot.session.get_one(Observation, (plot.community.id, seen.id))
    assert (was.status, was.ended_on) == (ObservationStatus.SUPERSEDED, was.observed_on)
    assert [round(one.occupied_m2) for one in plot.current()] == [18]
    sound(plot)
    back(plot, done)
    assert [round(one.occupied_m2) for one in plot.current()] == [36]
    sound(plot)


def test_an_observation_is_split_and_made_one(plot: Scene) -> None:
    seen = plot.observe("O1", 2, 2, 6, 6)
    plot.flag()
    cut = Split(read(plot, OBSERVATIONS, seen.id), line(plot, (4, 0), (4, 9)))
    done = do(plot, OBSERVATIONS, cut)
    assert sorted(row.ref for row in done.rows) == ["O1", "O1-2"]
    parts = [row.after_id for row in done.rows if row.after_id]
    rows = [plot.session.get_one(Observation, (plot.community.id, key)) for key in parts]
    assert {one.replaces_id for one in rows} == {seen.id}
    assert {one.entered for one in rows} == {seen.entered}
    with pytest.raises(StaleRows) as error:
        do(plot, OBSERVATIONS, cut)
    assert {one.id for one in error.value.rows[0].now} == set(parts)
    merged = do(plot, OBSERVATIONS, Merge(tuple(read(plot, OBSERVATIONS, key) for key in parts)))
    (whole,) = (row.after_id for row in merged.rows if row.after_id)
    # Only the larger part is named by what replaces it, yet both have become the whole.
    for key in parts:
        was = plot.session.get_one(Observation, (plot.community.id, key))
        assert [one.id for one in successors(plot.session, was)] == [whole]
    assert with_forebears(plot.session, plot.community.id, [whole]) == {whole, *parts, seen.id}
    assert [round(one.occupied_m2) for one in plot.current()] == [36]
    # Taken back, each part is itself again, and none of them the other.
    undo(plot.session, plot.community, merged.edit.id, "back", PLANNER)
    for key in parts:
        was = plot.session.get_one(Observation, (plot.community.id, key))
        (now,) = successors(plot.session, was)
        assert (now.ref, now.area_m2) == (was.ref, was.area_m2)
        before = with_forebears(plot.session, plot.community.id, [now.id])
        assert before == {now.id, key, seen.id}
    sound(plot)


def test_an_observation_that_a_case_rests_on_is_not_removed(plot: Scene) -> None:
    seen = plot.observe("O1", 2, 2, 6, 6)
    plot.flag()
    assert refused(plot, OBSERVATIONS, Remove(read(plot, OBSERVATIONS, seen.id))) == ["rests"]
    aside = plot.observe("O2", 100, 2, 6, 6)
    done = do(plot, OBSERVATIONS, Remove(read(plot, OBSERVATIONS, aside.id)))
    gone = plot.session.get_one(Observation, (plot.community.id, aside.id))
    assert gone.status is ObservationStatus.WITHDRAWN
    back(plot, done)
    assert "O2" in layer_of(plot.session, plot.community, OBSERVATIONS).refs()


def test_what_was_verified_since_is_not_taken_back(plot: Scene) -> None:
    given = {"structure_type": "hedge", "observed_on": dt.date(2022, 3, 1)}
    done = do(plot, OBSERVATIONS, Draw(plot.polygon(rectangle(2, 2, 6, 6)), given))
    plot.clock = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    (case,) = plot.cases()
    plot.move(case, State.VERIFIED, at=dt.datetime.now(dt.UTC))
    with pytest.raises(InputError) as error:
        back(plot, done)
    assert set(codes(error)) == {"built_upon"}


def test_a_drawn_observation_is_flagged_and_taken_back(plot: Scene) -> None:
    done = do(plot, OBSERVATIONS, Draw(plot.polygon(rectangle(2, 2, 6, 6)), {}))
    assert done.report.cases_opened == 1
    back(plot, done)
    assert plot.current() == []
    assert [case.state for case in plot.cases()] == [State.REJECTED]
    sound(plot)


def test_a_site_is_drawn_changed_and_taken_back(plot: Scene) -> None:
    shape = plot.polygon(rectangle(2, 2, 6, 6))
    done = do(plot, SITES, Draw(shape, {"ref": "G1", "site_kind": "landscaping"}))
    key = done.rows[0].after_id
    assert key is not None
    moved = do(plot, SITES, Outline(read(plot, SITES, key), plot.polygon(rectangle(2, 2, 3, 6))))
    back(plot, moved)
    site = plot.session.get_one(Site, (plot.community.id, key))
    assert site.area_m2 == pytest.approx(36, abs=0.1)
    assert site.state is SiteState.PLANNED


def test_a_pile_that_is_a_point_is_drawn_moved_removed_and_taken_back(plot: Scene) -> None:
    here, there = (shapely.centroid(plot.polygon(rectangle(x, 2, 1, 1))) for x in (2, 8))
    said = {"ref": "C1", "site_kind": "charging_pile", "heads": 15, "power_w": 900}
    done = do(plot, SITES, Draw(here, said))
    key = done.rows[0].after_id
    assert key is not None
    moved = do(plot, SITES, Outline(read(plot, SITES, key), there))
    assert moved.rows[0].geom_after is not None
    assert to_shape(moved.rows[0].geom_after) == there
    back(plot, moved)
    removed = do(plot, SITES, Remove(read(plot, SITES, key)))
    assert plot.session.get(Site, (plot.community.id, key)) is None
    back(plot, removed)
    site = plot.session.get_one(Site, (plot.community.id, key))
    assert (to_shape(site.geom), site.heads, site.area_m2) == (here, 15, 0)


def test_no_built_landscaping_on_occupied_ground(plot: Scene) -> None:
    plot.observe("O1", 2, 2, 6, 6)
    plot.flag()
    plot.move(plot.cases()[0], State.VERIFIED)
    built = builders.site(
        plot.session,
        plot.community,
        plot.polygon(rectangle(20, 0, 5, 5)),
        kind=SiteKind.LANDSCAPING,
        heads=0,
    )
    key = read(plot, SITES, built.id)
    onto = Outline(key, plot.polygon(rectangle(0, 0, 5, 5)))
    assert refused(plot, SITES, onto) == ["ground_occupied"]
    assert refused(plot, SITES, Remove(key)) == ["rests"]


def test_who_may_not_edit_is_told(session: Session, plot: Scene) -> None:
    nobody = Signature("x", permissions=frozenset({Permission.SITES_EDIT}))
    with pytest.raises(InputError) as error:
        edit(session, plot.community, Asked(PARCELS, [in_halves(plot)], "why"), nobody)
    assert codes(error) == ["not_permitted"]


def test_a_planner_draws_nothing_away_from_ground_that_was_verified(plot: Scene) -> None:
    seen = plot.observe("O-1", 2, 1, 4, 5, observed_on=dt.date(2022, 4, 1))
    plot.flag()
    (case,) = plot.cases()
    plot.move(case, State.VERIFIED)
    away = Outline(read(plot, OBSERVATIONS, seen.id), plot.polygon(rectangle(2, 12, 4, 5)))
    assert refused(plot, OBSERVATIONS, away) == ["verified_ground"]


def test_verified_ground_is_suspected_again_only_after_a_yes(plot: Scene) -> None:
    seen = plot.observe("O-1", 2, 1, 4, 5, observed_on=dt.date(2022, 4, 1))
    aside = plot.observe("O-2", 12, 1, 4, 5, observed_on=dt.date(2022, 4, 1))
    plot.flag()
    home = plot.households[0]
    (case,) = (one for one in plot.cases() if one.household_id == home.id)
    plot.move(case, State.VERIFIED)
    key, shape = read(plot, OBSERVATIONS, seen.id), plot.polygon(rectangle(2, 1, 3.5, 5))
    other = Outline(read(plot, OBSERVATIONS, aside.id), plot.polygon(rectangle(12, 1, 3, 5)))
    asked = Asked(OBSERVATIONS, [other, Outline(key, shape)], "as built")
    with pytest.raises(InputError) as error:
        edit(plot.session, plot.community, asked, PLANNER)
    (problem,) = error.value.problems
    assert (problem.code, problem.field) == ("verified_again", "changes.1.verify_again")
    told = problem.parameters
    assert (told["number"], told["household"]) == (case.number, "H0")
    assert told["day"] == today(plot.community)
    assert told["area_m2"] == pytest.approx(20, abs=0.1)
    before = plot.figures()
    for cut in (Split(key, line(plot, (4, 0), (4, 9))), Outline(key, shape)):
        assert refused(plot, OBSERVATIONS, cut) == ["verified_again"]
    do(plot, OBSERVATIONS, other, Outline(key, shape, verify_again=True))
    assert plot.figures() == before
    assert plot.figures(today(plot.community))["encroached_m2"] == 0
    assert {one.state for one in plot.cases()} == {State.SUSPECTED}
    sound(plot)


def test_a_scribble_is_no_line_to_split_by(plot: Scene) -> None:
    chance = np.random.default_rng(7)
    corners = [(float(x), float(y)) for x, y in chance.uniform(-1, 11, (501, 2))]
    key = plot.parcels[0].id
    scribble = Split(read(plot, PARCELS, key), line(plot, *corners))
    assert refused(plot, PARCELS, scribble) == ["line_scribbled"]
    many = [(n / 100, 5.0 + (n % 2) / 1000) for n in range(-100, 1_100)]
    long = Split(read(plot, PARCELS, key), line(plot, *many))
    assert refused(plot, PARCELS, long) == ["line_scribbled"]
