"""Comparing two ways of doing one thing, taken in turn so that both meet the same noise."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

Act = Callable[[], object]


@dataclass
class Comparison:
    """Seconds of ours and of theirs, turn by turn; the claim is their ratio alone.

    ``goal`` is the largest ratio that the project allows itself, ``None`` where none is set.
    """

    name: str
    size: str
    goal: float | None = None
    note: str = ""
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Return the median over the turns of ours to theirs."""
        return median(mine / other for mine, other in zip(self.ours, self.theirs, strict=True))

    @property
    def whole_ratio(self) -> float:
        """Return the sum of ours to the sum of theirs, for turns that are parts of one work."""
        return sum(self.ours) / sum(self.theirs)


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    name: str
    size: str
    ratio: float
    goal: float | None
    note: str
    seconds: dict[str, Any]

    @property
    def verdict(self) -> str:
        """Return whether the goal is met."""
        if self.goal is None:
            return ""
        return "ok" if self.ratio <= self.goal else "MISSED"


def seconds(act: Act) -> float:
    """Return how long ``act`` took."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def take_turns(comparison: Comparison, ours: Act, theirs: Act, turns: int) -> Comparison:
    """Time both ``turns`` times, the one and the other first by turns; warm up once before."""
    ours()
    theirs()
    for turn in range(turns):
        if turn % 2:
            theirs_took, ours_took = seconds(theirs), seconds(ours)
        else:
            ours_took, theirs_took = seconds(ours), seconds(theirs)
        comparison.ours.append(ours_took)
        comparison.theirs.append(theirs_took)
    return comparison


def by_turns(comparison: Comparison) -> Row:
    """Return the line of a comparison whose turns repeat one work."""
    return _row(comparison, comparison.ratio)


def by_parts(comparison: Comparison) -> Row:
    """Return the line of a comparison whose turns are parts of one work."""
    return _row(comparison, comparison.whole_ratio)


def _row(comparison: Comparison, ratio: float) -> Row:
    took = {"ours": _rounded(comparison.ours), "theirs": _rounded(comparison.theirs)}
    return Row(comparison.name, comparison.size, ratio, comparison.goal, comparison.note, took)


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 6) for value in values]
