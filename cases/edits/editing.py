"""Geometry edited at the desk: one layer, one transaction, every row as it was read.

An edit is a set of changes; all of it is done or nothing. It is kept with the rows before
and after, so that each can be taken back by another edit as long as nothing was built on
it. Parcels that change are laid under the observations again at once, as after an import.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.edits.layers import EditedLayer
from cases.edits.observations import EditedObservations
from cases.edits.parcels import EditedParcels
from cases.edits.plans import (
    Change,
    Feature,
    Merge,
    Outline,
    Read,
    Split,
    StaleRow,
    StaleRows,
    State,
    Step,
    Written,
    reads_of,
    wrong,
)
from cases.edits.sites import EditedSites
from cases.flagging import FlagReport, flag
from cases.ledger import Moment
from cases.models import EditLayer, GeometryEdit, GeometryEditRow
from cases.signing import Signature, text_problems
from gis.problems import InputError, Problem, Said
from layers.models import STORAGE_SRID, Community
from layers.places import lock_community

MOST_CHANGES = 100
LAYERS: Mapping[EditLayer, type[EditedLayer]] = {
    EditLayer.PARCELS: EditedParcels,
    EditLayer.OBSERVATIONS: EditedObservations,
    EditLayer.SITES: EditedSites,
}


@dataclass(frozen=True)
class Asked:
    """What somebody wants changed of a layer, and why."""

    layer: EditLayer
    changes: Sequence[Change]
    reason: str


@dataclass(frozen=True)
class Done:
    """An edit that was made, its rows, and what flagging made of the ground."""

    edit: GeometryEdit
    rows: Sequence[GeometryEditRow]
    report: FlagReport


def layer_of(session: Session, community: Community, layer: EditLayer) -> EditedLayer:
    """Return a layer of a community as edits see it."""
    return LAYERS[layer](session, community)


def edit(session: Session, community: Community, asked: Asked, by: Signature) -> Done:
    """Change the geometry of a layer. The caller commits.

    Raises ``InputError`` with everything that is wrong, and ``StaleRows`` where a row is
    another by now: nothing is written over.
    """
    lock_community(session, community.id)
    layer = layer_of(session, community, asked.layer)
    problems = [
        *by.lacks(Permission.GEOMETRY_EDIT),
        *text_problems([("reason", asked.reason)]),
        *_count_problems(asked.changes),
    ]
    known = layer.read([row.id for change in asked.changes for row in reads_of(change)])
    stale = [one for change in asked.changes for one in layer.stale(change, known)]
    if stale and not by.lacks(Permission.GEOMETRY_EDIT):
        raise StaleRows(stale)
    steps: list[Step] = []
    for at, change in enumerate([] if stale else asked.changes):
        planned, faults = layer.plan(at, change, known)
        steps += planned
        problems += faults
    if not problems:
        problems = layer.judge(steps, is_undo=False)
    if not problems:
        problems = layer.unconfirmed(steps, _confirmed(asked.changes))
    if problems:
        raise InputError(problems)
    return _keep(layer, asked.layer, steps, asked.reason, by)


def undo(
    session: Session, community: Community, edit_id: uuid.UUID, reason: str, by: Signature
) -> Done:
    """Take an edit back by another one that restores the rows before. The caller commits.

    An undo is an edit too, and undone by the same way. Raises ``InputError`` with every
    reason why that cannot be, such as that somebody has built on it since.
    """
    lock_community(session, community.id)
    done = session.get(GeometryEdit, (community.id, edit_id))
    if done is None:
        message = "There is no such edit."
        raise InputError([Problem("unknown_edit", message, "Choose one from the history.")])
    layer = layer_of(session, community, done.layer)
    rows = rows_of(session, community.id, [edit_id])[edit_id]
    known = layer.read([row.after_id for row in rows if row.after_id])
    problems = [
        *by.lacks(Permission.GEOMETRY_EDIT),
        *text_problems([("reason", reason)]),
        *_undone_already(session, done),
        *_changed_since(layer, rows, known),
    ]
    if problems:
        raise InputError(problems)
    steps = [_backwards(row, known) for row in rows]
    problems = [*_refs_taken(layer, steps), *layer.judge(steps, is_undo=True)]
    if problems:
        raise InputError(problems)
    return _keep(layer, done.layer, steps, reason, by, undoes=edit_id)


def rows_of(
    session: Session, community_id: int, edits: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[GeometryEditRow]]:
    """Return the rows of each edit in their order."""
    found: dict[uuid.UUID, list[GeometryEditRow]] = {key: [] for key in edits}
    for row in session.scalars(
        select(GeometryEditRow)
        .where(GeometryEditRow.community_id == community_id, GeometryEditRow.edit_id.in_(edits))
        .order_by(GeometryEditRow.edit_id, GeometryEditRow.place)
    ):
        found[row.edit_id].append(row)
    return found


def _count_problems(changes: Sequence[Change]) -> list[Problem]:
    """An edit changes something, not too much, and each row once."""
    if not changes:
        return [Problem("nothing_changed", "Nothing is changed.", "Draw first.", field="changes")]
    if len(changes) > MOST_CHANGES:
        message = Said("These are {count} changes.", count=len(changes))
        remedy = Said("At most {most} fit in one edit.", most=MOST_CHANGES)
        return [Problem("too_many", message, remedy, field="changes")]
    seen: set[uuid.UUID] = set()
    problems = []
    for at, change in enumerate(changes):
        rows = {row.id for row in reads_of(change)}
        if rows & seen:
            problems.append(
                wrong(
                    at,
                    "row_twice",
                    "Another change of this edit changes it too.",
                    "Make two edits of it.",
                )
            )
        seen |= rows
    return problems


def _confirmed(changes: Sequence[Change]) -> set[int]:
    """Return which changes agree that what was verified is to be verified again."""
    return {
        at
        for at, one in enumerate(changes)
        if isinstance(one, Outline | Split | Merge) and one.verify_again
    }


def _undone_already(session: Session, done: GeometryEdit) -> list[Problem]:
    later = session.scalar(
        select(GeometryEdit.number).where(
            GeometryEdit.community_id == done.community_id, GeometryEdit.undoes_id == done.id
        )
    )
    if later is None:
        return []
    message = Said("It was taken back already, by edit {number}.", number=later)
    return [Problem("undone", message, Said("Take back edit {number}.", number=later))]


def _changed_since(
    layer: EditedLayer, rows: Sequence[GeometryEditRow], known: Mapping[uuid.UUID, Feature]
) -> list[Problem]:
    """Return why the rows that an edit has left are no longer as it left them."""
    problems = []
    left = [row for row in rows if row.after_id]
    for row in left:
        now = known.get(row.after_id) if row.after_id else None
        message: str
        if now is None:
            message = Said("{ref} is no longer there.", ref=row.ref)
        elif now.version != row.after_version:
            message = Said("{ref} was changed since.", ref=row.ref)
        elif layer.drifted(now, row.after):
            message = Said("The households of {ref} were changed since.", ref=row.ref)
        else:
            continue
        problems.append(
            wrong(row.change, "built_upon", message, "Take back what came later first.")
        )
    return problems + layer.built_upon(list(known.values()))


def _backwards(row: GeometryEditRow, known: Mapping[uuid.UUID, Feature]) -> Step:
    """Return the step from what an edit has left to what was before it."""
    after = None
    if row.before_id and row.geom_before is not None and row.area_before_m2 is not None:
        after = State(row.ref, to_shape(row.geom_before), row.area_before_m2, row.before)
    restores = Read(row.before_id, row.before_version) if row.before_id else None
    return Step(row.change, known[row.after_id] if row.after_id else None, after, restores)


def _refs_taken(layer: EditedLayer, steps: Sequence[Step]) -> list[Problem]:
    """A row that comes back needs its ref, which another may have got since."""
    mine = {one.before.state.ref for one in steps if one.before}
    return [
        wrong(
            one.change,
            "ref_taken",
            Said("{ref} is there already.", ref=one.after.ref),
            "Rename the other first.",
        )
        for one in steps
        if one.after and one.before is None and one.after.ref in layer.taken - mine
    ]


def _keep(
    layer: EditedLayer,
    name: EditLayer,
    steps: Sequence[Step],
    reason: str,
    by: Signature,
    undoes: uuid.UUID | None = None,
) -> Done:
    """Write the rows and their history, and lay what changed over the ground at once."""
    session, community = layer.session, layer.community
    written = layer.write(steps, by)
    moment = Moment.of(community, by.at)
    last = session.scalar(
        select(func.max(GeometryEdit.number)).where(GeometryEdit.community_id == community.id)
    )
    kept = GeometryEdit(
        community_id=community.id,
        id=uuid.uuid4(),
        number=(last or 0) + 1,
        layer=name,
        actor=by.actor,
        at=moment.at,
        day=moment.day,
        reason=reason.strip(),
        undoes_id=undoes,
    )
    session.add(kept)
    session.flush()
    now = layer.read([one.after.id for one in written if one.after])
    rows = [_row(kept, at, one, now) for at, one in enumerate(written)]
    session.add_all(rows)
    session.flush()
    report = FlagReport()
    if name is not EditLayer.SITES:
        report = flag(session, [community], at=by.at, actor=by.actor)
    session.expire_all()
    return Done(kept, rows, report)


def _row(
    kept: GeometryEdit, at: int, one: Written, now: Mapping[uuid.UUID, Feature]
) -> GeometryEditRow:
    before, after = one.step.before, now[one.after.id] if one.after else None
    either = after or before
    assert either is not None
    row = GeometryEditRow(
        community_id=kept.community_id,
        edit_id=kept.id,
        place=at,
        change=one.step.change,
        ref=either.state.ref,
    )
    if before is not None:
        row.before_id, row.before_version = before.id, before.version
        row.before, row.area_before_m2 = dict(before.state.attributes), before.state.area_m2
        row.geom_before = from_shape(before.state.shape, srid=STORAGE_SRID)
    if after is not None:
        row.after_id, row.after_version = after.id, after.version
        row.after, row.area_after_m2 = dict(after.state.attributes), after.state.area_m2
        row.geom_after = from_shape(after.state.shape, srid=STORAGE_SRID)
    return row


__all__ = ["Asked", "Done", "StaleRow", "StaleRows", "edit", "layer_of", "rows_of", "undo"]
