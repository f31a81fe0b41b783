"""Tests run on a real PostGIS migrated to head; nothing here is imitated."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from cases import people
from layers import cluster
from layers.config import PROJECT_ROOT, Settings
from layers.db import EVERYWHERE, Database, make_engine, scoped_session
from layers.migrate import open_database, owner_engine, upgrade

# What takes a worker longest begins first, so that no worker ends with it alone.
LONGEST = (
    "tests/webmap/browser/test_hostile_texts.py",
    "tests/webmap/api/test_schemathesis.py",
    "tests/webmap/browser/test_every_page.py",
    "tests/webmap/browser/test_hostile_payloads.py",
    "tests/webmap/browser/test_story.py",
)
# The same examples each time, so that a failure comes again, however slow the machine is.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")
SHARED = PROJECT_ROOT.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first; the order within each stays."""

    def place(item: pytest.Item) -> int:
        module = item.nodeid.split("::")[0]
        return LONGEST.index(module) if module in LONGEST else len(LONGEST)

    items.sort(key=place)


def on_database(settings: Settings, name: str) -> Settings:
    """Return ``settings`` for another database of the same server."""
    if settings.database_url is None:
        return replace(settings, database=name)
    moved = make_url(settings.database_url).set(database=name)
    return replace(settings, database_url=moved.render_as_string(hide_password=False))


def administer(settings: Settings, *statements: str) -> None:
    """Run statements that no transaction may hold, as the owner."""
    url = make_url(cluster.owner_url(settings)).set(database="postgres")
    engine = make_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real files beside the project; tests that need them skip where they are absent."""
    if not SHARED.is_dir():
        pytest.skip("the folder of real data is not beside the project")
    return SHARED


@pytest.fixture(scope="session")
def template(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A database at head that nobody uses, to be cloned; its photographs are nobody's either."""
    folder = tmp_path_factory.mktemp("photographs")
    settings = replace(Settings.from_environment(os.environ), photograph_folder=folder)
    if settings.database_url is None:
        cluster.Cluster(settings).start()
    mine = on_database(settings, f"commongreen_template_{worker_id}_{os.getpid()}")
    upgrade(mine)
    yield mine
    administer(mine, f"DROP DATABASE {mine_name(mine)} WITH (FORCE)")


@pytest.fixture(scope="session", autouse=True)
def each_password_is_hashed_once() -> Iterator[None]:
    """Keep the hash of each password, at its full strength: hundreds of accounts share one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "hash_password", cache(people.hash_password))
        yield


def mine_name(settings: Settings) -> str:
    """Return the name of the database that ``settings`` mean."""
    return make_url(cluster.owner_url(settings)).database or ""


@pytest.fixture(scope="session")
def clone(template: Settings) -> Iterator[Callable[[], Settings]]:
    """Make fresh databases at head; they are dropped when the tests end."""
    made: list[Settings] = []

    def make() -> Settings:
        settings = on_database(template, f"{mine_name(template)}_{len(made)}")
        administer(
            template, f"CREATE DATABASE {mine_name(settings)} TEMPLATE {mine_name(template)}"
        )
        made.append(settings)
        return settings

    yield make
    for settings in made:
        administer(template, f"DROP DATABASE {mine_name(settings)} WITH (FORCE)")


@pytest.fixture(scope="session")
def settings(clone: Callable[[], Settings]) -> Settings:
    """The settings of the database that rolled-back tests share."""
    return clone()


@pytest.fixture(scope="module")
def committed(clone: Callable[[], Settings]) -> Settings:
    """The settings of a database of this module's own, for tests that commit."""
    return clone()


@pytest.fixture(scope="session")
def database(settings: Settings) -> Iterator[Database]:
    """The application's database, as the role that serves."""
    opened = open_database(settings)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session whose work is rolled back, though it may commit."""
    with database.engine.connect() as connection, connection.begin() as outer:
        with scoped_session(
            connection, EVERYWHERE, join_transaction_mode="create_savepoint"
        ) as inside:
            yield inside
        outer.rollback()


@pytest.fixture
def owner(settings: Settings) -> Iterator[Session]:
    """A session as the owner, rolled back, for tests that tamper or inspect."""
    engine = owner_engine(settings)
    with engine.connect() as connection, connection.begin() as outer:
        yield Session(connection)
        outer.rollback()
    engine.dispose()
