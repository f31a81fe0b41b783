"""What hangs on a parcel - households, surveys, cases - and follows its ground in an edit."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd
import shapely
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from cases.flag_load import current_encroachments
from cases.flag_write import Writer
from cases.models import Encroachment, Finding, Tip
from cases.signing import Signature
from gis.crs import SurveyCRS
from layers.bulk import among
from layers.frames import frame, geometries, wkb
from layers.models import (
    Community,
    Household,
    LinkMethod,
    LinkRole,
    Parcel,
    ParcelHousehold,
    ParcelSurvey,
    Survey,
)

_LINK = ("role", "share", "method", "distance_m", "runner_up_distance_m")
Shapes = Mapping[uuid.UUID, shapely.Geometry]


def links_of(
    session: Session, community_id: int, parcels: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, list[dict[str, Any]]]:
    """Return the households of each parcel with how they came to it, as JSON holds them."""
    rows = session.scalars(
        select(ParcelHousehold)
        .where(
            ParcelHousehold.community_id == community_id,
            among(ParcelHousehold.parcel_id, parcels),
        )
        .order_by(ParcelHousehold.parcel_id, ParcelHousehold.household_id)
        .execution_options(populate_existing=True)
    )
    found: defaultdict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        told = {name: getattr(row, name) for name in _LINK}
        runner_up = row.runner_up_id and str(row.runner_up_id)
        found[row.parcel_id].append(
            {"household_id": str(row.household_id), "runner_up_id": runner_up, **told}
        )
    return found


def looked_of(
    session: Session, community_id: int, parcels: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, list[dict[str, Any]]]:
    """Return the surveys that looked at each parcel, with the day, as JSON holds them."""
    rows = session.execute(
        select(ParcelSurvey.parcel_id, ParcelSurvey.survey_id, ParcelSurvey.day)
        .where(ParcelSurvey.community_id == community_id, among(ParcelSurvey.parcel_id, parcels))
        .order_by(ParcelSurvey.parcel_id, ParcelSurvey.survey_id)
    )
    found: defaultdict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for parcel, survey, day in rows:
        found[parcel].append({"survey_id": str(survey), "day": day.isoformat()})
    return found


def set_links(
    session: Session,
    community_id: int,
    parcel: uuid.UUID,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    """Bring a parcel's households from what was read to what shall be; others stay as they are."""
    was = {one["household_id"] for one in before.get("links", [])}
    wanted = {one["household_id"]: one for one in after["links"]}
    _remove_links(session, community_id, parcel, was - wanted.keys())
    homes = [uuid.UUID(key) for key in wanted]
    living = session.scalars(
        select(Household.id).where(
            Household.community_id == community_id, among(Household.id, homes)
        )
    )
    for home in living:
        one = wanted[str(home)]
        if str(home) in was:
            continue
        link = {**{name: one[name] for name in _LINK}, "role": LinkRole(one["role"])}
        session.add(
            ParcelHousehold(
                community_id=community_id,
                parcel_id=parcel,
                household_id=home,
                runner_up_id=one["runner_up_id"] and uuid.UUID(one["runner_up_id"]),
                **{**link, "method": LinkMethod(one["method"])},
            )
        )
    session.flush()


def _remove_links(
    session: Session, community_id: int, parcel: uuid.UUID, homes: Collection[str]
) -> None:
    session.execute(
        delete(ParcelHousehold)
        .where(
            ParcelHousehold.community_id == community_id,
            ParcelHousehold.parcel_id == parcel,
            among(ParcelHousehold.household_id, [uuid.UUID(key) for key in homes]),
        )
        .execution_options(synchronize_session=False)
    )


