"""What a community may decide for itself: tolerances and days, never constants in code."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, Self

from gis.area import Tolerances
from gis.problems import InputError, Problem, Said
from layers.imports.plans import ImportPolicy

Days = tuple[int, ...]


@dataclass(frozen=True)
class Policy:
    """The defaults of DOMAIN, overridden by what ``community.policy`` holds.

    ``residual_tolerance_m2`` is the area that may still be occupied at acceptance
    once slivers are dropped; ``coverage_share`` the share of a parcel that a survey
    must cover for the parcel to count as looked at. Days are working days:
    ``announcement_days`` until the deadline of an announcement and the fewest that one
    may give, ``objection_days`` after an announcement in which an objection stops the
    clock, ``decision_days`` for deciding it, ``extension_days`` by which a deadline may
    be extended in all, ``visit_days`` within which an announced household is visited.

    Calendar days: ``patrol_days`` after an acceptance on which cleared ground is looked
    at again (DOMAIN, product rule 19), ``declaration_days`` for which a one-time link
    is good. ``sketch_rms_m`` is how exactly a polygon is drawn on a map by hand. A case
    is harder from ``large_area_m2`` or ``several_parcels`` on, and is suggested for the
    remedial team from ``remedial_difficulty`` on.
    """

    tolerances: Tolerances = field(default_factory=Tolerances)
    residual_tolerance_m2: float = 0.0
    coverage_share: float = 0.95
    announcement_days: int = 15
    shortest_announcement_days: int = 7
    objection_days: int = 7
    decision_days: int = 7
    extension_days: int = 15
    visit_days: int = 5
    patrol_days: Days = (7, 30, 90, 180, 365)
    declaration_days: int = 30
    sketch_rms_m: float = 0.3
    large_area_m2: float = 30.0
    several_parcels: int = 2
    remedial_difficulty: int = 4

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """Read a community's stored policy; raises ``InputError`` on unknown or wrong values.

        Names of tolerances and of the policy itself stand side by side.
        """
        kinds = {item.name: item.type for item in fields(cls) if item.name != "tolerances"}
        theirs = {item.name for item in fields(Tolerances)}
        kinds |= dict.fromkeys(theirs, float)
        problems = [
            Problem(
                "policy",
                Said(
                    "{name!r} = {value!r} is not a policy of a community.", name=name, value=value
                ),
                Said(
                    "Use a number from 0 for one of {listed}; days are whole, and patrol_days a"
                    " list of rising ones.",
                    listed=", ".join(sorted(kinds)),
                ),
                field=name,
            )
            for name, value in stored.items()
            if name not in kinds or not _FITS[kinds[name]](value)
        ]
        if problems:
            raise InputError(problems)
        tolerances = Tolerances(**{n: float(v) for n, v in stored.items() if n in theirs})
        given = {n: _READ[kinds[n]](v) for n, v in stored.items() if n not in theirs}
        return cls(tolerances, **given)

    @property
    def of_imports(self) -> ImportPolicy:
        """Return what of it decides about files and what they have looked at."""
        return ImportPolicy(coverage_share=self.coverage_share, tolerances=self.tolerances)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e6


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1e3


def _are_days(value: Any) -> bool:
    """Tell whether these are days that rise from 1: a patrol follows another."""
    if not isinstance(value, list | tuple) or not value or not all(map(_is_whole, value)):
        return False
    return value[0] > 0 and all(one < after for one, after in pairwise(value))


_FITS: dict[Any, Callable[[Any], bool]] = {float: _is_number, int: _is_whole, Days: _are_days}
_READ: dict[Any, Callable[[Any], Any]] = {float: float, int: int, Days: tuple}
