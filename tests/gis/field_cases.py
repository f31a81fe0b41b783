"""Cases that a phone and the server must answer alike; ``python -m tests.gis.field_cases``.

Each case is an outline in a small world as a phone's bundle has it, with the answer of
``gis``: its area and uncertainty, what it takes of which parcel, what speaks against it.
The module of the phone is held against the file in Chromium, Python in pytest.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from gis.area import Tolerances, area_m2, combined_rms, judge, sigma_m2
from gis.crs import SurveyCRS
from gis.datum import gcj02_suspected, to_gcj02
from gis.encroachment import Accusation, Observations, Parcels, flag
from gis.overlay import Geometries, intersect, polygon_parts
from gis.phone import phone_survey
from gis.validity import place_of_fault

FILE = Path(__file__).parents[1] / "shared" / "field_cases.json"
SEED = 20261127
RANDOM = 30
REACH_M, GATE_M = 5.0, 3.0
TODAY = "2026-11-27"
TOLERANCES = Tolerances()
# Where each world lies, in metres of its CRS: Weihai four times, then datums with a shift.
PLACES = {
    4550: (429_160.0, 4_141_200.0),
    4529: (41_429_160.0, 4_141_200.0),
    32651: (429_160.0, 4_139_000.0),
    28992: (121_000.0, 487_000.0),
    27700: (530_000.0, 180_000.0),
    2056: (2_600_000.0, 1_200_000.0),
}

Json = dict[str, Any]


def box(x: float, y: float, wide: float, high: float) -> shapely.Polygon:
    """Return a rectangle in metres from the world's origin."""
    return shapely.box(x, y, x + wide, y + high)


def rings(*corners: tuple[float, float]) -> shapely.Polygon:
    """Return a polygon of corners, which may cross itself."""
    return shapely.Polygon(corners)


RING = shapely.Polygon(box(0, -40, 30, 20).exterior, [box(10, -35, 10, 10).exterior.coords])
# ref, kind, title basis, disputed, RMS, shape. The identifiers follow the order.
PARCELS: tuple[tuple[str, str, str, bool, float, shapely.Geometry], ...] = (
    ("G1", "public_green", "owner_common", False, 0.05, box(0, 0, 6, 8)),
    ("G2", "public_green", "owner_common", False, 0.05, box(6, 0, 6, 8)),
    ("G3", "public_green", "municipal", False, 0.05, box(12, 0, 6, 8)),
    ("G4", "public_green", "owner_common", False, 0.05, box(18, 0, 6, 8)),
    ("G5", "public_green", "owner_common", False, 0.05, box(24, 0, 6, 8)),
    ("U1", "public_green", "unknown", False, 0.05, box(30, 0, 6, 8)),
    ("U2", "public_green", "owner_common", True, 0.05, box(36, 0, 6, 8)),
    ("I1", "public_green", "individual", False, 0.05, box(42, 0, 6, 8)),
    ("Y1", "private_yard", "individual", False, 0.05, box(0, 8, 48, 3)),
    ("O1", "public_green", "owner_common", False, 0.05, box(48, 0, 6, 8)),
    ("O2", "public_green", "unknown", False, 0.05, box(51, 0, 6, 8)),
    ("R1", "public_green", "owner_common", False, 0.1, RING),
    (
        "M1",
        "public_green",
        "owner_common",
        False,
        0.1,
        shapely.MultiPolygon([box(40, -20, 8, 8), box(50, -20, 8, 8)]),
    ),
)
# ref, day, purpose, structure, RMS, shape.
OBSERVATIONS: tuple[tuple[str, str, str, str, float, shapely.Geometry], ...] = (
    ("E1", "2026-05-04", "enclosure", "fence", 0.05, box(19, 1, 4, 5)),
    ("E2", "2026-05-05", "enclosure", "fence", 0.05, box(25, 1, 4, 4)),
    ("E3", "2026-05-06", "residual", "fence", 0.05, box(1, 1, 4, 5)),
    ("E4", "2026-05-07", "enclosure", "none", 0.05, box(7, 1, 4, 5)),
    ("E5", "2026-12-24", "enclosure", "hedge", 0.05, box(13, 4, 4, 3)),
)
# observation, parcel, verified, cleared, what stands, what was cleared.
STOOD: tuple[tuple[str, str, str | None, str | None, Any, Any], ...] = (
    ("E2", "G5", "2026-06-01", None, box(25, 1, 4, 4), None),
    ("E1", "G4", None, None, box(19, 1, 4, 5), None),
    ("E9", "G3", "2022-06-01", "2022-09-01", box(12, 0, 2, 3), box(14, 0, 3, 3)),
)
WAITING = (("W1", box(3, -3, 2, 5)),)
BOUNDARY = box(-20, -60, 110, 100)
# As large as the story's compound: the shift leads from its east to beyond it, 448 m there.
COMPOUND = box(-300, -270, 619, 546)

