"""The history of a case tells what was captured on its ground: by whom, when, and who accepted it.

Submissions and decisions are chained by themselves; this makes them events of the case, beside
everything else that happened to it.
"""

import datetime as dt
import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.field.verdicts import DECIDED, OBSERVED
from cases.ledger import Book, Moment
from cases.models import CaseEvent, FieldDecision, FieldSubmission, FieldVerdict
from cases.signing import Signature
from gis.crs import SurveyCRS
from layers.models import Community, Observation

EVENTS = {
    FieldVerdict.ACCEPTED: "case:field:accepted",
    FieldVerdict.MERGED: "case:field:merged",
}


def record_captured(
    session: Session,
    community: Community,
    observation_id: uuid.UUID,
    cases: Collection[uuid.UUID],
    by: Signature,
) -> None:
    """Tell ``cases`` from which submissions an observation came, each of them once.

    Nothing is told of an observation that did not come from the field. The event is dated as
    ``by`` is; who captured and who accepted stand in its data. That ground came to a case has
    raised its version already. The caller commits.
    """
    rows = session.execute(
        select(FieldSubmission, FieldDecision, Observation.observed_on)
        .join(FieldDecision, DECIDED)
        .join(Observation, OBSERVED)
        .where(
            FieldSubmission.community_id == community.id,
            FieldDecision.observation_id == observation_id,
        )
        .order_by(FieldSubmission.observed_at, FieldSubmission.id)
    ).all()
    untold = set(cases) - _told(session, community, observation_id)
    if not rows or not untold:
        return
    book, moment = Book(SurveyCRS(community.survey_srid)), Moment.of(community, by.at)
    decided = rows[0][1]
    for case_id in sorted(untold):
        book.record(
            moment,
            (community.id, case_id),
            by.actor,
            EVENTS[decided.verdict],
            note=decided.reason,
            observation=observation_id,
            data=_data(decided, [(sent, seen_on(sent, day)) for sent, _decided, day in rows]),
        )
    book.post(session)


def seen_on(sent: FieldSubmission, confirmed: dt.date) -> dt.date:
    """Return the day of a submission: ``confirmed`` by the office where its clock was wrong."""
    return confirmed if sent.is_clock_doubtful else sent.observed_on


def _told(session: Session, community: Community, observation_id: uuid.UUID) -> set[uuid.UUID]:
    """Return the cases whose history tells of the observation."""
    return set(
        session.scalars(
            select(CaseEvent.case_id).where(
                CaseEvent.community_id == community.id,
                CaseEvent.observation_id == observation_id,
                CaseEvent.event.in_(EVENTS.values()),
            )
        )
    )


def _data(
    decided: FieldDecision, captured: list[tuple[FieldSubmission, dt.date]]
) -> dict[str, Any]:
    return {
        "decided_by": decided.decided_by,
        "decided_at": decided.decided_at.isoformat(),
        "captured": [
            {
                "submission": str(sent.id),
                "recorded_by": sent.recorded_by,
                "observed_on": day.isoformat(),
                "received_at": sent.received_at.isoformat(),
            }
            for sent, day in captured
        ],
    }
