"""Which parcels a survey looked at: what was not looked at is never shown as clear.

A parcel counts as looked at where an observation lies on it (one of structure
``none`` says that it was found clear), or where the ground that the survey
names covers it (DOMAIN 20).
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.area import Tolerances, combined_rms, judge
from gis.crs import Geometries
from gis.overlay import polygon_parts


@dataclass(frozen=True)
class Ground:
    """Polygons in the survey CRS, with the RMS in m of each one's vertices."""

    geometries: Geometries
    rms_m: NDArray[np.float64]


def days_touched(
    parcels: Ground, seen: Ground, days: Sequence[dt.date], tolerances: Tolerances
) -> dict[int, dt.date]:
    """Return the first day on which something was seen on each parcel, by its position.

    An overlap that the sliver rule takes for survey noise is a neighbour's
    structure: it does not show that the parcel itself was looked at.
    """
    tree = shapely.STRtree(parcels.geometries)
    seen_at, parcel_at = tree.query(seen.geometries, predicate="intersects")
    shared = shapely.intersection(seen.geometries[seen_at], parcels.geometries[parcel_at])
    parts, owner = polygon_parts(shared)
    rms = combined_rms(parcels.rms_m[parcel_at[owner]], seen.rms_m[seen_at[owner]])
    pairs = np.unique(owner[~judge(parts, rms, tolerances).is_sliver])
    first: dict[int, dt.date] = {}
    for pair in pairs.tolist():
        parcel, day = int(parcel_at[pair]), days[int(seen_at[pair])]
        first[parcel] = min(day, first.get(parcel, day))
    return first


def covered(parcels: Geometries, ground: shapely.Geometry, share: float) -> NDArray[np.bool_]:
    """Return which parcels lie in ``ground`` with at least ``share`` of their area.

    Both in the survey CRS, in metres.
    """
    shapely.prepare(ground)
    inside: NDArray[np.bool_] = shapely.covers(ground, parcels)
    partly = np.flatnonzero(~inside & shapely.intersects(ground, parcels))
    common = shapely.area(shapely.intersection(parcels[partly], ground))
    inside[partly] = common >= share * shapely.area(parcels[partly])
    return inside
