"""The database of a serving process: made at its first use, never before a fork."""

import threading

from flask import current_app

from layers.config import Settings
from layers.db import REQUEST, Database
from layers.migrate import open_database

# Two workers of four threads stay far under PostgreSQL's default of 100 connections.
POOL = {"pool_size": 5, "max_overflow": 5, "pool_timeout": 5}


class Connections:
    """Keeps one database per process."""

    def __init__(self, settings: Settings) -> None:
        """Keep ``settings``; nothing connects."""
        self.settings = settings
        self._lock = threading.Lock()
        self._database: Database | None = None

    def database(self) -> Database:
        """Return the database as the application's role, with the limits of a request."""
        with self._lock:
            if self._database is None:
                self._database = open_database(self.settings, REQUEST, **POOL)
            return self._database

    def close(self) -> None:
        """Close every connection; the next use opens anew."""
        with self._lock:
            if self._database is not None:
                self._database.engine.dispose()
            self._database = None


def current_connections() -> Connections:
    """Return the connections of the running application."""
    found = current_app.extensions["commongreen"]
    assert isinstance(found, Connections)
    return found


def current_database() -> Database:
    """Return the database of the running application."""
    return current_connections().database()


def current_settings() -> Settings:
    """Return the settings of the running application."""
    return current_connections().settings
