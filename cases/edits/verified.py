"""Verified ground beneath outlines that are edited: nobody draws it away, or undoes it unseen."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.edits.plans import Step, is_replaced, wrong
from cases.ledger import today
from cases.models import Case, Encroachment
from gis.problems import Problem, Said
from layers.bulk import among
from layers.models import Community, Household


@dataclass(frozen=True)
class Verified:
    """What was verified of an observation for one case and was not cleared, in m2."""

    observation_id: uuid.UUID
    verified_on: dt.date
    case: int
    household: str
    area_m2: float


def verified_of(
    session: Session, community_id: int, observations: Collection[uuid.UUID]
) -> list[Verified]:
    """Return what was verified of observations and ends with them; what was cleared stays."""
    rows = session.execute(
        select(
            Encroachment.observation_id,
            Encroachment.verified_on,
            Case.number,
            Household.ref,
            func.sum(Encroachment.occupied_m2),
        )
        .join(
            Case,
            (Case.community_id == Encroachment.community_id) & (Case.id == Encroachment.case_id),
        )
        .join(
            Household,
            (Household.community_id == Case.community_id) & (Household.id == Case.household_id),
        )
        .where(
            Encroachment.community_id == community_id,
            among(Encroachment.observation_id, observations),
            Encroachment.superseded_on.is_(None),
            Encroachment.verified_on.is_not(None),
            Encroachment.cleared_on.is_(None),
        )
        .group_by(
            Encroachment.observation_id,
            Encroachment.verified_on,
            Case.id,
            Case.number,
            Household.ref,
        )
        .order_by(Case.number, Encroachment.verified_on, Encroachment.observation_id)
    )
    return [
        Verified(key, day, case, household, area)
        for key, day, case, household, area in rows
        if day is not None
    ]


def unconfirmed(
    session: Session, community: Community, steps: Sequence[Step], confirmed: Collection[int]
) -> list[Problem]:
    """Say of each change that is not confirmed what it makes suspected again, and of which case.

    ``confirmed`` are the numbers of the changes of which that was said and wanted. The rows
    are held to their versions, so what was confirmed is what is written.
    """
    asked = {
        one.before.id: (one.change, one.before.state.ref)
        for one in steps
        if one.before is not None and one.change not in confirmed
    }
    day = today(community)
    remedy = "Confirm that it is to be verified again, or leave the outline as it is."
    return [
        wrong(
            asked[one.observation_id][0],
            "verified_again",
            Said(
                "From {day} on {area_m2:.2f} m2 of {ref} no longer count as verified"
                " (case {number} of household {household}, verified on {verified_on});"
                " what the new outline covers is suspected until it is verified again.",
                day=day,
                area_m2=one.area_m2,
                ref=asked[one.observation_id][1],
                number=one.case,
                household=one.household,
                verified_on=one.verified_on,
            ),
            remedy,
            "verify_again",
        )
        for one in verified_of(session, community.id, list(asked))
    ]


def drawn_away(session: Session, community_id: int, steps: Sequence[Step]) -> list[Problem]:
    """Refuse outlines that leave ground which somebody has verified and which still stands.

    A better outline overlaps what it corrects; one elsewhere would end a case that
    nobody has cleared, which takes whoever verifies.
    """
    before = {one.before.id: (one, one.before.state.ref) for one in steps if one.before}
    rows = session.execute(
        select(Encroachment.observation_id, Encroachment.standing).where(
            Encroachment.community_id == community_id,
            among(Encroachment.observation_id, list(before)),
            Encroachment.superseded_on.is_(None),
            Encroachment.verified_on.is_not(None),
            Encroachment.standing.is_not(None),
        )
    ).all()
    if not rows:
        return []
    after = shapely.union_all([one.after.shape for one in steps if one.after is not None])
    left = {
        key
        for key, standing in rows
        if standing is not None
        and not shapely.relate_pattern(after, to_shape(standing), "T********")
    }
    remedy = "Draw it where it stands, or ask an inspector to withdraw it."
    return [
        wrong(
            step.change,
            "verified_ground",
            Said("{ref} was verified, and it would leave that ground.", ref=ref),
            remedy,
        )
        for step, ref in (before[key] for key in sorted(left))
        if step.after is not None or is_replaced(step, steps)
    ]
