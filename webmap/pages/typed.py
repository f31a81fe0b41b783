"""What somebody typed into a form of a case, in words: for whom another was faster."""

import datetime as dt
from collections.abc import Callable

from flask_babel import format_date, gettext
from sqlalchemy.orm import Session

from cases.models import Account
from webmap.forms import LONGEST_NUMBER, Filled
from webmap.words import word

# What a form sends beside what somebody typed or chose.
CARRIED = frozenset({"csrf_token", "form", "resend_key", "seen", "target", "version"})


def form_title(filled: Filled) -> str:
    """Return what the form was about to record."""
    titles: dict[str, str] = {
        "visit": gettext("A visit"),
        "lodge": gettext("An objection"),
        "decide": gettext("The decision of an objection"),
        "extend": gettext("A later deadline"),
        "answer": gettext("Another household answers"),
        "assignment": gettext("Who works on the case"),
        "difficulty": gettext("How hard the case is"),
        "patrol": gettext("A patrol"),
        "confirm": gettext("New ground is confirmed"),
        "withdraw": gettext("Withdraw an observation"),
    }
    target = filled.value("target")
    return word("move", target) if target else titles.get(filled.value("form"), "")


def typed(session: Session, filled: Filled) -> list[tuple[str, str]]:
    """Return the fields of the form that were filled in, each with its label.

    A field that has no label here is shown under its own name: nothing typed is kept back.
    """
    labels = _labels()
    names = [*labels, *(name for name in filled.values if name not in labels)]
    found = [
        (labels.get(name, name), _told(session, name, filled))
        for name in names
        if name in filled.values and name not in CARRIED
    ]
    return [(label, told) for label, told in found if told]


def decision_words() -> dict[str, str]:
    """Return what each decision on an objection is called."""
    return {
        "refused": gettext("Not upheld: the clock runs on"),
        "rejected": gettext("Upheld: the case is rejected"),
        "suspected": gettext("Upheld: verify the ground again"),
        "upheld": gettext("Upheld: its observation will be withdrawn"),
    }


def _labels() -> dict[str, str]:
    return {
        "outcome": gettext("Outcome"),
        "left": gettext("What is still occupied?"),
        "residual": gettext("Drawn on the map"),
        "structure_type": gettext("What stands there, if it is taken again"),
        "addressee": gettext("Referred to"),
        "authority": gettext("Which authority or court"),
        "inventory": gettext("Inventory"),
        "housekeeper": gettext("Housekeeper"),
        "inspector": gettext("Inspector"),
        "difficulty": gettext("Difficulty"),
        "is_remedial": gettext("The remedial team takes it"),
        "household": gettext("Household"),
        "observation": gettext("Observation"),
        "deadline_on": gettext("Deadline"),
        "next_on": gettext("Next visit"),
        "document": gettext("Document"),
        "grounds": gettext("What the household objects"),
        "reason": gettext("Reason or note"),
        "note": gettext("Note"),
    }


def _told(session: Session, name: str, filled: Filled) -> str:
    value = filled.value(name)
    form = filled.value("form")
    if name in {"housekeeper", "inspector"}:
        return _person(session, value)
    if not value:
        return ""
    tellers: dict[str, Callable[[str], str]] = {
        "deadline_on": _day,
        "next_on": _day,
        "structure_type": lambda kind: word("structure", kind),
        "addressee": _addressee,
        "left": _left,
        "residual": lambda _drawn: str(gettext("a polygon")),
        "is_remedial": lambda _ticked: str(gettext("yes")),
    }
    if name == "outcome":
        return decision_words().get(value, value) if form == "decide" else word("outcome", value)
    return tellers[name](value) if name in tellers else value


def _person(session: Session, value: str) -> str:
    if value == "lane":
        return str(gettext("as the lane says"))
    is_number = value.isascii() and value.isdigit() and len(value) < LONGEST_NUMBER
    account = session.get(Account, int(value)) if is_number and int(value) < 2**31 else None
    return str(gettext("nobody")) if account is None else account.name


def _day(value: str) -> str:
    try:
        return str(format_date(dt.date.fromisoformat(value), "medium"))
    except ValueError:
        return value


def _addressee(value: str) -> str:
    words: dict[str, str] = {
        "authority": gettext("The authority"),
        "owners_claim": gettext("The owners' own claim"),
    }
    return words.get(value, value)


def _left(value: str) -> str:
    words: dict[str, str] = {
        "nothing": gettext("Nothing is left"),
        "something": gettext("Something is left: draw it on the map of the case"),
        "clear": gettext("It is clear"),
        "same": gettext("It is taken again, as it was before"),
    }
    return words.get(value, value)
