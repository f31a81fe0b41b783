"""Submissions as people read them: reviewers all of a community, everybody else the own ones."""

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true, tuple_
from sqlalchemy.orm import Session, aliased

from cases.access import Permission
from cases.field.carried import carried
from cases.field.verdicts import DECIDED, FieldState, state_of
from cases.models import FieldDecision, FieldSubmission, Photograph
from cases.parcel_file import Viewer
from layers.models import Community, Household, Observation


@dataclass(frozen=True)
class Submitted:
    """A submission with what was decided; the refs are of its household and observations.

    ``corrects`` is the observation that it corrects, ``became`` the one that it became;
    ``received`` counts the photographs that have arrived.
    """

    sent: FieldSubmission
    decision: FieldDecision | None
    household: str | None
    corrects: str | None
    became: str | None
    received: int

    @property
    def state(self) -> FieldState:
        """Return where it stands."""
        return state_of(self.decision)


@dataclass(frozen=True)
class Wanted:
    """Which submissions a list shows; no states are all, ``after`` is the last row of a page."""

    states: frozenset[FieldState] = frozenset()
    mine: bool = False
    after: tuple[dt.datetime, uuid.UUID] | None = None
    limit: int = 50


def seen_submissions(viewer: Viewer) -> ColumnElement[bool]:
    """Return which submissions a viewer sees, as one condition on ``FieldSubmission``."""
    if Permission.FIELD_REVIEW in viewer.permissions:
        return true()
    return FieldSubmission.recorded_by == viewer.actor


def find_submission(
    session: Session, community: Community, submission_id: uuid.UUID, viewer: Viewer
) -> Submitted | None:
    """Return a submission, ``None`` where there is none that the viewer sees."""
    row = session.execute(
        _rows(community).where(FieldSubmission.id == submission_id, seen_submissions(viewer))
    ).one_or_none()
    return None if row is None else Submitted(*row)


def list_submissions(
    session: Session, community: Community, viewer: Viewer, wanted: Wanted
) -> tuple[list[Submitted], bool]:
    """Return a page of submissions, those received last first, and whether more follow."""
    rows = _rows(community).where(seen_submissions(viewer), _in_states(wanted.states))
    if wanted.mine:
        rows = rows.where(FieldSubmission.recorded_by == viewer.actor)
    order = tuple_(FieldSubmission.received_at, FieldSubmission.id)
    if wanted.after is not None:
        rows = rows.where(order < tuple_(*wanted.after))
    rows = rows.order_by(FieldSubmission.received_at.desc(), FieldSubmission.id.desc())
    found = [Submitted(*row) for row in session.execute(rows.limit(wanted.limit + 1))]
    return found[: wanted.limit], len(found) > wanted.limit


def named_submissions(
    session: Session, community: Community, viewer: Viewer, ids: Collection[uuid.UUID]
) -> list[Submitted]:
    """Return those of some submissions that a viewer sees, in the order of their receipt."""
    rows = _rows(community).where(seen_submissions(viewer), FieldSubmission.id.in_(ids))
    ordered = rows.order_by(FieldSubmission.received_at, FieldSubmission.id)
    return [Submitted(*row) for row in session.execute(ordered)]


def count_states(session: Session, community: Community, viewer: Viewer) -> dict[FieldState, int]:
    """Return how many of the submissions that a viewer sees stand where."""
    rows = session.execute(
        select(FieldDecision.verdict, func.count(FieldSubmission.id))
        .select_from(FieldSubmission)
        .outerjoin(FieldDecision, DECIDED)
        .where(FieldSubmission.community_id == community.id, seen_submissions(viewer))
        .group_by(FieldDecision.verdict)
    )
    counts = dict.fromkeys(FieldState, 0)
    for verdict, number in rows:
        counts[FieldState.WAITING if verdict is None else FieldState(verdict)] += number
    return counts


def count_to_review(session: Session, community: Community, actor: str) -> int:
    """Return how many submissions wait that ``actor`` neither sent nor took in."""
    waiting = (
        select(func.count(FieldSubmission.id))
        .outerjoin(FieldDecision, DECIDED)
        .where(
            FieldSubmission.community_id == community.id,
            FieldSubmission.recorded_by != actor,
            FieldSubmission.imported_by.is_distinct_from(actor),
            FieldDecision.id.is_(None),
        )
    )
    return session.scalar(waiting) or 0


def _in_states(states: Collection[FieldState]) -> ColumnElement[bool]:
    if not states:
        return true()
    verdicts = [str(one) for one in states if one is not FieldState.WAITING]
    decided = FieldDecision.verdict.in_(verdicts)
    if FieldState.WAITING in states:
        return or_(decided, FieldDecision.id.is_(None))
    return decided


def _rows(community: Community) -> Select[FieldSubmission, FieldDecision, str, str, str, int]:
    corrected, became = aliased(Observation), aliased(Observation)
    received = (
        select(func.count())
        .select_from(Photograph)
        .where(
            Photograph.community_id == FieldSubmission.community_id,
            Photograph.submission_id == FieldSubmission.id,
        )
        .correlate(FieldSubmission)
        .scalar_subquery()
    )
    before = carried()
    had = (
        select(func.count())
        .select_from(before)
        .where(
            before.c.community_id == FieldSubmission.community_id,
            before.c.submission_id == FieldSubmission.id,
        )
        .correlate(FieldSubmission)
        .scalar_subquery()
    )
    return (
        select(
            FieldSubmission, FieldDecision, Household.ref, corrected.ref, became.ref, received + had
        )
        .outerjoin(FieldDecision, DECIDED)
        .outerjoin(
            Household,
            and_(
                Household.community_id == FieldSubmission.community_id,
                Household.id == FieldSubmission.household_id,
            ),
        )
        .outerjoin(
            corrected,
            and_(
                corrected.community_id == FieldSubmission.community_id,
                corrected.id == FieldSubmission.corrects_id,
            ),
        )
        .outerjoin(
            became,
            and_(
                became.community_id == FieldDecision.community_id,
                became.id == FieldDecision.observation_id,
            ),
        )
        .where(FieldSubmission.community_id == community.id)
    )
