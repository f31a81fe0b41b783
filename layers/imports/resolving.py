"""From the fields of a delivery to the columns of a table: references, and what follows.

Each function takes the converted fields of one kind (``layers.door.kinds``) and gives
:class:`layers.imports.plans.Prepared`. Only fields that the delivery has become values;
the others are defaults that new rows take.
"""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.crs import Geometries, SurveyCRS
from gis.problems import Problem
from layers.files.delivery import Notice
from layers.files.exporting import SEPARATOR
from layers.frames import frame, geometries, overlapping, wkb
from layers.imports.link_table import Links, ids_of, read_terms, unknown_ref
from layers.imports.plans import ImportOptions, Prepared
from layers.imports.relook import boxes
from layers.models import Building, Community, Household, Purpose


@dataclass(frozen=True)
class Fields:
    """The converted fields of a delivery, and where its features lie.

    ``table`` has a column per field, ``given`` are those that the file holds;
    ``stored`` is in EPSG:4326, ``metric`` in the survey CRS.
    """

    table: pd.DataFrame
    given: Collection[str]
    stored: Geometries
    metric: Geometries
    source: str

    def values(self, name: str) -> list[Any]:
        """Return a field of all rows."""
        found: list[Any] = self.table[name].tolist()
        return found

    def of(self, name: str) -> dict[str, list[Any]]:
        """Return a field by its name if the file holds it, else nothing."""
        return {name: self.values(name)} if name in self.given else {}


@dataclass(frozen=True)
class Context:
    """Where a delivery goes and what a person said of it."""

    session: Session
    community: Community
    options: ImportOptions


def prepare(context: Context, kind: str, fields: Fields) -> Prepared:
    """Resolve what the rows of a kind refer to and add what is computed."""
    made = Prepared(
        rows=[int(row) for row in fields.table.index],
        values={"ref": fields.values("ref")} | fields.of("id"),
        defaults={},
        stored=fields.stored,
        metric=fields.metric,
    )
    _PREPARERS[kind](context, fields, made)
    return made


def _buildings(context: Context, fields: Fields, made: Prepared) -> None:
    _take(fields, made, {"name": ""}, {"floors": None, "units": None})


def _households(context: Context, fields: Fields, made: Prepared) -> None:
    _take(fields, made, {"unit": "", "room": ""}, {"floor": None})
    made.values["ground_floor"] = fields.values("ground_floor")
    if "building" in fields.given:
        made.values["building_id"] = _buildings_named(context, fields, made, by_place=True)
    else:
        made.defaults["building_id"] = _building_at(context, fields, made, list(made.rows))


def _parcels(context: Context, fields: Fields, made: Prepared) -> None:
    _take(
        fields,
        made,
        {"title_evidence": "", "source": fields.source},
        {"kind": None, "title_basis": None, "title_disputed": None},
    )
    _take_rms(context, fields, made)
    made.defaults["area_m2"] = shapely.area(fields.metric).tolist()
    if "building" in fields.given:
        made.values["building_id"] = _buildings_named(context, fields, made, by_place=False)
    else:
        made.defaults["building_id"] = [None] * len(made.rows)
    if "household" in fields.given:
        made.links = _links(context, fields, made)


def _observations(context: Context, fields: Fields, made: Prepared) -> None:
    _take(fields, made, {"note": ""}, {"structure_type": None})
    made.values["observed_on"] = fields.values("observed_on")
    purpose = context.options.purpose or Purpose.BASELINE_SURVEY
    if "purpose" in fields.given:
        given = fields.values("purpose")
        made.values["purpose"] = [value or purpose for value in given]
    else:
        made.defaults["purpose"] = [purpose] * len(made.rows)
    _take_rms(context, fields, made)
    made.defaults["area_m2"] = shapely.area(fields.metric).tolist()
    if "occupier_ref" in fields.given:
        made.values["occupier_id"] = _occupiers(context, fields, made)
    else:
        made.defaults["occupier_id"] = [None] * len(made.rows)


def _sites(context: Context, fields: Fields, made: Prepared) -> None:
    unset = {"kind": None, "state": None, "built_on": None, "heads": None, "power_w": None}
    _take(fields, made, {"name": ""}, unset)
    made.defaults["area_m2"] = shapely.area(fields.metric).tolist()


_PREPARERS: dict[str, Callable[[Context, Fields, Prepared], None]] = {
    "buildings": _buildings,
    "households": _households,
    "parcels": _parcels,
    "observations": _observations,
    "sites": _sites,
}


def _take(fields: Fields, made: Prepared, texts: dict[str, str], others: dict[str, Any]) -> None:
    """Take fields as they are; ``texts`` are never NULL, and have what stands for nothing."""
    for name, empty in texts.items():
        filled = [empty if value is None else value for value in fields.values(name)]
        (made.values if name in fields.given else made.defaults)[name] = filled
    for name in others:
        (made.values if name in fields.given else made.defaults)[name] = fields.values(name)


def _take_rms(context: Context, fields: Fields, made: Prepared) -> None:
    """Take the RMS of each row: the file's, the person's, else the policy's, and say so."""
    options = context.options
    assumed = options.policy.rms_m if options.rms_m is None else options.rms_m
    given = fields.values("rms_m")
    filled = [assumed if value is None else value for value in given]
    named = "rms_m" in fields.given or options.rms_m is not None
    (made.values if named else made.defaults)["rms_m"] = filled
    lacking = [row for row, value in zip(made.rows, given, strict=True) if value is None]
    if lacking and options.rms_m is None:
        text = f"No RMS is given: {assumed:g} m is assumed, as for boundary points of class 1."
        rows = () if len(lacking) == len(given) else tuple(lacking)
        made.notices.append(Notice("rms_assumed", text, rows))


