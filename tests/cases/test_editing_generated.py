"""Generated edits: whatever planners do, in any order, what was reported stays and nothing is lost.

The compound has cases in every state. Edits are random in kind, place and layer; many are
refused, and those that are made must leave the record sound and every past figure as it was.
"""

import datetime as dt
import random
import uuid
from collections import Counter
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.casework import NOTHING_LEFT
from cases.checks import check_community
from cases.edits.editing import Asked, Done, edit, layer_of, undo
from cases.edits.plans import Change, Draw, Merge, Outline, Read, Remove, Split, StaleRows, reads_of
from cases.models import EditLayer
from cases.workflow import State
from gis.problems import InputError
from layers.models import Observation, ObservationStatus, Parcel, Purpose, Site, SiteKind, SiteState
from tests import builders
from tests.cases.conftest import Scene, rectangle
from tests.cases.test_editing import PLANNER, measure

PAIRS = 100
# What the ledger and the events say of a day; registers are counted as they are now.
REPORTED = (
    "suspected_m2",
    "encroached_m2",
    "reclaimed_m2",
    "rebound_m2",
    "declared_m2",
    "outstanding_m2",
    "encroaching_households",
    "cleared_households",
    "rebound_households",
)
FREE = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def compound(scene: Scene) -> Scene:
    """Ten parcels, an enclosure on each of nine of them, and cases in every state of the work."""
    for index in range(3, 10):
        scene.add_parcel(index)
    for one in scene.parcels:
        measure(scene, one)
    for index in range(9):
        scene.observe(f"O{index}", index * 10 + 2, 2, 6, 6)
    scene.flag()
    cases = scene.cases()
    for case in cases[1:]:
        scene.move(case, State.VERIFIED)
    scene.announce(cases[2])
    for case in cases[3:]:
        scene.move(case, State.SELF_CLEARING)
    for case in cases[4:]:
        scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    for case in cases[5:]:
        scene.move(case, State.ACCEPTED, actor="bo", document="A-1")
    scene.observe("again", 7 * 10 + 2, 2, 3, 3, observed_on=scene.tick().date())
    scene.flag()
    scene.observe("free", 100, 2, 6, 6)
    scene.flag()
    kind = {"kind": SiteKind.LANDSCAPING, "heads": 0, "state": SiteState.PLANNED, "built_on": None}
    for x in (105, 115):
        shape = scene.polygon(rectangle(x, 20, 10, 10))
        builders.site(scene.session, scene.community, shape, **kind)
    scene.session.flush()
    scene.session.expire_all()
    return scene


def rows(scene: Scene, layer: EditLayer) -> list[Read]:
    """Return the rows of a layer as they are now, in an order that a seed repeats."""
    table: Any = {"parcels": Parcel, "observations": Observation, "sites": Site}[layer]
    query = select(table.id).where(table.community_id == scene.community.id)
    if table is Observation:
        query = query.where(
            table.status == ObservationStatus.OPEN, table.purpose != Purpose.RESIDUAL
        )
    ids = list(scene.session.scalars(query.order_by(table.ref)))
    known = layer_of(scene.session, scene.community, layer).read(ids)
    return [Read(key, known[key].version) for key in ids]


def any_change(scene: Scene, layer: EditLayer, chance: random.Random) -> Change:
    """Return a change of any kind of any row, sensible or not."""
    known = rows(scene, layer)
    kind = chance.randrange(6)
    # Where all was removed there is nothing left to do but to draw.
    if kind == 0 or not known:
        x, y = chance.uniform(-5, 130), chance.choice([2, 20, 40])
        drawn = scene.polygon(rectangle(x, y, chance.uniform(1, 9), 5))
        return Draw(drawn, {"ref": uuid.UUID(int=chance.getrandbits(128)).hex})
    one, other = chance.choice(known), chance.choice(known)
    found = layer_of(scene.session, scene.community, layer).read([one.id])
    shape = np.array([found[one.id].state.shape], dtype=object)
    west, south, east, north = scene.survey.to_survey(shape)[0].bounds
    match kind:
        case 1:
            moved = shapely.box(west, south, east - chance.uniform(-3, 3), north)
            return Outline(one, scene.polygon(moved), verify_again=True)
        case 2:
            return Merge((one, other), verify_again=True)
        case 3:
            return Remove(one)
    at = west + (east - west) * chance.uniform(0.2, 0.8)
    cut = shapely.LineString([(at, south - 1), (at, north + 1)])
    return Split(one, scene.polygon(cut), verify_again=True)


def try_edit(scene: Scene, asked: Asked) -> Done | str:
    """Make an edit in a savepoint; return it, or why it was refused."""
    try:
        with scene.session.begin_nested():
            return edit(scene.session, scene.community, asked, PLANNER)
    except InputError as error:
        return error.problems[0].code
    except StaleRows:
        return "stale"
    finally:
        scene.session.expire_all()


