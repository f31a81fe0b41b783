"""A small place in metres of EPSG:4550, for tests of flagging, cases and figures."""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.casework import NOTHING_LEFT, Request, move
from cases.figures import figures
from cases.flagging import FlagReport, flag
from cases.models import Case, Encroachment
from cases.workflow import State
from gis.crs import SurveyCRS
from layers.models import (
    Building,
    Community,
    Household,
    Observation,
    ObservationStatus,
    Parcel,
)
from tests import builders

ORIGIN = (429_000.0, 4_140_000.0)
MORNING = dt.datetime(2022, 4, 1, 1, 0, tzinfo=dt.UTC)


def rectangle(x: float, y: float, width: float, height: float) -> shapely.Geometry:
    """Return a rectangle in EPSG:4550, placed in metres from the scene's origin."""
    east, north = ORIGIN[0] + x, ORIGIN[1] + y
    return shapely.box(east, north, east + width, north + height)


@dataclass
class Scene:
    """A row of public-green parcels of 10 x 10 m, each linked to one household."""

    session: Session
    community: Community
    survey: SurveyCRS
    building: Building
    parcels: list[Parcel] = field(default_factory=list)
    households: list[Household] = field(default_factory=list)
    clock: dt.datetime = MORNING

    def stored(self, geometry: shapely.Geometry) -> Any:
        moved = self.survey.to_storage(np.array([geometry], dtype=object))[0]
        return from_shape(shapely.MultiPolygon([moved]), srid=4326)

    def polygon(self, geometry: shapely.Geometry) -> shapely.Geometry:
        """Return a geometry of the survey CRS as a browser sends it."""
        return self.survey.to_storage(np.array([geometry], dtype=object))[0]

    def add_parcel(self, index: int, **values: Any) -> Parcel:
        parcel = builders.parcel(
            self.session,
            self.community,
            ref=f"P{index}",
            area_m2=100.0,
            rms_m=0.05,
            **values,
            geom=None,
        )
        parcel.geom = self.stored(rectangle(index * 10, 0, 10, 10))
        household = builders.household(
            self.session, self.community, ref=f"H{index}", building_id=self.building.id
        )
        builders.link(self.session, parcel, household)
        self.parcels.append(parcel)
        self.households.append(household)
        return parcel

    def observe(
        self, ref: str, x: float, y: float, width: float, height: float, **values: Any
    ) -> Observation:
        seen = builders.observation(
            self.session, self.community, ref=ref, area_m2=width * height, **values
        )
        seen.geom = self.stored(rectangle(x, y, width, height))
        self.session.flush()
        return seen

    def flag(self) -> FlagReport:
        report = flag(self.session, [self.community], at=self.tick())
        self.session.expire_all()
        return report

    def tick(self) -> dt.datetime:
        """Let a day pass, so that each step has a date of its own."""
        self.clock += dt.timedelta(days=1)
        return self.clock

    def current(self) -> list[Encroachment]:
        return list(
            self.session.scalars(
                select(Encroachment)
                .where(
                    Encroachment.community_id == self.community.id,
                    Encroachment.superseded_on.is_(None),
                )
                .order_by(Encroachment.occupied_m2)
            )
        )

    def cases(self) -> list[Case]:
        return list(
            self.session.scalars(
                select(Case).where(Case.community_id == self.community.id).order_by(Case.number)
            )
        )

    def move(self, case: Case, target: State, actor: str = "ana", **values: Any) -> Case:
        values.setdefault("at", self.tick())
        moved = move(self.session, self.community, case.id, Request(target, actor=actor, **values))
        self.session.expire_all()
        return moved

    def announce(self, case: Case, at: dt.datetime | None = None, actor: str = "ana") -> Case:
        """Announce a case by a poster, with the default deadline."""
        builders.announce(self.session, case, at or self.tick(), actor)
        self.session.expire_all()
        return case

    def clear(self, case: Case, residual: Any = NOTHING_LEFT) -> None:
        """Lead a suspected case to an accepted clearance."""
        self.move(case, State.VERIFIED)
        self.move(case, State.SELF_CLEARING)
        self.move(case, State.INSPECTED, residual=residual)
        self.move(case, State.ACCEPTED, actor="bo", document="A-1")

    def figures(self, as_of: dt.date | None = None) -> dict[str, Any]:
        return figures(self.session, [self.community], as_of or self.clock.date())

    def withdraw(self, seen: Observation) -> None:
        seen.status, seen.ended_on = ObservationStatus.WITHDRAWN, self.clock.date()
        self.session.flush()


@pytest.fixture
def scene(session: Session) -> Scene:
    """A community in EPSG:4550 with one building beside its parcels."""
    community = builders.community(session, code=f"scene{uuid.uuid4().hex[:8]}")
    building = builders.building(session, community, ref="1")
    made = Scene(session, community, SurveyCRS(4550), building)
    building.geom = made.stored(rectangle(0, 10, 60, 12))
    for index in range(3):
        made.add_parcel(index)
    return made
