"""The schema is what the models say, and the database itself keeps its rules."""

import uuid

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

import cases.models  # noqa: F401 (its tables join the metadata)
from layers.db import NOWHERE, Database, Scope, durability_faults, role_faults, scoped_session
from layers.migrate import owned
from layers.models import Base, Community

SQUARE = "SRID=4326;MULTIPOLYGON(((122 37,122.1 37,122.1 37.1,122 37.1,122 37)))"


COUNT = text("SELECT count(*) FROM parcel")


def narrowed(session: Session, scope: Scope) -> Session:
    """Return a session of a narrower scope on the same open transaction."""
    session.flush()
    return scoped_session(session.connection(), scope, join_transaction_mode="create_savepoint")


def community(session: Session, code: str) -> Community:
    found = Community(code=code, name=code, survey_srid=4550)
    session.add(found)
    session.flush()
    return found


def add_parcel(session: Session, community_id: int, geom: str, **values: object) -> None:
    session.execute(
        text(
            "INSERT INTO parcel (community_id, ref, kind, title_basis, rms_m, area_m2, geom)"
            " VALUES (:community, :ref, 'public_green', 'owner_common', 0.05, :area, :geom)"
        ),
        {"community": community_id, "ref": uuid.uuid4().hex, "area": 1.0, "geom": geom, **values},
    )


def test_models_equal_migrations(owner: Session) -> None:
    context = MigrationContext.configure(
        owner.connection(), opts={"include_object": owned, "include_schemas": True}
    )
    assert compare_metadata(context, Base.metadata) == []


def test_the_serving_role_owns_nothing_and_the_server_is_durable(session: Session) -> None:
    assert role_faults(session.connection()) == []
    assert durability_faults(session.connection()) == []


def test_the_owner_is_refused_as_serving_role(owner: Session) -> None:
    assert any("superuser" in fault for fault in role_faults(owner.connection()))


def test_every_table_of_a_community_forces_row_level_security(owner: Session) -> None:
    unforced = owner.scalars(
        text(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE a.attname = 'community_id' AND c.relkind = 'r'"
            " AND c.relname <> 'membership'"
            " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        )
    ).all()
    assert unforced == []


def test_a_session_sees_only_its_scope(session: Session) -> None:
    one, other = community(session, "A"), community(session, "B")
    for place in (one, other):
        add_parcel(session, place.id, SQUARE)
    with narrowed(session, Scope(frozenset({one.id}))) as inside:
        assert inside.scalar(COUNT) == 1
        with pytest.raises(DBAPIError, match="row-level security"), inside.begin_nested():
            add_parcel(inside, other.id, SQUARE)
    with narrowed(session, NOWHERE) as outside:
        assert outside.scalar(COUNT) == 0


def test_scope_does_not_leak_to_the_next_user_of_the_connection(database: Database) -> None:
    with database.session(Scope(everywhere=True)) as wide:
        wide.execute(text("SELECT 1"))
    with database.engine.connect() as plain:
        value = plain.scalar(text("SELECT current_setting('commongreen.everywhere', true)"))
    assert value in {None, ""}


@pytest.mark.parametrize(
    "geom",
    [
        "SRID=4326;MULTIPOLYGON(((0 0,1 1,1 0,0 1,0 0)))",
        "SRID=4326;MULTIPOLYGON(((0 0,NaN 1,1 0,0 0)))",
        "SRID=4326;MULTIPOLYGON(((0 0,Infinity 1,1 0,0 0)))",
        "SRID=4326;MULTIPOLYGON EMPTY",
        "SRID=4550;MULTIPOLYGON(((0 0,1 1,1 0,0 0)))",
        "SRID=4326;MULTIPOLYGON(((0 0,500 1,1 0,0 0)))",
    ],
)
def test_unsound_geometry_is_refused(session: Session, geom: str) -> None:
    place = community(session, "A")
    with pytest.raises(DBAPIError), session.begin_nested():
        add_parcel(session, place.id, geom)


def test_an_infinite_area_is_refused(session: Session) -> None:
    place = community(session, "A")
    with pytest.raises(IntegrityError), session.begin_nested():
        add_parcel(session, place.id, SQUARE, area=float("inf"))


@pytest.mark.parametrize(
    "table", ["case_event", "area_ledger", "visit", "document", "document_file", "chain"]
)
@pytest.mark.parametrize(
    "change", ["UPDATE {} SET community_id = 1", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
def test_history_is_appended_whoever_asks(
    session: Session, owner: Session, table: str, change: str
) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        session.execute(text(change.format(table)))
    with pytest.raises(DBAPIError, match="appended only"):
        owner.execute(text(change.format(table)))


def test_the_planner_uses_the_spatial_index_within_a_scope(session: Session) -> None:
    place = community(session, "A")
    session.execute(
        text(
            "INSERT INTO parcel (community_id, ref, kind, title_basis, rms_m, area_m2, geom)"
            " SELECT :c, 'p' || i, 'public_green', 'owner_common', 0.05, 1, ST_Multi("
            " ST_MakeEnvelope(i * 0.001, 0, i * 0.001 + 0.0005, 0.001, 4326))"
            " FROM generate_series(1, 20000) i"
        ),
        {"c": place.id},
    )
    with narrowed(session, Scope(frozenset({place.id}))) as inside:
        plan = inside.scalars(
            text(
                "EXPLAIN SELECT id FROM parcel"
                " WHERE geom && ST_MakeEnvelope(1, 0, 1.001, 0.001, 4326)"
            )
        ).all()
    assert "ix_parcel_geom" in "\n".join(plan)
