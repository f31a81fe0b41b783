"""Files as they come: whole, cut, mislabelled, packed, hostile."""

import contextlib
import gzip
import hashlib
import json
import shutil
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from gis.problems import InputError
from layers.files.reading import Delivery, ReadingLimits, read
from layers.files.staging import original

SQUARE = shapely.box(427_000, 4_140_000, 427_010, 4_140_010)
GBK = "C_crs_encoding/derived_gbk_cgcs2000"
GREEN = "公共绿地"


def frame(*geometries: shapely.Geometry | None, crs: Any = 4550, **columns: Any) -> Any:
    columns = columns or {"ref": [str(n) for n in range(len(geometries))]}
    return geopandas.GeoDataFrame(columns, geometry=list(geometries), crs=crs)


def write_geojson(path: Path, *features: Any, **members: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", **members, "features": features}))
    return path


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def refusal(path: Path | str, **options: Any) -> list[str]:
    """Return the codes for which no layer could be read at all."""
    with pytest.raises(InputError) as refused:
        read(path, **options)
    assert all(problem.message and problem.remedy for problem in refused.value.problems)
    return [problem.code for problem in refused.value.problems]


def problem_codes(delivery: Delivery) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.row) for problem in delivery.problems]


def notice_codes(delivery: Delivery) -> list[str]:
    return [notice.code for notice in delivery.notices]


@pytest.fixture
def gbk(shared_data: Path, tmp_path: Path) -> Callable[..., Path]:
    """Copy parts of a real shapefile in GBK, by their endings, and return its .shp."""

    def copy(*endings: str, name: str = "buildings") -> Path:
        for ending in endings:
            target = tmp_path / f"{name}.{ending}"
            shutil.copyfile(shared_data / GBK / f"buildings_gbk.{ending}", target)
        return tmp_path / f"{name}.shp"

    return copy


