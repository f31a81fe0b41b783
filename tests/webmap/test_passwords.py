"""Passwords are changed and reset, links open once, and other sessions end."""

import quopri
import re
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from cases.access import Role
from cases.account_history import AccountAct, history
from cases.people import disable_account, find_account
from layers.config import MailServer
from layers.db import NOWHERE
from tests.webmap.conftest import PASSWORD, Web, csrf_token, log_in
from webmap.accounts import LoginLimits, reset_link
from webmap.app import create_app
from webmap.connections import Connections
from webmap.throttle import PostgresStorage

NEW = "another horse 8"


@pytest.fixture(autouse=True)
def _no_counts(web: Web) -> None:
    with web.app.app_context():
        PostgresStorage().reset()


def link_for(web: Web, email: str) -> str:
    with web.app.test_request_context():
        return reset_link(email).removeprefix("http://localhost")


def send(client: FlaskClient, address: str, **form: str) -> Any:
    token = csrf_token(client, "/login" if client.get("/places").status_code == 302 else "/places")
    return client.post(address, data={"csrf_token": token, **form})


def change(client: FlaskClient, old: str, new: str, again: str | None = None) -> Any:
    form = {"password": old, "new_password": new, "new_password_confirm": again or new}
    return send(client, "/account/password", **form)


def acts(web: Web, email: str) -> list[str]:
    with web.database.session(NOWHERE) as session:
        account = find_account(session, email)
        assert account is not None
        return [one.event for one in history(session, account.id, limit=20)]


def test_changing_the_password_ends_the_sessions_elsewhere(web: Web) -> None:
    email = web.person(Role.PLANNER, name="changer")
    here, elsewhere = web.client(), web.client()
    for client in (here, elsewhere):
        assert log_in(client, email).status_code == 302
    before = csrf_token(here, "/places")
    answer = change(here, PASSWORD, NEW)
    assert answer.headers["Location"] == "/account"
    assert here.get("/places").status_code == 200
    assert elsewhere.get("/places").status_code == 302
    # The session is another one: what was good in it before is not any more.
    assert here.post("/logout", data={"csrf_token": before}).status_code == 400
    assert log_in(web.client(), email).status_code == 200
    assert log_in(web.client(), email, NEW).status_code == 302
    assert AccountAct.PASSWORD_CHANGED in acts(web, email)


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        ("wrong", NEW, NEW, "The current password is not right."),
        (PASSWORD, "short", "short", "10 characters or more"),
        (PASSWORD, NEW, "something else", "The two new passwords differ."),
        (PASSWORD, PASSWORD, PASSWORD, "The new password is the old one."),
    ],
)
def test_a_bad_change_says_why(web: Web, old: str, new: str, again: str, said: str) -> None:
    client = web.login(Role.PLANNER, name="careless")
    client.get("/places?lang=en")
    answer = change(client, old, new, again)
    assert answer.status_code == 200
    assert said in answer.text
    assert log_in(web.client(), web.person(Role.PLANNER, name="careless")).status_code == 302


def test_guessing_the_password_of_an_open_session_is_limited(web: Web) -> None:
    settings = web.app.extensions["commongreen"].settings
    app = create_app(settings, LoginLimits(password="2 per minute"))
    client = app.test_client()
    log_in(client, web.person(Role.PLANNER, name="left-alone"))
    assert [change(client, "wrong", NEW).status_code for _ in range(3)] == [200, 200, 429]
    close(app)


def close(app: Any) -> None:
    connections = app.extensions["commongreen"]
    assert isinstance(connections, Connections)
    connections.close()


def test_a_reset_link_is_good_once_and_ends_every_session(web: Web) -> None:
    email = web.person(Role.PLANNER, name="forgetful")
    open_session = web.client()
    log_in(open_session, email)
    link = link_for(web, email)
    stranger = web.client()
    assert stranger.get(link).status_code == 200
    form = {"password": NEW, "password_confirm": NEW}
    assert send(stranger, link, **form).headers["Location"] == "/login"
    assert stranger.get("/places").status_code == 302  # It logs nobody in.
    assert open_session.get("/places").status_code == 302
    assert log_in(web.client(), email, NEW).status_code == 302
    second = web.client()
    assert second.get(link).headers["Location"].endswith("/reset")
    assert send(second, link, password=PASSWORD, password_confirm=PASSWORD).status_code == 302
    assert log_in(web.client(), email, PASSWORD).status_code == 200
    assert acts(web, email).count(AccountAct.PASSWORD_RESET) == 1


