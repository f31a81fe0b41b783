"""GDAL behind one door: local data formats only, no network, nothing dropped in silence."""

import re
import sqlite3
import struct
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
from numpy.typing import NDArray

from gis.problems import InputError, Problem
from layers.files.delivery import Notice
from layers.files.staging import ReadingLimits

DRIVERS = frozenset({
    "ESRI Shapefile", "MapInfo File", "LVBAG", "S57", "DGN", "GML", "GPX", "LIBKML", "KML",
    "GeoJSON", "GeoJSONSeq", "ESRIJSON", "TopoJSON", "OGR_GMT", "GPKG", "SQLite", "WAsP",
    "OpenFileGDB", "DXF", "FlatGeobuf", "GeoRSS", "VFK", "OSM", "EDIGEO", "ODS", "XLSX", "SXF",
    "Selafin", "JML", "VDV", "MapML", "JSONFG", "MiraMonVector", "AVCBin", "AVCE00", "Idrisi",
})  # fmt: skip
"""The drivers that read data out of the file itself; the others look it up somewhere else."""

# Files that are instructions to read something else: GDAL would follow them.
_POINTERS = (
    b"<OGRVRTDataSource", b"<OGRWFSDataSource", b"<OGRCSWDataSource", b"<GDAL_WMS",
    b"<VRTDataset", b"gdal_streamed_alg", b"<OGRWMSDataSource",
)  # fmt: skip
_LOOKED_AT = 1 << 16
_CURVED = ("GPKG", "SQLite", "OpenFileGDB", "GML", "MapInfo File")
_CURVE_TYPES = "'CIRCULARSTRING','COMPOUNDCURVE','CURVEPOLYGON','MULTICURVE','MULTISURFACE'"
_EXPECTED = ("Measured (M)", "Non closed ring", "More than one layer", "Unsupported geometry type")
_HINT = re.compile(r"; It might help to specify.*|\s*Set SHAPE_RESTORE_SHX.*", re.DOTALL)
_SAVE_AGAIN = "Save it again from the source, or in another format such as GeoPackage."


@dataclass(frozen=True)
class OgrLayer:
    """One layer as GDAL gives it: columns, WKB (``None`` without geometry), CRS text."""

    name: str
    driver: str
    encoding: str
    columns: dict[str, NDArray[Any]]
    wkb: NDArray[np.object_] | None
    crs: str | None
    rows: int
    notices: tuple[Notice, ...] = ()
    problems: tuple[Problem, ...] = ()


def list_layers(path: Path, name: str) -> list[str]:
    """Return the names of the layers of a dataset; raises ``InputError`` where it is none."""
    _refuse_pointer(path, name)
    with _quietly(path, name) as said:
        layers = [str(layer) for layer in pyogrio.list_layers(path)[:, 0]]
    said.clear()
    return layers


def read_layer(
    path: Path, name: str, layer: str, encoding: str | None, limits: ReadingLimits
) -> OgrLayer:
    """Read one layer of the dataset that the person calls ``name``.

    Curves become chords (``limits.arc_step_degrees``) with a notice. Raises
    ``InputError`` where GDAL cannot read it, where the format is one that
    leads elsewhere, and where there are too many features.
    """
    _refuse_pointer(path, name)
    in_drawing = encoding if path.suffix.lower() == ".dxf" else None
    encoding = None if in_drawing else encoding
    with _quietly(path, name) as said, _options(limits, in_drawing):
        # A limit on reading itself would make pyogrio reserve memory for all of it.
        info = pyogrio.read_info(path, layer=layer, encoding=encoding, force_feature_count=True)
        _refuse_driver(info["driver"], name)
        _refuse_many(info["features"], limits, name)
        meta, _, wkb, values = pyogrio.raw.read(path, layer=layer, encoding=encoding)
        curves = _curves(path, layer, info["driver"])
    rows = len(wkb) if wkb is not None else len(values[0]) if values else 0
    names = [str(one) for one in meta["fields"]]
    read = OgrLayer(
        layer,
        str(info["driver"]),
        str(meta["encoding"] or ""),
        dict(zip(names, values, strict=True)),
        wkb,
        meta["crs"],
        rows,
        (*_remarks(said), *_count_notice(info, rows), *curve_notice(curves, limits)),
        tuple(_twice(names)),
    )
    return _check_geopackage(path, read) if read.driver == "GPKG" else read


