"""Places with their bounds and days, and finding things in them."""

import datetime as dt

import pytest
from sqlalchemy.orm import Session

from layers.db import Scope, scoped_session
from layers.features import (
    Place,
    community_bounds,
    count_communities,
    find_place,
    list_communities,
    list_regions,
    map_place,
    place_bounds,
    today,
)
from layers.models import Community, RegionKind
from layers.search import PER_KIND, search
from tests import builders as make


def narrowed(session: Session, *communities: Community) -> Session:
    session.flush()
    scope = Scope(frozenset(one.id for one in communities))
    return scoped_session(session.connection(), scope, join_transaction_mode="create_savepoint")


def found(session: Session, code: str) -> Place:
    place = find_place(session, code)
    assert place is not None
    return place


def test_a_community_is_a_place(session: Session) -> None:
    here = make.community(session, name="温泉花园")
    place = found(session, here.code)
    assert place == Place(
        "community", here.id, here.code, "温泉花园", frozenset({here.id}), here.survey_srid
    )
    assert place.is_community


def test_a_region_is_what_lies_below_it_and_is_seen(session: Session) -> None:
    city = make.region(session, kind=RegionKind.CITY)
    town = make.region(session, parent_id=city.id)
    first = make.community(session, region_id=town.id)
    second = make.community(session, region_id=city.id)
    make.community(session)
    assert found(session, city.code).communities == {first.id, second.id}
    assert found(narrowed(session, first), city.code).communities == {first.id}
    assert not found(session, town.code).is_community


def test_an_unknown_place_is_none(session: Session) -> None:
    assert find_place(session, "nowhere") is None
    hidden = make.community(session)
    assert find_place(narrowed(session), hidden.code) is None


def test_bounds_are_the_boundary_or_what_lies_inside(session: Session) -> None:
    bounded = make.community(session, boundary=make.square(0, 0, 10))
    make.parcel(session, bounded, make.square(50, 50))
    grown = make.community(session)
    make.parcel(session, grown, make.square(20, 0))
    make.parcel(session, grown, make.square(24, 3, 2))
    built = make.community(session)
    make.building(session, built, make.square(30, 0))
    empty = make.community(session)
    everyone = [one.id for one in (bounded, grown, built, empty)]
    boxes = community_bounds(session, everyone)
    assert boxes.keys() == {bounded.id, grown.id, built.id}
    assert boxes[bounded.id] == pytest.approx(make.square(0, 0, 10).bounds)
    west, south, east, north = boxes[grown.id]
    assert (west, south) == pytest.approx(make.square(20, 0).bounds[:2])
    assert (east, north) == pytest.approx(make.square(24, 3, 2).bounds[2:])
    together = place_bounds(session, everyone)
    assert together[0] == pytest.approx(make.WEST)
    assert together[2] == pytest.approx(make.square(30, 0).bounds[2])


def test_an_empty_place_lies_where_its_survey_crs_is_used(session: Session) -> None:
    west, south, east, north = place_bounds(session, [make.community(session).id])
    assert west < make.WEST < east
    assert south < make.SOUTH < north
    assert place_bounds(session, []) == (-180.0, -85.0, 180.0, 85.0)


def test_the_map_knows_the_days_of_a_place(session: Session) -> None:
    here = make.community(session)
    place = found(session, here.code)
    assert map_place(session, place).first_day is None
    make.observation(session, here, observed_on=dt.date(2022, 3, 5))
    make.site(session, here, built_on=dt.date(2022, 7, 1))
    make.looked(session, make.parcel(session, here), make.survey(session, here))
    shown = map_place(session, place)
    assert (shown.first_day, shown.last_day) == (make.EARLY, dt.date(2022, 7, 1))
    assert shown.survey_crs == "EPSG:4550"


