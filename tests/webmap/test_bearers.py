"""A token opens data, as its account, and nothing else; whatever cookies come with it."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from cases.access import Role
from cases.account_history import OPERATOR
from cases.people import disable_account, named_account
from cases.tokens import TokenForm, make_token, revoke_named_token
from layers.db import EVERYWHERE, NOWHERE
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token
from webmap.accounts import LoginLimits
from webmap.app import create_app
from webmap.connections import Connections
from webmap.throttle import PostgresStorage


@pytest.fixture(autouse=True)
def _no_counts(web: Web) -> None:
    with web.app.app_context():
        PostgresStorage().reset()


@pytest.fixture(scope="module")
def place(web: Web) -> str:
    with web.database.session(EVERYWHERE) as session, session.begin():
        return make.community(session).code


def token(web: Web, role: Role, place: str | None, *, writes: bool = False) -> str:
    with web.database.session(NOWHERE) as session, session.begin():
        account = named_account(session, web.person(role, place))
        form = TokenForm(make.fresh("script"), may_write=writes)
        return make_token(session, account, form, OPERATOR)


def bearing(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def as_password(secret: str, name: str = "anybody") -> dict[str, str]:
    coded = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {coded}"}


def figures(place: str) -> str:
    return f"/api/v1/places/{place}/figures"


@pytest.mark.parametrize("headers", [bearing, as_password])
def test_a_token_reads_as_its_account(web: Web, place: str, headers: Any) -> None:
    sent = headers(token(web, Role.PLANNER, place))
    client = web.client()
    for address in (figures(place), f"/tiles/{place}/16/1/1.mvt"):
        answer = client.get(address, headers=sent)
        assert answer.status_code == 200, address
        assert "Set-Cookie" not in answer.headers
    assert client.get(figures(place)).status_code == 401  # Nothing was left behind.
    assert client.head(figures(place), headers=sent).status_code == 200


def test_a_token_sees_no_more_than_its_account(web: Web, place: str) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        other = make.community(session).code
    sent = bearing(token(web, Role.OFFICIAL, place))
    assert web.client().get(figures(other), headers=sent).status_code == 404
    status = f"/api/v1/places/{place}/status"
    assert web.client().get(status, headers=sent).status_code == 403


@pytest.mark.parametrize("headers", [bearing, as_password])
def test_a_token_opens_no_page(web: Web, place: str, headers: Any) -> None:
    sent = headers(token(web, Role.ADMIN, None, writes=True))
    for address in ("/account", "/accounts", "/places", "/account/password", "/account/factor"):
        answer = web.client().get(address, headers=sent)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/login")
    # Nor does it spare a page's form its CSRF token.
    client = web.login(Role.ADMIN)
    for address in ("/account/tokens", "/accounts", "/logout"):
        assert client.post(address, headers=sent).status_code == 400


@pytest.mark.parametrize("wrong", ["cg_", "cg_" + "A" * 43, "cg_\x00", "cg_%00"])
def test_a_wrong_token_is_refused_even_with_a_session(web: Web, place: str, wrong: str) -> None:
    client = web.login(Role.PLANNER, place)
    assert client.get(figures(place)).status_code == 200
    answer = client.get(figures(place), headers=as_password(wrong))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert answer.mimetype == "application/problem+json"


def test_other_authorizations_are_nobody_s_token(web: Web, place: str) -> None:
    for sent in ("Bearer", "Bearer x", "Basic", "Basic !!", "Digest a=b", as_password("x")):
        headers = sent if isinstance(sent, dict) else {"Authorization": sent}
        assert web.client().get(figures(place), headers=headers).status_code == 401


def test_a_token_that_has_ended_opens_nothing(web: Web, place: str) -> None:
    secret = token(web, Role.INSPECTOR, place)
    email = web.person(Role.INSPECTOR, place)
    with web.database.session(NOWHERE) as session, session.begin():
        account = named_account(session, email)
        again = make_token(session, account, TokenForm("ending"), OPERATOR)
        revoke_named_token(session, account, "ending")
    assert web.client().get(figures(place), headers=bearing(again)).status_code == 401
    assert web.client().get(figures(place), headers=bearing(secret)).status_code == 200
    with web.database.session(NOWHERE) as session, session.begin():
        disable_account(session, email)
    assert web.client().get(figures(place), headers=bearing(secret)).status_code == 401


def moves(place: str) -> str:
    return f"/api/v1/communities/{place}/cases/00000000-0000-0000-0000-000000000000/moves"


def test_only_a_token_that_may_write_writes_and_needs_no_other(web: Web, place: str) -> None:
    reads, writes = (token(web, Role.SECRETARY, place, writes=yes) for yes in (False, True))
    client = web.client()
    assert client.post(moves(place), json={}, headers=bearing(reads)).status_code == 403
    assert client.post(moves(place), json={}, headers=as_password(writes)).status_code == 403
    # The view itself is reached, and misses the move that the body should hold.
    assert client.post(moves(place), json={}, headers=bearing(writes)).status_code == 422
    assert client.post(moves(place), json={}).status_code == 400


def test_a_token_never_lends_its_freedom_to_a_session(web: Web, place: str) -> None:
    # Another site could send a token of its own with the cookies of who looks at it.
    victim = web.login(Role.SECRETARY, place)
    stranger = token(web, Role.PLANNER, None, writes=True)
    with web.database.session(EVERYWHERE) as session, session.begin():
        other = make.community(session).code
    mine = bearing(token(web, Role.INSPECTOR, other, writes=True))
    assert victim.post(moves(place), json={}, headers=mine).status_code == 404
    answer = victim.get(figures(other), headers=mine)
    assert answer.status_code == 200
    assert victim.get(figures(place), headers=mine).status_code == 404
    assert victim.get(figures(place), headers=as_password(stranger)).status_code == 200
    # And the session is what it was.
    assert victim.get(figures(place)).status_code == 200
    assert csrf_token(victim, "/places")


def test_guessed_tokens_are_counted_across_workers(web: Web, place: str) -> None:
    settings = web.app.extensions["commongreen"].settings
    workers = [create_app(replace(settings), LoginLimits(token="3 per minute")) for _ in range(2)]
    good = bearing(token(web, Role.PLANNER, place))
    codes = [
        app.test_client().get(figures(place), headers=bearing("cg_guess")).status_code
        for app in workers * 2
    ]
    assert codes == [401, 401, 401, 429]
    # Whoever shares the address and has a good token goes on.
    assert workers[0].test_client().get(figures(place), headers=good).status_code == 200
    for app in workers:
        close(app)


def close(app: Flask) -> None:
    connections = app.extensions["commongreen"]
    assert isinstance(connections, Connections)
    connections.close()
