"""``commongreen check``: verifies what must always hold."""

import click

from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, progress, show


@click.command()
@click.option("--community", "code", help="A community or a region; everything where left out.")
@json_option
@pass_settings
def check(settings: Settings, code: str | None, as_json: bool) -> None:
    """Verify roles, durability, indexes, areas, ledger and cases; exit 1 if anything is wrong."""
    from dataclasses import asdict

    from cases.checks import check_community, check_database
    from webmap.commands.chosen import chosen_communities
    from webmap.commands.operator import operator_session

    with operator_session(settings) as session:
        found = check_database(session)
        communities = chosen_communities(session, code)
        with progress(communities, label="Checking") as bar:
            for community in bar:
                found += check_community(session, community)
    if as_json:
        show([asdict(violation) for violation in found], as_json=True)
    elif found:
        show([asdict(violation) for violation in found], as_json=False)
    else:
        click.echo(f"{len(communities)} communities: nothing is wrong.")
    if found:
        raise click.exceptions.Exit(1)
