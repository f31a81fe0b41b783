"""The states of a case and the one table of moves between them (DOMAIN, product rule 2).

Framework-free: nothing here knows a database, a request or a clock.
"""

import enum
from dataclasses import dataclass

from cases.access import Permission


class State(enum.StrEnum):
    """How far a case has come."""

    SUSPECTED = "suspected"
    VERIFIED = "verified"
    REJECTED = "rejected"
    ANNOUNCED = "announced"
    VISITED = "visited"
    SIGNED = "signed"
    DECLINED = "declined"
    SELF_CLEARING = "self_clearing"
    ASSISTED = "assisted"
    REFERRED = "referred"
    INSPECTED = "inspected"
    ACCEPTED = "accepted"
    MONITORING = "monitoring"
    CLOSED = "closed"
    REBOUND = "rebound"


class Status(enum.StrEnum):
    """What the map says of a parcel; the order is the order of the legend."""

    REBOUND = "rebound"
    SUSPECTED = "suspected"
    VERIFIED = "verified"
    ANNOUNCED = "announced"
    CLEARING = "clearing"
    REFERRED = "referred"
    CLEARED = "cleared"
    CLEAR = "clear"
    UNKNOWN_TITLE = "unknown_title"
    PRIVATE = "private"
    NOT_LOOKED_AT = "not_looked_at"


STATUS_OF: dict[State, Status] = {
    State.SUSPECTED: Status.SUSPECTED,
    State.VERIFIED: Status.VERIFIED,
    State.REJECTED: Status.CLEAR,
    State.ANNOUNCED: Status.ANNOUNCED,
    State.VISITED: Status.ANNOUNCED,
    State.SIGNED: Status.ANNOUNCED,
    State.DECLINED: Status.ANNOUNCED,
    State.SELF_CLEARING: Status.CLEARING,
    State.ASSISTED: Status.CLEARING,
    State.REFERRED: Status.REFERRED,
    State.INSPECTED: Status.CLEARING,
    State.ACCEPTED: Status.CLEARED,
    State.MONITORING: Status.CLEARED,
    State.CLOSED: Status.CLEARED,
    State.REBOUND: Status.REBOUND,
}

# Ground of a case in one of these was cleared and accepted by two people.
CLEARED_STATES = frozenset({State.ACCEPTED, State.MONITORING, State.CLOSED})

# Once verified and before it is cleared, a case may find ground that nobody has verified yet.
UNCONFIRMED_STATES = frozenset(State) - CLEARED_STATES - {State.SUSPECTED, State.REJECTED}

# The household is asked to clear and has not been inspected since.
AWAITED_STATES = frozenset(
    {
        State.ANNOUNCED,
        State.VISITED,
        State.SIGNED,
        State.DECLINED,
        State.SELF_CLEARING,
        State.ASSISTED,
    }
)
# Beyond these a case has no deadline: a later rebound is announced anew.
DEADLINE_STATES = AWAITED_STATES | {State.INSPECTED, State.REFERRED}
# A household is accused, so it may object.
OBJECTION_STATES = frozenset(State) - CLEARED_STATES - {State.REJECTED}


class Addressee(enum.StrEnum):
    """To whom a refusal is referred: nobody else may act on it (DOMAIN, product rule 3)."""

    AUTHORITY = "authority"
    OWNERS_CLAIM = "owners_claim"


class Requirement(enum.StrEnum):
    """What a move still needs beside its actor and time."""

    DOCUMENT = "document"
    REASON = "reason"
    KNOWN_TITLE = "known_title"
    ALL_VERIFIED = "all_verified"
    NOTHING_CLEARED = "nothing_cleared"
    RESIDUAL = "residual"
    RESIDUAL_WITHIN_TOLERANCE = "residual_within_tolerance"
    SECOND_PERSON = "second_person"
    NEW_OBSERVATION = "new_observation"
    CLOCK_RUNS = "clock_runs"
    DEADLINE_PASSED = "deadline_passed"
    UPHELD_OBJECTION = "upheld_objection"
    ANNOUNCEMENT = "announcement"
    UNANNOUNCED_GROUND = "unannounced_ground"
    GROUND_ANNOUNCED = "ground_announced"
    PATROLS_DONE = "patrols_done"


