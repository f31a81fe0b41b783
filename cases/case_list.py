"""The list of cases: one statement, filtered, sorted and read a page at a time.

A page begins after a position, not after a number of rows: rows that come or go
meanwhile move nothing to a page where it was not or would be twice.
"""

import datetime as dt
import enum
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    Integer,
    Numeric,
    case,
    cast,
    collate,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from cases.deadlines import is_overdue
from cases.ledger import today
from cases.models import Account, Campaign, Case, CaseEvent, Encroachment
from cases.parcel_file import number_column
from cases.workflow import State
from layers.frames import Rows
from layers.models import Building, Community, Household

_NEVER = "9999-12-31"
_LAST = "\uffff"
_REF_LENGTH = 64

housekeeper = aliased(Account, name="housekeeper")
inspector = aliased(Account, name="inspector")


class Sort(enum.StrEnum):
    """What a list of cases can be sorted by; the number decides between equals."""

    NUMBER = "number"
    STATE = "state"
    SINCE = "since"
    BUILDING = "building"
    HOUSEHOLD = "household"
    OCCUPIED = "occupied_m2"
    DEADLINE = "deadline_on"
    DIFFICULTY = "difficulty"


@dataclass(frozen=True)
class CaseFilter:
    """Which cases are wanted; what is left empty keeps all.

    ``building``, ``household`` and ``campaign`` are refs, ``housekeeper`` the e-mail
    address of an account. ``text`` is part of the case's number, its household's or
    building's ref, or of a document or note in its history.
    """

    states: frozenset[State] = frozenset()
    building: str = ""
    unit: str = ""
    household: str = ""
    housekeeper: str = ""
    campaign: str = ""
    overdue: bool | None = None
    text: str = ""


@dataclass(frozen=True)
class ListedCase:
    """A line of the list; ``occupied_m2`` is what its polygons covered when found."""

    id: uuid.UUID
    number: str
    household: str
    building: str | None
    unit: str
    campaign: str
    campaign_ref: str
    state: State
    since: dt.date
    version: int
    occupied_m2: float
    deadline_on: dt.date | None
    suspended_on: dt.date | None
    is_overdue: bool
    difficulty: int | None
    housekeeper: str | None
    inspector: str | None


@dataclass(frozen=True)
class Position:
    """Where a page ended: the last row's sort key, number and identifier."""

    key: int | float | str
    number: int
    id: uuid.UUID


@dataclass(frozen=True)
class CasePage:
    """Some cases in their order, and where the next page begins, ``None`` after the last."""

    cases: list[ListedCase]
    following: Position | None


def list_cases(
    session: Session,
    community: Community,
    wanted: CaseFilter | None = None,
    *,
    sort: Sort = Sort.NUMBER,
    descending: bool = False,
    limit: int | None = None,
    after: Position | None = None,
) -> CasePage:
    """Return the cases that are wanted, all of them without a ``limit``."""
    key = _sort_key(sort, community)
    place = (key, Case.number, Case.id)
    statement = select_cases(community, wanted or CaseFilter()).add_columns(
        key.label("sort_key"), Case.number.label("sort_number")
    )
    if after is not None:
        here = tuple_(*(literal(value) for value in (after.key, after.number, after.id)))
        statement = statement.where(tuple_(*place) < here if descending else tuple_(*place) > here)
    statement = statement.order_by(*(one.desc() if descending else one.asc() for one in place))
    rows = session.execute(statement.limit(None if limit is None else limit + 1)).all()
    shown = rows if limit is None else rows[:limit]
    last = shown[-1] if len(shown) < len(rows) else None
    following = None if last is None else Position(last.sort_key, last.sort_number, last.id)
    return CasePage([ListedCase(*row[:-2]) for row in shown], following)


def find_listed(session: Session, community: Community, case_id: uuid.UUID) -> ListedCase:
    """Return the line of one case that there is."""
    statement = select_cases(community, CaseFilter()).where(Case.id == case_id)
    return ListedCase(*session.execute(statement).one())


def count_cases(session: Session, community: Community, wanted: CaseFilter | None = None) -> int:
    """Return how many cases are wanted."""
    rows = select_cases(community, wanted or CaseFilter()).subquery()
    return session.scalar(select(func.count()).select_from(rows)) or 0


