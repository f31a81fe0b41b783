"""What leaves the database, column by column, in the form that import reads.

A layer is a SELECT whose columns are the fields of the file; ``geom`` among
them is well-known binary. Packages above add theirs with :func:`register`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError
from sqlalchemy import (
    Boolean,
    Date,
    Double,
    Integer,
    LargeBinary,
    Subquery,
    Text,
    cast,
    func,
    select,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from gis.crs import STORAGE_SRID, project
from gis.problems import InputError, Problem
from layers.files import writing
from layers.frames import Rows, wkb
from layers.models import (
    Building,
    Community,
    Household,
    Observation,
    ObservationStatus,
    Parcel,
    ParcelHousehold,
    Site,
)

GEOMETRY = "geom"
SEPARATOR = ";"
"""Between the households of one parcel."""

ARROW_TYPES: dict[type[TypeEngine[Any]], pa.DataType] = {
    Boolean: pa.bool_(),
    Integer: pa.int32(),
    Double: pa.float64(),
    Date: pa.date32(),
    LargeBinary: pa.binary(),
}


@dataclass(frozen=True)
class ExportLayer:
    """A layer that can be written: its rows of one community, and its geometry.

    ``geometry_type`` is what a file declares: ``Point``, ``MultiPolygon``,
    ``Unknown`` for a mixture, ``None`` for a table without geometry.
    """

    name: str
    rows: Callable[[int], Rows]
    geometry_type: str | None = "MultiPolygon"


@dataclass(frozen=True)
class Exported:
    """What was written; ``crs`` is the file's, ``None`` where it has no geometry."""

    layer: str
    path: Path
    rows: int
    crs: str | None


LAYERS: dict[str, ExportLayer] = {}


def register(layer: ExportLayer) -> None:
    """Offer a layer for export under its name."""
    LAYERS[layer.name] = layer


