"""The list of cases: what is kept, in which order, and that pages neither lose nor repeat."""

import datetime as dt
from dataclasses import dataclass

import pytest
from sqlalchemy.orm import Session

from cases.access import Role
from cases.case_list import CaseFilter, ListedCase, Position, Sort, count_cases, list_cases
from cases.ledger import today
from cases.models import Case
from cases.people import add_account
from cases.workflow import State
from layers.models import Community
from tests import builders as make

PASSWORD = "correct horse 7"


@dataclass(frozen=True)
class Street:
    """Five cases in two buildings and one of another community."""

    session: Session
    community: Community
    cases: list[Case]

    def found(self, **wanted: object) -> list[str]:
        return numbers(list_cases(self.session, self.community, CaseFilter(**wanted)).cases)  # type: ignore[arg-type]


def numbers(cases: list[ListedCase]) -> list[str]:
    return [one.number.rsplit("-", 1)[1].lstrip("0") for one in cases]


@pytest.fixture
def street(session: Session) -> Street:
    community, elsewhere = make.community(session), make.community(session)
    campaign = make.campaign(session, community, ref="C-2022")
    day = today(community)
    keeper = add_account(
        session, "lane@example.org", name="Lane", password=PASSWORD, role=Role.LANE_HOUSEKEEPER
    )
    two, ten = (make.building(session, community, ref=ref) for ref in ("2", "10"))
    cases = []
    for number, (state, house, unit, deadline) in enumerate(
        (
            (State.ANNOUNCED, ten, "1", day - dt.timedelta(days=1)),
            (State.ANNOUNCED, two, "2", day),
            (State.ACCEPTED, two, "1", day - dt.timedelta(days=9)),
            (State.VISITED, ten, "1", day - dt.timedelta(days=3)),
            (State.SUSPECTED, None, "", None),
        ),
        start=1,
    ):
        who = make.household(
            session, community, ref=f"H{number}", unit=unit, building_id=house and house.id
        )
        case = make.case(session, who, campaign, number=number, deadline_on=deadline)
        make.event(session, case, make.EARLY, state, note=f"Seen by neighbour {number}")
        ground = make.parcel(session, community)
        seen = make.observation(session, community)
        make.encroachment(session, seen, ground, case, occupied_m2=number % 3 + 0.125)
        cases.append(case)
    cases[3].suspended_on = day
    cases[1].housekeeper_id = keeper.id
    other = make.household(session, elsewhere, ref="H1")
    make.case(session, other, make.campaign(session, elsewhere), number=1)
    session.flush()
    return Street(session, community, cases)


def test_all_cases_of_the_community_and_no_other(street: Street) -> None:
    page = list_cases(street.session, street.community)
    assert numbers(page.cases) == ["1", "2", "3", "4", "5"]
    assert page.following is None
    first = page.cases[0]
    assert first == ListedCase(
        id=street.cases[0].id,
        number=f"{street.community.code}-2022-0001",
        household="H1",
        building="10",
        unit="1",
        campaign="C-2022",
        campaign_ref="C-2022",
        state=State.ANNOUNCED,
        since=make.EARLY,
        version=1,
        occupied_m2=1.13,
        deadline_on=street.cases[0].deadline_on,
        suspended_on=None,
        is_overdue=True,
        difficulty=None,
        housekeeper=None,
        inspector=None,
    )


def test_each_filter_keeps_what_it_names(street: Street) -> None:
    assert street.found(states=frozenset({State.ANNOUNCED, State.VISITED})) == ["1", "2", "4"]
    assert street.found(building="10") == ["1", "4"]
    assert street.found(building="2", unit="1") == ["3"]
    assert street.found(household="H5") == ["5"]
    assert street.found(housekeeper="Lane@Example.org") == ["2"]
    assert street.found(campaign="C-2022") == ["1", "2", "3", "4", "5"]
    assert street.found(campaign="C-2021") == []
    assert count_cases(street.session, street.community, CaseFilter(building="10")) == 2


def test_overdue_is_a_deadline_that_passed_with_the_clock_running(street: Street) -> None:
    # The second is due today, the third has cleared, the fourth objected.
    assert street.found(overdue=True) == ["1"]
    assert street.found(overdue=False) == ["2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-0004", ["4"]),
        ("h3", ["3"]),
        ("neighbour 2", ["2"]),
        ("10", ["1", "4"]),
        ("%", []),
        ("_", []),
    ],
)
def test_text_is_found_in_numbers_refs_and_notes(
    street: Street, text: str, expected: list[str]
) -> None:
    street.community.code = "WH"
    assert street.found(text=text) == expected


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.NUMBER, "12345"),
        (Sort.STATE, "51243"),
        (Sort.SINCE, "12345"),
        (Sort.BUILDING, "23145"),
        (Sort.HOUSEHOLD, "12345"),
        (Sort.OCCUPIED, "31425"),
        (Sort.DEADLINE, "34125"),
        (Sort.DIFFICULTY, "12345"),
    ],
)
def test_every_order_pages_without_a_loss_or_a_repeat(
    street: Street, sort: Sort, expected: str
) -> None:
    for descending in (False, True):
        seen: list[str] = []
        after: Position | None = None
        for _ in range(3):
            page = list_cases(
                street.session,
                street.community,
                sort=sort,
                descending=descending,
                limit=2,
                after=after,
            )
            seen += numbers(page.cases)
            after = page.following
        assert "".join(seen) == (expected[::-1] if descending else expected)
        assert after is None


def test_a_page_is_not_moved_by_a_case_that_came_before_it(street: Street) -> None:
    first = list_cases(street.session, street.community, descending=True, limit=2)
    who = make.household(street.session, street.community)
    make.case(street.session, who, make.campaign(street.session, street.community), number=9)
    second = list_cases(
        street.session, street.community, descending=True, limit=2, after=first.following
    )
    assert numbers(first.cases) + numbers(second.cases) == ["5", "4", "3", "2"]
