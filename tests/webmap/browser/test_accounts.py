"""The account pages in a browser: on a phone, by a screen reader, and with an authenticator."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from passlib.totp import TOTP
from playwright.sync_api import Browser, Page, expect

from cases.access import Role
from cases.account_history import OPERATOR, Actor
from cases.memberships import GrantForm, grant
from cases.people import ensure_account, open_account
from layers.config import PROJECT_ROOT
from layers.db import EVERYWHERE
from layers.migrate import open_database
from tests.webmap.browser.conftest import Site, Watch
from tests.webmap.conftest import PASSWORD

AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW = {"width": 360, "height": 740}
DESK = {"width": 1440, "height": 900}
Enter = Callable[[str], Page]


@pytest.fixture(scope="module")
def person(site: Site) -> dict[str, str]:
    """The addresses of two admins and of somebody whose grant waits."""
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session, session.begin():
        for name in ("first", "second"):
            ensure_account(
                session,
                f"{name}@admin.example",
                name=f"Admin {name}",
                password=PASSWORD,
                role=Role.ADMIN,
                place=Site.town,
            )
        waiting = open_account(session, "waiting@example.org", name="等待的人", actor=OPERATOR)
        grant(session, waiting, GrantForm(Role.PLANNER, Site.town), OPERATOR)
        first = ensure_account(
            session, "first@admin.example", name="", password="", role=Role.ADMIN, place=Site.town
        )
        proposer = Actor(first.email, first.id)
        grant(session, waiting, GrantForm(Role.SECRETARY, Site.town), proposer)
        found = {"waiting": f"/accounts/{waiting.public_id}"}
    database.engine.dispose()
    return found


@pytest.fixture
def enter(browser: Browser, site: Site, watch: Watch, person: dict[str, str]) -> Iterator[Enter]:
    """Log somebody in, in a context of their own."""
    contexts = []

    def log_in(email: str) -> Page:
        context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        watch.over(page)
        page.goto(f"{site.url}/login?lang=en")
        page.fill("#email", email)
        page.fill("#password", PASSWORD)
        page.click("button.primary")
        page.wait_for_selector("form.account, #code")  # Logged in, or asked for the factor.
        return page

    yield log_in
    for context in contexts:
        context.close()


def is_usable(page: Page) -> None:
    """Fail for a page that is wider than a narrow phone, or that axe finds a fault with."""
    for size in (NARROW, DESK):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{page.url} is {wide} too wide for {size['width']}"
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = page.evaluate(
            "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS
        )
        faults = [
            (one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]
        ]
        assert faults == [], page.url


@pytest.mark.parametrize("language", ["en", "zh_Hans"])
def test_the_pages_of_accounts_are_usable(
    enter: Enter, site: Site, person: dict[str, str], language: str
) -> None:
    page = enter("second@admin.example")
    page.goto(f"{site.url}/account?lang={language}")
    for path in (
        *("/account", "/account/password", "/account/verify", "/account/factor"),
        *("/account/recovery-codes", "/accounts", "/accounts/waiting", person["waiting"], "/reset"),
    ):
        page.goto(f"{site.url}{path}")
        is_usable(page)


def test_two_admins_make_a_secretary(enter: Enter, site: Site, person: dict[str, str]) -> None:
    first, second = enter("first@admin.example"), enter("second@admin.example")
    first.goto(f"{site.url}/accounts/waiting")
    expect(first.get_by_text("A second person has to approve")).to_be_visible()
    expect(first.get_by_role("button", name="Approve")).to_have_count(0)
    second.goto(f"{site.url}/accounts")
    second.get_by_role("link", name="1 grant waits for a second person").click()
    second.get_by_role("button", name="Approve").click()
    expect(second.get_by_role("status")).to_have_text("The role is in force.")
    first.goto(f"{site.url}/accounts/waiting")
    expect(first.get_by_text("Nothing waits.")).to_be_visible()


def test_a_household_is_asked_for_residents_only(enter: Enter, site: Site) -> None:
    page = enter("first@admin.example")
    page.goto(f"{site.url}/accounts")
    expect(page.get_by_label("Household")).to_be_hidden()
    page.get_by_label("Role").select_option("resident")
    expect(page.get_by_label("Household")).to_be_visible()


def test_an_authenticator_is_set_up_and_asked_for(enter: Enter, site: Site) -> None:
    page = enter("first@admin.example")
    page.goto(f"{site.url}/account")
    page.get_by_role("link", name="Set up").click()
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_alt_text("The key as a QR code")).to_be_visible()
    assert page.locator(".qr").evaluate("one => one.naturalWidth") > 0
    is_usable(page)
    clock = TOTP(re.sub("[ -]", "", page.locator(".secret").inner_text()))
    page.get_by_label("Six digits").fill(clock.generate(clock.now()).token)
    page.get_by_role("button", name="Check and switch on").click()
    expect(page.get_by_role("status")).to_contain_text("The second factor is set.")
    page.get_by_role("link", name="New codes").click()
    page.get_by_role("button", name="Make new codes").click()
    expect(page.locator(".codes li")).to_have_count(10)
    is_usable(page)
    code = page.locator(".codes li").first.inner_text()

    page = enter("first@admin.example")
    is_usable(page)
    page.get_by_label("Six digits").fill("000 000")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("These digits are not right")
    page.get_by_label("Six digits").fill(clock.generate(clock.now() + 30).token)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("link", name="Account", exact=True)).to_be_visible()

    page = enter("first@admin.example")
    page.get_by_role("link", name="Use a recovery code").click()
    expect(page.get_by_label("Recovery code")).to_be_visible()
    is_usable(page)
    page.get_by_label("Recovery code").fill(code)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("link", name="Account", exact=True)).to_be_visible()
