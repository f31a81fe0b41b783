"""A transaction that loses to another is run again, whole (SAFETY, "Conflicts")."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from psycopg.errors import DeadlockDetected, SerializationFailure
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from layers.db import Database, Scope

RETRIES = 3
LONGEST_PAUSE_SECONDS = 0.1

Result = TypeVar("Result")


def transact(database: Database, scope: Scope, work: Callable[[Session], Result]) -> Result:
    """Run ``work`` in a transaction of its own, commit it and return what it returned.

    After a deadlock or a serialization failure nothing of the run remains, and
    ``work`` runs again from its start, up to ``RETRIES`` times; so it must read all
    that it needs by itself. Raises what the last run raised.
    """
    for run in range(RETRIES + 1):
        try:
            with database.session(scope) as session, session.begin():
                return work(session)
        except DBAPIError as error:
            if run == RETRIES or not is_lost(error):
                raise
        # Two that met once and wait for equally long would meet again.
        time.sleep(random.uniform(0, LONGEST_PAUSE_SECONDS))
    raise AssertionError("the last run returns or raises")


def is_lost(error: DBAPIError) -> bool:
    """Tell a transaction that another one defeated from every other failure."""
    return isinstance(error.orig, DeadlockDetected | SerializationFailure)
