"""Positions of phones that are GCJ-02, whatever they say: found out by where they would be."""

from collections.abc import Sequence

import numpy as np
from geoalchemy2.shape import to_shape

from gis.datum import gcj02_suspected
from layers.models import Community


def are_shifted(community: Community, places: Sequence[tuple[float, float, float | None]]) -> bool:
    """Tell whether places lie in the community only once a shift is undone.

    Each is longitude, latitude and accuracy in m, where it is known; one counts as outside
    only farther off than that and the rule's reach. All are judged together. Never where the
    community has no boundary: then nothing speaks against them.
    """
    if community.boundary is None or not places:
        return False
    known = np.array(places, dtype=np.float64)
    accuracy = np.nan_to_num(known[:, 2])
    inside = to_shape(community.boundary)
    return gcj02_suspected(known[:, :2], inside, accuracy_m=accuracy) is not None
