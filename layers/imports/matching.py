"""What a delivery would change: its rows beside those that are stored already."""

import enum
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.crs import Geometries
from gis.problems import Problem
from layers.bulk import among
from layers.frames import Rows, frame, wkb
from layers.models import Base, Observation, ObservationStatus

SAME_DEGREES = 1e-8
"""About a millimetre: less than that moved is the rounding of a format, no change."""

_EXPORT_AGAIN = "Export the layer again and make the change there."


class Action(enum.StrEnum):
    """What becomes of one row of a delivery."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Matches:
    """Per row of a delivery: the action, the stored row's position (-1) and what changes.

    ``stored`` is the frame of stored rows that the positions count in.
    """

    actions: NDArray[np.object_]
    positions: NDArray[np.int64]
    changes: list[tuple[str, ...]]
    stored: pd.DataFrame
    problems: list[Problem]


def read_stored(
    session: Session,
    community_id: int,
    model: type[Base],
    columns: Sequence[str],
    refs: Sequence[str],
    ids: Sequence[uuid.UUID],
) -> pd.DataFrame:
    """Return the stored rows that have one of the refs or ids; geometries in EPSG:4326."""
    table: Any = model
    names = dict.fromkeys(["id", "ref", *columns])
    chosen = [getattr(table, name) for name in names]
    base: Rows = select(*chosen, wkb(table.geom)).where(table.community_id == community_id)
    by_ref = base.where(among(table.ref, refs))
    if model is Observation:
        by_ref = by_ref.where(Observation.status == ObservationStatus.OPEN)
    found = frame(session, by_ref)
    if ids:
        same = frame(session, base.where(among(table.id, ids)))
        found = same if found.empty else pd.concat([found, same], ignore_index=True)
    return found.drop_duplicates("id", ignore_index=True)


def match(
    rows: Sequence[int],
    values: Mapping[str, Sequence[Any]],
    geometries: Geometries,
    stored: pd.DataFrame,
) -> Matches:
    """Compare a delivery with the stored rows of the same id or ref.

    ``values`` holds, for each column that the delivery has, our values in its
    order, ``ref`` always; ``geometries`` are in EPSG:4326; ``rows`` number them
    for a person. Only columns that the delivery has are compared.
    """
    positions, problems = _positions(rows, values, stored)
    known = np.flatnonzero(positions >= 0)
    at = positions[known]
    changes: list[list[str]] = [[] for _ in rows]
    for name in values:
        if name == "id":
            continue
        theirs = stored[name].to_numpy(dtype=object)[at]
        ours = values[name]
        for row, old in zip(known.tolist(), theirs, strict=True):
            if not _same(ours[row], old):
                changes[row].append(name)
    moved = known[~same_geometries(geometries[known], stored["geom"].to_numpy(dtype=object)[at])]
    for row in moved.tolist():
        changes[row].append("geometry")
    actions = np.full(len(rows), Action.NEW, dtype=object)
    for row in known.tolist():
        actions[row] = Action.CHANGED if changes[row] else Action.UNCHANGED
    return Matches(actions, positions, [tuple(one) for one in changes], stored, problems)


def same_geometries(
    first: Geometries, second: Geometries, degrees: float = SAME_DEGREES
) -> NDArray[np.bool_]:
    """Return, pair by pair, whether no vertex differs by more than ``degrees``.

    Formats turn rings around and begin them at another vertex; that is no change.
    """
    missing = shapely.is_missing(first) & shapely.is_missing(second)
    same: NDArray[np.bool_] = missing | shapely.equals_exact(first, second, degrees)
    left = np.flatnonzero(~same & _same_shape(first, second))
    distance = shapely.hausdorff_distance(_lines(first[left]), _lines(second[left]))
    same[left] = distance <= degrees
    return same


def _same_shape(first: Geometries, second: Geometries) -> NDArray[np.bool_]:
    """Whether both have as many parts, rings and vertices."""
    counts = (shapely.get_type_id, shapely.get_num_geometries, shapely.get_num_coordinates)
    result = ~(shapely.is_missing(first) | shapely.is_missing(second))
    for count in counts:
        result &= count(first) == count(second)
    return np.asarray(result, dtype=bool)


def _lines(geometries: Geometries) -> Geometries:
    """Return outlines: the distance between two areas that cover each other is no measure."""
    areal = shapely.get_dimensions(geometries) == 2
    lines = np.array(geometries, dtype=object)
    lines[areal] = shapely.boundary(lines[areal])
    return lines


def _positions(
    rows: Sequence[int], values: Mapping[str, Sequence[Any]], stored: pd.DataFrame
) -> tuple[NDArray[np.int64], list[Problem]]:
    """Return where each row is stored: by its id, else by its ref."""
    by_ref = {ref: at for at, ref in enumerate(stored["ref"])}
    by_id = {key: at for at, key in enumerate(stored["id"])}
    ids = values.get("id") or [None] * len(rows)
    positions = np.full(len(rows), -1, dtype=np.int64)
    problems = []
    for index, (key, ref) in enumerate(zip(ids, values["ref"], strict=True)):
        same_id, same_ref = by_id.get(key, -1), by_ref.get(ref, -1)
        positions[index] = same_id if same_id >= 0 else same_ref
        if same_id >= 0 and same_ref >= 0 and same_id != same_ref:
            text = f"The id belongs to {stored['ref'][same_id]!r}, the ref {ref!r} to another."
            problems.append(Problem("key_conflict", text, _EXPORT_AGAIN, rows[index], "ref"))
    return positions, problems


def _same(ours: Any, old: Any) -> bool:
    if isinstance(ours, float) and isinstance(old, float):
        return abs(ours - old) <= 1e-9 * max(1.0, abs(old))
    return bool(ours == old)
