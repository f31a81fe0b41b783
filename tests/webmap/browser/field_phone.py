"""A phone of an inspector: a browser whose memory outlives its death, and a server with a door.

The browser has a folder of its own, as the one of a phone has, and is killed as a phone kills it:
by its process, without being asked.
"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import Error as BrowserError
from sqlalchemy import select
from werkzeug.serving import make_server

from cases.access import Role
from cases.models import FieldSubmission
from cases.people import ensure_account
from layers.config import Settings
from layers.db import EVERYWHERE, Database
from layers.migrate import open_database
from layers.models import Community, Parcel
from tests.webmap.browser.compound import Compound, build_compound
from tests.webmap.browser.conftest import FLAGS, OWN, PHONE, Quiet
from tests.webmap.conftest import PASSWORD
from webmap.app import create_app
from webmap.connections import Connections

# A camera that shows a test picture, and nobody who has to allow it.
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
LONGEST_S = 60.0

Says = Callable[[WSGIEnvironment], bool]


@dataclass
class Door:
    """Stands before the application: closed, or dropping answers that are committed already."""

    app: WSGIApplication
    is_closed: bool = False
    drops: list[Says] = field(default_factory=list)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer, or hang up before or after the application has done its work."""
        path = str(environ["PATH_INFO"])
        self.asked.append(f"{environ['REQUEST_METHOD']} {path}")
        if self.is_closed:
            return hang_up(environ, start)
        if path in self.files:
            kind, content = self.files[path]
            start("200 OK", [("Content-Type", kind), ("Content-Length", str(len(content)))])
            return [content]
        parts = self.app(environ, start)
        try:
            content = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
        for dropped in self.drops:
            if dropped(environ):
                self.drops.remove(dropped)
                return hang_up(environ, start)
        return [content]

    def times(self, part: str) -> int:
        """Return how often something was asked."""
        return sum(part in one for one in self.asked)


