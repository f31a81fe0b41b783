"""What a phone can take along into the yard, and the bundle itself."""

import datetime as dt
import uuid
from typing import Any

from flask import Response, jsonify, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import Length

from cases.access import Permission
from cases.field.areas import BUNDLE_BYTES, FieldBuilding, FieldLane, field_buildings, field_lanes
from cases.field.bundle import MOST_BUILDINGS, bundle
from webmap.api.blueprint import Blueprint
from webmap.api.community import asked_community, asking_viewer
from webmap.api.fields import POLYGONS, Key
from webmap.api.schemas import box, says
from webmap.connections import current_settings
from webmap.gates import gated, place_session

field_bundles = Blueprint("field", __name__, "What phones take along, to be used without a signal.")

_ROW = fields.Dict(keys=fields.String())


class FieldLaneSchema(Schema):
    """A lane to prepare."""

    id = fields.UUID(**says("Its identifier."))
    ref = fields.String(**says("Its number."))
    name = fields.String(**says("Its name."))
    buildings = fields.List(fields.UUID(), **says("Its buildings."))


class FieldBuildingSchema(Schema):
    """A building to prepare, with how much the account would take along."""

    id = fields.UUID(**says("Its identifier."))
    ref = fields.String(**says("Its number."))
    name = fields.String(**says("Its name."))
    parcels = fields.Integer(**says("How many parcels face it."))
    observations = fields.Integer(**says("How many open observations lie on them."))
    cases = fields.Integer(**says("How many of its cases the account sees."))
    photographs = fields.Integer(**says("How many photographs those have."))
    bytes = fields.Integer(**says("About how much a phone would keep of it."))
    box = box("Where it lies")


class AreasSchema(Schema):
    """What can be prepared."""

    bytes = fields.Integer(**says("About how much every bundle takes beside its buildings."))
    base_maps = fields.List(_ROW, **says("Backgrounds; `offline` where tiles may be kept."))

    lanes = fields.List(fields.Nested(FieldLaneSchema), **says("Lanes by number."))
    buildings = fields.List(fields.Nested(FieldBuildingSchema), **says("Buildings by number."))


class ChosenSchema(Schema):
    """Which buildings a bundle is of."""

    building = fields.List(
        Key(),
        load_default=list,
        validate=Length(0, MOST_BUILDINGS),
        metadata={
            "description": "A building; once for each, all of the community without any.",
            "maxItems": MOST_BUILDINGS,
        },
    )


class FieldBundleSchema(Schema):
    """Everything of some buildings that a phone needs; geometries are GeoJSON in EPSG:4326."""

    place = fields.String(**says("The community's code."))
    name = fields.String(**says("Its name."))
    prepared_at = fields.DateTime(**says("When it was made, by the server's clock."))
    expires_at = fields.DateTime(**says("Until when it may be used."))
    version = fields.String(**says("Changes with what it says; the ETag."))
    survey = fields.Dict(
        keys=fields.String(),
        **says(
            "The survey CRS for Proj4js, and control points [longitude, latitude, x, y] by which"
            " a phone checks its own projection."
        ),
    )
    boundary = fields.Dict(
        required=True,
        allow_none=True,
        metadata={
            "description": "The community's boundary.",
            "anyOf": [*POLYGONS["anyOf"], {"type": "null"}],
        },
    )
    tolerances = fields.Dict(keys=fields.String(), **says("The sliver rule's numbers."))
    sketch_rms_m = fields.Float(**says("How exactly a finger draws, in m."))
    buildings = fields.List(_ROW, **says("The chosen buildings."))
    parcels = fields.List(_ROW, **says("Theirs, and what lies within 15 m, by identifier."))
    observations = fields.List(_ROW, **says("Open observations there."))
    encroachments = fields.List(_ROW, **says("What was found taken: what stands, what was freed."))
    cases = fields.List(_ROW, **says("Those cases that the account sees."))
    photographs = fields.List(_ROW, **says("Their photographs, with the address of a copy."))
    waiting = fields.List(_ROW, **says("Ground that others sent and nobody has decided about."))
    base_maps = fields.List(_ROW, **says("Backgrounds; `offline` where tiles may be kept."))


@field_bundles.route("/communities/<place>/field/areas")
@field_bundles.response(200, AreasSchema)
@gated(Permission.FIELD_CAPTURE)
def field_areas(place: str) -> ResponseReturnValue:
    """Lanes and buildings that a phone can prepare, with how much each takes."""
    with place_session() as session:
        community = asked_community(session)
        lanes = field_lanes(session, community)
        buildings = field_buildings(session, community, asking_viewer())
    return jsonify(
        bytes=BUNDLE_BYTES,
        base_maps=_base_maps(),
        lanes=[_lane(one) for one in lanes],
        buildings=[_building(one) for one in buildings],
    )


@field_bundles.route("/communities/<place>/field/bundle")
@field_bundles.arguments(ChosenSchema, location="query")
@field_bundles.response(200, FieldBundleSchema)
@gated(Permission.FIELD_CAPTURE)
def field_bundle(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Everything of the chosen buildings, to be kept on a phone for two weeks."""
    with place_session() as session:
        community = asked_community(session)
        chosen = list(dict.fromkeys(asked["building"]))
        told = bundle(session, community, asking_viewer(), chosen, dt.datetime.now(dt.UTC))
    for one in told["photographs"]:
        one["url"] = _copy(place, one["id"])
    told["base_maps"] = _base_maps()
    return _tagged(jsonify(told), told["version"])


def _tagged(response: Response, version: str) -> Response:
    """Tag an answer by what it says: the time at which it was made changes nothing."""
    response.set_etag(version)
    return response


def _copy(place: str, key: str) -> str:
    named = uuid.UUID(key)
    return url_for("photographs.copy", place=place, photograph_id=named, size="large")


def _base_maps() -> list[dict[str, Any]]:
    """Return the backgrounds; which may be kept on a phone, the operator says."""
    return [
        {
            "name": one.name,
            "url": one.url,
            "attribution": one.attribution,
            "datum": one.datum,
            "max_zoom": one.max_zoom,
            "offline": one.offline,
        }
        for one in current_settings().base_maps
    ]


def _lane(one: FieldLane) -> dict[str, Any]:
    buildings = sorted(str(key) for key in one.buildings)
    return {"id": str(one.id), "ref": one.ref, "name": one.name, "buildings": buildings}


def _building(one: FieldBuilding) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "ref": one.ref,
        "name": one.name,
        "parcels": one.parcels,
        "observations": one.observations,
        "cases": one.cases,
        "photographs": one.photographs,
        "bytes": one.size,
        "box": list(one.box),
    }
