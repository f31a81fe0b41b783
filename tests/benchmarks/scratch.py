"""Databases that last as long as a measurement, and a city in them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis.crs import SurveyCRS
from gis.overlay import to_multipolygons
from layers import cluster
from layers.bulk import copy_columns, ewkb
from layers.config import Settings
from layers.db import EVERYWHERE, scoped_session
from layers.migrate import owner_engine, upgrade
from layers.models import Community
from tests.benchmarks.city import RMS_M, SURVEY_SRID, YARDS, City
from tests.conftest import administer, mine_name, on_database

SURVEY = SurveyCRS(SURVEY_SRID)

# Identifiers follow from the community and the number, so that each run has the same.
_STORE = {
    "building": """
        INSERT INTO building (community_id, id, ref, floors, units, geom)
        SELECT community, md5(concat('building', community, '-', number))::uuid,
               number::text, 6, 3, geom FROM delivered""",
    "parcel": f"""
        INSERT INTO parcel (community_id, id, ref, kind, title_basis, rms_m, building_id,
                            area_m2, geom)
        SELECT community, md5(concat('parcel', community, '-', number))::uuid, number::text,
               'public_green', 'owner_common', {RMS_M},
               md5(concat('building', community, '-', number / {YARDS}))::uuid, area, geom
        FROM delivered""",
    "observation": f"""
        INSERT INTO observation (community_id, id, ref, purpose, structure_type, observed_on,
                                 rms_m, area_m2, geom)
        SELECT community, md5(concat('observation', community, '-', number))::uuid,
               number::text, 'baseline_survey', 'fence', date '2022-03-01' + number % 20,
               {RMS_M}, area, geom
        FROM delivered""",
}
_LINK = (
    """
    INSERT INTO household (community_id, id, ref, building_id, unit, floor, room, ground_floor)
    SELECT community_id, md5(concat('household', community_id, '-', ref))::uuid, ref,
           building_id, '1', 1, ref, true
    FROM parcel""",
    """
    INSERT INTO parcel_household (community_id, parcel_id, household_id, method)
    SELECT community_id, id, md5(concat('household', community_id, '-', ref))::uuid, 'attribute'
    FROM parcel""",
)


@contextmanager
def scratch_database(purpose: str, template: Settings | None = None) -> Iterator[Settings]:
    """Yield the settings of a fresh database at head, or a copy of ``template``; drop it after."""
    settings = Settings.from_environment(os.environ)
    if settings.database_url is None:
        cluster.Cluster(settings).start()
    mine = on_database(settings, f"commongreen_bench_{purpose}_{os.getpid()}")
    name = mine_name(mine)
    try:
        if template is None:
            upgrade(mine)
        else:
            administer(settings, f"CREATE DATABASE {name} TEMPLATE {mine_name(template)}")
        yield mine
    finally:
        administer(settings, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def store_city(settings: Settings, city: City, *, in_one: bool = False) -> None:
    """Store the whole ``city``, as one community where ``in_one``."""
    with _owner(settings) as session:
        ids = _store_communities(session, city, in_one)
        for table, layer in (
            ("building", city.buildings),
            ("parcel", city.parcels),
            ("observation", city.observations),
        ):
            number = layer.number
            if in_one:
                # A multiple of the yards of a building, so that parcels keep theirs.
                number = number + layer.community * city.places_of(table)
            _store_layer(session, table, layer.geometry, ids[layer.community], number)
    vacuum(settings)


def link_households(settings: Settings) -> None:
    """Give each parcel a ground-floor household of its own."""
    with _owner(settings) as session:
        for statement in _LINK:
            session.execute(text(statement))
    vacuum(settings)


def vacuum(settings: Settings) -> None:
    """Leave the database as the autovacuum would, so that it does not come in between."""
    engine = owner_engine(settings).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM (ANALYZE)"))
        connection.execute(text("CHECKPOINT"))
    engine.dispose()


@contextmanager
def _owner(settings: Settings) -> Iterator[Session]:
    engine = owner_engine(settings)
    with scoped_session(engine, EVERYWHERE) as session, session.begin():
        yield session
    engine.dispose()


def _store_communities(session: Session, city: City, in_one: bool) -> NDArray[np.int64]:
    """Return the identifier of each community of the city."""
    outlines = city.boundaries
    if in_one:
        outlines = np.array([shapely.box(*shapely.total_bounds(outlines))], dtype=object)
    codes = [f"bench-{number:05d}" for number in range(len(outlines))]
    columns = {
        "code": codes,
        "name": codes,
        "survey_srid": [SURVEY_SRID] * len(codes),
        "boundary": SURVEY.to_storage(to_multipolygons(outlines)),
    }
    copy_columns(session, Community, columns)
    ids = np.array(session.scalars(select(Community.id).order_by(Community.code)).all())
    return np.broadcast_to(ids, city.size.communities) if in_one else ids


def _store_layer(
    session: Session,
    table: str,
    geometry: NDArray[np.object_],
    community: NDArray[np.int64],
    number: NDArray[np.int64],
) -> None:
    """Copy a layer beside its table, and store it from there."""
    geoms = ewkb(SURVEY.to_storage(to_multipolygons(geometry)))
    areas = shapely.area(geometry).tolist()
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE delivered"
            " (community int, number int, area float8, geom geometry) ON COMMIT DROP"
        )
        with cursor.copy("COPY delivered FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "int4", "float8", "bytea"])
            for row in zip(community.tolist(), number.tolist(), areas, geoms, strict=True):
                copy.write_row(row)
        cursor.execute(_STORE[table])
        cursor.execute("DROP TABLE delivered")
