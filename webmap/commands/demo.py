"""``commongreen demo``: builds invented compounds and serves them."""

from dataclasses import replace

import click

from layers.config import Settings
from webmap.commands.options import pass_settings


@click.command()
@click.option(
    "--communities",
    type=click.IntRange(1, 2500),
    default=2,
    show_default=True,
    help="How many compounds: the first has finished, the others are in the middle.",
)
@click.option("--serve/--no-serve", default=True, help="Serve the demo when it is built.")
@pass_settings
def demo(settings: Settings, communities: int, serve: bool) -> None:
    """Build invented compounds with the story's own numbers, and serve them."""
    from cases.demo.load import build, make_accounts
    from webmap.commands.operator import operator_database

    if serve:
        from webmap.server import check_port

        check_port(settings)
    with operator_database(settings) as database:
        build(database, communities, lambda what: click.echo(f"Building {what}", err=True))
        accounts = make_accounts(database)
    click.echo("Accounts of the demo:")
    for address, password, role in accounts:
        click.echo(f"  {address:<32} {password:<18} {role}")
    if serve:
        from webmap.server import serve as serve_until_stopped

        # Who looks at the demo has no second factor for each of its people.
        serve_until_stopped(replace(settings, second_factor_roles=()))