def export(
    session: Session,
    community: Community,
    layer_name: str,
    path: Path,
    *,
    srid: int | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a layer of a community to ``path`` in the format of its ending.

    The CRS is EPSG:``srid``, else the community's survey CRS; GeoJSON is in
    EPSG:4326 unless ``srid`` says otherwise, because RFC 7946 knows no other.
    The file comes into being whole or not at all. Raises ``InputError`` where
    layer, path, ending or CRS will not do or the format cannot hold the rows.
    """
    layer = find_layer(layer_name)
    form = writing.format_of(path, overwrite=overwrite)
    if srid is not None:
        _check_crs(srid)
    target = srid or (STORAGE_SRID if form.always_degrees else community.survey_srid)
    table = read_table(session, layer.rows(community.id))
    if layer.geometry_type is None:
        form.write(writing.Content(layer.name, table), path)
        return Exported(layer.name, path, table.num_rows, None)
    stored = shapely.from_wkb(table.column(GEOMETRY).to_numpy(zero_copy_only=False))
    content = writing.Content(
        layer.name,
        table.drop_columns([GEOMETRY]),
        project(stored, STORAGE_SRID, target),
        target,
        layer.geometry_type,
    )
    form.write(content, path)
    return Exported(layer.name, path, table.num_rows, f"EPSG:{target}")


def find_layer(name: str) -> ExportLayer:
    """Return the layer with this name; raises ``InputError`` that names those there are."""
    if name not in LAYERS:
        remedy = f"There are {', '.join(sorted(LAYERS))}."
        raise InputError([Problem("layer_unknown", f"There is no layer {name!r}.", remedy)])
    return LAYERS[name]


def read_table(session: Session, statement: Rows) -> pa.Table:
    """Run ``statement`` and return its rows as an Arrow table of the columns' own types."""
    described = {str(one.key): _arrow_type(one.type) for one in statement.selected_columns}
    rows = session.execute(statement).all()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(described)
    arrays = [
        pa.array([_plain(value, kind) for value in values], kind)
        for values, kind in zip(columns, described.values(), strict=True)
    ]
    return pa.table(arrays, names=list(described))


def _arrow_type(kind: TypeEngine[Any]) -> pa.DataType:
    for known, arrow in ARROW_TYPES.items():
        if isinstance(kind, known):
            return arrow
    return pa.string()


def _plain(value: Any, kind: pa.DataType) -> Any:
    return str(value) if value is not None and kind == pa.string() else value


def _check_crs(srid: int) -> None:
    try:
        CRS.from_epsg(srid)
    except CRSError:
        remedy = "Write a code such as EPSG:4550."
        problem = Problem("crs_unknown", f"EPSG:{srid} is no known CRS.", remedy, field="crs")
        raise InputError([problem]) from None


def _buildings(community_id: int) -> Rows:
    return (
        select(
            Building.id,
            Building.ref,
            Building.name,
            Building.floors,
            Building.units,
            wkb(Building.geom),
        )
        .where(Building.community_id == community_id)
        .order_by(Building.ref)
    )


def _households(community_id: int) -> Rows:
    return (
        select(
            Household.id,
            Household.ref,
            Building.ref.label("building"),
            Household.unit,
            Household.floor,
            Household.room,
            Household.ground_floor,
            wkb(Household.geom),
        )
        .outerjoin(
            Building,
            (Building.community_id == Household.community_id)
            & (Building.id == Household.building_id),
        )
        .where(Household.community_id == community_id)
        .order_by(Household.ref)
    )


def _parcels(community_id: int) -> Rows:
    links = _joined_links(community_id)
    return (
        select(
            Parcel.id,
            Parcel.ref,
            Parcel.kind,
            Parcel.title_basis,
            Parcel.title_evidence,
            Parcel.title_disputed,
            Parcel.rms_m,
            Parcel.source,
            Building.ref.label("building"),
            links.c.household,
            links.c.household_role,
            links.c.household_share,
            Parcel.area_m2,
            wkb(Parcel.geom),
        )
        .outerjoin(
            Building,
            (Building.community_id == Parcel.community_id) & (Building.id == Parcel.building_id),
        )
        .outerjoin(links, links.c.parcel_id == Parcel.id)
        .where(Parcel.community_id == community_id)
        .order_by(Parcel.ref)
    )


def _joined_links(community_id: int) -> Subquery:
    """Return, per parcel, its households, their roles and shares, all in one order."""

    def listed(column: Any, name: str) -> Any:
        joined = func.string_agg(cast(column, Text), SEPARATOR)
        return joined.aggregate_order_by(Household.ref).label(name)

    return (
        select(
            ParcelHousehold.parcel_id,
            listed(Household.ref, "household"),
            listed(ParcelHousehold.role, "household_role"),
            listed(ParcelHousehold.share, "household_share"),
        )
        .join(Household, Household.id == ParcelHousehold.household_id)
        .where(ParcelHousehold.community_id == community_id)
        .where(Household.community_id == community_id)
        .group_by(ParcelHousehold.parcel_id)
        .subquery("links")
    )


def _links(community_id: int) -> Rows:
    """Select what ``commongreen link --csv`` reads, and how each link came about."""
    return (
        select(
            Parcel.ref.label("parcel"),
            Household.ref.label("household"),
            ParcelHousehold.role,
            ParcelHousehold.share,
            ParcelHousehold.method,
            ParcelHousehold.distance_m,
        )
        .join(ParcelHousehold, ParcelHousehold.parcel_id == Parcel.id)
        .join(Household, Household.id == ParcelHousehold.household_id)
        .where(Parcel.community_id == community_id)
        .where(ParcelHousehold.community_id == community_id)
        .where(Household.community_id == community_id)
        .order_by(Parcel.ref, Household.ref)
    )


def _observations(community_id: int) -> Rows:
    """Select the observations that still speak; what was corrected stays in the database."""
    return (
        select(
            Observation.id,
            Observation.ref,
            Observation.purpose,
            Observation.structure_type,
            Household.ref.label("occupier_ref"),
            Observation.observed_on,
            Observation.rms_m,
            Observation.note,
            Observation.area_m2,
            wkb(Observation.geom),
        )
        .outerjoin(
            Household,
            (Household.community_id == Observation.community_id)
            & (Household.id == Observation.occupier_id),
        )
        .where(Observation.community_id == community_id)
        .where(Observation.status == ObservationStatus.OPEN)
        .order_by(Observation.ref)
    )


def _sites(community_id: int) -> Rows:
    return (
        select(
            Site.id,
            Site.ref,
            Site.kind,
            Site.state,
            Site.name,
            Site.built_on,
            Site.heads,
            Site.power_w,
            Site.area_m2,
            wkb(Site.geom),
        )
        .where(Site.community_id == community_id)
        .order_by(Site.ref)
    )


register(ExportLayer("buildings", _buildings))
register(ExportLayer("households", _households, "Point"))
register(ExportLayer("parcels", _parcels))
register(ExportLayer("observations", _observations))
register(ExportLayer("sites", _sites, "Unknown"))
register(ExportLayer("links", _links, None))
