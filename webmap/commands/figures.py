"""``commongreen figures``: the official figures as of a date."""

import datetime as dt

import click

from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, show


@click.command()
@click.option("--community", "code", required=True, help="A community, or a region above some.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="A date; today where left out.")
@json_option
@pass_settings
def figures(settings: Settings, code: str, as_of: dt.datetime | None, as_json: bool) -> None:
    """Print the official figures; every area is a sum over dated polygons."""

    from cases.figures import figures as official
    from cases.ledger import today
    from webmap.commands.chosen import chosen_communities
    from webmap.commands.operator import operator_session

    with operator_session(settings) as session:
        communities = chosen_communities(session, code)
        day = as_of.date() if as_of else max(map(today, communities), default=dt.date.today())
        found = official(session, communities, day)
    if as_json:
        show(found, as_json=True)
        return
    parts = found.pop("by_building", None) or found.pop("by_community", [])
    show(found, as_json=False)
    click.echo()
    show(parts, as_json=False)