def test_a_geopackage_comes_with_its_provenance(tmp_path: Path) -> None:
    path = tmp_path / "绿地.gpkg"
    frame(SQUARE, SQUARE, kind=[GREEN, None], floors=[3, 4]).to_file(path, layer="地块")
    delivery = read(path)
    assert delivery.file_name == "绿地.gpkg"
    assert delivery.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (delivery.layer, delivery.layers, delivery.driver) == ("地块", ("地块",), "GPKG")
    assert (delivery.crs_text, delivery.crs_origin) == ("EPSG:4550", "file")
    assert delivery.frame.index.tolist() == [1, 2]
    assert delivery.frame["kind"].tolist() == [GREEN, None]
    assert delivery.frame.geometry.geom_type.tolist() == ["MultiPolygon", "MultiPolygon"]
    assert delivery.problems == ()
    assert original(path) == ("绿地.gpkg", path.read_bytes())


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "fgb", "parquet", "shp", "gml"])
def test_every_format_gives_the_same_geometry(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"parcels.{ending}"
    given = frame(SQUARE, SQUARE, crs=4326 if ending == "geojson" else 4550, ref=["a", "b"])
    given.geometry = given.geometry.affine_transform([1e-6, 0, 0, 1e-6, 121.6, 33.3])
    given.to_parquet(path) if ending == "parquet" else given.to_file(path)
    delivery = read(path)
    assert delivery.frame["ref"].tolist() == ["a", "b"]
    assert delivery.crs_text == ("EPSG:4326" if ending == "geojson" else "EPSG:4550")
    found = delivery.frame.geometry.to_numpy()
    assert shapely.area(found) == pytest.approx(shapely.area(given.geometry.to_numpy()), rel=1e-6)


@pytest.mark.parametrize(
    "path",
    [
        "/vsicurl/http://127.0.0.1/a.gpkg",
        "/vsizip/a.zip",
        "https://example.org/a.geojson",
        "WFS:http://example.org",
        "a\0b.gpkg",
    ],
)
def test_only_files_of_this_computer_are_read(path: str) -> None:
    assert refusal(path) == ["path_not_local"]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.gpkg").touch()
    assert refusal(tmp_path / "absent.gpkg") == ["file_missing"]
    assert refusal(tmp_path) == ["file_is_folder"]
    assert refusal("/dev/zero") == ["path_not_local"]
    assert refusal(tmp_path / "empty.gpkg") == ["file_empty"]


@pytest.mark.parametrize(
    "content",
    [
        "<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/etc/hosts</SrcDataSource>"
        "</OGRVRTLayer></OGRVRTDataSource>",
        '{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read /etc/hosts"}',
        "<OGRWFSDataSource><URL>http://127.0.0.1/</URL></OGRWFSDataSource>",
    ],
)
@pytest.mark.parametrize("name", ["a.shp.xml", "a.gpkg", "a.json"])
def test_files_that_point_elsewhere_are_refused(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert refusal(path) == ["file_points_elsewhere"]


def test_several_layers_must_be_chosen_from(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame(SQUARE).to_file(path, layer="green")
    frame(SQUARE).to_file(path, layer="yards")
    assert refusal(path) == ["layer_not_chosen"]
    assert refusal(path, layer="gren") == ["layer_unknown"]
    assert read(path, layer="yards").layers == ("green", "yards")


def test_too_much_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame(SQUARE, SQUARE, SQUARE).to_file(path)
    assert refusal(path, limits=ReadingLimits(file_bytes=1000)) == ["file_too_large"]
    assert refusal(path, limits=ReadingLimits(features=2)) == ["too_many_features"]
    frame(SQUARE, SQUARE, SQUARE).to_parquet(tmp_path / "a.parquet")
    small = ReadingLimits(features=2)
    assert refusal(tmp_path / "a.parquet", limits=small) == ["too_many_features"]


def test_a_geopackage_that_another_program_is_writing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame(SQUARE).to_file(path)
    path.with_name("a.gpkg-wal").write_bytes(b"pages")
    assert refusal(path) == ["file_in_use"]


def test_geometries_of_several_crs_in_one_layer_are_noticed(tmp_path: Path) -> None:
    """GDAL reads the layer's CRS and never that of the geometry."""
    path = tmp_path / "a.gpkg"
    frame(SQUARE, SQUARE).to_file(path, layer="a", SPATIAL_INDEX="NO")
    with sqlite3.connect(path) as opened:
        ((fid, blob),) = opened.execute("SELECT fid, geom FROM a WHERE ref = '1'").fetchall()
        for (trigger,) in opened.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'a'"
        ).fetchall():
            opened.execute(f'DROP TRIGGER "{trigger}"')
        changed = blob[:4] + struct.pack("<i", 4549) + blob[8:]
        opened.execute("UPDATE a SET geom = ? WHERE fid = ?", (changed, fid))
    opened.close()
    assert problem_codes(read(path)) == [("crs_mixed", None)]


# Encodings.


@pytest.mark.parametrize("name", ["buildings_gbk_nocpg", "compounds_gbk_noprj_nocpg"])
def test_undeclared_text_is_asked_for_with_a_preview(shared_data: Path, name: str) -> None:
    path = shared_data / GBK / f"{name}.shp"
    with pytest.raises(InputError, match=r"GBK: 编号、.*; UTF-8: impossible") as refused:
        read(path)
    assert "--encoding GBK" in refused.value.problems[0].remedy
    delivery = read(path, encoding="GBK", crs=4549)
    assert delivery.encoding == "GBK"
    assert {"编号", "名称", "面积"} < set(delivery.frame.columns)


def test_declared_text_is_read_and_chinese_columns_can_be_mapped(shared_data: Path) -> None:
    path = shared_data / GBK / "buildings_gbk.shp"
    delivery = read(path, fields={"ref": "编号", "name": "名称", "kind": "=public_green"})
    assert delivery.frame["name"].iloc[0] == "上海音乐学院"
    assert delivery.frame["kind"].unique().tolist() == ["public_green"]
    assert list(delivery.frame.columns[:3]) == ["ref", "name", "kind"]
    assert delivery.crs_text == "EPSG:4549"


def test_text_that_is_not_what_it_is_said_to_be_is_refused(shared_data: Path) -> None:
    path = shared_data / GBK / "buildings_gbk.shp"
    assert refusal(path, encoding="UTF-8") == ["encoding_wrong"]
    assert refusal(path, encoding="klingon") == ["encoding_unknown"]
    garbled = read(path, encoding="latin-1")
    assert problem_codes(garbled) == [("text_garbled", None)]
    assert "1号楼" in garbled.problems[0].message


def test_the_byte_of_the_computers_own_code_page_declares_nothing(shared_data: Path) -> None:
    folder = shared_data / "C_bad_inputs/mapshaper"
    assert refusal(folder / "shapefile/latin1-property.shp") == ["encoding_undeclared"]
    delivery = read(folder / "shapefile/latin1-property.shp", encoding="windows-1252")
    assert delivery.frame["name"].tolist() == ["México"]
    assert read(folder / "dbf_ldid/chinese.shp").frame["NAME"].tolist() == ["简体"]
    assert read(folder / "dbf_cpg/big5.shp").frame["NAME"].tolist() == ["國語"]


def test_text_cut_in_half_a_character_by_its_column_is_kept(gbk: Callable[..., Path]) -> None:
    path = gbk("shp", "shx", "prj", "cpg", "dbf")
    content = bytearray(path.with_suffix(".dbf").read_bytes())
    (start,) = struct.unpack("<H", content[8:10])
    name, width = start + 1 + content[32 + 16], content[64 + 16]
    text = ("南" * 60).encode("gbk")
    content[name : name + width] = (text if width % 2 else b"a" + text)[:width]
    path.with_suffix(".dbf").write_bytes(content)
    delivery = read(path)
    assert "text_cut" in notice_codes(delivery)
    assert "南南南" in delivery.frame["名称"].iloc[0]


def test_chinese_saved_as_latin_1_is_recognised_in_any_format(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    names = ["南大楼".encode("gbk").decode("latin-1"), "1号楼".encode().decode("latin-1"), "México"]
    frame(SQUARE, SQUARE, SQUARE, name=names).to_file(path)
    delivery = read(path)
    assert problem_codes(delivery) == [("text_garbled", None)]
    assert "'1号楼'" in delivery.problems[0].message
    frame(SQUARE, SQUARE, name=["Café", "Größe"]).to_file(path)
    assert read(path).problems == ()


def test_geojson_in_gbk_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    point = {"type": "Point", "coordinates": [122.1, 37.4]}
    content = json.dumps(feature(point, name="南大楼"), ensure_ascii=False)
    path.write_bytes(content.encode("gbk"))
    assert refusal(path) == ["encoding_wrong"]
    assert read(path, encoding="GBK").frame["name"].tolist() == ["南大楼"]
    path.write_bytes(content.encode("utf-8-sig"))
    assert read(path).frame["name"].tolist() == ["南大楼"]


# Shapefiles that GDAL reads without complaint.


def test_a_cut_shapefile_is_refused(gbk: Callable[..., Path]) -> None:
    """GDAL gives the lost half as rows without geometry."""
    whole = ("shp", "shx", "dbf", "cpg", "prj")
    for ending in ("shp", "shx", "dbf"):
        path = gbk(*whole, name=f"cut_{ending}")
        part = path.with_suffix(f".{ending}")
        part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
        assert set(refusal(path)) == {"shapefile_broken"}


@pytest.mark.parametrize("missing", ["shx", "dbf"])
def test_a_shapefile_without_one_of_its_parts_is_refused(
    gbk: Callable[..., Path], missing: str
) -> None:
    path = gbk(*({"shp", "shx", "dbf", "cpg"} - {missing}))
    assert refusal(path) == ["shapefile_part_missing"]


def test_any_part_of_a_shapefile_may_be_named_and_all_are_kept(gbk: Callable[..., Path]) -> None:
    path = gbk("shp", "shx", "dbf", "cpg", "prj")
    delivery = read(path.with_suffix(".dbf"))
    assert len(delivery.frame) == 107
    name, content = original(path)
    assert hashlib.sha256(content).hexdigest() == delivery.sha256
    kept = path.with_name(name)
    kept.write_bytes(content)
    assert zipfile.ZipFile(kept).namelist() == [
        f"buildings.{e}" for e in ["cpg", "dbf", "prj", "shp", "shx"]
    ]
    assert read(kept).frame.equals(delivery.frame)


# Archives.


def test_a_zipped_shapefile_with_chinese_names_is_read(gbk: Callable[..., Path]) -> None:
    path = gbk("shp", "shx", "dbf", "cpg", "prj")
    packed = path.with_name("a.zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._a.shp", b"clutter")
        archive.writestr("成果/说明.txt", "readme")
        for part in path.parent.glob("buildings.*"):
            archive.write(part, f"成果/楼{part.suffix}")
    delivery = read(packed)
    assert delivery.layer == "楼"
    assert len(delivery.frame) == 107
    assert notice_codes(delivery) == ["left_aside"]
    assert delivery.sha256 == hashlib.sha256(packed.read_bytes()).hexdigest()


def test_the_layers_of_an_archive_count_together(tmp_path: Path) -> None:
    frame(SQUARE).to_file(tmp_path / "a.gpkg", layer="one")
    frame(SQUARE).to_file(tmp_path / "a.gpkg", layer="two")
    (tmp_path / "b.csv").write_text("ref,x,y\n1,427000,4140000\n")
    packed = tmp_path / "both.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(tmp_path / "a.gpkg", "a.gpkg")
        archive.write(tmp_path / "b.csv", "b.csv")
    assert refusal(packed) == ["layer_not_chosen"]
    assert refusal(packed, layer="c") == ["layer_unknown"]
    assert refusal(packed, layer="a") == ["layer_not_chosen"]
    assert read(packed, layer="a/two").layer == "a/two"
    assert read(packed, layer="b").driver == "CSV"


def hostile_zip(path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_hostile_archives_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.gpkg")
    link.external_attr = 0o120777 << 16
    bomb = [(f"{n}.csv", b"0" * 40_000_000) for n in range(2)]
    cases = {
        "zip_unsafe": hostile_zip(tmp_path / "1.zip", ("../a.gpkg", b"x")),
        "zip_too_large": hostile_zip(tmp_path / "2.zip", *bomb),
        "zip_without_data": hostile_zip(tmp_path / "3.zip", ("inner.zip", b"PK"), ("a.exe", b"")),
    }
    for code, path in cases.items():
        assert refusal(path) == [code]
    assert refusal(hostile_zip(tmp_path / "4.zip", (link, b"/etc/passwd"))) == ["zip_unsafe"]
    assert refusal(hostile_zip(tmp_path / "5.zip", ("/etc/a.gpkg", b"x"))) == ["zip_unsafe"]
    few = ReadingLimits(zip_members=1)
    assert refusal(tmp_path / "3.zip", limits=few) == ["zip_too_large"]
    cut = tmp_path / "6.zip"
    cut.write_bytes((tmp_path / "2.zip").read_bytes()[:2000])
    assert refusal(cut) == ["zip_broken"]
    (tmp_path / "a.rar").write_bytes(b"Rar!\x1a\x07")
    assert refusal(tmp_path / "a.rar") == ["archive_unknown"]


def test_what_an_archive_says_of_its_size_is_not_believed(tmp_path: Path) -> None:
    path = hostile_zip(tmp_path / "a.zip", ("a.csv", b"0" * 5_000_000))
    content = path.read_bytes().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 5))
    path.write_bytes(content)
    assert refusal(path, limits=ReadingLimits(zip_grace_bytes=1000))[0].startswith("zip_")


def test_kmz_and_gzip_are_read(shared_data: Path, tmp_path: Path) -> None:
    kml = shared_data / "C_bad_inputs/togeojson/polygon.kml"
    kmz = hostile_zip(tmp_path / "a.kmz", ("doc.kml", kml.read_bytes()))
    assert len(read(kmz).frame) == 1
    packed = tmp_path / "a.kml.gz"
    packed.write_bytes(gzip.compress(kml.read_bytes()))
    delivery = read(packed)
    assert delivery.crs_origin == "format"
    assert "dimension_dropped" in notice_codes(delivery)


# GeoJSON that GDAL reads without complaint.


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"type":"Feature","properties":{"n":1,"n":2},"geometry":null}', "geojson_member_twice"),
        ('{"type":"Feature","properties":{"n":"a\\u0000b"},"geometry":null}', "text_control"),
        ('{"type":"Feature","properties":{},"geometry":{"type":"Point","coordinates":[1,NaN]}}',
         "geojson_coordinates"),
        ('{"type":"Feature","properties":[],"geometry":null}', "geojson_wrong"),
        ('{"type":"Feature","properties":{},"geometry":{"type":"Pt","coordinates":[1,2]}}',
         "geojson_coordinates"),
        ('{"type":"FeatureCollection","features":[{"type":"Featre"}]}', "geojson_wrong"),
    ],
)  # fmt: skip
def test_what_gdal_drops_from_geojson_is_a_problem(tmp_path: Path, content: str, code: str) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(content)
    try:
        codes = [code for code, _ in problem_codes(read(path))]
    except InputError as refused:
        codes = [problem.code for problem in refused.problems]
    assert code in codes


