"""What became of an observation, and what it came from, through corrections and edits.

A correction names the row whose place it takes. An edit at the desk may make several rows one or
one several, so there its history is followed, and what was undone is passed over: a row that came
back is the heir of the one that had ended, and of no other.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Row, Select, and_, or_, select
from sqlalchemy.orm import Session, aliased

from cases.models import GeometryEdit, GeometryEditRow
from layers.bulk import among
from layers.models import Observation, ObservationStatus

Steps = Mapping[uuid.UUID, set[uuid.UUID]]


def successors(session: Session, seen: Observation) -> list[Observation]:
    """Return what stands in the place of an observation now, those seen last first.

    It is the observation itself where nothing replaced it, several where it was split, and
    what ended last where nothing stands.
    """
    ends, at, known = set[uuid.UUID](), {seen.id}, {seen.id}
    while at:
        after = _after(session, seen.community_id, at)
        ends |= at - after.keys()
        at = set[uuid.UUID]().union(*after.values()) - known
        known |= at
    rows = session.scalars(
        select(Observation).where(
            Observation.community_id == seen.community_id, among(Observation.id, ends)
        )
    ).all()
    standing = [one for one in rows if one.status is ObservationStatus.OPEN]
    return sorted(standing or rows, key=lambda one: (one.observed_on, one.area_m2), reverse=True)


def latest(session: Session, seen: Observation) -> Observation:
    """Return what stands in the place of an observation, the largest part where it was split."""
    return successors(session, seen)[0]


def with_forebears(
    session: Session, community_id: int, observations: Collection[uuid.UUID]
) -> set[uuid.UUID]:
    """Return observations and all those that they came from."""
    at = known = set(observations)
    while at:
        before = _before(session, community_id, at)
        at = set[uuid.UUID]().union(*before.values()) - known
        known = known | at
    return known


def _after(session: Session, community_id: int, ids: Collection[uuid.UUID]) -> Steps:
    """Return by what each of some observations was replaced, where it was."""
    ended, heir, undo = aliased(GeometryEditRow), aliased(GeometryEditRow), aliased(GeometryEdit)
    of_edit = and_(undo.id.is_(None), heir.edit_id == ended.edit_id, heir.change == ended.change)
    came_back = and_(heir.edit_id == undo.id, heir.place == ended.place)
    edited = (
        select(ended.before_id, heir.after_id)
        .outerjoin(
            undo,
            and_(undo.community_id == ended.community_id, undo.undoes_id == ended.edit_id),
        )
        .join(heir, and_(heir.community_id == ended.community_id, or_(of_edit, came_back)))
        .where(
            ended.community_id == community_id,
            among(ended.before_id, ids),
            heir.after_id.is_not(None),
        )
    )
    corrected = select(Observation.replaces_id, Observation.id).where(
        Observation.community_id == community_id, among(Observation.replaces_id, ids)
    )
    return _steps(session, edited, corrected)


def _before(session: Session, community_id: int, ids: Collection[uuid.UUID]) -> Steps:
    """Return whose place each of some observations took, where it took one."""
    made, was = aliased(GeometryEditRow), aliased(GeometryEditRow)
    of_edit = and_(
        GeometryEdit.undoes_id.is_(None), was.edit_id == made.edit_id, was.change == made.change
    )
    came_back = and_(was.edit_id == GeometryEdit.undoes_id, was.place == made.place)
    edited = (
        select(made.after_id, was.before_id)
        .join(
            GeometryEdit,
            and_(GeometryEdit.community_id == made.community_id, GeometryEdit.id == made.edit_id),
        )
        .join(was, and_(was.community_id == made.community_id, or_(of_edit, came_back)))
        .where(
            made.community_id == community_id,
            among(made.after_id, ids),
            was.before_id.is_not(None),
        )
    )
    corrected = select(Observation.id, Observation.replaces_id).where(
        Observation.community_id == community_id,
        among(Observation.id, ids),
        Observation.replaces_id.is_not(None),
    )
    return _steps(session, edited, corrected)


def _steps(session: Session, edited: Select[Any, Any], corrected: Select[Any, Any]) -> Steps:
    """Return the steps of both queries; where an edit was, its history knows more."""
    steps = _grouped(session.execute(edited).all())
    others = _grouped(session.execute(corrected).all())
    return {**others, **steps}


def _grouped(rows: Collection[Row[Any, Any]]) -> dict[uuid.UUID, set[uuid.UUID]]:
    found: defaultdict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
    for one, other in rows:
        found[one].add(other)
    return found
