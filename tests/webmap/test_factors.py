"""The second factor: set up, asked for, used once, recovered, demanded by a role."""

import base64
import re
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from passlib.totp import TOTP
from sqlalchemy import text

from cases.access import Role
from cases.account_history import OPERATOR, AccountAct, history
from cases.administration import remove_factor
from cases.people import ensure_account, find_account, named_account
from gis.problems import InputError
from layers.db import EVERYWHERE, NOWHERE
from tests.webmap.conftest import PASSWORD, Web, csrf_token, log_in
from webmap.accounts import LoginLimits
from webmap.app import create_app
from webmap.connections import Connections
from webmap.factors import Codes
from webmap.throttle import PostgresStorage


@pytest.fixture(autouse=True)
def _no_counts(web: Web) -> None:
    with web.app.app_context():
        PostgresStorage().reset()


@pytest.fixture
def demanding(web: Web) -> Iterator[Flask]:
    """The application as it is installed: weighty roles need a second factor."""
    app = worker(web, second_factor_roles=("secretary", "official", "admin"))
    yield app
    close(app)


def worker(web: Web, limits: LoginLimits | None = None, **values: Any) -> Flask:
    return create_app(replace(web.app.extensions["commongreen"].settings, **values), limits)


def close(app: Flask) -> None:
    connections = app.extensions["commongreen"]
    assert isinstance(connections, Connections)
    connections.close()


def send(client: FlaskClient, address: str, **form: str) -> Any:
    # The login's own page would begin the login anew.
    return client.post(address, data={"csrf_token": csrf_token(client, "/reset"), **form})


def key_on(page: str) -> str:
    found = re.search(r'class="secret"[^>]*>([A-Z2-7 -]+)<', page)
    assert found, page
    return re.sub("[ -]", "", found[1])


def code_of(key: str, step: int = 1) -> str:
    """Return the digits of the half minute that is ``step`` after the one of now.

    Those of the next are taken too, and still are when the clock ticks on meanwhile.
    """
    clock = TOTP(key)
    return str(clock.generate(clock.now() + 30 * step).token)


def set_up(client: FlaskClient) -> str:
    """Switch the second factor on and return its key."""
    client.get("/account?lang=en")
    key = key_on(send(client, "/account/factor", setup="authenticator").text)
    answer = send(client, "/login/code", code=code_of(key, 0))
    assert answer.status_code == 302, answer.text
    return key


def fresh(web: Web, name: str) -> tuple[str, FlaskClient]:
    email = web.person(Role.PLANNER, name=name)
    client = web.client()
    assert log_in(client, email).status_code == 302
    return email, client


def acts(web: Web, email: str) -> list[str]:
    with web.database.session(NOWHERE) as session:
        account = named_account(session, email)
        return [one.event for one in history(session, account.id, limit=20)]


def test_a_factor_is_set_up_and_then_asked_for(web: Web) -> None:
    email, client = fresh(web, "careful")
    key = set_up(client)
    assert "The second factor is set." in client.get("/account").text
    again = web.client()
    assert log_in(again, email).headers["Location"].startswith("/login/code")
    assert again.get("/places").status_code == 302  # Not in yet.
    answer = send(again, "/login/code", code=code_of(key))
    assert answer.headers["Location"] == "/"
    assert again.get("/places").status_code == 200
    half_way = web.client()
    log_in(half_way, email)
    assert half_way.get("/account/factor").headers["Location"] == "/login"
    assert send(half_way, "/account/factor", setup="authenticator").status_code == 302
    assert log_in(half_way, email).headers["Location"].startswith("/login/code")
    told = acts(web, email)
    assert told[:2] == [AccountAct.LOGGED_IN, AccountAct.FACTOR_SET]


def test_the_picture_is_ours_and_holds_the_same_key(web: Web) -> None:
    _email, client = fresh(web, "scanner")
    client.get("/account?lang=en")
    page = send(client, "/account/factor", setup="authenticator").text
    found = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert found
    picture = ElementTree.fromstring(base64.b64decode(found[1]))
    assert picture.tag.endswith("svg")
    with web.app.test_request_context():
        factory = web.app.extensions["security"].totp_factory
        secret = factory.generate_totp_secret()
        uri = urllib.parse.urlsplit(factory.get_totp_uri("li@example.org", secret))
    assert uri.scheme == "otpauth"
    assert "Common%20Green" in uri.path + uri.query


def test_a_wrong_code_sets_nothing_up_and_the_key_stays_the_same(web: Web) -> None:
    email, client = fresh(web, "clumsy")
    client.get("/account?lang=en")
    key = key_on(send(client, "/account/factor", setup="authenticator").text)
    wrong = send(client, "/login/code", code="000000" if code_of(key) != "000000" else "111111")
    assert "These digits are not right" in wrong.text
    assert log_in(web.client(), email).headers["Location"] == "/"
    assert send(client, "/login/code", code=code_of(key)).status_code == 302
    assert log_in(web.client(), email).headers["Location"].startswith("/login/code")


