"""What must hold of flagging whatever the shapes (issue: no double count, sums, order)."""

import math
from random import Random
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.area import Tolerances
from gis.encroachment import Encroachments, Observations, Parcels, flag
from gis.overlay import only_polygons
from tests.gis.shapes import COMMON, EAST, EXACT, NEVER, NORTH, UNKNOWN, array, ground, observed

USUAL = Tolerances()
ROUNDING = 1e-6
"""Square metres per square metre, and per piece that may be the rounding of coordinates."""

steady = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def boxes(draw: st.DrawFn) -> shapely.Polygon:
    """Boxes on a half-metre grid: common edges, common corners, equal shapes."""
    west, south = (draw(st.integers(0, 40)) / 2 for _ in range(2))
    width, height = (draw(st.integers(1, 16)) / 2 for _ in range(2))
    return shapely.box(EAST + west, NORTH + south, EAST + west + width, NORTH + south + height)


@st.composite
def stars(draw: st.DrawFn) -> shapely.Polygon:
    """Surveyed shapes to the millimetre, convex or not, without a common edge."""
    east, north = (draw(st.integers(0, 20_000)) / 1000 for _ in range(2))
    count = draw(st.integers(3, 9))
    reach = draw(st.lists(st.integers(300, 8000), min_size=count, max_size=count))
    turn = draw(st.floats(0, 2 * math.pi))
    angle = turn + np.arange(count) * 2 * math.pi / count
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * np.array(reach)[:, None] / 1000
    return shapely.Polygon(np.add(ring.round(3), [EAST + east, NORTH + north]))


shapes = st.one_of(boxes(), stars())
several = st.one_of(shapes, st.tuples(shapes, shapes).map(shapely.union_all))
holed = st.one_of(several, st.tuples(shapes, shapes).map(lambda two: two[0] - two[1]))
many = st.lists(holed.filter(lambda shape: shape.area > 0), min_size=1, max_size=7)
codes = st.sampled_from([COMMON, COMMON, COMMON, UNKNOWN, NEVER])


@st.composite
def layers(draw: st.DrawFn) -> tuple[Observations, Parcels]:
    """Draw observations and parcels that overlap as they like, with any ranks and titles."""
    seen, parcels = draw(many), draw(many)
    return (
        observed(seen, rank=draw(st.permutations(range(len(seen))))),
        ground(
            parcels,
            draw(st.lists(codes, min_size=len(parcels), max_size=len(parcels))),
            rank=draw(st.permutations(range(len(parcels)))),
        ),
    )


def near(area: float) -> object:
    """Compare areas within the rounding of coordinates."""
    return pytest.approx(area, rel=ROUNDING, abs=50 * ROUNDING)


def union(geometries: np.ndarray) -> shapely.Geometry:
    """Return the union, of nothing too."""
    return shapely.union_all(geometries)


def by_title(parcels: Parcels, *titles: int) -> shapely.Geometry:
    """Return the union of the parcels of some titles."""
    return union(parcels.geometry[np.isin(parcels.accusation, titles)])


def rows(found: Encroachments) -> list[tuple[Any, ...]]:
    """Return everything that was found, bit by bit."""
    return [
        (*place, shapely.to_wkb(geometry), *figures)
        for place, geometry, figures in zip(
            zip(found.observation.tolist(), found.parcel.tolist(), strict=True),
            found.geometry,
            zip(
                found.occupied_m2.tolist(),
                found.countable_m2.tolist(),
                found.sigma_m2.tolist(),
                strict=True,
            ),
            strict=True,
        )
    ]


@steady
@given(layers())
def test_the_sum_is_the_area_of_the_union(drawn: tuple[Observations, Parcels]) -> None:
    """Ground is counted once, and only where it is common green under no other title."""
    observations, parcels = drawn
    found, listed = flag(observations, parcels, EXACT)
    seen = union(observations.geometry)
    never, unknown = by_title(parcels, NEVER), by_title(parcels, UNKNOWN)
    accused = seen & (by_title(parcels, COMMON) - unknown - never)
    assert found.occupied_m2.sum() == near(accused.area)
    assert listed.area_m2.sum() == near((seen & (unknown - never)).area)


