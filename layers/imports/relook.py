"""Observations that must be laid over the parcels again, because the ground has changed."""

import numpy as np
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis.crs import Geometries
from layers.bulk import ewkb, staged
from layers.models import Observation

# A degree of latitude; a degree of longitude is shorter, so that boxes are never too small.
METRES_PER_DEGREE = 111_000.0

_LOOK_AGAIN = """
    INSERT INTO waiting_observation (community_id, observation_id)
    SELECT observation.community_id, observation.id
    FROM {ground} AS ground
    JOIN observation ON observation.geom && ground.geom
    WHERE observation.community_id = :community
      AND observation.status = 'open'
      AND observation.purpose <> 'residual'
      AND observation.structure_type <> 'none'
    ON CONFLICT DO NOTHING
"""


def look_again(
    session: Session, community_id: int, ground: Geometries, margin_m: float = 0.0
) -> int:
    """Let flagging look again at what lies on ``ground`` (EPSG:4326); return how many.

    ``margin_m`` widens the boxes that are compared. Nothing is committed.
    """
    given = ground[~shapely.is_missing(ground)]
    if not len(given):
        return 0
    around = shapely.multipolygons(boxes(given, margin_m), indices=np.arange(len(given)))
    rows = [(value,) for value in ewkb(around)]
    with staged(session, Observation, ["geom"], rows, indexed=True) as name:
        done = session.execute(text(_LOOK_AGAIN.format(ground=name)), {"community": community_id})
        count: int = done.rowcount  # type: ignore[attr-defined]
    return count


def boxes(given: Geometries, margin_m: float) -> Geometries:
    """Return the boxes of geometries in EPSG:4326, wider by at least ``margin_m`` to each side."""
    west, south, east, north = shapely.bounds(given).T
    high = margin_m / METRES_PER_DEGREE
    wide = high / np.maximum(np.cos(np.radians(np.maximum(abs(south), abs(north)))), 0.01)
    wider: Geometries = shapely.box(west - wide, south - high, east + wide, north + high)
    return wider
