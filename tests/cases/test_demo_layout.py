import hashlib
from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from cases.demo.layout import DemoCompound, layout
from cases.demo.plan import apportion, subset_with_sum

# Of buildings, households, green parcels and observations of compound 1.
GOLDEN = "baf281838f20bcb1ba5f13624e56266c3038000c059ee8e93f9880a71cf0be60"

COLUMNS = {
    "buildings": ["ref", "name", "floors", "units"],
    "households": ["ref", "building", "unit", "floor", "room", "ground_floor"],
    "parcels": [
        "ref",
        "kind",
        "title_basis",
        "title_evidence",
        "rms_m",
        "source",
        "building",
        "household",
    ],
    "observations": [
        "ref",
        "purpose",
        "structure_type",
        "occupier_ref",
        "observed_on",
        "rms_m",
        "note",
    ],
    "sites": ["ref", "kind", "state", "name", "built_on", "heads", "power_w"],
}
# DOMAIN 13: an overlap is noise where 2A/P is under 2 sqrt(m1^2 + m2^2), both 5 cm here.
SLIVER = 2 * np.sqrt(0.05**2 + 0.05**2)


@pytest.fixture(scope="module")
def first() -> DemoCompound:
    return layout(1, finished=True)


@pytest.fixture(scope="module")
def second() -> DemoCompound:
    return layout(2, finished=False)


@pytest.fixture(scope="module", params=[(1, True), (2, False), (5, True), (1234, False)])
def any_compound(request: pytest.FixtureRequest) -> DemoCompound:
    number, finished = request.param
    return layout(number, finished)


def shapes(frame: gpd.GeoDataFrame) -> np.ndarray:
    return np.asarray(frame.geometry.array)


def green(compound: DemoCompound) -> gpd.GeoDataFrame:
    return compound.parcels[compound.parcels["kind"] == "public_green"]


def overlaps(compound: DemoCompound) -> Iterator[tuple[int, int, shapely.Geometry]]:
    """Return observation, green parcel and overlap of each pair that meets in an area."""
    seen, parcels = shapes(compound.observations), shapes(green(compound))
    pairs = shapely.STRtree(parcels).query(seen, predicate="intersects")
    for observation, parcel in pairs.T.tolist():
        overlap = shapely.intersection(seen[observation], parcels[parcel])
        if overlap.area > 0:
            yield observation, parcel, overlap


def thickness(overlap: shapely.Geometry) -> float:
    return float(2 * overlap.area / overlap.length)


def taken(compound: DemoCompound) -> dict[str, shapely.Geometry]:
    """Return what each answering household took, by plain overlay."""
    parcels, seen = green(compound), compound.observations
    pieces: dict[str, list[shapely.Geometry]] = {}
    for observation, parcel, overlap in overlaps(compound):
        if overlap.area > 2.0:
            named = seen["occupier_ref"].iloc[observation]
            household = named if isinstance(named, str) else parcels["household"].iloc[parcel]
            pieces.setdefault(household, []).append(overlap)
    return {household: shapely.union_all(found) for household, found in pieces.items()}


def digest(*frames: gpd.GeoDataFrame) -> str:
    wkb = b"".join(shapely.to_wkb(shapes(frame), byte_order=1).sum() for frame in frames)
    return hashlib.sha256(wkb).hexdigest()


def test_totals_are_the_storys(any_compound: DemoCompound) -> None:
    households = any_compound.households
    ground = households[households["ground_floor"]]
    assert len(any_compound.buildings) == 75
    assert len(households) == 3600
    assert len(ground) == 441
    assert set(ground["floor"]) == {1}
    assert households["ref"].is_unique
    assert ground.groupby("building").size().between(4, 8).all()
    assert sorted(green(any_compound)["household"]) == sorted(ground["ref"])


def test_buildings_are_mostly_of_five_and_six_floors(any_compound: DemoCompound) -> None:
    floors = any_compound.buildings["floors"]
    assert floors.isin([5, 6]).mean() > 0.6
    assert floors.max() <= 25
    counted = any_compound.households.groupby("building")["floor"].max()
    assert counted.to_dict() == dict(zip(any_compound.buildings["ref"], floors, strict=True))


def test_frames_have_the_columns_of_imports(first: DemoCompound) -> None:
    for name, columns in COLUMNS.items():
        frame = getattr(first, name)
        assert list(frame.columns) == [*columns, "geometry"]
        assert frame.crs.to_epsg() == 4550
        assert frame["ref"].is_unique
    assert list(first.residents.columns) == ["name", "phone", "household", "role"]


