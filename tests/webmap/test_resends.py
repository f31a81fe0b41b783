"""A form that is sent twice is done once, and one that loses to another is done again."""

import io
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cases.access import Role
from cases.account_history import OPERATOR
from cases.memberships import GrantForm, grant
from cases.models import Body, BodyKind, Case, CaseEvent, Meeting, Photograph, Tip, Visit
from cases.people import add_account
from cases.workflow import State
from layers.db import EVERYWHERE
from layers.models import Household
from layers.transactions import RETRIES
from tests import builders as make
from tests.webmap.conftest import PASSWORD, Web, csrf_token, log_in
from tests.webmap.test_campaign_pages import Scene, scene

__all__ = ["scene"]

KEY = re.compile(r'name="resend_key" value="([0-9a-f-]{36})"')
# SAFETY's goal is 1,000 keys, sent 20 times each.
AT_ONCE = 4


def send(client: FlaskClient, address: str, key: Any, **fields: Any) -> TestResponse:
    form = {"csrf_token": csrf_token(client, "/places"), "resend_key": str(key), **fields}
    return client.post(f"{address}?lang=en", data=form)


def count(web: Web, model: Any, **where: Any) -> int:
    with web.database.session(EVERYWHERE) as session:
        wanted = select(func.count()).select_from(model).filter_by(**where)
        return int(session.scalar(wanted) or 0)


@pytest.fixture
def tips(web: Web, scene: Scene) -> tuple[FlaskClient, str]:
    return web.login(Role.INSPECTOR, scene.place), f"/c/{scene.place}/tips"


def told(web: Web, wording: str) -> int:
    return count(web, Tip, wording=wording)


def test_every_form_of_a_page_has_a_key_of_its_own(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    for address in ("campaigns", f"campaigns/{scene.campaign}", f"cases/{scene.case}", "tips"):
        page = client.get(f"/c/{scene.place}/{address}").text
        forms = len(re.findall(r'method="post"[^>]* action="/c/', page))
        assert forms > 0
        assert len(set(KEY.findall(page))) == forms


def test_a_meeting_sent_twice_is_recorded_once(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    with web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == scene.case)).one()
        made = Body(community_id=case.community_id, ref="PB", kind=BodyKind.OTHER, name="Branch")
        body = make.add(session, made).id
    run = f"/c/{scene.place}/campaigns/{scene.campaign}"
    key = uuid.uuid4()
    sent = {"form": "meeting", "held_on": str(make.EARLY), f"people-{body}": "12"}
    first = send(client, f"{run}/meetings", key, agenda="Standard", **sent)
    again = send(client, f"{run}/meetings", key, agenda="Standard", **sent)
    assert (first.status_code, first.location) == (again.status_code, again.location)
    assert first.status_code == 302
    assert count(web, Meeting, campaign_id=scene.campaign) == 1
    other = send(client, f"{run}/meetings", key, agenda="Another <agenda>", **sent)
    assert other.status_code == 422
    assert "This form was sent before" in other.text
    assert "Another &lt;agenda&gt;" in other.text
    assert str(key) not in other.text
    fresh = KEY.findall(other.text)[0]
    assert send(client, f"{run}/meetings", fresh, agenda="Another", **sent).status_code == 302
    assert count(web, Meeting, campaign_id=scene.campaign) == 2


def test_a_form_sent_many_times_at_once_is_done_once(web: Web, scene: Scene) -> None:
    clients = [web._logged_in(Role.INSPECTOR, scene.place, "") for _ in range(AT_ONCE)]
    wording, key = make.fresh("A fence"), uuid.uuid4()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(
            pool.map(lambda one: send(one, f"/c/{scene.place}/tips", key, wording=wording), clients)
        )
    assert {(one.status_code, one.location) for one in answers} == {
        (302, f"/c/{scene.place}/tips?kept=1")
    }
    assert told(web, wording) == 1


def test_a_refused_form_leaves_its_key_free(web: Web, tips: tuple[FlaskClient, str]) -> None:
    client, address = tips
    key, wording = uuid.uuid4(), make.fresh("A wall")
    assert send(client, address, key, wording="").status_code == 422
    assert send(client, address, key, wording=wording).status_code == 302
    assert told(web, wording) == 1


