"""The page of a case: what it shows, what its forms do, and that nobody overwrites anybody."""

import datetime as dt
import html
import re
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
import shapely
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.models import Case, CaseEvent, Encroachment
from cases.workflow import State
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token

HOSTILE = "{{7*7}}</script><b>${alert(1)}"


@dataclass(frozen=True)
class Scene:
    place: str
    case: uuid.UUID

    @property
    def page(self) -> str:
        return f"/c/{self.place}/cases/{self.case}"


@pytest.fixture
def scene(web: Web) -> Scene:
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session, boundary=make.square(0, 0, 9))
        house = make.building(session, place, make.square(0, 5), ref="12")
        ground = make.parcel(session, place, make.square(0, 4), ref=f"G{HOSTILE}"[:60])
        who = make.household(session, place, ref="12-1-101", building_id=house.id)
        case = make.case(session, who, make.campaign(session, place), number=7)
        make.event(session, case, make.EARLY, State.SUSPECTED, actor="survey@example.org")
        seen = make.observation(session, place, make.square(0, 4))
        make.encroachment(session, seen, ground, case, make.square(0, 4))
        return Scene(place.code, case.id)


def read(web: Web, scene: Scene, role: Role = Role.INSPECTOR) -> str:
    answer = web.login(role, scene.place).get(f"{scene.page}?lang=en")
    assert answer.status_code == 200
    return answer.text


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return html.unescape(found.group(1))


def send(client: FlaskClient, scene: Scene, page: str, **fields: Any) -> TestResponse:
    form = {
        "csrf_token": csrf_token(client, scene.page),
        "form": "move",
        "version": hidden(page, "version"),
        "seen": hidden(page, "seen"),
        **fields,
    }
    return client.post(f"{scene.page}/moves?lang=en", data=form)


def stored(web: Web, scene: Scene) -> tuple[State, int, int]:
    with web.database.session(EVERYWHERE) as session:
        case = session.scalars(select(Case).where(Case.id == scene.case)).one()
        events = session.scalar(select(func.count()).where(CaseEvent.case_id == scene.case))
        return case.state, case.version, events or 0


def test_a_case_tells_what_it_is_about(web: Web, scene: Scene) -> None:
    page = read(web, scene)
    for part in ("-0007", "12-1-101", "Suspected", "survey@example.org", "EPSG:4550"):
        assert part in page
    assert html.escape(HOSTILE)[:20] in page
    assert HOSTILE not in page
    shapes = re.search(r'id="case-shapes">(.*?)</script>', page, re.S)
    assert shapes
    for layer in ("building", "parcel", "observed", "found", "standing"):
        assert f'"layer": "{layer}"' in shapes.group(1)


def test_a_step_is_a_form_and_changes_the_case(web: Web, scene: Scene) -> None:
    client = web.login(Role.INSPECTOR, scene.place)
    answer = send(client, scene, read(web, scene), target="verified", reason="a fence")
    assert (answer.status_code, answer.location) == (302, scene.page)
    state, version, events = stored(web, scene)
    assert (state, version, events) == (State.VERIFIED, 2, 2)
    page = read(web, scene)
    assert "a fence" in page
    assert "verified " in page


def test_a_refused_step_keeps_what_was_typed_and_says_what_is_wrong(web: Web, scene: Scene) -> None:
    client = web.login(Role.INSPECTOR, scene.place)
    answer = send(client, scene, read(web, scene), target="rejected", reason="")
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert "needs a reason" in answer.text
    long = "x" * 2_001
    answer = send(client, scene, read(web, scene), target="rejected", reason=long)
    assert answer.status_code == 422
    assert long in answer.text
    assert stored(web, scene) == (State.SUSPECTED, 1, 1)


def test_what_a_role_may_not_do_is_no_form(web: Web, scene: Scene) -> None:
    assert 'value="verified"' in read(web, scene)
    page = read(web, scene, Role.PLANNER)
    assert 'name="target"' not in page
    assert "nothing for your role" in page


def test_the_second_editor_sees_both_versions_and_overwrites_nothing(
    web: Web, scene: Scene
) -> None:
    stale = read(web, scene)
    first = web.login(Role.INSPECTOR, scene.place)
    second = web.login(Role.INSPECTOR, scene.place, "another")
    assert send(first, scene, stale, target="verified", reason="seen").status_code == 302
    before = stored(web, scene)
    answer = send(second, scene, stale, target="rejected", reason="mine is only a hedge")
    assert answer.status_code == 412
    assert stored(web, scene) == before
    assert answer.text.count("mine is only a hedge") == 2
    conflict = re.search(r'class="notice notice-bad conflict".*?</section>', answer.text, re.S)
    assert conflict
    assert "Verified" in conflict.group(0)
    # The form below is of the case as it stands now: sent again it is recorded.
    again = send(second, scene, answer.text, target="rejected", reason="mine is only a hedge")
    assert again.status_code == 302
    assert stored(web, scene)[0] is State.REJECTED


def test_an_inspection_may_draw_what_is_left(web: Web, scene: Scene) -> None:
    client = web.login(Role.INSPECTOR, scene.place)
    for target in ("verified", "self_clearing"):
        assert send(client, scene, read(web, scene), target=target).status_code == 302
    page = read(web, scene)
    assert send(client, scene, page, target="inspected").status_code == 422
    answer = send(client, scene, page, target="inspected", left="something", residual="{oops")
    assert (answer.status_code, "cannot be read" in answer.text) == (422, True)
    drawn = shapely.to_geojson(make.square(0, 4, 0.5))
    answer = send(client, scene, page, target="inspected", left="something", residual=drawn)
    assert answer.status_code == 302, answer.text
    assert '"layer": "residual"' in read(web, scene)


def test_a_case_is_found_in_its_own_community_only(web: Web, scene: Scene) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        other = make.community(session).code
    client = web.login(Role.INSPECTOR, other)
    assert client.get(scene.page).status_code == 404
    assert client.get(f"/c/{other}/cases/{scene.case}").status_code == 404
    day = dt.date(2022, 1, 1)
    assert client.get(f"/c/{other}/cases/{day}").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [("seen", "²"), ("version", "9" * 5_000), ("residual", "[" * 200_000), ("reason", "a\x0bb")],
)
def test_what_nobody_types_is_refused_and_no_failure(
    web: Web, scene: Scene, field: str, value: str
) -> None:
    client = web.login(Role.INSPECTOR, scene.place)
    stale = read(web, scene)
    assert send(client, scene, stale, target="verified").status_code == 302
    sent = {"target": "rejected", "reason": "x", "left": "something", field: value}
    assert send(client, scene, stale, **sent).status_code in {412, 422}


@pytest.mark.parametrize(
    ("state", "target", "name"),
    [(State.DECLINED, "referred", "authority"), (State.SIGNED, "assisted", "inventory")],
)
def test_every_field_of_a_step_that_is_too_long_is_named_at_once(
    web: Web, scene: Scene, state: State, target: str, name: str
) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == scene.case)).one()
        for found in session.scalars(select(Encroachment).where(Encroachment.case_id == case.id)):
            found.verified_on = make.EARLY
        make.event(session, case, make.EARLY, state)
    client = web.login(Role.SECRETARY, scene.place)
    page = read(web, scene, Role.SECRETARY)
    long = "长" * 25_000
    fields = {name: long, "reason": long, "document": long}
    refused = send(client, scene, page, target=target, **fields)
    assert refused.status_code == 422
    assert refused.text.count("This has 25000 characters.") == 3
    assert stored(web, scene)[0] is state
