"""The whole story of two households, played in Chromium by five roles over two months.

After each step the figures that `commongreen figures` prints have changed by exactly the
polygon of that step, measured here by Shapely in the survey CRS, and by nothing else.
"""

import contextlib
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
import shapely
import time_machine
from geoalchemy2.shape import to_shape
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from sqlalchemy import select

from cases.access import Role
from cases.account_history import OPERATOR
from cases.checks import check_community
from cases.memberships import GrantForm, grant
from cases.people import add_account, open_account
from gis.crs import SurveyCRS
from layers.config import Settings
from layers.db import EVERYWHERE, Database
from layers.migrate import open_database
from layers.models import Community, Observation, Parcel, Site
from tests import builders
from tests.webmap.browser.conftest import DESK, Watch, serving
from tests.webmap.conftest import PASSWORD, web_settings
from webmap.cli import main

PLACE = "story"
SRID = 4550
# Two printed decimals on either side of a difference.
PRINTED_M2 = 0.0101
WORKING = (Role.INSPECTOR, Role.SECRETARY, Role.LANE_HOUSEKEEPER, Role.PLANNER)


@dataclass
class Play:
    """A compound with two green parcels, its people's browsers, the clock and the figures."""

    url: str
    database: Database
    browser: Browser
    watch: Watch
    clock: time_machine.Traveller
    figures: Callable[[], dict[str, float]]
    contexts: dict[Role, BrowserContext] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)

    def days(self, count: int) -> None:
        """Let days pass, for the server and its commands alike."""
        self.clock.shift(dt.timedelta(days=count))

    def open(self, role: Role, path: str) -> Page:
        """Open a page as somebody, who logs in anew where the session has ended."""
        if role not in self.contexts:
            self.contexts[role] = self.browser.new_context(viewport=DESK)  # type: ignore[arg-type]
        page = self.contexts[role].new_page()
        page.set_default_timeout(10_000)
        self.watch.over(page)
        self.pages.append(page)
        address = f"{self.url}{path}{'&' if '?' in path else '?'}lang=en"
        page.goto(address)
        if "/login" in page.url:
            page.fill("#email", mail(role))
            page.fill("#password", PASSWORD)
            page.click("button[type=submit].primary")
            page.wait_for_url(lambda url: "/login" not in url)
            page.goto(address)
        return page

    def changed(self, **by: float) -> None:
        """Hold the figures against those of the last step: ``by`` is all that has changed."""
        now = self.figures()
        difference = {name: now[name] - self.last[name] for name in now}
        expected = dict.fromkeys(now, 0.0) | by
        assert difference == pytest.approx(expected, abs=PRINTED_M2)
        self.last = now

    def seen_m2(self, ground: shapely.Geometry) -> float:
        """Return the area of what was seen on some ground, in the survey CRS."""
        with self.database.session(EVERYWHERE) as session:
            seen = [to_shape(one) for one in session.scalars(select(Observation.geom))]
        (drawn,) = (one for one in seen if shapely.intersects(one, ground))
        return area_m2(drawn)

    def end(self) -> None:
        for page in self.pages:
            page.close()
        for context in self.contexts.values():
            context.close()


def mail(role: Role) -> str:
    return f"{role}@story.example"


def area_m2(shape: shapely.Geometry) -> float:
    moved = SurveyCRS(SRID).to_survey(np.array([shape], dtype=object))
    return float(shapely.area(moved)[0])


