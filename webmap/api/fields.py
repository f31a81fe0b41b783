"""What requests are made of: each field reads one value and says all that is wrong with it."""

import datetime as dt
import json
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

import shapely
from marshmallow import ValidationError, fields
from webargs.fields import DelimitedList

from gis.problems import Problem
from gis.validity import WEB_LIMITS

LONGEST_TEXT = 2_000
LONGEST_ECHO = 40
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
_REMEDY = "See what this operation takes under /api."
_CODES = {
    "Missing data for required field.": "missing",
    "Unknown field.": "unknown",
    "Field may not be null.": "null",
    "Invalid input type.": "body",
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_LISTS = {"Polygon": 2, "MultiPolygon": 3}
# As the API's document describes one.
POLYGONS = {"anyOf": [{"$ref": f"#/components/schemas/{kind}"} for kind in _LISTS]}


def refused(code: str, message: str, remedy: str) -> ValidationError:
    """Return the refusal of a value; the field's name is added where all are gathered."""
    return ValidationError([Problem(code, message, remedy)])


def shown(value: Any) -> str:
    """Return what was sent as a message may repeat it: short, and no raw lists or halves."""
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_ECHO else value[:LONGEST_ECHO] + "…")
    return {dict: "An object", list: "A list", type(None): "null"}.get(type(value), "A number")


