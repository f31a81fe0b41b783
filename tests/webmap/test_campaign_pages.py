"""The pages of a campaign and the visits on a case's page: what they do and what they keep."""

import re
import uuid
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.models import Announcement, Body, Campaign, Case, DocumentRecord, Meeting
from cases.workflow import State
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token

HOSTILE = "{{7*7}}</script><b>${alert(1)}"


@dataclass(frozen=True)
class Scene:
    place: str
    campaign: uuid.UUID
    case: uuid.UUID


@pytest.fixture
def scene(web: Web) -> Scene:
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session, boundary=make.square(0, 0, 9))
        ground = make.parcel(session, place, make.square(0, 4), ref="G1")
        who = make.household(session, place, ref="12-1-101")
        run = make.campaign(session, place, name=f"Run {HOSTILE}")
        case = make.case(session, who, run, number=7, state=State.VERIFIED)
        make.event(session, case, make.EARLY, State.VERIFIED, actor="ana@example.org")
        seen = make.observation(session, place, make.square(0, 4))
        found = make.encroachment(session, seen, ground, case, make.square(0, 4))
        found.verified_on = make.EARLY
        return Scene(place.code, run.id, case.id)


def send(client: FlaskClient, address: str, **fields: object) -> TestResponse:
    form = {"csrf_token": csrf_token(client, "/places"), **fields}
    return client.post(f"{address}?lang=en", data=form)


def test_a_campaign_is_carried_from_its_body_to_the_signed_contract(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    here = f"/c/{scene.place}"
    run = f"{here}/campaigns/{scene.campaign}"
    body = {"ref": "PB", "name": f"Branch {HOSTILE}", "kind": "party_branch"}
    assert send(client, f"{here}/bodies", form="body", **body).status_code == 302
    with web.database.session(EVERYWHERE) as session:
        issuer = session.scalars(select(Body.id).where(Body.ref == "PB")).first()
    meeting = {"held_on": str(make.EARLY), "agenda": "Standard", f"people-{issuer}": "12"}
    votes = {"wording-1": "Adopt it", "for-1": "12"}
    assert send(client, f"{run}/meetings", form="meeting", **meeting, **votes).status_code == 302
    told = {
        "issuer_id": issuer,
        "wording": "Clear the green.",
        "objection_route": "the office",
        "standard_version": "2022-1",
        "cases": scene.case,
    }
    assert send(client, f"{run}/announcements", form="announce", **told).status_code == 302
    page = client.get(f"{run}?lang=en").text
    for part in ("Meeting 1", "12 people", "Clear the green.", "No posting is recorded yet."):
        assert part in page
    assert HOSTILE not in page
    case = f"{here}/cases/{scene.case}"
    shown = client.get(f"{case}?lang=en").text
    assert "Announced" in shown
    version = re.search(r'name="version" value="(\d+)"', shown)
    assert version
    signed = {"outcome": "signed", "note": HOSTILE, "version": version.group(1)}
    assert send(client, f"{case}/visits", form="visit", **signed).status_code == 302
    shown = client.get(f"{case}?lang=en").text
    assert "Signed the credit contract" in shown
    assert "Credit contract" in shown
    assert HOSTILE not in shown
    with web.database.session(EVERYWHERE) as session:
        numbers = session.scalars(
            select(DocumentRecord.number)
            .join(Case, Case.community_id == DocumentRecord.community_id)
            .where(Case.id == scene.case)
            .order_by(DocumentRecord.number)
        ).all()
    assert list(numbers) == [1, 2]


def test_a_refused_form_keeps_what_was_typed_and_records_nothing(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    run = f"/c/{scene.place}/campaigns/{scene.campaign}"
    answer = send(
        client, f"{run}/announcements", form="announce", wording="half <written>", deadline_on="x"
    )
    assert answer.status_code == 422
    assert "half &lt;written&gt;" in answer.text
    assert answer.text.count('aria-invalid="true"') >= 1
    answer = send(client, f"{run}/announcements", form="announce", wording="half written")
    for said in ("Somebody must issue it.", "No case is chosen."):
        assert said in answer.text
    answer = send(client, f"{run}/meetings", form="meeting", held_on="1999-01-01", agenda="a")
    assert answer.status_code == 422
    with web.database.session(EVERYWHERE) as session:
        for model in (Announcement, Meeting):
            rows = select(model).join(Campaign, Campaign.id == model.campaign_id)
            assert session.scalars(rows.where(Campaign.id == scene.campaign)).all() == []


def test_every_fault_of_a_meeting_is_named_at_once(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    where = f"/c/{scene.place}/campaigns/{scene.campaign}/meetings"
    wrong = {"held_on": "soon", "agenda": "", "place": "x" * 201, "for-1": "many", "at": "late"}
    refused = send(client, where, form="meeting", **wrong)
    assert refused.status_code == 422
    for told in ("is no day", "This is missing", "This has 201 characters", "is no whole number"):
        assert told in refused.text, told


def test_a_time_that_is_none_is_refused_and_not_taken_for_now(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    body = {"ref": "LATE", "name": "Late", "kind": "party_branch", "at": "late"}
    assert send(client, f"/c/{scene.place}/bodies", form="body", **body).status_code == 422
    with web.database.session(EVERYWHERE) as session:
        assert session.scalars(select(Body).where(Body.ref == "LATE")).all() == []


def test_who_may_only_read_gets_no_forms(web: Web, scene: Scene) -> None:
    client = web.login(Role.PLANNER, scene.place)
    for address in (f"/c/{scene.place}/campaigns", f"/c/{scene.place}/campaigns/{scene.campaign}"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert 'method="post" action="/c/' not in answer.text
    assert send(client, f"/c/{scene.place}/bodies", ref="x").status_code == 403
    official = web.login(Role.OFFICIAL, scene.place)
    assert official.get(f"/c/{scene.place}/campaigns").status_code == 403


def test_a_campaign_of_another_community_is_not_found(web: Web, scene: Scene) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        other = make.community(session).code
    client = web.login(Role.SECRETARY, other)
    assert client.get(f"/c/{other}/campaigns/{scene.campaign}").status_code == 404
    assert client.get(f"/c/{scene.place}/campaigns").status_code == 404
