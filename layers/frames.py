"""Rows of a query as a frame whose geometries are Shapely's."""

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geoalchemy2 import Geometry
from numpy.typing import NDArray
from sqlalchemy import LargeBinary, Select, func, text
from sqlalchemy import column as sql_column
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import ColumnElement

from layers.db import BINARY

Column = InstrumentedAttribute[Any] | ColumnElement[Any]
Rows = Select[*tuple[Any, ...]]
"""A query of any columns."""


def frame(session: Session, statement: Rows) -> pd.DataFrame:
    """Run ``statement`` and return its rows, one object column per column.

    Columns of type geometry must be selected through :func:`wkb`; they arrive as
    Shapely geometries in EPSG:4326, NULL as ``None``.
    """
    session.flush()
    # The connection makes plain rows; the session would make each twice.
    result = session.connection().execute(statement, execution_options={BINARY: True})
    names = list(result.keys())
    rows = result.all()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    table = {}
    for name, values, described in zip(names, columns, statement.selected_columns, strict=True):
        array = np.empty(len(rows), dtype=object)
        array[:] = values
        table[name] = shapely.from_wkb(array) if _is_wkb(described) else array
    return pd.DataFrame(table, index=range(len(rows)), dtype=object, copy=False)


def wkb(column: Column) -> ColumnElement[bytes]:
    """Select a geometry column as well-known binary under its own name."""
    return func.ST_AsBinary(column, type_=LargeBinary).label(str(column.key))


def overlapping(
    statement: Rows, column: Column, geometries: Sequence[object] | NDArray[np.object_]
) -> Rows:
    """Keep the rows of ``statement`` whose box overlaps the box of one of ``geometries``.

    ``geometries`` are Shapely's in EPSG:4326. Only boxes are compared, by the one
    operator that row-level security lets an index answer (SAFETY, finding 3); a row
    that meets several boxes comes several times.
    """
    boxes = shapely.box(*shapely.bounds(np.array(geometries, dtype=object)).T)
    literals = shapely.to_wkb(shapely.set_srid(boxes, 4326), include_srid=True).tolist()
    given = (
        text("SELECT ST_GeomFromEWKB(ewkb) AS box FROM unnest(CAST(:boxes AS bytea[])) AS ewkb")
        .bindparams(boxes=literals)
        .columns(sql_column("box", Geometry))
        .subquery("given")
    )
    # The literals drive the join, so that each is one look into the index.
    return statement.join(given, column.op("&&")(given.c.box))


def geometries(table: pd.DataFrame, column: str = "geom") -> NDArray[np.object_]:
    """Return a geometry column as the array that the functions of ``gis`` take."""
    array: NDArray[np.object_] = table[column].to_numpy(dtype=object)
    return array


def keys(table: pd.DataFrame, column: str = "id") -> list[tuple[int, uuid.UUID]]:
    """Return the (community, identifier) pairs of the rows."""
    return list(zip(table["community_id"], table[column], strict=True))


def _is_wkb(column: ColumnElement[object]) -> bool:
    return isinstance(column.type, LargeBinary) and not isinstance(column.type, Geometry)
