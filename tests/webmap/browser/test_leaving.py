"""Whoever logs out leaves nothing behind for the next person at the same computer."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from cases.access import Role
from cases.people import ensure_account
from layers.db import EVERYWHERE
from layers.migrate import open_database
from tests.webmap.browser.addresses import every_page
from tests.webmap.browser.conftest import FLAGS, OWN, Site, Watch
from tests.webmap.conftest import PASSWORD

LEAVING = "leaving@example.org"


@pytest.fixture
def everyday_browser(browser: Browser) -> Iterator[Browser]:
    """A browser that keeps pages to turn back to, as people's do and Playwright's does not."""
    kept = ["--disable-back-forward-cache"]
    launched = browser.browser_type.launch(
        executable_path=OWN, args=FLAGS, ignore_default_args=kept
    )
    yield launched
    launched.close()


@pytest.fixture
def page(everyday_browser: Browser, site: Site, watch: Watch) -> Iterator[Page]:
    """A page of somebody who has logged in, in a context of their own."""
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session, session.begin():
        ensure_account(session, LEAVING, name="Leaving", password=PASSWORD, role=Role.PLANNER)
    database.engine.dispose()
    context = everyday_browser.new_context()
    made = context.new_page()
    made.set_default_timeout(10_000)
    watch.over(made)
    made.goto(f"{site.url}/login?lang=en")
    made.fill("#email", LEAVING)
    made.fill("#password", PASSWORD)
    made.click("button.primary")
    made.wait_for_url(lambda url: "/login" not in url)
    yield made
    context.close()


def test_after_a_log_out_the_way_back_shows_no_case(page: Page, site: Site) -> None:
    (address,) = (one for one in every_page() if one.path.endswith("{case:referred}")
                  and one.role is Role.PLANNER)  # fmt: skip
    page.goto(f"{site.url}{address.at(site, 'en')}")
    number = page.locator("h1").inner_text()
    assert site.plain in number
    page.locator("header form.account button").click()
    page.wait_for_url("**/login")
    page.go_back(wait_until="commit")
    expect(page.locator("#password")).to_be_visible()
    assert number not in page.content()
