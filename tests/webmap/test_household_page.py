"""The page of a resident: the own household's cases, and nothing of anybody else's."""

import datetime as dt
import html
import re
import uuid
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.account_history import OPERATOR
from cases.declarations import HOUSEHOLD_ACCOUNT
from cases.memberships import GrantForm, grant
from cases.models import Case, CaseEvent, DocumentRecord, Objection
from cases.people import open_account
from cases.workflow import Document, State
from layers.db import EVERYWHERE
from layers.models import Community
from tests import builders as make
from tests.webmap.conftest import PASSWORD, Web, csrf_token, log_in

TODAY = dt.date.today()
# Events of the builders are of ten in the morning, which may still be to come.
YESTERDAY = TODAY - dt.timedelta(1)
HOSTILE = "{{7*7}}</script><b>${alert(1)}"
# What a clerk wrote, and who wrote it, which a household is not shown.
CLERK, NOTE = "ana.clerk@example.org", "Spoke with old Mrs Zhou next door."


@dataclass(frozen=True)
class Home:
    place: str
    case: uuid.UUID
    contract: uuid.UUID
    referral: uuid.UUID
    lives: FlaskClient
    neighbour: FlaskClient


@pytest.fixture
def home(web: Web) -> Home:
    """Two households with an account each, the first with an announced case and papers."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session, boundary=make.square(0, 0, 9))
        ground = make.parcel(session, place, make.square(1, 4), ref="G1")
        homes = [make.household(session, place, ref=ref) for ref in ("12-1-101", "12-1-102")]
        run = make.campaign(session, place)
        case = make.case(session, homes[0], run, number=7, deadline_on=TODAY + dt.timedelta(30))
        make.event(session, case, make.EARLY, State.VERIFIED, actor=CLERK)
        make.event(session, case, YESTERDAY, State.ANNOUNCED, actor=CLERK)
        visited = {"event": "case:visit:recorded", "actor": CLERK, "note": NOTE}
        make.event(session, case, YESTERDAY, None, **visited)
        assigned = {"event": "case:assignment:changed", "actor": CLERK, "note": "li@example.org"}
        make.event(session, case, YESTERDAY, None, data={"duty": "inspector"}, **assigned)
        seen = make.observation(session, place, make.square(1, 4))
        make.encroachment(session, seen, ground, case, make.square(1, 4), verified_on=make.EARLY)
        kinds = (Document.CREDIT_CONTRACT, Document.REFERRAL)
        papers = [paper(place, case, kind, number) for number, kind in enumerate(kinds, 1)]
        session.add_all(papers)
        session.flush()
        emails = []
        for ref in ("12-1-101", "12-1-102"):
            email = f"{make.fresh('home')}@example.org"
            account = open_account(session, email, name="Li", actor=OPERATOR, password=PASSWORD)
            grant(session, account, GrantForm(Role.RESIDENT, place.code, ref), OPERATOR)
            emails.append(email)
        made = (place.code, case.id, papers[0].id, papers[1].id)
    clients = []
    for email in emails:
        client = web.client()
        assert log_in(client, email).status_code == 302
        clients.append(client)
    return Home(*made, *clients)


def paper(place: Community, case: Case, kind: Document, number: int) -> DocumentRecord:
    return DocumentRecord(
        community_id=place.id,
        id=uuid.uuid4(),
        kind=kind,
        year=2022,
        number=number,
        case_id=case.id,
        campaign_id=case.campaign_id,
        title="Paper",
        issued_on=make.EARLY,
        issued_by=CLERK,
        data={},
    )


def read(client: FlaskClient, language: str = "en") -> str:
    answer = client.get(f"/my-household?lang={language}")
    assert answer.status_code == 200
    return answer.text


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def send(client: FlaskClient, address: str, **fields: object) -> TestResponse:
    form = {"csrf_token": csrf_token(client, "/my-household"), **fields}
    return client.post(f"{address}?lang=en", data=form)


def test_a_household_reads_how_its_case_stands_and_nobody_s_name(home: Home) -> None:
    page = read(home.lives)
    told = text_of(page)
    for part in (
        f"{home.place}-2022-0007",
        "You are asked to clear the ground by the deadline",
        "Working days left",
        "Parcel G1",
        "Papers for your household",
        "Credit contract",
        "Household visit",
        "What happens next",
    ):
        assert part in told, part
    for hidden in (CLERK, NOTE, "li@example.org", "Inspector assigned", "Referral"):
        assert hidden not in told, hidden
    chinese = text_of(read(home.lives, "zh_Hans"))
    assert "送达您家的文书" in chinese
    assert "请您在期限前清理地块" in chinese


def test_a_neighbour_sees_nothing_of_it(home: Home) -> None:
    page = read(home.neighbour)
    assert "There is no case about common green at your home" in page
    assert home.place not in page
    for key in (home.contract, home.referral):
        assert home.neighbour.get(f"/my-household/papers/{key}.docx").status_code == 404
    before = {"case": str(home.case), "form": "object", "grounds": "mine"}
    assert send(home.neighbour, "/my-household/objections", **before).status_code == 422
    assert send(home.neighbour, "/my-household", case=str(home.case)).status_code == 422


def test_a_household_has_the_papers_that_were_addressed_to_it(home: Home) -> None:
    answer = home.lives.get(f"/my-household/papers/{home.contract}.docx?in=en")
    assert answer.status_code == 200, answer.text
    assert answer.data[:2] == b"PK"
    assert home.lives.get(f"/my-household/papers/{home.referral}.docx").status_code == 404
    assert home.lives.get(f"/my-household/papers/{home.contract}.exe").status_code == 404


def test_a_household_objects_once_and_its_clock_stands(web: Web, home: Home) -> None:
    empty = send(home.lives, "/my-household/objections", form="object", case=str(home.case))
    assert empty.status_code == 422
    assert "This is missing" in text_of(empty.text)
    fields = {"form": "object", "case": str(home.case), "grounds": HOSTILE}
    done = send(home.lives, "/my-household/objections", **fields)
    assert done.status_code == 302, done.text
    with web.database.session(EVERYWHERE) as session:
        case = session.scalars(select(Case).where(Case.id == home.case)).one()
        assert case.suspended_on is not None
        (made,) = session.scalars(select(Objection).where(Objection.case_id == home.case))
        assert (made.recorded_by, made.grounds) == (HOUSEHOLD_ACCOUNT, HOSTILE)
    page = read(home.lives)
    assert "the clock stands" in text_of(page)
    assert "<b>${alert" not in page
    again = send(home.lives, "/my-household/objections", **fields)
    assert again.status_code == 422
    # Nothing that was typed is lost.
    assert "to be decided by" in text_of(again.text)


def test_a_household_declares_and_is_told_why_it_was_sent_back(web: Web, home: Home) -> None:
    fields = {"form": "declare", "case": str(home.case), "note": "gone by Friday"}
    assert send(home.lives, "/my-household", **fields).status_code == 302
    with web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == home.case)).one()
        make.event(session, case, TODAY, State.INSPECTED, actor=CLERK, note="measured with Wang")
        make.event(session, case, TODAY, State.SELF_CLEARING, actor=CLERK, note="A post is left")
        events = select(CaseEvent).where(CaseEvent.case_id == home.case)
        assert HOUSEHOLD_ACCOUNT in {one.actor for one in session.scalars(events)}
    told = text_of(read(home.lives))
    assert "gone by Friday" in told
    assert "A post is left" in told
    assert "measured with Wang" not in told
    assert CLERK not in told


def test_programs_of_a_resident_read_and_say_the_same(home: Home) -> None:
    where = "/api/v1/household"
    (case,) = home.lives.get(where).get_json()
    assert (case["state"], case["may_declare"], case["may_object"]) == ("announced", True, True)
    assert case["standing_m2"] > 0
    assert CLERK not in str(case)
    assert NOTE not in str(case)
    assert home.neighbour.get(where).get_json() == []
    key = str(uuid.uuid4())

    def post(client: FlaskClient, act: str, body: dict[str, str]) -> TestResponse:
        token = csrf_token(client, "/my-household")
        headers = {"X-CSRFToken": token, "Idempotency-Key": key}
        return client.post(f"{where}/cases/{home.case}/{act}", json=body, headers=headers)

    assert post(home.neighbour, "objections", {"grounds": "mine"}).status_code == 422
    assert post(home.lives, "objections", {}).status_code == 422
    answers = [post(home.lives, "objections", {"grounds": "ours"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].data == answers[1].data
    assert answers[0].get_json()[0]["suspended_on"] is not None
    assert post(home.lives, "declaration", {"note": "gone"}).status_code == 422
    key = str(uuid.uuid4())
    assert post(home.lives, "declaration", {"note": "gone"}).get_json()[0]["state"] == (
        "self_clearing"
    )


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.RESIDENT])
def test_no_other_role_has_a_household_by_it(web: Web, home: Home, role: Role) -> None:
    client = web.login(role, home.place)
    assert home.place not in text_of(read(client).split("<main")[1])
    fields = {"form": "object", "case": str(home.case), "grounds": "mine"}
    assert send(client, "/my-household/objections", **fields).status_code == 422
    assert client.get(f"/my-household/papers/{home.contract}.pdf").status_code == 404
