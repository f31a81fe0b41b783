"""Where a list goes on, signed: a client hands it back and cannot make one up."""

import uuid
from dataclasses import astuple

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
    try:
        *of, key, number, last = _serializer().loads(text)
    except BadSignature:
        of = []
    if of != [place, sort, descending]:
        message = "This cursor is none of this list in this order."
        remedy = "Take the cursor from `next`, or leave it out to begin at the start."
        raise InputError([Problem("cursor", message, remedy, field="cursor")])
    return Position(key, number, uuid.UUID(last))


def _serializer() -> URLSafeSerializer:
    assert current_app.secret_key is not None
    return URLSafeSerializer(current_app.secret_key, salt=_SALT)
