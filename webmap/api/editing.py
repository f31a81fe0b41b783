"""Edits of geometry: rows with their versions, changes held to them, history and undo."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import shapely
from flask import Response, abort, request
from flask.typing import ResponseReturnValue
from geoalchemy2.shape import to_shape
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.edits.editing import Asked, Done, edit, undo
from cases.edits.plans import StaleRows
from cases.edits.reading import (
    Kept,
    Place,
    Shown,
    Wanted,
    around_building,
    describe,
    features_within,
    history,
)
from cases.models import EditLayer, GeometryEdit, GeometryEditRow
from cases.signing import Signature
from gis.problems import InputError, Problem, Said
from layers.models import Community
from webmap.api.blueprint import Blueprint
from webmap.api.cases import LONGEST_REF
from webmap.api.community import asked_community, asking_viewer
from webmap.api.cursors import read_place, write_place
from webmap.api.edit_changes import EditSchema, UndoEditSchema, read_changes
from webmap.api.fields import Box, Count, Key, Text, Word
from webmap.api.histories import SubmissionSchema
from webmap.api.paging import PageQuerySchema, page_of
from webmap.api.schemas import FailureSchema, says, word
from webmap.api.submitting import submit
from webmap.errors import Stale
from webmap.gates import gated, place_session

editing = Blueprint("edits", __name__, "Outlines drawn, changed, split and merged at the desk.")
MOST_FEATURES = 2_000
# A cursor holds a ref, each character of it in four bytes at most.
LONGEST_PLACE = 600


def _layer(**more: Any) -> Word:
    told = {"description": "The layer."}
    return Word(EditLayer, code="layer", noun="layer that is edited", metadata=told, **more)


def _outline(text: str) -> fields.Dict:
    return fields.Dict(**says(text, allow_none=True))


class FeatureQuerySchema(Schema):
    """Which rows to read."""

    layer = _layer(load_default=EditLayer.PARCELS)
    bbox = Box(metadata={"description": "Only what lies there: west,south,east,north in degrees."})
    building = Text(
        LONGEST_REF,
        load_default="",
        metadata={"description": "The ref of a building: only what lies around it."},
    )
    ref = Text(
        LONGEST_REF,
        load_default="",
        metadata={"description": "Only rows whose ref begins so."},
    )
    limit = Count(
        1,
        MOST_FEATURES,
        load_default=MOST_FEATURES,
        metadata={"description": "How many rows a page holds."},
    )
    cursor = Text(
        LONGEST_PLACE,
        load_default="",
        metadata={"description": "Where the page begins: taken from `next`, never made up."},
    )


class EditedRowSchema(Schema):
    """A row of a layer in its present version."""

    id = fields.UUID(**says("Its identifier."))
    ref = fields.String(**says("Its ref."))
    version = fields.String(**says("What a change of it must name."))
    geometry = fields.Dict(**says("Its outline in EPSG:4326, as GeoJSON."))
    area_m2 = fields.Float(**says("Its area in m2 of the survey CRS."))
    uncertainty_m2 = fields.Float(**says("Two standard deviations."))
    rms_m = fields.Float(**says("How exactly its corners are known, in m.", allow_none=True))
    verified_m2 = fields.Float(
        **says("What of an observation is verified again if it gets another outline, in m2.")
    )
    entered = fields.Integer(
        **says("Orders observations of one day: the lower keeps the ground.", allow_none=True)
    )
    households = fields.List(fields.String(), **says("The refs of its households."))
    building = fields.String(**says("The ref of the building it faces.", allow_none=True))
    attributes = fields.Dict(**says("What else is kept of it."))


class EditedRowsSchema(Schema):
    """Rows of a layer."""

    layer = word(EditLayer, "The layer.")
    features = fields.List(fields.Nested(EditedRowSchema), **says("By their refs."))
    next = fields.String(
        **says("The address of the next page, null after the last."), allow_none=True
    )


class EditRowSchema(Schema):
    """One row before and after an edit."""

    ref = fields.String(**says("Its ref."))
    change = fields.Integer(**says("Which change of the edit it belongs to, from 0."))
    before_id = fields.UUID(**says("Its identifier before, null where made.", allow_none=True))
    after_id = fields.UUID(**says("Its identifier after, null where gone.", allow_none=True))
    after_version = fields.String(**says("The version that the edit left it in."))
    before = _outline("Its outline before, null where it was made.")
    after = _outline("Its outline after, null where it is gone.")
    area_before_m2 = fields.Float(**says("Its area before.", allow_none=True))
    area_after_m2 = fields.Float(**says("Its area after.", allow_none=True))
    changed = fields.List(fields.String(), **says("The attributes that changed."))


class KeptEditSchema(Schema):
    """An edit in the history."""

    id = fields.UUID(**says("Its identifier."))
    number = fields.Integer(**says("Edits of a community are counted."))
    layer = word(EditLayer, "The layer.")
    actor = fields.String(**says("Whose account made it."))
    at = fields.DateTime(**says("When."))
    day = fields.Date(**says("The day where the community lies."))
    reason = fields.String(**says("Why."))
    undoes = fields.Integer(**says("The number of the edit that it takes back.", allow_none=True))
    undone_by = fields.Integer(**says("The number of the edit that took it back.", allow_none=True))
    rows = fields.List(fields.Nested(EditRowSchema), **says("What it changed."))


class KeptEditsSchema(Schema):
    """A page of the history."""

    edits = fields.List(fields.Nested(KeptEditSchema), **says("The latest first."))
    next = fields.String(
        **says("The address of the next page, null after the last."), allow_none=True
    )


class EditFlaggedSchema(Schema):
    """What laying observations over the changed ground brought."""

    new = fields.Integer(**says("Encroachments that were found."))
    ended = fields.Integer(**says("Encroachments that are found no more."))
    undecided = fields.Integer(**says("Of the new, for which nobody answers."))
    cases_opened = fields.Integer(**says("Cases that were opened."))
    new_m2 = fields.Float(**says("The area of the new in m2."))


class EditDoneSchema(Schema):
    """An edit that was made."""

    edit = fields.Nested(KeptEditSchema, **says("As it is in the history."))
    flagged = fields.Nested(EditFlaggedSchema, **says("What became of the ground."))


class StaleRowSchema(Schema):
    """A row that is no longer as it was read."""

    id = fields.UUID(**says("The row."))
    version = fields.String(**says("The version that was read."))
    now = fields.List(fields.Nested(EditedRowSchema), **says("What stands in its place now."))


class StaleEditSchema(FailureSchema):
    """Rows that somebody else has changed since they were read."""

    yours = fields.Dict(**says("The request as it was sent."))
    now = fields.List(fields.Nested(StaleRowSchema), **says("Each such row as it is now."))


class HistoryQuerySchema(PageQuerySchema):
    """Which edits to list."""

    layer = _layer(load_default=None, allow_none=True)
    feature = Key(metadata={"description": "Only edits of this row."})


_EXAMPLE = {
    "layer": "parcels",
    "reason": "Surveyed anew on 26 November.",
    "changes": [
        {
            "kind": "split",
            "id": "8a1f6bd2-0d0c-4c39-9d52-0f8e3a7f6d11",
            "version": "1",
            "line": {"type": "LineString", "coordinates": [[122.1, 37.39], [122.1, 37.41]]},
        }
    ],
}


@editing.route("/communities/<place>/edits/features")
@editing.arguments(FeatureQuerySchema, location="query")
@editing.response(200, EditedRowsSchema)
@gated(Permission.GEOMETRY_EDIT)
def features_to_edit(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Rows of a layer with their versions, within a box or around a building."""
    layer: EditLayer = asked["layer"]
    with place_session() as session:
        community = asked_community(session)
        box, after = _box(session, community, asked), _after(asked["cursor"], layer)
        wanted = Wanted(layer, box, asked["ref"], after)
        found, last = features_within(session, community, wanted, asked["limit"])
        told = [feature_json(one) for one in found]
    following = last and write_place(f"edits/{layer}", last[0], last[1].hex)
    return page_of(following, layer=layer, features=told)


