"""Whether a delivery lies in the community it is for, and if not, why (DOMAIN 12)."""

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import ProjError

from gis.crs import STORAGE_SRID, Geometries, SurveyCRS
from gis.datum import Suspicion, gcj02_suspected, in_china
from gis.problems import InputError, Problem
from layers.door import whereabouts
from layers.door.admission import GateLimits, Place
from layers.files.delivery import Delivery, Notice, name_crs, row_list

Floats = NDArray[np.float64]

_ASK = "Ask for the layer as surveyed, in CGCS2000."
_CORRECT = "Correct the CRS in the source"
_MISPLACED = frozenset({"outside_boundary", "outside_survey_crs", "crs_outside"})


@dataclass
class Located:
    """Sound geometries where they belong: in EPSG:4326 and in the survey CRS.

    With ``problems`` that are not of single rows they are as they were given.
    """

    stored: Geometries
    survey: Geometries
    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def locate(
    delivery: Delivery,
    geometries: Geometries,
    rows: list[int],
    place: Place,
    by_middle: bool,
    limits: GateLimits,
) -> Located:
    """Project the sound ``geometries`` of a delivery and judge whether they lie in ``place``.

    ``rows`` numbers them; ``by_middle`` says that their middles are expected in
    the buildings of ``place.reference`` and not beside them. A file without CRS, one
    in the wrong CRS, zone, unit, datum or order of axes, and one of another
    place is a problem, with what would put it right where that can be told.
    """
    locator = _Locator(delivery, geometries, rows, place, by_middle, limits)
    locator.run()
    return Located(locator.stored, locator.survey, locator.problems, locator.notices)


