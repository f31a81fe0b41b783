"""Campaigns, bodies, meetings and announcements, as their pages do them."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.models import Campaign, Case, DocumentRecord, Meeting
from cases.workflow import State
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token
from tests.webmap.test_campaign_pages import HOSTILE, Scene, scene

__all__ = ["scene"]

Send = Callable[..., TestResponse]


@dataclass(frozen=True)
class Secretary:
    """Somebody who runs campaigns, and the address of the place's part of the API."""

    client: FlaskClient
    here: str

    def send(
        self, rest: str, body: Any = None, *, read: str | None = None, key: Any = None, **more: Any
    ) -> TestResponse:
        headers = {"X-CSRFToken": csrf_token(self.client, "/places")}
        if read is not None:
            headers["If-Match"] = read
        if key is not None:
            headers["Idempotency-Key"] = str(key)
        method = more.get("method", "POST")
        return self.client.open(f"{self.here}{rest}", method=method, json=body, headers=headers)

    def read(self, rest: str, **query: Any) -> Any:
        answer = self.client.get(f"{self.here}{rest}", query_string=query)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def body(self, ref: str = "PB") -> str:
        sent = {"ref": ref, "name": f"Branch {HOSTILE}", "kind": "party_branch"}
        answer = self.send("/bodies", sent)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["id"])


@pytest.fixture
def secretary(web: Web, scene: Scene) -> Secretary:
    client = web.login(Role.SECRETARY, scene.place)
    return Secretary(client, f"/api/v1/communities/{scene.place}")


def codes(answer: TestResponse) -> list[str]:
    assert answer.mimetype == "application/problem+json"
    return [one["code"] for one in answer.get_json()["problems"]]


def fields(answer: TestResponse) -> list[str]:
    return [one["field"] for one in answer.get_json()["problems"]]


def held(body: str, **more: Any) -> dict[str, Any]:
    return {
        "held_on": str(make.EARLY),
        "agenda": "Standard",
        "attendance": [{"body": body, "people": 12}],
        **more,
    }


def notice(body: str, case: uuid.UUID, **more: Any) -> dict[str, Any]:
    return {
        "issuer_id": body,
        "standard_version": "2022-1",
        "objection_route": "the office",
        "wording": f"Clear the green. {HOSTILE}",
        "cases": [str(case)],
        **more,
    }


def test_campaigns_follow_one_another(secretary: Secretary, scene: Scene) -> None:
    (running,) = secretary.read("/campaigns")["campaigns"]
    assert (running["id"], running["cases"], running["states"]) == (
        str(scene.campaign),
        1,
        {"verified": 1},
    )
    assert running["outstanding_m2"] == running["encroached_m2"] - running["reclaimed_m2"]
    early = secretary.send("/campaigns", {"ref": "C-2", "name": "Second"})
    assert (early.status_code, codes(early)) == (422, ["campaign_running"])
    address = f"/campaigns/{scene.campaign}"
    tag = secretary.client.get(f"{secretary.here}{address}").headers["ETag"]
    ended = secretary.send(f"{address}/end", {"outcome": f"Failed {HOSTILE}"}, read=tag)
    assert ended.status_code == 200, ended.text
    assert ended.get_json()["outcome"] == f"Failed {HOSTILE}"
    key = uuid.uuid4()
    body = {"ref": "C-2", "name": "Second", "order_of_work": "difficult_first"}
    begun = [secretary.send("/campaigns", body, key=key) for _ in range(2)]
    assert [one.status_code for one in begun] == [201, 201]
    assert begun[0].data == begun[1].data
    assert begun[0].headers["ETag"] == begun[1].headers["ETag"]
    listed = secretary.read("/campaigns")["campaigns"]
    assert [one["ref"] for one in listed][:1] == ["C-2"]
    assert listed[0]["order_of_work"] == "difficult_first"


def test_a_campaign_is_changed_as_it_was_read(secretary: Secretary, scene: Scene) -> None:
    address = f"/campaigns/{scene.campaign}"
    first = secretary.client.get(f"{secretary.here}{address}")
    harder = {"order_of_work": "difficult_first"}
    assert secretary.send(address, harder, method="PATCH").status_code == 428
    changed = secretary.send(address, harder, method="PATCH", read=first.headers["ETag"])
    assert (changed.status_code, changed.get_json()["order_of_work"]) == (200, "difficult_first")
    late = secretary.send(f"{address}/end", {"outcome": "x"}, read=first.headers["ETag"])
    assert late.status_code == 412
    assert late.get_json()["campaign"]["order_of_work"] == "difficult_first"
    assert late.get_json()["yours"] == {"outcome": "x"}
    # Another case of the campaign is no change of it.
    whole = secretary.send(
        f"{address}/end",
        {"outcome": "", "ended_on": "1999-01-01"},
        read=changed.headers["ETag"].split("-")[0] + '"',
    )
    assert (whole.status_code, codes(whole)) == (422, ["outcome_missing", "wrong_time"])
    wrong = secretary.send(address, {"order_of_work": "luck", "x": 1}, method="PATCH", read='"a"')
    assert fields(wrong) == ["order_of_work", "x"]
    ended = secretary.send(f"{address}/end", {"outcome": "x"}, read=changed.headers["ETag"])
    again = secretary.send(address, harder, method="PATCH", read=ended.headers["ETag"])
    assert (again.status_code, codes(again)) == (422, ["campaign_ended"])