def curve_notice(curves: int, limits: ReadingLimits) -> tuple[Notice, ...]:
    """Say that curves became chords, and how far a chord leaves its arc."""
    if not curves:
        return ()
    sagitta = 1 - float(np.cos(np.radians(limits.arc_step_degrees / 2)))
    text = (
        f"{curves:,} curved features were drawn as chords of {limits.arc_step_degrees:g} degrees: "
        f"at most {50_000 * sagitta:.1f} mm off the arc where its radius is 50 m."
    )
    return (Notice("curves_as_chords", text),)


@contextmanager
def _quietly(path: Path, name: str) -> Iterator[list[str]]:
    """Collect what GDAL remarks and turn its failures into problems under the file's own name."""
    said: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield said
            said.extend(str(one.message) for one in caught)
    except InputError:
        raise
    except UnicodeDecodeError as error:
        text = f"Text of {name} is not in the encoding that the file declares: {error.reason}."
        remedy = "Name the encoding, for example --encoding GBK."
        raise InputError([Problem("encoding_wrong", text, remedy)]) from error
    except (RuntimeError, ValueError, OSError, NameError) as error:
        # NameError: pyogrio 0.13 forgets a variable where a .prj is not UTF-8.
        reason = _HINT.sub("", str(error)).replace(str(path), name).rstrip(".")
        text = f"{name} cannot be read: {reason}."
        raise InputError([Problem("file_unreadable", text, _SAVE_AGAIN)]) from error


@contextmanager
def _options(limits: ReadingLimits, in_drawing: str | None) -> Iterator[None]:
    """Set GDAL's options for one reading and put back what they were."""
    wanted = {
        "OGR_ARC_STEPSIZE": f"{limits.arc_step_degrees:g}",
        "GML_DOWNLOAD_SCHEMA": "NO",
        "DXF_ENCODING": in_drawing,
        # GDAL takes the first row of a sheet for data where all its columns are text.
        "OGR_XLSX_HEADERS": "FORCE",
        "OGR_ODS_HEADERS": "FORCE",
    }
    before = {key: pyogrio.get_gdal_config_option(key) for key in wanted}
    pyogrio.set_gdal_config_options(wanted)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)


def _refuse_pointer(path: Path, name: str) -> None:
    if path.is_dir():
        return
    with path.open("rb") as content:
        start = content.read(_LOOKED_AT)
    if any(mark in start for mark in _POINTERS):
        text = f"{name} holds no data but directions to other files or servers."
        remedy = "Deliver the data itself; nothing is fetched from elsewhere."
        raise InputError([Problem("file_points_elsewhere", text, remedy)])


def _refuse_driver(driver: str, name: str) -> None:
    if driver not in DRIVERS:
        text = f"{name} opens as {driver}, which is no format of local vector data."
        raise InputError([Problem("format_refused", text, _SAVE_AGAIN)])


def _refuse_many(count: int, limits: ReadingLimits, name: str) -> None:
    if count > limits.features:
        text = f"{name} has {count:,} features, more than the {limits.features:,} allowed."
        raise InputError([Problem("too_many_features", text, "Divide it.")])


def _curves(path: Path, layer: str, driver: str) -> int:
    """Count the features with an arc in them, which ``raw.read`` gives as chords."""
    if driver not in _CURVED:
        return 0
    quoted = layer.replace('"', '\\"')
    sql = f'SELECT OGR_GEOM_WKT FROM "{quoted}" WHERE OGR_GEOMETRY IN ({_CURVE_TYPES})'
    _, _, _, values = pyogrio.raw.read(path, sql=sql, sql_dialect="OGRSQL", read_geometry=False)
    return sum("CIRCULARSTRING" in str(text) for text in values[0])


