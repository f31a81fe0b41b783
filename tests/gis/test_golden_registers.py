"""Real registers whose overlaps and areas were measured by others.

Files and truths: the manifest of the shared data. A change in a register is not proof
of unlawful use; the figures here test geometry and say nothing of anybody.
"""

import csv
from decimal import Decimal
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from gis.area import Tolerances, area_m2, round_m2
from gis.crs import SurveyCRS
from gis.encroachment import Flagged, Observations, Parcels, flag
from tests.gis.shapes import COMMON

USUAL = Tolerances()


def geometry(layer: geopandas.GeoDataFrame) -> NDArray[np.object_]:
    """Return a layer's geometries as flagging takes them."""
    return np.asarray(layer.geometry.array, dtype=object)


def laid(seen: NDArray[np.object_], parcels: NDArray[np.object_], rms: float) -> Flagged:
    """Flag with one RMS for both layers, ranked as they come, all common green."""
    first, second = np.arange(len(seen)), np.arange(len(parcels))
    return flag(
        Observations(seen, np.full(len(seen), rms), first),
        Parcels(parcels, np.full(len(parcels), rms), second, np.full(len(parcels), COMMON)),
        USUAL,
    )


def truth(path: Path, area: str, *keys: str) -> dict[tuple[str, ...], float]:
    """Read areas in m2 by the columns ``keys``."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {tuple(row[key] for key in keys): float(row[area]) for row in rows}


@pytest.fixture(scope="module")
def otterlo(shared_data: Path) -> tuple[geopandas.GeoDataFrame, geopandas.GeoDataFrame, Path]:
    """Return the green of 2016, the yards of 2020 and the file of the truth."""
    folder = shared_data / "A_parcels" / "nl_otterlo_east"
    path = folder / "nl_otterlo_east.gpkg"
    green = geopandas.read_file(path, layer="public_green_2016_10_15")
    yards = geopandas.read_file(path, layer="yards_2020_08_01")
    return green, yards, folder / "truth_green_taken.csv"


@pytest.mark.parametrize("is_stored", [False, True], ids=["as delivered", "through storage"])
def test_otterlo_seven_overlaps(
    otterlo: tuple[geopandas.GeoDataFrame, geopandas.GeoDataFrame, Path], is_stored: bool
) -> None:
    """198.79 m2 in 7 overlaps, each within 0.01 m2 of two engines, at 3 cm RMS.

    Four more, together under 0.002 m2, are common lines drawn twice: they are
    slivers at any RMS above a centimetre and listed as such.
    """
    green, yards, path = otterlo
    layers = [geometry(yards), geometry(green)]
    if is_stored:
        survey = SurveyCRS(28992)
        layers = [survey.to_survey(survey.to_storage(layer)) for layer in layers]
    found, listed = laid(layers[0], layers[1], 0.03)
    taken = zip(
        green["lokaalID"].to_numpy()[found.parcel],
        yards["lokaalID"].to_numpy()[found.observation],
        strict=True,
    )
    areas = dict(zip(taken, found.occupied_m2, strict=True))
    with path.open(encoding="utf-8") as file:
        private = [row for row in csv.DictReader(file) if row["private"] == "True"]
    for engine in ("overlap_m2_geos", "overlap_m2_clipper"):
        golden = {(row["green_id"], row["taken_by_id"]): float(row[engine]) for row in private}
        assert areas == {pair: pytest.approx(area, abs=0.001) for pair, area in golden.items()}
    assert len(found) == 7
    assert round_m2(found.occupied_m2) == Decimal("198.79")
    assert listed.kind.tolist() == ["sliver"] * 4
    assert listed.area_m2.sum() < 0.002


def test_otterlo_at_five_centimetres_one_overlap_is_a_sliver(
    otterlo: tuple[geopandas.GeoDataFrame, geopandas.GeoDataFrame, Path],
) -> None:
    """1.37 m2 along 20 m is 13.2 cm wide: under 2 sqrt(5^2 + 5^2) cm it is listed, not flagged."""
    green, yards, _ = otterlo
    found, listed = laid(geometry(yards), geometry(green), 0.05)
    assert len(found) == 6
    assert round_m2(found.occupied_m2) == Decimal("197.42")
    largest = listed.area_m2.argmax()
    assert listed.area_m2[largest] == pytest.approx(1.37, abs=0.001)
    assert listed.width_m[largest] == pytest.approx(0.132, abs=0.001)
    assert listed.reason[largest] == "narrow"


def test_swiss_land_cover_on_parcels(shared_data: Path) -> None:
    """72 pieces of buildings and gardens, each on its parcels, within a square centimetre."""
    folder = shared_data / "A_parcels" / "ch_kammersrohr"
    path = folder / "ch_kammersrohr.gpkg"
    parcels = geopandas.read_file(path, layer="parcels")
    cover = geopandas.read_file(path, layer="land_cover")
    golden = truth(folder / "truth_pieces_per_parcel.csv", "overlap_m2", "tid", "parcel_no")
    found, _ = laid(geometry(cover), geometry(parcels), 0.0)
    pieces = zip(
        cover["tid"].astype(str).to_numpy()[found.observation],
        parcels["parcel_no"].astype(str).to_numpy()[found.parcel],
        strict=True,
    )
    areas: dict[tuple[str, ...], float] = dict(zip(pieces, found.occupied_m2, strict=True))
    assert len(golden) == 72
    assert {pair: areas[pair] for pair in golden} == {
        pair: pytest.approx(area, abs=0.001) for pair, area in golden.items()
    }
    whole = shapely.union_all(geometry(cover)) & shapely.union_all(geometry(parcels))
    assert found.occupied_m2.sum() == pytest.approx(whole.area, rel=1e-9)


def test_swiss_areas_are_the_land_registers(shared_data: Path) -> None:
    """The register rounds to the square metre, and never differs by one."""
    path = shared_data / "A_parcels" / "ch_kammersrohr" / "ch_kammersrohr.gpkg"
    parcels = geopandas.read_file(path, layer="parcels")
    official = parcels["official_area_m2"].to_numpy()
    assert len(official) == 34
    assert np.abs(area_m2(geometry(parcels)) - official).max() < 1.0


def test_spanish_areas_and_overlapping_parcels(shared_data: Path) -> None:
    """186 areas within half a square metre; 45 pairs overlap and count once."""
    path = shared_data / "A_parcels" / "es_catastro" / "parcel.gpkg"
    layer = geopandas.read_file(path)
    parcels = geometry(layer)
    assert len(parcels) == 186
    assert np.abs(area_m2(parcels) - layer["areaValue"].to_numpy()).max() < 0.5
    first, second = shapely.STRtree(parcels).query(parcels, predicate="overlaps")
    assert (first < second).sum() == 45
    everything = shapely.box(*shapely.total_bounds(parcels))
    found, _ = laid(np.array([everything], dtype=object), parcels, 0.0)
    union = shapely.union_all(parcels).area
    assert found.occupied_m2.sum() == pytest.approx(union, rel=1e-9)
    assert area_m2(parcels).sum() > union + 0.1


@pytest.mark.parametrize("day", ["2021_09_09", "2021_09_17"])
def test_shanghai_university_on_green(shared_data: Path, day: str) -> None:
    """Three buildings and a car park on the green, from degrees into zone 40 (EPSG:4549)."""
    folder = shared_data / "A_china_osm" / "shanghai_university"
    path = folder / f"shanghai_university_{day}.gpkg"
    survey = SurveyCRS(4549)
    green, buildings, parking = (
        geopandas.read_file(path, layer=layer) for layer in ("green", "buildings", "parking")
    )
    names = np.concatenate([buildings["osm"], parking["osm"]])
    seen = np.concatenate([geometry(buildings), geometry(parking)])
    found, _ = laid(survey.to_survey(seen), survey.to_survey(geometry(green)), 0.05)
    pairs = zip(green["osm"].to_numpy()[found.parcel], names[found.observation], strict=True)
    golden = truth(
        folder / f"shanghai_university_{day}_truth_on_green.csv",
        "overlap_m2_projected",
        "osm_1",
        "osm_2",
    )
    assert len(golden) == 4
    assert dict(zip(pairs, found.occupied_m2, strict=True)) == {
        pair: pytest.approx(area, abs=0.001) for pair, area in golden.items()
    }
