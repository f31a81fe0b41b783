"""What a person decides about observations: who answers, and what is withdrawn."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.flag_load import current_encroachments
from cases.flag_write import Writer
from cases.ledger import Book, Moment, wrong_time
from cases.models import AreaEntry, Case, Encroachment
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem, Said
from layers.frames import frame
from layers.models import (
    Community,
    Household,
    Observation,
    ObservationStatus,
    Parcel,
    ParcelHousehold,
)
from layers.places import lock_community


def list_undecided(session: Session, communities: Sequence[int]) -> list[dict[str, Any]]:
    """Return the encroachments for which nobody answers yet, with who might."""
    own = (Encroachment.community_id == Observation.community_id) & (
        Encroachment.observation_id == Observation.id
    )
    on = (Encroachment.community_id == Parcel.community_id) & (Encroachment.parcel_id == Parcel.id)
    linked = (ParcelHousehold.community_id == Parcel.community_id) & (
        ParcelHousehold.parcel_id == Parcel.id
    )
    who = (Household.community_id == ParcelHousehold.community_id) & (
        Household.id == ParcelHousehold.household_id
    )
    rows = session.execute(
        select(Observation.ref, Parcel.ref, Encroachment.occupied_m2, Household.ref)
        .select_from(Encroachment)
        .join(Observation, own)
        .join(Parcel, on)
        .outerjoin(ParcelHousehold, linked)
        .outerjoin(Household, who)
        .where(
            Encroachment.community_id.in_(communities),
            Encroachment.superseded_on.is_(None),
            Encroachment.household_id.is_(None),
        )
        .order_by(Observation.ref, Parcel.ref, Household.ref)
    )
    return [
        {
            "observation": observation,
            "parcel": parcel,
            "occupied_m2": round(area, 2),
            "linked_household": household,
        }
        for observation, parcel, area, household in rows
    ]


def decide(
    session: Session,
    community: Community,
    observation_ref: str,
    household_ref: str,
    *,
    actor: str,
    reason: str,
    at: dt.datetime | None = None,
) -> Case:
    """Let a household answer for an enclosure; the decision is an event of its case.

    The caller commits. Raises ``InputError`` naming every field that is wrong.
    """
    lock_community(session, community.id)
    seen = _open_observation(session, community, observation_ref)
    household = session.scalars(
        select(Household).where(
            Household.community_id == community.id, Household.ref == household_ref
        )
    ).first()
    problems = [] if seen else [_unknown("observation", observation_ref)]
    problems += [] if household else [_unknown("household", household_ref)]
    if not reason.strip():
        text = "A decision who answers needs a reason."
        problems.append(Problem("reason_missing", text, "Say why in a sentence.", field="reason"))
    if problems or seen is None or household is None:
        raise InputError(problems)
    rows = frame(
        session,
        current_encroachments([community.id]).where(
            Encroachment.observation_id == seen.id, Encroachment.household_id.is_(None)
        ),
    )
    if rows.empty:
        text = Said(
            "Observation {observation_ref} has no encroachment that waits for a decision.",
            observation_ref=observation_ref,
        )
        raise InputError([Problem("nothing_to_decide", text, "List the undecided ones.")])
    survey = SurveyCRS(community.survey_srid)
    writer = Writer(session, {community.id: community}, survey, at, actor)
    case = writer.decide(rows, household.id, reason)
    writer.post()
    return case


def withdraw(
    session: Session,
    community: Community,
    observation_ref: str,
    *,
    actor: str,
    reason: str,
    at: dt.datetime | None = None,
) -> Observation:
    """Withdraw an open observation; flagging then ends what rested on it.

    It is an event of each case that rests on it. The caller commits. Raises
    ``InputError`` where there is no such observation, or it is dated later.
    """
    lock_community(session, community.id)
    seen = _open_observation(session, community, observation_ref)
    if seen is None:
        raise InputError([_unknown("observation", observation_ref)])
    moment = Moment.of(community, at)
    if moment.day < seen.observed_on:
        raise InputError(
            [
                wrong_time(
                    Said("It was observed on {observed_on}, later.", observed_on=seen.observed_on)
                )
            ]
        )
    seen.status, seen.ended_on = ObservationStatus.WITHDRAWN, moment.day
    book = Book(SurveyCRS(community.survey_srid))
    for case in _cases_of(session, seen):
        book.record(
            moment,
            (community.id, case),
            actor,
            "case:observation:withdrawn",
            note=reason,
            observation=seen.id,
        )
    session.flush()
    book.post(session)
    return seen


def _cases_of(session: Session, seen: Observation) -> set[uuid.UUID]:
    """Return the cases with ground that the observation shows, or reported as taken again."""
    shown = select(Encroachment.case_id).where(
        Encroachment.community_id == seen.community_id,
        Encroachment.observation_id == seen.id,
        Encroachment.case_id.is_not(None),
        Encroachment.superseded_on.is_(None),
    )
    reported = select(AreaEntry.case_id).where(
        AreaEntry.community_id == seen.community_id, AreaEntry.observation_id == seen.id
    )
    return {case for case in session.scalars(shown.union(reported)) if case is not None}


def _open_observation(session: Session, community: Community, ref: str) -> Observation | None:
    return session.scalars(
        select(Observation)
        .where(
            Observation.community_id == community.id,
            Observation.ref == ref,
            Observation.status == ObservationStatus.OPEN,
        )
        .with_for_update(key_share=True)
    ).first()


def _unknown(kind: str, ref: str) -> Problem:
    return Problem(
        f"unknown_{kind}",
        Said("There is no {kind} {ref!r} in this community.", kind=kind, ref=ref),
        Said("Give the ref of a {kind} that is there.", kind=kind),
        field=kind,
    )
