"""A small plan of the ground that an announcement means, without a name on it."""

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.models import Encroachment
from cases.paper_ground import standing
from gis.crs import Geometries, SurveyCRS
from layers.frames import Rows, frame, geometries, wkb
from layers.models import Building, Community, Parcel

MARGIN_M = 8.0


def ground_plan(
    session: Session, community: Community, cases: Sequence[uuid.UUID]
) -> dict[str, Any] | None:
    """Return the parcels of ``cases`` and the buildings of the community, as rings.

    Rings count metres of the survey CRS from the south-western corner, to 0.1 m;
    ``size`` is the width and height in metres. ``None`` where the cases have no ground.
    """
    survey = SurveyCRS(community.survey_srid)
    parcels = _shapes(session, survey, _parcels(community, cases))
    if not len(parcels):
        return None
    buildings = _shapes(session, survey, _buildings(community))
    west, south, east, north = shapely.total_bounds(np.concatenate([parcels, buildings]))
    corner = np.array([west - MARGIN_M, south - MARGIN_M])
    size = np.array([east, north]) + MARGIN_M - corner
    return {
        "size": size.round(1).tolist(),
        "buildings": _rings(buildings, corner),
        "parcels": _rings(parcels, corner),
    }


def _shapes(session: Session, survey: SurveyCRS, rows: Rows) -> Geometries:
    return survey.to_survey(geometries(frame(session, rows)))


def _parcels(community: Community, cases: Sequence[uuid.UUID]) -> Rows:
    own = (Encroachment.community_id == Parcel.community_id) & (Encroachment.parcel_id == Parcel.id)
    taken = select(Encroachment.id).where(own, standing(cases))
    return (
        select(wkb(Parcel.geom))
        .where(Parcel.community_id == community.id, taken.exists())
        .order_by(Parcel.ref)
    )


def _buildings(community: Community) -> Rows:
    return (
        select(wkb(Building.geom))
        .where(Building.community_id == community.id)
        .order_by(Building.ref)
    )


def _rings(shapes: Geometries, corner: np.ndarray[Any, Any]) -> list[list[list[float]]]:
    outer = shapely.get_exterior_ring(shapely.get_parts(shapes))
    return [(shapely.get_coordinates(ring) - corner).round(1).tolist() for ring in outer]
