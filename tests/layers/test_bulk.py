"""Rows in bulk arrive as written, whichever way they go, and stay inside their scope."""

import uuid

import numpy as np
import psycopg
import pytest
import shapely
from psycopg.types.json import Jsonb
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from layers.bulk import FEW, among, copy_columns, copy_rows, ewkb, replacing, staged, update_columns
from layers.db import Scope, scoped_session
from layers.models import Community, FieldMapping, Parcel, ParcelKind, TitleBasis


@pytest.fixture
def community_id(session: Session) -> int:
    place = Community(code="A", name="A", survey_srid=4550)
    session.add(place)
    session.flush()
    return place.id


def squares(number: int) -> np.ndarray:
    west = 122 + np.arange(number) * 0.001
    return np.array(
        [shapely.MultiPolygon([shapely.box(x, 37, x + 0.0005, 37.0005)]) for x in west],
        dtype=object,
    )


def parcels(community_id: int, number: int, **changed: object) -> dict[str, object]:
    return {
        "community_id": [community_id] * number,
        "ref": [f"绿-{i}" for i in range(number)],
        "kind": [ParcelKind.PUBLIC_GREEN] * number,
        "title_basis": [TitleBasis.OWNER_COMMON] * number,
        "title_disputed": np.arange(number) % 2 == 0,
        "rms_m": np.full(number, 0.05),
        "building_id": [None] * number,
        "area_m2": np.arange(number) + 0.25,
        "geom": squares(number),
        **changed,
    }


@pytest.mark.parametrize("number", [0, 1, FEW, FEW + 1, 500])
def test_columns_arrive_as_written(session: Session, community_id: int, number: int) -> None:
    assert copy_columns(session, Parcel, parcels(community_id, number)) == number
    rows = session.execute(
        select(Parcel.ref, Parcel.area_m2, Parcel.title_disputed, func.ST_AsBinary(Parcel.geom))
        .where(Parcel.community_id == community_id)
        .order_by(Parcel.area_m2)
    ).all()
    assert [row[0] for row in rows] == [f"绿-{i}" for i in range(number)]
    assert [row[1] for row in rows] == [i + 0.25 for i in range(number)]
    assert [row[2] for row in rows] == [i % 2 == 0 for i in range(number)]
    stored = shapely.from_wkb([row[3] for row in rows])
    assert all(shapely.equals_identical(stored, squares(number)))


@pytest.mark.parametrize("number", [3, 100])
def test_a_conflict_clause_skips_or_replaces(
    session: Session, community_id: int, number: int
) -> None:
    first = parcels(community_id, number)
    copy_columns(session, Parcel, first)
    assert copy_columns(session, Parcel, first, conflict="ON CONFLICT DO NOTHING") == 0
    again = parcels(community_id, number, area_m2=np.full(number, 7.0))
    clause = replacing(session, ["community_id", "ref"], list(again))
    assert copy_columns(session, Parcel, again, conflict=clause) == number
    total = select(func.sum(Parcel.area_m2)).where(Parcel.community_id == community_id)
    assert session.scalar(total) == 7.0 * number


@pytest.mark.parametrize("number", [3, 100])
def test_rows_outside_the_scope_are_refused(
    session: Session, community_id: int, number: int
) -> None:
    narrow = Scope(frozenset({community_id + 1}))
    with (
        scoped_session(
            session.connection(), narrow, join_transaction_mode="create_savepoint"
        ) as inside,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"),
        inside.begin_nested(),
    ):
        copy_columns(inside, Parcel, parcels(community_id, number))


def test_rows_may_be_given_one_by_one_with_json(session: Session, community_id: int) -> None:
    rows = [(community_id, "parcels", f"{i}", Jsonb({"ref": "编号"})) for i in range(FEW + 2)]
    names = ["community_id", "delivers", "source", "mapping"]
    assert copy_rows(session, FieldMapping, names, rows) == FEW + 2
    assert copy_rows(session, FieldMapping, names, []) == 0
    kept = select(FieldMapping.mapping).where(FieldMapping.source == "7")
    assert session.scalar(kept) == {"ref": "编号"}


def test_wkb_counts_as_geometry_and_null_stays_null() -> None:
    square = squares(1)[0]
    assert ewkb([shapely.to_wkb(square), None]) == ewkb([square, None])
    assert ewkb([]) == []


def test_columns_of_unequal_length_are_refused(session: Session, community_id: int) -> None:
    with pytest.raises(ValueError, match="shorter"):
        copy_columns(session, Parcel, parcels(community_id, 2, rms_m=[0.05]))


def test_an_unknown_column_is_refused(session: Session, community_id: int) -> None:
    with pytest.raises(KeyError, match="colour"):
        copy_columns(session, Parcel, parcels(community_id, 2, colour=["red"] * 2))


def test_staged_rows_join_by_the_index_and_end_with_the_block(
    session: Session, community_id: int
) -> None:
    copy_columns(session, Parcel, parcels(community_id, 100))
    identifiers = [uuid.uuid4() for _ in range(3)]
    rows = list(zip(identifiers, ewkb(squares(3)), strict=True))
    with staged(session, Parcel, ["id", "geom"], rows, indexed=True) as name:
        found = session.execute(
            text(f"SELECT s.id, p.ref FROM {name} s JOIN parcel p ON p.geom && s.geom")
        ).all()
    assert {tuple(row) for row in found} == {(identifiers[i], f"绿-{i}") for i in range(3)}
    assert session.scalar(text(f"SELECT to_regclass('{name}')")) is None


def test_any_number_of_values_can_be_asked_for(session: Session, community_id: int) -> None:
    copy_columns(session, Parcel, parcels(community_id, 3))
    refs = [f"绿-{i}" for i in range(1, 70_000)]
    found = session.scalars(select(Parcel.ref).where(among(Parcel.ref, refs)))
    assert sorted(found) == ["绿-1", "绿-2"]
    keys = session.scalars(select(Parcel.id)).all()
    assert session.scalar(select(func.count()).where(among(Parcel.id, keys))) == 3
    assert session.scalar(select(func.count()).where(among(Parcel.id, []))) == 0


@pytest.mark.parametrize("number", [3, 100])
def test_only_the_rows_and_columns_given_are_changed(
    session: Session, community_id: int, number: int
) -> None:
    copy_columns(session, Parcel, parcels(community_id, number))
    query = select(Parcel.id, Parcel.ref).order_by(Parcel.area_m2)
    (first, *_), *_ = session.execute(query).all()
    moved = shapely.transform(squares(1), lambda xy: xy + 0.5)
    changed = {"community_id": [community_id], "id": [first], "ref": ["新"], "geom": moved}
    assert update_columns(session, Parcel, changed) == 1
    assert update_columns(session, Parcel, {name: [] for name in changed}) == 0
    refs = [ref for _, ref in session.execute(query)]
    assert refs == ["新", *(f"绿-{i}" for i in range(1, number))]
    west = select(func.ST_XMin(Parcel.geom), Parcel.rms_m).where(Parcel.id == first)
    assert session.execute(west).one() == (122.5, 0.05)
