"""The list of cases: what finds a case, how the list sorts and goes on, what is written out."""

import csv
import datetime as dt
import io
import re
from collections.abc import Sequence

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from cases.access import Role
from cases.models import Case
from cases.people import find_account
from cases.workflow import State
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import Web

FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture(scope="module")
def place(web: Web) -> str:
    """A community with 60 cases in two buildings, some of them overdue, one with a formula."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        community = make.community(session)
        run = make.campaign(session, community)
        houses = [make.building(session, community, ref=ref) for ref in ("2", "10")]
        for number in range(1, 61):
            house = houses[number % 2]
            ref = FORMULA if number == 60 else f"{house.ref}-1-{number:03d}"
            who = make.household(session, community, ref=ref, building_id=house.id, unit="1")
            state = State.ANNOUNCED if number % 3 else State.VERIFIED
            case = make.case(session, who, run, number=number, state=state)
            case.deadline_on = dt.date(2022, 5, 1) if number <= 5 else None
            make.event(session, case, make.EARLY, state, note=f"seen by {number:03d}")
        return community.code


def numbers(page: str) -> list[int]:
    """Return the running numbers of the cases that a page lists."""
    return [int(one) for one in re.findall(r'/cases/[0-9a-f-]{36}">[^<]*-(\d{4})</a>', page)]


def read(web: Web, place: str, query: str = "") -> str:
    client = web.login(Role.SECRETARY, place)
    answer = client.get(f"/c/{place}/cases?lang=en{query}")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("&building=10&state=verified", [3, 9, 15, 21, 27, 33, 39, 45, 51, 57]),
        ("&overdue=1", [1, 2, 4, 5]),
        ("&q=seen by 042", [42]),
        ("&q=2-1-004", [4]),
        ("&unit=7", []),
        ("&building=no+such", []),
    ],
)
def test_a_case_is_found_by(web: Web, place: str, query: str, found: Sequence[int]) -> None:
    assert numbers(read(web, place, query)) == list(found)


def test_the_list_goes_on_and_leaves_nothing_out(web: Web, place: str) -> None:
    first = read(web, place, "&sort=-number")
    assert numbers(first) == list(range(60, 10, -1))
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    client = web.login(Role.SECRETARY, place)
    second = client.get(following.group(1).replace("&amp;", "&")).text
    assert numbers(second) == list(range(10, 0, -1))
    assert 'rel="next"' not in second
    assert 'rel="first"' in second
    # An address of another order begins at the start, and hostile ones are no failure.
    assert client.get(f"/c/{place}/cases?sort=state&after=made-up").status_code == 200
    assert client.get(f"/c/{place}/cases?sort=nothing&state=none&q=%00").status_code == 200


def test_building_2_comes_before_building_10(web: Web, place: str) -> None:
    page = read(web, place, "&sort=building")
    assert numbers(page)[0] % 2 == 0
    assert 'aria-sort="ascending"' in page


def test_what_is_filtered_is_written_out_and_no_cell_is_a_formula(web: Web, place: str) -> None:
    client = web.login(Role.SECRETARY, place)
    answer = client.get(f"/c/{place}/cases.csv?lang=en&state=verified&sort=-number")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert (rows[0][0], len(rows)) == ("Number", 21)
    assert rows[1][1] == f"'{FORMULA}"
    answer = client.get(f"/c/{place}/cases.xlsx?lang=en&overdue=1")
    (sheet,) = load_workbook(io.BytesIO(answer.data)).worksheets
    assert [str(cell.value)[-4:] for cell in sheet["A"]][1:] == ["0001", "0002", "0004", "0005"]
    answer = client.get(f"/c/{place}/cases.xlsx?q=calc")
    (sheet,) = load_workbook(io.BytesIO(answer.data)).worksheets
    assert (sheet["B2"].value, sheet["B2"].data_type) == (f"'{FORMULA}", "s")


def test_a_list_without_cases_says_what_to_do(web: Web) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        empty = make.community(session).code
    assert "You see no case here yet." in read(web, empty)
    assert "No case is like that." not in read(web, empty, "&q=x")


def test_a_list_names_no_housekeeper_of_cases_that_the_reader_does_not_see(web: Web) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        community = make.community(session)
        run = make.campaign(session, community)
        cases = [
            make.case(session, make.household(session, community), run, number=number)
            for number in (1, 2)
        ]
        code, ids = community.code, [one.id for one in cases]
    names = ("mine", "theirs")
    for case_id, name in zip(ids, names, strict=True):
        email = web.person(Role.LANE_HOUSEKEEPER, code, name)
        with web.database.session(EVERYWHERE) as session, session.begin():
            keeper = find_account(session, email)
            assert keeper is not None
            session.scalars(select(Case).where(Case.id == case_id)).one().housekeeper_id = keeper.id
    page = web.login(Role.LANE_HOUSEKEEPER, code, "mine").get(f"/c/{code}/cases").text
    assert f"mine.{code}@example.org" in page
    assert f"theirs.{code}@example.org" not in page
    everything = read(web, code)
    assert all(f"{name}.{code}@example.org" in everything for name in names)


def test_who_may_not_read_cases_gets_no_list(web: Web, place: str) -> None:
    for path in ("cases", "cases.csv", "cases.xlsx"):
        admin = web.login(Role.ADMIN, place).get(f"/c/{place}/{path}")
        assert admin.status_code == 403
