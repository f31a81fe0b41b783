"""What a place tells: figures, statuses, communities, days, and what it finds."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import OneOf
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.figures import AREAS, COUNTS, ORDER, figures
from cases.map_data import change_days, communities_on, count_statuses, total
from cases.map_filter import matching, of_building
from cases.parcel_file import case_hits
from layers.features import communities_after, count_communities, list_regions, today
from layers.models import Community, Parcel
from layers.search import LONGEST, search
from webmap.api.blueprint import Blueprint
from webmap.api.community import asking_viewer
from webmap.api.cursors import read_place, write_place
from webmap.api.fields import Box, Day, Text
from webmap.api.paging import PageQuerySchema, page_of
from webmap.api.schemas import StatusesSchema, box, by_status, says
from webmap.connections import current_database
from webmap.gates import Open, current_access, current_rights, gated, place_session

places = Blueprint("places", __name__, "Communities, and the regions above them.")

LONGEST_REF = 64
WORLD = [-180.0, -90.0, 180.0, 90.0]
HIT_KINDS = ("community", "building", "household", "parcel", "case")
_TODAY = "Today where the place lies, if left out."


class PlaceQuerySchema(PageQuerySchema):
    """Which places."""

    q = Text(LONGEST, load_default="", metadata={"description": "A part of the code or name."})


class ListedPlaceSchema(Schema):
    """A community."""

    code = fields.String(**says("Its code, by which addresses name it."))
    name = fields.String(**says("Its name."))
    above = fields.String(**says("The name of the region above it.", allow_none=True))


class ListedRegionSchema(ListedPlaceSchema):
    """A region."""

    kind = fields.String(**says("What kind of region it is."))
    communities = fields.Integer(**says("How many of the account's communities it holds."))


class PlacePageSchema(Schema):
    """A page of the places of an account."""

    total = fields.Integer(**says("How many communities there are on all pages."))
    next = fields.String(
        **says("The address of the next page; null after the last.", allow_none=True)
    )
    communities = fields.List(fields.Nested(ListedPlaceSchema), **says("By code."))
    regions = fields.List(
        fields.Nested(ListedRegionSchema),
        **says("The regions with a map above all of them, the widest first."),
    )


class AsOfSchema(Schema):
    """The day of figures."""

    as_of = Day(metadata={"description": f"As of the end of which day. {_TODAY}"})


class OnDaySchema(Schema):
    """The day of a map."""

    day = Day(metadata={"description": f"On which day. {_TODAY}"})


class FilteredDaySchema(OnDaySchema):
    """The day of a map, and the filters that are set on it."""

    building = Text(
        LONGEST_REF, metadata={"description": "Only parcels that face the building of this ref."}
    )
    q = Text(
        LONGEST,
        load_default="",
        metadata={"description": "Of a community: only parcels that this text finds."},
    )


class OnDayInBoxSchema(OnDaySchema):
    """The day and the part of a map."""

    bbox = Box(
        load_default=WORLD,
        metadata={"description": "west,south,east,north in EPSG:4326.", "default": WORLD},
    )


class SearchSchema(Schema):
    """What is looked for."""

    q = fields.String(load_default="", metadata={"description": "Part of a name, ref or number."})


def _figure(name: str) -> fields.Field[Any]:
    words = name.removesuffix("_m2").replace("_", " ")
    if name in COUNTS:
        return fields.Integer(**says(f"Number of {words}."))
    return fields.Float(**says(f"Area {words} in m2 of the survey CRS, to 0.01 m2."))


assert set(COUNTS) | set(AREAS) | {"outstanding_m2"} == set(ORDER)
_FIGURES = {name: _figure(name) for name in ORDER}
BuildingFiguresSchema: Any = Schema.from_dict(
    {
        "building": fields.String(
            **says("The building's ref; null for what belongs to none.", allow_none=True)
        ),
        **_FIGURES,
    },
    name="BuildingFiguresSchema",
)
CommunityFiguresSchema: Any = Schema.from_dict(
    {"community": fields.String(**says("The community's code.")), **_FIGURES},
    name="CommunityFiguresSchema",
)
FiguresSchema: Any = Schema.from_dict(
    {
        "community": fields.String(
            **says("The community's code; null for several.", allow_none=True)
        ),
        "communities": fields.Integer(**says("How many communities these are.")),
        "as_of": fields.Date(**says("The day at whose end they hold.")),
        **_FIGURES,
        "by_building": fields.List(
            fields.Nested(BuildingFiguresSchema),
            metadata={"description": "Of one community: the same for each building."},
        ),
        "by_community": fields.List(
            fields.Nested(CommunityFiguresSchema),
            metadata={"description": "Of several: the same for each community."},
        ),
    },
    name="FiguresSchema",
)


class PlacedCommunitySchema(Schema):
    """A community where it lies, with its parcels by status."""

    code = fields.String(**says("The community's code."))
    name = fields.String(**says("Its name."))
    lon = fields.Float(**says("The middle of its bounds, in degrees east."))
    lat = fields.Float(**says("The middle of its bounds, in degrees north."))
    bounds = box("Where it lies")
    parcels = fields.Integer(**says("How many public-green parcels it has."))
    status = by_status("These by status; a status without a parcel is left out.")


class ChangeDaySchema(Schema):
    """A day on which the map changed."""

    day = fields.Date(**says("The day."))
    events = fields.Integer(**says("How many things changed on it."))


class DaysSchema(Schema):
    """The days on which the map changed."""

    first = fields.Date(**says("The first of them.", allow_none=True))
    last = fields.Date(**says("The last of them.", allow_none=True))
    days = fields.List(fields.Nested(ChangeDaySchema), **says("All of them, in order."))


class HitSchema(Schema):
    """Something that was found."""

    kind = fields.String(**says("What it is.", validate=OneOf(HIT_KINDS)))
    id = fields.String(**says("Its identifier; a community's is its code."))
    label = fields.String(**says("What people call it."))
    bounds = box("Where it lies")
    community = fields.String(**says("The code of its community."))
    parcel = fields.UUID(**says("The parcel that goes with it.", allow_none=True))


@places.route("/places")
@places.arguments(PlaceQuerySchema, location="query")
@places.response(200, PlacePageSchema)
@gated(Open.LOGGED_IN)
def place_list(asked: dict[str, Any]) -> ResponseReturnValue:
    """Communities of the account, by code, and the regions above those with a map."""
    of, cursor, limit = "places", asked["cursor"], asked["limit"]
    after = read_place(cursor, of, 1)[0] if cursor else ""
    mine, database = current_rights(), current_database()
    with database.session(mine.scope()) as session:
        total = count_communities(session, asked["q"])
        found = communities_after(session, asked["q"], after, limit + 1)
    with database.session(mine.scope(Permission.MAP_READ)) as session:
        regions = list_regions(session)
    following = write_place(of, found[limit - 1].code) if len(found) > limit else None
    shown = [{"code": one.code, "name": one.name, "above": one.above} for one in found[:limit]]
    above = [
        {
            "code": one.code,
            "name": one.name,
            "above": one.above,
            "kind": one.kind,
            "communities": one.communities,
        }
        for one in regions
    ]
    return page_of(following, total=total, communities=shown, regions=above)


@places.route("/places/<place>/figures")
@places.arguments(AsOfSchema, location="query")
@places.response(200, FiguresSchema)
@gated(Permission.FIGURES_READ)
def place_figures(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Official figures as of a day.

    Of one community they come by building too, of a region by community.
    """
    with place_session() as session:
        communities = _communities(session)
        return jsonify(figures(session, communities, asked.get("as_of") or today(communities)))


