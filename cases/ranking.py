"""How hard each case is: suggested from what the record holds, or set by a person."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, case, distinct, exists, func, select
from sqlalchemy.orm import Session, aliased

from cases.access import Permission
from cases.casework import lock_case
from cases.difficulty import EASIEST, HARDEST, Facts, Suggestion, is_for_remedial_team, suggest
from cases.ledger import Book, Moment, time_problems
from cases.models import Campaign, Case, CaseEvent, Encroachment, OrderOfWork
from cases.policy import Policy
from cases.signing import Signature, text_problems
from cases.workflow import State
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem
from layers.bulk import among
from layers.frames import Rows
from layers.models import Community, Observation, Resident, StructureType

CHANGED = "case:difficulty:changed"


@dataclass(frozen=True)
class Rank:
    """How hard a case is taken to be: as a person set it, else as it is suggested."""

    suggestion: Suggestion
    chosen: int | None
    reason: str
    is_remedial: bool
    is_remedial_suggested: bool

    @property
    def difficulty(self) -> int:
        """Return what counts."""
        return self.chosen or self.suggestion.difficulty


def ranks(
    session: Session, community: Community, cases: Collection[uuid.UUID]
) -> dict[uuid.UUID, Rank]:
    """Return how hard each of ``cases`` is, by its identifier."""
    policy = Policy.of(community.policy)
    found = {}
    for row in session.execute(_facts(community, cases)):
        structures = frozenset(StructureType(one) for one in row.structures or ())
        facts = Facts(
            row.occupied_m2, structures, row.is_let, row.refusals, row.rebounds, row.parcels
        )
        suggestion = suggest(facts, policy)
        own = row.Case
        found[own.id] = Rank(
            suggestion,
            own.difficulty,
            own.difficulty_reason,
            own.is_remedial,
            is_for_remedial_team(own.difficulty or suggestion.difficulty, policy),
        )
    return found


def set_difficulty(
    session: Session,
    community: Community,
    case_id: uuid.UUID,
    difficulty: int | None,
    reason: str,
    by: Signature,
    *,
    is_remedial: bool,
) -> Case:
    """Set how hard a case is, ``None`` to follow the suggestion, and whose team takes it.

    The caller commits. Raises ``InputError`` with everything that is wrong.
    """
    case = lock_case(session, community, case_id, by.version)
    moment = Moment.of(community, by.at)
    suggested = ranks(session, community, [case.id])[case.id].suggestion.difficulty
    problems = [
        *by.lacks(Permission.CASE_ASSIGN),
        *time_problems(session, community.id, case.id, moment.at),
        *_out_of_range(difficulty),
        *(text_problems([("reason", reason)]) if difficulty is not None else []),
    ]
    if problems:
        raise InputError(problems)
    data = {
        "from": case.difficulty,
        "to": difficulty,
        "suggested": suggested,
        "is_remedial": is_remedial,
    }
    case.difficulty, case.difficulty_reason = difficulty, reason.strip() if difficulty else ""
    case.is_remedial, case.version = is_remedial, case.version + 1
    book = Book(SurveyCRS(community.survey_srid))
    book.record(moment, (community.id, case.id), by.actor, CHANGED, note=reason, data=data)
    session.flush()
    book.post(session)
    return case


def order_of_work(session: Session, community: Community) -> OrderOfWork:
    """Return in which order the running campaign takes its cases."""
    found = session.scalar(_running(community).with_only_columns(Campaign.order_of_work))
    return found or OrderOfWork.EASY_FIRST


def set_order_of_work(
    session: Session, community: Community, order: OrderOfWork, by: Signature
) -> None:
    """Let the running campaign take its cases in ``order``; the caller commits."""
    campaign = session.scalar(_running(community))
    if campaign is None:
        text = "No campaign is running."
        missing = Problem("no_campaign", text, "Begin one first.", field="order")
        raise InputError([*by.lacks(Permission.CAMPAIGN_EDIT), missing])
    change_order_of_work(session, campaign, order, by)


def change_order_of_work(
    session: Session, campaign: Campaign, order: OrderOfWork, by: Signature
) -> None:
    """Let a campaign that runs take its cases in ``order``; the caller commits.

    Raises ``InputError`` where it has ended, or the account may not.
    """
    session.refresh(campaign, with_for_update=True)
    problems = by.lacks(Permission.CAMPAIGN_EDIT)
    if campaign.ended_on is not None:
        text = f"{campaign.name} has ended."
        remedy = "Change the one that runs."
        problems = [*problems, Problem("campaign_ended", text, remedy, field="order_of_work")]
    if problems:
        raise InputError(problems)
    campaign.order_of_work = order
    session.flush()


def _running(community: Community) -> Select[Campaign]:
    return (
        select(Campaign)
        .where(Campaign.community_id == community.id, Campaign.ended_on.is_(None))
        .order_by(Campaign.started_on.desc(), Campaign.ref.desc())
        .limit(1)
    )


def _out_of_range(difficulty: int | None) -> list[Problem]:
    if difficulty is None or EASIEST <= difficulty <= HARDEST:
        return []
    text = f"{difficulty} is no difficulty."
    remedy = f"Choose {EASIEST} to {HARDEST}."
    return [Problem("difficulty", text, remedy, field="difficulty")]


def _facts(community: Community, cases: Collection[uuid.UUID]) -> Rows:
    """Select each case with what makes it hard."""
    ground = _ground(community).subquery()
    past = _past(community).subquery()
    let = exists().where(
        Resident.community_id == Case.community_id,
        Resident.household_id == Case.household_id,
        Resident.role == "tenant",
    )
    return (
        select(
            Case,
            func.coalesce(ground.c.occupied_m2, 0.0).label("occupied_m2"),
            ground.c.structures,
            func.coalesce(ground.c.parcels, 1).label("parcels"),
            let.label("is_let"),
            func.coalesce(past.c.refusals, 0).label("refusals"),
            func.coalesce(past.c.rebounds, 0).label("rebounds"),
        )
        .outerjoin(ground, ground.c.case_id == Case.id)
        .outerjoin(past, past.c.household_id == Case.household_id)
        .where(Case.community_id == community.id, among(Case.id, cases))
    )


def _ground(community: Community) -> Rows:
    """Select the current ground of each case."""
    seen = and_(
        Observation.community_id == Encroachment.community_id,
        Observation.id == Encroachment.observation_id,
    )
    return (
        select(
            Encroachment.case_id,
            func.sum(Encroachment.occupied_m2).label("occupied_m2"),
            func.array_agg(distinct(Observation.structure_type)).label("structures"),
            func.count(distinct(Encroachment.parcel_id)).label("parcels"),
        )
        .join(Observation, seen)
        .where(Encroachment.community_id == community.id, Encroachment.superseded_on.is_(None))
        .group_by(Encroachment.case_id)
    )


def _past(community: Community) -> Rows:
    """Select how often each household refused and took ground again, in any campaign."""
    one = aliased(Case)
    own = and_(one.community_id == CaseEvent.community_id, one.id == CaseEvent.case_id)
    return (
        select(
            one.household_id,
            _times(CaseEvent.state == State.DECLINED).label("refusals"),
            _times(CaseEvent.state == State.REBOUND).label("rebounds"),
        )
        .join(CaseEvent, own)
        .where(
            one.community_id == community.id,
            CaseEvent.state.in_([State.DECLINED, State.REBOUND]),
        )
        .group_by(one.household_id)
    )


def _times(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))
