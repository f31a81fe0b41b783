"""Everything about one case on one sheet: its ground then and now, its history, its next steps.

Households appear by their reference only; residents are in no answer of this module.
"""

import datetime as dt
import math
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import to_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.casework import AvailableMove, available_moves
from cases.ground import measured
from cases.ledger import area
from cases.models import (
    Account,
    AreaEntry,
    Campaign,
    Case,
    CaseEvent,
    Encroachment,
    EntryKind,
)
from cases.parcel_file import Viewer, case_number
from gis.crs import SurveyCRS
from layers.bulk import among
from layers.models import Building, Community, Household, Observation, Parcel, StructureType

# Seven decimals of a degree are a centimetre.
DECIMALS = 7
LAYERS = (
    "building",
    "parcel",
    "observed",
    "found",
    "superseded",
    "standing",
    "residual",
    "reclaimed",
    "rebound",
)
# What lies this far around a case is drawn with it, so that it can be recognised.
AROUND_DEGREES = 2e-4


@dataclass(frozen=True)
class FoundGround:
    """One encroachment of the case; areas in m2 of the survey CRS, the uncertainty 2 sigma."""

    parcel_id: uuid.UUID
    parcel: str
    observation_id: uuid.UUID
    observation: str
    structure: StructureType
    observed_on: dt.date
    occupied_m2: float
    uncertainty_m2: float
    countable_m2: float
    standing_m2: float
    verified_on: dt.date | None
    cleared_on: dt.date | None
    superseded_on: dt.date | None


@dataclass(frozen=True)
class Shape:
    """A polygon to draw, GeoJSON in EPSG:4326; ``layer`` says what it is, ``day`` since when."""

    layer: str
    label: str
    day: dt.date | None
    geometry: str


@dataclass(frozen=True)
class CaseSheet:
    """What the page of a case shows."""

    case: Case
    number: str
    campaign: Campaign
    household: Household
    building: str | None
    housekeeper: str | None
    inspector: str | None
    ground: list[FoundGround]
    events: Sequence[CaseEvent]
    moves: list[AvailableMove]
    shapes: list[Shape]

    @property
    def current(self) -> list[FoundGround]:
        """Return what still counts."""
        return [one for one in self.ground if one.superseded_on is None]

    @property
    def occupied_m2(self) -> float:
        """Return what was found occupied."""
        return sum(one.occupied_m2 for one in self.current)

    @property
    def standing_m2(self) -> float:
        """Return what is still occupied."""
        return sum(one.standing_m2 for one in self.current)

    @property
    def uncertainty_m2(self) -> float:
        """Return two standard deviations of the occupied area, errors taken as independent."""
        return math.hypot(*(one.uncertainty_m2 for one in self.current))

    @property
    def last_seq(self) -> int:
        """Return the number of the last event, by which a reader knows what came since."""
        return self.events[-1].seq if self.events else 0


def case_sheet(session: Session, community: Community, case: Case, viewer: Viewer) -> CaseSheet:
    """Return everything about a case."""
    campaign = session.get_one(Campaign, (community.id, case.campaign_id))
    household = session.get_one(Household, (community.id, case.household_id))
    rows = _found(session, case)
    return CaseSheet(
        case,
        case_number(community.code, campaign.started_on.year, case.number),
        campaign,
        household,
        _building_ref(session, household),
        _account_name(session, case.housekeeper_id),
        _account_name(session, case.inspector_id),
        list(_ground(SurveyCRS(community.survey_srid), rows)),
        _events(session, case),
        available_moves(session, community, case, viewer.actor, viewer.permissions),
        _shapes(session, case, rows),
    )


def case_shapes(session: Session, case: Case) -> list[Shape]:
    """Return the polygons of a case and of what lies around it, those that lie below first."""
    return _shapes(session, case, _found(session, case))


def events_since(sheet: CaseSheet, seq: int) -> list[CaseEvent]:
    """Return what happened to the case after event ``seq``."""
    return [event for event in sheet.events if event.seq > seq]


def _found(session: Session, case: Case) -> Sequence[Any]:
    """Return the case's encroachments, each with its observation and parcel, oldest first."""
    return session.execute(
        measured()
        .where(Encroachment.community_id == case.community_id, Encroachment.case_id == case.id)
        .order_by(Encroachment.found_on, Parcel.ref, Encroachment.id)
    ).all()


def _ground(survey: SurveyCRS, rows: Sequence[Any]) -> Iterator[FoundGround]:
    for found, seen, parcel in rows:
        yield FoundGround(
            parcel.id,
            parcel.ref,
            seen.id,
            seen.ref,
            seen.structure_type,
            seen.observed_on,
            found.occupied_m2,
            2 * found.sigma_m2,
            found.countable_m2,
            _standing_m2(survey, found),
            found.verified_on,
            found.cleared_on,
            found.superseded_on,
        )


def _standing_m2(survey: SurveyCRS, found: Encroachment) -> float:
    if found.standing is None or found.superseded_on is not None:
        return 0.0
    ground = np.array([to_shape(found.standing)], dtype=object)
    return area(survey.to_survey(ground)[0])


def _building_ref(session: Session, household: Household) -> str | None:
    if household.building_id is None:
        return None
    return session.get_one(Building, (household.community_id, household.building_id)).ref


