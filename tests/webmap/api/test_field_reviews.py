"""What phones take along, and what the office decides, by the API."""

import datetime as dt
import re
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import shapely
from geoalchemy2.shape import to_shape
from pyproj import Transformer
from shapely.geometry import shape
from sqlalchemy import event, select

from cases.access import Role
from cases.models import FieldSubmission
from gis.crs import SurveyCRS
from layers.db import EVERYWHERE
from layers.models import Community, Observation, Parcel
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.conftest import NAME, Story, Web
from webmap.connections import current_database


@dataclass(frozen=True)
class Yard:
    """A community whose building 12 has a parcel, and who works there."""

    place: str
    inspector: Sender
    secretary: Sender
    building: str


@pytest.fixture
def yard(web: Web, story: Story) -> Yard:
    inspector = Sender.of(web, Role.INSPECTOR, story.here)
    areas = inspector.get("field/areas")
    building = next(one["id"] for one in areas["buildings"] if one["ref"] == "12")
    return Yard(story.here, inspector, Sender.of(web, Role.SECRETARY, story.here), building)


def body(x: float = 0.2, size: float = 0.3, **values: Any) -> dict[str, Any]:
    """Return an outline on the parcel in front of building 12, as a phone sends it."""
    square = make.square(x, 4.2, size).geoms[0]
    return {
        "kind": "enclosure",
        "geometry": {"type": "Polygon", "coordinates": [list(map(list, square.exterior.coords))]},
        "structure_types": ["fence", "shed"],
        "observed_at": dt.datetime.now(dt.UTC).isoformat(),
        **values,
    }


def sent(by: Sender, **values: Any) -> str:
    key = str(uuid.uuid4())
    answer = by.send("PUT", f"field/submissions/{key}", body(**values))
    assert answer.status_code == 201, answer.text
    return key


def test_an_accepted_submission_is_an_observation_that_is_flagged(yard: Yard) -> None:
    key = sent(yard.inspector, household="12-1-101", note="bamboo")
    waiting = yard.secretary.get("field/submissions", state="waiting")["submissions"]
    assert key in {one["id"] for one in waiting}
    accepted = yard.secretary.send(
        "POST", f"field/submissions/{key}/acceptance", {"structure_type": "hedge"}
    )
    assert accepted.status_code == 200, accepted.text
    told = accepted.get_json()
    assert (told["state"], told["household"]) == ("accepted", "12-1-101")
    seen = yard.secretary.get(f"observations/{told['observation']}")
    assert seen["structure_type"] == "hedge"
    mine = yard.inspector.get("field/submissions", mine="true")["submissions"]
    assert next(one for one in mine if one["id"] == key)["observation"] == told["observation"]


def test_all_that_was_found_is_read_with_the_observation_and_its_case(web: Web, yard: Yard) -> None:
    found = {"height_m": 1.8, "plants": "leek", "note": "locked", "household": "12-1-101"}
    key = sent(yard.inspector, x=2.3, **found)
    done = yard.secretary.send("POST", f"field/submissions/{key}/acceptance", {"reason": "seen"})
    seen = done.get_json()["observation"]
    told = yard.secretary.get(f"observations/{seen}/submissions")
    assert [one["submission"] for one in told] == [key]
    assert found.items() <= told[0].items()
    assert (told[0]["structure_types"], told[0]["reason"]) == (["fence", "shed"], "seen")
    # A planner draws it anew: what was found is still what was found.
    with web.database.session(EVERYWHERE) as session, session.begin():
        old = session.scalars(select(Observation).where(Observation.id == uuid.UUID(seen))).one()
        place = session.get_one(Community, old.community_id)
        new = make.observation(session, place, to_shape(old.geom), replaces_id=old.id).id
    assert yard.secretary.get(f"observations/{new}/submissions") == told
    ground = yard.secretary.get(f"observations/{seen}")["ground"]
    case = ground[0]["case_id"]
    assert told[0] in yard.secretary.get(f"cases/{case}/submissions")
    events = yard.secretary.get(f"cases/{case}/events")["events"]
    (event,) = [one for one in events if one["captured"] and key in str(one["captured"])]
    assert (event["event"], event["note"]) == ("case:field:accepted", "seen")
    for address in (f"observations/{seen}", f"cases/{case}"):
        page = yard.secretary.client.get(f"/c/{yard.place}/{address}?lang=en").text
        assert f'/submissions/{key}">Fence, Shed</a>' in page
        assert "1.8 m" in page
        assert "<dd>leek</dd>" in page
    who = web.person(Role.INSPECTOR, yard.place)
    assert re.search(
        rf"Accepted from the field</p>.*?Captured [^<]+ by {re.escape(who)}", page, re.S
    )
    planner = Sender.of(web, Role.PLANNER, yard.place)
    page = planner.client.get(f"/c/{yard.place}/cases/{case}?lang=en").text
    assert "<dd>locked</dd>" in page
    assert f"/submissions/{key}" not in page