@steady
@given(layers(), st.sampled_from([USUAL, EXACT]))
def test_no_ground_twice_and_none_outside(
    drawn: tuple[Observations, Parcels], tolerances: Tolerances
) -> None:
    """Every answer is a valid area within its observation and parcel, and no two overlap."""
    observations, parcels = drawn
    found, listed = flag(observations, parcels, tolerances)
    unknown = listed.kind == "unknown_title"
    pieces = np.concatenate([found.geometry, listed.geometry[unknown]])
    assert shapely.is_valid(pieces).all()
    assert np.isin(shapely.get_type_id(pieces), [3, 6]).all()
    assert shapely.area(pieces).sum() == near(union(pieces).area)
    assert shapely.area(found.geometry).tolist() == pytest.approx(found.occupied_m2.tolist())
    for layer, index in ((observations, found.observation), (parcels, found.parcel)):
        outside = shapely.difference(found.geometry, layer.geometry[index])
        assert shapely.area(outside).max(initial=0) < ROUNDING


@steady
@given(layers())
def test_sums_by_any_grouping_are_the_sum(drawn: tuple[Observations, Parcels]) -> None:
    """What buildings add up to is the area of what lies on their parcels, taken together."""
    found, _ = flag(*drawn, USUAL)
    for key in (found.parcel % 2, found.observation % 3, found.parcel):
        sums = [found.occupied_m2[key == group].sum() for group in np.unique(key)]
        unions = [union(found.geometry[key == group]).area for group in np.unique(key)]
        assert sums == [near(area) for area in unions]
        assert sum(unions) == near(union(found.geometry).area)


@steady
@given(layers())
def test_what_is_no_sliver_is_taken_by_somebody(drawn: tuple[Observations, Parcels]) -> None:
    """Each part of a raw intersection that is wide and large enough is wholly accounted for.

    The rule is written here once more, part by part: so a dropped sliver of one
    observation cannot have taken ground from another.
    """
    observations, parcels = drawn
    found, listed = flag(observations, parcels, USUAL)
    unknown = listed.geometry[listed.kind == "unknown_title"]
    private = by_title(parcels, NEVER)
    accounted = union(np.concatenate([found.geometry, unknown, [private]]))
    rms = math.hypot(0.05, 0.05)
    for seen in observations.geometry:
        for parcel, title in zip(parcels.geometry, parcels.accusation, strict=True):
            if title == NEVER:
                continue
            for part in shapely.get_parts(seen & parcel):
                if part.area < ROUNDING or _is_sliver(part, rms):
                    continue
                assert (part - accounted).area < ROUNDING * 50


def _is_sliver(part: shapely.Polygon, rms: float) -> bool:
    squares = 0.0
    for ring in (part.exterior, *part.interiors):
        points = list(ring.coords)[:-1]
        squares += sum(
            math.dist(points[i - 1], points[(i + 1) % len(points)]) ** 2 for i in range(len(points))
        )
    sigma = rms / math.sqrt(8) * math.sqrt(squares)
    width = 2 * part.area / part.length
    return bool(width < 2 * rms * 1.0001 or part.area < 2 * sigma * 1.0001)


@steady
@given(layers(), st.randoms(use_true_random=False))
def test_the_order_of_input_changes_nothing(
    drawn: tuple[Observations, Parcels], random: Random
) -> None:
    """The same rows in another order give the same bits, and in the same order."""
    observations, parcels = drawn
    first, second = (
        np.array(random.sample(range(len(layer.rank)), len(layer.rank)))
        for layer in (observations, parcels)
    )
    found, listed = flag(observations, parcels, USUAL)
    mixed, mixed_list = flag(
        Observations(*(column[first] for column in vars(observations).values())),
        Parcels(*(column[second] for column in vars(parcels).values())),
        USUAL,
    )
    renamed = [(first[one], second[other], *rest) for one, other, *rest in rows(mixed)]
    assert renamed == rows(found)
    assert first[mixed_list.observation].tolist() == listed.observation.tolist()
    assert second[mixed_list.parcel].tolist() == listed.parcel.tolist()
    assert mixed_list.area_m2.tolist() == listed.area_m2.tolist()


@steady
@given(layers(), st.sampled_from([USUAL, EXACT]))
def test_one_at_a_time_with_its_neighbours_is_all_at_once(
    drawn: tuple[Observations, Parcels], tolerances: Tolerances
) -> None:
    """One polygon from a phone gives what the whole city gives, bit by bit."""
    observations, parcels = drawn
    found, listed = flag(observations, parcels, tolerances)
    alone = []
    for row, shape in enumerate(observations.geometry):
        around = np.flatnonzero(shapely.intersects(observations.geometry, shape))
        under = np.flatnonzero(shapely.intersects(parcels.geometry, shape))
        part, part_list = flag(
            Observations(*(column[around] for column in vars(observations).values())),
            Parcels(*(column[under] for column in vars(parcels).values())),
            tolerances,
            targets=around == row,
        )
        alone += [(around[one], under[other], *rest) for one, other, *rest in rows(part)]
        expected = listed.area_m2[listed.observation == row].tolist()
        assert part_list.area_m2.tolist() == expected
    assert sorted(alone) == sorted(rows(found))


