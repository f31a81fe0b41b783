"""``commongreen lane`` and ``commongreen case assign``: who works where, and on what."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from cases.assignment import Duty
    from layers.models import Community


@click.group()
def lane() -> None:
    """Lanes: which buildings one housekeeper looks after."""


@lane.command("list")
@community_option
@json_option
@pass_settings
def list_(settings: Settings, code: str, as_json: bool) -> None:
    """List the lanes with their buildings."""
    from cases.lanes import list_lanes

    with opened(settings) as session:
        found = list_lanes(session, community_of(session, code))
    rows = [
        {
            "lane": one.ref,
            "name": one.name,
            "housekeeper": one.housekeeper,
            "cases": one.cases,
            "buildings": list(one.buildings) if as_json else " ".join(one.buildings),
        }
        for one in found
    ]
    show(rows, as_json=as_json)
    if not rows and not as_json:
        click.echo("No lanes.")


@lane.command("import")
@click.argument("table", type=click.Path(path_type=Path))
@community_option
@by_option
@at_option
@json_option
@pass_settings
def import_(
    settings: Settings, table: Path, code: str, actor: str, at: dt.datetime | None, as_json: bool
) -> None:
    """Take lanes from a CSV with the columns lane, building, name, housekeeper.

    Each row is a building of a lane. A lane of the table then has exactly its buildings
    there, and cases under way follow. housekeeper is an e-mail address.
    """
    from cases.lanes import import_lanes

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        done = import_lanes(session, community, table, signed(session, community, actor, at))
    if as_json:
        figures = {
            "lanes": done.lanes,
            "buildings": done.buildings,
            "cases_changed": done.cases_changed,
        }
        show(figures, as_json=True)
        return
    click.echo(
        f"{done.lanes} lanes of {done.buildings} buildings;"
        f" {done.cases_changed} cases have another housekeeper."
    )


@click.command()
@community_option
@click.argument("households", nargs=-1, required=True)
@by_option
@at_option
@click.option("--housekeeper", help="Who looks after the household, by e-mail address.")
@click.option("--inspector", help="Who inspects, by e-mail address.")
@click.option("--follow-lane", is_flag=True, help="Let the housekeeper follow the lane again.")
@pass_settings
def assign(
    settings: Settings,
    code: str,
    households: tuple[str, ...],
    actor: str,
    at: dt.datetime | None,
    housekeeper: str | None,
    inspector: str | None,
    follow_lane: bool,
) -> None:
    """Assign the cases of HOUSEHOLDS to a housekeeper, an inspector, or both."""
    from cases import assignment

    if not (housekeeper or inspector or follow_lane) or (housekeeper and follow_lane):
        raise click.UsageError("Give --housekeeper or --follow-lane, --inspector, or both kinds.")
    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        by = signed(session, community, actor, at)
        cases = [case_of(session, community, household).id for household in households]
        changed = 0
        if follow_lane:
            changed += assignment.follow_lane(session, community, cases, by)
        for duty, email in (("housekeeper", housekeeper), ("inspector", inspector)):
            if email:
                kind = assignment.Duty(duty)
                account = _worker(session, community, kind, email)
                changed += assignment.assign(session, community, cases, kind, account, by)
    click.echo(f"{changed} assignments of {len(cases)} cases changed.")


def _worker(session: "Session", community: "Community", duty: "Duty", email: str) -> int:
    """Return the account of somebody who works in a community; raises ``InputError``."""
    from cases.assignment import workers
    from gis.problems import InputError, Problem, Said

    known = {one.email: one.id for one in workers(session, community, duty)}
    if (found := known.get(email.strip().lower())) is not None:
        return found
    text = Said(
        "{email!r} works in {code} as no {duty}.", email=email, code=community.code, duty=duty
    )
    raise InputError([Problem("no_worker", text, "Give the role first.", field=duty)])
