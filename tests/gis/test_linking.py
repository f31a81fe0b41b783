"""Proposing links: clear ones are linked, doubtful ones listed with both candidates."""

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from gis.linking import (
    BUILDING_IN_DOUBT,
    LINKED,
    NO_BUILDING,
    NO_UNIT,
    NOTHING,
    TOO_FAR,
    UNIT_IN_DOUBT,
    UNIT_WITHOUT_PLACE,
    Links,
    LinkTolerances,
    Units,
    link,
)
from tests.gis.shapes import EAST, NORTH, array, box

USUAL = LinkTolerances()
ROW = [box(0, 0, 40, 12), box(0, 40, 40, 52)]
"""Two slabs of five flats, 8 m wide each, gardens to the south."""


def point(east: float, north: float) -> shapely.Point:
    """Return a point in metres from a corner of the compound."""
    return shapely.Point(EAST + east, NORTH + north)


def flats(slab: int, count: int = 5) -> list[shapely.Point]:
    """Return the centres of the ground-floor flats of a slab."""
    return [point(8 * number + 4, 40 * slab + 6) for number in range(count)]


def garden(slab: int, number: int) -> shapely.Polygon:
    """Return the garden south of a flat, 4 m deep."""
    return box(8 * number, 40 * slab - 5, 8 * number + 8, 40 * slab - 1)


def linked(
    parcels: list[shapely.Geometry | None],
    places: list[shapely.Point | None],
    home: list[int],
    *,
    facing: list[int] | None = None,
    buildings: list[shapely.Geometry | None] | None = None,
    tolerances: LinkTolerances = USUAL,
) -> Links:
    """Link lists instead of arrays."""
    given = np.full(len(parcels), NOTHING) if facing is None else np.array(facing)
    units = Units(array(places), np.array(home, dtype=np.int64))
    return link(array(parcels), given, array(buildings or ROW), units, tolerances)


def test_each_garden_goes_to_the_flat_behind_it() -> None:
    """With distance and runner-up, in metres."""
    parcels = [garden(slab, number) for slab in (0, 1) for number in range(5)]
    links = linked(parcels, flats(0) + flats(1), [0] * 5 + [1] * 5)
    assert links.is_linked.all()
    assert links.building.tolist() == [0] * 5 + [1] * 5
    assert links.nearest.tolist() == list(range(10))
    assert links.building_distance_m.tolist() == pytest.approx([1.0] * 10)
    assert links.distance_m.tolist() == pytest.approx([7.0] * 10)
    assert links.runner_up.tolist()[:5] == [1, 0, 1, 2, 3]
    assert links.runner_up_distance_m.tolist() == pytest.approx([np.hypot(4, 7)] * 10)


def test_the_order_of_units_does_not_matter() -> None:
    """Units of two buildings come mixed."""
    places, home = flats(0) + flats(1), [0] * 5 + [1] * 5
    mixed = [3, 8, 1, 6, 0, 9, 4, 5, 2, 7]
    links = linked(
        [garden(1, 2), garden(0, 4)], [places[one] for one in mixed], [home[one] for one in mixed]
    )
    assert [mixed[one] for one in links.nearest] == [7, 4]
    assert links.is_linked.all()


def test_a_garden_between_two_flats_is_listed_not_guessed() -> None:
    """Both candidates are named; nothing is linked."""
    links = linked([box(4, -5, 12, -1)], flats(0), [0] * 5)
    assert links.outcome.tolist() == [UNIT_IN_DOUBT]
    assert {links.nearest[0], links.runner_up[0]} == {0, 1}
    assert links.distance_m[0] == pytest.approx(links.runner_up_distance_m[0])
    assert not links.is_linked.any()


@pytest.mark.parametrize(
    ("tolerances", "outcome"),
    [
        (LinkTolerances(margin_m=3.0, ratio=1.3), LINKED),
        (LinkTolerances(margin_m=3.1, ratio=1.3), UNIT_IN_DOUBT),
        (LinkTolerances(margin_m=3.0, ratio=1.4), UNIT_IN_DOUBT),
        (LinkTolerances(margin_m=1.0, ratio=1.1), LINKED),
        (LinkTolerances(max_distance_m=6.9), TOO_FAR),
    ],
)
def test_margin_ratio_and_reach_are_configuration(tolerances: LinkTolerances, outcome: str) -> None:
    """From the edge the flats are 7.00 and 8.06 m away, from the centre 9.00 and 12.04 m."""
    links = linked([garden(0, 2)], flats(0), [0] * 5, tolerances=tolerances)
    assert links.outcome.tolist() == [outcome]


def test_edge_and_centre_must_agree() -> None:
    """A garden that reaches one flat and lies before another is a person's to decide."""
    reaching = shapely.union_all([box(16, -9, 40, -5), box(2, -9, 16, -8), box(2, -9, 6, 1)])
    links = linked([reaching], flats(0), [0] * 5)
    assert links.distance_m[0] == pytest.approx(5.0)
    assert links.runner_up_distance_m[0] > 7.0
    assert (links.nearest.tolist(), links.outcome.tolist()) == ([0], [UNIT_IN_DOUBT])


