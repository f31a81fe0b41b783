"""Finding things by what people call them; residents' names are not among it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, literal, null, or_, select, true
from sqlalchemy.orm import Session

from layers.features import Bounds, Place, community_bounds
from layers.frames import Rows
from layers.models import Building, Community, Household, Parcel, ParcelHousehold

PER_KIND = 8
LONGEST = 100


@dataclass(frozen=True)
class Hit:
    """Something found, and where: bounds in EPSG:4326, ``parcel`` the ground that goes with it."""

    kind: str
    id: str
    label: str
    bounds: Bounds
    community: str
    parcel: str | None = None


def search(
    session: Session,
    place: Place,
    text: str,
    more: Sequence[Rows] = (),
    *,
    households: ColumnElement[bool] | None = None,
) -> list[Hit]:
    """Return what ``text`` is part of the name of, the closest first within each kind.

    In a region these are its communities; in a community its buildings, those
    ``households`` that the condition on ``Household`` lets through, its parcels, and
    what the selects in ``more`` add in the columns of :func:`hit_columns`.
    """
    wanted = text.strip()[:LONGEST]
    if not wanted:
        return []
    if not place.is_community:
        return _communities(session, wanted)
    found: list[Hit] = []
    known = _households(wanted).where(true() if households is None else households)
    for rows in (_buildings(wanted), known, _parcels(wanted), *more):
        for kind, key, label, parcel, *bounds in session.execute(rows):
            west, south, east, north = bounds
            found.append(Hit(kind, key, label, (west, south, east, north), place.code, parcel))
    return found


def hit_columns(
    kind: str, key: Any, label: Any, geom: Any, parcel: Any = None
) -> tuple[ColumnElement[Any], ...]:
    """Return the columns of a hit in their order."""
    edges = {
        "west": func.ST_XMin,
        "south": func.ST_YMin,
        "east": func.ST_XMax,
        "north": func.ST_YMax,
    }
    return (
        literal(kind).label("kind"),
        cast(key, String).label("id"),
        label.label("label"),
        (null() if parcel is None else cast(parcel, String)).label("parcel"),
        *(edge(geom).label(side) for side, edge in edges.items()),
    )


def closest(text: str, *names: Any) -> tuple[ColumnElement[Any], ...]:
    """Return the order of hits: the same, then those that begin so, then the shortest."""
    first = names[0]
    begins = or_(*(name.istartswith(text, autoescape=True) for name in names))
    return (func.lower(first) != text.lower(), begins.is_(False), func.length(first), first)


def _communities(session: Session, text: str) -> list[Hit]:
    names = (Community.code, Community.name)
    rows = session.execute(
        select(Community.id, Community.code, Community.name)
        .where(or_(*(name.icontains(text, autoescape=True) for name in names)))
        .order_by(*closest(text, *names))
        .limit(PER_KIND)
    ).all()
    bounds = community_bounds(session, [number for number, _code, _name in rows])
    return [
        Hit("community", code, name, bounds[number], code)
        for number, code, name in rows
        if number in bounds
    ]


def building_label() -> ColumnElement[str]:
    """Return what people call a building: its number, and its name where it has one."""
    return func.concat_ws(" ", Building.ref, func.nullif(Building.name, ""))


def _buildings(text: str) -> Rows:
    label = building_label()
    return (
        select(*hit_columns("building", Building.id, label, Building.geom))
        .where(label.icontains(text, autoescape=True))
        .order_by(*closest(text, Building.ref, Building.name))
        .limit(PER_KIND)
    )


def _households(text: str) -> Rows:
    """Select households at their door, else at their building."""
    own = (Building.community_id == Household.community_id) & (Building.id == Household.building_id)
    where = func.coalesce(Household.geom, Building.geom, type_=None)
    parcel = (
        select(ParcelHousehold.parcel_id)
        .where(
            ParcelHousehold.community_id == Household.community_id,
            ParcelHousehold.household_id == Household.id,
        )
        .order_by(ParcelHousehold.distance_m, ParcelHousehold.parcel_id)
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(*hit_columns("household", Household.id, Household.ref, where, parcel))
        .outerjoin(Building, own)
        .where(Household.ref.icontains(text, autoescape=True), where.is_not(None))
        .order_by(*closest(text, Household.ref))
        .limit(PER_KIND)
    )


def _parcels(text: str) -> Rows:
    return (
        select(*hit_columns("parcel", Parcel.id, Parcel.ref, Parcel.geom, Parcel.id))
        .where(Parcel.ref.icontains(text, autoescape=True))
        .order_by(*closest(text, Parcel.ref))
        .limit(PER_KIND)
    )
