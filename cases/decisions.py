"""What a person decides about observations: who answers, and what is withdrawn."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.casework import lock_case
from cases.field.history import record_captured
from cases.flag_load import current_encroachments
from cases.flag_write import Writer
from cases.flagging import flag
from cases.ledger import Book, Moment, wrong_time
from cases.models import AreaEntry, Case, Encroachment
from cases.objections import WITHDRAWN, withdrawal_due
from cases.registry import find_household
from cases.signing import Signature, text_problems
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
    Purpose,
)
from layers.places import lock_community

# Any of these lets somebody say who answers for an enclosure.
MAY_DECIDE = frozenset({Permission.CASE_ASSIGN, Permission.CASE_VERIFY})


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
    reason: str,
    by: Signature,
) -> Case:
    """Let a household answer for an enclosure; the decision is an event of its case.

    The caller commits. Raises ``InputError`` naming every field that is wrong.
    """
    lock_community(session, community.id)
    seen = _open_observation(session, community, observation_ref)
    household = find_household(session, community, household_ref)
    problems = [
        *by.lacks(*sorted(MAY_DECIDE)),
        *([] if seen else [_unknown("observation", observation_ref)]),
        *([] if household else [_unknown("household", household_ref)]),
        *text_problems([("reason", reason)]),
    ]
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
        raise InputError([Problem("answered_already", text, "List the undecided ones.")])
    survey = SurveyCRS(community.survey_srid)
    writer = Writer(session, {community.id: community}, survey, by.at, by.actor)
    case = writer.decide(rows, household.id, reason)
    writer.post()
    record_captured(session, community, seen.id, {case.id}, by)
    return case


def withdraw(
    session: Session,
    community: Community,
    observation_ref: str,
    reason: str,
    by: Signature,
    *,
    case_id: uuid.UUID | None = None,
) -> Observation:
    """Withdraw an open observation, and end at once what rested on it; history stays.

    It is an event of each case that rests on it. Whoever verifies may withdraw, and
    whoever decides objections where one was upheld for it. ``case_id`` is the case that
    it was withdrawn from, in the version of ``by``. The caller commits. Raises
    ``InputError`` with everything that is wrong, and ``StaleVersion`` where the case
    is another by now.
    """
    if case_id is not None:
        lock_case(session, community, case_id, by.version)
    lock_community(session, community.id)
    seen = _open_observation(session, community, observation_ref)
    resting = set() if seen is None else cases_of(session, seen)
    if case_id is not None and case_id not in resting:
        seen = None
    moment = Moment.of(community, by.at)
    problems = [
        *may_not_withdraw(session, community, resting, by),
        *([_unknown("observation", observation_ref)] if seen is None else []),
        *text_problems([("reason", reason)]),
    ]
    if seen is not None and moment.day < seen.observed_on:
        problems.append(
            wrong_time(
                Said("It was observed on {observed_on}, later.", observed_on=seen.observed_on)
            )
        )
    if problems or seen is None:
        raise InputError(problems)
    seen.status, seen.ended_on = ObservationStatus.WITHDRAWN, moment.day
    _record_withdrawal(session, community, seen, resting, reason, by)
    flag(session, [community], at=by.at, actor=by.actor)
    return seen


def _record_withdrawal(
    session: Session,
    community: Community,
    seen: Observation,
    resting: set[uuid.UUID],
    reason: str,
    by: Signature,
) -> None:
    """Make it an event of each case, whose readers must see that it changed."""
    moment, book = Moment.of(community, by.at), Book(SurveyCRS(community.survey_srid))
    for case_id in sorted(resting):
        session.get_one(Case, (community.id, case_id)).version += 1
        key = (community.id, case_id)
        book.record(moment, key, by.actor, WITHDRAWN, note=reason, observation=seen.id)
    session.flush()
    book.post(session)


def may_not_withdraw(
    session: Session, community: Community, resting: set[uuid.UUID], by: Signature
) -> list[Problem]:
    """Return why ``by`` may not withdraw what the cases ``resting`` rest on."""
    mine = Case.community_id == community.id, Case.id.in_(resting)
    if session.scalar(select(exists().where(*mine, withdrawal_due()))):
        return by.lacks(Permission.CASE_VERIFY, Permission.OBJECTION_DECIDE)
    return by.lacks(Permission.CASE_VERIFY)


def cases_of(session: Session, seen: Observation) -> set[uuid.UUID]:
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
            # A residual is part of its inspection.
            Observation.purpose != Purpose.RESIDUAL,
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
