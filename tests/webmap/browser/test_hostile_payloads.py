"""What strangers write into cells, names of columns, files, surveyors and places.

Each payload stands in every text field of five rows, in each format that people deliver, and
goes in by the commands that people type. It must be text in the table and the map of a dry
run and on the map of the compound, and no formula in what is exported for spreadsheets.
"""

import csv
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import openpyxl
import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from cases.access import Role
from layers.db import EVERYWHERE
from layers.door.kinds import KINDS, Type
from layers.files.writing import FORMULA, restore
from layers.migrate import open_database
from layers.models import Community, Parcel, Survey
from tests.layers.files import box, in_degrees, point
from tests.webmap.browser.conftest import DESK, OpenPage, OpenSheet, Site, Watch, wait_for_map
from tests.webmap.browser.pages import open_parcel
from webmap import cli

# A formula, another by its other sign, marks that turn the reading round, markup, a template.
PAYLOADS = (
    "=cmd|' /C calc'!A0",
    "@SUM(1337*7331)|cmd",
    "\u202egnp.exe\u202c\u200f",
    '<img src=x onerror="alert(1)">',
    "{{1337*7331}}${alert(1)}",
)
PRODUCT = "9801547"
SURVEYOR = f"{PAYLOADS[3]} {PAYLOADS[4]}"
FORMATS = ("gpkg", "geojson", "csv", "xlsx")
# What a format does not say by itself.
CRS = {"xlsx": ("--crs", "EPSG:4550")}
# How a file calls two of its columns, as a stranger may.
COLUMNS = {"ref": "=ref|{{1337*7331}}", "name": '<img src=x onerror="alert(1)">'}
# Of each kind, in rows 20 m apart.
PLACES: dict[str, Callable[[int], dict[str, Any]]] = {
    "buildings": lambda n: {"floors": 6, "units": 1, "geometry": box(20 * n, 0, 18, 12)},
    "households": lambda n: {"floor": 1, "geometry": point(20 * n + 8, 6)},
    "parcels": lambda n: {
        "kind": "public_green",
        "title_basis": "owner_common",
        "rms_m": 0.05,
        "geometry": box(20 * n + 1, -8, 16, 7),
    },
    "observations": lambda n: {
        "structure_type": "fence",
        "observed_on": "2022-03-01",
        "rms_m": 0.05,
        "geometry": box(20 * n + 2, -7, 10, 5),
    },
    "sites": lambda n: {
        "kind": "landscaping",
        "state": "built",
        "built_on": "2022-05-01",
        "geometry": box(20 * n, 40, 10, 10),
    },
}
# A list of words and shares, not texts of their own.
LISTS = {"household_role": "adjoining", "household_share": "1"}


def rows_of(kind: str) -> list[dict[str, Any]]:
    """Return five rows of a kind, each with its payload in every text field."""
    fields = [one.name for one in KINDS[kind].fields if one.type in {Type.TEXT, Type.NOTE}]
    return [
        {name: LISTS.get(name, payload) for name in fields} | PLACES[kind](number)
        for number, payload in enumerate(PAYLOADS)
    ]


def renamed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{COLUMNS.get(name, name): value for name, value in row.items()} for row in rows]


def as_wkt(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**{name: value for name, value in row.items() if name != "geometry"},
         "WKT": f"SRID=4550;{row['geometry'].wkt}"}
        for row in rows
    ]  # fmt: skip


def write_gpkg(path: Path, rows: list[dict[str, Any]]) -> None:
    frame = geopandas.GeoDataFrame(rows, geometry="geometry", crs=4550)
    frame.to_file(path, driver="GPKG", layer=f"layer {PAYLOADS[4]}")


def write_geojson(path: Path, rows: list[dict[str, Any]]) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {name: value for name, value in row.items() if name != "geometry"},
            "geometry": in_degrees(row["geometry"]).__geo_interface__,
        }
        for row in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        table = csv.DictWriter(handle, list(as_wkt(rows)[0]))
        table.writeheader()
        table.writerows(as_wkt(rows))


def write_xlsx(path: Path, rows: list[dict[str, Any]]) -> None:
    book = openpyxl.Workbook()
    table = as_wkt(rows)
    for number, row in enumerate([{name: name for name in table[0]}, *table], start=1):
        for column, value in enumerate(row.values(), start=1):
            cell = book.worksheets[0].cell(number, column, value)
            if isinstance(value, str):
                cell.data_type = "s"  # Not a formula, but the text of one.
    book.save(path)


# Keeps the map of a written page for whoever looks on, as the page itself does not.
KEEP_MAP = """Object.defineProperty(window, "L", {
    get() { return this.leaflet_; },
    set(it) {
        this.leaflet_ = it;
        it.Map.addInitHook(function () { window.planMap = this; });
    },
});"""
WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], None]] = {
    "gpkg": write_gpkg,
    "geojson": write_geojson,
    "csv": write_csv,
    "xlsx": write_xlsx,
}


@dataclass(frozen=True)
class Delivered:
    """The compounds, one of each format, and what the commands wrote and said."""

    folder: Path
    said: dict[str, str]

    def code(self, form: str) -> str:
        return f"payload-{form}"