def test_no_code_is_good_twice(web: Web) -> None:
    email, client = fresh(web, "watched")
    key = set_up(client)
    used = code_of(key, 0)
    first, second, third = web.client(), web.client(), web.client()
    for one in (first, second, third):
        log_in(one, email)
    assert send(first, "/login/code", code=used).status_code == 200
    now = code_of(key)
    assert send(second, "/login/code", code=now).status_code == 302
    assert send(third, "/login/code", code=now).status_code == 200
    assert acts(web, email).count(AccountAct.CODE_REFUSED) == 2


def test_two_workers_take_one_code_once(web: Web) -> None:
    email, client = fresh(web, "parallel")
    key = set_up(client)
    workers = [web.app, worker(web)]
    clients = [app.test_client() for app in workers * 3]
    for one in clients:
        log_in(one, email)
    tokens = [csrf_token(one, "/reset") for one in clients]
    now, codes = code_of(key), []
    together = threading.Barrier(len(clients))

    def try_it(one: FlaskClient, token: str) -> None:
        together.wait()
        form = {"csrf_token": token, "code": now}
        codes.append(one.post("/login/code", data=form).status_code)

    threads = [
        threading.Thread(target=try_it, args=pair) for pair in zip(clients, tokens, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] * 5 + [302]
    close(workers[1])


@pytest.mark.parametrize("code", ["", "\x00", "１２３４５６", "12345", "1" * 9999, "{{7*7}}"])
def test_hostile_digits_are_a_wrong_code(web: Web, code: str) -> None:
    email, client = fresh(web, f"hostile{len(code)}")
    set_up(client)
    again = web.client()
    log_in(again, email)
    answer = send(again, "/login/code", code=code)
    assert answer.status_code == 200
    assert ">49<" not in answer.text


def test_guesses_at_the_code_are_counted_across_workers(web: Web) -> None:
    email, client = fresh(web, "guessed")
    key = set_up(client)
    limits = LoginLimits(code="4 per minute")
    workers = [worker(web, limits), worker(web, limits)]
    codes = []
    for app in workers * 3:
        guesser = app.test_client()  # A new session each time, from the password on.
        log_in(guesser, email)
        codes.append(send(guesser, "/login/code", code="1").status_code)
    assert codes == [200] * 4 + [429] * 2
    late = workers[0].test_client()
    log_in(late, email)
    assert send(late, "/login/code", code=code_of(key)).status_code == 429
    for app in workers:
        close(app)


def recovery_codes(client: FlaskClient) -> list[str]:
    page = send(client, "/account/recovery-codes").text
    return re.findall(r"<code>([0-9a-f-]{14})</code>", page)


def test_a_recovery_code_stands_in_once(web: Web) -> None:
    email, client = fresh(web, "phoneless")
    set_up(client)
    codes = recovery_codes(client)
    assert len(codes) == len(set(codes)) == 10
    # They are shown when they are made and never again.
    assert codes[0] not in client.get("/account/recovery-codes?show_codes=1").text
    lost = web.client()
    log_in(lost, email)
    assert send(lost, "/login/recovery", code=f" {codes[3].upper()} ").headers["Location"] == "/"
    assert lost.get("/places").status_code == 200
    again = web.client()
    log_in(again, email)
    assert send(again, "/login/recovery", code=codes[3]).status_code == 200
    assert "9 left" in client.get("/account?lang=en").text
    assert AccountAct.RECOVERY_CODE_USED in acts(web, email)
    new = recovery_codes(client)
    assert send(again, "/login/recovery", code=codes[4]).status_code == 200
    assert send(again, "/login/recovery", code=new[0]).status_code == 302


def test_a_recovery_code_without_the_password_opens_nothing(web: Web) -> None:
    _email, client = fresh(web, "cautious")
    set_up(client)
    code = recovery_codes(client)[0]
    stranger = web.client()
    answer = send(stranger, "/login/recovery", code=code)
    assert answer.headers["Location"] == "/login"
    assert stranger.get("/places").status_code == 302


def test_the_secret_and_the_codes_are_encrypted_at_rest(web: Web) -> None:
    email, client = fresh(web, "secretive")
    key = set_up(client)
    codes = recovery_codes(client)
    with web.database.session(NOWHERE) as session:
        row = session.execute(
            text("SELECT account::text FROM account WHERE email = :email"), {"email": email}
        ).scalar_one()
    assert "enckey" in row
    for secret in (key, key.lower(), *codes):
        assert secret not in row
    # Another key file opens neither.
    account = find_account_of(web, email)
    other = Codes({"1": "other"}, "Common Green")
    assert re.sub("[ -]", "", other.get_totp_pretty_key(account.tf_totp_secret)) != key


def test_a_code_leads_where_one_wanted_to_go(web: Web) -> None:
    email, client = fresh(web, "wanderer")
    key = set_up(client)
    again = web.client()
    form = {"email": email, "password": PASSWORD, "csrf_token": csrf_token(again)}
    half_way = again.post("/login", query_string={"next": "/places?q=a"}, data=form)
    page = again.get(half_way.headers["Location"]).text
    found = re.search(r'action="(/login/code[^"]*)"', page)
    assert found
    answer = send(again, found[1].replace("&amp;", "&"), code=code_of(key))
    assert answer.headers["Location"] == "/places?q=a"


@pytest.mark.parametrize(
    ("number", "target"),
    list(enumerate(["https://evil.example/", "//evil.example", "/\\evil.example"])),
)
def test_a_code_leads_to_no_other_site(web: Web, number: int, target: str) -> None:
    email, client = fresh(web, f"lured{number}")
    key = set_up(client)
    again = web.client()
    log_in(again, email)
    address = f"/login/code?next={urllib.parse.quote(target)}"
    answer = send(again, address, code=code_of(key))
    # A path of ours, whatever it is called: neither a host nor what browsers read as one.
    assert re.match(r"/(?![/\\])", answer.headers["Location"])


def find_account_of(web: Web, email: str) -> Any:
    with web.database.session(NOWHERE) as session:
        return find_account(session, email)


def test_a_factor_can_be_removed_by_its_owner_and_by_an_admin(web: Web) -> None:
    email, client = fresh(web, "moody")
    set_up(client)
    recovery_codes(client)
    assert send(client, "/account/factor", setup="disable").status_code == 302
    assert log_in(web.client(), email).headers["Location"] == "/"
    assert find_account_of(web, email).mf_recovery_codes is None
    set_up(client)
    with web.database.session(NOWHERE) as session, session.begin():
        remove_factor(session, named_account(session, email), OPERATOR)
    assert client.get("/places").status_code == 302
    assert log_in(web.client(), email).headers["Location"] == "/"


def test_a_reset_link_does_not_pass_by_the_factor(web: Web) -> None:
    from webmap.accounts import reset_link

    email, client = fresh(web, "reset")
    set_up(client)
    with web.app.test_request_context():
        link = reset_link(email).removeprefix("http://localhost")
    new = "another horse 8"
    stranger = web.client()
    form = {"password": new, "password_confirm": new}
    assert send(stranger, link, **form).headers["Location"] == "/login"
    assert log_in(stranger, email, new).headers["Location"].startswith("/login/code")


@pytest.mark.parametrize("role", [Role.SECRETARY, Role.OFFICIAL, Role.ADMIN])
def test_a_weighty_role_logs_in_only_with_a_factor(web: Web, demanding: Flask, role: Role) -> None:
    email = web.person(role, name=f"weighty-{role}")
    client = demanding.test_client()
    assert log_in(client, email).headers["Location"] == "/account/factor"
    assert client.get("/places").status_code == 302
    page = send(client, "/account/factor", setup="authenticator").text
    answer = send(client, "/login/code", code=code_of(key_on(page)))
    assert answer.headers["Location"] == "/"
    assert client.get("/places").status_code == 200
    assert AccountAct.FACTOR_SET in acts(web, email)
    # Nor is it taken off again.
    assert 'value="disable"' not in client.get("/account/factor").text
    assert send(client, "/account/factor", setup="disable").status_code == 200
    assert find_account_of(web, email).has_second_factor


def test_other_roles_may_go_without(web: Web, demanding: Flask) -> None:
    client = demanding.test_client()
    email = web.person(Role.INSPECTOR, name="light")
    assert log_in(client, email).headers["Location"] == "/"
    # A weighty role that is given meanwhile asks for one with the next page.
    assert client.get("/places").status_code == 200
    with web.database.session(EVERYWHERE) as session, session.begin():
        ensure_account(session, email, name="", password="", role=Role.SECRETARY)
    assert client.get("/places").headers["Location"] == "/account/factor"
    assert client.get("/api/v1/places/nowhere/figures").status_code == 403
    assert client.get("/account").status_code == 200
    assert client.get("/account/factor").status_code == 200


def test_a_name_of_no_role_is_refused_before_anything_is_served(web: Web) -> None:
    with pytest.raises(InputError) as caught:
        worker(web, second_factor_roles=("king",))
    assert caught.value.problems[0].field == "COMMONGREEN_SECOND_FACTOR_ROLES"


def test_setting_up_asks_for_the_password_again_after_a_while(web: Web) -> None:
    _email, client = fresh(web, "stale")
    with client.session_transaction() as known:
        known["fs_paa"] -= 3600
        known.pop("fs_gexp", None)
    for address in ("/account/factor", "/account/recovery-codes"):
        answer = client.get(address)
        assert answer.headers["Location"].startswith("/account/verify?next=")
    again = send(client, "/account/verify", password="wrong", next="/account/factor")
    assert again.status_code == 200
    answer = send(client, "/account/verify", password=PASSWORD, next="/account/factor")
    assert answer.headers["Location"] == "/account/factor"
    assert client.get("/account/factor").status_code == 200
