"""The ground of one case: what was found of it, what still stands, what was inspected."""

from dataclasses import dataclass

import numpy as np
import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.ledger import as_array
from cases.models import Case, CaseEvent, Encroachment
from cases.policy import Policy
from cases.workflow import State
from gis.crs import SurveyCRS
from gis.residual import Residual, residual
from layers.models import Community, Observation, Parcel


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
        grounds = as_array([self.in_survey(found.standing) for found in standing])
        polygon, rms = self.inspected()
        rms_standing = [self._rms(found) for found in standing]
        return residual(
            grounds,
            np.array(rms_standing, dtype=np.float64),
            as_array([] if polygon is None else [polygon]),
            np.array([] if polygon is None else [rms], dtype=np.float64),
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
            select(CaseEvent)
            .where(
                CaseEvent.community_id == self.community.id,
                CaseEvent.case_id == self.case.id,
                CaseEvent.state == state,
            )
            .order_by(CaseEvent.seq.desc())
            .limit(1)
        ).first()

    def in_survey(self, stored: WKBElement | None) -> shapely.Geometry:
        """Return a stored geometry in the survey CRS."""
        shape = None if stored is None else to_shape(stored)
        return self.survey.to_survey(as_array([shape]))[0]