def test_a_key_that_is_none_is_refused_with_the_text_kept(
    web: Web, tips: tuple[FlaskClient, str]
) -> None:
    client, address = tips
    answer = send(client, address, "seven", wording="A shed")
    assert answer.status_code == 422
    assert "A shed" in answer.text
    assert told(web, "A shed") == 0


def test_a_visit_sent_twice_is_one_visit(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    with web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == scene.case)).one()
        make.event(session, case, make.EARLY, State.ANNOUNCED)
        version = case.version
    address, key = f"/c/{scene.place}/cases/{scene.case}/visits", uuid.uuid4()
    sent = {"form": "visit", "outcome": "undecided", "note": "asks", "version": str(version)}
    answers = [send(client, address, key, **sent) for _ in range(2)]
    assert [one.status_code for one in answers] == [302, 302], answers[0].text
    assert answers[0].location == answers[1].location
    assert count(web, Visit, case_id=scene.case) == 1
    other = send(client, address, key, **{**sent, "note": "asks again"})
    assert other.status_code == 422
    assert "asks again" in other.text
    assert count(web, Visit, case_id=scene.case) == 1


def picture(colour: str) -> tuple[io.BytesIO, str]:
    made = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(made, "PNG")
    return io.BytesIO(made.getvalue()), "a.png"


def test_a_photograph_sent_twice_is_kept_once(web: Web, scene: Scene) -> None:
    client = web.login(Role.INSPECTOR, scene.place)
    address, key = f"/c/{scene.place}/cases/{scene.case}/photographs", uuid.uuid4()
    for _ in range(2):
        sent = {"subject": "before", "photographs": picture("green")}
        assert send(client, address, key, **sent).status_code == 302
    assert count(web, Photograph, case_id=scene.case) == 1
    other = send(client, address, key, subject="before", photographs=picture("red"))
    assert other.status_code == 422
    assert count(web, Photograph, case_id=scene.case) == 1


def lose(session: Session) -> None:
    """Fail as a transaction does that another one defeated."""
    session.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$"))


@pytest.mark.parametrize(("losses", "status"), [(RETRIES, 302), (RETRIES + 1, 503)])
def test_a_form_that_loses_to_another_is_done_again(
    web: Web,
    tips: tuple[FlaskClient, str],
    monkeypatch: pytest.MonkeyPatch,
    losses: int,
    status: int,
) -> None:
    # The package names its blueprints as their modules are called.
    page = import_module("webmap.pages.tips")
    left, add = losses, page.add_tip

    def contested(session: Session, *given: Any) -> Any:
        nonlocal left
        added = add(session, *given)
        if left:
            left -= 1
            lose(session)
        return added

    monkeypatch.setattr(page, "add_tip", contested)
    client, address = tips
    wording = make.fresh("A pond")
    assert send(client, address, uuid.uuid4(), wording=wording).status_code == status
    assert told(web, wording) == (1 if status == 302 else 0)


def test_a_household_that_declares_twice_declares_once(web: Web, scene: Scene) -> None:
    email = f"{make.fresh('wang')}@example.org"
    with web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == scene.case)).one()
        home = session.get_one(Household, (case.community_id, case.household_id)).ref
        account = add_account(
            session, email, name="W", password=PASSWORD, role=Role.OFFICIAL, place=scene.place
        )
        grant(session, account, GrantForm(Role.RESIDENT, scene.place, home), OPERATOR)
    client = web.client()
    assert log_in(client, email).status_code == 302
    key = uuid.uuid4()
    sent = {"case": str(scene.case), "note": "on Sunday"}
    answers = [send(client, "/my-household", key, **sent) for _ in range(2)]
    assert [one.status_code for one in answers] == [302, 302], answers[0].text
    assert count(web, CaseEvent, case_id=scene.case, state="self_clearing") == 1
    elsewhere = send(client, "/my-household", uuid.uuid4(), case=str(uuid.uuid4()))
    assert elsewhere.status_code == 422
