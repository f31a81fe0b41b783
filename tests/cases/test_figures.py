"""The official figures add up: by building, by community, by day."""

import datetime as dt

import pytest

from cases.figures import AREAS, COUNTS, figures
from cases.workflow import State
from layers.models import SiteKind, SiteState
from tests import builders
from tests.cases.conftest import Scene

NAMED = {
    "community",
    "as_of",
    "buildings",
    "households",
    "ground_floor_households",
    "parcels",
    "parcels_m2",
    "surveyed_households",
    "encroaching_households",
    "encroached_m2",
    "cleared_households",
    "reclaimed_m2",
    "rebound_households",
    "rebound_m2",
    "outstanding_m2",
    "landscaped_m2",
    "charging_piles",
    "charging_heads",
    "by_building",
}


def test_every_official_figure_is_there_and_an_empty_place_has_zeros(scene: Scene) -> None:
    empty = builders.community(scene.session)
    shown = figures(scene.session, [empty], dt.date(2022, 1, 1))
    assert set(shown) >= NAMED
    assert all(shown[name] == 0 for name in (*COUNTS, *AREAS))


def test_places_are_counted_with_their_area(scene: Scene) -> None:
    builders.household(scene.session, scene.community, floor=2, ground_floor=False)
    shown = scene.figures()
    assert (shown["buildings"], shown["households"], shown["ground_floor_households"]) == (1, 4, 3)
    assert (shown["parcels"], shown["parcels_m2"]) == (3, 300)


def test_surveyed_and_clear_differs_from_not_looked_at(scene: Scene) -> None:
    day = dt.date(2022, 3, 1)
    looked = builders.survey(scene.session, scene.community, day)
    builders.looked(scene.session, scene.parcels[0], looked)
    assert scene.figures(day)["surveyed_households"] == 1
    assert scene.figures(day - dt.timedelta(days=1))["surveyed_households"] == 0


def test_rows_by_building_add_up_to_the_total(scene: Scene) -> None:
    other = builders.building(scene.session, scene.community, ref="2")
    scene.parcels[1].building_id = other.id
    scene.households[1].building_id = other.id
    scene.session.flush()
    scene.observe("O1", 2, 1, 4, 5)
    scene.observe("O2", 12, 1, 4, 3)
    scene.flag()
    for case in scene.cases():
        scene.move(case, State.VERIFIED)
    shown = scene.figures()
    rows = shown["by_building"]
    assert [row["building"] for row in rows] == ["1", "2", None]
    for name in (*COUNTS, *AREAS, "outstanding_m2"):
        assert sum(row[name] for row in rows) == pytest.approx(shown[name], abs=0.011)
    assert [row["encroached_m2"] for row in rows] == [20, 12, 0]


def test_several_communities_add_up(scene: Scene) -> None:
    other = builders.community(scene.session)
    builders.parcel(scene.session, other, area_m2=12.5)
    shown = figures(scene.session, [scene.community, other], scene.clock.date())
    assert (shown["communities"], shown["parcels_m2"]) == (2, 312.5)
    assert sum(row["parcels_m2"] for row in shown["by_community"]) == 312.5


def test_only_built_sites_count_and_only_from_their_day(scene: Scene) -> None:
    day = dt.date(2022, 6, 1)
    for state in (SiteState.BUILT, SiteState.PLANNED):
        builders.site(scene.session, scene.community, state=state, built_on=day, heads=15)
    builders.site(
        scene.session,
        scene.community,
        builders.square(),
        kind=SiteKind.LANDSCAPING,
        built_on=day,
        heads=0,
        area_m2=40.25,
    )
    shown = scene.figures(day)
    assert (shown["charging_piles"], shown["charging_heads"]) == (1, 15)
    assert shown["landscaped_m2"] == 40.25
    before = scene.figures(day - dt.timedelta(days=1))
    assert (before["charging_piles"], before["landscaped_m2"]) == (0, 0)


def test_a_day_in_the_past_never_changes(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    day = scene.clock.date()
    before = scene.figures(day)
    scene.clear(scene.cases()[0])
    assert scene.figures(day) == before