def hang_up(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
    """Cut the line: the browser hears nothing more."""
    line: socket.socket = environ["werkzeug.socket"]
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    with suppress(AssertionError):
        start("503 Service Unavailable", [])
    return [b""]


@dataclass
class Yard:
    """A served compound of six buildings with an inspector and a secretary."""

    url: str
    door: Door
    database: Database
    settings: Settings
    places: dict[str, list[Parcel]] = field(default_factory=dict)

    def place(self, code: str) -> None:
        """Build a compound of a test's own, with an inspector and a secretary."""
        with self.database.session(EVERYWHERE) as session, session.begin():
            made: Compound = build_compound(session, code, f"Yard {code}")
            self.places[code] = list(made.parcels)
            for role in (Role.INSPECTOR, Role.SECRETARY):
                email = f"{role}@{code}.example"
                ensure_account(session, email, name=email, password=PASSWORD, role=role, place=code)


@contextmanager
def yard(settings: Settings) -> Iterator[Yard]:
    """Serve the application behind a door on a port of its own."""
    app = create_app(settings)
    door = Door(app)
    server = make_server("127.0.0.1", 0, door, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    database = open_database(settings)
    yield Yard(f"http://127.0.0.1:{server.server_port}", door, database, settings)
    server.shutdown()
    thread.join()
    server.server_close()
    database.engine.dispose()
    connections = app.extensions["commongreen"]
    assert isinstance(connections, Connections)
    connections.close()


@dataclass
class Phone:
    """A browser with a memory of its own; ``page`` is the one that is open."""

    browser: Browser
    url: str
    folder: Path
    context: BrowserContext | None = None
    language: str = "en-GB"
    faults: list[str] = field(default_factory=list)

    def start(self) -> Page:
        """Start the browser from cold and return its empty page."""
        self.context = self.browser.browser_type.launch_persistent_context(
            self.folder,
            executable_path=OWN,
            args=[*FLAGS, *CAMERA],
            viewport=PHONE,  # type: ignore[arg-type]
            has_touch=True,
            is_mobile=True,
            locale=self.language,
            permissions=["geolocation", "camera"],
        )
        self.context.set_default_timeout(LONGEST_S * 1000)
        self.context.on("weberror", lambda error: self.faults.append(str(error.error)))
        return self.context.pages[0]

    @property
    def page(self) -> Page:
        """Return the page that is open."""
        assert self.context is not None
        return self.context.pages[-1]

    def open(self, path: str = "/field/") -> Page:
        """Open the page from cold, and wait until it stands."""
        page = self.start() if self.context is None else self.page
        page.goto(f"{self.url}{path}")
        page.wait_for_selector("html[data-state=open]")
        return page

    def kill(self) -> None:
        """End the browser's process at once, as a phone does that needs its memory."""
        number = process_of(self.folder)
        os.kill(number, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{number}/cmdline").read_bytes(), gone=True)
        self.close()

    def close(self) -> None:
        """Leave what is left of it."""
        if self.context is not None:
            with suppress(BrowserError):
                self.context.close()
        self.context = None

    def log_in(self, code: str, role: Role = Role.INSPECTOR) -> None:
        """Log in as somebody of a compound, from wherever the page is."""
        page = self.page
        page.goto(f"{self.url}/login?lang=en&next=/field/")
        page.fill("#email", f"{role}@{code}.example")
        page.fill("#password", PASSWORD)
        page.click("button[type=submit].primary")
        page.wait_for_selector("html[data-state=open]")


def process_of(folder: Path) -> int:
    """Return the process of the browser that has this folder."""
    wanted = f"--user-data-dir={folder}".encode()
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = found.read_bytes().split(b"\0")
            if wanted in words and not any(word.startswith(b"--type=") for word in words):
                return int(found.parent.name)
    raise AssertionError("the browser is not there")


def wait_for(true: Callable[[], bool], *, gone: bool = False, pause_s: float = 0.01) -> None:
    """Wait until something is so; with ``gone`` a file that is away is so, too."""
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        try:
            if true():
                return
        except OSError:
            if gone:
                return
        time.sleep(pause_s)
    raise AssertionError("it did not come to that")


def prepare(phone: Phone, code: str, building: str = "4") -> None:
    """Keep a building on the phone, and wait until the page opens without a signal."""
    page = phone.page
    page.get_by_role("link", name=f"Yard {code}").tap()
    page.get_by_label(f"Building {building}", exact=False).first.check()
    expect(page.locator(".field-total")).to_contain_text("One building, about")
    page.get_by_role("button", name="Keep on this phone").tap()
    expect(page.get_by_role("button", name="Mark something")).to_be_visible()
    page.evaluate("() => navigator.serviceWorker.ready")
    page.wait_for_function("() => navigator.serviceWorker.controller")


def stand(phone: Phone, place: Any) -> None:
    """Let the phone be at a place (longitude, latitude)."""
    assert phone.context is not None
    at = {"longitude": place.x, "latitude": place.y, "accuracy": 3}
    phone.context.set_geolocation(at)  # type: ignore[arg-type]


CORNERS = ((-35, -50), (38, -45), (40, 45), (-30, 52))


def draw(page: Page, corners: tuple[tuple[float, float], ...] = CORNERS) -> None:
    """Tap an outline around where the phone stands."""
    page.get_by_role("button", name="Mark something").tap()
    page.wait_for_selector(".leaflet-self-pane path[d]:not([d='M0 0'])", state="attached")
    page.locator("[data-tool=tap]").tap()
    expect(page.locator(".mark-cross")).to_be_visible()
    box = page.locator(".mark-map").bounding_box()
    assert box is not None
    for count, (dx, dy) in enumerate(corners, 1):
        page.touchscreen.tap(box["width"] / 2 + dx, box["height"] / 2 + dy)
        expect(page.locator(".marker-icon:not(.marker-icon-middle)")).to_have_count(count)
    page.get_by_role("button", name="Close outline").tap()
    page.locator("[data-panel=details]").tap()
    page.locator("[data-type=fence]").tap()
    expect(page.locator(".mark-kept")).to_have_text("Saved on this phone")


def photograph(page: Page, picture: bytes) -> None:
    """Take a photograph with the phone's own camera, and come back to the outline."""
    before = count(page, "photographs")
    page.locator("[data-panel=evidence]").tap()
    page.get_by_role("button", name="Take a photograph").tap()
    file = page.locator("input[type=file]")
    file.wait_for(state="attached")
    file.set_input_files({"name": "p.jpg", "mimeType": "image/jpeg", "buffer": picture})
    wait_until(page, f"await photographs.count() === {before + 1}")
    done = page.locator(".camera-tool.is-done")
    if done.count():
        done.tap()
    expect(page.locator("[data-panel=send]")).to_be_visible()


def send(page: Page) -> None:
    """Say that the outline is ready."""
    page.locator("[data-panel=send]").tap()
    page.wait_for_url("**/field/#/queue")


def count(page: Page, table: str) -> int:
    """Return how many rows the phone has."""
    found: int = page.evaluate(
        "async (table) => (await import('/static/field/store.js')).database[table].count()", table
    )
    return found


def wait_until(page: Page, condition: str) -> None:
    """Wait until something of the phone's tables is so; the condition may await."""
    script = f"""async () => {{
      const {{ database }} = await import("/static/field/store.js");
      const {{ drafts, photographs }} = database;
      return Boolean({condition});
    }}"""
    wait_for(lambda: bool(page.evaluate(script)), pause_s=0.1)


def kept(page: Page) -> list[dict[str, Any]]:
    """Return the drafts of the phone, oldest first."""
    found: list[dict[str, Any]] = page.evaluate(
        "async () => (await import('/static/field/store.js')).database.drafts.orderBy('id')"
        ".toArray()"
    )
    return sorted(found, key=lambda one: one["created_at"])


def submissions(yard: Yard, place: str) -> list[FieldSubmission]:
    """Return what has arrived at a place."""
    with yard.database.session(EVERYWHERE) as session:
        community = select(Community.id).where(Community.code == place).scalar_subquery()
        return list(
            session.scalars(
                select(FieldSubmission).where(FieldSubmission.community_id == community)
            )
        )


def says(page: Page, text: str) -> None:
    """Assert what the line of the state says."""
    expect(page.locator(".field-status")).to_contain_text(text)


# Queues an outline with two photographs, as the screens do, and returns its identifier.
# With an original the first of the photographs has one, which is to be sent as well.
KEEP = """async ([place, account, picture, geometry, more, original = null]) => {
  const { newId, saveDraft, database, now } = await import("/static/field/store.js");
  const { queueDraft } = await import("/static/field/queue.js");
  const { sha256 } = await import("/static/field/sending.js");
  const at = now();
  const draft = await saveDraft({
    id: newId(), place, account, kind: "enclosure", state: "draft", created_at: at,
    observed_at: at, structure_types: ["fence"], geometry, method: "drawn", rms_m: 0.3,
    phone_area_m2: 1, ...more,
  });
  const decoded = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const bytes = decoded(picture);
  for (let number = 0; number < 2; number += 1) {
    const blob = new Blob([bytes, new Uint8Array([number])], { type: "image/jpeg" });
    const large = number === 0 && original ? new Blob([decoded(original)]) : null;
    await database.photographs.put({
      id: newId(), draft: draft.id, state: "kept", blob, original: large, offset: 0,
      sha256: await sha256(await blob.arrayBuffer()),
      original_sha256: large && await sha256(await large.arrayBuffer()),
      sends_original: Boolean(large), taken_at: at, position: null,
    });
  }
  // What is still being marked is not ready to be sent.
  if (more.state !== "draft") await queueDraft(draft, "test");
  return draft.id;
}"""
