"""``commongreen import``: a file taken into a community, or shown what it would do."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gis.problems import InputError, Problem, Said
from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, show

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from layers.imports.intake import Outcome, RefusedError
    from layers.imports.plans import Covers, ImportPolicy
    from layers.models import Community

KINDS = ("buildings", "households", "parcels", "observations", "sites")
LINKS = ("auto", "attribute", "spatial", "none")
PURPOSES = ("register", "baseline_survey", "verification", "residual", "patrol")
STEPS = 3


@click.command("import")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--community", required=True, help="The code of the community.")
@click.option("--layer", help="The layer, where the file has several.")
@click.option("--crs", help="EPSG code, where the file names no CRS.")
@click.option("--swap-xy", is_flag=True, help="The file gives north as x.")
@click.option("--encoding", help="Encoding of its text, such as GBK, where the file is silent.")
@click.option("--field", "fields", multiple=True, metavar="OURS=THEIRS", help="Our field, theirs.")
@click.option("--set", "constants", multiple=True, metavar="OURS=VALUE", help="One for all rows.")
@click.option("--rms", type=float, help="RMS of a vertex in metres, where the file has none.")
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="The day of the survey.")
@click.option("--surveyor", default="", help="Who surveyed.")
@click.option("--purpose", type=click.Choice(PURPOSES), help="Why the ground was looked at.")
@click.option("--links", type=click.Choice(LINKS), default="auto", help="Households of parcels.")
@click.option("--covers", help="Ground looked at: community, buildings:REF,REF or a FILE.")
@click.option("--register-area", metavar="COLUMN", help="The file's own areas in m2, to compare.")
@click.option("--allow-overlaps", is_flag=True, help="Take parcels that lie on others.")
@click.option(
    "--allow-unknown-buildings", is_flag=True, help="Take rows whose building is not there."
)
@click.option("--ground-floor", type=int, help="The number of the ground floor; 1 in China.")
@click.option("--repair", is_flag=True, help="Show what a repair of broken polygons would do.")
@click.option("--accept-repair", is_flag=True, help="Repair broken polygons and take them.")
@click.option("--dry-run", is_flag=True, help="Show what would happen and change nothing.")
@click.option(
    "--dry-run-map",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="Draw what would happen, or what is refused, and change nothing.",
)
@json_option
@pass_settings
def import_(settings: Settings, /, **given: Any) -> None:
    """Take FILE into a community as KIND.

    Any vector format that GDAL reads, CSV with coordinates or WKT, GeoParquet,
    zipped or not. The file is refused whole, with every reason and remedy, or
    taken whole: the same file again changes nothing.
    """
    from layers.imports.intake import Reading, RefusedError, Repairing, take_in
    from webmap.commands.operator import operator_session

    asked = Repairing.SHOW if given["repair"] else Repairing.NONE
    reading = Reading(
        layer=given["layer"],
        crs=given["crs"],
        encoding=given["encoding"],
        fields=_fields(given["fields"], given["constants"]),
        swap_xy=given["swap_xy"],
        repair=Repairing.ACCEPT if given["accept_repair"] else asked,
    )
    options = _options(given)
    drawing: Path | None = given["dry_run_map"]
    with operator_session(settings) as session:
        try:
            with _bar(given["as_json"]) as step:
                outcome = take_in(
                    session,
                    given["community"],
                    given["kind"],
                    given["file"],
                    reading,
                    options,
                    rules=_rules(given["ground_floor"]),
                    dry_run=given["dry_run"] or drawing is not None,
                    progress=step,
                )
        except RefusedError as error:
            if drawing is not None:
                _draw_refused(session, error, drawing)
            raise
        if drawing is not None:
            _draw(session, outcome, drawing)
    _report(outcome, given["community"], as_json=given["as_json"])


def _draw(session: "Session", outcome: "Outcome", path: Path) -> None:
    from webmap.import_map import write_plan_map

    write_plan_map(session, outcome.plan, path)
    click.echo(f"The map is in {path}.", err=True)


def _draw_refused(session: "Session", error: "RefusedError", path: Path) -> None:
    from webmap.import_map import write_refused_map

    write_refused_map(session, error.community, error.delivery, error.problems, path)
    click.echo(f"The map is in {path}.", err=True)


def _fields(mapped: Sequence[str], constants: Sequence[str]) -> dict[str, str]:
    """Return our fields with theirs, or with ``=`` and the text that all rows get."""
    fields: dict[str, str] = {}
    problems = []
    for option, prefix, pairs in (("--field", "", mapped), ("--set", "=", constants)):
        for pair in pairs:
            ours, separator, theirs = pair.partition("=")
            if not separator or not ours.strip():
                text, remedy = (
                    Said("{pair!r} is no pair.", pair=pair),
                    Said("Write {option} ours=theirs.", option=option),
                )
                problems.append(Problem("option_pair", text, remedy, field=option))
            elif ours.strip() in fields:
                text = Said("{ours} is given twice.", ours=ours.strip())
                problems.append(Problem("option_pair", text, "Give it once.", field=option))
            else:
                fields[ours.strip()] = prefix + theirs
    if problems:
        raise InputError(problems)
    return fields


def _options(given: dict[str, Any]) -> Any:
    from layers.imports.plans import ImportOptions, LinkChoice
    from layers.models import Purpose

    date, purpose, rms = given["date"], given["purpose"], given["rms"]
    if rms is not None and not 0 <= rms < 100:
        text = Said("{rms:g} m is no RMS of a survey.", rms=rms)
        raise InputError([Problem("rms", text, "Give metres from 0 to 100.", field="--rms")])
    return ImportOptions(
        surveyed_on=None if date is None else date.date(),
        surveyor=given["surveyor"],
        purpose=None if purpose is None else Purpose(purpose),
        rms_m=rms,
        links=LinkChoice(given["links"]),
        covers=_covers(given["covers"]),
        overlaps_allowed=given["allow_overlaps"],
        unknown_buildings_allowed=given["allow_unknown_buildings"],
        stated_area=given["register_area"],
    )


def _covers(text: str | None) -> "Covers":
    """Read what ground a survey says it looked at."""
    from layers.imports.boundaries import read_boundary
    from layers.imports.plans import Covers

    if text is None or text == "none":
        return Covers()
    if text == "community":
        return Covers(community=True)
    if text.startswith("buildings:"):
        refs = text.removeprefix("buildings:").split(",")
        return Covers(buildings=tuple(ref.strip() for ref in refs if ref.strip()))
    return Covers(ground=read_boundary(Path(text)))


def _rules(ground_floor: int | None) -> Any:
    from dataclasses import replace

    from cases.policy import Policy
    from cases.protected import protected_parcels
    from layers.imports.intake import Rules

    def policy(community: "Community") -> "ImportPolicy":
        made = Policy.of(community.policy).of_imports
        return made if ground_floor is None else replace(made, ground_floor=ground_floor)

    return Rules(policy, protected_parcels)


@contextmanager
def _bar(is_quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show on a terminal how far the import has come."""
    if is_quiet or not sys.stderr.isatty():
        yield lambda step: None
        return
    with click.progressbar(length=STEPS, label="Starting", file=sys.stderr) as bar:

        def advance(step: str) -> None:
            bar.label = step.ljust(9)
            bar.update(1)

        yield advance


