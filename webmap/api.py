"""The JSON endpoints and the tiles: each parses, calls one function, answers."""

import datetime as dt
import math
import uuid
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.casework import StaleVersion, move
from cases.figures import figures
from cases.map_data import change_days, communities_on, count_statuses, total
from cases.map_tiles import SHALLOWEST, tile_layers
from cases.models import Case
from cases.parcel_file import Viewer, case_file, case_hits, parcel_file
from cases.people import visible_cases
from gis.problems import InputError, Problem
from layers.features import Bounds, today
from layers.models import Community
from layers.search import search
from layers.tiles import Tile, draw_tile
from webmap.errors import problem
from webmap.gates import current_access, gated, place_session
from webmap.move_request import read_move

api = Blueprint("api", __name__)

MVT = "application/vnd.mapbox-vector-tile"


@api.get("/tiles/<place>/<int:z>/<int:x>/<int:y>.mvt")
@gated(Permission.MAP_READ)
def tile(place: str, z: int, x: int, y: int) -> ResponseReturnValue:
    """Return a vector tile; far out it is empty, because a tile would hold a town there."""
    wanted = Tile(z, x, y)
    if not wanted.exists():
        abort(404)
    content = b""
    if z >= SHALLOWEST:
        with place_session() as session:
            content = draw_tile(session, tile_layers(), wanted)
    return Response(content, content_type=MVT)


@api.get("/api/v1/places/<place>/figures")
@gated(Permission.FIGURES_READ)
def place_figures(place: str) -> ResponseReturnValue:
    """Return the official figures as of a day."""
    with place_session() as session:
        communities = _communities(session)
        return jsonify(figures(session, communities, _day("as_of", communities)))


@api.get("/api/v1/places/<place>/status")
@gated(Permission.MAP_READ)
def place_status(place: str) -> ResponseReturnValue:
    """Return how many public-green parcels have each status on a day."""
    with place_session() as session:
        return jsonify(total(count_statuses(session, _day("day", _communities(session)))))


@api.get("/api/v1/places/<place>/communities")
@gated(Permission.MAP_READ)
def place_communities(place: str) -> ResponseReturnValue:
    """Return the communities within a box, each with its counts by status."""
    with place_session() as session:
        day = _day("day", _communities(session))
        return jsonify(communities_on(session, day, _box()))


@api.get("/api/v1/places/<place>/days")
@gated(Permission.MAP_READ)
def place_days(place: str) -> ResponseReturnValue:
    """Return the days on which the map changed."""
    with place_session() as session:
        days = [{"day": one.day.isoformat(), "events": one.events} for one in change_days(session)]
    first, last = (days[0]["day"], days[-1]["day"]) if days else (None, None)
    return jsonify(first=first, last=last, days=days)


@api.get("/api/v1/places/<place>/search")
@gated(Permission.MAP_READ)
def place_search(place: str) -> ResponseReturnValue:
    """Return what a text is part of the name of."""
    text = request.args.get("q", "").replace("\x00", "")
    where = current_access().place
    with place_session() as session:
        more = []
        if where.is_community:
            more.append(case_hits(session.get_one(Community, where.id), text, _viewer()))
        return jsonify(search(session, where, text, more))


@api.get("/api/v1/communities/<place>/parcels/<uuid:parcel_id>")
@gated(Permission.CASE_READ)
def parcel(place: str, parcel_id: uuid.UUID) -> ResponseReturnValue:
    """Return everything about one parcel."""
    with place_session() as session:
        found = parcel_file(session, _community(session), parcel_id, _viewer())
    return jsonify(found) if found is not None else abort(404)


@api.post("/api/v1/communities/<place>/cases/<uuid:case_id>/moves")
@gated(Permission.CASE_READ)
def move_case(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Make one move of a case; what it may and what it lacks is for the move to say."""
    viewer = _viewer()
    with place_session() as session, session.begin():
        community = _community(session)
        mine = select(Case.id).where(
            Case.community_id == community.id, Case.id == case_id, viewer.sees
        )
        if session.scalar(mine) is None:
            abort(404)
        wanted = read_move(_body(), viewer)
        try:
            moved = move(session, community, case_id, wanted)
        except StaleVersion as error:
            now = case_file(session, community, error.case, viewer)
            return problem(412, str(error), case=now)
        return jsonify(case_file(session, community, moved, viewer))


@api.after_request
def _let_browsers_ask_again(response: Response) -> Response:
    """Let a browser keep an answer for itself and ask each time whether it still holds."""
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(("Cookie", "Authorization", "Accept-Encoding"))
    if request.method in {"GET", "HEAD"} and response.status_code == 200:
        response.add_etag(weak=True)
        response.make_conditional(request)
    return response


def _communities(session: Session) -> list[Community]:
    """Return the communities of the place; the session sees no others."""
    return list(session.scalars(select(Community).order_by(Community.id)))


def _community(session: Session) -> Community:
    place = current_access().place
    return session.get_one(Community, place.id) if place.is_community else abort(404)


def _viewer() -> Viewer:
    access = current_access()
    return Viewer(
        current_user.email,
        access.rights.permissions(access.place.id),
        visible_cases(access.rights, current_user.id),
    )


def _day(name: str, communities: list[Community]) -> dt.date:
    """Return the day asked for, today where the place lies by default."""
    text = request.args.get(name)
    if text is None:
        return today(communities)
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        fault = Problem("day", f"{text!r} is no day.", "Write it as 2022-06-30.", field=name)
        raise InputError([fault]) from None


def _box() -> Bounds:
    text = request.args.get("bbox", "-180,-90,180,90")
    parts = text.split(",")
    try:
        west, south, east, north = (float(part) for part in parts)
    except ValueError:
        west = south = east = north = math.nan
    if not all(map(math.isfinite, (west, south, east, north))):
        remedy = "Give west,south,east,north in degrees."
        raise InputError([Problem("bbox", f"{text!r} is no box.", remedy, field="bbox")])
    return west, south, east, north


def _body() -> dict[str, Any]:
    try:
        body = request.get_json()
    except RecursionError:
        abort(400)
    if not isinstance(body, dict):
        remedy = "Send a JSON object with the move."
        raise InputError([Problem("body", "The body is no JSON object.", remedy)])
    return body
