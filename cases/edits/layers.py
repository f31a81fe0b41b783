"""What the layers that are edited have in common: how a change becomes rows before and after."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy.orm import Session

from cases.edits.plans import (
    Change,
    Draw,
    Feature,
    Merge,
    Outline,
    Remove,
    Split,
    StaleRow,
    State,
    Step,
    Written,
    free_ref,
    pieces_of,
    reads_of,
    shape_problems,
    unlike,
    wrong,
)
from cases.ledger import as_array
from cases.policy import Policy
from cases.sightings import reach
from cases.signing import Signature
from gis.area import area_m2, judge
from gis.crs import SurveyCRS
from gis.problems import Problem, Said
from gis.validity import POLYGONS
from layers.models import Community

LONGEST_REF = 64
MOST_ROWS = 100
# Of a line that cuts an area; a person draws a few.
MOST_CORNERS = 200
Planned = tuple[list[Step], list[Problem]]


@dataclass
class EditedLayer(ABC):
    """A layer of one community, in a transaction that holds its lock."""

    session: Session
    community: Community

    kinds: ClassVar[frozenset[str]] = POLYGONS
    alike: ClassVar[tuple[str, ...]] = ()

    @cached_property
    def taken(self) -> set[str]:
        """Return the refs that new rows may not have; those that an edit gives out are added."""
        return self.refs()

    @property
    def survey(self) -> SurveyCRS:
        """Return the CRS in which areas are taken."""
        return SurveyCRS(self.community.survey_srid)

    @property
    def policy(self) -> Policy:
        """Return what the community decided for itself."""
        return Policy.of(self.community.policy)

    @abstractmethod
    def refs(self) -> set[str]:
        """Return the refs that are taken."""

    @abstractmethod
    def read(self, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Feature]:
        """Return the rows that may be edited, by identifier, as they are now."""

    @abstractmethod
    def draw(self, at: int, change: Draw) -> Planned:
        """Plan a new row, its shape already found sound."""

    @abstractmethod
    def judge(self, steps: Sequence[Step], is_undo: bool) -> list[Problem]:
        """Return why these rows may not change so; shapes are sound by themselves."""

    def unconfirmed(self, steps: Sequence[Step], confirmed: Collection[int]) -> list[Problem]:
        """Return what a person has to agree to first, but for the changes ``confirmed``."""
        return []

    @abstractmethod
    def write(self, steps: Sequence[Step], by: Signature) -> list[Written]:
        """Write the rows, and let flagging look again; the caller flags."""

    def built_upon(self, features: Sequence[Feature]) -> list[Problem]:
        """Return what happened upon rows since they were made: reasons against an undo."""
        return []

    def drifted(self, now: Feature, then: Mapping[str, Any]) -> bool:
        """Tell whether what no version counts is other than an edit left it."""
        return False

    def now_at(self, row: uuid.UUID) -> Sequence[Feature]:
        """Return what stands in the place of a row that somebody read."""
        found = self.read([row]).get(row)
        return [found] if found else []

    def merged(self, features: Sequence[Feature]) -> Mapping[str, Any]:
        """Return the attributes of several rows as one; the first is the largest."""
        return features[0].state.attributes

    def part(self, feature: Feature) -> Mapping[str, Any]:
        """Return the attributes of a new part of a row that is split."""
        return feature.state.attributes

    def stale(self, change: Change, known: Mapping[uuid.UUID, Feature]) -> list[StaleRow]:
        """Return the rows of a change that are not as they were read."""
        return [
            StaleRow(row, self.now_at(row.id))
            for row in reads_of(change)
            if row.id not in known or known[row.id].version != row.version
        ]

    def plan(self, at: int, change: Change, known: Mapping[uuid.UUID, Feature]) -> Planned:
        """Return the rows that a change means, or what is wrong with it."""
        match change:
            case Draw(shape):
                faults = self._shape_faults(at, shape)
                return ([], faults) if faults else self.draw(at, change)
            case Outline(row, shape, rms):
                return self._outline(at, known[row.id], shape, rms)
            case Split(row, line):
                return self._split(at, known[row.id], line)
            case Merge(rows):
                return self._merge(at, [known[row.id] for row in rows])
            case Remove(row):
                return [Step(at, known[row.id], None)], []

    def stated(self, ref: str, shape: shapely.Geometry, attributes: Mapping[str, Any]) -> State:
        """Return a row with its area in the survey CRS; polygons are stored as several."""
        stored = shape if shape.geom_type == "Point" else as_array([shape])[0]
        metric = self.survey.to_survey(np.array([stored], dtype=object))
        return State(ref, stored, float(area_m2(metric)[0]), attributes)

    def _shape_faults(self, at: int, shape: shapely.Geometry | None) -> list[Problem]:
        """Check an outline at the door, and that it lies at the community."""
        faults = shape_problems(shape, at, self.kinds)
        if faults or self.community.boundary is None:
            return faults
        if shapely.covers(reach(to_shape(self.community.boundary)), shape):
            return []
        message, remedy = "What is drawn lies outside the community.", "Draw it where it is."
        return [wrong(at, "shape_elsewhere", message, remedy, "shape")]

    def _outline(
        self, at: int, feature: Feature, shape: shapely.Geometry | None, rms: float | None
    ) -> Planned:
        faults = self._shape_faults(at, shape)
        if faults or shape is None:
            return [], faults
        before, attributes = feature.state, dict(feature.state.attributes)
        if (before.shape.geom_type == "Point") != (shape.geom_type == "Point"):
            message, remedy = "A point stays a point, an area an area.", "Draw it as it was drawn."
            return [], [wrong(at, "shape_kind", message, remedy, "shape")]
        if rms is not None and "rms_m" in attributes:
            attributes["rms_m"] = rms
        after = self.stated(before.ref, shape, attributes)
        if shapely.equals_exact(after.shape, before.shape) and attributes == before.attributes:
            message = "The outline is what it was."
            return [], [wrong(at, "nothing_changed", message, "Move a corner, or leave.", "shape")]
        return [Step(at, feature, after)], []

    def _split(self, at: int, feature: Feature, line: shapely.Geometry | None) -> Planned:
        if line is None or line.geom_type != "LineString" or not shapely.is_valid(line):
            message, remedy = "No line is drawn.", "Draw a line across what is to be split."
            return [], [wrong(at, "line_missing", message, remedy, "line")]
        # One that crosses itself again and again cuts an area into millions of pieces.
        if shapely.get_num_coordinates(line) > MOST_CORNERS or not shapely.is_simple(line):
            scribble = Said(
                "The line crosses itself, or has more than {most} corners.", most=MOST_CORNERS
            )
            remedy = "Draw one plain line across what is to be split."
            return [], [wrong(at, "line_scribbled", scribble, remedy, "line")]
        whole = feature.state
        pieces = [] if whole.shape.geom_type == "Point" else pieces_of(whole.shape, line)
        if not 1 < len(pieces) <= MOST_ROWS:
            message = Said("The line does not cut {ref} in parts.", ref=whole.ref)
            remedy = "Begin and end it outside of the outline."
            return [], [wrong(at, "not_split", message, remedy, "line")]
        metric = self.survey.to_survey(np.array(pieces, dtype=object))
        rms = float(whole.attributes.get("rms_m", 0.0))
        if judge(metric, np.full(len(metric), rms), self.policy.tolerances).is_sliver.any():
            message = "A part would be smaller or narrower than the survey can tell."
            return [], [wrong(at, "sliver", message, "Draw the line elsewhere.", "line")]
        steps = [Step(at, feature, self.stated(whole.ref, pieces[0], whole.attributes))]
        for piece in pieces[1:]:
            ref = free_ref(whole.ref, self.taken, LONGEST_REF)
            steps.append(Step(at, None, self.stated(ref, piece, self.part(feature))))
        return steps, []

    def _merge(self, at: int, features: Sequence[Feature]) -> Planned:
        if not 1 < len({one.id for one in features}) == len(features) <= MOST_ROWS:
            message, remedy = "It takes several to make one.", "Choose two or more, each once."
            return [], [wrong(at, "not_several", message, remedy, "rows")]
        if any(one.state.shape.geom_type == "Point" for one in features):
            message, remedy = "Points do not become one.", "Move or remove them."
            return [], [wrong(at, "shape_kind", message, remedy, "rows")]
        names = [
            name
            for name in self.alike
            if len({one.state.attributes.get(name) for one in features}) > 1
        ]
        if names:
            return [], unlike(at, names)
        ordered = sorted(features, key=lambda one: (-one.state.area_m2, one.id))
        union = shapely.union_all([one.state.shape for one in ordered])
        parts = sum(shapely.get_num_geometries(one.state.shape) for one in ordered)
        if shapely.get_num_geometries(union) > parts - len(ordered) + 1:
            message = "They do not touch one another."
            remedy = "Draw their common edge so that they meet, then make them one."
            return [], [wrong(at, "apart", message, remedy, "rows")]
        kept, *others = ordered
        one = self.stated(kept.state.ref, union, self.merged(ordered))
        return [Step(at, kept, one), *(Step(at, other, None) for other in others)], []
