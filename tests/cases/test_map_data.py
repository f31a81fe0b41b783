"""The map's status of a day: one rule in Python, the same in SQL, the same in histories."""

import datetime as dt
import json
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.map_data import (
    change_days,
    count_statuses,
    day_number,
    status_on,
    total,
)
from cases.map_tiles import history, tile_layers
from cases.models import Encroachment
from cases.workflow import State, Status
from layers.models import Community, Parcel, ParcelKind, TitleBasis
from tests import builders as make

CASES = json.loads(Path(__file__).parent.parent.joinpath("webmap/status_cases.json").read_text())


def day(number: int) -> dt.date:
    return make.EARLY + dt.timedelta(days=number)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_status_follows_the_table_that_the_browser_shares(case: dict[str, object]) -> None:
    given = {name: case[name] for name in ("h", "title", "looked", "kind", "day")}
    assert status_on(**given) == case["expected"]  # type: ignore[arg-type]


def rows_of(session: Session) -> list[dict[str, object]]:
    parcels = next(layer for layer in tile_layers() if layer.name == "parcels")
    return [dict(row._mapping) for row in session.execute(parcels.rows)]


def histories(session: Session) -> dict[str, str]:
    rows = session.execute(select(Encroachment.id, history(Encroachment)))
    return {str(key): text for key, text in rows}


def a_case(session: Session, where: Community, on: Parcel, *moves: tuple[int, State]) -> None:
    who = make.household(session, where)
    file = make.case(session, who, make.campaign(session, where))
    for number, state in moves:
        make.event(session, file, day(number), state)
    seen = make.observation(session, where, observed_on=day(moves[0][0]))
    make.encroachment(session, seen, on, file)


@pytest.fixture
def place(session: Session) -> Community:
    """A community with a parcel in every situation."""
    where = make.community(session)
    first = make.survey(session, where, day(0))
    second = make.survey(session, where, day(20))
    grounds = [make.parcel(session, where) for _ in range(9)]
    for ground in grounds[:5]:
        make.looked(session, ground, first)
    make.looked(session, grounds[5], second)
    a_case(session, where, grounds[0], (0, State.SUSPECTED), (5, State.VERIFIED))
    a_case(session, where, grounds[1], (0, State.SUSPECTED), (9, State.REJECTED))
    finished = ((0, State.SUSPECTED), (5, State.SELF_CLEARING), (12, State.ACCEPTED))
    a_case(session, where, grounds[2], *finished)
    a_case(session, where, grounds[2], (15, State.SUSPECTED))
    a_case(session, where, grounds[3], *finished, (30, State.REBOUND))
    # Nobody answers for this one, and it was withdrawn in the end.
    seen = make.observation(session, where, observed_on=day(2))
    make.encroachment(session, seen, grounds[4], superseded_on=day(25))
    grounds[6].title_basis = TitleBasis.UNKNOWN
    grounds[7].title_disputed = True
    grounds[8].title_basis = TitleBasis.INDIVIDUAL
    make.parcel(session, where, kind=ParcelKind.PATH)
    session.flush()
    return where


@pytest.mark.parametrize("number", [-1, 0, 2, 5, 9, 12, 15, 20, 25, 30, 400])
def test_counting_agrees_with_reading_histories(
    session: Session, place: Community, number: int
) -> None:
    rows = rows_of(session)
    read = [
        status_on(row["h"], row["title"], row["looked"], row["kind"], day_number(day(number)))  # type: ignore[arg-type]
        for row in rows
    ]
    counted = count_statuses(session, day(number))[place.id]
    assert counted == {status: read.count(status) for status in Status if status in read}
    assert sum(counted.values()) == 9


def test_counts_of_a_day_are_those_of_the_story(session: Session, place: Community) -> None:
    assert total(count_statuses(session, day(15))) == {
        Status.SUSPECTED: 2,
        Status.VERIFIED: 1,
        Status.CLEARED: 1,
        Status.CLEAR: 1,
        Status.UNKNOWN_TITLE: 2,
        Status.PRIVATE: 1,
        Status.NOT_LOOKED_AT: 1,
    }


def test_counts_keep_to_the_communities_asked_for(session: Session, place: Community) -> None:
    other = make.community(session)
    make.parcel(session, other)
    assert set(count_statuses(session, day(0), [other.id])) == {other.id}


def test_a_history_starts_where_its_polygon_was_found(session: Session) -> None:
    where = make.community(session)
    ground = make.parcel(session, where)
    who = make.household(session, where)
    file = make.case(session, who, make.campaign(session, where))
    for number, state in ((0, State.SUSPECTED), (5, State.VERIFIED), (9, State.ANNOUNCED)):
        make.event(session, file, day(number), state)
    make.event(session, file, day(6), None, note="called")
    first = make.encroachment(
        session, make.observation(session, where), ground, file, superseded_on=day(7)
    )
    second = make.encroachment(
        session, make.observation(session, where, observed_on=day(7)), ground, file
    )
    start = day_number(day(0))
    found = histories(session)
    assert found[str(first.id)] == f"{start}:suspected;{start + 5}:verified;{start + 7}:end"
    assert found[str(second.id)] == (
        f"{start + 7}:suspected;{start + 7}:verified;{start + 9}:announced"
    )
    (row,) = rows_of(session)
    assert row["h"] == f"{found[str(first.id)]}|{found[str(second.id)]}"


def test_a_history_leaves_out_what_the_map_would_not_show(session: Session) -> None:
    where = make.community(session)
    ground = make.parcel(session, where)
    steps = (State.SUSPECTED, State.ANNOUNCED, State.VISITED, State.SIGNED, State.ACCEPTED)
    a_case(session, where, ground, *enumerate(steps))
    start = day_number(day(0))
    (found,) = histories(session).values()
    assert found == f"{start}:suspected;{start + 1}:announced;{start + 4}:cleared"


def test_change_days_count_everything_that_the_map_shows(session: Session) -> None:
    where = make.community(session)
    ground = make.parcel(session, where)
    make.looked(session, ground, make.survey(session, where, day(1)))
    a_case(session, where, ground, (1, State.SUSPECTED), (4, State.VERIFIED))
    make.site(session, where, built_on=day(8))
    found = {change.day: change.events for change in change_days(session)}
    assert found == {day(1): 3, day(4): 1, day(8): 1}
