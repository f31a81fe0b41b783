"""Links are proposed where the place is clear, set from tables, and never guessed."""

import uuid
from pathlib import Path

import pytest
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.linking import UNIT_IN_DOUBT
from gis.problems import InputError
from layers.imports.link_table import ids_of, set_links, stored_links
from layers.imports.linking import link_unlinked
from layers.models import (
    Community,
    Household,
    LinkMethod,
    LinkRole,
    Parcel,
    ParcelHousehold,
    ParcelKind,
)
from tests import builders
from tests.builders import SOUTH, STEP_X, STEP_Y, WEST, square


def door(x: float, y: float) -> shapely.Point:
    return shapely.Point(WEST + x * STEP_X, SOUTH + y * STEP_Y)


@pytest.fixture
def community(session: Session) -> Community:
    """A slab of two flats with a garden each, and a garden between them."""
    place = builders.community(session)
    footprint = shapely.box(WEST, SOUTH, WEST + 2 * STEP_X, SOUTH + STEP_Y)
    slab = builders.building(session, place, shapely.MultiPolygon([footprint]), ref="1")
    for number, x in ((101, 0.5), (102, 1.5)):
        builders.household(
            session, place, ref=f"1-1-{number}", building_id=slab.id, geom=door(x, 0.1)
        )
    for ref, x in (("west", 0.0), ("east", 1.0)):
        builders.parcel(session, place, square(x, -1), ref=ref)
    builders.parcel(session, place, square(0.5, -2), ref="between")
    builders.parcel(session, place, square(0, -3), ref="path", kind=ParcelKind.PATH)
    return place


def links(session: Session, community: Community) -> dict[str, list[tuple[str, LinkRole, float]]]:
    query = (
        select(Parcel.ref, Household.ref, ParcelHousehold.role, ParcelHousehold.share)
        .join(ParcelHousehold, ParcelHousehold.parcel_id == Parcel.id)
        .join(Household, Household.id == ParcelHousehold.household_id)
        .where(Parcel.community_id == community.id)
        .order_by(Parcel.ref, Household.ref)
    )
    found: dict[str, list[tuple[str, LinkRole, float]]] = {}
    for parcel, household, role, share in session.execute(query):
        found.setdefault(parcel, []).append((household, role, share))
    return found


def table(folder: Path, *lines: str) -> Path:
    path = folder / "links.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_clear_places_are_linked_and_the_others_listed(
    session: Session, community: Community
) -> None:
    report = link_unlinked(session, community)
    assert report.linked == 2
    assert [(one.parcel, one.outcome) for one in report.undecided] == [("between", UNIT_IN_DOUBT)]
    doubt = report.undecided[0].row()
    assert {doubt["household"], doubt["runner_up"]} == {"1-1-101", "1-1-102"}
    assert doubt["distance_m"] == pytest.approx(doubt["runner_up_m"], abs=0.05)
    assert {k: [home for home, *_ in v] for k, v in links(session, community).items()} == {
        "west": ["1-1-101"],
        "east": ["1-1-102"],
    }
    kept = session.scalars(select(ParcelHousehold)).all()
    assert {one.method for one in kept} == {LinkMethod.SPATIAL}
    assert all(0 < (one.distance_m or 0) < 3 for one in kept)
    assert all(one.runner_up_id and one.runner_up_distance_m for one in kept)


def test_linking_again_changes_nothing(session: Session, community: Community) -> None:
    link_unlinked(session, community)
    before = links(session, community)
    again = link_unlinked(session, community)
    assert (again.linked, len(again.undecided)) == (0, 1)
    assert links(session, community) == before


def test_a_table_decides_for_a_person(
    session: Session, community: Community, tmp_path: Path
) -> None:
    link_unlinked(session, community)
    path = table(
        tmp_path,
        "parcel,household,role,share",
        "between,1-1-101,user,0.5",
        "between,1-1-102,,0.5",
        "west,,,",
        "east,1-1-102,adjoining,1",
    )
    report = set_links(session, community, path)
    assert (report.linked, report.removed, report.unchanged) == (2, 1, 1)
    assert links(session, community) == {
        "between": [("1-1-101", LinkRole.USER, 0.5), ("1-1-102", LinkRole.ADJOINING, 0.5)],
        "east": [("1-1-102", LinkRole.ADJOINING, 1.0)],
    }
    methods = session.execute(
        select(Parcel.ref, ParcelHousehold.method)
        .join(Parcel, Parcel.id == ParcelHousehold.parcel_id)
        .order_by(Parcel.ref)
    ).all()
    assert [tuple(one) for one in methods] == [
        ("between", LinkMethod.CSV),
        ("between", LinkMethod.CSV),
        ("east", LinkMethod.SPATIAL),
    ]
    again = set_links(session, community, path)
    assert (again.linked, again.removed, again.unchanged) == (0, 0, 3)


def test_every_fault_of_a_table_is_named_by_row(
    session: Session, community: Community, tmp_path: Path
) -> None:
    path = table(
        tmp_path,
        "parcel,household,role,share",
        "nowhere,1-1-101,,",
        "west,nobody,,",
        "west,1-1-101,boss,",
        "west,1-1-101,user,2",
        "west,1-1-101,user,half",
        "east,1-1-101,,",
        "east,1-1-101,,",
    )
    with pytest.raises(InputError) as caught:
        set_links(session, community, path)
    assert [(one.row, one.code) for one in caught.value.problems] == [
        (1, "parcel_unknown"),
        (2, "household_unknown"),
        (3, "link_role"),
        (4, "link_share"),
        (5, "link_share"),
        (7, "link_twice"),
    ]
    assert links(session, community) == {}


def test_a_table_without_its_columns_is_refused(
    session: Session, community: Community, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no column household"):
        set_links(session, community, table(tmp_path, "parcel,flat", "west,1"))


def test_what_lies_on_a_parcel_is_flagged_again_when_its_households_change(
    session: Session, community: Community, tmp_path: Path
) -> None:
    for ref, x in (("on", 0.1), ("off", 5.0)):
        builders.observation(session, community, square(x, -0.9, 0.2), ref=ref)
    builders.flagged(session)
    set_links(session, community, table(tmp_path, "parcel,household", "west,1-1-101"))
    assert builders.waiting(session) == {"on"}


def test_links_are_kept_apart_by_community(session: Session, community: Community) -> None:
    other = builders.community(session)
    assert ids_of(session, Parcel, other.id, ["west"]) == {}
    assert stored_links(session, other.id, [uuid.uuid4()]) == {}
    assert link_unlinked(session, other).linked == 0
