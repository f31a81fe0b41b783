"""What a submission would take of common green, before anybody has accepted it.

The rules are those of flagging: ground that stands already or was seen earlier is not taken
twice, noise is dropped, unknown titles accuse nobody. Nothing is written.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import or_, select, tuple_
from sqlalchemy.orm import Session

from cases.flag_load import accusation, current_encroachments, standing_and_freed
from cases.ledger import as_array
from cases.models import Encroachment, FieldSubmission
from cases.policy import Policy
from gis import encroachment
from gis.crs import Geometries, SurveyCRS
from layers.frames import Column, Rows, frame, geometries, overlapping, wkb
from layers.models import (
    Community,
    Observation,
    ObservationStatus,
    Parcel,
    Purpose,
    StructureType,
)


@dataclass(frozen=True)
class Taken:
    """Ground that would be taken from one parcel; ``ground`` in EPSG:4326, areas in m2.

    ``uncertainty_m2`` is 2 sigma, 0 for what is only listed: ``is_listed`` where the title
    of the parcel is unknown or the overlap is noise, and nobody is accused.
    """

    parcel_id: uuid.UUID
    parcel: str
    occupied_m2: float
    uncertainty_m2: float
    is_listed: bool
    reason: str
    ground: shapely.Geometry


@dataclass(frozen=True)
class Overlap:
    """What a submission lies on: new ground, ground that stands already, ground once cleared."""

    taken: list[Taken]
    standing_m2: float
    cleared_m2: float

    @property
    def occupied_m2(self) -> float:
        """Return how much common green it would take, in m2."""
        return sum(one.occupied_m2 for one in self.taken if not one.is_listed)

    @property
    def uncertainty_m2(self) -> float:
        """Return two standard deviations of that, errors taken as independent."""
        both = [one.uncertainty_m2 for one in self.taken if not one.is_listed]
        return float(np.hypot.reduce(both)) if both else 0.0


def overlap_of(
    session: Session,
    community: Community,
    sent: FieldSubmission,
    replaced: Collection[uuid.UUID] = (),
    made: Observation | None = None,
) -> Overlap:
    """Lay a submission over the parcels as flagging would, without observations ``replaced``.

    Once it is decided, it has the place of the observation ``made`` of it.
    """
    if sent.geom is None:
        return Overlap([], 0.0, 0.0)
    survey, policy = SurveyCRS(community.survey_srid), Policy.of(community.policy)
    stored = as_array([to_shape(sent.geom)])
    polygon = survey.to_survey(stored)
    parcels = _near(session, _parcels(community), Parcel.geom, stored)
    if parcels.empty:
        return Overlap([], 0.0, 0.0)
    standing, cleared = _stood(session, community, replaced, stored, survey)
    others = _near(session, _earlier(community, sent, replaced, made), Observation.geom, stored)
    seen = encroachment.Observations(
        np.concatenate([polygon, survey.to_survey(geometries(others))]),
        np.array([sent.rms_m, *others["rms_m"]], dtype=np.float64),
        np.array([len(others), *range(len(others))], dtype=np.int64),
    )
    ground = encroachment.Parcels(
        survey.to_survey(geometries(parcels)),
        parcels["rms_m"].to_numpy(dtype=np.float64),
        np.arange(len(parcels)),
        parcels["accusation"].to_numpy(dtype=np.int64),
    )
    targets = np.arange(len(others) + 1) == 0
    laid = encroachment.flag(
        seen,
        ground,
        policy.tolerances,
        targets=targets,
        taken=np.concatenate([standing, cleared]),
    )
    return Overlap(
        [*_new(laid.encroachments, parcels, survey), *_listed(laid.findings, parcels, survey)],
        _shared(polygon[0], standing),
        _shared(polygon[0], cleared),
    )


def _near(session: Session, rows: Rows, column: Column, stored: Geometries) -> pd.DataFrame:
    found = frame(session, overlapping(rows, column, stored))
    return found.drop_duplicates("id", ignore_index=True)


def _parcels(community: Community) -> Rows:
    return (
        select(
            Parcel.id, Parcel.ref, Parcel.rms_m, accusation().label("accusation"), wkb(Parcel.geom)
        )
        .where(Parcel.community_id == community.id)
        .order_by(Parcel.id)
    )


def _earlier(
    community: Community,
    sent: FieldSubmission,
    replaced: Collection[uuid.UUID],
    made: Observation | None,
) -> Rows:
    """Select the open observations that keep shared ground: they come first, and are not replaced.

    Those of the same day are entered already, before a submission that waits.
    """
    place = tuple_(Observation.observed_on, Observation.entered, Observation.id)
    if made is None:
        comes_first = Observation.observed_on <= sent.observed_on
    else:
        comes_first = place < (made.observed_on, made.entered, made.id)
    return (
        select(Observation.id, Observation.rms_m, wkb(Observation.geom))
        .where(
            Observation.community_id == community.id,
            Observation.status == ObservationStatus.OPEN,
            Observation.purpose != Purpose.RESIDUAL,
            Observation.structure_type != StructureType.NONE,
            comes_first,
            Observation.id.not_in(replaced),
        )
        .order_by(*place)
    )


def _stood(
    session: Session,
    community: Community,
    replaced: Collection[uuid.UUID],
    stored: Geometries,
    survey: SurveyCRS,
) -> tuple[Geometries, Geometries]:
    """Return verified ground near a submission in the survey CRS: what stands, what was freed.

    What was verified of ``replaced`` ends with it, except where some of it was cleared.
    """
    rows = current_encroachments([community.id]).where(
        Encroachment.verified_on.is_not(None),
        or_(Encroachment.observation_id.not_in(replaced), Encroachment.cleared_on.is_not(None)),
    )
    found = _near(session, rows, Encroachment.geom, stored)
    standing, freed = standing_and_freed(found, survey)
    return standing[~shapely.is_missing(standing)], freed[shapely.area(freed) > 0]


def _shared(polygon: shapely.Geometry, ground: Geometries) -> float:
    """Return how much of ``polygon`` lies on ``ground``, once where that overlaps itself."""
    return float(shapely.area(shapely.intersection(polygon, shapely.union_all(ground))))


def _new(
    found: encroachment.Encroachments, parcels: pd.DataFrame, survey: SurveyCRS
) -> list[Taken]:
    places = survey.to_storage(found.geometry)
    return [
        Taken(
            parcels["id"][at],
            parcels["ref"][at],
            float(found.occupied_m2[row]),
            2 * float(found.sigma_m2[row]),
            False,
            "",
            places[row],
        )
        for row, at in enumerate(found.parcel.tolist())
    ]


def _listed(found: encroachment.Findings, parcels: pd.DataFrame, survey: SurveyCRS) -> list[Taken]:
    places = survey.to_storage(found.geometry)
    return [
        Taken(
            parcels["id"][at],
            parcels["ref"][at],
            float(found.area_m2[row]),
            0.0,
            True,
            str(found.kind[row]),
            places[row],
        )
        for row, at in enumerate(found.parcel.tolist())
    ]