class _Locator:
    def __init__(
        self,
        delivery: Delivery,
        geometries: Geometries,
        rows: list[int],
        place: Place,
        by_middle: bool,
        limits: GateLimits,
    ) -> None:
        self.delivery = delivery
        self.stored = self.survey = geometries
        self.rows = rows
        self.place = place
        self.by_middle = by_middle
        self.limits = limits
        self.survey_crs = SurveyCRS(place.survey_srid)
        self.numbers = whereabouts.sample(geometries)
        self.ground = self._ground()
        self.problems: list[Problem] = []
        self.notices: list[Notice] = []

    def run(self) -> None:
        """Judge the CRS first: nothing is projected while it is in doubt."""
        crs = self.delivery.crs
        if crs is None:
            self.problems.append(self._no_crs())
            return
        if not len(self.numbers):
            return
        if (wrong := _wrong_units(crs, self.numbers)) is not None:
            self.problems.append(self._explained(wrong))
        elif (wrong := _wrong_datum(crs)) is not None:
            self.problems.append(wrong)
        elif self._project(crs):
            self._judge(whereabouts.sample(self.stored))

    def _ground(self) -> shapely.Geometry | None:
        """Return where the layer may be expected to lie, in EPSG:4326, with some metres around."""
        known = self.place.boundary or self.place.reference
        if known is None:
            return None
        near, far = self.limits.near_m, self.limits.reference_m
        around = near if self.place.boundary is not None else far
        flat = self.survey_crs.to_survey(np.array([shapely.convex_hull(known)], dtype=object))
        return self.survey_crs.to_storage(shapely.buffer(flat, around))[0]

    def _no_crs(self) -> Problem:
        """Say what the numbers could be, so that a surveyor can be asked the right question."""
        text = "Nobody says in which CRS the numbers are."
        remedy = "Ask the surveyor and name it, for example --crs EPSG:4550."
        if self.ground is None or not len(self.numbers):
            found, where = whereabouts.guesses(self.numbers), "They could be"
        else:
            found = self._fits(self.ground)
            where = f"In {self.place.name} they would lie with"
        if found:
            listing = "; ".join(f"{fit} by {fit.options}" for fit in found[:3])
            remedy = f"Ask the surveyor. {where} {listing}."
        elif self.ground is not None:
            text += f" In no grid that is usual in China do they lie in {self.place.name}."
        return Problem("crs_missing", text, remedy, field="crs")

    def _project(self, crs: CRS) -> bool:
        """Project to storage and to the survey CRS; false where there is no way."""
        try:
            stored = whereabouts.to_storage(self.stored, crs)
            self.stored, self.survey = stored, self.survey_crs.to_survey(stored)
        except ProjError as error:
            text = f"{name_crs(crs)} does not lead to WGS 84: {error}."
            self.problems.append(Problem("crs_unusable", text, _ASK, field="crs"))
            return False
        except InputError as error:
            lost = [self.rows[one.row - 1] for one in error.problems if one.row is not None]
            text = f"The numbers have no place in {name_crs(crs)}.{row_list(lost)}"
            problem = Problem("crs_outside", text, f"{_CORRECT}.", field="crs")
            self.problems.append(self._explained(problem))
            return False
        return True

    def _judge(self, places: Floats) -> None:
        """Judge by the boundary, else by what stands there, else by the survey CRS alone."""
        if self.ground is None:
            self._judge_roughly(places)
            return
        suspicion = self._shifted(places)
        inside = float(shapely.intersects_xy(self.ground, places).mean())
        if suspicion is not None:
            self.problems.append(_shift_problem(suspicion))
        elif inside < self.limits.inside_share:
            self.problems.append(self._explained(self._elsewhere(places)))
        elif self.place.boundary is not None:
            self._reaching_out(self.place.boundary)
        if self.place.boundary is None:
            text = f"{self.place.name} has no boundary: its place was judged by what stands there."
            self.notices.append(Notice("boundary_missing", text))
            if not self.by_middle:
                self._say_untested(places)

    def _judge_roughly(self, places: Floats) -> None:
        area = self.survey_crs.area_of_use
        text = f"{self.place.name} has no boundary: whether the layer lies in it cannot be judged."
        self.notices.append(Notice("boundary_missing", text))
        if area is not None and not shapely.intersects_xy(shapely.box(*area), places).any():
            x, y = places.mean(axis=0)
            text = (
                f"The layer lies around {x:.4f} E, {y:.4f} N, outside the area of "
                f"{name_crs(self.survey_crs.crs)}, in which {self.place.name} is surveyed."
            )
            problem = Problem("outside_survey_crs", text, f"{_CORRECT}.", field="crs")
            self.problems.append(self._explained(problem, shapely.box(*area)))
        self._say_untested(places)

    def _say_untested(self, places: Floats) -> None:
        """Say that a shift of web maps would go unseen, where one is likely."""
        crs = self.delivery.crs
        is_web = crs is not None and crs.to_epsg(min_confidence=70) in (STORAGE_SRID, 3857)
        if is_web and in_china(places).any():
            text = "Whether the numbers are GCJ-02 or BD-09 cannot be judged without a boundary."
            self.notices.append(Notice("datum_untested", text))

    def _shifted(self, places: Floats) -> Suspicion | None:
        """Look for the shift of Chinese web maps, by the boundary and by the buildings."""
        found = None
        if self.place.boundary is not None:
            found = gcj02_suspected(places, self.place.boundary, rule=self.limits.datum)
        if found is None and self.place.reference is not None:
            # One place per feature: outlines touch the buildings that they surround.
            valid = self.stored[shapely.is_valid(self.stored)]
            middles = whereabouts.sample(shapely.point_on_surface(valid))
            if len(middles) >= self.limits.datum.features:
                beside = not self.by_middle
                found = gcj02_suspected(middles, self.place.reference, beside, self.limits.datum)
        return found

    def _elsewhere(self, places: Floats) -> Problem:
        """Say how far from the community the layer lies, and in which direction."""
        known = self.place.boundary or self.place.reference
        middle = shapely.points(places.mean(axis=0))
        flat = self.survey_crs.to_survey(np.array([known, middle], dtype=object))
        centre = shapely.centroid(flat[0])
        metres = float(shapely.distance(flat[0], flat[1]))
        direction = _direction(flat[1].x - centre.x, flat[1].y - centre.y)
        text = (
            f"The layer lies {metres:,.0f} m {direction} of {self.place.name}, "
            f"around {middle.x:.4f} E, {middle.y:.4f} N."
        )
        remedy = "Check the community, or correct the CRS in the source."
        return Problem("outside_boundary", text, remedy, field="geometry")

    def _explained(self, problem: Problem, ground: shapely.Geometry | None = None) -> Problem:
        """Return a problem of place with the CRS that would solve it, if there is one."""
        ground = ground if self.ground is None else self.ground
        found = [] if ground is None else self._fits(ground)
        found = [fit for fit in found if fit.is_swapped or fit.crs != self.delivery.crs]
        if not found:
            return problem
        best, code = found[0], problem.code
        if code in _MISPLACED:
            code = "axes_swapped" if best.is_swapped else "crs_wrong_zone"
        text = f"{problem.message} The numbers would lie in {self.place.name} in {best}."
        remedy = f"{_CORRECT}, or remove it there and read the file with {best.options}."
        return Problem(code, text, remedy, field="crs")

    def _fits(self, ground: shapely.Geometry) -> list[whereabouts.Fit]:
        share = self.limits.fit_share
        return whereabouts.fits(self.numbers, ground, self.survey_crs, share)

    def _reaching_out(self, boundary: shapely.Geometry) -> None:
        """Name the features that reach over the boundary, with the farthest vertex of each."""
        flat = self.survey_crs.to_survey(np.array([boundary], dtype=object))[0]
        shapely.prepare(flat)
        corners, owner = shapely.get_coordinates(self.survey, return_index=True)
        beyond = ~shapely.intersects_xy(flat, corners)
        metres = np.zeros(len(self.rows))
        away = shapely.distance(shapely.points(corners[beyond]), flat)
        np.maximum.at(metres, owner[beyond], away)
        for at in np.flatnonzero(metres > self.limits.outside_m).tolist():
            text = f"The feature reaches {metres[at]:,.1f} m beyond the boundary."
            remedy = "Correct it, leave the row out, or correct the community's boundary."
            problem = Problem("outside_boundary", text, remedy, self.rows[at], "geometry")
            self.problems.append(problem)


