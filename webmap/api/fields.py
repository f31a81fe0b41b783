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
from flask_smorest import fields as smorest_fields
from marshmallow import ValidationError, fields
from webargs.fields import DelimitedList
from werkzeug.datastructures import FileStorage

from gis.problems import Problem, Said
from gis.validity import WEB_LIMITS

LONGEST_TEXT = 2_000
LONGEST_ECHO = 40
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
# Whatever the clock of a phone may say that has lost its time.
PHONE_EARLIEST = dt.datetime(1969, 12, 31, tzinfo=dt.UTC)
PHONE_LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
_REMEDY = "See what this operation takes under /api."
_CODES = {
    "Missing data for required field.": "missing",
    "Unknown field.": "unknown",
    "Field may not be null.": "null",
    "Invalid input type.": "body",
}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# How many lists lie around the positions of each.
_LISTS = {"Point": 0, "LineString": 1, "Polygon": 2, "MultiPolygon": 3}
_AREAS = ("Polygon", "MultiPolygon")
# As the API's document describes one.
POLYGONS = {"anyOf": [{"$ref": f"#/components/schemas/{kind}"} for kind in _AREAS]}


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
            message = Problem(_CODES.get(message, "input"), Said("{fault}", fault=message), _REMEDY)
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
        remedy = Said("Choose one of {listed}.", listed=", ".join(self.words))
        raise refused(
            self.code, Said("{value} is no {noun}.", value=shown(value), noun=self.noun), remedy
        )


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
        remedy = Said(
            "Write {longest} characters at most, none of them NUL or half a character.",
            longest=self.longest,
        )
        raise refused("text", Said("The {attr} is no such text.", attr=attr), remedy)


class Secret(Text):
    """A password or a code, exactly as it was typed."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        super()._deserialize(value, attr, data, **kwargs)
        return "" if value is None else str(value)


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
        raise refused("version", Said("{value} is no version.", value=shown(value)), remedy)


class Day(fields.Date):
    """A day, written as 2022-06-30."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            if _DAY.fullmatch(value):
                return dt.date.fromisoformat(value)
        except (TypeError, ValueError):
            pass  # It has the shape of a day, or not even that, and is refused as all else.
        raise refused(
            "day", Said("{value} is no day.", value=shown(value)), "Write it as 2022-06-30."
        )


class Instant(fields.DateTime):
    """A time with its zone, in this century."""

    earliest, latest = EARLIEST, LATEST

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            instant = dt.datetime.fromisoformat(value)
        except (TypeError, ValueError):
            instant = None
        if instant is None or instant.tzinfo is None:
            remedy = "Write it as 2022-06-30T10:00:00+08:00."
            raise refused(
                "at", Said("{value} is no time with its zone.", value=shown(value)), remedy
            )
        if not self.earliest <= instant < self.latest:
            remedy = Said(
                "Give a time from {year} on and before {year2}.",
                year=self.earliest.year,
                year2=self.latest.year,
            )
            raise refused("at", Said("{value} is too far away.", value=shown(value)), remedy)
        return instant


class PhoneInstant(Instant):
    """A time as the clock of a phone has it, which may be wrong by decades; others judge it."""

    earliest, latest = PHONE_EARLIEST, PHONE_LATEST


class Flag(fields.Boolean):
    """Yes or no, written as ``true`` or ``false``."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if value in ("true", "false"):
            return value == "true"
        raise refused(
            "flag", Said("{value} is neither.", value=shown(value)), "Write true or false."
        )


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
        remedy = Said(
            "Give a whole number from {least} to {most}.", least=self.least, most=self.most
        )
        raise refused("count", Said("{value} is no such number.", value=shown(value)), remedy)


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
        remedy = Said("Choose one of {listed}.", listed=", ".join(self.languages))
        raise refused(
            "language", Said("{value} is none of the languages.", value=shown(value)), remedy
        )


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
        remedy = Said(
            "Give a whole number from {least} to {most}.", least=self.least, most=self.most
        )
        raise refused("count", Said("{value} is no such number.", value=shown(value)), remedy)


class Truth(fields.Boolean):
    """Yes or no, as a body writes it."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise refused(
            "flag", Said("{value} is neither.", value=shown(value)), "Write true or false."
        )


