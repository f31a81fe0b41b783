"""The console command ``commongreen``: its groups, and one place for every failure.

A command is registered in ``COMMANDS`` with the line that ``--help`` shows, and
its module is imported only when it runs: the libraries behind the commands take
seconds to import together, ``--help`` answers at once.
"""

import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module, metadata

import click

from gis.problems import InputError
from webmap.commands.options import Invocation

BAD_INPUT = 2
FAILURE = 1
INTERRUPTED = 130


@dataclass(frozen=True)
class Entry:
    """Where a command lives, ``module:attribute``, and its line in ``--help``."""

    target: str
    summary: str


COMMANDS = {
    "case": Entry("webmap.commands.case:case", "Cases: list, move, decide who answers."),
    "certificate": Entry(
        "webmap.commands.certificate:certificate", "Make a certificate for an intranet."
    ),
    "check": Entry("webmap.commands.check:check", "Verify what must always hold."),
    "community": Entry(
        "webmap.commands.places:community", "Compounds and the regions above: add, list."
    ),
    "db": Entry("webmap.commands.db:db", "The private PostGIS cluster and the migrations."),
    "demo": Entry("webmap.commands.demo:demo", "Build invented compounds and serve them."),
    "export": Entry("webmap.commands.exports:export", "Write a layer to a file."),
    "field": Entry(
        "webmap.commands.field:field", "Submissions from the field: list, accept, return, import."
    ),
    "figures": Entry("webmap.commands.figures:figures", "The official figures as of a date."),
    "flag": Entry(
        "webmap.commands.flag:flag", "Lay observations over parcels, open and update cases."
    ),
    "import": Entry("webmap.commands.imports:import_", "Take a file into a community."),
    "lane": Entry("webmap.commands.lanes:lane", "Lanes of buildings: list, import."),
    "link": Entry("webmap.commands.links:link", "Link parcels to households."),
    "map": Entry("webmap.commands.map:map_", "Write a community's map as one HTML file."),
    "patrol": Entry("webmap.commands.patrol:patrol", "Patrols: what is due, what was found."),
    "serve": Entry("webmap.commands.serve:serve", "Serve the pages, the map and the API."),
    "user": Entry("webmap.commands.user:user", "Accounts: roles, tokens, reset links."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the alphabet."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command, ``None`` where there is no such name."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, attribute = entry.target.split(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.target} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in sorted(COMMANDS)])


def _print_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked:
        click.echo(f"commongreen {metadata.version('common-green')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Keep the map and the cases of a compound that takes its green space back."""
    ctx.obj = Invocation()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad input, 1 for a failure.

    Each fault is one line on stderr; ``--debug`` before the command, or
    ``COMMONGREEN_DEBUG=1``, shows the traceback as well.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(given, prog_name="commongreen", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return BAD_INPUT
    except click.ClickException as error:
        _report(error.format_message(), _hint(error))
        return error.exit_code
    except click.Abort:
        _report("interrupted.")
        return INTERRUPTED
    except Exception as error:
        if _debug(given):
            traceback.print_exc()
        return _failure(error)


def _failure(error: Exception) -> int:
    """Print what went wrong and return the exit code."""
    if isinstance(error, InputError):
        for problem in error.problems:
            _report(str(problem))
        return BAD_INPUT
    if isinstance(error, _expected_failures()):
        _report(str(error))
    elif isinstance(error, _database_failures()):
        _report(f"the database does not answer: {error}", "Run `commongreen db status`.")
    elif isinstance(error, OSError):
        _report(str(error))
    else:
        name = type(error).__name__
        _report(f"unexpected {name}: {error}", "Run `commongreen --debug ...` for the traceback.")
    return FAILURE


def _expected_failures() -> tuple[type[Exception], ...]:
    """Return the failures whose message already says what to do.

    Imported only once something has failed, for the same reason as the commands.
    """
    from layers.cluster import ClusterError
    from layers.db import DatabaseError

    return ClusterError, DatabaseError


def _database_failures() -> tuple[type[Exception], ...]:
    from psycopg import OperationalError as driver_failure
    from sqlalchemy.exc import OperationalError

    return OperationalError, driver_failure


def _hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return f"See `{context.command_path} --help`." if context is not None else ""


def _debug(arguments: Sequence[str]) -> bool:
    from layers.config import Settings

    if "--debug" in arguments:
        return True
    try:
        return Settings.from_environment().debug
    except InputError:
        return False


def _report(message: str, hint: str = "") -> None:
    """Write one line to stderr, whatever line breaks the message has."""
    click.echo(" ".join(f"error: {message} {hint}".split()), err=True)
