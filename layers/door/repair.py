"""Repair of broken polygons, where a person asks for it and sees what it changes.

The repair of a scribble of some thousand vertices takes minutes and gigabytes;
in PostGIS it stops the whole cluster (SAFETY, finding 2). So it is done in a
child process under limits of the kernel, one feature at a time, and never in
the database. Nothing is accepted here: the areas before and after are for a
person to judge.
"""

import os
import selectors
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas
import numpy as np
import shapely

from gis import validity
from gis.crs import Geometries, SurveyCRS
from gis.problems import InputError, Problem
from gis.validity import FILE_LIMITS
from layers.door.whereabouts import to_storage
from layers.files.delivery import Delivery

_CHILD = Path(__file__).with_name("repair_child.py")
_LENGTH = struct.Struct("<I")
_REPAIRABLE = frozenset({"ring_not_closed"})
_REDRAW = "Draw it again in the source."


@dataclass(frozen=True)
class RepairLimits:
    """What the repair of one feature may use, and what still counts as one.

    ``cpu_seconds`` and ``memory_bytes`` are enforced by the kernel,
    ``wall_seconds`` by us. A feature that falls into more than ``parts`` pieces
    was no outline. After ``failures`` that had to be stopped the rest is not
    tried any more.
    """

    cpu_seconds: int = 5
    wall_seconds: float = 15.0
    memory_bytes: int = 2 * 1024**3
    parts: int = 20
    failures: int = 3
    vertices: int = FILE_LIMITS.vertices


@dataclass(frozen=True)
class Repair:
    """One feature repaired: its area in m2 of the survey CRS before and after.

    Before is what the shoelace formula gives for the outline as drawn, closed
    where it was open; where an outline crosses itself, areas run the other way
    round count against it.
    """

    row: int
    reason: str
    before_m2: float
    after_m2: float
    parts: int


@dataclass(frozen=True)
class Repaired:
    """A delivery with what could be repaired in place, and what was changed in it.

    What could not be repaired is a problem of the delivery.
    """

    delivery: Delivery
    repairs: tuple[Repair, ...]


class _StoppedError(Exception):
    """The child was stopped, or stopped itself, in the middle of a feature."""


class _RefusedError(Exception):
    """The child says that the feature cannot be repaired."""


def repair(delivery: Delivery, survey_srid: int, limits: RepairLimits | None = None) -> Repaired:
    """Repair the broken polygons of a delivery, each in a child process under limits.

    Broken are polygons that GEOS finds invalid and those whose rings are open.
    Raises ``InputError`` where the delivery has no CRS, because then no area can
    be shown.
    """
    limits = limits or RepairLimits()
    if delivery.crs is None:
        text = "Without a CRS the areas before and after a repair cannot be compared."
        remedy = "Name the CRS first, for example --crs EPSG:4550."
        raise InputError([Problem("crs_missing", text, remedy, field="crs")])
    broken = _broken(delivery, limits)
    reasons = _reasons(delivery, list(broken))
    mended: dict[int, bytes] = {}
    problems: list[Problem] = []
    for row, answer in _repair_all(broken, limits):
        if isinstance(answer, bytes):
            mended[row] = answer
        else:
            text = f"The feature could not be repaired: {answer}."
            problems.append(Problem("repair_failed", text, _REDRAW, row, "geometry"))
    repairs = _compare(delivery, broken, mended, reasons, survey_srid)
    return Repaired(_replace(delivery, mended, problems), repairs)


def _broken(delivery: Delivery, limits: RepairLimits) -> dict[int, bytes]:
    """Return the WKB of the features to repair, by row."""
    open_rings = {p.row for p in delivery.problems if p.code in _REPAIRABLE}
    found = {row: wkb for row, wkb in delivery.broken.items() if row in open_rings}
    geometries = np.asarray(delivery.frame.geometry.to_numpy(), dtype=object)
    polygonal = np.isin(validity.type_names(geometries), list(validity.POLYGONS))
    wanted = polygonal & ~shapely.is_empty(geometries)
    wanted &= shapely.get_num_coordinates(geometries) <= limits.vertices
    index = np.flatnonzero(wanted)
    finite = np.isfinite(shapely.bounds(geometries[index])).all(axis=1)
    index = index[finite]
    index = index[~shapely.is_valid(geometries[index])]
    rows = delivery.frame.index[index].tolist()
    found.update(zip(rows, shapely.to_wkb(geometries[index]).tolist(), strict=True))
    return dict(sorted(found.items()))


def _reasons(delivery: Delivery, rows: Sequence[int]) -> dict[int, str]:
    """Say what is wrong with each, for the person who decides."""
    reasons = {}
    for row in rows:
        geometry = delivery.frame.geometry[row]
        reasons[row] = (
            "a ring is not closed" if geometry is None else validity.place_of_fault(geometry)[0]
        )
    return reasons


