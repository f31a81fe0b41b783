"""Folium's shell is constant, loads our own files only, and sees no text of anybody."""

import html
import json
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask import Flask

from cases.access import Role
from cases.models import (
    AnswerBasis,
    BodyKind,
    Channel,
    FindingKind,
    OrderOfWork,
    PhotographSubject,
    VisitOutcome,
)
from cases.workflow import Document, State, Status
from layers.config import PROJECT_ROOT
from layers.db import EVERYWHERE
from layers.features import MapPlace
from layers.models import (
    LinkMethod,
    LinkRole,
    ParcelKind,
    SiteKind,
    SiteState,
    StructureType,
    TitleBasis,
)
from tests import builders
from tests.webmap.conftest import Web
from webmap.field_words import FIELD
from webmap.map_words import MAP, load_words
from webmap.shell import SCRIPTS, STYLES, build_shell, render_map_page
from webmap.toml_words import CHINESE, TRANSLATIONS, WordList

STATIC = PROJECT_ROOT / "webmap" / "static"
HOSTILE = ["{{7*7}}", "</script><script>alert(1)</script>", "${alert(1)}", "<!--", "\u2028'\"\\"]
NONCE = "a-nonce"


def sources(folder: str, ending: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in (STATIC / folder).glob(f"*.{ending}")}


def place(name: str = "Spring Garden") -> MapPlace:
    bounds = (122.19, 37.39, 122.21, 37.41)
    return MapPlace("spring-garden", name, "community", bounds, None, None, 4550)


def render(app: Flask, name: str) -> str:
    with app.test_request_context("/map/spring-garden"):
        return render_map_page(place(name), "en", NONCE, "a-token")


def block(page: str, name: str) -> object:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.S)
    assert found, name
    return json.loads(found.group(1))


def test_the_shell_is_the_same_each_time() -> None:
    first = build_shell()
    build_shell.cache_clear()
    assert build_shell() == first


def test_the_shell_loads_files_that_we_serve() -> None:
    shell = build_shell()
    for path in (*shell.scripts, *shell.styles):
        assert (STATIC / "vendor" / path).is_file(), path
    assert "//" not in shell.html + shell.script


def test_the_shell_needs_no_eval() -> None:
    shell = build_shell()
    own = [STATIC / "js" / path for path in SCRIPTS]
    for path in [*own, *(STATIC / "vendor" / path for path in shell.scripts)]:
        assert not re.search(r"\beval\(|new Function\(", path.read_text()), path.name


def test_every_script_and_style_of_the_map_is_loaded() -> None:
    assert set(sources("js", "js")) == set(SCRIPTS)
    assert {name for name in sources("css", "css") if name.startswith("map")} == set(STYLES)


def test_no_script_parses_markup() -> None:
    for name, text in sources("js", "js").items():
        ways = r"\.(inner|outer)HTML\s*=|insertAdjacentHTML|document\.write|DOMParser|bindPopup"
        assert not re.search(ways, text), name


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_on_the_page(web: Web, name: str) -> None:
    page = render(web.app, name)
    config = block(page, "map-config")
    assert isinstance(config, dict)
    assert config["place"]["name"] == name
    harmless = render(web.app, "A")
    assert page.count("<script") == harmless.count("<script")
    assert page.count("</script") == harmless.count("</script")
    title = re.search(r"<h1>(.*?)</h1>", page, re.S)
    assert title
    assert html.unescape(title.group(1)) == name


def test_every_script_that_runs_carries_the_nonce(web: Web) -> None:
    tags = re.findall(r"<script[^>]*>", render(web.app, "A"))
    running = [tag for tag in tags if "application/json" not in tag]
    assert len(running) == len(SCRIPTS) + len(build_shell().scripts) + 1
    assert [tag for tag in running if f'nonce="{NONCE}"' not in tag] == []


def test_the_page_asks_nobody_else(web: Web) -> None:
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', render(web.app, "A"))
    assert [one for one in addresses if not one.startswith(("/", "#", "?"))] == []


