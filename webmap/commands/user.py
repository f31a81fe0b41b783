"""``commongreen user``: who can log in, and as what."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from cases.access import Role
from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, show

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@click.group()
def user() -> None:
    """Accounts: add, list and disable them."""


@user.command()
@click.argument("email")
@click.option("--name", required=True, help="The name that others see.")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--place", help="The code of a region or community; everywhere where none is given.")
@click.option("--password-stdin", is_flag=True, help="Read the password's one line from stdin.")
@pass_settings
def add(
    settings: Settings, email: str, name: str, role: str, place: str | None, password_stdin: bool
) -> None:
    """Add an account with a role in a place."""
    from cases.people import add_account  # SQLAlchemy takes a second to import.

    password = _password(from_stdin=password_stdin)
    with _writing(settings) as session, session.begin():
        account = add_account(
            session, email, name=name, password=password, role=Role(role), place=place
        )
        click.echo(f"{account.email} can log in.")


@user.command("list")
@json_option
@pass_settings
def list_(settings: Settings, as_json: bool) -> None:
    """List accounts with their roles and places."""
    from cases.people import list_accounts

    with _writing(settings) as session:
        show(list_accounts(session), as_json=as_json)


@user.command()
@click.argument("email")
@pass_settings
def disable(settings: Settings, email: str) -> None:
    """Close an account and end its open sessions."""
    from cases.people import disable_account

    with _writing(settings) as session, session.begin():
        account = disable_account(session, email)
        click.echo(f"{account.email} is closed.")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    prompted: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return prompted


@contextmanager
def _writing(settings: Settings) -> Iterator["Session"]:
    from layers.db import EVERYWHERE
    from layers.migrate import open_database

    database = open_database(settings)
    try:
        with database.session(EVERYWHERE) as session:
            yield session
    finally:
        database.engine.dispose()
