"""``commongreen user``: roles, tokens and links from the command line, as the operator."""

import datetime as dt
import io
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cases.access import Role
from cases.account_history import AccountAct
from cases.models import AccountEvent
from cases.people import ensure_account, named_account, rights
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import PASSWORD, Web, log_in
from tests.webmap.test_serve import environment
from webmap import cli

Run = Callable[..., tuple[int, str, str]]
ANA = "ana@example.org"


@pytest.fixture
def run(web: Web, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line on the module's own database, by the key of its application."""
    settings = web.app.extensions["commongreen"].settings
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COMMONGREEN_SECRET_KEY_FILE", str(settings.secret_key_file))
    with web.database.session(EVERYWHERE) as session, session.begin():
        ensure_account(session, ANA, name="Ana", password=PASSWORD, role=Role.PLANNER)

    def run_it(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = cli.main(("user", *arguments))
        return code, *capsys.readouterr()

    return run_it


def listed(run: Run, email: str) -> list[dict[str, Any]]:
    return [one for one in json.loads(run("list", "--json")[1]) if one["email"] == email]


def test_a_role_is_given_and_taken_at_once_as_the_operator(web: Web, run: Run) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session).code
    role = ("--role", "secretary", "--place", place)
    assert run("grant", ANA, *role) == (0, f"{ANA} is secretary in {place}.\n", "")
    assert listed(run, ANA)[-1] | {"place": place, "state": "in_force"} == listed(run, ANA)[-1]
    with web.database.session(EVERYWHERE) as session:
        assert Role.SECRETARY in rights(session, named_account(session, ANA).id).roles
    assert run("grant", ANA, *role)[0] == 2
    assert run("revoke", ANA, *role)[0] == 0
    assert [one["role"] for one in listed(run, ANA)] == ["planner"]
    assert run("revoke", ANA, *role)[0] == 2
    assert run("grant", ANA, "--role", "planner", "--place", "nowhere")[0] == 2
    assert run("revoke", ANA, "--role", "planner", "--place", "nowhere")[0] == 2


def test_a_resident_is_added_with_a_household(web: Web, run: Run) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session)
        code, home = place.code, make.household(session, place).ref
    where = ("--role", "resident", "--place", code)
    bad = run(
        "add",
        "li@example.org",
        "--name",
        "Li",
        *where,
        "--household",
        "x",
        "--password-stdin",
        typed=f"{PASSWORD}\n",
    )
    assert bad[0] == 2
    assert listed(run, "li@example.org") == []
    good = run(
        "add",
        "li@example.org",
        "--name",
        "Li",
        *where,
        "--household",
        home,
        "--password-stdin",
        typed=f"{PASSWORD}\n",
    )
    assert good == (0, "li@example.org can log in.\n", "")
    assert [one["role"] for one in listed(run, "li@example.org")] == ["resident"]


def test_an_account_is_closed_and_opened(run: Run) -> None:
    assert run("disable", ANA)[0] == 0
    assert run("token", ANA, "--name", "closed")[0] == 2
    assert run("reset", ANA)[0] == 2
    assert run("enable", ANA) == (0, f"{ANA} can log in again.\n", "")
    assert listed(run, ANA)[0]["active"] is True
    assert run("enable", "nobody@example.org")[0] == 2


def test_a_token_is_printed_once_listed_and_revoked(web: Web, run: Run) -> None:
    code, printed, errors = run("token", ANA, "--name", "QGIS", "--expires", "2999-12-31")
    assert (code, errors) == (0, "")
    secret = printed.strip()
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session).code
    address = f"/api/v1/places/{place}/figures"
    headers = {"Authorization": f"Bearer {secret}"}
    assert web.client().get(address, headers=headers).status_code == 200
    (told,) = json.loads(run("token", "list", ANA, "--json")[1])
    assert told["name"] == "QGIS"
    assert (told["expires"], told["writes"]) == ("2999-12-31", False)
    assert told["last_used"] is not None
    assert secret not in run("token", "list")[1]
    assert run("token", ANA, "--name", "QGIS")[0] == 2
    assert run("token", ANA, "--name", "old", "--expires", "1999-12-31")[0] == 2
    assert run("token", "revoke", ANA, "--name", "QGIS")[0] == 0
    assert web.client().get(address, headers=headers).status_code == 401
    assert run("token", "revoke", ANA, "--name", "QGIS")[0] == 2


def test_a_reset_link_is_printed_that_opens_the_page(
    web: Web, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, printed, errors = run("reset", ANA.upper())
    assert (code, errors) == (0, "")
    served = "http://127.0.0.1:8000"
    assert printed.startswith(f"{served}/reset/")
    assert web.client().get(printed.strip().removeprefix(served)).status_code == 200
    monkeypatch.setenv("COMMONGREEN_PUBLIC_URL", "https://green.example")
    assert run("reset", ANA)[1].startswith("https://green.example/reset/")
    assert run("reset", "nobody@example.org")[0] == 2


def test_a_lost_factor_is_removed_with_the_reset(web: Web, run: Run) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        account = named_account(session, ANA)
        account.tf_primary_method, account.tf_totp_secret = "authenticator", "{}"
    for options, kept in (((), True), (("--factor",), False)):
        assert run("reset", ANA, *options)[0] == 0
        with web.database.session(EVERYWHERE) as session:
            assert named_account(session, ANA).has_second_factor is kept


@pytest.mark.parametrize("by_login", [True, False])
def test_old_addresses_are_forgotten_at_a_login_and_by_a_command(
    web: Web, run: Run, by_login: bool
) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        ana = named_account(session, ANA)
        old = AccountEvent(
            account_id=ana.id,
            event=AccountAct.LOGGED_IN,
            actor=ANA,
            at=dt.datetime.now(dt.UTC) - dt.timedelta(days=200),
            address="10.0.0.7",
        )
        seq = make.add(session, old).seq
    if by_login:
        assert log_in(web.client(), ANA).status_code == 302
    else:
        told = "1 addresses older than 184 days are forgotten.\n"
        assert run("forget-addresses") == (0, told, "")
    with web.database.session(EVERYWHERE) as session:
        assert session.get_one(AccountEvent, seq).address == ""
