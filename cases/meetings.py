"""Joint meetings: who took part, what was on the agenda, what was resolved by how many votes."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.campaigns import bodies
from cases.documents import LONGEST_TITLE, Paper, issue
from cases.ledger import Moment, today
from cases.models import Attendance, Body, Campaign, DocumentRecord, Meeting, Resolution
from cases.signing import Signature, text_problems
from cases.workflow import Document
from gis.problems import InputError, Problem
from layers.models import Community
from layers.places import lock_community

MOST_PEOPLE = 10_000
LONGEST_PLACE = 200


@dataclass(frozen=True)
class Vote:
    """A resolution and its votes."""

    wording: str
    votes_for: int
    votes_against: int = 0
    votes_abstained: int = 0


@dataclass(frozen=True)
class Held:
    """A meeting as somebody records it; ``people`` counts who came, by body."""

    held_on: dt.date
    agenda: str
    people: Mapping[uuid.UUID, int]
    place: str = ""
    minutes: str = ""
    resolutions: Sequence[Vote] = field(default_factory=tuple)


@dataclass(frozen=True)
class MeetingSheet:
    """A meeting with its attendance and resolutions."""

    meeting: Meeting
    attendance: Sequence[tuple[Body, int]]
    resolutions: Sequence[Resolution]

    @property
    def people(self) -> int:
        """Return how many took part."""
        return sum(number for _body, number in self.attendance)


def record_meeting(
    session: Session, community: Community, campaign: Campaign, held: Held, by: Signature
) -> Meeting:
    """Record a meeting under the next number of its campaign. The caller commits.

    Raises ``InputError`` with everything that is wrong.
    """
    lock_community(session, community.id)
    problems = [
        *by.lacks(Permission.CAMPAIGN_EDIT),
        *text_problems([("agenda", held.agenda)]),
        *_wrong_day(community, campaign, held.held_on),
        *_wrong_people(session, community, held),
        *_wrong_votes(held),
    ]
    if problems:
        raise InputError(problems)
    made = Meeting(
        community_id=community.id,
        id=uuid.uuid4(),
        campaign_id=campaign.id,
        number=_next_number(session, campaign),
        held_on=held.held_on,
        place=held.place.strip(),
        agenda=held.agenda.strip(),
        minutes=held.minutes.strip(),
        recorded_by=by.actor,
    )
    session.add(made)
    session.flush()
    _add_details(session, made, held)
    return made


def issue_minutes(
    session: Session, community: Community, meeting_id: uuid.UUID, by: Signature
) -> DocumentRecord:
    """Issue the minutes of a meeting as a paper of its campaign. The caller commits.

    Raises ``InputError`` where there is no such meeting, or the account may not.
    """
    meeting = session.get(Meeting, (community.id, meeting_id))
    problems = by.lacks(Permission.DOCUMENT_ISSUE)
    if meeting is None:
        message = "There is no such meeting."
        problems.append(Problem("meeting", message, "Choose from the list.", field="meeting"))
    if problems or meeting is None:
        raise InputError(problems)
    campaign = session.get_one(Campaign, (community.id, meeting.campaign_id))
    sheet = meeting_sheet(session, meeting)
    data = {
        "community": community.name,
        "campaign": campaign.name,
        "held_on": meeting.held_on.isoformat(),
        "place": meeting.place,
        "agenda": meeting.agenda,
        "minutes": meeting.minutes,
        "attendance": [{"body": body.name, "people": people} for body, people in sheet.attendance],
        "resolutions": [
            {
                "wording": one.wording,
                "for": one.votes_for,
                "against": one.votes_against,
                "abstained": one.votes_abstained,
            }
            for one in sheet.resolutions
        ],
    }
    title = f"{campaign.name} {meeting.number}"[:LONGEST_TITLE]
    day = Moment.of(community, by.at).day
    paper = Paper(Document.MINUTES, title, day, by.actor, data, campaign_id=campaign.id)
    return issue(session, community, paper)


def meetings(session: Session, campaign: Campaign) -> list[MeetingSheet]:
    """Return the meetings of a campaign, the latest first, each whole."""
    found = session.scalars(
        select(Meeting)
        .where(Meeting.community_id == campaign.community_id, Meeting.campaign_id == campaign.id)
        .order_by(Meeting.held_on.desc(), Meeting.number.desc())
    ).all()
    return [meeting_sheet(session, one) for one in found]


def meeting_sheet(session: Session, meeting: Meeting) -> MeetingSheet:
    """Return a meeting whole."""
    came = session.execute(
        select(Body, Attendance.people)
        .join(
            Attendance,
            (Attendance.community_id == Body.community_id) & (Attendance.body_id == Body.id),
        )
        .where(Attendance.community_id == meeting.community_id, Attendance.meeting_id == meeting.id)
        .order_by(Body.ref)
    ).all()
    resolved = session.scalars(
        select(Resolution)
        .where(Resolution.community_id == meeting.community_id, Resolution.meeting_id == meeting.id)
        .order_by(Resolution.number)
    ).all()
    return MeetingSheet(meeting, [(body, people) for body, people in came], resolved)


def _next_number(session: Session, campaign: Campaign) -> int:
    last = session.scalar(
        select(func.max(Meeting.number)).where(
            Meeting.community_id == campaign.community_id, Meeting.campaign_id == campaign.id
        )
    )
    return (last or 0) + 1


def _add_details(session: Session, meeting: Meeting, held: Held) -> None:
    for body_id, people in held.people.items():
        session.add(
            Attendance(
                community_id=meeting.community_id,
                meeting_id=meeting.id,
                body_id=body_id,
                people=people,
            )
        )
    for number, vote in enumerate(held.resolutions, 1):
        session.add(
            Resolution(
                community_id=meeting.community_id,
                id=uuid.uuid4(),
                meeting_id=meeting.id,
                number=number,
                wording=vote.wording.strip(),
                votes_for=vote.votes_for,
                votes_against=vote.votes_against,
                votes_abstained=vote.votes_abstained,
            )
        )
    session.flush()


def _wrong_day(community: Community, campaign: Campaign, day: dt.date) -> list[Problem]:
    ended = campaign.ended_on or today(community)
    if campaign.started_on <= day <= min(ended, today(community)):
        return []
    message = f"{day} lies outside the campaign, or is still to come."
    remedy = f"Give a day from {campaign.started_on} to {min(ended, today(community))}."
    return [Problem("wrong_time", message, remedy, field="held_on")]


def _wrong_people(session: Session, community: Community, held: Held) -> list[Problem]:
    problems = []
    if not held.people:
        message = "Nobody took part."
        problems.append(
            Problem(
                "attendance_missing", message, "Say how many came of each body.", field="people"
            )
        )
    known = {body.id for body in bodies(session, community)}
    if not set(held.people) <= known:
        message = "A body is not of this community."
        problems.append(Problem("body", message, "Choose from the list.", field="people"))
    if any(not 0 < number <= MOST_PEOPLE for number in held.people.values()):
        message = f"Of each body came 1 to {MOST_PEOPLE} people."
        problems.append(Problem("people", message, "Correct the number.", field="people"))
    return problems


def _wrong_votes(held: Held) -> list[Problem]:
    problems = []
    came = sum(held.people.values())
    for number, vote in enumerate(held.resolutions, 1):
        counted = (vote.votes_for, vote.votes_against, vote.votes_abstained)
        name = f"wording-{number}"
        if not vote.wording.strip():
            message = f"Resolution {number} has votes and no wording."
            problems.append(Problem("wording_missing", message, "Write it.", field=name))
        if min(counted) < 0 or not 0 < sum(counted) <= max(came, 1):
            message = f"Resolution {number} has {sum(counted)} votes; {came} people took part."
            problems.append(Problem("votes", message, "Correct the votes.", field=name))
    return problems
