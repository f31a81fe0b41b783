"""Real registers and surveys come in as they are, or are refused with the right reason."""

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.flagging import flag
from cases.models import Encroachment
from gis.problems import InputError
from layers.imports.intake import Outcome, Reading, take_in
from layers.imports.plans import ImportOptions
from layers.models import Building, Community, Household, Observation, Parcel, Site
from layers.places import CommunityForm, add_community

OTTERLO = "A_parcels/nl_otterlo_east/nl_otterlo_east.gpkg"
SHANGHAI = "A_china_osm/shanghai_university/shanghai_university_2021_09_{}.gpkg"
DAY = dt.date(2020, 8, 1)


def place(session: Session, srid: int, boundary: Any = None) -> Community:
    made = add_community(session, CommunityForm("place", "地方", srid, boundary=boundary))
    session.commit()
    return made


def bring(
    session: Session, kind: str, path: Path, layer: str | None = None, **given: Any
) -> Outcome:
    """Import a layer with ``fields`` and ``reading`` options; the rest are import options."""
    reading = Reading(layer=layer, fields=given.pop("fields", {}), **given.pop("reading", {}))
    dry_run = given.pop("dry_run", False)
    options = ImportOptions(**{"surveyed_on": DAY, **given})
    return take_in(session, "place", kind, path, reading, options, dry_run=dry_run)


def codes(error: InputError) -> set[str]:
    return {problem.code for problem in error.problems}


def notices(done: Outcome) -> dict[str, str]:
    return {one.code: one.message for one in done.plan.notices}


def otterlo(session: Session, data: Path, rms_m: float) -> Community:
    """Bring the Dutch village in, as docs/real-data.md does."""
    community = place(session, 28992)
    path = data / OTTERLO
    bring(session, "buildings", path, "buildings_2020_08_01", fields={"ref": "lokaalID"})
    homes = {"ref": "id", "building": "building_id", "ground_floor": "=true"}
    done = bring(
        session, "households", path, "addresses", fields=homes, unknown_buildings_allowed=True
    )
    assert "building_unknown" in notices(done)
    bring(
        session,
        "parcels",
        path,
        "public_green_2016_10_15",
        fields={
            "ref": "lokaalID",
            "kind": "=public_green",
            "title_basis": "=municipal",
            "title_evidence": "=register of public space",
        },
        surveyed_on=dt.date(2016, 10, 15),
        rms_m=rms_m,
    )
    yards = {"ref": "lokaalID", "structure_type": "=other"}
    bring(session, "observations", path, "yards_2020_08_01", fields=yards, rms_m=rms_m)
    return community


def test_the_green_taken_in_otterlo_is_found(session: Session, shared_data: Path) -> None:
    community = otterlo(session, shared_data, rms_m=0.02)
    sizes = [
        session.scalar(select(func.count()).select_from(model))
        for model in (Building, Household, Parcel, Observation)
    ]
    assert sizes == [886, 660, 375, 79]
    flag(session, [community])
    query = (
        select(Parcel.ref, Observation.ref, Encroachment.occupied_m2)
        .join(Encroachment, Encroachment.parcel_id == Parcel.id)
        .join(Observation, Observation.id == Encroachment.observation_id)
    )
    found = {(parcel, yard): area for parcel, yard, area in session.execute(query)}
    truth = shared_data / "A_parcels/nl_otterlo_east/truth_green_taken.csv"
    with truth.open(encoding="utf-8", newline="") as handle:
        expected = {
            (row["green_id"], row["taken_by_id"]): float(row["overlap_m2_geos"])
            for row in csv.DictReader(handle)
            if row["private"] == "True"
        }
    assert found.keys() == expected.keys()
    assert max(abs(found[key] - expected[key]) for key in expected) < 0.01
    assert round(sum(found.values()), 2) == 198.79


def test_a_blunter_survey_of_otterlo_lists_the_narrow_strip(
    session: Session, shared_data: Path
) -> None:
    community = otterlo(session, shared_data, rms_m=0.05)
    report = flag(session, [community])
    assert (report.new, report.slivers) == (6, 5)


@pytest.mark.parametrize(
    ("path", "layer", "ref", "area", "srid", "rows"),
    [
        ("A_parcels/ch_kammersrohr/ch_kammersrohr.gpkg", "parcels", "egrid", "official_area_m2",
         2056, 34),
        ("A_parcels/es_catastro/parcel.gpkg", None, "localId", "areaValue", 32628, 186),
    ],
    ids=["Swiss", "Spanish"],
)  # fmt: skip
def test_areas_agree_with_the_register(
    session: Session,
    shared_data: Path,
    path: str,
    layer: str | None,
    ref: str,
    area: str,
    srid: int,
    rows: int,
) -> None:
    place(session, srid)
    fields = {"ref": ref, "kind": "=other"}
    done = bring(
        session, "parcels", shared_data / path, layer, fields=fields, rms_m=0.1, stated_area=area
    )
    assert done.plan.counts["new"] == rows
    assert f"{rows} of {rows} areas agree with {area}" in notices(done)["area_agrees"]


