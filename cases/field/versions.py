"""Whether an observation is still what an inspector read when a correction of it was begun."""

import datetime as dt
import hashlib
import uuid

import shapely
from geoalchemy2.shape import to_shape

from layers.models import Observation, ObservationStatus, StructureType


def observation_version(seen: Observation) -> str:
    """Return what changes with the outline of an observation, with what stands there, its end."""
    ground = to_shape(seen.geom)
    return version_of(seen.status, seen.ended_on, seen.structure_type, seen.occupier_id, ground)


def version_of(
    status: ObservationStatus,
    ended_on: dt.date | None,
    structure_type: StructureType,
    occupier_id: uuid.UUID | None,
    ground: shapely.Geometry,
) -> str:
    """Return :func:`observation_version` of an observation by its columns."""
    told = [str(status), str(ended_on), str(structure_type), str(occupier_id)]
    outline = shapely.to_wkb(ground, byte_order=1, include_srid=False)
    return hashlib.sha256("|".join(told).encode() + outline).hexdigest()[:16]
