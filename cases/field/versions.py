"""Whether an observation is still what an inspector read when a correction of it was begun."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Sequence

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from cases.models import GeometryEdit, GeometryEditRow
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


def successors(session: Session, seen: Observation) -> list[Observation]:
    """Return what stands in the place of an observation now, those seen last first.

    It is the observation itself where nothing replaced it, several where it was split, and
    what ended last where nothing stands.
    """
    ends, waiting, known = [], [seen], {seen.id}
    while waiting:
        one = waiting.pop()
        after = _replacements(session, one)
        fresh = [it for it in after if it.id not in known]
        known |= {it.id for it in fresh}
        waiting += fresh
        if not after:
            ends.append(one)
    standing = [one for one in ends if one.status is ObservationStatus.OPEN]
    return sorted(standing or ends, key=lambda one: (one.observed_on, one.area_m2), reverse=True)


def _replacements(session: Session, one: Observation) -> Sequence[Observation]:
    """Return the rows that took the place of one.

    Of several made one at the desk only the largest is named by what replaces it; of the
    others the history of edits says what they became. What an undone edit ended has come back
    as a row of its own, whatever else came of that edit.
    """
    if restored := _restored(session, one):
        return restored
    found = session.scalars(
        select(Observation).where(
            Observation.community_id == one.community_id, Observation.replaces_id == one.id
        )
    ).all()
    if found or one.status is not ObservationStatus.SUPERSEDED:
        return found
    before, after = aliased(GeometryEditRow), aliased(GeometryEditRow)
    return session.scalars(
        select(Observation)
        .join(
            after,
            (after.community_id == Observation.community_id) & (after.after_id == Observation.id),
        )
        .join(
            before,
            (before.community_id == after.community_id)
            & (before.edit_id == after.edit_id)
            & (before.change == after.change),
        )
        .where(before.community_id == one.community_id, before.before_id == one.id)
    ).all()


def _restored(session: Session, one: Observation) -> Sequence[Observation]:
    """Return the row as which one came back, where the edit that ended it was undone."""
    before, after = aliased(GeometryEditRow), aliased(GeometryEditRow)
    return session.scalars(
        select(Observation)
        .join(
            after,
            (after.community_id == Observation.community_id) & (after.after_id == Observation.id),
        )
        .join(
            GeometryEdit,
            (GeometryEdit.community_id == after.community_id) & (GeometryEdit.id == after.edit_id),
        )
        .join(
            before,
            (before.community_id == GeometryEdit.community_id)
            & (before.edit_id == GeometryEdit.undoes_id)
            & (before.place == after.place),
        )
        .where(before.community_id == one.community_id, before.before_id == one.id)
    ).all()


def latest(session: Session, seen: Observation) -> Observation:
    """Return what stands in the place of an observation, the largest part where it was split."""
    return successors(session, seen)[0]
