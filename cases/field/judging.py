"""What stands against a review: the own work, a day nobody knows, ground that has changed since."""

import datetime as dt
import enum
import uuid
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.field.versions import observation_version
from cases.ledger import today, wrong_time
from cases.lineage import latest, successors
from cases.models import FieldDecision, FieldSubmission
from cases.registry import find_household
from cases.sightings import future_problems
from cases.signing import Signature
from gis.problems import InputError, Problem, Said, Several
from layers.models import Community, Household, Observation, ObservationStatus, Purpose


class Overtaken(enum.StrEnum):
    """What to do with a correction of an observation that somebody else changed since."""

    REPLACE = "replace"
    BESIDE = "beside"


def own_problems(sent: FieldSubmission, by: Signature) -> list[Problem]:
    """Refuse a decision about what the reviewer sent."""
    whose = {one.casefold() for one in (sent.recorded_by, sent.imported_by) if one}
    if by.actor.casefold() not in whose:
        return []
    text = "You sent this yourself, or took it in from a file."
    return [Problem("own_submission", text, "Let another person decide about it.")]


def decided_problem(decided: FieldDecision) -> Problem:
    """Return the problem of a submission that was decided about before."""
    text = Said(
        "It was decided about already: {verdict} by {decided_by}.",
        verdict=decided.verdict,
        decided_by=decided.decided_by,
    )
    return Problem("decided_already", text, "Look at what became of it.")


def named_household(
    session: Session, community: Community, sent: FieldSubmission, ref: str
) -> tuple[Household | None, list[Problem]]:
    """Return the household that a reviewer names, else the one that the inspector named."""
    if ref.strip():
        found = find_household(session, community, ref.strip())
        return found, [] if found else [_unknown_household(ref.strip())]
    if sent.household_id is None:
        return None, []
    return session.get_one(Household, (community.id, sent.household_id)), []


def _unknown_household(ref: str) -> Problem:
    return Problem(
        "unknown_household",
        Said("There is no {kind} {ref!r} in this community.", kind="household", ref=ref[:64]),
        Said("Give the ref of a {kind} that is there.", kind="household"),
        field="household",
    )


def time_problems(
    community: Community, parts: Sequence[FieldSubmission], by: Signature
) -> list[Problem]:
    """Refuse to decide in the future, or before the submissions had been received."""
    received = max((one.received_at for one in parts), default=None)
    # A form gives minutes.
    if by.at is None or received is None or by.at >= received.replace(second=0, microsecond=0):
        return future_problems(community, by)
    zone = ZoneInfo(community.time_zone)
    text = Said(
        "{at} is before it was received, {received}.",
        at=by.at.isoformat(timespec="minutes"),
        received=received.astimezone(zone).isoformat(timespec="minutes"),
    )
    return [wrong_time(text)]


def day_problems(
    community: Community, parts: Sequence[FieldSubmission], day: dt.date | None
) -> list[Problem]:
    """Ask for the day where the phone's clock cannot be believed."""
    if day is not None and day > today(community):
        text: str = Said("{day} is still to come.", day=day)
        remedy = "Give the day on which it was seen."
        return [Problem("wrong_day", text, remedy, field="observed_on")]
    if day is not None or not any(one.is_clock_doubtful for one in parts):
        return []
    text = "The phone's clock was wrong, so nobody knows on which day this was seen."
    remedy = "Confirm the day, or give the right one."
    return [Problem("day_unconfirmed", text, remedy, field="observed_on")]


def to_replace(
    session: Session, community: Community, sent: FieldSubmission, overtaken: Overtaken | None
) -> tuple[Observation | None, list[Problem]]:
    """Return the observation whose place a correction takes.

    Where somebody else has changed it since the inspector read it, the reviewer says what
    stands: nothing is overwritten that the reviewer has not seen.
    """
    if sent.corrects_id is None:
        return None, []
    read = session.get_one(Observation, (community.id, sent.corrects_id))
    now = standing_now(session, read)
    if read.status is ObservationStatus.OPEN and not is_overtaken(sent, read):
        return read, []
    if overtaken is Overtaken.REPLACE and len(standing_parts(session, read)) > 1:
        split = Said("Observation {ref} was split since it was read.", ref=read.ref)
        remedy = "Merge it with one part, let it stand beside them, or return it."
        return None, [Problem("split_since", split, remedy, field="overtaken")]
    if overtaken is Overtaken.REPLACE and now is not None:
        return now, []
    if overtaken is Overtaken.BESIDE:
        return None, []
    text = Said("Observation {ref} was changed by somebody else since it was read.", ref=read.ref)
    remedy = "Say whether this takes its place or stands beside it, or merge both, or return it."
    return None, [Problem("overtaken", text, remedy, field="overtaken")]


