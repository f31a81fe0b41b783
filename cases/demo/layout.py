"""An invented compound at Weihai's coordinates, as the frames that an import would read.

Pure and deterministic: a number in, the same polygons out, in EPSG:4550 (CGCS2000,
3-degree zone, central meridian 123 E; x east, y north, metres), rounded to 1 mm.
Compound 1 has the numbers of DOMAIN's story. No place, person or number plate in
it is real.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from cases.demo.buildings import Building
from cases.demo.enclosures import Enclosure, GreenStrip, Habits, enclose, green_strips
from cases.demo.events import calendar, working_day
from cases.demo.grounds import Ground, grounds
from cases.demo.people import compound_name, residents
from cases.demo.plan import SitePlan, site_plan
from cases.demo.sites import Ground as Siting
from cases.demo.sites import SitingRules, choose_sites, site_columns
from cases.demo.streets import FloatArray, Frame

SEED = 20220322
SURVEY_CRS = "EPSG:4550"
CENTRE = (429_160.0, 4_141_200.0)
PITCH = (720.0, 640.0)
GRID = 0.001
ENCLOSED = 179


@dataclass(frozen=True)
class DemoCompound:
    """One compound: frames in EPSG:4550 with the columns that imports know.

    ``exits`` are the doors of the stairwells, ``fire_lanes`` all roads and lanes
    that must stay free; ``covered`` is what the baseline survey looked at.
    ``observations`` also holds survey noise: scratches of a few centimetres and
    things that stand on the footpath alone, both without an occupier.
    ``sites.power_w`` is a pile's connected power, heads x 900 W. ``holders`` says of
    each observation which household made it, also where the survey does not know.
    """

    number: int
    code: str
    name: str
    finished: bool
    boundary: BaseGeometry
    covered: BaseGeometry
    fire_lanes: BaseGeometry
    buildings: gpd.GeoDataFrame
    households: gpd.GeoDataFrame
    parcels: gpd.GeoDataFrame
    observations: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    exits: gpd.GeoDataFrame
    residents: pd.DataFrame
    holders: tuple[str | None, ...]


def layout(number: int, finished: bool) -> DemoCompound:
    """Draw compound ``number`` (from 1), before (False) or after its campaign.

    All have 75 buildings, 3,600 households and 441 green parcels. Compound 1 has
    179 enclosures and a survey of everything; the others between 150 and 214 in
    a whole survey, fewer where an unfinished survey has left out a sector.
    Unfinished ones other than 1 have some parcels of unknown or individual title.
    Raises ValueError for a number below 1.
    """
    if number < 1:
        raise ValueError(f"compounds are numbered from 1, not {number}")
    rng = np.random.default_rng([SEED, number])
    plan = site_plan(number, rng)
    world = _place(number, rng)
    strips = green_strips(plan.buildings)
    refs = _strip_refs(plan.buildings, strips)
    surveyed = _surveyed_sectors(number, finished, rng)
    eligible = [i for i, strip in enumerate(strips) if strip.row.sector in surveyed]
    share = len(eligible) / len(strips)
    count = ENCLOSED if number == 1 else round(int(rng.integers(150, 215)) * share)
    found = enclose(strips, eligible, Habits(count), rng)
    buildings = _buildings(plan, world)
    greens = _polygons([(s.row.frame, s.strip.ring()) for s in strips], world)
    parcels = _parcels(plan, world, strips, refs, greens)
    if number > 1 and not finished:
        _doubt(parcels, found, rng)
    observations = _observations(found, refs, strips, finished, world)
    exits = _exits(plan, world)
    siting = Siting(
        plan,
        world,
        strips,
        greens,
        found,
        observations.geometry.array,
        buildings.geometry.array,
        exits.geometry.array,
    )
    return DemoCompound(
        number=number,
        code=f"WH-{number:04d}",
        name=compound_name(number),
        finished=finished,
        boundary=_moved(plan.streets.boundary, world),
        covered=_covered(plan, surveyed, world),
        fire_lanes=_fire_lanes(plan, world),
        buildings=buildings,
        households=_households(plan, world),
        parcels=parcels,
        observations=observations,
        sites=_sites(siting, finished, rng),
        exits=exits,
        residents=residents(refs, rng),
        holders=tuple(refs[e.holder] if e.holder is not None else None for e in found),
    )


def _place(number: int, rng: np.random.Generator) -> Frame:
    """Return where the compound lies: on a square spiral of plots around the first."""
    column, line = _spiral(number)
    turn = -0.052 if number == 1 else float(rng.uniform(-0.045, 0.045))
    mirrored = number > 1 and bool(rng.integers(2))
    return Frame(CENTRE[0] + PITCH[0] * column, CENTRE[1] + PITCH[1] * line, turn, mirrored)


def _spiral(number: int) -> tuple[int, int]:
    """Return column and line of the ``number``-th plot of a square spiral, 1 in its middle."""
    if number == 1:
        return 0, 0
    ring = (isqrt(number - 1) + 1) // 2
    side, along = divmod(number - 1 - (2 * ring - 1) ** 2, 2 * ring)
    along += 1 - ring
    return [(ring, along), (-along, ring), (-ring, -along), (along, -ring)][side]


def _rounded(points: FloatArray) -> FloatArray:
    return np.round(points, 3)


def _polygons(rings: Sequence[tuple[Frame, FloatArray]], world: Frame) -> Any:
    """Return polygons of rings given in their rows' frames, on the millimetre grid."""
    placed = [frame.place(ring) for frame, ring in rings]
    index = np.repeat(np.arange(len(placed)), [len(ring) for ring in placed])
    coords = _rounded(world.place(np.vstack(placed)))
    return shapely.orient_polygons(shapely.polygons(shapely.linearrings(coords, indices=index)))