# name, shape, RMS, and what is corrected.
SHAPES: tuple[tuple[str, shapely.Geometry, float, str | None], ...] = (
    ("plain", box(0.5, 0.5, 1.5, 6), 0.05, None),
    ("the whole parcel", box(0, 0, 6, 8), 0.05, None),
    ("over two parcels", box(4, 3, 4, 3), 0.05, None),
    ("over five parcels", box(1, 6.2, 28, 1.2), 0.05, None),
    ("a sliver beside", box(-3, 0, 3.06, 8), 0.05, None),
    ("a sliver on the second", box(2, 2, 4.05, 5), 0.05, None),
    ("on the private yard alone", box(2, 8, 6, 3), 0.05, None),
    ("half on the yard", box(8, 5, 3, 5), 0.05, None),
    ("unknown title", box(31, 1, 4, 4), 0.05, None),
    ("disputed title", box(37, 1, 4, 4), 0.05, None),
    ("known and unknown title", box(28.5, 5.5, 4, 2), 0.05, None),
    ("an individual's by title", box(43, 1, 4, 4), 0.05, None),
    ("green under two titles", box(49, 1, 7, 4), 0.05, None),
    ("touching a parcel", box(0, -4, 2.5, 4), 0.05, None),
    ("touching at a corner", box(-2, -2, 2, 2), 0.05, None),
    ("over a hole of the parcel", box(8, -37, 14, 14), 0.05, None),
    ("in the hole", box(11, -34, 8, 8), 0.05, None),
    (
        "with a hole",
        shapely.Polygon(box(1, -39, 7, 17).exterior, [box(3, -36, 2, 6).exterior.coords]),
        0.05,
        None,
    ),
    ("two parts", shapely.MultiPolygon([box(41, -19, 4, 4), box(51, -19, 4, 4)]), 0.05, None),
    ("over a parcel of two parts", box(45, -17, 8, 3), 0.05, None),
    ("a bow-tie", rings((0, 0), (4, 4), (4, 0), (0, 4)), 0.05, None),
    ("a bow-tie on two parcels", rings((4, 1), (9, 6), (9, 1), (4, 5)), 0.05, None),
    ("a spike", rings((1, 1), (4, 1), (4, 4), (4, 7), (4, 4), (1, 4)), 0.05, None),
    (
        "a ring that touches itself",
        rings((0, 0), (4, 0), (2, 2), (4, 4), (0, 4), (2, 2)),
        0.05,
        None,
    ),
    (
        "a hole outside",
        shapely.Polygon(box(1, 1, 3, 3).exterior, [box(5, 5, 1, 1).exterior.coords]),
        0.05,
        None,
    ),
    ("two corners", rings((0, 0), (4, 4), (0, 0)), 0.05, None),
    ("one line", rings((0, 0), (2, 2), (4, 4)), 0.05, None),
    ("tiny", box(1, 1, 0.12, 0.1), 0.05, None),
    ("small and exact", box(1, 1, 0.5, 0.5), 0.05, None),
    ("far outside", box(5_000, 0, 4, 5), 0.05, None),
    ("just over the boundary", box(-24, 0, 6, 5), 0.05, None),
    ("too far over the boundary", box(-26, 0, 8, 5), 0.05, None),
    ("poor accuracy", box(-18, -58, 60, 54), 4.0, None),
    ("lost in its accuracy", box(0, 0, 6, 5), 4.0, None),
    ("sketched", box(12.5, 4.5, 5, 2), 0.3, None),
    ("on another's enclosure", box(18.5, 0.5, 5, 7), 0.05, None),
    ("the same fence again", box(19, 1, 4, 5), 0.05, None),
    ("correcting that enclosure", box(18.5, 0.5, 5, 7), 0.05, "E1"),
    ("correcting what is verified", box(24.5, 0.5, 5, 6), 0.05, "E2"),
    ("verified ground again", box(25, 1, 4, 4), 0.05, None),
    ("more than was verified", box(24, 0, 6, 7), 0.05, None),
    ("cleared ground again", box(13, 0, 4, 5), 0.05, None),
    ("cleared ground alone", box(14.2, 0.2, 2.5, 2.5), 0.05, None),
    ("on one that comes later", box(13.5, 3.5, 3, 4), 0.05, None),
    ("a measured rest", box(1.5, 1.5, 3, 4), 0.05, None),
    ("on one that waits", box(2.5, 0.5, 3, 3), 0.05, None),
    ("open ground", box(10, -50, 5, 5), 0.05, None),
    ("everything", box(-5, -45, 70, 60), 0.05, None),
)
ELSEWHERE = {
    "plain",
    "over five parcels",
    "green under two titles",
    "with a hole",
    "two parts",
    "a bow-tie",
    "unknown title",
    "cleared ground again",
    "on another's enclosure",
    "everything",
}


