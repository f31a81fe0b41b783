"""What the queue says of what the server and the office made of a submission."""

import base64
import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from geoalchemy2.shape import to_shape
from playwright.sync_api import Browser, Dialog, Page, expect
from shapely.geometry import mapping
from sqlalchemy import func, select

from cases.access import Role
from cases.field.carried import count_photographs
from cases.field.exports import read_export
from cases.models import FieldSubmission, Photograph
from layers.config import PROJECT_ROOT, Settings
from layers.db import EVERYWHERE
from layers.models import Community, Observation
from tests.pictures import picture
from tests.webmap.browser.field_phone import (
    KEEP,
    Phone,
    Yard,
    count,
    kept,
    prepare,
    says,
    stand,
    submissions,
    wait_until,
    yard,
)
from tests.webmap.conftest import csrf_token, log_in, web_settings

AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def served(
    clone: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Yard]:
    with yard(web_settings(clone(), tmp_path_factory.mktemp("yard"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def place(served: Yard) -> str:
    code = f"q{uuid.uuid4().hex[:8]}"
    served.place(code)
    return code


@pytest.fixture(scope="module")
def held(
    browser: Browser, served: Yard, place: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Phone]:
    """A phone that has building 3 with it and is logged in."""
    phone = Phone(browser, served.url, tmp_path_factory.mktemp("phone"))
    phone.start()
    phone.log_in(place)
    prepare(phone, place, "3")
    yield phone
    phone.close()
    assert phone.faults == []


@pytest.fixture
def phone(held: Phone, served: Yard) -> Iterator[Phone]:
    """The phone with an empty queue."""
    held.open("/field/#/queue")
    held.page.evaluate(
        "async () => { const { database } = await import('/static/field/store.js');"
        " await database.drafts.clear(); await database.photographs.clear(); }"
    )
    served.door.is_closed = False
    yield held
    served.door.is_closed = False


def keep(
    phone: Phone,
    yard: Yard,
    place: str,
    parcel: int = 11,
    original: bytes | None = None,
    **more: Any,
) -> str:
    """Queue an outline with two photographs on the phone, and return its identifier."""
    page = phone.page
    account = page.evaluate(
        "async () => (await (await import('/static/field/session.js')).knownSession()).account"
    )
    ground = mapping(to_shape(yard.places[place][parcel].geom).buffer(-2e-6))
    shot = base64.b64encode(picture(size=(320, 240))).decode()
    large = original and base64.b64encode(original).decode()
    made: str = page.evaluate(KEEP, [place, account, shot, ground, more, large])
    page.goto(f"{phone.url}/field/#/queue")
    page.reload()
    page.wait_for_selector("html[data-state=open]")
    return made


def send_now(page: Page) -> None:
    page.get_by_role("button", name="Send now").tap()


def seen(yard: Yard, place: str, ref: str) -> Observation:
    with yard.database.session(EVERYWHERE) as session:
        return session.scalars(
            select(Observation)
            .join(Community, Community.id == Observation.community_id)
            .where(Community.code == place, Observation.ref == ref)
        ).one()


def row_of(yard: Yard, place: str, key: str) -> FieldSubmission | None:
    return {str(one.id): one for one in submissions(yard, place)}.get(key)


def photographs_of(yard: Yard, key: str) -> int:
    """Return how many photographs the office has of a submission."""
    with yard.database.session(EVERYWHERE) as session:
        wanted = select(func.count()).where(Photograph.submission_id == uuid.UUID(key))
        return session.scalar(wanted) or 0


def stale(yard: Yard, place: str) -> dict[str, Any]:
    """Return a correction of what somebody else has changed since."""
    found = seen(yard, place, "E11")
    return {"corrects": {"id": str(found.id), "version": "0" * 16}, "method": "corrected"}


@pytest.mark.parametrize("choice", ["mine", "theirs", "both"])
def test_a_conflict_is_shown_and_chosen_by_a_person(
    phone: Phone, served: Yard, place: str, choice: str
) -> None:
    key = keep(phone, served, place, **stale(served, place))
    page = phone.page
    says(page, "Connected. One was not taken and needs you: see the queue.")
    page.get_by_text("Somebody else has changed it: compare").tap()
    page.get_by_role("button", name="Compare both").tap()
    expect(page.locator(".mark-conflict")).to_be_visible()
    page.locator(f"[data-choice={choice}]").tap()
    page.wait_for_url("**/field/#/queue")
    if choice == "theirs":
        wait_until(page, "await drafts.where('state').equals('aside').count() === 1")
        expect(page.get_by_text("Put aside; not sent")).to_be_visible()
        assert row_of(served, place, key) is None
        return
    wait_until(page, "await drafts.where('state').equals('done').count() === 1")
    row = row_of(served, place, key)
    assert row is not None
    assert row.keep_both == (choice == "both")
    assert (row.corrects_version == "0" * 16) == (choice == "both")


def test_what_is_refused_says_why_and_is_corrected_as_another(
    phone: Phone, served: Yard, place: str
) -> None:
    key = keep(phone, served, place, household="nobody")
    page = phone.page
    page.get_by_text("Refused: see why").tap()
    expect(page.get_by_role("alert")).to_contain_text("There is no household 'nobody'")
    assert row_of(served, place, key) is None
    page.get_by_role("button", name="Correct it and send anew").tap()
    page.wait_for_url("**/field/#/mark/**")
    old, new = sorted(kept(page), key=lambda one: one["state"])
    assert (old["state"], old["id"], new["state"]) == ("aside", key, "draft")
    assert new["id"] != key
    wait_until(page, f"await photographs.where('draft').equals('{new['id']}').count() === 2")
    assert count(page, "photographs") == 2


def test_an_original_that_is_refused_takes_nothing_from_its_copy(
    phone: Phone, served: Yard, place: str
) -> None:
    hostile = b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"
    key = keep(phone, served, place, original=hostile)
    page = phone.page
    says(page, "Connected. One was not taken and needs you: see the queue.")
    page.get_by_text("2 of 2 photographs · originals refused: 1").tap()
    refused = page.locator("[data-original]")
    expect(refused).to_contain_text("has arrived. Its original (0.1 MB) was refused.")
    expect(refused).to_contain_text("is no JPEG, PNG or WebP")
    with page.expect_download() as saved:
        refused.get_by_role("button", name="Save as a file").tap()
    assert saved.value.path().read_bytes() == hostile
    refused.get_by_role("button", name="Send it again").tap()
    wait_until(page, "await drafts.where('state').equals('lacking').count() === 1")
    page.once("dialog", lambda dialog: dialog.accept())
    refused.get_by_role("button", name="Do without it").tap()
    wait_until(page, "await drafts.where('state').equals('done').count() === 1")
    expect(page.get_by_text("original: given up")).to_be_visible()
    row = row_of(served, place, key)
    assert row is not None
    assert photographs_of(served, key) == 2
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", refuse)
    page.get_by_role("button", name="Remove from this phone").tap()
    assert "which only this phone has" in asked[0]


def test_an_area_is_removed_only_by_a_time_that_the_server_told(
    phone: Phone, served: Yard, place: str
) -> None:
    """To a phone without a signal an old area looks like a new one once its clock has jumped."""
    served.door.is_closed = True
    page = phone.page
    page.evaluate(
        """async (place) => {
          const { database } = await import("/static/field/store.js");
          const kept = await database.bundles.get(place);
          const old = { place: "old", name: "Old yard", addresses: [] };
          await database.bundles.put({ ...kept, ...old, expires_at: "2020-01-01T00:00:00Z" });
        }""",
        place,
    )
    page.reload()
    page.wait_for_selector("html[data-state=open]")
    page.goto(f"{phone.url}/field/#/")
    old = page.locator(".field-area", has_text="Old yard")
    expect(old.locator(".field-late")).to_contain_text("Too old")
    expect(old.get_by_role("button", name="Mark something")).to_be_visible()
    served.door.is_closed = False
    page.evaluate("() => window.dispatchEvent(new Event('online'))")
    expect(old).to_have_count(0)
    expect(page.locator(".field-area")).to_have_count(1)


def test_a_photograph_that_is_not_kept_is_said_where_its_inspector_has_gone(
    phone: Phone, served: Yard, place: str
) -> None:
    """The phone's own "back" waits for nobody."""
    served.door.is_closed = True
    key = keep(phone, served, place)
    page = phone.page
    page.evaluate(
        """async (id) => {
          const { database } = await import("/static/field/store.js");
          await database.drafts.update(id, { state: "draft" });
          const full = () => Promise.reject(new DOMException("full", "QuotaExceededError"));
          database.photographs.put = full;
        }""",
        key,
    )
    stand(phone, to_shape(served.places[place][11].geom).centroid)
    page.goto(f"{phone.url}/field/#/camera/{key}")
    expect(page.locator(".camera-shutter")).to_be_enabled()
    said: list[str] = []

    def hear(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", hear)
    page.evaluate(
        """(id) => {
          document.querySelector(".camera-shutter").click();
          location.hash = `#/mark/${id}`;
        }""",
        key,
    )
    expect(page.locator("[data-notice=full]")).to_contain_text("A photograph was not kept")
    assert len(said) == 1
    page.goto(f"{phone.url}/field/#/queue")
    expect(page.locator("[data-notice=full]")).to_be_visible()
    # The next one keeps again what it takes.
    page.reload()


def test_seen_is_what_was_marked_last_also_when_it_is_sent(
    phone: Phone, served: Yard, place: str
) -> None:
    """Begun on a day and changed on another: the day of the change is what is sent."""
    served.door.is_closed = True
    key = keep(phone, served, place)
    page = phone.page
    page.evaluate(
        "async (id) => (await import('/static/field/store.js')).database.drafts.update(id,"
        " { state: 'draft', created_at: '2026-05-04T01:00:00.000Z',"
        " observed_at: '2026-05-04T01:00:00.000Z' })",
        key,
    )
    page.goto(f"{phone.url}/field/#/mark/{key}")
    page.get_by_role("button", name="Start again").tap()
    page.get_by_role("button", name="Undo").tap()
    page.locator("[data-panel=send]").tap()
    page.wait_for_url("**/field/#/queue")
    (draft,) = kept(page)
    assert json.loads(draft["body"])["observed_at"] == draft["observed_at"] > "2026-05-05"


def test_a_refusal_is_said_in_the_language_of_the_phone(
    phone: Phone, served: Yard, place: str
) -> None:
    """Of which the server's cookie says nothing: here it still says English."""
    page = phone.page
    page.evaluate("() => localStorage.setItem('field-language', 'zh_Hans')")
    try:
        keep(phone, served, place, household="nobody")
        page.get_by_text("被拒收：查看原因").tap()
        expect(page.get_by_role("alert")).to_contain_text("本小区没有住户“nobody”")
        expect(page.get_by_role("alert")).not_to_contain_text("household")
    finally:
        page.evaluate("() => localStorage.setItem('field-language', 'en')")


def test_what_the_office_returns_comes_back_with_its_reason(
    phone: Phone, served: Yard, place: str
) -> None:
    key = keep(phone, served, place)
    page = phone.page
    wait_until(page, "await drafts.where('state').equals('done').count() === 1")
    client = served.door.app.test_client()  # type: ignore[attr-defined]
    log_in(client, f"{Role.SECRETARY}@{place}.example")
    answer = client.post(
        f"/api/v1/communities/{place}/field/submissions/{key}/return",
        json={"reason": "The gate is missing."},
        headers={"X-CSRFToken": csrf_token(client, "/places")},
    )
    assert answer.status_code == 200, answer.text
    send_now(page)
    page.get_by_text("Returned by the office").tap()
    expect(page.locator(".field-quote")).to_contain_text("The gate is missing.")
    before = served.door.times("PATCH")
    page.get_by_role("button", name="Take it up again").tap()
    page.wait_for_url("**/field/#/mark/**")
    expect(page.locator("[data-panel=send]")).to_be_visible()
    page.locator("[data-panel=send]").tap()
    page.wait_for_url("**/field/#/queue")
    wait_until(page, "await drafts.where('state').equals('done').count() === 1")
    (new,) = [one for one in kept(page) if one["state"] == "done"]
    row = row_of(served, place, new["id"])
    assert row is not None
    assert str(row.follows_id) == key
    # Its photographs are on the phone once and at the office once, and were sent once.
    assert (count(page, "photographs"), served.door.times("PATCH")) == (2, before)
    with served.database.session(EVERYWHERE) as session:
        shots = select(Photograph.id).where(Photograph.submission_id == uuid.UUID(key))
        assert {str(one) for one in session.scalars(shots)} == {one["id"] for one in row.announced}
        assert count_photographs(session, row) == 2
    page.get_by_text("Taken up again; its photographs went along").tap()
    page.get_by_role("button", name="Show what came of it").tap()
    expect(page.get_by_text("Everything has arrived · 2 of 2 photographs")).to_be_visible()


def test_two_tabs_never_write_over_each_other(phone: Phone, served: Yard, place: str) -> None:
    first = phone.page
    key = keep(phone, served, place, state="draft")
    first.goto(f"{phone.url}/field/#/mark/{key}")
    expect(first.locator("[data-panel=send]")).to_be_visible()
    assert phone.context is not None
    second = phone.context.new_page()
    second.goto(f"{phone.url}/field/#/mark/{key}")
    expect(second.get_by_role("alert")).to_contain_text("Open in another tab")
    first.locator("[data-panel=details]").tap()
    first.get_by_label("Plants").fill("roses")
    expect(first.locator(".mark-kept")).to_have_text("Saved on this phone")
    second.get_by_role("button", name="Continue here").tap()
    second.locator("[data-panel=details]").tap()
    expect(second.get_by_label("Plants")).to_have_value("roses")
    expect(first.get_by_role("alert")).to_contain_text("Goes on in another tab")
    # One that slept through it all writes nothing, and neither does a choice made of an old list.
    refused = """async ([key, page]) => {
      const store = await import("/static/field/store.js");
      const { queueDraft } = await import("/static/field/queue.js");
      const late = { plants: "thistles" };
      const now = await store.database.drafts.get(key);
      const tries = [
        () => store.saveMarking(key, late, page),
        () => queueDraft({ ...now, ...late }, "test", { page }),
        () => store.changeDraft(key, late, { state: "refused" }),
      ];
      const names = [];
      for (const one of tries) await one().catch((error) => names.push(error.name));
      return names;
    }"""
    page = first.evaluate("async () => (await import('/static/field/holding.js')).PAGE")
    assert first.evaluate(refused, [key, page]) == ["Elsewhere"] * 3
    assert [(one["plants"], one["state"]) for one in kept(second)] == [("roses", "draft")]
    # Closed, it holds nothing back.
    second.close()
    first.reload()
    expect(first.locator("[data-panel=send]")).to_be_visible()


def test_a_last_resort_is_a_file_that_the_office_reads(
    phone: Phone, served: Yard, place: str, tmp_path: Path
) -> None:
    served.door.is_closed = True
    key = keep(phone, served, place)
    page = phone.page
    page.goto(f"{phone.url}/field/#/more")
    with page.expect_download() as saved:
        page.get_by_role("button", name=f"Save what {place} lacks as a file").tap()
    path = tmp_path / "phone.zip"
    saved.value.save_as(path)
    with path.open("rb") as file:
        export = read_export(file)
    assert (export.place, [str(one.id) for one in export.drafts]) == (place, [key])
    assert len(export.photographs) == 2
    with zipfile.ZipFile(path) as archive:
        packed = json.loads(archive.read(f"drafts/{key}.json"))
    assert packed["body"] == kept(page)[0]["body"]
    assert [one["state"] for one in kept(page)] == ["queued"]


def test_a_last_resort_too_large_for_the_office_is_several_files(
    phone: Phone, served: Yard, place: str, tmp_path: Path
) -> None:
    served.door.is_closed = True
    key = keep(phone, served, place, original=picture(size=(64, 48)))
    page = phone.page
    blob = len(picture(size=(320, 240)))
    limits = {"file": blob * 3 // 2 + 6_000, "entries": 100, "photograph": 25_000_000}
    page.evaluate("(it) => { field.dataset.limits = JSON.stringify(it); }", limits)
    page.get_by_role("link", name="More").tap()
    paths = []
    for part in (1, 2):
        with page.expect_download() as saved:
            page.get_by_role("button", name=f"{place}: save file {part} of 2").tap()
        assert saved.value.suggested_filename.endswith(f"-{part}-of-2.zip")
        paths.append(tmp_path / f"{part}.zip")
        saved.value.save_as(paths[-1])
        assert paths[-1].stat().st_size <= limits["file"]
    client = served.door.app.test_client()  # type: ignore[attr-defined]
    log_in(client, f"{Role.SECRETARY}@{place}.example")
    before = len(submissions(served, place))
    # In any order, and once more.
    for path in (paths[1], paths[0], paths[1]):
        form = {
            "csrf_token": csrf_token(client, "/places"),
            "resend_key": str(uuid.uuid4()),
            "file": (io.BytesIO(path.read_bytes()), path.name),
        }
        answer = client.post(f"/c/{place}/submissions/import", data=form)
        report = client.get(f"{answer.location}?lang=en")
        assert f"file {path.stem} of 2 of the phone" in report.text
    assert len(submissions(served, place)) == before + 1
    assert photographs_of(served, key) == 2


def test_what_was_sent_leaves_the_phone_by_a_person_alone(
    phone: Phone, served: Yard, place: str
) -> None:
    keep(phone, served, place)
    page = phone.page
    wait_until(page, "await drafts.where('state').equals('done').count() === 1")
    page.locator(".field-row").tap()
    expect(page.get_by_text("Receipt")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove from this phone").tap()
    wait_until(page, "await drafts.count() === 0 && await photographs.count() === 0")


def test_without_a_secure_context_the_page_says_what_does_not_work(
    browser: Browser, served: Yard
) -> None:
    context = browser.new_context(locale="en-GB")
    context.add_init_script("Object.defineProperty(window, 'isSecureContext', { value: false })")
    page = context.new_page()
    page.goto(f"{served.url}/field/")
    expect(page.get_by_role("alert")).to_contain_text("This page was opened without HTTPS.")
    context.close()


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
def test_every_screen_is_accessible_and_fits_the_smallest_phone(
    phone: Phone, served: Yard, place: str, language: str
) -> None:
    served.door.is_closed = True
    keep(phone, served, place, structure_types=["fence", "shed"], plants="leek")
    page = phone.page
    page.set_viewport_size({"width": 360, "height": 740})
    page.evaluate(f"() => localStorage.setItem('field-language', '{language}')")
    key = kept(page)[0]["id"]
    for path in ("", "queue", "more", f"item/{key}"):
        page.goto(f"{phone.url}/field/#/{path}")
        page.reload()
        page.wait_for_selector("html[data-state=open]")
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= 360, path
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("(rules) => axe.run({ runOnly: rules })", RULES)
        faults = [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]]
        assert faults == [], path
    expect(page.locator("h2")).to_contain_text("、" if language == "zh_Hans" else "Fence, ")
    expect(page.locator("svg.field-outline")).to_be_visible()
    expect(page.locator(".field-facts")).to_contain_text("leek")
    page.evaluate("() => localStorage.setItem('field-language', 'en')")
    page.set_viewport_size({"width": 390, "height": 844})
