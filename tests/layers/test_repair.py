"""Repair: only where asked, shown before it is accepted, and never without an end."""

import json
import os
import time
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from gis.problems import InputError
from layers.door.gates import Place, check
from layers.door.repair import RepairLimits, repair
from layers.files.delivery import Delivery
from layers.files.reading import read

X, Y = 420_000.0, 4_140_000.0
BOWTIE = shapely.Polygon([(X, Y), (X + 8, Y + 8), (X + 8, Y), (X, Y + 8), (X, Y)])
SQUARE = shapely.box(X, Y, X + 10, Y + 10)
PLACE = Place("hot-spring", "Hot Spring", 4550)


def scribble(count: int) -> shapely.Geometry:
    places = np.random.default_rng(count).random((count, 2)) * 100 + (X, Y)
    return shapely.Polygon(np.vstack([places, places[:1]]))


def deliver(folder: Path, *geometries: shapely.Geometry) -> Delivery:
    path = folder / "a.gpkg"
    refs = [str(number) for number in range(len(geometries))]
    geopandas.GeoDataFrame({"ref": refs}, geometry=list(geometries), crs=4550).to_file(path)
    return read(path)


def unclosed(folder: Path) -> Delivery:
    ring = [[122.0, 37.4], [122.0001, 37.4], [122.0001, 37.4001]]
    path = folder / "a.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return read(path, fields={"ref": "#"})


def test_a_bowtie_keeps_both_its_wings(tmp_path: Path) -> None:
    delivery = deliver(tmp_path, SQUARE, BOWTIE)
    repaired = repair(delivery, 4550)
    (one,) = repaired.repairs
    assert (one.row, one.reason, one.parts) == (2, "the outline crosses itself", 2)
    assert one.before_m2 == pytest.approx(0.0, abs=1e-6)
    assert one.after_m2 == pytest.approx(32.0, abs=1e-6)
    assert repaired.delivery.frame.geometry.is_valid.all()
    assert repaired.delivery.frame.geometry[1].equals(delivery.frame.geometry[1])
    assert delivery.frame.geometry[2].is_valid is False
    assert check(repaired.delivery, PLACE, "parcels").area_m2.tolist() == pytest.approx([100, 32])


def test_without_being_asked_nothing_is_repaired(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        check(deliver(tmp_path, SQUARE, BOWTIE), PLACE, "parcels")
    assert [problem.code for problem in refused.value.problems] == ["geometry_invalid"]


def test_an_open_ring_is_closed(tmp_path: Path) -> None:
    delivery = unclosed(tmp_path)
    assert [problem.code for problem in delivery.problems] == ["ring_not_closed"]
    repaired = repair(delivery, 4550)
    (one,) = repaired.repairs
    assert (one.row, one.reason) == (1, "a ring is not closed")
    assert one.after_m2 == pytest.approx(one.before_m2)
    assert one.after_m2 == pytest.approx(49.1, abs=0.1)
    assert repaired.delivery.problems == ()
    assert repaired.delivery.broken == {}
    assert len(check(repaired.delivery, PLACE, "parcels").frame) == 1


def test_a_scribble_ends_with_a_problem(tmp_path: Path) -> None:
    delivery = deliver(tmp_path, BOWTIE, scribble(301), scribble(2001))
    limits = RepairLimits(cpu_seconds=1, wall_seconds=20)
    start, before = time.monotonic(), os.times().children_user
    repaired = repair(delivery, 4550, limits)
    assert time.monotonic() - start < 30
    assert os.times().children_user - before < 10
    assert [one.row for one in repaired.repairs] == [1]
    assert [(p.code, p.row) for p in repaired.delivery.problems] == [
        ("repair_failed", 2),
        ("repair_failed", 3),
    ]
    with pytest.raises(InputError) as refused:
        check(repaired.delivery, PLACE, "parcels")
    assert {(p.code, p.row) for p in refused.value.problems} >= {("repair_failed", 3)}


def test_a_repair_that_takes_too_long_is_stopped_and_the_next_goes_on(tmp_path: Path) -> None:
    delivery = deliver(tmp_path, scribble(2001), BOWTIE)
    repaired = repair(delivery, 4550, RepairLimits(cpu_seconds=60, wall_seconds=3))
    assert [one.row for one in repaired.repairs] == [2]
    (problem,) = repaired.delivery.problems
    assert (problem.code, problem.row) == ("repair_failed", 1)
    assert "too long" in problem.message


def test_a_repair_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    delivery = deliver(tmp_path, scribble(301))
    assert len(repair(delivery, 4550, RepairLimits(parts=10_000)).repairs) == 1
    repaired = repair(delivery, 4550, RepairLimits(parts=10_000, memory_bytes=1024**2))
    assert repaired.repairs == ()
    assert [problem.code for problem in repaired.delivery.problems] == ["repair_failed"]


def test_after_some_failures_the_rest_is_left(tmp_path: Path) -> None:
    delivery = deliver(tmp_path, *[scribble(2001)] * 2, BOWTIE)
    limits = RepairLimits(cpu_seconds=1, wall_seconds=2, failures=1)
    repaired = repair(delivery, 4550, limits)
    assert [p.row for p in repaired.delivery.problems] == [1, 2, 3]
    assert "was not tried" in repaired.delivery.problems[-1].message


def test_what_has_no_area_left_is_refused(tmp_path: Path) -> None:
    spike = shapely.Polygon([(X, Y), (X + 5, Y), (X + 9, Y), (X, Y)])
    repaired = repair(deliver(tmp_path, spike), 4550)
    assert repaired.repairs == ()
    assert "no area is left" in repaired.delivery.problems[0].message


def test_without_a_crs_no_area_can_be_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    geopandas.GeoDataFrame({"ref": ["1"]}, geometry=[BOWTIE]).to_parquet(path)
    with pytest.raises(InputError) as refused:
        repair(read(path), 4550)
    assert [problem.code for problem in refused.value.problems] == ["crs_missing"]


def test_the_counties_of_weihai_keep_their_areas(shared_data: Path) -> None:
    delivery = read(shared_data / "C_crs_encoding/weihai_counties_npm.geojson")
    repaired = repair(delivery, 4550)
    assert [one.row for one in repaired.repairs] == [1, 2, 3, 4]
    for one in repaired.repairs:
        assert one.after_m2 == pytest.approx(one.before_m2, rel=1e-9)
    assert repaired.delivery.frame.geometry.is_valid.all()
