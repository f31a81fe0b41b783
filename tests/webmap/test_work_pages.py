"""The pages of the daily work: who sees what, what forms do, and what never leaks."""

import html
import json
import re
import uuid
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.account_history import OPERATOR
from cases.assignment import CHANGED
from cases.declarations import HOUSEHOLD, HOUSEHOLD_ACCOUNT
from cases.memberships import GrantForm, grant
from cases.models import (
    Account,
    Case,
    CaseEvent,
    DeclarationLink,
    Lane,
    LaneBuilding,
    OrderOfWork,
    Patrol,
    Tip,
    TipState,
)
from cases.people import add_account
from cases.ranking import order_of_work
from cases.workflow import State
from layers.db import EVERYWHERE
from layers.models import Community, Observation, Parcel
from tests import builders as make
from tests.webmap.conftest import PASSWORD, Web, csrf_token, log_in

HOSTILE = "{{7*7}}</script><b>${alert(1)}"


_RING = [
    [122.2014 + dx / 8000, 37.4055 + 4.2 / 11100 + dy / 12000]
    for dx, dy in ((0.1, 0), (0.8, 0), (0.8, 0.5), (0.1, 0.5), (0.1, 0))
]
DRAWN = json.dumps({"type": "Polygon", "coordinates": [_RING]})


@dataclass(frozen=True)
class Scene:
    place: str
    community: int
    building: uuid.UUID
    case: uuid.UUID

    @property
    def root(self) -> str:
        return f"/c/{self.place}"

    @property
    def page(self) -> str:
        return f"{self.root}/cases/{self.case}"


