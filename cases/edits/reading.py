"""What a planner sees before and after an edit: the rows of a layer, and its history."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import exists, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from cases.edits.editing import layer_of, rows_of
from cases.edits.plans import Feature
from cases.edits.verified import verified_of
from cases.models import EditLayer, GeometryEdit, GeometryEditRow
from gis.area import sigma_m2
from gis.crs import SurveyCRS
from layers.bulk import among
from layers.imports.relook import boxes
from layers.models import (
    STORAGE_SRID,
    Building,
    Community,
    Household,
    Observation,
    ObservationStatus,
    Parcel,
    Purpose,
    Site,
)

Box = Sequence[float]
# The ref and the identifier of a row in the order of a list.
Place = tuple[str, uuid.UUID]
# So far around a building its neighbours are shown, to draw along them.
AROUND_M = 60.0
_TABLES: Mapping[EditLayer, Any] = {
    EditLayer.PARCELS: Parcel,
    EditLayer.OBSERVATIONS: Observation,
    EditLayer.SITES: Site,
}


@dataclass(frozen=True)
class Wanted:
    """Which rows of a layer are asked for.

    Those whose box overlaps ``box`` (west, south, east, north in EPSG:4326; ``None`` is the
    whole community) and whose ref begins with ``ref``, from ``after`` on.
    """

    layer: EditLayer
    box: Box | None = None
    ref: str = ""
    after: Place | None = None


@dataclass(frozen=True)
class Shown:
    """A row with what a person reads of it.

    ``uncertainty_m2`` is two standard deviations, ``verified_m2`` what has to be verified again
    where an observation gets another outline. ``entered`` orders observations of one day, and
    is ``None`` of other rows.
    """

    feature: Feature
    uncertainty_m2: float
    households: list[str]
    building: str | None
    verified_m2: float
    entered: int | None


@dataclass(frozen=True)
class Kept:
    """An edit in the history, with its rows; ``undone_by`` is the number of its undo."""

    edit: GeometryEdit
    rows: Sequence[GeometryEditRow]
    undoes: int | None
    undone_by: int | None


def around_building(session: Session, community: Community, ref: str) -> Box | None:
    """Return the box around a building, in EPSG:4326; ``None`` where there is none of this ref."""
    found = session.scalar(
        select(Building.geom).where(Building.community_id == community.id, Building.ref == ref)
    )
    if found is None:
        return None
    wide = boxes(np.array([to_shape(found)], dtype=object), AROUND_M)[0]
    return [float(one) for one in wide.bounds]


def features_within(
    session: Session, community: Community, wanted: Wanted, most: int
) -> tuple[list[Shown], Place | None]:
    """Return the rows that are wanted, by ref, and the place after which the next page begins."""
    table = _TABLES[wanted.layer]
    query = select(table.id, table.ref).where(table.community_id == community.id)
    if table is Observation:
        query = query.where(
            Observation.status == ObservationStatus.OPEN, Observation.purpose != Purpose.RESIDUAL
        )
    if wanted.box is not None:
        drawn = from_shape(shapely.box(*wanted.box), srid=STORAGE_SRID)
        query = query.where(table.geom.op("&&")(drawn))
    if wanted.ref:
        query = query.where(table.ref.istartswith(wanted.ref, autoescape=True))
    if wanted.after is not None:
        query = query.where(tuple_(table.ref, table.id) > tuple_(*wanted.after))
    rows = session.execute(query.order_by(table.ref, table.id).limit(most + 1)).all()
    found = shown(session, community, wanted.layer, [row.id for row in rows[:most]])
    last = rows[most - 1] if len(rows) > most else None
    return found, last and (last.ref, last.id)


def shown(
    session: Session, community: Community, layer: EditLayer, ids: Sequence[uuid.UUID]
) -> list[Shown]:
    """Return rows of a layer in the order of ``ids``; those that are gone are left out."""
    known = layer_of(session, community, layer).read(ids)
    return describe(session, community, [known[key] for key in ids if key in known])


def describe(session: Session, community: Community, found: Sequence[Feature]) -> list[Shown]:
    """Add to rows how sure their areas are, and whose they are."""
    metric = SurveyCRS(community.survey_srid).to_survey(
        np.array([one.state.shape for one in found], dtype=object)
    )
    rms = np.array([one.state.attributes.get("rms_m", 0.0) for one in found], dtype=np.float64)
    areal = np.array([shapely.get_dimensions(one) == 2 for one in metric], dtype=bool)
    sigma = np.zeros(len(found))
    if areal.any():
        sigma[areal] = sigma_m2(metric[areal], rms[areal])
    homes = _refs(session, community, Household, [key for one in found for key in _homes(one)])
    houses = _refs(session, community, Building, [_building(one) for one in found])
    verified: defaultdict[uuid.UUID, float] = defaultdict(float)
    for it in verified_of(session, community.id, [one.id for one in found]):
        verified[it.observation_id] += it.area_m2
    rows = session.execute(
        select(Observation.id, Observation.entered).where(
            Observation.community_id == community.id,
            among(Observation.id, [one.id for one in found]),
        )
    )
    entered = {row.id: row.entered for row in rows}
    return [
        Shown(
            one,
            2 * float(sure),
            sorted(homes[key] for key in _homes(one) if key in homes),
            houses.get(_building(one) or ""),
            verified[one.id],
            entered.get(one.id),
        )
        for one, sure in zip(found, sigma, strict=True)
    ]


def history(
    session: Session,
    community: Community,
    *,
    layer: EditLayer | None = None,
    feature: uuid.UUID | None = None,
    below: int | None = None,
    limit: int = 50,
) -> tuple[list[Kept], int | None]:
    """Return edits, the latest first, and the number below which the next page begins."""
    undo, undone = aliased(GeometryEdit), aliased(GeometryEdit)
    query = (
        select(GeometryEdit, undone.number, undo.number)
        .outerjoin(
            undone,
            (undone.community_id == GeometryEdit.community_id)
            & (undone.id == GeometryEdit.undoes_id),
        )
        .outerjoin(
            undo,
            (undo.community_id == GeometryEdit.community_id) & (undo.undoes_id == GeometryEdit.id),
        )
        .where(GeometryEdit.community_id == community.id)
    )
    if layer is not None:
        query = query.where(GeometryEdit.layer == layer)
    if below is not None:
        query = query.where(GeometryEdit.number < below)
    if feature is not None:
        query = query.where(
            exists().where(
                GeometryEditRow.community_id == GeometryEdit.community_id,
                GeometryEditRow.edit_id == GeometryEdit.id,
                or_(GeometryEditRow.before_id == feature, GeometryEditRow.after_id == feature),
            )
        )
    found = session.execute(query.order_by(GeometryEdit.number.desc()).limit(limit + 1)).all()
    rows = rows_of(session, community.id, [one[0].id for one in found[:limit]])
    kept = [Kept(edit, rows[edit.id], before, after) for edit, before, after in found[:limit]]
    return kept, kept[-1].edit.number if len(found) > limit else None


def _homes(one: Feature) -> list[str]:
    given = one.state.attributes
    if "links" in given:
        return [str(link["household_id"]) for link in given["links"]]
    return [given["occupier_id"]] if given.get("occupier_id") else []


def _building(one: Feature) -> str | None:
    found: str | None = one.state.attributes.get("building_id")
    return found


def _refs(
    session: Session, community: Community, table: Any, ids: Collection[str | None]
) -> dict[str, str]:
    wanted = [uuid.UUID(key) for key in ids if key]
    rows = session.execute(
        select(table.id, table.ref).where(
            table.community_id == community.id, among(table.id, wanted)
        )
    )
    return {str(key): ref for key, ref in rows}
