"""The session of whoever runs a command: the operator of the installation sees everything."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from layers.config import Settings
from layers.db import EVERYWHERE, Database
from layers.migrate import open_database


@contextmanager
def operator_database(settings: Settings) -> Iterator[Database]:
    """Yield the application's database; its connections are closed at the end."""
    database = open_database(settings)
    try:
        yield database
    finally:
        database.engine.dispose()


@contextmanager
def operator_session(settings: Settings) -> Iterator[Session]:
    """Yield a session on everything; what is not committed is lost."""
    with operator_database(settings) as database, database.session(EVERYWHERE) as session:
        yield session
