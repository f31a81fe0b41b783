"""The compound's side of the invented story: meetings, standard, announcement, campaigns.

All texts are invented; the order of events and the numbers are DOMAIN's story.
"""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

CHINA = ZoneInfo("Asia/Shanghai")
# State Council General Office, public holidays of 2022 and 2023 that fall on weekdays [GK].
HOLIDAYS = np.array(
    [
        *np.arange("2022-01-31", "2022-02-05", dtype="datetime64[D]"),
        *(f"2022-{day}" for day in ("04-04", "04-05", "05-02", "05-03", "05-04", "06-03", "09-12")),
        *np.arange("2022-10-03", "2022-10-08", dtype="datetime64[D]"),
        "2023-01-02",
        *np.arange("2023-01-23", "2023-01-28", dtype="datetime64[D]"),
        *(f"2023-{day}" for day in ("04-05", "05-01", "05-02", "05-03", "06-22", "06-23")),
        "2023-09-29",
        *np.arange("2023-10-02", "2023-10-07", dtype="datetime64[D]"),
    ],
    dtype="datetime64[D]",
)


def working_day(start: dt.date, days: int = 0) -> dt.date:
    """Return the day ``days`` working days after ``start`` (or after its next working day)."""
    day = np.busday_offset(start, days, roll="forward", holidays=HOLIDAYS)
    found: dt.date = day.astype(object)
    return found