class Decimal(fields.Float):
    """A number within bounds, as a form or a query writes it."""

    def __init__(self, least: float, most: float, **kwargs: Any) -> None:
        """Allow ``least`` to ``most``."""
        self.least, self.most = least, most
        metadata = {"minimum": least, "maximum": most, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> float:
        try:
            number = float(value) if isinstance(value, str) else math.nan
        except ValueError:
            number = math.nan
        if self.least <= number <= self.most:
            return number
        remedy = Said("Give a number from {least:g} to {most:g}.", least=self.least, most=self.most)
        raise refused("number", Said("{value} is no such number.", value=shown(value)), remedy)


class Number(fields.Float):
    """A number within bounds, as a body writes it."""

    def __init__(self, least: float, most: float, **kwargs: Any) -> None:
        """Allow ``least`` to ``most``."""
        self.least, self.most = least, most
        metadata = {"minimum": least, "maximum": most, **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> float:
        if type(value) in (int, float) and self.least <= value <= self.most:
            return float(value)
        remedy = Said("Give a number from {least:g} to {most:g}.", least=self.least, most=self.most)
        raise refused("number", Said("{value} is no such number.", value=shown(value)), remedy)


class Digest(fields.String):
    """A SHA-256 in hexadecimal digits."""

    def __init__(self, **kwargs: Any) -> None:
        """Take 64 digits."""
        metadata = {"pattern": "^[0-9a-f]{64}$", **kwargs.pop("metadata", {})}
        super().__init__(metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> bytes:  # type: ignore[override]
        if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
            return bytes.fromhex(value)
        remedy = "Give the SHA-256 of the file as 64 digits, as sha256sum prints it."
        raise refused("sha256", Said("{value} is no SHA-256.", value=shown(value)), remedy)


class Upload(smorest_fields.Upload):  # type: ignore[misc]
    """A file of a form."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> FileStorage:
        if isinstance(value, FileStorage):
            return value
        raise refused(
            "file", Said("The {attr} is no file.", attr=attr), "Send it as a file of the form."
        )


class Key(fields.UUID):
    """An identifier that the client made."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            return super()._deserialize(value, attr, data, **kwargs)
        except ValidationError:
            remedy = "Make a random UUID, such as 8a1f6bd2-0d0c-4c39-9d52-0f8e3a7f6d11."
            raise refused("uuid", Said("{value} is no UUID.", value=shown(value)), remedy) from None


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
            raise refused("bbox", Said("{value} is no box.", value=shown(value)), remedy)
        return [west, south, east, north]


class Ground(fields.Raw):
    """A polygon in EPSG:4326, as GeoJSON, or ``null``."""

    code = "residual"
    remedy = "Send a GeoJSON Polygon or MultiPolygon in EPSG:4326, or null for nothing left."
    kinds: tuple[str, ...] = _AREAS

    def __init__(self, **kwargs: Any) -> None:
        """Refer to the document's geometries."""
        known = [{"$ref": f"#/components/schemas/{kind}"} for kind in self.kinds]
        metadata = {"anyOf": [*known, {"type": "null"}], **kwargs.pop("metadata", {})}
        super().__init__(allow_none=True, metadata=metadata, **kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        try:
            return _geometry(value, self.kinds)
        except (ValueError, TypeError, shapely.GEOSException) as error:
            message = Said("The {attr} cannot be read: {error}.", attr=attr, error=error)
            raise refused(self.code, message, self.remedy) from None


class Drawing(Ground):
    """A polygon in EPSG:4326 that somebody drew, as GeoJSON; ``null`` is none."""

    code = "polygon"
    remedy = "Send a GeoJSON Polygon or MultiPolygon in EPSG:4326, or leave it out."


class Spot(Ground):
    """Where something is, in EPSG:4326: a polygon or a point, as GeoJSON."""

    code = "shape"
    remedy = "Send a GeoJSON Point, Polygon or MultiPolygon in EPSG:4326."
    kinds = ("Point", *_AREAS)


def _storable(text: str) -> bool:
    """Tell whether PostgreSQL takes the text: JSON can spell NUL and halves of characters."""
    return "\x00" not in text and text == text.encode(errors="ignore").decode()


def _geometry(value: Any, kinds: tuple[str, ...]) -> shapely.Geometry:
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"it is no {' or '.join(kinds)}")
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