def identifier(ref: str) -> str:
    """Return an identifier that sorts as the reference stands in its list."""
    refs = [row[0] for row in (*PARCELS, *OBSERVATIONS, *WAITING)] + ["E9"]
    return f"00000000-0000-4000-8000-{refs.index(ref):012d}"


class World:
    """The little ground in one survey CRS, as geometries and as a bundle."""

    def __init__(self, srid: int) -> None:
        self.survey, self.origin = SurveyCRS(srid), np.array(PLACES[srid])

    def stored(self, shape: shapely.Geometry) -> shapely.Geometry:
        """Place a shape and project it to EPSG:4326, as the database holds it."""
        placed = shapely.transform(shape, lambda xy: xy + self.origin)
        return self.survey.to_storage(np.array([placed], dtype=object))[0]

    def seen(self, shape: shapely.Geometry) -> shapely.Geometry:
        """Return a shape in metres after it has been stored."""
        return self.survey.to_survey(np.array([self.stored(shape)], dtype=object))[0]

    def several(self, shapes: Any) -> Geometries:
        return np.array([*(self.seen(shape) for shape in shapes), None], dtype=object)[:-1]

    def bundle(self) -> Json:
        """Return the part of a bundle that geometry asks for."""
        west, south, east, north = self.stored(BOUNDARY).bounds
        return {
            "survey": phone_survey(self.survey, (west, south, east, north)),
            "boundary": self.json(BOUNDARY),
            "tolerances": {
                name: getattr(TOLERANCES, name)
                for name in ("width_factor", "sigma_factor", "noise_m", "noise_m2", "wall_strip_m")
            },
            "sketch_rms_m": 0.3,
            "buildings": [],
            "parcels": [
                {
                    "id": identifier(ref),
                    "ref": ref,
                    "kind": kind,
                    "title_basis": basis,
                    "title_disputed": disputed,
                    "rms_m": rms,
                    "geometry": self.json(shape),
                }
                for ref, kind, basis, disputed, rms, shape in PARCELS
            ],
            "observations": [
                {
                    "id": identifier(ref),
                    "ref": ref,
                    "observed_on": day,
                    "purpose": purpose,
                    "structure_type": structure,
                    "rms_m": rms,
                    "geometry": self.json(shape),
                }
                for ref, day, purpose, structure, rms, shape in OBSERVATIONS
            ],
            "encroachments": [
                {
                    "id": f"{number}",
                    "observation": identifier(observation),
                    "parcel": identifier(parcel),
                    "verified_on": verified,
                    "cleared_on": cleared,
                    "rms_m": 0.05,
                    "geometry": self.json(standing),
                    "cleared": None if freed is None else self.json(freed),
                }
                for number, (observation, parcel, verified, cleared, standing, freed) in enumerate(
                    STOOD
                )
            ],
            "waiting": [
                {"id": identifier(ref), "geometry": self.json(shape)} for ref, shape in WAITING
            ],
        }

    def json(self, shape: shapely.Geometry) -> Json:
        """Return a shape as GeoJSON in degrees."""
        made: Json = json.loads(shapely.to_geojson(self.stored(shape)))
        return made


