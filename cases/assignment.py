"""Who works on a case: its lane housekeeper, who follows the lane, and its inspector.

Who was assigned, by whom and on which basis is an event of the case; what a person
chose is therefore known and kept when lanes change.
"""

import enum
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from cases.access import Permission, Role
from cases.answers import Key
from cases.casework import StaleVersion
from cases.ledger import Book, Moment
from cases.models import Account, Case, CaseEvent, Lane, LaneBuilding, Membership
from cases.people import Rights, rights
from cases.signing import Signature
from cases.workflow import State
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem, Said
from layers.bulk import among, listed
from layers.frames import Rows
from layers.models import Community, Household
from layers.places import lock_community

CHANGED = "case:assignment:changed"
# Nobody goes to the household of such a case any more.
RESTING_STATES = frozenset({State.REJECTED, State.CLOSED})


class Duty(enum.StrEnum):
    """As what somebody is assigned to a case."""

    HOUSEKEEPER = "housekeeper"
    INSPECTOR = "inspector"


class Basis(enum.StrEnum):
    """Why somebody is assigned to a case."""

    LANE = "lane"
    PERSON = "person"


ROLE_OF = {Duty.HOUSEKEEPER: Role.LANE_HOUSEKEEPER, Duty.INSPECTOR: Role.INSPECTOR}


@dataclass(frozen=True)
class _Change:
    """A case that gets somebody else, and why."""

    case: Case
    account_id: int | None
    basis: Basis


def workers(session: Session, community: Community, duty: Duty) -> list[Account]:
    """Return the active accounts that can be assigned to cases of a community, by name."""
    role = ROLE_OF[duty]
    holding = select(Membership.account_id).where(Membership.role == role)
    found = session.scalars(
        select(Account)
        .where(Account.active, Account.id.in_(holding))
        .order_by(Account.name, Account.email)
    )
    return [one for one in found if role in _roles(rights(session, one.id), community.id)]


def duties(held: Rights, community_id: int) -> frozenset[Duty]:
    """Return as what an account can be assigned to the cases of a community."""
    roles = _roles(held, community_id)
    return frozenset(duty for duty, role in ROLE_OF.items() if role in roles)


def _roles(held: Rights, community_id: int) -> set[Role]:
    return {
        grant.role
        for grant in held.grants
        if grant.communities is None or community_id in grant.communities
    }


class StaleCases(StaleVersion):
    """Somebody else changed some of several cases since the caller read them."""

    def __init__(self, cases: Sequence[Case]) -> None:
        """Keep which cases they are."""
        self.ids = frozenset(case.id for case in cases)
        super().__init__(cases[0])


def check_versions(
    session: Session, community: Community, read: Mapping[uuid.UUID, int | None]
) -> None:
    """Lock cases that are to be assigned; raise ``StaleCases`` where one is another version.

    ``read`` holds the version in which each was read, ``None`` where that does not matter.
    """
    found = _locked(session, community, read)
    stale = [case for case in found if read[case.id] not in {None, case.version}]
    if stale:
        raise StaleCases(stale)


def assign(
    session: Session,
    community: Community,
    cases: Collection[uuid.UUID],
    duty: Duty,
    account_id: int | None,
    by: Signature,
) -> int:
    """Assign somebody to cases by hand, ``None`` to nobody; return how many changed.

    A housekeeper assigned so stays when lanes change. The caller commits. Raises
    ``InputError`` with everything that is wrong.
    """
    found = _locked(session, community, cases)
    known = {account.id for account in workers(session, community, duty)}
    problems = [*by.lacks(Permission.CASE_ASSIGN), *_missing(found, cases)]
    if account_id is not None and account_id not in known:
        problems.append(_no_worker(duty))
    if problems:
        raise InputError(problems)
    own = own_choices(session, community, [case.id for case in found])
    changes = [
        _Change(case, account_id, Basis.PERSON)
        for case in found
        if _assigned(case, duty) != account_id or (duty is Duty.HOUSEKEEPER and case.id not in own)
    ]
    _change(session, community, duty, changes, by)
    return len(changes)


def follow_lane(
    session: Session, community: Community, cases: Collection[uuid.UUID], by: Signature
) -> int:
    """Let cases follow their lanes again, whoever was chosen; return how many changed."""
    found = _locked(session, community, cases)
    problems = [*by.lacks(Permission.CASE_ASSIGN), *_missing(found, cases)]
    if problems:
        raise InputError(problems)
    own = own_choices(session, community, [case.id for case in found])
    return _follow(session, community, found, own, by)


def follow_lanes(session: Session, community: Community, by: Signature) -> int:
    """Give every case that is under way its lane's housekeeper; return how many changed.

    Cases whose housekeeper a person chose keep it. The caller has checked that lanes
    may be changed, and commits.
    """
    under_way = select(Case.id).where(
        Case.community_id == community.id, Case.state.not_in(sorted(RESTING_STATES))
    )
    found = _locked(session, community, session.scalars(under_way).all())
    own = own_choices(session, community, [case.id for case in found])
    return _follow(session, community, [case for case in found if case.id not in own], set(), by)


