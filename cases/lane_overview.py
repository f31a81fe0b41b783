"""The lanes of several communities at a glance: where buildings or lanes have nobody yet."""

from dataclasses import dataclass

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from cases.models import Lane, LaneBuilding
from layers.models import Building, Community


@dataclass(frozen=True)
class LaneOverview:
    """How far the lanes of a community are made; ``left`` counts buildings in none."""

    code: str
    name: str
    buildings: int
    lanes: int
    without_housekeeper: int
    left: int


def count_communities(session: Session) -> int:
    """Return how many communities the session sees."""
    return session.scalar(select(func.count()).select_from(Community)) or 0


def lane_overviews(session: Session, limit: int, offset: int) -> list[LaneOverview]:
    """Return the lanes of the communities that the session sees, in the order of their codes."""
    rows = session.execute(
        select(Community.code, Community.name, _buildings(), _lanes(), _unattended(), _placed())
        .order_by(Community.code)
        .limit(limit)
        .offset(offset)
    )
    return [
        LaneOverview(code, name, buildings, lanes, unattended, buildings - placed)
        for code, name, buildings, lanes, unattended, placed in rows
    ]


def _buildings() -> ScalarSelect[int]:
    rows = select(func.count()).where(Building.community_id == Community.id)
    return rows.correlate(Community).scalar_subquery()


def _lanes() -> ScalarSelect[int]:
    rows = select(func.count()).where(Lane.community_id == Community.id)
    return rows.correlate(Community).scalar_subquery()


def _unattended() -> ScalarSelect[int]:
    rows = select(func.count()).where(
        Lane.community_id == Community.id, Lane.housekeeper_id.is_(None)
    )
    return rows.correlate(Community).scalar_subquery()


def _placed() -> ScalarSelect[int]:
    rows = select(func.count()).where(LaneBuilding.community_id == Community.id)
    return rows.correlate(Community).scalar_subquery()
