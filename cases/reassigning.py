"""Another household answers for ground that was laid to a wrong one."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.casework import lock_case
from cases.declared import declare, take_back_declared
from cases.field.history import record_captured
from cases.flag_write import Writer
from cases.ground import Ground
from cases.ledger import Moment, time_problems
from cases.models import AnswerBasis, Case, Encroachment, EntryKind
from cases.registry import find_household
from cases.signing import Signature, text_problems
from cases.workflow import DEADLINE_STATES, State
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem, Said
from layers.models import Community, Household, Observation

REASSIGNED = "case:answer:reassigned"


def reassign(
    session: Session,
    community: Community,
    case_id: uuid.UUID,
    household_ref: str,
    reason: str,
    by: Signature,
    *,
    observation_ref: str | None = None,
) -> Case:
    """Let another household answer for the ground of a case, or of one observation of it.

    Each polygon leaves the one case's ledger and enters the other's on the same day, as
    verified or suspected as it was, so that every figure stays; what was reported of
    earlier days stays too. A case left without ground is rejected. Returns the case of
    the household that answers now. The caller commits. Raises ``InputError`` with
    everything that is wrong.
    """
    case = lock_case(session, community, case_id, by.version)
    moment = Moment.of(community, by.at)
    household = find_household(session, community, household_ref)
    every = Ground(session, community, case).encroachments()
    moved = _of_observation(session, community, every, observation_ref)
    problems = [
        *by.lacks(Permission.CASE_ASSIGN, Permission.CASE_VERIFY),
        *time_problems(session, community.id, case.id, moment.at),
        *text_problems([("reason", reason)]),
        *_wrong_household(case, household, household_ref),
        *_wrong_ground(every, moved),
    ]
    if problems or household is None:
        raise InputError(problems)
    writer = Writer(
        session, {community.id: community}, SurveyCRS(community.survey_srid), by.at, by.actor
    )
    # The day of every entry is that of the signature.
    moment = writer.moments[community.id]
    taking = writer.case_of(community.id, household.id)
    session.flush()
    _take(session, writer, moment, case, [found for found in every if found not in moved])
    _hand_over(writer, moment, moved, taking)
    for one, other, name in ((case, taking, "to"), (taking, case, "from")):
        key, data = (community.id, one.id), {name: str(other.id)}
        writer.book.record(moment, key, by.actor, REASSIGNED, note=reason, data=data)
    _settle(writer, moment, case, taking, left=len(every) > len(moved))
    writer.post()
    for seen in sorted({found.observation_id for found in moved}):
        record_captured(session, community, seen, {taking.id}, by)
    return taking


def _take(
    session: Session, writer: Writer, moment: Moment, case: Case, kept: Sequence[Encroachment]
) -> None:
    """Declare only what the household keeps, where it had declared all."""
    if case.state in {State.SELF_CLEARING, State.ASSISTED, State.INSPECTED}:
        verified = [found for found in kept if found.verified_on is not None]
        declare(session, writer.book, moment, case, verified)
    else:
        take_back_declared(session, writer.book, moment, case)


def _hand_over(writer: Writer, moment: Moment, moved: Sequence[Encroachment], taking: Case) -> None:
    """End each encroachment, and begin it anew under the case that takes it."""
    ground = Ground(writer.session, writer.communities[taking.community_id], taking)
    for found in moved:
        kind = EntryKind.SUSPECTED if found.verified_on is None else EntryKind.ENCROACHED
        area, shape = found.occupied_m2, ground.in_survey(found.geom)
        new = _anew(found, moment, taking)
        assert found.case_id is not None
        before = (found.community_id, found.case_id, found.id)
        after = (taking.community_id, taking.id, new.id)
        found.superseded_on, found.standing = moment.day, None
        # One observation has one current encroachment on a parcel, at any instant.
        writer.session.flush()
        writer.session.add(new)
        writer.book.enter(kind, moment, before, shape, -area)
        writer.book.enter(kind, moment, after, shape, area)


def _anew(found: Encroachment, moment: Moment, taking: Case) -> Encroachment:
    return Encroachment(
        community_id=found.community_id,
        id=uuid.uuid4(),
        observation_id=found.observation_id,
        parcel_id=found.parcel_id,
        household_id=taking.household_id,
        case_id=taking.id,
        answer_basis=AnswerBasis.PERSON,
        occupied_m2=found.occupied_m2,
        countable_m2=found.countable_m2,
        sigma_m2=found.sigma_m2,
        found_on=moment.day,
        verified_on=None if found.verified_on is None else moment.day,
        geom=found.geom,
        standing=found.geom,
    )


def _settle(writer: Writer, moment: Moment, case: Case, taking: Case, *, left: bool) -> None:
    """Reject a case without ground; one that takes only verified ground is verified."""
    writer.session.flush()
    if left:
        case.version += 1
    else:
        _bring(writer, moment, case, State.REJECTED)
    ground = Ground(writer.session, writer.communities[taking.community_id], taking)
    if taking.state is State.SUSPECTED and not ground.unverified():
        _bring(writer, moment, taking, State.VERIFIED)


def _bring(writer: Writer, moment: Moment, case: Case, state: State) -> None:
    case.state, case.state_since, case.version = state, moment.day, case.version + 1
    if state not in DEADLINE_STATES:
        case.deadline_on = None
    key = case.community_id, case.id
    writer.book.record(moment, key, writer.actor, f"case:state:{state}", state=state)


def _of_observation(
    session: Session, community: Community, every: list[Encroachment], ref: str | None
) -> list[Encroachment]:
    if ref is None:
        return every
    seen = session.scalars(
        select(Observation.id).where(
            Observation.community_id == community.id, Observation.ref == ref
        )
    ).all()
    return [found for found in every if found.observation_id in set(seen)]


def _wrong_household(case: Case, household: Household | None, ref: str) -> list[Problem]:
    if household is None:
        text = Said("There is no household {ref!r} in this community.", ref=ref)
        remedy = "Give the ref of a household that is there."
        return [Problem("unknown_household", text, remedy, field="household")]
    if household.id != case.household_id:
        return []
    text = Said("Household {ref} answers for this ground already.", ref=ref)
    return [Problem("same_household", text, "Name another household.", field="household")]


def _wrong_ground(every: list[Encroachment], moved: list[Encroachment]) -> list[Problem]:
    """What was accepted as cleared stays in the record of the case that cleared it."""
    if not moved:
        text = "The case has no such ground."
        return [Problem("nothing_to_reassign", text, "Name an observation of this case.")]
    if all(found.cleared_on is None for found in every):
        return []
    text = "Ground of this case was accepted as cleared and stays in its record."
    remedy = "Withdraw the observation that reported the rebound, and enter it again."
    return [Problem("already_cleared", text, remedy)]