def at(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    """Return a time of day in Weihai."""
    return dt.datetime.combine(day, dt.time(hour, minute), CHINA)


@dataclass(frozen=True)
class Calendar:
    """The dates of one compound's campaign; ``as_of`` is where an unfinished one stands."""

    first_meeting: dt.date
    survey_from: dt.date
    files_from: dt.date
    announced: dt.date
    deadline: dt.date
    remedial_from: dt.date
    last_inspection: dt.date
    as_of: dt.date | None


WHOLE = Calendar(
    first_meeting=dt.date(2022, 3, 8),
    survey_from=dt.date(2022, 4, 6),
    files_from=dt.date(2022, 6, 13),
    announced=dt.date(2022, 6, 27),
    deadline=dt.date(2022, 7, 15),
    remedial_from=dt.date(2022, 7, 13),
    last_inspection=dt.date(2022, 7, 22),
    as_of=None,
)
HALFWAY = Calendar(
    first_meeting=dt.date(2022, 5, 24),
    survey_from=dt.date(2022, 7, 4),
    files_from=dt.date(2022, 8, 29),
    announced=dt.date(2022, 9, 13),
    deadline=dt.date(2022, 9, 30),
    remedial_from=dt.date(2022, 9, 28),
    last_inspection=dt.date(2022, 10, 14),
    as_of=dt.date(2022, 10, 28),
)


def calendar(finished: bool) -> Calendar:
    """Return the dates of a finished campaign, or of one in its middle."""
    return WHOLE if finished else HALFWAY


@dataclass(frozen=True)
class EarlierCampaign:
    """A campaign that failed; counts are households."""

    name: str
    leader: str
    started: dt.date
    ended: dt.date
    order: str
    cleared: int
    taken_again: int
    result: str


EARLIER_CAMPAIGNS = (
    EarlierCampaign(
        "First clean-up",
        "enforcement department",
        dt.date(2013, 4, 15),
        dt.date(2013, 6, 28),
        "easy_first",
        23,
        21,
        "stopped at the first refusals; fences were back by the autumn",
    ),
    EarlierCampaign(
        "Second clean-up",
        "enforcement department",
        dt.date(2015, 9, 7),
        dt.date(2015, 11, 20),
        "easy_first",
        31,
        30,
        "cleared ground lay bare over the winter and was dug over in spring",
    ),
    EarlierCampaign(
        "Third clean-up",
        "enforcement department",
        dt.date(2018, 5, 14),
        dt.date(2018, 7, 13),
        "easy_first",
        40,
        37,
        "neighbours who had cleared saw that others had not, and fenced again",
    ),
    EarlierCampaign(
        "Fourth clean-up",
        "enforcement department",
        dt.date(2020, 8, 3),
        dt.date(2020, 9, 25),
        "easy_first",
        28,
        28,
        "the hard cases were never reached; everything was taken again",
    ),
)


@dataclass(frozen=True)
class Meeting:
    """A joint meeting: number, time, the bodies that came, topic and what was resolved."""

    number: int
    at: dt.datetime
    bodies: tuple[str, ...]
    topic: str
    resolution: str


_CORE = ("party_branch", "residents_committee", "owners_committee", "property_company")
_OTHERS = ("property_office", "volunteers", "lane_housekeepers")
_AGENDA = (
    ("Why four campaigns failed", "The party branch coordinates; enforcement only advises."),
    ("Who works together", "The bodies of 1+3+X name one person each."),
    ("What is whose ground", "Annex 3 of the purchase contracts is collected and copied."),
    ("Baseline survey", "Every ground-floor household is surveyed and entered in a ledger."),
    ("First sheets of the survey", "Six buildings a day; unclear titles are set apart."),
    ("Result of the survey", "The ledger is read out by building, without names."),
    ("What residents want instead", "Planting and e-bike charging; a list of places is kept."),
    ("Lanes and housekeepers", "Six lanes, one housekeeper each."),
    ("Elderly and sick households", "Help with clearing is offered, by signed consent."),
    ("Objections", "A desk opens on two evenings a week; three days to answer."),
    ("Draft of the score standard", "The draft hangs out for a fortnight."),
    ("Comments on the draft", "Points fall only after the deadline, never on a family."),
    ("Consent and files", "A file is opened with the resident's consent only."),
    ("Vote on the score standard", "The amended standard is adopted and sent for filing."),
    ("Text of the announcement", "Deadline, points at stake and the way to object are agreed."),
    ("Order of work", "Persuade all; the remedial team takes the hardest at the end."),
)


def meetings(dates: Calendar) -> tuple[Meeting, ...]:
    """Return the joint meetings, one a week, on the next working day where that is a holiday."""
    held = []
    for number, (topic, resolution) in enumerate(_AGENDA, start=1):
        day = _meeting_day(dates, number)
        bodies = _CORE + _OTHERS[: number % 4]
        held.append(Meeting(number, at(day, 14, 30), bodies, topic, resolution))
    return tuple(held)


def _meeting_day(dates: Calendar, number: int) -> dt.date:
    return working_day(dates.first_meeting + dt.timedelta(weeks=number - 1))


@dataclass(frozen=True)
class StandardItem:
    """One item of the score standard: what it takes and what it needs as evidence."""

    code: str
    text: str
    points: int
    evidence: str
    basis: str


@dataclass(frozen=True)
class ScoreStandard:
    """A version of the score standard with the number of the meeting that adopted it."""

    version: str
    meeting: int
    adopted_on: dt.date
    effective_from: dt.date
    filing_number: str
    items: tuple[StandardItem, ...]


def standard(dates: Calendar) -> ScoreStandard:
    """Return the amended standard; it takes effect before the announcement, never after."""
    meeting = 1 + next(i for i, (topic, _) in enumerate(_AGENDA) if topic.startswith("Vote"))
    adopted = _meeting_day(dates, meeting)
    items = (
        StandardItem(
            "G1",
            "Common green enclosed and not cleared by the deadline",
            -10,
            "accepted survey sheet and notice",
            "residents' compact, article 12",
        ),
        StandardItem(
            "G2",
            "Cleared green enclosed again",
            -20,
            "patrol sheet and accepted survey sheet",
            "residents' compact, article 12",
        ),
        StandardItem(
            "G3",
            "Cleared before the deadline",
            5,
            "acceptance form",
            "residents' compact, article 15",
        ),
        StandardItem(
            "G4",
            "Care of a planted bed for a season",
            5,
            "building head's record",
            "residents' compact, article 15",
        ),
    )
    effective = working_day(adopted, 5)
    return ScoreStandard("2022-1", meeting, adopted, effective, "invented-2022-014", items)


@dataclass(frozen=True)
class Announcement:
    """The announcement: when and where it was posted, until when, with what at stake."""

    document: str
    posted_at: dt.datetime
    deadline: dt.date
    channels: tuple[tuple[str, dt.datetime], ...]
    at_stake: tuple[str, ...]
    standard_version: str
    objection: str


def announcement(dates: Calendar) -> Announcement:
    """Return the announcement, posted on three channels within the same day."""
    posted = at(dates.announced, 9)
    channels = tuple(
        (channel, posted + dt.timedelta(hours=hours))
        for channel, hours in (("notice_board", 0), ("door", 1), ("chat_group", 2))
    )
    return Announcement(
        "announcement 2022-001",
        posted,
        dates.deadline,
        channels,
        ("G1", "G3"),
        "2022-1",
        "in writing or at the desk, Tuesday and Thursday evening",
    )
