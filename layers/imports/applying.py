"""A plan of an import written: all of it, in the caller's transaction."""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from geoalchemy2.shape import from_shape
from sqlalchemy import func, update
from sqlalchemy.orm import Session

from gis.crs import STORAGE_SRID
from gis.linking import BUILDING_IN_DOUBT, NO_BUILDING, TOO_FAR
from gis.problems import InputError, Problem
from layers.bulk import among, copy_columns, update_columns
from layers.imports.importing import COPIED, MODELS
from layers.imports.link_table import Wanted, replace_links
from layers.imports.linking import write_spatial
from layers.imports.looked import look_up_earlier, write_looked
from layers.imports.matching import Action
from layers.imports.plans import ImportPolicy, Plan
from layers.imports.relook import look_again
from layers.models import LinkMethod, Observation, ObservationStatus, Survey, SurveyFile

Columns = dict[str, list[Any] | dict[int, Any]]
"""Values by column, then by the row's position."""


@dataclass(frozen=True)
class Applied:
    """What was written; ``survey_id`` is ``None`` where the delivery changed nothing."""

    survey_id: uuid.UUID | None
    new: int
    changed: int
    unchanged: int
    looked_again: int = 0


def apply(session: Session, plan: Plan, content: bytes, policy: ImportPolicy) -> Applied:
    """Write a plan with the file it comes from, ``content``; the caller commits.

    A file that tells nothing new leaves no survey, links that have become clear
    at most. Raises ``InputError`` where the file is not the one that was planned.
    """
    counts = plan.counts
    if not plan.tells_anything:
        again = _write_proposals(session, plan, {})
        return Applied(None, 0, 0, counts[Action.UNCHANGED], again)
    if hashlib.sha256(content).hexdigest() != plan.provenance.sha256:
        text = f"{plan.provenance.file_name} has changed since it was read."
        raise InputError([Problem("file_changed", text, "Import it again.")])
    survey_id = _write_survey(session, plan, content)
    if plan.kind == "observations":
        again = _write_observations(session, plan, survey_id)
        write_looked(session, plan.community.id, survey_id, plan.looked)
    else:
        again = _write_rows(session, plan, survey_id, policy)
    return Applied(survey_id, counts["new"], counts["changed"], counts["unchanged"], again)


def _write_survey(session: Session, plan: Plan, content: bytes) -> uuid.UUID:
    """Keep where the rows come from, and the file as it was delivered."""
    given = plan.provenance
    both = plan.prepared.defaults | plan.prepared.values
    rms = [value for value in both.get("rms_m", []) if value is not None]
    survey = Survey(
        community_id=plan.community.id,
        id=uuid.uuid4(),
        delivers=plan.kind,
        purpose=plan.purpose,
        surveyor=plan.surveyor,
        surveyed_on=plan.surveyed_on,
        crs=given.crs,
        transform=given.transform,
        rms_m=max(rms, default=None),
        file_name=given.file_name,
        file_sha256=given.sha256,
        layer=given.layer,
        feature_count=given.features,
        covered=None if plan.covered is None else from_shape(plan.covered, srid=STORAGE_SRID),
    )
    session.add(survey)
    session.flush()
    key = {"community_id": plan.community.id, "survey_id": survey.id}
    session.add(SurveyFile(**key, content=content))
    session.flush()
    return survey.id


def _write_rows(session: Session, plan: Plan, survey_id: uuid.UUID, policy: ImportPolicy) -> int:
    """Insert what is new, change what has changed, and let flagging look at the ground again."""
    model, prepared = MODELS[plan.kind], plan.prepared
    if plan.kind == "parcels":
        _take_facing(plan)
    new, changed = plan.positions(Action.NEW), plan.positions(Action.CHANGED)
    keys = _new_keys(plan, new)
    made: Columns = {**prepared.defaults, **prepared.values, "id": keys}
    copy_columns(session, model, _columns(plan, made, new, survey_id))
    known = {at: plan.stored_id(at) for at in changed}
    given: Columns = {**prepared.values, "id": known}
    if "area_m2" in prepared.defaults:
        given["area_m2"] = prepared.defaults["area_m2"]
    update_columns(session, model, _columns(plan, given, changed, survey_id))
    if plan.kind == "buildings":
        return _look_again(session, plan, [*new, *changed], policy.wall_reach_m)
    if plan.kind == "parcels":
        return _write_parcels(session, plan, keys | known, policy)
    return 0


