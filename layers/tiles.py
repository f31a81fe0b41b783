"""Vector tiles straight from PostGIS, one short function per clause.

A tile holds several layers: the encodings of layers follow one another in the
Mapbox Vector Tile format, so they are joined as bytes. What a layer selects is
the caller's; here it is cut to the tile.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Integer, Subquery, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from layers.frames import Rows
from layers.models import STORAGE_SRID

WEB_MERCATOR = 3857
DEEPEST = 22
# Units of a tile's own grid: a quarter of a millimetre on screen, and 4 pixels around.
EXTENT = 4096
BUFFER = 64


@dataclass(frozen=True)
class Tile:
    """A tile of the web Mercator pyramid, rows counted from the north."""

    z: int
    x: int
    y: int

    def exists(self) -> bool:
        """Tell whether the pyramid has this tile."""
        return 0 <= self.z <= DEEPEST and 0 <= self.x < 2**self.z and 0 <= self.y < 2**self.z


@dataclass(frozen=True)
class TileLayer:
    """A layer by name: ``rows`` selects its properties, ``geom`` is its indexed column.

    ``rows`` leaves the geometry out; whatever else it names becomes a property,
    and NULL is no property at all.
    """

    name: str
    rows: Rows
    geom: InstrumentedAttribute[Any]


def draw_tile(session: Session, layers: Sequence[TileLayer], tile: Tile) -> bytes:
    """Return the encoded tile, empty where nothing of ``layers`` lies in it."""
    connection = session.connection()
    statement, constants = _compiled(tuple(layers), connection.dialect)
    values = {**constants, "z": tile.z, "x": tile.x, "y": tile.y}
    parts = connection.exec_driver_sql(statement, values).one()
    return b"".join(bytes(part) for part in parts if part)


def tile_statement(layers: Sequence[TileLayer], tile: Tile) -> Rows:
    """Return one row with the encoding of each layer."""
    return _statement(layers).params(z=tile.z, x=tile.x, y=tile.y)


@functools.lru_cache(maxsize=16)
def _compiled(layers: tuple[TileLayer, ...], dialect: Dialect) -> tuple[str, dict[str, Any]]:
    """Return the SQL of a tile and its constant values.

    The statement never changes but for the tile's place, and to compile it anew
    took half as long as to draw a tile.
    """
    compiled = _statement(layers).compile(
        dialect=dialect, compile_kwargs={"render_postcompile": True}
    )
    return str(compiled), dict(compiled.params)


def _statement(layers: Sequence[TileLayer]) -> Rows:
    return select(*(_encoded(_cut(layer), layer.name).scalar_subquery() for layer in layers))


def _place() -> tuple[ColumnElement[int], ...]:
    return tuple(bindparam(name, type_=Integer, value=0) for name in ("z", "x", "y"))


def _encoded(rows: Subquery, name: str) -> Rows:
    # What lies in the box and not in the tile has no shape; ST_AsMVT leaves it out.
    return select(func.ST_AsMVT(rows.table_valued(), name, EXTENT, "shape"))


def _cut(layer: TileLayer) -> Subquery:
    shape = _shape(layer.geom).label("shape")
    return layer.rows.add_columns(shape).where(_touches(layer.geom)).subquery(layer.name)


def _shape(geom: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return the part of a geometry inside the tile and its buffer, on the tile's grid."""
    mercator = func.ST_Transform(geom, WEB_MERCATOR)
    box = func.ST_TileEnvelope(*_place())
    return func.ST_AsMVTGeom(mercator, box, EXTENT, BUFFER, True, type_=None)


def _touches(geom: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Return the filter that the spatial index answers.

    The box is transformed to the storage CRS, never the indexed column. The
    operator is leakproof, so row-level security lets the index go first.
    """
    margin = BUFFER / EXTENT
    box = func.ST_TileEnvelope(*_place(), _world(), margin)
    return geom.bool_op("&&")(func.ST_Transform(box, STORAGE_SRID))


def _world() -> ColumnElement[Any]:
    """Return the square of web Mercator; the margin's place comes after it."""
    half = 20037508.342789244
    return func.ST_MakeEnvelope(-half, -half, half, half, WEB_MERCATOR)
