"""Who reaches which address: other communities are unknown, and residents are in no answer."""

import pytest

from cases.access import Role
from tests.webmap.conftest import NAME, Story, Web

ADDRESSES = [
    "/tiles/{place}/16/1/1.mvt",
    "/map/{place}",
    "/api/v1/places/{place}/figures",
    "/api/v1/places/{place}/status",
    "/api/v1/places/{place}/communities",
    "/api/v1/places/{place}/days",
    "/api/v1/places/{place}/search?q=a",
    "/api/v1/communities/{place}/parcels/{parcel}",
    "/api/v1/communities/{place}/cases",
    "/api/v1/communities/{place}/cases/{case}",
    "/api/v1/communities/{place}/cases/{case}/events",
    "/api/v1/communities/{place}/cases/{case}/ground",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_another_community_is_as_unknown_as_none(web: Web, story: Story, address: str) -> None:
    client = web.login(Role.PLANNER, story.here)
    answers = [
        client.get(address.format(place=place, parcel=story.parcel, case=story.case))
        for place in (story.elsewhere, "nowhere")
    ]
    assert [one.status_code for one in answers] == [404, 404]
    bodies = [one.text.replace(story.elsewhere, "X").replace("nowhere", "X") for one in answers]
    assert "X" not in bodies[0] or bodies[0].count("X") == bodies[1].count("X")


@pytest.mark.parametrize(
    "code", ["%00", "a%00b", "%27", "{{7*7}}", "..", "%F0%9F%8C%B1", "x" * 3000]
)
def test_a_hostile_place_is_no_place(web: Web, code: str) -> None:
    client = web.login(Role.PLANNER)
    for address in ("/map/{}", "/api/v1/places/{}/days"):
        assert client.get(address.format(code)).status_code == 404


@pytest.mark.parametrize("address", ADDRESSES)
def test_strangers_are_asked_who_they_are(web: Web, story: Story, address: str) -> None:
    answer = web.client().get(
        address.format(place=story.here, parcel=story.parcel, case=story.case)
    )
    assert answer.status_code == (302 if address.startswith("/map") else 401)


READ = {"cases", "figures", "map"}
ALLOWED = {
    Role.RESIDENT: set[str](),
    Role.OFFICIAL: {"cases", "figures"},
    Role.ADMIN: set[str](),
    Role.PLANNER: READ,
    Role.LANE_HOUSEKEEPER: READ,
    Role.INSPECTOR: READ,
    Role.SECRETARY: READ,
}


def kind_of(address: str) -> str:
    return next((kind for kind in ("figures", "cases") if f"/{kind}" in address), "map")


@pytest.mark.parametrize("role", list(Role))
def test_each_role_reads_what_it_may(web: Web, story: Story, role: Role) -> None:
    client = web.login(role, story.here)
    web.give(story.case, story.here)
    for address in ADDRESSES:
        answer = client.get(address.format(place=story.here, parcel=story.parcel, case=story.case))
        expected = 200 if kind_of(address) in ALLOWED[role] else 403
        if role is Role.OFFICIAL and "{case}" in address:
            expected = 404  # It was not referred.
        assert answer.status_code == expected, address


def test_no_resident_is_in_any_answer(web: Web, story: Story) -> None:
    client = web.login(Role.SECRETARY, story.here)
    for address in (*ADDRESSES, "/api/v1/places/{place}/search?q=" + NAME):
        answer = client.get(address.format(place=story.here, parcel=story.parcel, case=story.case))
        assert answer.status_code == 200
        assert NAME not in answer.get_data(as_text=False).decode("utf-8", "replace")
