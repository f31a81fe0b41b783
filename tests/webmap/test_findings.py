"""What a case rests on, on its page and the observation's own: confirmed, decided, withdrawn."""

import datetime as dt
import re
import uuid
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.casework import Request, move
from cases.flagging import flag
from cases.models import Case, CaseEvent, Encroachment
from cases.objections import Decision, decide_objection, lodge
from cases.signing import Signature
from cases.workflow import State
from layers.db import EVERYWHERE
from layers.models import Community, Observation, ObservationStatus
from tests import builders
from tests.webmap.conftest import Web, csrf_token

HOSTILE = "<b>{{7*7}}</b>${alert(1)}"
# Who verified long ago, so that others may decide on it.
LONG_AGO = dt.datetime(2022, 4, 1, 2, tzinfo=dt.UTC)


@dataclass
class Desk:
    """A community with a verified case, ground that was found later, and a doubtful fence."""

    web: Web
    code: str
    case_id: uuid.UUID
    seen: dict[str, uuid.UUID]

    @property
    def case_page(self) -> str:
        return f"/c/{self.code}/cases/{self.case_id}"

    def observation_page(self, ref: str) -> str:
        return f"/c/{self.code}/observations/{self.seen[ref]}"

    def login(self, role: Role) -> FlaskClient:
        return self.web.login(role, self.code)

    def page(self, role: Role, address: str, language: str = "en") -> str:
        answer = self.login(role).get(address, headers={"Accept-Language": language})
        assert answer.status_code == 200
        return answer.text

    def send(self, role: Role, page: str, path: str, **values: str) -> TestResponse:
        """Send a form of a page, with the version that the page has."""
        client = self.login(role)
        found = re.search(r'name="version" value="(\w+)"', self.page(Role.INSPECTOR, page))
        version = found[1] if found else "1"
        token = csrf_token(client, page)
        form = {"csrf_token": token, "version": version, **values}
        headers = {"Accept-Language": "en"}
        return client.post(f"{page}/{path}", data=form, headers=headers)

    def case(self) -> Case:
        with self.web.database.session(EVERYWHERE) as session:
            return session.scalars(select(Case).where(Case.id == self.case_id)).one()

    def observation(self, ref: str) -> Observation:
        with self.web.database.session(EVERYWHERE) as session:
            found = select(Observation).where(Observation.id == self.seen[ref])
            return session.scalars(found).one()

    def current(self, ref: str) -> list[Encroachment]:
        with self.web.database.session(EVERYWHERE) as session:
            rows = select(Encroachment).where(
                Encroachment.observation_id == self.seen[ref],
                Encroachment.superseded_on.is_(None),
            )
            return list(session.scalars(rows))

    def events(self, name: str) -> list[CaseEvent]:
        with self.web.database.session(EVERYWHERE) as session:
            rows = select(CaseEvent).where(
                CaseEvent.case_id == self.case_id, CaseEvent.event == name
            )
            return list(session.scalars(rows))

    def uphold(self) -> None:
        """Uphold an objection of a case whose ground was cleared once: nothing moves."""
        with self.web.database.session(EVERYWHERE) as session, session.begin():
            case = session.scalars(select(Case).where(Case.id == self.case_id)).one()
            community = session.get_one(Community, case.community_id)
            found = session.scalars(
                select(Encroachment).where(Encroachment.observation_id == self.seen["O1"])
            ).one()
            found.cleared_on = found.verified_on
            session.flush()
            lodge(session, community, case.id, "It is ours.", Signature("ana@example.org"))
            decision = Decision(True, "The deed says so.", "OD-1")
            decide_objection(session, community, case.id, decision, Signature("cy@example.org"))


