"""What an edit of geometry asks for, and the rows before and after it. Nothing is read here."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely
import shapely.ops

from gis.problems import Problem, Said, Several
from gis.validity import WEB_LIMITS, check

ALIKE: Mapping[str, Said] = {
    "kind": Said("kind"),
    "title_basis": Said("title"),
    "title_disputed": Said("dispute of the title"),
    "building_id": Said("building"),
    "purpose": Said("purpose"),
    "structure_type": Said("what stands there"),
    "observed_on": Said("day"),
    "occupier_id": Said("occupier"),
    "state": Said("state"),
    "built_on": Said("day it was built"),
}
"""What rows that become one must have in common, in the words of a refusal."""

Attributes = Mapping[str, Any]
"""The columns of a row beside its ref, outline and area, as JSON holds them."""


@dataclass(frozen=True)
class Read:
    """A row in the version in which somebody read it."""

    id: uuid.UUID
    version: str


@dataclass(frozen=True)
class Draw:
    """A new row; ``shape`` is in EPSG:4326 (x = longitude), as everywhere here."""

    shape: shapely.Geometry | None
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class Outline:
    """Another outline of a row; ``rms_m`` is how exactly it is known, as before where ``None``.

    ``verify_again`` agrees, here as of a split and a merger, that what was verified of the row
    is suspected until somebody verifies it again.
    """

    row: Read
    shape: shapely.Geometry | None
    rms_m: float | None = None
    verify_again: bool = False


@dataclass(frozen=True)
class Split:
    """A row cut along a line into several."""

    row: Read
    line: shapely.Geometry | None
    verify_again: bool = False


@dataclass(frozen=True)
class Merge:
    """Several rows made one."""

    rows: tuple[Read, ...]
    verify_again: bool = False


@dataclass(frozen=True)
class Remove:
    """A row on which nothing rests taken away."""

    row: Read


Change = Draw | Outline | Split | Merge | Remove


@dataclass(frozen=True)
class State:
    """A row as it is, was or shall be; ``area_m2`` is of the survey CRS."""

    ref: str
    shape: shapely.Geometry
    area_m2: float
    attributes: Attributes


@dataclass(frozen=True)
class Feature:
    """A stored row in its present version."""

    id: uuid.UUID
    version: str
    state: State


@dataclass(frozen=True)
class Step:
    """One row before and after; ``restores`` is the row that comes back under its identifier.

    ``change`` numbers what was asked for: what happens to rows of one change belongs together.
    """

    change: int
    before: Feature | None
    after: State | None
    restores: Read | None = None

    @property
    def as_new(self) -> tuple[uuid.UUID, int]:
        """Return the identifier and the version of a row that is inserted.

        One that comes back goes on from the version that it had, so that no reader takes it
        for what was read before.
        """
        if self.restores is None:
            return uuid.uuid4(), 1
        return self.restores.id, int(self.restores.version) + 1


@dataclass(frozen=True)
class Written:
    """A row that an edit has written: its identifier and version, ``None`` where it is gone."""

    step: Step
    after: Read | None


@dataclass(frozen=True)
class StaleRow:
    """A row that is no longer as it was read, and what is there now in its place."""

    row: Read
    now: Sequence[Feature]


class StaleRows(Exception):
    """Rows have changed since they were read: nothing is written over."""

    def __init__(self, rows: Sequence[StaleRow]) -> None:
        """Take the rows with what stands there now."""
        super().__init__(f"{len(rows)} rows have changed")
        self.rows = rows


def reads_of(change: Change) -> tuple[Read, ...]:
    """Return the rows that a change rests on."""
    match change:
        case Draw():
            return ()
        case Merge(rows):
            return rows
        case Outline(row) | Split(row) | Remove(row):
            return (row,)


def is_replaced(step: Step, steps: Sequence[Step]) -> bool:
    """Tell whether another row takes the place of one that ends."""
    return any(one.change == step.change and one.after is not None for one in steps)


def wrong(change: int, code: str, message: str, remedy: str, field: str = "") -> Problem:
    """Return a problem of the change at this place of the list."""
    named = f"changes.{change}.{field}" if field else f"changes.{change}"
    return Problem(code, message, remedy, field=named)


def shape_problems(shape: shapely.Geometry | None, at: int, kinds: frozenset[str]) -> list[Problem]:
    """Return what is wrong with a drawn outline in itself."""
    if shape is None:
        return [wrong(at, "shape_missing", "Nothing is drawn.", "Draw its outline.", "shape")]
    faults = check(np.array([shape], dtype=object), [1], WEB_LIMITS, kinds)
    return [replace(one, field=f"changes.{at}.shape", row=None) for one in faults]


def pieces_of(whole: shapely.Geometry, line: shapely.Geometry) -> list[shapely.Geometry]:
    """Return the parts into which a line cuts an area, the largest first.

    What the line does not cut of an area in several parts stays with the largest. Areas
    are compared in degrees: only their order counts.
    """
    cut: list[shapely.Geometry] = []
    kept: list[shapely.Geometry] = []
    for part in shapely.get_parts(whole):
        found = list(shapely.ops.split(part, line).geoms)
        (cut if len(found) > 1 else kept).extend(found)
    cut.sort(key=shapely.area, reverse=True)
    if not cut:
        return [whole]
    return [
        shapely.MultiPolygon([cut[0], *kept]),
        *(shapely.MultiPolygon([one]) for one in cut[1:]),
    ]


def free_ref(ref: str, taken: set[str], longest: int) -> str:
    """Return a ref for another part of ``ref``, and remember it as taken."""
    number = 2
    while (made := f"{ref[: longest - len(str(number)) - 1]}-{number}") in taken:
        number += 1
    taken.add(made)
    return made


def unlike(at: int, names: Sequence[str]) -> list[Problem]:
    """Return the problem of rows that cannot become one, by what they differ in."""
    if not names:
        return []
    told = Several(ALIKE.get(name, name) for name in names)
    message = Said("They differ in {listed}.", listed=told)
    return [wrong(at, "unlike", message, "Only what is alike becomes one.", "rows")]
