"""Photographs that a submission has of the one that it follows.

A photograph is history and stays with the submission with which it came. Where that one was
returned and is taken up again, the next one announces the photograph anew instead of sending
it a second time, and has it too.
"""

import uuid

from sqlalchemy import (
    ColumnElement,
    Subquery,
    Uuid,
    and_,
    cast,
    column,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import Session, aliased

from cases.models import FieldDecision, FieldSubmission, Photograph


def carried() -> Subquery:
    """Return which submission has which photographs of those before it.

    Columns are ``community_id``, ``submission_id`` and ``photograph_id``. Only what the same
    inspector had sent, and to the byte what is announced again, is had.
    """
    later, shot = aliased(FieldSubmission), aliased(Photograph)
    one = func.jsonb_array_elements(later.announced).table_valued(
        column("value", JSONB), joins_implicitly=True
    )
    same = and_(
        shot.community_id == later.community_id,
        shot.id == cast(one.c.value["id"].astext, Uuid),
        func.encode(shot.sha256, "hex") == one.c.value["sha256"].astext,
        shot.recorded_by == later.recorded_by,
        shot.submission_id != later.id,
    )
    return (
        select(later.community_id, later.id.label("submission_id"), shot.id.label("photograph_id"))
        .select_from(later)
        .join(one, true())
        .join(shot, same)
        .where(later.follows_id.is_not(None))
        .subquery()
    )


def has_photograph(sent: FieldSubmission) -> ColumnElement[bool]:
    """Return which photographs a submission has, as one condition on ``Photograph``."""
    came = and_(Photograph.community_id == sent.community_id, Photograph.submission_id == sent.id)
    if sent.follows_id is None:
        return came
    before = carried()
    own = select(before.c.photograph_id).where(
        before.c.community_id == sent.community_id, before.c.submission_id == sent.id
    )
    taken_over = and_(Photograph.community_id == sent.community_id, Photograph.id.in_(own))
    return or_(came, taken_over)


def count_photographs(session: Session, sent: FieldSubmission) -> int:
    """Return how many photographs of a submission have arrived, whenever that was."""
    counted = select(func.count()).select_from(Photograph).where(has_photograph(sent))
    return session.scalar(counted) or 0


def submissions_of(session: Session, photograph: Photograph) -> list[uuid.UUID]:
    """Return the submissions that have a photograph, the one with which it came first."""
    if photograph.submission_id is None:
        return []
    before = carried()
    later = select(before.c.submission_id).where(
        before.c.community_id == photograph.community_id,
        before.c.photograph_id == photograph.id,
    )
    return [photograph.submission_id, *session.scalars(later)]


def became_with() -> Subquery:
    """Return ``community_id``, ``photograph_id`` and the ``observation_id`` that it shows.

    These are photographs that came with a submission before the one that became it.
    """
    before = carried()
    decided = and_(
        FieldDecision.community_id == before.c.community_id,
        FieldDecision.submission_id == before.c.submission_id,
        FieldDecision.observation_id.is_not(None),
    )
    return (
        select(before.c.community_id, before.c.photograph_id, FieldDecision.observation_id)
        .join(FieldDecision, decided)
        .ext(distinct_on(before.c.community_id, before.c.photograph_id))
        .subquery()
    )
