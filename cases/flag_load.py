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
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import ColumnElement

from cases.models import Encroachment
from layers.frames import Rows, frame, geometries, keys, overlapping, wkb
from layers.models import (
    Building,
    Observation,
    ObservationStatus,
    Parcel,
    ParcelHousehold,
    Purpose,
)

FEW = 64
# A degree of latitude; a degree of longitude is shorter, so that boxes are never too small.
METRES_PER_DEGREE = 111_000.0


@dataclass
class Surroundings:
    """Frames keyed by ``community_id`` and ``id``; geometries in EPSG:4326.

    ``waiting`` are the observations to look at again, ended ones included;
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
    waiting = frame(session, _observations(communities).where(Observation.flagged_at.is_(None)))
    if waiting.empty:
        return None
    is_open = waiting["status"] == ObservationStatus.OPEN
    is_few = len(waiting) <= FEW
    near = _Near(session, communities, is_few)
    affected = near.read(_open(communities), Observation.geom, geometries(waiting))
    affected = _together(affected, waiting[is_open])
    observations = near.read(_open(communities), Observation.geom, geometries(affected))
    observations = _together(observations, affected)
    observations["affected"] = pd.Series(keys(observations)).isin(set(keys(affected)))
    grounds = geometries(affected)
    parcels = near.read(_parcels(communities), Parcel.geom, grounds)
    current = near.read(current_encroachments(communities), Encroachment.geom, grounds)
    if is_few:
        current = _together(current, _current_of(session, communities, waiting))
    walls = near.read(_walls(communities), Building.geom, _wider(grounds, strip_m))
    links = _links(session, communities, parcels, is_few)
    return Surroundings(waiting, observations, parcels, geometries(walls), current, links)


@dataclass(frozen=True)
class _Near:
    """Reads a layer near some geometries, or whole where that is quicker."""

    session: Session
    communities: Sequence[int]
    is_few: bool

    def read(
        self,
        statement: Rows,
        column: InstrumentedAttribute[Any],
        near: NDArray[np.object_],
    ) -> pd.DataFrame:
        if not self.is_few:
            return frame(self.session, statement)
        if not len(near):
            return frame(self.session, statement.where(column.is_(None)))
        found = frame(self.session, overlapping(statement, column, near))
        return found.drop_duplicates(["community_id", "id"], ignore_index=True)


def _together(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of both, each once, in an order that does not depend on the plan."""
    if first.empty:
        return second.reset_index(drop=True)
    both = pd.concat([first, second], ignore_index=True) if len(second) else first
    both = both.drop_duplicates(["community_id", "id"])
    return both.sort_values(["community_id", "id"], ignore_index=True)


def _wider(given: NDArray[np.object_], metres: float) -> NDArray[np.object_]:
    """Return boxes around the geometries, wider by at least ``metres`` to each side."""
    west, south, east, north = shapely.bounds(given).T
    high = metres / METRES_PER_DEGREE
    wide = high / np.maximum(np.cos(np.radians(np.maximum(abs(south), abs(north)))), 0.01)
    boxes: NDArray[np.object_] = shapely.box(west - wide, south - high, east + wide, north + high)
    return boxes


def _in(column: InstrumentedAttribute[int], communities: Sequence[int]) -> ColumnElement[bool]:
    return column.in_(communities) if len(communities) > 1 else column == communities[0]


def _of(model: Any, communities: Sequence[int]) -> ColumnElement[bool]:
    return _in(model.community_id, communities)


def _observations(communities: Sequence[int]) -> Rows:
    """Select what people saw; a residual polygon measures a case and never accuses."""
    return select(
        Observation.community_id,
        Observation.id,
        Observation.ref,
        Observation.status,
        Observation.occupier_id,
        Observation.observed_on,
        Observation.ended_on,
        Observation.rms_m,
        wkb(Observation.geom),
    ).where(_of(Observation, communities), Observation.purpose != Purpose.RESIDUAL)


def _open(communities: Sequence[int]) -> Rows:
    return _observations(communities).where(Observation.status == ObservationStatus.OPEN)


def _parcels(communities: Sequence[int]) -> Rows:
    return select(
        Parcel.community_id,
        Parcel.id,
        Parcel.ref,
        Parcel.kind,
        Parcel.title_basis,
        Parcel.title_disputed,
        Parcel.rms_m,
        wkb(Parcel.geom),
    ).where(_of(Parcel, communities))


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


def _links(
    session: Session, communities: Sequence[int], parcels: pd.DataFrame, is_few: bool
) -> pd.DataFrame:
    """Return which household is linked to which of the parcels."""
    statement = select(
        ParcelHousehold.community_id, ParcelHousehold.parcel_id, ParcelHousehold.household_id
    ).where(_in(ParcelHousehold.community_id, communities))
    if is_few:
        statement = statement.where(ParcelHousehold.parcel_id.in_(list(parcels["id"])))
    return frame(session, statement)
