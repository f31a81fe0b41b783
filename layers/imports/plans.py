"""What an import would do, row by row, before anything is written."""

import datetime as dt
import enum
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import shapely

from gis.area import Tolerances
from gis.crs import Geometries
from gis.linking import LinkTolerances
from gis.problems import Problem
from layers.files.delivery import Notice
from layers.imports.linking import Proposal
from layers.imports.matching import Action, Matches
from layers.models import Community, Purpose


class LinkChoice(enum.StrEnum):
    """How parcels find their households: by the file where it names them, or by place."""

    AUTO = "auto"
    ATTRIBUTE = "attribute"
    SPATIAL = "spatial"
    NONE = "none"


@dataclass(frozen=True)
class Covers:
    """The ground that a survey says it looked at, beside the parcels that it touched.

    ``community`` is all of it; ``buildings`` the refs of those whose facing
    parcels were looked at; ``ground`` a MultiPolygon in EPSG:4326.
    """

    community: bool = False
    buildings: tuple[str, ...] = ()
    ground: shapely.MultiPolygon | None = None


@dataclass(frozen=True)
class ImportPolicy:
    """Defaults of an import that a community may set otherwise; configuration.

    ``rms_m`` is assumed where neither file nor person says it (boundary points
    of the first class, DOMAIN, survey and maps). ``stated_m2`` is how far a
    file's own area may be from the computed one. ``building_reach_m`` is how far
    outside a footprint a household's point may lie. ``wall_reach_m`` is how far
    from a changed building observations are looked at again; ``ground_floor``
    the number of the floor at ground level.
    """

    rms_m: float = 0.05
    stated_m2: float = 0.5
    building_reach_m: float = 5.0
    wall_reach_m: float = 2.0
    ground_floor: int = 1
    coverage_share: float = 0.95
    tolerances: Tolerances = field(default_factory=Tolerances)
    links: LinkTolerances = field(default_factory=LinkTolerances)


@dataclass(frozen=True)
class ImportOptions:
    """What a person says of a delivery that the file does not.

    ``unknown_buildings_allowed`` takes a household or parcel whose building is
    not there as one whose building nobody named. ``stated_area`` is the file's
    own column of areas, to be compared.
    """

    surveyed_on: dt.date | None = None
    surveyor: str = ""
    purpose: Purpose | None = None
    rms_m: float | None = None
    links: LinkChoice = LinkChoice.AUTO
    covers: Covers = field(default_factory=Covers)
    overlaps_allowed: bool = False
    unknown_buildings_allowed: bool = False
    stated_area: str | None = None
    policy: ImportPolicy = field(default_factory=ImportPolicy)


@dataclass
class Prepared:
    """The rows of a delivery as the table takes them, all lists in its order.

    ``values`` holds the columns that the delivery gives, references resolved;
    ``defaults`` those that only new rows take. ``stored`` is in EPSG:4326,
    ``metric`` in the survey CRS. ``links`` are a parcel's households where the
    file names them.
    """

    rows: list[int]
    values: dict[str, list[Any]]
    defaults: dict[str, list[Any]]
    stored: Geometries
    metric: Geometries
    problems: list[Problem] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    links: list[dict[uuid.UUID, Any]] | None = None

    @property
    def refs(self) -> list[str]:
        """The refs of the rows."""
        return self.values["ref"]

    def column(self, name: str) -> list[Any]:
        """Return what new rows will hold in a column."""
        return self.values.get(name) or self.defaults[name]


@dataclass(frozen=True)
class Provenance:
    """Where a delivery comes from, as its survey keeps it.

    ``mapping`` are the fields that a person mapped.
    """

    file_name: str
    sha256: str
    layer: str
    crs: str
    transform: str
    features: int
    mapping: Mapping[str, str]


@dataclass(frozen=True)
class Plan:
    """An import ready to be shown or applied.

    ``surveyed_on`` dates the survey. ``proposals`` are parcels without a
    household that the file names, with what lies nearest; ``looked`` the parcels
    that were looked at, with the day; ``covered`` the ground that the survey
    says it looked at (EPSG:4326).
    """

    community: Community
    kind: str
    provenance: Provenance
    prepared: Prepared
    matches: Matches
    surveyed_on: dt.date
    purpose: Purpose
    surveyor: str
    proposals: list[Proposal] = field(default_factory=list)
    looked: Mapping[uuid.UUID, dt.date] = field(default_factory=dict)
    covered: shapely.MultiPolygon | None = None
    is_news: bool = False
    notices: list[Notice] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many rows are new, changed and unchanged."""
        found = Counter(self.matches.actions.tolist())
        return {str(action): found.get(action, 0) for action in Action}

    @property
    def tells_anything(self) -> bool:
        """Whether the delivery says anything that is not known, links aside."""
        return self.is_news or any(self.counts[one] for one in (Action.NEW, Action.CHANGED))

    @property
    def linked(self) -> list[Proposal]:
        """The parcels that one household is clearly nearest to."""
        return [one for one in self.proposals if one.is_linked]

    @property
    def ambiguous(self) -> list[Proposal]:
        """The parcels whose household a person must decide."""
        return [one for one in self.proposals if not one.is_linked]

    def positions(self, *actions: Action) -> list[int]:
        """Return the positions of the rows to which one of the actions happens."""
        return [at for at, action in enumerate(self.matches.actions) if action in actions]

    def stored_id(self, at: int) -> uuid.UUID:
        """Return the identifier of the stored row that a row was matched with."""
        found: uuid.UUID = self.matches.stored["id"][int(self.matches.positions[at])]
        return found

    def table(self) -> list[dict[str, Any]]:
        """Return a line per row: what happens to it and what changes."""
        return [
            {
                "row": row,
                "ref": ref,
                "action": str(action),
                "changes": ", ".join(changes) or None,
            }
            for row, ref, action, changes in zip(
                self.prepared.rows,
                self.prepared.refs,
                self.matches.actions,
                self.matches.changes,
                strict=True,
            )
        ]
