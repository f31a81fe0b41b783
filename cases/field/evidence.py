"""Photographs that phones sent: of a submission, and of the observation that it became.

They stay the submission's own rows, wherever they are shown.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import false, or_, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.enclosures import seen_by
from cases.field.carried import has_photograph, submissions_of
from cases.field.reading import seen_submissions
from cases.field.verdicts import OBSERVED
from cases.models import FieldDecision, FieldSubmission, Photograph, PhotographOriginal
from cases.parcel_file import Viewer
from cases.photographs import Shown, of_observations, shown_photographs
from layers.models import Community, Observation


@dataclass(frozen=True)
class Evidence:
    """The photographs of a submission that have arrived, and what it announced of the others.

    An original that its inspector sends and that has not come is ``missing_originals``.
    """

    shown: Sequence[Shown]
    missing: Sequence[Mapping[str, Any]]
    missing_originals: int

    @property
    def announced(self) -> int:
        """Return how many there are to be."""
        return len(self.shown) + len(self.missing)


def submission_evidence(session: Session, community: Community, sent: FieldSubmission) -> Evidence:
    """Return what has arrived of the photographs of a submission."""
    shown = shown_photographs(session, community, has_photograph(sent))
    arrived = {str(one.row.id): one for one in shown}
    missing = [one for one in sent.announced if one["id"] not in arrived]
    sending = [one["id"] for one in sent.announced if one.get("sends_original")]
    without = [key for key in sending if key not in arrived or not arrived[key].has_original]
    return Evidence(shown, missing, len(without))


def observation_photographs(
    session: Session, community: Community, observation_id: uuid.UUID
) -> list[Shown]:
    """Return the photographs of an observation: from the field, and added to its case."""
    own = Photograph.observation_id == observation_id
    sent = of_observations(community.id, [observation_id])
    return shown_photographs(
        session, community, (Photograph.community_id == community.id) & or_(own, sent)
    )


def sees_evidence(session: Session, photograph: Photograph, viewer: Viewer) -> bool:
    """Tell whether a viewer sees a photograph of a submission.

    Whoever sees the submission does, or one that follows it and has the photograph too, and
    whoever sees the observation that it became.
    """
    place, keys = photograph.community_id, submissions_of(session, photograph)
    reads = Permission.FIELD_READ in viewer.permissions
    sent = select(FieldSubmission.id).where(
        FieldSubmission.community_id == place,
        FieldSubmission.id.in_(keys),
        seen_submissions(viewer) if reads else false(),
    )
    became = (
        select(Observation.id)
        .join(FieldDecision, OBSERVED)
        .where(
            FieldDecision.community_id == place,
            FieldDecision.submission_id.in_(keys),
            seen_by(viewer),
        )
    )
    return session.scalar(select(or_(sent.exists(), became.exists()))) is True


def original_of(session: Session, photograph: Photograph) -> PhotographOriginal | None:
    """Return the original of which a photograph is the smaller copy, where it was sent."""
    return session.get(PhotographOriginal, (photograph.community_id, photograph.id))