@pytest.fixture
def desk(web: Web) -> Desk:
    """O1 is verified, O2 was found later on the same parcel, O3 lies on two households' ground."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        community = builders.community(session, code=f"F{uuid.uuid4().hex[:8]}")
        house = builders.building(session, community, builders.square(0, 8), ref="1")
        grounds = [
            builders.parcel(session, community, builders.square(2 * n, 0, 2), ref=f"P{n}")
            for n in range(3)
        ]
        for number, ground in enumerate(grounds):
            who = builders.household(session, community, ref=f"1-10{number}", building_id=house.id)
            builders.link(session, ground, who)
        seen = {"O1": builders.square(0.1, 0.1, 0.5)}
        made = {}
        for ref, shape in seen.items():
            made[ref] = builders.observation(session, community, shape, ref=ref).id
        flag(session, [community], at=LONG_AGO)
        case = session.scalars(select(Case).where(Case.community_id == community.id)).one()
        request = Request(State.VERIFIED, "ana@example.org", LONG_AGO, document="S-1")
        move(session, community, case.id, request)
        later = {"O2": builders.square(1.2, 1.2, 0.5), "O3": builders.square(3.5, 0.5, 1)}
        for ref, shape in later.items():
            made[ref] = builders.observation(session, community, shape, ref=ref).id
        flag(session, [community])
    return Desk(web, community.code, case.id, made)


def test_new_ground_is_confirmed_on_the_page_of_its_case(desk: Desk) -> None:
    page = desk.page(Role.INSPECTOR, desk.case_page)
    assert "New ground to confirm" in page
    assert "New ground to confirm" not in desk.page(Role.SECRETARY, desk.case_page)
    answer = desk.send(Role.INSPECTOR, desk.case_page, "confirmation", note=HOSTILE)
    assert (answer.status_code, answer.location) == (302, desk.case_page)
    assert all(one.verified_on for one in desk.current("O2"))
    (event,) = desk.events("case:area:confirmed")
    assert (event.note, event.actor) == (HOSTILE, f"inspector.{desk.code.lower()}@example.org")
    page = desk.page(Role.INSPECTOR, desk.case_page)
    assert "New ground to confirm" not in page
    assert "&lt;b&gt;{{7*7}}&lt;/b&gt;${alert(1)}" in page
    assert desk.send(Role.INSPECTOR, desk.case_page, "confirmation").status_code == 422


def test_an_observation_is_withdrawn_and_what_rested_on_it_ends_at_once(desk: Desk) -> None:
    values = {"form": "withdraw", "observation": "O2", "reason": HOSTILE}
    answer = desk.send(Role.INSPECTOR, desk.case_page, "withdrawal", **values)
    assert (answer.status_code, answer.location) == (302, desk.case_page)
    assert desk.observation("O2").status is ObservationStatus.WITHDRAWN
    assert desk.current("O2") == []
    assert len(desk.current("O1")) == 1
    assert desk.case().state is State.VERIFIED
    (event,) = desk.events("case:observation:withdrawn")
    assert (event.note, event.observation_id) == (HOSTILE, desk.seen["O2"])
    values["observation"] = "O1"
    assert desk.send(Role.INSPECTOR, desk.case_page, "withdrawal", **values).status_code == 302
    assert desk.case().state is State.REJECTED
    page = desk.page(Role.INSPECTOR, desk.observation_page("O1"))
    assert "Withdrawn on" in page
    # What was believed stays: its ground is still told, as ended.
    assert re.search(r'<tr class="is-gone">\s*<th[^>]*>P0</th>', page)


def test_a_withdrawal_names_an_observation_of_its_case_and_a_reason(desk: Desk) -> None:
    values = {"form": "withdraw", "observation": "O3", "reason": "kept <i>"}
    answer = desk.send(Role.INSPECTOR, desk.case_page, "withdrawal", **values)
    assert answer.status_code == 422
    assert "There is no observation &#39;O3&#39;" in answer.text
    assert "kept &lt;i&gt;" in answer.text
    answer = desk.send(Role.INSPECTOR, desk.case_page, "withdrawal", form="withdraw")
    assert answer.status_code == 422
    assert re.search(r'id="withdraw-reason"[^>]*aria-invalid', answer.text)
    assert desk.observation("O3").status is ObservationStatus.OPEN


def test_two_people_at_once_overwrite_nothing(desk: Desk) -> None:
    for path, values in (
        ("confirmation", {"form": "confirm", "note": "still here"}),
        ("withdrawal", {"form": "withdraw", "observation": "O1", "reason": "still here"}),
    ):
        answer = desk.send(Role.INSPECTOR, desk.case_page, path, **values, version="1")
        assert answer.status_code == 412, path
        assert "Somebody has changed this case" in answer.text
        assert "still here" in answer.text
    assert desk.observation("O1").status is ObservationStatus.OPEN
    assert desk.events("case:area:confirmed") == []


def test_a_form_without_token_or_version_changes_nothing(desk: Desk) -> None:
    client = desk.login(Role.INSPECTOR)
    observation = desk.observation_page("O3")
    for address in (
        f"{desk.case_page}/confirmation",
        f"{desk.case_page}/withdrawal",
        f"{observation}/answer",
        f"{observation}/withdrawal",
    ):
        form = {"observation": "O1", "household": "1-101", "reason": "x"}
        assert client.post(address, data=form).status_code == 400, address
        token = csrf_token(client, desk.case_page)
        assert client.post(address, data={**form, "csrf_token": token}).status_code == 422, address
    assert desk.observation("O1").status is ObservationStatus.OPEN
    assert desk.observation("O3").status is ObservationStatus.OPEN


def test_a_person_decides_who_answers(desk: Desk) -> None:
    listed = desk.page(Role.SECRETARY, f"/c/{desk.code}/observations")
    assert desk.observation_page("O3") in listed
    assert "P1, P2" in listed
    assert "Who answers? <strong>1</strong>" in desk.page(Role.SECRETARY, f"/c/{desk.code}/work")
    page = desk.page(Role.SECRETARY, desk.observation_page("O3"))
    assert "Linked to the parcels: 1-101, 1-102" in page
    wrong = desk.send(
        Role.SECRETARY, desk.observation_page("O3"), "answer", form="answer", household="9-9"
    )
    assert wrong.status_code == 422
    assert 'value="9-9"' in wrong.text
    assert "This is missing" in wrong.text
    values = {"form": "answer", "household": "1-102", "reason": "their gate"}
    answer = desk.send(Role.SECRETARY, desk.observation_page("O3"), "answer", **values)
    assert answer.status_code == 302
    assert {one.household_id for one in desk.current("O3")} != {None}
    with desk.web.database.session(EVERYWHERE) as session:
        case_id = desk.current("O3")[0].case_id
        names = set(session.scalars(select(CaseEvent.event).where(CaseEvent.case_id == case_id)))
    assert answer.location == f"/c/{desk.code}/cases/{case_id}"
    assert "case:answer:decided" in names
    assert "Somebody answers for every enclosure" in desk.page(
        Role.SECRETARY, f"/c/{desk.code}/observations"
    )


def test_two_decisions_at_once_are_one(desk: Desk) -> None:
    address = desk.observation_page("O3")
    stale = re.search(r'name="version" value="(\w+)"', desk.page(Role.SECRETARY, address))
    assert stale
    values = {"form": "answer", "household": "1-101", "reason": "their gate"}
    assert desk.send(Role.SECRETARY, address, "answer", **values).status_code == 302
    values |= {"household": "1-102", "reason": "kept <i>", "version": stale[1]}
    answer = desk.send(Role.INSPECTOR, address, "answer", **values)
    assert answer.status_code == 412
    assert "Somebody has decided something about this observation" in answer.text
    withdrawn = desk.send(
        Role.INSPECTOR, address, "withdrawal", form="withdraw", reason="kept <i>", version=stale[1]
    )
    assert withdrawn.status_code == 412
    assert "kept &lt;i&gt;" in withdrawn.text
    values |= {"version": "", "form": "answer"}
    del values["version"]
    late = desk.send(Role.INSPECTOR, address, "answer", **values)
    assert late.status_code == 422
    with desk.web.database.session(EVERYWHERE) as session:
        told = select(func.count()).where(CaseEvent.event == "case:answer:decided")
        assert session.scalar(told.where(CaseEvent.observation_id == desk.seen["O3"])) == 1


def test_an_enclosure_of_nobody_is_withdrawn_on_its_own_page(desk: Desk) -> None:
    address = desk.observation_page("O3")
    values = {"form": "withdraw", "reason": "a shadow"}
    answer = desk.send(Role.INSPECTOR, address, "withdrawal", **values)
    assert (answer.status_code, answer.location) == (302, address)
    assert desk.observation("O3").status is ObservationStatus.WITHDRAWN
    assert desk.current("O3") == []
    assert desk.send(Role.INSPECTOR, address, "withdrawal", **values).status_code in {412, 422}


def test_an_upheld_objection_leads_to_the_withdrawal(desk: Desk) -> None:
    assert 'action="' + desk.case_page + '/withdrawal"' not in desk.page(
        Role.SECRETARY, desk.case_page
    )
    desk.uphold()
    page = desk.page(Role.SECRETARY, desk.case_page)
    assert 'href="#withdrawal"' in page
    assert 'action="' + desk.case_page + '/withdrawal"' in page
    work = desk.page(Role.SECRETARY, f"/c/{desk.code}/work")
    assert "Observations to withdraw <strong>1</strong>" in work
    values = {"form": "withdraw", "observation": "O2", "reason": "as was decided"}
    assert desk.send(Role.SECRETARY, desk.case_page, "withdrawal", **values).status_code == 302
    page = desk.page(Role.SECRETARY, desk.case_page)
    assert 'href="#withdrawal"' not in page
    work = desk.page(Role.SECRETARY, f"/c/{desk.code}/work")
    assert "Observations to withdraw <strong>0</strong>" in work


def test_an_objection_that_moved_its_case_asks_for_no_withdrawal(desk: Desk) -> None:
    with desk.web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == desk.case_id)).one()
        community = session.get_one(Community, case.community_id)
        lodge(session, community, case.id, "It is ours.", Signature("ana@example.org"))
        decision = Decision(True, "Look again.", "OD-1", State.SUSPECTED)
        decide_objection(session, community, case.id, decision, Signature("cy@example.org"))
    assert 'href="#withdrawal"' not in desk.page(Role.SECRETARY, desk.case_page)


def test_new_ground_is_on_the_list_of_whoever_confirms_it(desk: Desk) -> None:
    work = desk.page(Role.INSPECTOR, f"/c/{desk.code}/work")
    assert "New ground to confirm <strong>1</strong>" in work
    desk.send(Role.INSPECTOR, desk.case_page, "confirmation", form="confirm")
    work = desk.page(Role.INSPECTOR, f"/c/{desk.code}/work")
    assert "New ground to confirm <strong>0</strong>" in work
    assert "New ground to confirm" not in desk.page(Role.SECRETARY, f"/c/{desk.code}/work")


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        (Role.INSPECTOR, (302, 302, 302, 302)),
        (Role.SECRETARY, (403, 422, 302, 422)),
        (Role.PLANNER, (403, 422, 422, 422)),
        (Role.LANE_HOUSEKEEPER, (403, 404, 422, 422)),
        (Role.OFFICIAL, (403, 404, 403, 403)),
        (Role.RESIDENT, (403, 403, 403, 403)),
        (Role.ADMIN, (403, 403, 403, 403)),
    ],
)
def test_who_may_what(desk: Desk, role: Role, statuses: tuple[int, ...]) -> None:
    client = desk.login(role)
    observation = desk.observation_page("O3")
    found = []
    for page, path in (
        (desk.case_page, "confirmation"),
        (desk.case_page, "withdrawal"),
        (observation, "answer"),
        (observation, "withdrawal"),
    ):
        seen = re.search(r'name="version" value="(\w+)"', desk.page(Role.INSPECTOR, page))
        assert seen
        token = csrf_token(client, "/places")
        form = {"version": seen[1], "household": "1-101", "reason": "x", "observation": "O2"}
        answer = client.post(f"{page}/{path}", data={**form, "csrf_token": token})
        found.append(answer.status_code)
    assert tuple(found) == statuses
    if 302 not in statuses:
        assert desk.observation("O2").status is ObservationStatus.OPEN
        assert {one.household_id for one in desk.current("O3")} == {None}


def test_an_observation_of_others_cases_is_not_there(desk: Desk) -> None:
    client = desk.login(Role.LANE_HOUSEKEEPER)
    assert client.get(desk.observation_page("O1")).status_code == 404
    assert client.get(desk.observation_page("O3")).status_code == 200
    official = desk.login(Role.OFFICIAL)
    for ref in ("O1", "O3"):
        assert official.get(desk.observation_page(ref)).status_code == 403
    assert official.get(f"/c/{desk.code}/observations").status_code == 403
    stranger = f"/c/{desk.code}/observations/{uuid.uuid4()}"
    assert desk.login(Role.SECRETARY).get(stranger).status_code == 404


def test_the_pages_are_chinese_throughout(desk: Desk) -> None:
    desk.uphold()
    case = desk.page(Role.INSPECTOR, desk.case_page, "zh-CN")
    parts = [
        found[1]
        for name in ("confirmation", "withdrawal", "objections")
        if (found := re.search(rf'aria-labelledby="{name}">(.*?)</section>', case, re.DOTALL))
    ]
    assert len(parts) == 3
    for ref in ("O1", "O3"):
        page = desk.page(Role.INSPECTOR, desk.observation_page(ref), "zh-CN")
        parts += re.findall(r"<main.*?</main>", page, re.DOTALL)
    listed = desk.page(Role.INSPECTOR, f"/c/{desk.code}/observations", "zh-CN")
    parts += re.findall(r"<main.*?</main>", listed, re.DOTALL)
    assert len(parts) == 6
    told = "It is ours|The deed says so|EPSG|m²|community\\d*"
    for part in parts:
        body = re.sub(rf"<script.*?</script>|<[^>]+>|\S+@\S+|{told}", " ", part, flags=re.DOTALL)
        words = re.findall(r"[A-Za-z]\w+", body)
        assert [one for one in words if one not in {desk.code, *desk.seen, "P0", "P1", "P2"}] == []
