"""Batch flagging with the database, against PostGIS's own join with insert."""

import itertools
from collections.abc import Sequence
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.flagging import FlagReport, flag_all
from cases.models import Case, Encroachment
from layers.config import Settings
from layers.db import EVERYWHERE, Database
from layers.migrate import open_database
from layers.models import Community
from tests.benchmarks.join import OTHERS, PLAIN, Form, make_tables
from tests.benchmarks.timing import Comparison, Row, by_parts, seconds

GOAL = 1.0
# Communities that are not timed, one for each worker at least.
WARM = 4


def compare_stored(settings: Settings, label: str, slices: int) -> tuple[list[Row], list[float]]:
    """Flag a city whose parcels have no households; return lines, and seconds of the best join.

    Without households no case opens: observations are read, laid over the parcels and
    stored as encroachments, which is what the join does. The plain form of the join is
    timed on every part; beside it stands the one of the other forms that is quickest on
    the first part. Part by part, each going first in its turn, so that noise meets all.
    All are warmed up on a few communities that are not timed: what a process does once
    (connections, plans, the survey CRS) is the same for a village and a city.
    """
    make_tables(settings)
    database = open_database(settings)
    ids = community_ids(database)
    warm, parts = ids[:WARM], split(ids[WARM:], slices)
    _time_flagging(database, warm)
    for form in (PLAIN, *OTHERS):
        _time_join(database, form, warm)
    tried = {form: _time_join(database, form, parts[0]) for form in OTHERS}
    other = min(tried, key=lambda one: tried[one])
    flagging: list[float] = []
    joins: dict[Form, list[float]] = {PLAIN: [], other: [tried[other]]}
    for number, part in enumerate(parts):
        acts = [(flagging, partial(_time_flagging, database, part))]
        acts += [
            (took, partial(_time_join, database, form, part))
            for form, took in joins.items()
            if len(took) == number
        ]
        for took, act in acts[number % len(acts) :] + acts[: number % len(acts)]:
            took.append(act())
    database.engine.dispose()
    names = {PLAIN: "like for like, in the database", other: "the same"}
    return [
        by_parts(
            Comparison(f"{name} : PostGIS's {form.name}", label, GOAL, "", flagging, joins[form])
        )
        for form, name in names.items()
    ], joins[other]


def compare_whole(settings: Settings, label: str, theirs: Sequence[float], slices: int) -> Row:
    """Flag a city with households, where each opens a case, an event and an area entry."""
    database = open_database(settings)
    whole = Comparison("with cases, events and area entries : the form above", label)
    whole.theirs = list(theirs)
    ids = community_ids(database)
    _time_flagging(database, ids[:WARM])
    for part in split(ids[WARM:], slices):
        whole.ours.append(_time_flagging(database, part))
    with database.session(EVERYWHERE) as session:
        cases, found = _count(session, Case), _count(session, Encroachment)
    whole.note = f"{cases:,} cases, {found:,} encroachments; the join makes no case"
    database.engine.dispose()
    return by_parts(whole)


def community_ids(database: Database) -> list[int]:
    """Return the communities in order."""
    with database.session(EVERYWHERE) as session:
        return list(session.scalars(select(Community.id).order_by(Community.id)))


def split(ids: Sequence[int], slices: int) -> list[list[int]]:
    """Return ``ids`` in at most ``slices`` parts of about the same length."""
    count = min(slices, len(ids))
    edges = [len(ids) * part // count for part in range(count + 1)]
    return [list(ids[start:end]) for start, end in itertools.pairwise(edges)]


def _count(session: Session, model: type) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def _time_flagging(database: Database, communities: Sequence[int]) -> float:
    def act() -> FlagReport:
        return flag_all(database, communities)

    return seconds(act)


def _time_join(database: Database, form: Form, communities: Sequence[int]) -> float:
    def act() -> None:
        with database.session(EVERYWHERE) as session, session.begin():
            form.run(session, communities)

    return seconds(act)
