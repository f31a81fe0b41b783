"""What a form sends, as values, with every fault at its field."""

import datetime as dt
import enum
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from zoneinfo import ZoneInfo

from flask import request
from werkzeug.datastructures import MultiDict

from gis.problems import InputError, Problem, Said
from layers.models import Community

E = TypeVar("E", bound=enum.StrEnum)

LONGEST_TEXT = 2_000
LONGEST_NUMBER = 12
# What neither the database nor a spreadsheet can hold, and nobody types.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass
class Form:
    """The fields of a request; each method reads one and remembers what is wrong with it."""

    sent: MultiDict[str, str]
    problems: list[Problem] = field(default_factory=list)
    is_checked: bool = field(default=False, init=False)

    @classmethod
    def of_request(cls) -> "Form":
        """Return the form of this request."""
        return cls(request.form)

    def text(self, name: str, *, needed: bool = True, longest: int = LONGEST_TEXT) -> str:
        """Return a text without the blanks around it."""
        value = _CONTROLS.sub("", self.sent.get(name, "").replace("\r\n", "\n")).strip()
        if needed and not value:
            self._refuse(name, "field_missing", "This is missing.", "Fill it in.")
        if len(value) > longest:
            message = Said("This has {count} characters.", count=len(value))
            self._refuse(name, "too_long", message, Said("At most {longest} fit.", longest=longest))
        return value

    def day(self, name: str, *, needed: bool = True) -> dt.date | None:
        """Return a day, which browsers send as 2022-06-30."""
        value = self.text(name, needed=needed)
        if not value:
            return None
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            message = Said("{value!r} is no day.", value=value)
            self._refuse(name, "day", message, "Write it as 2022-06-30.")
        return None

    def number(
        self, name: str, *, least: int = 0, most: int = 1_000_000, needed: bool = True
    ) -> int | None:
        """Return a whole number from ``least`` to ``most``."""
        value = self.text(name, needed=needed)
        if not value:
            return None
        digits = value.removeprefix("-")
        is_number = digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER
        if is_number and least <= int(value) <= most:
            return int(value)
        message = Said(
            "{value!r} is no whole number from {least} to {most}.",
            value=value[:40],
            least=least,
            most=most,
        )
        self._refuse(name, "number", message, "Correct it.")
        return None

    def decimal(self, name: str, least: float, most: float) -> float | None:
        """Return a number from ``least`` up to ``most``, ``None`` where the field is empty."""
        value = self.text(name, needed=False)
        if not value:
            return None
        try:
            number = float(value.replace(",", "."))
        except ValueError:
            number = math.nan
        if least <= number <= most:
            return number
        message = Said(
            "{value!r} is no number from {least:g} to {most:g}.",
            value=value[:40],
            least=least,
            most=most,
        )
        self._refuse(name, "number", message, "Correct it.")
        return None

    def choice(self, name: str, kind: type[E], *, needed: bool = True) -> E | None:
        """Return one value of an enumeration."""
        value = self.text(name, needed=needed)
        if value in set(kind):
            return kind(value)
        if value:
            self._refuse(
                name,
                "choice",
                Said("{value!r} is no choice.", value=value[:40]),
                "Choose from the list.",
            )
        return None

    def key(self, name: str, *, needed: bool = True) -> uuid.UUID | None:
        """Return the identifier of what was chosen."""
        value = self.text(name, needed=needed)
        try:
            return uuid.UUID(value) if value else None
        except ValueError:
            self._refuse(
                name,
                "choice",
                Said("{value!r} is no choice.", value=value[:40]),
                "Choose from the list.",
            )
        return None

    def several(self, name: str) -> list[uuid.UUID]:
        """Return the identifiers that were ticked."""
        try:
            return [uuid.UUID(value) for value in self.sent.getlist(name)]
        except ValueError:
            self._refuse(name, "choice", "Something here is no choice.", "Tick what is listed.")
        return []

    def ticked(self, name: str) -> bool:
        """Return whether a box is ticked."""
        return bool(self.sent.get(name))

    def moment(self, name: str, community: Community) -> dt.datetime | None:
        """Return a time, written in the community's own; ``None`` where none is given: now."""
        value = self.text(name, needed=False)
        if not value:
            return None
        try:
            return dt.datetime.fromisoformat(value).replace(tzinfo=ZoneInfo(community.time_zone))
        except ValueError:
            message = Said("{value!r} is no time.", value=value[:40])
            self._refuse(name, "time", message, "Write it as 2022-06-30T14:05.")
        return None

    def check(self) -> None:
        """Raise ``InputError`` with everything that was wrong."""
        if self.problems:
            raise InputError(self.problems)
        self.is_checked = True

    def _refuse(self, name: str, code: str, message: str, remedy: str) -> None:
        self.problems.append(Problem(code, message, remedy, field=name))
        if self.is_checked:
            # Whoever reads a field after the check would go on without it.
            self.check()


@dataclass(frozen=True)
class Filled:
    """A form as a page shows it: what was typed, and what was wrong with it."""

    values: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()

    @classmethod
    def again(cls, error: InputError) -> "Filled":
        """Return the form of this request once more, so that nothing typed is lost."""
        return cls(request.form, tuple(error.problems))

    def value(self, name: str, default: object = "") -> str:
        """Return what stands in a field."""
        return str(self.values.get(name, "" if default is None else default))

    def several(self, name: str) -> list[str]:
        """Return what was ticked."""
        return self.values.getlist(name) if isinstance(self.values, MultiDict) else []

    def of(self, name: str) -> list[Problem]:
        """Return what is wrong with a field."""
        return [one for one in self.problems if one.field == name]

    def beside(self, names: Sequence[str]) -> list[Problem]:
        """Return what is wrong and belongs to none of the fields ``names``."""
        return [one for one in self.problems if one.field not in names]
