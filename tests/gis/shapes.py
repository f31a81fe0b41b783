"""Builders of layers for the geometry tests: arrays in EPSG:4550, near Weihai."""

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.area import Tolerances
from gis.encroachment import Accusation, Encroachments, Observations, Parcels

EAST, NORTH = 427_000.0, 4_140_000.0
EXACT = Tolerances(width_factor=0.0, sigma_factor=0.0)
COMMON, UNKNOWN, NEVER = Accusation.COMMON, Accusation.UNKNOWN, Accusation.NEVER


def array(geometries: Sequence[shapely.Geometry | None]) -> NDArray[np.object_]:
    """Return an object array, which numpy would else take apart."""
    made = np.empty(len(geometries), dtype=object)
    made[:] = geometries
    return made


def box(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """Return a box in metres from a corner of the compound."""
    return shapely.box(EAST + west, NORTH + south, EAST + east, NORTH + north)


def placed(text: str) -> shapely.Geometry:
    """Return WKT whose metres count from a corner of the compound."""
    return shapely.transform(shapely.from_wkt(text), lambda points: np.add(points, [EAST, NORTH]))


def observed(
    geometries: Sequence[shapely.Geometry | None],
    rms: float | Sequence[float] = 0.05,
    rank: Sequence[int] | None = None,
) -> Observations:
    """Return observations, by default the first seen the first in rank."""
    count = len(geometries)
    ranks = np.arange(count) if rank is None else np.array(rank, dtype=np.int64)
    return Observations(array(geometries), np.broadcast_to(rms, count).astype(float), ranks)


def ground(
    geometries: Sequence[shapely.Geometry | None],
    accusation: int | Sequence[int] = COMMON,
    rms: float | Sequence[float] = 0.05,
    rank: Sequence[int] | None = None,
) -> Parcels:
    """Return parcels, by default all common green."""
    count = len(geometries)
    ranks = np.arange(count) if rank is None else np.array(rank, dtype=np.int64)
    codes = np.broadcast_to(np.asarray(accusation, dtype=np.int8), count)
    return Parcels(array(geometries), np.broadcast_to(rms, count).astype(float), ranks, codes)


def areas(found: Encroachments) -> dict[tuple[int, int], float]:
    """Return the occupied area in m2, to 0.1 mm2, by observation and parcel."""
    keys = zip(found.observation.tolist(), found.parcel.tolist(), strict=True)
    return dict(zip(keys, found.occupied_m2.round(7).tolist(), strict=True))
