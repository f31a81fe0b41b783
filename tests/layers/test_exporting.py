"""Every format holds every row and column, and is there whole or not at all."""

import csv
import datetime as dt
import uuid
import zipfile
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy.orm import Session

from gis.crs import SurveyCRS
from gis.problems import InputError
from layers.files import exporting
from layers.files.exporting import ExportLayer, export, find_layer, register
from layers.files.writing import neutralise, restore
from layers.models import (
    Building,
    Community,
    Household,
    LinkMethod,
    LinkRole,
    Observation,
    ObservationStatus,
    Parcel,
    ParcelHousehold,
    ParcelKind,
    Purpose,
    Site,
    SiteKind,
    SiteState,
    StructureType,
    TitleBasis,
)
from layers.places import CommunityForm, add_community

SURVEY = SurveyCRS(4550)
EAST, NORTH = 429_000.0, 4_130_000.0
BOXES = [".gpkg", ".geojson", ".shp", ".shp.zip", ".fgb", ".parquet"]


def square(x: float, y: float, size: float = 10.0) -> shapely.MultiPolygon:
    """Return a square in metres from the compound's corner."""
    box = shapely.box(EAST + x, NORTH + y, EAST + x + size, NORTH + y + size)
    return shapely.MultiPolygon([box])


def stored(geometry: shapely.Geometry) -> Any:
    return from_shape(SURVEY.to_storage(np.array([geometry], dtype=object))[0], srid=4326)


@pytest.fixture
def community(session: Session) -> Community:
    """A compound with a building, two households of one parcel, enclosures and sites."""
    place = add_community(session, CommunityForm("wenquan", "温泉小区", 4550))
    key = {"community_id": place.id}
    building = Building(
        **key, id=uuid.uuid4(), ref="1", name="一号楼", floors=6, geom=stored(square(0, 0))
    )
    homes = [
        Household(
            **key,
            id=uuid.uuid4(),
            ref=f"1-1-10{i}",
            building_id=building.id,
            unit="1",
            floor=1,
            room=f"10{i}",
            ground_floor=True,
            geom=stored(shapely.Point(EAST + i, NORTH)),
        )
        for i in (1, 2)
    ]
    homes[1].geom = None
    parcel = Parcel(
        **key,
        id=uuid.uuid4(),
        ref="绿-1",
        kind=ParcelKind.PUBLIC_GREEN,
        title_basis=TitleBasis.OWNER_COMMON,
        title_evidence="=cmd()",
        title_disputed=True,
        rms_m=0.05,
        building_id=building.id,
        area_m2=100.0,
        geom=stored(square(0, -10)),
    )
    links = [
        ParcelHousehold(
            **key,
            parcel_id=parcel.id,
            household_id=home.id,
            role=role,
            share=0.5,
            method=LinkMethod.PERSON,
        )
        for home, role in zip(homes, (LinkRole.ADJOINING, LinkRole.USER), strict=True)
    ]
    observations = [
        Observation(
            **key,
            id=uuid.uuid4(),
            ref="o1",
            purpose=Purpose.BASELINE_SURVEY,
            structure_type=StructureType.FENCE,
            occupier_id=homes[0].id,
            observed_on=dt.date(2022, 3, 1),
            rms_m=0.05,
            area_m2=100.0,
            status=status,
            geom=stored(square(2, -9, 3)),
        )
        for status in (ObservationStatus.OPEN, ObservationStatus.SUPERSEDED)
    ]
    sites = [
        Site(
            **key,
            ref="s1",
            kind=SiteKind.LANDSCAPING,
            state=SiteState.BUILT,
            name="花园",
            built_on=dt.date(2022, 9, 1),
            area_m2=9.0,
            geom=stored(square(40, 0, 3)),
        ),
        Site(
            **key,
            ref="s2",
            kind=SiteKind.CHARGING_PILE,
            state=SiteState.PLANNED,
            heads=15,
            power_w=13_500.0,
            geom=stored(shapely.Point(EAST + 60, NORTH)),
        ),
    ]
    for rows in ([building], homes, [parcel], links, observations, sites):
        session.add_all(rows)
        session.flush()
    return place


