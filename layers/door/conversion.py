"""The values of a delivery in our fields, with everything that is wrong with them.

All faults are found at once, by row and field. Text is text: nothing in it is
run, parsed or unescaped (SAFETY, finding 1).
"""

import datetime as dt
import math
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gis.problems import Problem
from layers.door.kinds import SYNONYMS, Field, Kind, Type, Value
from layers.files.delivery import Notice, row_list
from layers.files.naming import make_table, nearest
from layers.files.tables import PLACE_FIELDS
from layers.files.writing import SHAPEFILE_NAMES
from layers.models import SiteState

_COMPUTED = frozenset({"area_m2", "geometry", "geom"})
_TRUE = frozenset({"true", "t", "yes", "y", "1", "是", "有"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "否", "无"})
_DAY = re.compile(
    r"(\d{4})(?:[-/.年])(\d{1,2})(?:[-/.月])(\d{1,2})日?(?:[T ].*)?|(\d{4})(\d{2})(\d{2})"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_LINE_BREAK = re.compile("[\t\r\n]")
_LOST = "\ufffd"


@dataclass(frozen=True)
class Converted:
    """The values of a delivery in our fields, with the types that the tables have.

    ``table`` has every field of the kind as an object column, ``None`` where
    there is no value, indexed by row; ``given`` are those that the file holds.
    """

    table: pd.DataFrame
    given: frozenset[str]
    problems: tuple[Problem, ...]
    notices: tuple[Notice, ...]


def convert(kind: Kind, table: pd.DataFrame, mapped: Mapping[str, str]) -> Converted:
    """Give a delivery's columns the types of ``kind``, and say everything that is wrong with them.

    ``table`` is indexed by row, ``mapped`` are the fields that a person mapped.
    A column is ours if it has our name, whatever the case of its letters, or
    the short name that a shapefile has for it.
    """
    columns = {field.name: _column_of(field, table) for field in kind.fields}
    problems = [*_unknown_fields(kind, mapped), *_absent(kind, columns, table, mapped)]
    notices = list(_remarks(kind, columns, table))
    made: dict[str, Any] = {}
    refused: dict[str, set[int]] = {}
    for field in kind.fields:
        values = np.full(len(table), None, dtype=object)
        source = columns[field.name]
        if source is not None:
            values, wrong, refused[field.name] = _values(field, table[source])
            if field.type is Type.IDENTIFIER and wrong and all(value is None for value in values):
                text = f"Column {source!r} holds no UUIDs; the rows get new identifiers."
                notices.append(Notice("id_ignored", text))
                wrong = []
            problems += wrong
        notices += _damaged(field, values, table.index)
        made[field.name] = _with_default(field, values)
    result = make_table(made, len(table))
    result.index = table.index
    _derive(kind, result, notices)
    problems += _row_rules(kind, result, columns, refused)
    given = frozenset(name for name, source in columns.items() if source is not None)
    return Converted(result, given, tuple(problems), tuple(notices))


def _column_of(field: Field, table: pd.DataFrame) -> Any:
    """Return the column that holds a field, ``None`` where there is none."""
    names = [name for name in table.columns if name != "geometry"]
    if field.name in names:
        return field.name
    for wanted in (field.name, SHAPEFILE_NAMES.get(field.name, field.name)):
        alike = [name for name in names if str(name).lower() == wanted]
        if len(alike) == 1:
            return alike[0]
    return None


def _unknown_fields(kind: Kind, mapped: Mapping[str, str]) -> list[Problem]:
    ours = [field.name for field in kind.fields]
    problems = []
    for name in mapped:
        if name not in ours and name not in PLACE_FIELDS:
            text = f"There is no field {name!r} of {kind.name}; there are {', '.join(ours)}."
            remedy = nearest(name, ours, "Leave it out.")
            problems.append(Problem("field_unknown", text, remedy, field=name))
    return problems


def _absent(
    kind: Kind, columns: Mapping[str, Any], table: pd.DataFrame, mapped: Mapping[str, str]
) -> list[Problem]:
    """Return required fields that no column holds; a column named in vain is reported already."""
    problems = []
    for field in kind.fields:
        held = columns[field.name] is not None or _composed(kind, field, columns)
        if held or not field.required or mapped.get(field.name):
            continue
        theirs = ", ".join(str(name) for name in table.columns if name != "geometry") or "none"
        text = f"No column holds {field.name}; the file has {theirs}."
        ways = (
            f"--field {field.name}=COLUMN, or --field {field.name}==TEXT for the same in all rows"
        )
        remedy = f"Name it: {ways}{', or --field ref=# to number them' * (field.name == 'ref')}."
        problems.append(Problem("field_missing", text, remedy, field=field.name))
    if kind.name == "households" and not (columns["ground_floor"] or columns["floor"]):
        text = "No column holds ground_floor or floor."
        remedy = "Name one: --field floor=COLUMN, or --field ground_floor==true."
        problems.append(Problem("field_missing", text, remedy, field="ground_floor"))
    return problems


def _composed(kind: Kind, field: Field, columns: Mapping[str, Any]) -> bool:
    """Whether a household's ref can be made of building, unit and room."""
    parts = ("building", "unit", "room")
    return kind.name == "households" and field.name == "ref" and all(columns[p] for p in parts)


def _remarks(kind: Kind, columns: Mapping[str, Any], table: pd.DataFrame) -> list[Notice]:
    """Say which columns are not used and which defaults stand for missing ones."""
    notices = []
    used = {name for name in columns.values() if name is not None}
    idle = [str(n) for n in table.columns if n not in used and str(n).lower() not in _COMPUTED]
    if idle:
        text = f"Not used: {', '.join(idle[:20])}{' and more' * (len(idle) > 20)}."
        notices.append(Notice("columns_unused", text))
    for field in kind.fields:
        if field.type is Type.CHOICE and field.default and columns[field.name] is None:
            text = f"No column holds {field.name}: all {kind.name} are taken as {field.default}."
            notices.append(Notice("default_taken", text))
    return notices


def _values(
    field: Field, column: pd.Series
) -> tuple[np.ndarray[Any, Any], list[Problem], set[int]]:
    """Convert one column; what cannot be converted is ``None``, a problem, and its row."""
    convert_one = _CONVERTERS[field.type]
    values = np.full(len(column), None, dtype=object)
    wrong: dict[tuple[str, str], list[int]] = {}
    for at, value in enumerate(column):
        if _is_blank(value):
            continue
        try:
            values[at] = convert_one(field, value)
        except ValueError as error:
            wrong.setdefault((_shown(value), str(error)), []).append(int(column.index[at]))
    problems = [_wrong(field, shown, reason, rows) for (shown, reason), rows in wrong.items()]
    return values, problems, {row for rows in wrong.values() for row in rows}


def _shown(value: Any) -> str:
    return str(value) if len(str(value)) <= 60 else f"{str(value)[:57]}..."


def _wrong(field: Field, shown: str, reason: str, rows: list[int]) -> Problem:
    """Return one problem for all rows that have the same wrong value."""
    row = rows[0]
    text = f"{shown!r} {reason}.{row_list(rows[1:]).replace('Row', 'So in row')}"
    if field.type is Type.CHOICE:
        known = ", ".join(field.choices)
        remedy = f"Use one of {known}, or give all rows one: --field {field.name}==VALUE."
        return Problem("value_unknown", text, remedy, row, field.name)
    code = "text_control" if field.type in (Type.TEXT, Type.NOTE) else "value_wrong"
    remedy = f"Correct it in the file; {field.name} is a {field.type.value}."
    return Problem(code, text, remedy, row, field.name)


def _damaged(field: Field, values: np.ndarray[Any, Any], index: pd.Index) -> list[Notice]:
    """Say where text holds the mark that stands for what an earlier program could not read."""
    rows = [int(row) for row, value in zip(index, values, strict=True) if _LOST in str(value)]
    text = f"Text of {field.name} was damaged before it was saved: it holds {_LOST!r}."
    return [Notice("text_damaged", text, tuple(rows))] if rows else []


def _is_blank(value: Any) -> bool:
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _text(field: Field, value: Any) -> str:
    text = _plain(value)
    if match := _CONTROL.search(text):
        raise ValueError(f"holds the control character U+{ord(match.group()):04X}")
    if field.type is not Type.NOTE and _LINE_BREAK.search(text):
        raise ValueError("holds a tab or a line break")
    if len(text) > field.longest:
        raise ValueError(f"has {len(text):,} characters, more than {field.longest}")
    return text


def _plain(value: Any) -> str:
    """Return a value as the text a person would see in the table."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def _number(field: Field, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError("is not a number") from error
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    if not field.least <= number <= field.most:
        raise ValueError(f"is not between {field.least:g} and {field.most:g}")
    return number


def _whole(field: Field, value: Any) -> int:
    number = _number(field, value)
    if not number.is_integer():
        raise ValueError("is not a whole number")
    return int(number)


def _yes_no(field: Field, value: Any) -> bool:
    word = _plain(value).lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("is neither yes nor no")
    return word in _TRUE


def _day(field: Field, value: Any) -> dt.date:
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    match = _DAY.fullmatch(_plain(value))
    if match is None:
        raise ValueError("is not a date such as 2022-03-01")
    year, month, day = (int(part) for part in match.groups() if part is not None)
    try:
        found = dt.date(year, month, day)
    except ValueError as error:
        raise ValueError("is not a day of the calendar") from error
    if not 1949 <= year <= 2100:
        raise ValueError("is not between 1949 and 2100")
    return found


def _word(field: Field, value: Any) -> str:
    word = _plain(value)
    word = SYNONYMS.get(word, word.lower())
    if word not in field.choices:
        raise ValueError(f"is no {field.name}")
    return word


def _identifier(field: Field, value: Any) -> uuid.UUID:
    try:
        return uuid.UUID(_plain(value))
    except ValueError as error:
        raise ValueError("is no UUID") from error


_CONVERTERS: Mapping[Type, Callable[[Field, Any], Value]] = {
    Type.TEXT: _text,
    Type.NOTE: _text,
    Type.WHOLE: _whole,
    Type.NUMBER: _number,
    Type.YES_NO: _yes_no,
    Type.DAY: _day,
    Type.CHOICE: _word,
    Type.IDENTIFIER: _identifier,
}


def _with_default(field: Field, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if field.default is not None:
        values[[value is None for value in values]] = field.default
    return values


def _derive(kind: Kind, table: pd.DataFrame, notices: list[Notice]) -> None:
    """Fill what follows from other fields: a household's ref, and whether it is at ground level.

    The ground floor is floor 1, as floors are counted in China.
    """
    if kind.name != "households":
        return
    parts = [table[name] for name in ("building", "unit", "room")]
    open_refs = [ref is None for ref in table["ref"]]
    made = [
        "-".join(values) if missing and None not in values else ref
        for ref, missing, *values in zip(table["ref"], open_refs, *parts, strict=True)
    ]
    if any(open_refs) and any(ref is not None for ref in made):
        text = "Households without a ref are named building-unit-room, such as 12-1-101."
        notices.append(Notice("ref_composed", text))
    table["ref"] = pd.Series(made, index=table.index, dtype=object)
    ground = [
        floor == 1 if known is None and floor is not None else known
        for known, floor in zip(table["ground_floor"], table["floor"], strict=True)
    ]
    table["ground_floor"] = pd.Series(ground, index=table.index, dtype=object)


def _row_rules(
    kind: Kind,
    table: pd.DataFrame,
    columns: Mapping[str, Any],
    refused: Mapping[str, set[int]],
) -> list[Problem]:
    problems = []
    needed = [field.name for field in kind.fields if field.required and columns[field.name]]
    if kind.name == "households":
        needed += ["ground_floor"] if columns["ground_floor"] or columns["floor"] else []
        needed += ["ref"] if not columns["ref"] and columns["room"] else []
    for name in needed:
        for row in table.index[[value is None for value in table[name]]]:
            if row not in refused.get(name, ()):
                text = f"The row has no {name}."
                problems.append(Problem("value_missing", text, "Fill it in.", int(row), name))
    for name in ("id", "ref"):
        problems += _repeated(table[name])
    if kind.name == "sites":
        built = [
            s == SiteState.BUILT and d is None
            for s, d in zip(table["state"], table["built_on"], strict=True)
        ]
        for row in table.index[built]:
            text, remedy = "A built site has the day it was built.", "Fill in built_on."
            problems.append(Problem("value_missing", text, remedy, int(row), "built_on"))
    return problems


def _repeated(column: pd.Series) -> list[Problem]:
    """Return a problem for every value that stands in several rows."""
    filled = column[[value is not None for value in column]]
    problems = []
    for value, group in filled[filled.duplicated(keep=False)].groupby(filled, sort=False):
        rows = [int(row) for row in group.index]
        text = f"{str(value)!r} is the {column.name} of {len(rows)} rows.{row_list(rows)}"
        remedy = "Give each its own, or leave the repeated rows out."
        problems.append(Problem("ref_repeated", text, remedy, rows[1], str(column.name)))
    return problems
