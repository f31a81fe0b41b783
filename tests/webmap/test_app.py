"""What every answer carries, who is let through to which route, and what failures look like."""

import re
import stat
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from cases.access import Permission, Role
from layers import cluster
from layers.config import BaseMap, Settings
from layers.db import DatabaseError
from layers.migrate import open_database, owner_engine
from tests.webmap.conftest import Web, web_settings
from webmap.app import create_app
from webmap.connections import Connections
from webmap.gates import Open, gate_of
from webmap.security import content_security_policy, secret_key
from webmap.server import check_database


@pytest.fixture
def unreachable(settings: Settings, tmp_path: Path) -> Flask:
    """An application whose database nobody answers for."""
    nowhere = "postgresql+psycopg://commongreen_app@127.0.0.1:1/nothing?connect_timeout=1"
    return create_app(web_settings(replace(settings, app_database_url=nowhere), tmp_path))


def closed(app: Flask) -> None:
    connections = app.extensions["commongreen"]
    assert isinstance(connections, Connections)
    connections.close()


def test_every_route_has_a_gate(web: Web) -> None:
    endpoints = {rule.endpoint for rule in web.app.url_map.iter_rules()}
    assert [one for one in endpoints if gate_of(web.app, one) is None] == []


def test_what_is_public_is_listed_here(web: Web) -> None:
    endpoints = {rule.endpoint for rule in web.app.url_map.iter_rules()}
    public = {one for one in endpoints if gate_of(web.app, one) is Open.PUBLIC}
    # Those of Flask-Security look themselves for a login that is half-way, or for a link.
    half_way = {"two_factor_setup", "two_factor_token_validation", "mf_recovery"}
    login = {"login", "forgot_password", "reset_password", *half_way}
    assert public == {
        "static",
        "pages.home",
        "health.live",
        "health.ready",
        *(f"security.{name}" for name in login),
        # A household declares by the token of its letter.
        "declarations.declare",
        "declarations.declared",
        # The phone's shell holds nothing of anybody, and says itself who is logged in.
        *(f"field.{name}" for name in ("page", "worker", "manifest", "words", "session")),
    }


def test_a_permission_is_asked_for_at_a_place(web: Web) -> None:
    for rule in web.app.url_map.iter_rules():
        if isinstance(gate_of(web.app, rule.endpoint), Permission):
            assert "place" in rule.arguments, rule


def test_a_route_without_a_gate_is_never_answered(settings: Settings, tmp_path: Path) -> None:
    app = create_app(web_settings(settings, tmp_path))
    app.add_url_rule("/forgotten", view_func=lambda: "secrets", endpoint="forgotten")
    answer = app.test_client().get("/forgotten")
    assert answer.status_code == 500
    assert "secrets" not in answer.text


def test_strangers_reach_nothing_but_the_login(web: Web) -> None:
    client = web.client()
    for rule in web.app.url_map.iter_rules():
        gate = gate_of(web.app, rule.endpoint)
        if gate is Open.PUBLIC:
            continue
        address = re.sub(r"<uuid:\w+>", str(uuid.uuid4()), rule.rule)
        address = re.sub(r"<[^>]+>", "1", address)
        changes = sorted({"POST", "PUT", "PATCH", "DELETE"} & (rule.methods or set()))
        reading = "GET" if "GET" in (rule.methods or set()) else "HEAD"
        answer = client.open(address, method=changes[0] if changes else reading)
        # A change without a token is refused before anybody asks who sends it.
        expected = {400} if changes else {302, 401, 404}
        assert answer.status_code in expected, (address, answer.status_code)
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/login?next=")


def test_scripts_need_the_nonce_of_their_answer(web: Web) -> None:
    first, second = (web.client().get("/login") for _ in range(2))
    policies = [one.headers["Content-Security-Policy"] for one in (first, second)]
    scripts = [re.search(r"script-src ([^;]+)", one) for one in policies]
    assert all(found and "unsafe" not in found[1] for found in scripts)
    nonces = [re.search(r"'nonce-([^']+)'", one) for one in policies]
    assert nonces[0]
    assert nonces[1]
    assert nonces[0][1] != nonces[1][1]
    assert "frame-ancestors 'none'" in policies[0]


def test_images_may_come_from_the_base_maps_alone() -> None:
    maps = (
        BaseMap("a", "https://{s}.tiles.example/{z}/{x}/{y}.png", ""),
        BaseMap("b", "/own/{z}/{x}/{y}.png", ""),
    )
    policy = content_security_policy("n", maps)
    assert "img-src 'self' data: blob: https://*.tiles.example;" in policy
    assert "connect-src 'self';" in policy


def test_a_page_that_keeps_tiles_may_fetch_them() -> None:
    maps = (BaseMap("a", "https://tiles.example/{z}/{x}/{y}.png", ""),)
    policy = content_security_policy("n", maps, keeps_tiles=True)
    assert "connect-src 'self' https://tiles.example;" in policy


def test_every_answer_is_guarded(web: Web) -> None:
    for address in ("/login", "/live", "/static/mark.svg", "/nothing", "/api/v1/nothing"):
        with web.client().get(address) as answer:
            headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "Content-Security-Policy" in headers
        assert "Strict-Transport-Security" not in headers


def test_no_page_is_kept_and_no_answer_without_asking(web: Web) -> None:
    client = web.login(Role.PLANNER)
    for address in ("/login", "/places", "/account", "/nothing"):
        assert client.get(address).headers["Cache-Control"] == "private, no-store", address
    document = client.get("/api/v1/openapi.json")
    assert document.headers["Cache-Control"] == "private, no-cache"
    with client.get("/static/mark.svg") as mark:
        assert mark.headers["Cache-Control"] == "no-cache"


