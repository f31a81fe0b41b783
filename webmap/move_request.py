"""A move of a case as JSON: read whole, every fault by field."""

import datetime as dt
import json
import sys
from collections.abc import Mapping
from typing import Any

import shapely
from werkzeug.exceptions import PreconditionRequired

from cases.casework import NOTHING_LEFT, Nothing, Request
from cases.parcel_file import Viewer
from cases.workflow import Addressee, State
from gis.problems import InputError, Problem
from gis.validity import WEB_LIMITS

LONGEST_TEXT = 2_000
LONGEST_ECHO = 40
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
_LISTS = {"Polygon": 2, "MultiPolygon": 3}
_MISSING = object()


def read_move(body: Mapping[str, Any], viewer: Viewer) -> Request:
    """Return what the body asks for; raises ``InputError`` with every fault.

    Without ``version`` two people could overwrite one another: 428 (SAFETY,
    "Conflicts").
    """
    if "version" not in body:
        raise PreconditionRequired
    problems: list[Problem] = []
    target = _target(body.get("target"), problems)
    residual = _residual(body.get("residual", _MISSING), target, problems)
    request = Request(
        target or State.SUSPECTED,
        viewer.actor,
        at=_instant(body.get("at"), problems),
        document=_text(body, "document", problems),
        reason=_text(body, "reason", problems),
        residual=residual,
        version=_version(body["version"], problems),
        permissions=viewer.permissions,
        addressee=_addressee(body.get("addressee"), problems),
    )
    if problems:
        raise InputError(problems)
    return request


def _target(value: Any, problems: list[Problem]) -> State | None:
    if value in list(State):
        return State(value)
    remedy = f"Choose one of {', '.join(State)}."
    problems.append(Problem("target", f"{_shown(value)} is no state.", remedy, field="target"))
    return None


def _addressee(value: Any, problems: list[Problem]) -> Addressee:
    """Return to whom a refusal is referred; the authority where nobody says."""
    if value is None or value in list(Addressee):
        return Addressee(value or Addressee.AUTHORITY)
    remedy = f"Choose one of {', '.join(Addressee)}."
    text = f"{_shown(value)} is nobody to refer to."
    problems.append(Problem("addressee", text, remedy, field="addressee"))
    return Addressee.AUTHORITY


def _version(value: Any, problems: list[Problem]) -> int | None:
    if type(value) is int and 0 < value < 2**31:
        return value
    remedy = "Send the version that the case had when it was read."
    problems.append(Problem("version", f"{_shown(value)} is no version.", remedy, field="version"))
    return None


def _text(body: Mapping[str, Any], field: str, problems: list[Problem]) -> str:
    value = body.get(field)
    if value is None:
        return ""
    if isinstance(value, str) and len(value) <= LONGEST_TEXT and _storable(value):
        return value.strip()
    remedy = f"Write {LONGEST_TEXT} characters at most, none of them NUL or half a character."
    problems.append(Problem("text", f"The {field} is no such text.", remedy, field=field))
    return ""


def _instant(value: Any, problems: list[Problem]) -> dt.datetime | None:
    if value is None:
        return None
    try:
        instant = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        instant = None
    if instant is None or instant.tzinfo is None:
        remedy = "Write it as 2022-06-30T10:00:00+08:00."
        message = f"{_shown(value)} is no time with its zone."
        problems.append(Problem("at", message, remedy, field="at"))
        return None
    if not EARLIEST <= instant < LATEST:
        remedy = f"Give a time from {EARLIEST.year} on and before {LATEST.year}."
        problems.append(Problem("at", f"{_shown(value)} is too far away.", remedy, field="at"))
        return None
    return instant


def _storable(text: str) -> bool:
    """Tell whether PostgreSQL takes the text: JSON can spell NUL and halves of characters."""
    return "\x00" not in text and text == text.encode(errors="ignore").decode()


def _shown(value: Any) -> str:
    """Return what was sent as a message may repeat it: short, and no raw lists or halves."""
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_ECHO else value[:LONGEST_ECHO] + "…")
    return {dict: "An object", list: "A list", type(None): "null"}.get(type(value), "A number")


def _residual(
    value: Any, target: State | None, problems: list[Problem]
) -> shapely.Geometry | Nothing | None:
    """Return the polygon in EPSG:4326; ``null`` says that an inspection found nothing left."""
    if value is _MISSING:
        return None
    if value is None:
        return NOTHING_LEFT if target is State.INSPECTED else None
    try:
        return _polygon(value)
    except (ValueError, TypeError, shapely.GEOSException) as error:
        remedy = "Send a GeoJSON Polygon or MultiPolygon in EPSG:4326, or null for nothing left."
        message = f"The residual cannot be read: {error}."
        problems.append(Problem("residual", message, remedy, field="residual"))
        return None


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
