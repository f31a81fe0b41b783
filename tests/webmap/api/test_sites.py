"""Sites by the API: entered, brought forward, and refused with every fault."""

import uuid

import pytest

from cases.access import Role
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.conftest import Web

POINT = {"type": "Point", "coordinates": [make.WEST, make.SOUTH]}
PILE = {"kind": "charging_pile", "shape": POINT, "heads": 15, "power_w": 13_500}


@pytest.fixture
def place(web: Web) -> str:
    with web.database.session(EVERYWHERE) as session, session.begin():
        return make.community(session, boundary=make.square(0, 0, 9)).code


def test_a_site_is_entered_once_and_brought_forward(web: Web, place: str) -> None:
    planner, key = Sender.of(web, Role.PLANNER, place), uuid.uuid4()
    made = [planner.send("POST", "sites", {"ref": "CP-1", **PILE}, key=key) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].get_json() == made[1].get_json()
    site = made[0].get_json()
    assert (site["state"], site["heads"], site["area_m2"]) == ("planned", 15, 0)
    built = {"before": "planned", "after": "built", "built_on": "2022-06-01"}
    address = f"sites/{site['id']}/state"
    assert planner.send("POST", address, built).get_json()["built_on"] == "2022-06-01"
    assert "stale" in codes(planner.send("POST", address, built))
    assert [one["state"] for one in planner.get("sites")["sites"]] == ["built"]
    assert planner.send("POST", f"sites/{uuid.uuid4()}/state", built).status_code == 404


def test_a_site_names_all_its_faults(web: Web, place: str) -> None:
    planner = Sender.of(web, Role.PLANNER, place)
    wrong = {"ref": "G-1", "kind": "landscaping", "shape": POINT, "heads": 3, "state": "built"}
    found = codes(planner.send("POST", "sites", wrong))
    assert {"heads", "built_on_missing"} < set(found)
    assert codes(planner.send("POST", "sites", {**wrong, "shape": {"type": "LineString"}})) == [
        "shape"
    ]


def test_only_planners_enter_sites(web: Web, place: str) -> None:
    secretary = Sender.of(web, Role.SECRETARY, place)
    assert secretary.get("sites") == {"sites": []}
    assert secretary.send("POST", "sites", {"ref": "CP-1", **PILE}).status_code == 403
