"""New planting and e-bike charging in an invented compound, on ground taken back.

EPSG:4550 metres. The distances are DOMAIN 21's: 3 m to outer walls, 6 m to exits,
no more than 20 sockets a group, never on a road or lane.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cases.demo.enclosures import Enclosure, GreenStrip
from cases.demo.plan import SitePlan
from cases.demo.streets import FloatArray, Frame


@dataclass(frozen=True)
class SitingRules:
    """Distances in metres, sockets and watts; ``spare`` is kept on top of each distance."""

    to_wall: float = 3.0
    to_exit: float = 6.0
    spare: float = 0.2
    heads: tuple[int, int] = (13, 17)
    socket_w: float = 900.0
    on_green: int = 14
    by_parking: int = 8
    least_bed_m2: float = 6.0


@dataclass(frozen=True)
class Site:
    """A planted bed (polygon) or a charging pile (point) with its sockets."""

    kind: str
    name: str
    heads: int | None
    power_w: float | None
    geometry: BaseGeometry


@dataclass(frozen=True)
class Ground:
    """What siting needs to know: all in EPSG:4550 except the plan and the strips."""

    plan: SitePlan
    world: Frame
    strips: Sequence[GreenStrip]
    greens: Any
    found: Sequence[Enclosure]
    observed: Any
    houses: Any
    exits: Any


def choose_sites(ground: Ground, rules: SitingRules, rng: np.random.Generator) -> list[Site]:
    """Return beds on the reclaimed ground and piles at its edge or beside parking bays."""
    beds = _reclaimed(ground)
    piles, bays = _piles_on_green(ground, rules, beds, rng)
    piles += _piles_by_parking(ground, rules, rng)
    sites: list[Site] = []
    for building, pieces in sorted(beds.items()):
        planted = shapely.difference(shapely.union_all(pieces), shapely.union_all(bays))
        parts = shapely.get_parts(shapely.set_precision(planted, 0.001))
        sites += [
            Site("landscaping", f"{building + 1}号楼宅前绿化", None, None, part)
            for part in parts
            if part.area >= rules.least_bed_m2
        ]
    return sites + piles


def _reclaimed(ground: Ground) -> dict[int, list[BaseGeometry]]:
    """Return, for each building, the green parts of what was enclosed."""
    beds: dict[int, list[BaseGeometry]] = {}
    for enclosure, outline in zip(ground.found, ground.observed, strict=True):
        for index in enclosure.strips:
            piece = shapely.intersection(outline, ground.greens[index])
            beds.setdefault(ground.strips[index].building, []).append(piece)
    return beds


def _piles_on_green(
    ground: Ground,
    rules: SitingRules,
    beds: dict[int, list[BaseGeometry]],
    rng: np.random.Generator,
) -> tuple[list[Site], list[BaseGeometry]]:
    """Place piles at the path side of reclaimed front gardens, one a building at most."""
    piles: list[Site] = []
    bays: list[BaseGeometry] = []
    used: set[int] = set()
    for position in rng.permutation(len(ground.found)):
        enclosure = ground.found[int(position)]
        if len(piles) == rules.on_green or len(enclosure.strips) != 1:
            continue
        green = ground.strips[enclosure.strips[0]]
        if green.strip.side != "front" or green.building in used:
            continue
        spot = green.strip.outer[1] + (0.0, 0.9)
        point = _point(ground.world, green.row.frame.place(spot[None, :]))
        inside = shapely.union_all(beds[green.building]).contains(point.buffer(0.3))
        if inside and _free(ground, rules, point):
            used.add(green.building)
            piles.append(_pile(f"{green.building + 1}号楼充电棚", point, rules, rng))
            corners = spot + np.array([(-3.2, -1.2), (3.2, -1.2), (3.2, 1.2), (-3.2, 1.2)])
            bays.append(shapely.Polygon(ground.world.place(green.row.frame.place(corners))))
    return piles, bays


def _piles_by_parking(ground: Ground, rules: SitingRules, rng: np.random.Generator) -> list[Site]:
    """Place piles at the far edge of parking bays."""
    piles: list[Site] = []
    for position in rng.permutation(len(ground.plan.parking)):
        corners = shapely.get_coordinates(ground.plan.parking[int(position)])
        spot = (corners[1] + corners[2]) / 2 + 0.08 * (corners[0] - corners[1])
        point = _point(ground.world, spot[None, :])
        if len(piles) < rules.by_parking and _free(ground, rules, point):
            name = f"{int(position) + 1}号停车区充电棚"
            piles.append(_pile(name, point, rules, rng))
    return piles


def _point(world: Frame, local: FloatArray) -> BaseGeometry:
    return shapely.Point(np.round(world.place(local)[0], 3))


def _free(ground: Ground, rules: SitingRules, point: BaseGeometry) -> bool:
    """Tell whether walls and exits are far enough."""
    wall = float(shapely.distance(ground.houses, point).min())
    door = float(shapely.distance(ground.exits, point).min())
    return wall >= rules.to_wall + rules.spare and door >= rules.to_exit + rules.spare


def _pile(name: str, point: BaseGeometry, rules: SitingRules, rng: np.random.Generator) -> Site:
    heads = int(rng.integers(rules.heads[0], rules.heads[1] + 1))
    return Site("charging_pile", name, heads, heads * rules.socket_w, point)


def site_columns(
    sites: Sequence[Site], finished: bool, planted: Sequence[date], wired: Sequence[date]
) -> dict[str, list[Any]]:
    """Return the sites' columns; dates are used in turn, and only where it is built."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("ref", "kind", "state", "name", "built_on", "heads", "power_w")
    }
    counts = {"landscaping": 0, "charging_pile": 0}
    for site in sites:
        days = planted if site.kind == "landscaping" else wired
        index = counts[site.kind]
        counts[site.kind] += 1
        prefix = "LS" if site.kind == "landscaping" else "CP"
        state = "built" if finished else ("approved" if index % 3 == 0 else "planned")
        row = (
            f"{prefix}-{index + 1:03d}",
            site.kind,
            state,
            site.name,
            days[index % len(days)] if finished else None,
            site.heads,
            site.power_w,
        )
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
    return columns
