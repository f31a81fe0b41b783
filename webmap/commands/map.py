"""``commongreen map``: a community's map as one file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gis.problems import InputError, Problem, Said
from layers.config import Settings
from webmap.commands.options import pass_settings, progress

if TYPE_CHECKING:  # The database's libraries take a second to import.
    from cases.map_data import ChangeDay


@click.command(name="map")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--community", "code", required=True, help="The community whose map it is.")
@click.option(
    "--lang",
    "language",
    type=click.Choice(["zh_Hans", "en"]),
    default="zh_Hans",
    show_default=True,
    help="The language of its words.",
)
@pass_settings
def map_(settings: Settings, file: Path, code: str, language: str) -> None:
    """Write the map as one HTML file that opens with no server and no network.

    No household, name or document is in the file.
    """
    from layers.db import EVERYWHERE, Scope
    from webmap.commands.chosen import chosen_communities
    from webmap.commands.operator import operator_database
    from webmap.export_map import write_map

    if file.suffix.lower() not in {".html", ".htm"}:
        message = Said("{name!r} does not end in .html.", name=file.name)
        raise InputError([Problem("file_name", message, "Name it so.", field="FILE")])
    with operator_database(settings) as database:
        with database.session(EVERYWHERE) as session:
            ids = [community.id for community in chosen_communities(session, code)]
        if len(ids) != 1:
            message = Said(
                "{code!r} is {count} communities, and a file holds one.", code=code, count=len(ids)
            )
            raise InputError([Problem("one_community", message, "Name one.", field="community")])
        with database.session(Scope(frozenset(ids))) as session:
            write_map(session, ids[0], file, language, _shown)
    click.echo(f"{file}: {file.stat().st_size / 1e6:.1f} MB")


def _shown(days: "Sequence[ChangeDay]") -> "Iterator[ChangeDay]":
    """Pass the days on; on a terminal a bar on stderr follows them."""
    with progress(days, label="Figures") as shown:
        yield from shown