def test_a_return_tells_its_reason_and_is_the_last_word(yard: Yard) -> None:
    key = sent(yard.inspector, x=0.6)
    where = f"field/submissions/{key}"
    assert codes(yard.secretary.send("POST", f"{where}/return", {})) == ["missing"]
    gone = yard.secretary.send("POST", f"{where}/return", {"reason": "Too small."})
    assert gone.get_json()["state"] == "returned"
    assert yard.inspector.get(where)["reason"] == "Too small."
    again = yard.secretary.send("POST", f"{where}/acceptance", {})
    assert codes(again) == ["decided_already"]


def test_several_become_one_under_a_key_that_is_used_once(yard: Yard) -> None:
    first, second = sent(yard.inspector, x=1.1), sent(yard.inspector, x=1.3)
    key, where = uuid.uuid4(), f"field/submissions/{first}/merger"
    wanted = {"with": [second], "reason": "One fence."}
    done = yard.secretary.send("POST", where, wanted, key=key)
    assert done.status_code == 200, done.text
    assert yard.secretary.send("POST", where, wanted, key=key).data == done.data
    other = yard.secretary.get(f"field/submissions/{second}")
    assert other["observation"] == done.get_json()["observation"]


def test_inspectors_see_their_own_alone(web: Web, yard: Yard) -> None:
    key = sent(yard.inspector, x=1.8)
    other = Sender.of(web, Role.INSPECTOR, yard.place, "other")
    assert key not in {one["id"] for one in other.get("field/submissions")["submissions"]}
    assert other.client.get(other.at(f"field/submissions/{key}")).status_code == 404
    planner = Sender.of(web, Role.PLANNER, yard.place)
    assert planner.client.get(planner.at("field/submissions")).status_code == 403


def test_a_list_is_read_page_by_page(yard: Yard) -> None:
    made = {sent(yard.inspector, x=0.1 * number) for number in range(3)}
    where: str | None = "field/submissions?limit=2"
    read: list[str] = []
    while where:
        answer = yard.secretary.client.get(yard.secretary.at(where)).get_json()
        read += [one["id"] for one in answer["submissions"]]
        where = answer["next"]
    assert made <= set(read)
    assert len(read) == len(set(read))


def test_what_can_be_prepared_says_how_much_it_is(yard: Yard) -> None:
    areas = yard.inspector.get("field/areas")
    (one,) = (it for it in areas["buildings"] if it["id"] == yard.building)
    assert one["parcels"] == 1
    assert one["bytes"] > 0
    west, south, east, north = one["box"]
    assert (west < east, south < north) == (True, True)


def test_a_bundle_holds_what_the_phone_needs_and_no_names(yard: Yard) -> None:
    key = sent(yard.inspector, x=0.4)
    answer = yard.inspector.client.get(yard.inspector.at(f"field/bundle?building={yard.building}"))
    assert answer.status_code == 200, answer.text
    told = answer.get_json()
    (own,) = (one for one in told["parcels"] if one["building"] == yard.building)
    assert own["households"] == ["12-1-101"]
    assert NAME not in answer.text
    assert told["observations"], "an open observation lies on the parcel"
    assert {"version", "geometry", "photographs"} <= told["observations"][0].keys()
    assert key not in {one["id"] for one in told["waiting"]}, "the own ones are on the phone"
    to_survey = Transformer.from_crs(4326, told["survey"]["srid"], always_xy=True)
    for longitude, latitude, x, y in told["survey"]["controls"]:
        assert to_survey.transform(longitude, latitude) == pytest.approx((x, y), abs=1e-5)