@editing.route("/communities/<place>/edits")
@editing.arguments(HistoryQuerySchema, location="query")
@editing.response(200, KeptEditsSchema)
@gated(Permission.GEOMETRY_EDIT)
def edit_history(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Edits of a community: who, when, why, and the outlines before and after."""
    with place_session() as session:
        found, below = history(
            session,
            asked_community(session),
            layer=asked["layer"],
            feature=asked.get("feature"),
            below=_below(asked["cursor"]),
            limit=asked["limit"],
        )
        told = [_kept(one) for one in found]
    return page_of(None if below is None else str(below), edits=told)


@editing.route("/communities/<place>/edits", methods=["POST"])
@editing.arguments(SubmissionSchema, location="headers")
@editing.arguments(EditSchema, example=_EXAMPLE)
@editing.response(201, EditDoneSchema)
@editing.failure(412, StaleEditSchema)
@gated(Permission.GEOMETRY_EDIT)
def make_edit(headers: dict[str, Any], asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Change outlines of one layer, all or none, each row in the version that was read.

    Observations are laid over changed ground in the same transaction.
    """

    def act(session: Session, community: Community, by: Signature) -> Done:
        changes = read_changes(asked["changes"])
        return edit(session, community, Asked(asked["layer"], changes, asked["reason"]), by)

    return _change(headers, act)


@editing.route("/communities/<place>/edits/<uuid:edit_id>/undo", methods=["POST"])
@editing.arguments(SubmissionSchema, location="headers")
@editing.arguments(UndoEditSchema, example={"reason": "It was the neighbour's."})
@editing.response(201, EditDoneSchema)
@gated(Permission.GEOMETRY_EDIT)
def undo_edit(
    headers: dict[str, Any], asked: dict[str, Any], place: str, edit_id: uuid.UUID
) -> ResponseReturnValue:
    """Take an edit back by a new one; refused where something was built on it since."""

    def act(session: Session, community: Community, by: Signature) -> Done:
        if session.get(GeometryEdit, (community.id, edit_id)) is None:
            abort(404)
        return undo(session, community, edit_id, asked["reason"], by)

    return _change(headers, act)


def _change(
    headers: Mapping[str, Any], act: Callable[[Session, Community, Signature], Done]
) -> Response:
    """Let ``act`` edit; whoever read other versions is shown the rows as they are now: 412."""
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        by = Signature(viewer.actor, permissions=viewer.permissions)
        try:
            done = act(session, community, by)
        except StaleRows as error:
            now = [
                {
                    "id": str(one.row.id),
                    "version": one.row.version,
                    "now": [feature_json(it) for it in describe(session, community, one.now)],
                }
                for one in error.rows
            ]
            raise Stale(yours=request.get_json(), now=now) from error
        return _done(session, community, done)

    return submit(headers.get("key"), work, 201)


def _box(session: Session, community: Community, asked: Mapping[str, Any]) -> Any:
    if not asked["building"]:
        return asked.get("bbox")
    found = around_building(session, community, asked["building"])
    if found is not None:
        return found
    message = Said("There is no building {ref}.", ref=asked["building"])
    remedy = "Give the ref of one that is on the map."
    raise InputError([Problem("unknown_building", message, remedy, field="building")])


def _after(cursor: str, layer: EditLayer) -> Place | None:
    if not cursor:
        return None
    ref, last = read_place(cursor, f"edits/{layer}", 2)
    return ref, uuid.UUID(last)


def _below(cursor: str) -> int | None:
    if not cursor:
        return None
    if cursor.isascii() and cursor.isdecimal() and len(cursor) < 10:
        return int(cursor)
    message, remedy = "This is no place in the history.", "Take it from next."
    raise InputError([Problem("cursor", message, remedy, field="cursor")])


def feature_json(one: Shown) -> dict[str, Any]:
    """Return a row as the API tells it."""
    state, attributes = one.feature.state, dict(one.feature.state.attributes)
    for hidden in ("links", "looked", "survey_id", "building_id", "occupier_id"):
        attributes.pop(hidden, None)
    return {
        "id": str(one.feature.id),
        "ref": state.ref,
        "version": one.feature.version,
        "geometry": json.loads(shapely.to_geojson(state.shape)),
        "area_m2": round(state.area_m2, 2),
        "uncertainty_m2": round(one.uncertainty_m2, 2),
        "rms_m": attributes.get("rms_m"),
        "verified_m2": round(one.verified_m2, 2),
        "entered": one.entered,
        "households": one.households,
        "building": one.building,
        "attributes": attributes,
    }


def _done(session: Session, community: Community, done: Done) -> dict[str, Any]:
    undoes = done.edit.undoes_id
    before = session.get_one(GeometryEdit, (community.id, undoes)).number if undoes else None
    report = done.report
    return {
        "edit": _kept(Kept(done.edit, done.rows, before, None)),
        "flagged": {
            "new": report.new,
            "ended": report.ended,
            "undecided": report.undecided,
            "cases_opened": report.cases_opened,
            "new_m2": round(report.new_m2, 2),
        },
    }


def _kept(one: Kept) -> dict[str, Any]:
    return {
        "id": str(one.edit.id),
        "number": one.edit.number,
        "layer": one.edit.layer,
        "actor": one.edit.actor,
        "at": one.edit.at.isoformat(),
        "day": one.edit.day.isoformat(),
        "reason": one.edit.reason,
        "undoes": one.undoes,
        "undone_by": one.undone_by,
        "rows": [_row(row) for row in one.rows],
    }


def _row(row: GeometryEditRow) -> dict[str, Any]:
    both = row.before_id is not None and row.after_id is not None
    names: Sequence[str] = sorted(row.before.keys() | row.after.keys()) if both else []
    return {
        "ref": row.ref,
        "change": row.change,
        "before_id": row.before_id and str(row.before_id),
        "after_id": row.after_id and str(row.after_id),
        "after_version": row.after_version,
        "before": _geometry(row.geom_before),
        "after": _geometry(row.geom_after),
        "area_before_m2": None if row.area_before_m2 is None else round(row.area_before_m2, 2),
        "area_after_m2": None if row.area_after_m2 is None else round(row.area_after_m2, 2),
        "changed": [name for name in names if row.before.get(name) != row.after.get(name)],
    }


def _geometry(stored: Any) -> Any:
    return None if stored is None else json.loads(shapely.to_geojson(to_shape(stored)))