def test_the_page_costs_the_same_for_any_number_of_parcels(web: Web) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        for code, number in (("few-parcels", 3), ("lots-of-them", 441)):
            made = builders.community(
                session, code=code, name="A compound", boundary=builders.square(size=50)
            )
            for index in range(number):
                builders.parcel(session, made, builders.square(index % 40, index // 40))
    client = web.login(Role.PLANNER)
    few, lots = (client.get(f"/map/{code}?lang=en") for code in ("few-parcels", "lots-of-them"))
    assert few.status_code == lots.status_code == 200
    assert plain(few.text) == plain(lots.text).replace("lots-of-them", "few-parcels")


def plain(page: str) -> str:
    """Return a page without what differs between two visits."""
    page = re.sub(r'nonce="[^"]*"', "", page)
    return re.sub(r'(csrf[-_]token"? (?:content|value)=|"csrf": )"[^"]*"', "", page)


def test_every_word_that_a_script_says_is_there() -> None:
    words = load_words("en")
    said = "".join([*sources("js", "js").values(), body()])
    named = set(re.findall(r'CG\.word\(\s*"([^"]+)"', said))
    for one, other in re.findall(r"""words\["([\w.]+)"\]|words\['([\w.]+)'\]""", said):
        named.add(one or other)
    assert sorted(named - set(words)) == []


def body() -> str:
    folder = STATIC.parent / "templates"
    return "".join((folder / name).read_text() for name in ("map.html", "map_body.html"))


@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        ("status", Status),
        ("state", State),
        ("move", State),
        ("document", Document),
        ("kind", [*ParcelKind, *SiteKind]),
        ("title", [*TitleBasis, "disputed"]),
        ("structure", StructureType),
        ("role", LinkRole),
        ("method", LinkMethod),
        ("basis", AnswerBasis),
        ("finding", FindingKind),
        ("siteState", SiteState),
        ("body", BodyKind),
        ("order", OrderOfWork),
        ("subject", PhotographSubject),
        ("channel", Channel),
        ("paper", Document),
        ("outcome", VisitOutcome),
        ("found", ["building", "household", "parcel", "case", "community"]),
    ],
)
def test_every_value_has_a_word(family: str, kinds: list[str]) -> None:
    words = load_words("en")
    assert [kind for kind in kinds if f"{family}.{kind}" not in words] == []


@pytest.mark.parametrize("words", [MAP, FIELD], ids=lambda words: words.domain)
def test_the_words_are_extracted_as_they_are_said(words: WordList) -> None:
    with (PROJECT_ROOT / f"babel-{words.domain}.cfg").open() as config:
        methods, options = parse_mapping_cfg(config)  # type: ignore[no-untyped-call]
    found = extract_from_dir(PROJECT_ROOT / "webmap", methods, options)
    extracted = [(file, text) for file, _line, text, *_rest in found]
    assert {Path(file).name for file, _text in extracted} == {one.name for one in words.files}
    assert {text for _file, text in extracted} == set(words.source().values())


@pytest.mark.parametrize("words", [MAP, FIELD], ids=lambda words: words.domain)
def test_every_word_is_translated_and_keeps_its_values(words: WordList) -> None:
    with (TRANSLATIONS / CHINESE / "LC_MESSAGES" / f"{words.domain}.po").open("rb") as file:
        catalogue = read_po(file)
    texts = set(words.source().values())
    assert {str(one.id) for one in catalogue if one.id} - texts == set()
    for text in texts:
        message = catalogue.get(text)
        assert message is not None, text
        assert message.string, text
        assert fields(str(message.string)) == fields(text), text


def fields(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_words_come_in_the_language_of_the_reader() -> None:
    assert load_words("en")["status.cleared"] == "Cleared"
    assert load_words("zh_Hans")["status.cleared"] == "已清理"
    assert load_words("zh-CN") == load_words("zh_Hans")
