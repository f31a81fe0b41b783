"""Every route x every role x the own community and another one, as SAFETY says."""

import io
import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select
from werkzeug.routing import Rule

from cases.access import GRANTS, Permission, Role
from cases.account_history import OPERATOR
from cases.memberships import GrantForm, grant
from cases.models import Account, PhotographSubject
from cases.people import open_account
from cases.photograph_files import PhotographFiles
from cases.photographs import Shots, add_photographs
from cases.pictures import read_picture
from cases.signing import Signature
from cases.submissions import Answer, Submission, keep_answer
from cases.workflow import State
from layers.db import EVERYWHERE
from layers.models import Community
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token
from tests.webmap.routes import (
    BODY_FIRST,
    BY_TOKEN,
    MAY,
    OF_A_HOUSEHOLD,
    OF_AN_ACCOUNT,
    ROUTES,
)
from webmap.gates import Anywhere, Gate, Open, gate_of
from webmap.pages.import_reports import REPORT
from webmap.throttle import PostgresStorage

REMOVING = {"lanes.drop_lane"}
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
# After these nobody is logged in; the second where it is called out of turn.
# Where there is nothing for whoever walks.
NOBODYS = BY_TOKEN | OF_A_HOUSEHOLD | OF_AN_ACCOUNT
ENDING = {"security.logout", "security.two_factor_token_validation"}


@dataclass(frozen=True)
class Walk:
    """What the names in addresses stand for, in the own community and in another."""

    here: dict[str, Any]
    there: dict[str, Any]


@pytest.fixture(autouse=True)
def _no_counts(web: Web) -> None:
    with web.app.app_context():
        PostgresStorage().reset()


@pytest.fixture
def walk(web: Web) -> Walk:
    return Walk(samples(web), samples(web))


def samples(web: Web) -> dict[str, Any]:
    """Make a community with one of everything that an address can name.

    Its case is the lane housekeeper's and was referred, so that each role sees it that
    sees any.
    """
    made = _made(web)
    web.give(made["case_id"], made["place"])
    return {**made, "import_id": report_of(web, made["place"])}


def report_of(web: Web, code: str) -> uuid.UUID:
    """Keep a report of a file that the inspector took in, and return its key."""
    email, key = web.person(Role.INSPECTOR, code), uuid.uuid4()
    report = {"file": "a.zip", "by": email, "new": [], "known": [], "unfinished": []}
    body = json.dumps({REPORT: {**report, "refused": {}, "photographs": 0}})
    with web.database.session(EVERYWHERE) as session, session.begin():
        account = session.scalars(select(Account).where(Account.email == email)).one()
        place = session.scalars(select(Community).where(Community.code == code)).one()
        given = Submission(place.id, account.id, key, "0" * 64)
        keep_answer(session, given, Answer(200, body))
    return key


def _made(web: Web) -> dict[str, Any]:
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session)
        # The account that reads it: whoever sent a submission sees it, and whoever reviews.
        sender = f"{Role.INSPECTOR}.{place.code}@example.org"
        home = make.household(session, place)
        parcel = make.parcel(session, place)
        run = make.campaign(session, place)
        case = make.case(session, home, run)
        make.event(session, case, make.EARLY, State.REFERRED, data={"addressee": "authority"})
        seen = make.observation(session, place)
        make.encroachment(session, seen, parcel, case)
        papers = make.campaign_papers(session, place, run, case)
        picture = io.BytesIO()
        Image.new("RGB", (64, 48), "green").save(picture, "PNG")
        shots = Shots([read_picture("a.png", picture.getvalue())], PhotographSubject.BEFORE)
        files = PhotographFiles(web.settings.photographs)
        (photograph,) = add_photographs(
            session, place, case.id, shots, files, Signature("ana@example.org")
        )
        someone = open_account(
            session, f"{make.fresh('walked')}@example.org", name="Li", actor=OPERATOR
        )
        membership = grant(session, someone, GrantForm(Role.PLANNER, place.code), OPERATOR)
        made = make.edit(session, place)
        tile = make.tile_at(16)
        return {
            "place": place.code,
            "parcel_id": parcel.id,
            "case_id": case.id,
            "observation_id": seen.id,
            "edit_id": made.id,
            "campaign_id": run.id,
            **papers,
            "kind": "docx",
            "photograph_id": photograph.id,
            "submission_id": make.submission(session, seen, recorded_by=sender).id,
            "upload_id": case.id,  # Nobody's: which version of tus is spoken is asked first.
            "language": "en",
            "size": "small",
            "which": "original",
            "account_id": someone.public_id,
            "membership_id": membership.id,
            "token_id": case.id,  # Nobody's, which the page says without a 404.
            "token": "no-token",
            "filename": "mark.svg",
            "z": tile.z,
            "x": tile.x,
            "y": tile.y,
        }


def _order(rule: Rule) -> tuple[bool, str]:
    """Take last what removes a row that other addresses name."""
    return rule.endpoint in REMOVING, rule.endpoint


def rules(web: Web) -> list[tuple[Rule, str]]:
    """Return every route with each of its methods."""
    return [
        (rule, method)
        for rule in sorted(web.app.url_map.iter_rules(), key=_order)
        for method in sorted((rule.methods or set()) & {"GET", *CHANGES})
    ]


def address(web: Web, rule: Rule, values: dict[str, Any]) -> str:
    """Return the address of a route; fails for a name that the samples do not know."""
    unknown = rule.arguments - values.keys()
    assert not unknown, f"{rule}: add {', '.join(unknown)} to samples() of the walk"
    adapter = web.app.url_map.bind("localhost")
    return adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments})


