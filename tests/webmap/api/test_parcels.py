"""One parcel with all that lies on it."""

import uuid

from cases.access import Role
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