def _write_parcels(
    session: Session, plan: Plan, keys: dict[int, uuid.UUID], policy: ImportPolicy
) -> int:
    """Write the links and the coverage of new and changed parcels."""
    changes, links = plan.matches.changes, plan.prepared.links
    new = set(plan.positions(Action.NEW))
    if links is not None:
        named = [at for at in keys if (at in new and links[at]) or "household" in changes[at]]
        wanted: Wanted = {keys[at]: links[at] for at in named}
        replace_links(session, plan.community.id, wanted, LinkMethod.ATTRIBUTE)
    moved = [keys[at] for at in keys if at in new or "geometry" in changes[at]]
    look_up_earlier(session, plan.community, moved, policy)
    return _look_again(session, plan, keys, 0.0) + _write_proposals(session, plan, keys)


def _write_proposals(session: Session, plan: Plan, keys: Mapping[int, uuid.UUID]) -> int:
    """Link the parcels that one household is clearly nearest to; ``keys`` are of written rows."""
    chosen = plan.linked
    known = {at: plan.stored_id(at) for at in plan.positions(Action.UNCHANGED)} | dict(keys)
    write_spatial(session, plan.community.id, [known[one.at] for one in chosen], chosen)
    return _look_again(session, plan, [one.at for one in chosen], 0.0)


def _look_again(session: Session, plan: Plan, rows: Iterable[int], margin_m: float) -> int:
    """Let flagging look again at the ground that rows have, and at what they had before."""
    at = list(dict.fromkeys(rows))
    stored = [int(plan.matches.positions[row]) for row in at if plan.matches.positions[row] >= 0]
    before = plan.matches.stored["geom"].to_numpy(dtype=object)[stored]
    ground = np.concatenate([plan.prepared.stored[at], before])
    return look_again(session, plan.community.id, ground, margin_m)


def _take_facing(plan: Plan) -> None:
    """Give a new parcel the building that it clearly faces, where the file names none."""
    facing = plan.prepared.defaults.get("building_id")
    if facing is None:
        return
    for one in plan.proposals:
        if one.outcome not in (NO_BUILDING, BUILDING_IN_DOUBT, TOO_FAR):
            facing[one.at] = one.building_id


def _write_observations(session: Session, plan: Plan, survey_id: uuid.UUID) -> int:
    """Insert new observations, and corrections of those that they replace."""
    prepared = plan.prepared
    new, corrected = plan.positions(Action.NEW), plan.positions(Action.CHANGED)
    replaced = {at: plan.stored_id(at) for at in corrected}
    _supersede(session, plan, replaced)
    made: Columns = {**prepared.defaults, **prepared.values}
    for name, values in prepared.defaults.items():
        if name in COPIED:
            made[name] = _carried(plan, name, values, corrected)
    made["id"] = _new_keys(plan, new) | {at: uuid.uuid4() for at in corrected}
    copy_columns(session, Observation, _columns(plan, made, new, survey_id))
    made["replaces_id"] = replaced
    # A correction keeps the place among those of its day.
    made["entered"] = _carried(plan, "entered", prepared.rows, corrected)
    copy_columns(session, Observation, _columns(plan, made, corrected, survey_id))
    return 0


def _carried(plan: Plan, name: str, values: list[Any], corrected: list[int]) -> list[Any]:
    """Return a column in which corrections keep what the stored rows say."""
    kept = list(values)
    for at in corrected:
        kept[at] = plan.matches.stored[name][int(plan.matches.positions[at])]
    return kept


def _supersede(session: Session, plan: Plan, replaced: dict[int, uuid.UUID]) -> None:
    """End the observations that are corrected; flagging then ends what was found of them."""
    days = plan.prepared.values["observed_on"]
    ends: dict[Any, list[uuid.UUID]] = {}
    for at, key in replaced.items():
        ends.setdefault(days[at], []).append(key)
    for day, keys in ends.items():
        session.execute(
            update(Observation)
            .where(Observation.community_id == plan.community.id, among(Observation.id, keys))
            .values(
                status=ObservationStatus.SUPERSEDED,
                ended_on=func.greatest(Observation.observed_on, day),
            )
            .execution_options(synchronize_session=False)
        )


def _new_keys(plan: Plan, new: list[int]) -> dict[int, uuid.UUID]:
    """Return the identifiers of new rows: the file's where it has them."""
    given = plan.prepared.values.get("id") or [None] * len(plan.prepared.rows)
    return {at: given[at] or uuid.uuid4() for at in new}


def _columns(plan: Plan, values: Columns, rows: list[int], survey_id: uuid.UUID) -> dict[str, Any]:
    """Return the columns of some rows as the tables take them."""
    return {
        "community_id": [plan.community.id] * len(rows),
        **{name: [column[at] for at in rows] for name, column in values.items()},
        "survey_id": [survey_id] * len(rows),
        "geom": plan.prepared.stored[rows],
    }
