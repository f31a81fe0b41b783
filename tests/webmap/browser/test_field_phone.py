"""The phone in the yard: what was marked without a signal arrives once, whatever happens."""

import base64
import datetime as dt
import hashlib
import importlib
import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from geoalchemy2.shape import to_shape
from playwright.sync_api import Browser, Page, expect
from shapely.geometry import mapping
from sqlalchemy import func, select

from cases.access import Role
from cases.models import Encroachment, FieldDecision, Photograph
from layers.config import BaseMap, Settings
from layers.db import EVERYWHERE
from layers.models import Community
from tests.pictures import picture
from tests.webmap.browser.field_phone import (
    KEEP,
    Phone,
    Yard,
    count,
    draw,
    kept,
    photograph,
    prepare,
    says,
    send,
    stand,
    submissions,
    wait_for,
    wait_until,
    yard,
)
from tests.webmap.conftest import csrf_token, log_in, web_settings
from webmap.field_shell import STATIC, Shell

expect.set_options(timeout=60_000)
# Parcels of building 4 that the survey found clear.
FREE = (15, 16, 17)


@pytest.fixture(scope="module")
def served(
    clone: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Yard]:
    with yard(web_settings(clone(), tmp_path_factory.mktemp("yard"))) as opened:
        yield opened


@pytest.fixture
def place(served: Yard) -> Iterator[str]:
    """A compound of the test's own; afterwards the door is open and whole again."""
    code = f"y{uuid.uuid4().hex[:8]}"
    served.place(code)
    served.door.asked.clear()
    yield code
    served.door.is_closed = False
    served.door.drops.clear()
    served.door.files.clear()


@pytest.fixture
def phone(browser: Browser, served: Yard, tmp_path: Path) -> Iterator[Phone]:
    held = Phone(browser, served.url, tmp_path / "phone")
    yield held
    held.close()
    assert held.faults == []


def shots(number: int) -> list[bytes]:
    """Return pictures, each another one."""
    return [picture(size=(640 + one, 480)) for one in range(number)]


def ready(phone: Phone, yard: Yard, place: str) -> None:
    """Log in, prepare building 4 and lose the signal."""
    phone.start()
    phone.log_in(place)
    prepare(phone, place)
    yard.door.is_closed = True


def mark(phone: Phone, yard: Yard, place: str, parcel: int, pictures: list[bytes]) -> None:
    """Mark what is fenced on a parcel, with photographs, and say that it is ready."""
    page = phone.page
    page.goto(f"{phone.url}/field/#/")
    stand(phone, to_shape(yard.places[place][parcel].geom).centroid)
    draw(page)
    for one in pictures:
        photograph(page, one)
    send(page)


def photographs(yard: Yard, place: str) -> list[Photograph]:
    with yard.database.session(EVERYWHERE) as session:
        community = select(Community.id).where(Community.code == place).scalar_subquery()
        return list(
            session.scalars(
                select(Photograph).where(
                    Photograph.community_id == community, Photograph.submission_id.is_not(None)
                )
            )
        )


def arrived(yard: Yard, phone: Phone, place: str, number: int, pictures: int) -> None:
    """Assert that everything is there, once, and that its areas are those of the phone."""
    page = phone.page
    expect(page.locator(".field-status")).to_contain_text("Connected. Nothing waits to be sent.")
    expect(page.locator(".field-row.is-done")).to_have_count(number)
    said = page.locator(".field-row .field-state").all_inner_texts()
    assert all(text.startswith("Everything has arrived") for text in said)
    found = {str(one.id): one for one in submissions(yard, place)}
    mine = kept(page)
    assert set(found) == {one["id"] for one in mine}
    assert len(found) == number
    for one in mine:
        row = found[one["id"]]
        assert one["receipt"]["sha256"] == row.body_sha256.hex()
        assert row.area_m2 is not None
        assert abs(row.area_m2 - one["phone_area_m2"]) < 0.01
    assert len(photographs(yard, place)) == pictures


def accept_all(yard: Yard, place: str) -> None:
    """Let the secretary take everything."""
    client = yard.door.app.test_client()  # type: ignore[attr-defined]
    log_in(client, f"{Role.SECRETARY}@{place}.example")
    token = csrf_token(client, "/places")
    for one in submissions(yard, place):
        answer = client.post(
            f"/api/v1/communities/{place}/field/submissions/{one.id}/acceptance",
            json={},
            headers={"X-CSRFToken": token},
        )
        assert answer.status_code == 200, answer.text


def flagged(yard: Yard, place: str) -> int:
    """Return how many encroachments come from accepted submissions."""
    with yard.database.session(EVERYWHERE) as session:
        return (
            session.scalar(
                select(func.count(func.distinct(Encroachment.observation_id)))
                .join(FieldDecision, FieldDecision.observation_id == Encroachment.observation_id)
                .join(Community, Community.id == FieldDecision.community_id)
                .where(Community.code == place)
            )
            or 0
        )