@pytest.fixture(scope="module")
def story_settings(
    clone: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """A database of the story's own, for its clock runs ahead."""
    settings = web_settings(clone(), tmp_path_factory.mktemp("story"))
    database = open_database(settings)
    with database.session(EVERYWHERE) as session, session.begin():
        community = builders.community(
            session,
            code=PLACE,
            name="温泉花园",
            survey_srid=SRID,
            boundary=builders.square(-1, -1, 8),
        )
        house = builders.building(session, community, builders.square(0, 2, 3), ref="12")
        for index in range(2):
            around = builders.square(1.5 * index, 0)
            ground = builders.parcel(
                session, community, around, ref=f"G{index}", building_id=house.id
            )
            ground.area_m2 = area_m2(around)
            home = builders.household(
                session, community, ref=f"12-1-10{index}", building_id=house.id
            )
            builders.link(session, ground, home)
        for role in WORKING:
            add_account(session, mail(role), name=role, password=PASSWORD, role=role, place=PLACE)
        lives = open_account(
            session, mail(Role.RESIDENT), name="resident", actor=OPERATOR, password=PASSWORD
        )
        grant(session, lives, GrantForm(Role.RESIDENT, PLACE, "12-1-100"), OPERATOR)
    database.engine.dispose()
    return settings


@pytest.fixture(scope="module")
def play(story_settings: Settings, browser: Browser) -> Iterator[Play]:
    """The story, from this hour on; a module plays it in the order of its tests."""

    def figures() -> dict[str, float]:
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
            patch.setattr(Settings, "from_environment", lambda _environ=None: story_settings)
            assert main(["figures", "--community", PLACE, "--json"]) == 0
        shown: dict[str, object] = json.loads(printed.getvalue())
        return {name: value for name, value in shown.items() if isinstance(value, int | float)}

    watch, database = Watch(), open_database(story_settings)
    with (
        time_machine.travel(dt.datetime.now(dt.UTC)) as clock,
        serving(story_settings) as url,
    ):
        made = Play(url, database, browser, watch, clock, figures)
        made.last = figures()
        yield made
        made.end()
    database.engine.dispose()


def fold(page: Page, title: str) -> Locator:
    """Open a fold by its summary and return it."""
    summary = page.locator("summary", has_text=re.compile(rf"^\s*{title}\s*$"))
    found = page.locator("details.fold").filter(has=summary).last
    if found.get_attribute("open") is None:
        summary.last.click()
    return found


def draw(page: Page, plan: str, shape: shapely.Geometry) -> None:
    """Tap the corners of a polygon on a plan, to the pixel."""
    page.wait_for_selector("html[data-plan-ready=true]")
    box = page.locator("#plan")
    box.scroll_into_view_if_needed()
    for x, y in shape.exterior.coords[:-1]:
        at = page.evaluate(
            "([plan, x, y]) => { const at = window[plan].latLngToContainerPoint([y, x]);"
            " return { x: at.x, y: at.y }; }",
            [plan, x, y],
        )
        box.click(position=at)


def inner(index: int, margin: float = 0.2) -> shapely.Polygon:
    """Return a rectangle within a green parcel, so far from its edges."""
    (ground,) = builders.square(1.5 * index + margin, margin, 1 - 2 * margin).geoms
    return ground


def flagged(play: Play, index: int) -> tuple[str, float]:
    """Draw an enclosure; return the address of its case and the area in m2."""
    with play.database.session(EVERYWHERE) as session:
        wanted = select(Parcel.id).where(Parcel.ref == f"G{index}")
        parcel = session.scalars(wanted).one()
    page = play.open(Role.INSPECTOR, f"/c/{PLACE}/observations/new?parcel={parcel}")
    draw(page, "observePlan", inner(index))
    page.get_by_role("button", name="Record what I saw").click()
    page.wait_for_url(re.compile(r"/cases/[0-9a-f-]{36}"))
    area = play.seen_m2(inner(index))
    assert area == pytest.approx(area_m2(inner(index)), rel=0.1)
    play.changed(suspected_m2=area)
    return page.url.removeprefix(play.url).partition("?")[0], area


def step(play: Play, role: Role, case: str, title: str, state: str, **typed: str) -> Page:
    """Make a move on the page of a case, and see where it has come."""
    page = play.open(role, case)
    form = fold(page, title)
    for name, value in typed.items():
        form.locator(f"[name={name}]").fill(value)
    if title == "Inspect":
        form.get_by_label("Nothing is left").check()
    form.get_by_role("button", name=f"Record: {title}").click()
    expect(page.locator(".case-state")).to_contain_text(state)
    return page


def verified(play: Play, case: str, area: float) -> None:
    step(play, Role.INSPECTOR, case, "Verify", "Verified")
    play.changed(
        suspected_m2=-area, encroached_m2=area, outstanding_m2=area, encroaching_households=1
    )


def assigned(play: Play, case: str) -> None:
    page = play.open(Role.SECRETARY, case)
    form = fold(page, "Assign")
    form.locator("[name=housekeeper]").select_option(label=str(Role.LANE_HOUSEKEEPER))
    form.get_by_role("button", name="Assign").click()
    play.changed()


def announced(play: Play, case: str) -> None:
    """Issue the poster from where the case leads to."""
    page = play.open(Role.SECRETARY, case)
    page.get_by_role("link", name="To the announcements").click()
    form = fold(page, "Announce")
    form.locator("[name=issuer_id]").select_option(label="Owners' committee")
    form.locator("[name=wording]").fill("Whoever has enclosed common green clears it.")
    form.locator("[name=objection_route]").fill("the office of the committee")
    form.locator("[name=standard_version]").fill("2022-1")
    form.get_by_role("button", name="Issue the announcement").click()
    expect(page.locator("#announcements + article").first).to_be_visible()
    page = play.open(Role.SECRETARY, case)
    expect(page.locator(".case-state")).to_contain_text("Announced")
    play.changed()


def visited(play: Play, case: str, outcome: str, state: str, **typed: str) -> None:
    page = play.open(Role.LANE_HOUSEKEEPER, case)
    form = fold(page, "Record a visit")
    form.locator("[name=outcome]").select_option(outcome)
    for name, value in typed.items():
        form.locator(f"[name={name}]").fill(value)
    form.get_by_role("button", name="Record the visit").click()
    expect(page.locator(".case-state")).to_contain_text(state)
    play.changed()


def with_a_body(play: Play) -> None:
    page = play.open(Role.SECRETARY, f"/c/{PLACE}/campaigns")
    form = fold(page, "Add a body")
    form.locator("[name=ref]").fill("OC")
    form.locator("[name=name]").fill("Owners' committee")
    form.locator("[name=kind]").select_option("owners_committee")
    form.locator("button[type=submit]").click()
    expect(page.locator("main")).to_contain_text("Owners' committee")
    play.changed()


def landscaped(play: Play) -> None:
    """Plant what was freed, as drawn."""
    page = play.open(Role.PLANNER, f"/c/{PLACE}/sites/new")
    page.locator("[name=kind]").select_option("landscaping")
    draw(page, "sitePlan", inner(0, 0.3))
    page.locator("[name=ref]").fill("G-1")
    page.locator("[name=state]").select_option("built")
    page.locator("[name=built_on]").fill(dt.date.today().isoformat())
    page.get_by_role("button", name="Keep the site").click()
    page.wait_for_url(re.compile(r"/sites(\?|$)"))
    with play.database.session(EVERYWHERE) as session:
        planted = area_m2(to_shape(session.scalars(select(Site.geom)).one()))
    play.changed(landscaped_m2=planted)


def patrolled(play: Play, case: str, found: str, state: str) -> None:
    page = play.open(Role.INSPECTOR, case)
    form = fold(page, "Record a patrol")
    form.get_by_label(found).check()
    form.get_by_role("button", name="Record the patrol").click()
    expect(page.locator(".case-state")).to_contain_text(state)


def test_a_household_signs_clears_is_accepted_and_takes_the_ground_again(play: Play) -> None:
    case, area = flagged(play, 0)
    verified(play, case, area)
    with_a_body(play)
    assigned(play, case)
    announced(play, case)
    play.days(3)
    visited(play, case, "signed", "Signed")
    play.days(2)
    own = play.open(Role.RESIDENT, "/my-household")
    own.get_by_role("button", name="Yes, we clear it ourselves").click()
    expect(own.locator("main")).to_contain_text("Clearing")
    play.changed(declared_m2=area)
    play.days(1)
    step(play, Role.INSPECTOR, case, "Inspect", "Inspected")
    play.changed()
    # Whoever inspected does not accept.
    refused = play.open(Role.INSPECTOR, case).locator(".step-refused")
    expect(refused.filter(has_text="Accept").first).to_contain_text("second person")
    step(play, Role.SECRETARY, case, "Accept", "Accepted")
    play.changed(reclaimed_m2=area, outstanding_m2=-area, cleared_households=1)
    play.days(1)
    landscaped(play)
    play.days(7)
    patrolled(play, case, "It is clear", "Monitored")
    play.changed()
    play.days(24)
    patrolled(play, case, "It is taken again, as it was before", "Taken again")
    play.changed(rebound_m2=area, outstanding_m2=area, rebound_households=1, cleared_households=-1)
    announced(play, case)
    assert play.watch.faults == []


def test_a_household_that_refuses_is_referred_after_its_deadline(play: Play) -> None:
    case, area = flagged(play, 1)
    verified(play, case, area)
    assigned(play, case)
    announced(play, case)
    play.days(4)
    visited(play, case, "declined", "Declined", note="It has always been ours.")
    early = play.open(Role.SECRETARY, case).locator(".step-refused")
    expect(early.filter(has_text="Refer").first).to_contain_text("has time until")
    play.days(30)
    typed = {"authority": "Urban management bureau", "reason": "declined, and not cleared"}
    page = step(play, Role.SECRETARY, case, "Refer to the authority", "Referred", **typed)
    expect(page.locator("#papers + *")).to_contain_text("Referral")
    play.changed()
    assert play.watch.faults == []


def test_what_was_played_holds_together(play: Play) -> None:
    with play.database.session(EVERYWHERE) as session:
        community = session.scalars(select(Community).where(Community.code == PLACE)).one()
        assert check_community(session, community) == []
