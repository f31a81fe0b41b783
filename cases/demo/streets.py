"""Streets and rows of an invented compound: where its buildings may stand.

Everything here is in metres of a local frame, x about east and y about north,
origin near the central garden. Curves are polynomials and turns are given by
the tangent of half the angle, so that every machine computes the same numbers.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SLAB_DEPTH, TOWER_DEPTH = 12.2, 19.0
LANE_FROM, LANE_WIDTH = 6.0, 4.0
ROAD_WIDTH, VERGE, JOINT = 6.0, 4.5, 0.1


@dataclass(frozen=True)
class Frame:
    """A shifted and turned plane; ``turn`` is the tangent of half the angle.

    The half-angle tangent gives sine and cosine by division alone.
    """

    x: float
    y: float
    turn: float
    mirrored: bool = False

    def place(self, points: FloatArray) -> FloatArray:
        """Carry (n, 2) metres of this plane to the plane around it."""
        u = -points[:, 0] if self.mirrored else points[:, 0]
        v = points[:, 1]
        cos, sin = self._rotation()
        return np.column_stack((self.x + cos * u - sin * v, self.y + sin * u + cos * v))

    def fetch(self, points: FloatArray) -> FloatArray:
        """Carry (n, 2) metres of the plane around into this plane."""
        cos, sin = self._rotation()
        x, y = points[:, 0] - self.x, points[:, 1] - self.y
        u, v = cos * x + sin * y, cos * y - sin * x
        return np.column_stack((-u if self.mirrored else u, v))

    def _rotation(self) -> tuple[float, float]:
        square = self.turn * self.turn
        return (1 - square) / (1 + square), 2 * self.turn / (1 + square)


@dataclass(frozen=True)
class Character:
    """What makes one compound differ from the next; metres and half-angle tangents."""

    mirrored: bool
    turn: float
    sector_turns: tuple[float, float, float, float]
    avenue: tuple[float, float, float, float]
    crossing: tuple[float, float, float, float]
    corners: FloatArray


@dataclass
class Streets:
    """Boundary, roads and the four sectors between them (local polygons).

    ``ground`` is what the wall along the boundary leaves, ``circuit`` what the
    ring road's centre line encloses, ``gates`` the two forecourts where the avenue
    leaves the compound, ``centre`` the garden's.
    """

    boundary: BaseGeometry
    ground: BaseGeometry
    circuit: BaseGeometry
    roads: BaseGeometry
    gates: list[BaseGeometry]
    garden: BaseGeometry
    centre: FloatArray
    sectors: list[BaseGeometry]


@dataclass
class Row:
    """One row of buildings: its south walls run along v = 0 of ``frame``."""

    sector: int
    kind: str
    frame: Frame
    start: float
    end: float
    knots: FloatArray
    buildings: int = 0
    ground: int = 0
    spans: list[tuple[float, float]] = field(default_factory=list)

    @property
    def depth(self) -> float:
        """Depth of this row's buildings in metres."""
        return TOWER_DEPTH if self.kind == "tower" else SLAB_DEPTH

    @property
    def lane(self) -> float:
        """Where the access lane's south kerb lies north of the south walls."""
        return self.depth + LANE_FROM

    def garden_depth(self, u: FloatArray) -> FloatArray:
        """Depth (m) of the front gardens: a smooth curve through the row's knots."""
        at = np.clip((u - self.start + 20.0) / 17.0, 0.0, len(self.knots) - 1.001)
        left = at.astype(np.int64)
        part = at - left
        blend = part * part * (3.0 - 2.0 * part)
        return self.knots[left] * (1.0 - blend) + self.knots[left + 1] * blend

    def kerb(self, *u: float) -> list[tuple[float, float]]:
        """Points of the front gardens' outer edge at ``u`` metres along the row."""
        depths = self.garden_depth(np.array(u))
        return [(x, -d) for x, d in zip(u, depths.tolist(), strict=True)]


def character(number: int, rng: np.random.Generator) -> Character:
    """Return the traits of compound ``number``; the first is drawn by hand."""
    corners = np.array(
        [
            (-290, -238),
            (-20, -254),
            (276, -240),
            (306, -92),
            (303, 60),
            (288, 172),
            (216, 248),
            (-60, 264),
            (-254, 256),
            (-301, 206),
            (-306, 60),
        ],
        dtype=np.float64,
    )
    if number == 1:
        return Character(
            False,
            -0.052,
            (0.026, -0.024, -0.022, 0.03),
            (-34.0, 52.0, -46.0, 22.0),
            (4.0, -30.0, 20.0, -24.0),
            corners,
        )
    turns = rng.uniform(-0.045, 0.045, 4)
    avenue = rng.uniform(-55.0, 55.0, 4)
    crossing = rng.uniform(-26.0, 26.0, 4)
    corners = corners + rng.uniform(-5.0, 5.0, corners.shape)
    first, second, third, fourth = (float(turn) for turn in turns)
    return Character(
        bool(rng.integers(2)),
        float(rng.uniform(-0.1, 0.1)),
        (first, second, third, fourth),
        tuple(avenue.tolist()),
        tuple(crossing.tolist()),
        corners,
    )