def test_what_was_marked_without_a_signal_outlives_a_kill_and_is_flagged(
    phone: Phone, served: Yard, place: str
) -> None:
    ready(phone, served, place)
    pictures = shots(5)
    for parcel, own in zip(FREE, (pictures[:2], pictures[2:4], pictures[4:]), strict=True):
        mark(phone, served, place, parcel, own)
    says(phone.page, "No connection. 3 wait on this phone")
    expect(phone.page.get_by_text("Waits on this phone · 0 of 2 photographs")).to_have_count(2)
    phone.kill()
    page = phone.open("/field/#/queue")
    says(page, "No connection. 3 wait on this phone")
    assert submissions(served, place) == []
    served.door.is_closed = False
    page.get_by_role("button", name="Send now").tap()
    # The browser forgot who had logged in; the phone forgot nothing.
    says(page, "Nobody is logged in. 3 wait on this phone, and nothing of them is lost.")
    page.get_by_role("link", name="Log in to send").tap()
    page.wait_for_selector("#email")
    phone.log_in(place)
    page.goto(f"{phone.url}/field/#/queue")
    arrived(served, phone, place, 3, 5)
    expect(page.get_by_text("2 of 2 photographs")).to_have_count(2)
    accept_all(served, place)
    assert flagged(served, place) == 3


def test_an_answer_that_was_cut_after_the_commit_is_asked_for_again(
    phone: Phone, served: Yard, place: str
) -> None:
    ready(phone, served, place)
    mark(phone, served, place, FREE[0], shots(1))

    def asks(method: str, part: str) -> Callable[[dict[str, Any]], bool]:
        return lambda environ: environ["REQUEST_METHOD"] == method and part in environ["PATH_INFO"]

    door = served.door
    door.drops = [
        asks("PUT", "/field/submissions/"),
        asks("POST", "/field/uploads"),
        asks("PATCH", "/field/uploads/"),
    ]
    page = phone.page
    door.is_closed = False
    for left in (2, 1, 0):
        page.get_by_role("button", name="Send now").tap()
        wait_for(lambda left=left: len(door.drops) <= left)  # type: ignore[misc]
        if left:
            says(page, "No connection. One waits on this phone")
        assert page.locator(".field-row.is-done").count() == 0 or not door.drops
        assert len(submissions(served, place)) == 1
    page.get_by_role("button", name="Send now").tap()
    arrived(served, phone, place, 1, 1)
    assert door.times("PUT ") >= 2


def test_a_session_that_expired_waits_for_its_inspector(
    phone: Phone, served: Yard, place: str
) -> None:
    ready(phone, served, place)
    mark(phone, served, place, FREE[0], shots(1))
    page = phone.page
    assert phone.context is not None
    phone.context.clear_cookies()
    served.door.is_closed = False
    page.get_by_role("button", name="Send now").tap()
    says(page, "Nobody is logged in. One waits on this phone, and nothing of it is lost.")
    assert submissions(served, place) == []
    expect(page.get_by_text("Waits on this phone · 0 of 1 photographs")).to_be_visible()
    # Whoever else logs in on this phone sends nothing of it.
    other = f"o{uuid.uuid4().hex[:8]}"
    served.place(other)
    phone.log_in(other)
    says(page, "Connected. Nothing waits to be sent.")
    page.goto(f"{phone.url}/field/#/more")
    expect(page.get_by_text("One draft on this phone belongs to another account")).to_be_visible()
    assert submissions(served, place) == []
    phone.context.clear_cookies()
    phone.log_in(place)
    page.goto(f"{phone.url}/field/#/queue")
    arrived(served, phone, place, 1, 1)


def test_a_log_out_leaves_what_waits(phone: Phone, served: Yard, place: str) -> None:
    ready(phone, served, place)
    mark(phone, served, place, FREE[0], shots(1))
    served.door.is_closed = False
    page = phone.page
    served.door.drops = [lambda environ: "/field/submissions/" in environ["PATH_INFO"]]
    page.goto(f"{phone.url}/places?lang=en")
    page.evaluate("() => document.querySelector('form.account').submit()")
    page.wait_for_url("**/login**")
    served.door.is_closed = True
    served.door.drops.clear()
    phone.kill()
    page = phone.open("/field/#/queue")
    says(page, "No connection.")
    expect(page.locator(".field-row")).to_have_count(1)
    served.door.is_closed = False
    page.get_by_role("button", name="Send now").tap()
    page.wait_for_function("() => document.querySelector('.field-status.is-session, .is-done')")
    if page.locator(".field-status.is-session").count():
        page.get_by_role("link", name="Log in to send").tap()
        page.wait_for_selector("#email")
        page.wait_for_url("**/login**")
        phone.log_in(place)
        page.goto(f"{phone.url}/field/#/queue")
    arrived(served, phone, place, 1, 1)