def _account_name(session: Session, account_id: int | None) -> str | None:
    return None if account_id is None else session.get_one(Account, account_id).name


def _events(session: Session, case: Case) -> Sequence[CaseEvent]:
    return session.scalars(
        select(CaseEvent)
        .where(CaseEvent.community_id == case.community_id, CaseEvent.case_id == case.id)
        .order_by(CaseEvent.seq)
    ).all()


def _shapes(session: Session, case: Case, rows: Sequence[Any]) -> list[Shape]:
    """Return the polygons of the case, those that lie below first."""
    grounds = [row[0].geom for row in rows]
    shapes = [*shapes_around(session, case.community_id, grounds), *_observed(rows)]
    for found, seen, _parcel in rows:
        shapes += shapes_of_ground(found, seen.ref)
    return shapes + _measured(session, case) + _cleared(session, case)


def shapes_of_ground(found: Encroachment, ref: str) -> list[Shape]:
    """Return what an observation ``ref`` was found to take, and what of it still stands."""
    if found.superseded_on is not None:
        return [shape_of("superseded", ref, found.found_on, found.geom)]
    shapes = [shape_of("found", ref, found.found_on, found.geom)]
    if found.standing is not None:
        shapes.append(shape_of("standing", ref, None, found.standing))
    return shapes


def shapes_around(
    session: Session, community_id: int, grounds: Sequence[WKBElement]
) -> Iterator[Shape]:
    """Return buildings and parcels near some ground, for orientation."""
    if not grounds:
        return
    bounds = shapely.total_bounds(np.array([to_shape(one) for one in grounds], dtype=object))
    box = func.ST_MakeEnvelope(*bounds.tolist(), 4326)
    near = func.ST_Expand(box, AROUND_DEGREES)
    buildings = select(Building.ref, Building.geom).where(
        Building.community_id == community_id, Building.geom.op("&&")(near)
    )
    parcels = select(Parcel.ref, Parcel.geom).where(
        Parcel.community_id == community_id, Parcel.geom.op("&&")(near)
    )
    for layer, places in (("building", buildings), ("parcel", parcels)):
        for ref, geom in session.execute(places):
            yield shape_of(layer, ref, None, geom)


def _observed(rows: Sequence[Any]) -> list[Shape]:
    seen = {row[1].id: row[1] for row in rows}
    return [shape_of("observed", one.ref, one.observed_on, one.geom) for one in seen.values()]


def _measured(session: Session, case: Case) -> list[Shape]:
    """Return the polygons that inspections found still occupied."""
    residuals = session.execute(
        select(Observation.ref, CaseEvent.day, Observation.geom)
        .join(
            CaseEvent,
            (CaseEvent.community_id == Observation.community_id)
            & (CaseEvent.observation_id == Observation.id),
        )
        .where(
            CaseEvent.community_id == case.community_id,
            CaseEvent.case_id == case.id,
            CaseEvent.event == "case:state:inspected",
        )
        .order_by(CaseEvent.seq)
    )
    return [shape_of("residual", ref, day, geom) for ref, day, geom in residuals]


def _cleared(session: Session, case: Case) -> list[Shape]:
    """Return what was reclaimed and what was taken again, as the ledger has it."""
    entries = session.scalars(
        select(AreaEntry)
        .where(
            AreaEntry.community_id == case.community_id,
            AreaEntry.case_id == case.id,
            AreaEntry.kind.in_([EntryKind.RECLAIMED, EntryKind.REBOUND]),
            AreaEntry.area_m2 > 0,
        )
        .order_by(AreaEntry.seq)
    )
    return [shape_of(entry.kind, "", entry.day, entry.geom) for entry in entries]


def shape_of(layer: str, label: str, day: dt.date | None, stored: WKBElement) -> Shape:
    """Return a stored geometry as a shape to draw."""
    geometry = shapely.transform(to_shape(stored), lambda xy: np.round(xy, DECIMALS))
    return Shape(layer, label, day, shapely.to_geojson(geometry))


def find_case(
    session: Session, community: Community, case_id: uuid.UUID, viewer: Viewer
) -> Case | None:
    """Return a case of the community, ``None`` where there is none that the viewer sees."""
    return session.scalar(
        select(Case).where(Case.community_id == community.id, Case.id == case_id, viewer.sees)
    )


@dataclass(frozen=True)
class CaseLabel:
    """How a case is told apart from others in a list to choose from."""

    id: uuid.UUID
    number: int
    household: str
    occupied_m2: float


def labels(session: Session, cases: Sequence[Case]) -> list[CaseLabel]:
    """Return the cases with their household and what they occupy in m2, in the given order."""
    if not cases:
        return []
    rows = session.execute(
        select(Case.id, Case.number, Household.ref, func.sum(Encroachment.occupied_m2))
        .join(
            Household,
            (Household.community_id == Case.community_id) & (Household.id == Case.household_id),
        )
        .join(
            Encroachment,
            (Encroachment.community_id == Case.community_id) & (Encroachment.case_id == Case.id),
        )
        .where(
            Case.community_id == cases[0].community_id,
            among(Case.id, [case.id for case in cases]),
            Encroachment.superseded_on.is_(None),
        )
        .group_by(Case.id, Case.number, Household.ref)
    )
    by_id = {row[0]: CaseLabel(*row) for row in rows}
    return [by_id[case.id] for case in cases if case.id in by_id]