def test_two_dates_of_a_chinese_campus(session: Session, shared_data: Path) -> None:
    place(session, 4549)
    fields = {"ref": "osm", "floors": "building:levels"}
    first = shared_data / SHANGHAI.format("09")
    bring(session, "buildings", first, "buildings", fields=fields)
    names = set(session.scalars(select(Building.name)))
    assert {"上海音乐学院", "经管大楼"} <= names
    with pytest.raises(InputError) as caught:
        bring(session, "parcels", first, "green", fields={"ref": "osm"})
    assert codes(caught.value) == {"parcel_overlap"}
    green = {"ref": "osm", "title_basis": "=unknown"}
    bring(session, "parcels", first, "green", fields=green, overlaps_allowed=True)
    assert session.scalar(select(func.count()).select_from(Parcel)) == 30
    later = bring(session, "buildings", shared_data / SHANGHAI.format("17"), "buildings")
    assert "mapping_recalled" in notices(later)
    assert later.plan.counts["new"] == 9
    moved = [line for line in later.plan.table() if "geometry" in (line["changes"] or "")]
    assert len(moved) == 5


def test_a_compound_without_green_has_none(session: Session, shared_data: Path) -> None:
    place(session, 4549)
    path = shared_data / "A_china_osm/nantong/nantong_2026_01.gpkg"
    done = bring(session, "buildings", path, "buildings", fields={"ref": "osm"})
    assert done.plan.counts["new"] == 89
    with pytest.raises(InputError, match="there are compounds, buildings") as caught:
        bring(session, "parcels", path, "green", fields={"ref": "osm"})
    assert codes(caught.value) == {"layer_unknown"}
    assert session.scalar(select(func.count()).select_from(Parcel)) == 0


def test_charging_stations_without_a_datum(session: Session, shared_data: Path) -> None:
    path = shared_data / "B_charging/shenzhen_stations.csv"
    fields = {"ref": "station_id", "heads": "count", "kind": "=charging_pile"}
    place(session, 4547)
    with pytest.raises(InputError, match="in which CRS") as caught:
        bring(session, "sites", path, fields=fields)
    assert codes(caught.value) == {"crs_missing"}
    done = bring(session, "sites", path, fields=fields, reading={"crs": "EPSG:4326"})
    assert done.plan.counts["new"] == 1706
    assert notices(done)["point_repeated"].startswith("109 sites")
    assert session.scalar(select(func.sum(Site.heads))) == 22_872


def test_stations_outside_the_community_are_refused(session: Session, shared_data: Path) -> None:
    place(session, 4547, shapely.MultiPolygon([shapely.box(114.0, 22.5, 114.1, 22.6)]))
    path = shared_data / "B_charging/shenzhen_stations.csv"
    fields = {"ref": "station_id", "heads": "count", "kind": "=charging_pile"}
    with pytest.raises(InputError) as caught:
        bring(session, "sites", path, fields=fields, reading={"crs": "EPSG:4326"})
    assert codes(caught.value) == {"outside_boundary"}
    assert session.scalar(select(func.count()).select_from(Site)) == 0


@pytest.mark.parametrize(
    ("name", "reading", "expected"),
    [
        ("buildings_gbk.shp", {}, 107),
        ("buildings_gbk_nocpg.shp", {}, "encoding_undeclared"),
        ("buildings_gbk_nocpg.shp", {"encoding": "GBK"}, 107),
        ("buildings_gbk_noprj_nocpg.shp", {"encoding": "GBK"}, "crs_missing"),
        ("buildings_gbk_noprj_nocpg.shp", {"encoding": "GBK", "crs": "EPSG:4549"}, 107),
        ("compounds_gbk.shp", {}, 3),
        ("compounds_gbk_nocpg.shp", {"encoding": "GBK"}, 3),
    ],
)
def test_chinese_shapefiles_are_legible_or_refused(
    session: Session, shared_data: Path, name: str, reading: dict[str, str], expected: int | str
) -> None:
    place(session, 4549)
    path = shared_data / "C_crs_encoding/derived_gbk_cgcs2000" / name
    fields = {"ref": "编号", "name": "名称"}
    if isinstance(expected, str):
        with pytest.raises(InputError) as caught:
            bring(session, "buildings", path, reading=reading)
        assert codes(caught.value) == {expected}
        return
    done = bring(session, "buildings", path, fields=fields, reading=reading)
    assert done.plan.counts["new"] == expected
    stored = " ".join(session.scalars(select(Building.name)))
    assert ("经管大楼" if expected == 107 else "当代高坻") in stored


def test_counties_of_a_web_map_are_no_survey(session: Session, shared_data: Path) -> None:
    weihai = shapely.MultiPolygon([shapely.box(122.05, 37.35, 122.2, 37.45)])
    place(session, 4550, weihai)
    path = shared_data / "C_crs_encoding/weihai_counties_npm.geojson"
    with pytest.raises(InputError) as caught:
        bring(session, "parcels", path, fields={"kind": "=other"})
    assert "geometry_invalid" in codes(caught.value)
    assert session.scalar(select(func.count()).select_from(Parcel)) == 0
