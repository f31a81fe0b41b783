"""The list of cases, one case, and what happened to it."""

import uuid
from typing import Any

import pytest
import shapely
from flask.testing import FlaskClient
from sqlalchemy import select

from cases.access import Role
from cases.case_sheet import LAYERS
from cases.models import Case
from cases.workflow import State
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import NAME, Story, Web


@pytest.fixture(scope="module")
def street(web: Web) -> str:
    """A community of five cases, three of them announced."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session)
        campaign = make.campaign(session, place, ref="C-1")
        for number in range(1, 6):
            house = make.building(session, place, ref=f"{number}")
            who = make.household(session, place, ref=f"H{number}", building_id=house.id)
            case = make.case(session, who, campaign, number=number)
            state = State.ANNOUNCED if number > 2 else State.SUSPECTED
            make.event(session, case, make.EARLY, state)
        return place.code


def listed(client: FlaskClient, place: str, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/api/v1/communities/{place}/cases", query_string=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def households(page: dict[str, Any]) -> list[str]:
    return [one["household"] for one in page["cases"]]


def test_the_list_leads_from_page_to_page(web: Web, street: str) -> None:
    client = web.login(Role.PLANNER, street)
    answer = client.get(
        f"/api/v1/communities/{street}/cases?limit=2&state=announced&state=suspected"
    )
    seen = households(answer.get_json())
    assert answer.get_json()["total"] == 5
    while (address := answer.get_json()["next"]) is not None:
        assert answer.headers["Link"] == f'<{address}>; rel="next"'
        answer = client.get(address)
        seen += households(answer.get_json())
    assert seen == ["H1", "H2", "H3", "H4", "H5"]
    assert "Link" not in answer.headers


def test_the_list_is_filtered_and_sorted(web: Web, street: str) -> None:
    client = web.login(Role.PLANNER, street)
    assert households(listed(client, street, state="announced")) == ["H3", "H4", "H5"]
    assert households(listed(client, street, building="1")) == ["H1"]
    assert households(listed(client, street, text="h2", overdue="false")) == ["H2"]
    backwards = listed(client, street, sort="household", descending="true", limit=2)
    assert households(backwards) == ["H5", "H4"]
    assert backwards["cases"][0]["since"] == make.EARLY.isoformat()


def test_every_fault_of_a_query_is_named_at_once(web: Web, street: str) -> None:
    client = web.login(Role.PLANNER, street)
    answer = client.get(
        f"/api/v1/communities/{street}/cases?state=suspected&state=gone&building=%00"
        "&overdue=perhaps&sort=luck&descending=1&limit=201&text=" + "x" * 101
    )
    assert answer.status_code == 422
    assert [one["field"] for one in answer.get_json()["problems"]] == [
        "state",
        "building",
        "overdue",
        "text",
        "sort",
        "descending",
        "limit",
    ]


@pytest.mark.parametrize("change", ["tamper", "sort", "descending", "place"])
def test_a_cursor_is_good_for_its_own_list(
    web: Web, story: Story, street: str, change: str
) -> None:
    client = web.login(Role.PLANNER)
    address = listed(client, street, limit=1)["next"]
    wrong = {
        "tamper": address.replace("cursor=", "cursor=W"),
        "sort": address + "&sort=household",
        "descending": address + "&descending=true",
        "place": address.replace(street, story.here, 1),
    }
    answer = client.get(wrong[change])
    assert answer.status_code == 422
    assert [one["field"] for one in answer.get_json()["problems"]] == ["cursor"]


def test_a_case_tells_its_version_in_its_etag(web: Web, story: Story) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    address = f"/api/v1/communities/{story.here}/cases/{story.case}"
    answer = client.get(address)
    case = answer.get_json()
    assert case["number"] == f"{story.here}-2022-0007"
    assert (case["building"], case["occupied_m2"]) == ("12", 24.0)
    assert case["events"][0]["actor"] == "survey@example.org"
    assert answer.headers["ETag"].startswith(f'"v{case["version"]}-')
    again = client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    # Another account may make other moves: it is told something else of the same version.
    other = web.login(Role.PLANNER, story.here).get(address)
    assert other.headers["ETag"] != answer.headers["ETag"]
    assert other.headers["ETag"].startswith(f'"v{case["version"]}-')


def test_what_happened_to_a_case(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER, story.here)
    answer = client.get(f"/api/v1/communities/{story.here}/cases/{story.case}/events")
    (event,) = answer.get_json()["events"]
    assert (event["state"], event["day"]) == ("suspected", make.EARLY.isoformat())
    assert "ETag" in answer.headers


def test_a_history_leads_from_page_to_page(web: Web, street: str) -> None:
    client = web.login(Role.PLANNER, street)
    first, second = (one["id"] for one in listed(client, street, limit=2)["cases"])
    with web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == uuid.UUID(first))).one()
        for number in range(4):
            make.event(session, case, make.EARLY, None, note=str(number))
    where = f"/api/v1/communities/{street}/cases/{{}}/events"
    answer = client.get(where.format(first), query_string={"limit": 2})
    seen = answer.get_json()["events"]
    while (address := answer.get_json()["next"]) is not None:
        assert answer.headers["Link"] == f'<{address}>; rel="next"'
        answer = client.get(address)
        seen += answer.get_json()["events"]
    assert [one["note"] for one in seen] == ["", "0", "1", "2", "3"]
    whole = client.get(where.format(first)).get_json()
    assert (whole["events"], whole["next"]) == (seen, None)
    cursor = client.get(where.format(first), query_string={"limit": 1}).get_json()["next"]
    foreign = client.get(cursor.replace(first, second))
    assert foreign.status_code == 422
    assert [one["field"] for one in foreign.get_json()["problems"]] == ["cursor"]


def test_the_next_moves_of_a_case_are_told_alone_too(web: Web, story: Story) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    address = f"/api/v1/communities/{story.here}/cases/{story.case}"
    moves = client.get(f"{address}/moves").get_json()
    assert moves == client.get(address).get_json()["moves"]
    assert {one["target"] for one in moves} == {"verified", "rejected"}


def test_the_ground_of_a_case_is_geojson(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER, story.here)
    answer = client.get(f"/api/v1/communities/{story.here}/cases/{story.case}/ground")
    features = answer.get_json()["features"]
    assert {one["properties"]["layer"] for one in features} <= set(LAYERS)
    (found,) = [one for one in features if one["properties"]["layer"] == "found"]
    assert found["properties"]["day"] == make.EARLY.isoformat()
    # Coordinates are given to a centimetre.
    assert shapely.geometry.shape(found["geometry"]).equals_exact(make.square(0, 4), 1e-6)


@pytest.mark.parametrize("rest", ["", "/events", "/ground", "/moves"])
def test_a_case_that_is_not_there_is_missing(web: Web, story: Story, rest: str) -> None:
    client = web.login(Role.PLANNER)
    for place, case in (
        (story.here, uuid.uuid4()),
        (story.here, story.case_elsewhere),
        (story.town, story.case),
    ):
        answer = client.get(f"/api/v1/communities/{place}/cases/{case}{rest}")
        assert answer.status_code == 404
        assert answer.mimetype == "application/problem+json"


def test_no_resident_is_in_a_list(web: Web, story: Story) -> None:
    client = web.login(Role.SECRETARY, story.here)
    assert listed(client, story.here, text=NAME)["cases"] == []
