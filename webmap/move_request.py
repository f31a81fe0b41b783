"""A move of a case as JSON: read whole, every fault by field."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import shapely
from werkzeug.exceptions import PreconditionRequired

from cases.casework import NOTHING_LEFT, Nothing, Request
from cases.parcel_file import Viewer
from cases.workflow import State
from gis.problems import InputError, Problem

LONGEST_TEXT = 2_000
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
    )
    if problems:
        raise InputError(problems)
    return request


def _target(value: Any, problems: list[Problem]) -> State | None:
    if value in list(State):
        return State(value)
    remedy = f"Choose one of {', '.join(State)}."
    problems.append(Problem("target", f"{value!r} is no state.", remedy, field="target"))
    return None


def _version(value: Any, problems: list[Problem]) -> int | None:
    if type(value) is int and 0 < value < 2**31:
        return value
    remedy = "Send the version that the case had when it was read."
    problems.append(Problem("version", f"{value!r} is no version.", remedy, field="version"))
    return None


def _text(body: Mapping[str, Any], field: str, problems: list[Problem]) -> str:
    value = body.get(field)
    if value is None:
        return ""
    if isinstance(value, str) and len(value) <= LONGEST_TEXT and "\x00" not in value:
        return value.strip()
    remedy = f"Write {LONGEST_TEXT} characters at most, none of them NUL."
    problems.append(Problem("text", f"The {field} is no such text.", remedy, field=field))
    return ""


def _instant(value: Any, problems: list[Problem]) -> dt.datetime | None:
    if value is None:
        return None
    try:
        instant = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        instant = None
    if instant is not None and instant.tzinfo is not None:
        return instant
    remedy = "Write it as 2022-06-30T10:00:00+08:00."
    problems.append(Problem("at", f"{value!r} is no time with its zone.", remedy, field="at"))
    return None


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
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"{kind or type(value).__name__} is neither Polygon nor MultiPolygon")
    # GEOS's own reader refuses what is no coordinate and rings that do not close.
    text = json.dumps({"type": kind, "coordinates": value.get("coordinates")}, allow_nan=False)
    return shapely.from_geojson(text)
