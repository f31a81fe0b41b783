"""``commongreen case visit-record``: the paper of a household visit."""

import datetime as dt

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
from webmap.commands.options import pass_settings


@click.command("visit-record")
@community_option
@click.argument("household")
@by_option
@at_option
@click.option(
    "--on",
    "visited_on",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day of the visit; the latest one where left out.",
)
@pass_settings
def visit_record(
    settings: Settings,
    code: str,
    household: str,
    actor: str,
    at: dt.datetime | None,
    visited_on: dt.datetime | None,
) -> None:
    """Issue the record of a visit of a household as a paper, once for each visit."""
    from cases.documents import number_of
    from cases.visit_records import issue_visit_record, visit_on

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        day = visited_on and visited_on.date()
        visit = visit_on(session, case_of(session, community, household), day)
        by = signed(session, community, actor, at)
        number = number_of(issue_visit_record(session, community, visit.id, by))
    click.echo(f"The visit of {household} on {visit.visited_on} has its record, {number}.")
