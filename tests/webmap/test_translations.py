"""Every text of the pages is in the Chinese catalogue, and nothing else is."""

import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient

from layers.config import PROJECT_ROOT, Settings
from tests.webmap.conftest import web_settings
from webmap.app import create_app

TRANSLATIONS = PROJECT_ROOT / "webmap" / "translations"
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def texts_of_the_pages() -> set[str]:
    with (PROJECT_ROOT / "babel.cfg").open() as config:
        methods, options = parse_mapping_cfg(config)  # type: ignore[no-untyped-call]
    found = extract_from_dir(PROJECT_ROOT / "webmap", methods, options)
    return {one[2][0] if isinstance(one[2], tuple) else one[2] for one in found}


def catalogue() -> Catalog:
    with (TRANSLATIONS / "zh_Hans" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale="zh_Hans", abort_invalid=True)


def test_every_text_has_its_chinese_and_no_text_is_left_over() -> None:
    texts = texts_of_the_pages()
    assert len(texts) > 30
    translated = {
        one.id[0] if isinstance(one.id, tuple) else one.id
        for one in catalogue()
        if one.id and one.string and not one.fuzzy
    }
    assert texts - translated == set()
    assert translated - texts == set()


def forms(text: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def test_a_translation_keeps_its_values() -> None:
    for one in catalogue():
        wanted = set(PLACEHOLDER.findall(forms(one.id)[0])) if one.id else set()
        for text in forms(one.string) if one.id else ():
            assert set(PLACEHOLDER.findall(text)) == wanted, one.id


def test_a_page_speaks_chinese_throughout(settings: Settings, tmp_path: Path) -> None:
    app: Flask = create_app(web_settings(settings, tmp_path))
    client: FlaskClient = app.test_client()
    for address in ("/login", "/nothing"):
        page = client.get(address, headers={"Accept-Language": "zh-CN"}).text
        body = re.sub(r"<head>.*?</head>|<[^>]+>", " ", page, flags=re.DOTALL)
        # The name of the other language is in that language.
        assert re.findall(r"[A-Za-z]{2,}", body) == ["English"], address