def test_polygons_are_valid_and_on_the_millimetre_grid(any_compound: DemoCompound) -> None:
    for name in COLUMNS:
        geometry = shapes(getattr(any_compound, name))
        assert shapely.is_valid(geometry).all()
        coords = shapely.get_coordinates(geometry)
        assert np.isfinite(coords).all()
        assert (np.round(coords, 3) == coords).all()


def test_nothing_on_the_ground_overlaps(any_compound: DemoCompound) -> None:
    land = np.concatenate((shapes(any_compound.parcels), shapes(any_compound.buildings)))
    one, other = shapely.STRtree(land).query(land, predicate="intersects")
    pairs = one < other
    assert shapely.area(shapely.intersection(land[one[pairs]], land[other[pairs]])).sum() == 0.0
    assert shapely.contains_properly(any_compound.boundary, land).all()
    # What the parcels leave are kerbs.
    assert shapely.area(land).sum() > 0.98 * any_compound.boundary.area


def test_green_adjoins_its_own_building_and_flat(any_compound: DemoCompound) -> None:
    parcels = green(any_compound)
    houses = any_compound.buildings.set_index("ref").geometry
    doors = any_compound.households.set_index("ref").geometry
    own = houses.loc[parcels["building"]].to_numpy()
    wall = shapely.intersection(shapely.boundary(shapes(parcels)), shapely.boundary(own))
    assert shapely.length(wall).min() > 2.0
    flats = doors.loc[parcels["household"]].to_numpy()
    assert shapely.distance(shapes(parcels), flats).max() < 8.0
    assert shapely.area(shapes(parcels)).min() > 10.0


def test_household_points_are_inside_their_building(any_compound: DemoCompound) -> None:
    houses = any_compound.buildings.set_index("ref").geometry
    own = houses.loc[any_compound.households["building"]].to_numpy()
    assert shapely.contains(own, shapes(any_compound.households)).all()


def test_same_number_gives_the_same_bytes(first: DemoCompound) -> None:
    again = layout(1, finished=True)
    for name in COLUMNS:
        assert digest(getattr(first, name)) == digest(getattr(again, name))
        kept = getattr(first, name).drop(columns="geometry")
        assert kept.equals(getattr(again, name).drop(columns="geometry"))
    assert first.residents.equals(again.residents)


def test_compound_one_is_the_known_one(first: DemoCompound) -> None:
    found = digest(first.buildings, first.households, green(first), first.observations)
    assert found == GOLDEN


def test_exactly_179_households_took_green(first: DemoCompound) -> None:
    assert len(taken(first)) == 179
    assert {holder for holder in first.holders if holder} == set(taken(first))
    assert min(ground.area for ground in taken(first).values()) > 2.0
    assert set(green(first)["title_basis"]) == {"owner_common"}


def test_every_overlap_is_clearly_noise_or_clearly_taken(any_compound: DemoCompound) -> None:
    measured = [
        (any_compound.holders[observation], thickness(overlap), overlap.area)
        for observation, _, overlap in overlaps(any_compound)
    ]
    assert all(thick < 0.9 * SLIVER or thick > 1.3 * SLIVER for _, thick, _ in measured)
    assert all(thick < SLIVER for holder, thick, _ in measured if holder is None)
    assert sum(holder is None for holder, _, _ in measured) >= 10


def test_enclosures_differ(first: DemoCompound) -> None:
    seen = first.observations
    meant = {"fence", "hedge", "paving", "planting", "shed", "glasshouse"}
    assert meant <= set(seen["structure_type"])
    parcels_of: dict[int, int] = {}
    for observation, _, overlap in overlaps(first):
        parcels_of[observation] = parcels_of.get(observation, 0) + (overlap.area > 4.0)
    double = [observation for observation, count in parcels_of.items() if count == 2]
    assert len(double) >= 10
    assert seen["occupier_ref"].iloc[double].notna().all()
    outlines = shapes(seen)
    one, other = shapely.STRtree(outlines).query(outlines, predicate="intersects")
    shared = shapely.area(shapely.intersection(outlines, outlines[:, None]))[one, other]
    assert (shared[one < other] > 1.0).sum() >= 5
    on_green = {observation for observation, _, _ in overlaps(first)}
    assert len(seen) - len(on_green) >= 5


