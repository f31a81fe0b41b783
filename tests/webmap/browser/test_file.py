"""The exported file in Chromium: opened from disk, with no server and no network."""

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from cases.figures import figures
from cases.map_data import count_statuses, total
from layers.db import Scope
from layers.migrate import open_database
from layers.models import Community
from tests.webmap.browser.conftest import DESK, HOSTILE, PHONE, Site, Watch, wait_for_map
from tests.webmap.browser.pages import (
    choose_building,
    counts,
    figure,
    find_text,
    look_of,
    open_parcel,
    set_day,
)
from webmap.export_map import write_map


@pytest.fixture(scope="module")
def files(site: Site, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files of two compounds, the hostile one in Chinese."""
    folder = tmp_path_factory.mktemp("files")
    database = open_database(site.settings)
    written = {}
    for code, language in ((Site.plain, "en"), (Site.hostile, "zh_Hans")):
        with database.session(Scope(everywhere=True)) as session:
            number = session.scalars(select(Community.id).where(Community.code == code)).one()
        with database.session(Scope(frozenset({number}))) as session:
            written[code] = folder / f"{code} map.html"
            write_map(session, number, written[code], language)
    database.engine.dispose()
    return written


@pytest.fixture
def page(browser: Browser, watch: Watch) -> Iterator[Page]:
    """A page of a browser that is offline."""
    context = browser.new_context(viewport=DESK, offline=True)  # type: ignore[arg-type]
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    watch.over(opened)
    requests: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    yield opened
    context.close()
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []


def open_file(page: Page, path: Path) -> None:
    page.goto(path.as_uri())
    wait_for_map(page)


def test_the_file_shows_what_the_server_knows(
    page: Page, site: Site, files: dict[str, Path]
) -> None:
    open_file(page, files[Site.plain])
    database = open_database(site.settings)
    with database.session(Scope(everywhere=True)) as session:
        where = session.scalars(select(Community).where(Community.code == Site.plain)).one()
        days = page.evaluate("JSON.parse(document.getElementById('map-days').textContent).days")
        assert len(days) > 5
        for day in [one["day"] for one in days] + ["2022-04-20"]:
            set_day(page, day)
            date = where.created_at.date().fromisoformat(day)
            assert counts(page) == total(count_statuses(session, date, [where.id]))
            told = figures(session, [where], date)
            assert f"{told['outstanding_m2']:.2f} m²" in figure(page, "outstanding_m2")
            rows = page.locator("#cg-parts tr").all_inner_texts()
            wanted = {row["building"]: row["outstanding_m2"] for row in told["by_building"]}
            found = {row.split()[0]: float(row.split()[-1]) for row in rows}
            assert found == {ref: area for ref, area in wanted.items() if ref is not None}
    database.engine.dispose()


def test_filters_search_and_details_work_in_the_file(page: Page, files: dict[str, Path]) -> None:
    open_file(page, files[Site.plain])
    page.locator("#cg-statuses label[data-status=cleared] input").uncheck()
    assert look_of(page, "G5")["fillColor"] == "#f1efe8"
    page.get_by_role("button", name="1 hidden").click()
    text = open_parcel(page, "G5")
    for part in (
        "Cleared",
        "Common to the owners",
        "48.00 m²",
        "Fence",
        "30.00 m² ± ",
        "seen on 1 Mar 2022",
    ):
        assert part in text
    # Suspected, verified, being cleared, cleared: the states behind are not in the file.
    assert page.locator(".cg-timeline li").count() == 4
    assert page.locator(".cg-moves").count() == 0
    page.fill("#cg-query", "G12")
    page.wait_for_selector("#cg-results li[role=option]")
    page.keyboard.press("Enter")
    expect(page.locator("#cg-detail-title")).to_have_text("Parcel G12")
    page.evaluate("() => { CommonGreen.map.setZoom(13, { animate: false }); }")
    page.wait_for_selector(".cg-ring")
    assert page.locator(".cg-ring text").text_content() == "30"


def test_counts_and_figures_follow_the_filters_in_the_file(
    page: Page, files: dict[str, Path]
) -> None:
    open_file(page, files[Site.plain])
    expect(page.locator("#cg-scope")).to_have_text("Figures of the whole community")
    choose_building(page, "2")
    assert counts(page) == {"referred": 1, "cleared": 2, "clear": 2}
    assert "Figures of Building 2 alone" in page.locator("#cg-scope").inner_text()
    assert "30.00 m²" in figure(page, "outstanding_m2")
    set_day(page, "2022-03-15")
    assert counts(page) == {"verified": 3, "clear": 2}
    assert "0.00" in figure(page, "reclaimed_m2")
    find_text(page, "G5")
    assert counts(page) == {"verified": 1}
    assert page.locator("#cg-counted").inner_text() == "Counted: Building 2 · “G5”"
    assert look_of(page, "G6")["fillColor"] == "#f1efe8"
    # Households are not in the file, so that they find nothing there.
    find_text(page, "2-1-100")
    assert counts(page) == {}


def test_no_household_and_no_paper_is_in_the_file(files: dict[str, Path]) -> None:
    text = "".join(block(files[Site.plain], name) for name in ("map-data", "map-figures"))
    assert "G5" in text
    for private in ("1-1-100", "2-1-103", "No. 7", "Ana", "because", "Plan of 2011", "Surveyors"):
        assert private not in text


def test_hostile_text_is_text_in_the_file(page: Page, files: dict[str, Path]) -> None:
    open_file(page, files[Site.hostile])
    assert page.locator("#cg-figures h1").inner_text() == f"Hostile{HOSTILE}"
    assert "已清理" in page.locator("#cg-statuses").inner_text()
    choose_building(page, f"2{HOSTILE}")
    assert HOSTILE in page.locator("#cg-counted").inner_text()
    assert HOSTILE in page.locator("#cg-scope").inner_text()
    page.locator("#cg-scope button").click()
    assert "2022年3月1日 测得" in open_parcel(page, f"G5{HOSTILE}")
    assert page.locator("#community-map b").count() == 0
    text = files[Site.hostile].read_text(encoding="utf-8")
    elements = re.findall(r"<script[^>]*>", text)
    assert len(elements) == text.count("</script")


def test_the_file_allows_its_own_scripts_alone(
    page: Page, watch: Watch, files: dict[str, Path]
) -> None:
    watch.expected = ("Executing inline script violates",)
    text = files[Site.plain].read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    rules = html.unescape(policy.group(1))
    assert "default-src 'none'" in rules
    assert "unsafe-eval" not in rules
    assert "connect-src" not in rules
    open_file(page, files[Site.plain])
    ran = page.evaluate(
        "() => { const script = document.createElement('script'); script.textContent ="
        " 'window.foreign = true'; document.body.append(script); return Boolean(window.foreign); }"
    )
    assert not ran


def test_the_file_fits_a_phone(browser: Browser, watch: Watch, files: dict[str, Path]) -> None:
    context = browser.new_context(
        viewport=PHONE,  # type: ignore[arg-type]
        has_touch=True,
        is_mobile=True,
        offline=True,
    )
    page = context.new_page()
    watch.over(page)
    open_file(page, files[Site.plain])
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("tab", name="Cleanup status").tap()
    assert page.locator("#cg-statuses").is_visible()
    context.close()


def test_the_command_writes_the_same_file(
    site: Site, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from webmap.commands.map import map_
    from webmap.commands.options import Invocation

    chosen = Invocation()
    monkeypatch.setitem(vars(chosen), "settings", site.settings)
    target = tmp_path / "map.html"
    arguments = [str(target), "--community", Site.plain, "--lang", "en"]
    result = CliRunner().invoke(map_, arguments, obj=chosen)
    assert result.exit_code == 0, result.output
    assert target.read_bytes() == files[Site.plain].read_bytes()
    assert list(tmp_path.iterdir()) == [target]
    assert json.loads(block(target, "map-data"))["parcels"]["type"] == "FeatureCollection"


def block(path: Path, name: str) -> str:
    found = re.search(rf'id="{name}">(.*?)</script>', path.read_text(encoding="utf-8"), re.S)
    assert found
    return found.group(1)
