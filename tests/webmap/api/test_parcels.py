"""One parcel with all that lies on it."""

import uuid
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from cases.access import Role
from cases.models import Case
from cases.people import find_account
from cases.workflow import State
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import NAME, Story, Web


def test_a_parcel_tells_all_that_lies_on_it(web: Web, story: Story) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    found = client.get(f"/api/v1/communities/{story.here}/parcels/{story.parcel}").get_json()
    assert (found["ref"], found["building"], found["title"]) == ("G1", "12", "owner_common")
    assert found["area_m2"] == 100.0
    assert found["looked"] == ["2022-03-01"]
    (household,) = found["households"]
    assert household == {
        "ref": "12-1-101",
        "role": "adjoining",
        "method": "spatial",
        "share": 1.0,
        "distance_m": 1.5,
    }
    (encroachment,) = found["encroachments"]
    assert encroachment["structure"] == "fence"
    assert encroachment["uncertainty_m2"] == 0.6
    assert encroachment["household"] == "12-1-101"
    (finding,) = found["findings"]
    assert finding["kind"] == "sliver"
    assert encroachment["observed_on"] == finding["observed_on"] == "2022-03-01"
    (case,) = found["cases"]
    assert case["number"] == f"{story.here}-2022-0007"
    assert case["events"][0]["actor"] == "survey@example.org"
    moves = {one["target"]: one for one in case["moves"]}
    assert moves["verified"]["permitted"]
    assert [one["field"] for one in moves["rejected"]["lacks"]] == ["reason"]
    missing = client.get(f"/api/v1/communities/{story.here}/parcels/{uuid.uuid4()}")
    assert missing.status_code == 404
    assert client.get(f"/api/v1/communities/{story.here}/parcels/x").status_code == 404


def test_a_parcel_is_asked_for_in_its_community(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER)
    for place in (story.neighbour, story.town):
        answer = client.get(f"/api/v1/communities/{place}/parcels/{story.parcel}")
        assert answer.status_code == 404


@dataclass(frozen=True)
class Ground:
    """A parcel with an enclosure of each of two households, one finding and one of nobody."""

    place: str
    parcel: uuid.UUID
    mine: uuid.UUID
    theirs: uuid.UUID


@pytest.fixture(scope="module")
def ground(web: Web) -> Ground:
    """The first case is the housekeeper's and the inspector's, the second that of others."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session)
        parcel = make.parcel(session, place, ref="G1")
        run = make.campaign(session, place)
        cases = []
        for number, ref in enumerate(("101", "102")):
            home = make.household(session, place, ref=ref, geom=make.point(number))
            make.link(session, parcel, home)
            case = make.case(session, home, run, number=number + 1)
            make.event(session, case, make.EARLY, State.VERIFIED, note=f"note of {ref}")
            seen = make.observation(session, place, ref=f"O{ref}")
            make.encroachment(session, seen, parcel, case)
            make.finding(session, seen, parcel)
            cases.append(case.id)
        make.household(session, place, ref="103", geom=make.point(3))
        make.encroachment(session, make.observation(session, place, ref="O0"), parcel)
        found = Ground(place.code, parcel.id, *cases)
    for name, case_id in (("", found.mine), ("another", found.theirs)):
        give(web, found.place, case_id, name)
    return found


def give(web: Web, place: str, case_id: uuid.UUID, name: str) -> None:
    emails = [web.person(role, place, name) for role in (Role.LANE_HOUSEKEEPER, Role.INSPECTOR)]
    with web.database.session(EVERYWHERE) as session, session.begin():
        keeper, inspector = (find_account(session, email) for email in emails)
        case = session.scalars(select(Case).where(Case.id == case_id)).one()
        assert keeper is not None
        assert inspector is not None
        case.housekeeper_id, case.inspector_id = keeper.id, inspector.id


@pytest.mark.parametrize(
    ("role", "refs"),
    [
        (Role.LANE_HOUSEKEEPER, {"101"}),
        (Role.INSPECTOR, {"101"}),
        (Role.PLANNER, {"101", "102"}),
        (Role.SECRETARY, {"101", "102"}),
    ],
)
def test_a_parcel_tells_of_households_and_cases_only_what_a_role_sees(
    web: Web, ground: Ground, role: Role, refs: set[str]
) -> None:
    client = web.login(role, ground.place)
    answer = client.get(f"/api/v1/communities/{ground.place}/parcels/{ground.parcel}")
    found = answer.get_json()
    assert (found["ref"], found["area_m2"]) == ("G1", 100.0)
    assert {one["ref"] for one in found["households"]} == refs
    assert {one["household"] for one in found["encroachments"]} == {*refs, None}
    of_cases = {f"O{ref}" for ref in refs}
    assert {one["observation"] for one in found["encroachments"]} == {*of_cases, "O0"}
    assert {one["observation"] for one in found["findings"]} == of_cases
    assert {one["household"] for one in found["cases"]} == refs
    hidden = {"101", "102"} - refs
    assert not any(f"note of {ref}" in answer.text for ref in hidden)
    if hidden:
        assert str(ground.theirs) not in answer.text


@pytest.mark.parametrize("role", [Role.RESIDENT, Role.OFFICIAL, Role.ADMIN])
def test_a_parcel_is_for_those_who_read_the_map(web: Web, ground: Ground, role: Role) -> None:
    client = web.login(role, ground.place)
    answer = client.get(f"/api/v1/communities/{ground.place}/parcels/{ground.parcel}")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("role", "refs"),
    [
        (Role.LANE_HOUSEKEEPER, {"101"}),
        (Role.INSPECTOR, {"101"}),
        (Role.PLANNER, {"101", "102", "103"}),
        (Role.SECRETARY, {"101", "102", "103"}),
    ],
)
def test_search_finds_the_households_that_a_role_sees(
    web: Web, ground: Ground, role: Role, refs: set[str]
) -> None:
    found = web.login(role, ground.place).get(f"/api/v1/places/{ground.place}/search?q=10")
    assert {one["label"] for one in found.get_json() if one["kind"] == "household"} == refs


def found(web: Web, place: str, text: str, role: Role = Role.PLANNER) -> list[str]:
    client = web.login(role, place)
    answer = client.get(f"/api/v1/communities/{place}/parcels", query_string={"q": text})
    assert answer.status_code == 200, answer.text
    ids: list[str] = answer.get_json()["parcels"]
    return ids


def test_parcels_are_found_by_all_that_they_are_called(web: Web, story: Story) -> None:
    for text in ("G1", "12-1-101", f"{story.here}-2022-0007", " g1 "):
        assert found(web, story.here, text) == [str(story.parcel)], text
    assert len(found(web, story.here, "G")) == 2
    assert len(found(web, story.here, "")) == 2
    for nothing in ("G3", "%", "_", NAME):
        assert found(web, story.here, nothing) == [], nothing


def test_a_text_that_none_can_be_is_refused(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER, story.here)
    for text in ("\u0000", "g" * 101):
        address = f"/api/v1/communities/{story.here}/parcels"
        answer = client.get(address, query_string={"q": text})
        assert answer.status_code == 422
        assert answer.get_json()["problems"][0]["field"] == "q"


def test_a_case_of_others_finds_no_parcel(web: Web, story: Story) -> None:
    number = f"{story.here}-2022-0007"
    assert found(web, story.here, number, Role.LANE_HOUSEKEEPER) == []
    assert found(web, story.here, "G1", Role.LANE_HOUSEKEEPER) == [str(story.parcel)]


def test_parcels_are_found_in_a_community_not_in_a_region(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER)
    assert client.get(f"/api/v1/communities/{story.town}/parcels?q=G").status_code == 404