def test_json_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text('{"type":"Feature","properties":{},"geometry":' + '{"a":' * 50_000 + "1")
    assert refusal(path)[0] in ("json_too_deep", "file_unreadable", "json_broken")


def test_unclosed_rings_and_string_coordinates_are_named_by_row(tmp_path: Path) -> None:
    good = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    unclosed = {"type": "Polygon", "coordinates": [[[0, 0], [3, 0], [3, 4]]]}
    delivery = read(write_geojson(tmp_path / "a.geojson", feature(good), feature(unclosed)))
    assert problem_codes(delivery) == [("ring_not_closed", 2)]
    assert delivery.frame.geometry.isna().tolist() == [False, True]
    assert list(delivery.broken) == [2]


def test_geojson_says_its_crs_or_is_degrees_by_its_standard(tmp_path: Path) -> None:
    point = feature({"type": "Point", "coordinates": [427000, 4140000]})
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4550"}}
    delivery = read(write_geojson(tmp_path / "a.geojson", point, crs=named))
    assert (delivery.crs_text, delivery.crs_origin) == ("EPSG:4550", "file")
    silent = write_geojson(tmp_path / "b.geojson", point)
    assert (read(silent).crs_text, read(silent).crs_origin) == ("EPSG:4326", "format")
    assert (read(silent, crs=4550).crs_text, read(silent, crs=4550).problems) == ("EPSG:4550", ())
    contradicted = read(tmp_path / "a.geojson", crs=4549)
    assert problem_codes(contradicted) == [("crs_conflict", None)]