def test_a_yard_around_its_own_door_is_linked() -> None:
    """The only door in a large yard is at no distance."""
    links = linked([box(-30, -30, 7, 8)], [point(6, 6), point(12, 6)], [0, 0])
    assert (links.nearest.tolist(), links.outcome.tolist()) == ([0], [LINKED])
    assert links.distance_m.tolist() == [0.0]
    assert links.runner_up_distance_m.tolist() == pytest.approx([5.0])


def test_a_nearer_unit_of_another_building_is_no_candidate() -> None:
    """The garden faces the building that the file names, however far."""
    links = linked([garden(1, 0)], [*flats(1), point(4, 34)], [1] * 5 + [0], facing=[1])
    assert links.nearest.tolist() == [0]
    assert links.runner_up.tolist() == [1]


def test_between_two_buildings_a_person_decides() -> None:
    """Half way between two slabs neither is the facing one."""
    links = linked([box(8, 20, 16, 32)], flats(0) + flats(1), [0] * 5 + [1] * 5)
    assert links.outcome.tolist() == [BUILDING_IN_DOUBT]


def test_sheds_are_not_faced() -> None:
    """A building without ground-floor units is passed over unless the file names it."""
    buildings = [*ROW, box(0, -7, 40, -5.5)]
    found = linked([garden(0, 1)], flats(0), [0] * 5, buildings=buildings)
    assert (found.building.tolist(), found.outcome.tolist()) == ([0], [LINKED])
    named = linked([garden(0, 1)], flats(0), [0] * 5, buildings=buildings, facing=[2])
    assert (named.nearest.tolist(), named.outcome.tolist()) == ([NOTHING], [NO_UNIT])
    assert named.building_distance_m.tolist() == pytest.approx([0.5])


def test_far_from_every_building() -> None:
    """Nothing within reach is no building at all."""
    links = linked([box(500, 500, 510, 510), None], flats(0), [0] * 5)
    assert links.outcome.tolist() == [NO_BUILDING] * 2
    assert links.building.tolist() == [NOTHING] * 2
    assert np.isnan(links.distance_m).all()


def test_one_of_several_units_without_a_place() -> None:
    """The nearest of the others would be a guess."""
    links = linked([garden(0, 1), garden(1, 1)], [*flats(0, 4), None, *flats(1)], [0] * 5 + [1] * 5)
    assert links.outcome.tolist() == [UNIT_WITHOUT_PLACE, LINKED]


def test_the_only_unit_needs_no_place_of_its_own() -> None:
    """A house is its household's."""
    links = linked([garden(0, 1)], [None], [0])
    assert links.outcome.tolist() == [LINKED]
    assert links.nearest.tolist() == [0]
    assert links.runner_up.tolist() == [NOTHING]
    assert links.distance_m.tolist() == pytest.approx([1.0])


def test_units_of_an_unknown_building_are_nobodys_candidates() -> None:
    """A unit whose building is not known links nothing."""
    links = linked([garden(0, 1)], [point(12, -3)], [NOTHING])
    assert links.outcome.tolist() == [NO_BUILDING]


def test_no_parcels_and_no_buildings() -> None:
    """Nothing in, nothing out."""
    assert len(linked([], flats(0), [0] * 5).outcome) == 0
    links = linked([garden(0, 1)], [], [], buildings=[None])
    assert links.outcome.tolist() == [NO_BUILDING]


def test_agrees_with_measuring_every_unit(shared_data: Path) -> None:
    """Otterlo: each linked yard's unit is the nearest of its building by brute force."""
    path = shared_data / "A_parcels" / "nl_otterlo_east" / "nl_otterlo_east.gpkg"
    yards = geopandas.read_file(path, layer="yards_2020_08_01")
    houses = geopandas.read_file(path, layer="buildings_2020_08_01")
    doors = geopandas.read_file(path, layer="addresses")
    number = {name: row for row, name in enumerate(houses["lokaalID"])}
    home = np.array([number.get(name, NOTHING) for name in doors["building_id"]])
    units = Units(np.asarray(doors.geometry.array), home)
    parcels = np.asarray(yards.geometry.array)
    facing = np.full(len(parcels), NOTHING)
    links = link(parcels, facing, np.asarray(houses.geometry.array), units, USUAL)
    assert (home != NOTHING).mean() > 0.8
    assert links.is_linked.sum() > 0
    assert (~links.is_linked).sum() > 0
    for row in np.flatnonzero(links.building != NOTHING):
        candidates = np.flatnonzero(home == links.building[row])
        away = np.sort([parcels[row].distance(units.place[one]) for one in candidates])
        assert links.distance_m[row] == away[0]
        if len(away) > 1:
            assert links.runner_up_distance_m[row] == away[1]
