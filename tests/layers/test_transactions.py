"""Transactions that lose to others, on a real server: deadlocks and serialization failures."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from layers.config import Settings
from layers.db import EVERYWHERE, Database
from layers.migrate import open_database
from layers.models import Community
from layers.transactions import RETRIES, is_lost, transact
from tests import builders as make


@pytest.fixture
def shared(committed: Settings) -> Iterator[Database]:
    """A database on which several sessions commit."""
    database = open_database(committed)
    yield database
    database.engine.dispose()


def two_communities(database: Database) -> tuple[int, int]:
    with database.session(EVERYWHERE) as session, session.begin():
        return make.community(session).id, make.community(session).id


def mark(session: Session, number: int, by: str) -> None:
    """Add a letter to a community's name, which locks its row until the transaction ends."""
    session.execute(
        update(Community).where(Community.id == number).values(name=Community.name + by)
    )


def names(database: Database, *numbers: int) -> list[str]:
    with database.session(EVERYWHERE) as session:
        return [session.get_one(Community, number).name[-2:] for number in numbers]


def test_both_of_a_deadlock_finish(shared: Database) -> None:
    first, second = two_communities(shared)
    met = Barrier(2, timeout=20)
    runs: list[str] = []

    def cross(by: str, here: int, there: int) -> str:
        def work(session: Session) -> str:
            mark(session, here, by)
            if by not in runs:
                runs.append(by)
                met.wait()
            else:
                runs.append(by)
            mark(session, there, by)
            return by

        return transact(shared, EVERYWHERE, work)

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(cross, "x", first, second)
        other = pool.submit(cross, "y", second, first)
        assert (one.result(), other.result()) == ("x", "y")
    assert len(runs) == 3, "PostgreSQL stops one of the two, and that one runs once more"
    assert [set(name) for name in names(shared, first, second)] == [{"x", "y"}, {"x", "y"}]


def test_who_loses_every_time_gives_up_and_leaves_nothing(shared: Database) -> None:
    number, untouched = two_communities(shared)
    runs = 0

    def work(session: Session) -> None:
        nonlocal runs
        runs += 1
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        mark(session, untouched, "z")
        with shared.session(EVERYWHERE) as faster, faster.begin():
            mark(faster, number, "f")
        mark(session, number, "z")

    with pytest.raises(OperationalError) as caught:
        transact(shared, EVERYWHERE, work)
    assert is_lost(caught.value)
    assert runs == RETRIES + 1
    assert "z" not in "".join(names(shared, number, untouched))


def test_other_failures_are_not_repeated(shared: Database) -> None:
    runs = 0

    def work(session: Session) -> None:
        nonlocal runs
        runs += 1
        session.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError):
        transact(shared, EVERYWHERE, work)
    assert runs == 1
