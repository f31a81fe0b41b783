"""Files of features, written whole or not at all, in the formats that people exchange.

Each format is written into a folder of its own beside the target and moved from
there, so that an interrupted command leaves what was there before.
"""

import csv
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import shapely

from gis.crs import Geometries
from gis.problems import InputError, Problem

SHAPEFILE_NAMES = {
    "title_basis": "title",
    "title_evidence": "evidence",
    "title_disputed": "disputed",
    "household_role": "hh_role",
    "household_share": "hh_share",
    "structure_type": "structure",
    "occupier_ref": "occupier",
    "observed_on": "observed",
    "ground_floor": "ground",
    "observation": "seen",
    "answer_basis": "basis",
    "case_number": "case",
    "occupied_m2": "occupied",
    "countable_m2": "countable",
    "verified_on": "verified",
    "superseded_on": "ended",
}
"""Our names of more than ten characters and what a Shapefile calls them; import knows both."""

DBF_NAME = 10
DBF_TEXT_BYTES = 254
FORMULA = re.compile(r"'*[=+\-@\t\r]")


@dataclass(frozen=True)
class Content:
    """What is to be written: attributes, and geometries in EPSG:``srid`` where there are any.

    ``geometry_type`` is ``Unknown`` for a mixture.
    """

    name: str
    table: pa.Table
    geometries: Geometries | None = None
    srid: int | None = None
    geometry_type: str | None = None

    @property
    def crs(self) -> str | None:
        """The CRS as ``EPSG:n``."""
        return None if self.srid is None else f"EPSG:{self.srid}"


Writer = Callable[[Content, Path], None]


@dataclass(frozen=True)
class Format:
    """A file format by its ending; ``always_degrees`` where its standard knows EPSG:4326 only."""

    ending: str
    writer: Writer
    always_degrees: bool = False
    needs_geometry: bool = True

    def write(self, content: Content, path: Path) -> None:
        """Write ``path`` and the files that belong to it; raises ``InputError``."""
        if content.geometries is None and self.needs_geometry:
            text = f"{content.name} has no geometry, so it is no {self.ending}."
            raise InputError([Problem("export_format", text, "End the file's name in .csv.")])
        folder = Path(tempfile.mkdtemp(prefix=".export-", dir=path.parent))
        try:
            self.writer(content, folder / path.name)
            # The file that was asked for comes last: once it is there, all of it is.
            for part in sorted(folder.iterdir(), key=lambda one: one.name == path.name):
                part.replace(path.parent / part.name)
        finally:
            shutil.rmtree(folder)


def format_of(path: Path, *, overwrite: bool = False) -> Format:
    """Return the format of the file's ending; raises ``InputError`` where none can be written."""
    name = path.name.lower()
    form = next((one for one in FORMATS if name.endswith(one.ending)), None)
    if form is None:
        text = f"No format is known for {path.name!r}."
        remedy = f"End the file's name in {', '.join(one.ending for one in FORMATS)}."
        raise InputError([Problem("export_format", text, remedy)])
    if str(path).startswith("/vsi") or not path.parent.is_dir():
        text = f"There is no folder {str(path.parent)!r}."
        raise InputError([Problem("export_folder", text, "Make it first, or choose another.")])
    if path.exists() and not overwrite:
        text = f"{path.name} is there already."
        raise InputError([Problem("export_exists", text, "Choose another name or --overwrite.")])
    return form


def neutralise(cell: str) -> str:
    """Return a CSV cell that no spreadsheet takes for a formula; :func:`restore` undoes it."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def restore(cell: str) -> str:
    """Return what a cell was before :func:`neutralise`."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _geopackage(content: Content, path: Path) -> None:
    _write_ogr(content, path, "GPKG", layer=content.name)


def _geojson(content: Content, path: Path) -> None:
    _write_ogr(content, path, "GeoJSON")


def _flatgeobuf(content: Content, path: Path) -> None:
    # With an index GDAL leaves out rows without geometry, and says nothing.
    whole = len(content.table) > 0 and not shapely.is_missing(content.geometries).any()
    _write_ogr(content, path, "FlatGeobuf", SPATIAL_INDEX="YES" if whole else "NO")


