"""What a delivery must pass before any of it is stored (DOMAIN 12).

``check`` judges a file for one community: its values, its geometry, its CRS and
its place. It reports everything that is wrong at once, each fault with the
reason and the remedy, or gives the features as they will be stored. It neither
repairs nor guesses.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import geopandas
import numpy as np
import pandas as pd
import shapely

from gis import validity
from gis.crs import STORAGE_SRID, Geometries
from gis.problems import InputError, Problem
from layers.door.admission import Checked, Floats, GateLimits, Overlap, Place
from layers.door.conversion import convert
from layers.door.kinds import Kind, find_kind
from layers.door.locating import Located, locate
from layers.door.whereabouts import transform_text
from layers.files.delivery import Delivery, Notice, row_list
from layers.models import SiteKind

__all__ = ["Checked", "GateLimits", "Overlap", "Place", "check", "find_overlaps"]


def check(delivery: Delivery, place: Place, kind: str, limits: GateLimits | None = None) -> Checked:
    """Judge whether a delivery may be stored as ``kind`` in ``place``.

    Raises ``InputError`` with all problems: those found in reading, wrong and
    missing values, wrong, broken or repeated geometry, and what is wrong with
    the CRS or the place. Nothing is projected while the CRS is in doubt.
    """
    limits, wanted = limits or GateLimits(), find_kind(kind)
    columns = pd.DataFrame(delivery.frame.drop(columns="geometry"))
    converted = convert(wanted, columns, delivery.fields)
    shapes = _Shapes(delivery, wanted, converted.table, limits)
    located = shapes.located(place)
    overlaps: tuple[Overlap, ...] = ()
    problems = [*delivery.problems, *converted.problems, *shapes.problems, *located.problems]
    notices = [*delivery.notices, *converted.notices, *shapes.notices, *located.notices]
    if not any(problem.field == "crs" for problem in located.problems):
        sound = located.survey.copy()
        sound[~shapes.is_sound] = None
        found = _sizes(wanted, sound, shapes.rows, limits)
        problems, notices = [*problems, *found[0]], [*notices, *found[1]]
    if problems:
        raise InputError(_shortened(problems, limits.shown))
    if wanted.name == "parcels" and limits.overlap_m2 is not None:
        overlaps = find_overlaps(located.survey, shapes.rows, limits.overlap_m2)
        notices += _overlap_notice(overlaps)
    frame = geopandas.GeoDataFrame(converted.table, geometry=located.stored, crs=STORAGE_SRID)
    return Checked(
        frame=frame,
        survey=located.survey,
        area_m2=_areas(located.survey),
        notices=tuple(notices),
        overlaps=overlaps,
        crs=delivery.crs_text,
        transform="" if delivery.crs is None else transform_text(delivery.crs),
        given=converted.given,
    )


def find_overlaps(
    geometries: Geometries, rows: Sequence[int], least_m2: float
) -> tuple[Overlap, ...]:
    """Return the pairs of valid polygons, in metres, that share more than ``least_m2``."""
    first, second = shapely.STRtree(geometries).query(geometries)
    first, second = first[first < second], second[first < second]
    # Neighbours share a border and no ground: their boxes tell most of them apart.
    boxes = shapely.bounds(geometries)
    sides = np.minimum(boxes[first, 2:], boxes[second, 2:])
    sides -= np.maximum(boxes[first, :2], boxes[second, :2])
    near = sides.clip(min=0).prod(axis=1) > least_m2
    first, second = first[near], second[near]
    areas = shapely.area(shapely.intersection(geometries[first], geometries[second]))
    return tuple(
        Overlap(rows[first[at]], rows[second[at]], float(areas[at]))
        for at in np.flatnonzero(areas > least_m2).tolist()
    )


class _Shapes:
    """The geometries of a delivery, judged for what they are, wherever they lie."""

    def __init__(
        self, delivery: Delivery, kind: Kind, table: pd.DataFrame, limits: GateLimits
    ) -> None:
        self.delivery = delivery
        self.kind = kind
        self.limits = limits
        self.geometries: Geometries = np.asarray(delivery.frame.geometry.to_numpy(), dtype=object)
        self.names = validity.type_names(self.geometries)
        self.rows = [int(row) for row in delivery.frame.index]
        self.is_there = ~shapely.is_missing(self.geometries)
        self.notices: list[Notice] = []
        self.problems = [*self._missing(), *self._mistyped(table)]
        wrong = [problem.row for problem in self.problems if problem.row is not None]
        left = self.is_there & ~np.isin(self.rows, wrong)
        rows = [self.rows[at] for at in np.flatnonzero(left)]
        broken = validity.check(self.geometries[left], rows, limits.geometry)
        faulty = [problem.row for problem in broken if problem.row is not None]
        nowhere = [problem.row for problem in broken if problem.code not in _SOMEWHERE]
        self.is_sound = left & ~np.isin(self.rows, faulty)
        self.is_placed = left & ~np.isin(self.rows, [row for row in nowhere if row is not None])
        self.problems += broken
        self._repeated()

    def located(self, place: Place) -> Located:
        """Return the geometries as they will be stored, those without a place as ``None``.

        A crossing outline has a place all the same: what is wrong with it is
        reported together with what is wrong with the sound ones.
        """
        placed, rows = self.is_placed, np.array(self.rows)[self.is_placed].tolist()
        if self.delivery.crs is None and not placed.any() and self.kind.may_lack_geometry:
            return Located(self.geometries, self.geometries)
        given = self.geometries[placed]
        by_middle = self.kind.name in ("buildings", "households")
        located = locate(self.delivery, given, rows, place, by_middle, self.limits)
        for name in ("stored", "survey"):
            whole = np.full(len(self.rows), None, dtype=object)
            whole[placed] = getattr(located, name)
            setattr(located, name, whole)
        return located

    def _missing(self) -> list[Problem]:
        """Return a problem for each feature without geometry, unless the kind allows it."""
        if self.kind.may_lack_geometry:
            return []
        known = {problem.row for problem in self.delivery.problems if problem.field == "geometry"}
        remedy = "Draw it, leave the row out, or name the columns that hold the place."
        lacking = [row for row, there in zip(self.rows, self.is_there, strict=True) if not there]
        if len(lacking) > 1 and len(lacking) == len(self.rows) and not known:
            text = f"None of the {len(lacking):,} rows has a geometry."
            remedy = (
                "Name the columns of a place: --field x=COLUMN --field y=COLUMN, or wkt=COLUMN."
            )
            return [Problem("geometry_missing", text, remedy, field="geometry")]
        return [
            Problem("geometry_missing", "The row has no geometry.", remedy, row, "geometry")
            for row in lacking
            if row not in known
        ]

    def _mistyped(self, table: pd.DataFrame) -> list[Problem]:
        """Return a problem for each geometry that is not of the types of its kind."""
        wrong = [
            (row, str(name), types)
            for row, name, types in zip(self.rows, self.names, self._types(table), strict=True)
            if name is not None and name not in types
        ]
        if len(wrong) > 1 and 2 * len(wrong) >= int(self.is_there.sum()):
            return [self._mostly_wrong(wrong[0][2])]
        remedy = "Leave the row out, or choose the layer with the right geometry."
        return [
            Problem(
                "geometry_type",
                f"The geometry is a {name}; it must be {' or '.join(sorted(types))}.",
                remedy,
                row,
                "geometry",
            )
            for row, name, types in wrong
        ]

    def _types(self, table: pd.DataFrame) -> list[frozenset[str]]:
        """Return the geometry types that each row may have: a site's depend on its own kind."""
        if self.kind.name != "sites":
            return [self.kind.types] * len(self.rows)
        by_kind = {
            SiteKind.LANDSCAPING.value: validity.POLYGONS,
            SiteKind.CHARGING_PILE.value: validity.POINTS,
        }
        return [by_kind.get(value, self.kind.types) for value in table["kind"]]

    def _mostly_wrong(self, types: frozenset[str]) -> Problem:
        counts = Counter(str(name) for name in self.names if name is not None).most_common()
        listing = ", ".join(f"{count:,} {name}" for name, count in counts)
        text = f"{self.kind.name} are {' or '.join(sorted(types))}; the layer has {listing}."
        wanted = "points" if "Point" in types else "outlines"
        remedy = f"Choose the layer, or in the source the geometry column, with the {wanted}."
        return Problem("geometry_type", text, remedy, field="geometry")

    def _repeated(self) -> None:
        """Find geometries that stand in the file more than once.

        Households share the point of their stairs, and piles may share one.
        """
        if self.kind.name == "households":
            return
        sound = np.flatnonzero(self.is_sound)
        keys = pd.Series(shapely.to_wkb(shapely.normalize(self.geometries[sound])))
        shared: list[int] = []
        for _, group in keys[keys.duplicated(keep=False)].groupby(keys, sort=False):
            rows = [self.rows[sound[at]] for at in group.index]
            if self.names[sound[group.index[0]]] == "Point":
                shared += rows[1:]
                continue
            text = f"The geometry is the same in {len(rows)} rows.{row_list(rows)}"
            problem = Problem("geometry_repeated", text, _LEAVE_OUT, rows[1], "geometry")
            self.problems.append(problem)
        if shared:
            text = f"{len(shared):,} {self.kind.name} stand on the point of an earlier one."
            self.notices.append(Notice("point_repeated", text, tuple(sorted(shared))))