@pytest.fixture(scope="module")
def run(site: Site) -> Iterator[Callable[..., int]]:
    """Run a command on the site's database."""
    with pytest.MonkeyPatch.context() as patch:
        if site.settings.database_url is None:
            patch.setenv("COMMONGREEN_DATABASE", site.settings.database)
        else:
            patch.setenv("DATABASE_URL", site.settings.database_url)
        yield lambda *words: cli.main([str(word) for word in words])


@pytest.fixture(scope="module")
def delivered(run: Callable[..., int], tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    folder = tmp_path_factory.mktemp("payloads")
    outline = folder / "outline.gpkg"
    write_gpkg(outline, [{"name": PAYLOADS[4], "geometry": box(-50, -50, 250, 150)}])
    assert run("community", "add", "payload-town", "--kind", "town", "--name", SURVEYOR) == 0
    said = {}
    for form in FORMATS:
        code = f"payload-{form}"
        assert (
            run("community", "add", code, "--name", PAYLOADS[0], "--survey-crs", "EPSG:4550",
                "--within", "payload-town", "--boundary", outline) == 0
        )  # fmt: skip
        said[form] = _deliver(run, folder, code, form)
    return Delivered(folder, said)


def _deliver(run: Callable[..., int], folder: Path, code: str, form: str) -> str:
    """Import every kind in a format; return what the dry runs printed."""
    told = []
    for kind in KINDS:
        path = folder / f"{kind} =cmd {{{{1337*7331}}}} <img src=x onerror=alert(1)>.{form}"
        WRITERS[form](path, renamed(rows_of(kind)))
        names = {one.name for one in KINDS[kind].fields}
        mapped = [f"--field={ours}={theirs}" for ours, theirs in COLUMNS.items() if ours in names]
        given = ("import", kind, path, "--community", code, *mapped, "--surveyor", SURVEYOR,
                 *CRS.get(form, ()))  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            out = io.StringIO()
            patch.setattr("sys.stdout", out)
            assert run(*given, "--dry-run-map", folder / f"{form}-{kind}.html") == 0
        told.append(out.getvalue())
        covers = ("--covers", "community") if kind == "observations" else ()
        assert run(*given, *covers) == 0
        # The mapping is remembered with the source, and read again as text.
        again = ("import", kind, path, "--community", code, *CRS.get(form, ()))
        assert run(*again, *covers) == 0
    assert run("flag", "--community", code) == 0
    return "\n".join(told)


def literal(page: Page) -> str:
    """Return what a page says, after seeing that nothing in it was evaluated."""
    values = page.evaluate("[...document.querySelectorAll('input, option')].map(e => e.value)")
    assert PRODUCT not in page.content()
    assert page.locator("img[onerror], img[src=x], main img, #community-map img").count() == 0
    return "\n".join([page.locator("body").inner_text(), page.title(), *map(str, values)])


@pytest.mark.parametrize("form", FORMATS)
def test_a_dry_run_shows_text_as_text(
    browser: Browser, watch: Watch, delivered: Delivered, form: str
) -> None:
    assert PRODUCT not in delivered.said[form]
    for payload in PAYLOADS:
        assert payload in delivered.said[form]
    context = browser.new_context(viewport=DESK, offline=True)  # type: ignore[arg-type]
    for kind in KINDS:
        page = context.new_page()
        watch.over(page)
        page.add_init_script(KEEP_MAP)
        page.goto((delivered.folder / f"{form}-{kind}.html").as_uri())
        literal(page)
        # What is told of a feature, of one after another.
        for payload in PAYLOADS:
            told = page.evaluate(
                """text => {
                    const shown = [];
                    planMap.eachLayer(one => {
                        if (!one.getPopup?.()) return;
                        one.openPopup();
                        const told = one.getPopup().getElement()?.textContent || "";
                        if (told.includes(text)) shown.push(told);
                    });
                    return shown;
                }""",
                payload,
            )
            assert told, (kind, payload)
            literal(page)
        page.close()
    context.close()


@pytest.mark.parametrize("form", FORMATS)
def test_the_map_shows_text_as_text(open_page: OpenPage, delivered: Delivered, form: str) -> None:
    page = open_page(f"/map/{delivered.code(form)}?lang=en")
    said = literal(page)
    for payload in PAYLOADS:
        # As the name of a building to filter by, and in the panel of a parcel.
        assert payload in said
        page.evaluate(
            """ref => CommonGreen.layers.each("parcels", feature => {
                if (feature.properties.ref === ref) CommonGreen.layers.onPick(feature.properties);
            })""",
            payload,
        )
        page.wait_for_function(
            "ref => document.getElementById('cg-detail-title').textContent === `Parcel ${ref}`"
            " && document.querySelector('#cg-detail-body .cg-found')",
            arg=payload,
        )
        panel = page.locator("#cg-detail-body").inner_text()
        assert panel.count(payload) >= 3
        assert SURVEYOR in literal(page) or form in panel
    page.fill("#cg-query", PAYLOADS[3])
    page.wait_for_selector("#cg-results li[role=option]")
    assert PAYLOADS[3] in literal(page)


def test_a_written_map_shows_text_as_text(
    browser: Browser, watch: Watch, delivered: Delivered, run: Callable[..., int]
) -> None:
    target = delivered.folder / "map.html"
    assert run("map", "--community", delivered.code("xlsx"), target, "--lang", "en") == 0
    context = browser.new_context(viewport=DESK, offline=True)  # type: ignore[arg-type]
    page = context.new_page()
    watch.over(page)
    page.goto(target.as_uri())
    wait_for_map(page)
    for payload in (PAYLOADS[0], PAYLOADS[4]):
        assert payload in open_parcel(page, payload) + literal(page)
    context.close()


def test_region_and_surveyor_are_text_on_pages(open_page: OpenPage, delivered: Delivered) -> None:
    page = open_page("/map/payload-town?lang=en")
    assert SURVEYOR in literal(page)
    page.goto(page.url.split("/map/")[0] + "/places?lang=en&q=payload")
    assert PAYLOADS[0] in literal(page)


def test_what_is_stored_is_what_came(site: Site, delivered: Delivered) -> None:
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        for form in FORMATS:
            where = session.scalars(
                select(Community).where(Community.code == delivered.code(form))
            ).one()
            parcels = select(Parcel).where(Parcel.community_id == where.id)
            found = {one.ref: (one.title_evidence, one.source) for one in session.scalars(parcels)}
            assert found == {payload: (payload, payload) for payload in PAYLOADS}, form
            surveys = session.scalars(select(Survey).where(Survey.community_id == where.id))
            assert {one.surveyor for one in surveys} == {SURVEYOR}
    database.engine.dispose()


def test_no_spreadsheet_takes_an_export_for_a_formula(
    open_sheet: OpenSheet, delivered: Delivered, run: Callable[..., int]
) -> None:
    code = delivered.code("gpkg")
    for kind in KINDS:
        path = delivered.folder / f"out-{kind}.csv"
        assert run("export", kind, path, "--community", code) == 0
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        assert len(rows) == len(PAYLOADS)
        cells = [cell for row in rows for name, cell in row.items() if name != "WKT"]
        assert [cell for cell in cells if FORMULA.match(cell) and not cell.startswith("'")] == []
        assert {restore(row["ref"]) for row in rows} == set(PAYLOADS)
    page = open_sheet(f"/c/{code}/cases?lang=en", Role.SECRETARY)
    for payload in PAYLOADS:
        assert payload in literal(page)
    table = page.request.get(f"{page.url.split('/c/')[0]}/c/{code}/cases.csv?lang=en").text()
    for row in csv.reader(io.StringIO(table.removeprefix("\ufeff"))):
        assert [cell for cell in row if FORMULA.match(cell) and not cell.startswith("'")] == []
    book = page.request.get(f"{page.url.split('/c/')[0]}/c/{code}/cases.xlsx?lang=en").body()
    sheet = openpyxl.load_workbook(io.BytesIO(book)).worksheets[0]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    formulas = [one for one in cells if getattr(one, "data_type", "f") == "f"]
    assert formulas == []
    assert f"'{PAYLOADS[0]}" in {getattr(one, "value", None) for one in cells}


def _with_control(form: str, path: Path, control: str) -> None:
    """Write one parcel whose evidence holds a control character, as far as a format can."""
    row = {**rows_of("parcels")[4], "title_evidence": "a-b", "household": "", "building": ""}
    WRITERS[form](path, [row])
    if form == "gpkg":
        with sqlite3.connect(path) as base:
            (name,) = base.execute("SELECT table_name FROM gpkg_contents").fetchone()
            for (trigger,) in base.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                base.execute(f'DROP TRIGGER "{trigger}"')
            base.execute(f'UPDATE "{name}" SET title_evidence = ?', (f"a{control}b",))
        base.close()
    elif form == "xlsx":
        # No library writes it; XML forbids most of them.
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content.replace(b">a-b<", f">a{control}b<".encode()))
    else:
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("a-b", f"a{control}b" if form == "csv" else
                                     f"a\\u{ord(control):04x}b"), encoding="utf-8")  # fmt: skip


@pytest.mark.parametrize("control", ["\x00", "\x07", "\x1b", "\x7f"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_control_character_is_refused_with_its_place_and_stores_nothing(
    run: Callable[..., int],
    site: Site,
    delivered: Delivered,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    form: str,
    control: str,
) -> None:
    path = tmp_path / f"control.{form}"
    _with_control(form, path, control)
    capsys.readouterr()
    given = ("--community", delivered.code(form), "--links", "none", *CRS.get(form, ()))
    code = run("import", "parcels", path, *given)
    told = capsys.readouterr()
    assert code == 2, told.out
    assert control not in told.err + told.out
    if form == "xlsx" and control != "\x7f":
        assert "Save it again" in told.err
    else:
        assert "title_evidence" in told.err
        assert "row 1" in told.err
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        kept = session.scalars(
            select(Parcel.title_evidence)
            .join(Community, Community.id == Parcel.community_id)
            .where(Community.code == delivered.code(form))
        )
        assert set(kept) == set(PAYLOADS)
    database.engine.dispose()
