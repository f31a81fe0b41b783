"""Words that are data: TOML files of keys and English texts, translated by gettext catalogues.

English is the language of the source. They are read without Flask, because an exported map is
written from the command line, and a phone gets all words at once.
"""

import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from babel.support import NullTranslations, Translations

Words = dict[str, str]

TRANSLATIONS = Path(__file__).parent / "translations"
CHINESE = "zh_Hans"


@dataclass(frozen=True)
class WordList:
    """Words of one catalogue: the gettext ``domain``, and the files that hold them."""

    domain: str
    files: tuple[Path, ...]

    def load(self, language: str) -> Words:
        """Return every word by its key; ``{name}`` in a text stands for a value.

        Any Chinese ``language`` is ``zh_Hans``, all else English.
        """
        return _load(self, CHINESE if language.startswith("zh") else "en")

    def source(self) -> Words:
        """Return the English text of each key; a key stands in one file alone."""
        words: Words = {}
        for file in self.files:
            mine = tomllib.loads(file.read_text(encoding="utf-8"))
            if twice := words.keys() & mine.keys():
                raise ValueError(f"{file.name} has words of another file: {sorted(twice)}")
            words |= mine
        return words


@functools.cache
def _load(words: WordList, locale: str) -> Words:
    catalogue: NullTranslations = Translations.load(TRANSLATIONS, [locale], words.domain)
    return {key: catalogue.gettext(text) for key, text in words.source().items()}


def extract_words(
    file: BinaryIO, _keywords: Any, _comment_tags: Any, **_options: Any
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Yield the texts of a file as Babel's extraction takes them, with their lines."""
    for number, line in enumerate(file.read().decode().splitlines(), start=1):
        for text in tomllib.loads(line).values():
            yield number, None, text, []
