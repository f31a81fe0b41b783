"""The official figures: sums over the area ledger as of a date (decision 11 of the design).

Areas are of each community's survey CRS. They are added up unrounded and rounded
once, to 0.01 m2 (DOMAIN 13), so the rows by building need not add up to the last
digit of the total.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Integer, case, cast, distinct, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from cases.models import AreaEntry, Case, CaseEvent, Encroachment, EntryKind
from cases.workflow import CLEARED_STATES, State
from gis.area import round_m2
from layers.frames import Rows
from layers.models import (
    Building,
    Community,
    Household,
    Parcel,
    ParcelHousehold,
    ParcelKind,
    ParcelSurvey,
    Site,
    SiteKind,
    SiteState,
)

COUNTS = (
    "buildings",
    "households",
    "ground_floor_households",
    "parcels",
    "surveyed_households",
    "encroaching_households",
    "cleared_households",
    "rebound_households",
    "undecided_enclosures",
    "charging_piles",
    "charging_heads",
)
AREAS = (
    "parcels_m2",
    "suspected_m2",
    "encroached_m2",
    "declared_m2",
    "reclaimed_m2",
    "rebound_m2",
    "undecided_m2",
    "landscaped_m2",
)
ORDER = (
    "buildings",
    "households",
    "ground_floor_households",
    "parcels",
    "parcels_m2",
    "surveyed_households",
    "suspected_m2",
    "encroaching_households",
    "encroached_m2",
    "declared_m2",
    "cleared_households",
    "reclaimed_m2",
    "rebound_households",
    "rebound_m2",
    "outstanding_m2",
    "undecided_enclosures",
    "undecided_m2",
    "landscaped_m2",
    "charging_piles",
    "charging_heads",
)
# An area that was entered and taken back may leave the rounding of its doubles.
NOTHING_M2 = 1e-6

Place = tuple[int, str | None]


@dataclass
class Sums:
    """Unrounded sums of one building, community or region."""

    numbers: Counter[str] = field(default_factory=Counter)
    areas: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, other: "Sums") -> None:
        """Add another place's sums."""
        self.numbers.update(other.numbers)
        for name, parts in other.areas.items():
            self.areas[name].extend(parts)

    def as_figures(self) -> dict[str, int | float]:
        """Return the figures in their official order, areas rounded to 0.01 m2."""
        values: dict[str, int | float] = {name: self.numbers[name] for name in COUNTS}
        values |= {name: float(round_m2(self.areas[name])) for name in AREAS}
        values["outstanding_m2"] = float(round_m2(self.outstanding()))
        return {name: values[name] for name in ORDER}

    def outstanding(self) -> list[float]:
        """Return the parts of encroached - reclaimed + rebound."""
        freed = [-part for part in self.areas["reclaimed_m2"]]
        return self.areas["encroached_m2"] + freed + self.areas["rebound_m2"]


def figures(session: Session, communities: Sequence[Community], as_of: dt.date) -> dict[str, Any]:
    """Return the figures of ``communities`` together as of the end of ``as_of``.

    One community carries ``by_building``, each building by its ref and a last row
    with building ``None`` for what belongs to none (sites, unlinked parcels);
    several carry ``by_community``. Raises nothing: an empty place has zeros. What
    the ledger, events, surveys and building days say is as of the day; the registers
    (buildings, households, parcels) are counted as they are now.
    """
    ids = [community.id for community in communities]
    places = _sums(session, ids, as_of)
    total = Sums()
    for sums in places.values():
        total.add(sums)
    head: dict[str, Any] = {
        "community": communities[0].code if len(communities) == 1 else None,
        "communities": len(communities),
        "as_of": as_of.isoformat(),
    }
    body = head | total.as_figures()
    if len(communities) == 1:
        ordered = sorted(places, key=lambda place: _natural(place[1]))
        body["by_building"] = [
            {"building": place[1], **places[place].as_figures()} for place in ordered
        ]
    else:
        body["by_community"] = _by_community(communities, places)
    return body


def _by_community(
    communities: Sequence[Community], places: dict[Place, Sums]
) -> list[dict[str, Any]]:
    sums: defaultdict[int, Sums] = defaultdict(Sums)
    for (community, _building), part in places.items():
        sums[community].add(part)
    return [
        {"community": community.code, **sums[community.id].as_figures()}
        for community in sorted(communities, key=lambda c: c.code)
    ]


def _natural(ref: str | None) -> tuple[bool, int, str]:
    """Sort building 2 before building 10, and what has no building last."""
    number = int(ref) if ref is not None and ref.isdecimal() else 10**9
    return ref is None, number, ref or ""


