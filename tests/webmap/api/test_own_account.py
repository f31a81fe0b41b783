"""The own account by the API: as its page does, by a session alone, and secrets told once."""

import datetime as dt
from typing import Any

import pytest
from flask.testing import FlaskClient
from passlib.totp import TOTP

from cases.access import Role
from cases.account_history import OPERATOR, history
from cases.people import named_account
from cases.tokens import TokenForm, make_token
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.conftest import PASSWORD, Web, csrf_token, log_in
from tests.webmap.test_factors import close, worker
from webmap.accounts import LoginLimits
from webmap.throttle import PostgresStorage

OWN = "/api/v1/account"
NEW = "another horse 8"


@pytest.fixture(autouse=True)
def _no_counts(web: Web) -> None:
    with web.app.app_context():
        PostgresStorage().reset()


def somebody(web: Web, client: FlaskClient | None = None) -> tuple[str, Sender]:
    """Log somebody in who has nothing yet, and return the address with who sends."""
    email = web.person(Role.PLANNER, name=make.fresh("own"))
    client = client or web.client()
    assert log_in(client, email).status_code == 302
    return email, Sender(client, "", csrf_token(client, "/places"))


def tire(client: FlaskClient) -> None:
    """Let the password have been given long ago."""
    with client.session_transaction() as known:
        known["fs_paa"] -= 3600
        known.pop("fs_gexp", None)


def bearer(web: Web, email: str, *, may_write: bool = True) -> dict[str, str]:
    with web.database.session(EVERYWHERE) as session, session.begin():
        form = TokenForm(make.fresh("token"), None, may_write)
        secret = make_token(session, named_account(session, email), form, OPERATOR)
    return {"Authorization": f"Bearer {secret}"}


def acts(web: Web, email: str) -> list[str]:
    with web.database.session(EVERYWHERE) as session:
        found = history(session, named_account(session, email).id, limit=50)
        return [one.event.removeprefix("account:") for one in found]


def code_of(key: str, step: int = 0) -> str:
    clock = TOTP(key)
    return str(clock.generate(clock.now() + 30 * step).token)


def test_the_own_account_tells_what_its_page_shows(web: Web) -> None:
    email, mine = somebody(web)
    told = mine.get(OWN)
    assert told["email"] == email
    assert [one["role"] for one in told["memberships"]] == ["planner"]
    assert (told["second_factor"], told["factor_needed"], told["tokens"]) == (False, False, [])
    assert told["logins"][0]["address"] == "127.0.0.1"
    assert told["history"][0]["event"] == "account:login:made"
    by_token = web.client().get(OWN, headers=bearer(web, email)).get_json()
    assert by_token["id"] == told["id"]


def test_a_name_and_a_language_change_under_the_version_that_was_read(web: Web) -> None:
    email, mine = somebody(web)
    read = mine.get(OWN)["version"]
    assert mine.send("PATCH", OWN, {"name": "Li"}).status_code == 428
    answer = mine.send("PATCH", OWN, {"name": " 李 ", "language": "en"}, read=read)
    assert answer.status_code == 200, answer.text
    told = answer.get_json()
    assert (told["name"], told["language"]) == ("李", "en")
    assert answer.headers["ETag"].startswith(f'"{told["version"]}-')
    cookies = answer.headers.getlist("Set-Cookie")
    assert any(one.startswith("language=en") for one in cookies)
    stale = mine.send("PATCH", OWN, {"name": "Wu"}, read=read)
    assert stale.status_code == 412
    assert stale.get_json()["yours"] == {"versions": [read], "name": "Wu"}
    assert stale.get_json()["account"]["name"] == "李"
    half = mine.send("PATCH", OWN, {"language": None}, read=told["version"]).get_json()
    assert (half["name"], half["language"]) == ("李", None)
    for wrong in ({"name": ""}, {"name": "a\x00b"}, {"language": "tlh"}, {"email": "x@y"}):
        refused = mine.send("PATCH", OWN, wrong, read=half["version"])
        assert refused.status_code == 422
        assert [one["field"] for one in refused.get_json()["problems"]] == list(wrong)
    assert acts(web, email).count("name:changed") == 1


