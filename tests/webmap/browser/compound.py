"""A small compound with every status on its map, for tests in a browser."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.casework import NOTHING_LEFT, Request, move
from cases.flagging import flag
from cases.models import Case, Encroachment
from cases.workflow import State
from gis.crs import SurveyCRS
from layers.models import Community, Observation, Parcel, SiteKind, SiteState, TitleBasis
from tests import builders

# Metres of EPSG:4550, in the hot-spring town near Weihai.
ORIGIN = (429_000.0, 4_140_000.0)
SURVEYED = dt.date(2022, 3, 1)
FLAGGED = dt.datetime(2022, 3, 5, 1, tzinfo=dt.UTC)
COLUMNS, PER_BUILDING = 3, 5

# How far the case of each parcel has come; every other parcel was found clear.
STORY: dict[int, tuple[State, ...]] = {
    0: (),
    1: (State.VERIFIED,),
    2: (State.VERIFIED, State.ANNOUNCED),
    3: (State.VERIFIED, State.SELF_CLEARING),
    5: (State.VERIFIED, State.SELF_CLEARING, State.INSPECTED, State.ACCEPTED),
    6: (State.VERIFIED, State.SELF_CLEARING, State.INSPECTED, State.ACCEPTED),
    7: (State.VERIFIED, State.ANNOUNCED, State.VISITED, State.DECLINED, State.REFERRED),
    11: (State.VERIFIED, State.SELF_CLEARING),
    12: (),
}
UNKNOWN_TITLE, PRIVATE, NOT_LOOKED_AT = 20, 21, (28, 29)


@dataclass
class Compound:
    """Two rows of three buildings, each with five parcels of 6 x 8 m of common green."""

    session: Session
    community: Community
    text: str = ""
    survey: SurveyCRS = field(default_factory=lambda: SurveyCRS(4550))
    parcels: list[Parcel] = field(default_factory=list)

    def stored(self, shape: shapely.Geometry) -> Any:
        moved = self.survey.to_storage(np.array([shape], dtype=object))[0]
        whole = shapely.MultiPolygon([moved]) if moved.geom_type == "Polygon" else moved
        return from_shape(whole, srid=4326)

    def named(self, name: str) -> str:
        """Return a name with the compound's own text in it, which may be hostile."""
        return f"{name}{self.text}"

    def build(self) -> None:
        by = builders.survey(
            self.session, self.community, SURVEYED, surveyor=self.named("Surveyors")
        )
        for number in range(2 * COLUMNS):
            self._building(number)
        for index, parcel in enumerate(self.parcels):
            if index not in NOT_LOOKED_AT:
                builders.looked(self.session, parcel, by)
        for index in STORY:
            self._enclose(index)
        self._sites()
        flag(self.session, [self.community], at=FLAGGED)
        for index, states in STORY.items():
            self._lead(self.case_on(index), states)

    def _building(self, number: int) -> None:
        x, y = corner(number)
        ref = self.named(str(number + 1))
        building = builders.building(self.session, self.community, ref=ref, name=self.named("B"))
        building.geom = self.stored(rectangle(x, y, 30, 12))
        for place in range(PER_BUILDING):
            index = number * PER_BUILDING + place
            parcel = builders.parcel(
                self.session,
                self.community,
                ref=self.named(f"G{index}"),
                area_m2=48.0,
                building_id=building.id,
                title_evidence=self.named("Plan of 2011"),
                source=self.named("register"),
                title_basis=title(index),
            )
            parcel.geom = self.stored(rectangle(x + place * 6, y - 8, 6, 8))
            who = builders.household(
                self.session,
                self.community,
                ref=self.named(f"{number + 1}-1-10{place}"),
                building_id=building.id,
            )
            builders.link(self.session, parcel, who)
            self.parcels.append(parcel)
        self.session.flush()

    def _enclose(self, index: int) -> None:
        x, y = corner(index // PER_BUILDING)
        seen = builders.observation(
            self.session,
            self.community,
            ref=self.named(f"E{index}"),
            note=self.named("seen"),
            observed_on=SURVEYED,
            area_m2=30.0,
        )
        left = x + (index % PER_BUILDING) * 6 + 0.5
        seen.geom = self.stored(rectangle(left, y - 7, 5, 6))
        self.session.flush()

    def _sites(self) -> None:
        garden = builders.site(
            self.session,
            self.community,
            ref=self.named("L1"),
            name=self.named("garden"),
            kind=SiteKind.LANDSCAPING,
            built_on=dt.date(2022, 5, 1),
            heads=0,
            area_m2=200.0,
        )
        garden.geom = self.stored(rectangle(40, -30, 20, 10))
        for number, state in enumerate((SiteState.BUILT, SiteState.PLANNED)):
            pile = builders.site(
                self.session,
                self.community,
                ref=self.named(f"C{number}"),
                state=state,
                built_on=dt.date(2022, 5, 10) if state is SiteState.BUILT else None,
                heads=15,
            )
            pile.geom = self.stored(shapely.Point(ORIGIN[0] + 33 + number * 40, ORIGIN[1] - 14))
        self.session.flush()

    def case_on(self, index: int) -> Case:
        """Return the case of the encroachment on a parcel."""
        return self.session.scalars(
            select(Case)
            .join(Encroachment, Encroachment.case_id == Case.id)
            .where(
                Case.community_id == self.community.id,
                Encroachment.parcel_id == self.parcels[index].id,
            )
        ).one()

    def _lead(self, case: Case, states: tuple[State, ...]) -> None:
        for step, state in enumerate(states, 1):
            # Acceptance needs another person than the inspection.
            actor = self.named("Bo" if state is State.ACCEPTED else "Ana")
            at = FLAGGED + dt.timedelta(days=9 * step)
            if state is State.ANNOUNCED:
                builders.announce(self.session, case, at, actor)
                continue
            request = Request(
                state,
                actor,
                at,
                document=self.named("No. 7"),
                reason=self.named("because"),
                residual=NOTHING_LEFT if state is State.INSPECTED else None,
            )
            move(self.session, self.community, case.id, request)
        self.session.flush()


def corner(number: int) -> tuple[float, float]:
    """Return the south-western corner of a building, in metres from the origin."""
    return (number % COLUMNS) * 40.0, -(number // COLUMNS) * 40.0


def rectangle(x: float, y: float, width: float, height: float) -> shapely.Geometry:
    """Return a rectangle in EPSG:4550, placed in metres from the origin."""
    east, north = ORIGIN[0] + x, ORIGIN[1] + y
    return shapely.box(east, north, east + width, north + height)


def title(index: int) -> TitleBasis:
    """Return the title of a parcel."""
    special = {UNKNOWN_TITLE: TitleBasis.UNKNOWN, PRIVATE: TitleBasis.INDIVIDUAL}
    return special.get(index, TitleBasis.OWNER_COMMON)


def build_compound(session: Session, code: str, name: str, text: str = "") -> Compound:
    """Store a compound whose every text carries ``text``; the caller commits."""
    around = rectangle(-10, -60, 140, 85)
    community = builders.community(session, code=code, name=name + text)
    made = Compound(session, community, text)
    community.boundary = made.stored(around)
    session.flush()
    made.build()
    return made


def observations(session: Session, community: Community) -> list[Observation]:
    """Return what was seen, by its ref."""
    return list(
        session.scalars(
            select(Observation)
            .where(Observation.community_id == community.id)
            .order_by(Observation.ref)
        )
    )
