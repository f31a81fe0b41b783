"""Bring a database to the newest schema, as its owner."""

import fcntl
import os
import secrets
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import OperationalError

from layers import cluster
from layers.config import Settings
from layers.db import APP_ROLE, BATCH, Database, DatabaseError, Timeouts, make_engine

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
OURS = frozenset({None, "public", "personal"})


def owned(obj: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    """Tell Alembic which database objects are this project's."""
    from geoalchemy2 import alembic_helpers

    if kind == "table" and reflected and compared is None:
        return False
    return bool(alembic_helpers.include_object(obj, name, kind, reflected, compared))


def owner_engine(settings: Settings) -> Engine:
    """Return an engine as the owner, creating the database where it is missing."""
    url = make_url(cluster.owner_url(settings))
    try:
        create_database(url)
    except OperationalError as error:
        raise DatabaseError(
            f"The database {url.render_as_string(hide_password=True)} cannot be reached"
            f" ({str(error.orig).strip()}). Start it with 'commongreen db start' or correct"
            " DATABASE_URL."
        ) from error
    return make_engine(url)


def create_database(url: URL, template: str = "template1") -> None:
    """Create the database of ``url`` from ``template`` unless it exists."""
    if _exists(url):
        return
    engine = make_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            quote = connection.dialect.identifier_preparer.quote
            connection.execute(
                text(f"CREATE DATABASE {quote(url.database or '')} TEMPLATE {quote(template)}")
            )
    finally:
        engine.dispose()


def _exists(url: URL) -> bool:
    engine = make_engine(url)
    try:
        with engine.connect():
            return True
    except OperationalError as error:
        if "does not exist" not in str(error.orig):
            raise
        return False
    finally:
        engine.dispose()


def upgrade(settings: Settings) -> None:
    """Migrate to head and see that the application's role can log in."""
    engine = owner_engine(settings)
    with engine.begin() as connection:
        upgrade_connection(connection)
    with engine.connect() as connection:
        _ensure_password(connection, settings)
    engine.dispose()


def upgrade_connection(connection: Connection) -> None:
    """Migrate the database of ``connection`` to head within its transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def app_url(settings: Settings) -> URL:
    """Return the URL of the application's role."""
    if settings.app_database_url:
        return make_url(settings.app_database_url)
    url = make_url(cluster.owner_url(settings)).set(username=APP_ROLE)
    if settings.database_url is None:
        return url
    return url.set(password=_stored_password(settings))


def open_database(settings: Settings, timeouts: Timeouts = BATCH, **pool: Any) -> Database:
    """Return the application's database."""
    return Database(app_url(settings), timeouts, **pool)


def _password_file(settings: Settings) -> Path:
    return settings.var / "app_role_password"


def _stored_password(settings: Settings) -> str:
    path = _password_file(settings)
    if not path.exists():
        raise DatabaseError(
            f"The password of the role {APP_ROLE} is not known here. Run 'commongreen db upgrade'"
            " or set COMMONGREEN_APP_DATABASE_URL."
        )
    return path.read_text(encoding="ascii").strip()


def _ensure_password(connection: Connection, settings: Settings) -> None:
    """Give the application's role a password on a server that asks for one.

    The private cluster's socket lets only its own user in, so it needs none.
    """
    if settings.database_url is None or settings.app_database_url is not None:
        return
    path = _password_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two migrations at once would change the one role of the server at once, which fails.
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        password = file.read().strip()
        if not password:
            password = secrets.token_hex(24)
            file.write(password)
            file.flush()
        connection.execute(text(f"ALTER ROLE {APP_ROLE} LOGIN PASSWORD '{password}'"))
        connection.commit()
