"""A form that Chromium sends twice: once more as it was, and with something else in it."""

import re

from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from cases.access import Role
from cases.models import Body
from layers.db import EVERYWHERE
from layers.migrate import open_database
from tests.webmap.browser.conftest import OpenSheet, Site, Watch

NAME = "Branch of the resends"
KEY = "input[name=resend_key]"


def bodies(site: Site) -> int:
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        named = select(func.count()).where(Body.name.startswith(NAME))
        found = int(session.scalar(named) or 0)
    database.engine.dispose()
    return found


def fill(page: Page, ref: str, name: str) -> None:
    form = page.locator("form", has=page.locator("input[name=form][value=body]"))
    if not form.locator("input[name=ref]").is_visible():
        page.locator("details", has=form).locator("summary").click()
    form.locator("input[name=ref]").fill(ref)
    form.locator("input[name=name]").fill(name)
    form.locator("select[name=kind]").select_option("volunteer")


def send(page: Page) -> None:
    page.locator("form", has=page.locator("input[name=form][value=body]")).locator(
        "button[type=submit]"
    ).click()


def test_a_form_sent_twice_is_recorded_once(
    open_sheet: OpenSheet, site: Site, watch: Watch
) -> None:
    watch.expected = ("422",)  # A browser logs the refusal of a form as a fault.
    here = f"/c/{site.editing}/campaigns?lang=en"
    page = open_sheet(here, Role.SECRETARY)
    page.locator(KEY).last.wait_for(state="attached")
    key = page.locator("form", has=page.locator("input[name=form][value=body]")).locator(KEY)
    mine = key.input_value()
    fill(page, "RS-1", NAME)
    send(page)
    expect(page.get_by_text(NAME).first).to_be_visible()
    # What a browser sends again when its connection broke: the same form, byte for byte.
    page.goto(f"{site.url}{here}")
    key.evaluate("(field, value) => { field.value = value; }", mine)
    fill(page, "RS-1", NAME)
    send(page)
    page.wait_for_url(re.compile(r"/campaigns$"))
    assert bodies(site) == 1
    page.goto(f"{site.url}{here}")
    key.evaluate("(field, value) => { field.value = value; }", mine)
    fill(page, "RS-2", f"{NAME}, another")
    send(page)
    expect(page.get_by_text("This form was sent before")).to_be_visible()
    expect(page.locator("input[name=name]").last).to_have_value(f"{NAME}, another")
    assert bodies(site) == 1
    send(page)
    expect(page.get_by_text(f"{NAME}, another").first).to_be_visible()
    assert bodies(site) == 2
