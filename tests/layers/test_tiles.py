"""Tiles are cut by the index and hold what lies in them, and nothing of other places."""

import mapbox_vector_tile
import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from layers.db import Scope, scoped_session
from layers.models import Community, Parcel, Site
from layers.tiles import EXTENT, Tile, TileLayer, draw_tile, tile_statement
from tests import builders as make

WIDE = make.tile_at(16)
PARCELS = TileLayer("parcels", select(Parcel.ref, Parcel.area_m2), Parcel.geom)
SITES = TileLayer("sites", select(Site.ref, Site.heads, Site.built_on), Site.geom)


def decoded(content: bytes) -> dict[str, list[dict[str, object]]]:
    found = mapbox_vector_tile.decode(content, default_options={"y_coord_down": True})
    return {name: layer["features"] for name, layer in found.items()}


def narrowed(session: Session, scope: Scope) -> Session:
    session.flush()
    return scoped_session(session.connection(), scope, join_transaction_mode="create_savepoint")


@pytest.fixture
def place(session: Session) -> Community:
    return make.community(session)


def test_layers_follow_one_another_in_one_tile(session: Session, place: Community) -> None:
    make.parcel(session, place, make.square(1, 1), ref="绿地 1", area_m2=98.5)
    make.site(session, place, make.point(3, 3), ref="pile", heads=12)
    found = decoded(draw_tile(session, [PARCELS, SITES], WIDE))
    assert [one["properties"] for one in found["parcels"]] == [{"ref": "绿地 1", "area_m2": 98.5}]
    assert found["sites"][0]["properties"]["heads"] == 12  # type: ignore[index]
    assert found["sites"][0]["geometry"]["type"] == "Point"  # type: ignore[index]


def test_nothing_of_a_layer_is_no_bytes(session: Session, place: Community) -> None:
    assert draw_tile(session, [PARCELS, SITES], WIDE) == b""


def test_absent_values_are_absent_properties(session: Session, place: Community) -> None:
    make.site(session, place, state="planned", built_on=None)
    (found,) = decoded(draw_tile(session, [SITES], WIDE))["sites"]
    assert "built_on" not in found["properties"]  # type: ignore[operator]


def test_a_polygon_is_cut_at_the_buffer(session: Session, place: Community) -> None:
    make.parcel(session, place, make.square(-200, -200, 400))
    (found,) = decoded(draw_tile(session, [PARCELS], WIDE))["parcels"]
    (ring,) = found["geometry"]["coordinates"]  # type: ignore[index]
    assert {round(value) for corner in ring for value in corner} == {-64, EXTENT + 64}


def test_the_neighbouring_tile_does_not_hold_it(session: Session, place: Community) -> None:
    make.parcel(session, place)
    assert draw_tile(session, [PARCELS], Tile(WIDE.z, WIDE.x + 1, WIDE.y)) == b""


def test_a_tile_keeps_to_the_scope_of_its_session(session: Session, place: Community) -> None:
    other = make.community(session)
    make.parcel(session, place, ref="ours")
    make.parcel(session, other, ref="theirs")
    inside = narrowed(session, Scope(frozenset({place.id})))
    found = decoded(draw_tile(inside, [PARCELS], WIDE))["parcels"]
    assert [one["properties"]["ref"] for one in found] == ["ours"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("tile", "there"),
    [
        (Tile(0, 0, 0), True),
        (WIDE, True),
        (Tile(0, 1, 0), False),
        (Tile(3, 0, 8), False),
        (Tile(-1, 0, 0), False),
        (Tile(3, -1, 0), False),
        (Tile(23, 0, 0), False),
    ],
)
def test_only_tiles_of_the_pyramid_exist(tile: Tile, there: bool) -> None:
    assert tile.exists() is there


def test_the_whole_world_can_be_asked_for(session: Session, place: Community) -> None:
    make.site(session, place)
    assert decoded(draw_tile(session, [SITES], Tile(0, 0, 0)))["sites"]


def test_the_serving_role_finds_parcels_by_the_index(session: Session, place: Community) -> None:
    # As many as a full scan would be noticed for; the statistics know nothing of them yet.
    session.execute(
        text(
            "INSERT INTO parcel (community_id, ref, kind, title_basis, rms_m, area_m2, geom)"
            " SELECT :community, 'n' || n, 'public_green', 'owner_common', 0.05, 1,"
            " ST_Multi(ST_MakeEnvelope(100 + n % 50, 20 + n / 200,"
            " 100.001 + n % 50, 20.001 + n / 200, 4326)) FROM generate_series(0, 3999) n"
        ),
        {"community": place.id},
    )
    inside = narrowed(session, Scope(frozenset({place.id})))
    statement = tile_statement([PARCELS], WIDE).compile(
        inside.connection().engine, compile_kwargs={"literal_binds": True}
    )
    plan = "\n".join(inside.scalars(text(f"EXPLAIN {statement}")))
    assert "ix_parcel_geom" in plan
    assert "Seq Scan on parcel" not in plan
