"""Put invented compounds into the database, by the verbs that a user has.

Files are imported, observations flagged, cases moved: nothing is written past the
rules. A compound is committed step by step and skipped where it is complete, so a
demo that was interrupted goes on where it stopped.
"""

import datetime as dt
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Role
from cases.casework import NOTHING_LEFT, Request, move
from cases.demo.layout import SURVEY_CRS, DemoCompound, layout
from cases.demo.story import Move, Patrol, Story, tell
from cases.flagging import flag
from cases.ledger import Book, Moment
from cases.models import Campaign, Case, CaseEvent
from cases.observing import observe
from cases.people import ensure_account
from cases.workflow import State
from gis.crs import SurveyCRS
from gis.overlay import to_multipolygons
from layers.db import EVERYWHERE, Database
from layers.imports.intake import Reading, take_in
from layers.imports.plans import Covers, ImportOptions
from layers.models import (
    Community,
    Household,
    Purpose,
    Region,
    RegionKind,
    Resident,
    StructureType,
    Survey,
)
from layers.places import CommunityForm, add_community, add_region, find_community

CITY = "WEIHAI"
TOWN = "WENQUAN"
REGIONS = (
    (CITY, "威海市（演示）", RegionKind.CITY, None),
    ("HUANCUI", "环翠区（演示）", RegionKind.DISTRICT, CITY),
    (TOWN, "温泉镇（演示）", RegionKind.TOWN, "HUANCUI"),
)
DOMAIN = "demo.example"
PASSWORD = "green-again-2022"
ACCOUNTS = (
    ("secretary", "书记 Secretary", Role.SECRETARY),
    ("inspector_a", "巡查员甲 Inspector A", Role.INSPECTOR),
    ("inspector_b", "巡查员乙 Inspector B", Role.INSPECTOR),
    ("planner", "规划员 Planner", Role.PLANNER),
    ("lane_housekeeper_1", "巷管家 Lane housekeeper", Role.LANE_HOUSEKEEPER),
    ("official", "镇领导 Official", Role.OFFICIAL),
    ("admin_a", "管理员甲 Admin A", Role.ADMIN),
    ("admin_b", "管理员乙 Admin B", Role.ADMIN),
)
REGISTER_DAY = dt.date(2022, 3, 14)
PATROL_RMS_M = 0.05
Progress = Callable[[str], None]


def email(label: str) -> str:
    """Return the address of somebody of the story, such as ``inspector_a``."""
    return f"{label.replace('_', '-')}@{DOMAIN}"


def build(database: Database, communities: int, progress: Progress) -> list[str]:
    """See that the first ``communities`` compounds are there; return their codes.

    The first has finished its campaign, the others are in the middle of theirs.
    ``progress`` hears what is being done.
    """
    _build_above(database)
    codes = []
    for number in range(1, communities + 1):
        progress(f"compound {number} of {communities}")
        codes.append(_build_one(database, layout(number, finished=number == 1)))
    return codes


def make_accounts(database: Database) -> list[tuple[str, str, Role]]:
    """See that the demo's accounts are there; return address, password and role of each."""
    with database.session(EVERYWHERE) as session, session.begin():
        for label, name, role in ACCOUNTS:
            ensure_account(
                session, email(label), name=name, password=PASSWORD, role=role, place=CITY
            )
    return [(email(label), PASSWORD, role) for label, _name, role in ACCOUNTS]


def _build_above(database: Database) -> None:
    with database.session(EVERYWHERE) as session, session.begin():
        known = set(session.scalars(select(Region.code)))
        for code, name, kind, within in REGIONS:
            if code not in known:
                add_region(session, code, name, kind, within)


def _build_one(database: Database, compound: DemoCompound) -> str:
    story = tell(compound)
    with database.session(EVERYWHERE) as session:
        known = session.scalars(select(Community.code).where(Community.code == compound.code))
        if known.first() is None:
            with session.begin_nested():
                _add_place(session, compound)
            session.commit()
        session.rollback()
        _import_register(session, compound)
        _survey(session, compound)
        _sites(session, compound)
        with session.begin():
            community = find_community(session, compound.code)
            if not _has_story(session, community):
                _tell(session, community, story)
    return compound.code


def _add_place(session: Session, compound: DemoCompound) -> None:
    outline = np.array([compound.boundary], dtype=object)
    boundary = to_multipolygons(SurveyCRS(4550).to_storage(outline))[0]
    form = CommunityForm(compound.code, compound.name, SURVEY_CRS, TOWN, boundary)
    community = add_community(session, form)
    for index, earlier in enumerate(tell(compound).earlier, start=1):
        session.add(
            Campaign(
                community_id=community.id,
                ref=str(index),
                name=earlier.name,
                started_on=earlier.started,
                ended_on=earlier.ended,
                outcome=f"{earlier.cleared} cleared, {earlier.taken_again} taken again:"
                f" {earlier.result}",
            )
        )
    session.add(
        Campaign(
            community_id=community.id,
            ref="5",
            name="诚信共治 Credit and neighbours",
            started_on=REGISTER_DAY,
            outcome="",
        )
    )


def _import_register(session: Session, compound: DemoCompound) -> None:
    options = ImportOptions(surveyed_on=REGISTER_DAY, surveyor="Property register")
    for kind in ("buildings", "households", "parcels"):
        _import(session, compound, kind, getattr(compound, kind), options)
    with session.begin():
        _add_residents(session, compound)


