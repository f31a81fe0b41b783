"""Drawing by finger, mouse and keys, in Chromium with an emulated phone."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import shapely
from playwright.sync_api import Browser, Page

from tests.gis.field_cases import FILE
from tests.webmap.browser.conftest import PHONE, Site, Watch
from tests.webmap.browser.field_harness import harness

WORLD = json.loads(FILE.read_text(encoding="utf-8"))["worlds"]["4550"]
MAP = """(world) => {
  const root = document.getElementById("root");
  const map = L.map(root, { maxZoom: 23, zoomAnimation: false, fadeAnimation: false });
  const grounds = world.parcels.map((one) => one.geometry);
  const parcels = L.geoJSON(grounds).addTo(map);
  map.fitBounds(parcels.getLayers()[1].getBounds(), { padding: [80, 80], animate: false });
  window.told = [];
  window.map = map;
  window.drawing = field.createDrawing(map, {
    snap: [parcels],
    words: (key, values = {}) => (key === "draw.corner" ? `Corner ${values.n}` : "New corner"),
    onChange: (geometry, about) => window.told.push([geometry, about]),
  });
}"""
# The second parcel's corner in pixels of the page, and a place so far beside it.
CORNER = """([index, dx, dy]) => {
  const ring = window.world.parcels[1].geometry.coordinates[0];
  const point = map.latLngToContainerPoint(L.latLng(ring[index][1], ring[index][0]));
  return [point.x + dx, point.y + dy];
}"""


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with harness(site.settings) as url:
        yield url


@pytest.fixture(params=["phone", "desk"])
def page(request: pytest.FixtureRequest, browser: Browser, address: str, watch: Watch) -> Any:
    is_phone = request.param == "phone"
    size = PHONE if is_phone else {"width": 1000, "height": 800}
    context = browser.new_context(viewport=size, has_touch=is_phone, is_mobile=is_phone)  # type: ignore[arg-type]
    page = context.new_page()
    watch.over(page)
    page.goto(address)
    page.wait_for_selector("html[data-ready=true]")
    page.evaluate("(world) => { window.world = world; }", WORLD)
    page.evaluate(MAP, WORLD)
    yield page
    context.close()


def tap(page: Page, x: float, y: float) -> None:
    """Touch where the page is a phone's, click where it is not."""
    if page.evaluate("() => navigator.maxTouchPoints > 0"):
        page.touchscreen.tap(x, y)
    else:
        page.mouse.click(x, y)


def corner(page: Page, index: int, dx: float = 0, dy: float = 0) -> list[float]:
    place: list[float] = page.evaluate(CORNER, [index, dx, dy])
    return place


def drawn(page: Page) -> Any:
    return page.evaluate("() => drawing.geometry()")


def state(page: Page) -> list[bool]:
    found: list[bool] = page.evaluate("() => [drawing.canUndo, drawing.canRedo, drawing.isAdding]")
    return found


def draw_parcel(page: Page) -> None:
    """Tap near the four corners of the second parcel, then the first again."""
    page.evaluate("() => drawing.start()")
    for index in (0, 1, 2, 3):
        tap(page, *corner(page, index, 6, 5))
    tap(page, *corner(page, 0))


def drag(page: Page, start: list[float], end: list[float]) -> None:
    """Move a handle as a finger or a mouse does."""
    if page.evaluate("() => navigator.maxTouchPoints > 0"):
        finger = page.context.new_cdp_session(page)
        points = np.linspace(start, end, 6)
        for kind, at in zip(["touchStart", *["touchMove"] * 5], points.tolist(), strict=True):
            touch = [{"x": at[0], "y": at[1]}]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touch})
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    else:
        page.mouse.move(*start)
        page.mouse.down()
        page.mouse.move(*end, steps=6)
        page.mouse.up()


def test_taps_near_corners_give_the_parcel_itself(page: Page) -> None:
    draw_parcel(page)
    ring = WORLD["parcels"][1]["geometry"]["coordinates"][0]
    assert drawn(page) == {"type": "Polygon", "coordinates": [ring]}
    assert state(page) == [True, False, False]


def test_a_tap_beside_an_edge_comes_to_lie_on_it_and_one_afar_where_it_fell(page: Page) -> None:
    page.evaluate("() => drawing.start()")
    first, second = np.array(corner(page, 0)), np.array(corner(page, 1))
    beside = (first + second) / 2 + (8, 0)
    tap(page, *beside.tolist())
    afar = (np.array(corner(page, 0)) + np.array(corner(page, 2))) / 2
    tap(page, *afar.tolist())
    tap(page, *corner(page, 2))
    places = shapely.points(drawn(page)["coordinates"][0][:3])
    edges = shapely.geometry.shape(WORLD["parcels"][1]["geometry"]).exterior
    away = shapely.distance(places, edges)
    assert away[0] < 1e-9
    assert away[1] > 1e-5
    assert away[2] == 0


