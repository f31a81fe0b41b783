"""What the office makes of what phones sent: accepted, merged or returned, once and by another.

Accepted ground becomes an observation and is laid over the parcels in the same transaction.
A submission itself never changes, so every outline that anybody sent stays in the record.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from cases.access import Permission
from cases.decisions import cases_of
from cases.field.becoming import Becoming, become_clear, become_observation
from cases.field.history import record_captured
from cases.field.judging import (
    Overtaken,
    day_problems,
    decided_problem,
    merged_over,
    named_household,
    named_observation,
    one_household,
    own_problems,
    time_problems,
    to_replace,
)
from cases.field.verdicts import record_decision, select_decided
from cases.flagging import FlagReport, flag
from cases.models import FieldDecision, FieldSubmission, FieldVerdict, SubmissionKind
from cases.signing import Signature, length_problems, text_problems
from gis.problems import InputError, Problem, Said
from layers.bulk import among
from layers.models import (
    Community,
    Observation,
    StructureType,
)
from layers.places import lock_community

MOST_MERGED = 20


@dataclass(frozen=True)
class Acceptance:
    """What a reviewer says beside yes; what is not given is as the phone sent it.

    ``observed_on`` confirms the day where the phone's clock was doubtful. ``overtaken`` says
    of a correction whose observation was changed by somebody else whether it takes the place
    of what stands now, or stands beside it.
    """

    structure_type: StructureType | None = None
    household: str = ""
    observed_on: dt.date | None = None
    reason: str = ""
    overtaken: Overtaken | None = None


@dataclass(frozen=True)
class Merger:
    """Which other submissions and which open observation become one with a submission."""

    submissions: Sequence[uuid.UUID] = ()
    observation: uuid.UUID | None = None
    reason: str = ""
    observed_on: dt.date | None = None


@dataclass(frozen=True)
class Reviewed:
    """What was decided, the observation that it became, and what flagging made of that."""

    decision: FieldDecision
    observation: Observation | None = None
    report: FlagReport = field(default_factory=FlagReport)


def accept(
    session: Session,
    community: Community,
    submission_id: uuid.UUID,
    asked: Acceptance,
    by: Signature,
) -> Reviewed:
    """Let a submission become an observation, and flag it at once.

    A correction takes the place of the observation that it corrects, as one of an import
    does. "Nothing here" becomes an observation of structure ``none`` over the parcels of
    its household, which count as looked at. The caller commits. Raises ``InputError`` with
    everything that is wrong, ``LookupError`` where there is no such submission.
    """
    lock_community(session, community.id)
    sent, problems = _waiting(session, community, submission_id, by)
    household, lacks = named_household(session, community, sent, asked.household)
    problems += [*lacks, *length_problems([("reason", asked.reason)])]
    problems += day_problems(community, [sent], asked.observed_on)
    problems += time_problems(community, [sent], by)
    replaced, wrong = to_replace(session, community, sent, asked.overtaken)
    problems += [*wrong, *_nothing_there(sent, asked)]
    if problems:
        raise InputError(problems)
    becoming = Becoming.of(sent, household)
    becoming = replace(
        becoming,
        structure_type=asked.structure_type or becoming.structure_type,
        observed_on=asked.observed_on or becoming.observed_on,
    )
    return _accepted(session, community, sent, becoming, replaced, asked.reason, by)


def merge(
    session: Session,
    community: Community,
    submission_id: uuid.UUID,
    asked: Merger,
    by: Signature,
) -> Reviewed:
    """Let several submissions, and an open observation where one is named, become one.

    Its ground is theirs together; each of them stays in the record as it was. It takes the
    place of the observation that is named, or that one of them corrects. The caller commits.
    Raises as :func:`accept`.
    """
    lock_community(session, community.id)
    ids = list(dict.fromkeys([submission_id, *asked.submissions]))
    parts, problems = _parts(session, community, ids, by)
    problems += text_problems([("reason", asked.reason)])
    named, wrong = named_observation(session, community, asked.observation)
    problems += wrong
    if len(ids) == 1 and asked.observation is None:
        text, remedy = "There is nothing to merge with.", "Choose what belongs together."
        problems.append(Problem("merger_alone", text, remedy, field="with"))
    problems += day_problems(community, parts, asked.observed_on)
    problems += time_problems(community, parts, by)
    replaced, wrong = merged_over(session, community, parts, named)
    household, differs = one_household(session, community, parts, replaced)
    problems += [*wrong, *differs]
    if problems:
        raise InputError(problems)
    becoming = Becoming.together(parts, named, household)
    becoming = replace(becoming, observed_on=asked.observed_on or becoming.observed_on)
    seen = become_observation(session, community, becoming, replaced)
    decisions = [
        record_decision(
            session,
            part,
            FieldVerdict.MERGED,
            by.actor,
            reason=asked.reason,
            observation_id=seen.id,
        )
        for part in parts
    ]
    return Reviewed(decisions[0], seen, _flagged(session, community, seen, by))


def send_back(
    session: Session, community: Community, submission_id: uuid.UUID, reason: str, by: Signature
) -> Reviewed:
    """Return a submission to its inspector with the reason; nothing is observed.

    The caller commits. Raises as :func:`accept`.
    """
    lock_community(session, community.id)
    sent, problems = _waiting(session, community, submission_id, by)
    problems += text_problems([("reason", reason)])
    if problems:
        raise InputError(problems)
    verdict = FieldVerdict.RETURNED
    return Reviewed(record_decision(session, sent, verdict, by.actor, reason=reason))


def _accepted(
    session: Session,
    community: Community,
    sent: FieldSubmission,
    becoming: Becoming,
    replaced: Observation | None,
    reason: str,
    by: Signature,
) -> Reviewed:
    if sent.kind is SubmissionKind.CLEAR:
        seen = become_clear(session, community, becoming)
    else:
        seen = become_observation(session, community, becoming, replaced)
    verdict = FieldVerdict.ACCEPTED
    decided = record_decision(
        session, sent, verdict, by.actor, reason=reason, observation_id=seen.id
    )
    return Reviewed(decided, seen, _flagged(session, community, seen, by))


def _flagged(
    session: Session, community: Community, seen: Observation, by: Signature
) -> FlagReport:
    """Lay what was accepted over the parcels, and tell each case that has ground of it."""
    report = flag(session, [community], at=by.at, actor=by.actor)
    record_captured(session, community, seen.id, cases_of(session, seen), by)
    return report


def _nothing_there(sent: FieldSubmission, asked: Acceptance) -> list[Problem]:
    """Refuse to call ground clear that was sent as enclosed: an inspection does that."""
    if sent.kind is SubmissionKind.CLEAR or asked.structure_type is not StructureType.NONE:
        return []
    text = "What was sent as enclosed cannot be accepted as clear."
    remedy = "Return it, or let an inspector look again."
    return [Problem("structure_of_enclosure", text, remedy, field="structure_type")]


def _waiting(
    session: Session, community: Community, submission_id: uuid.UUID, by: Signature
) -> tuple[FieldSubmission, list[Problem]]:
    """Return a submission, and why ``by`` may not decide about it now."""
    row = session.execute(
        select_decided(community).where(FieldSubmission.id == submission_id)
    ).one_or_none()
    if row is None:
        raise LookupError(f"there is no submission {submission_id}")
    sent, decided = row
    problems = [*by.lacks(Permission.FIELD_REVIEW), *own_problems(sent, by)]
    if decided is not None:
        problems.append(decided_problem(decided))
    return sent, problems


def _parts(
    session: Session, community: Community, ids: Sequence[uuid.UUID], by: Signature
) -> tuple[list[FieldSubmission], list[Problem]]:
    """Return the submissions that become one, in the order of ``ids``, and what is wrong."""
    rows = {
        sent.id: (sent, decided)
        for sent, decided in session.execute(
            select_decided(community).where(among(FieldSubmission.id, ids))
        )
    }
    if ids[0] not in rows:
        raise LookupError(f"there is no submission {ids[0]}")
    problems = by.lacks(Permission.FIELD_REVIEW)
    if len(ids) > MOST_MERGED:
        text = Said("{count} submissions are too many at once.", count=len(ids))
        fewer = Said("Merge at most {most}.", most=MOST_MERGED)
        problems.append(Problem("merger_large", text, fewer, field="with"))
    if len(rows) < len(ids):
        missing = "A submission is not there."
        remedy = "Choose from those that wait."
        problems.append(Problem("unknown_submission", missing, remedy, field="with"))
    found = [rows[one] for one in ids if one in rows]
    for sent, decided in found:
        problems += own_problems(sent, by)
        if decided is not None:
            problems.append(replace(decided_problem(decided), field="with"))
        if sent.kind is SubmissionKind.CLEAR:
            clear = "Ground that was found clear cannot be merged."
            remedy = "Accept or return it by itself."
            problems.append(Problem("merger_clear", clear, remedy, field="with"))
    return [sent for sent, _decided_on in found], problems