# What only the record itself brings about: nobody can ask for such a move.
BY_THE_RECORD = frozenset(
    {Requirement.NEW_OBSERVATION, Requirement.UPHELD_OBJECTION, Requirement.ANNOUNCEMENT}
)


class Document(enum.StrEnum):
    """The papers of a campaign (DOMAIN, product rule 22)."""

    SURVEY_SHEET = "survey_sheet"
    MINUTES = "minutes"
    ANNOUNCEMENT = "announcement"
    VISIT_RECORD = "visit_record"
    CREDIT_CONTRACT = "credit_contract"
    DEADLINE_NOTICE = "deadline_notice"
    ASSISTANCE_CONSENT = "assistance_consent"
    OBJECTION_DECISION = "objection_decision"
    REFERRAL = "referral"
    ACCEPTANCE_FORM = "acceptance_form"


@dataclass(frozen=True)
class Move:
    """One allowed step: from where, to where, who may, and what it needs."""

    source: State
    target: State
    permission: Permission
    requires: frozenset[Requirement] = frozenset()
    document: Document | None = None


def _moves(
    sources: tuple[State, ...],
    target: State,
    permission: Permission,
    *requires: Requirement,
    document: Document | None = None,
) -> list[Move]:
    needs = frozenset(requires) | ({Requirement.DOCUMENT} if document else frozenset())
    return [Move(source, target, permission, needs, document) for source in sources]


