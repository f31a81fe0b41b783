"""Everything that a reviewer needs to judge one submission, on one sheet."""

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.case_sheet import DECIMALS, Shape, shape_of, shapes_around
from cases.field.corrections import Correction, correction_of
from cases.field.overlap import Overlap, overlap_of
from cases.field.reading import Submitted
from cases.field.verdicts import DECIDED
from cases.models import FieldDecision, FieldSubmission
from cases.registry import linked_ground, linked_households
from layers.models import (
    STORAGE_SRID,
    Community,
    Observation,
    ObservationStatus,
    Purpose,
    StructureType,
)

# Other submissions this near, some 5 m, may be of the same fence.
BESIDE_DEGREES = 5e-5


@dataclass(frozen=True)
class Neighbour:
    """Another submission that waits nearby; ``shared`` says that both lie on one another."""

    id: uuid.UUID
    recorded_by: str
    observed_on: dt.date
    structure_type: str
    area_m2: float
    shared: bool
    is_clock_doubtful: bool


@dataclass(frozen=True)
class SubmissionSheet:
    """What the page of a submission shows.

    ``correction`` is what it corrects. ``observed`` are open observations that it lies on, or
    that lie where all is said to be clear; ``neighbours`` are others that wait.
    """

    submitted: Submitted
    overlap: Overlap
    correction: Correction | None
    observed: Sequence[Observation]
    neighbours: list[Neighbour]
    linked: list[str]
    shapes: list[Shape]

    @property
    def is_overtaken(self) -> bool:
        """Return whether somebody else has changed what it corrects."""
        return self.correction is not None and self.correction.is_overtaken

    @property
    def mergeable(self) -> list[Observation]:
        """Return the open observations that a merger may name, those it corrects first."""
        parts = self.correction.parts if self.correction else ()
        found = {one.seen.id: one.seen for one in parts}
        return list((found | {one.id: one for one in self.observed}).values())


def submission_sheet(
    session: Session, community: Community, submitted: Submitted
) -> SubmissionSheet:
    """Return everything about a submission that the viewer sees already."""
    sent = submitted.sent
    key = submitted.decision and submitted.decision.observation_id
    made = session.get(Observation, (community.id, key)) if key else None
    correction = correction_of(session, community, sent, made)
    # What it became stands in nobody's way, and is not laid against itself.
    own = set() if made is None else {made.id}
    own |= correction.replaceable if correction else set()
    overlap = overlap_of(session, community, sent, own, made)
    ground = _ground(session, community, sent)
    observed = _observed(session, community, sent, ground)
    neighbours = _neighbours(session, community, sent)
    shapes = [*shapes_around(session, community.id, _grounds(sent, ground))]
    shapes += _seen_shapes([one for one in observed if one is not made], correction)
    for other, geom in neighbours:
        shapes.append(shape_of("waiting", other.recorded_by, other.observed_on, geom))
    for one in overlap.taken:
        if not one.is_listed:
            shapes.append(drawn_shape("taken", one.parcel, None, one.ground))
    shapes += _own_shapes(sent, ground)
    linked = linked_households(session, community.id, [one.parcel_id for one in overlap.taken])
    return SubmissionSheet(
        submitted,
        overlap,
        correction,
        observed,
        [one for one, _geom in neighbours],
        linked,
        shapes,
    )


def drawn_shape(layer: str, label: str, day: dt.date | None, geometry: shapely.Geometry) -> Shape:
    """Return a geometry of EPSG:4326 as a shape to draw."""
    rounded = shapely.transform(geometry, lambda xy: np.round(xy, DECIMALS))
    return Shape(layer, label, day, shapely.to_geojson(rounded))


def _seen_shapes(observed: Sequence[Observation], correction: Correction | None) -> list[Shape]:
    """Return what was seen there before, what is corrected, and every part that stands of it."""
    drawn = [("observed", one) for one in observed]
    if correction is not None:
        known = {one.id for one in correction.observations}
        drawn = [pair for pair in drawn if pair[1].id not in known]
        drawn.append(("earlier", correction.read.seen))
        drawn += [("now", one.seen) for one in correction.parts]
    return [shape_of(layer, one.ref, one.observed_on, one.geom) for layer, one in drawn]


