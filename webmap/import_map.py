"""What an import would do, as one HTML file that opens with no server and no network.

The texts of a delivery reach the page as JSON that no template reads, and its
script writes them as text (SAFETY, finding 1).
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj.exceptions import ProjError
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.crs import STORAGE_SRID, Geometries, project
from gis.problems import InputError, Problem, Said
from layers.files.delivery import Delivery
from layers.frames import frame, geometries, overlapping, wkb
from layers.imports.matching import Action
from layers.imports.plans import Plan
from layers.models import Building, Community, Parcel
from webmap.standalone import block, policy, script, style, template, write_page

HERE = Path(__file__).parent
LEAFLET = HERE / "static/vendor/leaflet/dist"
OWN = HERE / "static/import"
# Degrees to 8 decimals: a millimetre.
DECIMALS = 1e-8
REFUSED, ACCEPTED = "refused", "no fault"

Feature = dict[str, Any]


def write_plan_map(session: Session, plan: Plan, path: Path) -> None:
    """Write a map of what ``plan`` would do: each row by its action, changed ground before it."""
    stored = plan.matches.stored["geom"].to_numpy(dtype=object)
    features = []
    for at, line in enumerate(plan.table()):
        before = stored[int(plan.matches.positions[at])] if line["action"] != Action.NEW else None
        moved = before is not None and "geometry" in (line["changes"] or "")
        features.append(
            _feature(line["row"], line["ref"], line["action"], line["changes"] or "",
                     plan.prepared.stored[at], before if moved else None)
        )  # fmt: skip
    title = f"{plan.provenance.file_name} → {plan.community.name}"
    _write(path, title, features, _around(session, plan.community, plan.prepared.stored))


def write_refused_map(
    session: Session,
    community: Community,
    delivery: Delivery,
    problems: Sequence[Problem],
    path: Path,
) -> None:
    """Write a map of a delivery that is refused: the rows with faults, and what they are.

    Raises ``InputError`` where the delivery cannot be drawn, for lack of a CRS.
    """
    if delivery.crs is None:
        text = "Without a CRS the file cannot be drawn."
        raise InputError([*problems, Problem("map_without_crs", text, "Name it with --crs.")])
    given = np.asarray(delivery.frame.geometry.to_numpy(), dtype=object)
    try:
        stored = project(given, delivery.crs, STORAGE_SRID)
    except (InputError, ProjError) as error:
        text = Said("The file cannot be drawn: {listed}", listed=" ".join(str(error).split()))
        raise InputError([*problems, Problem("map_impossible", text, "")]) from error
    said: dict[int | None, list[str]] = {}
    for problem in problems:
        said.setdefault(problem.row, []).append(f"{problem.message} {problem.remedy}")
    refs = delivery.frame.get("ref", [None] * len(stored))
    features = [
        _feature(row, ref, REFUSED if row in said else ACCEPTED, " ".join(said.get(row, [])), at)
        for row, ref, at in zip(delivery.frame.index, refs, stored, strict=True)
    ]
    title = f"{delivery.file_name} → {community.name}: refused"
    notes = [text for texts in (said.get(None, []),) for text in texts]
    _write(path, title, features, _around(session, community, stored), notes)


def _feature(
    row: int, ref: str | None, action: str, text: str, geometry: Any, before: Any = None
) -> Feature:
    return {
        "row": int(row),
        "ref": None if ref is None else str(ref),
        "action": str(action),
        "text": text,
        "geometry": _json(geometry),
        "before": _json(before),
    }


def _json(geometry: Any) -> Any:
    if geometry is None or shapely.is_empty(geometry):
        return None
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        return None
    # Rounded number by number: a grid would refuse the broken ones that are to be shown.
    rounded = shapely.transform(geometry, lambda xy: np.round(xy / DECIMALS) * DECIMALS)
    return json.loads(shapely.to_geojson(rounded))


def _around(session: Session, community: Community, stored: Geometries) -> list[Any]:
    """Return what is stored where the delivery lies: outlines of buildings and parcels."""
    drawn = stored[~shapely.is_missing(stored) & ~shapely.is_empty(stored)]
    if not len(drawn):
        return []
    extent = [shapely.box(*shapely.total_bounds(drawn))]
    found = []
    for model in (Parcel, Building):
        query = select(wkb(model.geom)).where(model.community_id == community.id)
        shapes = geometries(frame(session, overlapping(query, model.geom, extent)))
        found += [_json(shape) for shape in shapes]
    return found


def _write(
    path: Path,
    title: str,
    features: list[Feature],
    around: list[Any],
    notes: Iterable[str] = (),
) -> None:
    """Write the page whole or not at all."""
    scripts = [script(LEAFLET / "leaflet.js"), script(OWN / "map.js")]
    data = {"title": title, "features": features, "around": around, "notes": list(notes)}
    page = template("import_map.html").render(
        policy=policy(scripts),
        styles=[style(LEAFLET / "leaflet.css"), style(OWN / "map.css")],
        scripts=scripts,
        data=block(data),
    )
    write_page(path, page)
