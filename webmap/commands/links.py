"""``commongreen link``: which household a parcel belongs to."""

from pathlib import Path
from typing import Any

import click

from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, show


@click.command()
@click.option("--community", required=True, help="The code of the community.")
@click.option(
    "--csv",
    "table",
    type=click.Path(path_type=Path),
    help="A table with the columns parcel, household, role, share, whose links replace theirs.",
)
@click.option("--dry-run", is_flag=True, help="Show what would happen and change nothing.")
@json_option
@pass_settings
def link(
    settings: Settings, community: str, table: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Link parcels that have no household, and list those that a person must decide.

    A parcel is linked where one ground-floor household of the building it faces
    is clearly the nearest. The others are listed with the nearest and the
    runner-up: write your decisions into a table and give it with --csv.
    """
    from layers.imports.link_table import set_links
    from layers.imports.linking import link_unlinked
    from layers.places import find_community, lock_community
    from webmap.commands.operator import operator_session

    with operator_session(settings) as session:
        place = find_community(session, community)
        lock_community(session, place.id)
        done = set_links(session, place, table) if table else link_unlinked(session, place)
        if not dry_run:
            session.commit()
    undecided = [one.row() for one in done.undecided]
    figures: dict[str, Any] = {
        "linked": done.linked,
        "removed": done.removed,
        "unchanged": done.unchanged,
        "undecided": undecided,
    }
    if as_json:
        show(figures, as_json=True)
        return
    click.echo(f"{done.linked} links made, {done.removed} removed, {done.unchanged} parcels kept.")
    if undecided:
        click.echo(f"{len(undecided)} parcels for a person to decide:")
        show(undecided, as_json=False)