def streets(traits: Character) -> Streets:
    """Lay out boundary, ring road, avenue, cross road, garden and sectors."""
    boundary = shapely.Polygon(_filleted(traits.corners, 24.0))
    ring = boundary.buffer(-12.0, join_style="mitre").exterior
    circuit = shapely.Polygon(ring)
    avenue, cross = _axes(traits)
    heart = shapely.intersection(avenue, cross)
    centre = np.array([heart.x, heart.y])
    loop = shapely.LinearRing(centre + ellipse(60.0, 47.0))
    oval = shapely.Polygon(loop)
    lines = shapely.union_all([avenue, cross.intersection(circuit)]).difference(oval)
    paved = shapely.union_all([lines, ring, loop]).buffer(ROAD_WIDTH / 2, quad_segs=4)
    ground = boundary.buffer(-JOINT, join_style="mitre")
    gates = _gates(avenue, ground)
    open_ground = shapely.difference(ground, shapely.union_all(gates).buffer(JOINT))
    noded = shapely.union_all([avenue, cross, ring, loop])
    cells = shapely.get_parts(shapely.polygonize([noded]))
    sectors = _by_quarter([cell for cell in cells if not oval.contains(cell.centroid)], centre)
    garden = oval.buffer(-ROAD_WIDTH / 2 - JOINT)
    roads = shapely.intersection(paved, open_ground)
    return Streets(boundary, ground, circuit, roads, gates, garden, centre, sectors)


def _axes(traits: Character) -> tuple[BaseGeometry, BaseGeometry]:
    """Return the avenue, south to north, and the cross road, west to east."""
    a, c = traits.avenue, traits.crossing
    avenue = _bezier([(a[0], -272), (a[1], -95), (a[2], 95), (a[3], 282)])
    cross = _bezier([(-320, c[0]), (-95, c[1]), (95, c[2]), (320, c[3])])
    return shapely.LineString(avenue), shapely.LineString(cross)


def _gates(avenue: BaseGeometry, ground: BaseGeometry) -> list[BaseGeometry]:
    """Return the forecourts of the south gate, the greater, and the north gate."""
    ends = shapely.get_coordinates(avenue.intersection(ground.exterior))
    south, north = ends[np.argsort(ends[:, 1])][[0, -1]]
    courts = [shapely.Polygon(south + ellipse(19.0, 8.5)), shapely.Polygon(north + ellipse(11, 7))]
    return [shapely.intersection(court, ground) for court in courts]


def _by_quarter(cells: list[BaseGeometry], centre: FloatArray) -> list[BaseGeometry]:
    """Order the four great cells NW, NE, SW, SE."""
    great = sorted(cells, key=lambda cell: -cell.area)[:4]
    return sorted(
        great, key=lambda cell: (cell.centroid.y < centre[1], cell.centroid.x > centre[0])
    )


def _filleted(corners: FloatArray, radius: float) -> FloatArray:
    """Round the corners of a closed ring with parabolas that start ``radius`` m before them."""
    before, after = np.roll(corners, 1, axis=0) - corners, np.roll(corners, -1, axis=0) - corners
    start = corners + before * (radius / _lengths(before))[:, None]
    end = corners + after * (radius / _lengths(after))[:, None]
    t = (np.arange(9) / 8.0)[:, None, None]
    curve = (1 - t) * (1 - t) * start + 2 * t * (1 - t) * corners + t * t * end
    return curve.transpose(1, 0, 2).reshape(-1, 2)


def _lengths(vectors: FloatArray) -> FloatArray:
    return np.sqrt(vectors[:, 0] * vectors[:, 0] + vectors[:, 1] * vectors[:, 1])


def _bezier(controls: list[tuple[float, float]]) -> FloatArray:
    """Return 33 points of the cubic through its four control points."""
    t = (np.arange(33) / 32.0)[:, None]
    p, s = np.array(controls, dtype=np.float64), 1.0 - t
    curve: FloatArray = (
        s * s * s * p[0] + 3 * s * s * t * p[1] + 3 * s * t * t * p[2] + t * t * t * p[3]
    )
    return curve


