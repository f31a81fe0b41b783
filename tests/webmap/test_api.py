"""The endpoints of the map: what they answer, to whom, and what a move needs."""

import datetime as dt
import gzip
import json
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mapbox_vector_tile
import pytest
import shapely
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.models import CaseEvent
from cases.people import ensure_account
from cases.workflow import State
from layers.db import EVERYWHERE
from layers.models import Community, Resident
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token

NAME = "不应出现的姓名"
TILE = make.tile_at(16)


@dataclass(frozen=True)
class Story:
    """Two communities of one town and one elsewhere, each with a case."""

    town: str
    here: str
    neighbour: str
    elsewhere: str
    parcel: uuid.UUID
    case: uuid.UUID
    case_elsewhere: uuid.UUID


@pytest.fixture(scope="module")
def story(web: Web) -> Story:
    with web.database.session(EVERYWHERE) as session, session.begin():
        town = make.region(session)
        places = [
            make.community(
                session, name="温泉花园", region_id=town.id, boundary=make.square(0, 0, 9)
            ),
            make.community(session, region_id=town.id, boundary=make.square(9, 0, 9)),
            make.community(session, boundary=make.square(18, 0, 9)),
        ]
        made = []
        for number, place in enumerate(places):
            house = make.building(session, place, make.square(9 * number, 5), ref="12")
            ground = make.parcel(
                session, place, make.square(9 * number, 4), ref="G1", building_id=house.id
            )
            make.parcel(session, place, make.square(9 * number + 2, 4), ref="G2")
            who = make.household(session, place, ref="12-1-101", building_id=house.id)
            session.add(
                Resident(community_id=place.id, household_id=who.id, name=NAME, role="owner")
            )
            make.link(session, ground, who)
            survey = make.survey(session, place)
            make.looked(session, ground, survey)
            case = make.case(session, who, make.campaign(session, place), number=7)
            make.event(session, case, make.EARLY, State.SUSPECTED, actor="survey@example.org")
            seen = make.observation(session, place, make.square(9 * number, 4), survey_id=survey.id)
            make.encroachment(session, seen, ground, case, make.square(9 * number, 4))
            make.finding(session, seen, ground)
            make.site(session, place, make.point(9 * number + 5, 2))
            made.append((place.code, ground.id, case.id))
        town_code = town.code
    return Story(town_code, made[0][0], made[1][0], made[2][0], made[0][1], made[0][2], made[2][2])


def layers(answer: TestResponse) -> dict[str, list[dict[str, Any]]]:
    content = answer.get_data()
    if answer.headers.get("Content-Encoding") == "gzip":
        content = gzip.decompress(content)
    return {
        name: [feature["properties"] for feature in layer["features"]]
        for name, layer in mapbox_vector_tile.decode(content).items()
    }


def tile(place: str) -> str:
    return f"/tiles/{place}/{TILE.z}/{TILE.x}/{TILE.y}.mvt"


def test_a_tile_holds_the_layers_of_its_place(web: Web, story: Story) -> None:
    answer = web.login(Role.PLANNER, story.here).get(tile(story.here))
    assert answer.mimetype == "application/vnd.mapbox-vector-tile"
    found = layers(answer)
    first_day = (make.EARLY - dt.date(1970, 1, 1)).days
    assert set(found) == {"parcels", "buildings", "observations", "encroachments", "sites"}
    (taken,) = [one for one in found["parcels"] if one["ref"] == "G1"]
    assert taken == {
        "id": str(story.parcel),
        "community": story.here,
        "ref": "G1",
        "kind": "public_green",
        "title": "owner_common",
        "building": "12",
        "looked": first_day,
        "h": f"{first_day}:suspected",
    }
    (untouched,) = [one for one in found["parcels"] if one["ref"] == "G2"]
    assert "looked" not in untouched
    assert untouched["h"] == ""
    (encroachment,) = found["encroachments"]
    assert encroachment["case"] == str(story.case)
    assert encroachment["parcel"] == str(story.parcel)
    assert encroachment["building"] == "12"
    assert encroachment["m2"] == 24.0
    assert encroachment["from"] == first_day
    assert encroachment["h"] == f"{first_day}:suspected"
    (site,) = found["sites"]
    assert (site["kind"], site["state"], site["heads"]) == ("charging_pile", "built", 15)
    (seen,) = found["observations"]
    assert (seen["structure"], seen["from"]) == ("fence", first_day)


