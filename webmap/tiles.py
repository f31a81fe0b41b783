"""The map's vector tiles: no JSON, and so no part of the API's document."""

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.map_tiles import SHALLOWEST, tile_layers
from layers.tiles import Tile, draw_tile
from webmap.caching import ask_again
from webmap.gates import gated, place_session

tiles = Blueprint("tiles", __name__)
tiles.after_request(ask_again)

MVT = "application/vnd.mapbox-vector-tile"


@tiles.get("/tiles/<place>/<int:z>/<int:x>/<int:y>.mvt")
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
