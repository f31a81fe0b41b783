"""Whether an observation is still what an inspector read when a correction of it was begun."""

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from layers.models import Observation


def observation_version(seen: Observation) -> str:
    """Return what changes with the outline of an observation, with what stands there, its end."""
    said = (seen.status, seen.ended_on, seen.structure_type, seen.occupier_id)
    outline = bytes(seen.geom.data)
    return hashlib.sha256(repr(said).encode() + outline).hexdigest()[:16]


def latest(session: Session, seen: Observation) -> Observation:
    """Return the observation that replaced ``seen`` last, itself where none did."""
    while True:
        after = session.scalars(
            select(Observation)
            .where(
                Observation.community_id == seen.community_id,
                Observation.replaces_id == seen.id,
            )
            .order_by(Observation.observed_on.desc(), Observation.id)
            .limit(1)
        ).first()
        if after is None:
            return seen
        seen = after
