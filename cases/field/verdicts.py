"""Where a submission stands: what was decided about it, else it waits."""

import enum
import uuid

from sqlalchemy import Select, and_, select
from sqlalchemy.orm import Session

from cases.models import FieldDecision, FieldSubmission, FieldVerdict
from layers.models import Community, Observation


class FieldState(enum.StrEnum):
    """Where a submission stands, in the order in which a list offers it."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    MERGED = "merged"
    RETURNED = "returned"
    REPLACED = "replaced"


DECIDED = and_(
    FieldDecision.community_id == FieldSubmission.community_id,
    FieldDecision.submission_id == FieldSubmission.id,
)
OBSERVED = and_(
    Observation.community_id == FieldDecision.community_id,
    Observation.id == FieldDecision.observation_id,
)


def state_of(decision: FieldDecision | None) -> FieldState:
    """Return where a submission with this decision stands."""
    return FieldState.WAITING if decision is None else FieldState(decision.verdict)


def select_decided(community: Community) -> Select[FieldSubmission, FieldDecision]:
    """Select the submissions of a community, each with its decision or ``None``."""
    return (
        select(FieldSubmission, FieldDecision)
        .outerjoin(FieldDecision, DECIDED)
        .where(FieldSubmission.community_id == community.id)
    )


def decision_on(
    session: Session, community: Community, submission_id: uuid.UUID
) -> FieldDecision | None:
    """Return what was decided about a submission, ``None`` while it waits."""
    return session.scalar(
        select(FieldDecision).where(
            FieldDecision.community_id == community.id,
            FieldDecision.submission_id == submission_id,
        )
    )


def record_decision(
    session: Session,
    sent: FieldSubmission,
    verdict: FieldVerdict,
    actor: str,
    *,
    reason: str = "",
    observation_id: uuid.UUID | None = None,
) -> FieldDecision:
    """Append the one decision about a submission."""
    decided = FieldDecision(
        community_id=sent.community_id,
        id=uuid.uuid4(),
        submission_id=sent.id,
        verdict=verdict,
        decided_by=actor,
        reason=reason.strip(),
        observation_id=observation_id,
    )
    session.add(decided)
    session.flush()
    return decided
