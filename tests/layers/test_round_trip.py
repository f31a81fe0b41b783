"""What is exported can be imported: the same place is unchanged, another becomes the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy.orm import Session

from layers.files.exporting import LAYERS, export, read_table
from layers.imports.intake import Reading, take_in
from layers.imports.plans import ImportOptions
from layers.models import Community
from layers.places import CommunityForm, add_community
from tests.layers.files import SRID, box, point, write

ENDINGS = [".gpkg", ".geojson", ".shp", ".shp.zip", ".fgb", ".parquet", ".csv"]
KINDS = ["buildings", "households", "parcels", "observations", "sites"]
OPTIONS = ImportOptions()

ROWS: dict[str, list[dict[str, Any]]] = {
    "buildings": [
        {"ref": "1", "name": "一号楼 =SUM(A1)", "floors": 6, "units": 2,
         "geometry": box(0, 0, 40, 12)},
        {"ref": "甲-2", "name": "", "geometry": shapely.MultiPolygon(
            [box(60, 0, 40, 12) - box(70, 3, 5, 5), box(60, 40, 40, 12)])},
    ],
    "households": [
        {"ref": "1-1-101", "building": "1", "unit": "1", "floor": 1, "room": "101",
         "ground_floor": True, "geometry": point(10, 6)},
        {"ref": "1-1-102", "building": "1", "unit": "1", "floor": 1, "room": "102",
         "ground_floor": True, "geometry": point(30, 6)},
        {"ref": "-1", "building": None, "floor": -1, "ground_floor": False, "geometry": None},
    ],
    "parcels": [
        {"ref": "绿-1", "kind": "public_green", "title_basis": "owner_common", "building": "1",
         "title_evidence": "=规划图, \"第 3 页\"\n附件", "title_disputed": True, "rms_m": 0.05,
         "source": "+竣工图", "household": "1-1-101;1-1-102", "household_role": "adjoining;user",
         "household_share": "0.5;0.25", "geometry": box(1, -6, 18, 5)},
        {"ref": "绿-2", "kind": "private_yard", "title_basis": "unknown", "building": None,
         "title_disputed": False, "rms_m": 0.075, "geometry": box(61, -6, 18, 5)},
    ],
    "observations": [
        {"ref": "@1", "purpose": "patrol", "structure_type": "glasshouse", "note": "二层\t棚",
         "occupier_ref": "1-1-102", "observed_on": "2022-03-05", "rms_m": 0.03,
         "geometry": box(2, -5, 4, 3)},
        {"ref": "o2", "purpose": "baseline_survey", "structure_type": "none", "note": "",
         "occupier_ref": None, "observed_on": "2022-12-31", "rms_m": 0.05,
         "geometry": box(12, -5, 4, 3)},
    ],
    "sites": [
        {"ref": "s1", "kind": "charging_pile", "state": "built", "built_on": "2022-09-01",
         "name": "一号桩", "heads": 15, "power_w": 13_500.5, "geometry": point(10, -12)},
        {"ref": "s2", "kind": "landscaping", "state": "planned", "name": "花园",
         "geometry": box(21, -6, 8, 5)},
    ],
}  # fmt: skip


@pytest.fixture
def community(session: Session, tmp_path: Path) -> Community:
    place = add_community(session, CommunityForm("one", "一", SRID))
    session.commit()
    for kind in KINDS:
        path = write(tmp_path / f"first_{kind}.gpkg", ROWS[kind])
        take_in(session, "one", kind, path, Reading(), OPTIONS)
    return place


def content(session: Session, community: Community, kind: str) -> pd.DataFrame:
    """Return what a layer holds, as export selects it."""
    table = read_table(session, LAYERS[kind].rows(community.id)).to_pandas()
    table["geom"] = shapely.from_wkb(table["geom"].to_numpy())
    return table


def files(
    session: Session, community: Community, kind: str, ending: str, folder: Path
) -> list[Any]:
    """Export a layer; return what to import: a path, and a layer of it or ``None``."""
    path = folder / f"{kind}{ending}"
    export(session, community, kind, path)
    if (kind, ending) == ("sites", ".shp.zip"):
        return [(path, "sites_points"), (path, "sites_polygons")]
    return [(path, None)]


# A .shp holds points or polygons, not sites: export says so.
@pytest.mark.parametrize(
    ("kind", "ending"),
    [(kind, end) for kind in KINDS for end in ENDINGS if (kind, end) != ("sites", ".shp")],
)
def test_the_same_place_is_unchanged(
    session: Session, community: Community, tmp_path: Path, kind: str, ending: str
) -> None:
    rows = 0
    for path, layer in files(session, community, kind, ending, tmp_path):
        done = take_in(session, "one", kind, path, Reading(layer=layer), OPTIONS)
        assert done.plan.table() == [
            {**line, "action": "unchanged", "changes": None} for line in done.plan.table()
        ]
        assert done.applied is not None
        assert done.applied.survey_id is None
        rows += len(done.plan.table())
    assert rows == len(ROWS[kind])


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".shp.zip", ".fgb", ".parquet", ".csv"])
def test_another_place_becomes_the_same(
    session: Session, community: Community, tmp_path: Path, ending: str
) -> None:
    other = add_community(session, CommunityForm("other", "二", SRID))
    session.commit()
    for kind in KINDS:
        for path, layer in files(session, community, kind, ending, tmp_path):
            take_in(session, "other", kind, path, Reading(layer=layer), OPTIONS)
    for kind in KINDS:
        before, after = content(session, community, kind), content(session, other, kind)
        geometry, copied = before.pop("geom"), after.pop("geom")
        pd.testing.assert_frame_equal(before, after, check_exact=False, rtol=1e-9)
        there = ~shapely.is_missing(geometry.to_numpy())
        assert (there == ~shapely.is_missing(copied.to_numpy())).all()
        apart = shapely.hausdorff_distance(geometry[there].to_numpy(), copied[there].to_numpy())
        assert np.max(apart, initial=0) < 1e-11
