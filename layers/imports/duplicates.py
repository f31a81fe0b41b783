"""Features that are stored already, under another ref."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.crs import Geometries
from gis.problems import Problem
from layers.frames import frame, geometries, overlapping, wkb
from layers.imports.matching import SAME_DEGREES, same_geometries
from layers.models import Base, Observation, ObservationStatus

FEW = 64


def duplicate_problems(
    session: Session,
    community_id: int,
    model: type[Base],
    rows: Sequence[int],
    stored: Geometries,
    matched: Collection[Any],
) -> list[Problem]:
    """Return a problem for each new polygon that is stored already under another ref.

    ``stored`` (EPSG:4326) are the geometries of new rows, ``matched`` the ids of
    stored rows that the delivery itself gives.
    """
    areal = np.flatnonzero(shapely.get_dimensions(stored) == 2)
    if not len(areal):
        return []
    table: Any = model
    query = select(table.id, table.ref, wkb(table.geom)).where(table.community_id == community_id)
    if model is Observation:
        query = query.where(Observation.status == ObservationStatus.OPEN)
    if len(areal) <= FEW:
        query = overlapping(query, table.geom, stored[areal])
    found = frame(session, query).drop_duplicates("id")
    found = found[~found["id"].isin(list(matched))].reset_index(drop=True)
    remedy = "Leave the row out, or give it that ref."
    return [
        Problem(
            "duplicate", f"It is stored already as {found['ref'][at]}.", remedy, rows[row], "ref"
        )
        for row, at in _same_pairs(stored, areal, geometries(found))
    ]


def _same_pairs(given: Geometries, areal: Any, others: Geometries) -> list[tuple[int, int]]:
    """Return pairs of the same geometry, compared only where even the boxes are the same."""
    tree = shapely.STRtree(others)
    first, second = tree.query(given[areal])
    first = areal[first]
    apart = np.abs(shapely.bounds(given[first]) - shapely.bounds(others[second])).max(
        axis=1, initial=0
    )
    near = apart <= SAME_DEGREES
    first, second = first[near], second[near]
    same = same_geometries(given[first], others[second])
    return list(zip(first[same].tolist(), second[same].tolist(), strict=True))
