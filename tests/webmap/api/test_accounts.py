"""Accounts by the API: opened, closed, given roles by two persons; and never by a token."""

import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cases.access import Role
from cases.account_history import OPERATOR, history
from cases.memberships import GrantForm, grant
from cases.models import Idempotency
from cases.people import named_account, open_account
from cases.tokens import TokenForm, make_token
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.conftest import Web, csrf_token, log_in
from webmap.throttle import PostgresStorage

ACCOUNTS = "/api/v1/accounts"
NEW = "another horse 8"


@pytest.fixture(autouse=True)
def _no_counts(web: Web) -> None:
    with web.app.app_context():
        PostgresStorage().reset()


@pytest.fixture(scope="module")
def town(web: Web) -> dict[str, str]:
    """A town with a community, and another town beside it."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        region, other = make.region(session), make.region(session)
        place = make.community(session, region_id=region.id)
        home = make.household(session, place)
        return {
            "town": region.code,
            "other": other.code,
            "place": place.code,
            "household": home.ref,
        }


@pytest.fixture
def admin(web: Web, town: dict[str, str]) -> Sender:
    return Sender.of(web, Role.ADMIN, town["town"])


def someone(web: Web, place: str, role: Role = Role.PLANNER) -> tuple[str, str]:
    """Make an account with one role, and return its address under the API and its own."""
    email = f"{make.fresh('li')}@example.org"
    with web.database.session(EVERYWHERE) as session, session.begin():
        made = open_account(session, email, name="Li", actor=OPERATOR)
        grant(session, made, GrantForm(role, place), OPERATOR)
        return f"{ACCOUNTS}/{made.public_id}", email


def bearer(web: Web, email: str) -> dict[str, str]:
    """Return the header of a token of an account that may write."""
    form = TokenForm(make.fresh("token"), None, may_write=True)
    with web.database.session(EVERYWHERE) as session, session.begin():
        secret = make_token(session, named_account(session, email), form, OPERATOR)
    return {"Authorization": f"Bearer {secret}"}


def acts(web: Web, email: str) -> list[str]:
    with web.database.session(EVERYWHERE) as session:
        found = history(session, named_account(session, email).id, limit=50)
        return [one.event.removeprefix("account:") for one in found]


def follow(web: Web, link: str, email: str) -> FlaskClient:
    """Set a password by a link, and log in with it."""
    where = link.removeprefix("http://localhost")
    stranger = web.client()
    form = {
        "csrf_token": csrf_token(stranger, where),
        "password": NEW,
        "password_confirm": NEW,
    }
    assert stranger.post(where, data=form).status_code == 302
    assert log_in(stranger, email, NEW).status_code == 302
    return stranger


def test_an_account_is_opened_and_its_owner_gets_in_by_the_link(
    web: Web, town: dict[str, str], admin: Sender
) -> None:
    body = {"email": "Ming@Example.org", "name": "明", "role": "planner", "place": town["place"]}
    made = admin.send("POST", ACCOUNTS, body)
    assert made.status_code == 201, made.text
    assert made.headers["Cache-Control"] == "no-store"
    told = made.get_json()
    assert told["account"]["email"] == "ming@example.org"
    (role,) = told["account"]["memberships"]
    assert (role["role"], role["place"], role["state"]) == ("planner", town["place"], "in_force")
    follow(web, told["address"], "ming@example.org")
    again = admin.send("POST", ACCOUNTS, body)
    assert (again.status_code, codes(again)) == (422, ["email_taken"])
    found = admin.get(ACCOUNTS, q="明")
    assert [one["id"] for one in found["accounts"]] == [told["account"]["id"]]
    assert admin.get(ACCOUNTS, q="%")["accounts"] == []


def test_an_account_with_faults_is_refused_by_field_and_leaves_nothing(
    admin: Sender, town: dict[str, str]
) -> None:
    good = {"email": "x@example.org", "name": "X", "role": "planner", "place": town["place"]}
    for change, fields in (
        ({"email": "nobody", "name": ""}, ["email", "name"]),
        ({"role": "king"}, ["role"]),
        ({"place": "nowhere"}, ["place"]),
        ({"place": town["other"]}, ["place"]),
        ({"place": None}, ["place"]),
        ({"role": "resident"}, ["household"]),
        ({"name": "a\x00b"}, ["name"]),
    ):
        answer = admin.send("POST", ACCOUNTS, {**good, **change})
        assert answer.status_code == 422, change
        assert [one["field"] for one in answer.get_json()["problems"]] == fields, change
    assert admin.get(ACCOUNTS, q="x@example.org")["total"] == 0


def test_the_list_comes_a_page_at_a_time_and_holds_the_own_places_alone(
    web: Web, admin: Sender, town: dict[str, str]
) -> None:
    mine = {someone(web, town["place"])[1] for _ in range(5)}
    _where, foreign = someone(web, town["other"])
    seen: list[str] = []
    address = f"{ACCOUNTS}?limit=2&q=li"
    while address:
        page = admin.get(address)
        assert len(page["accounts"]) <= 2
        seen += [one["email"] for one in page["accounts"]]
        address = page["next"]
    assert seen == sorted(set(seen))
    assert mine <= set(seen)
    assert foreign not in seen
    assert len(seen) == page["total"]
    answer = admin.send("GET", f"{ACCOUNTS}?cursor=made-up")
    assert codes(answer) == ["cursor"]


def test_a_weighty_role_waits_for_another_admin(
    web: Web, admin: Sender, town: dict[str, str]
) -> None:
    where, _email = someone(web, town["place"])
    body = {"role": "secretary", "place": town["place"]}
    told = admin.send("POST", f"{where}/memberships", body)
    assert told.status_code == 201, told.text
    waits = told.get_json()["memberships"][-1]
    assert (waits["role"], waits["state"]) == ("secretary", "waiting")
    assert codes(admin.send("POST", f"{where}/memberships", body)) == ["granted"]
    approval = f"{where}/memberships/{waits['id']}/approval"
    assert codes(admin.send("PUT", approval)) == ["same_person"]
    listed = {one["membership"]["id"]: one for one in admin.get(f"{ACCOUNTS}/waiting")}
    assert [one["code"] for one in listed[waits["id"]]["hindrances"]] == ["same_person"]
    second = Sender.of(web, Role.ADMIN, town["town"], "second")
    listed = {one["membership"]["id"]: one for one in second.get(f"{ACCOUNTS}/waiting")}
    assert listed[waits["id"]]["hindrances"] == []
    first, again = (second.send("PUT", approval) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.get_json()["memberships"][-1]["state"] == "in_force"
    assert again.get_json() == first.get_json()
    assert codes(admin.send("PUT", approval)) == ["not_waiting", "same_person"]


def test_one_hand_is_not_two_persons_here_either(
    web: Web, admin: Sender, town: dict[str, str]
) -> None:
    email = web.person(Role.ADMIN, town["town"], "puppet")
    with web.database.session(EVERYWHERE) as session:
        puppet = f"{ACCOUNTS}/{named_account(session, email).public_id}"
    link = admin.send("POST", f"{puppet}/reset").get_json()["address"]
    client = follow(web, link, email)
    hand = Sender(client, town["place"], csrf_token(client, "/places"))
    where, _email = someone(web, town["place"])
    body = {"role": "secretary", "place": town["place"]}
    told = admin.send("POST", f"{where}/memberships", body).get_json()
    number = told["memberships"][-1]["id"]
    assert codes(hand.send("PUT", f"{where}/memberships/{number}/approval")) == ["one_hand"]


def test_nobody_grants_to_themselves_or_closes_the_own_account(
    web: Web, admin: Sender, town: dict[str, str]
) -> None:
    with web.database.session(EVERYWHERE) as session:
        email = web.person(Role.ADMIN, town["town"])
        mine = f"{ACCOUNTS}/{named_account(session, email).public_id}"
    body = {"role": "planner", "place": town["place"]}
    assert codes(admin.send("POST", f"{mine}/memberships", body)) == ["self"]
    for method, path, sent in (
        ("PUT", "state", {"active": False}),
        ("POST", "reset", None),
        ("DELETE", "factor", None),
    ):
        assert codes(admin.send(method, f"{mine}/{path}", sent)) == ["not_managed"]
    told = admin.get(mine)
    assert (told["managed"], told["history"]) == (False, [])


def test_a_role_ends_once_and_its_households_with_it(
    web: Web, admin: Sender, town: dict[str, str]
) -> None:
    where, email = someone(web, town["place"])
    body = {"role": "resident", "place": town["place"], "household": town["household"]}
    told = admin.send("POST", f"{where}/memberships", body).get_json()
    home = told["memberships"][-1]
    assert home["households"] == [town["household"]]
    address = f"{where}/memberships/{home['id']}"
    first, again = (admin.send("DELETE", address) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.get_json() == again.get_json()
    ended = first.get_json()["memberships"][-1]
    assert (ended["state"], ended["households"]) == ("revoked", [])
    assert acts(web, email).count("membership:revoked") == 1
    other, _email = someone(web, town["place"])
    assert admin.send("DELETE", f"{other}/memberships/{home['id']}").status_code == 404
    assert admin.send("DELETE", f"{where}/memberships/{2**40}").status_code == 404


def test_an_account_is_closed_and_opened_once_and_its_tokens_end(
    web: Web, admin: Sender, town: dict[str, str]
) -> None:
    where, email = someone(web, town["place"])
    token = bearer(web, email)
    assert web.client().get("/api/v1/account", headers=token).status_code == 200
    for active, event in ((False, "account:closed"), (True, "account:opened")):
        for _ in range(2):
            told = admin.send("PUT", f"{where}/state", {"active": active})
            assert told.get_json()["active"] is active
        assert acts(web, email).count(event) == 1
    assert web.client().get("/api/v1/account", headers=token).status_code == 401
    admin.send("PUT", f"{where}/state", {"active": False})
    assert codes(admin.send("POST", f"{where}/reset")) == ["closed"]
    body = {"role": "inspector", "place": town["place"]}
    assert codes(admin.send("POST", f"{where}/memberships", body)) == ["closed"]
    assert codes(admin.send("PUT", f"{where}/state", {"active": "no"})) == ["flag"]


def test_a_link_is_told_once_and_the_latest_alone_is_good(
    web: Web, admin: Sender, town: dict[str, str]
) -> None:
    where, email = someone(web, town["place"])
    key = uuid.uuid4()
    first, second = (admin.send("POST", f"{where}/reset", key=key) for _ in range(2))
    assert first.headers["Cache-Control"] == second.headers["Cache-Control"] == "no-store"
    old, new = (one.get_json()["address"] for one in (first, second))
    assert old != new
    assert web.client().get(old.removeprefix("http://localhost")).status_code == 302
    follow(web, new, email)
    assert "reset/" not in admin.client.get(where).text
    with web.database.session(EVERYWHERE) as session:
        assert session.scalar(select(Idempotency).where(Idempotency.key == key)) is None


def test_a_lost_factor_is_taken_off_once(web: Web, admin: Sender, town: dict[str, str]) -> None:
    where, email = someone(web, town["place"])
    assert admin.send("DELETE", f"{where}/factor").status_code == 200
    assert "factor:removed" not in acts(web, email)
    with web.database.session(EVERYWHERE) as session, session.begin():
        account = named_account(session, email)
        account.tf_primary_method, account.tf_totp_secret = "authenticator", "x"
    assert admin.get(where)["second_factor"] is True
    for _ in range(2):
        told = admin.send("DELETE", f"{where}/factor").get_json()
        assert told["second_factor"] is False
    assert acts(web, email).count("factor:removed") == 1
    assert told["managed"] is True
    assert told["history"][0]["event"] == "account:factor:removed"


def test_an_admin_of_one_town_reaches_no_account_of_another(
    web: Web, admin: Sender, town: dict[str, str]
) -> None:
    where, _email = someone(web, town["other"])
    for method, path, body in CHANGES:
        assert admin.send(method, path.replace("ACCOUNT", where), body).status_code == (
            422 if path == ACCOUNTS else 404
        )
    assert admin.send("GET", where).status_code == 404


def test_where_an_admin_may_grant_is_told(admin: Sender, town: dict[str, str]) -> None:
    told = admin.get(f"{ACCOUNTS}/places")
    assert told["everywhere"] is False
    assert {one["code"] for one in told["places"]} == {town["town"], town["place"]}


CHANGES: list[tuple[str, str, Any]] = [
    ("POST", ACCOUNTS, {"email": "z", "name": "Z", "role": "planner"}),
    ("PUT", "ACCOUNT/state", {"active": False}),
    ("DELETE", "ACCOUNT/factor", None),
    ("POST", "ACCOUNT/reset", None),
    ("POST", "ACCOUNT/memberships", {"role": "planner"}),
    ("PUT", "ACCOUNT/memberships/1/approval", None),
    ("DELETE", "ACCOUNT/memberships/1", None),
]


@pytest.mark.parametrize("role", [one for one in Role if one is not Role.ADMIN])
def test_no_other_role_has_accounts(web: Web, town: dict[str, str], role: Role) -> None:
    where, _email = someone(web, town["place"])
    sender = Sender.of(web, role, town["place"])
    for path in (ACCOUNTS, f"{ACCOUNTS}/waiting", f"{ACCOUNTS}/places", where):
        assert sender.send("GET", path).status_code == 403
    for method, path, body in CHANGES:
        answer = sender.send(method, path.replace("ACCOUNT", where), body)
        assert answer.status_code == 403, path


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_token_reads_accounts_and_changes_none(
    web: Web, town: dict[str, str], method: str, path: str, body: Any
) -> None:
    where, email = someone(web, town["place"])
    token = bearer(web, web.person(Role.ADMIN, town["town"]))
    before = acts(web, email)
    stranger = web.client()
    assert stranger.get(where, headers=token).get_json()["email"] == email
    assert stranger.get(ACCOUNTS, headers=token).status_code == 200
    answer = stranger.open(
        path.replace("ACCOUNT", where), method=method, headers=token, json=body or {}
    )
    assert (answer.status_code, codes(answer)) == (403, ["by_session"])
    assert "Log in" in answer.get_json()["problems"][0]["remedy"]
    assert acts(web, email) == before


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_a_change_needs_its_own_token_of_the_session_and_a_fresh_password(
    web: Web, town: dict[str, str], method: str, path: str, body: Any
) -> None:
    where, email = someone(web, town["place"])
    client = web.client()
    log_in(client, web.person(Role.ADMIN, town["town"], "tired"))
    before, address = acts(web, email), path.replace("ACCOUNT", where)
    assert client.open(address, method=method, json=body or {}).status_code == 400
    with client.session_transaction() as known:
        known["fs_paa"] -= 3600
        known.pop("fs_gexp", None)
    tired = Sender(client, town["place"], csrf_token(client, "/places"))
    answer = tired.send(method, address, body)
    assert (answer.status_code, codes(answer)) == (403, ["confirm_password"])
    assert "/account/confirmation" in answer.get_json()["problems"][0]["remedy"]
    assert acts(web, email) == before
