"""Parcels that lie on one another by more than survey noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from gis.area import Tolerances, combined_rms, judge
from gis.overlay import Indexes, polygon_parts, sum_by
from layers.imports.coverage import Ground


@dataclass(frozen=True)
class Overlap:
    """Two parcels on the same ground: positions in their arrays, and the ground in m2."""

    first: int
    second: int
    area_m2: float


def overlaps_within(parcels: Ground, tolerances: Tolerances) -> list[Overlap]:
    """Return the overlaps among parcels of one array, each pair once; survey CRS."""
    tree = shapely.STRtree(parcels.geometries)
    first, second = tree.query(parcels.geometries, predicate="intersects")
    once = first < second
    return _beyond_noise(parcels, first[once], parcels, second[once], tolerances)


def overlaps_between(first: Ground, second: Ground, tolerances: Tolerances) -> list[Overlap]:
    """Return the overlaps of two arrays of parcels that the sliver rule does not explain.

    Parcels of neighbouring surveys never meet exactly: what is narrower or
    smaller than both surveys' noise is left out (DOMAIN 13).
    """
    tree = shapely.STRtree(second.geometries)
    one, other = tree.query(first.geometries, predicate="intersects")
    return _beyond_noise(first, one, second, other, tolerances)


def _beyond_noise(
    first: Ground, one: Indexes, second: Ground, other: Indexes, tolerances: Tolerances
) -> list[Overlap]:
    shared = shapely.intersection(first.geometries[one], second.geometries[other])
    parts, owner = polygon_parts(shared)
    rms = combined_rms(first.rms_m[one[owner]], second.rms_m[other[owner]])
    judged = judge(parts, rms, tolerances)
    area = sum_by(owner, np.where(judged.is_sliver, 0.0, judged.area_m2), len(one))
    return [
        Overlap(int(one[pair]), int(other[pair]), float(area[pair]))
        for pair in np.flatnonzero(area > 0).tolist()
    ]


def say(overlap_m2: float, ref: str, others: Sequence[str]) -> str:
    """Return the sentence that reports one parcel's overlaps."""
    shown = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
    return f"Parcel {ref} lies on {shown} by {overlap_m2:.2f} m2."
