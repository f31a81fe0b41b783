"""Many rows at once into tables that row-level security guards.

PostgreSQL refuses COPY FROM on a table with row-level security, so rows are
copied into a temporary table of the same columns and inserted from there; the
policies see each of them. Nothing here commits.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
import psycopg
import shapely
from geoalchemy2 import Geometry
from sqlalchemy import (
    ColumnElement,
    Integer,
    Table,
    TableValuedAlias,
    Text,
    Uuid,
    any_,
    cast,
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session

from layers.models import STORAGE_SRID, Base

# Below this a temporary table costs more than it saves.
FEW = 64
KEY = ("community_id", "id")

_numbers = count(1)


def copy_columns(
    session: Session, model: type[Base], columns: Mapping[str, Any], *, conflict: str = ""
) -> int:
    """Insert equally long columns into the table of ``model``; return how many rows went in.

    ``columns`` maps names to arrays or sequences of Python values, ``None`` for
    NULL; columns left out take the database's default (``id`` a random UUID).
    Geometries are Shapely's in EPSG:4326, x = longitude, or their WKB; JSON is
    wrapped in psycopg's ``Jsonb``. ``conflict`` is an SQL clause such as
    ``ON CONFLICT DO NOTHING``; see :func:`replacing`. Errors are psycopg's.
    """
    table = _table(model)
    if len(next(iter(columns.values()), ())) <= FEW:
        return _insert_few(session, table, list(columns), _plain_rows(table, columns), conflict)
    sources = _sources(table, columns)
    sent = {name: columns[name] for name in dict.fromkeys(sources)}
    with staged(session, model, list(sent), _plain_rows(table, sent)) as source:
        return _execute(
            session,
            f"INSERT INTO {_quoted(session, table)} ({_names(session, columns)})"
            f" SELECT {_names(session, sources)} FROM {source} {conflict}",
        )


def copy_rows(
    session: Session,
    model: type[Base],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    conflict: str = "",
) -> int:
    """Insert rows of the columns ``names``; see :func:`copy_columns`."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return copy_columns(session, model, dict(zip(names, columns, strict=True)), conflict=conflict)


def update_columns(session: Session, model: type[Base], columns: Mapping[str, Any]) -> int:
    """Give rows new values; return how many there were.

    ``columns`` holds ``community_id`` and ``id``, by which the rows are found,
    and the columns that change, as :func:`copy_columns` takes them.
    """
    table = _table(model)
    names = list(columns)
    rows = _plain_rows(table, columns)
    if not rows:
        return 0
    changed = [name for name in names if name not in KEY]
    target = _quoted(session, table)
    with staged(session, model, names, rows) as source:
        quoted = {name: _names(session, [name]) for name in names}
        changes = ", ".join(f"{quoted[name]} = {source}.{quoted[name]}" for name in changed)
        same = " AND ".join(f"{target}.{quoted[name]} = {source}.{quoted[name]}" for name in KEY)
        return _execute(session, f"UPDATE {target} SET {changes} FROM {source} WHERE {same}")


def replacing(session: Session, key: Sequence[str], names: Sequence[str]) -> str:
    """Return the conflict clause by which a row with the same ``key`` takes the new values."""
    quote = session.connection().dialect.identifier_preparer.quote
    changes = ", ".join(f"{quote(n)} = excluded.{quote(n)}" for n in names if n not in key)
    return f"ON CONFLICT ({_names(session, key)}) DO UPDATE SET {changes}"


@contextmanager
def staged(
    session: Session,
    model: type[Base],
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    indexed: bool = False,
) -> Iterator[str]:
    """Copy rows into a temporary table with the columns ``names`` of ``model``; yield its name.

    Geometries are EWKB (:func:`ewkb`). The table ends with the block, and with
    the transaction if the block fails. ``indexed`` gives geometry columns an
    index, so that many polygons can be joined to a table at once.
    """
    table = _table(model)
    staging = f"staged_{next(_numbers)}"
    listed = _names(session, names)
    # CREATE TABLE AS copies each column's type with its SRID and leaves constraints behind.
    _execute(
        session,
        f"CREATE TEMP TABLE {staging} ON COMMIT DROP AS"
        f" SELECT {listed} FROM {_quoted(session, table)} WITH NO DATA",
    )
    places = _geometry_columns(table, names)
    _copy(session, staging, listed, places, rows)
    if indexed:
        for place in places:
            column = _names(session, [names[place]])
            _execute(session, f"CREATE INDEX ON {staging} USING gist ({column})")
        _execute(session, f"ANALYZE {staging}")
    yield staging
    _execute(session, f"DROP TABLE {staging}")


