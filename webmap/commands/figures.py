"""``commongreen figures``: the official figures as of a date."""

import datetime as dt
from typing import Any

import click

from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, show


@click.command()
@click.option("--community", "code", required=True, help="A community, or a region above some.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="A date; today where left out.")
@click.option("--parts", is_flag=True, help="A row per building, or per community of a region.")
@json_option
@pass_settings
def figures(
    settings: Settings, code: str, as_of: dt.datetime | None, parts: bool, as_json: bool
) -> None:
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
    rows = found.pop("by_building", None) or found.pop("by_community", [])
    show(_printed(found), as_json=False)
    if parts:
        click.echo()
        show([_printed(row) for row in rows if _says_anything(row)], as_json=False)


def _printed(row: dict[str, Any]) -> dict[str, Any]:
    """Return areas as they are reported, to 0.01 m2."""
    return {name: f"{value:.2f}" if name.endswith("_m2") else value for name, value in row.items()}


def _says_anything(row: dict[str, Any]) -> bool:
    """Leave out the buildings where nothing was ever found."""
    return any(row[name] for name in ("suspected_m2", "encroached_m2", "landscaped_m2"))
