"""The ground that papers name: what still stands of what was found, parcel by parcel."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from cases.models import Encroachment
from gis.area import area_m2
from gis.crs import SurveyCRS
from layers.bulk import among
from layers.frames import frame, geometries, wkb
from layers.models import Community, Observation, Parcel, StructureType


@dataclass(frozen=True)
class PaperGround:
    """What stands on a parcel: its area in m2 of the survey CRS, unrounded.

    ``uncertainty_m2`` is two standard deviations, ``None`` for what an inspection left
    of a larger enclosure, whose outline was not measured as such.
    """

    ref: str
    m2: float
    uncertainty_m2: float | None
    structure: StructureType


def standing(cases: Sequence[uuid.UUID], *, suspected: bool = False) -> ColumnElement[bool]:
    """Return the condition by which an encroachment stands on the papers of ``cases``.

    What was cleared is held against nobody again, nor what nobody has verified; a survey
    sheet alone shows what is ``suspected``.
    """
    condition = (
        among(Encroachment.case_id, cases)
        & Encroachment.superseded_on.is_(None)
        & Encroachment.standing.is_not(None)
    )
    return condition if suspected else condition & Encroachment.verified_on.is_not(None)


def paper_ground(
    session: Session, community: Community, cases: Sequence[uuid.UUID], *, suspected: bool = False
) -> list[PaperGround]:
    """Return the ground of ``cases`` that still stands, in the order of its parcels."""
    table = frame(
        session,
        select(
            Parcel.ref,
            Encroachment.occupied_m2,
            Encroachment.sigma_m2,
            Encroachment.cleared_on,
            wkb(Encroachment.standing),
            Observation.structure_type,
        )
        .join(
            Encroachment,
            (Encroachment.community_id == Parcel.community_id)
            & (Encroachment.parcel_id == Parcel.id),
        )
        .join(
            Observation,
            (Observation.community_id == Encroachment.community_id)
            & (Observation.id == Encroachment.observation_id),
        )
        .where(Parcel.community_id == community.id, standing(cases, suspected=suspected))
        .order_by(Parcel.ref, Encroachment.id),
    )
    shapes = SurveyCRS(community.survey_srid).to_survey(geometries(table, "standing"))
    lines = zip(table.itertuples(index=False), area_m2(shapes), strict=True)
    return [_ground(row, float(left_m2)) for row, left_m2 in lines]


def _ground(row: pd.Series, left_m2: float) -> PaperGround:
    if row.cleared_on is None:
        # As it was flagged, so that a paper and the figures never differ by a rounding.
        return PaperGround(row.ref, row.occupied_m2, 2 * row.sigma_m2, row.structure_type)
    return PaperGround(row.ref, left_m2, None, row.structure_type)
