"""What an import would do, as one HTML file that opens with no server and no network.

The texts of a delivery reach the page as JSON that no template reads, and its
script writes them as text (SAFETY, finding 1).
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pyproj.exceptions import ProjError
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.crs import STORAGE_SRID, Geometries, project
from gis.problems import InputError, Problem
from layers.files.delivery import Delivery
from layers.frames import frame, geometries, overlapping, wkb
from layers.imports.matching import Action
from layers.imports.plans import Plan
from layers.models import Building, Community, Parcel

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
        text = f"The file cannot be drawn: {' '.join(str(error).split())}"
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
    scripts = [_script(LEAFLET / "leaflet.js"), _script(OWN / "map.js")]
    data = {"title": title, "features": features, "around": around, "notes": list(notes)}
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("import_map.html").render(
        policy=_policy(scripts),
        styles=[_style(LEAFLET / "leaflet.css"), _style(OWN / "map.css")],
        scripts=scripts,
        data=_block(data),
    )
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _block(value: Any) -> str:
    """Return JSON that can stand in a script element, whatever its texts hold."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _script(path: Path) -> str:
    """Return a script that never ends the element that it stands in."""
    text = re.sub(r"^//# sourceMappingURL=.*$", "", path.read_text(encoding="utf-8"), flags=re.M)
    return text.replace("</script", r"<\/script").replace("<!--", r"\x3c!--")


def _style(path: Path) -> str:
    """Return a style sheet without its images: no marker and no control here has one."""
    return re.sub(r"url\([^)]*\)", "none", path.read_text(encoding="utf-8"))


def _policy(scripts: Sequence[str]) -> str:
    """Return the policy: these scripts by their hashes, and no connection to anywhere."""
    hashes = [hashlib.sha256(script.encode("utf-8")).digest() for script in scripts]
    allowed = " ".join(f"'sha256-{base64.b64encode(one).decode('ascii')}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline';"
        " base-uri 'none'; form-action 'none'"
    )