def test_two_with_one_link_set_one_password(web: Web) -> None:
    email = web.person(Role.PLANNER, name="raced")
    link, later = link_for(web, email), link_for(web, email)
    send(web.client(), link, password=NEW, password_confirm=NEW)
    # A link of before opens nothing either, once a password has been set.
    assert send(web.client(), later, password=PASSWORD, password_confirm=PASSWORD)
    assert log_in(web.client(), email, NEW).status_code == 302


def test_a_forged_link_and_a_closed_account_s_open_nothing(web: Web) -> None:
    email = web.person(Role.PLANNER, name="closing")
    link = link_for(web, email)
    with web.database.session(NOWHERE) as session, session.begin():
        disable_account(session, email)
    for bad in (link, link[:-3] + "AAA", "/reset/x", "/reset/%00"):
        assert web.client().get(bad).status_code == 302
        answer = send(web.client(), bad, password=NEW, password_confirm=NEW)
        assert answer.headers["Location"].endswith("/reset")


def test_without_a_mail_server_the_page_says_whom_to_ask(web: Web) -> None:
    page = web.client().get("/reset?lang=en").text
    assert "Ask the administrator" in page
    assert 'name="email"' not in page
    sent = send(web.client(), "/reset", email=web.person(Role.PLANNER))
    assert sent.status_code == 200


class Inbox(socketserver.ThreadingTCPServer):
    """A mail server that keeps what it is sent."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Speaker)
        self.messages: list[str] = []
        self.arrived = threading.Semaphore(0)


class Speaker(socketserver.StreamRequestHandler):
    """As much of SMTP as it takes to hand a message in."""

    def handle(self) -> None:
        inbox = self.server
        assert isinstance(inbox, Inbox)
        self.wfile.write(b"220 inbox\r\n")
        while line := self.rfile.readline().decode().strip().upper():
            if line == "DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (part := self.rfile.readline().decode()) != ".\r\n":
                    # A line that begins with a dot is sent with one more (RFC 5321, 4.5.2).
                    lines.append(part.removeprefix(".") if part.startswith("..") else part)
                inbox.messages.append("".join(lines))
                inbox.arrived.release()
            self.wfile.write(b"221 bye\r\n" if line == "QUIT" else b"250 well\r\n")
            if line == "QUIT":
                return


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    server = Inbox()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def mailing(web: Web, inbox: Inbox) -> Iterator[Any]:
    """The application with a mail server, reached under a public address."""
    server = MailServer("127.0.0.1", inbox.server_address[1], "green@example.org", tls=False)
    settings = replace(
        web.app.extensions["commongreen"].settings,
        mail_server=server,
        public_url="https://green.example",
    )
    app = create_app(settings)
    yield app
    close(app)


def test_a_forgotten_password_is_answered_by_mail_to_the_address_that_people_use(
    web: Web, mailing: Any, inbox: Inbox
) -> None:
    email = web.person(Role.PLANNER, name="mailed")
    client = mailing.test_client()
    # Whoever asks chooses the Host header, and must not choose where the link leads.
    there = "http://evil.example"
    page = client.get("/reset?lang=en", base_url=there)
    found = re.search(r'name="csrf-token" content="([^"]+)"', page.text)
    assert found
    form = {"csrf_token": found[1], "email": email.upper()}
    answer = client.post("/reset", data=form, base_url=there)
    assert "a link is on its way" in answer.text
    assert inbox.arrived.acquire(timeout=30)
    (message,) = inbox.messages
    assert f"To: {email}" in message
    assert "evil.example" not in message
    body = quopri.decodestring(message.encode()).decode()
    address = body.split("https://green.example")[1].split()[0]
    assert web.client().get(address).status_code == 200


def test_nobody_learns_by_mail_whether_an_account_is_there(
    web: Web, mailing: Any, inbox: Inbox
) -> None:
    client = mailing.test_client()
    known, unknown = (
        client.post("/reset", data={"csrf_token": csrf_token(client, "/reset"), "email": email})
        for email in (web.person(Role.PLANNER, name="asked"), "nobody@example.org")
    )
    assert known.status_code == unknown.status_code == 200
    drop = [
        "\n".join(line for line in one.text.splitlines() if "csrf" not in line)
        for one in (known, unknown)
    ]
    assert drop[0] == drop[1]
    assert inbox.arrived.acquire(timeout=30)
    assert len(inbox.messages) == 1


def test_links_are_asked_for_only_so_often(web: Web, mailing: Any) -> None:
    client = mailing.test_client()
    token = csrf_token(client, "/reset")
    codes = [
        client.post("/reset", data={"csrf_token": token, "email": "no@example.org"}).status_code
        for _ in range(4)
    ]
    assert codes == [200, 200, 200, 429]
