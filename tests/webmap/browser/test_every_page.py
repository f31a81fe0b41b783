"""What holds on every page: WCAG 2.2 A and AA, 360 pixels, Chinese throughout, styled at once."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from cases.access import Role
from layers.config import PROJECT_ROOT
from tests.webmap.browser.addresses import Address, every_page
from tests.webmap.browser.conftest import DESK, SEATED, Seats, Site, Watch, wait_for_map
from tests.webmap.browser.conftest import address as address_of
from tests.webmap.conftest import PASSWORD
from webmap.app import create_app
from webmap.gates import Open, gate_of

AXE = PROJECT_ROOT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NARROW = {"width": 360, "height": 740}
# English on Chinese pages that is no text of ours: names of things, and what the compound
# of the tests calls its own.
NAMES = frozenset(
    [
        "API",
        "CSV",
        "DOCX",
        "EPSG",
        "English",
        "JPEG",
        "JSON",
        "OpenAPI",
        "PDF",
        "PNG",
        "QGIS",
        "SHA",
        "Shift",
        "WebP",
        "XLSX",
        "ZIP",
        "docx",
        "kW",
    ]
)
DATA = re.compile(
    r"Spring.Garden|Spa.town|hostile|moving|editing|script|alert|Surveyors|garden|Plan of|register"
    r"|\b(seen|because|Ana|Bo|No|B)\b|" + "|".join(SEATED),
    re.IGNORECASE,
)
# Every text that is read or heard, of what is folded away as well.
TEXTS = """() => {
    const texts = [document.title];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const at = walk.currentNode.parentElement;
        if (!at.closest("script, style, noscript, code, pre, .leaflet-control-scale"))
            texts.push(walk.currentNode.data);
    }
    for (const name of ["aria-label", "aria-description", "title", "placeholder", "alt"])
        for (const one of document.querySelectorAll(`[${name}]`))
            texts.push(one.getAttribute(name));
    return texts.join("\\n");
}"""
CODES = re.compile(
    r"\S+@\S+"  # addresses of people
    r"|\b[\w-]*\d[\w-]*\b"  # numbers of cases, parcels and papers
)
# Answers to programs, files, a page that only leads on, and those within a log-in under way.
NO_PAGES = frozenset(
    [
        "cases.case_list_csv",
        "cases.case_list_xlsx",
        "field.manifest",
        "field.session",
        "field.words",
        "field.worker",
        "household.paper",
        "health.live",
        "health.ready",
        "pages.home",
        "papers.download",
        "photographs.copy",
        "photographs.original",
        "security.mf_recovery",
        "security.two_factor_token_validation",
        "static",
        "submissions.import_form",
    ]
)
OpenAddress = Callable[..., Page]
EACH = pytest.mark.parametrize("address", every_page(), ids=str)


@pytest.fixture
def open_address(site: Site, seats: Seats, watch: Watch) -> Iterator[OpenAddress]:
    """Open a page as whoever its line names, with everything unfolded."""
    pages: list[Page] = []
    strangers: list[BrowserContext] = []
    # What is not there is answered with 404, and refused forms with 422.
    watch.expected = ("status of 404", "status of 422")

    def open_(address: Address, language: str = "en", viewport: Any = DESK) -> Page:
        if address.role is None:
            strangers.append(seats.browser.new_context())
            page = strangers[-1].new_page()
        else:
            page = seats.of(address.role, phone=False, permissions=()).new_page()
        pages.append(page)
        page.set_default_timeout(10_000)
        page.set_viewport_size(viewport)
        watch.over(page)
        page.goto(f"{site.url}{address.at(site, language)}")
        if address.has_map:
            wait_for_map(page)
        page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
        return page

    yield open_
    for page in pages:
        page.close()
    for context in strangers:
        context.close()


def violations(page: Page) -> list[str]:
    """Return what axe finds on a page as it stands."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "rules => axe.run(document, { runOnly: { type: 'tag', values: rules } })", RULES
    )
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def english(page: Page) -> set[str]:
    """Return the English words of a page that are nobody's name."""
    text = DATA.sub(" ", CODES.sub(" ", page.evaluate(TEXTS)))
    return set(re.findall(r"[A-Za-z]{2,}", text)) - NAMES