def _observed(
    session: Session,
    community: Community,
    sent: FieldSubmission,
    ground: list[shapely.Geometry],
) -> Sequence[Observation]:
    """Return open observations that it lies on, or that lie where all is said to be clear.

    What it corrects is none of them.
    """
    polygon = to_shape(sent.geom) if sent.geom is not None else shapely.union_all(ground)
    if shapely.is_empty(polygon):
        return []
    found = session.scalars(
        select(Observation)
        .where(
            Observation.geom.op("&&")(_envelope(polygon)),
            Observation.community_id == community.id,
            Observation.status == ObservationStatus.OPEN,
            Observation.purpose != Purpose.RESIDUAL,
            Observation.structure_type != StructureType.NONE,
        )
        .order_by(Observation.observed_on, Observation.ref)
    )
    return [
        one for one in found if one.id != sent.corrects_id and _shares(polygon, to_shape(one.geom))
    ]


def _shares(one: shapely.Geometry, other: shapely.Geometry) -> bool:
    return bool(shapely.area(shapely.intersection(one, other)) > 0)


def _neighbours(
    session: Session, community: Community, sent: FieldSubmission
) -> list[tuple[Neighbour, WKBElement]]:
    """Return the submissions that wait nearby, those that share ground first."""
    if sent.geom is None:
        return []
    rows = session.scalars(
        select(FieldSubmission)
        .outerjoin(FieldDecision, DECIDED)
        .where(
            FieldSubmission.geom.op("&&")(_envelope(to_shape(sent.geom), BESIDE_DEGREES)),
            FieldSubmission.community_id == community.id,
            FieldSubmission.id != sent.id,
            FieldDecision.id.is_(None),
        )
        .order_by(FieldSubmission.received_at, FieldSubmission.id)
    )
    polygon, found = to_shape(sent.geom), []
    for one in rows:
        assert one.geom is not None
        shared = _shares(polygon, to_shape(one.geom))
        other = Neighbour(
            one.id,
            one.recorded_by,
            one.observed_on,
            one.structure_types[0],
            one.area_m2 or 0.0,
            shared,
            one.is_clock_doubtful,
        )
        found.append((other, one.geom))
    return sorted(found, key=lambda pair: not pair[0].shared)


def _envelope(ground: shapely.Geometry, margin: float = 0.0) -> Any:
    west, south, east, north = ground.bounds
    return func.ST_Expand(func.ST_MakeEnvelope(west, south, east, north, STORAGE_SRID), margin)


def _ground(
    session: Session, community: Community, sent: FieldSubmission
) -> list[shapely.Geometry]:
    """Return the parcels of a household that was found clear."""
    if sent.geom is not None or sent.household_id is None:
        return []
    return list(linked_ground(session, community.id, sent.household_id).values())


def _grounds(sent: FieldSubmission, ground: list[shapely.Geometry]) -> list[WKBElement]:
    if sent.geom is not None:
        return [sent.geom]
    if ground:
        return [from_shape(one, srid=STORAGE_SRID) for one in ground]
    return [] if sent.position is None else [sent.position]


def _own_shapes(sent: FieldSubmission, ground: list[shapely.Geometry]) -> list[Shape]:
    """Return the outline, else the clear parcels, with the walk and where the phone was."""
    shapes = [drawn_shape("clear", "", sent.observed_on, one) for one in ground]
    if sent.geom is not None:
        shapes.append(shape_of("submitted", sent.recorded_by, sent.observed_on, sent.geom))
    if len(sent.fixes) > 1:
        line = [[fix["longitude"], fix["latitude"]] for fix in sent.fixes]
        told = json.dumps({"type": "LineString", "coordinates": line})
        shapes.append(Shape("walk", "", sent.observed_on, told))
    if sent.position is not None:
        shapes.append(shape_of("position", "", None, sent.position))
    return shapes
