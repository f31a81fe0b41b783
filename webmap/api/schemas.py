"""The shapes that several answers share, and the failures that every one may be."""

import enum
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length

from cases.workflow import Status
from webmap.api.fields import Word

POSITION = {
    "type": "array",
    "description": "Longitude, latitude and perhaps height.",
    "items": {"type": "number"},
    "minItems": 2,
    "maxItems": 3,
}
RING = {
    "type": "array",
    "description": "Positions around an area; the last is the first.",
    "items": POSITION,
    "minItems": 4,
}


def geometry(kind: str, coordinates: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a GeoJSON geometry (RFC 7946) in EPSG:4326."""
    return {
        "type": "object",
        "description": f"A GeoJSON {kind} in EPSG:4326, x = longitude.",
        "properties": {"type": {"const": kind}, "coordinates": coordinates},
        "required": ["type", "coordinates"],
    }


POLYGON = {"type": "array", "items": RING, "minItems": 1}
GEOMETRIES = {
    "Point": geometry("Point", POSITION),
    "LineString": geometry("LineString", {"type": "array", "items": POSITION, "minItems": 2}),
    "Polygon": geometry("Polygon", POLYGON),
    "MultiPolygon": geometry("MultiPolygon", {"type": "array", "items": POLYGON, "minItems": 1}),
}


def says(text: str, **more: Any) -> dict[str, Any]:
    """Return the keyword arguments of a field that every answer holds, with what it means."""
    return {"required": True, "metadata": {"description": text}, **more}


def word(kind: type[enum.StrEnum], text: str, **more: Any) -> Word:
    """Return a field of an answer that holds one of an enumeration's values."""
    return Word(kind, code=kind.__name__.lower(), noun="such word", **says(text, **more))


def box(text: str) -> fields.List[Any]:
    """Return a field of an answer that holds bounds."""
    told = f"{text}: west, south, east, north in EPSG:4326."
    return fields.List(fields.Float(), validate=Length(equal=4), **says(told))


def by_status(text: str) -> fields.Nested:
    """Return a field of an answer that counts parcels by status."""
    return fields.Nested(StatusesSchema, **says(text))


class ProblemSchema(Schema):
    """One fault of a request."""

    code = fields.String(**says("A word for programs."))
    message = fields.String(**says("What is wrong."))
    remedy = fields.String(**says("What to do about it."))
    field = fields.String(**says("The field, parameter or header at fault.", allow_none=True))
    parameters = fields.Dict(
        keys=fields.String(), **says("The facts in message and remedy, by their names.")
    )
    row = fields.Integer(**says("The row of an imported file.", allow_none=True))
    text = fields.String(
        metadata={"description": "Message and remedy in the reader's language; of refusals."}
    )


class FailureSchema(Schema):
    """A request that failed (RFC 9457)."""

    type = fields.String(**says("Always about:blank; the status says which kind it is."))
    title = fields.String(**says("The status in words."))
    status = fields.Integer(**says("The HTTP status."))
    detail = fields.String(**says("What happened, in the reader's language."))
    problems = fields.List(fields.Nested(ProblemSchema), **says("Every fault, at least one."))


StatusesSchema: Any = Schema.from_dict(
    {
        status.value: fields.Integer(
            metadata={"description": f"Public-green parcels that are {status}."}
        )
        for status in Status
    },
    name="StatusesSchema",
)
