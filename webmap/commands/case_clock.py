"""``commongreen case deadline|extend|object|decide-objection|reassign``: clock and answers."""

import datetime as dt
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
from webmap.commands.options import pass_settings

if TYPE_CHECKING:
    from cases.workflow import State


@click.command("object")
@community_option
@click.argument("household")
@by_option
@at_option
@click.option("--grounds", required=True, help="What the household objects.")
@pass_settings
def object_(
    settings: Settings,
    code: str,
    household: str,
    actor: str,
    at: dt.datetime | None,
    grounds: str,
) -> None:
    """Record a household's objection; until it is decided the clock stands."""
    from cases.objections import lodge

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        found = case_of(session, community, household)
        lodge(session, community, found.id, grounds, signed(session, community, actor, at))
        stands = "the clock stands" if found.suspended_on else "late: the clock runs on"
        click.echo(f"The objection of {household} is recorded; {stands}.")


@click.command()
@community_option
@click.argument("household")
@by_option
@at_option
@click.option("--upheld/--refused", required=True, help="Whether the household is right.")
@click.option("--to", "outcome", help="Where an upheld one leads: rejected, or suspected again.")
@click.option("--reason", required=True, help="Why.")
@click.option("--document", default="", help="The number of the decision; else it is issued.")
@pass_settings
def decide_objection(
    settings: Settings,
    code: str,
    household: str,
    actor: str,
    at: dt.datetime | None,
    upheld: bool,
    outcome: str | None,
    reason: str,
    document: str,
) -> None:
    """Decide a household's objection; refused, the clock runs on with the days left."""
    from cases.objections import Decision
    from cases.objections import decide_objection as decide

    target = None if outcome is None else _outcome(outcome)
    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        found = case_of(session, community, household)
        decision = Decision(upheld, reason, document, target)
        decide(session, community, found.id, decision, signed(session, community, actor, at))
        until = f", with time until {found.deadline_on}" if found.deadline_on else ""
        click.echo(f"{household} is {found.state}{until}.")


@click.command()
@community_option
@click.argument("household")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@by_option
@at_option
@click.option("--document", default="", help="The number of the notice; else it is issued.")
@pass_settings
def deadline(
    settings: Settings,
    code: str,
    household: str,
    day: dt.datetime,
    actor: str,
    at: dt.datetime | None,
    document: str,
) -> None:
    """Give a household its deadline, DAY, as an announcement or a deadline notice names it."""
    from cases.deadlines import set_deadline

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        found = case_of(session, community, household)
        by = signed(session, community, actor, at)
        set_deadline(session, community, found, day.date(), by, document=document)
    click.echo(f"{household} has time until {day.date()}.")


@click.command()
@community_option
@click.argument("household")
@click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
@by_option
@at_option
@click.option("--reason", required=True, help="Why the household gets more time.")
@pass_settings
def extend(
    settings: Settings,
    code: str,
    household: str,
    day: dt.datetime,
    actor: str,
    at: dt.datetime | None,
    reason: str,
) -> None:
    """Give a household time until another DAY."""
    from cases.deadlines import extend as extend_deadline

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        found = case_of(session, community, household)
        by = signed(session, community, actor, at)
        extend_deadline(session, community, found.id, day.date(), reason, by)
    click.echo(f"{household} has time until {day.date()}.")


@click.command()
@community_option
@click.argument("household")
@click.argument("answers")
@by_option
@at_option
@click.option("--observation", help="Only the ground of this observation.")
@click.option("--reason", required=True, help="Why the other household answers.")
@pass_settings
def reassign(
    settings: Settings,
    code: str,
    household: str,
    answers: str,
    actor: str,
    at: dt.datetime | None,
    observation: str | None,
    reason: str,
) -> None:
    """Let the household ANSWERS answer for the ground of HOUSEHOLD's case."""
    from cases.reassigning import reassign as reassign_ground

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        found = case_of(session, community, household)
        by = signed(session, community, actor, at)
        taking = reassign_ground(
            session, community, found.id, answers, reason, by, observation_ref=observation
        )
        click.echo(f"{answers} answers now and is {taking.state}; {household} is {found.state}.")


def _outcome(word: str) -> "State":
    from cases.objections import OUTCOMES
    from gis.problems import InputError, Problem, Said

    for state in OUTCOMES:
        if word == state:
            return state
    text, states = Said("An objection does not lead to {word!r}.", word=word), " or ".join(OUTCOMES)
    raise InputError(
        [Problem("wrong_outcome", text, Said("Use {states}.", states=states), field="to")]
    )
