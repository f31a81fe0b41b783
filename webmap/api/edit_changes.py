"""The changes of an edit as a client writes them, read into what the desk understands."""

import uuid
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length

from cases.edits.editing import MOST_CHANGES
from cases.edits.plans import Change, Draw, Merge, Outline, Read, Remove, Split
from cases.models import EditLayer
from cases.sites import LONGEST_NAME, MOST_HEADS, MOST_W
from gis.problems import InputError, Problem, Said
from layers.models import ParcelKind, SiteKind, StructureType, TitleBasis
from webmap.api.fields import Day, Ground, Key, Text, Truth, Whole, Word, refused, shown

LONGEST_REF, LONGEST_VERSION = 64, 64
COARSEST_M = 99.0


class ChangeKind(StrEnum):
    """What can be done with outlines."""

    DRAW = "draw"
    OUTLINE = "outline"
    SPLIT = "split"
    MERGE = "merge"
    REMOVE = "remove"


NEEDED: Mapping[ChangeKind, tuple[str, ...]] = {
    ChangeKind.DRAW: ("shape",),
    ChangeKind.OUTLINE: ("id", "version", "shape"),
    ChangeKind.SPLIT: ("id", "version", "line"),
    ChangeKind.MERGE: ("rows",),
    ChangeKind.REMOVE: ("id", "version"),
}


class Shape(Ground):
    """An outline, or the place of a pile."""

    code = "shape"
    remedy = "Send a GeoJSON Point, Polygon or MultiPolygon in EPSG:4326."
    kinds = ("Point", "Polygon", "MultiPolygon")


class Line(Ground):
    """A line across an outline."""

    code = "line"
    remedy = "Send a GeoJSON LineString in EPSG:4326."
    kinds = ("LineString",)


class Exactness(fields.Float):
    """How exactly corners are known, in metres."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> float:
        if type(value) in (int, float) and 0 <= value <= COARSEST_M:
            return float(value)
        remedy = Said("Give a number from {least:g} to {most:g}.", least=0, most=COARSEST_M)
        raise refused("number", Said("{value} is no such number.", value=shown(value)), remedy)


def _told(text: str) -> dict[str, Any]:
    return {"metadata": {"description": text}}


def _word(kind: type[StrEnum], noun: str, text: str) -> Word:
    return Word(kind, code=noun.replace(" ", "_"), noun=noun, **_told(text))


class ReadRowSchema(Schema):
    """A row as it was read."""

    id = Key(required=True, **_told("The row."))
    version = Text(LONGEST_VERSION, required=True, **_told("Its version as it was read."))


class NewRowSchema(Schema):
    """What is said of a new row; what does not concern the layer is left aside."""

    ref = Text(LONGEST_REF, **_told("Of a parcel or a site."))
    building = Text(LONGEST_REF, **_told("The ref of the building that a parcel faces."))
    parcel_kind = _word(ParcelKind, "kind of parcel", "What a parcel is; public green else.")
    title_basis = _word(TitleBasis, "title basis", "Whose a parcel is; unknown else.")
    title_evidence = Text(**_told("By what a title is proven; needed where it is not unknown."))
    source = Text(**_told("Which survey a title comes from; needed where it is not unknown."))
    structure_type = _word(StructureType, "type of structure", "What was seen; other else.")
    observed_on = Day(**_told("When it was seen; today else."))
    household = Text(LONGEST_REF, **_told("Who occupies what was seen, where that is known."))
    note = Text(**_told("A note on what was seen."))
    site_kind = _word(SiteKind, "kind of site", "What a site is; landscaping else.")
    name = Text(LONGEST_NAME, **_told("The name of a site."))
    heads = Whole(0, MOST_HEADS, **_told("Of a charging pile."))
    power_w = Whole(0, int(MOST_W), **_told("Of a charging pile, in watts."))


class ChangeSchema(Schema):
    """One change; what it needs depends on its kind."""

    kind = Word(
        ChangeKind, code="kind", noun="kind of change", required=True, **_told("What is done.")
    )
    id = Key(**_told("The row that is changed, split or removed."))
    version = Text(LONGEST_VERSION, **_told("Its version as it was read."))
    rows = fields.List(
        fields.Nested(ReadRowSchema),
        validate=Length(max=MOST_CHANGES),
        **_told("The rows that become one."),
    )
    shape = Shape(metadata={"description": "The new outline."})
    line = Line(metadata={"description": "The line of a split, from outside to outside."})
    rms_m = Exactness(**_told("How exactly the new outline is known, in m."))
    verify_again = Truth(
        load_default=False,
        **_told(
            "Whether it is agreed that what was verified of the observation is suspected from"
            " today until somebody verifies it again; refused without, where anything was."
        ),
    )
    attributes = fields.Nested(NewRowSchema, **_told("What is said of a new row."))


class EditSchema(Schema):
    """Changes of one layer that are made together."""

    layer = Word(
        EditLayer, code="layer", noun="layer that is edited", required=True, **_told("The layer.")
    )
    reason = Text(required=True, **_told("Why."))
    changes = fields.List(
        fields.Nested(ChangeSchema),
        required=True,
        validate=Length(max=MOST_CHANGES),
        **_told("All of them are made, or none."),
    )


class UndoEditSchema(Schema):
    """Why an edit is taken back."""

    reason = Text(required=True, **_told("Why."))


def read_changes(given: Sequence[Mapping[str, Any]]) -> list[Change]:
    """Return changes as the desk understands them; raises ``InputError`` for what is missing."""
    problems = [
        Problem(
            "missing",
            Said("A change of the kind {kind} needs {name}.", kind=one["kind"], name=name),
            "See what this operation takes under /api.",
            field=f"changes.{at}.{name}",
        )
        for at, one in enumerate(given)
        for name in NEEDED[one["kind"]]
        if name not in one
    ]
    if problems:
        raise InputError(problems)
    return [_change(one) for one in given]


def _change(given: Mapping[str, Any]) -> Change:
    match given["kind"]:
        case ChangeKind.DRAW:
            return Draw(given["shape"], _attributes(given))
        case ChangeKind.OUTLINE:
            return Outline(_row(given), given["shape"], given.get("rms_m"), given["verify_again"])
        case ChangeKind.SPLIT:
            return Split(_row(given), given["line"], given["verify_again"])
        case ChangeKind.MERGE:
            return Merge(tuple(_row(one) for one in given["rows"]), given["verify_again"])
    return Remove(_row(given))


def _row(given: Mapping[str, Any]) -> Read:
    key: uuid.UUID = given["id"]
    return Read(key, given["version"])


def _attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    return {**(given.get("attributes") or {}), "rms_m": given.get("rms_m")}
