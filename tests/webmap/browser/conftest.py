"""One server and one browser for all tests of pages, and a watch over what they ask for."""

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from cases.access import Role
from cases.models import Account, FieldDecision, FieldVerdict, Lane, SubmissionKind
from cases.people import ensure_account
from cases.submissions import Answer, Submission, keep_answer
from layers.config import Settings
from layers.db import EVERYWHERE
from layers.migrate import open_database
from layers.models import Community, Household
from tests import builders
from tests.webmap.browser.compound import build_compound, observations
from tests.webmap.conftest import PASSWORD, web_settings
from webmap.app import create_app
from webmap.connections import Connections
from webmap.pages.import_reports import REPORT

HOSTILE = "{{7*7}}</script>${alert(1)}<b>"
# The shell draws the same pages without the windows that no test looks at, in half the time.
DEBIANS = (Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium"))
OWN = next((str(one) for one in DEBIANS if one.exists()), None)
FLAGS = [
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-gpu",
    "--disable-background-networking",
]
if hasattr(os, "geteuid") and os.geteuid() == 0:
    FLAGS.append("--no-sandbox")
DESK = {"width": 1440, "height": 900}
# Who has an account everywhere.
SEATED = (
    Role.ADMIN,
    Role.INSPECTOR,
    Role.LANE_HOUSEKEEPER,
    Role.OFFICIAL,
    Role.PLANNER,
    Role.SECRETARY,
)
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Site:
    """A running server with four compounds, three of them in one town.

    Tests of the map change the third alone, tests of other pages the fourth.
    """

    url: str
    settings: Settings
    town: str = "spa-town"
    plain: str = "spring-garden"
    hostile: str = "hostile"
    moving: str = "moving"
    editing: str = "editing"


@dataclass
class Watch:
    """What a page did that no page may do."""

    faults: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def over(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._request(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        expected = any(part in message.text for part in self.expected)
        if message.type in {"error", "warning"} and not expected:
            self.faults.append(f"console: {message.text}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob", "file"} and parts.hostname != "127.0.0.1":
            self.faults.append(f"asked for {url}")


class Quiet(WSGIRequestHandler):
    """Serves without a line in the log for each request."""

    def log_request(self, *_args: Any) -> None:
        """Say nothing."""


def whole(app: WSGIApplication) -> WSGIApplication:
    """Read each answer to its end before it is sent.

    A browser that leaves a page drops what is under way, and the development server
    then forgets to close the file behind it.
    """

    def answer(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        parts = app(environ, start)
        try:
            return [b"".join(parts)]
        finally:
            if hasattr(parts, "close"):
                parts.close()

    return answer


OpenPage = Callable[..., Page]
OpenSheet = Callable[..., Page]


@pytest.fixture(scope="session")
def site(clone: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = web_settings(clone(), tmp_path_factory.mktemp("site"))
    _furnish(settings)
    with serving(settings) as url:
        yield Site(url, settings)


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve the application on a port of its own, and return its address."""
    app = create_app(settings)
    server = make_server("127.0.0.1", 0, whole(app), threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    connections = app.extensions["commongreen"]
    assert isinstance(connections, Connections)
    connections.close()


def _furnish(settings: Settings) -> None:
    database = open_database(settings)
    with database.session(EVERYWHERE) as session, session.begin():
        town = builders.region(session, code=Site.town, name="Spa town")
        for code, name, text in (
            (Site.plain, "温泉花园 Spring Garden", ""),
            (Site.hostile, "Hostile", HOSTILE),
            (Site.moving, "Moving", ""),
        ):
            build_compound(session, code, name, text).community.region_id = town.id
        build_compound(session, Site.editing, "Editing")
        plain = session.scalars(select(Community).where(Community.code == Site.plain)).one()
        builders.add(session, Lane(community_id=plain.id, ref="L-1", name="北巷"))
        for role in SEATED:
            ensure_account(session, address(role), name=str(role), password=PASSWORD, role=role)
        _capture(session, plain)
    database.engine.dispose()


def _capture(session: Session, place: Community) -> None:
    """Let the inspector have sent a conflict and a clear household, and one more, accepted."""
    seen, other = observations(session, place)[:2]
    home = session.scalars(
        select(Household).where(Household.community_id == place.id).order_by(Household.ref)
    ).first()
    assert home is not None
    by = {"recorded_by": address(Role.INSPECTOR), "note": "竹篱笆"}
    stale = {"corrects_id": seen.id, "corrects_version": "0" * 16, "keep_both": True}
    clear = {"kind": SubmissionKind.CLEAR, "geom": None, "area_m2": None}
    done = builders.submission(session, other, **by)
    builders.submission(session, other, is_clock_doubtful=True, phone_area_m2=49.0, **by)
    builders.submission(session, seen, household_id=home.id, **clear, **by)
    builders.submission(session, seen, **stale, **by)
    verdict = FieldDecision(
        community_id=place.id,
        id=uuid.uuid4(),
        submission_id=done.id,
        verdict=FieldVerdict.ACCEPTED,
        decided_by=address(Role.SECRETARY),
        observation_id=other.id,
    )
    builders.add(session, verdict)
    _take_in(session, place, done.id)


def _take_in(session: Session, place: Community, known: uuid.UUID) -> None:
    """Let the secretary have taken in a file, of which something was refused."""
    email = address(Role.SECRETARY)
    report = {"file": "手机.压缩", "by": email, "new": [], "known": [str(known)]}
    refused = {str(uuid.uuid4()): {"en": ["Too far away."], "zh_Hans": ["太远。"]}}
    more = {"unfinished": [str(known)], "refused": refused, "photographs": 3}
    reader = session.scalars(select(Account.id).where(Account.email == email)).one()
    given = Submission(place.id, reader, uuid.uuid4(), "0" * 64)
    keep_answer(session, given, Answer(200, json.dumps({REPORT: report | more})))


def address(role: Role) -> str:
    """Return the e-mail of an account that has a role everywhere."""
    return f"{role}@example.org"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium where it is, else the one that Playwright fetched; no names resolve."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=OWN, args=FLAGS)
        yield launched
        launched.close()


@dataclass
class Seats:
    """Contexts of the browser, one per role and device, logged in once and kept warm."""

    browser: Browser
    site: Site
    known: dict[tuple[Any, ...], BrowserContext] = field(default_factory=dict)

    def of(self, role: Role, *, phone: bool, permissions: tuple[str, ...]) -> BrowserContext:
        key = (role, phone, permissions)
        if key not in self.known:
            self.known[key] = self._seat(role, phone, permissions)
        return self.known[key]

    def _seat(self, role: Role, phone: bool, permissions: tuple[str, ...]) -> BrowserContext:
        context = self.browser.new_context(
            viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
            has_touch=phone,
            is_mobile=phone,
            permissions=list(permissions),
        )
        page = context.new_page()
        page.goto(f"{self.site.url}/login?lang=en")
        page.fill("#email", address(role))
        page.fill("#password", PASSWORD)
        page.click("button[type=submit].primary")
        page.wait_for_url(lambda url: "/login" not in url)
        page.close()
        return context


@pytest.fixture(scope="session")
def seats(browser: Browser, site: Site) -> Seats:
    """The contexts, closed with the browser."""
    return Seats(browser, site)


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fail the test whose page logged an error, opened a dialog or asked somebody else."""
    watching = Watch()
    yield watching
    assert watching.faults == []


@pytest.fixture
def open_sheet(site: Site, seats: Seats, watch: Watch) -> Iterator[OpenSheet]:
    """Open a page without a community map as somebody, on a desk or a phone."""
    pages: list[Page] = []

    def open_(path: str, role: Role = Role.INSPECTOR, *, phone: bool = False) -> Page:
        page = seats.of(role, phone=phone, permissions=()).new_page()
        pages.append(page)
        page.set_default_timeout(10_000)
        watch.over(page)
        page.goto(f"{site.url}{path}")
        return page

    yield open_
    for page in pages:
        page.close()


@pytest.fixture
def open_page(site: Site, seats: Seats, watch: Watch) -> Iterator[OpenPage]:
    """Open an address as somebody, on a desk or a phone, and wait until its map is ready."""
    pages: list[Page] = []

    def open_(
        path: str,
        role: Role = Role.INSPECTOR,
        *,
        phone: bool = False,
        permissions: tuple[str, ...] = (),
    ) -> Page:
        page = seats.of(role, phone=phone, permissions=permissions).new_page()
        pages.append(page)
        page.set_default_timeout(10_000)
        watch.over(page)
        page.goto(f"{site.url}{path}")
        wait_for_map(page)
        return page

    yield open_
    for page in pages:
        page.close()


def wait_for_map(page: Page) -> None:
    """Wait until the map stands, its tiles are drawn and its counts are there."""
    page.wait_for_selector("html[data-map-ready=true]")
    page.wait_for_function(
        "() => !CommonGreen.layers.grid.isLoading()"
        " && document.querySelector('#cg-statuses output').textContent !== ''"
        " && document.querySelector('#cg-figures-body').childElementCount > 0"
    )
