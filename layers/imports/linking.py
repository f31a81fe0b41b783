"""Links between parcels and households, proposed from where things lie.

Where things lie is judged by :mod:`gis.linking`; here are the rows it is asked
about. Nothing here commits.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from gis import linking
from gis.crs import Geometries, SurveyCRS
from gis.linking import NOTHING, LinkTolerances, Units
from layers.bulk import copy_rows
from layers.frames import Rows, frame, geometries, wkb
from layers.imports.relook import look_again
from layers.models import (
    Building,
    Community,
    Household,
    LinkMethod,
    LinkRole,
    Parcel,
    ParcelHousehold,
    ParcelKind,
)

LINKED_KINDS = (ParcelKind.PUBLIC_GREEN, ParcelKind.PRIVATE_YARD)
"""The kinds of ground that belong to somebody's flat; paths and parking do not."""

REASONS = {
    linking.LINKED: "clear",
    linking.NO_BUILDING: "no building with a ground-floor household is near",
    linking.BUILDING_IN_DOUBT: "two buildings are about as near",
    linking.NO_UNIT: "the building has no ground-floor household",
    linking.UNIT_WITHOUT_PLACE: "a ground-floor household of the building has no place",
    linking.UNIT_IN_DOUBT: "two households are about as near",
    linking.TOO_FAR: "the nearest household is too far away",
}


@dataclass(frozen=True)
class Proposal:
    """What lies nearest to a parcel; a link only where ``outcome`` is ``linked``.

    ``at`` is the parcel's position among those asked about; distances in m.
    """

    at: int
    parcel: str
    outcome: str
    building_id: uuid.UUID | None
    household_id: uuid.UUID | None
    household: str | None
    distance_m: float | None
    runner_up_id: uuid.UUID | None
    runner_up: str | None
    runner_up_distance_m: float | None

    @property
    def is_linked(self) -> bool:
        """Whether one household is clearly the parcel's."""
        return self.outcome == linking.LINKED

    def row(self) -> dict[str, Any]:
        """Return it for a person to decide on; a link table has the same first columns."""
        return {
            "parcel": self.parcel,
            "household": self.household,
            "distance_m": _rounded(self.distance_m),
            "runner_up": self.runner_up,
            "runner_up_m": _rounded(self.runner_up_distance_m),
            "reason": REASONS[self.outcome],
        }


@dataclass(frozen=True)
class LinkReport:
    """What a run changed, and what a person must decide."""

    linked: int = 0
    removed: int = 0
    unchanged: int = 0
    undecided: list[Proposal] = field(default_factory=list)


def propose(
    session: Session,
    community: Community,
    refs: Sequence[str],
    grounds: Geometries,
    facing: Sequence[uuid.UUID | None],
    tolerances: LinkTolerances,
) -> list[Proposal]:
    """Propose a household for each of the parcels ``grounds`` (survey CRS, metres).

    ``facing`` are the buildings that the survey names, ``None`` where it does not.
    Where nobody lives on a ground floor yet nothing is proposed.
    """
    survey = SurveyCRS(community.survey_srid)
    buildings = frame(session, _buildings(community.id))
    homes = frame(session, _ground_floor(community.id))
    if homes.empty:
        return []
    at = {key: index for index, key in enumerate(buildings["id"])}
    units = Units(
        survey.to_survey(geometries(homes)),
        np.array([at.get(key, NOTHING) for key in homes["building_id"]], dtype=np.int64),
    )
    given = np.array([at.get(key, NOTHING) for key in facing], dtype=np.int64)
    found = linking.link(grounds, given, survey.to_survey(geometries(buildings)), units, tolerances)
    return [
        Proposal(
            at=index,
            parcel=ref,
            outcome=str(found.outcome[index]),
            building_id=_pick(buildings["id"], found.building[index]),
            household_id=_pick(homes["id"], found.nearest[index]),
            household=_pick(homes["ref"], found.nearest[index]),
            distance_m=_number(found.distance_m[index]),
            runner_up_id=_pick(homes["id"], found.runner_up[index]),
            runner_up=_pick(homes["ref"], found.runner_up[index]),
            runner_up_distance_m=_number(found.runner_up_distance_m[index]),
        )
        for index, ref in enumerate(refs)
    ]


def link_unlinked(
    session: Session, community: Community, tolerances: LinkTolerances | None = None
) -> LinkReport:
    """Link the parcels that have no household where the place leaves no doubt.

    Those in doubt are in the report, with the nearest and the runner-up.
    """
    parcels = frame(session, _unlinked(community.id))
    if parcels.empty:
        return LinkReport()
    grounds = SurveyCRS(community.survey_srid).to_survey(geometries(parcels))
    proposals = propose(
        session,
        community,
        parcels["ref"].tolist(),
        grounds,
        parcels["building_id"].tolist(),
        tolerances or LinkTolerances(),
    )
    clear = [one for one in proposals if one.is_linked]
    keys = [parcels["id"][one.at] for one in clear]
    write_spatial(session, community.id, keys, clear)
    look_again(session, community.id, geometries(parcels)[[one.at for one in clear]])
    return LinkReport(linked=len(clear), undecided=[one for one in proposals if not one.is_linked])


def write_spatial(
    session: Session, community_id: int, parcel_ids: Sequence[uuid.UUID], links: Sequence[Proposal]
) -> None:
    """Store clear proposals with their distance and runner-up."""
    names = (
        "community_id parcel_id household_id role share method distance_m runner_up_id"
        " runner_up_distance_m"
    )
    rows = [
        (
            community_id,
            key,
            one.household_id,
            LinkRole.ADJOINING,
            1.0,
            LinkMethod.SPATIAL,
            one.distance_m,
            one.runner_up_id,
            one.runner_up_distance_m,
        )
        for key, one in zip(parcel_ids, links, strict=True)
    ]
    copy_rows(session, ParcelHousehold, names.split(), rows)


def _unlinked(community_id: int) -> Rows:
    linked = exists().where(
        ParcelHousehold.community_id == Parcel.community_id, ParcelHousehold.parcel_id == Parcel.id
    )
    return (
        select(Parcel.id, Parcel.ref, Parcel.building_id, wkb(Parcel.geom))
        .where(Parcel.community_id == community_id)
        .where(Parcel.kind.in_(LINKED_KINDS), ~linked)
        .order_by(Parcel.ref)
    )


def _buildings(community_id: int) -> Rows:
    query = select(Building.id, wkb(Building.geom)).where(Building.community_id == community_id)
    return query.order_by(Building.ref)


def _ground_floor(community_id: int) -> Rows:
    return (
        select(Household.id, Household.ref, Household.building_id, wkb(Household.geom))
        .where(Household.community_id == community_id, Household.ground_floor)
        .order_by(Household.ref)
    )


def _pick(column: pd.Series, position: np.int64) -> Any:
    return None if position == NOTHING else column[int(position)]


def _number(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
