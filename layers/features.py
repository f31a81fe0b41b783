"""Places as the map asks for them: which there are, where they lie, when they were looked at."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pyproj import CRS
from sqlalchemy import CTE, ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from layers.frames import Rows
from layers.models import Building, Community, Observation, Parcel, ParcelSurvey, Region, Site

Bounds = tuple[float, float, float, float]
PlaceKind = Literal["community", "region"]

# Where even a survey CRS is unknown: all that web Mercator shows.
WORLD: Bounds = (-180.0, -85.0, 180.0, 85.0)


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

    @property
    def is_community(self) -> bool:
        """Tell a community from a region."""
        return self.kind == "community"


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

    @property
    def survey_crs(self) -> str | None:
        """Return the CRS of all areas as ``EPSG:4550``."""
        return None if self.survey_srid is None else f"EPSG:{self.survey_srid}"


@dataclass(frozen=True)
class ListedPlace:
    """A line in the list of places: a community, or a region with how many it holds."""

    id: int
    code: str
    name: str
    kind: str
    above: str | None
    communities: int = 1


def subtree(roots: Rows) -> CTE:
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
    community = session.execute(
        select(Community.id, Community.name, Community.survey_srid).where(Community.code == code)
    ).first()
    if community is not None:
        number, name, srid = community
        return Place("community", number, code, name, frozenset({number}), srid)
    region = session.execute(select(Region.id, Region.name).where(Region.code == code)).first()
    if region is None:
        return None
    below = subtree(select(Region.id).where(Region.id == region.id))
    inside = select(Community.id).join(below, below.c.id == Community.region_id)
    return Place("region", region.id, code, region.name, frozenset(session.scalars(inside)))


def list_communities(
    session: Session, text: str = "", *, limit: int, offset: int = 0
) -> list[ListedPlace]:
    """Return the communities that the session sees, those with ``text`` in code or name."""
    rows = (
        select(Community.id, Community.code, Community.name, Region.name)
        .outerjoin(Region, Region.id == Community.region_id)
        .where(_named(text))
        .order_by(Region.name, Community.name, Community.id)
        .limit(limit)
        .offset(offset)
    )
    return [
        ListedPlace(number, code, name, "community", above)
        for number, code, name, above in session.execute(rows)
    ]


def communities_after(session: Session, text: str, code: str, limit: int) -> list[ListedPlace]:
    """Return communities that the session sees, by code, those after ``code``.

    ``text`` is as in :func:`list_communities`. A code never changes, so no page of a list
    loses or repeats a community.
    """
    rows = (
        select(Community.id, Community.code, Community.name, Region.name)
        .outerjoin(Region, Region.id == Community.region_id)
        .where(_named(text), Community.code > code)
        .order_by(Community.code)
        .limit(limit)
    )
    return [
        ListedPlace(number, code, name, "community", above)
        for number, code, name, above in session.execute(rows)
    ]


def count_communities(session: Session, text: str = "") -> int:
    """Return how many communities the session sees, with ``text`` in code or name."""
    return session.scalar(select(func.count()).select_from(Community).where(_named(text))) or 0


def _named(text: str) -> ColumnElement[bool]:
    # The empty text is in every name.
    return or_(
        Community.code.icontains(text, autoescape=True),
        Community.name.icontains(text, autoescape=True),
    )


def list_regions(session: Session) -> list[ListedPlace]:
    """Return the regions above the communities that the session sees, the widest first."""
    above = select(Community.id.label("community"), Community.region_id.label("region")).cte(
        "above", recursive=True
    )
    climb = select(above.c.community, Region.parent_id).join(Region, Region.id == above.c.region)
    above = above.union(climb)
    parent = aliased(Region)
    number = func.count().label("number")
    rows = (
        select(Region.id, Region.code, Region.name, Region.kind, parent.name, number)
        .join(above, above.c.region == Region.id)
        .outerjoin(parent, parent.id == Region.parent_id)
        .group_by(Region.id, parent.name)
        .order_by(number.desc(), Region.name)
    )
    return [ListedPlace(*row) for row in session.execute(rows)]


def map_place(session: Session, place: Place) -> MapPlace:
    """Return ``place`` with its bounds and the days on which it was looked at."""
    first, last = days_looked_at(session, place.communities)
    return MapPlace(
        place.code,
        place.name,
        place.kind,
        place_bounds(session, place.communities),
        first,
        last,
        place.survey_srid,
    )


def today(communities: Sequence[Community]) -> dt.date:
    """Return the day it is where the first of ``communities`` lies, in China by default."""
    zone = communities[0].time_zone if communities else "Asia/Shanghai"
    return dt.datetime.now(ZoneInfo(zone)).date()


def days_looked_at(
    session: Session, communities: Iterable[int]
) -> tuple[dt.date | None, dt.date | None]:
    """Return the first and last day of observations, surveys of parcels and sites."""
    wanted = list(communities)
    days: list[dt.date] = []
    for day, community in (
        (Observation.observed_on, Observation.community_id),
        (ParcelSurvey.day, ParcelSurvey.community_id),
        (Site.built_on, Site.community_id),
    ):
        span = select(func.min(day), func.max(day)).where(community.in_(wanted))
        days += [found for found in session.execute(span).one() if found is not None]
    return (min(days), max(days)) if days else (None, None)


def place_bounds(session: Session, communities: Iterable[int]) -> Bounds:
    """Return where communities lie together; without any geometry, where their CRS is used."""
    wanted = list(communities)
    boxes = list(community_bounds(session, wanted).values())
    if not boxes:
        return _area_of_use(session, wanted)
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def community_bounds(session: Session, communities: Iterable[int]) -> dict[int, Bounds]:
    """Return where each community lies: its boundary, else its parcels, else its buildings."""
    left = set(communities)
    found: dict[int, Bounds] = {}
    layers: tuple[tuple[Any, InstrumentedAttribute[int]], ...] = (
        (Community.boundary, Community.id),
        (Parcel.geom, Parcel.community_id),
        (Building.geom, Building.community_id),
    )
    for shape, community in layers:
        if left:
            found |= _extents(session, shape, community, left)
            left -= found.keys()
    return found


def _extents(
    session: Session, shape: Any, community: InstrumentedAttribute[int], wanted: set[int]
) -> dict[int, Bounds]:
    boxes = (
        select(community.label("community"), func.ST_Extent(shape, type_=None).label("box"))
        .where(community.in_(wanted), shape.is_not(None))
        .group_by(community)
        .subquery()
    )
    edges = (func.ST_XMin, func.ST_YMin, func.ST_XMax, func.ST_YMax)
    rows = session.execute(select(boxes.c.community, *(edge(boxes.c.box) for edge in edges)))
    return {number: (west, south, east, north) for number, west, south, east, north in rows}


def _area_of_use(session: Session, communities: list[int]) -> Bounds:
    srid = session.scalar(
        select(Community.survey_srid).where(Community.id.in_(communities)).limit(1)
    )
    area = CRS.from_epsg(srid).area_of_use if srid is not None else None
    return WORLD if area is None else area.bounds