def test_others_waiting_ground_is_in_the_bundle(web: Web, yard: Yard) -> None:
    key = sent(yard.inspector, x=0.5)
    other = Sender.of(web, Role.INSPECTOR, yard.place, "other")
    told = other.get("field/bundle", building=yard.building)
    assert key in {one["id"] for one in told["waiting"]}


def test_a_bundle_s_tag_is_of_what_it_says(yard: Yard) -> None:
    where = yard.inspector.at(f"field/bundle?building={yard.building}")
    first = yard.inspector.client.get(where)
    tag = first.headers["ETag"]
    again = yard.inspector.client.get(where, headers={"If-None-Match": tag})
    assert again.status_code == 304
    key = sent(yard.inspector, x=0.3)
    yard.secretary.send("POST", f"field/submissions/{key}/acceptance", {})
    later = yard.inspector.client.get(where, headers={"If-None-Match": tag})
    assert later.status_code == 200


def test_the_version_of_a_bundle_is_what_a_correction_names(web: Web, yard: Yard) -> None:
    seen = yard.inspector.get("field/bundle", building=yard.building)["observations"][0]
    corrects = {"id": seen["id"], "version": seen["version"]}
    key = sent(yard.inspector, corrects=corrects, method="corrected")
    with web.database.session(EVERYWHERE) as session:
        stored = session.scalars(
            select(FieldSubmission).where(FieldSubmission.id == uuid.UUID(key))
        ).one()
        assert stored.corrects_id == uuid.UUID(seen["id"])


def test_a_bundle_asks_no_more_of_the_database_for_more_ground(web: Web, yard: Yard) -> None:
    """Queries are counted, which no clock is needed for."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = session.scalars(select(Community).where(Community.code == yard.place)).one()
        more = [make.building(session, place, make.square(6 + n, 7)) for n in range(2)]
        for number, house in enumerate(more):
            ground = make.parcel(session, place, make.square(6 + number, 6), building_id=house.id)
            make.observation(session, place, make.square(6 + number, 6), ref=f"Q-{ground.ref}")
    few = _statements(web, yard, [yard.building])
    many = _statements(web, yard, [yard.building, *(str(one.id) for one in more)])
    assert few == many


def _statements(web: Web, yard: Yard, buildings: list[str]) -> int:
    """Return how many statements a bundle takes."""
    counted: list[str] = []
    with web.app.app_context():
        engine = current_database().engine

    def count(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        counted.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    try:
        yard.inspector.get("field/bundle", building=buildings)
    finally:
        event.remove(engine, "before_cursor_execute", count)
    return len(counted)


def test_a_bundle_is_of_all_buildings_or_of_those_that_are_there(yard: Yard) -> None:
    client, at = yard.inspector.client, yard.inspector.at
    every = yard.inspector.get("field/areas")["buildings"]
    whole = yard.inspector.get("field/bundle")
    assert {one["id"] for one in whole["buildings"]} == {one["id"] for one in every}
    absent = client.get(at(f"field/bundle?building={uuid.uuid4()}"))
    assert codes(absent) == ["unknown_building"]


def test_ground_in_a_bundle_has_the_area_that_the_server_computes(web: Web, yard: Yard) -> None:
    told = yard.inspector.get("field/bundle", building=yard.building)
    survey = SurveyCRS(told["survey"]["srid"])
    with web.database.session(EVERYWHERE) as session:
        rows = session.execute(select(Parcel.id, Parcel.geom)).all()
        stored = {str(key): to_shape(geom) for key, geom in rows}
    for one in told["parcels"]:
        both = np.array([shape(one["geometry"]), stored[one["id"]]], dtype=object)
        ours, theirs = shapely.area(survey.to_survey(both))
        assert ours == pytest.approx(theirs, abs=1e-4)
