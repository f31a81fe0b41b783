"""Campaigns, one after another: who carries them, how they begin, end and stand."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.ledger import today
from cases.models import AreaEntry, Body, BodyKind, Campaign, Case, EntryKind, OrderOfWork
from cases.signing import Signature, text_problems
from cases.workflow import CLEARED_STATES, State
from gis.problems import InputError, Problem
from layers.models import Community
from layers.places import lock_community

LONGEST_REF, LONGEST_NAME = 64, 200
# Sums of doubles that are nothing, in m2.
NOTHING_M2 = 1e-6


@dataclass(frozen=True)
class Plan:
    """What a new campaign is called and when it begins."""

    ref: str
    name: str
    started_on: dt.date
    order_of_work: OrderOfWork = OrderOfWork.EASY_FIRST


@dataclass
class Standing:
    """How a campaign stands: cases by state, and areas in m2 of the survey CRS, unrounded."""

    campaign: Campaign
    states: dict[State, int] = field(default_factory=dict)
    areas: dict[EntryKind, float] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        """Return how many cases the campaign has that were not rejected."""
        return sum(number for state, number in self.states.items() if state is not State.REJECTED)

    @property
    def cleared(self) -> int:
        """Return how many of them are cleared."""
        return sum(number for state, number in self.states.items() if state in CLEARED_STATES)

    def m2(self, kind: EntryKind) -> float:
        """Return what the ledger says of one kind."""
        return self.areas.get(kind, 0.0)

    @property
    def outstanding_m2(self) -> float:
        """Return encroached - reclaimed + rebound (decision 11 of the design)."""
        freed = self.m2(EntryKind.RECLAIMED)
        left = self.m2(EntryKind.ENCROACHED) - freed + self.m2(EntryKind.REBOUND)
        return left if abs(left) > NOTHING_M2 else 0.0


def begin_campaign(session: Session, community: Community, plan: Plan, by: Signature) -> Campaign:
    """Begin a campaign; one runs at a time. The caller commits.

    Raises ``InputError`` with everything that is wrong.
    """
    lock_community(session, community.id)
    problems = [
        *by.lacks(Permission.CAMPAIGN_EDIT),
        *text_problems([("ref", plan.ref), ("name", plan.name)]),
        *_too_long(("ref", plan.ref, LONGEST_REF), ("name", plan.name, LONGEST_NAME)),
        *_not_in_sequence(session, community, plan),
    ]
    if problems:
        raise InputError(problems)
    made = Campaign(
        community_id=community.id,
        id=uuid.uuid4(),
        ref=plan.ref.strip(),
        name=plan.name.strip(),
        started_on=plan.started_on,
        order_of_work=plan.order_of_work,
    )
    session.add(made)
    session.flush()
    return made


def end_campaign(
    session: Session,
    community: Community,
    campaign: Campaign,
    ended_on: dt.date,
    outcome: str,
    by: Signature,
) -> Campaign:
    """End a campaign with what came of it; its cases go on. The caller commits."""
    lock_community(session, community.id)
    problems = [
        *by.lacks(Permission.CAMPAIGN_EDIT),
        *text_problems([("outcome", outcome)]),
        *_not_endable(community, campaign, ended_on),
    ]
    if problems:
        raise InputError(problems)
    campaign.ended_on, campaign.outcome = ended_on, outcome.strip()
    session.flush()
    return campaign


def campaigns(session: Session, community: Community) -> Sequence[Campaign]:
    """Return the campaigns of a community, the latest first."""
    return session.scalars(
        select(Campaign)
        .where(Campaign.community_id == community.id)
        .order_by(Campaign.started_on.desc(), Campaign.ref.desc())
    ).all()


def find_campaign(
    session: Session, community: Community, campaign_id: uuid.UUID
) -> Campaign | None:
    """Return one campaign, ``None`` where the community has none such."""
    return session.get(Campaign, (community.id, campaign_id), populate_existing=True)


def standing(session: Session, campaign: Campaign) -> Standing:
    """Return how a campaign stands today."""
    mine = (Case.community_id == campaign.community_id) & (Case.campaign_id == campaign.id)
    states = session.execute(
        select(Case.state, func.count().label("cases")).where(mine).group_by(Case.state)
    )
    own = (AreaEntry.community_id == Case.community_id) & (AreaEntry.case_id == Case.id)
    areas = session.execute(
        select(AreaEntry.kind, func.sum(AreaEntry.area_m2))
        .join(Case, own)
        .where(mine)
        .group_by(AreaEntry.kind)
    )
    return Standing(
        campaign,
        {row.state: row.cases for row in states},
        {kind: float(total) for kind, total in areas},
    )


def add_body(
    session: Session, community: Community, ref: str, kind: BodyKind, name: str, by: Signature
) -> Body:
    """Add one of the bodies that carry the campaigns of a community. The caller commits."""
    lock_community(session, community.id)
    taken = session.scalar(
        select(func.count(distinct(Body.id))).where(
            Body.community_id == community.id, Body.ref == ref.strip()
        )
    )
    problems = [
        *by.lacks(Permission.CAMPAIGN_EDIT),
        *text_problems([("ref", ref), ("name", name)]),
        *_too_long(("ref", ref, LONGEST_REF), ("name", name, LONGEST_NAME)),
        *([_taken(ref)] if taken else []),
    ]
    if problems:
        raise InputError(problems)
    made = Body(
        community_id=community.id, id=uuid.uuid4(), ref=ref.strip(), kind=kind, name=name.strip()
    )
    session.add(made)
    session.flush()
    return made


def bodies(session: Session, community: Community) -> Sequence[Body]:
    """Return the bodies of a community, as the "1+3+X" lists them."""
    rank = {kind: number for number, kind in enumerate(BodyKind)}
    found = session.scalars(select(Body).where(Body.community_id == community.id))
    return sorted(found, key=lambda body: (rank[body.kind], body.ref))


def _not_in_sequence(session: Session, community: Community, plan: Plan) -> list[Problem]:
    problems = []
    for other in campaigns(session, community):
        if other.ref == plan.ref.strip():
            problems.append(_taken(plan.ref))
        if other.ended_on is None:
            message = f"{other.name} has not ended."
            remedy = "End it first: one campaign runs at a time."
            problems.append(Problem("campaign_running", message, remedy, field="ref"))
        elif plan.started_on < other.ended_on:
            message = f"{other.name} ended on {other.ended_on}, later than {plan.started_on}."
            remedy = "Begin the new one on that day or after it."
            problems.append(Problem("wrong_time", message, remedy, field="started_on"))
    if plan.started_on > today(community):
        problems.append(_to_come(plan.started_on, "started_on"))
    return problems


def _not_endable(community: Community, campaign: Campaign, ended_on: dt.date) -> list[Problem]:
    if campaign.ended_on is not None:
        message = f"{campaign.name} ended on {campaign.ended_on}."
        return [Problem("campaign_ended", message, "Nothing is left to do.", field="ended_on")]
    if ended_on < campaign.started_on:
        message = f"{campaign.name} began on {campaign.started_on}."
        return [Problem("wrong_time", message, "Give a later day.", field="ended_on")]
    return [_to_come(ended_on, "ended_on")] if ended_on > today(community) else []


def _taken(ref: str) -> Problem:
    return Problem("ref_taken", f"{ref.strip()} is there already.", "Choose another.", field="ref")


def _to_come(day: dt.date, name: str) -> Problem:
    message = f"{day.isoformat()} is still to come."
    return Problem("wrong_time", message, "Give the day on which it happened.", field=name)


def _too_long(*texts: tuple[str, str, int]) -> list[Problem]:
    return [
        Problem("too_long", f"This has {len(text)} characters.", f"At most {most} fit.", field=name)
        for name, text, most in texts
        if len(text.strip()) > most
    ]