def test_an_unchanged_tile_is_not_sent_twice(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER, story.here)
    first = client.get(tile(story.here))
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "Accept-Encoding"} <= set(first.headers["Vary"].replace(" ", "").split(","))
    again = client.get(tile(story.here), headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.get_data() == b""
    packed = client.get(tile(story.here), headers={"Accept-Encoding": "gzip"})
    assert packed.headers["ETag"] == first.headers["ETag"]
    assert layers(packed) == layers(first)


def test_a_tile_far_out_is_empty_and_one_that_is_not_there_is_missing(
    web: Web, story: Story
) -> None:
    client = web.login(Role.PLANNER, story.here)
    far = make.tile_at(14)
    answer = client.get(f"/tiles/{story.here}/{far.z}/{far.x}/{far.y}.mvt")
    assert (answer.status_code, answer.get_data()) == (200, b"")
    for wrong in ("3/8/0", "23/0/0", "99/1/1"):
        assert client.get(f"/tiles/{story.here}/{wrong}.mvt").status_code == 404


def test_a_region_shows_its_communities_and_no_other(web: Web, story: Story) -> None:
    everywhere = web.login(Role.PLANNER)
    found = layers(everywhere.get(tile(story.town)))
    assert {one["community"] for one in found["parcels"]} == {story.here, story.neighbour}
    # Whoever may see one of them sees that one on the region's map.
    one = layers(web.login(Role.PLANNER, story.here).get(tile(story.town)))
    assert {one["community"] for one in one["parcels"]} == {story.here}


ADDRESSES = [
    "/tiles/{place}/16/1/1.mvt",
    "/map/{place}",
    "/api/v1/places/{place}/figures",
    "/api/v1/places/{place}/status",
    "/api/v1/places/{place}/communities",
    "/api/v1/places/{place}/days",
    "/api/v1/places/{place}/search?q=a",
    "/api/v1/communities/{place}/parcels/{parcel}",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_another_community_is_as_unknown_as_none(web: Web, story: Story, address: str) -> None:
    client = web.login(Role.PLANNER, story.here)
    answers = [
        client.get(address.format(place=place, parcel=story.parcel))
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
    answer = web.client().get(address.format(place=story.here, parcel=story.parcel))
    assert answer.status_code == (302 if address.startswith("/map") else 401)


ALLOWED = {
    Role.RESIDENT: set[str](),
    Role.OFFICIAL: {"figures"},
    Role.ADMIN: set[str](),
    Role.PLANNER: {"figures", "map"},
    Role.LANE_HOUSEKEEPER: {"figures", "map"},
    Role.INSPECTOR: {"figures", "map"},
    Role.SECRETARY: {"figures", "map"},
}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_reads_what_it_may(web: Web, story: Story, role: Role) -> None:
    client = web.login(role, story.here)
    for address in ADDRESSES:
        answer = client.get(address.format(place=story.here, parcel=story.parcel))
        kind = "figures" if "figures" in address else "map"
        assert answer.status_code == (200 if kind in ALLOWED[role] else 403), address


def test_no_resident_is_in_any_answer(web: Web, story: Story) -> None:
    client = web.login(Role.SECRETARY, story.here)
    for address in (*ADDRESSES, tile("{place}"), "/api/v1/places/{place}/search?q=" + NAME):
        answer = client.get(address.format(place=story.here, parcel=story.parcel))
        assert answer.status_code == 200
        assert NAME not in answer.get_data(as_text=False).decode("utf-8", "replace")


def test_status_is_counted_for_a_day(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER, story.here)
    before = client.get(f"/api/v1/places/{story.here}/status?day=2022-02-28")
    assert before.get_json() == {"not_looked_at": 2}
    now = client.get(f"/api/v1/places/{story.here}/status")
    assert now.get_json() == {"suspected": 1, "not_looked_at": 1}
    # In the order of the legend, which sorting by name would turn round.
    assert list(now.get_json()) == ["suspected", "not_looked_at"]


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


Move = Callable[..., TestResponse]


def nested(depth: int) -> Any:
    """Return a list in a list, ``depth`` deep."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.fixture
def fresh(web: Web, story: Story) -> uuid.UUID:
    """A new suspected case on ground of its own."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        here = session.scalars(select(Community).where(Community.code == story.here)).one()
        ground = make.parcel(session, here, make.square(4, 1))
        who = make.household(session, here)
        case = make.case(session, who, make.campaign(session, here))
        make.event(session, case, make.EARLY, State.SUSPECTED)
        seen = make.observation(session, here, make.square(4, 1))
        make.encroachment(session, seen, ground, case, make.square(4, 1))
        key = case.id
    return key


def sender(web: Web, client: FlaskClient, place: str, case: uuid.UUID) -> Move:
    token = csrf_token(client, "/places")

    def send(**body: Any) -> TestResponse:
        return client.post(
            f"/api/v1/communities/{place}/cases/{case}/moves",
            # In ASCII, which can spell what UTF-8 cannot.
            data=json.dumps(body),
            content_type="application/json",
            headers={"X-CSRFToken": token},
        )

    return send


@pytest.fixture
def move(web: Web, story: Story, fresh: uuid.UUID) -> Move:
    return sender(web, web.login(Role.INSPECTOR, story.here), story.here, fresh)


def states(web: Web, case: uuid.UUID) -> list[tuple[str, str | None]]:
    with web.database.session(EVERYWHERE) as session:
        rows = select(CaseEvent).where(CaseEvent.case_id == case).order_by(CaseEvent.seq)
        return [(one.actor, one.state) for one in session.scalars(rows)]


def test_a_move_is_made_and_signed_with_the_accounts_address(
    web: Web, story: Story, move: Move, fresh: uuid.UUID
) -> None:
    answer = move(target="verified", version=1)
    assert answer.status_code == 200
    case = answer.get_json()
    assert (case["state"], case["version"]) == ("verified", 2)
    actor = web.person(Role.INSPECTOR, story.here)
    assert states(web, fresh) == [("inspector@example.org", "suspected"), (actor, "verified")]


def test_ground_is_cleared_inspected_and_accepted_by_two(
    web: Web, story: Story, move: Move, fresh: uuid.UUID
) -> None:
    assert move(target="verified", version=1).status_code == 200
    assert move(target="self_clearing", version=2).status_code == 200
    left = shapely.geometry.mapping(make.square(4.2, 1.2, 0.3))
    partly = move(target="inspected", version=3, residual=left)
    assert partly.status_code == 200, partly.text
    alone = move(target="accepted", version=4, document="A-1")
    assert {one["code"] for one in alone.get_json()["problems"]} >= {"same_person"}
    secretary = sender(web, web.login(Role.SECRETARY, story.here), story.here, fresh)
    refused = secretary(target="accepted", version=4, document="A-1")
    assert [one["code"] for one in refused.get_json()["problems"]] == ["residual_too_large"]
    assert (
        secretary(target="self_clearing", version=4, reason="A corner is left").status_code == 200
    )
    assert move(target="inspected", version=5, residual=None).status_code == 200
    accepted = secretary(target="accepted", version=6, document="A-2")
    assert accepted.status_code == 200, accepted.text
    assert accepted.get_json()["state"] == "accepted"


def test_the_second_of_two_editors_is_shown_the_case_as_it_is(move: Move) -> None:
    assert move(target="verified", version=1).status_code == 200
    late = move(target="rejected", version=1, reason="No fence")
    assert late.status_code == 412
    assert late.mimetype == "application/problem+json"
    assert late.get_json()["case"]["state"] == "verified"
    assert late.get_json()["case"]["version"] == 2


def test_a_move_without_a_version_could_overwrite(web: Web, move: Move, fresh: uuid.UUID) -> None:
    assert move(target="verified").status_code == 428
    assert len(states(web, fresh)) == 1


def test_every_fault_of_a_move_is_named_at_once(web: Web, move: Move, fresh: uuid.UUID) -> None:
    answer = move(
        target="gone",
        version="1",
        document=7,
        reason="\x00",
        at="2022-06-30",
        residual={"type": "Point", "coordinates": [122, 37]},
    )
    assert answer.status_code == 422
    assert [one["field"] for one in answer.get_json()["problems"]] == [
        "target",
        "residual",
        "at",
        "document",
        "reason",
        "version",
    ]
    assert len(states(web, fresh)) == 1


HOSTILE_FIELDS: list[tuple[str, Any]] = [
    ("at", "0001-01-01T00:00:00+08:00"),
    ("at", "9999-12-31T23:59:59-12:00"),
    ("at", "1999-12-31T23:59:59+00:00"),
    ("at", "2100-01-01T00:00:00+00:00"),
    ("at", "2022-06-30T10:00:00"),
    ("at", "\ud800"),
    ("at", 20220630),
    ("at", nested(800)),
    ("document", "\ud800"),
    ("document", "x" * 2_001),
    ("document", nested(800)),
    ("reason", "good \udfff"),
    ("reason", "x" * 2_001),
    ("reason", {}),
    ("target", "\ud800"),
    ("target", "x" * 10_000),
    ("target", nested(800)),
    ("version", nested(800)),
    ("version", True),
    ("version", 1e300),
]


@pytest.mark.parametrize(("field", "value"), HOSTILE_FIELDS)
def test_a_hostile_field_is_refused_by_its_name_and_not_repeated(
    web: Web, move: Move, fresh: uuid.UUID, field: str, value: Any
) -> None:
    answer = move(**{"target": "verified", "version": 1, field: value})
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.get_json()["problems"]] == [field]
    assert len(answer.text) < 700
    assert len(states(web, fresh)) == 1


def test_a_time_may_come_from_any_zone(move: Move) -> None:
    # PostgreSQL itself takes no zone further than 15:59 from UTC.
    answer = move(target="verified", version=1, at="2022-07-01T10:00:00+23:59")
    assert answer.status_code == 200, answer.text


HOSTILE_GEOMETRIES: dict[str, Any] = {
    "text": "POLYGON((0 0,1 1,1 0,0 0))",
    "no coordinates": {"type": "Polygon"},
    "strings": {"type": "Polygon", "coordinates": [[["a", "b"], [1, 1], [1, 0], ["a", "b"]]]},
    "open ring": {"type": "Polygon", "coordinates": [[[122, 37], [122.1, 37], [122.1, 37.1]]]},
    "a number": 7,
    "a list": [[122, 37]],
    "a collection": {"type": "GeometryCollection", "geometries": []},
    "a type that is half a character": {"type": "\ud800", "coordinates": []},
    "a type that is a list": {"type": nested(800), "coordinates": []},
    "true for a number": {"type": "Polygon", "coordinates": [[[True, 37], [1, 1], [1, 0]]]},
    "one number": {"type": "Polygon", "coordinates": [[[122], [122], [122], [122]]]},
    "five numbers": {"type": "Polygon", "coordinates": [[[122, 37, 0, 0, 0]] * 4]},
    "null for a position": {"type": "Polygon", "coordinates": [[None] * 4]},
    "a polygon too deep": {"type": "Polygon", "coordinates": [[[[122, 37]] * 4]]},
    "nested": {"type": "Polygon", "coordinates": nested(800)},
    "nested positions": {"type": "Polygon", "coordinates": [[nested(800)] * 4]},
    "infinite": {"type": "Polygon", "coordinates": [[[122, math.inf]] * 4]},
    "not a number": {"type": "Polygon", "coordinates": [[[122, math.nan]] * 4]},
    "whole and huge": {"type": "Polygon", "coordinates": [[[122, 10**4_000]] * 4]},
    "many parts": {"type": "MultiPolygon", "coordinates": [[]] * 10_001},
    "numbers alone": {"type": "Polygon", "coordinates": [1, 2]},
    "an object": {"type": "Polygon", "coordinates": {"a": 1}},
    "empty": {"type": "Polygon", "coordinates": []},
    "elsewhere": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    "bowtie": {
        "type": "Polygon",
        "coordinates": [
            [[122.2, 37.4], [122.3, 37.5], [122.3, 37.4], [122.2, 37.5], [122.2, 37.4]]
        ],
    },
    "many vertices": {
        "type": "Polygon",
        "coordinates": [[[122 + n / 1e5, 37 + (n % 2)] for n in range(10_050)] + [[122, 37]]],
    },
    "huge": {"type": "Polygon", "coordinates": [[[0, 0], [1e300, 0], [1e300, 1e300], [0, 0]]]},
}


@pytest.mark.parametrize("kind", HOSTILE_GEOMETRIES)
def test_a_hostile_residual_is_refused_with_a_reason(
    web: Web, story: Story, move: Move, fresh: uuid.UUID, kind: str
) -> None:
    move(target="verified", version=1)
    move(target="self_clearing", version=2)
    answer = move(target="inspected", version=3, residual=HOSTILE_GEOMETRIES[kind])
    assert answer.status_code == 422, answer.text
    assert {one["field"] for one in answer.get_json()["problems"]} == {"residual"}
    assert len(states(web, fresh)) == 3


@pytest.mark.parametrize(
    "body",
    ["", "[]", "null", "{", '{"target": ' + "[" * 100_000, "NaN", '{"version": 1, "target": NaN}'],
)
def test_a_body_that_is_no_move_is_refused(
    web: Web, story: Story, fresh: uuid.UUID, body: str
) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    answer = client.post(
        f"/api/v1/communities/{story.here}/cases/{fresh}/moves",
        data=body,
        content_type="application/json",
        headers={"X-CSRFToken": csrf_token(client, "/places")},
    )
    assert answer.status_code in {400, 422}
    assert answer.mimetype == "application/problem+json"


def test_a_move_from_another_site_is_refused(web: Web, story: Story, fresh: uuid.UUID) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    answer = client.post(
        f"/api/v1/communities/{story.here}/cases/{fresh}/moves",
        json={"target": "verified", "version": 1},
    )
    assert answer.status_code == 400
    assert len(states(web, fresh)) == 1


def test_a_move_needs_its_own_permission(web: Web, story: Story, fresh: uuid.UUID) -> None:
    planner = sender(web, web.login(Role.PLANNER, story.here), story.here, fresh)
    answer = planner(target="verified", version=1)
    assert answer.status_code == 422
    assert [one["code"] for one in answer.get_json()["problems"]] == ["not_permitted"]
    assert len(states(web, fresh)) == 1


def test_a_role_elsewhere_is_no_permission_here(web: Web, story: Story, fresh: uuid.UUID) -> None:
    email = web.person(Role.PLANNER, story.here, name="both")
    with web.database.session(EVERYWHERE) as session, session.begin():
        ensure_account(
            session, email, name="", password="", role=Role.INSPECTOR, place=story.elsewhere
        )
    client = web.login(Role.PLANNER, story.here, name="both")
    answer = sender(web, client, story.here, fresh)(target="verified", version=1)
    assert [one["code"] for one in answer.get_json()["problems"]] == ["not_permitted"]


def test_a_case_of_another_community_is_as_unknown_as_none(web: Web, story: Story) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    for place, case in (
        (story.here, story.case_elsewhere),
        (story.elsewhere, story.case_elsewhere),
        (story.here, uuid.uuid4()),
    ):
        answer = sender(web, client, place, case)(target="verified", version=1)
        assert answer.status_code == 404
    assert len(states(web, story.case_elsewhere)) == 1
