"""Logging in and out, and what guesses cost."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cases.access import Role
from cases.models import RateLimit
from cases.people import disable_account, enable_account
from gis.problems import InputError
from layers.config import Settings
from layers.db import EVERYWHERE, NOWHERE
from tests import builders as make
from tests.webmap.conftest import PASSWORD, Web, csrf_token, log_in
from webmap.accounts import LoginLimits
from webmap.app import create_app
from webmap.connections import Connections
from webmap.throttle import PostgresStorage

MOVES = "/api/v1/communities/a/cases/00000000-0000-0000-0000-000000000000/moves"


@pytest.fixture(autouse=True)
def _no_counts(web: Web) -> None:
    """Forget the failed logins of the test before."""
    with web.app.app_context():
        PostgresStorage().reset()


def worker(web: Web, limits: LoginLimits | None = None, proxies: int = 0) -> Flask:
    """Return the application as another process of the same server would have it."""
    settings = web.app.extensions["commongreen"].settings
    return create_app(replace(settings, trusted_proxies=proxies), limits)


def close(app: Flask) -> None:
    connections = app.extensions["commongreen"]
    assert isinstance(connections, Connections)
    connections.close()


def test_the_right_password_leads_in_and_logging_out_leads_out(web: Web) -> None:
    email = web.person(Role.PLANNER)
    client = web.client()
    assert client.get("/places").headers["Location"] == "/login?next=/places"
    assert log_in(client, email.upper() + " ").headers["Location"] == "/"
    page = client.get("/places")
    assert page.status_code == 200
    assert email in page.text
    assert client.post("/logout").status_code == 400  # Without a token another site could.
    left = client.post("/logout", data={"csrf_token": csrf_token(client, "/places")})
    assert left.headers["Location"] == "/login"
    assert client.get("/places").status_code == 302


def copied(web: Web, client: FlaskClient) -> FlaskClient:
    """Return somebody else with the cookie of a session."""
    cookie = client.get_cookie("commongreen")
    assert cookie is not None
    thief = web.client()
    thief.set_cookie("commongreen", cookie.value)
    assert thief.get("/places").status_code == 200
    return thief


def log_out(web: Web, client: FlaskClient, _email: str) -> None:
    left = client.post("/logout?lang=en", data={"csrf_token": csrf_token(client, "/places")})
    assert left.status_code == 302
    assert "everywhere else" in client.get("/login?lang=en").text


def change_password(web: Web, client: FlaskClient, _email: str) -> None:
    form = {
        "password": PASSWORD,
        "new_password": f"{PASSWORD} new",
        "new_password_confirm": f"{PASSWORD} new",
        "csrf_token": csrf_token(client, "/places"),
    }
    assert client.post("/account/password", data=form).status_code == 302
    assert client.get("/places").status_code == 200


def close_and_open(web: Web, _client: FlaskClient, email: str) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        disable_account(session, email)
        enable_account(session, email)


@pytest.mark.parametrize("end", [log_out, change_password, close_and_open])
def test_a_copied_cookie_opens_nothing_once_its_session_has_ended(
    web: Web, end: Callable[[Web, FlaskClient, str], None]
) -> None:
    email = web.person(Role.PLANNER, name=make.fresh("copied"))
    client = web.client()
    assert log_in(client, email).status_code == 302
    thief = copied(web, client)
    end(web, client, email)
    assert thief.get("/places").status_code == 302
    assert thief.get("/api/v1/openapi.json").status_code == 401


def auth_token(web: Web, email: str) -> str:
    """Return a token as Flask-Security would make it for the account."""
    with web.app.test_request_context():
        account = web.app.extensions["security"].datastore.find_user(email=email)
        token: str = account.get_auth_token()
    return token


def test_no_token_opens_a_page(web: Web) -> None:
    token = auth_token(web, web.person(Role.PLANNER))
    for answer in (
        web.client().get("/places", query_string={"auth_token": token}),
        web.client().get("/places", headers={"Authentication-Token": token}),
        web.client().get("/places", json={"auth_token": token}),
    ):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/login")


def test_no_login_outlives_its_session(web: Web) -> None:
    client = web.client()
    form = {
        "email": web.person(Role.PLANNER),
        "password": PASSWORD,
        "csrf_token": csrf_token(client),
        "remember": "y",
    }
    answer = client.post("/login", data=form)
    assert answer.headers["Location"] == "/"
    cookies = answer.headers.getlist("Set-Cookie")
    assert [one.partition("=")[0] for one in cookies] == ["commongreen"]


def test_a_login_answers_with_no_token(web: Web) -> None:
    client = web.client()
    form = {"email": web.person(Role.PLANNER), "password": PASSWORD}
    headers = {"X-CSRFToken": csrf_token(client), "Accept": "application/json"}
    as_json = client.post("/login?include_auth_token", json=form, headers=headers)
    assert as_json.status_code == 415
    assert client.get("/places").status_code == 302
    answer = client.post("/login?include_auth_token", data=form, headers=headers)
    assert answer.status_code == 302
    again = client.get("/login?include_auth_token", headers=headers)
    assert "authentication_token" not in as_json.text + answer.text + again.text


@pytest.mark.parametrize("address", ["/login", "/places", MOVES])
@pytest.mark.parametrize("signed", [True, False])
def test_nested_json_from_a_stranger_is_refused(web: Web, address: str, signed: bool) -> None:
    client = web.client()
    headers = {"X-CSRFToken": csrf_token(client)} if signed else {}
    body = '{"a": ' * 100_000
    answer = client.post(address, data=body, content_type="application/json", headers=headers)
    assert 400 <= answer.status_code < 500, answer.status_code
    assert "Traceback" not in answer.text


def test_logging_out_is_no_link(web: Web) -> None:
    client = web.login(Role.PLANNER)
    assert client.get("/logout").status_code == 405
    assert client.get("/places").status_code == 200


def test_a_wrong_password_and_an_unknown_account_look_the_same(web: Web) -> None:
    known = log_in(web.client(), web.person(Role.PLANNER), "wrong")
    unknown = log_in(web.client(), "nobody@example.org", "wrong")
    assert known.status_code == unknown.status_code == 200

    def without_what_was_typed(text: str, email: str) -> list[str]:
        lines = text.replace(email, "").splitlines()
        return [line for line in lines if "csrf" not in line]

    assert without_what_was_typed(known.text, web.person(Role.PLANNER)) == without_what_was_typed(
        unknown.text, "nobody@example.org"
    )
    assert 'role="alert"' in known.text


@pytest.mark.parametrize("email", ["", "\x00", "a\x00@b", "' OR 1=1 --", "{{7*7}}@b", "x" * 9999])
def test_a_hostile_address_is_a_failed_login(web: Web, email: str) -> None:
    answer = log_in(web.client(), email)
    assert answer.status_code == 200
    assert "49@b" not in answer.text


def test_a_login_needs_its_token(web: Web) -> None:
    form = {"email": web.person(Role.PLANNER), "password": PASSWORD}
    assert web.client().post("/login", data=form).status_code == 400


def test_the_session_is_another_one_after_logging_in(web: Web) -> None:
    client = web.client()
    before = csrf_token(client)
    log_in(client, web.person(Role.PLANNER))
    after = csrf_token(client, "/places")
    assert before != after
    stale = client.post("/logout", data={"csrf_token": before})
    assert stale.status_code == 400


def test_a_closed_account_is_out_at_once(web: Web) -> None:
    client = web.login(Role.PLANNER, name="leaver")
    email = web.person(Role.PLANNER, name="leaver")
    with web.database.session(EVERYWHERE) as session, session.begin():
        disable_account(session, email)
    assert client.get("/places").status_code == 302
    assert log_in(web.client(), email).status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_login_leads_to_no_other_site(web: Web, target: str) -> None:
    client = web.client()
    form = {
        "email": web.person(Role.PLANNER),
        "password": PASSWORD,
        "csrf_token": csrf_token(client),
        "next": target,
    }
    answer = client.post("/login", query_string={"next": target}, data=form)
    if answer.status_code == 302:
        # A path of ours, whatever it is called: neither a host nor what browsers read as one.
        assert re.match(r"/(?![/\\])", answer.headers["Location"])
    else:
        assert 'action="/login"' in answer.text


def test_a_login_leads_back_to_where_one_wanted_to_go(web: Web) -> None:
    client = web.client()
    form = {
        "email": web.person(Role.PLANNER),
        "password": PASSWORD,
        "csrf_token": csrf_token(client),
    }
    answer = client.post("/login?next=/places%3Fq%3Da", data=form)
    assert answer.headers["Location"].endswith("/places?q=a")


def test_guesses_are_counted_across_workers(web: Web) -> None:
    email = web.person(Role.PLANNER)
    workers = [web.app, worker(web)]
    codes = [log_in(app.test_client(), email, "wrong").status_code for app in workers * 3]
    assert codes == [200] * 5 + [429]
    # The right password opens nothing either until the window is over.
    refused = log_in(workers[0].test_client(), email)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    # Somebody else at the same desk is not shut out.
    assert log_in(workers[1].test_client(), web.person(Role.INSPECTOR)).status_code == 302
    close(workers[1])


def test_another_spelling_of_an_account_opens_no_new_window(web: Web) -> None:
    app = worker(web, LoginLimits(pair="4 per minute"))
    email = web.person(Role.PLANNER)
    wide = email.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    spellings = [email, wide, email.upper(), f" {wide.upper()} ", email.replace("@", "\uff20")]
    codes = [log_in(app.test_client(), one, "wrong").status_code for one in spellings]
    assert codes == [200, 200, 200, 200, 429]
    close(app)


def test_what_is_no_address_is_counted_too(web: Web) -> None:
    app = worker(web, LoginLimits(account="2 per minute", pair="9 per minute"))
    codes = [log_in(app.test_client(), one, "wrong").status_code for one in ("", "a", "\x00")]
    assert codes == [200, 200, 429]
    close(app)


def forwarded_guesses(web: Web, app: Flask, addresses: Iterable[str]) -> list[int]:
    """Return what wrong passwords get whose ``X-Forwarded-For`` are these."""
    codes = []
    for address in addresses:
        client = app.test_client()
        form = {
            "email": web.person(Role.PLANNER),
            "password": "wrong",
            "csrf_token": csrf_token(client),
        }
        headers = {"X-Forwarded-For": address}
        codes.append(client.post("/login", data=form, headers=headers).status_code)
    return codes


def test_a_forwarded_address_from_a_stranger_opens_no_new_window(web: Web) -> None:
    app = worker(web, LoginLimits(pair="2 per minute"))
    addresses = (f"10.0.0.{number}" for number in range(4))
    assert forwarded_guesses(web, app, addresses) == [200, 200, 429, 429]
    close(app)


def test_clients_behind_a_trusted_proxy_are_told_apart(web: Web) -> None:
    app = worker(web, LoginLimits(pair="2 per minute"), proxies=1)
    assert forwarded_guesses(web, app, ["10.0.0.1"] * 3 + ["10.0.0.2"]) == [200, 200, 429, 200]
    # What the client itself wrote stands before what the proxy added.
    claimed = (f"192.0.2.{number}, 10.0.0.3" for number in range(3))
    assert forwarded_guesses(web, app, claimed) == [200, 200, 429]
    close(app)


@pytest.mark.parametrize("proxies", [0, 1])
def test_only_a_trusted_proxy_says_that_a_request_came_by_tls(web: Web, proxies: int) -> None:
    app = worker(web, proxies=proxies)
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    answer = app.test_client().get("/login", headers=headers)
    assert ("Secure" in answer.headers["Set-Cookie"]) is bool(proxies)
    assert ("Strict-Transport-Security" in answer.headers) is bool(proxies)
    assert "evil.example" not in answer.text
    close(app)


def test_the_number_of_proxies_is_a_setting() -> None:
    read = Settings.from_environment
    assert read({}).trusted_proxies == 0
    assert read({"COMMONGREEN_TRUSTED_PROXIES": "2"}).trusted_proxies == 2
    for bad in ("-1", "yes", "1.5", "10"):
        with pytest.raises(InputError) as caught:
            read({"COMMONGREEN_TRUSTED_PROXIES": bad})
        assert [one.field for one in caught.value.problems] == ["COMMONGREEN_TRUSTED_PROXIES"]


def test_many_accounts_from_one_address_are_limited_too(web: Web) -> None:
    app = worker(web, LoginLimits(address="3 per minute"))
    codes = [
        log_in(app.test_client(), f"guess{number}@example.org", "wrong").status_code
        for number in range(4)
    ]
    assert codes == [200, 200, 200, 429]
    close(app)


def test_right_logins_are_not_counted(web: Web) -> None:
    app = worker(web, LoginLimits(pair="2 per minute"))
    email = web.person(Role.PLANNER)
    assert [log_in(app.test_client(), email).status_code for _ in range(4)] == [302] * 4
    close(app)


def test_counts_end_with_their_window_and_say_nobodys_name(web: Web) -> None:
    storage = PostgresStorage()
    with web.app.app_context():
        assert [storage.incr("li@example.org", 60) for _ in range(2)] == [1, 2]
        assert storage.incr("short", -1) == 1
        assert storage.incr("short", 60) == 1
        assert storage.get("li@example.org") == 2
        storage.clear("li@example.org")
        assert storage.get("li@example.org") == 0
        assert storage.incr("over", -1) == 1
        assert storage.get("over") == 0
        storage.incr("next", 60)
    with web.database.session(NOWHERE) as session:
        keys = {row.key for row in session.query(RateLimit)}
    assert len(keys) == 2  # What is over was swept.
    assert all(len(key) == 64 for key in keys)


def test_home_leads_to_the_only_place(web: Web) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        town = make.region(session)
        first = make.community(session, region_id=town.id)
        make.community(session, region_id=town.id)
        places = {"town": town.code, "one": first.code}
    assert web.client().get("/").headers["Location"] == "/login"
    one = web.login(Role.INSPECTOR, places["one"])
    assert one.get("/").headers["Location"] == f"/map/{places['one']}"
    region = web.login(Role.PLANNER, places["town"])
    assert region.get("/").headers["Location"] == f"/map/{places['town']}"
    assert web.login(Role.PLANNER).get("/").headers["Location"] == "/places"
    # An official reads figures, not maps.
    official = web.login(Role.OFFICIAL, places["one"])
    assert official.get("/").headers["Location"] == "/places"


def test_the_list_shows_ones_own_places_and_hostile_names_as_text(web: Web) -> None:
    hostile = "<script>alert(1)</script>{{7*7}}${8*8}"
    with web.database.session(EVERYWHERE) as session, session.begin():
        town = make.region(session, name="温泉镇")
        mine = make.community(session, name=hostile, region_id=town.id)
        other = make.community(session, name="滨海佳苑")
        make.parcel(session, mine)
        codes = mine.code, other.code
    page = web.login(Role.PLANNER, codes[0]).get("/places").text
    assert codes[0] in page
    assert codes[1] not in page
    assert "温泉镇" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}${8*8}" in page
    assert hostile not in page
    official = web.login(Role.OFFICIAL, codes[0]).get("/places").text
    assert "place-figures" in official
    assert f"/map/{codes[0]}" not in official


def test_the_list_can_be_searched_and_turned(web: Web) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        for number in range(30):
            make.community(session, name=f"Percent 100% {number}")
    client = web.login(Role.PLANNER)
    first = client.get("/places?q=100%25")
    assert first.text.count("place-card") == 24
    assert client.get("/places?q=100%25&page=2").text.count("place-card") == 6
    assert client.get("/places?q=100%25&page=99").text.count("place-card") == 6
    assert client.get("/places?q=100%25&page=x").text.count("place-card") == 24
    assert client.get("/places?q=10%25%25").text.count("place-card") == 0
    assert client.get("/places?q=%00").status_code == 200


def test_an_account_without_a_place_is_told_what_to_do(web: Web) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        empty = make.region(session).code
    page = web.login(Role.PLANNER, empty).get("/places?lang=en").text
    assert "No community is open to this account yet." in page