def problems_in(messages: Any, path: tuple[str, ...] = ()) -> Iterator[Problem]:
    """Yield every problem in what marshmallow found wrong, each at its field."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            yield from problems_in(inner, (*path, str(name)))
        return
    field = ".".join(name for name in path if name != "_schema" and not name.isdigit())
    # A name of the client's may hold what no answer can.
    field = field[:LONGEST_ECHO].encode(errors="replace").decode()
    for message in messages:
        if not isinstance(message, Problem):
            message = Problem(_CODES.get(message, "input"), str(message), _REMEDY)
        yield replace(message, field=field or None)


class Word(fields.Enum):  # type: ignore[type-arg]
    """A value of one of our enumerations; ``code`` names the problem of one that is none."""

    def __init__(self, enum: type[StrEnum], *, code: str, noun: str, **kwargs: Any) -> None:
        """Take the enumeration's values as the words to choose from."""
        self.code, self.noun, self.words = code, noun, enum
        super().__init__(enum, by_value=fields.String, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and value in list(self.words):
            return self.words(value)
        remedy = f"Choose one of {', '.join(self.words)}."
        raise refused(self.code, f"{shown(value)} is no {self.noun}.", remedy)


class Text(fields.String):
    """A text as PostgreSQL takes it, without spaces around it."""

    def __init__(self, longest: int = LONGEST_TEXT, **kwargs: Any) -> None:
        """Allow ``longest`` characters."""
        self.longest = longest
        metadata = {"maxLength": longest, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, str) and len(value) <= self.longest and _storable(value):
            return value.strip()
        remedy = f"Write {self.longest} characters at most, none of them NUL or half a character."
        raise refused("text", f"The {attr} is no such text.", remedy)


class Version(fields.Integer):
    """The version of a case as somebody read it."""

    def __init__(self, **kwargs: Any) -> None:
        """Take what an integer column holds."""
        metadata = {"minimum": 1, "maximum": 2**31 - 1, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        if type(value) is int and 0 < value < 2**31:
            return value
        remedy = "Send the version that the case had when it was read."
        raise refused("version", f"{shown(value)} is no version.", remedy)


class Day(fields.Date):
    """A day, written as 2022-06-30."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            if _DAY.fullmatch(value):
                return dt.date.fromisoformat(value)
        except (TypeError, ValueError):
            pass  # It has the shape of a day, or not even that, and is refused as all else.
        raise refused("day", f"{shown(value)} is no day.", "Write it as 2022-06-30.")


class Instant(fields.DateTime):
    """A time with its zone, in this century."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            instant = dt.datetime.fromisoformat(value)
        except (TypeError, ValueError):
            instant = None
        if instant is None or instant.tzinfo is None:
            remedy = "Write it as 2022-06-30T10:00:00+08:00."
            raise refused("at", f"{shown(value)} is no time with its zone.", remedy)
        if not EARLIEST <= instant < LATEST:
            remedy = f"Give a time from {EARLIEST.year} on and before {LATEST.year}."
            raise refused("at", f"{shown(value)} is too far away.", remedy)
        return instant


class Flag(fields.Boolean):
    """Yes or no, written as ``true`` or ``false``."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if value in ("true", "false"):
            return value == "true"
        raise refused("flag", f"{shown(value)} is neither.", "Write true or false.")


class Count(fields.Integer):
    """A whole number within bounds, as a query writes it."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        """Allow ``least`` to ``most``."""
        self.least, self.most = least, most
        metadata = {"minimum": least, "maximum": most, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
            number = int(value)
            if self.least <= number <= self.most:
                return number
        remedy = f"Give a whole number from {self.least} to {self.most}."
        raise refused("count", f"{shown(value)} is no such number.", remedy)


class Language(fields.String):
    """One of the languages of papers."""

    def __init__(self, languages: Sequence[str], **kwargs: Any) -> None:
        """Take the languages to choose from."""
        self.languages = languages
        metadata = {"enum": list(languages), **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        if value in self.languages:
            return str(value)
        remedy = f"Choose one of {', '.join(self.languages)}."
        raise refused("language", f"{shown(value)} is none of the languages.", remedy)


class Whole(fields.Integer):
    """A whole number within bounds, as a body writes it."""

    def __init__(self, least: int, most: int, **kwargs: Any) -> None:
        """Allow ``least`` to ``most``."""
        self.least, self.most = least, most
        metadata = {"minimum": least, "maximum": most, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        if type(value) is int and self.least <= value <= self.most:
            return value
        remedy = f"Give a whole number from {self.least} to {self.most}."
        raise refused("count", f"{shown(value)} is no such number.", remedy)


class Key(fields.UUID):
    """An identifier that the client made."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **kwargs)
        except ValidationError:
            remedy = "Make a random UUID, such as 8a1f6bd2-0d0c-4c39-9d52-0f8e3a7f6d11."
            raise refused("uuid", f"{shown(value)} is no UUID.", remedy) from None


class Box(DelimitedList):
    """A box in degrees: west, south, east, north."""

    def __init__(self, **kwargs: Any) -> None:
        """Take four numbers."""
        metadata = {"minItems": 4, "maxItems": 4, **kwargs.pop("metadata", {})}
        super().__init__(fields.Float(), metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> list[Any]:
        try:
            west, south, east, north = (float(part) for part in value.split(","))
        except (AttributeError, ValueError):
            west = south = east = north = math.nan
        if not all(map(math.isfinite, (west, south, east, north))):
            remedy = "Give west,south,east,north in degrees."
            raise refused("bbox", f"{shown(value)} is no box.", remedy)
        return [west, south, east, north]


class Ground(fields.Raw):
    """A polygon in EPSG:4326, as GeoJSON, or ``null``."""

    def __init__(self, **kwargs: Any) -> None:
        """Refer to the document's geometries."""
        kinds = [*POLYGONS["anyOf"], {"type": "null"}]
        metadata = {"anyOf": kinds, **kwargs.pop("metadata", {})}
        super().__init__(allow_none=True, metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            return _polygon(value)
        except (ValueError, TypeError, shapely.GEOSException) as error:
            remedy = (
                "Send a GeoJSON Polygon or MultiPolygon in EPSG:4326, or null for nothing left."
            )
            raise refused("residual", f"The {attr} cannot be read: {error}.", remedy) from None


def _storable(text: str) -> bool:
    """Tell whether PostgreSQL takes the text: JSON can spell NUL and halves of characters."""
    return "\x00" not in text and text == text.encode(errors="ignore").decode()


def _polygon(value: Any) -> shapely.Geometry:
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _LISTS:
        raise ValueError("it is neither a Polygon nor a MultiPolygon")
    coordinates = value.get("coordinates")
    _check_coordinates(coordinates, _LISTS[kind])
    # GEOS's own reader refuses rings that do not close.
    return shapely.from_geojson(json.dumps({"type": kind, "coordinates": coordinates}))


def _check_coordinates(coordinates: Any, lists: int) -> None:
    """Raise ``ValueError`` unless these are ``lists`` levels of lists around positions.

    Level by level, so that depth costs nothing and what is too much is not built.
    """
    level = [coordinates]
    for _ in range(lists):
        if not all(isinstance(one, list) for one in level):
            raise ValueError("its coordinates are no lists of rings of positions")
        level = [part for one in level for part in one]
        if len(level) > WEB_LIMITS.vertices:
            raise ValueError(f"it has more than {WEB_LIMITS.vertices:,} vertices")
    if not all(map(_is_position, level)):
        raise ValueError("a position is not two or three numbers")


def _is_position(value: Any) -> bool:
    if not isinstance(value, list) or len(value) not in (2, 3):
        return False
    # NaN, infinity and whole numbers that no float holds are not within its range.
    return all(type(one) in (int, float) and abs(one) <= sys.float_info.max for one in value)
