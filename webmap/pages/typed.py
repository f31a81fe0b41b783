"""What somebody typed into a form of a case, in words: for whom another was faster."""

import datetime as dt

from flask_babel import format_date, gettext
from sqlalchemy.orm import Session

from cases.models import Account
from webmap.forms import LONGEST_NUMBER, Filled
from webmap.words import word


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
    }
    target = filled.value("target")
    return word("move", target) if target else titles.get(filled.value("form"), "")


def typed(session: Session, filled: Filled) -> list[tuple[str, str]]:
    """Return the fields of the form that were filled in, with their labels."""
    labels: dict[str, str] = {
        "outcome": gettext("Outcome"),
        "housekeeper": gettext("Housekeeper"),
        "inspector": gettext("Inspector"),
        "difficulty": gettext("Difficulty"),
        "household": gettext("Household"),
        "observation": gettext("Observation"),
        "deadline_on": gettext("Deadline"),
        "next_on": gettext("Next visit"),
        "document": gettext("Document"),
        "grounds": gettext("What the household objects"),
        "reason": gettext("Reason or note"),
        "note": gettext("Note"),
    }
    found = [(label, _told(session, name, filled)) for name, label in labels.items()]
    return [(label, told) for label, told in found if told]


def _told(session: Session, name: str, filled: Filled) -> str:
    if name not in filled.values:
        return ""
    value = filled.value(name)
    if name in {"housekeeper", "inspector"} and filled.value("form") == "assignment":
        return _person(session, value)
    if name in {"deadline_on", "next_on"}:
        return _day(value)
    if name == "outcome" and filled.value("form") == "visit":
        return word("outcome", value) if value else ""
    return "" if name == "outcome" else value


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
