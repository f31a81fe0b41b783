"""What is wrong with an input, where, and what to do about it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self


class Said(str):
    """A sentence made of one template and the facts in it, each under its name.

    It is its own English text. The template is what is looked up in another language, where
    the same facts are put in; the words of the facts follow that language too.
    """

    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, **values: Any) -> Self:
        """Put ``values`` into the ``{name}`` of ``template``, as ``str.format`` does."""
        said = super().__new__(cls, template.format(**values))
        said.template, said.values = template, values
        return said

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the facts with the text."""
        return _said_again, (type(self), self.template, dict(self.values))


class Several(tuple[Any, ...]):
    """Several facts of a sentence, said one after the other."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return them with commas between."""
        return ", ".join(map(str, self))

    def __format__(self, _spec: str) -> str:
        """Return them as they stand in a sentence."""
        return str(self)


def _said_again(cls: type[Said], template: str, values: dict[str, Any]) -> Said:
    return cls(template, **values)


def _plain(value: Any) -> Any:
    if isinstance(value, Several):
        return [_plain(one) for one in value]
    is_number = isinstance(value, int | float) and math.isfinite(value)
    return value if is_number or isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Problem:
    """One fault of an input.

    ``row`` counts features from 1 as a person would; ``field`` is our name of
    the column; both are ``None`` where the fault is the whole file's. Where ``message`` or
    ``remedy`` holds a fact, it is :class:`Said`.
    """

    code: str
    message: str
    remedy: str
    row: int | None = None
    field: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the facts of message and remedy by their names; none where they have none."""
        said = (self.message, self.remedy)
        parts = [one.values for one in said if isinstance(one, Said)]
        return {name: value for values in parts for name, value in values.items()}

    def as_json(self) -> dict[str, Any]:
        """Return the fault for programs; ``parameters`` are as JSON has them."""
        return {
            "code": self.code,
            "message": str(self.message),
            "remedy": str(self.remedy),
            "row": self.row,
            "field": self.field,
            "parameters": {name: _plain(value) for name, value in self.parameters.items()},
        }

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
