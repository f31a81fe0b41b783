"""The columns of a delivery under our names, and text that was garbled before it came."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gis.problems import Problem
from layers.files.delivery import Notice
from layers.files.tables import PLACE_FIELDS

CONSTANT = "="
"""``--field kind==public_green`` gives every row the same text."""
ROW_NUMBER = "#"
"""``--field ref=#`` gives every row its number."""

_GARBLED = re.compile(r"[\u0080-\u00ff]")


def make_table(columns: Mapping[str, NDArray[Any]], rows: int) -> pd.DataFrame:
    """Return columns as a table that keeps their types: text stays objects, ``None`` stays."""
    series = {}
    for name, values in columns.items():
        # pandas knows no days, only seconds and shorter.
        kept = values.astype("datetime64[s]") if values.dtype == "datetime64[D]" else values
        series[name] = pd.Series(kept, dtype=kept.dtype)
    return pd.DataFrame(series, index=pd.RangeIndex(rows), columns=pd.Index(series, dtype=object))


def nearest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return a remedy that names the known names most like ``name``."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.4)
    return f"Perhaps {' or '.join(close)}?" if close else otherwise


def garbled(columns: pd.DataFrame) -> list[Problem]:
    """Recognise Chinese that was read as Latin-1 before it was saved."""
    texts: set[str] = {str(name) for name in columns.columns}
    for name in columns.columns:
        if columns[name].dtype.kind not in "biufM":
            texts.update(value for value in columns[name] if isinstance(value, str))
    foreign = [text for text in texts if not text.isascii()]
    garbled = {text: better for text in foreign if (better := _restored(text))}
    if not garbled or 2 * len(garbled) < len(foreign):
        return []
    text, better = min(garbled.items())
    message = (
        f"{len(garbled):,} texts look like Chinese read in the wrong encoding: "
        f"{text!r} would be {better!r}."
    )
    remedy = "Save the file again from its source with the right encoding (GBK or UTF-8)."
    return [Problem("text_garbled", message, remedy)]


def _restored(text: str) -> str | None:
    """Return the Chinese that ``text`` was before it was read as Latin-1, if it was any."""
    foreign = _GARBLED.findall(text)
    if len(foreign) < 2 or any(character > "\u00ff" for character in text):
        return None
    for encoding, width, least in (("utf-8", 3, 1), ("gb2312", 2, 2)):
        try:
            better = text.encode("latin-1").decode(encoding)
        except UnicodeDecodeError:
            continue
        chinese = [character for character in better if "\u3400" <= character <= "\u9fff"]
        if len(chinese) >= least and len(chinese) * width == len(foreign):
            return better
    return None


def our_columns(
    table: pd.DataFrame,
    fields: Mapping[str, str],
    used: tuple[str, ...],
    problems: list[Problem],
    notices: list[Notice],
) -> pd.DataFrame:
    """Return the columns under our names first, then those nobody mapped under their own."""
    table = table.rename(columns={"geometry": "geometry_"})
    known = [str(name) for name in table.columns]
    columns: dict[str, Any] = {}
    for ours, theirs in fields.items():
        if theirs in known:
            # First of all, as a stranger may name a column with a sign of ours.
            if ours not in PLACE_FIELDS:
                columns[ours] = table[theirs].to_numpy()
        elif theirs.startswith(CONSTANT):
            columns[ours] = np.full(len(table), theirs.removeprefix(CONSTANT), dtype=object)
        elif theirs == ROW_NUMBER:
            columns[ours] = np.array([str(n + 1) for n in range(len(table))], dtype=object)
        elif theirs:
            problems.append(_unknown_field(ours, theirs, known))
    spent = {*fields.values(), *fields, *used}
    hidden = sorted(set(known) & set(fields) - set(fields.values()))
    if hidden:
        text = f"The file's own {', '.join(hidden)} was left out for the column that you named."
        notices.append(Notice("columns_hidden", text))
    columns |= {name: table[name].to_numpy() for name in known if name not in spent}
    return make_table(columns, len(table))


def _unknown_field(ours: str, theirs: str, known: list[str]) -> Problem:
    text = f"The file has no column {theirs!r}; it has {', '.join(known[:40]) or 'none'}."
    remedy = nearest(theirs, known, f"Name one of them: --field {ours}=COLUMN.")
    return Problem("field_unknown", text, remedy, field=ours)
