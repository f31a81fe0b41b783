"""Reading a delivered file, so that nothing of it is lost, bent or guessed in silence.

``read`` gives the features in the file's own CRS with their provenance; what
they mean for a community is for ``layers.door.gates`` to judge. GDAL opens many
files without complaint and reads them wrongly: each such case known is looked
for here or in the modules beside (``dbase``, ``geojson``, ``drawing``,
``tables``, ``parquet``, ``ogr``).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from gis.problems import InputError, Problem
from gis.validity import from_wkb, multipolygons, type_names
from layers.files import dbase, drawing, geojson, ogr, parquet, tables
from layers.files.delivery import Delivery, Notice, name_crs
from layers.files.naming import garbled, make_table, nearest, our_columns
from layers.files.staging import ReadingLimits, Source, staged
from layers.files.writing import restore

__all__ = ["Delivery", "Notice", "ReadingLimits", "read"]

_CODE = re.compile(r"(?:(EPSG|ESRI|OGC):)?(\w+)", re.IGNORECASE)
_DEGREES_BY_STANDARD = frozenset({"LIBKML", "KML", "GPX", "OSM"})
_JSON = frozenset({"GeoJSON", "GeoJSONSeq"})
_NAME_CRS = "Name the CRS the survey was made in, such as --crs EPSG:4550."
_PACKED = frozenset({".rar", ".7z", ".tar", ".tgz"})


@dataclass(frozen=True)
class _Raw:
    """One layer before our names and our checks: columns, geometry and what declares its CRS."""

    columns: pd.DataFrame
    geometries: NDArray[np.object_]
    layer: str
    layers: tuple[str, ...]
    driver: str
    encoding: str
    crs: CRS | None = None
    crs_origin: str = "none"
    used: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()
    broken: Mapping[int, bytes] | None = None


def read(
    path: str | Path,
    *,
    layer: str | None = None,
    crs: str | int | None = None,
    encoding: str | None = None,
    fields: Mapping[str, str] | None = None,
    swap_xy: bool = False,
    limits: ReadingLimits | None = None,
) -> Delivery:
    """Read one layer of a file of any format that GDAL, GeoPandas or we know.

    ``layer`` is needed where there are several (those of an archive count
    together, and a drawing's own layers are layers). ``crs`` is an EPSG code,
    for files that name none; ``encoding`` says how text is written where the
    file does not. ``fields`` maps our names to the file's: ``=text`` is the
    same text for every row, ``#`` the row's number, an empty one leaves our
    column out; ``x``, ``y`` and ``wkt`` are ours for columns that hold a place.
    ``swap_xy`` exchanges the axes of a file that gives north as x.

    Raises ``InputError`` where no layer can be read at all, or none was chosen.
    Faults of single rows are in the delivery's ``problems`` instead, to be
    refused together with what the gates find.
    """
    limits = limits or ReadingLimits()
    fields = dict(fields or {})
    chosen_crs = None if crs is None else parse_crs(crs)
    with staged(path, limits) as delivery:
        source, inner, names = _choose_source(delivery.sources, layer, delivery.file_name)
        raw = _read_source(source, inner, encoding, fields, limits)
        if names:
            shown = PurePosixPath(source.name).stem
            raw = replace(raw, layer=raw.layer if inner is None else layer or shown, layers=names)
        raw = _settle_crs(raw, chosen_crs)
        if delivery.left_aside:
            text = f"Not read: {', '.join(delivery.left_aside[:5])}."
            raw = replace(raw, notices=(*raw.notices, Notice("left_aside", text)))
    return _deliver(raw, delivery.file_name, delivery.sha256, fields, swap_xy, limits)


def parse_crs(crs: str | int) -> CRS:
    """Return the CRS of an authority's code (``EPSG:4550``, ``4550``); raises ``InputError``."""
    match = _CODE.fullmatch(str(crs).strip())
    try:
        if match is None:
            raise CRSError(f"{crs!r} is no code")
        return CRS.from_authority((match.group(1) or "EPSG").upper(), match.group(2))
    except CRSError as error:
        text = f"{crs!r} is not a known CRS."
        raise InputError([Problem("crs_unknown", text, _NAME_CRS, field="crs")]) from error


def _choose_source(
    sources: tuple[Source, ...], layer: str | None, file_name: str
) -> tuple[Source, str | None, tuple[str, ...]]:
    """Return the dataset, the layer wanted in it, and the names in an archive of several."""
    if len(sources) == 1:
        return sources[0], layer, ()
    names = _short_names([source.name for source in sources])
    by_name = dict(zip(names, sources, strict=True))
    if layer is None:
        raise InputError([_several(file_name, names)])
    if layer in by_name:
        return by_name[layer], None, tuple(names)
    for name, source in by_name.items():
        if layer.startswith(name + "/"):
            return source, layer.removeprefix(name + "/"), tuple(names)
    raise InputError([_no_layer(layer, names)])


def _short_names(names: list[str]) -> list[str]:
    """Return file names without folder and ending where that leaves them different."""
    stems = [PurePosixPath(name).stem for name in names]
    return stems if len(set(stems)) == len(stems) else names


def _choose_layer(layers: list[str], layer: str | None, name: str) -> str:
    if layer is not None:
        if layer not in layers:
            raise InputError([_no_layer(layer, layers)])
        return layer
    if not layers:
        text = f"{name} holds no layer."
        raise InputError([Problem("no_layer", text, "Save the layer again from the source.")])
    if len(layers) > 1:
        raise InputError([_several(name, layers)])
    return layers[0]


def _several(name: str, layers: list[str]) -> Problem:
    text = f"{name} holds {len(layers)} layers: {', '.join(layers[:30])}."
    return Problem("layer_not_chosen", text, f"Name one, for example --layer {layers[0]}.")


def _no_layer(layer: str, layers: list[str]) -> Problem:
    text = f"There is no layer {layer!r}; there are {', '.join(layers[:30])}."
    return Problem("layer_unknown", text, nearest(layer, layers, "Name one of them."))


def _read_source(
    source: Source,
    layer: str | None,
    encoding: str | None,
    fields: Mapping[str, str],
    limits: ReadingLimits,
) -> _Raw:
    ending = source.path.suffix.lower()
    if ending in _PACKED:
        text = f"{source.name} is an archive that cannot be opened here."
        raise InputError([Problem("archive_unknown", text, "Unpack it and pack it as a zip.")])
    if ending in (".csv", ".tsv"):
        return _read_csv(source, layer, encoding, fields, limits)
    if source.path.is_file() and parquet.is_parquet(source.path):
        return _read_parquet(source, layer, limits)
    if ending == ".dxf":
        return _read_drawing(source, layer, encoding, limits)
    return _read_ogr(source, layer, encoding, fields, limits)


def _read_csv(
    source: Source,
    layer: str | None,
    encoding: str | None,
    fields: Mapping[str, str],
    limits: ReadingLimits,
) -> _Raw:
    name = _choose_layer([source.path.stem], layer, source.name)
    table, found = tables.read_csv(source.path, encoding, limits.features)
    placed = tables.place(table, _known_fields(table, fields), limits.geometry)
    for column in table.columns:
        table[column] = table[column].map(restore, na_action="ignore")
    raw = _Raw(table, placed.geometries, name, (name,), "CSV", found)
    problems = list(placed.problems)
    crs = None
    if len(placed.srids) > 1:
        listing = ", ".join(str(srid) for srid in sorted(placed.srids))
        text = f"The geometries declare several CRSs: {listing}."
        problems.append(Problem("crs_mixed", text, "Project all of them to one CRS in the source."))
    elif placed.srids:
        crs = parse_crs(next(iter(placed.srids)))
    origin = "file" if crs is not None else "none"
    return replace(raw, crs=crs, crs_origin=origin, used=placed.used, problems=tuple(problems))


def _known_fields(table: pd.DataFrame, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the mapped columns of a place that the table has; the others are reported later."""
    return {
        ours: theirs
        for ours, theirs in fields.items()
        if ours in tables.PLACE_FIELDS and theirs in table.columns
    }


def _read_parquet(source: Source, layer: str | None, limits: ReadingLimits) -> _Raw:
    name = _choose_layer([source.path.stem], layer, source.name)
    read = parquet.read_parquet(source.path, limits.features, limits.unpacked_bytes)
    raw = _Raw(read.table, _nothing(len(read.table)), name, (name,), "Parquet", "UTF-8")
    if read.wkb is None:
        return raw
    origin = "file" if read.crs is not None else "none"
    return _with_geometry(replace(raw, crs=read.crs, crs_origin=origin), read.wkb, limits)


def _read_drawing(
    source: Source, layer: str | None, encoding: str | None, limits: ReadingLimits
) -> _Raw:
    """Read one CAD layer of a drawing; outlines that close become polygons."""
    facts = drawing.check_drawing(source.path, encoding)
    entities = _choose_layer(ogr.list_layers(source.path, source.name), None, source.name)
    read = ogr.read_layer(source.path, source.name, entities, facts.encoding, limits)
    table = make_table(read.columns, read.rows)
    layers = list(dict.fromkeys(str(name) for name in table.get("Layer", [])))
    chosen = _choose_layer(layers, layer, source.name)
    own = (table["Layer"] == chosen).to_numpy(dtype=bool)
    raw = _Raw(
        table[own].reset_index(drop=True),
        _nothing(int(own.sum())),
        chosen,
        tuple(layers),
        read.driver,
        facts.encoding,
        notices=read.notices,
        problems=read.problems,
    )
    wkb = read.wkb[own] if read.wkb is not None else _nothing(len(raw.columns))
    raw = _with_geometry(raw, wkb, limits)
    closed, polygons, gaps = drawing.close_outlines(raw.geometries, limits.closing_distance)
    notices = [*raw.notices, *ogr.curve_notice(facts.curves, limits)]
    if len(polygons):
        text = f"{len(polygons):,} closed lines of the drawing were taken as polygons."
        notices.append(Notice("lines_closed", text))
    still_open = np.flatnonzero(gaps > limits.closing_distance)
    if len(still_open):
        gap = float(gaps[still_open].min())
        text = f"{len(still_open):,} lines do not close; the smallest gap is {gap:.3g}."
        notices.append(Notice("lines_open", text, tuple((still_open + 1).tolist())))
    return replace(raw, geometries=closed, notices=tuple(notices))


def _read_ogr(
    source: Source,
    layer: str | None,
    encoding: str | None,
    fields: Mapping[str, str],
    limits: ReadingLimits,
) -> _Raw:
    encoding, notices = _check_text(source.path, encoding)
    layers: list[str] = []
    try:
        layers = ogr.list_layers(source.path, source.name)
        chosen = _choose_layer(layers, layer, source.name)
        read = ogr.read_layer(source.path, source.name, chosen, encoding, limits)
    except InputError as refused:
        if refused.problems[0].code == "file_unreadable" and len(layers) < 2:
            _explain_json(source.path)
        raise
    table = make_table(read.columns, read.rows)
    raw = _Raw(
        table,
        _nothing(read.rows),
        chosen,
        tuple(layers),
        read.driver,
        encoding or read.encoding,
        notices=(*notices, *read.notices),
        problems=read.problems,
    )
    raw = replace(raw, **_declared_crs(read.crs, read.driver))
    if read.driver in _JSON:
        raw = _audit_json(raw, source.path, limits)
    if read.wkb is not None:
        return _with_geometry(raw, read.wkb, limits)
    placed = tables.place(table, _known_fields(table, fields), limits.geometry)
    return replace(
        raw,
        geometries=placed.geometries,
        used=placed.used,
        problems=(*raw.problems, *placed.problems),
    )


def _check_text(path: Path, encoding: str | None) -> tuple[str | None, tuple[Notice, ...]]:
    """Settle how the text of a dataset is read before GDAL sees it; ``None`` leaves it to GDAL."""
    ending = path.suffix.lower()
    if ending in (".shp", ".dbf"):
        check = dbase.check_shapefile if ending == ".shp" else dbase.check_table
        facts = check(path, encoding)
        notices = []
        if facts.deleted:
            text = f"{facts.deleted:,} rows are marked as deleted in the .dbf and were not read."
            notices.append(Notice("rows_deleted", text))
        if facts.cut:
            text = f"{facts.cut:,} texts end in half a character, cut by the width of their column."
            notices.append(Notice("text_cut", text))
        return facts.encoding, tuple(notices)
    if path.is_file() and geojson.is_json(path):
        geojson.to_utf8(path, encoding)
        return None, ()
    return (dbase.known_encoding(encoding) if encoding else None), ()


def _explain_json(path: Path) -> None:
    """Raise what is wrong with a JSON file that GDAL refused, in words that name the place."""
    if path.is_file() and geojson.is_json(path):
        found = geojson.audit(path)
        if found.problems:
            raise InputError(found.problems)


def _audit_json(raw: _Raw, path: Path, limits: ReadingLimits) -> _Raw:
    if path.stat().st_size > limits.audited_bytes:
        text = "The file is too large to be compared with what GDAL made of it."
        return replace(raw, notices=(*raw.notices, Notice("not_audited", text)))
    found = geojson.audit(path)
    problems, notices = [*raw.problems, *found.problems], list(raw.notices)
    if found.features != len(raw.columns) and not found.problems:
        text = f"The file has {found.features:,} features, GDAL reads {len(raw.columns):,} of them."
        problems.append(Problem("features_lost", text, "Save the layer again with a GIS."))
    if found.foreign_members:
        text = "The geometry has members of a feature or a collection; they were not read."
        notices.append(Notice("geojson_members", text))
    if found.decimals:
        text = (
            f"Numbers have up to {found.decimals} decimals, finer than any survey; they are kept."
        )
        notices.append(Notice("precision", text))
    origin = raw.crs_origin
    if found.crs_name is None:
        origin = "format"
        text = (
            "The file names no CRS; by the standard of GeoJSON its numbers are degrees of WGS 84."
        )
        notices.append(Notice("crs_by_format", text))
    elif raw.crs is None:
        text = f"The crs member names {found.crs_name!r}, which is not known."
        problems.append(Problem("crs_unknown", text, _NAME_CRS, field="crs"))
    return replace(raw, problems=tuple(problems), notices=tuple(notices), crs_origin=origin)


def _declared_crs(text: str | None, driver: str) -> dict[str, Any]:
    """Return the CRS that a layer declares; an undefined or local one is none."""
    if not text:
        return {}
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        message = f"The file's own CRS is not readable: {text[:100]}."
        raise InputError([Problem("crs_unknown", message, _NAME_CRS, field="crs")]) from error
    if crs.is_engineering or crs.name.startswith("Undefined"):
        return {"notices": (Notice("crs_local", f"The file's CRS says nothing: {crs.name}."),)}
    return {"crs": crs, "crs_origin": "format" if driver in _DEGREES_BY_STANDARD else "file"}


def _settle_crs(raw: _Raw, person: CRS | None) -> _Raw:
    """Join what the file declares and what the person says; a contradiction is refused."""
    if person is None or (raw.crs is not None and _same_crs(raw.crs, person)):
        return raw
    by_standard = raw.crs_origin == "format"
    if raw.crs is None or (by_standard and raw.driver in _JSON):
        notice = Notice("crs_by_person", f"The CRS is {name_crs(person)} because you say so.")
        return replace(raw, crs=person, crs_origin="person", notices=(*raw.notices, notice))
    why = "By its format the file is in" if by_standard else "The file says"
    text = f"{why} {name_crs(raw.crs)}, --crs says {name_crs(person)}."
    remedy = "Leave --crs out, or correct the file in the source (for a shapefile: its .prj)."
    problem = Problem("crs_conflict", text, remedy, field="crs")
    return replace(raw, problems=(*raw.problems, problem))


def _same_crs(one: CRS, other: CRS) -> bool:
    """Whether two CRSs put the same numbers in the same place, whatever their axis order."""
    if one.equals(other, ignore_axis_order=True):
        return True
    codes = {crs.to_epsg(min_confidence=70) for crs in (one, other)}
    return len(codes) == 1 and None not in codes


def _with_geometry(raw: _Raw, wkb: NDArray[np.object_], limits: ReadingLimits) -> _Raw:
    """Build the geometries; what cannot be built is a problem and keeps its WKB."""
    rows = range(1, len(wkb) + 1)
    built, problems = from_wkb(wkb.tolist(), rows, limits.geometry)
    broken = {p.row: wkb[p.row - 1] for p in problems if p.row is not None}
    return replace(raw, geometries=built, problems=(*raw.problems, *problems), broken=broken)


def _nothing(count: int) -> NDArray[np.object_]:
    return np.full(count, None, dtype=object)


def _deliver(
    raw: _Raw,
    file_name: str,
    sha256: str,
    fields: Mapping[str, str],
    swap_xy: bool,
    limits: ReadingLimits,
) -> Delivery:
    """Give the columns our names, the geometries two dimensions, and say what was changed."""
    notices = [*raw.notices, *_shape_notices(raw.geometries)]
    problems = [*raw.problems, *garbled(raw.columns)]
    geometries = multipolygons(raw.geometries)
    if swap_xy:
        geometries = shapely.transform(geometries, lambda xy: xy[:, ::-1])
        notices.append(Notice("axes_swapped", "x and y were exchanged, as you asked."))
    columns = our_columns(raw.columns, fields, raw.used, problems, notices)
    columns.index = pd.RangeIndex(1, len(columns) + 1, name="row")
    frame = geopandas.GeoDataFrame(columns, geometry=geometries, crs=raw.crs)
    if not len(frame):
        text = f"The layer {raw.layer} has no features."
        problems.append(Problem("no_features", text, "Choose another layer, or save it again."))
    return Delivery(
        frame=frame,
        file_name=file_name,
        sha256=sha256,
        layer=raw.layer,
        layers=raw.layers,
        driver=raw.driver,
        encoding=raw.encoding,
        crs=raw.crs,
        crs_origin=raw.crs_origin,
        fields=dict(fields),
        problems=tuple(problems),
        notices=tuple(notices),
        broken=raw.broken or {},
    )


def _shape_notices(geometries: NDArray[np.object_]) -> list[Notice]:
    """Say which dimensions are dropped and where a layer is a mixture."""
    notices = []
    for name, has in (("Z", shapely.has_z), ("M", shapely.has_m)):
        count = int(has(geometries).sum())
        if count:
            text = f"{count:,} geometries have {name} values; they were dropped."
            notices.append(Notice("dimension_dropped", text))
    kinds = Counter(str(name) for name in type_names(geometries) if name is not None)
    families = {name.removeprefix("Multi") for name in kinds}
    if len(families) > 1:
        counts = ", ".join(f"{count:,} {name}" for name, count in kinds.most_common())
        text = (
            f"The layer mixes geometry types: {counts}. Where a feature has several geometries "
            "(as in CityGML), GDAL gives one of them, such as the label's point."
        )
        notices.append(Notice("types_mixed", text))
    return notices