_TABLE = [
    *_moves((State.SUSPECTED,), State.VERIFIED, Permission.CASE_VERIFY),
    *_moves(
        (
            State.SUSPECTED,
            State.VERIFIED,
            State.ANNOUNCED,
            State.VISITED,
            State.SIGNED,
            State.DECLINED,
            State.SELF_CLEARING,
            State.ASSISTED,
            State.REFERRED,
            State.INSPECTED,
        ),
        State.REJECTED,
        Permission.CASE_VERIFY,
        Requirement.REASON,
        Requirement.NOTHING_CLEARED,
    ),
    *_moves(
        (State.REJECTED, State.ACCEPTED, State.MONITORING, State.CLOSED),
        State.SUSPECTED,
        Permission.CASE_VERIFY,
        Requirement.NEW_OBSERVATION,
    ),
    # What an upheld objection says was verified wrongly is verified again.
    *_moves(
        (
            State.VERIFIED,
            State.ANNOUNCED,
            State.VISITED,
            State.SIGNED,
            State.DECLINED,
            State.SELF_CLEARING,
            State.ASSISTED,
            State.REFERRED,
            State.INSPECTED,
        ),
        State.SUSPECTED,
        Permission.OBJECTION_DECIDE,
        Requirement.REASON,
        Requirement.NOTHING_CLEARED,
        Requirement.UPHELD_OBJECTION,
    ),
    # A poster, with its map and its deadline, announces; nobody does so case by case.
    *_moves(
        (State.VERIFIED, State.REBOUND),
        State.ANNOUNCED,
        Permission.CASE_ANNOUNCE,
        Requirement.CLOCK_RUNS,
        Requirement.KNOWN_TITLE,
        Requirement.ANNOUNCEMENT,
        document=Document.ANNOUNCEMENT,
    ),
    # Ground that came to a case later was on no poster, so its household had no time yet.
    *_moves(
        (State.ANNOUNCED, State.VISITED, State.DECLINED),
        State.ANNOUNCED,
        Permission.CASE_ANNOUNCE,
        Requirement.CLOCK_RUNS,
        Requirement.KNOWN_TITLE,
        Requirement.UNANNOUNCED_GROUND,
        Requirement.ANNOUNCEMENT,
        document=Document.ANNOUNCEMENT,
    ),
    # A household visited again after any answer: persuasion is the only means (rule 3).
    *_moves(
        (
            State.ANNOUNCED,
            State.VISITED,
            State.DECLINED,
            State.SIGNED,
            State.SELF_CLEARING,
            State.REFERRED,
            State.REBOUND,
        ),
        State.VISITED,
        Permission.CASE_VISIT,
        Requirement.CLOCK_RUNS,
    ),
    *_moves(
        (State.VISITED,), State.SIGNED, Permission.CASE_VISIT, document=Document.CREDIT_CONTRACT
    ),
    *_moves(
        (State.VISITED,),
        State.DECLINED,
        Permission.CASE_VISIT,
        Requirement.CLOCK_RUNS,
        Requirement.REASON,
    ),
    # The household was promised the time until its deadline.
    *_moves(
        (State.DECLINED,),
        State.REFERRED,
        Permission.CASE_REFER,
        Requirement.CLOCK_RUNS,
        Requirement.GROUND_ANNOUNCED,
        Requirement.DEADLINE_PASSED,
        Requirement.REASON,
        Requirement.KNOWN_TITLE,
        document=Document.REFERRAL,
    ),
    # Whoever clears of their own accord need not wait for a poster or a visit.
    *_moves(
        (
            State.VERIFIED,
            State.ANNOUNCED,
            State.VISITED,
            State.SIGNED,
            State.DECLINED,
            State.REBOUND,
        ),
        State.SELF_CLEARING,
        Permission.CASE_DECLARE,
    ),
    *_moves(
        (State.SIGNED, State.SELF_CLEARING),
        State.ASSISTED,
        Permission.CASE_VISIT,
        Requirement.CLOCK_RUNS,
        document=Document.ASSISTANCE_CONSENT,
    ),
    *_moves(
        (State.SELF_CLEARING, State.ASSISTED, State.REFERRED),
        State.INSPECTED,
        Permission.CASE_INSPECT,
        Requirement.ALL_VERIFIED,
        Requirement.RESIDUAL,
    ),
    *_moves(
        (State.INSPECTED,),
        State.ACCEPTED,
        Permission.CASE_ACCEPT,
        Requirement.ALL_VERIFIED,
        Requirement.SECOND_PERSON,
        Requirement.RESIDUAL_WITHIN_TOLERANCE,
        document=Document.ACCEPTANCE_FORM,
    ),
    *_moves((State.INSPECTED,), State.SELF_CLEARING, Permission.CASE_ACCEPT, Requirement.REASON),
    *_moves((State.ACCEPTED,), State.MONITORING, Permission.CASE_INSPECT),
    *_moves((State.MONITORING,), State.CLOSED, Permission.CASE_ACCEPT, Requirement.PATROLS_DONE),
    *_moves(
        (State.ACCEPTED, State.MONITORING, State.CLOSED),
        State.REBOUND,
        Permission.CASE_VERIFY,
        Requirement.NEW_OBSERVATION,
    ),
    # A rebound that was none: its observation is withdrawn and nothing else stands.
    *_moves(
        (
            State.SUSPECTED,
            State.VERIFIED,
            State.REBOUND,
            State.ANNOUNCED,
            State.VISITED,
            State.SIGNED,
            State.DECLINED,
            State.SELF_CLEARING,
            State.ASSISTED,
            State.REFERRED,
            State.INSPECTED,
        ),
        State.MONITORING,
        Permission.CASE_VERIFY,
        Requirement.NEW_OBSERVATION,
    ),
]

MOVES: dict[tuple[State, State], Move] = {(move.source, move.target): move for move in _TABLE}


def moves_from(state: State) -> list[Move]:
    """Return the moves that the table allows from ``state``, in the table's order."""
    return [move for move in _TABLE if move.source is state]
