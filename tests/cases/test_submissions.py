"""A submission is done once, however often and however much at once it is sent."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cases.access import Role
from cases.models import Idempotency
from cases.people import add_account
from cases.submissions import KEPT, Answer, Submission, once
from gis.problems import InputError
from layers.config import Settings
from layers.db import EVERYWHERE, Database, Scope
from layers.migrate import open_database
from layers.models import Building, Community
from layers.transactions import transact
from tests import builders as make


@pytest.fixture(scope="module")
def shared(committed: Settings) -> Iterator[Database]:
    database = open_database(committed)
    yield database
    database.engine.dispose()


@pytest.fixture(scope="module")
def place(shared: Database) -> Submission:
    with shared.session(EVERYWHERE) as session, session.begin():
        who = add_account(
            session, "phone@example.org", name="P", password="correct horse 7", role=Role.INSPECTOR
        )
        return Submission(make.community(session).id, who.id, uuid.uuid4(), "0" * 64)


@pytest.fixture
def fresh(place: Submission) -> Submission:
    return replace(place, key=uuid.uuid4())


def submit(database: Database, submission: Submission, *, fails: bool = False) -> Answer:
    """Store a building, as a submission whose answer names it."""

    def work() -> Answer:
        community = session.get_one(Community, submission.community_id)
        built = make.building(session, community)
        if fails:
            raise RuntimeError("the phone's battery")
        return Answer(201, f'{{"ref": "{built.ref}"}}')

    with database.session(Scope(frozenset({submission.community_id}))) as session, session.begin():
        return once(session, submission, work)


def buildings(database: Database, submission: Submission) -> int:
    with database.session(EVERYWHERE) as session:
        mine = Building.community_id == submission.community_id
        return session.scalar(select(func.count()).select_from(Building).where(mine)) or 0


def test_the_same_again_changes_nothing_and_answers_the_same(
    shared: Database, fresh: Submission
) -> None:
    before = buildings(shared, fresh)
    first = submit(shared, fresh)
    assert submit(shared, fresh) == first
    assert buildings(shared, fresh) == before + 1


def test_resends_in_parallel_make_one_row(shared: Database, place: Submission) -> None:
    before = buildings(shared, place)
    keys = [replace(place, key=uuid.uuid4()) for _ in range(5)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda one: submit(shared, one), keys * 6))
    assert buildings(shared, place) == before + len(keys)
    assert len({answer.body for answer in answers}) == len(keys)


def test_another_body_under_a_used_key_is_refused(shared: Database, fresh: Submission) -> None:
    submit(shared, fresh)
    with pytest.raises(InputError) as caught:
        submit(shared, replace(fresh, body_hash="1" * 64))
    (problem,) = caught.value.problems
    assert (problem.code, problem.field) == ("key_reused", "Idempotency-Key")


def test_what_failed_leaves_its_key_free(shared: Database, fresh: Submission) -> None:
    before = buildings(shared, fresh)
    with pytest.raises(RuntimeError):
        submit(shared, fresh, fails=True)
    assert buildings(shared, fresh) == before
    submit(shared, fresh)
    assert buildings(shared, fresh) == before + 1


def test_a_key_is_its_accounts_and_communities_own(shared: Database, fresh: Submission) -> None:
    submit(shared, fresh)
    with shared.session(EVERYWHERE) as session, session.begin():
        elsewhere = replace(fresh, community_id=make.community(session).id, body_hash="2" * 64)
    assert submit(shared, elsewhere).status == 201


def test_old_keys_are_forgotten(shared: Database, fresh: Submission) -> None:
    submit(shared, fresh)

    def age(session: Session) -> None:
        session.execute(
            update(Idempotency)
            .where(Idempotency.key == fresh.key)
            .values(at=func.now() - KEPT - KEPT)
        )

    transact(shared, EVERYWHERE, age)
    submit(shared, replace(fresh, key=uuid.uuid4()))
    with shared.session(EVERYWHERE) as session:
        assert session.scalar(select(Idempotency).where(Idempotency.key == fresh.key)) is None
