"""What a checked delivery would do to a community, planned before anything is written."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.problems import InputError, Problem
from layers.bulk import among
from layers.door.admission import Checked, Place
from layers.files.delivery import Delivery, Notice
from layers.frames import frame, wkb
from layers.imports.duplicates import duplicate_problems
from layers.imports.link_table import stored_links
from layers.imports.linking import LINKED_KINDS, propose
from layers.imports.looked import Seen, looked_at, new_days
from layers.imports.matching import Action, Matches, match, read_stored
from layers.imports.parcel_checks import (
    overlap_problems,
    protected_problems,
    stated_areas,
    title_problems,
)
from layers.imports.plans import ImportOptions, LinkChoice, Plan, Prepared, Provenance
from layers.imports.resolving import Context, Fields, prepare
from layers.models import (
    Base,
    Building,
    Community,
    Household,
    Observation,
    ObservationStatus,
    Parcel,
    ParcelHousehold,
    Purpose,
    Site,
)
from layers.titles import RESTS_ON

MODELS: Mapping[str, type[Base]] = {
    "buildings": Building,
    "households": Household,
    "parcels": Parcel,
    "observations": Observation,
    "sites": Site,
}

COPIED = ("purpose", "structure_type", "occupier_id", "observed_on", "rms_m", "note", "status")
"""What the correction of an observation keeps of it where the file says nothing."""

ALSO_READ = {
    "observations": (*COPIED, "entered"),
    "parcels": ("kind", "building_id", "title_basis", *RESTS_ON),
}
"""What is read of stored rows though the file may say nothing of it."""

Protect = Callable[[Session, int, Sequence[uuid.UUID]], Mapping[uuid.UUID, str]]
"""Says of which parcels the ground may not change, and why."""


def place_of(session: Session, community: Community) -> Place:
    """Return what the gates know of a community: its boundary and its buildings."""
    boundary = None
    if community.boundary is not None:
        boundary = shapely.from_wkb(bytes(community.boundary.data))
    footprints = frame(
        session, select(wkb(Building.geom)).where(Building.community_id == community.id)
    )
    reference = shapely.union_all(footprints["geom"].to_numpy()) if len(footprints) else None
    return Place(community.code, community.name, community.survey_srid, boundary, reference)


def plan(
    session: Session,
    community: Community,
    kind: str,
    delivery: Delivery,
    checked: Checked,
    options: ImportOptions,
    protect: Protect | None = None,
) -> Plan:
    """Return what importing a delivery would change; nothing is written.

    Raises ``InputError`` with everything that is refused: references to what is
    not there, parcels that lie on others, ground that may not change.
    """
    context = Context(session, community, options)
    fields = Fields(
        table=checked.frame.drop(columns="geometry"),
        given=checked.given,
        stored=np.asarray(checked.frame.geometry.to_numpy(), dtype=object),
        metric=checked.survey,
        source=delivery.file_name,
    )
    prepared = prepare(context, kind, fields)
    made = Plan(
        community=community,
        kind=kind,
        provenance=provenance_of(delivery, checked),
        prepared=prepared,
        matches=_matches(context, kind, prepared),
        surveyed_on=_surveyed_on(options, prepared),
        purpose=_purpose(kind, options, prepared),
        surveyor=options.surveyor,
        notices=[*checked.notices, *prepared.notices],
    )
    problems = [*prepared.problems, *made.matches.problems, *_duplicates(context, made)]
    if kind == "parcels":
        made, found = _plan_parcels(context, made, protect)
        problems += found
        stated = stated_areas(delivery.frame, prepared, options.stated_area, options.policy)
        made.notices.extend(stated)
    elif kind == "observations":
        made, found = _plan_observations(context, made)
        problems += found
    if problems:
        raise InputError(sorted(problems, key=lambda one: one.row or 0))
    return made


def provenance_of(delivery: Delivery, checked: Checked) -> Provenance:
    """Return where a delivery comes from, as its survey keeps it."""
    return Provenance(
        file_name=delivery.file_name,
        sha256=delivery.sha256,
        layer=delivery.layer,
        crs=checked.crs,
        transform=checked.transform,
        features=len(delivery.frame),
        mapping=delivery.fields,
    )


def _matches(context: Context, kind: str, prepared: Prepared) -> Matches:
    """Compare the delivery with what is stored under the same ids and refs."""
    model = MODELS[kind]
    columns = [name for name in prepared.values if name not in ("id", "ref")]
    columns = list(dict.fromkeys([*columns, *ALSO_READ.get(kind, ())]))
    ids = [key for key in prepared.values.get("id", []) if key is not None]
    stored = read_stored(context.session, context.community.id, model, columns, prepared.refs, ids)
    return match(prepared.rows, prepared.values, prepared.stored, stored)


def _duplicates(context: Context, made: Plan) -> list[Problem]:
    """Return what is stored already under another ref; of parcels the overlap tells."""
    new = made.positions(Action.NEW)
    if made.kind in ("households", "parcels") or not new:
        return []
    return duplicate_problems(
        context.session,
        context.community.id,
        MODELS[made.kind],
        [made.prepared.rows[at] for at in new],
        made.prepared.stored[new],
        set(made.matches.stored["id"]),
    )


def _plan_parcels(
    context: Context, made: Plan, protect: Protect | None
) -> tuple[Plan, list[Problem]]:
    options, prepared = context.options, made.prepared
    if options.links in (LinkChoice.SPATIAL, LinkChoice.NONE):
        prepared.links = None
    _mark_links(context, made)
    changes = made.matches.changes
    moved = made.positions(Action.NEW) + [
        at for at in made.positions(Action.CHANGED) if {"geometry", "rms_m"} & {*changes[at]}
    ]
    changed = {
        at: made.stored_id(at)
        for at in made.positions(Action.CHANGED)
        if {"geometry", "kind"} & {*changes[at]}
    }
    problems = _unproven(made)
    if protect is not None and changed:
        reasons = protect(context.session, context.community.id, list(changed.values()))
        problems += protected_problems(prepared, changed, reasons)
    known = [made.stored_id(at) for at in made.positions(Action.CHANGED, Action.UNCHANGED)]
    overlaps = overlap_problems(
        context.session, context.community, prepared, moved, known, options.policy
    )
    if options.overlaps_allowed:
        made.notices.extend(Notice(one.code, str(one.message)) for one in overlaps)
    else:
        problems += overlaps
    return _propose(context, made), problems


def _unproven(made: Plan) -> list[Problem]:
    """Return a problem for each title that the file brings without what it rests on."""
    names = ("title_basis", *RESTS_ON)
    columns = {name: _known(made, name) for name in names}
    changes = made.matches.changes
    touched = made.positions(Action.NEW) + [
        at for at in made.positions(Action.CHANGED) if {*names} & {*changes[at]}
    ]
    titles = {at: {name: columns[name][at] for name in names} for at in sorted(touched)}
    return title_problems(made.prepared, titles)


def _mark_links(context: Context, made: Plan) -> None:
    """Mark the stored parcels whose households the file changes."""
    links, matches = made.prepared.links, made.matches
    if links is None:
        return
    known = made.positions(Action.CHANGED, Action.UNCHANGED)
    keys = {at: made.stored_id(at) for at in known}
    before = stored_links(context.session, context.community.id, keys.values())
    for at, key in keys.items():
        if links[at] != before.get(key, {}):
            matches.changes[at] = (*matches.changes[at], "household")
            matches.actions[at] = Action.CHANGED


def _propose(context: Context, made: Plan) -> Plan:
    """Propose households for the parcels that have none and whose file names none."""
    options, prepared = context.options, made.prepared
    by_place = options.links == LinkChoice.SPATIAL or (
        options.links == LinkChoice.AUTO and prepared.links is None
    )
    if not by_place:
        return made
    linked = _linked(context, made)
    kinds, facing = _known(made, "kind"), _known(made, "building_id")
    asked = [at for at in range(len(kinds)) if kinds[at] in LINKED_KINDS and at not in linked]
    found = propose(
        context.session,
        context.community,
        [prepared.refs[at] for at in asked],
        prepared.metric[asked],
        [facing[at] for at in asked],
        options.policy.links,
    )
    proposals = [replace(one, at=asked[one.at]) for one in found]
    return replace(made, proposals=proposals)


def _known(made: Plan, name: str) -> list[Any]:
    """Return a column as it will be: the file's, else what is stored, else the default."""
    if name in made.prepared.values:
        return made.prepared.values[name]
    column = list(made.prepared.defaults[name])
    stored = made.matches.stored[name].tolist()
    for at in made.positions(Action.CHANGED, Action.UNCHANGED):
        column[at] = stored[int(made.matches.positions[at])]
    return column


