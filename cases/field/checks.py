"""What must hold between what phones sent, what was decided, and what is observed."""

from collections.abc import Callable, Iterator

import numpy as np
import shapely
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from cases.area_checks import STORED_M2
from cases.field.verdicts import DECIDED, OBSERVED
from cases.models import (
    FieldDecision,
    FieldSubmission,
    FieldVerdict,
    Photograph,
    PhotographOriginal,
    SubmissionKind,
)
from cases.violations import Violation
from gis.crs import SurveyCRS
from layers.frames import Rows, frame, geometries, wkb
from layers.models import Community, Observation, StructureType

# By these a submission became an observation.
_BECAME = (FieldVerdict.ACCEPTED, FieldVerdict.MERGED)


def field_violations(session: Session, community: Community) -> Iterator[Violation]:
    """Yield everything of what phones sent that does not hold together."""
    rules: tuple[Callable[[Session, Community], Iterator[Violation]], ...] = (
        _became,
        _own,
        _replaced,
        _accepted,
        _merged,
        _originals,
    )
    for rule in rules:
        yield from rule(session, community)


def _became(session: Session, community: Community) -> Iterator[Violation]:
    """What was accepted or merged is an observation, what was returned or replaced is none."""
    wrong = select(FieldDecision.submission_id, FieldDecision.verdict).where(
        FieldDecision.community_id == community.id,
        FieldDecision.verdict.in_(_BECAME) != FieldDecision.observation_id.is_not(None),
    )
    for key, verdict in session.execute(wrong.order_by(FieldDecision.submission_id)):
        message = f"Submission {key} is {verdict}, and its observation does not say so."
        yield Violation("submission", community.code, message)


def _own(session: Session, community: Community) -> Iterator[Violation]:
    """Nobody but its inspector replaces a submission, and nobody else's work is one's own."""
    own = func.lower(FieldDecision.decided_by) == func.lower(FieldSubmission.recorded_by)
    imported = func.lower(FieldDecision.decided_by) == func.lower(FieldSubmission.imported_by)
    replaced = FieldDecision.verdict == FieldVerdict.REPLACED
    rows = session.execute(
        select(FieldSubmission.id, FieldDecision.verdict, FieldDecision.decided_by)
        .join(FieldDecision, DECIDED)
        .where(
            FieldSubmission.community_id == community.id,
            or_(and_(~replaced, or_(own, imported)), and_(replaced, ~own)),
        )
        .order_by(FieldSubmission.id)
    )
    for key, verdict, actor in rows:
        message = f"Submission {key} is {verdict} by {actor}, who may not decide about it."
        yield Violation("submission", community.code, message)


def _replaced(session: Session, community: Community) -> Iterator[Violation]:
    """A submission is replaced by one of the same inspector that follows it."""
    after = aliased(FieldSubmission)
    rows = session.scalars(
        select(FieldSubmission.id)
        .join(FieldDecision, DECIDED)
        .outerjoin(
            after,
            and_(
                after.community_id == FieldSubmission.community_id,
                after.follows_id == FieldSubmission.id,
                after.recorded_by == FieldSubmission.recorded_by,
            ),
        )
        .where(
            FieldSubmission.community_id == community.id,
            FieldDecision.verdict == FieldVerdict.REPLACED,
            after.id.is_(None),
        )
        .order_by(FieldSubmission.id)
    )
    for key in rows:
        message = f"Submission {key} is replaced, and none follows it."
        yield Violation("submission", community.code, message)


def _accepted(session: Session, community: Community) -> Iterator[Violation]:
    """The ground of an accepted submission is that of its observation, vertex by vertex."""
    same = func.ST_AsBinary(FieldSubmission.geom) == func.ST_AsBinary(Observation.geom)
    is_clear = FieldSubmission.kind == SubmissionKind.CLEAR
    nothing = Observation.structure_type == StructureType.NONE
    rows = session.execute(
        select(FieldSubmission.id, Observation.ref)
        .join(FieldDecision, DECIDED)
        .join(Observation, OBSERVED)
        .where(
            FieldSubmission.community_id == community.id,
            FieldDecision.verdict == FieldVerdict.ACCEPTED,
            or_(and_(~is_clear, ~same), and_(is_clear, ~nothing)),
        )
        .order_by(FieldSubmission.id)
    )
    for key, ref in rows:
        message = f"Observation {ref} is not what submission {key} shows."
        yield Violation("submission", community.code, message)


def _merged(session: Session, community: Community) -> Iterator[Violation]:
    """The ground of a merged submission lies within that of its observation."""
    table = frame(session, _merged_rows(community))
    survey = SurveyCRS(community.survey_srid)
    sent = survey.to_survey(geometries(table))
    seen = survey.to_survey(geometries(table, "seen"))
    outside = shapely.area(shapely.difference(sent, seen))
    for at in np.flatnonzero(outside > STORED_M2).tolist():
        message = (
            f"{outside[at]:.4f} m2 of submission {table['id'][at]} are not in observation"
            f" {table['ref'][at]}, into which it was merged."
        )
        yield Violation("submission", community.code, message)


def _merged_rows(community: Community) -> Rows:
    return (
        select(
            FieldSubmission.id,
            Observation.ref,
            wkb(FieldSubmission.geom),
            wkb(Observation.geom).label("seen"),
        )
        .join(FieldDecision, DECIDED)
        .join(Observation, OBSERVED)
        .where(
            FieldSubmission.community_id == community.id,
            FieldDecision.verdict == FieldVerdict.MERGED,
        )
        .order_by(FieldSubmission.id)
    )


def _originals(session: Session, community: Community) -> Iterator[Violation]:
    """An original is the file of which its photograph says to be the copy."""
    rows = session.scalars(
        select(PhotographOriginal.photograph_id)
        .join(
            Photograph,
            and_(
                Photograph.community_id == PhotographOriginal.community_id,
                Photograph.id == PhotographOriginal.photograph_id,
            ),
        )
        .where(
            PhotographOriginal.community_id == community.id,
            Photograph.original_sha256.is_distinct_from(PhotographOriginal.sha256),
        )
        .order_by(PhotographOriginal.photograph_id)
    )
    for key in rows:
        message = f"The original of photograph {key} is not the one that was announced with it."
        yield Violation("photograph", community.code, message)