def read(path: Path) -> geopandas.GeoDataFrame:
    """Read a file without any code of ours."""
    if path.suffix == ".csv":
        return pd.read_csv(path)
    if path.suffix == ".parquet":
        return geopandas.read_parquet(path)
    return pyogrio.read_dataframe(path)


@pytest.mark.parametrize("ending", BOXES)
def test_every_format_holds_text_numbers_dates_and_place(
    session: Session, community: Community, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"parcels{ending}"
    done = export(session, community, "parcels", path, srid=4550)
    frame = read(path)
    assert (done.rows, done.crs, len(frame)) == (1, "EPSG:4550", 1)
    assert frame.crs.to_epsg() == 4550
    short = {
        "title_evidence": "evidence",
        "title_disputed": "disputed",
        "household_role": "hh_role",
    }
    name = (lambda ours: short.get(ours, ours)) if ".shp" in ending else (lambda ours: ours)
    row = frame.iloc[0]
    assert row["ref"] == "绿-1"
    assert row["building"] == "1"
    assert row["household"] == "1-1-101;1-1-102"
    assert row[name("household_role")] == "adjoining;user"
    assert row[name("title_evidence")] == "=cmd()"
    assert bool(row[name("title_disputed")]) is True
    assert row["rms_m"] == 0.05
    drift = shapely.hausdorff_distance(row.geometry, square(0, -10))
    assert drift < 1e-6
    assert (
        sorted(one.name for one in tmp_path.iterdir())[0]
        == path.with_suffix(".cpg" if ending == ".shp" else path.suffix).name
    )


@pytest.mark.parametrize("ending", [*BOXES, ".csv"])
@pytest.mark.parametrize("layer", ["buildings", "households", "observations", "sites"])
def test_every_layer_has_all_its_rows_in_every_format(
    session: Session, community: Community, tmp_path: Path, layer: str, ending: str
) -> None:
    path = tmp_path / f"{layer}{ending}"
    expected = {"buildings": 1, "households": 2, "observations": 1, "sites": 2}[layer]
    if (layer, ending) == ("sites", ".shp"):
        with pytest.raises(InputError, match="points and polygons"):
            export(session, community, layer, path)
        assert list(tmp_path.iterdir()) == []
        return
    assert export(session, community, layer, path).rows == expected
    if (layer, ending) == ("sites", ".shp.zip"):
        names = ("sites_points.shp", "sites_polygons.shp")
        parts = [pyogrio.read_dataframe(f"zip://{path}!{name}") for name in names]
        assert [len(part) for part in parts] == [1, 1]
    else:
        assert len(read(path)) == expected


@pytest.mark.parametrize("ending", [*BOXES, ".csv"])
def test_an_empty_layer_is_a_readable_file(session: Session, tmp_path: Path, ending: str) -> None:
    place = add_community(session, CommunityForm("empty", "empty", 4550))
    path = tmp_path / f"sites{ending}"
    assert export(session, place, "sites", path).rows == 0
    assert len(read(path)) == 0


def test_geojson_is_in_degrees_unless_asked(
    session: Session, community: Community, tmp_path: Path
) -> None:
    done = export(session, community, "buildings", tmp_path / "a.geojson")
    assert done.crs == "EPSG:4326"
    assert read(done.path).total_bounds[0] == pytest.approx(122.2, abs=0.1)
    metres = export(session, community, "buildings", tmp_path / "b.geojson", srid=4550)
    assert read(metres.path).total_bounds[0] == pytest.approx(EAST)
    survey = export(session, community, "buildings", tmp_path / "c.gpkg")
    assert read(survey.path).total_bounds[0] == pytest.approx(EAST)


def test_a_shapefile_names_its_encoding(
    session: Session, community: Community, tmp_path: Path
) -> None:
    export(session, community, "buildings", tmp_path / "楼.shp")
    assert (tmp_path / "楼.cpg").read_text(encoding="ascii") == "UTF-8"
    export(session, community, "buildings", tmp_path / "楼.shp.zip")
    with zipfile.ZipFile(tmp_path / "楼.shp.zip") as archive:
        assert "buildings.cpg" in archive.namelist()


def test_a_shapefile_never_cuts_a_text_off(
    session: Session, community: Community, tmp_path: Path
) -> None:
    session.query(Building).update({"name": "楼" * 85})
    with pytest.raises(InputError, match="255 bytes"):
        export(session, community, "buildings", tmp_path / "a.shp")
    assert list(tmp_path.iterdir()) == []


def test_a_spreadsheet_takes_no_cell_for_a_formula(
    session: Session, community: Community, tmp_path: Path
) -> None:
    path = tmp_path / "parcels.csv"
    export(session, community, "parcels", path)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        row = next(csv.DictReader(handle))
    assert row["title_evidence"] == "'=cmd()"
    assert row["title_disputed"] == "true"
    srid, wkt = row["WKT"].split(";")
    assert srid == "SRID=4550"
    assert shapely.hausdorff_distance(shapely.from_wkt(wkt), square(0, -10)) < 1e-6


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "'=1", "''-1", "'a", "a", ""])
def test_what_was_neutralised_is_restored(text: str) -> None:
    written = neutralise(text)
    assert not written.startswith(("=", "+", "-", "@", "\t"))
    assert restore(written) == text


