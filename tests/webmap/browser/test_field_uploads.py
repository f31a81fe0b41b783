"""200 photographs from a real browser over a line that is cut five times for each."""

import base64
import hashlib
import io
import random
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page
from sqlalchemy import func, select

from cases.access import Role
from cases.models import Photograph, Upload
from cases.photograph_files import PhotographFiles
from layers.config import Settings
from layers.db import EVERYWHERE
from layers.migrate import open_database
from layers.models import Community, Observation
from tests import builders
from tests.webmap.browser.conftest import Site, address
from tests.webmap.browser.field_harness import harness
from tests.webmap.browser.field_line import BadLine, bad_line
from tests.webmap.conftest import PASSWORD
from webmap.errors import TooMany

PHOTOGRAPHS, EACH, SEED = 200, 20, 4
# Every file is filled up to this length, so that each may be cut at any of its bytes.
SIZE = 40_000
AT_ONCE = 4

SEND = """async ([photographs, place, csrf, atOnce]) => {
  const attempts = 30;
  const told = [];
  const waiting = [...photographs];
  async function send(one) {
    const bytes = Uint8Array.from(atob(one.content), (sign) => sign.charCodeAt(0));
    const photograph = { ...one, blob: new Blob([bytes]), original: null, sends_original: false };
    const offsets = [];
    let last = null;
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      try {
        const receipt = await field.sendPart(photograph, "copy", {
          place, csrf, onOffset: (offset) => offsets.push(offset),
        });
        return { id: one.id, receipt, attempt, offsets };
      } catch (error) {
        const { kind, status, seconds, problems } = error;
        last = { id: one.id, kind, status, seconds, problems, offsets };
        if (!["offline", "later"].includes(kind)) return last;
        // As the queue waits: a request that was cut may hold its upload a moment longer.
        const pause = attempt < attempts && seconds ? seconds * 1_000 : 0;
        if (pause) await new Promise((go) => setTimeout(go, pause));
      }
    }
    return last;
  }
  async function work() {
    while (waiting.length) told.push(await send(waiting.shift()));
  }
  await Promise.all(Array.from({ length: atOnce }, work));
  return told;
}"""

ONCE = SEND.replace("attempts = 30", "attempts = 1")


def photograph(seed: int) -> bytes:
    """Return a JPEG of ``SIZE`` bytes; a comment behind its head fills it up."""
    noise = random.Random(seed).randbytes(80 * 60 * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (80, 60), noise).resize((320, 240)).save(out, "JPEG", quality=80)
    made = out.getvalue()
    filling = SIZE - len(made) - 4
    assert 0 <= filling < 65_000
    comment = b"\xff\xfe" + (filling + 2).to_bytes(2, "big") + b" " * filling
    return made[:2] + comment + made[2:]


def announce(settings: Settings, place: str, contents: list[bytes]) -> list[dict[str, Any]]:
    """Store submissions that announce photographs, as the inspector's phone sent them."""
    database = open_database(settings)
    made = []
    with database.session(EVERYWHERE) as session, session.begin():
        community = session.scalars(select(Community).where(Community.code == place)).one()
        near = session.scalars(
            select(Observation).where(Observation.community_id == community.id).limit(1)
        ).one()
        for start in range(0, len(contents), EACH):
            rows = [
                {"id": str(uuid.uuid4()), "sha256": hashlib.sha256(content).hexdigest()}
                for content in contents[start : start + EACH]
            ]
            sent = builders.submission(
                session, near, id=uuid.uuid4(), recorded_by=address(Role.INSPECTOR), announced=rows
            )
            made += [{**row, "draft": str(sent.id)} for row in rows]
    database.engine.dispose()
    return [
        {
            **row,
            "content": base64.b64encode(content).decode(),
            "taken_at": "2022-04-11T01:30:00.000Z",
            "position": None,
            "bearing": 12.5,
            "note": "竹篱笆",
        }
        for row, content in zip(made, contents, strict=True)
    ]


@pytest.fixture
def line(site: Site) -> Iterator[tuple[str, BadLine]]:
    """Serve with the limits of every day behind a line that is cut."""
    with ExitStack() as stack:
        settings = replace(site.settings, writes_per_account=120)
        url = stack.enter_context(harness(settings))
        yield stack.enter_context(bad_line(url, SIZE, SEED))


def log_in(browser: Browser, url: str) -> Page:
    page = browser.new_page()
    page.set_default_timeout(30_000)
    page.goto(url.replace("/harness/", "/login?lang=en"))
    page.fill("#email", address(Role.INSPECTOR))
    page.fill("#password", PASSWORD)
    page.click("button[type=submit].primary")
    page.wait_for_url(lambda now: "/login" not in now)
    page.goto(url)
    page.wait_for_selector("html[data-ready=true]")
    return page


def csrf(page: Page) -> str:
    told: str = page.evaluate("async () => (await (await fetch('/field/session')).json()).csrf")
    return told


