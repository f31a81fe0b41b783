"""The server: gunicorn in this process, after the database has been found fit to serve."""

import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from sqlalchemy.exc import OperationalError

from layers.config import Settings
from layers.db import REQUEST, DatabaseError
from layers.migrate import open_database
from layers.readiness import serving_faults
from webmap.app import create_app
from webmap.certificates import Tls, check_tls
from webmap.waiting import answering, impatient

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


@dataclass(frozen=True)
class Serving:
    """How many answer at once, and how long one answer may take.

    ``timeout`` in seconds is that of a worker that no longer moves; requests end
    before, by the database's own limits. Who says nothing for ``silence`` seconds within a
    request is cut off. With ``tls`` HTTPS is served, and nothing else.
    """

    workers: int = 2
    threads: int = 4
    timeout: int = 60
    graceful_timeout: int = 15
    silence: int = 30
    tls: Tls | None = None


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with our settings instead of its command line and files."""

    def __init__(self, settings: Settings, serving: Serving) -> None:
        """Keep what to serve; :meth:`run` does."""
        self.settings = settings
        self.serving = serving
        super().__init__()

    def load_config(self) -> None:
        """Tell gunicorn where to listen and how."""
        for name, value in {
            "bind": self._bind(),
            "workers": self.serving.workers,
            "worker_class": impatient(self.serving.silence),
            "threads": self.serving.threads,
            "timeout": self.serving.timeout,
            "graceful_timeout": self.serving.graceful_timeout,
            "keepalive": 5,
            "proc_name": "commongreen",
            "when_ready": self._announce,
            "errorlog": "-",
            "loglevel": "info" if self.settings.debug else "warning",
        }.items():
            self.cfg.set(name, value)
        if tls := self.serving.tls:
            self.cfg.set("certfile", str(tls.certificate))
            self.cfg.set("keyfile", str(tls.key))

    def _bind(self) -> str:
        host = self.settings.host
        return f"{f'[{host}]' if ':' in host else host}:{self.settings.port}"

    def _announce(self, _arbiter: Arbiter) -> None:
        """Say where, once connections are taken."""
        workers = self.serving.workers
        scheme = "https" if self.serving.tls else "http"
        line = f"Serving on {scheme}://{self._bind()} with {workers} workers; Ctrl+C stops."
        print(line, file=sys.stderr, flush=True)

    def load(self) -> "WSGIApplication":
        """Make the application, in each worker after its fork."""
        return answering(create_app(self.settings))


def check_database(settings: Settings) -> None:
    """Raise ``DatabaseError`` with every reason not to serve (SAFETY, "Roles of the database")."""
    database = open_database(settings, REQUEST)
    try:
        faults = serving_faults(database)
    except OperationalError as error:
        raise DatabaseError(
            f"The database cannot be reached ({str(error.orig).strip()})."
            " Start it with 'commongreen db start'."
        ) from error
    finally:
        database.engine.dispose()
    if faults:
        raise DatabaseError(" ".join(("The program does not serve on this database:", *faults)))


def check_port(settings: Settings) -> None:
    """Raise ``click.ClickException`` where the address cannot be listened on."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.create_server((settings.host, settings.port), family=family):
            pass
    except OSError as error:
        raise click.ClickException(
            f"{settings.host}:{settings.port} cannot be listened on ({error.strerror})."
            " Stop what uses it, or choose another port with --port or COMMONGREEN_PORT."
        ) from error


def serve(settings: Settings, serving: Serving | None = None) -> None:
    """Serve until SIGTERM or SIGINT; open answers are finished first."""
    serving = serving or Serving()
    if serving.tls:
        check_tls(serving.tls)
    check_database(settings)
    check_port(settings)
    Server(settings, serving).run()
