"""The daily work in Chromium: lanes picked and drawn, a round on a phone, ground taken again."""

import re

from playwright.sync_api import Page, expect
from sqlalchemy import select

from cases.access import Role
from cases.models import Case, LaneBuilding, Patrol, PatrolOutcome
from cases.workflow import State
from layers.db import EVERYWHERE
from layers.migrate import open_database
from layers.models import Community
from tests.webmap.browser.conftest import OpenSheet, Site

BUILDINGS = 6


def ready(page: Page) -> None:
    page.wait_for_selector("html[data-plan-ready=true]")


def labels(page: Page) -> dict[str, dict[str, float]]:
    """Return where the label of each building stands in the window."""
    boxes: dict[str, dict[str, float]] = page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('#plan .plan-label')]"
        ".map(label => { const box = label.getBoundingClientRect();"
        " return [label.textContent, {x: box.x + box.width / 2, y: box.y + box.height / 2}]; }))"
    )
    return boxes


def picked(page: Page) -> int:
    return page.locator("input[name=buildings]:checked").count()


def case_in(site: Site, state: State) -> Case:
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        found = session.scalars(
            select(Case)
            .join(Community, Community.id == Case.community_id)
            .where(Community.code == site.editing, Case.state == state)
            .order_by(Case.number)
        ).first()
    database.engine.dispose()
    assert found is not None
    return found


def test_a_lane_is_picked_and_drawn_on_the_plan(open_sheet: OpenSheet, site: Site) -> None:
    page = open_sheet(f"/c/{site.editing}/lanes/new?lang=en", Role.SECRETARY)
    ready(page)
    page.locator("#plan").scroll_into_view_if_needed()
    at = labels(page)
    assert len(at) == BUILDINGS
    page.mouse.click(at["1"]["x"], at["1"]["y"])
    expect(page.locator("#picked")).to_have_text("1 buildings picked")
    page.mouse.click(at["1"]["x"], at["1"]["y"])
    assert picked(page) == 0
    # Around the two buildings of the first column, 1 above and 4 below.
    page.get_by_role("button", name="Draw around buildings").click()
    take = page.get_by_role("button", name="Add those inside")
    expect(take).to_be_disabled()
    half = (at["2"]["x"] - at["1"]["x"]) / 2
    left, right = at["1"]["x"] - half, at["1"]["x"] + half
    top, bottom = at["1"]["y"] - half / 2, at["4"]["y"] + half / 2
    for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)):
        page.mouse.click(x, y)
    expect(page.locator("#plan-state")).to_contain_text("4 corners")
    take.click()
    expect(page.locator("#picked")).to_have_text("2 buildings picked")
    page.get_by_label("Number of the lane").fill("W")
    page.get_by_role("button", name="Save the lane").click()
    expect(page.locator("tbody")).to_contain_text("2 buildings: 1, 4")
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        assert len(session.scalars(select(LaneBuilding)).all()) == 2
    database.engine.dispose()


def test_a_round_fits_a_phone_and_leads_to_its_cases(open_sheet: OpenSheet, site: Site) -> None:
    page = open_sheet(f"/c/{site.plain}/work?lang=en", Role.INSPECTOR, phone=True)
    ready(page)
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert page.evaluate(wide) is False
    stops = page.locator("#verify .stops > li")
    pins = page.locator(".walk-pin")
    assert stops.count() == pins.count() == 2
    numbers = [stops.nth(index).locator(".stop-number").inner_text() for index in range(2)]
    assert numbers == ["1", "2"]
    stops.first.click()
    page.wait_for_url(re.compile(r"/cases/[0-9a-f-]{36}"))
    page.wait_for_selector("html[data-case-ready=true]")


def test_a_part_taken_again_is_drawn_and_comes_back_to_its_case(
    open_sheet: OpenSheet, site: Site
) -> None:
    case = case_in(site, State.ACCEPTED)
    page = open_sheet(f"/c/{site.editing}/cases/{case.id}?lang=en")
    page.wait_for_selector("html[data-case-ready=true]")
    page.locator("summary", has_text="Record a patrol").click()
    page.get_by_label("A part is taken again").check()
    page.locator("#case-map").scroll_into_view_if_needed()
    box = page.evaluate(
        """() => {
            const bounds = L.latLngBounds([]);
            window.caseMap.eachLayer(layer => {
                if (layer.options && layer.options.fillColor === "#009e73" && layer.getBounds)
                    bounds.extend(layer.getBounds());
            });
            const frame = window.caseMap.getContainer().getBoundingClientRect();
            const at = point => {
                const place = window.caseMap.latLngToContainerPoint(point);
                return [frame.x + place.x, frame.y + place.y];
            };
            return [...at(bounds.getNorthWest()), ...at(bounds.getSouthEast())];
        }"""
    )
    left, top, right, bottom = box
    middle = (left + right) / 2
    for x, y in (
        (left + 3, top + 3),
        (middle, top + 3),
        (middle, bottom - 3),
        (left + 3, bottom - 3),
    ):
        page.mouse.click(x, y)
    expect(page.locator("form[action$=patrols] output")).to_have_text("4 corners")
    page.get_by_role("button", name="Record the patrol").click()
    expect(page.locator(".case-state")).to_contain_text("Taken again")
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        made = session.scalars(select(Patrol).where(Patrol.case_id == case.id)).one()
        assert session.get_one(Case, (case.community_id, case.id)).state is State.REBOUND
    database.engine.dispose()
    assert (made.outcome, made.days) == (PatrolOutcome.REBOUND, 365)
