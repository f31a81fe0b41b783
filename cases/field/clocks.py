"""On which day something was seen, by the clock of a phone that may be wrong."""

import datetime as dt
from dataclasses import dataclass

from cases.ledger import CLOCK_SLACK, Moment
from layers.models import Community

# Clocks of phones differ by seconds; only what is more says that one is wrong.
FORGIVEN = dt.timedelta(minutes=2)
# Whoever prepared nothing can still send what is younger than this without being asked.
LONGEST = dt.timedelta(days=60)


@dataclass(frozen=True)
class PhoneClock:
    """What a phone says of time; all aware.

    ``observed_at`` and ``sent_at`` are its own clock, when it was seen and when it was
    sent; ``prepared_at`` is the server's time of the bundle it was marked on.
    """

    observed_at: dt.datetime
    sent_at: dt.datetime | None = None
    prepared_at: dt.datetime | None = None


@dataclass(frozen=True)
class Judged:
    """The day that follows, and how sure it is; ``offset_s`` is what the phone's clock lacks."""

    day: dt.date
    offset_s: float
    is_doubtful: bool


def judge_clock(community: Community, clock: PhoneClock, received_at: dt.datetime) -> Judged:
    """Return the day on which it was seen, where the community is.

    It lies between the time at which the area was prepared and the present; where what
    the phone says does not, even once its present error is taken off, it is doubtful, and
    the day of receipt stands in until the office says otherwise.
    """
    offset = received_at - (clock.sent_at or received_at)
    seen_at = clock.observed_at + (offset if abs(offset) > FORGIVEN else dt.timedelta())
    earliest = clock.prepared_at or received_at - LONGEST
    is_doubtful = not earliest - CLOCK_SLACK <= seen_at <= received_at + CLOCK_SLACK
    moment = Moment.of(community, received_at if is_doubtful else min(seen_at, received_at))
    return Judged(moment.day, offset.total_seconds(), is_doubtful)
