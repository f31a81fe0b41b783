"""``commongreen case``: list cases, see one, move it, and decide who answers."""

import datetime as dt
from pathlib import Path
from typing import Any

import click

from layers.config import Settings
from webmap.commands.case_clock import deadline, decide_objection, extend, object_, reassign
from webmap.commands.case_papers import visit_record
from webmap.commands.case_parts import (
    at_option,
    by_option,
    case_of,
    community_of,
    community_option,
    opened,
    signed,
    utc,
)
from webmap.commands.lanes import assign
from webmap.commands.options import json_option, pass_settings, show

_COLUMNS = ("number", "household", "state", "since", "occupied_m2", "deadline_on", "housekeeper")


@click.group()
def case() -> None:
    """List and move the cases of a community; a case is named by its household."""


for _command in (assign, deadline, extend, object_, decide_objection, reassign, visit_record):
    case.add_command(_command)


@case.command("list")
@community_option
@click.option("--state", help="Only cases in this state.")
@json_option
@pass_settings
def list_(settings: Settings, code: str, state: str | None, as_json: bool) -> None:
    """List cases with their state and area."""
    from cases.case_list import CaseFilter, list_cases

    wanted = CaseFilter(frozenset() if state is None else frozenset({_state(state)}))
    with opened(settings) as session:
        page = list_cases(session, community_of(session, code), wanted)
    rows = [{name: getattr(one, name) for name in _COLUMNS} for one in page.cases]
    show(rows, as_json=as_json)
    if not rows and not as_json:
        click.echo("No cases.")


@case.command("show")
@community_option
@click.argument("household")
@json_option
@pass_settings
def show_(settings: Settings, code: str, household: str, as_json: bool) -> None:
    """Show the events of a case."""
    from cases.registry import list_events

    with opened(settings) as session:
        community = community_of(session, code)
        found = case_of(session, community, household)
        show(list_events(session, found), as_json=as_json)


@case.command()
@community_option
@click.argument("household")
@click.argument("state")
@by_option
@at_option
@click.option(
    "--document", default="", help="The number of the paper behind it; else it is issued."
)
@click.option("--reason", default="", help="Why, where the move needs a reason.")
@click.option(
    "--residual", type=click.Path(path_type=Path), help="A file with what is still occupied."
)
@click.option(
    "--to-claim", is_flag=True, help="Refer to the owners' own claim, not to the authority."
)
@click.option("--nothing-left", is_flag=True, help="The inspection found the ground clear.")
@click.option("--authority", default="", help="Whom a referral goes to.")
@click.option(
    "--item",
    "inventory",
    multiple=True,
    help="What an assistance consent lists: 'fence; 12; worn'. Once for each.",
)
@pass_settings
def move(
    settings: Settings,
    code: str,
    household: str,
    state: str,
    actor: str,
    at: dt.datetime | None,
    document: str,
    reason: str,
    residual: Path | None,
    nothing_left: bool,
    to_claim: bool,
    authority: str,
    inventory: tuple[str, ...],
) -> None:
    """Move a case to another state; the paper that this rests on is issued with it."""
    from cases.casework import NOTHING_LEFT, Request
    from cases.issuing import PaperDetails, move_with_paper, read_item
    from cases.people import signatory
    from cases.workflow import Addressee
    from layers.imports.boundaries import read_boundary

    polygon: Any = NOTHING_LEFT if nothing_left else None
    if residual is not None:
        polygon = read_boundary(residual)
    target = _state(state)
    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        found = case_of(session, community, household)
        signer, allowed = signatory(session, community.id, actor)
        addressee = Addressee.OWNERS_CLAIM if to_claim else Addressee.AUTHORITY
        request = Request(
            target,
            signer,
            utc(at),
            document,
            reason,
            polygon,
            permissions=allowed,
            addressee=addressee,
        )
        details = PaperDetails([read_item(line) for line in inventory], authority)
        moved = move_with_paper(session, community, found.id, request, details)
        click.echo(f"{household} is {moved.state}.")


@case.command()
@community_option
@click.argument("household")
@by_option
@at_option
@click.option("--note", default="", help="What was looked at, where that helps a reader.")
@pass_settings
def confirm(
    settings: Settings, code: str, household: str, actor: str, at: dt.datetime | None, note: str
) -> None:
    """Verify encroachments that were found after the case was verified."""
    from cases.issuing import confirm_with_paper

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        found = case_of(session, community, household)
        confirm_with_paper(
            session, community, found.id, signed(session, community, actor, at), note
        )
    click.echo(f"The new areas of {household} are verified.")


@case.command()
@community_option
@json_option
@pass_settings
def undecided(settings: Settings, code: str, as_json: bool) -> None:
    """List the enclosures for which a person must decide who answers."""
    from cases.decisions import list_undecided

    with opened(settings) as session:
        rows = list_undecided(session, [community_of(session, code).id])
    show(rows, as_json=as_json)


@case.command()
@community_option
@click.argument("observation")
@click.argument("household")
@by_option
@at_option
@click.option("--reason", required=True, help="Why this household answers.")
@pass_settings
def answer(
    settings: Settings,
    code: str,
    observation: str,
    household: str,
    actor: str,
    at: dt.datetime | None,
    reason: str,
) -> None:
    """Decide that a household answers for an observed enclosure."""
    from cases.decisions import decide

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        by = signed(session, community, actor, at)
        decide(session, community, observation, household, reason, by)
    click.echo(f"{household} answers for {observation}.")


@case.command()
@community_option
@click.argument("observation")
@by_option
@click.option("--reason", required=True, help="Why the observation no longer counts.")
@at_option
@pass_settings
def withdraw(
    settings: Settings,
    code: str,
    observation: str,
    actor: str,
    reason: str,
    at: dt.datetime | None,
) -> None:
    """Withdraw an observation, and end what rested on it; its history stays."""
    from cases.decisions import withdraw as withdraw_observation

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        by = signed(session, community, actor, at)
        withdraw_observation(session, community, observation, reason, by)
    click.echo(f"{observation} is withdrawn, and what rested on it has ended.")


def _state(word: str) -> Any:
    from cases.workflow import State
    from gis.problems import InputError, Problem, Said

    if word in list(State):
        return State(word)
    text, states = Said("{word!r} is not a state.", word=word), ", ".join(State)
    raise InputError(
        [Problem("unknown_state", text, Said("Use one of {states}.", states=states), field="state")]
    )
