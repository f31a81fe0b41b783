"""Hostile text in every text field of every kind of import, from the file to the page.

The texts go in by the commands that people type, and must stand literally wherever a
person meets them; nothing of them may be evaluated, by a template or by a browser.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import pytest
from playwright.sync_api import Browser, Page, expect

from layers.door.kinds import KINDS, Type
from layers.files.exporting import LAYERS
from tests.layers.files import box, point, write
from tests.webmap.browser.conftest import DESK, OpenPage, Site, Watch, wait_for_map
from tests.webmap.browser.pages import open_parcel
from webmap import cli

# Short enough for every field; the product would be 9,801,547.
TEXT = "{{1337*7331}}</script>${alert(1)}<b>"
PRODUCT = "9801547"
CODE = "hostile-files"
# Refs and what refers to them.
KEYS = {
    "buildings": {"ref": f"1{TEXT}"},
    "households": {"ref": f"1-1-1{TEXT}", "building": f"1{TEXT}"},
    "parcels": {"ref": f"G{TEXT}", "building": f"1{TEXT}", "household": f"1-1-1{TEXT}"},
    "observations": {"ref": f"O{TEXT}", "occupier_ref": f"1-1-1{TEXT}"},
    "sites": {"ref": f"L{TEXT}"},
}
# A list of words and shares, not texts of their own.
LISTS = {"household_role": "adjoining", "household_share": "1"}
PLACES: dict[str, dict[str, Any]] = {
    "buildings": {"floors": 6, "units": 1, "geometry": box(0, 0, 40, 12)},
    "households": {"floor": 1, "geometry": point(10, 6)},
    "parcels": {
        "kind": "public_green",
        "title_basis": "owner_common",
        "rms_m": 0.05,
        "geometry": box(1, -8, 18, 7),
    },
    "observations": {
        "structure_type": "fence",
        "observed_on": "2022-03-01",
        "rms_m": 0.05,
        "geometry": box(2, -7, 10, 5),
    },
    "sites": {
        "kind": "landscaping",
        "state": "built",
        "built_on": "2022-05-01",
        "geometry": box(50, 0, 10, 10),
    },
}
# Where a person meets each text on the map of the compound; the rest is in exports alone.
SHOWN = {
    "panel": {
        ("parcels", "ref"),
        ("parcels", "title_evidence"),
        ("parcels", "building"),
        ("parcels", "household"),
        ("households", "ref"),
        ("observations", "ref"),
        ("observations", "occupier_ref"),
    },
    "search": {("buildings", "ref"), ("buildings", "name"), ("households", "ref")},
    "filter": {("buildings", "ref"), ("households", "building")},
    "site": {("sites", "ref")},
    "exports alone": {
        ("households", "unit"),
        ("households", "room"),
        ("parcels", "source"),
        ("observations", "note"),
        ("sites", "name"),
    },
}


def texts(kind: str) -> dict[str, str]:
    """Return every text field of a kind with a hostile value that names the field."""
    fields = [one for one in KINDS[kind].fields if one.type in {Type.TEXT, Type.NOTE}]
    return {
        one.name: KEYS[kind].get(one.name) or LISTS.get(one.name) or f"{one.name[:12]} {TEXT}"
        for one in fields
    }


@dataclass(frozen=True)
class Delivered:
    """The compound, the folder of its files."""

    folder: Path


@pytest.fixture(scope="module")
def run(site: Site) -> Iterator[Any]:
    """Run a command on the site's database."""
    with pytest.MonkeyPatch.context() as patch:
        if site.settings.database_url is None:
            patch.setenv("COMMONGREEN_DATABASE", site.settings.database)
        else:
            patch.setenv("DATABASE_URL", site.settings.database_url)
        yield lambda *words: cli.main([str(word) for word in words])