def _sums(session: Session, ids: Sequence[int], as_of: dt.date) -> dict[Place, Sums]:
    """Run each query and gather its columns by community and building."""
    places: defaultdict[Place, Sums] = defaultdict(Sums)
    for statement in (
        _buildings(ids),
        _households(ids),
        _parcels(ids),
        _surveyed(ids, as_of),
        _cases(ids, as_of),
        _undecided(ids, as_of),
        _sites(ids, as_of),
    ):
        for found in session.execute(statement).mappings():
            sums = places[found["community_id"], found["building"]]
            for name, value in found.items():
                if name in COUNTS:
                    sums.numbers[name] += int(value or 0)
                elif name in AREAS and value:
                    sums.areas[name].append(float(value))
    for row in session.execute(_areas(ids, as_of)):
        places[row.community_id, row.building].areas[f"{row.kind}_m2"].append(row.area_m2)
    return dict(places)


def _buildings(ids: Sequence[int]) -> Rows:
    return (
        select(
            Building.community_id, Building.ref.label("building"), func.count().label("buildings")
        )
        .where(Building.community_id.in_(ids))
        .group_by(Building.community_id, Building.ref)
    )


def _households(ids: Sequence[int]) -> Rows:
    return _with_building(
        select(
            Household.community_id,
            Building.ref.label("building"),
            func.count().label("households"),
            func.count().filter(Household.ground_floor).label("ground_floor_households"),
        ),
        ids,
    ).group_by(Household.community_id, Building.ref)


def _parcels(ids: Sequence[int]) -> Rows:
    facing = (Building.community_id == Parcel.community_id) & (Building.id == Parcel.building_id)
    return (
        select(
            Parcel.community_id,
            Building.ref.label("building"),
            func.count().label("parcels"),
            func.sum(Parcel.area_m2).label("parcels_m2"),
        )
        .select_from(Parcel)
        .outerjoin(Building, facing)
        .where(Parcel.community_id.in_(ids), Parcel.kind == ParcelKind.PUBLIC_GREEN)
        .group_by(Parcel.community_id, Building.ref)
    )


def _surveyed(ids: Sequence[int], as_of: dt.date) -> Rows:
    """Count the ground-floor households of which a survey looked at a parcel (rule 20)."""
    link = (ParcelHousehold.community_id == Household.community_id) & (
        ParcelHousehold.household_id == Household.id
    )
    looked = (ParcelSurvey.community_id == ParcelHousehold.community_id) & (
        ParcelSurvey.parcel_id == ParcelHousehold.parcel_id
    )
    statement = select(
        Household.community_id,
        Building.ref.label("building"),
        func.count(distinct(Household.id)).label("surveyed_households"),
    )
    return (
        _with_building(statement, ids)
        .join(ParcelHousehold, link)
        .join(ParcelSurvey, looked)
        .where(Household.ground_floor, ParcelSurvey.day <= as_of)
        .group_by(Household.community_id, Building.ref)
    )


def _cases(ids: Sequence[int], as_of: dt.date) -> Rows:
    """Count households by what their ledger and their last state say."""
    areas = (
        select(
            AreaEntry.community_id,
            AreaEntry.case_id,
            _total(EntryKind.ENCROACHED).label("encroached"),
            _total(EntryKind.REBOUND).label("rebound"),
        )
        .where(AreaEntry.community_id.in_(ids), AreaEntry.day <= as_of)
        .group_by(AreaEntry.community_id, AreaEntry.case_id)
        .subquery()
    )
    cleared = _cleared(ids, as_of).subquery()
    statement = select(
        Household.community_id,
        Building.ref.label("building"),
        _households_where(areas.c.encroached > NOTHING_M2).label("encroaching_households"),
        _households_where(areas.c.rebound > NOTHING_M2).label("rebound_households"),
        _households_where(cleared.c.is_cleared).label("cleared_households"),
    )
    of_household = (Case.community_id == Household.community_id) & (
        Case.household_id == Household.id
    )
    of_case = (areas.c.community_id == Case.community_id) & (areas.c.case_id == Case.id)
    own = (cleared.c.community_id == Household.community_id) & (
        cleared.c.household_id == Household.id
    )
    joined = _with_building(statement, ids).join(Case, of_household)
    joined = joined.outerjoin(areas, of_case).outerjoin(cleared, own)
    return joined.group_by(Household.community_id, Building.ref)