@places.route("/places/<place>/status")
@places.arguments(FilteredDaySchema, location="query")
@places.response(200, StatusesSchema)
@gated(Permission.MAP_READ)
def place_status(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Public-green parcels by status on a day."""
    with place_session() as session:
        only = list(_filters(asked, session))
        return jsonify(total(count_statuses(session, _day(asked, session), only=only)))


@places.route("/places/<place>/communities")
@places.arguments(OnDayInBoxSchema, location="query")
@places.response(200, PlacedCommunitySchema(many=True))
@gated(Permission.MAP_READ)
def place_communities(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Communities within a box, each with its parcels by status."""
    with place_session() as session:
        return jsonify(communities_on(session, _day(asked, session), tuple(asked["bbox"])))


@places.route("/places/<place>/days")
@places.response(200, DaysSchema)
@gated(Permission.MAP_READ)
def place_days(place: str) -> ResponseReturnValue:
    """Days on which the map changed."""
    with place_session() as session:
        days = [{"day": one.day.isoformat(), "events": one.events} for one in change_days(session)]
    first, last = (days[0]["day"], days[-1]["day"]) if days else (None, None)
    return jsonify(first=first, last=last, days=days)


@places.route("/places/<place>/search")
@places.arguments(SearchSchema, location="query")
@places.response(200, HitSchema(many=True))
@gated(Permission.MAP_READ)
def place_search(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Find by part of a name, ref or number.

    In a region these are communities; in a community buildings, parcels, and those
    households (by their ref) and cases that the account sees. Residents are never found.
    """
    text = asked["q"].replace("\x00", "")
    where, viewer = current_access().place, asking_viewer()
    with place_session() as session:
        more = []
        if where.is_community:
            more.append(case_hits(session.get_one(Community, where.id), text, viewer))
        return jsonify(search(session, where, text, more, households=viewer.knows))


def _filters(asked: dict[str, Any], session: Session) -> Iterator[ColumnElement[bool]]:
    """Yield what a parcel must be to be counted; a text finds none in a region."""
    if "building" in asked:
        yield of_building(asked["building"])
    if asked["q"] and current_access().place.is_community:
        community = session.get_one(Community, current_access().place.id)
        yield Parcel.id.in_(matching(community, asked["q"], asking_viewer()))


def _communities(session: Session) -> list[Community]:
    """Return the communities of the place; the session sees no others."""
    return list(session.scalars(select(Community).order_by(Community.id)))


def _day(asked: dict[str, Any], session: Session) -> dt.date:
    day: dt.date = asked.get("day") or today(_communities(session))
    return day
