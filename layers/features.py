"""Places and what lies in them, as the map and the search ask for it."""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from pyproj import CRS
from sqlalchemy import CTE, Select, func, select
from sqlalchemy.orm import Session

from layers.models import Building, Community, Observation, Parcel, ParcelSurvey, Region, Site

Bounds = tuple[float, float, float, float]
PlaceKind = Literal["community", "region"]


@dataclass(frozen=True)
class Place:
    """A community, or a region with every community below it.

    ``communities`` are those that the session saw when it was looked up.
    """

    kind: PlaceKind
    id: int
    code: str
    name: str
    communities: frozenset[int]
    survey_srid: int | None = None


@dataclass(frozen=True)
class MapPlace:
    """What the map page needs of a place: bounds in EPSG:4326 as west, south, east, north.

    ``first_day`` and ``last_day`` are ``None`` where nothing has been looked at;
    ``survey_srid`` is ``None`` for a region.
    """

    code: str
    name: str
    kind: PlaceKind
    bounds: Bounds
    first_day: dt.date | None
    last_day: dt.date | None
    survey_srid: int | None


def subtree(roots: Select[tuple[int]]) -> CTE:
    """Return rows (root, id): each region of ``roots`` with every region below it."""
    top = (
        select(Region.id.label("root"), Region.id.label("id"))
        .where(Region.id.in_(roots))
        .cte("below", recursive=True)
    )
    # A plain union ends even where somebody made a region its own grandparent.
    return top.union(select(top.c.root, Region.id).join(top, Region.parent_id == top.c.id))


def find_place(session: Session, code: str) -> Place | None:
    """Return the community or region called ``code`` as far as the session sees it."""
    community = session.scalar(select(Community).where(Community.code == code))
    if community is not None:
        return Place(
            "community",
            community.id,
            community.code,
            community.name,
            frozenset({community.id}),
            community.survey_srid,
        )
    region = session.scalar(select(Region).where(Region.code == code))
    if region is None:
        return None
    below = subtree(select(Region.id).where(Region.id == region.id))
    inside = select(Community.id).join(below, below.c.id == Community.region_id)
    return Place("region", region.id, region.code, region.name, frozenset(session.scalars(inside)))


def map_place(session: Session, place: Place) -> MapPlace:
    """Return ``place`` with its bounds and the days on which it was looked at."""
    first, last = days_looked_at(session, place)
    return MapPlace(
        place.code,
        place.name,
        place.kind,
        place_bounds(session, place),
        first,
        last,
        place.survey_srid,
    )


def days_looked_at(session: Session, place: Place) -> tuple[dt.date | None, dt.date | None]:
    """Return the first and last day of observations, surveys of parcels and sites."""
    spans = [
        session.execute(
            select(func.min(day), func.max(day)).where(community.in_(place.communities))
        ).one()
        for day, community in (
            (Observation.observed_on, Observation.community_id),
            (ParcelSurvey.day, ParcelSurvey.community_id),
            (Site.built_on, Site.community_id),
        )
    ]
    days = [day for span in spans for day in span if day is not None]
    return (min(days), max(days)) if days else (None, None)


def place_bounds(session: Session, place: Place) -> Bounds:
    """Return where the place lies; without any geometry, where its survey CRS is used."""
    found = _extent(session, select(Community.boundary).where(Community.id.in_(place.communities)))
    if found is None:
        for model in (Parcel, Building):
            ground = select(model.geom).where(model.community_id.in_(place.communities))
            found = found or _extent(session, ground)
    return found or _area_of_use(session, place)


def _extent(session: Session, geometries: Select[tuple[object]]) -> Bounds | None:
    shape = geometries.subquery().c[0]
    box = select(func.ST_Extent(shape).label("box")).subquery().c.box
    row = session.execute(
        select(func.ST_XMin(box), func.ST_YMin(box), func.ST_XMax(box), func.ST_YMax(box))
    ).one()
    return None if row[0] is None else (row[0], row[1], row[2], row[3])


def _area_of_use(session: Session, place: Place) -> Bounds:
    numbers = select(Community.survey_srid).where(Community.id.in_(place.communities)).limit(1)
    srid = session.scalar(numbers)
    area = CRS.from_epsg(srid).area_of_use if srid is not None else None
    return (-180.0, -85.0, 180.0, 85.0) if area is None else area.bounds