def _moved(geometry: Any, world: Frame) -> Any:
    """Return local geometries in EPSG:4550, snapped to the millimetre grid and valid."""
    return shapely.set_precision(shapely.transform(geometry, world.place), GRID)


def _frame(columns: dict[str, Any], geometry: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=SURVEY_CRS)


def _buildings(plan: SitePlan, world: Frame) -> gpd.GeoDataFrame:
    refs = [str(number) for number in range(1, len(plan.buildings) + 1)]
    columns = {
        "ref": refs,
        "name": [f"{ref}号楼" for ref in refs],
        "floors": [building.floors for building in plan.buildings],
        "units": [len(building.doors) for building in plan.buildings],
    }
    return _frame(columns, _polygons([(b.row.frame, b.ring) for b in plan.buildings], world))


def _strip_refs(buildings: Sequence[Building], strips: Sequence[GreenStrip]) -> list[str]:
    """Return the reference of the ground-floor household beside each strip."""
    refs = []
    for strip in strips:
        flat = buildings[strip.building].flats[strip.strip.flat]
        refs.append(f"{strip.building + 1}-{flat.unit}-1{flat.room:02d}")
    return refs


def _households(plan: SitePlan, world: Frame) -> gpd.GeoDataFrame:
    """Return every flat with the point in its middle, floor upon floor."""
    rows: list[tuple[str, str, str, int, str, bool]] = []
    points, repeats = [], []
    for number, building in enumerate(plan.buildings, start=1):
        middles = [((f.west + f.east) / 2, (f.south + f.north) / 2) for f in building.flats]
        points.append(building.row.frame.place(np.array(middles)))
        for flat in building.flats:
            repeats.append(building.floors)
            for floor in range(1, building.floors + 1):
                room = f"{floor}{flat.room:02d}"
                rows.append(
                    (
                        f"{number}-{flat.unit}-{room}",
                        str(number),
                        str(flat.unit),
                        floor,
                        room,
                        floor == 1,
                    )
                )
    names = ("ref", "building", "unit", "floor", "room", "ground_floor")
    columns = {
        name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)
    }
    placed = _rounded(world.place(np.vstack(points)))
    return _frame(columns, shapely.points(np.repeat(placed, repeats, axis=0)))


_PARCEL = (
    "ref",
    "kind",
    "title_basis",
    "title_evidence",
    "rms_m",
    "source",
    "building",
    "household",
)
_Row = tuple[str, str, str, str, float, str, str | None, str | None]


def _parcels(
    plan: SitePlan, world: Frame, strips: Sequence[GreenStrip], refs: Sequence[str], greens: Any
) -> gpd.GeoDataFrame:
    """Return the green strips first, in order, then private yards and the common ground."""
    yards, walled = _yards(plan, world)
    commons, open_ground = _commons(plan, world, strips)
    rows = [_green(strip, ref) for strip, ref in zip(strips, refs, strict=True)] + yards + commons
    columns = dict(zip(_PARCEL, map(list, zip(*rows, strict=True)), strict=True))
    return _frame(columns, np.concatenate((greens, walled, open_ground)))


def _green(strip: GreenStrip, ref: str) -> _Row:
    building = str(strip.building + 1)
    return (f"G-{ref}", "public_green", "owner_common", _ANNEX, 0.05, _DRAWING, building, ref)


def _yards(plan: SitePlan, world: Frame) -> tuple[list[_Row], Any]:
    """Return the walled yards that belong to their flats."""
    rows: list[_Row] = []
    rings: list[tuple[Frame, FloatArray]] = []
    for number, building in enumerate(plan.buildings, start=1):
        for flat, ring in zip(building.flats, building.yards, strict=False):
            ref = f"{number}-{flat.unit}-1{flat.room:02d}"
            rows.append(
                (f"Y-{ref}", "private_yard", "individual", _DEED, 0.05, _DRAWING, str(number), ref)
            )
            rings.append((building.row.frame, ring))
    return rows, _polygons(rings, world) if rings else []