def test_lines_of_geojson_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.geojsonl"
    point = {"type": "Point", "coordinates": [1, 2]}
    path.write_text("\n".join(json.dumps(feature(point, ref=str(n))) for n in range(3)))
    assert read(path).frame["ref"].tolist() == ["0", "1", "2"]


# Tables.


def csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_csv_with_coordinates_or_wkt(tmp_path: Path) -> None:
    delivery = read(csv(tmp_path, "ref,lon,lat\n1,122.1,37.4\n2,,\n"), crs=4326)
    assert delivery.frame.geometry.iloc[0].coords[:] == [(122.1, 37.4)]
    assert delivery.frame.geometry.iloc[1] is None
    assert list(delivery.frame.columns) == ["ref", "geometry"]
    delivery = read(csv(tmp_path, 'ref;wkt\n1;"SRID=4550;POLYGON((0 0,1 0,1 1,0 0))"\n'))
    assert (delivery.crs_text, delivery.frame.geometry.iloc[0].geom_type) == (
        "EPSG:4550",
        "MultiPolygon",
    )
    hexadecimal = shapely.to_wkb(shapely.set_srid(SQUARE, 4550), hex=True, include_srid=True)
    delivery = read(csv(tmp_path, f"ref,geom\n1,{hexadecimal}\n"))
    assert (delivery.crs_text, delivery.frame.geometry.iloc[0].area) == ("EPSG:4550", 100.0)


