"""500 hostile texts in every field that a person's text reaches stay text in Chromium.

A crowd of rows is stored, each with another text in every such column, and every page and
panel that shows them is opened: no dialog, no evaluated template, no element of a text's
own, and each text stands as it was written. What no page shows is named with its reason.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from cases.access import Role
from cases.models import (
    AccessToken,
    Account,
    Announcement,
    Attendance,
    Body,
    BodyKind,
    Campaign,
    Case,
    CaseEvent,
    Channel,
    DocumentRecord,
    Finding,
    Lane,
    Meeting,
    Objection,
    Patrol,
    PatrolOutcome,
    Photograph,
    PhotographSubject,
    Posting,
    Resolution,
    Tip,
    TipState,
    Visit,
    VisitOutcome,
)
from cases.people import ensure_account
from cases.workflow import Document, State
from layers.config import Settings
from layers.db import EVERYWHERE
from layers.migrate import open_database, owner_engine
from layers.models import (
    Base,
    Building,
    Community,
    Household,
    Observation,
    Parcel,
    Region,
    Resident,
    Site,
    SiteKind,
    Survey,
)
from tests import builders
from tests.webmap.browser.conftest import DESK, Watch, serving, wait_for_map
from tests.webmap.browser.hostile import COLUMNS, COUNT, PRODUCT, TEXTS, text_of, texts_of
from tests.webmap.conftest import PASSWORD, web_settings

PLACE = "crowd"
# Each tenth case holds the ground, the visits and the history of ten rows.
PER_CASE = 10
# So many parcels are opened on the map; each of them holds the texts of as many rows.
PER_PANEL = 60
# What no page shows, and where it goes; exports are held to it in test_hostile_imports.py.
UNSHOWN = {
    ("survey", "surveyor"): "the record of a delivery",
    ("survey", "file_name"): "the record of a delivery",
    ("survey", "layer"): "the record of a delivery",
    ("building", "name"): "exports, and what a search on the map finds",
    ("household", "unit"): "exports, and a filter of cases",
    ("household", "room"): "exports",
    ("parcel", "source"): "exports",
    ("meeting", "recorded_by"): "the record",
    ("posting", "recorded_by"): "the record",
    ("document", "title"): "the paper itself",
    ("resident", "name"): "no page names a resident",
    ("resident", "phone"): "no page names a resident",
}


@dataclass
class Crowd:
    """A community of 500 rows of everything, and the cases whose pages are opened."""

    community: Community
    campaign: Campaign
    parcels: list[Parcel] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)

    @property
    def key(self) -> dict[str, int]:
        return {"community_id": self.community.id}


def furnish(session: Session) -> Crowd:
    """Store the crowd; the caller commits."""
    regions = [
        builders.add(session, Region(code=f"r{row}", kind="town", **texts_of(Region, row)))
        for row in range(COUNT)
    ]
    places = [
        builders.community(
            session,
            code=f"{PLACE}{row or ''}",
            region_id=regions[row].id,
            **texts_of(Community, row),
        )
        for row in range(COUNT)
    ]
    places[0].boundary = builders.stored(builders.square(-1, -1, 60))
    campaigns = [
        builders.campaign(
            session,
            places[0],
            ended_on=None if row == 0 else builders.EARLY,
            **texts_of(Campaign, row),
        )
        for row in range(COUNT)
    ]
    crowd = Crowd(places[0], campaigns[0])
    for row in range(COUNT):
        _ground(session, crowd, row)
    for row in range(COUNT):
        _work(session, crowd, row)
        _papers(session, crowd, row)
    return crowd


def _several(table: type[Base], column: str, row: int, count: int) -> dict[str, str]:
    """Return the texts of ``count`` rows as one text, at each row that is opened by itself."""
    if row % count:
        return {}
    rows = range(row, min(row + count, COUNT))
    return {column: "\n".join(text_of(table, column, one) for one in rows)}


def _ground(session: Session, crowd: Crowd, row: int) -> None:
    """Store a building, a household with its case, a parcel, and what was seen on it."""
    place, (y, x) = crowd.community, divmod(row, 25)
    house = builders.building(
        session, place, builders.square(2 * x, 2 * y + 1), **texts_of(Building, row)
    )
    home = builders.household(
        session, place, building_id=house.id, geom=builders.point(2 * x, 2 * y + 1),
        **texts_of(Household, row),
    )  # fmt: skip
    parcel = builders.parcel(
        session, place, builders.square(2 * x, 2 * y), building_id=house.id,
        **(texts_of(Parcel, row) | _several(Parcel, "title_evidence", row, PER_PANEL)),
    )  # fmt: skip
    builders.link(session, parcel, home)
    by = builders.survey(session, place, **texts_of(Survey, row))
    builders.looked(session, parcel, by)
    said = texts_of(Case, row) | _several(Case, "difficulty_reason", row, PER_CASE)
    case = builders.case(session, home, crowd.campaign, number=row + 1, difficulty=3, **said)
    crowd.parcels.append(parcel)
    crowd.cases.append(case)
    answers = crowd.cases[row - row % PER_CASE]
    noted = texts_of(Observation, row) | _several(Observation, "note", row, PER_PANEL)
    around = builders.square(2 * x, 2 * y)
    known = {"survey_id": by.id, "occupier_id": home.id, **noted}
    seen = builders.observation(session, place, around, **known)
    crowd.observations.append(seen)
    found = builders.encroachment(session, seen, parcel, answers, around)
    found.verified_on = builders.EARLY
    told = texts_of(Finding, row) | _several(Finding, "reason", row, PER_PANEL)
    builders.finding(session, seen, parcel, **told)
    kind = SiteKind.LANDSCAPING if row % 2 else SiteKind.CHARGING_PILE
    builders.site(
        session, place, builders.point(2 * x + 1.5, 2 * y) if row % 2 == 0 else
        builders.square(2 * x + 1.2, 2 * y, 0.5), kind=kind, **texts_of(Site, row),
    )  # fmt: skip
    names = texts_of(Resident, row, "phone")
    session.add(Resident(**crowd.key, household_id=home.id, role="owner", phone=str(row), **names))


def _work(session: Session, crowd: Crowd, row: int) -> None:
    """Store what people did about a case."""
    case, day = crowd.cases[row - row % PER_CASE], builders.EARLY + dt.timedelta(days=row % 10)
    key = {**crowd.key, "case_id": case.id}
    builders.event(session, case, day, State.VERIFIED, **texts_of(CaseEvent, row))
    session.add(
        Visit(**key, visited_on=day, outcome=VisitOutcome.UNDECIDED, **texts_of(Visit, row))
    )
    session.add(
        Objection(**key, lodged_on=day, decided_on=day, upheld=False, **texts_of(Objection, row))
    )
    session.add(
        Patrol(
            **key, accepted_on=day, days=row + 1, due_on=day, done_on=day,
            outcome=PatrolOutcome.CLEAR, **texts_of(Patrol, row),
        )
    )  # fmt: skip
    session.add(
        Photograph(
            **key, subject=PhotographSubject.BEFORE, sha256=row.to_bytes(32), width=640,
            media_type="image/jpeg", height=480, size=1_000, **texts_of(Photograph, row),
        )
    )  # fmt: skip
    session.add(
        Tip(
            **crowd.key, parcel_id=crowd.parcels[row].id, received_on=day, checked_on=day,
            state=TipState.DISMISSED, **texts_of(Tip, row),
        )
    )  # fmt: skip
    session.add(Lane(**crowd.key, **texts_of(Lane, row)))


def _papers(session: Session, crowd: Crowd, row: int) -> None:
    """Store a body, a meeting, and an announcement that it posted."""
    day, run = builders.EARLY, crowd.campaign.id
    body = builders.add(session, Body(**crowd.key, kind=BodyKind.OTHER, **texts_of(Body, row)))
    held = builders.add(
        session,
        Meeting(
            **crowd.key, campaign_id=run, number=row + 1, held_on=day, **texts_of(Meeting, row)
        ),
    )
    session.add(Attendance(**crowd.key, meeting_id=held.id, body_id=body.id, people=3))
    vote = {"number": 1, "votes_for": 3}
    session.add(Resolution(**crowd.key, meeting_id=held.id, **vote, **texts_of(Resolution, row)))
    record = builders.add(
        session,
        DocumentRecord(
            **crowd.key, kind=Document.ANNOUNCEMENT, year=2022, number=row + 1, issued_on=day,
            case_id=crowd.cases[row - row % PER_CASE].id, campaign_id=run, data={},
            **texts_of(DocumentRecord, row),
        ),
    )  # fmt: skip
    made = builders.add(
        session,
        Announcement(
            **crowd.key, campaign_id=run, issuer_id=body.id, document_id=record.id, issued_on=day,
            deadline_on=day + dt.timedelta(days=20), **texts_of(Announcement, row),
        ),
    )  # fmt: skip
    session.add(
        Posting(
            **crowd.key, announcement_id=made.id, channel=Channel.DOOR, posted_on=day,
            **texts_of(Posting, row),
        )
    )  # fmt: skip


def _people(session: Session) -> None:
    """Store those who look, and accounts whose names and tokens are hostile."""
    for role in (Role.SECRETARY, Role.ADMIN):
        ensure_account(session, f"{role}@example.org", name=role, password=PASSWORD, role=role)
    looking = session.scalars(select(Account).where(Account.email == "secretary@example.org")).one()
    for row in range(COUNT):
        builders.add(
            session,
            Account(
                email=f"a{row}@example.org", password="x", fs_uniquifier=str(row),
                **texts_of(Account, row),
            ),
        )  # fmt: skip
        session.add(
            AccessToken(
                account_id=looking.id, sha256=row.to_bytes(32), **texts_of(AccessToken, row)
            )
        )


@dataclass
class Reader:
    """Reads pages in Chromium, and remembers which text of which column it met."""

    url: str
    watch: Watch
    met: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def read(self, page: Page) -> None:
        """Hold everything on a page against what was stored."""
        page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
        texts = page.evaluate(WRITTEN)
        assert not any(PRODUCT in one for one in texts), page.url
        assert page.evaluate(FOREIGN) == [], page.url
        for one in texts:
            for mark in MARK.finditer(one):
                row = int(mark[2])
                assert one[: mark.start()].endswith(TEXTS[row]), (page.url, one)
                self.met[int(mark[1], 16)].add(row)
        assert self.watch.faults == [], page.url

    def open(self, context: BrowserContext, path: str, fragment: str = "") -> Page:
        page = context.new_page()
        page.set_default_timeout(30_000)
        self.watch.over(page)
        page.goto(f"{self.url}{path}{'&' if '?' in path else '?'}lang=en{fragment}")
        return page

    def pages(self, context: BrowserContext, *paths: str) -> None:
        """Read pages, and every page after each that its list leads to."""
        for path in paths:
            page = self.open(context, path)
            self.read(page)
            while (after := page.locator("a[rel=next]")).count():
                after.first.click()
                page.wait_for_load_state()
                self.read(page)
            page.close()


MARK = re.compile(r"~([0-9a-f]+)\.(\d+)~")
# Text nodes and whatever is read aloud; not the scripts' data, which nobody sees.
WRITTEN = """() => {
    const texts = [document.title];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        if (!walk.currentNode.parentElement.closest("script, style"))
            texts.push(walk.currentNode.data);
    }
    for (const name of ["aria-label", "title", "alt", "value"])
        for (const one of document.querySelectorAll(`[${name}]`))
            texts.push(one.getAttribute(name));
    return texts;
}"""
# What only a text that became markup could have brought.
FOREIGN = """() => [...document.querySelectorAll(
    "[onerror], [onload], [onmouseover], [onfocus], [ontoggle], [onbegin], [formaction], iframe,"
    + " base, meta[http-equiv=refresh i], math, template, body style, [href^='javascript' i],"
    + " body b:not([class]), body i:not([class])"
)].filter(one => one.textContent || one.tagName !== "I")
 .filter(one => !one.closest("[aria-hidden=true]")).map(one => one.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def crowded(
    clone: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Crowd]]:
    """The crowd on a server of its own."""
    settings = web_settings(clone(), tmp_path_factory.mktemp("crowd"))
    database = open_database(settings)
    with database.session(EVERYWHERE) as session, session.begin():
        _people(session)
        crowd = furnish(session)
    database.engine.dispose()
    # Else the plans are made for empty tables until the server has counted by itself.
    owner = owner_engine(settings)
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    owner.dispose()
    with serving(settings) as url:
        yield url, crowd


