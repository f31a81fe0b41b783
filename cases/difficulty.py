"""How hard a case will be, 1 to 5, suggested with its reasons (DOMAIN, product rule 15).

Pure. What it looks at is the ground and what has happened on it: no credit score, no
name, no age, no trait of a person is among :class:`Facts`, so none can weigh.
"""

import datetime as dt
import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from cases.models import OrderOfWork
from cases.policy import Policy
from layers.models import StructureType

T = TypeVar("T")

EASIEST, HARDEST = 1, 5
# Built on a foundation, so that clearing takes tools and a cart.
FOUNDED = frozenset({StructureType.SHED, StructureType.GLASSHOUSE, StructureType.PAVING})


class Reason(enum.StrEnum):
    """What makes a case harder; the order is the order in which they are told."""

    LARGE_AREA = "large_area"
    FOUNDED = "founded"
    TENANT = "tenant"
    REFUSED = "refused"
    REBOUND = "rebound"
    SEVERAL_PARCELS = "several_parcels"


@dataclass(frozen=True)
class Facts:
    """What is known of a case: its ground in m2 of the survey CRS, and what happened.

    ``is_let`` says that a tenant lives there, so that two parties must agree.
    """

    occupied_m2: float = 0.0
    structures: frozenset[StructureType] = frozenset()
    is_let: bool = False
    refusals: int = 0
    rebounds: int = 0
    parcels: int = 1


@dataclass(frozen=True)
class Suggestion:
    """A difficulty with its reasons; each reason adds one, a second refusal or rebound too."""

    difficulty: int
    reasons: tuple[Reason, ...]
    facts: Facts = field(default_factory=Facts)


def suggest(facts: Facts, policy: Policy) -> Suggestion:
    """Return how hard a case is by its facts; every fact that adds to it is a reason."""
    points = {
        Reason.LARGE_AREA: int(facts.occupied_m2 >= policy.large_area_m2),
        Reason.FOUNDED: int(bool(facts.structures & FOUNDED)),
        Reason.TENANT: int(facts.is_let),
        Reason.REFUSED: min(facts.refusals, 2),
        Reason.REBOUND: min(facts.rebounds, 2),
        Reason.SEVERAL_PARCELS: int(facts.parcels >= policy.several_parcels),
    }
    reasons = tuple(reason for reason, added in points.items() if added)
    return Suggestion(min(EASIEST + sum(points.values()), HARDEST), reasons, facts)


def is_for_remedial_team(difficulty: int, policy: Policy) -> bool:
    """Tell whether a case is so hard that the remedial team is proposed for it."""
    return difficulty >= policy.remedial_difficulty


@dataclass(frozen=True)
class Ranked:
    """What decides when a case is taken: how hard it is, since when it waits, its number."""

    difficulty: int
    since: dt.date
    number: int


def in_order(order: OrderOfWork, cases: Iterable[T], rank: Callable[[T], Ranked]) -> list[T]:
    """Return cases in a campaign's order of work; among equals who has waited longest."""
    sign = 1 if order is OrderOfWork.EASY_FIRST else -1

    def key(case: T) -> tuple[int, dt.date, int]:
        ranked = rank(case)
        return sign * ranked.difficulty, ranked.since, ranked.number

    return sorted(cases, key=key)
