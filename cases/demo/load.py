"""Put invented compounds into the database, by the verbs that a user has.

Files are imported, observations flagged, cases moved: nothing is written past the
rules. A compound is committed step by step and skipped where it is complete, so a
demo that was interrupted goes on where it stopped.
"""

import datetime as dt
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Role
from cases.demo.accounts import ACCOUNTS, PASSWORD, email
from cases.demo.lanes import furnish_lanes
from cases.demo.layout import SURVEY_CRS, DemoCompound, layout
from cases.demo.story import tell
from cases.demo.telling import tell_story
from cases.flagging import flag
from cases.models import Campaign, CaseEvent
from cases.people import ensure_account
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
REGISTER_DAY = dt.date(2022, 3, 14)
Progress = Callable[[str], None]


def build(database: Database, communities: int, progress: Progress) -> list[str]:
    """See that the first ``communities`` compounds are there; return their codes.

    The first has finished its campaign, the others are in the middle of theirs.
    ``progress`` hears what is being done.
    """
    _build_above(database)
    # Cases are assigned to people who are there.
    make_accounts(database)
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
                tell_story(session, community, story)
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
            started_on=tell(compound).meetings[0].at.date(),
            outcome="",
        )
    )


def _import_register(session: Session, compound: DemoCompound) -> None:
    options = ImportOptions(surveyed_on=REGISTER_DAY, surveyor="Property register")
    for kind in ("buildings", "households", "parcels"):
        _import(session, compound, kind, getattr(compound, kind), options)
    with session.begin():
        _add_residents(session, compound)
        furnish_lanes(session, find_community(session, compound.code), _evening(REGISTER_DAY))


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
