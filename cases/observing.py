"""One polygon that somebody saw, entered as an observation."""

import datetime as dt
import uuid

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy.orm import Session

from cases.ledger import area, as_array
from gis.crs import SurveyCRS
from layers.models import STORAGE_SRID, Community, Observation, Purpose, StructureType


def observe(
    session: Session,
    community: Community,
    polygon: shapely.Geometry,
    *,
    ref: str,
    purpose: Purpose,
    observed_on: dt.date,
    rms_m: float,
    structure_type: StructureType = StructureType.OTHER,
    occupier_id: uuid.UUID | None = None,
    note: str = "",
) -> Observation:
    """Store ``polygon`` (EPSG:4326, checked at the door) with its area in the survey CRS.

    A residual measures one case and is never flagged; everything else waits to be.
    The caller commits.
    """
    stored = as_array([polygon])
    seen = Observation(
        community_id=community.id,
        id=uuid.uuid4(),
        ref=ref,
        purpose=purpose,
        structure_type=structure_type,
        occupier_id=occupier_id,
        observed_on=observed_on,
        rms_m=rms_m,
        note=note,
        area_m2=area(SurveyCRS(community.survey_srid).to_survey(stored)[0]),
        geom=from_shape(stored[0], srid=STORAGE_SRID),
    )
    session.add(seen)
    session.flush()
    return seen
