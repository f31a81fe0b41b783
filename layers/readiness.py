"""Whether a database is fit to be served: its schema, the role, what protects its writes."""

import functools

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError

from layers.db import NOWHERE, Database, durability_faults, role_faults
from layers.migrate import MIGRATIONS

_REMEDY = "Run 'commongreen db upgrade'."


def serving_faults(database: Database) -> list[str]:
    """Return every reason not to serve on this database, one sentence each."""
    with database.session(NOWHERE) as session:
        connection = session.connection()
        faults = [*role_faults(connection), *durability_faults(connection)]
        # Last, because a missing table ends the transaction.
        return [*faults, *schema_faults(connection)]


def schema_faults(connection: Connection) -> list[str]:
    """Return why the schema is not the one that this program was written for."""
    try:
        stored = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except ProgrammingError:
        return [f"The database has no schema. {_REMEDY}"]
    if stored == newest_version():
        return []
    return [f"The database has schema {stored}, the program needs {newest_version()}. {_REMEDY}"]


@functools.cache
def newest_version() -> str | None:
    """Return the newest revision that the program knows."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()