def _remarks(said: list[str]) -> Iterator[Notice]:
    """Pass on what GDAL remarked, save what is said better elsewhere."""
    remarks = dict.fromkeys(text for text in said if not text.startswith(_EXPECTED))
    for text in list(remarks)[:5]:
        yield Notice("gdal_remarks", f"GDAL remarks: {text.rstrip('.')}.")


def _count_notice(info: dict[str, Any], rows: int) -> Iterator[Notice]:
    if info["features"] not in (-1, rows):
        text = f"The file counts {info['features']:,} features, {rows:,} are there and were read."
        yield Notice("count_differs", text)


def _twice(names: list[str]) -> Iterator[Problem]:
    for name in sorted({one for one in names if names.count(one) > 1}):
        text = f"Two columns are named {name!r}; one of them would be lost."
        yield Problem("column_twice", text, "Rename one of them.")


def _check_geopackage(path: Path, read: OgrLayer) -> OgrLayer:
    """Find what GDAL passes over: the CRS in each geometry, and text behind a NUL."""
    with _opened(path) as base:
        problems = [*_cut_texts(base, read), *_crs_mixed(base, read)]
    return replace(read, problems=(*read.problems, *problems))


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a GeoPackage as the database that it is, to read alone."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as base:
            yield base
    except sqlite3.Error as error:
        text = f"{path.name} is damaged: {error}."
        raise InputError([Problem("file_broken", text, _SAVE_AGAIN)]) from error


def _cut_texts(base: sqlite3.Connection, read: OgrLayer) -> Iterator[Problem]:
    """Refuse text that goes on behind a NUL, where GDAL ends it in silence."""
    table = _quoted(read.name)
    for name, values in read.columns.items():
        if values.dtype != object:
            continue
        sql = f"SELECT min(rowid) FROM {table} WHERE instr(CAST({_quoted(name)} AS BLOB), x'00')"
        (first,) = base.execute(sql).fetchone()
        if first is not None:
            count = f"SELECT count(*) FROM {table} WHERE rowid <= ?"
            (row,) = base.execute(count, (first,)).fetchone()
            text = "The text holds a character that cannot be stored (NUL)."
            yield Problem("text_control", text, "Remove the character.", row, name)


def _crs_mixed(base: sqlite3.Connection, read: OgrLayer) -> Iterator[Problem]:
    """Compare the CRS in each geometry with that of its layer: GDAL reads the latter only."""
    found = _blob_srids(base, read.name)
    if len(found) > 1:
        listing = ", ".join(f"{srid} ({count:,})" for srid, count in sorted(found.items()))
        text = (
            f"The geometries of {read.name} are in several CRSs, by their own headers: {listing}."
        )
        yield Problem("crs_mixed", text, "Project all of them to one CRS in the source.")


def _quoted(name: str) -> str:
    """Return a name as SQLite takes it, whatever stands in it."""
    return '"{}"'.format(name.replace('"', '""'))


def _blob_srids(base: sqlite3.Connection, layer: str) -> dict[int, int]:
    """Return how many geometries of a GeoPackage layer name each SRID in their header."""
    sql = "SELECT column_name FROM gpkg_geometry_columns WHERE table_name = ?"
    column = base.execute(sql, (layer,)).fetchone()
    if column is None:
        return {}
    geometry = _quoted(column[0])
    rows = base.execute(
        f"SELECT substr({geometry}, 1, 8), count(*) FROM {_quoted(layer)}"
        f" WHERE {geometry} IS NOT NULL GROUP BY 1"
    )
    counts: dict[int, int] = {}
    for header, count in rows:
        if isinstance(header, bytes) and header[:2] == b"GP" and len(header) == 8:
            srid = struct.unpack("<i" if header[3] & 1 else ">i", header[4:])[0]
            counts[srid] = counts.get(srid, 0) + count
    return counts
