"""Flagging everything: batches side by side, each of them whole or not at all."""

import gc
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from cases.flagging import flag_all
from cases.models import Encroachment
from gis.problems import InputError
from layers.config import Settings
from layers.db import EVERYWHERE, Database
from layers.migrate import open_database
from layers.models import Community
from tests import builders

APART = 40


@dataclass(frozen=True)
class Town:
    """Seven communities apart from each other, each with a fence on its one parcel."""

    database: Database
    communities: list[int]

    def waiting(self) -> int:
        with self.database.session(EVERYWHERE) as session:
            return len(builders.waiting(session))

    def found(self) -> int:
        with self.database.session(EVERYWHERE) as session:
            chosen = select(func.count()).where(Encroachment.community_id.in_(self.communities))
            return session.scalar(chosen) or 0

    def set_policy(self, number: int, policy: dict[str, float]) -> None:
        with self.database.session(EVERYWHERE) as session, session.begin():
            session.get_one(Community, self.communities[number]).policy = policy


@pytest.fixture
def town(committed: Settings) -> Iterator[Town]:
    database = open_database(committed)
    made = []
    with database.session(EVERYWHERE) as session, session.begin():
        for number in range(7):
            west = number * APART
            community = builders.community(session, boundary=builders.square(west - 5, -5, 12))
            builders.parcel(session, community, builders.square(west))
            builders.observation(session, community, builders.square(west, size=0.5))
            made.append(community.id)
    yield Town(database, made)
    database.engine.dispose()


@pytest.mark.parametrize("workers", [1, 3])
def test_every_community_is_flagged_once(town: Town, workers: int) -> None:
    done: list[int] = []
    report = flag_all(town.database, town.communities, done=done.append, workers=workers)
    assert (report.new, sum(done)) == (7, 7)
    assert len(done) >= workers
    assert (town.waiting(), town.found()) == (0, 7)
    assert flag_all(town.database, town.communities, workers=workers).observations == 0


def test_what_fails_waits_and_the_rest_is_whole(town: Town) -> None:
    town.set_policy(3, {"no_such_policy": 1.0})
    with pytest.raises(InputError, match="no_such_policy"):
        flag_all(town.database, town.communities, workers=3)
    waiting = town.waiting()
    assert 1 <= waiting < 7
    assert town.found() == 7 - waiting
    town.set_policy(3, {})
    assert flag_all(town.database, town.communities, workers=3).new == waiting
    assert (town.waiting(), town.found()) == (0, 7)


def test_python_is_left_as_it_was(town: Town) -> None:
    town.set_policy(0, {"no_such_policy": 1.0})
    assert gc.isenabled()
    with pytest.raises(InputError):
        flag_all(town.database, town.communities)
    assert gc.isenabled()