@pytest.fixture
def scene(web: Web) -> Scene:
    """A verified case of one household on one parcel."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session, boundary=make.square(-2, -2, 20))
        house = make.building(session, place, make.square(0, 5), ref="12")
        ground = make.parcel(session, place, make.square(0, 4), ref="G1")
        who = make.household(session, place, ref="12-1-101", building_id=house.id)
        case = make.case(session, who, make.campaign(session, place), number=7)
        make.event(session, case, make.EARLY, State.SUSPECTED)
        make.event(session, case, make.EARLY, State.VERIFIED)
        seen = make.observation(session, place, make.square(0, 4))
        make.encroachment(session, seen, ground, case, make.square(0, 4), verified_on=make.EARLY)
        return Scene(place.code, place.id, house.id, case.id)


def post(client: FlaskClient, address: str, **fields: object) -> TestResponse:
    form = {"csrf_token": csrf_token(client, "/places"), **fields}
    return client.post(f"{address}?lang=en", data=form)


def account_of(web: Web, role: Role, place: str, name: str = "") -> int:
    email = web.person(role, place, name)
    with web.database.session(EVERYWHERE) as session:
        return session.scalars(select(Account.id).where(Account.email == email)).one()


def case_of(web: Web, scene: Scene) -> Case:
    with web.database.session(EVERYWHERE) as session:
        return session.scalars(select(Case).where(Case.id == scene.case)).one()


def events_of(web: Web, scene: Scene, event: str) -> list[CaseEvent]:
    with web.database.session(EVERYWHERE) as session:
        return list(
            session.scalars(
                select(CaseEvent)
                .where(CaseEvent.case_id == scene.case, CaseEvent.event == event)
                .order_by(CaseEvent.seq)
            )
        )


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def test_a_lane_is_made_on_its_page_and_its_case_follows(web: Web, scene: Scene) -> None:
    keeper = account_of(web, Role.LANE_HOUSEKEEPER, scene.place)
    client = web.login(Role.PLANNER, scene.place)
    empty = client.get(f"{scene.root}/lanes?lang=en").text
    assert "There is no lane yet" in empty
    answer = post(
        client,
        f"{scene.root}/lanes/new",
        ref="3",
        name=HOSTILE,
        housekeeper=keeper,
        buildings=[str(scene.building)],
    )
    assert answer.status_code == 302, answer.text
    assert case_of(web, scene).housekeeper_id == keeper
    page = client.get(f"{scene.root}/lanes?lang=en").text
    assert html.escape(HOSTILE, quote=False).replace("'", "&#39;") in page
    assert "<b>${alert" not in page
    with web.database.session(EVERYWHERE) as session:
        lane = session.scalars(select(Lane).where(Lane.community_id == scene.community)).one()
    assert post(client, f"{scene.root}/lanes/{lane.id}/remove").status_code == 422
    assert post(client, f"{scene.root}/lanes/{lane.id}/remove", sure="1").status_code == 302
    assert case_of(web, scene).housekeeper_id is None


def test_a_refused_lane_loses_nothing_that_was_typed(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    answer = post(
        client, f"{scene.root}/lanes/new", ref="", name="South", buildings=[str(scene.building)]
    )
    assert answer.status_code == 422
    assert 'value="South"' in answer.text
    assert re.search(rf'value="{scene.building}" checked', answer.text)
    assert "This is missing" in answer.text
    with web.database.session(EVERYWHERE) as session:
        found = select(LaneBuilding).where(LaneBuilding.community_id == scene.community)
        assert session.scalars(found).all() == []


def test_many_cases_are_assigned_at_once(web: Web, scene: Scene) -> None:
    inspector = account_of(web, Role.INSPECTOR, scene.place)
    client = web.login(Role.SECRETARY, scene.place)
    assert "no housekeeper, no inspector" in client.get(f"{scene.root}/work?lang=en").text
    nothing = post(client, f"{scene.root}/work/assign", cases=[str(scene.case)])
    assert nothing.status_code == 422
    answer = post(client, f"{scene.root}/work/assign", cases=[str(scene.case)], inspector=inspector)
    assert answer.status_code == 302, answer.text
    assert case_of(web, scene).inspector_id == inspector
    assert [one.data["duty"] for one in events_of(web, scene, CHANGED)] == ["inspector"]


def test_one_case_is_assigned_and_ranked_on_its_page(web: Web, scene: Scene) -> None:
    keeper = account_of(web, Role.LANE_HOUSEKEEPER, scene.place)
    client = web.login(Role.SECRETARY, scene.place)
    answer = post(
        client, f"{scene.page}/assignment", form="assignment", housekeeper=keeper, inspector=""
    )
    assert answer.status_code == 302, answer.text
    case = case_of(web, scene)
    assert case.housekeeper_id == keeper
    fields = {"form": "difficulty", "version": case.version, "difficulty": 5}
    assert post(client, f"{scene.page}/difficulty", **fields).status_code == 422
    ranked = post(client, f"{scene.page}/difficulty", **fields, reason=HOSTILE, is_remedial="1")
    assert ranked.status_code == 302, ranked.text
    case = case_of(web, scene)
    assert (case.difficulty, case.difficulty_reason, case.is_remedial) == (5, HOSTILE, True)
    page = text_of(client.get(f"{scene.page}?lang=en").text)
    assert "Difficulty 5 of 5" in page
    assert "remedial team" in page


def test_two_people_who_rank_a_case_do_not_overwrite_one_another(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    stale = {"form": "difficulty", "version": case_of(web, scene).version, "reason": "x"}
    assert post(client, f"{scene.page}/difficulty", **stale, difficulty=4).status_code == 302
    assert post(client, f"{scene.page}/difficulty", **stale, difficulty=1).status_code == 412
    assert case_of(web, scene).difficulty == 4


def test_the_secretary_says_in_which_order_a_campaign_works(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    answer = post(client, f"{scene.root}/work/order", order="difficult_first")
    assert answer.status_code == 302
    with web.database.session(EVERYWHERE) as session:
        community = session.get_one(Community, scene.community)
        assert order_of_work(session, community) is OrderOfWork.DIFFICULT_FIRST


def test_everybody_has_a_page_of_work_and_it_says_what_to_do(web: Web, scene: Scene) -> None:
    for role in (Role.LANE_HOUSEKEEPER, Role.INSPECTOR, Role.SECRETARY, Role.PLANNER):
        client = web.login(role, scene.place)
        assert client.get(f"{scene.root}/work").status_code == 200
        assert client.get("/work").status_code == 200
    assert web.login(Role.OFFICIAL, scene.place).get(f"{scene.root}/work").status_code == 403
    assert "no work on cases" in web.login(Role.PLANNER, scene.place).get("/work?lang=en").text
    other = web.login(Role.SECRETARY, scene.place).get("/work?lang=en").text
    assert f"/c/{scene.place}/work" in other


def test_a_round_begins_where_somebody_stands(web: Web, scene: Scene) -> None:
    client = web.login(Role.INSPECTOR, scene.place)
    for query in ("lon=122.2&lat=37.4", "lon=nan&lat=inf", "lon=x", f"start={scene.building}"):
        assert client.get(f"{scene.root}/work?{query}").status_code == 200


def test_a_tip_is_kept_without_a_name_and_read_by_those_who_check(web: Web, scene: Scene) -> None:
    keeper = web.login(Role.LANE_HOUSEKEEPER, scene.place)
    answer = post(keeper, f"{scene.root}/tips", wording=f"a fence {HOSTILE}", parcel="G1")
    assert answer.status_code == 302, answer.text
    assert "a fence" not in keeper.get(f"{scene.root}/tips?lang=en").text
    inspector = web.login(Role.INSPECTOR, scene.place)
    page = inspector.get(f"{scene.root}/tips?lang=en").text
    assert "a fence" in page
    assert "<b>${alert" not in page
    with web.database.session(EVERYWHERE) as session:
        tip = session.scalars(select(Tip).where(Tip.community_id == scene.community)).one()
    email = web.person(Role.LANE_HOUSEKEEPER, scene.place)
    assert email not in page
    assert post(inspector, f"{scene.root}/tips/{tip.id}", outcome="dismissed").status_code == 422
    answer = post(inspector, f"{scene.root}/tips/{tip.id}", outcome="confirmed")
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{scene.root}/observations/new?parcel={tip.parcel_id}"
    with web.database.session(EVERYWHERE) as session:
        kept = session.get_one(Tip, (scene.community, tip.id))
        assert (kept.state, kept.note) == (TipState.CONFIRMED, "")
    assert web.login(Role.PLANNER, scene.place).get(f"{scene.root}/tips").status_code == 403


def test_nothing_of_a_tip_is_on_the_case_nor_in_the_api(web: Web, scene: Scene) -> None:
    inspector = web.login(Role.INSPECTOR, scene.place)
    assert (
        post(inspector, f"{scene.root}/tips", wording="overheard", parcel="G1").status_code == 302
    )
    with web.database.session(EVERYWHERE) as session:
        seen = session.scalars(
            select(Observation).where(Observation.community_id == scene.community)
        ).one()
        assert seen.note == ""
    secretary = web.login(Role.SECRETARY, scene.place)
    rules = [
        re.sub(r"<uuid:case_id>", str(scene.case), rule.rule).replace("<place>", scene.place)
        for rule in web.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and set(rule.arguments) <= {"place", "case_id"}
    ]
    for address in rules:
        if address.endswith("/tips"):
            continue
        assert b"overheard" not in secretary.get(address).data, address


def test_what_was_seen_is_flagged_at_once(web: Web, scene: Scene) -> None:
    client = web.login(Role.INSPECTOR, scene.place)
    answer = post(
        client, f"{scene.root}/observations/new", polygon="{", structure_type="fence", note="n"
    )
    assert answer.status_code == 422
    answer = post(client, f"{scene.root}/observations/new", polygon="", structure_type="fence")
    assert "Nothing is drawn" in answer.text or "No ground is drawn" in answer.text
    answer = post(client, f"{scene.root}/observations/new", polygon=DRAWN, structure_type="fence")
    assert answer.status_code == 302, answer.text
    with web.database.session(EVERYWHERE) as session:
        seen = session.scalars(
            select(Observation).where(
                Observation.community_id == scene.community, Observation.purpose == "verification"
            )
        ).all()
    assert len(seen) == 1


def test_drawing_over_the_case_of_another_inspector_leads_to_the_map_alone(
    web: Web, scene: Scene
) -> None:
    account = account_of(web, Role.INSPECTOR, scene.place, "hers")
    with web.database.session(EVERYWHERE) as session, session.begin():
        session.scalars(select(Case).where(Case.id == scene.case)).one().inspector_id = account
    client = web.login(Role.INSPECTOR, scene.place)
    assert client.get(scene.page).status_code == 404
    answer = post(client, f"{scene.root}/observations/new", polygon=DRAWN, structure_type="fence")
    assert (answer.status_code, answer.location) == (302, f"/map/{scene.place}")
    assert client.get(scene.page).status_code == 404


def test_a_household_declares_by_the_letter(web: Web, scene: Scene) -> None:
    secretary = web.login(Role.SECRETARY, scene.place)
    letter = post(secretary, f"{scene.page}/declaration-link")
    assert letter.status_code == 200, letter.text
    assert letter.headers["Cache-Control"] == "private, no-store"
    assert "<svg" in letter.text
    found = re.search(r"http://localhost(/d/[\w-]+)", letter.text)
    assert found
    stranger = web.client()
    page = stranger.get(f"{found.group(1)}?lang=en")
    assert page.status_code == 200
    assert "12-1-101" not in page.text
    assert "example.org" not in page.text
    form = {"csrf_token": csrf_token(stranger, found.group(1)), "note": HOSTILE}
    done = stranger.post(f"{found.group(1)}?lang=en", data=form)
    assert done.status_code == 200
    assert "Thank you" in done.text
    assert case_of(web, scene).state is State.SELF_CLEARING
    event = events_of(web, scene, "case:state:self_clearing")[0]
    assert (event.actor, event.note) == (HOUSEHOLD, HOSTILE)
    again = stranger.post(f"{found.group(1)}?lang=en", data=form)
    assert again.status_code == 422
    assert "has been used" in again.text
    assert "<b>${alert" not in again.text
    with web.database.session(EVERYWHERE) as session:
        link = session.scalars(
            select(DeclarationLink).where(DeclarationLink.case_id == scene.case)
        ).one()
    assert link.used_at is not None
    refused = post(secretary, f"{scene.page}/declaration-link", form="declaration")
    assert refused.status_code == 422


def test_an_unknown_link_opens_nothing(web: Web) -> None:
    assert web.client().get("/d/nothing").status_code == 404
    assert web.client().get("/d/" + "x" * 3000).status_code == 404


def test_links_cannot_be_tried_without_end(web: Web) -> None:
    client = web.client()
    answers = [client.get(f"/d/guess{number}").status_code for number in range(70)]
    assert set(answers) == {404, 429}


def test_a_patrol_is_recorded_on_the_page_of_its_case(web: Web, scene: Scene) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == scene.case)).one()
        make.event(session, case, make.EARLY, State.ACCEPTED)
    client = web.login(Role.INSPECTOR, scene.place)
    page = text_of(client.get(f"{scene.page}?lang=en").text)
    assert "Next patrol: day 365" in page
    fields = {"form": "patrol", "version": case_of(web, scene).version, "left": "clear"}
    answer = post(client, f"{scene.page}/patrols", **fields, structure_type="fence", note="dry")
    assert answer.status_code == 302, answer.text
    assert case_of(web, scene).state is State.CLOSED
    with web.database.session(EVERYWHERE) as session:
        made = session.scalars(select(Patrol).where(Patrol.case_id == scene.case)).one()
    assert (made.days, made.note) == (365, "dry")
    assert "Every patrol has been made" in text_of(client.get(f"{scene.page}?lang=en").text)


def test_a_housekeeper_sees_the_own_households_alone_and_the_map_as_everybody(
    web: Web, scene: Scene
) -> None:
    keeper = account_of(web, Role.LANE_HOUSEKEEPER, scene.place, "mine")
    mine = web.login(Role.LANE_HOUSEKEEPER, scene.place, "mine")
    other = web.login(Role.LANE_HOUSEKEEPER, scene.place, "other")
    secretary = web.login(Role.SECRETARY, scene.place)
    fields = {"form": "assignment", "housekeeper": keeper, "inspector": ""}
    assert post(secretary, f"{scene.page}/assignment", **fields).status_code == 302
    with web.database.session(EVERYWHERE) as session:
        parcel = session.scalars(
            select(Parcel.id).where(Parcel.community_id == scene.community)
        ).one()
    api = f"/api/v1/communities/{scene.place}"
    number = f"{scene.place}-2022-0007"
    for client, sees in ((mine, True), (other, False)):
        for address in (
            scene.page,
            f"{api}/cases/{scene.case}",
            f"{api}/cases/{scene.case}/events",
        ):
            assert client.get(address).status_code == (200 if sees else 404), address
        assert (number in client.get(f"{scene.root}/cases").text) is sees
        assert (number in client.get(f"{scene.root}/cases.csv").text) is sees
        assert client.get(f"{api}/cases").get_json()["total"] == int(sees)
        assert len(client.get(f"{api}/parcels/{parcel}").get_json()["cases"]) == int(sees)
        hits = client.get(f"/api/v1/places/{scene.place}/search?q=0007").get_json()
        assert ([hit["kind"] for hit in hits] == ["case"]) is sees
        assert client.get(f"/api/v1/places/{scene.place}/status").get_json()["verified"] == 1
    move = {"target": "self_clearing"}
    headers = {"If-Match": '"v1"', "X-CSRFToken": csrf_token(other, "/places")}
    refused = other.post(f"{api}/cases/{scene.case}/moves", json=move, headers=headers)
    assert refused.status_code == 404, refused.text
    assert post(other, f"{scene.page}/declaration-link").status_code == 404


def test_a_resident_declares_for_the_own_household_by_account(web: Web, scene: Scene) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        people = {}
        for name, home in (("wang", "12-1-101"), ("zhou", "12-1-102")):
            place = session.get_one(Community, scene.community)
            if name == "zhou":
                make.household(session, place, ref=home)
            email = f"{name}.{scene.place}@example.org"
            account = add_account(
                session, email, name=name, password=PASSWORD, role=Role.OFFICIAL, place=scene.place
            )
            grant(session, account, GrantForm(Role.RESIDENT, scene.place, home), OPERATOR)
            people[name] = email
    clients = {}
    for name, email in people.items():
        clients[name] = web.client()
        assert log_in(clients[name], email).status_code == 302
    address = "/my-household"
    assert f"{scene.place}-2022-0007" in clients["wang"].get(f"{address}?lang=en").text
    assert "no case about" in clients["zhou"].get(f"{address}?lang=en").text
    assert post(clients["zhou"], address, case=str(scene.case)).status_code == 422
    assert post(clients["wang"], address).status_code == 422
    assert post(clients["wang"], address, case=str(scene.case), note="gone").status_code == 302
    event = events_of(web, scene, "case:state:self_clearing")[0]
    assert (event.actor, event.note) == (HOUSEHOLD_ACCOUNT, "gone")
    assert post(clients["wang"], address, case=str(scene.case)).status_code == 422
    assert case_of(web, scene).state is State.SELF_CLEARING