def test_links_are_a_table(session: Session, community: Community, tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    assert export(session, community, "links", path).crs is None
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["parcel"], row["household"], row["role"], row["share"]) for row in rows] == [
        ("绿-1", "1-1-101", "adjoining", "0.5"),
        ("绿-1", "1-1-102", "user", "0.5"),
    ]
    with pytest.raises(InputError, match="no geometry"):
        export(session, community, "links", tmp_path / "links.gpkg")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a.dwg", "export_format"),
        ("nowhere/a.gpkg", "export_folder"),
        ("there.gpkg", "export_exists"),
    ],
)
def test_a_path_that_will_not_do_is_refused(
    session: Session, community: Community, tmp_path: Path, name: str, code: str
) -> None:
    (tmp_path / "there.gpkg").write_bytes(b"precious")
    with pytest.raises(InputError) as caught:
        export(session, community, "parcels", tmp_path / name)
    assert [problem.code for problem in caught.value.problems] == [code]
    assert (tmp_path / "there.gpkg").read_bytes() == b"precious"


def test_no_path_of_gdal_is_written(session: Session, community: Community) -> None:
    with pytest.raises(InputError, match="no folder"):
        export(session, community, "parcels", Path("/vsimem/a.gpkg"))


def test_overwriting_is_asked_for(session: Session, community: Community, tmp_path: Path) -> None:
    path = tmp_path / "there.gpkg"
    path.write_bytes(b"old")
    assert export(session, community, "parcels", path, overwrite=True).rows == 1
    assert len(read(path)) == 1


@pytest.mark.parametrize(("layer", "srid"), [("trees", None), ("parcels", 999_999)])
def test_an_unknown_layer_or_crs_is_refused(
    session: Session, community: Community, tmp_path: Path, layer: str, srid: int | None
) -> None:
    with pytest.raises(InputError, match=r"trees|999999"):
        export(session, community, layer, tmp_path / "a.gpkg", srid=srid)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_what_was_there(
    session: Session, community: Community, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "there.gpkg"
    path.write_bytes(b"old")

    def fails(*_args: object, **_options: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(pyogrio, "write_arrow", fails)
    with pytest.raises(OSError, match="full"):
        export(session, community, "parcels", path, overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == ["there.gpkg"]
    assert path.read_bytes() == b"old"


def test_a_package_above_adds_its_layer(
    session: Session, community: Community, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "LAYERS", dict(exporting.LAYERS))
    register(ExportLayer("fences", find_layer("observations").rows))
    assert export(session, community, "fences", tmp_path / "fences.gpkg").rows == 1
