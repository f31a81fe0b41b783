"""Where a list goes on, signed: a client hands it back and cannot make one up."""

import uuid
from dataclasses import astuple
from typing import Any

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from cases.case_list import Position, Sort
from gis.problems import InputError, Problem

_SALT = "cursor"


def write_cursor(position: Position, place: str, sort: Sort, descending: bool) -> str:
    """Return the cursor of the page after ``position``."""
    key, number, last = astuple(position)
    return str(_serializer().dumps([place, sort, descending, key, number, last.hex]))


def read_cursor(text: str, place: str, sort: Sort, descending: bool) -> Position:
    """Return where the page begins; raises ``InputError`` for a cursor of another list."""
    *of, key, number, last = _read(text, 6)
    if of != [place, sort, descending]:
        raise _foreign()
    return Position(key, number, uuid.UUID(last))


def write_place(of: str, *last: Any) -> str:
    """Return the cursor of the page of the list ``of`` after the row with the keys ``last``."""
    return str(_serializer().dumps([of, *last]))


def read_place(text: str, of: str, keys: int) -> list[Any]:
    """Return the keys after which the page begins; raises ``InputError`` as :func:`read_cursor`."""
    whose, *last = _read(text, keys + 1)
    if whose != of:
        raise _foreign()
    return last


def _read(text: str, length: int) -> list[Any]:
    """Return what a cursor of our own holds."""
    try:
        said = _serializer().loads(text)
    except BadSignature:
        said = []
    if len(said) != length:
        raise _foreign()
    return list(said)


def _foreign() -> InputError:
    message = "This cursor is none of this list in this order."
    remedy = "Take the cursor from `next`, or leave it out to begin at the start."
    return InputError([Problem("cursor", message, remedy, field="cursor")])


def _serializer() -> URLSafeSerializer:
    assert current_app.secret_key is not None
    return URLSafeSerializer(current_app.secret_key, salt=_SALT)