@pytest.fixture(scope="module")
def delivered(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    folder = tmp_path_factory.mktemp("hostile")
    outline = write(folder / "outline.gpkg", [{"name": TEXT, "geometry": box(-50, -50, 200, 150)}])
    assert (
        run("community", "add", CODE, "--name", f"Name {TEXT}", "--survey-crs", "EPSG:4550",
            "--boundary", outline) == 0
    )  # fmt: skip
    for kind in KINDS:
        # The name of a file and of its layer are texts of a stranger too.
        path = write(folder / f"{kind} {{{{1337*7331}}}}.gpkg", [{**texts(kind), **PLACES[kind]}])
        if kind == "observations":
            assert run("import", kind, path, "--community", CODE, "--dry-run-map",
                       folder / "dry.html") == 0  # fmt: skip
        covers = ("--covers", "community") if kind == "observations" else ()
        assert run("import", kind, path, "--community", CODE, *covers) == 0
    assert run("flag", "--community", CODE) == 0
    assert run("map", "--community", CODE, folder / "map.html", "--lang", "en") == 0
    return Delivered(folder)


def test_every_text_field_has_its_place() -> None:
    """A new text field of an import must be shown somewhere, or said to be in exports alone."""
    every = {(kind, name) for kind in KINDS for name in texts(kind) if name not in LISTS}
    assert every == set().union(*SHOWN.values())


def literal(page: Page) -> str:
    """Return what a page says, after seeing that nothing in it was evaluated."""
    said = page.locator("body").inner_text()
    values = page.evaluate("[...document.querySelectorAll('input, option')].map(e => e.value)")
    everything = "\n".join([said, page.title(), *map(str, values)])
    assert PRODUCT not in page.content()
    assert page.locator("main b, #community-map b").count() == 0
    return everything


def test_the_map_shows_each_text_as_it_is(
    open_page: OpenPage, delivered: Delivered, run: Any
) -> None:
    page = open_page(f"/map/{CODE}?lang=en")
    said = {"filter": literal(page)}
    open_parcel(page, KEYS["parcels"]["ref"])
    said["panel"] = literal(page)
    page.fill("#cg-query", "{{1337")
    page.wait_for_selector("#cg-results li[role=option]")
    said["search"] = literal(page)
    page.keyboard.press("Escape")
    page.evaluate(
        "ref => CommonGreen.layers.onPick({ kind: 'landscaping', state: 'built', ref })",
        KEYS["sites"]["ref"],
    )
    said["site"] = literal(page)
    for surface, fields in SHOWN.items():
        for kind, name in fields if surface in said else ():
            assert texts(kind)[name] in said[surface], (surface, kind, name)
    page.goto(page.url.split("/map/")[0] + "/places?lang=en")
    assert f"Name {TEXT}" in literal(page)


@pytest.mark.parametrize("name", ["map.html", "dry.html"])
def test_a_written_map_shows_them_offline(
    browser: Browser, watch: Watch, delivered: Delivered, name: str
) -> None:
    context = browser.new_context(viewport=DESK, offline=True)  # type: ignore[arg-type]
    page = context.new_page()
    watch.over(page)
    page.goto((delivered.folder / name).as_uri())
    if name == "map.html":
        wait_for_map(page)
        assert KEYS["parcels"]["ref"] in open_parcel(page, KEYS["parcels"]["ref"]) + literal(page)
    else:
        expect(page.locator("body")).to_contain_text("{{1337*7331}}")
    literal(page)
    context.close()


def test_what_is_exported_is_what_came_in(
    delivered: Delivered, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in KINDS:
        assert kind in LAYERS
        path = delivered.folder / f"out-{kind}.gpkg"
        assert run("export", kind, path, "--community", CODE) == 0
        (row,) = geopandas.read_file(path).to_dict("records")
        wanted = {name: text for name, text in texts(kind).items() if name not in LISTS}
        assert {name: row[name] for name in wanted} == wanted
    for command in (("case", "list", "--community", CODE), ("community", "list")):
        assert run(*command) == 0
    printed = capsys.readouterr().out
    assert PRODUCT not in printed
    assert re.search(re.escape(KEYS["households"]["ref"]), printed)