def test_columns_of_a_place_can_be_mapped(tmp_path: Path) -> None:
    path = csv(tmp_path, "编号,纵坐标X,横坐标Y\n1,4140000,427000\n")
    assert read(path).frame.geometry.isna().all()
    fields = {"ref": "编号", "x": "横坐标Y", "y": "纵坐标X"}
    delivery = read(path, fields=fields, crs=4550)
    assert delivery.frame.geometry.iloc[0].coords[:] == [(427000.0, 4140000.0)]
    assert list(delivery.frame.columns) == ["ref", "geometry"]


def test_csv_in_gbk_is_asked_for(tmp_path: Path) -> None:
    path = csv(tmp_path, "编号,x,y\n南大楼,1,2\n", "gbk")
    with pytest.raises(InputError, match="GBK: 编号"):
        read(path)
    assert read(path, encoding="GBK", fields={"ref": "编号"}).frame["ref"].tolist() == ["南大楼"]
    spreadsheet = csv(tmp_path, "编号,x,y\n南大楼,1,2\n", "utf-16")
    assert read(spreadsheet).frame["编号"].tolist() == ["南大楼"]


@pytest.mark.parametrize(
    ("text", "code", "row"),
    [
        ("a,b\n1\n", "csv_row_length", 1),
        ("a,b\n1,2,3\n", "csv_row_length", 1),
        ("a,a\n1,2\n", "column_twice", None),
        ("a,\n1,2\n", "column_without_name", None),
        ('a,b\n"1,2\n', "csv_broken", None),
    ],
)
def test_csv_out_of_shape_is_refused(tmp_path: Path, text: str, code: str, row: int | None) -> None:
    with pytest.raises(InputError) as refused:
        read(csv(tmp_path, text))
    assert [(p.code, p.row) for p in refused.value.problems] == [(code, row)]


