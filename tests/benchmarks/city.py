"""A city to measure on: communities of yards along buildings, and what encloses them.

Made by arithmetic on whole arrays from one seed, in EPSG:4550, metres. Along each
building lie six yards that share their side edges; their outer edges are crooked, so
that yards and enclosures have 5 to 9 vertices. Each community is turned by an angle of
its own. Most enclosures stay on one yard; some reach over two, some take a strip from
a neighbour that is enclosed as well, and some cross an edge by survey noise alone.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SURVEY_SRID = 4550
RMS_M = 0.05
YARDS = 6
YARD_M = 7.0
IN_A_ROW = 9
BUILDING_M = 12.0
# From one building, row of buildings and community to the next.
ALONG_M, ACROSS_M = 50.0, 30.0
CITY_COLUMNS, EAST_M, NORTH_M = 54, 600.0, 400.0
CORNER = np.array([400_000.0, 4_130_000.0])
LARGEST_TURN = np.radians(8.0)
MOST_BENDS = 5


@dataclass(frozen=True)
class Size:
    """How many communities, and how many parcels and observations each has."""

    communities: int
    parcels: int = 441
    observations: int = 179

    @property
    def total_parcels(self) -> int:
        """Return the number of parcels in the city."""
        return self.communities * self.parcels

    @property
    def total_observations(self) -> int:
        """Return the number of observations in the city."""
        return self.communities * self.observations


@dataclass(frozen=True)
class Layer:
    """Polygons, each with the number of its ``community`` and its own ``number`` in there."""

    geometry: Geometries
    community: Integers
    number: Integers


@dataclass(frozen=True)
class City:
    """Everything in one survey CRS; layers are sorted by community and number.

    The parcels of building b of a community are 6 b to 6 b + 5.
    """

    size: Size
    boundaries: Geometries
    buildings: Layer
    parcels: Layer
    observations: Layer

    def places_of(self, layer: str) -> int:
        """Return how many numbers a community may use for a layer, by the layer's name."""
        buildings = _buildings(self.size)
        return {"building": buildings, "parcel": buildings * YARDS}.get(
            layer, self.size.observations
        )


def build_city(size: Size, seed: int = 2022) -> City:
    """Return the city of ``size``; the same seed gives the same coordinates."""
    random = np.random.default_rng(seed)
    place = _Place.of(size, random)
    yards = _Yards.of(size, random)
    chosen = random.permuted(
        np.broadcast_to(np.arange(size.parcels), (size.communities, size.parcels)), axis=1
    )[:, : size.observations]
    chosen = np.sort(chosen, axis=1)
    return City(
        size,
        place.boundaries(),
        place.layer(*_footprints(size)),
        place.layer(*yards.polygons(random)),
        place.layer(*yards.enclosures(chosen, random)),
    )