def _shapefile(content: Content, path: Path) -> None:
    kinds = _by_dimension(content)
    if len(kinds) > 1:
        text = f"{content.name} holds points and polygons, a Shapefile only one of them."
        raise InputError([Problem("export_format", text, "Write .shp.zip or .gpkg.")])
    _write_shapefile(kinds[0], path)


def _zipped_shapefile(content: Content, path: Path) -> None:
    """Write one Shapefile into the archive, or one for points and one for polygons."""
    folder = path.with_name("parts")
    folder.mkdir()
    for kind in _by_dimension(content):
        _write_shapefile(kind, folder / f"{kind.name}.shp")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.iterdir()):
            archive.write(part, part.name)
    shutil.rmtree(folder)


def _geoparquet(content: Content, path: Path) -> None:
    attributes = content.table.to_pandas(types_mapper=pd.ArrowDtype)
    frame = geopandas.GeoDataFrame(attributes, geometry=content.geometries, crs=content.crs)
    frame.to_parquet(path, index=False)


def _csv(content: Content, path: Path) -> None:
    """Write UTF-8 with a mark, by which spreadsheets know it; geometry as EWKT in column WKT."""
    table = content.table
    if content.geometries is not None:
        # In full, and with its CRS: what is read back is the same to the last digit.
        wkt = shapely.to_wkt(content.geometries, rounding_precision=-1)
        ewkt = [None if text is None else f"SRID={content.srid};{text}" for text in wkt]
        table = table.append_column("WKT", pa.array(ewkt, pa.string()))
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(table.column_names)
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return neutralise(value) if isinstance(value, str) else str(value)


def _write_ogr(
    content: Content, path: Path, driver: str, layer: str | None = None, **options: str
) -> None:
    wkb = pa.array(shapely.to_wkb(content.geometries), pa.binary())
    pyogrio.write_arrow(
        content.table.append_column("geometry", wkb),
        path,
        layer=layer,
        driver=driver,
        geometry_name="geometry",
        geometry_type=content.geometry_type,
        crs=content.crs,
        **options,
    )


def _write_shapefile(content: Content, path: Path) -> None:
    problems = list(_too_long(content.table))
    if problems:
        raise InputError(problems)
    names = [SHAPEFILE_NAMES.get(name, name) for name in content.table.column_names]
    renamed = replace(content, table=content.table.rename_columns(names))
    _write_ogr(renamed, path, "ESRI Shapefile", ENCODING="UTF-8")


def _too_long(table: pa.Table) -> Iterable[Problem]:
    """Yield a problem for each text that a DBF would cut off."""
    for name in table.column_names:
        if table.column(name).type != pa.string():
            continue
        sizes = pc.binary_length(table.column(name).cast(pa.binary())).to_pylist()
        for row, size in enumerate(sizes, start=1):
            if size is not None and size > DBF_TEXT_BYTES:
                text = f"The text has {size} bytes, a Shapefile keeps {DBF_TEXT_BYTES}."
                yield Problem("export_format", text, "Write .gpkg.", row=row, field=name)


def _by_dimension(content: Content) -> list[Content]:
    """Divide a mixture into points and polygons; anything else stays one content."""
    if content.geometry_type != "Unknown":
        return [content]
    dimensions = shapely.get_dimensions(content.geometries)
    present = [kind for kind in (0, 2) if (dimensions == kind).any()] or [2]
    if len(present) == 1:
        return [replace(content, geometry_type=_TYPES[present[0]])]
    return [_part(content, dimensions == kind, kind) for kind in present]


def _part(content: Content, chosen: Any, dimension: int) -> Content:
    return Content(
        f"{content.name}_{'points' if dimension == 0 else 'polygons'}",
        content.table.filter(pa.array(chosen)),
        np.asarray(content.geometries)[chosen],
        content.srid,
        _TYPES[dimension],
    )


_TYPES = {0: "Point", 2: "MultiPolygon"}

FORMATS = (
    Format(".gpkg", _geopackage),
    Format(".geojson", _geojson, always_degrees=True),
    Format(".shp.zip", _zipped_shapefile),
    Format(".shp", _shapefile),
    Format(".fgb", _flatgeobuf),
    Format(".parquet", _geoparquet),
    Format(".csv", _csv, needs_geometry=False),
)
