"""What flagging reads: waiting observations and all that they touch, as frames.

Few waiting observations look their surroundings up by index, box by box, so that
one polygon costs the same in a village and in a city; many read their communities
whole, which is quicker than many look-ups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import case, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import ColumnElement

from cases.models import Encroachment
from gis.crs import Geometries, SurveyCRS
from gis.encroachment import Accusation
from layers.frames import Rows, frame, geometries, keys, overlapping, wkb
from layers.imports.relook import boxes
from layers.models import (
    Building,
    Observation,
    ObservationStatus,
    Parcel,
    ParcelHousehold,
    ParcelKind,
    Purpose,
    StructureType,
    TitleBasis,
    WaitingObservation,
)

FEW = 64
_IT_WAITS = (WaitingObservation.community_id == Observation.community_id) & (
    WaitingObservation.observation_id == Observation.id
)
_IS_OPEN = Observation.status == ObservationStatus.OPEN


@dataclass
class Surroundings:
    """Frames keyed by ``community_id`` and ``id``; geometries in EPSG:4326.

    ``waiting`` are the observations to look at again, ended ones (not ``is_open``) included;
    ``observations`` all open ones that they or their neighbours overlap, where
    ``affected`` marks those whose share of the ground may change;
    ``current`` the encroachments that these have or overlap.
    """

    waiting: pd.DataFrame
    observations: pd.DataFrame
    parcels: pd.DataFrame
    walls: NDArray[np.object_]
    current: pd.DataFrame
    links: pd.DataFrame


def load(session: Session, communities: Sequence[int], strip_m: float) -> Surroundings | None:
    """Read what the waiting observations of ``communities`` need; ``None`` if none waits.

    ``strip_m`` is how far from an encroachment a wall still counts.
    """
    waiting = frame(session, _waiting(communities).limit(FEW + 1))
    if waiting.empty:
        return None
    if len(waiting) > FEW:
        return _load_whole(session, communities)
    return _load_near(session, communities, waiting, strip_m)


def _load_whole(session: Session, communities: Sequence[int]) -> Surroundings:
    """Read everything; any open observation may touch one that waits."""
    waits = WaitingObservation.observation_id.is_not(None)
    either = _observations(communities).outerjoin(WaitingObservation, _IT_WAITS)
    either = either.where(or_(_IS_OPEN, waits))
    seen = frame(session, either.add_columns(waits.label("waits")))
    observations = seen[seen["is_open"].astype(bool)].reset_index(drop=True)
    return Surroundings(
        seen[seen["waits"].astype(bool)].reset_index(drop=True),
        observations.assign(affected=True),
        _touched(frame(session, _parcels(communities)), geometries(observations)),
        geometries(frame(session, _walls(communities).with_only_columns(wkb(Building.geom)))),
        frame(session, current_encroachments(communities)),
        frame(session, _links(communities)),
    )


def _load_near(
    session: Session, communities: Sequence[int], waiting: pd.DataFrame, strip_m: float
) -> Surroundings:
    """Read what lies around a few waiting observations."""
    affected = _near(session, _open(communities), Observation.geom, geometries(waiting))
    affected = _together(affected, waiting[waiting["is_open"].astype(bool)])
    grounds = geometries(affected)
    observations = _near(session, _open(communities), Observation.geom, grounds)
    observations = _together(observations, affected)
    observations["affected"] = pd.Series(keys(observations)).isin(set(keys(affected)))
    parcels = _near(session, _parcels(communities), Parcel.geom, grounds)
    current = _near(session, current_encroachments(communities), Encroachment.geom, grounds)
    current = _together(current, _current_of(session, communities, waiting))
    walls = _near(session, _walls(communities), Building.geom, boxes(grounds, strip_m))
    links = _links(communities).where(ParcelHousehold.parcel_id.in_(list(parcels["id"])))
    return Surroundings(
        waiting, observations, parcels, geometries(walls), current, frame(session, links)
    )


def _near(
    session: Session,
    statement: Rows,
    column: InstrumentedAttribute[Any],
    near: NDArray[np.object_],
) -> pd.DataFrame:
    """Read the rows of a layer whose box overlaps that of one of the geometries."""
    if not len(near):
        return frame(session, statement.where(column.is_(None)))
    found = frame(session, overlapping(statement, column, near))
    return found.drop_duplicates(["community_id", "id"], ignore_index=True)


def _touched(table: pd.DataFrame, by: NDArray[np.object_]) -> pd.DataFrame:
    """Return the rows whose box overlaps that of one of the geometries."""
    _by, at = shapely.STRtree(geometries(table)).query(by)
    return table.iloc[np.unique(at)].reset_index(drop=True)


def _together(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of both, each once, in an order that does not depend on the plan."""
    if first.empty:
        return second.reset_index(drop=True)
    both = pd.concat([first, second], ignore_index=True) if len(second) else first
    both = both.drop_duplicates(["community_id", "id"])
    return both.sort_values(["community_id", "id"], ignore_index=True)


