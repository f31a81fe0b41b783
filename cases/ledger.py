"""The area ledger and the events of a case: appended, never changed (DOMAIN 17)."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import shapely
from psycopg.types.json import Jsonb
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.models import AreaEntry, CaseEvent, EntryKind
from cases.workflow import State
from gis.area import area_m2
from gis.crs import Geometries, SurveyCRS
from gis.overlay import to_multipolygons
from gis.precision import firm
from gis.problems import InputError, Problem, Said
from layers.bulk import copy_columns, listed
from layers.models import Community

ENTRY_COLUMNS = (
    "community_id",
    "case_id",
    "encroachment_id",
    "kind",
    "day",
    "area_m2",
    "geom",
    "observation_id",
)
EVENT_COLUMNS = (
    "community_id",
    "case_id",
    "at",
    "day",
    "actor",
    "event",
    "state",
    "document",
    "note",
    "observation_id",
    "data",
)


# Wrong clocks of honest machines are forgiven this much.
CLOCK_SLACK = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Moment:
    """When something happened: the instant, and its day in the community's time zone."""

    at: dt.datetime
    day: dt.date

    @classmethod
    def of(cls, community: Community, at: dt.datetime | None) -> "Moment":
        """Return the moment ``at`` (aware; now where ``None``) as the community dates it."""
        instant = at or dt.datetime.now(dt.UTC)
        return cls(instant, instant.astimezone(ZoneInfo(community.time_zone)).date())


def wrong_time(message: str) -> Problem:
    """Return the problem of a time at which nothing can have happened."""
    return Problem("wrong_time", message, "Give the time at which it happened.", field="at")


def time_problems(
    session: Session, community_id: int, case_id: uuid.UUID, at: dt.datetime
) -> list[Problem]:
    """Return why nothing of a case can be dated ``at``: its history runs forward."""
    last = session.scalar(
        select(func.max(CaseEvent.at)).where(
            CaseEvent.community_id == community_id, CaseEvent.case_id == case_id
        )
    )
    if last is not None and at < last:
        return [
            wrong_time(
                Said(
                    "The case's last event was at {last}, later than {at}.",
                    last=last.isoformat(),
                    at=at,
                )
            )
        ]
    if at > dt.datetime.now(dt.UTC) + CLOCK_SLACK:
        return [wrong_time(Said("{at} is still to come.", at=at.isoformat()))]
    return []


def today(community: Community) -> dt.date:
    """Return the community's present day."""
    return Moment.of(community, None).day


@dataclass
class Book:
    """Entries and events gathered in one transaction, written together by :meth:`post`.

    Geometries are in the survey CRS; the ledger keeps them in storage and their
    areas as computed in the survey.
    """

    survey: SurveyCRS
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def enter(
        self,
        kind: EntryKind,
        moment: Moment,
        key: tuple[int, uuid.UUID, uuid.UUID],
        geometry: shapely.Geometry,
        area: float,
        observation: uuid.UUID | None = None,
    ) -> None:
        """Enter a signed ``area`` in m2 for ``key`` = (community, case, encroachment)."""
        self.entries.append((*key, kind, moment.day, area, geometry, observation))

    def record(
        self,
        moment: Moment,
        key: tuple[int, uuid.UUID],
        actor: str,
        event: str,
        *,
        state: State | None = None,
        document: str = "",
        note: str = "",
        observation: uuid.UUID | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Record an event of ``key`` = (community, case); names read source:subject:action."""
        self.events.append(
            (
                *key,
                moment.at,
                moment.day,
                actor,
                event,
                state,
                document,
                note,
                observation,
                Jsonb(data or {}),
            )
        )

    def post(self, session: Session) -> None:
        """Write everything gathered; nothing is committed.

        Raises ``InputError`` where something is dated before the last event of its
        case, or is still to come: a day that was reported would change.
        """
        problems = self._wrong_times(session)
        if problems:
            raise InputError(problems)
        self._post_entries(session)
        if self.events:
            copy_columns(session, CaseEvent, columns_of(EVENT_COLUMNS, self.events))
        self.entries.clear()
        self.events.clear()

    def _wrong_times(self, session: Session) -> list[Problem]:
        """Return a problem for each case whose history would run backwards."""
        dated = {row[:2]: row[2] for row in self.events}
        if not dated:
            return []
        if max(dated.values()) > dt.datetime.now(dt.UTC) + CLOCK_SLACK:
            return [
                wrong_time(Said("{limit} is still to come.", limit=max(dated.values()).isoformat()))
            ]
        known = listed(list(dated))
        rows = session.execute(
            select(CaseEvent.community_id, CaseEvent.case_id, func.max(CaseEvent.at).label("last"))
            .join(
                known,
                (CaseEvent.community_id == known.c.community_id)
                & (CaseEvent.case_id == known.c.id),
            )
            .group_by(CaseEvent.community_id, CaseEvent.case_id)
        )
        return [
            wrong_time(
                Said(
                    "The case's last event was at {last}, later than this.",
                    last=row.last.isoformat(),
                )
            )
            for row in rows
            if row.last > dated[row.community_id, row.case_id]
        ]

    def _post_entries(self, session: Session) -> None:
        if not self.entries:
            return
        columns = columns_of(ENTRY_COLUMNS, self.entries)
        columns["geom"] = self.survey.to_storage(firm(as_array(columns["geom"])))
        copy_columns(session, AreaEntry, columns)


def columns_of(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """Return rows as columns by name."""
    return dict(zip(names, zip(*rows, strict=True), strict=True))


def as_array(geometries: Sequence[shapely.Geometry | None] | Geometries) -> Geometries:
    """Return geometries as an array of MultiPolygons, as every column stores them."""
    array: Geometries = shapely.empty(len(geometries))
    array[:] = list(geometries)
    return to_multipolygons(array)


def area(geometry: shapely.Geometry | None) -> float:
    """Return the area in m2 of one geometry in the survey CRS; nothing has none."""
    return float(area_m2(as_array([geometry]))[0])
