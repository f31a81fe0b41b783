"""``commongreen flag``: lays waiting observations over parcels, opens and updates cases."""

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, progress, show

if TYPE_CHECKING:
    from cases.flagging import FlagReport


@click.command()
@click.option("--community", "code", help="A community or a region; everything where left out.")
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="When it was flagged, in UTC; now where left out.",
)
@json_option
@pass_settings
def flag(settings: Settings, code: str | None, at: dt.datetime | None, as_json: bool) -> None:
    """Flag encroachments; running it again changes nothing."""
    from cases.flagging import flag_all  # GeoPandas and SQLAlchemy take a second.
    from layers.db import EVERYWHERE
    from webmap.commands.chosen import chosen_communities
    from webmap.commands.operator import operator_database

    moment = None if at is None else at.replace(tzinfo=dt.UTC)
    with operator_database(settings) as database:
        with database.session(EVERYWHERE) as session:
            ids = [community.id for community in chosen_communities(session, code)]
        with progress(ids, label="Flagging") as bar:
            report = flag_all(database, ids, at=moment, done=bar.update)
    shown = asdict(report)
    shown["new_m2"] = round(report.new_m2, 2)
    notes = shown.pop("notes")
    show(shown, as_json=as_json)
    for note in [*notes, *_hints(code, report)]:
        click.echo(note, err=True)


def _hints(code: str | None, report: "FlagReport") -> list[str]:
    """Say what waits for a person, and where to find it."""
    place = code or "CODE"
    hints = []
    if report.undecided:
        hints.append(
            f"{report.undecided} encroachments have nobody who answers: figures count them apart"
            f" until somebody decides (commongreen case undecided --community {place})."
        )
    if report.unknown_title:
        hints.append(
            f"{report.unknown_title} overlaps lie on parcels of unknown or disputed title and"
            " accuse nobody: import the parcels again with their title_basis and title_evidence."
        )
    return hints
