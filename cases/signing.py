"""Who signs for something that is done to a case."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from cases.access import Permission
from cases.requirements import LONGEST_TEXT, lacks_permission
from gis.problems import Problem, Said


@dataclass(frozen=True)
class Signature:
    """Who does it, when (now where ``None``), and what they may.

    ``permissions`` of ``None`` are the operator's, who may all; ``version`` is the
    case's when it was read, where that matters.
    """

    actor: str
    at: dt.datetime | None = None
    permissions: frozenset[Permission] | None = None
    version: int | None = None

    def lacks(self, *permissions: Permission) -> list[Problem]:
        """Return the problem of lacking all of ``permissions``; one is enough."""
        problems = [lacks_permission(self.permissions, one) for one in permissions]
        return [] if not all(problems) else problems[0]


def text_problems(needed: Iterable[tuple[str, str]]) -> list[Problem]:
    """Return what is wrong with texts that must be given, as pairs of field and text."""
    texts = list(needed)
    missing = [
        Problem(
            f"{field}_missing",
            Said("There is no {field}.", field=field),
            Said("Give the {field}.", field=field),
            field=field,
        )
        for field, text in texts
        if not text.strip()
    ]
    return missing + length_problems(texts)


def length_problems(texts: Iterable[tuple[str, str]]) -> list[Problem]:
    """Keep texts, pairs of field and text, short enough to be printed."""
    return [
        Problem(
            "too_long",
            Said(
                "The {field} has more than {longest_text} characters.",
                field=field,
                longest_text=LONGEST_TEXT,
            ),
            "Shorten it.",
            field=field,
        )
        for field, text in texts
        if len(text) > LONGEST_TEXT
    ]
