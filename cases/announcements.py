"""Announcements: what is announced, until when, how to object, and where it was posted.

An announcement names ground, never people (DOMAIN, product rules 4 and 10); every case
that it announces gets the same deadline.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from cases.access import Permission
from cases.campaigns import bodies
from cases.casework import move
from cases.deadlines import deadline_problems, default_deadline, set_deadline
from cases.documents import Paper, issue, number_of
from cases.ground import Ground, was_shown
from cases.ground_plan import ground_plan
from cases.ledger import Moment, today
from cases.models import (
    Announcement,
    Body,
    Campaign,
    Case,
    CaseEvent,
    Channel,
    DocumentRecord,
    Encroachment,
    Posting,
)
from cases.paper_ground import paper_ground
from cases.requirements import Request
from cases.signing import Signature, text_problems
from cases.workflow import MOVES, Document, State
from gis.problems import InputError, Problem, Said
from layers.models import Community
from layers.places import lock_community

LONGEST_STANDARD, LONGEST_PLACE = 64, 200
_ANNOUNCED_AGAIN = (State.ANNOUNCED, State.VISITED, State.DECLINED)


@dataclass(frozen=True)
class Notice:
    """What is to be announced to the households of ``cases``; the default deadline where none."""

    issuer_id: uuid.UUID | None
    standard_version: str
    objection_route: str
    wording: str
    cases: Sequence[uuid.UUID]
    deadline_on: dt.date | None = None


@dataclass(frozen=True)
class Posted:
    """One place where it hangs or was sent, and what proves it."""

    channel: Channel
    place: str
    posted_on: dt.date
    proof: str


@dataclass(frozen=True)
class AnnouncementSheet:
    """An announcement with its number, its issuer and its postings."""

    announcement: Announcement
    document: DocumentRecord
    issuer: Body
    postings: Sequence[Posting]

    @property
    def number(self) -> str:
        """Return the number of its paper."""
        return number_of(self.document)


def announce(
    session: Session, community: Community, campaign: Campaign, notice: Notice, by: Signature
) -> Announcement:
    """Issue an announcement, and let each of its cases be announced with its deadline.

    All of them or none: raises ``InputError`` with what each case lacks. The caller
    commits.
    """
    lock_community(session, community.id)
    day = Moment.of(community, by.at).day
    deadline_on = notice.deadline_on or default_deadline(community, day)
    problems = _problems(session, community, campaign, notice, by)
    problems += deadline_problems(community, day, deadline_on)
    if problems:
        raise InputError(problems)
    paper = _paper(session, community, campaign, notice, (day, deadline_on), by)
    made = Announcement(
        community_id=community.id,
        id=uuid.uuid4(),
        campaign_id=campaign.id,
        issuer_id=notice.issuer_id,
        document_id=paper.id,
        issued_on=day,
        deadline_on=deadline_on,
        standard_version=notice.standard_version.strip(),
        objection_route=notice.objection_route.strip(),
        wording=notice.wording.strip(),
    )
    session.add(made)
    session.flush()
    _announce_cases(session, community, notice.cases, made, number_of(paper), by)
    return made


def post(
    session: Session, community: Community, of: Announcement, posted: Posted, by: Signature
) -> Posting:
    """Record where an announcement was posted, with its proof. The caller commits."""
    problems = [*by.lacks(Permission.CAMPAIGN_EDIT), *text_problems([("proof", posted.proof)])]
    if not of.issued_on <= posted.posted_on <= today(community):
        message = Said("It was issued on {issued_on}.", issued_on=of.issued_on)
        remedy = "Give a day from then until today."
        problems.append(Problem("wrong_time", message, remedy, field="posted_on"))
    if problems:
        raise InputError(problems)
    made = Posting(
        community_id=community.id,
        id=uuid.uuid4(),
        announcement_id=of.id,
        channel=posted.channel,
        place=posted.place.strip(),
        posted_on=posted.posted_on,
        proof=posted.proof.strip(),
        recorded_by=by.actor,
    )
    session.add(made)
    session.flush()
    return made


def announcements(session: Session, campaign: Campaign) -> list[AnnouncementSheet]:
    """Return the announcements of a campaign, the latest first."""
    of_campaign = (Announcement.community_id == campaign.community_id) & (
        Announcement.campaign_id == campaign.id
    )
    return _sheets(session, of_campaign)


def find_announcement(
    session: Session, community: Community, announcement_id: uuid.UUID
) -> AnnouncementSheet | None:
    """Return one announcement, ``None`` where the community has none such."""
    one = (Announcement.community_id == community.id) & (Announcement.id == announcement_id)
    return next(iter(_sheets(session, one)), None)


def _sheets(session: Session, wanted: ColumnElement[bool]) -> list[AnnouncementSheet]:
    rows = session.execute(
        select(Announcement, DocumentRecord, Body)
        .join(
            DocumentRecord,
            (DocumentRecord.community_id == Announcement.community_id)
            & (DocumentRecord.id == Announcement.document_id),
        )
        .join(
            Body,
            (Body.community_id == Announcement.community_id) & (Body.id == Announcement.issuer_id),
        )
        .where(wanted)
        .order_by(DocumentRecord.year.desc(), DocumentRecord.number.desc())
    ).all()
    return [AnnouncementSheet(*row, _postings(session, row[0])) for row in rows]


def announceable(session: Session, campaign: Campaign) -> Sequence[Case]:
    """Return the cases that a campaign may announce, its own first.

    Cases go on when their campaign ends, so the one that runs announces those of earlier
    ones too.
    """
    community = session.get_one(Community, campaign.community_id)
    found = awaiting_poster(session, community)
    return sorted(found, key=lambda case: case.campaign_id != campaign.id)


def awaiting_poster(session: Session, community: Community) -> list[Case]:
    """Return the cases that are verified, taken again, or hold ground that no poster showed.

    The latest campaign's come first, each in the order of its numbers.
    """
    found = session.scalars(
        select(Case)
        .join(
            Campaign,
            (Campaign.community_id == Case.community_id) & (Campaign.id == Case.campaign_id),
        )
        .where(
            Case.community_id == community.id,
            Case.suspended_on.is_(None),
            Case.state.in_([State.VERIFIED, State.REBOUND])
            | (Case.state.in_(_ANNOUNCED_AGAIN) & _holds_unannounced()),
        )
        .order_by(Campaign.started_on.desc(), Case.number)
    ).all()
    return [case for case in found if awaits_poster(session, community, case)]


def awaits_poster(session: Session, community: Community, case: Case) -> bool:
    """Tell whether a case has ground that its household must still be told of."""
    if case.suspended_on is not None or (case.state, State.ANNOUNCED) not in MOVES:
        return False
    if case.state not in _ANNOUNCED_AGAIN:
        return True
    return Ground(session, community, case).unannounced_m2() > 0


def running_campaign(session: Session, community: Community) -> Campaign | None:
    """Return the campaign that runs, by which cases are announced."""
    return session.scalars(
        select(Campaign).where(Campaign.community_id == community.id, Campaign.ended_on.is_(None))
    ).first()


def _holds_unannounced() -> ColumnElement[bool]:
    """Return the condition by which a case holds an encroachment that no poster showed."""
    poster, began = aliased(CaseEvent), aliased(CaseEvent)
    taken = (
        select(func.coalesce(func.max(began.seq), 0))
        .where(
            began.community_id == Case.community_id,
            began.case_id == Case.id,
            began.state.in_([State.REBOUND, State.SUSPECTED]),
        )
        .correlate(Case)
        .scalar_subquery()
    )
    shown = exists().where(
        poster.community_id == Case.community_id,
        poster.case_id == Case.id,
        poster.state == State.ANNOUNCED,
        poster.seq > taken,
        was_shown(poster),
    )
    return exists().where(
        Encroachment.community_id == Case.community_id,
        Encroachment.case_id == Case.id,
        Encroachment.superseded_on.is_(None),
        Encroachment.verified_on.is_not(None),
        Encroachment.standing.is_not(None),
        ~shown,
    )


def _problems(
    session: Session, community: Community, campaign: Campaign, notice: Notice, by: Signature
) -> list[Problem]:
    problems = [
        *by.lacks(Permission.CASE_ANNOUNCE),
        *text_problems(
            [
                ("wording", notice.wording),
                ("objection_route", notice.objection_route),
                ("standard_version", notice.standard_version),
            ]
        ),
    ]
    if campaign.ended_on is not None:
        message: str = Said("{name} has ended.", name=campaign.name)
        remedy = "Announce in the campaign that runs."
        problems.append(Problem("campaign_ended", message, remedy, field="wording"))
    if notice.issuer_id not in {body.id for body in bodies(session, community)}:
        message = "Somebody must issue it."
        remedy = "Choose a body of the community."
        problems.append(Problem("issuer_missing", message, remedy, field="issuer_id"))
    if not notice.cases:
        message = "No case is chosen."
        remedy = "Choose the cases that it announces."
        problems.append(Problem("cases_missing", message, remedy, field="cases"))
    return problems


def _paper(
    session: Session,
    community: Community,
    campaign: Campaign,
    notice: Notice,
    days: tuple[dt.date, dt.date],
    by: Signature,
) -> DocumentRecord:
    issuer = session.get_one(Body, (community.id, notice.issuer_id))
    issued_on, deadline_on = days
    # Nobody is named: parcels, and how much of each is occupied.
    ground = paper_ground(session, community, notice.cases)
    data = {
        "community": community.name,
        "issuer": issuer.name,
        "deadline_on": deadline_on.isoformat(),
        "standard_version": notice.standard_version.strip(),
        "objection_route": notice.objection_route.strip(),
        "wording": notice.wording.strip(),
        "parcels": [{"ref": one.ref, "m2": round(one.m2, 2)} for one in ground],
        "m2": round(sum(one.m2 for one in ground), 2),
        "map": ground_plan(session, community, notice.cases),
    }
    title = f"{campaign.name}"
    paper = Paper(Document.ANNOUNCEMENT, title, issued_on, by.actor, data, campaign_id=campaign.id)
    return issue(session, community, paper)


def _announce_cases(
    session: Session,
    community: Community,
    cases: Sequence[uuid.UUID],
    made: Announcement,
    number: str,
    by: Signature,
) -> None:
    """Move every case, and gather what each lacks before anything is refused."""
    problems: list[Problem] = []
    for case_id in cases:
        try:
            case = move(
                session,
                community,
                case_id,
                Request(
                    State.ANNOUNCED,
                    by.actor,
                    at=by.at,
                    document=number,
                    permissions=by.permissions,
                    announcement=made.id,
                ),
            )
            # An extension that reaches further stays.
            until = max(made.deadline_on, case.deadline_on or made.deadline_on)
            set_deadline(session, community, case, until, by, document=number)
        except InputError as error:
            problems += _of_case(session, community, case_id, error)
    if problems:
        raise InputError(problems)


def _of_case(
    session: Session, community: Community, case_id: uuid.UUID, error: InputError
) -> list[Problem]:
    """Return the problems of one case, said with its number, at the choice of cases."""
    case = session.get(Case, (community.id, case_id))
    return [
        Problem(
            one.code,
            Said("A case: {message}", message=one.message)
            if case is None
            else Said("Case {number}: {message}", number=case.number, message=one.message),
            one.remedy,
            field="cases",
        )
        for one in error.problems
    ]


def _postings(session: Session, announcement: Announcement) -> Sequence[Posting]:
    return session.scalars(
        select(Posting)
        .where(
            Posting.community_id == announcement.community_id,
            Posting.announcement_id == announcement.id,
        )
        .order_by(Posting.posted_on, Posting.channel, Posting.place)
    ).all()
