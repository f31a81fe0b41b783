"""What inspectors found, beside the observation and the case that rest on it.

An observation keeps one type of structure; all else that was found stays with its submission,
which is never changed, and is read from there.
"""

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, false, select, union
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.enclosures import seen_by
from cases.field.history import seen_on
from cases.field.reading import seen_submissions
from cases.field.verdicts import DECIDED, OBSERVED
from cases.lineage import with_forebears
from cases.models import AreaEntry, Case, Encroachment, FieldDecision, FieldSubmission
from cases.parcel_file import Viewer
from layers.bulk import among
from layers.models import Community, Household, Observation


@dataclass(frozen=True)
class Captured:
    """A submission that became an observation, with who decided so.

    ``observation`` is the ref of that observation, ``observed_on`` the day on which it was
    seen, as the office confirmed it where the phone's clock was wrong. ``household`` is whom
    the inspector named, as far as the viewer sees that household, and ``may_open`` whether
    the viewer may open the submission itself.
    """

    sent: FieldSubmission
    decision: FieldDecision
    observation: str
    observed_on: dt.date
    household: str | None
    may_open: bool


def captured_as(
    session: Session, community: Community, seen: Observation, viewer: Viewer
) -> list[Captured]:
    """Return what an observation and those before it were captured as, the latest first.

    Of those before it only what the viewer may open.
    """
    return _captured(session, community, [seen.id], viewer)


def captured_for(session: Session, case: Case, viewer: Viewer) -> list[Captured]:
    """Return what was captured of the ground of a case, the latest first."""
    community = session.get_one(Community, case.community_id)
    named = [
        select(table.observation_id).where(
            table.community_id == case.community_id,
            table.case_id == case.id,
            table.observation_id.is_not(None),
        )
        for table in (Encroachment, AreaEntry)
    ]
    return _captured(session, community, set(session.scalars(union(*named))), viewer)


def _captured(
    session: Session, community: Community, observations: Collection[uuid.UUID], viewer: Viewer
) -> list[Captured]:
    every = with_forebears(session, community.id, observations)
    may_read = Permission.FIELD_READ in viewer.permissions
    known = and_(
        Household.community_id == FieldSubmission.community_id,
        Household.id == FieldSubmission.household_id,
        viewer.knows,
    )
    rows = session.execute(
        select(
            FieldSubmission,
            FieldDecision,
            Observation.ref,
            Observation.observed_on,
            Household.ref,
            seen_submissions(viewer) if may_read else false(),
        )
        .join(FieldDecision, DECIDED)
        .join(Observation, OBSERVED)
        .outerjoin(Household, known)
        .where(
            FieldSubmission.community_id == community.id,
            among(FieldDecision.observation_id, every),
            seen_by(viewer),
        )
        .order_by(FieldDecision.decided_at.desc(), FieldSubmission.id)
    )
    return [
        Captured(sent, decided, ref, seen_on(sent, day), household, may_open)
        for sent, decided, ref, day, household, may_open in rows
    ]
