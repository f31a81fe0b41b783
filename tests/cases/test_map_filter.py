"""Which parcels a text finds: what the map colours is what the legend counts."""

import datetime as dt

import pytest
from sqlalchemy import ColumnElement, false
from sqlalchemy.orm import Session

from cases.map_data import count_statuses
from cases.map_filter import matching, of_building
from cases.parcel_file import Viewer
from cases.workflow import Status
from layers.models import Community, Parcel
from tests import builders as make

DAY = make.EARLY + dt.timedelta(days=30)
VIEWER = Viewer("ana", frozenset())


@pytest.fixture
def place(session: Session) -> Community:
    """Twelve parcels before building 1, one before building 2, and one of the neighbours'."""
    where = make.community(session, code="WH")
    homes = [make.building(session, where, ref=ref, name=name) for ref, name in NAMED]
    for number in range(12):
        make.parcel(session, where, ref=f"A{number}", building_id=homes[0].id)
    last = make.parcel(session, where, ref="B_1", building_id=homes[1].id)
    who = make.household(session, where, ref="2-1-101")
    make.link(session, last, who)
    case = make.case(session, who, make.campaign(session, where), number=77)
    make.encroachment(session, make.observation(session, where), last, case)
    make.parcel(session, make.community(session), ref="A99")
    return where


NAMED = (("1", "Rose"), ("2", "{{7*7}}"))


def found(session: Session, place: Community, text: str, viewer: Viewer = VIEWER) -> set[str]:
    ids = session.scalars(matching(place, text, viewer)).all()
    return {session.get_one(Parcel, (place.id, key)).ref for key in ids}


@pytest.mark.parametrize("text", ["B_", "b_1", "2-1-101", "{{7*7}}", "WH-2022-0077", " 0077 "])
def test_a_parcel_is_found_by_all_that_it_is_called(
    session: Session, place: Community, text: str
) -> None:
    assert found(session, place, text) == {"B_1"}


def test_every_parcel_is_found_not_only_the_closest(session: Session, place: Community) -> None:
    assert len(found(session, place, "A")) == 12
    assert len(found(session, place, "rose")) == 12


@pytest.mark.parametrize("text", ["A_", "%", "no such thing"])
def test_nothing_stands_for_any_letter(session: Session, place: Community, text: str) -> None:
    assert found(session, place, text) == set()


def test_a_case_that_the_viewer_does_not_see_finds_nothing(
    session: Session, place: Community
) -> None:
    blind = Viewer("ana", frozenset(), sees=false())
    assert found(session, place, "0077", blind) == set()


@pytest.mark.parametrize(
    ("only", "counted"),
    [
        (of_building("1"), {Status.NOT_LOOKED_AT: 12}),
        (of_building("2"), {Status.SUSPECTED: 1}),
        (of_building("3"), {}),
    ],
)
def test_only_what_passes_is_counted(
    session: Session, place: Community, only: ColumnElement[bool], counted: dict[Status, int]
) -> None:
    assert count_statuses(session, DAY, [place.id], [only]).get(place.id, {}) == counted


def test_a_text_counts_what_it_finds(session: Session, place: Community) -> None:
    only = [Parcel.id.in_(matching(place, "A1", VIEWER))]
    assert count_statuses(session, DAY, only=only) == {place.id: {Status.NOT_LOOKED_AT: 3}}