def set_looked(
    session: Session,
    community_id: int,
    parcel: uuid.UUID,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    """Bring the surveys that looked at a parcel from what was read to what shall be."""
    was = {one["survey_id"]: one["day"] for one in before.get("looked", [])}
    wanted = {one["survey_id"]: one["day"] for one in after["looked"]}
    other = [uuid.UUID(key) for key, day in was.items() if wanted.get(key) != day]
    session.execute(
        delete(ParcelSurvey)
        .where(
            ParcelSurvey.community_id == community_id,
            ParcelSurvey.parcel_id == parcel,
            among(ParcelSurvey.survey_id, other),
        )
        .execution_options(synchronize_session=False)
    )
    new = {uuid.UUID(key): day for key, day in wanted.items() if was.get(key) != day}
    known = session.scalars(
        select(Survey.id).where(Survey.community_id == community_id, among(Survey.id, new))
    )
    for survey in known:
        day = dt.date.fromisoformat(new[survey])
        key = {"community_id": community_id, "parcel_id": parcel, "survey_id": survey}
        session.merge(ParcelSurvey(**key, day=day))
    session.flush()


def resting(
    session: Session, community_id: int, parcels: Collection[uuid.UUID]
) -> dict[uuid.UUID, str]:
    """Return the refs of the parcels that a case or a tip names: they must stay."""
    of_case = select(Encroachment.parcel_id).where(
        Encroachment.community_id == community_id, among(Encroachment.parcel_id, parcels)
    )
    of_tip = select(Tip.parcel_id).where(
        Tip.community_id == community_id, among(Tip.parcel_id, parcels)
    )
    rows = session.execute(
        select(Parcel.id, Parcel.ref).where(
            Parcel.community_id == community_id,
            Parcel.id.in_(of_case.union(of_tip)),
        )
    )
    return {row.id: row.ref for row in rows}


def inseparable(
    session: Session, community_id: int, parcels: Collection[uuid.UUID]
) -> list[list[str]]:
    """Return refs of parcels that cannot become one: verified on one, found on another.

    Flagging takes all ground of such an observation on one parcel for what was verified.
    """
    rows = session.execute(
        select(Encroachment.observation_id, Encroachment.verified_on, Parcel.ref)
        .join(
            Parcel,
            (Parcel.community_id == Encroachment.community_id)
            & (Parcel.id == Encroachment.parcel_id),
        )
        .where(
            Encroachment.community_id == community_id,
            among(Encroachment.parcel_id, parcels),
            Encroachment.superseded_on.is_(None),
        )
        .order_by(Parcel.ref)
    )
    found: defaultdict[uuid.UUID, list[tuple[bool, str]]] = defaultdict(list)
    for seen, verified_on, ref in rows:
        found[seen].append((verified_on is not None, ref))
    return [
        [ref for _is, ref in all_]
        for all_ in found.values()
        if len(all_) > 1 and any(is_verified for is_verified, _ref in all_)
    ]


def carry_records(
    session: Session,
    community: Community,
    parcels: Collection[uuid.UUID],
    heirs: Shapes,
    by: Signature,
) -> None:
    """Let each enclosure on record name the heir on which most of its ground lies.

    ``heirs`` are what the parcels have become, in EPSG:4326. Of what is suspected on
    two that become one, one ends; flagging finds the whole anew. Tips follow the largest.
    """
    found = frame(
        session,
        select(
            Encroachment.id,
            Encroachment.observation_id,
            Encroachment.parcel_id,
            Encroachment.superseded_on,
            wkb(Encroachment.geom),
        )
        .where(Encroachment.community_id == community.id, among(Encroachment.parcel_id, parcels))
        .order_by(Encroachment.verified_on, Encroachment.id),
    )
    wanted = _most_of(found, heirs)
    _end_doubles(session, community, found, wanted, by)
    for parcel, ids in _grouped(found, wanted).items():
        session.execute(
            update(Encroachment)
            .where(Encroachment.community_id == community.id, among(Encroachment.id, ids))
            .values(parcel_id=parcel)
            .execution_options(synchronize_session=False)
        )
    largest = max(heirs, key=lambda key: shapely.area(heirs[key]))
    gone = [key for key in parcels if key not in heirs]
    session.execute(
        update(Tip)
        .where(Tip.community_id == community.id, among(Tip.parcel_id, gone))
        .values(parcel_id=largest)
        .execution_options(synchronize_session=False)
    )
    session.expire_all()


def _most_of(found: pd.DataFrame, heirs: Shapes) -> list[uuid.UUID]:
    """Return for each row the heir that shares most of its ground."""
    return [
        max(
            heirs,
            key=lambda key: (shapely.area(shapely.intersection(heirs[key], ground)), key == at),
        )
        for ground, at in zip(geometries(found), found["parcel_id"], strict=True)
    ]


def _grouped(found: pd.DataFrame, wanted: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[uuid.UUID]]:
    moved: defaultdict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for identifier, parcel, now in zip(found["id"], wanted, found["parcel_id"], strict=True):
        if parcel != now:
            moved[parcel].append(identifier)
    return moved


def _end_doubles(
    session: Session,
    community: Community,
    found: pd.DataFrame,
    wanted: Sequence[uuid.UUID],
    by: Signature,
) -> None:
    """End what is suspected twice of one observation on one parcel, but for the first."""
    seen: set[tuple[uuid.UUID, uuid.UUID]] = set()
    doubles: list[uuid.UUID] = []
    for row, parcel in zip(found.itertuples(), wanted, strict=True):
        if row.superseded_on is None:
            if (row.observation_id, parcel) in seen:
                doubles.append(row.id)
            seen.add((row.observation_id, parcel))
    if not doubles:
        return
    survey = SurveyCRS(community.survey_srid)
    writer = Writer(session, {community.id: community}, survey, by.at, by.actor)
    rows = frame(
        session, current_encroachments([community.id]).where(among(Encroachment.id, doubles))
    )
    writer.end(rows, [])
    writer.post()


def forget(session: Session, community_id: int, parcels: Collection[uuid.UUID]) -> None:
    """Take away what belongs to parcels that go: links, coverage, and what flagging only lists."""
    for table in (ParcelHousehold, ParcelSurvey, Finding):
        session.execute(
            delete(table)
            .where(table.community_id == community_id, among(table.parcel_id, parcels))
            .execution_options(synchronize_session=False)
        )
