"""``commongreen certificate``: a server's certificate for an intranet, and its authority."""

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--host",
    "hosts",
    multiple=True,
    required=True,
    help="A name or address by which phones reach the server; give each.",
)
def certificate(folder: Path, hosts: tuple[str, ...]) -> None:
    """Write a certificate for the server into FOLDER, signed by an authority made beside it.

    Run it again to renew: the authority stays, and phones that trust it need nothing new.
    docs/https.md says how to install it on them.
    """
    from webmap.certificates import make_certificates  # The library takes a moment to import.

    made = make_certificates(folder, hosts)
    click.echo(f"{made.tls.certificate} is good for {', '.join(made.hosts)} until {made.until}.")
    if made.is_new_authority:
        click.echo(f"Install {made.authority} on every phone, once (docs/https.md).")
        click.echo(f"Keep {made.authority.with_suffix('.key')} where nobody else reads it.")
    click.echo(
        f"Serve with: commongreen serve --host 0.0.0.0 --tls-cert {made.tls.certificate}"
        f" --tls-key {made.tls.key}"
    )