def test_200_photographs_arrive_over_a_line_cut_at_five_random_bytes_of_each(
    site: Site, browser: Browser, line: tuple[str, BadLine]
) -> None:
    url, cut = line
    contents = [photograph(seed) for seed in range(PHOTOGRAPHS)]
    sent = announce(site.settings, site.editing, contents)
    page = log_in(browser, url)
    told = page.evaluate(SEND, [sent, site.editing, csrf(page), AT_ONCE])
    page.close()
    assert [one for one in told if "receipt" not in one] == []
    assert {one["id"]: one["receipt"] for one in told} == {one["id"]: one["sha256"] for one in sent}
    # Each was cut five times, some of them behind the last byte, where the answer was lost.
    assert cut.done == 5 * PHOTOGRAPHS
    assert len(cut.plans) == PHOTOGRAPHS
    for one in told:
        assert one["offsets"] == sorted(one["offsets"])
        assert one["offsets"][-1] == SIZE
    stored = _stored(site.settings, [uuid.UUID(one["id"]) for one in sent])
    files = PhotographFiles(site.settings.photographs)
    assert len(stored) == PHOTOGRAPHS
    for one, content in zip(sent, contents, strict=True):
        assert stored[uuid.UUID(one["id"])] == hashlib.sha256(content).digest()
        assert files.original(hashlib.sha256(content).digest()).read_bytes() == content
    assert list((site.settings.photographs / "uploads").glob("*.part")) == []


def _stored(settings: Settings, ids: list[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    """Return the hash of each photograph that is kept; each has one upload and one row."""
    database = open_database(settings)
    with database.session(EVERYWHERE) as session:
        rows = session.execute(
            select(Photograph.id, Photograph.sha256).where(Photograph.id.in_(ids))
        ).all()
        begun = select(func.count()).where(Upload.photograph_id.in_(ids))
        assert session.scalar(begun) == len(ids)
    database.engine.dispose()
    assert len({row.id for row in rows}) == len(rows)
    return {row.id: row.sha256 for row in rows}


def test_a_reload_goes_on_where_the_last_page_was_cut(
    site: Site, browser: Browser, line: tuple[str, BadLine]
) -> None:
    url, cut = line
    content = photograph(1_000)
    (one,) = announce(site.settings, site.editing, [content])
    page = log_in(browser, url)
    token, offsets = csrf(page), []
    for _page in range(7):
        (told,) = page.evaluate(ONCE, [[one], site.editing, token, 1])
        offsets.append(told.get("offsets"))
        if "receipt" in told:
            break
        page.reload()
        page.wait_for_selector("html[data-ready=true]")
    page.close()
    assert told["receipt"] == one["sha256"]
    assert cut.done == 5
    assert len(_stored(site.settings, [uuid.UUID(one["id"])])) == 1


def test_logged_out_and_refused_are_told_apart(
    site: Site, browser: Browser, line: tuple[str, BadLine]
) -> None:
    url, cut = line
    hostile = b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"
    sent = announce(site.settings, site.editing, [hostile, photograph(1_001), photograph(1_002)])
    page = log_in(browser, url)
    cut.cuts = 0
    (refused,) = page.evaluate(SEND, [sent[:1], site.editing, csrf(page), 1])
    assert (refused["kind"], refused["status"]) == ("refused", 422)
    assert [one["code"] for one in refused["problems"]] == ["photograph_kind"]
    token, cut.cuts = csrf(page), 1
    (begun,) = page.evaluate(ONCE, [sent[1:2], site.editing, token, 1])
    assert begun["kind"] == "offline"
    page.context.clear_cookies()
    # One under way is asked for first; one that is new fails by its token, which says nothing.
    under_way, new = page.evaluate(ONCE, [sent[1:], site.editing, token, 1])
    page.close()
    assert under_way["kind"] == "session"
    assert (new["kind"], new["status"]) == ("later", 400)
    assert _kept(site.settings, [uuid.UUID(one["id"]) for one in sent]) == []


def stopped(*_args: Any) -> None:
    raise TooMany("Another process holds the record.", 30)


@pytest.mark.parametrize(
    ("module", "name", "value", "status"),
    [
        ("cases.field.uploads", "MOST_UNDER_WAY", 0, 422),
        # All of it has come by then, and it is not kept.
        ("webmap.api.uploads", "finish", stopped, 429),
    ],
    ids=["too many under way", "whole and not kept"],
)
def test_what_has_to_wait_is_no_refusal_and_arrives_when_it_is_sent_again(
    site: Site,
    browser: Browser,
    line: tuple[str, BadLine],
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    name: str,
    value: Any,
    status: int,
) -> None:
    url, cut = line
    sent = announce(site.settings, site.editing, [photograph(1_000 + status)])
    page = log_in(browser, url)
    cut.cuts = 0
    with monkeypatch.context() as hindered:
        hindered.setattr(sys.modules[module], name, value)
        (told,) = page.evaluate(ONCE, [sent, site.editing, csrf(page), 1])
    assert (told["kind"], told["status"], told["seconds"]) == ("later", status, 30)
    (told,) = page.evaluate(ONCE, [sent, site.editing, csrf(page), 1])
    page.close()
    assert told["receipt"] == sent[0]["sha256"]


def _kept(settings: Settings, ids: list[uuid.UUID]) -> list[uuid.UUID]:
    database = open_database(settings)
    with database.session(EVERYWHERE) as session:
        found = list(session.scalars(select(Photograph.id).where(Photograph.id.in_(ids))))
    database.engine.dispose()
    return found
