"""The marking screen in Chromium, as a phone of two sizes, by touch, with positions of its own."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import shapely
import shapely.affinity
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from gis.datum import to_gcj02
from layers.config import PROJECT_ROOT
from tests.webmap.browser.conftest import HOSTILE, PHONE, Site, Watch
from tests.webmap.browser.field_bundle import SURVEY, build_bundle, draft
from tests.webmap.browser.field_harness import harness

AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW: ViewportSize = {"width": 360, "height": 740}
BUNDLE = build_bundle()
FREE = next(one for one in BUNDLE["parcels"] if one["ref"] == "G-12-1-101")

MOUNT = """async ([bundle, draft, language, more]) => {
  const words = await field.loadWords("/field/words/zh_Hans.json", language);
  const root = document.getElementById("root");
  // A shell makes its screens before it shows them.
  if (more.detached) root.remove();
  Object.assign(window, { saved: [], left: [], shots: 0, heard: [] });
  window.mounted = field.mountMark(root, {
    bundle, draft, words, ...more,
    save: async (kept) => { if (more.full) throw new Error("full"); saved.push(kept); },
    done: (news) => left.push(news),
    camera: () => { window.shots += 1; },
  });
  if (more.detached) document.body.append(root);
  navigator.geolocation.watchPosition((position) => heard.push(position));
}"""
CONFLICT = """async ([bundle, draft, language]) => {
  const words = await field.loadWords("/field/words/zh_Hans.json", language);
  window.chosen = [];
  field.mountConflict(document.getElementById("root"), {
    bundle, draft, words, choose: (what) => chosen.push(what),
  });
}"""

Mount = Callable[..., Page]


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with harness(site.settings) as url:
        yield url


@pytest.fixture
def mount(browser: Browser, address: str, watch: Watch) -> Iterator[Mount]:
    """Open the screen on a phone that stands in the free parcel, unless told otherwise."""
    contexts: list[BrowserContext] = []

    def open_(
        given: dict[str, Any] | None = None,
        *,
        language: str = "en",
        size: ViewportSize = PHONE,  # type: ignore[assignment]
        bundle: dict[str, Any] = BUNDLE,
        at: dict[str, float] | None = None,
        script: str = MOUNT,
        clock: str | None = None,
        **more: Any,
    ) -> Page:
        context = browser.new_context(
            viewport=size,
            has_touch=True,
            is_mobile=True,
            permissions=["geolocation"],
            geolocation=at or here(),  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        watch.over(page)
        if clock is not None:
            page.clock.set_fixed_time(clock)
        page.goto(address)
        page.wait_for_selector("html[data-ready=true]")
        arguments = [bundle, given or draft(bundle), language]
        page.evaluate(script, [*arguments, more] if script == MOUNT else arguments)
        if script == MOUNT:
            page.wait_for_function(
                "() => document.querySelector('.leaflet-self-pane circle, path')"
            )
        return page

    yield open_
    for context in contexts:
        context.close()


def here(east: float = 0, north: float = 0, accuracy: float = 3) -> dict[str, float]:
    """Return a place so many metres from the middle of the free parcel."""
    flat = flat_middle(FREE["geometry"])
    moved = np.array([shapely.Point(flat + (east, north))], dtype=object)
    place = SURVEY.to_storage(moved)[0]
    return {"longitude": place.x, "latitude": place.y, "accuracy": accuracy}


def flat_middle(geometry: dict[str, Any]) -> Any:
    """Return the middle of an outline in metres of the survey."""
    middle = shapely.geometry.shape(geometry).centroid
    return shapely.get_coordinates(SURVEY.to_survey(np.array([middle], dtype=object)))[0]


def step(page: Page, east: float, north: float, accuracy: float = 3) -> None:
    """Walk to a place, and wait until the page has heard of it."""
    place = here(east, north, accuracy)
    page.context.set_geolocation(place)  # type: ignore[arg-type]
    page.wait_for_function(
        """([x, y, good]) => {
          const { coords } = heard.at(-1) || { coords: {} };
          return Math.abs(coords.longitude - x) < 1e-9 && Math.abs(coords.latitude - y) < 1e-9 &&
            coords.accuracy === good;
        }""",
        arg=list(place.values()),
    )


def tap_map(page: Page, *offsets: tuple[float, float]) -> None:
    """Tap places so many pixels from the middle of the map as it was at first."""
    box = page.locator(".mark-map").bounding_box()
    assert box is not None
    for count, (dx, dy) in enumerate(offsets, 1):
        page.touchscreen.tap(box["width"] / 2 + dx, box["height"] / 2 + dy)
        expect(page.locator(".marker-icon:not(.marker-icon-middle)")).to_have_count(count)


def draw(page: Page) -> None:
    page.locator("[data-tool=tap]").tap()
    expect(page.locator(".mark-cross")).to_be_visible()
    tap_map(page, (-40, -70), (45, -60), (50, 60), (-30, 70))
    page.get_by_role("button", name="Close outline").tap()
    expect(page.locator(".marker-icon-middle").first).to_be_visible()


def last(page: Page) -> Any:
    """Return the last draft that was kept."""
    expect(page.locator(".mark-kept")).to_have_text("Saved on this phone")
    return page.evaluate("() => saved.at(-1)")


def codes(page: Page, kind: str) -> list[str]:
    found: list[str] = page.locator(f".mark-faults li.is-{kind}").evaluate_all(
        "rows => rows.map((row) => row.dataset.code)"
    )
    return found


def flat_area(geometry: dict[str, Any]) -> float:
    shape = np.array([shapely.geometry.shape(geometry)], dtype=object)
    return float(shapely.area(SURVEY.to_survey(shape))[0])


def test_an_outline_is_tapped_described_and_made_ready(mount: Mount) -> None:
    page = mount()
    draw(page)
    kept = last(page)
    m2 = flat_area(kept["geometry"])
    assert abs(kept["phone_area_m2"] - m2) < 0.01
    assert (kept["method"], kept["rms_m"], kept["kind"]) == ("drawn", 0.3, "enclosure")
    assert kept["position"]["datum"] == "wgs84"
    assert page.locator(".mark-area strong").text_content() == f"{m2:.1f}"
    common = shapely.intersection(
        shapely.geometry.shape(kept["geometry"]), shapely.geometry.shape(FREE["geometry"])
    )
    green = flat_area(json.loads(shapely.to_geojson(common)))
    expect(page.locator(".mark-green.is-green b")).to_have_text(f"{green:.1f}")
    expect(page.locator(".leaflet-pieces-pane path")).to_have_count(1)
    page.locator("[data-panel=details]").tap()
    page.locator("[data-type=hedge]").tap()
    page.locator("[data-type=fence]").tap()
    page.get_by_role("button", name="Higher").tap()
    page.get_by_role("button", name="Higher").tap()
    page.get_by_role("button", name="12-1-101").tap()
    page.get_by_label("Plants").fill("roses")
    page.get_by_label("Note").fill("gate to the east")
    kept = last(page)
    described = {key: kept[key] for key in ("structure_types", "height_m", "household")}
    assert described == {
        "structure_types": ["hedge", "fence"],
        "height_m": 1.1,
        "household": "12-1-101",
    }
    assert (kept["plants"], kept["note"]) == ("roses", "gate to the east")
    page.locator("[data-panel=evidence]").tap()
    assert codes(page, "warn") == ["no_photograph"]
    page.get_by_role("button", name="Take a photograph").tap()
    assert page.evaluate("() => shots") == 1
    page.locator("[data-panel=send]").tap()
    page.wait_for_function("() => left.length === 1")
    assert page.evaluate("() => left[0].ready")


def test_a_screen_that_was_made_before_it_is_shown_frames_its_ground(mount: Mount) -> None:
    seen = BUNDLE["observations"][0]
    page = mount(draft(BUNDLE, geometry=seen["geometry"], rms_m=0.05), detached=True)
    handles = page.locator(".marker-icon:not(.marker-icon-middle)")
    expect(handles.first).to_be_in_viewport()
    expect(handles.last).to_be_in_viewport()
    box = page.locator(".mark-map").bounding_box()
    assert box is not None
    assert box["height"] > 200


COVERED = """() => [...document.querySelectorAll(".marker-icon")].filter((handle) => {
  const { left, top, width, height } = handle.getBoundingClientRect();
  return !document.elementFromPoint(left + width / 2, top + height / 2)?.matches(".marker-icon");
}).length"""


def test_no_corner_lies_under_a_control(mount: Mount) -> None:
    middle = shapely.geometry.shape(FREE["geometry"]).centroid
    many = shapely.affinity.scale(middle.buffer(2e-4, quad_segs=9), 1.0, 1.2)
    page = mount(draft(BUNDLE, geometry=shapely.geometry.mapping(many), structure_types=["fence"]))
    corners = page.locator(".marker-icon:not(.marker-icon-middle)")
    expect(corners).to_have_count(36)
    assert page.evaluate(COVERED) == 0
    # One that is dragged there comes out again, with all of the map.
    zoom = page.get_by_role("button", name="Farther").bounding_box()
    taken = corners.first.bounding_box()
    assert zoom is not None
    assert taken is not None
    page.mouse.move(taken["x"] + 12, taken["y"] + 12)
    page.mouse.down()
    page.mouse.move(zoom["x"] + 24, zoom["y"] + 24, steps=4)
    page.mouse.up()
    expect(page.locator(".mark-kept")).to_have_text("Saved on this phone")
    moved = corners.first.bounding_box()
    assert moved is not None
    assert moved["x"] > zoom["x"] + zoom["width"]
    corners.first.click(trial=True)


def test_what_lacks_stops_and_what_is_doubtful_only_warns(mount: Mount) -> None:
    page = mount()
    page.locator("[data-panel=send]").tap()
    assert codes(page, "stop") == ["no_outline", "no_structure"]
    draw(page)
    assert codes(page, "stop") == ["no_structure"]
    page.locator("[data-panel=details]").tap()
    page.locator("[data-type=shed]").tap()
    assert (codes(page, "stop"), codes(page, "warn")) == ([], ["no_photograph"])
    assert page.evaluate("() => left.length") == 0
    page.get_by_role("button", name="Back").tap()
    page.wait_for_function("() => left.length === 1 && !left[0].ready")


def test_a_crossing_outline_stops_and_its_place_is_shown(mount: Mount) -> None:
    at = here()
    x, y, d = at["longitude"], at["latitude"], 4e-5
    crossing = [[x, y], [x + d, y + d], [x + d, y], [x, y + d], [x, y]]
    given = draft(
        BUNDLE,
        geometry={"type": "Polygon", "coordinates": [crossing]},
        structure_types=["fence"],
        rms_m=0.3,
    )
    page = mount(given)
    assert codes(page, "stop") == ["self_crossing"]
    page.locator("[data-panel=send]").tap()
    assert page.evaluate("() => left.length") == 0
    page.get_by_role("button", name="The outline crosses itself").tap()
    assert codes(page, "stop") == ["self_crossing"]


def test_steps_back_and_forth_show_the_area_again(mount: Mount) -> None:
    page = mount()
    draw(page)
    area = page.locator(".mark-area strong").text_content()
    page.get_by_role("button", name="Undo").tap()
    page.get_by_role("button", name="Undo").tap()
    expect(page.locator(".mark-area strong")).not_to_have_text(str(area))
    assert len(last(page)["geometry"]["coordinates"][0]) == 4
    page.get_by_role("button", name="Redo").tap()
    page.get_by_role("button", name="Redo").tap()
    expect(page.locator(".mark-area strong")).to_have_text(str(area))
    expect(page.get_by_role("button", name="Redo")).to_be_disabled()


def test_whoever_starts_again_gets_back_what_was_drawn(mount: Mount) -> None:
    page = mount()
    draw(page)
    drawn = last(page)["geometry"]
    page.get_by_role("button", name="Start again").tap()
    expect(page.get_by_role("button", name="Another way")).to_be_visible()
    assert last(page)["geometry"] is None
    page.get_by_role("button", name="Undo").tap()
    assert last(page)["geometry"] == drawn


def test_an_outline_far_from_where_one_stands_is_asked_about(mount: Mount) -> None:
    given = draft(BUNDLE, geometry=BUNDLE["observations"][0]["geometry"], rms_m=0.05)
    page = mount(given, at=here(-250, 0))
    expect(page.locator("[data-code=far_away]")).to_contain_text("m away")
    step(page, 0, 0)
    expect(page.locator("[data-code=far_away]")).to_have_count(0)


def test_walking_sets_corners_and_tells_how_good_they_are(mount: Mount) -> None:
    page = mount()
    page.locator("[data-tool=walk]").tap()
    for count, (east, north) in enumerate(((1, 0), (19, 0), (19, 20), (1, 20)), 1):
        step(page, east, north)
        expect(page.locator(".mark-tip")).to_contain_text(f"corners: {count}")
    expect(page.locator(".mark-tip")).to_contain_text("corners: 4")
    step(page, -10, 10, accuracy=60)
    expect(page.locator(".mark-tip")).to_contain_text("60.0 m is too poor")
    page.get_by_role("button", name="Close outline").tap()
    kept = last(page)
    assert kept["method"] == "walked"
    # 3 m at 95 % are 1.73 m of RMS.
    assert kept["rms_m"] == pytest.approx(3 * 0.5777, rel=1e-3)
    assert {fix["accuracy_m"] for fix in kept["fixes"]} == {3}
    # Where the page stood before the first step may have become the first corner.
    assert flat_area(kept["geometry"]) == pytest.approx(365, rel=0.02)
    page.get_by_role("button", name="I have set it by the map").tap()
    assert (last(page)["method"], last(page)["rms_m"]) == ("drawn", 0.3)


def test_whoever_stands_still_gets_a_corner_of_several_fixes(mount: Mount) -> None:
    page = mount()
    page.locator("[data-tool=walk]").tap()
    step(page, 1, 0)
    expect(page.locator(".mark-tip")).to_contain_text("corners: 1")
    page.get_by_role("button", name="Corner where I stand").tap()
    step(page, 10, 0, accuracy=2)
    step(page, 13, 0, accuracy=4)
    expect(page.get_by_role("button", name="Stand still: 2 of 8")).to_be_visible()
    page.get_by_role("button", name="Stand still").tap()
    expect(page.locator(".mark-tip")).to_contain_text("corners: 2")
    page.get_by_role("button", name="Pause").tap()
    step(page, 20, 20)
    expect(page.locator(".mark-tip")).to_contain_text("Paused · corners: 2")
    page.get_by_role("button", name="Go on").tap()
    step(page, 20, 25)
    expect(page.locator(".mark-tip")).to_contain_text("corners: 3")
    page.get_by_role("button", name="Close outline").tap()
    ring = last(page)["geometry"]["coordinates"][0]
    # The better fix weighs four times as much.
    expected = here(10.6, 0)
    assert ring[1] == pytest.approx([expected["longitude"], expected["latitude"]], abs=1e-9)


def test_a_walk_that_looks_shifted_is_asked_about_and_deletes_nothing(mount: Mount) -> None:
    """From the eastern edge the shift leads out of the compound, and its inverse back in."""
    page = mount()
    page.locator("[data-tool=walk]").tap()
    for count, place in enumerate(((1, 0), (19, 0), (19, 20)), 1):
        step(page, *place)
        expect(page.locator(".mark-tip")).to_contain_text(f"corners: {count}")
    boundary = np.array([shapely.geometry.shape(BUNDLE["boundary"])], dtype=object)
    edge = shapely.bounds(SURVEY.to_survey(boundary))[0][2]
    east = float(edge - flat_middle(FREE["geometry"])[0])
    # One step over the line is no other datum; several far out, whence the shift leads in, are.
    step(page, east + 8, 0)
    expect(page.locator(".mark-tip")).to_contain_text("corners: 4")
    for count in range(20):
        step(page, east + 60 + 3 * count, 0)
        if page.get_by_role("alert").count():
            break
    expect(page.get_by_role("alert")).to_contain_text("look like GCJ-02")
    kept = last(page)
    corners = len(kept["geometry"]["coordinates"][0]) - 1
    assert len(kept["fixes"]) >= corners > 4
    assert kept["position"]["datum"] == "wgs84"
    page.get_by_role("button", name="Go on").tap()
    step(page, east + 200, 0)
    expect(page.locator(".mark-tip")).to_contain_text(f"corners: {corners + 1}")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_walk_that_begins_in_shifted_coordinates_gives_way_to_tapping(mount: Mount) -> None:
    east = shapely.geometry.shape(BUNDLE["boundary"]).bounds[2] - 1e-3
    shown = to_gcj02(np.array([[east, here()["latitude"]]]))[0].tolist()
    page = mount(at={"longitude": shown[0], "latitude": shown[1], "accuracy": 3})
    page.locator("[data-tool=walk]").tap()
    expect(page.get_by_role("alert")).to_contain_text("look like GCJ-02")
    page.get_by_role("button", name="Draw it instead").tap()
    expect(page.locator(".mark-cross")).to_be_visible()
    tap_map(page, (-40, -70), (45, -60), (50, 60))
    kept = last(page)
    assert (kept["method"], kept["fixes"]) == ("drawn", [])


def test_a_phone_that_is_declared_as_shifted_does_not_walk(mount: Mount) -> None:
    page = mount(declared="gcj02")
    page.locator("[data-tool=walk]").tap()
    expect(page.get_by_role("alert")).to_contain_text("GCJ-02")
    page.get_by_role("button", name="Tap corners").tap()
    tap_map(page, (-40, -70), (45, -60), (50, 60))
    assert last(page)["position"]["datum"] == "gcj02"


def test_an_earlier_polygon_is_corrected_against_its_version(mount: Mount) -> None:
    page = mount()
    earlier = BUNDLE["observations"][0]
    page.locator("[data-tool=correct]").tap()
    page.locator(".mark-list button", has_text=earlier["ref"]).tap()
    expect(page.locator(".mark-title")).to_have_text("Corrected enclosure")
    expect(page.locator(".mark-area strong")).to_have_text(f"{earlier['area_m2']:.1f}")
    kept = last(page)
    assert kept["corrects"] == {"id": earlier["id"], "version": earlier["version"]}
    assert (kept["method"], kept["rms_m"]) == ("corrected", 0.3)
    assert kept["geometry"] == earlier["geometry"]
    # What it had taken is its own and counts again.
    expect(page.locator(".mark-green.is-green")).to_be_visible()
    assert "overlaps_observation" not in codes(page, "warn")


def test_over_an_enclosure_that_is_entered_already_nothing_new_is_found(mount: Mount) -> None:
    earlier = BUNDLE["observations"][0]
    page = mount(draft(BUNDLE, geometry=earlier["geometry"], rms_m=0.05))
    expect(page.locator(".mark-area strong")).to_be_visible()
    assert codes(page, "warn") == ["overlaps_observation", "nothing_new"]
    expect(page.locator(".mark-faults")).to_contain_text(earlier["ref"])


def test_a_clock_that_is_years_behind_takes_nobody_s_ground(mount: Mount) -> None:
    """What the office has was seen before, whatever the phone believes of today."""
    bundle = BUNDLE | {"encroachments": []}
    given = draft(bundle, geometry=BUNDLE["observations"][0]["geometry"], rms_m=0.05)
    page = mount(given, bundle=bundle, clock="2021-01-01T08:00:00")
    expect(page.locator(".mark-area strong")).to_be_visible()
    assert "nothing_new" in codes(page, "warn")


def test_nothing_here_needs_a_household_and_a_position(mount: Mount) -> None:
    page = mount(at=here(east=60))
    page.get_by_role("button", name="Nothing here").tap()
    page.locator("[data-panel=send]").tap()
    assert codes(page, "stop") == ["no_household"]
    # Whoever stands at the other end of the building finds its households first.
    expect(page.locator(".mark-clearing")).to_contain_text("Nearest first")
    shown = page.locator(".mark-households button").all_text_contents()
    assert shown.index("12-1-101") > shown.index("12-2-102") > 0
    page.get_by_role("button", name="12-2-102").tap()
    kept = last(page)
    assert (kept["kind"], kept["household"], kept["geometry"]) == ("clear", "12-2-102", None)
    assert kept["position"]["accuracy_m"] == 3
    page.locator("[data-panel=send]").tap()
    page.wait_for_function("() => left.length === 1 && left[0].ready")


def test_a_full_phone_is_said_and_not_swallowed(mount: Mount) -> None:
    page = mount(full=True)
    draw(page)
    expect(page.locator(".mark-kept")).to_have_text("Not saved: the phone is full")


def test_a_draft_is_taken_up_where_it_was_left(mount: Mount) -> None:
    page = mount()
    draw(page)
    kept = last(page)
    page = mount(kept)
    expect(page.locator(".marker-icon:not(.marker-icon-middle)")).to_have_count(4)
    expect(page.locator(".mark-area strong")).to_have_text(f"{kept['phone_area_m2']:.1f}")


def test_texts_of_the_bundle_stay_text(mount: Mount) -> None:
    bundle = copy.deepcopy(BUNDLE)
    for one in (*bundle["parcels"], *bundle["observations"], *bundle["buildings"]):
        one["ref"] = HOSTILE
    for one in bundle["cases"]:
        one["number"] = HOSTILE
    for parcel in bundle["parcels"]:
        parcel["households"] = [HOSTILE]
    page = mount(bundle=bundle)
    draw(page)
    page.locator("[data-panel=details]").tap()
    expect(page.locator(".mark-occupier .mark-chip").last).to_have_text(HOSTILE)


def test_a_base_map_of_shifted_tiles_is_drawn_where_our_data_lies(mount: Mount) -> None:
    asked: list[str] = []
    bundle = copy.deepcopy(BUNDLE)
    tiles = "/static/mark.svg?z={z}&x={x}&y={y}"
    bundle["base_maps"] = [
        {"name": "shifted", "url": tiles, "attribution": "<b>", "datum": "gcj02", "max_zoom": 18}
    ]
    page = mount(bundle=bundle)
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Change the background").tap()
    page.wait_for_function("() => document.querySelector('.leaflet-tile-loaded')")
    shown = to_gcj02(np.array([[here()["longitude"], here()["latitude"]]]))[0]
    column = int((shown[0] + 180) / 360 * 2**18)
    sine = np.arcsinh(np.tan(np.radians(shown[1])))
    row = int((1 - sine / np.pi) / 2 * 2**18)
    assert any(f"z=18&x={column}&y={row}" in url for url in asked)


def test_tiles_are_asked_for_by_the_address_under_which_they_are_kept(mount: Mount) -> None:
    """Also where a base map has subdomains, and nearer than tiles are kept."""
    asked: list[str] = []
    bundle = copy.deepcopy(BUNDLE)
    url = "/static/mark.svg?{s}/{z}/{x}/{y}"
    bundle["base_maps"] = [
        {"name": "near", "url": url, "datum": "wgs84", "max_zoom": 22, "offline": True}
    ]
    page = mount(bundle=bundle)
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Change the background").tap()
    page.wait_for_function("() => document.querySelector('.leaflet-tile-loaded')")
    boxes = [shapely.geometry.shape(one["geometry"]).bounds for one in bundle["buildings"]]
    kept = page.evaluate(
        "async (given) => (await import('/static/field/areas.js')).tilesOf(...given)",
        [boxes, bundle["base_maps"]],
    )
    tiles = {one.partition("mark.svg?")[2] for one in asked if "mark.svg?" in one}
    assert tiles <= {one.partition("mark.svg?")[2] for one in kept}
    assert len({one[0] for one in tiles}) > 1
    assert {one.split("/")[1] for one in tiles} == {"19"}


def _theirs(**more: Any) -> dict[str, Any]:
    now: dict[str, Any] = copy.deepcopy(BUNDLE["observations"][2])
    return now | {"by": "Wang", "status": "open"} | more


def _conflict(now: dict[str, Any]) -> dict[str, Any]:
    mine = copy.deepcopy(BUNDLE["observations"][2]["geometry"])
    ring = mine["coordinates"][0]
    for place in ring[2:5]:
        place[0] += 2e-5
    return draft(BUNDLE, geometry=mine, phone_area_m2=flat_area(mine), now=now)


def test_both_outlines_are_shown_and_one_of_three_is_chosen(mount: Mount) -> None:
    given = _conflict(_theirs())
    page = mount(given, script=CONFLICT)
    sides = page.locator(".mark-sides li")
    expect(sides.nth(0)).to_contain_text(f"{given['phone_area_m2']:.1f} m²")
    expect(sides.nth(1)).to_contain_text(f"{given['now']['area_m2']:.1f} m²")
    expect(sides.nth(1)).to_contain_text("Wang")
    common = shapely.intersection(
        shapely.geometry.shape(given["geometry"]), shapely.geometry.shape(given["now"]["geometry"])
    )
    shared = flat_area(json.loads(shapely.to_geojson(common)))
    expect(page.locator(".mark-common")).to_contain_text(f"{shared:.1f} m²")
    for name in ("mine", "theirs", "both"):
        page.locator(f"[data-choice={name}]").tap()
    assert page.evaluate("() => chosen") == ["mine", "theirs", "both"]


def test_an_outline_against_nothing_left_is_a_conflict_too(mount: Mount) -> None:
    page = mount(_conflict(_theirs(geometry=None, area_m2=None)), script=CONFLICT)
    expect(page.locator(".mark-common")).to_contain_text("does not stand any more")


TARGETS = """() => [...document.querySelectorAll(".mark button, .mark summary")]
  .filter((one) => one.checkVisibility() && !one.closest(".mark-faults"))
  .map((one) => [one.textContent || one.ariaLabel, one.getBoundingClientRect()])
  .filter(([, box]) => box.width < 48 || box.height < 48).map(([text]) => text)"""
# The place of a corner's handle is given by the outline, and so is how near the next one is.
BARRIERS = """(rules) => axe.run({ exclude: [".marker-icon"] },
  { runOnly: { type: "tag", values: rules } })"""
WIDE = "() => document.documentElement.scrollWidth > innerWidth"
CUT = """() => [...document.querySelectorAll(".mark button")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
@pytest.mark.parametrize("size", [NARROW, {"width": 740, "height": 360}])
def test_every_panel_is_large_enough_and_speaks(
    mount: Mount, language: str, size: ViewportSize
) -> None:
    """Nothing is cut off, small or unnamed, in the smallest size, also in landscape."""
    given = draft(BUNDLE, geometry=BUNDLE["observations"][0]["geometry"], rms_m=0.3)
    page = mount(given, language=language, size=size)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for panel in ("outline", "details", "evidence", "send"):
        page.locator(f"[data-panel={panel}]").tap()
        assert page.evaluate(TARGETS) == []
        assert page.evaluate(CUT) == []
        assert not page.evaluate(WIDE)
        found = page.evaluate(BARRIERS, RULES)
        assert [
            (one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]
        ] == []
    page = mount(language=language, size=size)
    for tool in ("walk", "tap"):
        page.locator(f"[data-tool={tool}]").tap()
        assert page.evaluate(TARGETS) == []
        assert page.evaluate(CUT) == []
        assert not page.evaluate(WIDE)
        page.locator(".mark-outline button").last.tap()


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
@pytest.mark.parametrize("size", [NARROW, {"width": 740, "height": 360}])
def test_the_choice_between_two_is_large_enough_and_speaks(
    mount: Mount, language: str, size: ViewportSize
) -> None:
    page = mount(_conflict(_theirs()), language=language, size=size, script=CONFLICT)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert (page.evaluate(TARGETS), page.evaluate(CUT), page.evaluate(WIDE)) == ([], [], False)
    assert page.evaluate(BARRIERS, RULES)["violations"] == []
