"""What becomes of every bad file: one row per attempt, as a table that a person can read.

``python -m tests.layers.golden.outcomes`` writes the table again; look at the
difference before keeping it.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from gis.problems import InputError
from layers.config import PROJECT_ROOT
from layers.door.gates import Place, check
from layers.door.whereabouts import to_storage
from layers.files.delivery import Delivery
from layers.files.reading import read

GOLDEN = Path(__file__).with_name("bad_inputs.tsv")
HEAD = ("file", "layer", "options", "kind", "survey CRS", "outcome", "codes", "first message")
FOLDERS = (
    "C_bad_inputs",
    "C_crs_encoding",
    "A_parcels/nl_raw_sample",
    "A_parcels/es_catastro",
    "A_china_osm/nantong",
    "B_charging",
)

_PARTS = frozenset({".shx", ".dbf", ".prj", ".cpg"})
_FIELDS: Mapping[str, dict[str, str]] = {
    "buildings": {"ref": "#"},
    "households": {"ref": "#", "ground_floor": "=true"},
    "parcels": {"ref": "#", "kind": "=public_green", "building": ""},
    "observations": {"ref": "#", "observed_on": "=2022-03-01"},
    "sites": {"ref": "#", "kind": "=charging_pile"},
}
_KINDS = {0: "sites", 1: "observations", 2: "parcels"}
_OPTIONS: Mapping[str, tuple[dict[str, Any], ...]] = {
    "_nocpg.shp": ({"encoding": "GBK"}, {"encoding": "GBK", "crs": 4549}, {"encoding": "UTF-8"}),
    "buildings_gbk.shp": ({"crs": 4550},),
    "latin1-property.shp": ({"encoding": "windows-1252"},),
    "closed_polyline_with_bulge.dxf": ({"crs": 4528}, {"crs": 4550}),
    "bgt_pand-s.gml": ({"crs": 28992},),
    ".csv": ({"crs": 4326},),
    "null_crs_gdal.gpkg": ({"crs": 4326},),
}


@dataclass(frozen=True)
class Attempt:
    """One try at a file."""

    path: Path
    options: dict[str, Any] = field(default_factory=dict)

    def run(self, data: Path) -> tuple[str, ...]:
        """Return the row of the table; anything but an ``InputError`` is a failure."""
        kind, place = "", None
        try:
            delivery = read(self.path, **self.options)
            kind = _kind_of(delivery, self.path)
            delivery = read(self.path, fields=_FIELDS[kind], **self.options)
            place = _place_of(delivery, self.path, data)
            checked = check(delivery, place, kind)
        except InputError as error:
            codes = dict.fromkeys(problem.code for problem in error.problems)
            outcome, said = "refused", str(error.problems[0])
        else:
            codes = dict.fromkeys(notice.code for notice in checked.notices)
            outcome, said = "accepted", f"{len(checked.frame)} features."
        survey = f"EPSG:{place.survey_srid}" if place else ""
        return (
            self.path.relative_to(data).as_posix(),
            str(self.options.get("layer", "")),
            _shown(self.options),
            kind,
            survey,
            outcome,
            ", ".join(codes),
            " ".join(said.split()),
        )


def table(data: Path) -> list[str]:
    """Return the lines of the table for the files under ``data``."""
    lines = ["\t".join(HEAD)]
    for folder in FOLDERS:
        for path in sorted((data / folder).rglob("*")):
            if path.is_file() and not _belongs_to_another(path):
                lines += ["\t".join(attempt.run(data)) for attempt in _attempts(path)]
    return lines


def _attempts(path: Path) -> Iterator[Attempt]:
    """Give the file as it is, each of its layers, and what a person would try next."""
    yield Attempt(path)
    for layer in _layers(path):
        yield Attempt(path, {"layer": layer})
    for ending, options in _OPTIONS.items():
        if path.name.endswith(ending):
            for option in options:
                yield Attempt(path, option)


def _layers(path: Path) -> list[str]:
    try:
        read(path)
    except InputError as error:
        problem = error.problems[0]
        if problem.code == "layer_not_chosen":
            return problem.message.split(" layers: ")[1].rstrip(".").split(", ")
    return []


def _belongs_to_another(path: Path) -> bool:
    return path.suffix in _PARTS and path.with_suffix(".shp").exists()


def _kind_of(delivery: Delivery, path: Path) -> str:
    """Choose the kind that most of the geometries are of; footprints are buildings."""
    if "building" in path.name or "pand" in path.name or delivery.layer == "buildings":
        return "buildings"
    sizes = shapely.get_dimensions(delivery.frame.geometry.to_numpy())
    sizes = sizes[sizes >= 0]
    return _KINDS[max(set(sizes.tolist()), key=sizes.tolist().count)] if len(sizes) else "parcels"


def _place_of(delivery: Delivery, path: Path, data: Path) -> Place:
    """Choose the community: the real one, else one without boundary in the layer's own zone."""
    if path.parent.name == "derived_gbk_cgcs2000":
        return _shanghai(data)
    if path.name.startswith("weihai"):
        return Place("weihai", "Weihai", 4550, shapely.box(122.09, 37.39, 122.11, 37.41))
    if path.suffix == ".dxf":
        return Place("kunshan", "Kunshan", 4549, shapely.box(120.885, 31.02, 120.9, 31.03))
    if path.suffix == ".gml":
        return Place("aalsmeer", "Aalsmeer", 28992)
    bounds = delivery.frame.total_bounds
    if delivery.crs is None or not (np.abs(bounds) < 1e8).all():
        return Place("weihai", "Weihai", 4550)
    middle = shapely.points([(bounds[0] + bounds[2]) / 2], [(bounds[1] + bounds[3]) / 2])
    (place,) = to_storage(middle, delivery.crs)
    zone = int((place.x + 180) // 6) % 60 + 1
    return Place("there", "There", (32600 if place.y >= 0 else 32700) + zone)


@functools.cache
def _shanghai(data: Path) -> Place:
    source = data / "A_china_osm/shanghai_university/shanghai_university_2021_09_17.gpkg"
    standing = shapely.union_all(read(source, layer="buildings").frame.geometry.to_numpy())
    compounds = read(source, layer="compounds").frame.geometry.to_numpy()
    ground = shapely.buffer(shapely.convex_hull(shapely.union_all([standing, *compounds])), 1e-4)
    return Place("shu", "上海大学", 4549, ground, standing)


def _shown(options: dict[str, Any]) -> str:
    shown = [f"--{name} {value}" for name, value in options.items() if name != "layer"]
    return " ".join(shown).replace("--crs ", "--crs EPSG:")


if __name__ == "__main__":
    lines = table(PROJECT_ROOT.parent / "shared" / "data")
    GOLDEN.write_text("\n".join(lines) + "\n", encoding="utf-8")
