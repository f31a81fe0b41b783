"""Observations by the API: drawn, answered for, withdrawn, each as it was read."""

import json
import uuid

import pytest
import shapely

from cases.access import Role
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.conftest import Web


def outline(x: float) -> dict[str, object]:
    """Return a square of 5 m as GeoJSON."""
    (square,) = make.square(x + 0.2, 0.2, 0.5).geoms
    return dict(json.loads(shapely.to_geojson(square)))


@pytest.fixture
def place(web: Web) -> str:
    """Two green parcels; a household answers for the first, nobody for the second."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        made = make.community(session, boundary=make.square(0, 0, 9))
        ground = make.parcel(session, made, ref="G1")
        make.parcel(session, made, make.square(2, 0), ref="G2")
        make.link(session, ground, make.household(session, made, ref="1-101"))
        make.household(session, made, ref="1-102")
        return made.code


def test_what_is_seen_is_flagged_at_once_and_kept_once(web: Web, place: str) -> None:
    inspector, key = Sender.of(web, Role.INSPECTOR, place), uuid.uuid4()
    body = {"polygon": outline(0), "structure_type": "fence", "note": "bamboo"}
    made = [inspector.send("POST", "observations", body, key=key) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201]
    seen = made[0].get_json()
    assert made[1].get_json() == seen
    (piece,) = seen["ground"]
    assert (piece["parcel"], piece["household"]) == ("G1", "1-101")
    assert piece["occupied_m2"] == pytest.approx(25, rel=0.02)
    case = inspector.get(f"cases/{piece['case_id']}")
    assert case["state"] == "suspected"
    address = f"cases/{piece['case_id']}/confirmation"
    assert codes(inspector.send("POST", address, {}, read=case["version"])) == [
        "nothing_to_confirm"
    ]
    gone = {"observation": seen["ref"], "reason": "a shadow"}
    address = f"cases/{piece['case_id']}/withdrawal"
    assert inspector.send("POST", address, gone).status_code == 428
    assert inspector.send("POST", address, gone, read=case["version"] + 1).status_code == 412
    done = inspector.send("POST", address, gone, read=case["version"])
    assert done.get_json()["state"] == "rejected", done.text


def test_a_person_says_who_answers_as_it_was_read(web: Web, place: str) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, place)
    body = {"polygon": outline(2), "structure_type": "fence"}
    seen = inspector.send("POST", "observations", body).get_json()
    assert seen["is_undecided"]
    (waiting,) = inspector.get("observations")["observations"]
    assert waiting["id"] == seen["id"]
    address = f"observations/{seen['id']}"
    told = {"household": "1-102", "reason": "holds the key"}
    assert inspector.send("POST", f"{address}/answer", told).status_code == 428
    version = inspector.get(address)["version"]
    planner = Sender.of(web, Role.PLANNER, place)
    assert codes(planner.send("POST", f"{address}/answer", told, read=version)) == ["not_permitted"]
    done = inspector.send("POST", f"{address}/answer", told, read=version)
    assert done.get_json()["ground"][0]["household"] == "1-102", done.text
    stale = inspector.send("POST", f"{address}/withdrawal", {"reason": "no"}, read=version)
    assert stale.status_code == 412
    now = stale.get_json()["now"]["version"]
    gone = inspector.send("POST", f"{address}/withdrawal", {"reason": "a shadow"}, read=now)
    assert gone.get_json()["status"] == "withdrawn"
    assert inspector.get("observations") == {"observations": []}


def test_a_sighting_names_all_its_faults(web: Web, place: str) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, place)
    found = codes(inspector.send("POST", "observations", {"polygon": {"type": "Point"}}))
    assert sorted(found) == ["missing", "polygon"]
    nothing = {"polygon": None, "structure_type": "fence"}
    assert codes(inspector.send("POST", "observations", nothing)) == ["polygon_missing"]
