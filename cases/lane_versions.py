"""Whether lanes are still as somebody read them: one version for all lanes of a community.

Lanes divide the buildings among themselves, so whoever changes one may take from another.
The version follows from their rows: the same lanes have the same version, however they
came to be so.
"""

import hashlib
import json
import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.models import Lane, LaneBuilding
from layers.models import Community

VERSION_LENGTH = 16


class StaleLanes(Exception):
    """Somebody else changed the lanes since the caller read them."""


def lanes_version(session: Session, community: Community) -> str:
    """Return the version of a community's lanes: 16 hexadecimal digits of a SHA-256."""
    lanes = session.execute(
        select(Lane.id, Lane.ref, Lane.name, Lane.housekeeper_id)
        .where(Lane.community_id == community.id)
        .order_by(Lane.id)
    )
    buildings = session.execute(
        select(LaneBuilding.building_id, LaneBuilding.lane_id)
        .where(LaneBuilding.community_id == community.id)
        .order_by(LaneBuilding.building_id)
    )
    said = [[[_plain(value) for value in row] for row in rows] for rows in (lanes, buildings)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:VERSION_LENGTH]


def check_read(session: Session, community: Community, read: str | None) -> None:
    """Raise ``StaleLanes`` unless the lanes are as they were in version ``read``.

    ``None`` is whoever read nothing, such as a table that is imported. The caller has
    locked the community.
    """
    if read is not None and read != lanes_version(session, community):
        raise StaleLanes("The lanes have changed since they were read.")


def _plain(value: object) -> object:
    return value.hex if isinstance(value, uuid.UUID) else value
