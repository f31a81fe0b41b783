"""Cases led on from the map: what is sent, what is refused, and what the map shows after."""

from typing import Any

from playwright.sync_api import Page, Request, Route, expect

from cases.access import Role
from tests.webmap.browser.conftest import OpenPage, Site, Watch
from tests.webmap.browser.pages import counts, figure, loaded, open_parcel, point_of

MOVING = f"/map/{Site.moving}?lang=en"


def choose(page: Page, move: str) -> None:
    """Press the button of a move, so that its form opens."""
    page.locator(".cg-moves").get_by_role("button", name=move, exact=True).click()


def confirm(page: Page, move: str) -> None:
    """Send the form of a move."""
    page.get_by_role("button", name=f"Record: {move}").click()


def settled(page: Page, state: str) -> None:
    """Wait until the panel shows the case in its new state and the map has followed."""
    expect(page.locator(".cg-case .cg-state")).to_have_text(state)
    loaded(page)
    page.wait_for_function("() => !CommonGreen.layers.grid.isLoading()")


def test_a_verified_case_counts_at_once(open_page: OpenPage) -> None:
    page = open_page(MOVING)
    before = counts(page)
    assert "150.00 m²" in figure(page, "outstanding_m2")
    open_parcel(page, "G0")
    choose(page, "Verify")
    confirm(page, "Verify")
    settled(page, "Verified")
    expect(page.locator(".cg-kind")).to_have_text("Verified")
    after = counts(page)
    assert after["suspected"] == before["suspected"] - 1
    assert after["verified"] == before["verified"] + 1
    page.get_by_role("tab", name="Figures").click()
    assert "180.00 m²" in figure(page, "outstanding_m2")
    look = page.evaluate(
        "() => CommonGreen.parcelStatus(CommonGreen.layers.parcel(CommonGreen.state.selected),"
        " CommonGreen.state.day)"
    )
    assert look == "verified"


def test_every_problem_stands_beside_its_field(open_page: OpenPage, watch: Watch) -> None:
    watch.expected = ("status of 422",)
    page = open_page(MOVING)
    open_parcel(page, "G12")
    choose(page, "Reject")
    confirm(page, "Reject")
    problem = page.locator("[data-field=reason] .cg-problem")
    expect(problem).to_contain_text("needs a reason")
    reason = page.locator("[data-field=reason] textarea")
    assert reason.evaluate("field => field === document.activeElement")
    reason.fill("{{7*7}} <b>no fence</b>")
    confirm(page, "Reject")
    settled(page, "Rejected")
    assert "{{7*7}} <b>no fence</b>" in page.locator(".cg-timeline").inner_text()
    assert counts(page)["clear"] == 18


def test_an_inspection_sends_what_is_drawn(open_page: OpenPage) -> None:
    page = open_page(MOVING)
    open_parcel(page, "G3")
    choose(page, "Inspect")
    confirm(page, "Inspect")
    expect(page.locator("[data-field=residual] .cg-problem")).to_be_visible()
    page.get_by_label("Something is left: draw it").check()
    corner = point_of(page, "G3")
    for x, y in ((-8, -8), (8, -8), (8, 8)):
        page.mouse.click(corner["x"] + x, corner["y"] + y)
        page.wait_for_timeout(30)
    # A fourth corner too many is taken back.
    page.mouse.click(corner["x"] + 200, corner["y"])
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Done").click()
    expect(page.locator("[data-field=residual] output")).to_contain_text("1 drawn")
    with page.expect_request(lambda request: request.url.endswith("/moves")) as sent:
        confirm(page, "Inspect")
    residual = body(sent.value)["residual"]
    assert residual["type"] == "MultiPolygon"
    assert len(residual["coordinates"][0][0]) == 4
    assert sent.value.headers["x-csrftoken"]
    settled(page, "Inspected")
    # What is left is more than the tolerance, so that nobody may accept.
    refused = page.locator(".cg-refused")
    expect(refused.get_by_role("button", name="Accept")).to_have_attribute("aria-disabled", "true")
    assert refused.locator("small").first.inner_text()


