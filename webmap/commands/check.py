"""``commongreen check``: verifies what must always hold."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, progress, show

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from cases.checks import Violation
    from cases.photograph_files import PhotographFiles


@click.command()
@click.option("--community", "code", help="A community or a region; everything where left out.")
@click.option(
    "--noted",
    metavar="ENTRIES:HASH",
    help="A head of the community's chain that was written down earlier: it must still hold.",
)
@click.option("--heads", "only_heads", is_flag=True, help="Only print the heads of the chains.")
@click.option("--sweep", is_flag=True, help="Remove files that no photograph names.")
@json_option
@pass_settings
def check(
    settings: Settings,
    code: str | None,
    noted: str | None,
    only_heads: bool,
    sweep: bool,
    as_json: bool,
) -> None:
    """Verify roles, durability, indexes, history, areas, ledger, cases and photographs.

    Prints the head of each community's chain; exit 1 if anything is wrong.
    """
    from cases.chain import head, parse_head
    from cases.checks import check_community, check_database, check_photographs
    from cases.field.parts import UPLOADS, Parts
    from cases.field.uploads import sweep_uploads
    from cases.photograph_files import PhotographFiles
    from webmap.commands.chosen import chosen_communities
    from webmap.commands.operator import operator_session

    known = None if noted is None else parse_head(noted)
    files = PhotographFiles(settings.photographs)
    found: list[Violation] = []
    with operator_session(settings) as session:
        communities = chosen_communities(session, code)
        if known is not None and len(communities) != 1:
            raise click.UsageError("A noted head is that of one community: name it.")
        heads = [{"community": one.code, "head": str(head(session, one))} for one in communities]
        if not only_heads:
            found = check_database(session)
            with progress(communities, label="Checking") as bar:
                for community in bar:
                    found += check_community(session, community, known)
                    found += check_photographs(session, community, files)
            _tell_orphans(session, files, is_swept=sweep)
            if sweep:
                sweep_uploads(session, Parts(files.folder / UPLOADS))
                session.commit()
    if only_heads or not as_json:
        show(heads, as_json=as_json)
    if not only_heads:
        _show_violations(found, len(heads), as_json=as_json)
    if found:
        raise click.exceptions.Exit(1)


def _tell_orphans(session: "Session", files: "PhotographFiles", *, is_swept: bool) -> None:
    """Say on stderr what work that was cut off left behind; it is no violation."""
    from cases.photographs import hashes, sweep

    orphans = sweep(session, files) if is_swept else files.orphans(hashes(session))
    if orphans and is_swept:
        click.echo(f"{len(orphans)} files of no photograph were removed.", err=True)
    elif orphans:
        hint = "uploads under way or cut off; --sweep removes them"
        click.echo(f"{len(orphans)} files belong to no photograph: {hint}.", err=True)


def _show_violations(found: "Sequence[Violation]", communities: int, *, as_json: bool) -> None:
    if found or as_json:
        show([asdict(violation) for violation in found], as_json=as_json)
    else:
        click.echo(f"{communities} communities: nothing is wrong.")