INSTALLING = "async () => Boolean((await navigator.serviceWorker.getRegistration()).installing)"


def test_an_update_waits_for_a_person_and_loses_no_draft(
    phone: Phone, served: Yard, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.start()
    phone.log_in(place)
    prepare(phone, place)
    served.door.is_closed = True
    mark(phone, served, place, FREE[0], shots(1))
    stand(phone, to_shape(served.places[place][FREE[1]].geom).centroid)
    phone.page.goto(f"{phone.url}/field/#/")
    draw(phone.page)
    page = phone.page
    page.get_by_role("button", name="Back").tap()
    page.wait_for_url("**/field/#/queue")
    served.door.is_closed = False
    field_page: Any = importlib.import_module("webmap.pages.field")
    before = field_page._cached_shell()
    style = (STATIC / "field/field.css").read_bytes() + b"\n/* the next version */\n"
    # A server that is half-way through its update: the phone refuses the mixture.
    served.door.files["/static/field/field.css"] = ("text/css", style)
    half = Shell({**before.hashes}, "f" * 16)
    monkeypatch.setattr(field_page, "_shell", lambda: half)
    page.reload()
    page.wait_for_selector("html[data-state=open]")
    page.evaluate(
        "() => navigator.serviceWorker.getRegistration().then((one) => one.update().catch(() => 0))"
    )
    wait_for(lambda: not page.evaluate(INSTALLING))
    assert page.locator("[data-notice=update]").count() == 0
    assert version(page) == before.version
    # The update is whole: it is offered, and taken when somebody wants it.
    digest = hashlib.sha256(style).hexdigest()
    whole = Shell({**before.hashes, "field/field.css": digest}, "a" * 16)
    monkeypatch.setattr(field_page, "_shell", lambda: whole)
    page.reload()
    page.wait_for_selector("html[data-state=open]")
    notice = page.locator("[data-notice=update]")
    expect(notice).to_contain_text("What you marked stays.")
    assert version(page) == before.version
    with page.expect_navigation():
        notice.get_by_role("button", name="Update now").tap()
    page.wait_for_selector("html[data-state=open]")
    assert version(page) == whole.version
    assert [one["state"] for one in kept(page)][1] == "draft"
    served.door.is_closed = True
    phone.kill()
    page = phone.open("/field/#/queue")
    assert version(page) == whole.version
    expect(page.locator(".field-row")).to_have_count(2)
    served.door.is_closed = False
    phone.log_in(place)
    page.goto(f"{phone.url}/field/#/queue")
    expect(page.locator(".field-row.is-done")).to_have_count(1)
    expect(page.locator(".field-row.is-draft")).to_have_count(1)
    assert len(submissions(served, place)) == 1
    assert len(photographs(served, place)) == 1


def version(page: Page) -> str:
    """Return the version of the service worker that answers for the page."""
    told: str = page.evaluate(
        """() => new Promise((resolve) => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = ({ data }) => resolve(data);
          navigator.serviceWorker.controller.postMessage("version", [port2]);
        })"""
    )
    return told


# Chromium grants small writes beyond any quota that is set for a test: so writes fail here as
# they do on a full phone, until the page gives up what it holds back (`room`), or altogether.
FULL = """(room) => {
  const { put, delete: forget } = IDBObjectStore.prototype;
  let left = 0;
  IDBObjectStore.prototype.delete = function (key) { left = room; return forget.call(this, key); };
  IDBObjectStore.prototype.put = function (...given) {
    if (left <= 0) throw new DOMException("full", "QuotaExceededError");
    left -= 1;
    return put.apply(this, given);
  };
}"""


def test_a_phone_that_is_nearly_full_says_so_and_drops_nothing(
    phone: Phone, served: Yard, place: str
) -> None:
    ready(phone, served, place)
    mark(phone, served, place, FREE[0], shots(1))
    page = phone.page
    page.goto(f"{phone.url}/field/#/")
    wait_until(page, "await database.settings.where('key').equals('reserve').count() === 1")
    # What was held back holds one draft more, and the page says how near the end is.
    page.evaluate(FULL, 1)
    page.get_by_role("button", name="Mark something").tap()
    page.wait_for_url("**/field/#/mark/**")
    assert len(kept(page)) == 2
    page.goto(f"{phone.url}/field/#/")
    expect(page.locator("[data-notice=room]")).to_contain_text("This phone is nearly full.")
    # Then nothing more is kept: that is said, and what was kept stays.
    page.get_by_role("button", name="Mark something").tap()
    expect(page.locator("[data-notice=full]")).to_contain_text("nothing new can be kept")
    assert len(kept(page)) == 2
    # Sending on a full phone: no state is written, so none says that anything arrived.
    served.door.is_closed = False
    page.goto(f"{phone.url}/field/#/queue")
    page.get_by_role("button", name="Send now").tap()
    says(page, "Something went wrong while sending. One waits on this phone")
    assert page.locator(".field-row.is-done").count() == 0
    # With room again, as after a restart, it arrives once.
    page.reload()
    expect(page.locator(".field-row.is-done")).to_have_count(1)
    assert len(submissions(served, place)) == 1
    assert len(photographs(served, place)) == 1


@pytest.mark.parametrize("days", [365, -365])
def test_a_clock_that_is_wrong_by_a_year_is_said_and_put_right(
    phone: Phone, served: Yard, place: str, days: int
) -> None:
    phone.start()
    assert phone.context is not None
    wrong = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    phone.context.clock.set_fixed_time(wrong)
    phone.log_in(place)
    says(phone.page, "The clock of this phone is 365 days off.")
    prepare(phone, place)
    says(phone.page, "The clock of this phone is 365 days off.")
    expect(phone.page.locator(".field-late")).to_have_count(0)
    served.door.is_closed = True
    mark(phone, served, place, FREE[0], shots(1))
    served.door.is_closed = False
    phone.page.get_by_role("button", name="Send now").tap()
    arrived(served, phone, place, 1, 1)
    (row,) = submissions(served, place)
    assert abs(row.observed_on - dt.datetime.now(dt.UTC).date()) <= dt.timedelta(days=1)
    assert abs(abs(row.clock_offset_s) - 365 * 86_400) < 3_600


RUNS = 30


def test_thirty_kills_while_sending_lose_nothing_and_double_nothing(
    phone: Phone, served: Yard, place: str
) -> None:
    """Each run marks, sends and is killed at another request, before or after it is answered."""
    chance = random.Random(4)
    phone.start()
    phone.log_in(place)
    assert phone.context is not None
    cookies = phone.context.cookies()
    page = phone.open()
    account = page.evaluate("() => fetch('/field/session').then((it) => it.json())")["account"]
    shape = to_shape(served.places[place][FREE[0]].geom)
    known: list[str] = []
    picked = base64.b64encode(picture(size=(320, 240))).decode()
    for number in range(RUNS):
        # Every run another corner of the parcel, so that no outline is like another.
        ground = mapping(shape.buffer(-1e-7 * (1 + number)))
        page = phone.page
        known.append(page.evaluate(KEEP, [place, account, picked, ground, {}]))
        served.door.asked.clear()
        last = chance.randint(1, 10)
        page.evaluate("() => window.dispatchEvent(new Event('online'))")
        wait_for(lambda last=last: len(served.door.asked) >= last)  # type: ignore[misc]
        time.sleep(chance.random() * 0.03)
        phone.kill()
        phone.start()
        phone.context.add_cookies(cookies)  # type: ignore[arg-type]
        phone.open("/field/#/queue")
    page = phone.page
    wait_until(page, f"await drafts.where('state').equals('done').count() === {RUNS}")
    mine = kept(page)
    assert {one["id"] for one in mine} == set(known)
    assert {str(one.id) for one in submissions(served, place)} == set(known)
    assert sum(len(one.announced) for one in submissions(served, place)) == 2 * RUNS
    assert count(page, "photographs") == 2 * RUNS
    assert len(photographs(served, place)) == 2 * RUNS
    says(page, "Connected. Nothing waits to be sent.")


def test_tiles_that_may_be_kept_are_there_without_a_signal(
    browser: Browser, clone: Callable[[], Settings], tmp_path: Path
) -> None:
    ours = BaseMap("Yard", "/static/tile.png?{z}/{x}/{y}", "ours", max_zoom=19, offline=True)
    settings = replace(web_settings(clone(), tmp_path), base_maps=(ours,))
    with yard(settings) as served:
        served.place("tiles")
        served.door.files["/static/tile.png"] = ("image/jpeg", picture(size=(64, 48)))
        phone = Phone(browser, served.url, tmp_path / "tiled")
        phone.start()
        phone.log_in("tiles")
        prepare(phone, "tiles")
        served.door.is_closed = True
        page = phone.page
        page.get_by_role("button", name="Mark something").tap()
        page.get_by_role("button", name="Change the background").tap()
        page.wait_for_function(
            "() => [...document.querySelectorAll('img.leaflet-tile')]"
            ".some((tile) => tile.complete && tile.naturalWidth > 0)"
        )
        phone.close()
