"""The ground of one case: what was found of it, what still stands, what was inspected."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import to_shape
from sqlalchemy import ColumnElement, ScalarSelect, Select, Text, and_, cast, func, select
from sqlalchemy.orm import Session

from cases.ledger import as_array
from cases.models import Case, CaseEvent, Encroachment, Patrol
from cases.policy import Policy
from cases.workflow import State
from gis.crs import SurveyCRS
from gis.residual import Residual, residual
from layers.models import Community, Observation, Parcel

# Under this an event says which encroachments its poster showed.
ANNOUNCED_GROUND = "encroachments"


def was_shown(poster: type[CaseEvent]) -> ColumnElement[bool]:
    """Return the condition by which an encroachment was on the poster of an event.

    Events before posters were kept with their ground name none: those showed all that was
    verified by then.
    """
    named = poster.data[ANNOUNCED_GROUND].has_key(cast(Encroachment.id, Text))
    unnamed = ~poster.data.has_key(ANNOUNCED_GROUND) & (Encroachment.verified_on <= poster.day)
    shown: ColumnElement[bool] = named | unnamed
    return shown


def acceptance_day() -> ScalarSelect[dt.date]:
    """Return the day of a case's latest acceptance, for a query over cases."""
    return (
        select(func.max(CaseEvent.day))
        .where(
            CaseEvent.community_id == Case.community_id,
            CaseEvent.case_id == Case.id,
            CaseEvent.state == State.ACCEPTED,
        )
        .correlate(Case)
        .scalar_subquery()
    )


def measured() -> Select[Encroachment, Observation, Parcel]:
    """Select encroachments, each with its observation and its parcel."""
    by = and_(
        Observation.community_id == Encroachment.community_id,
        Observation.id == Encroachment.observation_id,
    )
    on = and_(Parcel.community_id == Encroachment.community_id, Parcel.id == Encroachment.parcel_id)
    return select(Encroachment, Observation, Parcel).join(Observation, by).join(Parcel, on)


@dataclass(frozen=True)
class Ground:
    """A case with its ground, as the database has it at this moment."""

    session: Session
    community: Community
    case: Case

    @property
    def survey(self) -> SurveyCRS:
        """Return the CRS in which its areas are taken."""
        return SurveyCRS(self.community.survey_srid)

    @property
    def policy(self) -> Policy:
        """Return what its community decided for itself."""
        return Policy.of(self.community.policy)

    def encroachments(self) -> list[Encroachment]:
        """Return the case's encroachments that still count."""
        return list(
            self.session.scalars(
                select(Encroachment)
                .where(
                    Encroachment.community_id == self.community.id,
                    Encroachment.case_id == self.case.id,
                    Encroachment.superseded_on.is_(None),
                )
                .order_by(Encroachment.id)
            )
        )

    def unverified(self) -> list[Encroachment]:
        """Return what was found and nobody has verified."""
        return [found for found in self.encroachments() if found.verified_on is None]

    def residual_of(self, standing: list[Encroachment]) -> Residual:
        """Compare what stands with the polygon of the last inspection."""
        polygon, rms = self.inspected()
        return self._divide(standing, [] if polygon is None else [(polygon, rms)])

    def unannounced_m2(self) -> float:
        """Return the verified area that stands and was on no poster since it was taken.

        A rebound is announced anew, and so is what an objection sent back to be verified.
        """
        standing = [found for found in self.encroachments() if found.verified_on is not None]
        standing = [found for found in standing if found.standing is not None]
        told = [(self.in_survey(found.geom), self._rms(found)) for found in self._announced()]
        return float(self._divide(standing, told).reclaimed.area_m2.sum())

    def _announced(self) -> list[Encroachment]:
        """Return the encroachments that the posters since the last rebound or doubt showed."""
        return list(
            self.session.scalars(
                select(Encroachment)
                .join(
                    CaseEvent,
                    (CaseEvent.community_id == Encroachment.community_id)
                    & (CaseEvent.case_id == Encroachment.case_id),
                )
                .where(
                    *self._came_to(State.ANNOUNCED),
                    CaseEvent.seq > self._began(),
                    was_shown(CaseEvent),
                )
                .distinct()
                .order_by(Encroachment.id)
            )
        )

    def is_announced(self) -> bool:
        """Tell whether a poster has shown the case since the last rebound or doubt."""
        last = self.last(State.ANNOUNCED)
        return last is not None and last.seq > self._began()

    def _began(self) -> int:
        """Return the place in history of the last event that asks for a new poster."""
        began = self.session.scalar(
            select(func.max(CaseEvent.seq)).where(
                *self._came_to(State.REBOUND, State.SUSPECTED),
            )
        )
        return began or 0

    def patrolled(self) -> tuple[dt.date, int] | None:
        """Return the day of the last acceptance, and up to which of its days was patrolled."""
        accepted = self.last(State.ACCEPTED)
        if accepted is None:
            return None
        done = self.session.scalar(
            select(func.max(Patrol.days)).where(
                Patrol.community_id == self.community.id,
                Patrol.case_id == self.case.id,
                Patrol.accepted_on == accepted.day,
            )
        )
        return accepted.day, done or 0

    def _divide(
        self, standing: list[Encroachment], found: list[tuple[shapely.Geometry, float]]
    ) -> Residual:
        """Divide what stands by polygons of the survey CRS, each with its RMS in m."""
        return residual(
            as_array([self.in_survey(one.standing) for one in standing]),
            np.array([self._rms(one) for one in standing], dtype=np.float64),
            as_array([polygon for polygon, _rms in found]),
            np.array([rms for _polygon, rms in found], dtype=np.float64),
            self.policy.tolerances,
        )

    def _rms(self, found: Encroachment) -> float:
        """Return the RMS in m of an encroachment's outline: of observation and parcel."""
        key = (self.community.id, found.observation_id)
        parcel = self.session.get_one(Parcel, (self.community.id, found.parcel_id))
        return float(np.hypot(self.session.get_one(Observation, key).rms_m, parcel.rms_m))

    def inspected(self) -> tuple[shapely.Geometry | None, float]:
        """Return the polygon (survey CRS) and RMS of the last inspection; no polygon, nothing."""
        event = self.last(State.INSPECTED)
        if event is None or event.observation_id is None:
            return None, 0.0
        seen = self.session.get_one(Observation, (self.community.id, event.observation_id))
        return self.in_survey(seen.geom), seen.rms_m

    def last(self, state: State) -> CaseEvent | None:
        """Return the event by which the case last came to ``state``."""
        return self.session.scalars(
            select(CaseEvent).where(*self._came_to(state)).order_by(CaseEvent.seq.desc()).limit(1)
        ).first()

    def _came_to(self, *states: State) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions of the events by which the case came to one of ``states``."""
        return (
            CaseEvent.community_id == self.community.id,
            CaseEvent.case_id == self.case.id,
            CaseEvent.state.in_(states),
        )

    def in_survey(self, stored: WKBElement | None) -> shapely.Geometry:
        """Return a stored geometry in the survey CRS."""
        shape = None if stored is None else to_shape(stored)
        return self.survey.to_survey(as_array([shape]))[0]
