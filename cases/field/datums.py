"""Positions of phones that are GCJ-02, whatever they say: found out by where they would be."""

from collections.abc import Sequence

import numpy as np
from geoalchemy2.shape import to_shape

from gis.datum import gcj02_suspected
from layers.models import Community


def are_shifted(community: Community, places: Sequence[tuple[float, float]]) -> bool:
    """Tell whether places (longitude, latitude) lie in the community only once a shift is undone.

    Never where the community has no boundary: then nothing speaks against them.
    """
    if community.boundary is None or not places:
        return False
    inside = to_shape(community.boundary)
    return gcj02_suspected(np.array(places, dtype=np.float64), inside) is not None
