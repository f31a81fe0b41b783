"""The session of whoever runs a command: the operator of the installation sees everything."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from layers.config import Settings
from layers.db import EVERYWHERE
from layers.migrate import open_database


@contextmanager
def operator_session(settings: Settings) -> Iterator[Session]:
    """Yield a session on everything; what is not committed is lost."""
    database = open_database(settings)
    try:
        with database.session(EVERYWHERE) as session:
            yield session
    finally:
        database.engine.dispose()