@dataclass(frozen=True)
class _Place:
    """Where each community lies and how it is turned."""

    size: Size
    origin: Floats
    turn: Floats

    @classmethod
    def of(cls, size: Size, random: np.random.Generator) -> "_Place":
        number = np.arange(size.communities)
        steps = np.column_stack([number % CITY_COLUMNS * EAST_M, number // CITY_COLUMNS * NORTH_M])
        turn = random.uniform(-LARGEST_TURN, LARGEST_TURN, size.communities)
        return cls(size, CORNER + steps, turn)

    def layer(self, rings: Floats, used: NDArray[np.bool_], each: int) -> Layer:
        """Place rings (N, V, 2), given about their community's origin, in the city.

        ``used`` (N, V) tells which of the vertices there are, ``each`` how many
        rings each community has.
        """
        community = np.repeat(np.arange(self.size.communities), each)
        geometry = self._polygons(rings, used, community)
        return Layer(geometry, community, np.tile(np.arange(each), self.size.communities))

    def boundaries(self) -> Geometries:
        """Return the outline of each community."""
        rows = -(-_buildings(self.size) // IN_A_ROW)
        west, east = -5.0, IN_A_ROW * ALONG_M + 5.0
        south, north = -BUILDING_M - 5.0, rows * ACROSS_M - 5.0
        ring = np.array([[west, south], [east, south], [east, north], [west, north]])
        rings = np.broadcast_to(ring, (self.size.communities, 4, 2))
        used = np.ones(rings.shape[:2], dtype=bool)
        return self._polygons(rings, used, np.arange(self.size.communities))

    def _polygons(self, rings: Floats, used: NDArray[np.bool_], community: Integers) -> Geometries:
        owner = np.nonzero(used)[0]
        local, of = rings[used], community[owner]
        cosine, sine = np.cos(self.turn[of]), np.sin(self.turn[of])
        turned = np.column_stack(
            [local[:, 0] * cosine - local[:, 1] * sine, local[:, 0] * sine + local[:, 1] * cosine]
        )
        made = shapely.linearrings(self.origin[of] + turned, indices=owner)
        polygons: Geometries = shapely.polygons(made)
        return polygons


@dataclass(frozen=True)
class _Yards:
    """The side edges of all yards: where each begins along its building, and how deep it is.

    Arrays (communities, buildings, 7): yard i of a building lies between edges i and i + 1.
    """

    size: Size
    edge: Floats
    depth: Floats

    @classmethod
    def of(cls, size: Size, random: np.random.Generator) -> "_Yards":
        shape = (size.communities, _buildings(size), YARDS + 1)
        edge = np.arange(YARDS + 1) * YARD_M + random.uniform(-0.8, 0.8, shape)
        return cls(size, edge, random.uniform(4.0, 8.0, shape))

    def polygons(self, random: np.random.Generator) -> tuple[Floats, NDArray[np.bool_], int]:
        """Return the rings of all yards."""
        size = self.size
        number = np.tile(np.arange(size.parcels), size.communities)
        community = np.repeat(np.arange(size.communities), size.parcels)
        building, yard = number // YARDS, number % YARDS
        sides = (community, building, yard), (community, building, yard + 1)
        rings, used = _crooked(
            np.column_stack([self.edge[side] for side in sides]),
            np.column_stack([self.depth[side] for side in sides]),
            np.zeros(len(number)),
            random,
        )
        return rings + _corner(building)[:, None], used, size.parcels

    def enclosures(
        self, chosen: Integers, random: np.random.Generator
    ) -> tuple[Floats, NDArray[np.bool_], int]:
        """Return the rings of what encloses the ``chosen`` (communities, n) yards."""
        number, each = chosen.ravel(), chosen.shape[1]
        community = np.repeat(np.arange(self.size.communities), each)
        building, yard = number // YARDS, number % YARDS
        west = self.edge[community, building, yard]
        east = self.edge[community, building, yard + 1]
        beyond = _reach(len(number), random)
        # The last yard of a building reaches back over the one before it.
        back = yard == YARDS - 1
        sides = np.column_stack([west - beyond * back, east + beyond * ~back])
        inset = random.uniform(0.02, 0.25, sides.shape) * (east - west)[:, None]
        inset[np.arange(len(number)), np.where(back, 0, 1)] *= beyond == 0
        sides += inset * [1, -1]
        depth = random.uniform(2.5, 8.5, sides.shape)
        wall = random.normal(0, RMS_M, len(number))
        rings, used = _crooked(sides, depth, wall, random)
        return rings + _corner(building)[:, None], used, each


def _reach(count: int, random: np.random.Generator) -> Floats:
    """Return how far each enclosure crosses into the next yard, in metres; 0 for most.

    15 % reach well into it, 15 % take a strip, 8 % cross the edge by survey noise.
    """
    kind = random.choice(4, count, p=[0.62, 0.15, 0.15, 0.08])
    far = random.uniform([0.0, 2.0, 0.3, 0.01], [0.0, 5.0, 0.7, 0.08], (count, 4))
    return far[np.arange(count), kind]


def _crooked(
    sides: Floats, depth: Floats, wall: Floats, random: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return rings (N, 9, 2) between two sides, with 1 to 5 bends in the outer edge.

    ``sides`` and ``depth`` are (N, 2), west and east; ``wall`` is where the ring
    begins on the building's side. The outer edge is a function of the place along
    the building, so that no ring crosses itself.
    """
    count = len(sides)
    bends = random.integers(1, MOST_BENDS + 1, count)[:, None]
    nth = np.arange(1, MOST_BENDS + 1) + random.uniform(-0.3, 0.3, (count, MOST_BENDS))
    share = 1 - nth / (bends + 1)
    rings = np.empty((count, 4 + MOST_BENDS, 2))
    rings[:, :2, 0], rings[:, :2, 1] = sides, wall[:, None]
    rings[:, 2, 0], rings[:, 2, 1] = sides[:, 1], depth[:, 1]
    rings[:, 3:-1, 0] = sides[:, :1] + share * (sides[:, 1:] - sides[:, :1])
    rings[:, 3:-1, 1] = depth.mean(axis=1)[:, None] + random.uniform(-1, 1, share.shape)
    rings[:, -1, 0], rings[:, -1, 1] = sides[:, 0], depth[:, 0]
    used = np.ones(rings.shape[:2], dtype=bool)
    used[:, 3:-1] = np.arange(1, MOST_BENDS + 1) <= bends
    return rings, used


def _footprints(size: Size) -> tuple[Floats, NDArray[np.bool_], int]:
    number = np.tile(np.arange(_buildings(size)), size.communities)
    length = YARDS * YARD_M
    ring = np.array([[0.0, -BUILDING_M], [length, -BUILDING_M], [length, 0.0], [0.0, 0.0]])
    rings = ring + _corner(number)[:, None]
    return rings, np.ones(rings.shape[:2], dtype=bool), _buildings(size)


def _buildings(size: Size) -> int:
    return -(-size.parcels // YARDS)


def _corner(building: Integers) -> Floats:
    """Return where the yards of a building begin, about their community's origin."""
    corner: Floats = np.column_stack(
        [building % IN_A_ROW * ALONG_M, building // IN_A_ROW * ACROSS_M]
    )
    return corner