@pytest.mark.parametrize(
    ("text", "code", "row"),
    [
        ("ref,x,y\n1,2,3\n2,abc,4\n", "coordinate_not_number", 2),
        ("ref,x,y\n1,2,\n", "coordinate_not_number", 1),
        ('ref,wkt\n1,"POINT (1 2)"\n2,POINT (1\n', "geometry_broken", 2),
        ('ref,wkt\n1,"CIRCULARSTRING (0 0, 1 1, 2 0)"\n', "geometry_broken", 1),
        ('ref,wkt\n1,"POLYGON ((0 0, 1 0, 1 1))"\n', "ring_not_closed", 1),
        ("ref,wkt\n1," + "GEOMETRYCOLLECTION (" * 100_000 + "\n", "geometry_broken", 1),
        ("ref,wkt\n1,SRID=4550;POINT (1 2)\n2,SRID=4549;POINT (1 2)\n", "crs_mixed", None),
    ],
)
def test_places_that_are_none_are_named_by_row(
    tmp_path: Path, text: str, code: str, row: int | None
) -> None:
    assert problem_codes(read(csv(tmp_path, text))) == [(code, row)]


def test_cells_that_export_defused_come_back_as_they_were(tmp_path: Path) -> None:
    delivery = read(csv(tmp_path, "ref,note\n1,'=cmd\n2,{{7*7}}\n"))
    assert delivery.frame["note"].tolist() == ["=cmd", "{{7*7}}"]


def test_spreadsheets_are_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    table = pd.DataFrame({"ref": ["12-1-101"], "经度": [122.1], "纬度": [37.4]})
    pyogrio.write_dataframe(table, path, driver="XLSX")
    delivery = read(path, crs=4490)
    assert delivery.frame.geometry.iloc[0].coords[:] == [(122.1, 37.4)]


# Drawings and curves.


def dxf(path: Path, *outlines: tuple[str, bool, list[tuple[float, float]]], head: str = "") -> Path:
    parts = [head, "0", "SECTION", "2", "ENTITIES"]
    for name, closed, corners in outlines:
        parts += ["0", "LWPOLYLINE", "5", "A1", "100", "AcDbEntity", "8", name]
        parts += ["100", "AcDbPolyline", "90", str(len(corners)), "70", str(int(closed))]
        for x, y in corners:
            parts += ["10", str(x), "20", str(y)]
    path.write_bytes("\n".join([*parts, "0", "ENDSEC", "0", "EOF", ""]).lstrip().encode("gbk"))
    return path


