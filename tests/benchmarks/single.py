"""One more polygon in a village and in a city, and what a map costs in both."""

import datetime as dt
import itertools
from collections.abc import Callable

import numpy as np
import shapely
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from cases.flagging import flag
from cases.map_tiles import tile_layers
from cases.observing import observe
from gis.crs import project
from layers.config import Settings
from layers.db import EVERYWHERE, Database, Scope
from layers.features import find_place, map_place
from layers.frames import frame, wkb
from layers.migrate import open_database, owner_engine
from layers.models import Community, Parcel, Purpose, WaitingObservation
from layers.tiles import Tile, draw_tile, tile_statement
from tests.benchmarks.timing import Comparison, Row, by_turns, take_turns
from webmap.app import create_app
from webmap.shell import render_map_page

ONE_POLYGON_GOAL, TILE_GOAL, PAGE_GOAL = 1.2, 1.2, 1.001
ZOOM, WORLD_M = 16, 40_075_016.685_578_5

_refs = itertools.count(1)


def settle(settings: Settings) -> None:
    """Leave no observation waiting, as in a place that is in use."""
    engine = owner_engine(settings)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL commongreen.everywhere = 'on'"))
        connection.execute(delete(WaitingObservation))
    engine.dispose()


def compare_polygon(village: Settings, city: Settings, label: tuple[str, str], turns: int) -> Row:
    """Enter and flag one polygon, commit included, in a city and in a village."""
    both = [open_database(settings) for settings in (city, village)]
    name = f"one polygon, entered, flagged, committed : the same among {label[1]}"
    comparison = Comparison(name, label[0], ONE_POLYGON_GOAL)
    ours, theirs = (_one_more(database, 2 * turns + 2) for database in both)
    row = by_turns(take_turns(comparison, ours, theirs, turns))
    for database in both:
        database.engine.dispose()
    return row


def compare_tile(settings: Settings, label: str, turns: int) -> Row:
    """Draw a tile by our function, and by its SQL text on the bare driver."""
    database = open_database(settings)
    with database.session(EVERYWHERE) as session:
        community = session.scalars(select(Community).order_by(Community.id)).first()
        assert community is not None
        tile = _tile_of(session, community.id)
    scope = Scope(frozenset({community.id}))
    with database.session(scope) as session:
        statement = tile_statement(tile_layers(), tile)
        compiled = statement.compile(database.engine, compile_kwargs={"render_postcompile": True})
        driver = session.connection().connection.driver_connection
        assert driver is not None

        def ours() -> bytes:
            return draw_tile(session, tile_layers(), tile)

        def theirs() -> bytes:
            with driver.cursor() as cursor:
                cursor.execute(str(compiled), compiled.params)
                return b"".join(bytes(part) for row in cursor.fetchall() for part in row if part)

        # The same features; their order is the plan's to choose.
        assert len(ours()) == len(theirs()) > 0
        comparison = Comparison("z16 tile : the same ST_AsMVT as bare SQL", label, TILE_GOAL)
        comparison.note = f"{len(ours())} bytes"
        row = by_turns(take_turns(comparison, ours, theirs, turns))
    database.engine.dispose()
    return row


def compare_page(village: Settings, city: Settings, label: str) -> Row:
    """Compare the bytes of the map's page: only the numbers of its bounds may differ."""
    sizes = [float(_page_bytes(settings)) for settings in (city, village)]
    name = "bytes of the map page : the same in the village"
    return Row(name, label, sizes[0] / sizes[1], PAGE_GOAL, "", {"bytes": sizes})


def _one_more(database: Database, most: int) -> Callable[[], object]:
    """Return an act that enters a polygon on another parcel each time."""
    with database.session(EVERYWHERE) as session:
        community = session.scalars(select(Community).order_by(Community.id)).first()
        assert community is not None
        parcels = frame(
            session,
            select(wkb(Parcel.geom))
            .where(Parcel.community_id == community.id)
            .order_by(Parcel.ref)
            .limit(most),
        )
    shrunk = [_inside(parcel) for parcel in parcels["geom"]]
    polygons = itertools.cycle(shrunk)

    def act() -> None:
        with database.session(EVERYWHERE) as session, session.begin():
            observe(
                session,
                community,
                next(polygons),
                ref=f"one-{next(_refs)}",
                purpose=Purpose.PATROL,
                observed_on=dt.date(2022, 6, 1),
                rms_m=0.05,
            )
            flag(session, [community])

    return act


def _inside(parcel: shapely.Geometry) -> shapely.Geometry:
    west, south, east, north = parcel.bounds
    middle = parcel.representative_point()
    return middle.buffer(min(east - west, north - south) / 6, quad_segs=2)


def _tile_of(session: Session, community: int) -> Tile:
    """Return the tile over the first parcel of a community."""
    found = frame(
        session,
        select(wkb(Parcel.geom))
        .where(Parcel.community_id == community)
        .order_by(Parcel.ref)
        .limit(1),
    )
    centre = np.array([found["geom"][0].centroid], dtype=object)
    x, y = shapely.get_coordinates(project(centre, 4326, 3857))[0]
    side = WORLD_M / 2**ZOOM
    return Tile(ZOOM, int((x + WORLD_M / 2) // side), int((WORLD_M / 2 - y) // side))


def _page_bytes(settings: Settings) -> int:
    database = open_database(settings)
    with database.session(EVERYWHERE) as session:
        code = session.scalar(select(Community.code).order_by(Community.id))
        found = find_place(session, str(code))
        assert found is not None
        place = map_place(session, found)
    database.engine.dispose()
    with create_app(settings).test_request_context("/"):
        return len(render_map_page(place, "en", "nonce", "token").encode("utf-8"))