def _survey(session: Session, compound: DemoCompound) -> None:
    """Import what each day of the survey saw, and flag it the same evening."""
    seen = compound.observations
    days = sorted(set(seen["observed_on"]))
    looked = SurveyCRS(4550).to_storage(np.array([compound.covered], dtype=object))
    covered = to_multipolygons(looked)[0]
    for day in days:
        covers = Covers(ground=covered) if day == days[-1] else Covers()
        options = ImportOptions(
            surveyed_on=day,
            surveyor="Survey team",
            purpose=Purpose.BASELINE_SURVEY,
            covers=covers,
        )
        _import(session, compound, "observations", seen[seen["observed_on"] == day], options)
        with session.begin():
            community = find_community(session, compound.code)
            flag(session, [community], at=_evening(day), actor=email("inspector_a"))


def _sites(session: Session, compound: DemoCompound) -> None:
    if len(compound.sites):
        options = ImportOptions(surveyed_on=REGISTER_DAY, surveyor="Property company")
        _import(session, compound, "sites", compound.sites, options)


def _import(
    session: Session,
    compound: DemoCompound,
    kind: str,
    table: gpd.GeoDataFrame,
    options: ImportOptions,
) -> None:
    """Write a file as a surveyor would deliver it and take it in, unless it was taken before."""
    name = f"{compound.code}_{kind}_{options.surveyed_on}"
    known = session.scalars(
        select(Survey.id)
        .join(Community, Community.id == Survey.community_id)
        .where(Community.code == compound.code, Survey.file_name == f"{name}.gpkg")
    ).first()
    session.rollback()
    if known is not None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.gpkg"
        table.to_file(path, layer=kind, engine="pyogrio")
        take_in(session, compound.code, kind, path, Reading(), options)


def _add_residents(session: Session, compound: DemoCompound) -> None:
    community = find_community(session, compound.code)
    present = session.scalars(
        select(Resident.id).where(Resident.community_id == community.id).limit(1)
    ).first()
    if present is not None:
        return
    households = _households(session, community)
    session.add_all(
        Resident(
            community_id=community.id,
            household_id=households[row.household],
            name=row.name_,
            phone=row.phone,
            role=row.role,
        )
        for row in compound.residents.rename(columns={"name": "name_"}).itertuples()
    )


def _tell(session: Session, community: Community, story: Story) -> None:
    """Make every move of the story and enter every patrol, household by household."""
    found = session.execute(
        select(Household.ref, Case)
        .join(
            Case,
            (Case.community_id == Household.community_id) & (Case.household_id == Household.id),
        )
        .where(Household.community_id == community.id)
    )
    cases = {row.ref: row.Case for row in found}
    patrols: dict[str, list[Patrol]] = defaultdict(list)
    for patrol in story.patrols:
        patrols[patrol.household].append(patrol)
    for household, moves in story.moves.items():
        steps: list[Move | Patrol] = [*moves, *patrols[household]]
        for step in sorted(steps, key=lambda one: one.at):
            if isinstance(step, Patrol):
                _enter_patrol(session, community, cases[household], step)
            else:
                _make(session, community, cases[household], step)


def _enter_patrol(session: Session, community: Community, case: Case, patrol: Patrol) -> None:
    book = Book(SurveyCRS(community.survey_srid))
    book.record(
        Moment.of(community, patrol.at),
        (community.id, case.id),
        email(patrol.actor),
        "patrol:case:clear" if patrol.is_clear else "patrol:case:taken_again",
        data={"due_days": patrol.due},
    )
    book.post(session)


def _make(session: Session, community: Community, case: Case, step: Move) -> None:
    """Make one move; a suspicion comes from the survey, a rebound from a patrol's polygon."""
    if step.state is State.SUSPECTED:
        return
    if step.state is State.REBOUND:
        _observe_again(session, community, case, step)
        return
    left = None
    if step.state is State.INSPECTED:
        left = NOTHING_LEFT if step.residual is None else _stored(step.residual)
    request = Request(
        step.state,
        email(step.actor),
        step.at,
        step.document or "",
        step.note or "",
        left,
    )
    move(session, community, case.id, request)


def _observe_again(session: Session, community: Community, case: Case, step: Move) -> None:
    moment = Moment.of(community, step.at)
    observe(
        session,
        community,
        _stored(step.residual),
        ref=f"patrol-{case.number}",
        purpose=Purpose.PATROL,
        structure_type=StructureType.FENCE,
        observed_on=moment.day,
        rms_m=PATROL_RMS_M,
        note=step.note or "",
    )
    flag(session, [community], at=step.at, actor=email(step.actor))


def _stored(polygon: shapely.Geometry) -> shapely.Geometry:
    return SurveyCRS(4550).to_storage(np.array([polygon], dtype=object))[0]


def _households(session: Session, community: Community) -> dict[str, uuid.UUID]:
    rows = session.execute(
        select(Household.ref, Household.id).where(Household.community_id == community.id)
    )
    return {row.ref: row.id for row in rows}


def _has_story(session: Session, community: Community) -> bool:
    """Tell whether the moves were made: they are made together, or not at all."""
    made = select(CaseEvent.seq).where(
        CaseEvent.community_id == community.id, CaseEvent.event.startswith("case:state:")
    )
    return session.scalar(made.limit(1)) is not None


def _evening(day: dt.date) -> dt.datetime:
    """Return 17:30 in Weihai, when a day's survey sheets are entered."""
    return dt.datetime.combine(day, dt.time(9, 30), dt.UTC)