CORNERS = [(427000.0, 4140000.0), (427010.0, 4140000.0), (427010.0, 4140010.0)]


def test_outlines_of_a_drawing_become_polygons_only_where_they_close(tmp_path: Path) -> None:
    nearly = [*CORNERS, (427000.0, 4140000.4)]
    path = dxf(tmp_path / "a.dxf", ("green", True, CORNERS), ("green", False, nearly))
    delivery = read(path, crs=4550)
    assert delivery.frame.geometry.geom_type.tolist() == ["MultiPolygon", "LineString"]
    assert notice_codes(delivery)[-2:] == ["lines_closed", "lines_open"] or "lines_open" in (
        notice_codes(delivery)
    )
    (notice,) = [one for one in delivery.notices if one.code == "lines_open"]
    assert "0.4" in str(notice)
    assert notice.rows == (2,)


def test_the_layers_of_a_drawing_are_layers(tmp_path: Path) -> None:
    path = dxf(tmp_path / "a.dxf", ("JZD", True, CORNERS), ("green", True, CORNERS))
    assert refusal(path) == ["layer_not_chosen"]
    assert len(read(path, layer="green").frame) == 1
    chinese = dxf(tmp_path / "b.dxf", ("绿地", True, CORNERS))
    assert refusal(chinese) == ["encoding_wrong"]
    assert read(chinese, encoding="GBK").layer == "绿地"
    page = "0\nSECTION\n2\nHEADER\n9\n$DWGCODEPAGE\n3\nANSI_936\n0\nENDSEC"
    declared = dxf(tmp_path / "c.dxf", ("绿地", True, CORNERS), head=page)
    assert (read(declared).layer, read(declared).encoding) == ("绿地", "GBK")


def test_the_arc_of_a_real_drawing_is_drawn_as_chords(shared_data: Path) -> None:
    delivery = read(shared_data / "C_bad_inputs/gdal_autotest/closed_polyline_with_bulge.dxf")
    assert {"curves_as_chords", "lines_closed"} <= set(notice_codes(delivery))
    assert delivery.crs is None
    assert delivery.frame.geometry.iloc[0].is_valid
    finer = ReadingLimits(arc_step_degrees=0.1)
    path = shared_data / "C_bad_inputs/gdal_autotest/closed_polyline_with_bulge.dxf"
    again = read(path, limits=finer)
    assert again.frame.geometry.area.iloc[0] == pytest.approx(
        delivery.frame.geometry.area.iloc[0], rel=1e-5
    )


def test_a_circle_in_gml_keeps_its_area(tmp_path: Path) -> None:
    path = tmp_path / "a.gml"
    path.write_text(
        '<f:FeatureCollection xmlns:f="http://x/f" xmlns:gml="http://www.opengis.net/gml">'
        "<gml:featureMember><f:a><f:ref>1</f:ref><f:geom>"
        '<gml:Polygon srsName="EPSG:4550"><gml:exterior><gml:Ring><gml:curveMember><gml:Curve>'
        "<gml:segments><gml:Arc><gml:posList>0 0 10 10 20 0</gml:posList></gml:Arc>"
        "<gml:Arc><gml:posList>20 0 10 -10 0 0</gml:posList></gml:Arc></gml:segments></gml:Curve>"
        "</gml:curveMember></gml:Ring></gml:exterior></gml:Polygon>"
        "</f:geom></f:a></gml:featureMember></f:FeatureCollection>"
    )
    delivery = read(path)
    assert "curves_as_chords" in notice_codes(delivery)
    assert delivery.frame.geometry.area.iloc[0] == pytest.approx(100 * np.pi, abs=0.01)
    assert not path.with_suffix(".gfs").exists()