def _repair_all(
    broken: dict[int, bytes], limits: RepairLimits
) -> Iterator[tuple[int, bytes | str]]:
    """Give each row its repaired WKB, or why it has none; a new child after each that died."""
    waiting = list(broken.items())
    stopped = 0
    while waiting and stopped < limits.failures:
        with _child(limits) as child:
            while waiting:
                row, wkb = waiting.pop(0)
                try:
                    yield row, _check(_ask(child, wkb, limits), limits)
                except _RefusedError as error:
                    yield row, str(error)
                except _StoppedError as error:
                    stopped += 1
                    yield row, str(error)
                    break
    for row, _ in waiting:
        yield row, f"{stopped} others had to be stopped, this one was not tried"


@contextmanager
def _child(limits: RepairLimits) -> Iterator[subprocess.Popen[bytes]]:
    """Start a child that knows nothing of us: no environment, no code of ours but its own."""
    command = [sys.executable, "-I", str(_CHILD), str(limits.cpu_seconds), str(limits.memory_bytes)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"OPENBLAS_NUM_THREADS": "1"},
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _ask(child: subprocess.Popen[bytes], wkb: bytes, limits: RepairLimits) -> bytes:
    """Send one feature and wait for the answer, no longer than ``limits.wall_seconds``."""
    assert child.stdin is not None
    assert child.stdout is not None
    deadline = time.monotonic() + limits.wall_seconds
    try:
        child.stdin.write(_LENGTH.pack(len(wkb)) + wkb)
        child.stdin.flush()
    except BrokenPipeError as error:
        raise _StoppedError("the process that repairs it ended") from error
    answers = child.stdout.fileno()
    head = _receive(answers, 1 + _LENGTH.size, deadline)
    answer = _receive(answers, _LENGTH.unpack(head[1:])[0], deadline)
    if head[:1] != b"+":
        raise _RefusedError(answer.decode(errors="replace"))
    return answer


def _receive(answers: int, size: int, deadline: float) -> bytes:
    received = b""
    with selectors.DefaultSelector() as selector:
        selector.register(answers, selectors.EVENT_READ)
        while len(received) < size:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise _StoppedError("it takes too long: it crosses itself too often")
            part = os.read(answers, size - len(received))
            if not part:
                raise _StoppedError("it takes too much time or memory: it crosses itself too often")
            received += part
    return received


def _check(answer: bytes, limits: RepairLimits) -> bytes:
    """Refuse a repair that turns a feature into crumbs."""
    parts = int(shapely.get_num_geometries(shapely.from_wkb(answer)))
    if parts > limits.parts:
        raise _RefusedError(f"it falls into {parts:,} pieces")
    return answer


def _compare(
    delivery: Delivery,
    broken: dict[int, bytes],
    mended: dict[int, bytes],
    reasons: dict[int, str],
    survey_srid: int,
) -> tuple[Repair, ...]:
    """Measure each repaired feature before and after, in the survey CRS."""
    rows = list(mended)
    before = _areas(delivery, [broken[row] for row in rows], survey_srid)
    after = _areas(delivery, [mended[row] for row in rows], survey_srid)
    parts = shapely.get_num_geometries(shapely.from_wkb([mended[row] for row in rows]))
    return tuple(
        Repair(row, reasons[row], float(before[at]), float(after[at]), int(parts[at]))
        for at, row in enumerate(rows)
    )


def _areas(delivery: Delivery, wkb: list[bytes], survey_srid: int) -> Geometries:
    assert delivery.crs is not None
    drawn = np.asarray(shapely.from_wkb(wkb, on_invalid="fix"), dtype=object)
    stored = to_storage(shapely.force_2d(drawn), delivery.crs)
    areas: Geometries = shapely.area(SurveyCRS(survey_srid).to_survey(stored))
    return areas


def _replace(delivery: Delivery, mended: dict[int, bytes], problems: list[Problem]) -> Delivery:
    """Return the delivery with repaired geometries and without the problems they had."""
    frame = delivery.frame.copy()
    geometries = np.array(frame.geometry.to_numpy(), dtype=object)
    places = frame.index.get_indexer(list(mended))
    geometries[places] = shapely.from_wkb(list(mended.values()))
    frame["geometry"] = geopandas.GeoSeries(geometries, index=frame.index, crs=delivery.crs)
    solved = [p for p in delivery.problems if not (p.row in mended and p.code in _REPAIRABLE)]
    left = {row: wkb for row, wkb in delivery.broken.items() if row not in mended}
    return replace(delivery, frame=frame, problems=(*solved, *problems), broken=left)