def logged_in(browser: Browser, url: str, role: Role) -> BrowserContext:
    context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{url}/login?lang=en")
    page.fill("#email", f"{role}@example.org")
    page.fill("#password", PASSWORD)
    page.click("button[type=submit].primary")
    page.wait_for_url(lambda address: "/login" not in address)
    page.close()
    return context


def test_500_texts_in_every_field_stay_text(
    browser: Browser, watch: Watch, crowded: tuple[str, Crowd]
) -> None:
    url, crowd = crowded
    # The files of the photographs are not there; their notes are.
    watch.expected = ("status of 404",)
    reader = Reader(url, watch)
    here = f"/c/{PLACE}"
    secretary = logged_in(browser, url, Role.SECRETARY)
    reader.pages(
        secretary,
        "/places",
        "/account",
        f"{here}/cases",
        f"{here}/work",
        f"{here}/campaigns",
        f"{here}/campaigns/{crowd.campaign.id}",
        f"{here}/lanes",
        f"{here}/tips",
        f"{here}/sites",
        *(f"{here}/cases/{case.id}" for case in crowd.cases[::PER_CASE]),
    )
    for seen in crowd.observations[::PER_PANEL]:
        reader.pages(secretary, f"{here}/observations/{seen.id}")
    for parcel in crowd.parcels[::PER_PANEL]:
        page = reader.open(secretary, f"/map/{PLACE}", f"#parcel={parcel.id}")
        wait_for_map(page)
        page.wait_for_selector("#cg-detail-body .cg-facts")
        reader.read(page)
        page.close()
    secretary.close()
    admin = logged_in(browser, url, Role.ADMIN)
    reader.pages(admin, "/accounts")
    admin.close()
    met = {
        (table.__tablename__, name): reader.met[number]
        for number, (table, name) in enumerate(COLUMNS)
    }
    assert {key for key, rows in met.items() if not rows} == set(UNSHOWN)
    assert {key: len(rows) for key, rows in met.items() if 0 < len(rows) < COUNT} == {}
