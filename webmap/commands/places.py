"""``commongreen community``: the places, each with the CRS in which its areas are taken."""

from pathlib import Path

import click

from gis.problems import InputError, Problem
from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, show

REGION_KINDS = ("city", "district", "street", "town")


@click.group()
def community() -> None:
    """Add and list compounds, and the towns, districts and cities above them."""


@community.command()
@click.argument("code")
@click.option("--name", required=True, help="The name as people say it.")
@click.option("--survey-crs", help="EPSG code in which a compound's areas are taken: EPSG:4550.")
@click.option("--within", help="The code of the region that it lies in.")
@click.option(
    "--kind", type=click.Choice(REGION_KINDS), help="Add a region of this kind, no compound."
)
@click.option("--boundary", type=click.Path(path_type=Path), help="A file with the boundary.")
@click.option("--time-zone", help="Where its days begin; Asia/Shanghai where none is given.")
@pass_settings
def add(
    settings: Settings,
    code: str,
    name: str,
    survey_crs: str | None,
    within: str | None,
    kind: str | None,
    boundary: Path | None,
    time_zone: str | None,
) -> None:
    """Add a compound with --survey-crs, or a region above compounds with --kind."""
    if (survey_crs is None) == (kind is None):
        text = "A compound needs --survey-crs, a region above compounds --kind."
        raise InputError([Problem("place_kind", text, "Give one of the two.")])
    if kind is not None:
        _refuse_for_region(boundary=boundary, time_zone=time_zone)
        _add_region(settings, code, name, kind, within)
    else:
        _add_community(settings, code, name, survey_crs or "", within, boundary, time_zone)
    click.echo(f"{code} is added.")


@community.command()
@click.argument("code")
@click.argument("file", type=click.Path(path_type=Path))
@pass_settings
def boundary(settings: Settings, code: str, file: Path) -> None:
    """Give a compound the boundary in a file: imports outside it are refused."""
    from layers.imports.boundaries import read_boundary  # GeoPandas and SQLAlchemy take a second.
    from layers.places import set_boundary
    from webmap.commands.operator import operator_session

    outline = read_boundary(file)
    with operator_session(settings) as session, session.begin():
        set_boundary(session, code, outline)
    click.echo(f"{code} has its boundary.")


@community.command("list")
@json_option
@pass_settings
def list_(settings: Settings, as_json: bool) -> None:
    """List every place, those above first."""
    from layers.places import list_places
    from webmap.commands.operator import operator_session

    with operator_session(settings) as session:
        show(list_places(session), as_json=as_json)


def _refuse_for_region(**given: object) -> None:
    """Refuse options that only a compound has."""
    problems = [
        Problem("place_kind", "Only a compound has it.", "Leave it out.", field=name)
        for name, value in given.items()
        if value is not None
    ]
    if problems:
        raise InputError(problems)


def _add_region(settings: Settings, code: str, name: str, kind: str, within: str | None) -> None:
    from layers.models import RegionKind
    from layers.places import add_region
    from webmap.commands.operator import operator_session

    with operator_session(settings) as session, session.begin():
        add_region(session, code, name, RegionKind(kind), within)


def _add_community(
    settings: Settings,
    code: str,
    name: str,
    survey_crs: str,
    within: str | None,
    boundary: Path | None,
    time_zone: str | None,
) -> None:
    from layers.imports.boundaries import read_boundary
    from layers.places import CommunityForm, add_community
    from webmap.commands.operator import operator_session

    zone = {} if time_zone is None else {"time_zone": time_zone}
    outline = None if boundary is None else read_boundary(boundary)
    form = CommunityForm(code, name, survey_crs, within=within, boundary=outline, **zone)
    with operator_session(settings) as session, session.begin():
        add_community(session, form)
