"""A reviewed submission as an observation, with where it comes from and what was looked at."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy.orm import Session

from cases.ledger import area, as_array
from cases.models import FieldSubmission
from cases.policy import Policy
from cases.registry import linked_ground
from cases.requirements import LONGEST_TEXT
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem
from gis.validity import POLYGONS, WEB_LIMITS, check
from layers.imports.looked import Seen, looked_at, write_looked
from layers.imports.plans import Covers
from layers.models import (
    STORAGE_SRID,
    Community,
    Household,
    Observation,
    ObservationStatus,
    Purpose,
    StructureType,
    Survey,
)


@dataclass(frozen=True)
class Becoming:
    """What an observation will say; ``polygon`` in EPSG:4326, ``None`` for clear ground.

    ``sha256`` is of the body that the phone sent, of the first where several become one.
    """

    submission_id: uuid.UUID
    polygon: shapely.Geometry | None
    structure_type: StructureType
    household: Household | None
    observed_on: dt.date
    rms_m: float
    note: str
    surveyor: str
    sha256: bytes

    @classmethod
    def of(cls, sent: FieldSubmission, household: Household | None) -> Self:
        """Return what one submission says."""
        return cls(
            sent.id,
            None if sent.geom is None else to_shape(sent.geom),
            _main(sent),
            household,
            sent.observed_on,
            sent.rms_m,
            _note([sent]),
            sent.recorded_by,
            sent.body_sha256,
        )

    @classmethod
    def together(
        cls,
        parts: Sequence[FieldSubmission],
        named: Observation | None,
        household: Household | None,
    ) -> Self:
        """Return what several say together: all of their ground, as of the latest day.

        It is as exact as the least exact of them.
        """
        first, grounds = parts[0], [to_shape(one.geom) for one in parts if one.geom is not None]
        exactness = [one.rms_m for one in parts]
        if named is not None:
            grounds.append(to_shape(named.geom))
            exactness.append(named.rms_m)
        return cls(
            first.id,
            shapely.union_all(grounds),
            _main(first),
            household,
            max(one.observed_on for one in parts),
            max(exactness),
            _note(parts),
            ", ".join(dict.fromkeys(one.recorded_by for one in parts)),
            first.body_sha256,
        )


def become_observation(
    session: Session, community: Community, what: Becoming, replaced: Observation | None
) -> Observation:
    """Keep a polygon as an observation, in the place of ``replaced`` where there is one.

    The one that is replaced stays in the record and ends; the parcels that the new one lies
    on count as looked at. Waits to be flagged. Raises ``InputError`` where the union of
    several is no sound polygon.
    """
    assert what.polygon is not None
    stored = as_array([what.polygon])
    faults = check(stored, [1], WEB_LIMITS, POLYGONS)
    if faults:
        raise InputError([Problem(f.code, f.message, f.remedy, field="polygon") for f in faults])
    if replaced is not None:
        replaced.status = ObservationStatus.SUPERSEDED
        replaced.ended_on = max(replaced.observed_on, what.observed_on)
        session.flush()
    survey = _survey(session, community, what)
    seen = _observation(community, what, stored[0], survey)
    if replaced is not None:
        seen.ref, seen.replaces_id = replaced.ref, replaced.id
        if seen.occupier_id is None:
            seen.occupier_id = replaced.occupier_id
    session.add(seen)
    session.flush()
    metric = SurveyCRS(community.survey_srid).to_survey(stored)
    ground = Seen(stored, metric, [seen.rms_m], [seen.observed_on])
    policy = Policy.of(community.policy).of_imports
    looked = looked_at(session, community, ground, Covers(), seen.observed_on, policy)
    write_looked(session, community.id, survey.id, looked)
    return seen


def become_clear(session: Session, community: Community, what: Becoming) -> Observation:
    """Keep that nothing stands on the parcels of a household, which count as looked at.

    It says nothing about ground that was enclosed before: that is cleared by its case alone.
    Raises ``InputError`` where no parcel belongs to the household.
    """
    home = what.household
    parcels = {} if home is None else linked_ground(session, community.id, home.id)
    if not parcels:
        text = "No parcel is linked to the household, so there is no ground to call clear."
        remedy = "Name another household, link its parcel first, or return it."
        raise InputError([Problem("household_without_parcel", text, remedy, field="household")])
    ground = as_array([shapely.union_all(list(parcels.values()))])[0]
    survey = _survey(session, community, what, ground)
    seen = _observation(community, what, ground, survey)
    seen.structure_type = StructureType.NONE
    session.add(seen)
    session.flush()
    looked = dict.fromkeys(parcels, what.observed_on)
    write_looked(session, community.id, survey.id, looked)
    return seen


def _observation(
    community: Community, what: Becoming, ground: shapely.Geometry, survey: Survey
) -> Observation:
    metric = SurveyCRS(community.survey_srid).to_survey(as_array([ground]))
    return Observation(
        community_id=community.id,
        id=uuid.uuid4(),
        ref=f"F-{what.submission_id.hex[:12]}",
        purpose=Purpose.VERIFICATION,
        structure_type=what.structure_type,
        occupier_id=None if what.household is None else what.household.id,
        observed_on=what.observed_on,
        rms_m=what.rms_m,
        note=what.note,
        status=ObservationStatus.OPEN,
        survey_id=survey.id,
        area_m2=area(metric[0]),
        geom=from_shape(ground, srid=STORAGE_SRID),
    )


def _survey(
    session: Session, community: Community, what: Becoming, covered: shapely.Geometry | None = None
) -> Survey:
    """Keep where the observation comes from: the submission, by its identifier and hash."""
    survey = Survey(
        community_id=community.id,
        id=uuid.uuid4(),
        delivers="observations",
        purpose=Purpose.VERIFICATION,
        surveyor=what.surveyor,
        surveyed_on=what.observed_on,
        crs=f"EPSG:{STORAGE_SRID}",
        transform="none",
        rms_m=what.rms_m,
        file_name=f"{what.submission_id}.json",
        file_sha256=what.sha256.hex(),
        layer="",
        feature_count=1,
        covered=None if covered is None else from_shape(covered, srid=STORAGE_SRID),
    )
    session.add(survey)
    session.flush()
    return survey


def _main(sent: FieldSubmission) -> StructureType:
    return StructureType(sent.structure_types[0]) if sent.structure_types else StructureType.NONE


def _note(parts: Sequence[FieldSubmission]) -> str:
    """Return what inspectors noted, in the order in which they saw it."""
    texts = [text for one in parts for text in (one.note, one.plants) if text.strip()]
    return "\n".join(dict.fromkeys(texts))[:LONGEST_TEXT]