def test_height_and_measure_are_dropped_with_a_notice(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame(shapely.force_3d(SQUARE, 7.0)).to_file(path)
    delivery = read(path)
    assert notice_codes(delivery) == ["dimension_dropped"]
    assert not delivery.frame.geometry.has_z.any()


# GeoParquet and the rest.


def test_geoparquet_without_a_crs_has_none(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame(SQUARE, None, crs=None).to_parquet(path)
    delivery = read(path)
    assert (delivery.crs, delivery.crs_origin) == (None, "none")
    assert delivery.frame.geometry.isna().tolist() == [False, True]
    path.write_bytes(path.read_bytes()[:200])
    assert refusal(path) == ["file_broken"]
    path.write_bytes(b"PAR1" + b"\0" * 100)
    assert refusal(path) == ["file_broken"]


def test_an_unknown_column_is_answered_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame(SQUARE, parcel_no=["7"], ref=["x"]).to_file(path)
    delivery = read(path, fields={"ref": "parcelno", "name": "#"})
    (problem,) = delivery.problems
    assert (problem.code, problem.field) == ("field_unknown", "ref")
    assert problem.remedy == "Perhaps parcel_no?"
    delivery = read(path, fields={"ref": "parcel_no"})
    assert delivery.frame["ref"].tolist() == ["7"]
    assert notice_codes(delivery) == ["columns_hidden"]
    assert "ref" not in read(path, fields={"ref": ""}).frame.columns


def test_axes_are_swapped_where_asked(tmp_path: Path) -> None:
    path = csv(tmp_path, "ref,x,y\n1,4140000,427000\n2,,\n")
    delivery = read(path, crs=4550, swap_xy=True)
    assert delivery.frame.geometry.iloc[0].coords[:] == [(427000.0, 4140000.0)]
    assert delivery.frame.geometry.iloc[1] is None


def test_city_models_that_give_label_points_are_noticed(shared_data: Path) -> None:
    delivery = read(shared_data / "A_parcels/nl_raw_sample/bgt_pand-s.gml")
    (notice,) = [one for one in delivery.notices if one.code == "types_mixed"]
    assert "81 Point, 18 MultiPolygon" in notice.message


def test_a_count_that_differs_from_what_is_there_is_noticed(shared_data: Path) -> None:
    delivery = read(shared_data / "A_parcels/es_catastro/parcel.gpkg")
    assert len(delivery.frame) == 186
    assert notice_codes(delivery) == ["count_differs"]


# Damage.


def test_a_prj_that_is_no_text_is_refused(gbk: Callable[..., Path]) -> None:
    path = gbk("shp", "shx", "dbf", "cpg", "prj")
    path.with_suffix(".prj").write_bytes(b'PROJCS["\x9e\xff",GEOGCS["')
    assert refusal(path) == ["file_unreadable"]


def test_a_table_shorter_than_its_header_is_refused(gbk: Callable[..., Path]) -> None:
    path = gbk("shp", "shx", "dbf", "cpg", "prj")
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes()[:100])
    assert set(refusal(path)) == {"shapefile_broken"}


@pytest.mark.parametrize("seed", range(6))
def test_damaged_files_end_in_a_refusal_or_are_read(
    gbk: Callable[..., Path], tmp_path: Path, seed: int
) -> None:
    """Bytes lost, changed and added anywhere: never anything but an ``InputError``."""
    random = np.random.default_rng(seed)
    given = frame(SQUARE, SQUARE, ref=["甲", "b"])
    given.to_file(tmp_path / "a.gpkg", layer="a")
    given.to_file(tmp_path / "a.geojson")
    given.to_file(tmp_path / "a.fgb")
    given.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text('ref,wkt\n1,"POLYGON((0 0,1 0,1 1,0 0))"\n')
    dxf(tmp_path / "a.dxf", ("green", True, CORNERS))
    gbk("shp", "shx", "dbf", "cpg", "prj", name="b")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "a.geojson", "a.geojson")
    for victim in sorted(tmp_path.iterdir()):
        content = victim.read_bytes()
        at, length = (int(random.integers(len(content))) for _ in range(2))
        noise = random.bytes(length % 40)
        for damaged in (content[:at], content[:at] + noise + content[at + len(noise) :]):
            victim.write_bytes(damaged)
            with contextlib.suppress(InputError):
                assert len(read(victim).frame) >= 0
        victim.write_bytes(content)