def _buildings_named(
    context: Context, fields: Fields, made: Prepared, *, by_place: bool
) -> list[uuid.UUID | None]:
    """Return the buildings that the rows name; an unknown one is a problem, or nobody's."""
    refs = fields.values("building")
    known = ids_of(context.session, Building, context.community.id, refs)
    lost = [row for row, ref in zip(made.rows, refs, strict=True) if ref and ref not in known]
    if not context.options.unknown_buildings_allowed:
        named = dict(zip(made.rows, refs, strict=True))
        made.problems += [unknown_ref("building", named[row], row) for row in lost]
        return [known.get(ref) for ref in refs]
    if lost:
        text = f"{len(lost)} rows name a building that is not there."
        made.notices.append(Notice("building_unknown", text, tuple(lost)))
    none: list[uuid.UUID | None] = [None] * len(refs)
    placed = _building_at(context, fields, made, lost) if by_place and lost else none
    return [known.get(ref, there) for ref, there in zip(refs, placed, strict=True)]


def _occupiers(context: Context, fields: Fields, made: Prepared) -> list[uuid.UUID | None]:
    """Return the households that the rows name, a problem for each unknown one."""
    refs = fields.values("occupier_ref")
    known = ids_of(context.session, Household, context.community.id, refs)
    made.problems += [
        unknown_ref("household", ref, row, "occupier_ref")
        for row, ref in zip(made.rows, refs, strict=True)
        if ref is not None and ref not in known
    ]
    return [known.get(ref) for ref in refs]


def _building_at(
    context: Context, fields: Fields, made: Prepared, rows: list[int]
) -> list[uuid.UUID | None]:
    """Return the building that the points of ``rows`` lie in, or clearly beside."""
    found: list[uuid.UUID | None] = [None] * len(made.rows)
    asked = np.isin(made.rows, rows)
    placed = np.flatnonzero(~shapely.is_missing(fields.stored) & asked)
    buildings = _near(context, fields.stored[placed])
    if len(placed) and not buildings.empty:
        survey = SurveyCRS(context.community.survey_srid)
        footprints = survey.to_survey(geometries(buildings))
        reach = context.options.policy.building_reach_m
        for at, building in _nearest_only(fields.metric[placed], footprints, reach):
            found[placed[at]] = buildings["id"][building]
    wanted = set(rows)
    without = tuple(
        row for row, key in zip(made.rows, found, strict=True) if key is None and row in wanted
    )
    text = f"No building is named: {len(rows) - len(without)} found theirs by place"
    text += f", {len(without)} have none." if without else "."
    made.notices.append(Notice("building_by_place", text, without))
    return found


def _nearest_only(
    points: Geometries, footprints: Geometries, reach_m: float
) -> list[tuple[int, int]]:
    """Return each point's building where only one is within reach, or only one holds it."""
    tree = shapely.STRtree(footprints)
    point_at, building_at = tree.query(points, predicate="dwithin", distance=reach_m)
    inside = shapely.covers(footprints[building_at], points[point_at])
    pairs: list[tuple[int, int]] = []
    for at in np.unique(point_at):
        own = point_at == at
        chosen = building_at[own & inside] if (own & inside).any() else building_at[own]
        if len(chosen) == 1:
            pairs.append((int(at), int(chosen[0])))
    return pairs


def _near(context: Context, points: Geometries) -> pd.DataFrame:
    """Return the buildings of the community within reach of the points."""
    query = select(Building.id, wkb(Building.geom)).where(
        Building.community_id == context.community.id
    )
    if not len(points):
        return frame(context.session, query.where(Building.id.is_(None)))
    extent = np.array([shapely.box(*shapely.total_bounds(points))], dtype=object)
    around = boxes(extent, context.options.policy.building_reach_m)
    return frame(context.session, overlapping(query, Building.geom, around))


def _links(context: Context, fields: Fields, made: Prepared) -> list[Links]:
    """Read the households of each parcel: refs, roles and shares, each separated by ``;``."""
    texts = fields.values("household")
    refs = {ref for text in texts for ref in _parts(text)}
    known = ids_of(context.session, Household, context.community.id, refs)
    roles, shares = fields.values("household_role"), fields.values("household_share")
    found = []
    for row, text, role, share in zip(made.rows, texts, roles, shares, strict=True):
        names = _parts(text)
        links: Links = {}
        for name, *terms in zip(
            names, _spread(role, names, row, made), _spread(share, names, row, made), strict=True
        ):
            if name not in known:
                made.problems.append(unknown_ref("household", name, row))
            elif accepted := read_terms(terms[0], terms[1], row, made.problems):
                links[known[name]] = accepted
        found.append(links)
    return found


def _parts(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(SEPARATOR) if part.strip()]


def _spread(text: str | None, names: Sequence[str], row: int, made: Prepared) -> list[str | None]:
    """Return one value per household: those listed, or one for all, or none."""
    values: list[str | None] = [*_parts(text)]
    if len(values) in (0, 1):
        return (values or [None]) * len(names)
    if len(values) != len(names):
        text = f"{len(names)} households have {len(values)} roles or shares."
        remedy = f"Write as many, separated by {SEPARATOR}, or one for all."
        made.problems.append(Problem("link_terms", text, remedy, row, "household"))
    return (values + [None] * len(names))[: len(names)]
