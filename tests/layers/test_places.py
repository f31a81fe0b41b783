"""Places are checked whole, stand in their order and are found by code."""

import pytest
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis.problems import InputError
from layers.models import Community, RegionKind
from layers.places import (
    CommunityForm,
    add_community,
    add_region,
    find_community,
    list_places,
    parse_srid,
    set_boundary,
)

WEIHAI = shapely.multipolygons([shapely.box(122.10, 37.20, 122.11, 37.21)])
OTTERLO = shapely.multipolygons([shapely.box(5.77, 52.1, 5.78, 52.11)])


def fields_and_codes(error: InputError) -> set[tuple[str | None, str]]:
    return {(problem.field, problem.code) for problem in error.problems}


def test_a_community_keeps_what_it_was_given(session: Session) -> None:
    add_region(session, "371002", "环翠区", RegionKind.DISTRICT)
    form = CommunityForm("wenquan", " 温泉小区 ", "EPSG:4550", within="371002", boundary=WEIHAI)
    added = add_community(session, form)
    session.expire_all()
    found = find_community(session, "wenquan")
    assert (found.id, found.name, found.survey_srid) == (added.id, "温泉小区", 4550)
    stored = session.scalar(select(func.ST_AsText(Community.boundary)))
    assert shapely.equals(shapely.from_wkt(stored), WEIHAI)


def test_every_fault_is_named_at_once_by_field(session: Session) -> None:
    form = CommunityForm("ÄÖ /", "\x07", "EPSG:4326", within="nowhere", time_zone="Moon/Base")
    with pytest.raises(InputError) as caught:
        add_community(session, form)
    assert fields_and_codes(caught.value) == {
        ("code", "place_code"),
        ("name", "place_name"),
        ("survey_crs", "crs_not_projected"),
        ("within", "place_unknown"),
        ("time_zone", "time_zone"),
    }


@pytest.mark.parametrize(
    ("crs", "code"),
    [
        ("EPSG:3857", "crs_mercator"),
        ("EPSG:999999", "crs_unknown"),
        ("EPSG:2263", "crs_not_metres"),
        ("Gauss", "crs_code"),
    ],
)
def test_a_crs_without_areas_is_refused(session: Session, crs: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        add_community(session, CommunityForm("a", "a", crs))
    assert fields_and_codes(caught.value) == {("survey_crs", code)}


def test_a_boundary_in_another_zone_is_refused(session: Session) -> None:
    with pytest.raises(InputError) as caught:
        add_community(session, CommunityForm("a", "a", 4550, boundary=OTTERLO))
    assert fields_and_codes(caught.value) == {("survey_crs", "survey_zone")}
    community = add_community(session, CommunityForm("b", "b", 28992))
    set_boundary(session, "b", OTTERLO)
    with pytest.raises(InputError):
        set_boundary(session, "b", WEIHAI)
    assert community.boundary is not None


def test_a_code_is_given_once_to_communities_and_regions_together(session: Session) -> None:
    add_region(session, "x", "X", RegionKind.CITY)
    add_community(session, CommunityForm("y", "Y", 4550))
    for code in ("x", "y"):
        with pytest.raises(InputError) as caught:
            add_community(session, CommunityForm(code, "again", 4550))
        assert fields_and_codes(caught.value) == {("code", "place_exists")}
        with pytest.raises(InputError, match="already"):
            add_region(session, code, "again", RegionKind.CITY)


@pytest.mark.parametrize(
    ("kind", "above", "stands"),
    [
        (RegionKind.DISTRICT, RegionKind.CITY, True),
        (RegionKind.TOWN, RegionKind.DISTRICT, True),
        (RegionKind.STREET, RegionKind.CITY, True),
        (RegionKind.CITY, RegionKind.DISTRICT, False),
        (RegionKind.STREET, RegionKind.TOWN, False),
        (RegionKind.DISTRICT, RegionKind.DISTRICT, False),
    ],
)
def test_regions_stand_in_their_order(
    session: Session, kind: RegionKind, above: RegionKind, stands: bool
) -> None:
    add_region(session, "above", "above", above)
    if stands:
        assert add_region(session, "below", "below", kind, "above").kind == kind
        return
    with pytest.raises(InputError) as caught:
        add_region(session, "below", "below", kind, "above")
    assert fields_and_codes(caught.value) == {("within", "place_level")}


def test_places_are_listed_with_those_above_first(session: Session) -> None:
    add_region(session, "weihai", "威海", RegionKind.CITY)
    add_region(session, "huancui", "环翠", RegionKind.DISTRICT, "weihai")
    add_region(session, "wenquan", "温泉", RegionKind.TOWN, "huancui")
    for code, within in (("b", "wenquan"), ("a", "weihai"), ("c", None)):
        add_community(session, CommunityForm(code, code, 4550, within=within))
    listed = [(row["code"], row["kind"], row["within"]) for row in list_places(session)]
    assert listed == [
        ("weihai", "city", None),
        ("huancui", "district", "weihai"),
        ("wenquan", "town", "huancui"),
        ("a", "community", "weihai"),
        ("b", "community", "wenquan"),
        ("c", "community", None),
    ]


def test_an_unknown_community_is_answered_with_those_there_are(session: Session) -> None:
    with pytest.raises(InputError, match="community add"):
        find_community(session, "z")
    add_community(session, CommunityForm("here", "here", 4550))
    with pytest.raises(InputError, match="here"):
        find_community(session, "z")


def test_a_crs_code_is_read_with_and_without_its_authority() -> None:
    assert [parse_srid(text) for text in ("EPSG:4550", "epsg:4550", "4550", 4550)] == [4550] * 4
