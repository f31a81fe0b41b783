"""What a submission corrects: the outline that was read, what stands of it now, and by how much."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from geoalchemy2.shape import to_shape
from sqlalchemy.orm import Session

from cases.field.judging import is_overtaken, standing_parts
from cases.ledger import as_array
from cases.lineage import successors
from cases.models import FieldSubmission
from gis.area import sigma_m2
from gis.crs import SurveyCRS
from layers.models import Community, Observation, ObservationStatus


@dataclass(frozen=True)
class Measured:
    """An area of the survey CRS in m2, with two standard deviations."""

    area_m2: float
    uncertainty_m2: float

    def less(self, other: "Measured") -> "Measured":
        """Return the difference to ``other``, the errors of both taken as independent."""
        return Measured(
            self.area_m2 - other.area_m2, math.hypot(self.uncertainty_m2, other.uncertainty_m2)
        )


@dataclass(frozen=True)
class Version:
    """One observation as it is on record, with its area."""

    seen: Observation
    size: Measured


@dataclass(frozen=True)
class Correction:
    """What a correction is laid against.

    ``read`` is the observation as it was read, ``parts`` all that stands in its place and is
    not of this submission: several where it was split, none where nobody else changed it or
    where it ended. ``size`` is the area of the outline that was sent, ``None`` of clear ground.
    """

    read: Version
    parts: Sequence[Version]
    is_overtaken: bool
    size: Measured | None

    @property
    def now(self) -> Measured:
        """Return the area of all parts together; they share no ground."""
        sizes = [one.size for one in self.parts]
        return Measured(
            sum(one.area_m2 for one in sizes), math.hypot(*(one.uncertainty_m2 for one in sizes))
        )

    @property
    def observations(self) -> list[Observation]:
        """Return what was read and every part, each once."""
        found = {one.seen.id: one.seen for one in (self.read, *self.parts)}
        return list(found.values())

    @property
    def replaceable(self) -> set[uuid.UUID]:
        """Return whose place the submission may take: no part of several, and what was read."""
        parts = self.parts if len(self.parts) == 1 else ()
        return {self.read.seen.id, *(one.seen.id for one in parts)}


def correction_of(
    session: Session, community: Community, sent: FieldSubmission, made: Observation | None
) -> Correction | None:
    """Return what a submission corrects, ``None`` where it corrects nothing.

    ``made`` is the observation that it became, once it is decided: then the parts are what
    that took the place of, and what stood beside it.
    """
    if sent.corrects_id is None:
        return None
    read = session.get_one(Observation, (community.id, sent.corrects_id))
    standing = standing_parts(session, read)
    if made is None:
        overtaken = read.status is not ObservationStatus.OPEN or is_overtaken(sent, read)
        parts = standing if overtaken else []
    else:
        parts = _besides(session, community, standing, made, read)
        overtaken = bool(parts)
    survey = SurveyCRS(community.survey_srid)
    return Correction(
        _version(survey, read),
        [_version(survey, one) for one in parts],
        overtaken,
        None if sent.area_m2 is None else _measured(survey, sent, sent.area_m2),
    )


def _besides(
    session: Session,
    community: Community,
    standing: Sequence[Observation],
    made: Observation,
    read: Observation,
) -> list[Observation]:
    """Return what ``made`` replaced of somebody else, and what stands that it did not replace."""
    own = {one.id for one in successors(session, made)}
    beside = [one for one in standing if one.id not in own]
    if made.replaces_id in (None, read.id):
        return beside
    return [session.get_one(Observation, (community.id, made.replaces_id)), *beside]


def _version(survey: SurveyCRS, seen: Observation) -> Version:
    return Version(seen, _measured(survey, seen, seen.area_m2))


def _measured(survey: SurveyCRS, one: Observation | FieldSubmission, area_m2: float) -> Measured:
    assert one.geom is not None
    outline = survey.to_survey(as_array([to_shape(one.geom)]))
    return Measured(area_m2, 2 * float(sigma_m2(outline, one.rms_m)[0]))