def test_cases_of_a_campaign_do_not_change_its_version(
    web: Web, secretary: Secretary, scene: Scene
) -> None:
    address = f"{secretary.here}/campaigns/{scene.campaign}"
    before = secretary.client.get(address).headers["ETag"]
    with web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == scene.case)).one()
        make.event(session, case, make.EARLY, State.ANNOUNCED)
    after = secretary.client.get(address).headers["ETag"]
    assert after != before
    assert after.split("-")[0] == before.split("-")[0]


def test_bodies_are_added_once(secretary: Secretary) -> None:
    body = secretary.body()
    assert [one["id"] for one in secretary.read("/bodies")] == [body]
    taken = secretary.send("/bodies", {"ref": "PB", "name": " ", "kind": "other"})
    assert (taken.status_code, sorted(codes(taken))) == (422, ["name_missing", "ref_taken"])
    wrong = secretary.send("/bodies", {"ref": "x" * 65, "kind": "club"})
    assert fields(wrong) == ["ref", "name", "kind"]


def test_a_meeting_is_recorded_and_its_minutes_issued_once(
    web: Web, secretary: Secretary, scene: Scene
) -> None:
    body, key = secretary.body(), uuid.uuid4()
    address = f"/campaigns/{scene.campaign}/meetings"
    sent = held(body, place=HOSTILE, resolutions=[{"wording": "Adopt it", "for": 11}])
    both = [secretary.send(address, sent, key=key) for _ in range(2)]
    assert [one.status_code for one in both] == [201, 201], both[0].text
    assert both[0].data == both[1].data
    meeting = both[0].get_json()
    assert (meeting["number"], meeting["people"], meeting["place"]) == (1, 12, HOSTILE)
    assert meeting["resolutions"] == [
        {"wording": "Adopt it", "for": 11, "against": 0, "abstained": 0}
    ]
    assert secretary.read(f"/meetings/{meeting['id']}") == meeting
    other = secretary.send(address, {**sent, "agenda": "Another"}, key=key)
    assert (other.status_code, codes(other)) == (422, ["key_reused"])
    key = uuid.uuid4()
    issued = [secretary.send(f"/meetings/{meeting['id']}/minutes", key=key) for _ in range(2)]
    assert [one.status_code for one in issued] == [201, 201]
    paper = issued[0].get_json()
    assert paper["number"] == f"{paper['issued_on'][:4]}-001"
    with web.database.session(EVERYWHERE) as session:
        mine = Meeting.campaign_id == scene.campaign
        assert session.scalar(select(func.count()).select_from(Meeting).where(mine)) == 1
        papers = select(func.count()).where(DocumentRecord.campaign_id == scene.campaign)
        assert session.scalar(papers) == 1


def test_meetings_are_listed_a_page_at_a_time(secretary: Secretary, scene: Scene) -> None:
    body, address = secretary.body(), f"/campaigns/{scene.campaign}/meetings"
    for number in range(3):
        sent = held(body, agenda=f"Meeting {number}")
        assert secretary.send(address, sent).status_code == 201
    page, seen = secretary.read(address, limit=2), []
    while True:
        seen += [one["number"] for one in page["meetings"]]
        if page["next"] is None:
            break
        page = secretary.client.get(page["next"]).get_json()
    assert seen == [3, 2, 1]
    cursor = secretary.read(address, limit=1)["next"].partition("cursor=")[2]
    foreign = secretary.client.get(
        f"{secretary.here}/campaigns/{scene.campaign}/announcements?cursor={cursor}"
    )
    assert (foreign.status_code, codes(foreign)) == (422, ["cursor"])


