"""What the commands of cases share: options, and how a place, a case and a time are found."""

import datetime as dt
from typing import TYPE_CHECKING

import click

from layers.config import Settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy.orm import Session

    from cases.models import Case
    from cases.signing import Signature
    from layers.models import Community

community_option = click.option("--community", "code", required=True, help="The community.")
by_option = click.option("--by", "actor", required=True, help="Who does it, by e-mail address.")
at_option = click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="When it happened, in UTC; now where left out.",
)


def opened(settings: Settings) -> "AbstractContextManager[Session]":
    """Return the operator's session."""
    from webmap.commands.operator import operator_session

    return operator_session(settings)


def community_of(session: "Session", code: str) -> "Community":
    """Return a community by its code."""
    from layers.places import find_community

    return find_community(session, code)


def case_of(session: "Session", community: "Community", household: str) -> "Case":
    """Return the case of a household."""
    from cases.registry import find_case

    return find_case(session, community, household)


def signed(
    session: "Session", community: "Community", actor: str, at: dt.datetime | None
) -> "Signature":
    """Return the signature of an active account, with what it may there."""
    from cases.people import signatory
    from cases.signing import Signature

    signer, allowed = signatory(session, community.id, actor)
    return Signature(signer, utc(at), allowed)


def utc(at: dt.datetime | None) -> dt.datetime | None:
    """Return what was typed as an instant."""
    return None if at is None else at.replace(tzinfo=dt.UTC)
