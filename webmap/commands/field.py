"""``commongreen field``: what phones sent, what is decided about it, and files of phones."""

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import click

from layers.config import Settings
from webmap.commands.case_parts import (
    at_option,
    by_option,
    community_of,
    community_option,
    opened,
    signed,
)
from webmap.commands.options import json_option, pass_settings, show

_submission = click.argument("submission", type=click.UUID)
_day = click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day on which it was seen, where the phone's clock was wrong.",
)


@click.group()
def field() -> None:
    """Submissions from the field: list, accept, merge, return, and take in the file of a phone."""


@field.command("list")
@community_option
@click.option("--state", help="waiting, accepted, merged, returned or replaced; all without it.")
@json_option
@pass_settings
def list_(settings: Settings, code: str, state: str | None, as_json: bool) -> None:
    """List submissions, those received last first."""
    from cases.access import Permission
    from cases.field.reading import Wanted, list_submissions
    from cases.parcel_file import Viewer

    states = frozenset() if state is None else frozenset({_state(state)})
    operator = Viewer("operator", frozenset(Permission))
    with opened(settings) as session:
        community = community_of(session, code)
        found, _more = list_submissions(
            session, community, operator, Wanted(states, limit=1_000_000)
        )
        rows = [_row(one) for one in found]
    show(rows, as_json=as_json)
    if not rows and not as_json:
        click.echo("No submissions.")


@field.command()
@community_option
@_submission
@by_option
@at_option
@click.option("--structure", help="What stands there, where it is not what the inspector said.")
@click.option("--household", default="", help="Who occupies it, by its ref.")
@_day
@click.option(
    "--overtaken",
    type=click.Choice(["replace", "beside"]),
    help="Where somebody else has changed what it corrects: take its place, or stand beside it.",
)
@click.option("--reason", default="", help="A note on the decision.")
@pass_settings
def accept(
    settings: Settings,
    code: str,
    submission: uuid.UUID,
    actor: str,
    at: dt.datetime | None,
    structure: str | None,
    household: str,
    day: dt.datetime | None,
    overtaken: str | None,
    reason: str,
) -> None:
    """Let a submission become an observation, flagged at once."""
    from cases.field.judging import Overtaken
    from cases.field.reviewing import Acceptance
    from cases.field.reviewing import accept as accept_submission

    asked = Acceptance(
        None if structure is None else _structure(structure),
        household,
        None if day is None else day.date(),
        reason,
        None if overtaken is None else Overtaken(overtaken),
    )
    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        by = signed(session, community, actor, at)
        done = _known(lambda: accept_submission(session, community, submission, asked, by))
        ref = done.observation.ref
    click.echo(f"{submission} is accepted as observation {ref}.")


@field.command()
@community_option
@_submission
@by_option
@at_option
@click.option(
    "--with",
    "others",
    type=click.UUID,
    multiple=True,
    help="Another submission that waits and is part of the same enclosure; once for each.",
)
@click.option("--observation", help="An open observation that belongs to it as well, by its ref.")
@_day
@click.option("--reason", required=True, help="Why they are one.")
@pass_settings
def merge(
    settings: Settings,
    code: str,
    submission: uuid.UUID,
    actor: str,
    at: dt.datetime | None,
    others: tuple[uuid.UUID, ...],
    observation: str | None,
    day: dt.datetime | None,
    reason: str,
) -> None:
    """Let several submissions, and an observation, become one observation, flagged at once."""
    from cases.field.judging import open_observation
    from cases.field.reviewing import Merger
    from cases.field.reviewing import merge as merge_submissions

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        by = signed(session, community, actor, at)
        named = None if observation is None else open_observation(session, community, observation)
        asked = Merger(others, named, reason, None if day is None else day.date())
        done = _known(lambda: merge_submissions(session, community, submission, asked, by))
        ref = done.observation.ref
    click.echo(f"{submission} is merged as observation {ref}.")


@field.command("return")
@community_option
@_submission
@by_option
@at_option
@click.option("--reason", required=True, help="What its inspector is to do about it.")
@pass_settings
def return_(
    settings: Settings,
    code: str,
    submission: uuid.UUID,
    actor: str,
    at: dt.datetime | None,
    reason: str,
) -> None:
    """Send a submission back to its inspector."""
    from cases.field.reviewing import send_back

    with opened(settings) as session, session.begin():
        community = community_of(session, code)
        by = signed(session, community, actor, at)
        _known(lambda: send_back(session, community, submission, reason, by))
    click.echo(f"{submission} is returned.")


@field.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@community_option
@by_option
@json_option
@pass_settings
def import_(settings: Settings, file: Path, code: str, actor: str, as_json: bool) -> None:
    """Take in the ZIP that a phone has exported; what arrived before is not taken twice."""
    from webmap.commands.operator import operator_database
    from webmap.field_files import Target, take_in_file

    if not file.is_file():
        raise _wrong("file_missing", f"There is no file {file}.", "Name the ZIP of the phone.")
    with operator_database(settings) as database:
        with opened(settings) as session:
            community = community_of(session, code)
            by = signed(session, community, actor, None)
        with file.open("rb") as content:
            taken = take_in_file(Target(database, community.id, settings), content, by)
    figures = {
        "new": len(taken.new),
        "known": len(taken.known),
        "unfinished": len(taken.unfinished),
        "refused": {
            str(key): [one.message for one in problems] for key, problems in taken.refused.items()
        },
        "photographs": taken.photographs,
    }
    show(figures, as_json=as_json)


def _row(one: Any) -> dict[str, Any]:
    sent = one.sent
    return {
        "id": str(sent.id),
        "state": str(one.state),
        "kind": str(sent.kind),
        "household": one.household,
        "area_m2": None if sent.area_m2 is None else round(sent.area_m2, 2),
        "observed_on": sent.observed_on,
        "by": sent.recorded_by,
        "observation": one.became,
    }


def _known(act: Any) -> Any:
    """Do what may find no such submission."""
    try:
        return act()
    except LookupError:
        text = "There is no such submission."
        raise _wrong("unknown_submission", text, "List them with 'field list'.") from None


def _state(word: str) -> Any:
    from cases.field.verdicts import FieldState

    if word in list(FieldState):
        return FieldState(word)
    raise _wrong("state", f"{word!r} is no state.", f"Use one of {', '.join(FieldState)}.")


def _structure(word: str) -> Any:
    from layers.models import StructureType

    if word in list(StructureType):
        return StructureType(word)
    listed = ", ".join(StructureType)
    raise _wrong("structure_type", f"{word!r} is no structure.", f"Use one of {listed}.")


def _wrong(code: str, message: str, remedy: str) -> Exception:
    from gis.problems import InputError, Problem

    return InputError([Problem(code, message, remedy)])
