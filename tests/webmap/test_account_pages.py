"""The own account, and the accounts of administrators, as people use them."""

import re
import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cases.access import Role
from cases.account_history import AccountAct, history
from cases.models import Account, Membership
from cases.people import named_account, rights
from layers.db import EVERYWHERE, NOWHERE
from tests import builders as make
from tests.webmap.conftest import PASSWORD, Web, csrf_token, log_in

HOSTILE = "<script>alert(1)</script>{{7*7}}"


@pytest.fixture(scope="module")
def town(web: Web) -> dict[str, str]:
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


def send(client: FlaskClient, address: str, **form: str) -> Any:
    return client.post(address, data={"csrf_token": csrf_token(client, "/places"), **form})


def account_of(web: Web, email: str) -> Account:
    with web.database.session(NOWHERE) as session:
        return named_account(session, email)


def page_of(web: Web, email: str) -> str:
    return f"/accounts/{account_of(web, email).public_id}"


def in_english(client: FlaskClient) -> FlaskClient:
    client.get("/places?lang=en")
    return client


def test_the_own_account_shows_roles_logins_and_history(web: Web, town: dict[str, str]) -> None:
    client = in_english(web.login(Role.INSPECTOR, town["place"]))
    page = client.get("/account").text
    assert "Inspector" in page
    assert town["place"] in page
    assert "Logged in" in page
    assert "127.0.0.1" in page


def test_a_name_and_a_language_are_kept(web: Web) -> None:
    client = web.login(Role.PLANNER, name="renamed")
    email = web.person(Role.PLANNER, name="renamed")
    saved = send(client, "/account/profile", name=HOSTILE, language="en")
    assert saved.headers["Location"] == "/account"
    page = client.get("/account", headers={"Accept-Language": "zh"}).text
    assert '<html lang="en">' in page
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page
    # The language comes along to another browser.
    again = web.client()
    log_in(again, email)
    assert '<html lang="en">' in again.get("/account", headers={"Accept-Language": "zh"}).text
    for bad in ("", " ", "x" * 201, "a\x00b"):
        assert send(client, "/account/profile", name=bad, language="en").status_code == 422
    assert account_of(web, email).name == HOSTILE


def test_a_token_is_shown_once(web: Web) -> None:
    client = in_english(web.login(Role.PLANNER, name="scripted"))
    made = send(client, "/account/tokens", name=HOSTILE, expires="2999-01-01")
    found = re.search(r"cg_[\w-]{43}", made.text)
    assert found
    assert made.headers["Cache-Control"] == "private, no-store"
    assert HOSTILE not in made.text
    page = client.get("/account").text
    assert found[0] not in page
    ending = re.search(r'action="(/account/tokens/[^"]+/revoke)"', page)
    assert ending
    assert send(client, ending[1]).status_code == 302
    assert send(client, ending[1]).status_code == 422
    for bad in (
        {"name": ""},
        {"name": "a", "expires": "never"},
        {"name": "a", "expires": "1999-01-01"},
    ):
        assert send(client, "/account/tokens", **bad).status_code == 422


def test_making_a_token_asks_for_the_password_after_a_while(web: Web) -> None:
    client = web.client()
    log_in(client, web.person(Role.PLANNER, name="away"))
    with client.session_transaction() as known:
        known["fs_paa"] -= 3600
        known.pop("fs_gexp", None)
    answer = send(client, "/account/tokens", name="late")
    assert answer.headers["Location"] == "/account/verify?next=/account"
    back = send(client, "/account/verify", password=PASSWORD, next="/account")
    assert back.headers["Location"] == "/account"
    assert send(client, "/account/tokens", name="late").status_code == 200


def test_an_admin_opens_an_account_whose_owner_gets_in_by_the_link(
    web: Web, town: dict[str, str]
) -> None:
    admin = in_english(web.login(Role.ADMIN, town["town"]))
    form = {"email": "New@example.org", "name": "新人", "role": "planner", "place": town["place"]}
    made = send(admin, "/accounts", **form)
    assert made.status_code == 200
    assert made.headers["Cache-Control"] == "private, no-store"
    found = re.search(r'<code class="secret"[^>]*>http://localhost(/reset/[^<]+)<', made.text)
    assert found
    stranger = web.client()
    new = "another horse 8"
    token = csrf_token(stranger, found[1])
    form = {"csrf_token": token, "password": new, "password_confirm": new}
    assert stranger.post(found[1], data=form).status_code == 302
    assert log_in(stranger, "new@example.org", new).status_code == 302
    assert "新人" in admin.get("/accounts?q=新").text
    assert "新人" not in admin.get("/accounts?q=%25").text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"email": "nobody"}, 422),
        ({"name": ""}, 422),
        ({"role": "king"}, 422),
        ({"role": ""}, 422),
        ({"place": "nowhere"}, 422),
        ({"place": ""}, 422),
        ({"role": "resident"}, 422),
        ({"role": "resident", "household": "\x00"}, 422),
        ({"email": "<b>@example.org"}, 422),
    ],
)
def test_a_bad_account_is_refused_and_leaves_nothing(
    web: Web, town: dict[str, str], change: dict[str, str], status: int
) -> None:
    admin = web.login(Role.ADMIN, town["town"])
    form = {"email": "bad@example.org", "name": "Bad", "role": "planner", "place": town["place"]}
    if change == {"email": "<b>@example.org"}:
        form["role"], status = "king", 422
    answer = send(admin, "/accounts", **{**form, **change})
    assert answer.status_code == status
    assert "<b>@" not in answer.text
    with web.database.session(NOWHERE) as session:
        found = session.scalars(select(Account).where(Account.email.like("%bad@example.org")))
        assert found.all() == []


