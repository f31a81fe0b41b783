"""How much may be changed in a minute, whatever worker is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cases.access import Role
from layers.config import Settings
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token, log_in
from webmap.app import create_app
from webmap.connections import Connections
from webmap.throttle import PostgresStorage

NOTHING = "/api/v1/communities/{}/cases/00000000-0000-0000-0000-000000000000/moves"


@pytest.fixture(autouse=True)
def _no_counts(web: Web) -> Iterator[None]:
    yield
    with web.app.app_context():
        PostgresStorage().reset()


@contextmanager
def worker(web: Web, *, account: int = 0, address: int = 0) -> Iterator[Flask]:
    """Serve as another process of the same server would, which lets so much through."""
    settings = replace(web.settings, writes_per_account=account, writes_per_address=address)
    app = create_app(settings)
    yield app
    connections = app.extensions["commongreen"]
    assert isinstance(connections, Connections)
    connections.close()


def save(client: FlaskClient) -> TestResponse:
    form = {"name": "Li", "csrf_token": csrf_token(client, "/account")}
    return client.post("/account/profile?lang=en", data=form)


def entered(web: Web, app: Flask, name: str) -> FlaskClient:
    client = app.test_client()
    assert log_in(client, web.person(Role.PLANNER, name=name)).status_code == 302
    return client


def test_an_account_that_changes_too_much_waits_whatever_worker_it_asks(web: Web) -> None:
    name = make.fresh("busy")
    with worker(web, account=3) as first, worker(web, account=3) as second:
        here, there = entered(web, first, name), entered(web, second, name)
        assert [save(one).status_code for one in (here, there, here)] == [302, 302, 302]
        refused = save(there)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert "More than 3 changes in a minute" in refused.text
        assert "send it again" in refused.text
        for _ in range(5):
            assert here.get("/account").status_code == 200  # Reading goes on.
        assert save(entered(web, first, make.fresh("calm"))).status_code == 302


def test_a_program_is_told_as_a_problem(web: Web) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session).code
    with worker(web, account=1) as app:
        client = entered(web, app, make.fresh("script"))
        headers = {"X-CSRFToken": csrf_token(client, "/account"), "If-Match": '"v1"'}
        answers = [client.post(NOTHING.format(place), json={}, headers=headers) for _ in range(2)]
    assert answers[0].status_code == 422
    refused = answers[1]
    assert (refused.status_code, refused.mimetype) == (429, "application/problem+json")
    assert int(refused.headers["Retry-After"]) >= 1
    (problem,) = refused.get_json()["problems"]
    assert problem["code"] == "too_many_requests"
    assert problem["remedy"]


def test_an_address_is_limited_whoever_asks(web: Web) -> None:
    with worker(web, address=4) as app:
        first = entered(web, app, make.fresh("one"))
        second = entered(web, app, make.fresh("two"))  # Logging in counts as well.
        assert [save(one).status_code for one in (first, second)] == [302, 302]
        assert save(first).status_code == 429
        other = app.test_client()
        other.environ_base = {**other.environ_base, "REMOTE_ADDR": "10.9.8.7"}
        assert log_in(other, web.person(Role.PLANNER, name="two")).status_code == 302


def test_the_limits_are_settings() -> None:
    assert Settings.from_environment({}).writes_per_account == 120
    given = {"COMMONGREEN_WRITES_PER_ACCOUNT": "7", "COMMONGREEN_WRITES_PER_ADDRESS": "0"}
    settings = Settings.from_environment(given)
    assert (settings.writes_per_account, settings.writes_per_address) == (7, 0)


def test_pieces_of_photographs_do_not_use_up_the_changes_of_their_sender(web: Web) -> None:
    with worker(web, account=3) as app:
        client = entered(web, app, make.fresh("phone"))
        headers = {"X-CSRFToken": csrf_token(client, "/account"), "Tus-Resumable": "1.0.0"}
        where = NOTHING.format("nowhere").replace("cases", "field/uploads").removesuffix("/moves")
        for _ in range(10):
            assert client.patch(where, headers=headers).status_code == 404
        assert save(client).status_code == 302
