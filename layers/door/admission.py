"""What the gates judge by, and what they let through."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray

from gis.crs import Geometries
from gis.datum import DatumRule
from gis.validity import FILE_LIMITS, GeometryLimits
from layers.files.delivery import Notice

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """The community that a delivery is for.

    ``boundary`` and ``reference`` are polygonal, in EPSG:4326; ``reference`` is
    what is known to stand there, such as the union of its buildings. Either may
    be ``None``: then less can be judged, and a notice says so.
    """

    code: str
    name: str
    survey_srid: int
    boundary: shapely.Geometry | None = None
    reference: shapely.Geometry | None = None


@dataclass(frozen=True)
class GateLimits:
    """Where the gates stand.

    A feature may reach ``outside_m`` over the boundary. A layer lies in place
    when at least ``inside_share`` of its vertices lie within ``near_m`` of the
    ground; a CRS explains a misplaced one when ``fit_share`` of them would. A
    reference without boundary speaks for ``reference_m`` around it. ``area_m2``
    is the least and the most area of a feature by kind: smaller ones are
    noticed, larger ones refused. Parcels that overlap by more than
    ``overlap_m2`` are listed; with ``None`` nobody looks. Of one fault at most
    ``shown`` rows are listed.
    """

    geometry: GeometryLimits = FILE_LIMITS
    datum: DatumRule = field(default_factory=DatumRule)
    outside_m: float = 5.0
    near_m: float = 50.0
    inside_share: float = 0.5
    fit_share: float = 0.9
    reference_m: float = 300.0
    overlap_m2: float | None = 0.01
    area_m2: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {
            "buildings": (4.0, 200_000.0),
            "parcels": (0.5, 1_000_000.0),
            "observations": (0.1, 100_000.0),
            "sites": (1.0, 1_000_000.0),
        }
    )
    shown: int = 100


@dataclass(frozen=True)
class Overlap:
    """Two rows of a file that claim the same ``area_m2`` of ground."""

    row: int
    other: int
    area_m2: float


@dataclass(frozen=True)
class Checked:
    """A delivery that may be stored.

    ``frame`` has the fields of the kind as object columns (``None`` for no
    value) and the geometry as it is stored: EPSG:4326, two dimensions, every
    polygon a MultiPolygon; its index is the row. ``survey`` holds the same
    geometries in the community's survey CRS and ``area_m2`` their area there, 0
    for a point or none. ``given`` are the fields that the file holds; the others
    have their default in every row. ``crs`` is the delivery's and ``transform``
    the PROJ text of the way from there to storage.
    """

    frame: geopandas.GeoDataFrame
    survey: Geometries
    area_m2: Floats
    notices: tuple[Notice, ...]
    overlaps: tuple[Overlap, ...]
    crs: str
    transform: str
    given: frozenset[str]
