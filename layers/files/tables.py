"""Tables that are no maps: CSV, and the columns that hold a place.

GDAL could read CSV, but it takes its text for UTF-8, fills short rows and
guesses which columns are coordinates; here all three are checked.
"""

import codecs
import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis.problems import InputError, Problem
from gis.validity import GeometryLimits, from_wkb
from layers.files.dbase import known_encoding, preview

PLACE_FIELDS = ("x", "y", "wkt")
"""Names of ours that a mapping may give to columns that hold a place."""

_PAIRS = (
    ("lon", "lat"),
    ("lng", "lat"),
    ("long", "lat"),
    ("longitude", "latitude"),
    ("经度", "纬度"),
    ("easting", "northing"),
    ("东坐标", "北坐标"),
    ("x", "y"),
)
_WKT_NAMES = ("wkt", "geom", "geometry", "the_geom", "wkb", "几何")
_MARKS = (
    (codecs.BOM_UTF8, "UTF-8"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_DELIMITERS = ",;\t|"
_FIELD_SIZE = 2**30
_SRID = re.compile(r"^\s*SRID\s*=\s*(\d+)\s*;", re.IGNORECASE)
_FROM_FILE = "Correct it in the file."


@dataclass(frozen=True)
class Placed:
    """Geometry made of columns: which were used, and the SRIDs that EWKT values declare."""

    geometries: NDArray[np.object_]
    used: tuple[str, ...]
    problems: list[Problem] = field(default_factory=list)
    srids: frozenset[int] = frozenset()


def read_csv(path: Path, encoding: str | None, features: int) -> tuple[pd.DataFrame, str]:
    """Read a CSV file as text, all columns, and return it with the encoding it was in.

    The delimiter is the one of , ; tab | that the first line has most of.
    Empty cells are ``None``. Raises ``InputError`` for text in no known
    encoding, with a preview, for rows of another length than the first line,
    for columns without a name or with the same one, and for more than
    ``features`` rows.
    """
    text, found = _decode(path, encoding)
    csv.field_size_limit(_FIELD_SIZE)
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    # The lines keep their ends, which the reader needs inside quoted cells.
    rows = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        cells = [row for row in rows if row]
    except csv.Error as error:
        text = f"Line {rows.line_num} of {path.name} is not CSV: {error}."
        raise InputError([Problem("csv_broken", text, _FROM_FILE)]) from error
    _check_shape(path.name, header, cells, features)
    table = pd.DataFrame(cells, columns=pd.Index(header, dtype=object), dtype=object)
    return table.where(table != "", None), found


def place(table: pd.DataFrame, fields: Mapping[str, str], limits: GeometryLimits) -> Placed:
    """Make geometry of the columns that hold a place, ``None`` where they are empty.

    ``fields`` may name the columns as ``x`` and ``y``, or ``wkt`` (WKT, EWKT or
    hexadecimal WKB); else columns with a usual name are taken. Rows in
    ``problems`` count from 1. x is east or longitude: a table that gives
    north as X must say so in ``fields``.
    """
    lowered = {str(name).strip().lower(): str(name) for name in reversed(list(table.columns))}
    wkt = fields.get("wkt") or next((lowered[n] for n in _WKT_NAMES if n in lowered), None)
    if "x" in fields and "y" in fields:
        pair: tuple[str, str] | None = (fields["x"], fields["y"])
    else:
        known = ((lowered[x], lowered[y]) for x, y in _PAIRS if x in lowered and y in lowered)
        pair = next(known, None)
    if wkt and ("wkt" in fields or "x" not in fields) and _has_wkt(table[wkt]):
        return _from_text(table[wkt], limits)
    if pair:
        return _from_numbers(table, pair)
    return Placed(np.full(len(table), None, dtype=object), ())


def _decode(path: Path, encoding: str | None) -> tuple[str, str]:
    content = path.read_bytes()
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    chosen = known_encoding(encoding) if encoding else marked or "UTF-8"
    try:
        text = content.decode("utf-8-sig" if chosen == "UTF-8" else chosen)
    except UnicodeDecodeError as error:
        line = content[content.rfind(b"\n", 0, error.start) + 1 :].split(b"\n", 1)[0][:60]
        message = f"{path.name} is not {chosen}. A line of it would read as {preview([line])}."
        remedy = "Choose the legible one, for example --encoding GBK."
        raise InputError([Problem("encoding_wrong", message, remedy)]) from error
    return text, chosen


def _check_shape(name: str, header: list[str], cells: list[list[str]], features: int) -> None:
    problems = []
    if len(header) < 2 and not cells:
        raise InputError([Problem("csv_broken", f"{name} is no table of columns.", _FROM_FILE)])
    if len(cells) > features:
        text = f"{name} has {len(cells):,} rows, more than the {features:,} allowed."
        problems.append(Problem("too_many_features", text, "Divide it."))
    if "" in header:
        text = f"Column {header.index('') + 1} of {name} has no name."
        problems.append(Problem("column_without_name", text, "Name it, or delete it."))
    for twice in sorted({one for one in header if one and header.count(one) > 1}):
        text = f"{name} has two columns named {twice!r}; one of them would be lost."
        problems.append(Problem("column_twice", text, "Rename one of them."))
    for number, row in enumerate(cells, start=1):
        if len(row) != len(header):
            text = f"The row has {len(row)} cells, the first line {len(header)} columns."
            problems.append(Problem("csv_row_length", text, _FROM_FILE, number))
    if problems:
        raise InputError(problems)


def _has_wkt(column: pd.Series) -> bool:
    filled = column.dropna()
    return len(filled) > 0 and bool(filled.map(lambda value: isinstance(value, str)).all())


def _from_text(column: pd.Series, limits: GeometryLimits) -> Placed:
    """Make geometry of WKT, EWKT or hexadecimal WKB."""
    problems: list[Problem] = []
    srids: set[int] = set()
    made = np.full(len(column), None, dtype=object)
    binary: dict[int, bytes] = {}
    for at, value in enumerate(column):
        if value is None or pd.isna(value):
            continue
        match = _SRID.match(value)
        if match:
            srids.add(int(match.group(1)))
            value = value[match.end() :]
        if re.fullmatch(r"\s*0[01][0-9A-Fa-f]{8,}\s*", value):
            binary[at] = bytes.fromhex(value.strip()[: len(value.strip()) // 2 * 2])
            continue
        made[at] = _from_wkt(value, at + 1, limits, problems)
    if binary:
        built, broken = from_wkb(list(binary.values()), [at + 1 for at in binary], limits)
        made[list(binary)] = built
        problems.extend(broken)
        srids |= set(shapely.get_srid(built[~shapely.is_missing(built)]).tolist()) - {0}
    return Placed(made, (str(column.name),), problems, frozenset(srids))


def _from_wkt(
    text: str, row: int, limits: GeometryLimits, problems: list[Problem]
) -> shapely.Geometry | None:
    if text.upper().count("COLLECTION") > limits.depth:
        fault = f"collections are nested more than {limits.depth} deep"
    else:
        try:
            with np.errstate(invalid="ignore"):
                return shapely.from_wkt(text)
        except (shapely.errors.GEOSException, NotImplementedError, ValueError) as error:
            fault = str(error).split(":", 1)[-1].strip()
    if "closed" in fault:
        message = f"A ring of {text[:40]}... is not closed."
        problems.append(Problem("ring_not_closed", message, _FROM_FILE, row, "geometry"))
        return None
    message = f"{text[:60]!r} is no geometry: {fault}."
    problems.append(Problem("geometry_broken", message, _FROM_FILE, row, "geometry"))
    return None


def _from_numbers(table: pd.DataFrame, pair: tuple[str, str]) -> Placed:
    """Make points of two columns of decimal numbers; both empty is no place."""
    problems: list[Problem] = []
    numbers = []
    missing = [table[name].map(_is_blank).to_numpy(dtype=bool) for name in pair]
    for name, blank, other in zip(pair, missing, reversed(missing), strict=True):
        values = pd.to_numeric(table[name].where(~blank), errors="coerce").to_numpy(dtype=float)
        wrong = (np.isnan(values) & ~blank) | (blank & ~other)
        for at in np.flatnonzero(wrong).tolist():
            text = f"The coordinate {table[name].iloc[at]!r} is not a decimal number."
            problems.append(Problem("coordinate_not_number", text, _FROM_FILE, at + 1, name))
        numbers.append(values)
    made = np.full(len(table), None, dtype=object)
    whole = ~(np.isnan(numbers[0]) | np.isnan(numbers[1]))
    made[whole] = shapely.points(numbers[0][whole], numbers[1][whole])
    return Placed(made, pair, problems)


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip()) or value is pd.NaT
