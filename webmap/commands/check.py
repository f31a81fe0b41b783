"""``commongreen check``: verifies what must always hold."""

import click

from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, show


@click.command()
@click.option("--community", "code", help="A community or a region; everything where left out.")
@json_option
@pass_settings
def check(settings: Settings, code: str | None, as_json: bool) -> None:
    """Verify roles, durability, indexes, areas, ledger and cases; exit 1 if anything is wrong."""
    from dataclasses import asdict

    from sqlalchemy import select

    from cases.checks import check_community, check_database
    from layers.db import EVERYWHERE
    from layers.migrate import open_database
    from layers.models import Community
    from webmap.commands.chosen import chosen_communities

    database = open_database(settings)
    ids = None if code is None else chosen_communities(database, code)
    with database.session(EVERYWHERE) as session:
        found = check_database(session)
        chosen = select(Community).order_by(Community.code)
        if ids is not None:
            chosen = chosen.where(Community.id.in_(ids))
        communities = session.scalars(chosen).all()
        with click.progressbar(communities, label="Checking") as bar:
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
