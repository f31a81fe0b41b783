"""What people do about one case by the API: visits, objections, deadlines, who works on it."""

import datetime as dt
import uuid
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from cases.access import Role
from cases.models import Case, CaseEvent, DocumentRecord, Visit
from cases.workflow import Document, State
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.conftest import Web

TODAY = dt.date.today()


@dataclass(frozen=True)
class Place:
    code: str
    case: uuid.UUID
    other: uuid.UUID

    @property
    def at(self) -> str:
        return f"cases/{self.case}"


def announced(web: Web, code: str | None = None) -> Place:
    """Return a community with two cases, both announced today."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session, boundary=make.square(0, 0, 9))
        run = make.campaign(session, place)
        cases = []
        for number in (1, 2):
            house = make.building(session, place, make.square(number, 5), ref=f"{number}")
            ground = make.parcel(session, place, make.square(number, 4), ref=f"G{number}")
            who = make.household(session, place, ref=f"{number}-1-101", building_id=house.id)
            case = make.case(session, who, run, number=number, deadline_on=TODAY + dt.timedelta(40))
            make.event(session, case, make.EARLY, State.VERIFIED, actor="ana@example.org")
            make.event(session, case, TODAY - dt.timedelta(1), State.ANNOUNCED)
            seen = make.observation(session, place, make.square(number, 4), ref=f"O{number}")
            make.encroachment(
                session, seen, ground, case, make.square(number, 4), verified_on=make.EARLY
            )
            cases.append(case.id)
        return Place(place.code, *cases)


@pytest.fixture
def place(web: Web) -> Place:
    return announced(web)


def stored(web: Web, case: uuid.UUID) -> Case:
    with web.database.session(EVERYWHERE) as session:
        return session.scalars(select(Case).where(Case.id == case)).one()


def count_events(web: Web, case: uuid.UUID) -> int:
    with web.database.session(EVERYWHERE) as session:
        return session.scalar(select(func.count()).where(CaseEvent.case_id == case)) or 0


def test_a_visit_is_recorded_once_and_moves_its_case(web: Web, place: Place) -> None:
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    signed = {"outcome": "signed", "note": "Agreed at once."}
    key = uuid.uuid4()
    first, again = (
        secretary.send("POST", f"{place.at}/visits", signed, read=1, key=key) for _ in range(2)
    )
    assert first.status_code == again.status_code == 200, first.text
    assert first.data == again.data
    case = first.get_json()
    assert case["state"] == "signed"
    assert first.headers["ETag"].startswith(f'"v{case["version"]}-')
    (visit,) = secretary.get(f"{place.at}/visits")
    assert (visit["outcome"], visit["note"]) == ("signed", "Agreed at once.")
    assert visit["visited_on"] == case["since"]
    # The contract was issued with it.
    (paper,) = secretary.get("papers", case=place.case)["papers"]
    assert paper["kind"] == Document.CREDIT_CONTRACT
    assert paper["number"] == case["events"][-1]["document"]
    with web.database.session(EVERYWHERE) as session:
        assert session.scalar(select(func.count()).where(Visit.case_id == place.case)) == 1
        assert session.scalar(select(func.count()).where(DocumentRecord.case_id == place.case)) == 1


def test_a_visit_gets_its_record_once(web: Web, place: Place) -> None:
    web.give(place.case, place.code)
    keeper = Sender.of(web, Role.LANE_HOUSEKEEPER, place.code)
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    talked = {"outcome": "undecided", "note": "Asks for a week.", "next_on": None}
    for who in (keeper, secretary):
        read = who.get(place.at)["version"]
        assert who.send("POST", f"{place.at}/visits", talked, read=read).status_code == 200
    visits = {one["actor"]: one["id"] for one in keeper.get(f"{place.at}/visits")}
    mine = next(key for actor, key in visits.items() if actor.startswith("lane_housekeeper"))
    theirs = next(key for actor, key in visits.items() if actor.startswith("secretary"))
    key = uuid.uuid4()
    first, again = (keeper.send("POST", f"visits/{mine}/record", key=key) for _ in range(2))
    assert first.status_code == 201, first.text
    assert first.data == again.data
    paper = first.get_json()
    assert (paper["kind"], paper["case_id"]) == (Document.VISIT_RECORD, str(place.case))
    assert keeper.send("POST", f"visits/{mine}/record").status_code == 422
    assert codes(keeper.send("POST", f"visits/{theirs}/record")) == ["not_permitted"]
    assert secretary.send("POST", f"visits/{theirs}/record").status_code == 201
    inspector = Sender.of(web, Role.INSPECTOR, place.code)
    assert inspector.send("POST", f"visits/{mine}/record").status_code == 403
    assert secretary.send("POST", f"visits/{uuid.uuid4()}/record").status_code == 404
    elsewhere = Sender.of(web, Role.SECRETARY, announced(web).code)
    assert elsewhere.send("POST", f"visits/{mine}/record").status_code == 404


def test_every_fault_of_a_visit_is_named_at_once_and_nothing_is_kept(
    web: Web, place: Place
) -> None:
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    before = count_events(web, place.case)
    wrong = {"outcome": "maybe", "note": 7, "next_on": "30.6.", "at": "2022-04-01", "who": "Li"}
    answer = secretary.send("POST", f"{place.at}/visits", wrong, read=1)
    assert answer.status_code == 422
    fields = {one["field"] for one in answer.get_json()["problems"]}
    assert fields == {"outcome", "note", "next_on", "at", "who"}
    silent = {"outcome": "declined", "next_on": "2022-04-01"}
    answer = secretary.send("POST", f"{place.at}/visits", silent, read=1)
    assert codes(answer) == ["reason_missing", "wrong_time"]
    assert count_events(web, place.case) == before


ACTS = [
    ("POST", "visits", Role.SECRETARY, {"outcome": "not_home"}),
    ("POST", "objections", Role.SECRETARY, {"grounds": "It is ours."}),
    ("POST", "deadline", Role.SECRETARY, {"deadline_on": "2030-01-02", "reason": "away"}),
    ("PUT", "assignment", Role.SECRETARY, {"inspector": None}),
    ("PUT", "difficulty", Role.SECRETARY, {"difficulty": 4, "reason": "two parties"}),
    ("POST", "answer", Role.SECRETARY, {"household": "2-1-101", "reason": "theirs"}),
]


@pytest.mark.parametrize(("method", "path", "role", "body"), ACTS)
def test_an_act_is_held_to_the_version_that_was_read(
    web: Web, place: Place, method: str, path: str, role: Role, body: dict[str, object]
) -> None:
    sender, where = Sender.of(web, role, place.code), f"{place.at}/{path}"
    before = count_events(web, place.case)
    assert sender.send(method, where, body).status_code == 428
    stale = sender.send(method, where, body, read=7)
    assert stale.status_code == 412
    assert stale.get_json()["yours"] == {"versions": [7], **body}
    assert stale.get_json()["case"]["version"] == 1
    assert count_events(web, place.case) == before


@pytest.mark.parametrize(("method", "path", "role", "body"), ACTS)
def test_an_act_on_a_case_that_is_not_seen_is_not_there(
    web: Web, place: Place, method: str, path: str, role: Role, body: dict[str, object]
) -> None:
    elsewhere = announced(web)
    sender = Sender.of(web, role, place.code)
    for where in (f"cases/{elsewhere.case}/{path}", f"cases/{uuid.uuid4()}/{path}"):
        assert sender.send(method, where, body, read=1).status_code == 404
    strange = f"/api/v1/communities/{elsewhere.code}/cases/{elsewhere.case}/{path}"
    assert sender.send(method, strange, body, read=1).status_code == 404


def test_an_objection_stops_the_clock_and_its_decision_lets_it_run(web: Web, place: Place) -> None:
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    assert secretary.get(f"{place.at}/deadline")["suspended_on"] is None
    answer = secretary.send(
        "POST", f"{place.at}/objections", {"grounds": "The hedge was there."}, read=1
    )
    assert answer.status_code == 200, answer.text
    clock = secretary.get(f"{place.at}/deadline")
    assert clock["suspended_on"] is not None
    (made,) = secretary.get(f"{place.at}/objections")["objections"]
    assert (made["grounds"], made["decided_on"]) == ("The hedge was there.", None)
    version = answer.get_json()["version"]
    empty = secretary.send("POST", f"{place.at}/objections/decision", {}, read=version)
    assert {one["field"] for one in empty.get_json()["problems"]} == {"outcome", "reason"}
    decision = {"outcome": "refused", "reason": "It is common."}
    answer = secretary.send("POST", f"{place.at}/objections/decision", decision, read=version)
    assert answer.status_code == 200, answer.text
    (made,) = secretary.get(f"{place.at}/objections")["objections"]
    assert (made["upheld"], made["decision"]) == (False, "It is common.")
    (paper,) = secretary.get("papers?kind=objection_decision")["papers"]
    assert paper["kind"] == "objection_decision"
    assert secretary.get(f"{place.at}/deadline")["suspended_on"] is None


def test_a_deadline_is_extended_within_what_the_policy_allows(web: Web, place: Place) -> None:
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    latest = secretary.get(f"{place.at}/deadline")["latest_on"]
    far = {"deadline_on": "2031-01-02", "reason": "away"}
    answer = secretary.send("POST", f"{place.at}/deadline", far, read=1)
    assert codes(answer) == ["extended_too_far"]
    good = {"deadline_on": latest, "reason": "The tenant is away."}
    answer = secretary.send("POST", f"{place.at}/deadline", good, read=1)
    assert answer.status_code == 200, answer.text
    assert secretary.get(f"{place.at}/deadline")["deadline_on"] == latest
    assert stored(web, place.case).deadline_on == dt.date.fromisoformat(latest)


def test_a_case_is_assigned_by_lane_and_by_hand(web: Web, place: Place) -> None:
    keeper = web.person(Role.LANE_HOUSEKEEPER, place.code)
    inspector = web.person(Role.INSPECTOR, place.code)
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    workers = secretary.get("workers")
    assert [one["account"] for one in workers["housekeepers"]] == [keeper]
    assert [one["account"] for one in workers["inspectors"]] == [inspector]
    where = f"{place.at}/assignment"
    wrong = secretary.send("PUT", where, {"housekeeper": "x@y", "inspector": "z@y"}, read=1)
    assert codes(wrong) == ["no_worker", "no_worker"]
    assert codes(secretary.send("PUT", where, {}, read=1)) == ["nobody"]
    both = {"housekeeper": keeper.upper(), "inspector": inspector}
    answer = secretary.send("PUT", where, both, read=1)
    assert answer.status_code == 200, answer.text
    told = {"housekeeper": keeper, "basis": "person", "inspector": inspector}
    assert secretary.get(where) == told
    version = answer.get_json()["version"]
    answer = secretary.send("PUT", where, {"housekeeper": "lane", "inspector": None}, read=version)
    assert answer.status_code == 200, answer.text
    assert secretary.get(where) == {"housekeeper": None, "basis": "lane", "inspector": None}


def test_several_cases_are_assigned_or_none(web: Web, place: Place) -> None:
    inspector = web.person(Role.INSPECTOR, place.code)
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    cases = [{"id": str(one), "version": 1} for one in (place.case, place.other)]
    body = {"cases": cases, "inspector": inspector}
    answer = secretary.send("POST", "assignments", body)
    assert answer.status_code == 200, answer.text
    assert [one["inspector"] for one in answer.get_json()["cases"]] == [inspector] * 2
    half = [{"id": str(place.case), "version": 2}, cases[1]]
    stale = secretary.send("POST", "assignments", {"cases": half, "inspector": None})
    assert stale.status_code == 412
    assert [one["id"] for one in stale.get_json()["cases"]] == [str(place.other)]
    assert stale.get_json()["yours"] == {"cases": half, "inspector": None}
    assert stored(web, place.case).inspector_id is not None
    unknown = [{"id": str(uuid.uuid4()), "version": 1}]
    assert codes(secretary.send("POST", "assignments", {"cases": unknown, "inspector": None})) == [
        "unknown_case"
    ]


def test_difficulty_is_suggested_and_overridden_with_a_reason(web: Web, place: Place) -> None:
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    where = f"{place.at}/difficulty"
    suggested = secretary.get(where)
    assert (suggested["difficulty"], suggested["chosen"]) == (suggested["suggested"], None)
    assert codes(secretary.send("PUT", where, {"difficulty": 5}, read=1)) == ["reason_missing"]
    assert codes(secretary.send("PUT", where, {"difficulty": 6}, read=1)) == ["count"]
    body = {"difficulty": 5, "reason": "Two parties.", "is_remedial": True}
    assert secretary.send("PUT", where, body, read=1).status_code == 200
    now = secretary.get(where)
    assert (now["difficulty"], now["chosen"], now["reason"], now["is_remedial"]) == (
        5,
        5,
        "Two parties.",
        True,
    )


def test_another_household_answers_for_the_ground(web: Web, place: Place) -> None:
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    where = f"{place.at}/answer"
    unknown = {"household": "9-9", "reason": "theirs", "observation": "O9"}
    assert codes(secretary.send("POST", where, unknown, read=1)) == [
        "unknown_household",
        "nothing_to_reassign",
    ]
    body = {"household": "2-1-101", "reason": "The fence is theirs."}
    answer = secretary.send("POST", where, body, read=1)
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["state"] == "rejected"
    planner = Sender.of(web, Role.PLANNER, place.code)
    other = {"household": "1-1-101", "reason": "x"}
    refused = planner.send("POST", f"cases/{place.other}/answer", other, read=2)
    assert "not_permitted" in codes(refused)


def test_a_patrol_closes_a_case_or_finds_it_taken_again(web: Web, place: Place) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        for key in (place.case, place.other):
            case = session.scalars(select(Case).where(Case.id == key)).one()
            make.event(session, case, TODAY - dt.timedelta(days=400), State.ACCEPTED)
    inspector = Sender.of(web, Role.INSPECTOR, place.code)
    due = inspector.get("patrols")
    assert {one["case"] for one in due} == {str(place.case), str(place.other)}
    assert {one["days"] for one in due} == {365}
    assert inspector.get("patrols", until="2022-01-01") == []
    (walk,) = inspector.get("work", task="patrol")["sections"]
    assert [one["stop"] for one in walk["lines"]] == [1, 2]
    assert walk["lines"][0]["patrol_due_on"] == due[0]["due_on"]
    square = {"type": "Polygon", "coordinates": [[[122, 37], [122.1, 37], [122, 37.1], [122, 37]]]}
    both = {"found": "clear", "polygon": square}
    assert codes(inspector.send("POST", f"{place.at}/patrols", both, read=1)) == ["polygon"]
    answer = inspector.send("POST", f"{place.at}/patrols", {"found": "clear"}, read=1)
    assert answer.status_code == 200, answer.text
    told = inspector.get(f"{place.at}/patrols")
    assert [(one["days"], one["outcome"]) for one in told["made"]] == [(365, "clear")]
    assert told["next"] is None
    none = inspector.send("POST", f"cases/{place.other}/patrols", {"found": "same"}, read=1)
    assert none.status_code == 422


def test_my_day_is_a_round_for_who_goes_there(web: Web, place: Place) -> None:
    keeper = web.person(Role.LANE_HOUSEKEEPER, place.code)
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    cases = [{"id": str(one), "version": 1} for one in (place.case, place.other)]
    body = {"cases": cases, "housekeeper": keeper}
    assert secretary.send("POST", "assignments", body).status_code == 200
    mine = Sender.of(web, Role.LANE_HOUSEKEEPER, place.code)
    (visits,) = mine.get("work")["sections"]
    assert visits["task"] == "visit"
    assert [(one["stop"], one["household"]) for one in visits["lines"]] == [
        (1, "1-1-101"),
        (2, "2-1-101"),
    ]
    east = visits["lines"][1]["position"]
    (visits,) = mine.get("work", lon=east[0], lat=east[1])["sections"]
    assert [one["household"] for one in visits["lines"]] == ["2-1-101", "1-1-101"]
    tasks = [one["task"] for one in secretary.get("work")["sections"]]
    assert {"assign", "announce", "objection", "overdue"} <= set(tasks)


def test_a_declaration_link_opens_its_page_and_is_kept_nowhere(web: Web, place: Place) -> None:
    secretary = Sender.of(web, Role.SECRETARY, place.code)
    answer = secretary.send("POST", f"{place.at}/declaration-link", {})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    address = answer.get_json()["address"]
    page = web.client().get(address.removeprefix("http://localhost"))
    assert page.status_code == 200
    planner = Sender.of(web, Role.PLANNER, place.code)
    assert planner.send("POST", f"{place.at}/declaration-link", {}).status_code == 403
