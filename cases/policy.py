"""What a community may decide for itself: tolerances and days, never constants in code."""

from dataclasses import dataclass, field, fields
from typing import Any, Self

from gis.area import Tolerances
from gis.problems import InputError, Problem


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

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """Read a community's stored policy; raises ``InputError`` on unknown or wrong values.

        Names of tolerances and of the policy itself stand side by side.
        """
        whole = {item.name for item in fields(cls) if item.type is int}
        ours = {item.name for item in fields(cls)} - {"tolerances"}
        theirs = {item.name for item in fields(Tolerances)}
        problems = [
            Problem(
                "policy",
                f"{name!r} = {value!r} is not a policy of a community.",
                f"Use a number from 0 for one of {', '.join(sorted(ours | theirs))};"
                " days are whole.",
                field=name,
            )
            for name, value in stored.items()
            if name not in ours | theirs or not _is_number(value, whole=name in whole)
        ]
        if problems:
            raise InputError(problems)
        tolerances = Tolerances(**{n: float(v) for n, v in stored.items() if n in theirs})
        given: dict[str, Any] = {
            n: v if n in whole else float(v) for n, v in stored.items() if n in ours
        }
        return cls(tolerances, **given)


def _is_number(value: Any, *, whole: bool) -> bool:
    kinds = int if whole else int | float
    largest = 1e3 if whole else 1e6
    return isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value < largest