@EACH
def test_a_page_bars_nobody_and_is_styled_before_it_is_shown(
    open_address: OpenAddress, address: Address
) -> None:
    page = open_address(address)
    assert violations(page) == []
    # A style sheet in the head holds the first picture back; one further down does not.
    late = "body link[rel=stylesheet], link[rel=stylesheet][onload], link[media=print], body style"
    assert page.locator("head link[rel=stylesheet]").count() > 0
    assert page.locator(late).count() == 0


@EACH
def test_a_page_fits_360_pixels_bars_nobody_there_and_speaks_chinese(
    open_address: OpenAddress, address: Address
) -> None:
    page = open_address(address, "zh_Hans", NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    assert violations(page) == []
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert english(page) == set()


def test_english_that_is_left_is_found(open_address: OpenAddress) -> None:
    page = open_address(Address(None, "/login"), "zh_Hans")
    page.evaluate("document.querySelector('h1').textContent = 'Log in'")
    page.evaluate("document.querySelector('#email').placeholder = 'Your address'")
    assert english(page) == {"Log", "in", "Your", "address"}


def test_a_fault_is_found(open_address: OpenAddress) -> None:
    page = open_address(Address(None, "/login"))
    page.evaluate("document.querySelector('label[for=email]').remove()")
    assert any(one.startswith("label:") for one in violations(page))


def test_every_page_is_listed(site: Site) -> None:
    app = create_app(site.settings)
    routes = app.url_map.bind("127.0.0.1")
    listed = {
        routes.match(re.sub(r"\?.*", "", address.at(site, "en")))[0]
        for address in every_page()
        if address.path != "/nothing"
    }
    endpoints = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ())
        and not rule.rule.startswith(("/api/", "/tiles/"))
        and gate_of(app, rule.endpoint) is not Open.CLOSED
    }
    assert endpoints - listed == NO_PAGES


def test_a_form_that_is_refused_speaks_chinese_and_bars_nobody(
    open_address: OpenAddress,
) -> None:
    page = open_address(Address(Role.INSPECTOR, "/c/{place}/cases/{case:suspected}"), "zh_Hans")
    pretends = FilePayload(name="1", mimeType="image/jpeg", buffer=b"<svg>")
    page.set_input_files("#shots-photographs", pretends)
    page.fill("#shots-latitude", "100")
    page.locator("form:has(#shots-photographs) button[type=submit]").click()
    expect(page.locator("#shots-photographs[aria-invalid=true]")).to_be_visible()
    expect(page.locator("#shots-subject[aria-invalid=true]")).to_be_visible()
    assert english(page) == set()
    assert violations(page) == []


def test_the_keyboard_alone_logs_in_and_makes_a_step(site: Site, seats: Seats) -> None:
    context = seats.browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{site.url}/login?lang=en")
    # The page takes the focus with its first picture, which may come after it has loaded.
    expect(page.locator("#email")).to_be_focused()
    page.keyboard.type(address_of(Role.SECRETARY))
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto(f"{site.url}{Address(None, '/c/{place}/cases').at(site, 'en')}")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    tab_to(page, ".table tbody a")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/cases/[0-9a-f-]{36}"))
    tab_to(page, "details.fold > summary")
    page.keyboard.press("Enter")
    tab_to(page, "details.fold[open] :is(input, textarea, select):not([type=hidden])")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    context.close()


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is on what is meant; fail where it never comes there."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("one => document.activeElement.matches(one)", selector):
            return
    pytest.fail(f"the keyboard does not reach {selector}")


def test_a_case_prints_without_what_only_a_screen_needs(open_address: OpenAddress) -> None:
    page = open_address(Address(Role.INSPECTOR, "/c/{place}/cases/{case:accepted}"))
    page.emulate_media(media="print")
    for gone in (".bar", ".tasks", ".page-tools", ".case-steps", ".fold", ".leaflet-control"):
        for one in page.locator(gone).all():
            expect(one).to_be_hidden()
    for kept in ("h1", "#case-map svg", "#history", "#ground"):
        expect(page.locator(kept).first).to_be_visible()
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))) <= 2
    # The map is drawn anew for the width of the paper, 182 mm, and again for the screen.
    width = "() => document.querySelector('#case-map').clientWidth"
    page.emulate_media(media="screen")
    before = page.evaluate(width)
    page.evaluate("() => { window.dispatchEvent(new Event('beforeprint')); }")
    assert page.evaluate("() => window.caseMap.getSize().x") == pytest.approx(688, abs=3)
    page.evaluate("() => { window.dispatchEvent(new Event('afterprint')); }")
    assert page.evaluate("() => window.caseMap.getSize().x") == before
