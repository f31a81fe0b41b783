"""One server and one browser for all tests of pages, and a watch over what they ask for."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from werkzeug.serving import make_server

from cases.access import Role
from cases.people import ensure_account
from layers.config import Settings
from layers.db import EVERYWHERE
from layers.migrate import open_database
from tests import builders
from tests.webmap.browser.compound import build_compound
from tests.webmap.conftest import PASSWORD, web_settings
from webmap.app import create_app
from webmap.connections import Connections

HOSTILE = "{{7*7}}</script>${alert(1)}<b>"
DEBIAN_CHROMIUM = Path("/usr/bin/chromium")
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Site:
    """A running server with two compounds of one town."""

    url: str
    settings: Settings
    town: str = "spa-town"
    plain: str = "spring-garden"
    hostile: str = "hostile"


@dataclass
class Watch:
    """What a page did that no page may do."""

    faults: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._request(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob", "file"} and parts.hostname != "127.0.0.1":
            self.faults.append(f"asked for {url}")


OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def site(clone: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = web_settings(clone(), tmp_path_factory.mktemp("site"))
    _furnish(settings)
    app = create_app(settings)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(f"http://127.0.0.1:{server.server_port}", settings)
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
        ):
            build_compound(session, code, name, text).community.region_id = town.id
        for role in (Role.INSPECTOR, Role.SECRETARY, Role.PLANNER):
            ensure_account(session, address(role), name=str(role), password=PASSWORD, role=role)
    database.engine.dispose()


def address(role: Role) -> str:
    """Return the e-mail of an account that has a role everywhere."""
    return f"{role}@example.org"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium where it is, else the one that Playwright fetched; no names resolve."""
    own = str(DEBIAN_CHROMIUM) if DEBIAN_CHROMIUM.exists() else None
    flags = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=own, args=flags)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def cookies(site: Site, browser: Browser) -> Callable[[Role], Any]:
    """Log in once per role; a page of that role starts with its cookies."""
    known: dict[Role, Any] = {}

    def of(role: Role) -> Any:
        if role not in known:
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{site.url}/login?lang=en")
            page.fill("#email", address(role))
            page.fill("#password", PASSWORD)
            page.click("button[type=submit].primary")
            page.wait_for_url(lambda url: "/login" not in url)
            known[role] = context.storage_state()
            context.close()
        return known[role]

    return of


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fail the test whose page logged an error, opened a dialog or asked somebody else."""
    watching = Watch()
    yield watching
    assert watching.faults == []


@pytest.fixture
def open_page(
    site: Site, browser: Browser, cookies: Callable[[Role], Any], watch: Watch
) -> Iterator[OpenPage]:
    """Open an address as somebody, on a desk or a phone, and wait until its map is ready."""
    contexts: list[BrowserContext] = []

    def open_(
        path: str, role: Role = Role.INSPECTOR, *, phone: bool = False, **options: Any
    ) -> Page:
        context = browser.new_context(
            viewport=PHONE if phone else DESK,  # type: ignore[arg-type]
            has_touch=phone,
            is_mobile=phone,
            storage_state=cookies(role),
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        watch.over(page)
        page.goto(f"{site.url}{path}")
        wait_for_map(page)
        return page

    yield open_
    for context in contexts:
        context.close()


def wait_for_map(page: Page) -> None:
    """Wait until the map stands, its tiles are drawn and its counts are there."""
    page.wait_for_selector("html[data-map-ready=true]")
    page.wait_for_function(
        "() => !CommonGreen.layers.grid.isLoading()"
        " && document.querySelector('#cg-statuses output').textContent !== ''"
        " && document.querySelector('#cg-figures-body').childElementCount > 0"
    )