def test_two_admins_make_a_secretary(web: Web, town: dict[str, str]) -> None:
    first = in_english(web.login(Role.ADMIN, town["town"], name="first"))
    second = in_english(web.login(Role.ADMIN, town["town"], name="second"))
    email = web.person(Role.PLANNER, town["place"], name="rising")
    page = page_of(web, email)
    answer = send(first, f"{page}/memberships", role="secretary", place=town["place"])
    assert answer.status_code == 302
    shown = first.get(page).text
    assert "waits for approval" in shown
    assert "/approve" not in shown
    assert email in second.get("/accounts/waiting").text
    approving = re.search(r'action="([^"]+/approve)"', second.get("/accounts/waiting").text)
    assert approving
    assert send(first, approving[1]).status_code == 422
    assert Role.SECRETARY not in roles_of(web, email)
    assert send(second, approving[1]).status_code == 302
    assert Role.SECRETARY in roles_of(web, email)
    assert send(second, approving[1]).status_code == 422
    ending = approving[1].replace("/approve", "/revoke")
    assert send(first, ending).status_code == 302
    assert roles_of(web, email) == {Role.PLANNER}


def roles_of(web: Web, email: str) -> frozenset[Role]:
    with web.database.session(EVERYWHERE) as session:
        return rights(session, named_account(session, email).id).roles


def test_an_admin_of_another_place_finds_nobody(web: Web, town: dict[str, str]) -> None:
    stranger = web.login(Role.ADMIN, town["other"])
    email = web.person(Role.PLANNER, town["place"], name="hidden")
    page = page_of(web, email)
    assert stranger.get(page).status_code == 404
    assert email not in stranger.get("/accounts").text
    for act in ("memberships", "close", "open", "factor", "reset"):
        assert send(stranger, f"{page}/{act}").status_code == 404, act
    with web.database.session(EVERYWHERE) as session:
        number = session.scalars(
            select(Membership.id).where(Membership.account_id == account_of(web, email).id)
        ).one()
    own = page_of(web, web.person(Role.ADMIN, town["other"]))
    for act in ("approve", "revoke"):
        assert send(stranger, f"{page}/memberships/{number}/{act}").status_code == 404
        # Nor by way of an account that is theirs.
        assert send(stranger, f"{own}/memberships/{number}/{act}").status_code == 404
        assert send(stranger, f"{own}/memberships/{10**12}/{act}").status_code == 404
    assert roles_of(web, email) == {Role.PLANNER}
    assert stranger.get(f"/accounts/{uuid.uuid4()}").status_code == 404


def test_an_admin_closes_opens_and_resets(web: Web, town: dict[str, str]) -> None:
    admin = in_english(web.login(Role.ADMIN, town["town"]))
    email = web.person(Role.INSPECTOR, town["place"], name="handled")
    inside = web.client()
    log_in(inside, email)
    page = page_of(web, email)
    assert send(admin, f"{page}/close").status_code == 302
    assert inside.get("/places").status_code == 302
    assert send(admin, f"{page}/reset").status_code == 422
    assert send(admin, f"{page}/open").status_code == 302
    assert log_in(web.client(), email).status_code == 302
    reset = send(admin, f"{page}/reset")
    assert "/reset/" in reset.text
    assert reset.headers["Cache-Control"] == "private, no-store"
    assert "/reset/" not in re.sub(r'action="[^"]+"', "", admin.get(page).text)
    assert send(admin, f"{page}/factor").status_code == 302
    with web.database.session(NOWHERE) as session:
        told = [one.event for one in history(session, account_of(web, email).id, limit=9)]
    assert {AccountAct.ACCOUNT_CLOSED, AccountAct.ACCOUNT_OPENED, AccountAct.RESET_ISSUED} < set(
        told
    )
    assert "Reset link given out" in admin.get(page).text


def test_an_admin_does_not_take_over_who_may_more(web: Web, town: dict[str, str]) -> None:
    admin = in_english(web.login(Role.ADMIN, town["town"]))
    mighty = web.person(Role.PLANNER, town["place"], name="mighty")
    with web.database.session(EVERYWHERE) as session, session.begin():
        from cases.people import ensure_account

        ensure_account(session, mighty, name="", password="", role=Role.ADMIN)
    own = web.person(Role.ADMIN, town["town"])
    for email in (mighty, own):
        page = page_of(web, email)
        assert admin.get(page).status_code == 200
        for act in ("close", "factor", "reset"):
            assert send(admin, f"{page}/{act}").status_code == 422, act
    assert account_of(web, mighty).active


def test_nobody_but_admins_has_accounts_in_the_navigation(web: Web, town: dict[str, str]) -> None:
    for role in set(Role) - {Role.RESIDENT}:
        page = in_english(web.login(role, town["place"])).get("/places").text
        assert ('href="/accounts"' in page) == (role is Role.ADMIN), role
        assert 'href="/account"' in page


def test_an_admin_s_pages_hold_nothing_of_a_case(web: Web, town: dict[str, str]) -> None:
    admin = web.login(Role.ADMIN, town["town"])
    for address in (f"/map/{town['place']}", f"/api/v1/places/{town['place']}/figures"):
        assert admin.get(address).status_code == 403