def accusation(kind: str, basis: str, disputed: bool) -> Accusation:
    """Return what an overlap leads to, as ``cases.flag_load`` asks the database."""
    if kind != "public_green" or basis == "individual":
        return Accusation.NEVER
    return Accusation.UNKNOWN if basis == "unknown" or disputed else Accusation.COMMON


def answer(world: World, shape: shapely.Geometry, rms: float, corrects: str | None) -> Json:
    """Return what ``gis`` says of an outline seen today."""
    broken = shape_fault(world, shape)
    if broken is not None:
        return {"faults": [broken]}
    seen = world.seen(shape)
    found = overlaps(world, seen, rms, corrects)
    return {
        "area_m2": float(area_m2(np.array([seen]))[0]),
        "uncertainty_m2": float(2 * sigma_m2(np.array([seen]), rms)[0]),
        "overlaps": found,
        "faults": list(faults(world, seen, rms, corrects, found)),
    }


def shape_fault(world: World, shape: shapely.Geometry) -> Json | None:
    """Return why a shape is no area, with the place in degrees."""
    parts, _owner = shapely.get_rings(np.array([shape]), return_index=True)
    if any(len(np.unique(shapely.get_coordinates(ring), axis=0)) < 3 for ring in parts):
        return {"code": "too_few_corners", "severity": "stops"}
    seen = world.seen(shape)
    if shapely.is_valid(seen):
        return None
    said, place = place_of_fault(seen)
    crosses = str(said) in {"the outline crosses itself", "a ring touches itself"}
    fault: Json = {"code": "self_crossing" if crosses else "broken_outline", "severity": "stops"}
    if place is not None:
        there = world.survey.to_storage(np.array([shapely.Point(place)], dtype=object))[0]
        fault["place"] = [there.x, there.y]
    return fault


def overlaps(world: World, seen: shapely.Geometry, rms: float, corrects: str | None) -> list[Json]:
    """Return what the outline takes: flagged as one target among those that were there."""
    before = [
        row
        for row in OBSERVATIONS
        if row[0] != corrects and row[1] <= TODAY and row[2] != "residual" and row[3] != "none"
    ]
    order = sorted(before, key=lambda row: (row[1], identifier(row[0])))
    parcels = Parcels(
        world.several(row[5] for row in PARCELS),
        np.array([row[4] for row in PARCELS]),
        np.arange(len(PARCELS)),
        np.array([accusation(row[1], row[2], row[3]) for row in PARCELS], dtype=np.int64),
    )
    stood = [row for row in STOOD if row[2] and not (row[0] == corrects and row[3] is None)]
    standing = world.several(row[4] for row in stood)
    freed = [row for row in STOOD if row[2] and row[5] is not None]
    grounds = world.several(row[5] for row in freed)
    one = _target(world, seen, rms, order)
    laid = flag(
        one[0], parcels, TOLERANCES, targets=one[1], taken=np.concatenate([standing, grounds])
    )
    found = [
        _overlap("green", PARCELS[at][0], area, sigma)
        for at, area, sigma in zip(
            laid.encroachments.parcel,
            laid.encroachments.occupied_m2,
            laid.encroachments.sigma_m2,
            strict=True,
        )
    ]
    listed = laid.findings
    for at, kind, area in zip(listed.parcel, listed.kind, listed.area_m2, strict=True):
        found.append(_overlap(str(kind), PARCELS[at][0], area, None))
    after = [row for row in order if row[1] > max((row[3] or "" for row in freed), default="")]
    one = _target(world, seen, rms, after)
    cleared = Parcels(
        grounds,
        np.full(len(grounds), 0.05),
        np.arange(len(grounds)),
        np.full(len(grounds), int(Accusation.COMMON)),
    )
    again = flag(one[0], cleared, TOLERANCES, targets=one[1], taken=standing).encroachments
    for at, area, sigma in zip(again.parcel, again.occupied_m2, again.sigma_m2, strict=True):
        found.append(_overlap("again", freed[at][1], area, sigma))
    return sorted(found, key=lambda row: (row["kind"], row["parcel"], row["occupied_m2"]))


