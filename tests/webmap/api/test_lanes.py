"""Lanes by the API: made, drawn, changed and removed, each under the version of all."""

import uuid
from typing import Any

import pytest
import shapely
from sqlalchemy import select

from cases.access import Role
from cases.models import Case
from cases.workflow import State
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.conftest import Web


@pytest.fixture
def place(web: Web) -> str:
    """A community of three buildings in a row, with a case in the first."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        made = make.community(session, boundary=make.square(0, 0, 9))
        houses = [
            make.building(session, made, make.square(2 * number, 5), ref=f"{number}")
            for number in range(3)
        ]
        who = make.household(session, made, building_id=houses[0].id)
        make.case(session, who, make.campaign(session, made), state=State.VERIFIED)
        return made.code


def drawn(x: float, size: float) -> dict[str, Any]:
    square = make.square(x, 4.5, size)
    found: dict[str, Any] = shapely.geometry.mapping(square)
    return found


def by_ref(told: dict[str, Any]) -> dict[str, list[str]]:
    return {one["ref"]: one["buildings"] for one in told["lanes"]}


def test_lanes_are_made_changed_and_removed_and_cases_follow(web: Web, place: str) -> None:
    keeper = web.person(Role.LANE_HOUSEKEEPER, place)
    planner = Sender.of(web, Role.PLANNER, place)
    empty = planner.get("lanes")
    assert (empty["lanes"], empty["left"]) == ([], ["0", "1", "2"])
    body = {"ref": "A", "name": "South", "housekeeper": keeper, "buildings": ["0"]}
    key = uuid.uuid4()
    first, again = (
        planner.send("POST", "lanes", body, read=empty["version"], key=key) for _ in range(2)
    )
    assert first.status_code == 200, first.text
    assert first.data == again.data
    told = first.get_json()
    assert by_ref(told) == {"A": ["0"]}
    assert told["lanes"][0]["housekeeper"] == keeper
    assert told["lanes"][0]["cases"] == 1
    assert first.headers["ETag"].startswith(f'"{told["version"]}-')
    around = {"ref": "B", "drawn": drawn(1.5, 4), "buildings": []}
    told = planner.send("POST", "lanes", around, read=told["version"]).get_json()
    assert (by_ref(told), told["left"]) == ({"A": ["0"], "B": ["1", "2"]}, [])
    lane = next(one["id"] for one in told["lanes"] if one["ref"] == "B")
    whole = {"ref": "B", "buildings": ["0", "1"]}
    told = planner.send("PUT", f"lanes/{lane}", whole, read=told["version"]).get_json()
    assert by_ref(told) == {"A": [], "B": ["0", "1"]}
    with web.database.session(EVERYWHERE) as session:
        case = session.scalars(select(Case).where(Case.version > 1)).first()
        assert case is not None
        assert case.housekeeper_id is None
    told = planner.send("DELETE", f"lanes/{lane}", read=told["version"]).get_json()
    assert by_ref(told) == {"A": []}
    assert planner.send("DELETE", f"lanes/{lane}", read=told["version"]).status_code == 404


def test_the_second_of_two_editors_is_shown_the_lanes_as_they_are(web: Web, place: str) -> None:
    planner = Sender.of(web, Role.PLANNER, place)
    secretary = Sender.of(web, Role.SECRETARY, place)
    read = planner.get("lanes")["version"]
    mine, theirs = ({"ref": ref, "buildings": ["0"]} for ref in ("A", "B"))
    assert planner.send("POST", "lanes", mine, read=read).status_code == 200
    assert secretary.send("POST", "lanes", theirs).status_code == 428
    stale = secretary.send("POST", "lanes", theirs, read=read)
    assert stale.status_code == 412
    told = stale.get_json()
    assert told["yours"] == {"versions": [read], **theirs}
    assert by_ref(told["now"]) == {"A": ["0"]}
    assert secretary.get("lanes") == told["now"]
    lane = told["now"]["lanes"][0]["id"]
    assert secretary.send("DELETE", f"lanes/{lane}").status_code == 428
    assert secretary.send("DELETE", f"lanes/{lane}", read=read).status_code == 412


def test_every_fault_of_a_lane_is_named_at_once(web: Web, place: str) -> None:
    planner = Sender.of(web, Role.PLANNER, place)
    read = planner.get("lanes")["version"]
    far = drawn(100, 1)
    wrong = {"ref": "A", "housekeeper": "x@y", "buildings": ["0", "77"], "drawn": far}
    assert codes(planner.send("POST", "lanes", wrong, read=read)) == [
        "no_worker",
        "unknown_building",
        "nothing_within",
    ]
    bowtie = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    answer = planner.send("POST", "lanes", {"ref": "A", "drawn": bowtie}, read=read)
    assert {one["field"] for one in answer.get_json()["problems"]} == {"drawn"}
    assert planner.get("lanes")["lanes"] == []


def test_who_may_not_change_lanes_reads_them(web: Web, place: str) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, place)
    read = inspector.get("lanes")["version"]
    body = {"ref": "A", "buildings": []}
    assert inspector.send("POST", "lanes", body, read=read).status_code == 403
