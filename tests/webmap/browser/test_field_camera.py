"""Photographs taken on the phone: what each says, the guide, the strip, and other cameras."""

import base64
import datetime as dt
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from gis.datum import to_gcj02
from layers.config import PROJECT_ROOT
from tests.webmap.browser.conftest import HOSTILE, Site, Watch
from tests.webmap.browser.field_bundle import SURVEY
from tests.webmap.browser.field_camera import (
    BUNDLE,
    HERE,
    OpenCamera,
    camera_browser,
    cameras,
    jpeg,
    turn_phone,
)
from tests.webmap.browser.field_harness import harness

AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# What a reader of EXIF would find a position by.
EXIF = b"Exif\x00\x00"


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with harness(site.settings) as url:
        yield url


@pytest.fixture(scope="module")
def seeing(browser: Browser) -> Iterator[Browser]:
    with camera_browser(browser) as launched:
        yield launched


@pytest.fixture
def camera(seeing: Browser, address: str, watch: Watch) -> Iterator[OpenCamera]:
    """Open the screen on a phone whose camera runs."""
    with cameras(address, watch) as open_:

        def ready(**more: Any) -> Page:
            page = open_(seeing, **more)
            expect(page.locator(".camera-shutter")).to_be_enabled()
            return page

        yield ready


@pytest.fixture
def blind(browser: Browser, address: str, watch: Watch) -> Iterator[OpenCamera]:
    """Open the screen where the page finds no camera."""
    with cameras(address, watch) as open_:

        def ready(**more: Any) -> Page:
            page = open_(browser, **more)
            expect(page.locator(".camera-trouble")).to_be_visible()
            return page

        yield ready


def shoot(page: Page) -> Any:
    """Press the shutter, and return what is kept of it once it is."""
    before = page.evaluate("() => kept.length")
    page.locator(".camera-shutter").tap()
    return newest(page, before)


def newest(page: Page, before: int = 0) -> Any:
    page.wait_for_function("(before) => kept.length > before", arg=before)
    return page.evaluate("() => { const { blob, original, ...told } = kept.at(-1); return told; }")


def content(page: Page, name: str = "blob") -> bytes:
    """Return the bytes of a file that was kept last."""
    return bytes(page.evaluate("(name) => bytesOf(kept.at(-1)[name])", name))


def pick(page: Page, file: Path | dict[str, Any]) -> Any:
    before = page.evaluate("() => kept.length")
    page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    return newest(page, before)


def picture(data: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"


def earlier(number: int, east: float | None = 0, bearing: float | None = 0) -> dict[str, Any]:
    """Return an earlier photograph so many metres east of the phone; ``None`` for nowhere."""
    flat = SURVEY.to_survey(np.array([_point(HERE["longitude"], HERE["latitude"])]))
    moved = SURVEY.to_storage(np.array([_point(flat[0].x + (east or 0), flat[0].y)]))[0]
    return {
        "id": f"earlier-{number}",
        "case": None,
        "observation": None,
        "taken_at": f"2026-03-{number:02}T09:00:00+08:00",
        "bearing": bearing,
        "longitude": None if east is None else moved.x,
        "latitude": None if east is None else moved.y,
        "url": picture(jpeg(tint=20 * number)),
    }


def _point(x: float, y: float) -> Any:
    return shapely.Point(x, y)


def test_each_says_when_where_which_way_and_its_hash(camera: OpenCamera) -> None:
    page = camera()
    turn_phone(page, 270)
    began = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=2)
    told = shoot(page)
    copy = content(page)
    assert told["sha256"] == hashlib.sha256(copy).hexdigest()
    assert began < dt.datetime.fromisoformat(told["taken_at"]) <= dt.datetime.now(dt.UTC)
    place = told["position"]
    assert (place["longitude"], place["latitude"]) == (HERE["longitude"], HERE["latitude"])
    assert (told["accuracy_m"], told["datum"], told["bearing"]) == (4.2, "wgs84", 90)
    assert (told["original_sha256"], told["sends_original"]) == (None, False)
    image = Image.open(io.BytesIO(copy))
    assert max(image.size) == 2048
    assert image.size == (told["width"], told["height"])
    assert EXIF not in copy
    assert not image.getexif()
    expect(page.locator(".camera-said")).to_have_text("1 kept on this phone")
    expect(page.locator(".camera-strip li")).to_have_count(1)


def test_what_nobody_measured_stays_unknown(camera: OpenCamera) -> None:
    page = camera(at=None)
    told = shoot(page)
    assert (told["position"], told["accuracy_m"], told["bearing"]) == (None, None, None)
    expect(page.locator(".camera-chip").nth(1)).to_have_text("No compass")
    page.locator(".camera-strip button").tap()
    expect(page.locator(".camera-facts")).to_contain_text("place unknown")