@steady
@given(layers(), st.integers(-10_000_000, 10_000_000), st.integers(-10_000_000, 10_000_000))
def test_shifting_everything_changes_nothing(
    drawn: tuple[Observations, Parcels], east: int, north: int
) -> None:
    """Any vector in millimetres: the areas stay."""
    observations, parcels = drawn
    away = [east / 1000, north / 1000]

    def moved(layer: Observations | Parcels) -> dict[str, np.ndarray]:
        there = shapely.transform(layer.geometry, lambda points: points + away)
        return vars(layer) | {"geometry": there}

    found, listed = flag(observations, parcels, EXACT)
    after, after_list = flag(Observations(**moved(observations)), Parcels(**moved(parcels)), EXACT)
    assert after.occupied_m2.sum() == near(found.occupied_m2.sum())
    assert _per_pair(after) == {key: near(area) for key, area in _per_pair(found).items()}
    assert after_list.area_m2.sum() == near(listed.area_m2.sum())


@steady
@given(layers(), st.floats(0, math.pi), st.integers(0, 20_000), st.booleans())
def test_splitting_changes_nothing(
    drawn: tuple[Observations, Parcels], angle: float, along: int, is_ground: bool
) -> None:
    """Observations or parcels cut in two by a line have the same total, title by title."""
    observations, parcels = drawn
    found, listed = flag(observations, parcels, EXACT)
    split = _halves(parcels if is_ground else observations, angle, along / 1000)
    after, after_list = flag(
        observations if is_ground else Observations(**split),
        Parcels(**split) if is_ground else parcels,
        EXACT,
    )
    assert after.occupied_m2.sum() == near(found.occupied_m2.sum())
    assert after_list.area_m2.sum() == near(listed.area_m2.sum())


@steady
@given(layers(), layers())
def test_what_stands_is_never_flagged_again(
    drawn: tuple[Observations, Parcels], later: tuple[Observations, Parcels]
) -> None:
    """Flagging again finds nothing; new observations find what does not stand already."""
    observations, parcels = drawn
    found, _ = flag(observations, parcels, EXACT)
    again, _ = flag(observations, parcels, EXACT, taken=found.geometry)
    assert again.occupied_m2.sum() == near(0)
    new, _ = flag(later[0], parcels, EXACT, taken=found.geometry)
    together = np.concatenate([found.geometry, new.geometry])
    assert shapely.area(together).sum() == near(union(together).area)
    everything = union(np.concatenate([observations.geometry, later[0].geometry]))
    open_ground = by_title(parcels, COMMON) - by_title(parcels, UNKNOWN, NEVER)
    assert shapely.area(together).sum() == near((everything & open_ground).area)


@steady
@given(layers(), many)
def test_countable_is_what_lies_outside_the_wall_strip(
    drawn: tuple[Observations, Parcels], walls: list[shapely.Geometry]
) -> None:
    """Strips of several houses may overlap one another: ground leaves once."""
    found, _ = flag(*drawn, USUAL, walls=array(walls))
    strip = union(shapely.buffer(array(walls), 1.0, quad_segs=32))
    outside = shapely.area(shapely.difference(found.geometry, strip))
    assert found.countable_m2.tolist() == [near(area) for area in outside]
    assert (found.countable_m2 <= found.occupied_m2 + ROUNDING).all()


def _per_pair(found: Encroachments) -> dict[tuple[int, int], float]:
    keys = zip(found.observation.tolist(), found.parcel.tolist(), strict=True)
    pairs = dict(zip(keys, found.occupied_m2.tolist(), strict=True))
    return {key: area for key, area in pairs.items() if area > 50 * ROUNDING}


def _halves(layer: Observations | Parcels, angle: float, along: float) -> dict[str, np.ndarray]:
    """Cut each geometry by a line through the field; halves follow one another in rank."""
    across = np.array([math.cos(angle), math.sin(angle)])
    beside = np.array([-across[1], across[0]])
    start = np.array([EAST + along, NORTH + along])
    corners = [start - 100 * across, start + 100 * across]
    side = shapely.Polygon([*corners, corners[1] + 200 * beside, corners[0] + 200 * beside])
    halves = np.concatenate(
        [shapely.intersection(layer.geometry, side), shapely.difference(layer.geometry, side)]
    )
    halves = only_polygons(halves)
    areal = ~shapely.is_missing(halves)
    columns = {name: np.concatenate([column] * 2)[areal] for name, column in vars(layer).items()}
    rank = np.concatenate([layer.rank * 2, layer.rank * 2 + 1])[areal]
    return columns | {"geometry": halves[areal], "rank": rank}
