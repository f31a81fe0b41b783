"""``commongreen serve``: the web application on gunicorn."""

from dataclasses import replace

import click

from layers.config import MAXIMUM_PORT, Settings
from webmap.commands.options import pass_settings


@click.command()
@click.option("--host", help="The address to listen on; loopback where none is set.")
@click.option("--port", type=click.IntRange(1, MAXIMUM_PORT), help="The port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True)
@pass_settings
def serve(settings: Settings, host: str | None, port: int | None, workers: int) -> None:
    """Serve the pages, the map and the API until it is told to stop."""
    from webmap.server import Serving  # Flask and gunicorn take a second to import.
    from webmap.server import serve as serve_until_stopped

    chosen = replace(settings, host=host or settings.host, port=port or settings.port)
    serve_until_stopped(chosen, Serving(workers=workers))
