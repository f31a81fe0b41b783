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
    must cover for the parcel to count as looked at.
    """

    tolerances: Tolerances = field(default_factory=Tolerances)
    residual_tolerance_m2: float = 0.0
    coverage_share: float = 0.95

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        """Read a community's stored policy; raises ``InputError`` on unknown or wrong values.

        Names of tolerances and of the policy itself stand side by side.
        """
        ours = {item.name for item in fields(cls)} - {"tolerances"}
        theirs = {item.name for item in fields(Tolerances)}
        problems = [
            Problem(
                "policy",
                f"{name!r} = {value!r} is not a policy of a community.",
                f"Use a number from 0 for one of {', '.join(sorted(ours | theirs))}.",
                field=name,
            )
            for name, value in stored.items()
            if name not in ours | theirs
            or isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value < 1e6
        ]
        if problems:
            raise InputError(problems)
        tolerances = Tolerances(**{n: float(v) for n, v in stored.items() if n in theirs})
        return cls(tolerances, **{n: float(v) for n, v in stored.items() if n in ours})