def _commons(plan: SitePlan, world: Frame, strips: Sequence[GreenStrip]) -> tuple[list[_Row], Any]:
    """Return paths, parking, lawns and the rest, numbered by sort."""
    rows: list[_Row] = []
    seen: Counter[str] = Counter()
    rest = _grounds(plan, strips)
    for ground in rest:
        seen[ground.sort] += 1
        rows.append(
            (
                f"{ground.sort}-{seen[ground.sort]:03d}",
                ground.kind,
                ground.title_basis,
                ground.title_evidence,
                0.1,
                _DRAWING,
                None,
                None,
            )
        )
    return rows, _moved(np.array([ground.geometry for ground in rest]), world)


_ANNEX = "purchase contract annex 3: greenery common to the owners (invented)"
_DEED = "yard entered in the flat's title deed (invented)"
_DRAWING = "as-built survey 2011, sheets 3 to 9 (invented)"


def _grounds(plan: SitePlan, strips: Sequence[GreenStrip]) -> list[Ground]:
    houses = [shapely.Polygon(b.row.frame.place(b.ring)) for b in plan.buildings]
    yards = [shapely.Polygon(b.row.frame.place(yard)) for b in plan.buildings for yard in b.yards]
    beds = [shapely.Polygon(s.row.frame.place(s.strip.ring())) for s in strips]
    return grounds(plan, beds, houses, yards)


def _doubt(parcels: gpd.GeoDataFrame, found: Sequence[Enclosure], rng: np.random.Generator) -> None:
    """Give some parcels, enclosed and not, an unknown or an individual title."""
    enclosed = [e.strips[0] for e in found if e.strips and not e.named]
    free = sorted(set(range(441)) - {index for e in found for index in e.strips})
    some, others = rng.permutation(enclosed)[:7], rng.permutation(free)[:4]
    parcels.loc[[*some[:4], *others], "title_basis"] = "unknown"
    parcels.loc[[*some[:4], *others], "title_evidence"] = "annex 3 missing from the file"
    parcels.loc[some[4:], "title_basis"] = "individual"
    parcels.loc[some[4:], "title_evidence"] = _DEED


def _surveyed_sectors(number: int, finished: bool, rng: np.random.Generator) -> list[int]:
    """Return the sectors that the baseline survey has reached."""
    order = rng.permutation(4).tolist()
    return sorted(order) if finished or number == 1 else sorted(order[:3])


def _covered(plan: SitePlan, surveyed: Sequence[int], world: Frame) -> BaseGeometry:
    """Return what the survey looked at: the whole compound, or the sectors reached."""
    if len(surveyed) == len(plan.streets.sectors):
        return _moved(plan.streets.boundary, world)
    return _moved(shapely.union_all([plan.streets.sectors[i] for i in surveyed]), world)


def _fire_lanes(plan: SitePlan, world: Frame) -> BaseGeometry:
    parts = [plan.streets.roads, *plan.streets.gates, *plan.lanes]
    return _moved(shapely.union_all(parts), world)


def _exits(plan: SitePlan, world: Frame) -> gpd.GeoDataFrame:
    doors = np.vstack([building.row.frame.place(building.doors) for building in plan.buildings])
    names = [
        str(number)
        for number, building in enumerate(plan.buildings, start=1)
        for _ in building.doors
    ]
    return _frame({"building": names}, shapely.points(_rounded(world.place(doors))))


def _observations(
    found: Sequence[Enclosure],
    refs: Sequence[str],
    strips: Sequence[GreenStrip],
    finished: bool,
    world: Frame,
) -> gpd.GeoDataFrame:
    """Return the baseline survey, sheet by sheet in the order of the buildings."""
    shapes = _polygons([(e.row.frame, e.ring) for e in found], world)
    count = len(found)
    # Surveyors go through the buildings at six a day; noise is found on the last day.
    day = [strips[e.holder].building // 6 if e.holder is not None else 12 for e in found]
    columns = {
        "ref": [f"O-{number:04d}" for number in range(1, count + 1)],
        "purpose": ["baseline_survey"] * count,
        "structure_type": [e.structure for e in found],
        "occupier_ref": [
            refs[e.holder] if e.named and e.holder is not None else None for e in found
        ],
        "observed_on": [working_day(calendar(finished).survey_from, days) for days in day],
        "rms_m": [0.05] * count,
        "note": [e.note for e in found],
    }
    return _frame(columns, shapes)


def _sites(siting: Siting, finished: bool, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return what was built after the campaign, or a third of it as planned."""
    sites = choose_sites(siting, SitingRules(), rng)
    if not finished:
        sites = sites[::3]
    cleared = calendar(True).last_inspection
    planted = [working_day(cleared, day) for day in range(10, 34)]
    wired = [working_day(cleared, day) for day in range(30, 42)]
    columns: dict[str, Any] = dict(site_columns(sites, finished, planted, wired))
    columns["heads"] = pd.array(columns["heads"], dtype="Int64")
    columns["power_w"] = np.array(columns["power_w"], dtype=np.float64)
    return _frame(columns, [site.geometry for site in sites])
