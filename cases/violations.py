"""A rule that does not hold."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """One broken rule, where, and what it says."""

    rule: str
    place: str
    message: str