def test_a_token_is_told_once_and_opens_what_it_may(web: Web) -> None:
    email, mine = somebody(web)
    body = {"name": "QGIS", "expires_on": "2999-01-01"}
    made = mine.send("POST", f"{OWN}/tokens", body)
    assert made.status_code == 201, made.text
    assert made.headers["Cache-Control"] == "no-store"
    secret, number = made.get_json()["secret"], made.get_json()["id"]
    assert secret not in mine.client.get(OWN).text
    assert codes(mine.send("POST", f"{OWN}/tokens", body)) == ["name_taken"]
    headers = {"Authorization": f"Bearer {secret}"}
    assert web.client().get(OWN, headers=headers).status_code == 200
    first, again = (mine.send("DELETE", f"{OWN}/tokens/{number}") for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.get_json()["tokens"] == []
    assert web.client().get(OWN, headers=headers).status_code == 401
    assert acts(web, email).count("token:revoked") == 1
    _other, stranger = somebody(web)
    assert stranger.send("DELETE", f"{OWN}/tokens/{number}").status_code == 404
    for wrong, code in (
        ({"name": " "}, "name"),
        ({"name": "a", "expires_on": "never"}, "day"),
        ({"name": "a", "expires_on": "1999-01-01"}, "expires"),
        ({"name": "a", "may_write": "yes"}, "flag"),
    ):
        assert codes(mine.send("POST", f"{OWN}/tokens", wrong)) == [code]


def test_the_password_changes_and_ends_the_sessions_elsewhere(web: Web) -> None:
    email, mine = somebody(web)
    elsewhere = web.client()
    log_in(elsewhere, email)
    for sent, code, field in (
        (("wrong", NEW), "password", "password"),
        ((" ", NEW), "password", "password"),
        ((PASSWORD, "short"), "new_password", "new_password"),
        ((PASSWORD, PASSWORD), "same_password", "new_password"),
    ):
        body = dict(zip(("password", "new_password"), sent, strict=True))
        answer = mine.send("PUT", f"{OWN}/password", body)
        assert codes(answer) == [code]
        assert answer.get_json()["problems"][0]["field"] == field
        assert PASSWORD not in answer.text
    before = mine.client.get_cookie("commongreen")
    body = {"password": PASSWORD, "new_password": f" {NEW} "}
    answer = mine.send("PUT", f"{OWN}/password", body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert mine.client.get_cookie("commongreen") != before
    assert elsewhere.get(OWN).status_code == 401
    assert log_in(web.client(), email).status_code != 302
    # Blanks belong to a password.
    assert log_in(web.client(), email, f" {NEW} ").status_code == 302
    assert acts(web, email).count("password:changed") == 1
    # The session goes on with the token that was answered.
    again = Sender(mine.client, "", answer.get_json()["csrf_token"])
    assert again.send("POST", f"{OWN}/tokens", {"name": "after"}).status_code == 201
    assert codes(again.send("PUT", f"{OWN}/password", body)) == ["password"]


def test_pages_and_programs_share_one_count_of_guesses(web: Web) -> None:
    app = worker(web, LoginLimits(password="3 per minute"))
    try:
        _email, mine = somebody(web, app.test_client())
        wrong = {"password": "wrong"}
        assert mine.send("POST", f"{OWN}/confirmation", wrong).status_code == 422
        assert (
            mine.send("PUT", f"{OWN}/password", {**wrong, "new_password": NEW}).status_code == 422
        )
        # Right ones are not counted.
        assert mine.send("POST", f"{OWN}/confirmation", {"password": PASSWORD}).status_code == 200
        form = {"csrf_token": mine.token, "password": "wrong"}
        assert mine.client.post("/account/verify", data=form).status_code == 200
        answer = mine.send("POST", f"{OWN}/confirmation", {"password": PASSWORD})
        assert (answer.status_code, answer.mimetype) == (429, "application/problem+json")
    finally:
        close(app)


def test_what_is_delicate_asks_for_the_password_after_a_while(web: Web) -> None:
    _email, mine = somebody(web)
    for method, path in (
        ("POST", "tokens"),
        ("POST", "factor"),
        ("DELETE", "factor"),
        ("POST", "recovery-codes"),
    ):
        tire(mine.client)
        answer = mine.send(method, f"{OWN}/{path}", {"name": "late"})
        assert (answer.status_code, codes(answer)) == (403, ["confirm_password"])
        assert codes(mine.send("POST", f"{OWN}/confirmation", {"password": "no"})) == ["password"]
        assert mine.send(method, f"{OWN}/{path}", {"name": "late"}).status_code == 403
        right = mine.send("POST", f"{OWN}/confirmation", {"password": PASSWORD})
        until = dt.datetime.fromisoformat(right.get_json()["until"])
        assert until > dt.datetime.now(dt.UTC)
        answer = mine.send(method, f"{OWN}/{path}", {"name": path})
        assert answer.status_code in {200, 201}, answer.text


def test_a_factor_is_set_by_a_code_of_its_key_and_removed(web: Web) -> None:
    email, mine = somebody(web)
    assert codes(mine.send("PUT", f"{OWN}/factor", {"code": "123456"})) == ["no_key"]
    begun = mine.send("POST", f"{OWN}/factor")
    assert begun.headers["Cache-Control"] == "no-store"
    told = begun.get_json()
    assert told["uri"].startswith("otpauth://totp/")
    assert told["key"] in told["uri"]
    for wrong in ("000000", "not digits", ""):
        if wrong != code_of(told["key"]):
            assert codes(mine.send("PUT", f"{OWN}/factor", {"code": wrong})) == ["code"]
    assert mine.get(OWN)["second_factor"] is False
    code = {"code": code_of(told["key"])}
    assert mine.send("PUT", f"{OWN}/factor", code).get_json()["second_factor"] is True
    assert codes(mine.send("PUT", f"{OWN}/factor", code)) == ["no_key"]
    again = web.client()
    assert log_in(again, email).headers["Location"].startswith("/login/code")
    assert again.get(OWN).status_code == 401
    form = {"csrf_token": csrf_token(again, "/reset"), "code": code_of(told["key"], 1)}
    assert again.post("/login/code", data=form).status_code == 302
    assert again.get(OWN).status_code == 200
    made = mine.send("POST", f"{OWN}/recovery-codes")
    assert made.headers["Cache-Control"] == "no-store"
    listed = made.get_json()["codes"]
    assert len(set(listed)) == 10
    assert mine.get(OWN)["recovery_codes_left"] == 10
    assert listed[0] not in mine.client.get(OWN).text
    half_way = web.client()
    log_in(half_way, email)
    form = {"csrf_token": csrf_token(half_way, "/reset"), "code": listed[0]}
    assert half_way.post("/login/recovery", data=form).status_code == 302
    assert mine.get(OWN)["recovery_codes_left"] == 9
    for _ in range(2):
        gone = mine.send("DELETE", f"{OWN}/factor").get_json()
        assert (gone["second_factor"], gone["recovery_codes_left"]) == (False, 0)
    told = acts(web, email)
    for event in ("factor:set", "factor:removed", "recovery_codes:made"):
        assert told.count(event) == 1


def test_a_role_that_demands_a_factor_keeps_it_and_lets_one_set_it_up(web: Web) -> None:
    app = worker(web)
    demanding = worker(web, second_factor_roles=("planner",))
    try:
        _email, mine = somebody(web, app.test_client())
        client = demanding.test_client()
        cookie = mine.client.get_cookie("commongreen")
        assert cookie is not None
        client.set_cookie("commongreen", cookie.value)
        sender = Sender(client, "", mine.token)
        assert sender.send("POST", f"{OWN}/tokens", {"name": "a"}).status_code == 403
        assert sender.send("POST", f"{OWN}/recovery-codes").status_code == 403
        assert sender.get(OWN)["factor_needed"] is True
        key = sender.send("POST", f"{OWN}/factor").get_json()["key"]
        assert sender.send("PUT", f"{OWN}/factor", {"code": code_of(key)}).status_code == 200
        assert codes(sender.send("DELETE", f"{OWN}/factor")) == ["factor_needed"]
        assert sender.get(OWN)["second_factor"] is True
    finally:
        close(app)
        close(demanding)


CHANGES: list[tuple[str, str, Any]] = [
    ("PATCH", "", {"name": "X"}),
    ("POST", "/confirmation", {"password": PASSWORD}),
    ("PUT", "/password", {"password": PASSWORD, "new_password": NEW}),
    ("POST", "/factor", None),
    ("PUT", "/factor", {"code": "123456"}),
    ("DELETE", "/factor", None),
    ("POST", "/recovery-codes", None),
    ("POST", "/tokens", {"name": "better", "may_write": True}),
    ("DELETE", "/tokens/00000000-0000-0000-0000-000000000000", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_no_token_changes_its_account_and_no_other_site_does(
    web: Web, method: str, path: str, body: Any
) -> None:
    email, mine = somebody(web)
    before = acts(web, email)
    version = {"If-Match": f'"{mine.get(OWN)["version"]}"'}
    # Not even with a session beside it, which such a request does not read.
    for client, may_write in ((web.client(), True), (web.client(), False), (mine.client, True)):
        headers = bearer(web, email, may_write=may_write) | version
        answer = client.open(OWN + path, method=method, headers=headers, json=body or {})
        assert (answer.status_code, codes(answer)) == (403, ["by_session"])
        assert "X-CSRFToken" in answer.get_json()["problems"][0]["remedy"]
    assert mine.client.open(OWN + path, method=method, json=body or {}).status_code == 400
    assert web.client().get(OWN).status_code == 401
    assert [one for one in acts(web, email) if one != "token:made"] == before


def test_every_change_of_an_account_is_by_session(web: Web) -> None:
    described = web.login(Role.PLANNER).get("/api/v1/openapi.json").get_json()
    changed = [
        told
        for path, methods in described["paths"].items()
        for method, told in methods.items()
        if path.startswith(OWN) and method not in {"get", "parameters"}
    ]
    assert len(changed) == 16
    assert all(one["security"] == [{"session": []}] for one in changed)