def test_landscaping_lies_on_reclaimed_ground(first: DemoCompound) -> None:
    beds = first.sites[first.sites["kind"] == "landscaping"]
    reclaimed = shapely.union_all([overlap for _, _, overlap in overlaps(first)])
    assert shapely.difference(shapely.union_all(shapes(beds)), reclaimed).area < 0.5
    assert shapely.union_all(shapes(beds)).area == pytest.approx(beds.area.sum())
    assert beds.area.sum() > 0.9 * reclaimed.area


def test_charging_piles_keep_their_distances(first: DemoCompound) -> None:
    piles = first.sites[first.sites["kind"] == "charging_pile"]
    spots = shapes(piles)
    assert len(piles) == 22
    assert piles["heads"].sum() >= 300
    assert piles["heads"].max() <= 20
    assert (piles["power_w"] == piles["heads"] * 900.0).all()
    assert shapely.distance(spots[:, None], shapes(first.buildings)).min() >= 3.0
    assert shapely.distance(spots[:, None], shapes(first.exits)).min() >= 6.0
    assert not shapely.intersects(first.fire_lanes, spots).any()
    reclaimed = shapely.union_all([overlap for _, _, overlap in overlaps(first)])
    assert shapely.contains(reclaimed, spots).sum() >= 14


def test_what_was_built_came_after_the_clearing(first: DemoCompound, second: DemoCompound) -> None:
    assert first.sites["state"].eq("built").all()
    assert min(first.sites["built_on"]).isoformat() >= "2022-07-27"
    assert set(second.sites["state"]) == {"planned", "approved"}
    assert second.sites["built_on"].isna().all()


def test_second_compound_is_surveyed_in_part(second: DemoCompound) -> None:
    assert second.covered.area < 0.85 * second.boundary.area
    assert shapely.covers(second.covered, shapes(second.observations)).all()
    left_out = ~shapely.intersects(second.covered, shapes(green(second)))
    assert left_out.sum() > 60


def test_second_compound_has_doubtful_titles_among_the_enclosed(second: DemoCompound) -> None:
    titles = green(second)["title_basis"]
    enclosed = {parcel for _, parcel, overlap in overlaps(second) if overlap.area > 2.0}
    found = titles.iloc[sorted(enclosed)].value_counts()
    assert found["unknown"] == 4
    assert found["individual"] == 3
    assert (titles == "unknown").sum() == 8


def test_city_lies_in_the_zone_and_nothing_in_it_overlaps(first: DemoCompound) -> None:
    boundaries = np.array([layout(number, True).boundary for number in (*range(2, 10), 25, 2500)])
    everything = np.append(boundaries, first.boundary)
    one, other = shapely.STRtree(everything).query(everything, predicate="dwithin", distance=20.0)
    assert (one == other).all()
    to_degrees = pyproj.Transformer.from_crs(4550, 4326, always_xy=True)
    longitude, latitude = to_degrees.transform(*first.boundary.centroid.coords[0])
    assert longitude == pytest.approx(122.2, abs=0.01)
    assert latitude == pytest.approx(37.4, abs=0.01)
    west, south, east, north = to_degrees.transform_bounds(*shapely.total_bounds(everything))
    assert 121.6 < west < east < 122.6
    assert 37.1 < south < north < 37.7


def test_residents_are_plainly_invented(first: DemoCompound) -> None:
    people = first.residents
    assert people["phone"].str.startswith("000-").all()
    assert people["phone"].is_unique
    assert set(people["household"]) == set(green(first)["household"])
    assert 1.4 < len(people) / 441 < 1.8
    assert set(people["role"]) == {"owner", "tenant"}


def test_numbers_begin_at_one() -> None:
    with pytest.raises(ValueError, match="numbered from 1"):
        layout(0, finished=True)


def test_apportion_is_exact_and_bounded() -> None:
    weights = np.array([5.0, 3.0, 1.0, 1.0])
    shares = apportion(20, weights, np.array([1, 1, 4, 1]), np.array([8, 20, 20, 20]))
    assert shares.tolist() == [8, 6, 4, 2]
    with pytest.raises(ValueError, match="cannot be shared out"):
        apportion(99, weights, np.ones(4, np.int64), np.full(4, 5))


def test_subset_with_sum() -> None:
    assert subset_with_sum([4, 7, 6, 6], 12) == [2, 3]
    assert subset_with_sum([4, 8], 5) is None
    assert subset_with_sum([4], 0) == []