def among(
    column: InstrumentedAttribute[Any] | ColumnElement[Any], values: Iterable[Any]
) -> ColumnElement[bool]:
    """Return the condition that ``column`` is one of ``values``, however many.

    IN would bind each of them, and PostgreSQL takes 65,535.
    """
    return column == any_(literal(list(values), ARRAY(column.type)))


def listed(keys: Collection[tuple[int, uuid.UUID]]) -> TableValuedAlias:
    """Return (community, identifier) pairs, however many, as a table to join to.

    Its columns are ``community_id`` and ``id``.
    """
    communities = ",".join(str(community) for community, _id in keys)
    identifiers = ",".join(identifier.hex for _community, identifier in keys)
    # The driver would turn list into array element by element, ten times as slowly.
    pairs = func.unnest(
        cast(literal(f"{{{communities}}}", Text), ARRAY(Integer)),
        cast(literal(f"{{{identifiers}}}", Text), ARRAY(Uuid)),
    )
    return pairs.table_valued("community_id", "id", name="listed").render_derived()


def ewkb(geometries: Any) -> list[bytes | None]:
    """Return geometries in EPSG:4326 as the bytes that PostGIS reads, ``None`` as ``None``."""
    array = np.empty(len(geometries), dtype=object)
    array[:] = list(geometries)
    given = [isinstance(one, bytes | memoryview) for one in array]
    array[given] = shapely.from_wkb(array[given])
    placed = shapely.set_srid(array, STORAGE_SRID)
    plain: list[bytes | None] = shapely.to_wkb(placed, byte_order=1, include_srid=True).tolist()
    return plain


def _table(model: type[Base]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def _sources(table: Table, columns: Mapping[str, Any]) -> list[str]:
    """Return for each column the one that is sent: one array of geometries is sent once."""
    first: dict[int, str] = {}
    return [
        first.setdefault(id(values), name) if _is_geometry(table, name) else name
        for name, values in columns.items()
    ]


def _plain_rows(table: Table, columns: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return columns as rows of Python values; an unknown name is a ``KeyError``."""
    plain = (_plain(table, name, values) for name, values in columns.items())
    return list(zip(*plain, strict=True))


def _plain(table: Table, name: str, values: Any) -> Iterable[Any]:
    if _is_geometry(table, name):
        return ewkb(values)
    plain: Iterable[Any] = values.tolist() if isinstance(values, np.ndarray) else values
    return plain


def _is_geometry(table: Table, name: str) -> bool:
    return isinstance(table.columns[name].type, Geometry)


def _geometry_columns(table: Table, names: Sequence[str]) -> list[int]:
    return [place for place, name in enumerate(names) if _is_geometry(table, name)]


def _insert_few(
    session: Session, table: Table, names: list[str], rows: list[Any], conflict: str
) -> int:
    if not rows:
        return 0
    holders = ", ".join(["%s"] * len(names))
    statement = (
        f"INSERT INTO {_quoted(session, table)} ({_names(session, names)})"
        f" VALUES ({holders}) {conflict}"
    )
    places = _geometry_columns(table, names)
    # A bytes parameter would be taken for bytea; as text PostGIS reads hexadecimal.
    texts = [
        [v.hex() if i in places and v is not None else v for i, v in enumerate(row)] for row in rows
    ]
    with _cursor(session) as cursor:
        cursor.executemany(statement, texts)
        return int(cursor.rowcount)


def _copy(
    session: Session, staging: str, listed: str, places: list[int], rows: Sequence[Sequence[Any]]
) -> None:
    """Copy in binary; PostGIS receives a geometry as its EWKB, which psycopg sends as bytea."""
    with _cursor(session) as cursor:
        cursor.execute(f"SELECT {listed} FROM {staging}")
        types: list[int | str] = [column.type_code for column in cursor.description or ()]
        for place in places:
            types[place] = "bytea"
        with cursor.copy(f"COPY {staging} ({listed}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)


@contextmanager
def _cursor(session: Session) -> Iterator[psycopg.Cursor[Any]]:
    """Yield a psycopg cursor inside the session's transaction."""
    session.flush()
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor() as cursor:
        yield cursor


def _execute(session: Session, statement: str) -> int:
    with _cursor(session) as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)


def _names(session: Session, names: Iterable[str]) -> str:
    quote = session.connection().dialect.identifier_preparer.quote
    return ", ".join(quote(name) for name in names)


def _quoted(session: Session, table: Table) -> str:
    return session.connection().dialect.identifier_preparer.format_table(table)
