"""What the commands share: the settings, ``--json`` and the printing of figures."""

import functools
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from unicodedata import east_asian_width

import click

from layers.config import Settings

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V")
Figures = Mapping[str, Any]


class Invocation:
    """One run of the command line; the settings are read when a command asks for them."""

    @functools.cached_property
    def settings(self) -> Settings:
        """Return the settings of the environment; raises ``InputError``."""
        return Settings.from_environment()


def pass_settings(command: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
    """Give a command the ``Settings`` as its first argument."""

    @functools.wraps(command)
    def with_settings(*args: P.args, **kwargs: P.kwargs) -> R:
        invocation = click.get_current_context().find_object(Invocation) or Invocation()
        return command(invocation.settings, *args, **kwargs)

    return with_settings


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
"""Adds ``as_json`` to a command; hand it to :func:`show`."""


def show(figures: Figures | Sequence[Figures], *, as_json: bool) -> None:
    """Print one record as aligned lines, several as a table, either as JSON.

    Numbers are printed as they are: round before (DOMAIN 13). Dates, paths and
    identifiers become text in JSON.
    """
    if as_json:
        click.echo(json.dumps(figures, ensure_ascii=False, indent=2, default=str))
    elif isinstance(figures, Mapping):
        width = max((len(name) for name in figures), default=0)
        for name, value in figures.items():
            click.echo(f"{name:<{width}}  {_cell(value)}".rstrip())
    else:
        _show_table(figures)


def progress(items: Iterable[V] | None = None, **options: Any) -> "ProgressBar[V]":
    """Return a progress bar on the error stream, so that ``--json`` stays JSON.

    Nothing is shown where no terminal watches.
    """
    hidden = not sys.stderr.isatty()
    return click.progressbar(items, file=sys.stderr, hidden=hidden, **options)


def _show_table(rows: Sequence[Figures]) -> None:
    if not rows:
        return
    names = list(rows[0])
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(_columns(line[column]) for line in cells) for column in range(len(names))]
    for line in cells:
        padded = (
            cell + " " * (width - _columns(cell)) for cell, width in zip(line, widths, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def _columns(text: str) -> int:
    """Return how many columns a terminal gives to ``text``: two for a Chinese character."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
