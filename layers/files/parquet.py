"""GeoParquet, which GDAL's wheels leave out, under the limits of every other file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from gis.problems import InputError, Problem

_MAGIC = b"PAR1"
_DEGREES = "OGC:CRS84"
_RENEW = "Write it again as GeoParquet 1.0 or 1.1 with WKB geometry, or as GeoPackage."


@dataclass(frozen=True)
class ParquetLayer:
    """The columns of a file, its geometry as WKB (``None`` where it has none), its CRS."""

    table: pd.DataFrame
    wkb: NDArray[np.object_] | None
    crs: CRS | None


def is_parquet(path: Path) -> bool:
    """Whether the file begins as Parquet does."""
    with path.open("rb") as content:
        return content.read(4) == _MAGIC


def read_parquet(path: Path, features: int, size: int) -> ParquetLayer:
    """Read the GeoParquet at ``path``; a missing CRS means OGC:CRS84, ``null`` means none.

    Raises ``InputError`` where the file is broken, its geometry not WKB, or
    where it announces more than ``features`` rows or ``size`` bytes unpacked.
    """
    try:
        with pq.ParquetFile(path) as opened:
            _check_size(path.name, opened.metadata, features, size)
            table = opened.read()
            geo = json.loads((opened.schema_arrow.metadata or {}).get(b"geo", b"{}"))
        return _layer(path.name, table, geo)
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        text = f"{path.name} is not readable as Parquet: {str(error).splitlines()[0]}."
        raise InputError([Problem("file_broken", text, _RENEW)]) from error


def _layer(name: str, table: pa.Table, geo: dict[str, Any]) -> ParquetLayer:
    column = geo.get("primary_column")
    described = geo.get("columns", {}).get(column)
    if column is None or described is None or column not in table.column_names:
        return ParquetLayer(_to_pandas(table), None, None)
    if str(described.get("encoding", "")).upper() != "WKB":
        text = f"The geometry of {name} is written as {described.get('encoding')!r}, not as WKB."
        raise InputError([Problem("parquet_encoding", text, _RENEW)])
    others = [one for one in geo["columns"] if one in table.column_names]
    values = table.column(column).to_pandas().to_numpy(dtype=object)
    wkb = np.array([bytes(value) if value is not None else None for value in values], dtype=object)
    return ParquetLayer(_to_pandas(table.drop_columns(others)), wkb, _crs(described))


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    """Return a table's columns as they are, whatever pandas once noted of its index."""
    return table.to_pandas(ignore_metadata=True)


def _crs(described: dict[str, Any]) -> CRS | None:
    given = described.get("crs", _DEGREES)
    if given is None:
        return None
    try:
        return CRS.from_user_input(given)
    except CRSError as error:
        text = f"The CRS of the file is not readable: {str(error)[:100]}."
        raise InputError([Problem("crs_unknown", text, _RENEW)]) from error


def _check_size(name: str, metadata: pq.FileMetaData, features: int, size: int) -> None:
    groups = range(metadata.num_row_groups)
    unpacked = sum(metadata.row_group(number).total_byte_size for number in groups)
    if metadata.num_rows > features or unpacked > size:
        text = f"{name} announces {metadata.num_rows:,} rows and {unpacked:,} bytes."
        remedy = f"Divide it: at most {features:,} rows and {size:,} bytes."
        raise InputError([Problem("too_many_features", text, remedy)])