def try_undo(scene: Scene, done: Done) -> Done | str:
    try:
        with scene.session.begin_nested():
            return undo(scene.session, scene.community, done.edit.id, "back", PLANNER)
    except InputError as error:
        return error.problems[0].code
    finally:
        scene.session.expire_all()


def reported(scene: Scene, days: list[dt.date]) -> list[list[Any]]:
    every = [scene.figures(day) for day in days]
    return [[figures[name] for name in REPORTED] for figures in every]


@FREE
@given(seed=st.integers(0, 2**32), layers=st.lists(st.sampled_from(list(EditLayer)), min_size=3))
def test_no_edit_changes_what_was_reported(
    compound: Scene, seed: int, layers: list[EditLayer]
) -> None:
    """Random edits, and some of them taken back, on ground with cases in all states."""
    chance = random.Random(seed)
    days = [compound.clock.date() - dt.timedelta(back) for back in (0, 3, 8, 15, 30)]
    nested = compound.session.begin_nested()
    told = reported(compound, days)
    made: list[Done] = []
    for layer in layers[:8]:
        done = try_edit(compound, Asked(layer, [any_change(compound, layer, chance)], "why"))
        if isinstance(done, Done):
            made.append(done)
        if made and chance.random() < 0.4:
            try_undo(compound, made.pop(chance.randrange(len(made))))
    assert check_community(compound.session, compound.community) == []
    assert reported(compound, days) == told
    nested.rollback()
    compound.session.expire_all()


def test_two_planners_overwrite_nothing_of_each_other(compound: Scene) -> None:
    """Pairs of edits read at the same time: the later one is made only on other ground."""
    outcomes: Counter[str] = Counter()
    for seed in range(PAIRS):
        chance = random.Random(seed)
        layer = list(EditLayer)[seed % 3]
        asked = [Asked(layer, [any_change(compound, layer, chance)], "why") for _who in range(2)]
        if seed % 2:
            asked.reverse()
        nested = compound.session.begin_nested()
        outcomes[one_after_the_other(compound, layer, asked)] += 1
        nested.rollback()
        compound.session.expire_all()
    assert outcomes["stale"] > PAIRS / 25
    assert outcomes["both"] > PAIRS / 25


def one_after_the_other(scene: Scene, layer: EditLayer, asked: list[Asked]) -> str:
    """Make two edits that were read together, and return how that ended."""
    first = try_edit(scene, asked[0])
    if not isinstance(first, Done):
        return "refused"
    touched = {row.before_id for row in first.rows} | {row.after_id for row in first.rows}
    second = try_edit(scene, asked[1])
    reads = {one.id for change in asked[1].changes for one in reads_of(change)}
    if reads & touched:
        assert not isinstance(second, Done)
    after = [row.after_id for row in first.rows if row.after_id]
    now = layer_of(scene.session, scene.community, layer).read(after)
    for row in first.rows:
        if row.after_id is not None:
            assert now[row.after_id].version == row.after_version
            assert now[row.after_id].state.area_m2 == row.area_after_m2
    return second if isinstance(second, str) else "both"


def test_what_was_undone_and_redone_is_as_it_was(compound: Scene, session: Session) -> None:
    """Each kind of change, taken back and made again, leaves ground and record as they were."""
    chance, seen = random.Random(7), Counter[str]()
    for _try in range(120):
        layer = chance.choice(list(EditLayer))
        change = any_change(compound, layer, chance)
        nested = session.begin_nested()
        before = ground(compound, layer)
        done = try_edit(compound, Asked(layer, [change], "why"))
        if isinstance(done, Done):
            made = ground(compound, layer)
            undone = try_undo(compound, done)
            if isinstance(undone, Done):
                assert ground(compound, layer) == before
                redone = try_undo(compound, undone)
                assert isinstance(redone, Done) or redone in {"rests", "inseparable"}
                if isinstance(redone, Done):
                    assert ground(compound, layer) == made
                seen[type(change).__name__] += 1
        nested.rollback()
        compound.session.expire_all()
    assert set(seen) == {"Draw", "Outline", "Split", "Merge", "Remove"}


def ground(scene: Scene, layer: EditLayer) -> list[tuple[str, str, str]]:
    """Return refs, outlines and attributes of a layer."""
    known = layer_of(scene.session, scene.community, layer).read(
        [one.id for one in rows(scene, layer)]
    )
    return sorted(
        (one.state.ref, one.state.shape.normalize().wkt, repr(sorted(one.state.attributes.items())))
        for one in known.values()
    )
