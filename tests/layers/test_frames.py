"""Rows as frames: every kind of value comes as itself, however it was fetched."""

import datetime as dt

import pytest
import shapely
from sqlalchemy import event, false, select
from sqlalchemy.orm import Session

from layers.db import BINARY, Database
from layers.frames import frame, geometries, wkb
from layers.models import Community, Observation
from tests import builders


def test_values_come_as_what_they_are(session: Session) -> None:
    community = builders.community(session, policy={"coverage_share": 0.9})
    seen = builders.observation(session, community, rms_m=0.07)
    statement = select(
        Observation.community_id,
        Observation.id,
        Observation.ref,
        Observation.structure_type,
        Observation.occupier_id,
        Observation.observed_on,
        Observation.rms_m,
        Observation.survey_id.is_(None).label("unsurveyed"),
        Community.policy,
        Community.created_at,
        wkb(Observation.geom),
    ).join(Community, Community.id == Observation.community_id)
    statement = statement.where(Observation.community_id == community.id)
    rows = frame(session, statement)
    (row,) = rows.itertuples(index=False)
    assert row[:8] == (community.id, seen.id, seen.ref, "fence", None, builders.EARLY, 0.07, True)
    assert row.policy == {"coverage_share": 0.9}
    assert isinstance(row.created_at, dt.datetime)
    assert row.created_at.tzinfo is not None
    assert shapely.equals_exact(geometries(rows)[0], builders.square())


def test_what_was_not_flushed_is_read(session: Session) -> None:
    community = builders.community(session)
    seen = builders.observation(session, community)
    seen.note = "moved"
    rows = frame(session, select(Observation.note).where(Observation.id == seen.id))
    assert rows["note"].tolist() == ["moved"]


def test_no_rows_keep_their_columns(session: Session) -> None:
    rows = frame(session, select(Observation.id, wkb(Observation.geom)).where(false()))
    assert list(rows.columns) == ["id", "geom"]
    assert len(geometries(rows)) == 0


@pytest.mark.parametrize("options", [{}, {BINARY: True}], ids=["digits", "binary"])
def test_only_who_asks_is_answered_in_binary(
    session: Session, database: Database, options: dict[str, bool]
) -> None:
    formats = []

    def note(_connection: object, cursor: object, *_rest: object) -> None:
        formats.append(int(cursor.format))  # type: ignore[attr-defined]

    session.connection()
    event.listen(database.engine, "after_cursor_execute", note)
    session.connection().execute(select(Community.id), execution_options=options)
    event.remove(database.engine, "after_cursor_execute", note)
    assert formats == [int(bool(options))]
