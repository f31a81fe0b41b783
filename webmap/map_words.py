"""The words of the map, in a reader's language.

They are data: ``map_words.toml`` holds each key with its English text. The catalogues are
gettext's, domain ``map`` in ``translations``; English is the language of the source. They are
read without Flask, because an exported map is written from the command line too.
"""

import functools
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from babel.support import NullTranslations, Translations

Words = dict[str, str]

SOURCE = Path(__file__).with_name("map_words.toml")
TRANSLATIONS = Path(__file__).parent / "translations"
DOMAIN = "map"
CHINESE = "zh_Hans"


@functools.cache
def load_words(language: str) -> Words:
    """Return every word by its key; ``{name}`` in a text stands for a value.

    Any Chinese ``language`` is ``zh_Hans``, all else English.
    """
    locale = CHINESE if language.startswith("zh") else "en"
    catalogue: NullTranslations = Translations.load(TRANSLATIONS, [locale], DOMAIN)
    words = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    return {key: catalogue.gettext(text) for key, text in words.items()}


def extract_words(
    file: BinaryIO, _keywords: Any, _comment_tags: Any, **_options: Any
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Yield the texts of ``map_words.toml`` as Babel's extraction takes them, with their lines."""
    for number, line in enumerate(file.read().decode().splitlines(), start=1):
        for text in tomllib.loads(line).values():
            yield number, None, text, []