def call(client: FlaskClient, where: str, method: str) -> Any:
    headers = {"X-CSRFToken": csrf_token(client, "/reset")} if method in CHANGES else {}
    # What is sent is empty: a view that is reached says what it lacks.
    body: dict[str, Any] = {"json": {}} if where.startswith("/api/") else {"data": {}}
    answer = client.open(
        where, method=method, headers=headers, **(body if method in CHANGES else {})
    )
    answer.close()  # A static file stays open until it is read or closed.
    return answer


def allowed(gate: Gate, role: Role) -> bool:
    permission = gate.permission if isinstance(gate, Anywhere) else gate
    return not isinstance(permission, Permission) or role in MAY[permission]


def was_answered(status: int, method: str) -> bool:
    """Tell an answer of the view itself from one of the gate, and from a failure."""
    return (
        status in {200, 302} if method == "GET" else status < 500 and status not in {401, 403, 404}
    )


def test_the_table_has_a_line_for_each_route_and_none_too_many(web: Web) -> None:
    endpoints = {rule.endpoint for rule in web.app.url_map.iter_rules()}
    assert endpoints == ROUTES.keys()
    assert {one: gate_of(web.app, one) for one in endpoints} == ROUTES


def test_the_roles_grant_what_safety_says() -> None:
    assert MAY.keys() == set(Permission)
    granted = {one: {role for role in Role if one in GRANTS[role]} for one in Permission}
    assert granted == MAY


def test_permissions_are_one_sorted_enum_and_roles_are_eight_with_nobody() -> None:
    assert [one.name for one in Permission] == sorted(one.name for one in Permission)
    assert [one.value for one in Permission] == sorted(one.value for one in Permission)
    assert len(Role) + 1 == 8


def test_a_stranger_is_asked_to_log_in(web: Web, walk: Walk) -> None:
    for rule, method in rules(web):
        where = address(web, rule, walk.here)
        answer = call(web.client(), where, method)
        told = f"{method} {where}: {answer.status_code}"
        gate = ROUTES[rule.endpoint]
        if rule.endpoint in BY_TOKEN:
            assert answer.status_code == 404, told
        elif gate is Open.PUBLIC:
            assert was_answered(answer.status_code, method), told
        elif gate is Open.CLOSED:
            assert answer.status_code == 404, told
        elif where.startswith(("/api/", "/tiles/")):
            assert answer.status_code == 401, told
        else:
            assert answer.status_code == 302, told
            assert answer.headers["Location"].startswith("/login?next="), told


@pytest.mark.parametrize("role", list(Role))
def test_a_role_reaches_what_it_may_and_only_in_its_community(
    web: Web, walk: Walk, role: Role
) -> None:
    for rule, method in rules(web):
        gate = ROUTES[rule.endpoint]
        client = web.login(role, walk.here["place"])
        where = address(web, rule, walk.here)
        answer = call(client, where, method)
        told = f"{role}: {method} {where}: {answer.status_code}"
        if gate is Open.CLOSED or rule.endpoint in NOBODYS:
            assert answer.status_code == 404, told
        elif not allowed(gate, role):
            assert answer.status_code == 403, told
        else:
            assert was_answered(answer.status_code, method), told
        if rule.endpoint in ENDING:
            web.clients.clear()


@pytest.mark.parametrize("role", list(Role))
def test_another_community_is_not_there(web: Web, walk: Walk, role: Role) -> None:
    client = web.login(role, walk.here["place"])
    for rule, method in rules(web):
        gate = ROUTES[rule.endpoint]
        if isinstance(gate, Permission) or (isinstance(gate, Anywhere) and rule.arguments):
            where = address(web, rule, walk.there)
        else:
            continue
        answer = call(client, where, method)
        expected = {404} if isinstance(gate, Permission) or allowed(gate, role) else {403}
        if isinstance(gate, Anywhere) and rule.endpoint in BODY_FIRST and allowed(gate, role):
            expected = {404, 422}
        assert answer.status_code in expected, f"{role}: {method} {where}: {answer.status_code}"


@pytest.mark.parametrize("role", list(Role))
def test_the_rows_of_another_community_are_not_in_the_own(web: Web, walk: Walk, role: Role) -> None:
    client = web.login(role, walk.here["place"])
    for rule, method in rules(web):
        named = {name for name in rule.arguments if name.endswith("_id")}
        gate = ROUTES[rule.endpoint]
        if not isinstance(gate, Permission) or not named or not allowed(gate, role):
            continue
        for name in named:
            where = address(web, rule, {**walk.here, name: walk.there[name]})
            answer = call(client, where, method)
            expected = {404, 422} if rule.endpoint in BODY_FIRST else {404}
            assert answer.status_code in expected, f"{role}: {method} {where}: {answer.status_code}"


def test_the_admin_s_own_account_is_reached_by_no_other_s_number(web: Web, walk: Walk) -> None:
    client = web.login(Role.ADMIN, walk.here["place"])
    for act in ("approve", "revoke"):
        number = walk.there["membership_id"]
        where = f"/accounts/{walk.here['account_id']}/memberships/{number}/{act}"
        assert call(client, where, "POST").status_code == 404
    where = f"/api/v1/accounts/{walk.here['account_id']}/memberships/{number}"
    assert call(client, where, "DELETE").status_code == 404
    assert call(client, f"{where}/approval", "PUT").status_code == 404
