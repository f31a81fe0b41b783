"""The words of enumerations and problems, for templates."""

import enum
from collections.abc import Iterable

from flask import Flask, current_app
from flask_babel import gettext

from cases.workflow import STATUS_OF
from webmap.languages import current_language
from webmap.map_words import load_words
from webmap.problem_words import problem_text


def init_words(app: Flask) -> None:
    """Give templates the words that the map uses too."""
    app.add_template_global(word)
    app.add_template_global(words)
    app.add_template_global(words_of)
    app.add_template_global(listed)
    app.add_template_global(problem_text)
    app.add_template_global(STATUS_OF.__getitem__, "status_of")
    app.add_template_test(is_endpoint, "endpoint")


def word(family: str, value: enum.StrEnum | str) -> str:
    """Return the word of an enumeration's value, or the value where there is none."""
    return load_words(current_language()).get(f"{family}.{value}", str(value))


def words(family: str, values: Iterable[enum.StrEnum]) -> list[tuple[str, str]]:
    """Return the values of an enumeration with their words, to choose from."""
    return [(value.value, word(family, value)) for value in values]


def words_of(family: str, values: Iterable[enum.StrEnum | str]) -> str:
    """Return the words of several values of an enumeration, as a list to read."""
    return listed(word(family, value) for value in values)


def listed(texts: Iterable[str]) -> str:
    """Return texts one after the other, as the reader's language parts them."""
    return str(gettext(", ")).join(texts)


def is_endpoint(name: str) -> bool:
    """Tell whether the application has a page of that name."""
    return name in current_app.view_functions
