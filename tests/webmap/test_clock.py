"""The page of a case's clock: objections, decisions, extensions, and who answers."""

import datetime as dt
import re
import uuid
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.calendar import add_working_days
from cases.casework import Request, move
from cases.flagging import flag
from cases.models import Case, CaseEvent, Objection
from cases.workflow import State
from layers.db import EVERYWHERE
from layers.models import Community
from tests import builders
from tests.webmap.conftest import Web, csrf_token

FORMS = {
    "objections": "lodge",
    "objections/decision": "decide",
    "deadline": "extend",
    "answer": "answer",
    "moves": "move",
}


STANDS = '<span class="flag">The clock stands</span>'


@dataclass
class Desk:
    """An announced case, and the people who work on it."""

    web: Web
    code: str
    case_id: uuid.UUID
    deadline: dt.date

    @property
    def address(self) -> str:
        return f"/c/{self.code}/cases/{self.case_id}"

    def login(self, role: Role) -> FlaskClient:
        return self.web.login(role, self.code)

    def page(self, role: Role, language: str = "en") -> str:
        answer = self.login(role).get(self.address, headers={"Accept-Language": language})
        assert answer.status_code == 200
        return answer.text

    def send(self, role: Role, path: str, **values: str) -> TestResponse:
        """Send a form of the page with the version that the page has."""
        client = self.login(role)
        found = re.search(r'name="version" value="(\d+)"', self.page(Role.SECRETARY))
        assert found
        token = csrf_token(client, self.address)
        form = {"csrf_token": token, "version": found[1], "form": FORMS[path], **values}
        headers = {"Accept-Language": "en"}
        return client.post(f"{self.address}/{path}", data=form, headers=headers)

    def case(self) -> Case:
        with self.web.database.session(EVERYWHERE) as session:
            return session.scalars(select(Case).where(Case.id == self.case_id)).one()