def _target(
    world: World, seen: shapely.Geometry, rms: float, before: list[Any]
) -> tuple[Observations, Any]:
    shapes = np.array([*world.several(row[5] for row in before), seen], dtype=object)
    accuracy = np.array([*(row[4] for row in before), rms])
    targets = np.arange(len(shapes)) == len(before)
    return Observations(shapes, accuracy, np.arange(len(shapes))), targets


def _overlap(kind: str, ref: str, area: float, sigma: float | None) -> Json:
    found: Json = {"kind": kind, "parcel": identifier(ref), "occupied_m2": float(area)}
    return found if sigma is None else {**found, "uncertainty_m2": float(2 * sigma)}


def faults(
    world: World, seen: shapely.Geometry, rms: float, corrects: str | None, found: list[Json]
) -> Iterator[Json]:
    """Yield what speaks against a valid outline, by code."""
    boundary = world.seen(BOUNDARY)
    if max(shapely.distance(shapely.points(shapely.get_coordinates(seen)), boundary)) > REACH_M:
        yield {"code": "outside_community", "severity": "stops"}
    if not _real_parts(seen, seen, rms, 0.0):
        yield {"code": "within_accuracy", "severity": "stops"}
    elif rms > GATE_M:
        yield {"code": "poor_accuracy", "severity": "warns"}
    for ref, _day, purpose, structure, other_rms, shape in OBSERVATIONS:
        if ref == corrects or purpose == "residual" or structure == "none":
            continue
        if _real_parts(seen, world.seen(shape), rms, other_rms):
            yield {"code": "overlaps_observation", "severity": "warns", "with": identifier(ref)}
    for ref, shape in WAITING:
        if _real_parts(seen, world.seen(shape), rms, 0.3):
            yield {"code": "overlaps_waiting", "severity": "warns", "with": identifier(ref)}
    kinds = {row["kind"] for row in found} - {"sliver"}
    if "unknown_title" in kinds:
        yield {"code": "unknown_title", "severity": "warns"}
    if not kinds:
        green = [row for row in PARCELS if accusation(row[1], row[2], row[3])]
        lies = any(_real_parts(seen, world.seen(row[5]), rms, row[4]) for row in green)
        rest = "only_slivers" if found else "no_public_green"
        yield {"code": "nothing_new" if lies else rest, "severity": "warns"}


def _real_parts(one: shapely.Geometry, other: shapely.Geometry, rms: float, and_rms: float) -> int:
    """Return how many parts of the common ground are no slivers."""
    common = intersect(np.array([one], dtype=object), np.array([other], dtype=object))
    parts, _owner = polygon_parts(common)
    return int((~judge(parts, combined_rms(rms, and_rms), TOLERANCES).is_sliver).sum())