def test_every_corner_is_a_step_back_and_forth(page: Page) -> None:
    draw_parcel(page)
    whole = drawn(page)
    page.evaluate("() => drawing.undo()")
    assert state(page) == [True, True, True]
    page.evaluate("() => drawing.undo()")
    assert len(drawn(page)["coordinates"][0]) == 4
    for _ in range(3):
        page.evaluate("() => drawing.undo()")
    assert drawn(page) is None
    assert state(page) == [False, True, True]
    for _ in range(5):
        page.evaluate("() => drawing.redo()")
    assert drawn(page) == whole
    assert state(page) == [True, False, False]


def test_a_handle_moves_a_corner_and_tells_while_it_moves(page: Page) -> None:
    draw_parcel(page)
    whole = drawn(page)
    page.evaluate("() => { window.told = []; }")
    start = corner(page, 2)
    middle = ((np.array(corner(page, 0)) + np.array(start)) / 2).tolist()
    drag(page, start, middle)
    page.wait_for_function("() => told.length && !told.at(-1)[1].isLive")
    assert page.evaluate("() => told.filter(([, about]) => about.isLive).length") > 1
    moved = drawn(page)["coordinates"][0]
    ring = whole["coordinates"][0]
    assert [at for at in range(4) if moved[at] != ring[at]] == [2]
    page.evaluate("() => drawing.undo()")
    assert drawn(page) == whole


def test_a_dragged_handle_snaps_to_a_corner_of_the_neighbour(page: Page) -> None:
    draw_parcel(page)
    ring = WORLD["parcels"][1]["geometry"]["coordinates"][0]
    edge = (np.array(corner(page, 2)) + np.array(corner(page, 3))) / 2
    drag(page, corner(page, 2), edge.tolist())
    drag(page, edge.tolist(), corner(page, 2, 7, 6))
    assert drawn(page)["coordinates"][0] == ring


def test_a_handle_between_makes_a_corner_in_one_step(page: Page) -> None:
    draw_parcel(page)
    whole = drawn(page)
    between = (np.array(corner(page, 0)) + np.array(corner(page, 1))) / 2
    inner = (np.array(corner(page, 0)) + np.array(corner(page, 2))) / 2
    drag(page, between.tolist(), inner.tolist())
    page.wait_for_function("() => drawing.geometry().coordinates[0].length === 6")
    page.evaluate("() => drawing.undo()")
    assert drawn(page) == whole


def test_a_chosen_corner_is_removed_and_comes_back(page: Page) -> None:
    draw_parcel(page)
    whole = drawn(page)
    tap(page, *corner(page, 3))
    page.wait_for_function("() => drawing.selected")
    page.evaluate("() => drawing.removeSelected()")
    assert len(drawn(page)["coordinates"][0]) == 4
    page.evaluate("() => drawing.undo()")
    assert drawn(page) == whole


def test_parts_and_holes_are_corrected_and_kept(page: Page) -> None:
    """Moving one corner of a part with a hole leaves everything else as it was."""
    rings = next(one["geometry"] for one in WORLD["parcels"] if one["ref"] == "R1")["coordinates"]
    other = WORLD["parcels"][1]["geometry"]["coordinates"]
    given = {"type": "MultiPolygon", "coordinates": [other, rings]}
    page.evaluate("(given) => drawing.startFrom(given)", given)
    assert drawn(page) == given
    page.evaluate(
        """([x, y]) => {
          map.setView([y, x], 21, { animate: false });
          drawing.select([0, 0, 2]);
        }""",
        other[0][2],
    )
    page.evaluate("() => drawing.removeSelected()")
    found = drawn(page)
    assert found["coordinates"][1] == rings
    assert len(found["coordinates"][0][0]) == 4
    page.evaluate("() => drawing.undo()")
    assert drawn(page) == given


def test_without_a_pointer_arrows_move_and_enter_adds(page: Page) -> None:
    page.evaluate("() => { drawing.start(); map.getContainer().focus(); }")
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press("Enter")
        before = page.evaluate("() => map.getCenter()")
        page.keyboard.press(key)
        page.wait_for_function(
            "(was) => !map.getCenter().equals(was) && !map._panAnim?._inProgress", arg=before
        )
    page.keyboard.press("Enter")
    assert len(drawn(page)["coordinates"][0]) == 5
    page.evaluate("() => drawing.finish()")
    handle = page.get_by_role("button", name="Corner 2")
    handle.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => drawing.selected")
    before = drawn(page)["coordinates"][0]
    page.keyboard.press("Shift+ArrowUp")
    moved = drawn(page)["coordinates"][0]
    assert moved[1][1] > before[1][1]
    assert moved[2:] == before[2:]
    page.keyboard.press("Delete")
    assert len(drawn(page)["coordinates"][0]) == 4
    page.get_by_role("button", name="New corner").first.focus()
    page.keyboard.press("Enter")
    assert len(drawn(page)["coordinates"][0]) == 5
