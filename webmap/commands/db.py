"""``commongreen db``: the private PostGIS cluster and the migrations."""

from typing import Any

import click

from layers.cluster import Cluster, owner_url
from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, show

EXTERNAL = "DATABASE_URL is set: the private cluster is not used."


@click.group()
def db() -> None:
    """Run the private PostGIS cluster and the migrations."""


@db.command()
@pass_settings
def start(settings: Settings) -> None:
    """Start the private cluster, creating it the first time."""
    if settings.database_url:
        click.echo(EXTERNAL)
        return
    status = Cluster(settings).start()
    click.echo(f"PostgreSQL {status.major} is running (process {status.pid}).")


@db.command()
@pass_settings
def stop(settings: Settings) -> None:
    """Stop the private cluster cleanly."""
    if settings.database_url:
        click.echo(EXTERNAL)
        return
    stopped = Cluster(settings).stop()
    click.echo("PostgreSQL has stopped." if stopped else "PostgreSQL was not running.")


@db.command()
@json_option
@pass_settings
def status(settings: Settings, as_json: bool) -> None:
    """Show the database's state; exit 1 unless it is ready."""
    figures = _external(settings) if settings.database_url else _private(settings)
    show(figures, as_json=as_json)
    if not figures["ready"]:
        click.get_current_context().exit(1)


@db.command()
@click.option("--app", is_flag=True, help="The application's role instead of the owner's.")
@pass_settings
def url(settings: Settings, app: bool) -> None:
    """Print the database's address, as psql and DATABASE_URL take it."""
    if app:
        from layers.migrate import app_url  # SQLAlchemy and Alembic take 0.4 s to import.

        address = app_url(settings).render_as_string(hide_password=False)
    else:
        address = owner_url(settings)
    click.echo(address.replace("postgresql+psycopg://", "postgresql://", 1))


@db.command()
@pass_settings
def upgrade(settings: Settings) -> None:
    """Bring the database to the newest schema, creating it where it is missing."""
    from layers.migrate import upgrade  # SQLAlchemy and Alembic take 0.4 s to import.

    upgrade(settings)
    click.echo("The database has the newest schema.")


def _private(settings: Settings) -> dict[str, Any]:
    state = Cluster(settings).status()
    return {
        "private": True,
        "ready": state.ready,
        "running": state.running,
        "pid": state.pid,
        "postgresql": state.major,
        "data": state.data,
        "socket_folder": state.socket_folder,
        "log": state.log,
    }


def _external(settings: Settings) -> dict[str, Any]:
    import psycopg  # Only a database of one's own needs it here.

    address = owner_url(settings).replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        with psycopg.connect(address, connect_timeout=5) as connection:
            version = connection.info.server_version // 10_000
            return {"private": False, "ready": True, "postgresql": version, "reason": None}
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        return {"private": False, "ready": False, "postgresql": None, "reason": reason}
