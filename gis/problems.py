"""What is wrong with an input, where, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One fault of an input.

    ``row`` counts features from 1 as a person would; ``field`` is our name of
    the column; both are ``None`` where the fault is the whole file's.
    """

    code: str
    message: str
    remedy: str
    row: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        """Return the fault as one line: where, what, remedy."""
        place = ", ".join(
            part
            for part in (
                f"row {self.row}" if self.row is not None else "",
                f"field {self.field}" if self.field else "",
            )
            if part
        )
        return f"{place + ': ' if place else ''}{self.message} {self.remedy}"


class InputError(ValueError):
    """Input that is refused whole, with every fault found in it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep ``problems``, at least one, in the order found."""
        if not problems:
            raise AssertionError("an input error names at least one problem")
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in problems))
