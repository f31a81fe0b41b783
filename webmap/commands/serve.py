"""``commongreen serve``: the web application on gunicorn."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gis.problems import InputError, Problem
from layers.config import MAXIMUM_PORT, Settings
from webmap.commands.options import pass_settings

if TYPE_CHECKING:
    from webmap.certificates import Tls

PEM = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--host", help="The address to listen on; loopback where none is set.")
@click.option("--port", type=click.IntRange(1, MAXIMUM_PORT), help="The port to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True)
@click.option(
    "--silence",
    type=click.IntRange(1, 600),
    default=30,
    show_default=True,
    help="Seconds after which whoever says nothing within a request is cut off.",
)
@click.option("--tls-cert", type=PEM, help="Serve HTTPS with this certificate (PEM).")
@click.option("--tls-key", type=PEM, help="The key of the certificate (PEM).")
@pass_settings
def serve(
    settings: Settings,
    host: str | None,
    port: int | None,
    workers: int,
    silence: int,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> None:
    """Serve the pages, the map and the API until it is told to stop.

    Phones capture in the field over HTTPS alone; docs/https.md says how to get a certificate.
    """
    from webmap.server import Serving  # Flask and gunicorn take a second to import.
    from webmap.server import serve as serve_until_stopped

    tls = _tls(tls_cert, tls_key)
    chosen = replace(settings, host=host or settings.host, port=port or settings.port)
    serve_until_stopped(chosen, Serving(workers=workers, silence=silence, tls=tls))


def _tls(certificate: Path | None, key: Path | None) -> "Tls | None":
    from webmap.certificates import Tls

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        message = "A certificate and its key come together."
        missing = "tls-key" if key is None else "tls-cert"
        raise InputError([Problem("tls_half", message, "Give both or neither.", field=missing)])
    return Tls(certificate, key)