def ellipse(width: float, height: float) -> FloatArray:
    """Return 48 points of an ellipse with these half axes."""
    t = np.arange(12) / 12.0
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    quarter = np.column_stack((cos, sin))
    turns = [quarter, quarter[:, ::-1] * (-1, 1), -quarter, quarter[:, ::-1] * (1, -1)]
    return np.vstack(turns) * (width, height)


def rows_of(traits: Character, plan: Streets, rng: np.random.Generator) -> list[Row]:
    """Lay the rows into the sectors, from north to south, each in its sector's direction."""
    rows: list[Row] = []
    for sector, cell in enumerate(plan.sectors):
        frame = Frame(cell.centroid.x, cell.centroid.y, traits.sector_turns[sector])
        local = shapely.transform(cell, frame.fetch)
        rows.extend(_rows_in(sector, frame, local, rng))
    return rows


def _rows_in(sector: int, frame: Frame, cell: BaseGeometry, rng: np.random.Generator) -> list[Row]:
    """Fill a sector from its north edge down, and spread what is left over the rows."""
    room = cell.buffer(-ROAD_WIDTH / 2 - VERGE, join_style="mitre")
    west, bottom, east, north = room.bounds
    heads = ("tower", "mid") if sector < 2 else ("mid",)
    while _reach(room, "tower" if sector < 2 else "mid", north, 0.62 * (east - west)) is None:
        north -= 2.0
    souths = _south_walls(heads, north, bottom + 8.3)
    spare = min((souths[-1][1] - bottom - 8.3) / (len(souths) - 1), 4.0)
    choices = [_reaches(room, souths, spare * part / 4.0) for part in (4, 3, 2, 1, 0)]
    best = max(choices, key=lambda found: sum(end - start for _, _, start, end in found))
    return [_row(sector, frame, reach, rng) for reach in best]


def _reaches(
    room: BaseGeometry, souths: list[tuple[str, float]], spread: float
) -> list[tuple[str, float, float, float]]:
    """Return kind, south v, west u and east u of the rows, ``spread`` m further apart."""
    found = []
    for index, (kind, south) in enumerate(souths):
        v = south - spread * index
        depth = TOWER_DEPTH if kind == "tower" else SLAB_DEPTH
        reach = _reach(room, kind, v + depth + LANE_FROM + LANE_WIDTH, 45.0)
        if reach is not None:
            found.append((kind, v, *reach))
    return found


def _row(
    sector: int, frame: Frame, reach: tuple[str, float, float, float], rng: np.random.Generator
) -> Row:
    kind, south, start, end = reach
    origin = frame.place(np.array([[0.0, south]]))[0]
    place = Frame(float(origin[0]), float(origin[1]), frame.turn)
    return Row(sector, kind, place, start, end, rng.uniform(4.7, 8.3, 28))


def _south_walls(heads: tuple[str, ...], north: float, bottom: float) -> list[tuple[str, float]]:
    """Return kind and v of the south walls of every row that fits between the two."""
    walls: list[tuple[str, float]] = []
    while True:
        kind = heads[len(walls)] if len(walls) < len(heads) else "low"
        depth = TOWER_DEPTH if kind == "tower" else SLAB_DEPTH
        south = north - LANE_WIDTH - LANE_FROM - depth
        if south < bottom:
            return walls
        walls.append((kind, south))
        # Room for the gardens, their footpath and the bays of the lane below;
        # in front of the towers also for the shadow of the mid-rises.
        north = south - (31.0 if kind == "tower" else 16.6)


def _reach(room: BaseGeometry, kind: str, north: float, least: float) -> tuple[float, float] | None:
    """Return the stretch of u where a row whose lane ends at ``north`` fits, or None."""
    depth = TOWER_DEPTH if kind == "tower" else SLAB_DEPTH
    south = north - LANE_WIDTH - LANE_FROM - depth
    reach = _common_interval(room, (south - 7.5, south, south + depth, north))
    return reach if reach is not None and reach[1] - reach[0] > least else None


def _common_interval(room: BaseGeometry, levels: tuple[float, ...]) -> tuple[float, float] | None:
    """Return the longest stretch of u that is inside ``room`` at every level of v."""
    west, _, east, _ = room.bounds
    lines = [shapely.LineString([(west - 1, v), (east + 1, v)]) for v in levels]
    start, end = west, east
    for cut in shapely.intersection(lines, room):
        if cut.is_empty:
            return None
        longest = max(shapely.get_parts(cut), key=lambda part: part.length)
        start, end = max(start, longest.bounds[0]), min(end, longest.bounds[2])
    return start, end