def body(request: Request) -> dict[str, Any]:
    sent = request.post_data_json
    assert isinstance(sent, dict)
    return sent


def test_nothing_left_is_said_and_accepted_by_a_second_person(open_page: OpenPage) -> None:
    page = open_page(MOVING)
    open_parcel(page, "G11")
    choose(page, "Inspect")
    page.get_by_label("Nothing is left").check()
    with page.expect_request(lambda request: request.url.endswith("/moves")) as sent:
        confirm(page, "Inspect")
    assert body(sent.value)["residual"] is None
    settled(page, "Inspected")
    expect(page.locator(".cg-refused")).to_contain_text("Accept")
    second = open_page(MOVING, Role.SECRETARY)
    open_parcel(second, "G11")
    choose(second, "Accept")
    second.get_by_label("Acceptance form (number)").fill("A-7")
    cleared = counts(second)["cleared"]
    confirm(second, "Accept")
    settled(second, "Accepted")
    assert counts(second)["cleared"] == cleared + 1
    assert "Document: A-7" in second.locator(".cg-timeline").inner_text()


def test_somebody_elses_change_is_never_overwritten(open_page: OpenPage, watch: Watch) -> None:
    watch.expected = ("status of 412",)
    first, second = open_page(MOVING), open_page(MOVING)
    for page in (first, second):
        open_parcel(page, "G1")
        choose(page, "Household clears")
    confirm(first, "Household clears")
    settled(first, "Clearing by the household")
    confirm(second, "Household clears")
    told = second.locator(".cg-problem.is-general")
    expect(told).to_contain_text("Somebody has changed this case")
    versions = second.locator(".cg-stale dd")
    expect(versions.nth(0)).to_contain_text("Household clears")
    expect(versions.nth(1)).to_contain_text("Clearing by the household")
    expect(versions.nth(1)).to_contain_text("inspector")
    second.get_by_role("button", name="Look again").click()
    settled(second, "Clearing by the household")


def test_a_move_whose_answer_was_lost_is_made_once(open_page: OpenPage, watch: Watch) -> None:
    watch.expected = ("ERR_FAILED", "net::", "Failed to load resource")
    page = open_page(MOVING)
    keys: list[str] = []

    def lose_the_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/moves", lose_the_answer)
    open_parcel(page, "G1")
    choose(page, "Inspect")
    page.get_by_label("Nothing is left").check()
    confirm(page, "Inspect")
    expect(page.locator(".cg-problem.is-general")).to_contain_text("does not answer")
    confirm(page, "Inspect")
    settled(page, "Inspected")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert page.locator(".cg-timeline").inner_text().count("Inspected") == 1


def test_a_thumb_draws_what_is_left(open_page: OpenPage) -> None:
    page = open_page(MOVING, phone=True)
    at = point_of(page, "G2")
    page.touchscreen.tap(at["x"], at["y"])
    page.wait_for_selector(".cg-case")
    page.get_by_role("button", name="Household clears").tap()
    confirm(page, "Household clears")
    settled(page, "Clearing by the household")
    choose(page, "Inspect")
    page.get_by_text("Something is left: draw it").tap()
    # The sheet makes room for the map, and the tool lies under the thumb.
    page.wait_for_function("() => document.getElementById('cg-panel').offsetHeight < 120")
    tool, box = page.locator("#cg-tool").bounding_box(), page.locator("#cg-stage").bounding_box()
    assert tool is not None
    assert box is not None
    assert tool["y"] > box["y"] + box["height"] / 2
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 3)
    for x, y in ((-30, -30), (30, -30), (30, 30)):
        page.touchscreen.tap(middle[0] + x, middle[1] + y)
        page.wait_for_timeout(300)
    assert page.locator(".cg-corner").count() == 3
    page.get_by_role("button", name="Done").tap()
    expect(page.locator("[data-field=residual] output")).to_contain_text("1 drawn")
    assert page.locator(".cg-corner").count() == 0