def scribbles() -> Iterator[tuple[str, shapely.Geometry, float, str | None]]:
    """Yield outlines by chance, star-shaped and now and then crossing themselves."""
    chance = np.random.default_rng(SEED)
    for number in range(RANDOM):
        middle = chance.uniform((0, -36), (56, 8))
        corners = int(chance.integers(4, 14))
        angles = np.sort(chance.uniform(0, 2 * np.pi, corners))
        if number % 10 == 9:
            chance.shuffle(angles)
        reach = chance.uniform(1.5, 9.0, corners)
        ring = middle + reach[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
        yield f"by chance {number}", shapely.Polygon(ring), float(chance.choice([0.05, 0.3])), None


def build() -> Json:
    """Return all worlds and cases, with the answers of Python."""
    worlds = {srid: World(srid) for srid in PLACES}
    cases = []
    for srid, world in worlds.items():
        shapes = [*SHAPES, *scribbles()] if srid == 4550 else SHAPES
        for name, shape, rms, corrects in shapes:
            if srid != 4550 and name not in ELSEWHERE:
                continue
            cases.append(
                {
                    "name": f"{name} ({srid})",
                    "world": str(srid),
                    "geometry": world.json(shape),
                    "rms_m": rms,
                    "observed_on": TODAY,
                    "corrects": None if corrects is None else identifier(corrects),
                    "expected": answer(world, shape, rms, corrects),
                }
            )
    return {
        "worlds": {str(srid): world.bundle() for srid, world in worlds.items()},
        "gcj02": [[*place, *to_gcj02(np.array([place]))[0].tolist()] for place in _places()],
        "positions": {"boundary": worlds[4550].json(COMPOUND), "cases": list(positions())},
        "cases": cases,
    }


def positions() -> Iterator[Json]:
    """Yield fixes (longitude, latitude, accuracy in m) of phones, and whether they are shifted."""
    world = World(4550)
    around = shapely.buffer(COMPOUND, 3, join_style="mitre").exterior
    for number, share in enumerate(np.arange(0, 1, 1 / 48)):
        at = around.interpolate(share, normalized=True)
        yield judged(world, f"3 m outside, place {number}", [(at.x, at.y, 5.0)])
    # Its east, and so far beyond it.
    edge, yard = 319.0, [(float(x), 0.0, 5.0) for x in range(250, 310, 6)]
    yield judged(world, "at the gate", [(edge + 28, 0, 5.0)])
    yield judged(world, "nobody knows how far", [(edge + 60, 0, 50.0)])
    yield judged(world, "far outside, from where the shift leads in", [(edge + 60, 0, 5.0)])
    yield judged(world, "far outside, from where it does not", [(-400, 0, 5.0)])
    yield judged(world, "shifted in the east", [yard[0]], is_shifted=True)
    yield judged(world, "shifted in the west, and still inside", [(-250, 0, 5.0)], is_shifted=True)
    yield judged(world, "a walk", yard)
    yield judged(world, "a shifted walk", yard, is_shifted=True)
    strays = [(edge + 80, 0.0, 5.0)] * 2
    yield judged(world, "a walk that strays", [*yard[:8], *strays])
    yield judged(world, "a walk in Amsterdam", yard, away=(-117.3, 15))


def judged(
    world: World,
    name: str,
    fixes: list[tuple[float, float, float]],
    *,
    is_shifted: bool = False,
    away: tuple[float, float] = (0, 0),
) -> Json:
    """Return fixes given in metres, in degrees and as a phone would tell them, with the answer."""
    places = np.array([shapely.Point(x, y) for x, y, _accuracy in fixes], dtype=object)
    at = np.array([shapely.get_coordinates(world.stored(one))[0] for one in places]) + away
    told = to_gcj02(at) if is_shifted else at
    accuracy = np.array([accuracy for _x, _y, accuracy in fixes])
    found = gcj02_suspected(told, world.stored(COMPOUND), accuracy_m=accuracy)
    rows = [[*place, good] for place, good in zip(told.tolist(), accuracy.tolist(), strict=True)]
    return {"name": name, "fixes": rows, "shifted": found is not None}


def _places() -> list[list[float]]:
    return [[122.2, 37.38], [116.4, 39.9], [121.47, 31.23], [87.6, 43.8], [4.9, 52.3]]


def write() -> None:
    """Write the file that both sides read."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(build(), indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    write()
