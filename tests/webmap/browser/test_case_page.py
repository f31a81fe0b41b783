"""The page of a case in Chromium: its map, drawing what is left, and two editors at once."""

import re

from playwright.sync_api import Page, expect
from sqlalchemy import select

from cases.access import Role
from cases.models import Case
from cases.workflow import State
from layers.db import EVERYWHERE
from layers.migrate import open_database
from layers.models import Community
from tests.webmap.browser.conftest import HOSTILE, OpenSheet, Site, Watch


def address(site: Site, code: str, state: State) -> str:
    """Return the page of the first case in a state."""
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        case = session.scalars(
            select(Case)
            .join(Community, Community.id == Case.community_id)
            .where(Community.code == code, Case.state == state)
            .order_by(Case.number)
        ).first()
    database.engine.dispose()
    assert case is not None
    return f"/c/{code}/cases/{case.id}?lang=en"


def unfold(page: Page, step: str) -> None:
    page.locator("details.fold > summary", has_text=re.compile(rf"^{step}$")).click()


def test_each_layer_has_a_switch(open_sheet: OpenSheet, site: Site) -> None:
    page = open_sheet(address(site, site.plain, State.ACCEPTED))
    expect(page.locator("#case-layers label")).to_have_count(3)
    paths = page.locator("#case-map path")
    before = paths.count()
    page.locator("#case-layers label[data-layer=reclaimed] input").uncheck()
    assert paths.count() == before - 1


def test_hostile_text_is_text_on_a_case(open_sheet: OpenSheet, site: Site) -> None:
    page = open_sheet(address(site, site.hostile, State.ACCEPTED))
    assert HOSTILE in page.locator("main").inner_text()
    assert page.locator("main b").count() == 0
    page.locator("#case-map path.leaflet-interactive").last.hover(force=True)
    expect(page.locator(".leaflet-tooltip")).to_contain_text("Reclaimed")


def test_the_second_of_two_editors_is_shown_both_versions(
    open_sheet: OpenSheet, site: Site, watch: Watch
) -> None:
    watch.expected = ("status of 412",)
    where = address(site, site.editing, State.VERIFIED)
    first, second = open_sheet(where), open_sheet(where, Role.SECRETARY)
    unfold(second, "Household clears")
    second.locator("details[open]").get_by_label("Note").fill("typed by the secretary")
    unfold(first, "Reject")
    first.locator("details[open]").get_by_label("Reason").fill("a mistake of the survey")
    first.get_by_role("button", name="Record: Reject").click()
    expect(first.locator(".case-state")).to_contain_text("Rejected")
    second.get_by_role("button", name="Record: Household clears").click()
    conflict = second.locator(".conflict")
    expect(conflict).to_contain_text("Nothing of yours was recorded")
    expect(conflict).to_contain_text("typed by the secretary")
    expect(conflict).to_contain_text("a mistake of the survey")
    expect(second.locator(".case-state")).to_contain_text("Rejected")


def test_what_is_left_is_drawn_on_a_phone(open_sheet: OpenSheet, site: Site) -> None:
    page = open_sheet(address(site, site.editing, State.SELF_CLEARING), phone=True)
    unfold(page, "Inspect")
    page.get_by_label("Something is left").check()
    box = page.locator("#case-map")
    box.scroll_into_view_if_needed()
    size = box.bounding_box()
    assert size is not None
    for x, y in ((0.45, 0.45), (0.55, 0.45), (0.55, 0.55)):
        box.tap(position={"x": size["width"] * x, "y": size["height"] * y})
    expect(page.locator(".residual-tools output")).to_have_text("3 corners")
    page.get_by_role("button", name="Record: Inspect").click()
    expect(page.locator(".case-state")).to_contain_text("Inspected")
    expect(page.locator("#case-layers label[data-layer=residual]")).to_be_visible()
