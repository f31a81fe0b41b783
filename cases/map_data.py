"""What the map says of a parcel on a day, of one by its history and of all by counting.

A history is text, so that a browser shows any day without asking again: cases
are separated by ``|``, each is ``day:status`` joined by ``;``, days count from
1970-01-01, and ``end`` closes a case whose polygon was corrected or withdrawn.
:func:`status_on` reads it and is the rule; :func:`count_statuses` is the same
rule over tables, and a test holds both together.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Subquery,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from cases.models import Case, CaseEvent, Encroachment
from cases.workflow import STATUS_OF, Status
from layers.features import Bounds, community_bounds
from layers.frames import Rows
from layers.models import (
    STORAGE_SRID,
    Community,
    Observation,
    Parcel,
    ParcelKind,
    ParcelSurvey,
    Site,
    TitleBasis,
)

EPOCH = dt.date(1970, 1, 1)
END = "end"
DISPUTED = "disputed"
RANK = {status: rank for rank, status in enumerate(Status)}
_RANK_OF_STATE = {state.value: RANK[status] for state, status in STATUS_OF.items()}
_UNSURE_TITLES = frozenset({TitleBasis.UNKNOWN.value, DISPUTED})


@dataclass(frozen=True)
class ChangeDay:
    """A day on which the map changed, and how many things changed on it."""

    day: dt.date
    events: int


def day_number(day: dt.date) -> int:
    """Return the days since 1970-01-01, as tiles and histories count them."""
    return (day - EPOCH).days


def status_on(h: str, title: str, looked: int | None, kind: str, day: int) -> Status | None:
    """Return what the map says of a parcel on a day, ``None`` for what is no public green.

    ``h`` is its history, ``title`` its basis or ``disputed``, ``looked`` the day
    of its first survey; days count from 1970-01-01. Of several cases the one
    that comes first in the legend speaks. What was not looked at is never clear
    (DOMAIN, product rule 20).
    """
    if kind != ParcelKind.PUBLIC_GREEN:
        return None
    found = [status for history in h.split("|") if (status := _last(history, day))]
    if found:
        return min(found, key=RANK.__getitem__)
    if title == TitleBasis.INDIVIDUAL:
        return Status.PRIVATE
    if title in _UNSURE_TITLES:
        return Status.UNKNOWN_TITLE
    return Status.CLEAR if looked is not None and looked <= day else Status.NOT_LOOKED_AT


def _last(history: str, day: int) -> Status | None:
    """Return where one case stood on ``day``: its last entry until then."""
    entries = [entry.split(":") for entry in history.split(";") if entry]
    until = [word for number, word in entries if int(number) <= day]
    return Status(until[-1]) if until and until[-1] != END else None


def count_statuses(
    session: Session,
    day: dt.date,
    communities: Collection[int] | None = None,
    only: Sequence[ColumnElement[bool]] = (),
) -> dict[int, dict[Status, int]]:
    """Return how many public-green parcels of each community have each status on ``day``.

    Statuses without a parcel are left out, and so are communities without one;
    ``communities`` narrows what the session sees, and ``only`` which parcels count.
    """
    standing = _standing_on(day)
    status = _status(standing, day).label("status")
    counted = (
        select(Parcel.community_id, status, func.count())
        .outerjoin(
            standing,
            and_(standing.c.community_id == Parcel.community_id, standing.c.parcel_id == Parcel.id),
        )
        .where(Parcel.kind == ParcelKind.PUBLIC_GREEN, *only)
        .group_by(Parcel.community_id, status)
    )
    if communities is not None:
        counted = counted.where(Parcel.community_id.in_(communities))
    found: dict[int, dict[Status, int]] = {}
    for community_id, rank, number in session.execute(counted):
        found.setdefault(community_id, {})[list(Status)[rank]] = number
    return {
        community_id: dict(sorted(counts.items(), key=lambda item: RANK[item[0]]))
        for community_id, counts in found.items()
    }


def _standing_on(day: dt.date) -> Subquery:
    """Return (community_id, parcel_id, rank): the first status in the legend among its cases."""
    own = and_(Case.community_id == Encroachment.community_id, Case.id == Encroachment.case_id)
    return (
        select(
            Encroachment.community_id,
            Encroachment.parcel_id,
            func.min(_case_rank(day)).label("rank"),
        )
        .outerjoin(Case, own)
        .where(
            Encroachment.found_on <= day,
            or_(Encroachment.superseded_on.is_(None), Encroachment.superseded_on > day),
        )
        .group_by(Encroachment.community_id, Encroachment.parcel_id)
        .subquery("standing")
    )


def _case_rank(day: dt.date) -> ColumnElement[int]:
    """Return where an encroachment's case stood; one that nobody answers for is suspected.

    The events are read only for a case that has moved since.
    """
    then = (
        select(CaseEvent.state)
        .where(
            CaseEvent.community_id == Encroachment.community_id,
            CaseEvent.case_id == Encroachment.case_id,
            CaseEvent.state.is_not(None),
            CaseEvent.day <= day,
        )
        .order_by(CaseEvent.day.desc(), CaseEvent.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return case(
        (Case.id.is_(None), RANK[Status.SUSPECTED]),
        (Case.state_since <= day, case(_RANK_OF_STATE, value=Case.state)),
        else_=case(_RANK_OF_STATE, value=then),
    )


def _status(standing: Subquery, day: dt.date) -> ColumnElement[int]:
    looked = exists().where(
        ParcelSurvey.community_id == Parcel.community_id,
        ParcelSurvey.parcel_id == Parcel.id,
        ParcelSurvey.day <= day,
    )
    unsure = or_(Parcel.title_disputed, Parcel.title_basis == TitleBasis.UNKNOWN)
    without_case = case(
        (unsure, RANK[Status.UNKNOWN_TITLE]),
        (Parcel.title_basis == TitleBasis.INDIVIDUAL, RANK[Status.PRIVATE]),
        (looked, RANK[Status.CLEAR]),
        else_=RANK[Status.NOT_LOOKED_AT],
    )
    return func.coalesce(standing.c.rank, without_case)


def total(by_community: dict[int, dict[Status, int]]) -> dict[Status, int]:
    """Return the counts of all communities together, in the order of the legend."""
    return {
        status: number
        for status in Status
        if (number := sum(counts.get(status, 0) for counts in by_community.values()))
    }


def change_days(session: Session) -> list[ChangeDay]:
    """Return the days on which the map of what the session sees changed, in order."""
    changes = union_all(
        *(
            _days_of(day)
            for day in (
                CaseEvent.day,
                Encroachment.superseded_on,
                Observation.observed_on,
                Observation.ended_on,
                ParcelSurvey.day,
                Site.built_on,
            )
        )
    ).subquery()
    by_day = (
        select(changes.c.day, func.sum(changes.c.number)).group_by(changes.c.day).order_by("day")
    )
    return [ChangeDay(day, int(number)) for day, number in session.execute(by_day)]


def _days_of(day: Any) -> Rows:
    return (
        select(day.label("day"), func.count().label("number")).where(day.is_not(None)).group_by(day)
    )


def communities_on(session: Session, day: dt.date, box: Bounds) -> list[dict[str, Any]]:
    """Return each community within ``box`` with its counts by status, for low zooms.

    ``box`` is west, south, east, north in EPSG:4326; ``lon`` and ``lat`` are the
    middle of the community's bounds, ``parcels`` its public green.
    """
    envelope = func.ST_MakeEnvelope(*box, STORAGE_SRID)
    near = or_(Community.boundary.is_(None), Community.boundary.bool_op("&&")(envelope))
    known = session.execute(
        select(Community.id, Community.code, Community.name).where(near).order_by(Community.code)
    ).all()
    bounds = community_bounds(session, [number for number, _code, _name in known])
    shown = {number: edges for number, edges in bounds.items() if _meet(edges, box)}
    counts = count_statuses(session, day, shown)
    return [
        {
            "code": code,
            "name": name,
            "lon": (shown[number][0] + shown[number][2]) / 2,
            "lat": (shown[number][1] + shown[number][3]) / 2,
            "bounds": shown[number],
            "parcels": sum(counts.get(number, {}).values()),
            "status": counts.get(number, {}),
        }
        for number, code, name in known
        if number in shown
    ]


def _meet(first: Bounds, second: Bounds) -> bool:
    return (
        first[0] <= second[2]
        and second[0] <= first[2]
        and first[1] <= second[3]
        and second[1] <= first[3]
    )
