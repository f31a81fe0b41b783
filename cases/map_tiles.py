"""The layers of a tile with the history of each parcel, as selects for ``layers.tiles``.

Nothing here names a community: the session's scope is the place of the map, and
the tile's box comes first.
"""

import functools
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Double,
    Integer,
    Numeric,
    ScalarSelect,
    String,
    Subquery,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from cases.map_data import DISPUTED, END, EPOCH
from cases.models import CaseEvent, Encroachment
from cases.workflow import STATUS_OF, Status
from layers.frames import Rows
from layers.models import Building, Community, Observation, Parcel, ParcelSurvey, Site
from layers.tiles import TileLayer

# Further out a tile would hold a town; the map asks for counts by community there.
SHALLOWEST = 15

_STATUS_OF = {state.value: status.value for state, status in STATUS_OF.items()}


@functools.cache
def tile_layers() -> tuple[TileLayer, ...]:
    """Return the layers of a tile from the ground up."""
    return (
        TileLayer("parcels", _parcels(), Parcel.geom),
        TileLayer("buildings", _buildings(), Building.geom),
        TileLayer("sites", _sites(), Site.geom),
        TileLayer("observations", _observations(), Observation.geom),
        TileLayer("encroachments", _encroachments(), Encroachment.geom),
    )


def _parcels() -> Rows:
    title = case((Parcel.title_disputed, DISPUTED), else_=cast(Parcel.title_basis, String))
    return select(
        _text(Parcel.id).label("id"),
        _community_code(Parcel).label("community"),
        Parcel.ref,
        Parcel.kind,
        title.label("title"),
        _building_ref(Parcel).label("building"),
        _first_look().label("looked"),
        func.coalesce(_parcel_history(), "").label("h"),
    )


def _buildings() -> Rows:
    return select(_text(Building.id).label("id"), Building.ref, Building.floors)


def _sites() -> Rows:
    return select(
        _text(Site.id).label("id"),
        _community_code(Site).label("community"),
        Site.ref,
        Site.kind,
        Site.state,
        day_since_epoch(Site.built_on).label("from"),
        Site.heads,
    )


def _observations() -> Rows:
    return select(
        _text(Observation.id).label("id"),
        Observation.ref,
        Observation.structure_type.label("structure"),
        day_since_epoch(Observation.observed_on).label("from"),
        day_since_epoch(Observation.ended_on).label("to"),
    )


def _encroachments() -> Rows:
    on = aliased(Parcel)
    building = (
        select(_building_ref(on))
        .where(on.community_id == Encroachment.community_id, on.id == Encroachment.parcel_id)
        .scalar_subquery()
    )
    return select(
        _text(Encroachment.id).label("id"),
        _community_code(Encroachment).label("community"),
        _text(Encroachment.case_id).label("case"),
        _text(Encroachment.parcel_id).label("parcel"),
        building.label("building"),
        cast(func.round(cast(Encroachment.occupied_m2, Numeric), 2), Double).label("m2"),
        day_since_epoch(Encroachment.found_on).label("from"),
        day_since_epoch(Encroachment.superseded_on).label("to"),
        history(Encroachment).label("h"),
    )


def history(of: type[Encroachment]) -> ScalarSelect[str]:
    """Return the history of an encroachment's case since it was found, until it was corrected.

    One that nobody answers for yet has no case; it is suspected all the same,
    for its ground is not clear.
    """
    changes = _status_changes(of)
    entry = func.concat(changes.c.day, ":", changes.c.status)
    entries = func.string_agg(
        entry, aggregate_order_by(literal(";"), changes.c.day, changes.c.seq)
    ).filter(changes.c.status.is_distinct_from(changes.c.before))
    found = func.concat(day_since_epoch(of.found_on), ":", Status.SUSPECTED.value)
    ended = func.concat(day_since_epoch(of.superseded_on), ":", END)
    return (
        select(
            func.concat_ws(
                ";",
                func.coalesce(entries, case((of.case_id.is_(None), found))),
                case((of.superseded_on.is_not(None), ended)),
            )
        )
        .select_from(changes)
        .correlate(of)
        .scalar_subquery()
    )


def _status_changes(of: type[Encroachment]) -> Subquery:
    """Return (day, seq, status, before) of the case's events while the encroachment stood."""
    status = case(_STATUS_OF, value=cast(CaseEvent.state, String))
    return (
        select(
            func.greatest(day_since_epoch(CaseEvent.day), day_since_epoch(of.found_on)).label(
                "day"
            ),
            CaseEvent.seq,
            status.label("status"),
            func.lag(status).over(order_by=(CaseEvent.day, CaseEvent.seq)).label("before"),
        )
        .where(
            CaseEvent.community_id == of.community_id,
            CaseEvent.case_id == of.case_id,
            CaseEvent.state.is_not(None),
            or_(of.superseded_on.is_(None), CaseEvent.day < of.superseded_on),
        )
        .correlate(of)
        .subquery()
    )


def _parcel_history() -> ScalarSelect[str]:
    on = aliased(Encroachment)
    return (
        select(func.string_agg(history(on), aggregate_order_by(literal("|"), on.found_on, on.id)))
        .where(on.community_id == Parcel.community_id, on.parcel_id == Parcel.id)
        .correlate(Parcel)
        .scalar_subquery()
    )


def _first_look() -> ScalarSelect[int]:
    return (
        select(func.min(day_since_epoch(ParcelSurvey.day)))
        .where(
            ParcelSurvey.community_id == Parcel.community_id,
            ParcelSurvey.parcel_id == Parcel.id,
        )
        .scalar_subquery()
    )


def _building_ref(of: Any) -> ScalarSelect[str]:
    facing = aliased(Building)
    return (
        select(facing.ref)
        .where(facing.community_id == of.community_id, facing.id == of.building_id)
        .scalar_subquery()
    )


def _community_code(of: Any) -> ScalarSelect[str]:
    """Return the code by which a region's map asks for the feature's file."""
    return select(Community.code).where(Community.id == of.community_id).scalar_subquery()


def _text(identifier: Any) -> ColumnElement[str]:
    """Return a UUID as text: a tile's properties know no other form of it."""
    return cast(identifier, String)


def day_since_epoch(day: Any) -> ColumnElement[int]:
    """Return a date as the days since 1970-01-01, which is how PostgreSQL subtracts dates."""
    return type_coerce(day - literal(EPOCH, Date), Integer)