def test_an_old_bearing_is_none(camera: OpenCamera) -> None:
    page = camera()
    turn_phone(page, 270)
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 5000; }")
    assert shoot(page)["bearing"] is None


def test_a_phone_that_looks_down_looks_nowhere(camera: OpenCamera) -> None:
    page = camera()
    turn_phone(page, 270, beta=0)
    assert shoot(page)["bearing"] is None


@pytest.mark.parametrize("declared", ["wgs84", "gcj02"])
def test_shifted_positions_are_named(camera: OpenCamera, declared: str) -> None:
    boundary = np.array(BUNDLE["boundary"]["coordinates"][0])
    place = boundary.mean(axis=0)
    if declared == "wgs84":
        place = to_gcj02(np.array([place]))[0]
    at = {"longitude": float(place[0]), "latitude": float(place[1]), "accuracy": 5.0}
    page = camera(at=at, declared=declared)
    expect(page.locator(".camera-chip").first).to_contain_text("GCJ-02")
    told = shoot(page)
    assert (told["datum"], told["position"]["datum"]) == ("gcj02", "gcj02")


def test_the_bearing_follows_the_phone_however_it_is_held(blind: OpenCamera) -> None:
    page = blind()
    angles = [(a, b, c) for a in (0, 75, 200, 340) for b in (40, 90, 130) for c in (-60, 0, 45)]
    found = page.evaluate(
        "(all) => all.map(([alpha, beta, gamma]) => field.backBearing({ alpha, beta, gamma }))",
        angles,
    )
    for (alpha, beta, gamma), bearing in zip(angles, found, strict=True):
        looks = _turned(alpha, beta, gamma) @ np.array([0, 0, -1])
        if np.hypot(looks[0], looks[1]) < 0.35:
            assert bearing is None
        else:
            expected = np.degrees(np.arctan2(looks[0], looks[1])) % 360
            assert bearing == pytest.approx(expected, abs=1e-6)