def _linked(context: Context, made: Plan) -> set[int]:
    """Return the positions of the stored parcels that have a household."""
    keys = {made.stored_id(at): at for at in made.positions(Action.CHANGED, Action.UNCHANGED)}
    query = select(ParcelHousehold.parcel_id).where(
        ParcelHousehold.community_id == context.community.id,
        among(ParcelHousehold.parcel_id, keys),
    )
    return {keys[key] for key in context.session.scalars(query.distinct())}


def _plan_observations(context: Context, made: Plan) -> tuple[Plan, list[Problem]]:
    session, community, options = context.session, context.community, context.options
    prepared = made.prepared
    problems = []
    for at in made.positions(Action.CHANGED, Action.UNCHANGED):
        stored = made.matches.stored.iloc[int(made.matches.positions[at])]
        if stored["status"] != ObservationStatus.OPEN:
            text = f"Observation {stored['ref']} is {stored['status']} already."
            remedy = "Export the observations again and make the change there."
            problems.append(Problem("observation_ended", text, remedy, prepared.rows[at], "id"))
    unknown = set(options.covers.buildings) - _known_buildings(context)
    if unknown:
        text = f"There is no building {', '.join(sorted(unknown))}."
        problems.append(Problem("building_unknown", text, "Correct --covers.", field="covers"))
    seen = Seen(
        prepared.stored, prepared.metric, prepared.column("rms_m"), prepared.column("observed_on")
    )
    looked = looked_at(session, community, seen, options.covers, made.surveyed_on, options.policy)
    covered = options.covers.ground
    if options.covers.community and community.boundary is not None:
        covered = shapely.from_wkb(bytes(community.boundary.data))
    news = new_days(session, community.id, looked)
    return replace(made, looked=looked, covered=covered, is_news=news), problems


def _known_buildings(context: Context) -> set[str]:
    wanted = context.options.covers.buildings
    query = select(Building.ref).where(Building.community_id == context.community.id)
    return set(context.session.scalars(query.where(among(Building.ref, wanted))))


def _surveyed_on(options: ImportOptions, prepared: Prepared) -> dt.date:
    """Return the day of the survey: the one said, else the last of its observations."""
    return options.surveyed_on or max(prepared.values["observed_on"])


def _purpose(kind: str, options: ImportOptions, prepared: Prepared) -> Purpose:
    """Return the purpose of the survey: said, else that of all its observations."""
    if options.purpose is not None:
        return options.purpose
    if kind != "observations":
        return Purpose.REGISTER
    found = set(prepared.column("purpose"))
    return Purpose(found.pop()) if len(found) == 1 else Purpose.BASELINE_SURVEY
