"""``commongreen patrol``: what is due on cleared ground, and what was found there."""

import datetime as dt
from pathlib import Path
from typing import Any

import click

from layers.config import Settings
from webmap.commands.case_parts import (
    at_option,
    by_option,
    case_of,
    community_of,
    community_option,
    opened,
    signed,
)
from webmap.commands.options import json_option, pass_settings, show


@click.group()
def patrol() -> None:
    """Patrols over cleared ground: list what is due, record what was found."""


@patrol.command()
@community_option
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day; today where left out.")
@json_option
@pass_settings
def due(settings: Settings, code: str, as_of: dt.datetime | None, as_json: bool) -> None:
    """List the patrols that are due, the longest first."""
    from cases.ledger import today
    from cases.patrols import due_patrols

    with opened(settings) as session:
        community = community_of(session, code)
        day = today(community) if as_of is None else as_of.date()
        found = due_patrols(session, community, day)
    rows = [
        {
            "household": one.household,
            "building": one.building,
            "state": one.state,
            "accepted_on": one.accepted_on,
            "days": one.slot.days,
            "due_on": one.slot.due_on,
        }
        for one in found
    ]
    show(rows, as_json=as_json)
    if not rows and not as_json:
        click.echo("No patrol is due.")


@patrol.command()
@community_option
@click.argument("household")
@by_option
@at_option
@click.option("--note", default="", help="What is worth knowing.")
@pass_settings
def clear(
    settings: Settings, code: str, household: str, actor: str, at: dt.datetime | None, note: str
) -> None:
    """Record that a due patrol found the ground of HOUSEHOLD clear."""
    from cases.patrols import record_clear

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        found = case_of(session, community, household)
        record_clear(session, community, found.id, note, signed(session, community, actor, at))
        click.echo(f"{household} is {found.state}.")


@patrol.command()
@community_option
@click.argument("household")
@by_option
@at_option
@click.option("--polygon", type=click.Path(path_type=Path), help="A file with the ground taken.")
@click.option("--same", is_flag=True, help="It is taken as it was before.")
@click.option("--structure", default="fence", show_default=True, help="What stands there.")
@click.option("--note", default="", help="What is worth knowing.")
@pass_settings
def rebound(
    settings: Settings,
    code: str,
    household: str,
    actor: str,
    at: dt.datetime | None,
    polygon: Path | None,
    same: bool,
    structure: str,
    note: str,
) -> None:
    """Record that cleared ground of HOUSEHOLD is taken again."""
    from cases.patrols import SAME_AS_BEFORE, record_rebound
    from layers.imports.boundaries import read_boundary
    from layers.models import StructureType

    if same == (polygon is not None):
        raise click.UsageError("Give --polygon or --same, one of them.")
    if structure not in set(StructureType) - {StructureType.NONE}:
        kinds = ", ".join(one for one in StructureType if one is not StructureType.NONE)
        raise click.UsageError(f"--structure is one of {kinds}.")
    taken: Any = SAME_AS_BEFORE if polygon is None else read_boundary(polygon)
    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        found = case_of(session, community, household)
        by = signed(session, community, actor, at)
        kind = StructureType(structure)
        record_rebound(session, community, found.id, taken, kind, note, by)
        click.echo(f"{household} is {found.state}.")
