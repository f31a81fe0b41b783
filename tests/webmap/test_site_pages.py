"""The pages of sites: what a planner enters, and what is refused with all that was typed."""

import json

import pytest
from flask.testing import FlaskClient
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from layers.db import EVERYWHERE
from layers.models import Site, SiteState
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token

HOSTILE = "{{7*7}}</script><b>${alert(1)}"
POINT = json.dumps({"type": "Point", "coordinates": [make.WEST, make.SOUTH]})


@pytest.fixture
def place(web: Web) -> str:
    with web.database.session(EVERYWHERE) as session, session.begin():
        made = make.community(session, boundary=make.square(0, 0, 9))
        make.building(session, made, make.square(0, 3), ref="1")
        return made.code


def send(client: FlaskClient, address: str, **fields: object) -> TestResponse:
    form = {"csrf_token": csrf_token(client, "/places"), **fields}
    return client.post(f"{address}?lang=en", data=form)


def site(web: Web, ref: str) -> Site | None:
    with web.database.session(EVERYWHERE) as session:
        return session.scalars(select(Site).where(Site.ref == ref)).first()


def test_a_planner_enters_a_pile_and_has_it_built(web: Web, place: str) -> None:
    client = web.login(Role.PLANNER, place)
    here = f"/c/{place}/sites"
    told = {"ref": f"CP {place}", "kind": "charging_pile", "state": "planned", "name": HOSTILE}
    answer = send(client, f"{here}/new", **told, heads="15", power_w="13500", shape=POINT)
    assert (answer.status_code, answer.location) == (302, here)
    made = site(web, f"CP {place}")
    assert made is not None
    assert (to_shape(made.geom).geom_type, made.heads, made.power_w) == ("Point", 15, 13_500)
    page = client.get(f"{here}?lang=en").text
    assert "{{7*7}}&lt;/script&gt;" in page
    refused = send(client, f"{here}/{made.id}", before="planned", after="built")
    assert refused.status_code == 422
    assert "Give the day." in refused.text
    built = {"before": "planned", "after": "built", "built_on": "2022-06-01"}
    assert send(client, f"{here}/{made.id}", **built).status_code == 302
    again = send(client, f"{here}/{made.id}", **built)
    assert (again.status_code, "Somebody has changed" in again.text) == (422, True)
    made = site(web, f"CP {place}")
    assert made is not None
    assert made.state is SiteState.BUILT


def test_what_was_typed_is_kept_where_it_is_refused(web: Web, place: str) -> None:
    client = web.login(Role.PLANNER, place)
    told = {"ref": "", "kind": "landscaping", "state": "built", "name": f"kept {HOSTILE}"}
    answer = send(client, f"/c/{place}/sites/new", **told, shape=POINT)
    assert answer.status_code == 422
    assert "kept {{7*7}}&lt;/script&gt;" in answer.text
    for fault in ("There is no ref.", "Give the day."):
        assert fault in answer.text
    assert "&#34;Point&#34;" in answer.text  # The drawing comes back too.
    assert send(client, f"/c/{place}/sites/new", ref="x", shape="{").status_code == 422


def test_a_secretary_sees_sites_and_enters_none(web: Web, place: str) -> None:
    client = web.login(Role.SECRETARY, place)
    page = client.get(f"/c/{place}/sites?lang=en")
    assert (page.status_code, "Enter a site" in page.text) == (200, False)
    assert client.get(f"/c/{place}/sites/new").status_code == 403