def is_overtaken(sent: FieldSubmission, read: Observation) -> bool:
    """Tell whether the observation that a submission corrects is another than was read."""
    return sent.corrects_version not in ("", observation_version(read))


def standing_parts(session: Session, read: Observation) -> list[Observation]:
    """Return the open observations in the place of one: several where it was split."""
    found = successors(session, read)
    return [one for one in found if one.status is ObservationStatus.OPEN]


def standing_now(session: Session, read: Observation) -> Observation | None:
    """Return the open observation that came in the place of one, ``None`` where it ended."""
    now = latest(session, read)
    return now if now.status is ObservationStatus.OPEN else None


def named_observation(
    session: Session, community: Community, observation_id: uuid.UUID | None
) -> tuple[Observation | None, list[Problem]]:
    """Return the open observation that a merger names, and what is wrong with it."""
    if observation_id is None:
        return None, []
    seen = session.get(Observation, (community.id, observation_id))
    if seen and seen.status is ObservationStatus.OPEN and seen.purpose is not Purpose.RESIDUAL:
        return seen, []
    return None, [_not_open()]


def open_observation(session: Session, community: Community, ref: str) -> uuid.UUID:
    """Return the open observation of a ref; raises ``InputError`` where there is none."""
    found = session.scalar(
        select(Observation.id).where(
            Observation.community_id == community.id,
            Observation.ref == ref.strip(),
            Observation.status == ObservationStatus.OPEN,
            Observation.purpose != Purpose.RESIDUAL,
        )
    )
    if found is None:
        raise InputError([_not_open()])
    return found


def _not_open() -> Problem:
    text, remedy = "This observation is not open.", "Choose one that still counts."
    return Problem("unknown_observation", text, remedy, field="observation")


def merged_over(
    session: Session,
    community: Community,
    parts: Sequence[FieldSubmission],
    named: Observation | None,
) -> tuple[Observation | None, list[Problem]]:
    """Return the observation whose place the merger takes; more than one is refused."""
    targets = {} if named is None else {named.id: named}
    for part in parts:
        if part.corrects_id is not None:
            read = session.get_one(Observation, (community.id, part.corrects_id))
            standing = standing_parts(session, read)
            is_as_read = standing == [read] and not is_overtaken(part, read)
            if not is_as_read and named not in standing:
                return None, [_unseen(read)]
            targets |= {one.id: one for one in standing if is_as_read or one is named}
    if len(targets) < 2:
        return next(iter(targets.values()), None), []
    refs = Several(sorted(one.ref for one in targets.values()))
    text = Said("They belong to several observations: {refs}.", refs=refs)
    remedy = "Merge those of one observation at a time."
    return None, [Problem("merger_several", text, remedy, field="with")]


def _unseen(read: Observation) -> Problem:
    """Ask for what stands now, so that nothing is overwritten that the reviewer has not seen."""
    text = Said("Observation {ref} was changed by somebody else since it was read.", ref=read.ref)
    remedy = "Name what stands there now among what is merged, or decide about it by itself."
    return Problem("overtaken", text, remedy, field="with")


def one_household(
    session: Session,
    community: Community,
    parts: Sequence[FieldSubmission],
    replaced: Observation | None,
) -> tuple[Household | None, list[Problem]]:
    """Return the household that the parts name; where they disagree, no one is accused."""
    named = {part.household_id for part in parts if part.household_id is not None}
    if not named and replaced is not None and replaced.occupier_id is not None:
        named = {replaced.occupier_id}
    if len(named) > 1:
        text = "They name different households."
        remedy = "Accept them one by one, or return what is wrong."
        return None, [Problem("merger_households", text, remedy, field="with")]
    key = next(iter(named), None)
    return (None if key is None else session.get_one(Household, (community.id, key))), []