def test_every_fault_of_a_meeting_is_named_at_once(
    web: Web, secretary: Secretary, scene: Scene
) -> None:
    body, address = secretary.body(), f"/campaigns/{scene.campaign}/meetings"
    malformed = secretary.send(
        address,
        {"held_on": "soon", "attendance": [{"body": "x", "people": 0}], "resolutions": [{}]},
    )
    assert fields(malformed) == [
        "held_on",
        "agenda",
        "attendance.body",
        "attendance.people",
        "resolutions.wording",
    ]
    twice = held(body, attendance=[{"body": body, "people": 1}] * 2)
    assert codes(secretary.send(address, twice)) == ["body_twice"]
    wrong = held(
        body,
        held_on="1999-01-01",
        agenda=" ",
        resolutions=[{"wording": "x", "for": 13}, {"wording": "", "for": 1}],
    )
    assert codes(secretary.send(address, wrong)) == [
        "agenda_missing",
        "wrong_time",
        "votes",
        "wording_missing",
    ]
    assert secretary.read(address)["meetings"] == []


def test_an_announcement_is_issued_posted_and_read(
    web: Web, secretary: Secretary, scene: Scene
) -> None:
    body, address = secretary.body(), f"/campaigns/{scene.campaign}"
    (one,) = secretary.read(f"{address}/announceable")
    assert one["id"] == str(scene.case)
    key, sent = uuid.uuid4(), notice(body, scene.case)
    both = [secretary.send(f"{address}/announcements", sent, key=key) for _ in range(2)]
    assert [one.status_code for one in both] == [201, 201], both[0].text
    assert both[0].data == both[1].data
    made = both[0].get_json()
    assert made["paper"]["kind"] == "announcement"
    assert secretary.read(f"/cases/{scene.case}")["state"] == "announced"
    assert secretary.read(f"/cases/{scene.case}")["deadline_on"] == made["deadline_on"]
    assert secretary.read(f"{address}/announceable") == []
    posted = {"channel": "door", "place": "", "posted_on": made["issued_on"], "proof": HOSTILE}
    early = {**posted, "posted_on": "1999-01-01", "proof": ""}
    refused = secretary.send(f"/announcements/{made['id']}/postings", early)
    assert (refused.status_code, codes(refused)) == (422, ["proof_missing", "wrong_time"])
    key = uuid.uuid4()
    for _ in range(2):
        answer = secretary.send(f"/announcements/{made['id']}/postings", posted, key=key)
        assert answer.status_code == 201
    whole = secretary.read(f"/announcements/{made['id']}")
    assert [one["proof"] for one in whole["postings"]] == [HOSTILE]
    assert secretary.read(f"{address}/announcements")["announcements"] == [whole]


def test_an_announcement_that_is_refused_announces_nothing(
    web: Web, secretary: Secretary, scene: Scene
) -> None:
    body, address = secretary.body(), f"/campaigns/{scene.campaign}/announcements"
    nowhere = str(uuid.uuid4())
    empty = notice(body, scene.case, issuer_id=nowhere, wording=" ", cases=[], objection_route="")
    assert codes(secretary.send(address, empty)) == [
        "wording_missing",
        "objection_route_missing",
        "issuer_missing",
        "cases_missing",
    ]
    soon = notice(body, scene.case, deadline_on=dt.date.today().isoformat())
    assert secretary.send(address, soon).status_code == 422
    both = notice(body, scene.case, cases=[str(scene.case), nowhere])
    assert codes(secretary.send(address, both)) == ["unknown_case"]
    assert secretary.read(f"/cases/{scene.case}")["state"] == "verified"
    assert secretary.read("/papers")["papers"] == []


@pytest.mark.parametrize(
    "rest",
    [
        "/campaigns/{}",
        "/campaigns/{}/meetings",
        "/campaigns/{}/announcements",
        "/campaigns/{}/announceable",
        "/meetings/{}",
        "/announcements/{}",
        "/papers/{}",
        "/papers/{}/file.pdf",
    ],
)
def test_what_is_not_there_is_missing(secretary: Secretary, rest: str) -> None:
    answer = secretary.client.get(f"{secretary.here}{rest.format(uuid.uuid4())}")
    assert (answer.status_code, codes(answer)) == (404, ["not_found"])


def test_who_reads_changes_nothing(web: Web, scene: Scene) -> None:
    planner = Secretary(web.login(Role.PLANNER, scene.place), f"/api/v1/communities/{scene.place}")
    assert len(planner.read("/campaigns")["campaigns"]) == 1
    for rest in ("/campaigns", "/bodies", f"/campaigns/{scene.campaign}/meetings"):
        assert planner.send(rest, {}).status_code == 403
    with web.database.session(EVERYWHERE) as session:
        mine = session.scalars(select(Campaign).where(Campaign.id == scene.campaign)).one()
        assert mine.ended_on is None