_LEAVE_OUT = "Leave the repeated rows out."
_SOMEWHERE = frozenset({"geometry_invalid", "geometry_without_area"})


def _sizes(
    kind: Kind, survey: Geometries, rows: Sequence[int], limits: GateLimits
) -> tuple[list[Problem], list[Notice]]:
    """Refuse features too large to be what they are said to be; notice tiny ones."""
    least, most = limits.area_m2.get(kind.name, (0.0, np.inf))
    areas = _areas(survey)
    remedy = "Check the layer and its CRS."
    problems = [
        Problem("area_too_large", _too_large(kind, areas[at], most), remedy, rows[at], "geometry")
        for at in np.flatnonzero(areas > most).tolist()
    ]
    tiny = tuple(rows[at] for at in np.flatnonzero((areas > 0) & (areas < least)).tolist())
    text = f"{len(tiny):,} {kind.name} have less than {least:g} m2."
    return problems, [Notice("area_tiny", text, tiny)] if tiny else []


def _too_large(kind: Kind, area: float, most: float) -> str:
    return f"The area is {area:,.0f} m2; {kind.name} have at most {most:,.0f} m2."


def _overlap_notice(overlaps: Sequence[Overlap]) -> list[Notice]:
    if not overlaps:
        return []
    total = sum(one.area_m2 for one in overlaps)
    worst = max(overlaps, key=lambda one: one.area_m2)
    text = (
        f"{len(overlaps):,} pairs of parcels overlap, by {total:,.2f} m2 in all; the most are "
        f"rows {worst.row} and {worst.other}, by {worst.area_m2:,.2f} m2."
    )
    return [Notice("parcels_overlap", text)]


def _areas(survey: Geometries) -> Floats:
    areas: Floats = np.nan_to_num(shapely.area(survey))
    return areas


def _shortened(problems: Iterable[Problem], shown: int) -> list[Problem]:
    """List at most ``shown`` rows of each fault and count the rest."""
    kept: list[Problem] = []
    counts: Counter[tuple[str, str | None]] = Counter()
    for problem in problems:
        key = (problem.code, problem.field)
        counts[key] += 1
        if counts[key] <= shown:
            kept.append(problem)
    for (code, name), count in counts.items():
        if count > shown:
            text = f"{count - shown:,} more rows have the same fault."
            remedy = "Correct those that are listed, and import again."
            kept.append(Problem(code, text, remedy, field=name))
    return kept
