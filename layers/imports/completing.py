"""What a person said of a delivery, put where its file says nothing."""

import re
from dataclasses import replace
from pathlib import PurePath

import pandas as pd

from layers.door.kinds import Kind, find_kind
from layers.files.delivery import Delivery, Notice
from layers.files.writing import SHAPEFILE_NAMES
from layers.imports.plans import ImportOptions

REF_LENGTH = 64


def completed(delivery: Delivery, kind_name: str, options: ImportOptions) -> Delivery:
    """Add refs, the day and the ground floor to a delivery whose file has no such column.

    A ref is the file's name and the row, the same for the same file. What the
    file says is never replaced.
    """
    kind = find_kind(kind_name)
    held = held_fields(kind, delivery.frame)
    columns: dict[str, object] = {}
    notices: list[Notice] = []
    composed = kind.name == "households" and {"building", "unit", "room"} <= held
    if "ref" not in held and not composed:
        refs = numbered(delivery.file_name, list(delivery.frame.index))
        columns["ref"] = pd.Series(refs, index=delivery.frame.index, dtype=object)
        text = (
            f"The file has no ref: its rows are called {refs[0]} and so on, "
            "which holds as long as their order does."
            if refs
            else "The file has no ref."
        )
        notices.append(Notice("ref_numbered", text))
    if kind.name == "observations" and "observed_on" not in held and options.surveyed_on:
        columns["observed_on"] = options.surveyed_on
    if kind.name == "households" and "ground_floor" not in held and "floor" in held:
        columns |= _ground_floor(kind, delivery, options, notices)
    if not columns:
        return delivery
    frame = delivery.frame.assign(**columns)
    return replace(delivery, frame=frame, notices=(*delivery.notices, *notices))


def held_fields(kind: Kind, table: pd.DataFrame) -> frozenset[str]:
    """Return the fields of ``kind`` that a column of the file holds."""
    names = [str(name) for name in table.columns if name != "geometry"]
    lowered = [name.lower() for name in names]
    return frozenset(
        field.name
        for field in kind.fields
        if field.name in names
        or lowered.count(field.name) == 1
        or lowered.count(SHAPEFILE_NAMES.get(field.name, field.name)) == 1
    )


def numbered(file_name: str, rows: list[int]) -> list[str]:
    """Return a ref per row, made of the file's name and the row's number."""
    stem = re.sub(r"[\s;]+", "_", PurePath(file_name).stem) or "row"
    room = REF_LENGTH - 1 - len(str(max(rows, default=0)))
    return [f"{stem[:room]}-{row}" for row in rows]


def _ground_floor(
    kind: Kind, delivery: Delivery, options: ImportOptions, notices: list[Notice]
) -> dict[str, object]:
    """Tell the ground floor by its number where that is not 1, as it is in China."""
    number = options.policy.ground_floor
    if number == 1:
        return {}
    theirs = next(name for name in delivery.frame.columns if str(name).lower() == "floor")
    floors = pd.to_numeric(delivery.frame[theirs], errors="coerce")
    notices.append(Notice("ground_floor", f"Floor {number} is taken as the ground floor."))
    known = [None if pd.isna(floor) else bool(floor == number) for floor in floors]
    return {"ground_floor": pd.Series(known, index=delivery.frame.index, dtype=object)}
