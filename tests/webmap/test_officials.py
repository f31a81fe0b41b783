"""An official reads the named cases that were referred to the authority, and changes none."""

import uuid
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from cases.access import Role
from cases.models import Case
from cases.workflow import State
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token
from tests.webmap.routes import ROUTES
from tests.webmap.test_routes import CHANGES, address, call, rules, samples


@dataclass(frozen=True)
class District:
    """A compound of a town, with a case to each name, and another town."""

    town: str
    place: str
    other_town: str
    cases: dict[str, uuid.UUID]


@pytest.fixture(scope="module")
def district(web: Web) -> District:
    with web.database.session(EVERYWHERE) as session, session.begin():
        town, other = make.region(session), make.region(session)
        place = make.community(session, region_id=town.id)
        run = make.campaign(session, place)
        cases: dict[str, Case] = {}
        for name, state, addressee in (
            ("open", State.DECLINED, None),
            ("referred", State.REFERRED, "authority"),
            ("claimed", State.REFERRED, "owners_claim"),
            ("inspected", State.INSPECTED, None),
        ):
            home = make.household(session, place, ref=name)
            cases[name] = make.case(session, home, run, number=len(cases) + 1)
            if name == "inspected":
                data = {"addressee": "authority"}
                make.event(session, cases[name], make.EARLY, State.REFERRED, data=data)
            data = {"addressee": addressee} if addressee else {}
            make.event(session, cases[name], make.EARLY, state, data=data, note=f"why {name}")
        return District(
            town.code, place.code, other.code, {name: one.id for name, one in cases.items()}
        )


def test_the_list_holds_what_was_referred_and_nothing_else(web: Web, district: District) -> None:
    official = web.login(Role.OFFICIAL, district.town)
    root = f"/c/{district.place}/cases"
    for path in (root, f"{root}.csv"):
        text = official.get(path).text
        assert f"{district.place}-2022-0002" in text
        assert not any(f"{district.place}-2022-000{number}" in text for number in (1, 3, 4))
    api = official.get(f"/api/v1/communities/{district.place}/cases").get_json()
    assert [one["household"] for one in api["cases"]] == ["referred"]
    assert api["total"] == 1


def test_the_page_and_the_api_show_what_was_referred_and_nothing_else(
    web: Web, district: District
) -> None:
    official = web.login(Role.OFFICIAL, district.town)
    api = f"/api/v1/communities/{district.place}/cases"
    for name, case_id in district.cases.items():
        expected = 200 if name == "referred" else 404
        page = official.get(f"/c/{district.place}/cases/{case_id}?lang=en")
        assert page.status_code == expected, name
        for path in ("", "/events", "/ground"):
            assert official.get(f"{api}/{case_id}{path}").status_code == expected, (name, path)


def test_the_page_offers_an_official_nothing_to_do_and_no_way_to_the_map(
    web: Web, district: District
) -> None:
    official = web.login(Role.OFFICIAL, district.town)
    page = official.get(f"/c/{district.place}/cases/{district.cases['referred']}?lang=en").text
    assert "why referred" in page
    assert 'action="/c/' not in page
    assert f"/map/{district.place}" not in page
    assert f'href="/c/{district.place}/cases"' in official.get("/places").text
    listed = official.get(f"/api/v1/communities/{district.place}/cases").get_json()["cases"][0]
    case = official.get(f"/api/v1/communities/{district.place}/cases/{listed['id']}").get_json()
    assert not any(move["permitted"] for move in case["moves"])


def test_the_official_of_another_town_has_none_of_it(web: Web, district: District) -> None:
    stranger = web.login(Role.OFFICIAL, district.other_town)
    case_id = district.cases["referred"]
    assert stranger.get(f"/c/{district.place}/cases").status_code == 404
    assert stranger.get(f"/c/{district.place}/cases/{case_id}").status_code == 404
    api = f"/api/v1/communities/{district.place}/cases/{case_id}"
    assert stranger.get(api).status_code == 404


def test_an_official_changes_no_case_by_any_route(web: Web) -> None:
    made = samples(web)
    official = web.login(Role.OFFICIAL, made["place"])
    before = _case(web, made["case_id"])
    token = csrf_token(official, "/reset")
    move = {"target": "inspected", "residual": None}
    headers = {"If-Match": f'"v{before.version}"', "X-CSRFToken": token}
    api = f"/api/v1/communities/{made['place']}/cases/{made['case_id']}/moves"
    assert official.post(api, json=move, headers=headers).status_code == 422
    for rule, method in rules(web):
        if "case_id" in rule.arguments and method in CHANGES:
            answer = call(official, address(web, rule, made), method)
            gate = ROUTES[rule.endpoint]
            assert answer.status_code in {403, 404, 422, 428}, (rule.endpoint, gate)
    after = _case(web, made["case_id"])
    assert (after.version, after.state) == (before.version, before.state)


def test_no_paper_of_a_campaign_comes_with_the_right_to_read_cases(web: Web) -> None:
    made = samples(web)
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = session.scalars(select(Case).where(Case.id == made["case_id"])).one()
        paper = make.campaign_paper(session, place.community_id, made["campaign_id"])
    api = f"/api/v1/communities/{made['place']}/papers"
    planner, official = (web.login(one, made["place"]) for one in (Role.PLANNER, Role.OFFICIAL))
    for where in (
        f"/c/{made['place']}/papers/{paper}.docx",
        f"{api}/{paper}",
        f"{api}/{paper}/file.docx",
        f"{api}/{paper}/file.pdf",
    ):
        assert planner.get(where).status_code == 200
        assert official.get(where).status_code == 404
    listed = [one["id"] for one in planner.get(api).get_json()["papers"]]
    assert str(paper) in listed
    assert str(paper) not in [one["id"] for one in official.get(api).get_json()["papers"]]


def _case(web: Web, case_id: uuid.UUID) -> Case:
    with web.database.session(EVERYWHERE) as session:
        return session.scalars(select(Case).where(Case.id == case_id)).one()


def test_a_list_without_referred_cases_says_so(web: Web) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session)
        make.case(session, make.household(session, place), make.campaign(session, place))
        code = place.code
    page = web.login(Role.OFFICIAL, code).get(f"/c/{code}/cases?lang=en").text
    assert "No case here is referred to the authority" in page
    assert "You see no case here yet" not in page