def select_cases(community: Community, wanted: CaseFilter) -> Rows:
    """Select the columns of :class:`ListedCase` in their order, unsorted."""
    return _joined(
        select(
            Case.id,
            number_column(community).label("number"),
            Household.ref.label("household"),
            Building.ref.label("building"),
            Household.unit,
            Campaign.name.label("campaign"),
            Campaign.ref.label("campaign_ref"),
            Case.state,
            Case.state_since.label("since"),
            Case.version,
            _occupied(community).label("occupied_m2"),
            Case.deadline_on,
            Case.suspended_on,
            _overdue(community).label("is_overdue"),
            Case.difficulty,
            housekeeper.email.label("housekeeper"),
            inspector.email.label("inspector"),
        )
    ).where(Case.community_id == community.id, *_conditions(community, wanted))


def _joined(statement: Rows) -> Rows:
    own = (Household.community_id == Case.community_id) & (Household.id == Case.household_id)
    within = (Campaign.community_id == Case.community_id) & (Campaign.id == Case.campaign_id)
    around = (Building.community_id == Household.community_id) & (
        Building.id == Household.building_id
    )
    return (
        statement.select_from(Case)
        .join(Household, own)
        .join(Campaign, within)
        .outerjoin(Building, around)
        .outerjoin(housekeeper, housekeeper.id == Case.housekeeper_id)
        .outerjoin(inspector, inspector.id == Case.inspector_id)
    )


def _conditions(community: Community, wanted: CaseFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.states:
        yield Case.state.in_(wanted.states)
    if wanted.building:
        yield Building.ref == wanted.building
    if wanted.unit:
        yield Household.unit == wanted.unit
    if wanted.household:
        yield Household.ref == wanted.household
    if wanted.housekeeper:
        yield housekeeper.email == wanted.housekeeper.lower()
    if wanted.campaign:
        yield Campaign.ref == wanted.campaign
    if wanted.overdue is not None:
        yield _overdue(community).is_(wanted.overdue)
    if wanted.text:
        yield _mentions(community, wanted.text)


def _mentions(community: Community, text: str) -> ColumnElement[bool]:
    told = exists().where(
        CaseEvent.community_id == Case.community_id,
        CaseEvent.case_id == Case.id,
        or_(
            *(one.icontains(text, autoescape=True) for one in (CaseEvent.document, CaseEvent.note))
        ),
    )
    names = (number_column(community), Household.ref, Building.ref)
    return or_(*(name.icontains(text, autoescape=True) for name in names), told)


def _overdue(community: Community) -> ColumnElement[bool]:
    # Without a deadline the comparison knows no answer.
    return func.coalesce(is_overdue(today(community)), False)


def _occupied(community: Community) -> ColumnElement[float]:
    """Return a case's current area in m2, to 0.01 m2."""
    total = (
        select(func.coalesce(func.sum(Encroachment.occupied_m2), 0.0))
        .where(
            Encroachment.community_id == community.id,
            Encroachment.case_id == Case.id,
            Encroachment.superseded_on.is_(None),
        )
        .correlate(Case)
        .scalar_subquery()
    )
    return cast(func.round(cast(total, Numeric), 2), Double)


def _sort_key(sort: Sort, community: Community) -> ColumnElement[Any]:
    """Return what rows are sorted by: never NULL, and JSON can carry it."""
    keys: dict[Sort, ColumnElement[Any]] = {
        Sort.NUMBER: cast(Case.number, Integer),
        Sort.STATE: case({state.value: rank for rank, state in enumerate(State)}, value=Case.state),
        Sort.SINCE: func.to_char(Case.state_since, "YYYY-MM-DD"),
        Sort.BUILDING: _natural(Building.ref),
        Sort.HOUSEHOLD: _natural(Household.ref),
        Sort.OCCUPIED: _occupied(community),
        Sort.DEADLINE: func.coalesce(func.to_char(Case.deadline_on, "YYYY-MM-DD"), _NEVER),
        Sort.DIFFICULTY: func.coalesce(Case.difficulty, 0),
    }
    return keys[sort]


def _natural(ref: InstrumentedAttribute[str]) -> ColumnElement[str]:
    """Sort building 2 before building 10, and what has no building last."""
    padded = func.coalesce(func.lpad(ref, _REF_LENGTH), _LAST)
    return collate(padded, "C")