def _undecided(ids: Sequence[int], as_of: dt.date) -> Rows:
    """Count the enclosures for which nobody answered on a day: no case held them yet.

    They are in no other figure, because no household is accused by them; so they are
    said beside the others. An answer enters the area in the ledger on its day.
    """
    entered = exists().where(
        AreaEntry.community_id == Encroachment.community_id,
        AreaEntry.encroachment_id == Encroachment.id,
        AreaEntry.day <= as_of,
    )
    ground = (Parcel.community_id == Encroachment.community_id) & (
        Parcel.id == Encroachment.parcel_id
    )
    facing = (Building.community_id == Parcel.community_id) & (Building.id == Parcel.building_id)
    return (
        select(
            Encroachment.community_id,
            Building.ref.label("building"),
            func.count(distinct(Encroachment.observation_id)).label("undecided_enclosures"),
            func.sum(Encroachment.occupied_m2).label("undecided_m2"),
        )
        .join(Parcel, ground)
        .outerjoin(Building, facing)
        .where(
            Encroachment.community_id.in_(ids),
            Encroachment.found_on <= as_of,
            func.coalesce(Encroachment.superseded_on > as_of, True),
            ~entered,
        )
        .group_by(Encroachment.community_id, Building.ref)
    )


def _cleared(ids: Sequence[int], as_of: dt.date) -> Rows:
    """Say of each household with a case whether it is cleared: one case is, and none is open."""
    states = last_states(ids, as_of).subquery()
    own = (states.c.community_id == Case.community_id) & (states.c.case_id == Case.id)
    is_cleared = func.bool_or(states.c.state.in_(CLEARED_STATES))
    is_settled = func.bool_and(states.c.state.in_({*CLEARED_STATES, State.REJECTED}))
    return (
        select(Case.community_id, Case.household_id, (is_cleared & is_settled).label("is_cleared"))
        .join(states, own)
        .where(Case.community_id.in_(ids))
        .group_by(Case.community_id, Case.household_id)
    )


def last_states(ids: Sequence[int], as_of: dt.date) -> Rows:
    """Select community_id, case_id and state: where each case stood at the end of a day."""
    return (
        select(CaseEvent.community_id, CaseEvent.case_id, CaseEvent.state)
        .where(
            CaseEvent.community_id.in_(ids), CaseEvent.day <= as_of, CaseEvent.state.is_not(None)
        )
        .ext(distinct_on(CaseEvent.community_id, CaseEvent.case_id))
        .order_by(
            CaseEvent.community_id,
            CaseEvent.case_id,
            CaseEvent.day.desc(),
            CaseEvent.seq.desc(),
        )
    )


def _areas(ids: Sequence[int], as_of: dt.date) -> Rows:
    """Sum the ledger by building of the answering household and by kind."""
    own = (Case.community_id == AreaEntry.community_id) & (Case.id == AreaEntry.case_id)
    statement = (
        select(
            AreaEntry.community_id,
            Building.ref.label("building"),
            AreaEntry.kind,
            func.sum(AreaEntry.area_m2).label("area_m2"),
        )
        .select_from(AreaEntry)
        .join(Case, own)
        .join(
            Household,
            (Household.community_id == Case.community_id) & (Household.id == Case.household_id),
        )
        .outerjoin(Building, _building_of_household())
    )
    return statement.where(AreaEntry.community_id.in_(ids), AreaEntry.day <= as_of).group_by(
        AreaEntry.community_id, Building.ref, AreaEntry.kind
    )


def _sites(ids: Sequence[int], as_of: dt.date) -> Rows:
    is_pile = Site.kind == SiteKind.CHARGING_PILE
    heads = case((is_pile, Site.heads), else_=0)
    return (
        select(
            Site.community_id,
            cast(None, Building.ref.type).label("building"),
            func.count().filter(is_pile).label("charging_piles"),
            cast(func.sum(heads), Integer).label("charging_heads"),
            func.sum(Site.area_m2).filter(Site.kind == SiteKind.LANDSCAPING).label("landscaped_m2"),
        )
        .where(Site.community_id.in_(ids), Site.state == SiteState.BUILT, Site.built_on <= as_of)
        .group_by(Site.community_id)
    )


def _with_building(statement: Rows, ids: Sequence[int]) -> Rows:
    return (
        statement.select_from(Household)
        .outerjoin(Building, _building_of_household())
        .where(Household.community_id.in_(ids))
    )


def _building_of_household() -> ColumnElement[bool]:
    return (Building.community_id == Household.community_id) & (
        Building.id == Household.building_id
    )


def _total(kind: EntryKind) -> ColumnElement[float]:
    return func.coalesce(func.sum(AreaEntry.area_m2).filter(AreaEntry.kind == kind), 0.0)


def _households_where(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(distinct(Household.id)).filter(condition)
