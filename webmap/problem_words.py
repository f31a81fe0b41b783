"""Problems in the language of the page: the same facts in a translated sentence."""

import datetime as dt
import enum
from functools import lru_cache
from gettext import NullTranslations
from typing import Any

from babel.dates import format_date
from babel.support import Translations

from cases.flag_write import NOTES
from cases.models import VisitOutcome
from cases.workflow import Document, State
from gis.problems import Problem, Said, Several
from layers.models import SiteState
from webmap.languages import current_language
from webmap.map_words import load_words
from webmap.toml_words import CHINESE, TRANSLATIONS

DOMAIN = "problems"
# Which words of the pages name the values of an enumeration.
FAMILIES: dict[type[enum.StrEnum], str] = {
    State: "state",
    Document: "paper",
    VisitOutcome: "outcome",
    SiteState: "siteState",
}
# Facts that are words of ours and no enumeration: what a field or a thing is called.
NAMED = frozenset({"field", "kind", "kind2", "name", "noun", "attr", "state", "role"})


def problem_text(problem: Problem, language: str = "") -> str:
    """Return what is wrong and what to do, in the language of the page or in ``language``."""
    language = language or current_language()
    parts = [told(problem.message, language), told(problem.remedy, language)]
    joint = "" if language == CHINESE else " "
    return joint.join(part for part in parts if part)


def told(sentence: str, language: str) -> str:
    """Return a sentence in ``language``; what no catalogue holds stays as it is."""
    if language != CHINESE:
        return str(sentence)
    catalogue = _catalogue()
    if not isinstance(sentence, Said):
        return catalogue.gettext(sentence) if sentence else ""
    facts = {name: _fact(name, value, language) for name, value in sentence.values.items()}
    return catalogue.gettext(sentence.template).format(**facts)


def event_note(note: str) -> str:
    """Return a person's note of an event as it was written, flagging's in the page's language."""
    return told(note, current_language()) if note in NOTES else note


@lru_cache(maxsize=1)
def _catalogue() -> NullTranslations:
    return Translations.load(TRANSLATIONS, [CHINESE], DOMAIN)


def _fact(name: str, value: Any, language: str) -> Any:
    if isinstance(value, Several):
        return "、".join(str(_fact(name, one, language)) for one in value)
    if isinstance(value, Said):
        return told(value, language)
    if isinstance(value, enum.StrEnum):
        key = f"{FAMILIES.get(type(value), '')}.{value}"
        return load_words(language).get(key) or _catalogue().gettext(str(value))
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return format_date(value, "long", locale=language)
    if name in {"message", "fault"} or (name in NAMED and isinstance(value, str)):
        return _catalogue().gettext(value) if value else value
    return value
