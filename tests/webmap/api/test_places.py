"""What a place tells: figures, statuses, communities, days, and what it finds."""

import pytest

from cases.access import Role
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import Story, Web


def test_status_is_counted_for_a_day(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER, story.here)
    before = client.get(f"/api/v1/places/{story.here}/status?day=2022-02-28")
    assert before.get_json() == {"not_looked_at": 2}
    now = client.get(f"/api/v1/places/{story.here}/status")
    assert now.get_json() == {"suspected": 1, "not_looked_at": 1}
    # In the order of the legend, which sorting by name would turn round.
    assert list(now.get_json()) == ["suspected", "not_looked_at"]


@pytest.mark.parametrize(
    ("asked", "counted"),
    [
        ({"building": "12"}, {"suspected": 1}),
        ({"building": "13"}, {}),
        ({"q": "G2"}, {"not_looked_at": 1}),
        ({"q": "12-1-101"}, {"suspected": 1}),
        ({"q": "G", "building": "12"}, {"suspected": 1}),
        ({"q": "G2", "building": "12"}, {}),
        ({"q": "G1", "day": "2022-02-28"}, {"not_looked_at": 1}),
        ({"q": "nothing of that name"}, {}),
        ({"q": ""}, {"suspected": 1, "not_looked_at": 1}),
    ],
)
def test_only_what_passes_the_filters_is_counted(
    web: Web, story: Story, asked: dict[str, str], counted: dict[str, int]
) -> None:
    client = web.login(Role.PLANNER, story.here)
    answer = client.get(f"/api/v1/places/{story.here}/status", query_string=asked)
    assert answer.get_json() == counted


def test_a_text_narrows_no_region(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER, story.town)
    whole = client.get(f"/api/v1/places/{story.town}/status").get_json()
    assert client.get(f"/api/v1/places/{story.town}/status?q=G1").get_json() == whole


@pytest.mark.parametrize("day", ["", "yesterday", "2022-13-01", "2022-02-30", "\u0000", "1" * 5000])
def test_a_day_that_is_none_is_refused_with_its_remedy(web: Web, story: Story, day: str) -> None:
    client = web.login(Role.PLANNER, story.here)
    answer = client.get(f"/api/v1/places/{story.here}/status", query_string={"day": day})
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    (problem,) = answer.get_json()["problems"]
    assert (problem["field"], problem["code"]) == ("day", "day")
    assert problem["remedy"]


def test_figures_are_those_of_the_command_line(web: Web, story: Story) -> None:
    client = web.login(Role.OFFICIAL, story.here)
    figures = client.get(f"/api/v1/places/{story.here}/figures?as_of=2022-05-01").get_json()
    assert figures["community"] == story.here
    assert figures["as_of"] == "2022-05-01"
    assert figures["parcels"] == 2
    assert [one["building"] for one in figures["by_building"]] == ["12", None]
    region = web.login(Role.OFFICIAL, story.town).get(f"/api/v1/places/{story.town}/figures")
    assert region.get_json()["communities"] == 2


def test_communities_are_counted_within_a_box(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER, story.town)
    address = f"/api/v1/places/{story.town}/communities"
    both = client.get(f"{address}?day=2022-06-01").get_json()
    assert {one["code"] for one in both} == {story.here, story.neighbour}
    box = ",".join(map(str, make.square(1, 1, 2).bounds))
    (one,) = client.get(f"{address}?day=2022-06-01&bbox={box}").get_json()
    assert one["code"] == story.here
    assert one["name"] == "温泉花园"
    assert one["parcels"] == 2
    assert one["status"] == {"suspected": 1, "not_looked_at": 1}
    assert one["bounds"] == pytest.approx(make.square(0, 0, 9).bounds)
    assert (one["lon"], one["lat"]) == pytest.approx(make.square(0, 0, 9).centroid.coords[0])


@pytest.mark.parametrize("box", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "nan,0,1,1", "0,0,inf,1"])
def test_a_box_that_is_none_is_refused(web: Web, story: Story, box: str) -> None:
    client = web.login(Role.PLANNER, story.here)
    answer = client.get(f"/api/v1/places/{story.here}/communities", query_string={"bbox": box})
    assert answer.status_code == 422
    assert answer.get_json()["problems"][0]["field"] == "bbox"


def test_days_say_when_the_map_changed(web: Web, story: Story) -> None:
    answer = web.login(Role.PLANNER, story.here).get(f"/api/v1/places/{story.here}/days")
    days = answer.get_json()
    assert (days["first"], days["last"]) == ("2022-03-01", days["days"][-1]["day"])
    assert days["days"][0] == {"day": "2022-03-01", "events": 3}
    empty = web.login(Role.PLANNER)
    with web.database.session(EVERYWHERE) as session, session.begin():
        code = make.community(session).code
    assert empty.get(f"/api/v1/places/{code}/days").get_json() == {
        "first": None,
        "last": None,
        "days": [],
    }


def test_search_finds_cases_by_their_number(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER, story.here)
    found = client.get(
        f"/api/v1/places/{story.here}/search", query_string={"q": f"{story.here}-2022-0007"}
    ).get_json()
    assert [(one["kind"], one["id"]) for one in found] == [("case", str(story.case))]
    assert found[0]["parcel"] == str(story.parcel)
    assert found[0]["bounds"] == pytest.approx(make.square(0, 4).bounds)
    everything = client.get(f"/api/v1/places/{story.here}/search?q=1").get_json()
    assert {one["kind"] for one in everything} >= {"building", "household", "parcel"}
    assert client.get(f"/api/v1/places/{story.here}/search").get_json() == []
    assert client.get(f"/api/v1/places/{story.here}/search?q=%00").get_json() == []


def test_the_places_of_an_account_are_listed_a_page_at_a_time(web: Web, story: Story) -> None:
    planner = web.login(Role.PLANNER, story.town)
    seen: list[str] = []
    address = "/api/v1/places?limit=1"
    while address:
        page = planner.get(address).get_json()
        assert (page["total"], len(page["communities"])) == (2, 1)
        assert [(one["code"], one["communities"]) for one in page["regions"]] == [(story.town, 2)]
        seen += [one["code"] for one in page["communities"]]
        address = page["next"]
    assert seen == sorted([story.here, story.neighbour])
    found = planner.get("/api/v1/places?q=温泉").get_json()
    assert [one["name"] for one in found["communities"]] == ["温泉花园"]
    # Whoever reads no map is shown no region with one.
    lives = web.login(Role.RESIDENT, story.here).get("/api/v1/places").get_json()
    assert [one["code"] for one in lives["communities"]] == [story.here]
    assert lives["regions"] == []
    assert planner.get("/api/v1/places?cursor=made-up").status_code == 422