def test_regions_are_listed_with_the_communities_that_are_seen(session: Session) -> None:
    city = make.region(session, kind=RegionKind.CITY, name="威海")
    town = make.region(session, parent_id=city.id, name="温泉镇")
    make.region(session)
    first = make.community(session, region_id=town.id)
    make.community(session, region_id=city.id)
    listed = list_regions(session)
    assert [(one.name, one.above, one.communities) for one in listed] == [
        ("威海", None, 2),
        ("温泉镇", "威海", 1),
    ]
    assert [one.communities for one in list_regions(narrowed(session, first))] == [1, 1]


def test_communities_are_listed_by_part_of_their_name(session: Session) -> None:
    for name in ("Green 100%", "Green 1000", "blue"):
        make.community(session, name=name)
    assert [one.name for one in list_communities(session, "100%", limit=9)] == ["Green 100%"]
    assert [one.name for one in list_communities(session, "GREEN", limit=1, offset=1)] == [
        "Green 1000"
    ]
    assert count_communities(session, "green") == 2
    assert count_communities(session) == 3


def test_today_is_the_day_at_the_place() -> None:
    kiritimati = Community(time_zone="Pacific/Kiritimati")
    pago_pago = Community(time_zone="Pacific/Pago_Pago")
    # A day apart at every hour.
    assert today([kiritimati]) > today([pago_pago])
    assert today([pago_pago]) <= today([]) <= today([kiritimati])


def test_search_finds_by_what_people_say(session: Session) -> None:
    here = make.community(session)
    house = make.building(session, here, make.square(1, 1), ref="12", name="紫藤楼")
    door = make.household(session, here, ref="12-1-101", geom=make.point(2, 2))
    inside = make.household(session, here, ref="12-1-102", building_id=house.id)
    make.household(session, here, ref="12-9-999")
    ground = make.parcel(session, here, make.square(3, 3), ref="G-12")
    make.link(session, ground, door)
    place = found(session, here.code)
    hits = search(session, place, " 12 ")
    assert [(one.kind, one.label) for one in hits] == [
        ("building", "12 紫藤楼"),
        ("household", "12-1-101"),
        ("household", "12-1-102"),
        ("parcel", "G-12"),
    ]
    assert hits[0].bounds == pytest.approx(make.square(1, 1).bounds)
    assert (hits[1].parcel, hits[2].parcel) == (str(ground.id), None)
    assert hits[2].bounds == hits[0].bounds
    assert {one.community for one in hits} == {here.code}
    assert [one.id for one in search(session, place, "紫藤")] == [str(house.id)]
    assert inside.id != door.id


def test_the_same_comes_before_what_begins_so(session: Session) -> None:
    here = make.community(session)
    for ref in ("21", "102", "2", "12", "20"):
        make.building(session, here, ref=ref)
    assert [one.label for one in search(session, found(session, here.code), "2")] == [
        "2",
        "20",
        "21",
        "12",
        "102",
    ]


def test_a_search_is_text_and_not_a_pattern(session: Session) -> None:
    here = make.community(session)
    for ref in ("a%b", "a_b", "axb", "it's"):
        make.parcel(session, here, ref=ref)
    place = found(session, here.code)
    assert [one.label for one in search(session, place, "a%")] == ["a%b"]
    assert [one.label for one in search(session, place, "a_")] == ["a_b"]
    assert [one.label for one in search(session, place, "t'S")] == ["it's"]
    assert search(session, place, "   ") == []
    assert search(session, place, "z" * 10_000) == []


def test_a_search_ends_after_a_few(session: Session) -> None:
    here = make.community(session)
    for number in range(PER_KIND + 3):
        make.parcel(session, here, ref=f"many {number}")
    assert len(search(session, found(session, here.code), "many")) == PER_KIND


def test_a_region_finds_its_communities(session: Session) -> None:
    town = make.region(session)
    first = make.community(session, name="Wharf", region_id=town.id, boundary=make.square())
    make.community(session, name="Wharf without ground", region_id=town.id)
    (hit,) = search(narrowed(session, first), found(session, town.code), "wha")
    assert (hit.kind, hit.label, hit.community) == ("community", "Wharf", first.code)
