"""Which cases and households an account sees: conditions that every query of them can carry.

Code asks this, never roles (SAFETY, "Who may what").
"""

from collections.abc import Callable, Mapping

from sqlalchemy import ColumnElement, and_, exists, false, or_, select, true

from cases.access import Role
from cases.declarations import lives_there
from cases.models import Account, Case, CaseEvent
from cases.people import Rights
from cases.workflow import Addressee, State
from layers.models import Household


def visible_cases(mine: Rights, account_id: int) -> ColumnElement[bool]:
    """Return which cases an account may see, as one condition on ``Case`` for any query.

    Each role sees its own cases within its communities.
    """
    seen = [
        and_(_lies_within(grant.communities), CASES_SEEN[grant.role](account_id))
        for grant in mine.grants
        if grant.role in CASES_SEEN
    ]
    return or_(false(), *seen)


def visible_households(mine: Rights, account_id: int) -> ColumnElement[bool]:
    """Return which households an account sees, by their ref, as one condition on ``Household``.

    Whoever plans or answers for a community sees all of its households; everybody else
    those of the cases that they see.
    """
    seen = [
        and_(_inhabit(grant.communities), _of_a_case(grant.role, account_id))
        for grant in mine.grants
        if grant.role in CASES_SEEN
    ]
    return or_(false(), *seen)


def _of_a_case(role: Role, account_id: int) -> ColumnElement[bool]:
    if role in EVERY_HOUSEHOLD:
        return true()
    return exists().where(
        Case.community_id == Household.community_id,
        Case.household_id == Household.id,
        CASES_SEEN[role](account_id),
    )


def _inhabit(communities: frozenset[int] | None) -> ColumnElement[bool]:
    return true() if communities is None else Household.community_id.in_(sorted(communities))


def _lies_within(communities: frozenset[int] | None) -> ColumnElement[bool]:
    return true() if communities is None else Case.community_id.in_(sorted(communities))


def _all_cases(_account_id: int) -> ColumnElement[bool]:
    return true()


def _looked_after(account_id: int) -> ColumnElement[bool]:
    return Case.housekeeper_id == account_id


# Moves that only whoever sees a case can make. Drawing ground and reassigning it bring
# cases about, verify and reject them as well, also such as the account does not see.
_LED = [
    f"case:state:{state}"
    for state in (
        State.SELF_CLEARING,
        State.INSPECTED,
        State.ACCEPTED,
        State.MONITORING,
        State.CLOSED,
    )
]


def _inspected_by(account_id: int) -> ColumnElement[bool]:
    """Return which cases are an inspector's.

    The assigned ones; those that nobody is assigned to yet, so that no suspicion waits
    for the desk; those that wait for a second person, as whoever inspected cannot accept;
    and those that the account led on, which it could not follow otherwise. By nothing
    that an inspector does to a case unseen does it come into sight.
    """
    led_on = exists().where(
        CaseEvent.community_id == Case.community_id,
        CaseEvent.case_id == Case.id,
        CaseEvent.event.in_(_LED),
        CaseEvent.actor == select(Account.email).where(Account.id == account_id).scalar_subquery(),
    )
    return or_(
        Case.inspector_id == account_id,
        Case.inspector_id.is_(None),
        Case.state == State.INSPECTED,
        led_on,
    )


def _referred(_account_id: int) -> ColumnElement[bool]:
    """Return which cases wait for the authority; an owners' own claim is none of theirs."""
    to = (
        select(CaseEvent.data["addressee"].astext)
        .where(
            CaseEvent.community_id == Case.community_id,
            CaseEvent.case_id == Case.id,
            CaseEvent.state == State.REFERRED,
        )
        .order_by(CaseEvent.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return and_(Case.state == State.REFERRED, to.is_distinct_from(Addressee.OWNERS_CLAIM))


# What each role sees of its communities' cases; a role that is not named sees none.
CASES_SEEN: Mapping[Role, Callable[[int], ColumnElement[bool]]] = {
    Role.RESIDENT: lives_there,
    Role.LANE_HOUSEKEEPER: _looked_after,
    Role.INSPECTOR: _inspected_by,
    Role.PLANNER: _all_cases,
    Role.SECRETARY: _all_cases,
    Role.OFFICIAL: _referred,
}

# Who sees also the households that no case is about; residents' names are in no such answer.
EVERY_HOUSEHOLD = frozenset({Role.PLANNER, Role.SECRETARY})