def _follow(
    session: Session,
    community: Community,
    cases: Sequence[Case],
    own: Collection[uuid.UUID],
    by: Signature,
) -> int:
    keys = [(community.id, case.household_id) for case in cases]
    lane = lane_housekeepers(session, keys)
    wanted = [
        _Change(case, lane.get(key), Basis.LANE) for case, key in zip(cases, keys, strict=True)
    ]
    changes = [
        one for one in wanted if one.case.housekeeper_id != one.account_id or one.case.id in own
    ]
    _change(session, community, Duty.HOUSEKEEPER, changes, by)
    return len(changes)


def lane_housekeepers(session: Session, households: Collection[Key]) -> dict[Key, int]:
    """Return the housekeeper of the lane of each (community, household) that has one."""
    who = listed(households)
    rows = session.execute(
        select(Household.community_id, Household.id, Lane.housekeeper_id)
        .join(who, (Household.community_id == who.c.community_id) & (Household.id == who.c.id))
        .join(
            LaneBuilding,
            (LaneBuilding.community_id == Household.community_id)
            & (LaneBuilding.building_id == Household.building_id),
        )
        .join(
            Lane,
            (Lane.community_id == LaneBuilding.community_id) & (Lane.id == LaneBuilding.lane_id),
        )
    )
    return {(row[0], row[1]): row[2] for row in rows if row[2] is not None}


def own_choices(
    session: Session, community: Community, cases: Collection[uuid.UUID]
) -> set[uuid.UUID]:
    """Return which cases have the housekeeper that a person chose for them."""
    latest = _latest_bases(community).where(among(CaseEvent.case_id, cases))
    return {case for case, basis in session.execute(latest) if basis == Basis.PERSON}


def _latest_bases(community: Community) -> Rows:
    """Select the basis on which each case got its present housekeeper."""
    return (
        select(CaseEvent.case_id, CaseEvent.data["basis"].as_string())
        .where(
            CaseEvent.community_id == community.id,
            CaseEvent.event == CHANGED,
            CaseEvent.data["duty"].as_string() == Duty.HOUSEKEEPER,
        )
        .ext(distinct_on(CaseEvent.case_id))
        .order_by(CaseEvent.case_id, CaseEvent.seq.desc())
    )


def assignment_data(
    duty: Duty, basis: Basis, before: str | None, after: str | None
) -> dict[str, str | None]:
    """Return what an event says of an assignment; people are named by their addresses."""
    return {"duty": duty, "basis": basis, "from": before, "to": after}


def addresses(session: Session, accounts: Collection[int | None]) -> dict[int | None, str]:
    """Return the e-mail address of each account."""
    known = {one for one in accounts if one is not None}
    rows = session.execute(select(Account.id, Account.email).where(Account.id.in_(known)))
    return dict(rows.all())


def _change(
    session: Session,
    community: Community,
    duty: Duty,
    changes: Sequence[_Change],
    by: Signature,
) -> None:
    """Assign, and record each change as an event of its case."""
    involved = [one.account_id for one in changes]
    names = addresses(session, [*involved, *(_assigned(one.case, duty) for one in changes)])
    moment = Moment.of(community, by.at)
    book = Book(SurveyCRS(community.survey_srid))
    for one in changes:
        before = names.get(_assigned(one.case, duty))
        data = assignment_data(duty, one.basis, before, names.get(one.account_id))
        note = names.get(one.account_id, "")
        key = community.id, one.case.id
        book.record(moment, key, by.actor, CHANGED, note=note, data=data)
        if duty is Duty.HOUSEKEEPER:
            one.case.housekeeper_id = one.account_id
        else:
            one.case.inspector_id = one.account_id
        one.case.version += 1
    session.flush()
    book.post(session)


def _assigned(case: Case, duty: Duty) -> int | None:
    return case.housekeeper_id if duty is Duty.HOUSEKEEPER else case.inspector_id


def _locked(session: Session, community: Community, cases: Collection[uuid.UUID]) -> Sequence[Case]:
    lock_community(session, community.id)
    return session.scalars(
        select(Case)
        .where(Case.community_id == community.id, among(Case.id, cases))
        .order_by(Case.id)
        # Not against those who only refer to a case: they may wait for the community.
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()


def _missing(found: Sequence[Case], wanted: Collection[uuid.UUID]) -> list[Problem]:
    if not wanted:
        text, remedy = "No case is chosen.", "Tick one or more."
        return [Problem("no_case", text, remedy, field="cases")]
    if len(found) < len(set(wanted)):
        text, remedy = "There is no such case.", "Choose from the list."
        return [Problem("unknown_case", text, remedy, field="cases")]
    return []


def _no_worker(duty: Duty) -> Problem:
    role = ROLE_OF[duty]
    text = Said("Nobody of that address works here as {role}.", role=role)
    return Problem("no_worker", text, "Choose from the list.", field=duty)
