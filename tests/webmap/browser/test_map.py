"""The community map in Chromium: what a planner does with it."""

import re

import pytest
from playwright.sync_api import Page, expect
from pyproj import Geod

from cases.access import Role
from tests.webmap.browser.conftest import HOSTILE, OpenPage, Site, Watch
from tests.webmap.browser.pages import (
    ask,
    choose_building,
    counts,
    figure,
    find_text,
    loaded,
    look_of,
    number_of,
    open_parcel,
    point_of,
    set_day,
)

PLAIN = f"/map/{Site.plain}?lang=en"
AT_THE_END = {
    "suspected": 2,
    "verified": 1,
    "announced": 1,
    "clearing": 2,
    "referred": 1,
    "cleared": 2,
    "clear": 17,
    "unknown_title": 1,
    "private": 1,
    "not_looked_at": 2,
}
GHOST = "#f1efe8"


def test_the_map_opens_on_the_last_day(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    assert counts(page) == AT_THE_END
    assert page.title().startswith("温泉花园 Spring Garden")
    assert "60.00" in figure(page, "reclaimed_m2")
    assert "150.00 m²" in figure(page, "outstanding_m2")
    assert page.locator(".cg-pile:not(.is-sample)").all_inner_texts() == ["15", "15"]
    drawn = page.evaluate(
        "() => [...document.querySelectorAll('canvas.leaflet-tile')].some(canvas =>"
        " canvas.getContext('2d').getImageData(0, 0, 256, 256).data.some(Boolean))"
    )
    assert drawn


def test_each_status_is_drawn_in_its_own_way(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    page.locator("#cg-layers label[data-layer=encroachments] input").uncheck()
    standing = [look_of(page, ref) for ref in ("G0", "G1", "G2", "G3", "G7")]
    assert {look["fillColor"] for look in standing} == {"pattern"}
    assert len({look["color"] for look in standing}) == len(standing)
    assert look_of(page, "G5")["fillColor"] == "#009e73"
    assert look_of(page, "G4")["fillColor"] != look_of(page, "G28")["fillColor"]


def test_a_switch_of_the_legend_filters(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    assert look_of(page, "G5")["fillColor"] == "#009e73"
    page.locator("#cg-statuses label[data-status=cleared] input").uncheck()
    assert look_of(page, "G5")["fillColor"] == GHOST
    assert look_of(page, "G4")["fillColor"] != GHOST
    page.get_by_role("button", name="1 hidden").click()
    assert look_of(page, "G5")["fillColor"] == "#009e73"


def test_a_building_filters_and_is_found(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    page.locator("#cg-building").select_option("2")
    assert look_of(page, "G0")["fillColor"] == GHOST
    assert look_of(page, "G5")["fillColor"] == "#009e73"
    page.get_by_role("button", name="Building 2").click()
    page.locator("#cg-parts").get_by_role("button", name="3", exact=True).click()
    assert look_of(page, "G12")["fillColor"] != GHOST
    assert look_of(page, "G5")["fillColor"] == GHOST


def test_counts_and_figures_follow_the_building(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    scope = page.locator("#cg-scope")
    expect(scope).to_have_text("Figures of the whole community")
    expect(page.locator("#cg-counted")).to_be_hidden()
    choose_building(page, "2")
    assert counts(page) == {"referred": 1, "cleared": 2, "clear": 2}
    assert page.locator("#cg-counted").inner_text() == "Counted: Building 2"
    assert "Figures of Building 2 alone" in scope.inner_text()
    assert "30.00 m²" in figure(page, "outstanding_m2")
    assert "2 of 3" in figure(page, "cleared_households")
    # No site belongs to a building.
    assert page.locator("[data-figure=charging_piles]").count() == 0
    assert page.locator("#cg-peek").inner_text().startswith("Building 2: 2 of 3 cleared")
    set_day(page, "2022-03-15")
    assert counts(page) == {"verified": 3, "clear": 2}
    assert page.locator("#cg-as-of").inner_text() == "As of 15 March 2022"
    assert "0.00" in figure(page, "reclaimed_m2")
    page.get_by_role("button", name="Show the whole community").click()
    expect(scope).to_have_text("Figures of the whole community")
    loaded(page)
    whole = ask(page, f"/api/v1/places/{Site.plain}/status?day=2022-03-15")
    assert counts(page) == whole


def test_counts_follow_the_text_and_the_figures_say_that_they_do_not(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    find_text(page, "G1")
    # G1 and G10 to G19, of which the list shows the closest alone.
    assert sum(counts(page).values()) == 11
    assert counts(page)["verified"] == 1
    note = page.locator("#cg-scope")
    assert "The text “G1” narrows map and legend, not these figures." in note.inner_text()
    assert "60.00" in figure(page, "reclaimed_m2")
    choose_building(page, "3")
    assert sum(counts(page).values()) == 5
    assert page.locator("#cg-counted").inner_text() == "Counted: Building 3 · “G1”"
    page.locator("#cg-figures h1").click()
    page.get_by_role("button", name="“G1”").click()
    page.get_by_role("button", name="Building 3").click()
    loaded(page)
    assert counts(page) == AT_THE_END
    expect(page.locator("#cg-counted")).to_be_hidden()


def test_a_household_and_a_case_filter_as_well(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    find_text(page, "2-1-100")
    assert counts(page) == {"cleared": 1}
    assert look_of(page, "G5")["fillColor"] == "#009e73"
    assert look_of(page, "G6")["fillColor"] == GHOST
    find_text(page, "no such thing")
    assert counts(page) == {}
    assert look_of(page, "G5")["fillColor"] == GHOST


def test_the_filters_are_named_in_chinese_too(open_page: OpenPage) -> None:
    page = open_page(f"/map/{Site.plain}?lang=zh_Hans")
    expect(page.locator("#cg-scope")).to_have_text("全小区数据")
    find_text(page, "G5")
    choose_building(page, "2")
    assert counts(page) == {"cleared": 1}
    assert page.locator("#cg-counted").inner_text() == "仅统计：2号楼 · “G5”"
    told = page.locator("#cg-scope").inner_text()
    assert "仅2号楼的数据" in told
    assert "文字“G5”只筛选地图和图例" in told
    assert "2022年3月1日 测得" in open_parcel(page, "G5")


def test_a_town_says_of_what_its_figures_are(open_page: OpenPage) -> None:
    page = open_page(f"/map/{Site.town}?lang=en")
    expect(page.locator("#cg-scope")).to_have_text("Figures of all communities together")


def test_a_text_finds_and_filters(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    page.fill("#cg-query", "G1")
    page.wait_for_selector("#cg-results li[role=option]")
    assert look_of(page, "G5")["fillColor"] == GHOST
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#cg-detail-title")).to_have_text("Parcel G1")
    page.fill("#cg-query", "no such thing")
    expect(page.locator("#cg-results")).to_have_text("Nothing found")
    page.keyboard.press("Escape")
    assert look_of(page, "G5")["fillColor"] == "#009e73"


def test_the_slider_shows_any_day_without_asking_for_tiles(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    tiles: list[str] = []
    page.on("request", lambda request: tiles.append(request.url) if ".mvt" in request.url else None)
    for day in ("2022-03-01", "2022-03-04", "2022-03-11", "2022-03-23", "2022-04-09"):
        set_day(page, day)
        assert counts(page) == ask(page, f"/api/v1/places/{Site.plain}/status?day={day}")
        told = ask(page, f"/api/v1/places/{Site.plain}/figures?as_of={day}")
        assert f"{told['outstanding_m2']:.2f} m²" in figure(page, "outstanding_m2")
    set_day(page, "2022-03-01")
    # Surveyed that day, and nothing was flagged yet.
    assert counts(page).keys() == {"clear", "unknown_title", "private", "not_looked_at"}
    assert tiles == []


def test_the_days_go_by_and_stop(open_page: OpenPage) -> None:
    page = open_page(f"{PLAIN}#day=2022-05-01")
    page.get_by_role("button", name="Previous day with a change").click()
    before = page.locator("#cg-day-label").get_attribute("datetime")
    assert before is not None
    assert before < "2022-05-01"
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("day => CommonGreen.state.day > day", arg=number_of(before) + 2)
    page.get_by_role("button", name="Pause").click()
    stopped = page.evaluate("CommonGreen.state.day")
    page.locator("#cg-day").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("CommonGreen.state.day") == stopped - 1


def test_a_click_tells_everything_about_a_parcel(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    text = open_parcel(page, "G5")
    for part in ("Cleared", "Common to the owners", "Plan of 2011", "48.00 m²", "EPSG:4550"):
        assert part in text
    assert "30.00 m² ± " in text
    assert "seen on 1 Mar 2022" in text
    assert "2-1-100" in text
    assert "Document: No. 7" in text
    assert page.locator(".cg-timeline li").count() == 5
    set_day(page, "2022-03-15")
    assert page.locator(".cg-timeline li.is-later").count() == 3
    page.locator("#cg-detail-close").click()
    assert page.locator("#cg-detail").is_hidden()
    open_parcel(page, "G5")
    page.locator(".cg-case header a").click()
    page.wait_for_url(re.compile(rf"/c/{Site.plain}/cases/[0-9a-f-]{{36}}"))
    expect(page.locator("h1")).to_contain_text("Case")


def test_somebody_who_draws_no_moves_gets_no_buttons(open_page: OpenPage) -> None:
    page = open_page(PLAIN, Role.PLANNER)
    open_parcel(page, "G0")
    assert page.locator(".cg-moves").count() == 0


def test_hostile_text_is_text_everywhere(open_page: OpenPage) -> None:
    page = open_page(f"/map/{Site.hostile}?lang=en")
    assert page.locator("#cg-figures h1").inner_text() == f"Hostile{HOSTILE}"
    page.mouse.move(*point_of(page, f"G5{HOSTILE}").values())
    text = open_parcel(page, f"G5{HOSTILE}")
    for part in ("Plan of 2011", "2-1-100", "E5", "Surveyors", "No. 7", "Bo"):
        assert f"{part}{HOSTILE}" in text or part == "Surveyors", part
    page.fill("#cg-query", "E}")
    page.fill("#cg-query", "{{7*7}}")
    page.wait_for_selector("#cg-results li[role=option]")
    assert HOSTILE in page.locator("#cg-results").inner_text()
    page.keyboard.press("Escape")
    page.locator("#cg-building").select_option(f"2{HOSTILE}")
    assert HOSTILE in page.locator("#cg-chips").inner_text()
    # Nothing of it was evaluated on the server or became an element.
    assert "49" not in re.sub(r"<[^>]*>", "", page.locator("#cg-figures h1").inner_html())
    assert page.locator("#community-map b").count() == 0


def test_a_town_shows_its_communities_and_leads_into_them(open_page: OpenPage) -> None:
    page = open_page(f"/map/{Site.town}?lang=en#map=13/37.39/122.2")
    page.wait_for_selector(".cg-ring")
    assert page.locator("canvas.leaflet-tile").count() == 0
    # The three lie on one another, so that they are one ring with their number.
    assert page.locator(".cg-ring text").text_content() == "3"
    rows = page.locator("#cg-parts tr")
    assert rows.count() == 3
    page.locator(".cg-ring").click()
    page.wait_for_function(
        "() => CommonGreen.map.getZoom() >= 15 && !CommonGreen.layers.grid.isLoading()"
    )
    assert page.locator(".cg-ring").count() == 0
    assert open_parcel(page, "G4")


def at_rest(page: Page) -> None:
    """Wait until the map has stopped moving, and with it the address."""
    page.wait_for_function(
        "() => { if (window.seen !== location.hash) { window.seen = location.hash;"
        " window.seenAt = Date.now(); } return Date.now() - window.seenAt > 700; }"
    )


def test_an_address_brings_the_same_view_back(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    set_day(page, "2022-03-20")
    page.locator("#cg-statuses label[data-status=clear] input").uncheck()
    page.locator("#cg-layers label[data-layer=observations] input").check()
    page.locator("#cg-building").select_option("1")
    open_parcel(page, "G2")
    page.wait_for_function("() => location.hash.includes('parcel=')")
    at_rest(page)
    link = page.evaluate("location.pathname + location.search + location.hash")
    again = open_page(link)
    expect(again.locator("#cg-detail-title")).to_have_text("Parcel G2")
    assert again.locator("#cg-day-label").get_attribute("datetime") == "2022-03-20"
    assert not again.locator("#cg-statuses label[data-status=clear] input").is_checked()
    assert again.locator("#cg-layers label[data-layer=observations] input").is_checked()
    assert again.locator("#cg-building").input_value() == "1"
    again.wait_for_function("hash => location.hash === hash", arg=link[link.index("#") :])


@pytest.mark.parametrize(
    "link", ["#map=a/b/c&day=never&hide=x&base=y", "#%7B%7B7*7%7D%7D", "#day=1900-01-01"]
)
def test_a_broken_address_opens_the_whole_place(open_page: OpenPage, link: str) -> None:
    page = open_page(PLAIN + link)
    assert page.locator("#cg-statuses input:not(:checked)").count() == 0
    assert sum(counts(page).values()) == 30


def test_the_link_is_copied_with_its_language(open_page: OpenPage) -> None:
    page = open_page(PLAIN, permissions=("clipboard-read", "clipboard-write"))
    page.get_by_role("button", name="Copy the link to this view").click()
    expect(page.locator("#cg-notice")).to_have_text("The link is copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "lang=en#map=" in copied


def test_a_measured_distance_and_area_are_geodesic(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    page.get_by_role("button", name="Measure").click()
    points = [(450, 420), (800, 420), (800, 700)]
    for point in points:
        page.mouse.click(*point)
        page.wait_for_timeout(30)
    box = page.locator("#map_commongreen").bounding_box()
    assert box is not None
    places = page.evaluate(
        "points => points.map(point => CommonGreen.map.containerPointToLatLng(point))"
        ".map(({lng, lat}) => [lng, lat])",
        [[x - box["x"], y - box["y"]] for x, y in points],
    )
    lon, lat = zip(*places, strict=True)
    geod = Geod(ellps="WGS84")
    assert page.locator(".cg-measured strong").inner_text() == f"{geod.line_length(lon, lat):.2f} m"
    page.get_by_text("Area", exact=True).click()
    for point in points:
        page.mouse.click(*point)
        page.wait_for_timeout(30)
    area = abs(geod.polygon_area_perimeter(lon, lat)[0])
    assert page.locator(".cg-measured strong").inner_text() == f"{area:,.2f} m²"
    assert "WGS 84" in page.locator("#cg-tool").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#cg-tool").is_hidden()
    assert page.locator(".cg-corner").count() == 0


def test_keys_alone_reach_a_parcel(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    at = page.evaluate(
        "() => { let at; CommonGreen.layers.each('parcels', (feature, tile) => {"
        " if (feature.properties.ref === 'G6') at = CommonGreen.tileLatLng(CommonGreen.map, tile,"
        " feature._pxBounds.getCenter()); }); CommonGreen.map.setView(at, 19, {animate: false}); }"
    )
    assert at is None
    page.wait_for_function("() => !CommonGreen.layers.grid.isLoading()")
    page.locator("#map_commongreen").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cg-detail-title")).to_have_text("Parcel G6")


def test_paper_shows_the_map_with_its_legend(open_page: OpenPage) -> None:
    page = open_page(f"{PLAIN}#day=2022-03-20")
    page.evaluate("() => { window.print = () => { window.printed = true; }; }")
    page.get_by_role("button", name="Print").click()
    page.wait_for_function("() => window.printed")
    head = page.locator(".cg-print-head").inner_text()
    assert "Spring Garden" in head
    assert "State of 20 March 2022" in head
    assert page.locator("#cg-legend").is_visible()
    assert page.locator(".leaflet-control-scale").is_visible()
    for gone in ("#cg-panel", "#cg-search", "#cg-time", "header.bar"):
        assert page.locator(gone).is_hidden()
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 1
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#cg-panel").is_visible()


def test_a_phone_has_everything_in_a_sheet(open_page: OpenPage) -> None:
    page = open_page(PLAIN, phone=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    small = page.evaluate(
        "() => [...document.querySelectorAll('.cg-stage a, .cg-stage button, .cg-panel button')]"
        ".filter(one => one.offsetParent && one.getBoundingClientRect().height < 40"
        " && !one.closest('.cg-legend') && one.id !== 'cg-grip').map(one => one.outerHTML)"
    )
    assert small == []
    page.get_by_role("tab", name="Cleanup status").tap()
    assert page.locator("#cg-statuses").is_visible()
    page.locator("#cg-grip").tap()
    at = point_of(page, "G6")
    page.touchscreen.tap(at["x"], at["y"])
    expect(page.locator("#cg-detail-title")).to_have_text("Parcel G6")
    page.wait_for_function(
        "() => !CommonGreen.map._panAnim || !CommonGreen.map._panAnim._inProgress"
    )
    # The parcel is not under the sheet.
    sheet = page.locator("#cg-panel").bounding_box()
    assert sheet is not None
    assert point_of(page, "G6")["y"] < sheet["y"]


def test_both_languages_lead_to_one_another(open_page: OpenPage) -> None:
    page = open_page(f"{PLAIN}#day=2022-03-20")
    page.wait_for_function(
        "() => document.querySelector('.languages a').hash.includes('2022-03-20')"
    )
    page.get_by_role("link", name="中文").click()
    page.wait_for_selector("html[lang=zh-Hans][data-map-ready]")
    assert (
        page.locator("#cg-statuses label[data-status=verified]").inner_text().startswith("已核实")
    )
    assert page.locator("#cg-day-label").inner_text() == "2022年3月20日"


def test_a_base_map_in_gcj02_is_shifted_to_our_data(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    shift = page.evaluate(
        """() => {
            const { map, state, config } = CommonGreen;
            const url = "/static/mark.svg?{z}{x}{y}", attribution = "<b>us</b>";
            const origin = map.getContainer().getBoundingClientRect();
            const offset = (datum) => {
                config.baseMaps = [{ name: datum, url, attribution, datum, max_zoom: 21 }];
                state.set({ base: datum });
                let layer;
                map.eachLayer((one) => { if (one instanceof L.TileLayer) layer = one; });
                const tile = Object.values(layer._tiles)[0];
                const box = tile.el.getBoundingClientRect();
                const place = tile.coords.scaleBy(layer.getTileSize());
                const plain = place.subtract(map.getPixelOrigin());
                const nominal = map.layerPointToContainerPoint(plain);
                return L.point(box.x - origin.x, box.y - origin.y).subtract(nominal);
            };
            const moved = offset("wgs84").multiplyBy(-1).add(offset("gcj02"));
            const here = map.getCenter();
            const [lon, lat] = CommonGreen.toGcj02(here.lng, here.lat);
            const wanted = map.project(here).subtract(map.project([lat, lon]));
            const told = document.querySelector(".leaflet-control-attribution").innerHTML;
            return [moved.x, moved.y, wanted.x, wanted.y, told];
        }"""
    )
    assert shift[:2] == pytest.approx(shift[2:4], abs=1.5)
    assert abs(shift[2]) > 100
    assert shift[4] == "&lt;b&gt;us&lt;/b&gt;"


def test_a_failure_is_told_where_it_happened(open_page: OpenPage, watch: Watch) -> None:
    page = open_page(PLAIN)
    watch.expected = ("status of 503",)
    page.route("**/figures?*", lambda route: route.fulfill(status=503, json={"problems": []}))
    page.locator("#cg-previous").click()
    expect(page.locator("#cg-figures-body")).to_contain_text("The server failed (503)")
    page.unroute("**/figures?*")
    page.locator("#cg-previous").click()
    expect(page.locator("#cg-figures-body")).to_contain_text("m²")


def test_the_map_is_dragged_by_its_features_too(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    at = point_of(page, "G6")
    page.mouse.move(at["x"], at["y"])
    page.mouse.down()
    page.mouse.move(at["x"] + 60, at["y"] + 80, steps=5)
    page.mouse.up()
    page.wait_for_function(
        "() => !CommonGreen.map._panAnim || !CommonGreen.map._panAnim._inProgress"
    )
    moved = point_of(page, "G6")
    assert moved["y"] - at["y"] >= 75
    assert page.locator("#cg-detail").is_hidden()


def test_the_whole_page_fills_the_screen(open_page: OpenPage) -> None:
    page = open_page(PLAIN)
    button = page.get_by_role("button", name="Full screen")
    button.click()
    page.wait_for_function("() => document.fullscreenElement?.id === 'community-map'")
    assert page.locator("#cg-legend").is_visible()
    assert page.locator("#cg-time").is_visible()
    page.evaluate("document.exitFullscreen()")
    page.wait_for_function("() => CommonGreen.map._isFullscreen === false")
    button.click()
    page.wait_for_function("() => CommonGreen.map._isFullscreen === true")


def test_somebody_on_site_sees_where_they_are(open_page: OpenPage) -> None:
    page = open_page(PLAIN, permissions=("geolocation",))
    page.context.set_geolocation({"longitude": 122.1985, "latitude": 37.3888, "accuracy": 4})
    page.get_by_role("button", name="Show where I am").click()
    page.wait_for_selector(".leaflet-overlay-pane path")
    page.wait_for_function(
        "() => Math.abs(CommonGreen.map.getCenter().lng - 122.1985) < 1e-4"
        " && Math.abs(CommonGreen.map.getCenter().lat - 37.3888) < 1e-4"
    )
