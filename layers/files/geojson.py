"""A second reading of GeoJSON, for what GDAL drops or bends without a word.

Measured with GDAL 3.12: a coordinate given as a string makes the geometry null,
a point labelled as a polygon makes it empty, of two members of one name the
last wins, properties that are a list vanish, text ends at its first NUL, and a
feature with a misspelt type is left out.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gis.problems import InputError, Problem
from layers.files.dbase import known_encoding, preview

_DEPTHS = {
    "Point": 1,
    "MultiPoint": 2,
    "LineString": 2,
    "MultiLineString": 3,
    "Polygon": 3,
    "MultiPolygon": 4,
}
_FOREIGN = ("features", "geometry", "properties")
_MEND = "Correct it in the source, or save the layer again with a GIS."
_FINE = re.compile(r"\.(\d{10,})")
_LOOKED_AT = 1_000_000
_NESTING = 4


class _Object(dict[str, Any]):
    """A JSON object that remembers members given more than once."""

    twice: tuple[str, ...] = ()


@dataclass(frozen=True)
class Audit:
    """What the file says: its features, its ``crs`` member, what is wrong, the most decimals."""

    features: int
    crs_name: str | None
    problems: tuple[Problem, ...]
    foreign_members: bool
    decimals: int


def is_json(path: Path) -> bool:
    """Whether a file begins like a JSON object or list (or a sequence of them)."""
    with path.open("rb") as content:
        start = content.read(256)
    return start.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x1e \t\r\n")[:1] in (b"{", b"[")


def to_utf8(path: Path, encoding: str | None) -> str:
    """Make our copy at ``path`` UTF-8, which GDAL takes it for, and return what it was.

    Raises ``InputError`` where it is not UTF-8 and ``encoding`` does not say
    what it is, with a preview, or where it is not what ``encoding`` says.
    """
    content = path.read_bytes()
    declared = known_encoding(encoding) if encoding else "UTF-8"
    try:
        text = content.decode("utf-8-sig" if declared == "UTF-8" else declared)
    except UnicodeDecodeError as error:
        around = content[max(0, error.start) : error.start + 12].split(b'"')[0]
        message = f"{path.name} is not {declared}. It would read as {preview([around])}."
        remedy = "Choose the legible one, for example --encoding GBK."
        raise InputError([Problem("encoding_wrong", message, remedy)]) from error
    if declared != "UTF-8" or content.startswith(b"\xef\xbb\xbf"):
        path.write_text(text, encoding="utf-8")
    return declared


def audit(path: Path) -> Audit:
    """Read the UTF-8 GeoJSON at ``path`` (one object, or one per line) and report its faults.

    Raises ``InputError`` where it is no JSON at all or too deeply nested to be
    a map.
    """
    text = path.read_text(encoding="utf-8")
    try:
        roots = [_parse(text)]
    except json.JSONDecodeError as error:
        roots = _parse_lines(text, error)
    except RecursionError as error:
        message = "The JSON is nested hundreds of levels deep."
        raise InputError([Problem("json_too_deep", message, _MEND)]) from error
    problems: list[Problem] = []
    features = 0
    for root in roots:
        for feature in _features(root, problems):
            features += 1
            problems.extend(_feature_problems(feature, features))
    first = roots[0] if isinstance(roots[0], dict) else {}
    return Audit(
        features,
        _crs_name(first),
        tuple(problems),
        first.get("type") in _DEPTHS and any(name in first for name in _FOREIGN),
        max((len(digits) for digits in _FINE.findall(text[:_LOOKED_AT])), default=0),
    )


def _parse(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object)


def _parse_lines(text: str, error: json.JSONDecodeError) -> list[Any]:
    """Parse a sequence of JSON texts (RFC 8142, or one per line), else say where JSON ends."""
    lines = [line for line in re.split(r"[\x1e\n]+", text) if line.strip()]
    try:
        if len(lines) > 1:
            return [_parse(line) for line in lines]
    except json.JSONDecodeError:
        # The whole is judged as one object below: that names the right line.
        lines = []
    message = f"Line {error.lineno}, character {error.colno} is not JSON: {error.msg}."
    raise InputError([Problem("json_broken", message, _MEND)]) from error


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        made.twice = tuple(sorted({name for name in names if names.count(name) > 1}))
    return made


def _features(root: Any, problems: list[Problem]) -> Iterator[Any]:
    """Give the features of a root object, a bare geometry as one of them."""
    if not isinstance(root, dict):
        problems.append(Problem("geojson_wrong", "The file holds no GeoJSON object.", _MEND))
        return
    if root.get("type") != "FeatureCollection":
        yield root if root.get("type") == "Feature" else {"type": "Feature", "geometry": root}
        return
    problems.extend(_twice(root, "The file", None))
    if isinstance(root.get("features"), list):
        yield from root["features"]
    else:
        text = "The FeatureCollection has no list of features."
        problems.append(Problem("geojson_wrong", text, _MEND))


def _feature_problems(feature: Any, row: int) -> Iterator[Problem]:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        said = feature.get("type") if isinstance(feature, dict) else feature
        text = f"This is not a Feature but {said!r}; GDAL would leave it out."
        yield Problem("geojson_wrong", text, _MEND, row)
        return
    yield from _twice(feature, "The feature", row)
    properties = feature.get("properties")
    if isinstance(properties, dict):
        yield from _twice(properties, "The properties", row)
        yield from _text_problems(properties, row)
    elif properties is not None:
        text = (
            f"The properties are a {type(properties).__name__}, not an object; they would vanish."
        )
        yield Problem("geojson_wrong", text, _MEND, row)
    fault = _geometry_fault(feature.get("geometry"))
    if fault:
        yield Problem("geojson_coordinates", fault, _MEND, row, "geometry")


def _twice(made: Any, what: str, row: int | None) -> Iterator[Problem]:
    for name in getattr(made, "twice", ()):
        text = f"{what} has {name!r} more than once; only the last would be read."
        yield Problem("geojson_member_twice", text, "Leave one of them.", row)


def _text_problems(properties: dict[str, Any], row: int) -> Iterator[Problem]:
    for name, value in properties.items():
        if isinstance(value, str) and not _storable(value):
            text = "The text holds a character that cannot be stored (NUL or half a surrogate)."
            yield Problem("text_control", text, "Remove the character.", row, name)


def _storable(text: str) -> bool:
    return (text.isascii() and "\0" not in text) or not re.search("[\0\ud800-\udfff]", text)


def _geometry_fault(geometry: Any, nesting: int = 0) -> str | None:
    """Return why a geometry object is not what it says, ``None`` where it is."""
    if geometry is None:
        return None
    if not isinstance(geometry, dict):
        return f"The geometry is {geometry!r}, not an object."
    if getattr(geometry, "twice", ()):
        return f"The geometry has {geometry.twice[0]!r} more than once."  # type: ignore[attr-defined]
    kind = geometry.get("type")
    if kind == "GeometryCollection":
        return _collection_fault(geometry, nesting)
    if kind not in _DEPTHS:
        return f"There is no geometry type {kind!r} in GeoJSON."
    if "coordinates" not in geometry:
        return f"The {kind} has no coordinates."
    return _coordinates_fault(kind, geometry["coordinates"], _DEPTHS[kind])


def _collection_fault(collection: dict[str, Any], nesting: int) -> str | None:
    members = collection.get("geometries")
    if nesting > _NESTING:
        return f"Collections are nested more than {_NESTING} deep."
    if not isinstance(members, list):
        return "The GeometryCollection has no list of geometries."
    if None in members:
        return "A member of the GeometryCollection is null."
    faults = (_geometry_fault(member, nesting + 1) for member in members)
    return next((fault for fault in faults if fault), None)


def _coordinates_fault(kind: str, values: Any, depth: int) -> str | None:
    """Return why coordinates are not those of a ``kind``: wrong nesting, or no numbers."""
    if not isinstance(values, list):
        return f"The coordinates are not those of a {kind}: {_short(values)} stands for a list."
    if depth > 1:
        faults = (_coordinates_fault(kind, value, depth - 1) for value in values)
        return next((fault for fault in faults if fault), None)
    if len(values) == 1 or (values and isinstance(values[0], list)):
        return f"The coordinates are not those of a {kind}: {_short(values)} stands for a place."
    for value in values:
        if type(value) not in (int, float):
            return f"The coordinate {_short(value)} is not a number."
        if not math.isfinite(value):
            return f"The coordinate {value} is not finite."
    return None


def _short(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 40 else shown[:37] + "..."


def _crs_name(root: dict[str, Any]) -> str | None:
    """Return what the ``crs`` member of GeoJSON before RFC 7946 names."""
    member = root.get("crs")
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return name if isinstance(name, str) else _short(member)
