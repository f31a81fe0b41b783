"""The desk of a planner, used with a mouse, with keys, and by two at once."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select, text

from cases.access import Role
from cases.workflow import State
from layers.db import EVERYWHERE
from layers.migrate import open_database
from layers.models import Community, Parcel
from tests import builders as make
from tests.webmap.browser.conftest import DESK, PHONE, Site, Watch, address
from tests.webmap.conftest import PASSWORD

# Where a place of the community lies on the page, given in steps of 10 m from its corner.
PLACE = """([x, y]) => {
  const box = desk.view.map.getContainer().getBoundingClientRect();
  const point = desk.view.map.latLngToContainerPoint(L.latLng(y, x));
  return [box.left + point.x, box.top + point.y];
}"""


@pytest.fixture
def code(site: Site) -> str:
    """A community of three parcels of 20 m in a row, beside a building."""
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session, session.begin():
        of = make.community(session, boundary=make.square(-1, -1, 9))
        house = make.building(session, of, make.square(0, 2.2), ref="12")
        for number in range(3):
            shape = make.square(2 * number, 0, 2)
            make.parcel(session, of, shape, ref=f"G{number}", building_id=house.id, area_m2=400)
        made = of.code
    database.engine.dispose()
    return made


def opened(browser: Browser, site: Site, watch: Watch, code: str, **size: Any) -> Page:
    context = browser.new_context(viewport=size.pop("viewport", DESK), **size)
    page = context.new_page()
    watch.over(page)
    page.goto(f"{site.url}/login")
    page.fill("input[name=email]", address(Role.PLANNER))
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(re.compile("/(places|map)"))
    page.goto(f"{site.url}/c/{code}/edit?lang=en")
    page.wait_for_selector("html[data-desk-ready=true]")
    return page


@pytest.fixture
def page(browser: Browser, site: Site, watch: Watch, code: str) -> Iterator[Page]:
    page = opened(browser, site, watch, code)
    yield page
    page.context.close()


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    place = [make.WEST + x * make.STEP_X, make.SOUTH + y * make.STEP_Y]
    found: list[float] = page.evaluate(PLACE, place)
    return found[0], found[1]


def click(page: Page, x: float, y: float) -> None:
    page.mouse.click(*at(page, x, y))


def split(page: Page, row: str = "G0") -> None:
    """Choose a row in the list and cut it from south to north."""
    page.locator(".desk-list button", has_text=row).click()
    page.click("[data-tool=split]")
    x = 2 * int(row[1]) + 1.2
    click(page, x, -0.4)
    click(page, x, 2.6)
    page.locator("#desk-take").click()


def keep(page: Page, why: str = "measured anew") -> None:
    page.fill("#desk-reason", why)
    page.get_by_role("button", name="Keep the edit").click()


def refs(page: Page) -> list[str]:
    return page.locator(".desk-list .desk-ref").all_text_contents()


def stored(site: Site, code: str) -> dict[str, int]:
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        rows = session.execute(
            select(Parcel.ref, Parcel.area_m2)
            .join(Community, Community.id == Parcel.community_id)
            .where(Community.code == code)
        )
        found = {ref: round(area) for ref, area in rows}
    database.engine.dispose()
    return found


def test_a_parcel_is_split_merged_and_taken_back(page: Page, site: Site, code: str) -> None:
    split(page)
    expect(page.locator("#desk-changes li")).to_have_text(re.compile("Split.*G0"))
    keep(page)
    expect(page.locator("#desk-told")).to_contain_text("Edit #1 is kept.")
    expect(page.locator(".desk-list .desk-ref")).to_have_text(["G0", "G0-2", "G1", "G2"])
    assert stored(site, code)["G0-2"] == pytest.approx(160, abs=4)
    page.click("[data-tool=merge]")
    click(page, 0.5, 1)
    click(page, 1.6, 1)
    expect(page.locator("#desk-area")).to_contain_text("m²")
    page.locator("#desk-take").click()
    keep(page)
    expect(page.locator(".desk-list .desk-ref")).to_have_text(["G0", "G1", "G2"])
    page.get_by_role("tab", name="History").click()
    first = page.locator("#desk-history > li").first
    first.get_by_role("button", name="Show on the map").click()
    expect(page.locator("#desk-legend")).to_contain_text("Before")
    first.locator("[data-act=take-back]").click()
    first.get_by_label("Why is it taken back?").fill("they stay apart")
    first.locator("form button[type=submit]").click()
    expect(page.locator("#history-told")).to_contain_text("Edit #2 was taken back by #3.")
    expect(page.locator(".desk-list .desk-ref")).to_have_text(["G0", "G0-2", "G1", "G2"])


def test_what_is_drawn_snaps_is_measured_and_stepped_back(
    page: Page, site: Site, code: str
) -> None:
    page.click("[data-tool=draw]")
    for x, y in ((6.03, 0.03), (7, 0), (7, 2), (6.02, 1.98)):
        click(page, x, y)
    expect(page.locator("#desk-area strong")).to_contain_text(re.compile(r"\d{3}\.\d\d m² ± "))
    page.click("[data-act=undo]")
    page.click("[data-act=redo]")
    page.fill("#new-ref", "N1")
    page.locator("#desk-take").click()
    keep(page)
    expect(page.locator(".desk-list .desk-ref")).to_have_text(["G0", "G1", "G2", "N1"])
    # Its corners lie on those of the neighbour: else it would lie on it, and be refused.
    shape = page.evaluate(
        "() => [...desk.rows.known.parcels.values()].map((one) => [one.ref, one.geometry])"
    )
    outlines = dict(shape)
    corners = {tuple(one) for one in outlines["G2"]["coordinates"][0][0]}
    drawn = {tuple(one) for one in outlines["N1"]["coordinates"][0][0]}
    assert len(corners & drawn) == 2


def test_the_second_of_two_planners_sees_both_outlines(
    browser: Browser, site: Site, watch: Watch, code: str, page: Page
) -> None:
    watch.expected = ("412",)
    other = opened(browser, site, watch, code)
    split(other, "G1")
    keep(other)
    expect(other.locator("#desk-told")).to_contain_text("kept")
    split(page, "G1")
    keep(page)
    conflict = page.locator(".desk-conflict")
    expect(conflict).to_contain_text("Somebody was faster")
    expect(conflict).to_contain_text("Now: G1")
    before = stored(site, code)
    page.click("#take-theirs")
    expect(page.locator("#desk-changes li")).to_have_count(0)
    expect(page.locator(".desk-list .desk-ref")).to_have_text(["G0", "G1", "G1-2", "G2"])
    assert stored(site, code) == before
    other.context.close()


def test_within_a_day_the_desk_ranks_as_flagging_does(page: Page) -> None:
    earlier = page.evaluate(
        """async () => {
          const { isEarlier } = await import("/static/field/overlapping.js");
          const day = "2022-04-02";
          const seen = { corrects: "O1", observed_on: day, entered: 5 };
          const other = (entered, observed_on = day) => ({ id: "O2", entered, observed_on });
          return [
            isEarlier(other(4), seen),
            isEarlier(other(6), seen),
            isEarlier(other(6, "2022-04-01"), seen),
            isEarlier(other(6), { observed_on: day }),
            isEarlier({ ...other(4), id: "O1" }, seen),
          ];
        }"""
    )
    assert earlier == [True, False, True, True, False]


def test_a_refusal_is_told_beside_what_was_drawn(page: Page, watch: Watch) -> None:
    watch.expected = ("422",)
    page.click("[data-tool=draw]")
    for x, y in ((0.5, 0.5), (1.5, 0.5), (1.5, 1.5)):
        click(page, x, y)
    expect(page.locator("#desk-area")).to_be_visible()
    # What crosses itself has no area that could be told.
    click(page, 1.0, 0.2)
    expect(page.locator("#desk-area")).to_be_hidden()
    page.click("[data-act=undo]")
    expect(page.locator("#desk-area")).to_be_visible()
    page.locator("#desk-take").click()
    page.get_by_role("button", name="Keep the edit").click()
    expect(page.locator("#desk-faults")).to_contain_text("There is no reason.")
    expect(page.locator("#desk-changes li.is-wrong")).to_have_count(1)


def verified(site: Site, code: str) -> None:
    """Let something stand on the last parcel, verified as case 7."""
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session, session.begin():
        of = session.scalars(select(Community).where(Community.code == code)).one()
        ground = session.scalars(
            select(Parcel).where(Parcel.community_id == of.id, Parcel.ref == "G2")
        ).one()
        case = make.case(
            session,
            make.household(session, of, ref="12-1-101"),
            make.campaign(session, of),
            number=7,
            state=State.VERIFIED,
        )
        shape = make.square(4.5, 0.5)
        seen = make.observation(session, of, shape, ref="O7")
        make.encroachment(session, seen, ground, case, shape, verified_on=make.EARLY)
    database.engine.dispose()


def test_what_was_verified_is_undone_only_after_a_yes(
    page: Page, watch: Watch, site: Site, code: str
) -> None:
    watch.expected = ("422",)
    verified(site, code)
    page.reload()
    page.wait_for_selector("html[data-desk-ready=true]")
    page.click("[data-layer=observations]")
    page.locator(".desk-list button", has_text="O7").click()
    page.click("[data-tool=split]")
    expect(page.locator(".desk-warning")).to_contain_text("24.00 m² of it are verified")
    click(page, 5, 0.2)
    click(page, 5, 1.8)
    page.locator("#desk-take").click()
    keep(page)
    asked = page.locator("#desk-verify")
    expect(asked).to_contain_text("24.00 m2 of O7 no longer count as verified (case 7")
    asked.get_by_role("button", name="Go back").click()
    expect(page.locator("#desk-changes li")).to_have_count(1)
    assert refs(page) == ["O7"]
    page.get_by_role("button", name="Keep the edit").click()
    asked.get_by_role("button", name="Yes, keep it").click()
    expect(page.locator("#desk-told")).to_contain_text("Edit #1 is kept.")
    expect(page.locator(".desk-list .desk-ref")).to_have_text(["O7", "O7-2"])


def test_what_is_not_kept_is_not_lost_by_a_click(page: Page) -> None:
    split(page)
    page.click("[data-layer=sites]")
    page.locator("#desk-leave").get_by_role("button", name="Stay").click()
    expect(page.locator("#desk-changes li")).to_have_count(1)
    page.click("[data-layer=sites]")
    page.locator("#desk-leave").get_by_role("button", name="Go on without them").click()
    expect(page.locator("[data-layer=sites]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#desk-changes li")).to_have_count(0)


def test_a_parcel_is_split_with_keys_alone(page: Page, site: Site, code: str) -> None:
    page.fill("#desk-search", "G2")
    page.locator(".desk-list button").focus()
    page.keyboard.press("Enter")
    page.locator("[data-tool=split]").focus()
    page.keyboard.press("Enter")
    page.locator("#desk-map").focus()
    middle = page.evaluate("() => desk.view.map.getCenter()")
    for step in (-1.6, 1.6):
        # What the arrow keys do, to a place that a test can know.
        shift = [middle["lat"] + step * make.STEP_Y, middle["lng"] + 0.2 * make.STEP_X]
        page.evaluate("(to) => desk.view.map.setView(to, undefined, { animate: false })", shift)
        page.keyboard.press("Enter")
    page.locator("#desk-take").focus()
    page.keyboard.press("Enter")
    keep(page)
    expect(page.locator("#desk-told")).to_contain_text("kept")
    assert len(stored(site, code)) == 4


def test_a_pile_is_placed_moved_and_removed_with_keys_alone(page: Page) -> None:
    page.click("[data-layer=sites]")
    page.locator("[data-tool=draw]").press("Enter")
    page.select_option("#new-site_kind", "charging_pile")
    page.fill("#new-ref", "C1")
    page.fill("#new-heads", "15")
    page.locator("#desk-map").press("Enter")
    page.locator("#desk-take").press("Enter")
    keep(page)
    expect(page.locator(".desk-list button")).to_contain_text("15 heads")
    page.locator(".desk-list button").press("Enter")
    page.locator("[data-tool=change]").press("Enter")
    for key in ("Shift+ArrowRight", "ArrowUp", "Control+z"):
        page.locator(".desk-pin").press(key)
    # The list has come to it: a pixel is some centimetres.
    expect(page.locator("#desk-area")).to_have_text(re.compile(r"^Moved by 0\.\d\d m$"))
    page.locator("#desk-take").press("Enter")
    keep(page)
    expect(page.locator("#desk-told")).to_contain_text("Edit #2 is kept.")
    expect(page.locator("#desk-history .desk-what").first).to_contain_text("Moved by 0.")
    page.locator(".desk-list button").press("Enter")
    page.locator("[data-tool=remove]").press("Enter")
    page.locator("#desk-take").press("Enter")
    keep(page)
    expect(page.locator("#desk-told")).to_contain_text("Edit #3 is kept.")
    expect(page.locator(".desk-list button")).to_have_count(0)


def test_a_pile_is_dragged(page: Page) -> None:
    page.click("[data-layer=sites]")
    page.click("[data-tool=draw]")
    page.select_option("#new-site_kind", "charging_pile")
    click(page, 5, 4)
    page.mouse.move(*at(page, 5, 4))
    page.mouse.down()
    page.mouse.move(*at(page, 6, 4), steps=4)
    page.mouse.up()
    box = page.locator(".desk-pin").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] / 2 == pytest.approx(at(page, 6, 4)[0], abs=3)


MANY = text(
    """
    INSERT INTO parcel
           (community_id, id, ref, kind, title_basis, title_disputed, rms_m, area_m2, geom)
    SELECT community_id, gen_random_uuid(), 'N' || n, kind, title_basis, title_disputed, rms_m,
           area_m2, ST_Translate(geom, n % 50 * 2.5 * :x, (4 + n / 50 * 2.5) * :y)
    FROM parcel, generate_series(0, 2099) AS n
    WHERE ref = 'G0' AND community_id = (SELECT id FROM community WHERE code = :code)
    """
)


def test_a_layer_of_any_size_is_edited_where_the_map_is(page: Page, site: Site, code: str) -> None:
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session, session.begin():
        of = session.scalars(select(Community).where(Community.code == code)).one()
        of.boundary = make.stored(make.square(-1, -1, 130))
        session.execute(MANY, {"x": make.STEP_X, "y": make.STEP_Y, "code": code})
    database.engine.dispose()
    page.reload()
    page.wait_for_selector("html[data-desk-ready=true]")
    far = page.locator("#desk-far")
    expect(far).to_contain_text("Parcels: too many to show at once. They appear from zoom 17 on")
    assert refs(page) == []
    far.get_by_role("button", name="Zoom in").click()
    expect(far).to_be_hidden()
    expect(page.locator(".desk-list button").first).to_be_visible()
    loaded = page.evaluate("() => [...desk.rows.known.parcels.values()].map((one) => one.ref)")
    assert 100 < len(loaded) < 2000
    assert "G0" not in loaded
    expect(page.locator("#desk-count")).to_contain_text("type to narrow them down")
    page.fill("#desk-search", "G0")
    split(page)
    keep(page)
    expect(page.locator("#desk-told")).to_contain_text("Edit #1 is kept.")
    expect(page.locator(".desk-list .desk-ref")).to_have_text(["G0", "G0-2"])


def test_a_phone_shows_history_and_map(
    browser: Browser, site: Site, watch: Watch, code: str
) -> None:
    page = opened(browser, site, watch, code, viewport=PHONE, has_touch=True, is_mobile=True)
    assert page.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"]
    expect(page.locator("#desk-map")).to_be_visible()
    page.locator(".desk-list button").first.click()
    page.click("[data-tool=change]")
    page.locator(".marker-icon").first.press("Enter")
    page.locator(".marker-icon").first.press("Shift+ArrowUp")
    expect(page.locator("#desk-area")).to_be_visible()
    # Nothing lies on the map but its hint, and every tool is in view.
    ground = page.locator("#desk-map").bounding_box()
    foot, redo = (page.locator(it).bounding_box() for it in ("#desk-foot", "[data-act=redo]"))
    assert ground is not None
    assert foot is not None
    assert redo is not None
    assert ground["y"] + ground["height"] <= foot["y"] + 1
    assert redo["x"] + redo["width"] <= PHONE["width"]
    page.get_by_role("tab", name="History").click()
    expect(page.locator("#desk-history")).to_contain_text("Nothing was edited yet.")
    page.context.close()