def test_cookies_are_careful_and_more_so_over_tls(web: Web) -> None:
    plain = web.client().get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    tls = web.client().get("/login", base_url="https://127.0.0.1")
    assert "Secure" in tls.headers["Set-Cookie"]
    assert tls.headers["Strict-Transport-Security"].startswith("max-age=")


def test_a_failure_is_a_page_for_people_and_a_problem_for_programs(web: Web) -> None:
    page = web.client().get("/nothing")
    assert page.status_code == 404
    assert page.mimetype == "text/html"
    assert "<h1>" in page.text
    problem = web.client().get("/api/v1/nothing")
    assert problem.mimetype == "application/problem+json"
    assert problem.get_json()["status"] == 404


def test_an_unexpected_failure_says_nothing_of_its_inside(web: Web) -> None:
    def fail() -> str:
        raise RuntimeError("the password is swordfish")

    fail.gate = Open.PUBLIC  # type: ignore[attr-defined]
    app = create_app(web.app.extensions["commongreen"].settings)
    app.add_url_rule("/fail", view_func=fail)
    answer = app.test_client().get("/fail")
    assert answer.status_code == 500
    assert "swordfish" not in answer.text


def test_nothing_connects_until_it_must(unreachable: Flask) -> None:
    client = unreachable.test_client()
    assert client.get("/live").get_json() == {"live": True}
    assert client.get("/login").status_code == 200
    ready = client.get("/ready")
    assert ready.status_code == 503
    assert ready.get_json()["faults"] == ["The database does not answer."]


def test_what_is_public_asks_nobody_who_they_are(web: Web, unreachable: Flask) -> None:
    # A session of before, signed by the same key, whose account could be looked up.
    unreachable.secret_key = web.app.secret_key
    client = unreachable.test_client()
    with web.login(Role.PLANNER).session_transaction() as known, client.session_transaction() as it:
        it.update(known)
    assert client.get("/live").status_code == 200
    with client.get("/static/mark.svg") as picture:
        assert picture.status_code == 200
    assert client.get("/places").status_code == 503


def test_without_the_database_a_browser_is_told_when_to_come_again(unreachable: Flask) -> None:
    client = unreachable.test_client()
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/login").text)
    assert found
    form = {"email": "a@b", "password": "c", "csrf_token": found[1]}
    answer = client.post("/login", data=form)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_ready_where_everything_is_right(web: Web) -> None:
    answer = web.client().get("/ready")
    shown = answer.get_json()
    assert (shown["ready"], shown["faults"]) == (True, [])
    assert re.fullmatch(r"\d+:[0-9a-f]{64}", shown["chain"])
    assert answer.status_code == 200


def test_it_refuses_to_serve_as_a_role_that_sees_everything(
    settings: Settings, tmp_path: Path
) -> None:
    owner = replace(settings, app_database_url=cluster.owner_url(settings))
    with pytest.raises(DatabaseError, match="superuser"):
        check_database(owner)
    app = create_app(web_settings(owner, tmp_path))
    answer = app.test_client().get("/ready")
    assert answer.status_code == 503
    assert any("superuser" in fault for fault in answer.get_json()["faults"])
    closed(app)


def test_it_refuses_to_serve_another_schema(committed: Settings) -> None:
    engine = owner_engine(committed)
    with engine.begin() as connection:
        was = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    with pytest.raises(DatabaseError, match=r"schema older.*db upgrade"):
        check_database(committed)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :was"), {"was": was})
    engine.dispose()
    check_database(committed)


def test_it_says_in_a_line_that_the_database_is_not_there(settings: Settings) -> None:
    nowhere = replace(
        settings, app_database_url="postgresql+psycopg://commongreen_app@127.0.0.1:1/nothing"
    )
    with pytest.raises(DatabaseError, match="cannot be reached"):
        check_database(nowhere)


def test_requests_have_their_limits(web: Web) -> None:
    database = open_database(web.app.extensions["commongreen"].settings)
    with web.app.app_context():
        served = web.app.extensions["commongreen"].database()
        with served.engine.connect() as connection:
            limits = connection.execute(
                text("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
            ).one()
    database.engine.dispose()
    assert tuple(limits) == ("5s", "2s")


def test_the_key_is_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: secret_key(path), range(32)))
    assert len(keys) == 1
    assert len(keys.pop()) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["key"]


@pytest.mark.parametrize(
    ("accepted", "asked", "expected"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "", "zh-Hans"),
        ("en-GB,en;q=0.9", "", "en"),
        ("fr", "", "zh-Hans"),
        ("en", "?lang=zh_Hans", "zh-Hans"),
        ("zh", "?lang=en", "en"),
        ("zh", "?lang=<script>", "zh-Hans"),
    ],
)
def test_the_language_is_the_readers(web: Web, accepted: str, asked: str, expected: str) -> None:
    answer = web.client().get(f"/login{asked}", headers={"Accept-Language": accepted})
    assert f'<html lang="{expected}">' in answer.text


def test_a_chosen_language_stays(web: Web) -> None:
    client = web.client()
    client.get("/login?lang=en", headers={"Accept-Language": "zh"})
    assert '<html lang="en">' in client.get("/login", headers={"Accept-Language": "zh"}).text


def test_a_language_link_leads_to_the_same_page(web: Web) -> None:
    answer = web.client().get("/login?next=/map/a%26b")
    assert 'href="/login?next=/map/a%26b&amp;lang=en"' in answer.text