def _in(column: InstrumentedAttribute[int], communities: Sequence[int]) -> ColumnElement[bool]:
    return column.in_(communities) if len(communities) > 1 else column == communities[0]


def _of(model: Any, communities: Sequence[int]) -> ColumnElement[bool]:
    return _in(model.community_id, communities)


def _observations(communities: Sequence[int]) -> Rows:
    """Select what people saw; a residual measures, and "nothing here" covers: neither accuses."""
    return select(
        Observation.community_id,
        Observation.id,
        _IS_OPEN.label("is_open"),
        Observation.occupier_id,
        Observation.observed_on,
        Observation.entered,
        Observation.rms_m,
        wkb(Observation.geom),
    ).where(
        _of(Observation, communities),
        Observation.purpose != Purpose.RESIDUAL,
        Observation.structure_type != StructureType.NONE,
    )


def _waiting(communities: Sequence[int]) -> Rows:
    return _observations(communities).join(WaitingObservation, _IT_WAITS)


def _open(communities: Sequence[int]) -> Rows:
    return _observations(communities).where(_IS_OPEN)


def _parcels(communities: Sequence[int]) -> Rows:
    return select(
        Parcel.community_id,
        Parcel.id,
        Parcel.rms_m,
        accusation().label("accusation"),
        wkb(Parcel.geom),
    ).where(_of(Parcel, communities))


def accusation() -> ColumnElement[int]:
    """Return what an overlap with a parcel may lead to (DOMAIN, product rule 1)."""
    never = or_(Parcel.kind != ParcelKind.PUBLIC_GREEN, Parcel.title_basis == TitleBasis.INDIVIDUAL)
    unknown = or_(Parcel.title_basis == TitleBasis.UNKNOWN, Parcel.title_disputed)
    return case(
        (never, int(Accusation.NEVER)),
        (unknown, int(Accusation.UNKNOWN)),
        else_=int(Accusation.COMMON),
    )


def _walls(communities: Sequence[int]) -> Rows:
    return select(Building.community_id, Building.id, wkb(Building.geom)).where(
        _of(Building, communities)
    )


def current_encroachments(communities: Sequence[int]) -> Rows:
    """Select the encroachments of ``communities`` that have not been superseded."""
    statement = select(
        Encroachment.community_id,
        Encroachment.id,
        Encroachment.observation_id,
        Encroachment.parcel_id,
        Encroachment.household_id,
        Encroachment.case_id,
        Encroachment.answer_basis,
        Encroachment.occupied_m2,
        Encroachment.verified_on,
        Encroachment.cleared_on,
        Encroachment.countable_m2,
        Observation.rms_m,
        wkb(Encroachment.geom),
        wkb(Encroachment.standing),
    )
    own = (Observation.community_id == Encroachment.community_id) & (
        Observation.id == Encroachment.observation_id
    )
    return statement.join(Observation, own).where(
        _of(Encroachment, communities), Encroachment.superseded_on.is_(None)
    )


def standing_and_freed(found: pd.DataFrame, survey: SurveyCRS) -> tuple[Geometries, Geometries]:
    """Return in the survey CRS what stands of encroachments, and what was freed of each.

    ``found`` are rows of :func:`current_encroachments`. ``None`` stands where all was freed;
    what was freed is empty where nothing was.
    """
    ground = survey.to_survey(geometries(found))
    standing = survey.to_survey(geometries(found, "standing"))
    gone = shapely.is_missing(standing)
    freed = np.array(shapely.difference(ground, standing), dtype=object)
    freed[gone] = ground[gone]
    return standing, freed


def _current_of(
    session: Session, communities: Sequence[int], waiting: pd.DataFrame
) -> pd.DataFrame:
    """Return the current encroachments of the waiting observations, wherever they lie."""
    return frame(
        session,
        current_encroachments(communities).where(
            Encroachment.observation_id.in_(list(waiting["id"]))
        ),
    )


def _links(communities: Sequence[int]) -> Rows:
    """Select which household is linked to which parcel."""
    return select(
        ParcelHousehold.community_id, ParcelHousehold.parcel_id, ParcelHousehold.household_id
    ).where(_in(ParcelHousehold.community_id, communities))
