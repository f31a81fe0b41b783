"""Sites: what freed ground becomes, entered and brought forward by planners."""

import uuid
from typing import Any

from flask import abort, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.signing import Signature
from cases.sites import (
    LONGEST_NAME,
    LONGEST_REF,
    MOST_HEADS,
    MOST_W,
    Plan,
    Progress,
    bring_forward,
    enter_site,
    list_sites,
)
from layers.models import Site, SiteKind, SiteState
from webmap.api.blueprint import Blueprint
from webmap.api.community import asked_community, asking_viewer
from webmap.api.fields import Day, Spot, Text, Whole, Word
from webmap.api.histories import SubmissionSchema
from webmap.api.schemas import says, word
from webmap.api.submitting import submit
from webmap.gates import gated, place_session

sites = Blueprint("sites", __name__, "New landscaping and charging piles.")


class SiteSchema(Schema):
    """A site."""

    id = fields.UUID(**says("Its identifier."))
    ref = fields.String(**says("Its number."))
    kind = word(SiteKind, "What it is.")
    state = word(SiteState, "How far it has come.")
    name = fields.String(**says("Its name."))
    built_on = fields.Date(**says("When it was built.", allow_none=True))
    heads = fields.Integer(**says("Charging heads."))
    power_w = fields.Float(**says("Its power in watts."))
    area_m2 = fields.Float(**says("Its area in m2 of the survey CRS."))


class SitesSchema(Schema):
    """The sites of a community."""

    sites = fields.List(fields.Nested(SiteSchema), **says("Landscaping first, each kind by ref."))


class NewSiteSchema(Schema):
    """A site to be entered."""

    ref = Text(LONGEST_REF, required=True, metadata={"description": "Its number."})
    kind = Word(
        SiteKind, code="kind", noun="kind", required=True, metadata={"description": "What it is."}
    )
    shape = Spot(
        required=True,
        metadata={"description": "Where, in EPSG:4326: a Polygon, or a Point for a pile."},
    )
    state = Word(
        SiteState,
        code="state",
        noun="state",
        load_default=SiteState.PLANNED,
        metadata={"description": "How far it has come; planned by default."},
    )
    name = Text(LONGEST_NAME, load_default="", metadata={"description": "Its name."})
    built_on = Day(
        allow_none=True, load_default=None, metadata={"description": "Needed once it is built."}
    )
    heads = Whole(0, MOST_HEADS, load_default=0, metadata={"description": "Of a pile alone."})
    power_w = Whole(0, int(MOST_W), load_default=0, metadata={"description": "In watts."})


class ProgressSchema(Schema):
    """A site brought to a later state."""

    before = Word(
        SiteState,
        code="state",
        noun="state",
        required=True,
        metadata={"description": "Its state as it was read."},
    )
    after = Word(
        SiteState,
        code="state",
        noun="state",
        required=True,
        metadata={"description": "The later state to come to."},
    )
    built_on = Day(
        allow_none=True, load_default=None, metadata={"description": "Needed once it is built."}
    )


@sites.route("/communities/<place>/sites")
@sites.response(200, SitesSchema)
@gated(Permission.MAP_READ)
def place_sites(place: str) -> ResponseReturnValue:
    """Sites of a community."""
    with place_session() as session:
        found = list_sites(session, asked_community(session))
        return jsonify(sites=[_told(one) for one in found])


@sites.route("/communities/<place>/sites", methods=["POST"])
@sites.arguments(SubmissionSchema, location="headers")
@sites.arguments(
    NewSiteSchema,
    example={
        "ref": "CP-3",
        "kind": "charging_pile",
        "heads": 15,
        "power_w": 13500,
        "shape": {"type": "Point", "coordinates": [122.1, 37.4]},
    },
)
@sites.response(201, SiteSchema)
@gated(Permission.SITES_EDIT)
def new_site(headers: dict[str, Any], asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Enter a site; none is entered as built on ground that is still occupied."""
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        plan = Plan(
            asked["ref"],
            asked["kind"],
            asked["shape"],
            asked["state"],
            asked["name"],
            asked["built_on"],
            asked["heads"],
            asked["power_w"],
        )
        by = Signature(viewer.actor, permissions=viewer.permissions)
        return _told(enter_site(session, asked_community(session), plan, by))

    return submit(headers.get("key"), work, 201)


@sites.route("/communities/<place>/sites/<uuid:site_id>/state", methods=["POST"])
@sites.arguments(SubmissionSchema, location="headers")
@sites.arguments(
    ProgressSchema, example={"before": "planned", "after": "built", "built_on": "2022-06-30"}
)
@sites.response(200, SiteSchema)
@gated(Permission.SITES_EDIT)
def site_progress(
    headers: dict[str, Any], asked: dict[str, Any], place: str, site_id: uuid.UUID
) -> ResponseReturnValue:
    """Bring a site to a later state; `before` is refused where it is no longer so."""
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        if session.get(Site, (community.id, site_id)) is None:
            abort(404)
        step = Progress(asked["before"], asked["after"], asked["built_on"])
        by = Signature(viewer.actor, permissions=viewer.permissions)
        return _told(bring_forward(session, community, site_id, step, by))

    return submit(headers.get("key"), work)


def _told(site: Site) -> dict[str, Any]:
    return {
        "id": str(site.id),
        "ref": site.ref,
        "kind": site.kind,
        "state": site.state,
        "name": site.name,
        "built_on": site.built_on and site.built_on.isoformat(),
        "heads": site.heads,
        "power_w": site.power_w,
        "area_m2": round(site.area_m2, 2),
    }