def _wrong_datum(crs: CRS) -> Problem | None:
    if not whereabouts.lacks_shift(crs):
        return None
    text = (
        f"{name_crs(crs)} has another datum than WGS 84, and no shift between them is public: "
        "the layer would lie some hundred metres off."
    )
    return Problem("datum_without_shift", text, _ASK, field="crs")


def _wrong_units(crs: CRS, numbers: Floats) -> Problem | None:
    """Return a problem where degrees are given as metres, or metres as degrees."""
    x, y = numbers.mean(axis=0)
    limits = ((180, 90), (90, 180))
    are_degrees = any((np.abs(numbers) <= limit).all() for limit in limits)
    name = name_crs(crs)
    if crs.is_geographic and not are_degrees:
        text = f"{name} counts degrees, but the numbers (around {x:,.0f}, {y:,.0f}) are none."
        remedy = "Name the CRS of the metres: correct it in the source, or give --crs."
        return Problem("metres_as_degrees", text, remedy, field="crs")
    if crs.is_projected and are_degrees:
        text = f"{name} counts metres, but the numbers (around {x:.4f}, {y:.4f}) are degrees."
        remedy = "Correct the CRS in the source: degrees of CGCS2000 are EPSG:4490."
        return Problem("degrees_as_metres", text, remedy, field="crs")
    return None


def _shift_problem(found: Suspicion) -> Problem:
    text = (
        f"The layer looks like {found.system}, the shifted coordinates of Chinese web maps: "
        f"{found.share_before:.0%} of its places agree with the community as they are, "
        f"{found.share_after:.0%} once the shift of {found.shift_m:,.0f} m is taken back."
    )
    remedy = f"{_ASK} Taking the shift back leaves 1-2 m, which is no survey."
    return Problem("datum_shifted", text, remedy, field="crs")


_COMPASS = (
    "east",
    "north-east",
    "north",
    "north-west",
    "west",
    "south-west",
    "south",
    "south-east",
)


def _direction(east: float, north: float) -> str:
    return _COMPASS[round(np.degrees(np.arctan2(north, east)) / 45) % 8]