def _report(outcome: "Outcome", community: str, *, as_json: bool) -> None:
    plan, applied = outcome.plan, outcome.applied
    counts = plan.counts
    if as_json:
        show(_figures(outcome), as_json=True)
        return
    if applied is None:
        show([row for row in plan.table() if row["action"] != "unchanged"], as_json=False)
        _show_links(outcome)
    verb = "would be" if applied is None else "are"
    listing = ", ".join(f"{number} {action}" for action, number in counts.items())
    click.echo(
        f"{plan.kind} of {community}{' (nothing is written)' * (applied is None)}: {listing}."
    )
    if plan.linked:
        click.echo(f"{len(plan.linked)} parcels {verb} linked to the household they lie at.")
    if plan.ambiguous:
        click.echo(
            f"{len(plan.ambiguous)} parcels need a person to name their household:"
            f" commongreen link --community {community}"
        )
    if plan.looked:
        click.echo(f"{len(plan.looked)} parcels {verb} looked at.")
    for notice in plan.notices:
        click.echo(f"note: {notice}", err=True)


def _show_links(outcome: "Outcome") -> None:
    rows = [one.row() for one in outcome.plan.proposals]
    if rows:
        click.echo()
        show(rows, as_json=False)
        click.echo()


def _figures(outcome: "Outcome") -> dict[str, Any]:
    plan, applied = outcome.plan, outcome.applied
    return {
        "kind": plan.kind,
        "applied": applied is not None,
        **plan.counts,
        "survey": None if applied is None else applied.survey_id,
        "linked": len(plan.linked),
        "looked_at": len(plan.looked),
        "ambiguous": [one.row() for one in plan.ambiguous],
        "rows": plan.table() if applied is None else None,
        "repairs": [asdict(one) for one in outcome.repairs],
        "notices": [{"code": one.code, "message": str(one)} for one in plan.notices],
    }
