"""``commongreen user``: who can log in, and as what.

What the operator grants is in force at once and recorded as ``operator``: the way in
for the first administrators, who then need one another.
"""

import datetime as dt
import sys
from typing import TYPE_CHECKING

import click

from cases.access import Role
from layers.config import Settings
from webmap.commands.options import json_option, pass_settings, show

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy.orm import Session

    from cases.memberships import GrantForm

role_option = click.option("--role", required=True, type=click.Choice([one.value for one in Role]))
place_option = click.option(
    "--place", help="The code of a region or community; everywhere where none is given."
)
household_option = click.option("--household", help="The reference of a resident's household.")


@click.group()
def user() -> None:
    """Accounts: add, list, close and open them, give and take roles, tokens, reset links."""


@user.command()
@click.argument("email")
@click.option("--name", required=True, help="The name that others see.")
@role_option
@place_option
@household_option
@click.option("--password-stdin", is_flag=True, help="Read the password's one line from stdin.")
@pass_settings
def add(
    settings: Settings,
    email: str,
    name: str,
    role: str,
    place: str | None,
    household: str | None,
    password_stdin: bool,
) -> None:
    """Add an account with a role in a place."""
    from cases.account_history import OPERATOR  # SQLAlchemy takes a second to import.
    from cases.memberships import grant as give
    from cases.people import add_account, normal_email, open_account

    password = _password(from_stdin=password_stdin)
    with _writing(settings) as session, session.begin():
        if household is None:
            add_account(session, email, name=name, password=password, role=Role(role), place=place)
        else:
            account = open_account(session, email, name=name, actor=OPERATOR, password=password)
            give(session, account, _form(role, place, household), OPERATOR)
        click.echo(f"{normal_email(email)} can log in.")


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
    """Close an account and end its open sessions and tokens."""
    from cases.people import disable_account

    with _writing(settings) as session, session.begin():
        click.echo(f"{disable_account(session, email).email} is closed.")


@user.command()
@click.argument("email")
@pass_settings
def enable(settings: Settings, email: str) -> None:
    """Open a closed account again."""
    from cases.people import enable_account

    with _writing(settings) as session, session.begin():
        click.echo(f"{enable_account(session, email).email} can log in again.")


@user.command()
@click.argument("email")
@role_option
@place_option
@household_option
@pass_settings
def grant(
    settings: Settings, email: str, role: str, place: str | None, household: str | None
) -> None:
    """Give an account one more role, at once and as the operator."""
    from cases.account_history import OPERATOR
    from cases.memberships import grant as give
    from cases.people import named_account

    with _writing(settings) as session, session.begin():
        account = named_account(session, email)
        give(session, account, _form(role, place, household), OPERATOR)
        click.echo(f"{account.email} is {role} {_where(place)}.")


@user.command()
@click.argument("email")
@role_option
@place_option
@pass_settings
def revoke(settings: Settings, email: str, role: str, place: str | None) -> None:
    """Take a role from an account; what it did with it stays recorded."""
    from cases.account_history import OPERATOR
    from cases.memberships import revoke_role
    from cases.people import named_account

    with _writing(settings) as session, session.begin():
        account = named_account(session, email)
        revoke_role(session, account, _form(role, place, None), OPERATOR)
        click.echo(f"{account.email} is no more {role} {_where(place)}.")


@user.command()
@click.argument("email")
@click.option("--factor", is_flag=True, help="Remove a lost second factor as well.")
@pass_settings
def reset(settings: Settings, email: str, factor: bool) -> None:
    """Print a link by which the account's owner sets a new password, once, within a day."""
    from cases.account_history import OPERATOR
    from cases.administration import record_reset, remove_factor
    from cases.people import named_account
    from webmap.accounts import reset_link
    from webmap.app import create_app

    with _writing(settings) as session, session.begin():
        account = named_account(session, email)
        record_reset(session, account, OPERATOR)
        if factor:
            remove_factor(session, account, OPERATOR)
    app = create_app(settings)
    try:
        with app.test_request_context(base_url=settings.public_url or _served(settings)):
            click.echo(reset_link(account.email))
    finally:
        app.extensions["commongreen"].close()


@user.command("forget-addresses")
@pass_settings
def forget(settings: Settings) -> None:
    """Forget the network addresses of old acts; every log-in does so, too."""
    from cases.account_history import forget_addresses

    days = settings.address_days
    with _writing(settings) as session, session.begin():
        number = forget_addresses(session, days)
    click.echo(f"{number} addresses older than {days} days are forgotten.")


class Tokens(click.Group):
    """A group whose plain use, ``token EMAIL``, makes one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Take the first word for a command where it is one, and else for an address."""
        if args and args[0] not in self.commands:
            args = ["add", *args]
        return super().resolve_command(ctx, args)


@user.group(cls=Tokens)
def token() -> None:
    """Access tokens for QGIS and scripts: `token EMAIL --name N` makes one."""


@token.command("add")
@click.argument("email")
@click.option("--name", required=True, help="Where it will be used.")
@click.option("--expires", type=click.DateTime(["%Y-%m-%d"]), help="The last day it is good for.")
@click.option("--writes", is_flag=True, help="It may also change what the account may change.")
@pass_settings
def add_token(
    settings: Settings, email: str, name: str, expires: dt.datetime | None, writes: bool
) -> None:
    """Make a token and print it, this once."""
    from cases.account_history import OPERATOR
    from cases.people import named_account
    from cases.tokens import TokenForm, make_token

    form = TokenForm(name, expires.date() if expires else None, writes)
    with _writing(settings) as session, session.begin():
        secret = make_token(session, named_account(session, email), form, OPERATOR)
    click.echo(secret)


@token.command("list")
@click.argument("email", required=False)
@json_option
@pass_settings
def list_tokens(settings: Settings, email: str | None, as_json: bool) -> None:
    """List the tokens of one account, or of all."""
    from cases.people import named_account
    from cases.tokens import list_tokens as standing

    with _writing(settings) as session:
        account = named_account(session, email) if email else None
        show(standing(session, account), as_json=as_json)


@token.command("revoke")
@click.argument("email")
@click.option("--name", required=True, help="The name that it was given.")
@pass_settings
def revoke_token(settings: Settings, email: str, name: str) -> None:
    """End a token."""
    from cases.people import named_account
    from cases.tokens import revoke_named_token

    with _writing(settings) as session, session.begin():
        revoke_named_token(session, named_account(session, email), name)
        click.echo(f"{name} opens nothing any more.")


def _form(role: str, place: str | None, household: str | None) -> "GrantForm":
    from cases.memberships import GrantForm

    return GrantForm(Role(role), place, household)


def _where(place: str | None) -> str:
    return f"in {place}" if place else "everywhere"


def _served(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}"


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    prompted: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return prompted


def _writing(settings: Settings) -> "AbstractContextManager[Session]":
    from webmap.commands.operator import operator_session

    return operator_session(settings)