@pytest.fixture
def desk(web: Web) -> Desk:
    """Commit a community with one announced case, a deadline, and a second household."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        community = builders.community(session, code=f"D{uuid.uuid4().hex[:8]}")
        house = builders.building(session, community, builders.square(0, 3), ref="1")
        parcel = builders.parcel(session, community, ref="P1")
        who = builders.household(session, community, ref="1-101", building_id=house.id)
        builders.household(session, community, ref="1-102", building_id=house.id)
        builders.link(session, parcel, who)
        builders.observation(session, community, builders.square(0.1, 0.1, 0.5), ref="O1")
        flag(session, [community])
        case = session.scalars(select(Case).where(Case.community_id == community.id)).one()
        move(session, community, case.id, Request(State.VERIFIED, "ana"))
        deadline = builders.announce(session, case, dt.datetime.now(dt.UTC)).deadline_on
    return Desk(web, community.code, case.id, deadline)


def test_an_objection_is_recorded_decided_and_the_deadline_extended(desk: Desk) -> None:
    assert "Give more time" not in desk.page(Role.INSPECTOR)
    answer = desk.send(Role.INSPECTOR, "objections", grounds="<b>It is ours.</b> {{7*7}}")
    assert (answer.status_code, answer.location) == (302, desk.address)
    page = desk.page(Role.SECRETARY)
    assert STANDS in page
    assert "&lt;b&gt;It is ours.&lt;/b&gt; {{7*7}}" in page
    assert "Give more time" not in page
    words = {"reason": "The deed says otherwise.", "document": "OD-1"}
    answer = desk.send(Role.SECRETARY, "objections/decision", outcome="refused", **words)
    assert answer.status_code == 302
    page = desk.page(Role.SECRETARY)
    assert STANDS not in page
    assert "Not upheld" in page
    later = add_working_days("CN", desk.deadline, 3)
    answer = desk.send(
        Role.SECRETARY, "deadline", deadline_on=later.isoformat(), reason="A death in the family."
    )
    assert answer.status_code == 302
    assert desk.case().deadline_on == later


def test_an_upheld_objection_sends_the_case_back(desk: Desk) -> None:
    desk.send(Role.INSPECTOR, "objections", grounds="It is ours.")
    words = {"reason": "The deed says so.", "document": "OD-1"}
    desk.send(Role.SECRETARY, "objections/decision", outcome="suspected", **words)
    assert desk.case().state is State.SUSPECTED


def test_what_is_refused_shows_the_form_again_with_every_problem(desk: Desk) -> None:
    answer = desk.send(Role.INSPECTOR, "objections", grounds=" ")
    assert answer.status_code == 422
    assert re.search(r'id="lodge-grounds"[^>]*aria-invalid', answer.text)
    desk.send(Role.INSPECTOR, "objections", grounds="It is ours.")
    answer = desk.send(Role.SECRETARY, "objections/decision", reason="kept <i>", document="")
    assert answer.status_code == 422
    assert "kept &lt;i&gt;" in answer.text
    for name in ("outcome", "document"):
        assert re.search(rf'id="decide-{name}"[^>]*aria-invalid', answer.text), name


def test_an_extension_beyond_what_is_allowed_is_refused(desk: Desk) -> None:
    far = add_working_days("CN", desk.deadline, 40).isoformat()
    answer = desk.send(Role.SECRETARY, "deadline", deadline_on=far, reason="long")
    assert answer.status_code == 422
    assert "working days are left" in answer.text
    assert f'value="{far}"' in answer.text
    assert desk.case().deadline_on == desk.deadline


def test_another_household_answers(desk: Desk) -> None:
    answer = desk.send(Role.SECRETARY, "answer", household="9-999", reason="their key")
    assert answer.status_code == 422
    assert "no household" in answer.text
    assert desk.send(Role.SECRETARY, "answer", household="1-102", reason="key").status_code == 302
    assert desk.case().state is State.REJECTED


def test_two_people_at_once_overwrite_nothing(desk: Desk) -> None:
    later = add_working_days("CN", desk.deadline, 3).isoformat()
    answer = desk.send(
        Role.SECRETARY, "deadline", deadline_on=later, reason="still here", version="1"
    )
    assert answer.status_code == 412
    assert "still here" in answer.text
    assert "Somebody has changed this case" in answer.text
    assert desk.case().deadline_on == desk.deadline


def test_who_may_what(desk: Desk) -> None:
    planner = desk.page(Role.PLANNER)
    assert '<form class="form"' not in planner
    for role, path, status in (
        (Role.PLANNER, "objections", 403),
        (Role.INSPECTOR, "objections/decision", 403),
        (Role.INSPECTOR, "deadline", 403),
        (Role.PLANNER, "answer", 422),
        (Role.OFFICIAL, "objections", 403),
    ):
        client = desk.login(role)
        token = csrf_token(client, desk.address if status == 422 else "/places")
        form = {"csrf_token": token, "version": "4", "household": "1-102", "reason": "x"}
        assert client.post(f"{desk.address}/{path}", data=form).status_code == status, (role, path)
    with desk.web.database.session(EVERYWHERE) as session:
        assert (
            session.scalars(select(Objection).where(Objection.case_id == desk.case_id)).all() == []
        )
    stranger = f"/c/{desk.code}/cases/{uuid.uuid4()}"
    assert desk.login(Role.SECRETARY).get(stranger).status_code == 404


def test_a_refusal_is_referred_to_the_authority_or_for_the_owners_claim(desk: Desk) -> None:
    with desk.web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == desk.case_id)).one()
        community = session.get_one(Community, case.community_id)
        for state in (State.VISITED, State.DECLINED):
            move(session, community, case.id, Request(state, "ana", reason="will not"))
    page = desk.page(Role.SECRETARY)
    assert "has time until" in page
    with desk.web.database.session(EVERYWHERE) as session, session.begin():
        session.get_one(Case, (community.id, desk.case_id)).deadline_on = dt.date(2022, 4, 29)
    assert 'value="owners_claim"' in desk.page(Role.SECRETARY)
    given = {"target": "referred", "document": "R-1", "reason": "declined"}
    assert desk.send(Role.SECRETARY, "moves", addressee="nobody", **given).status_code == 422
    answer = desk.send(Role.SECRETARY, "moves", addressee="owners_claim", **given)
    assert answer.status_code == 302
    with desk.web.database.session(EVERYWHERE) as session:
        event = session.scalars(
            select(CaseEvent).where(
                CaseEvent.case_id == desk.case_id, CaseEvent.state == State.REFERRED
            )
        ).one()
    assert event.data == {"addressee": "owners_claim"}


def test_its_panels_are_chinese_throughout(desk: Desk) -> None:
    for _before_and_after in range(2):
        page = desk.page(Role.SECRETARY, "zh-CN")
        for name in ("deadline", "objections", "answer"):
            found = re.search(rf'aria-labelledby="{name}">(.*?)</section>', page, re.DOTALL)
            assert found, name
            body = re.sub(r"<[^>]+>|\S+@\S+|1-101", " ", found[1])
            assert re.findall(r"[A-Za-z]\w+", body) == [], name
        desk.send(Role.INSPECTOR, "objections", grounds="这是我家的院子。")


def test_what_is_done_is_signed_by_the_account(desk: Desk) -> None:
    desk.send(Role.INSPECTOR, "objections", grounds="It is ours.")
    with desk.web.database.session(EVERYWHERE) as session:
        event = session.scalars(
            select(CaseEvent).where(
                CaseEvent.case_id == desk.case_id, CaseEvent.event == "case:objection:lodged"
            )
        ).one()
        assert session.get_one(Community, event.community_id).code == desk.code
    assert event.actor == f"inspector.{desk.code.lower()}@example.org"