def _turned(alpha: float, beta: float, gamma: float) -> Any:
    """Return the rotation of a phone: about z, then its own x, then its own y."""
    a, b, c = np.radians([alpha, beta, gamma])
    z = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    x = [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    y = [[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]]
    return np.array(z) @ np.array(x) @ np.array(y)


def test_the_nearest_viewpoint_comes_first(camera: OpenCamera) -> None:
    """Nearness counts before the view, and half a turn as much as many steps."""
    shots = [
        earlier(1, east=None),
        earlier(2, east=30),
        earlier(3, east=6, bearing=250),
        earlier(4, east=8, bearing=95),
        earlier(5, east=None),
    ]
    page = camera(earlier=shots)
    turn_phone(page, 270)
    page.get_by_role("button", name="Earlier").tap()
    order = page.locator(".camera-earlier button").evaluate_all("all => all.map(b => b.dataset.id)")
    assert order == [f"earlier-{n}" for n in (4, 3, 2, 5, 1)]
    turn_phone(page, 270)
    expect(page.locator(".camera-hint")).to_have_text("Mar 4, 2026 · 8 m · turn 5° right")


def test_the_guide_lies_over_the_view_as_strong_as_wanted(camera: OpenCamera) -> None:
    page = camera(earlier=[earlier(1), earlier(2, east=20)])
    over = page.locator(".camera-over")
    expect(over).to_be_hidden()
    page.get_by_role("button", name="Earlier").tap()
    expect(over).to_be_visible()
    expect(over).to_have_css("opacity", "0.5")
    page.get_by_role("slider").fill("80")
    expect(over).to_have_css("opacity", "0.8")
    first = over.get_attribute("src")
    page.locator(".camera-earlier button").nth(1).tap()
    assert over.get_attribute("src") != first
    # It covers the live picture and nothing of it comes into the photograph.
    assert over.bounding_box() == page.locator(".camera-video").bounding_box()
    shoot(page)
    pixels = np.array(Image.open(io.BytesIO(content(page))).convert("RGB"))
    assert pixels[..., 0].mean() < 60  # Chromium's test picture is green alone.
    page.get_by_role("button", name="Earlier", exact=True).tap()
    expect(over).to_be_hidden()


def test_a_picture_that_is_not_on_the_phone_is_said(camera: OpenCamera, watch: Watch) -> None:
    watch.expected = ("404",)
    page = camera(earlier=[earlier(1) | {"url": "/static/field/none.jpg"}])
    page.get_by_role("button", name="Earlier").tap()
    expect(page.locator(".camera-hint")).to_contain_text("not on this phone")
    expect(page.locator(".camera-over")).to_be_hidden()


def test_one_is_noted_and_removed_by_two_taps(camera: OpenCamera) -> None:
    page = camera()
    told = shoot(page)
    page.locator(".camera-strip button").tap()
    page.get_by_label("Note").fill(HOSTILE)
    page.get_by_role("button", name="Close").tap()
    assert newest(page, 1)["note"] == HOSTILE
    page.locator(".camera-strip button").tap()
    expect(page.get_by_label("Note")).to_have_value(HOSTILE)
    page.get_by_label("Note").fill("绿" * 999)
    expect(page.locator("#camera-length")).to_have_text("999 of 1,000 characters")
    page.get_by_label("Note").press("End")
    page.keyboard.type("abc")
    expect(page.get_by_text("The note is full")).to_be_visible()
    expect(page.get_by_label("Note")).to_have_value("绿" * 999 + "a")
    page.get_by_role("button", name="Remove").tap()
    assert page.evaluate("() => removed") == []
    page.get_by_role("button", name="Really remove?").tap()
    expect(page.locator(".camera-strip li")).to_have_count(0)
    assert page.evaluate("() => removed") == [told["id"]]


def test_nothing_is_said_to_be_kept_that_is_not(camera: OpenCamera) -> None:
    page = camera(full=True)
    page.locator(".camera-shutter").tap()
    expect(page.locator(".camera-said.is-bad")).to_contain_text("Not kept")
    expect(page.locator(".camera-strip li")).to_have_count(0)


def test_whoever_leaves_at_once_leaves_nothing_behind(camera: OpenCamera) -> None:
    page = camera()
    page.locator(".camera-shutter").tap()
    page.get_by_role("button", name="Done").tap()
    page.wait_for_function("() => left === 1")
    assert page.evaluate("() => kept.length") == 1
    page.evaluate("() => mounted.unmount()")
    assert page.locator("video").count() == 0


def test_the_original_is_kept_by_choice(camera: OpenCamera) -> None:
    page = camera()
    page.get_by_role("button", name="Original").tap()
    assert page.evaluate("() => originals") == [True]
    told = shoot(page)
    original = content(page, "original")
    assert told["sends_original"]
    assert told["original_sha256"] == hashlib.sha256(original).hexdigest()
    assert max(Image.open(io.BytesIO(original)).size) > told["width"]
    page.locator(".camera-strip button").tap()
    page.get_by_role("checkbox").uncheck()
    assert not newest(page, 1)["sends_original"]


def test_the_phones_own_camera_takes_over(blind: OpenCamera, tmp_path: Path) -> None:
    """Its file is turned upright, and what it says of places does not come along."""
    page = blind()
    taken = jpeg((3000, 2000), exif=True)
    told = pick(page, {"name": "IMG.jpg", "mimeType": "image/jpeg", "buffer": taken})
    copy = content(page)
    assert Image.open(io.BytesIO(copy)).size == (1365, 2048)
    assert EXIF not in copy
    assert told["original_sha256"] == hashlib.sha256(taken).hexdigest()
    assert page.evaluate("() => kept.at(-1).original") is None
    assert told["position"]["longitude"] == HERE["longitude"]
    page.get_by_role("button", name="Original").tap()
    pick(page, {"name": "IMG.jpg", "mimeType": "image/jpeg", "buffer": taken})
    assert content(page, "original") == taken


def test_an_older_file_has_its_time_and_no_place(blind: OpenCamera, tmp_path: Path) -> None:
    page = blind()
    turn_phone(page, 270)
    file = tmp_path / "old.jpg"
    file.write_bytes(jpeg())
    at = dt.datetime(2026, 3, 1, 1, tzinfo=dt.UTC)
    os.utime(file, (at.timestamp(), at.timestamp()))
    told = pick(page, file)
    assert dt.datetime.fromisoformat(told["taken_at"]) == at
    assert (told["position"], told["bearing"]) == (None, None)


def test_a_file_that_is_no_picture_is_refused(blind: OpenCamera) -> None:
    page = blind()
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    for data in (svg, b"", jpeg()[:200]):
        file = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": data}
        page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
        expect(page.locator(".camera-said.is-bad")).to_have_text("This file is no picture.")
    assert page.evaluate("() => kept.length") == 0


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
@pytest.mark.parametrize("size", [(360, 640), (390, 844), (844, 390)], ids=str)
def test_every_part_fits_and_is_for_everybody(
    camera: OpenCamera, language: str, size: tuple[int, int]
) -> None:
    page = camera(
        language=language,
        size={"width": size[0], "height": size[1]},
        earlier=[earlier(n, east=n) for n in range(1, 9)],
    )
    shoot(page)
    page.locator(".camera-tool").first.tap()
    _check(page)
    page.locator(".camera-strip button").tap()
    _check(page)


def _check(page: Page) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "(tags) => axe.run(document.querySelector('#root'), { runOnly: tags })"
        ".then((told) => told.violations.map((one) => [one.id, one.nodes[0].html]))",
        RULES,
    )
    assert found == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    small = page.locator(".camera :is(button, input[type=range], textarea)").evaluate_all(
        """all => all.filter((one) => one.checkVisibility())
          .filter((one) => one.getBoundingClientRect().height < 48).map((one) => one.className)"""
    )
    assert small == []
