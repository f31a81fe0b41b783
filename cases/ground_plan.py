"""Small plans of the ground that papers mean, without a name on them."""

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
# So much of what lies around it tells a household which ground is meant.
AROUND_M = 12.0


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
    corner, size = _frame(np.concatenate([parcels, buildings]), MARGIN_M)
    return {
        "size": size.round(1).tolist(),
        "buildings": _rings(buildings, corner),
        "parcels": _rings(parcels, corner),
    }


def household_plan(
    session: Session, community: Community, case_id: uuid.UUID, *, suspected: bool = False
) -> dict[str, Any] | None:
    """Return what stands of one case on its parcels, with the buildings around it.

    As :func:`ground_plan`, with ``ground`` for what stands. Buildings end at the edge.
    """
    survey = SurveyCRS(community.survey_srid)
    taken = _shapes(session, survey, _taken(community, case_id, suspected=suspected), "standing")
    if not len(taken):
        return None
    parcels = _shapes(session, survey, _parcels(community, [case_id], suspected=suspected))
    corner, size = _frame(np.concatenate([parcels, taken]), AROUND_M)
    edge = shapely.box(*corner, *(corner + size))
    around = shapely.intersection(_shapes(session, survey, _buildings(community)), edge)
    return {
        "size": size.round(1).tolist(),
        "buildings": _rings(around, corner),
        "parcels": _rings(parcels, corner),
        "ground": _rings(taken, corner),
    }


def _frame(shapes: Geometries, margin: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the south-western corner and the size of the box that holds ``shapes``."""
    west, south, east, north = shapely.total_bounds(shapes)
    corner = np.array([west - margin, south - margin])
    return corner, np.array([east, north]) + margin - corner


def _shapes(session: Session, survey: SurveyCRS, rows: Rows, column: str = "geom") -> Geometries:
    return survey.to_survey(geometries(frame(session, rows), column))


def _parcels(community: Community, cases: Sequence[uuid.UUID], *, suspected: bool = False) -> Rows:
    own = (Encroachment.community_id == Parcel.community_id) & (Encroachment.parcel_id == Parcel.id)
    taken = select(Encroachment.id).where(own, standing(cases, suspected=suspected))
    return (
        select(wkb(Parcel.geom))
        .where(Parcel.community_id == community.id, taken.exists())
        .order_by(Parcel.ref)
    )


def _taken(community: Community, case_id: uuid.UUID, *, suspected: bool) -> Rows:
    return (
        select(wkb(Encroachment.standing))
        .where(Encroachment.community_id == community.id, standing([case_id], suspected=suspected))
        .order_by(Encroachment.id)
    )


def _buildings(community: Community) -> Rows:
    return (
        select(wkb(Building.geom))
        .where(Building.community_id == community.id)
        .order_by(Building.ref)
    )


def _rings(shapes: Geometries, corner: np.ndarray[Any, Any]) -> list[list[list[float]]]:
    parts = shapely.get_parts(shapes)
    # What the edge cuts off leaves empty polygons and lines.
    outer = shapely.get_exterior_ring(parts[shapely.area(parts) > 0])
    return [(shapely.get_coordinates(ring) - corner).round(1).tolist() for ring in outer]
