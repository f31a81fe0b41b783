"""The console command: quick help, one line for each failure, and the exit codes."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click
import pytest

from gis.problems import InputError, Problem
from layers.cluster import ClusterError
from layers.db import DatabaseError
from webmap import cli
from webmap.commands.options import json_option, pass_settings, show

Run = Callable[..., tuple[int, str, str]]

HEAVY = ("sqlalchemy", "flask", "folium", "geopandas", "pandas", "numpy", "shapely", "psycopg")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run the command line in a var folder of its own; return exit code, stdout, stderr."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("COMMONGREEN_DEBUG", raising=False)
    monkeypatch.setenv("COMMONGREEN_VAR", str(tmp_path / "var"))

    def run_it(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        return code, *capsys.readouterr()

    return run_it


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Register a command ``fail`` that raises what it is given."""

    def register(error: Exception) -> None:
        @click.command()
        def fail() -> None:
            raise error

        monkeypatch.setattr(sys.modules[__name__], "fail", fail, raising=False)
        entry = cli.Entry(f"{__name__}:fail", "Fails.")
        monkeypatch.setitem(cli.COMMANDS, "fail", entry)

    return register


def test_every_registered_command_exists_and_says_what_its_help_says() -> None:
    for name, entry in cli.COMMANDS.items():
        module, attribute = entry.target.split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), name
        assert (command.help or "").strip(), name


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from webmap.cli import main; main(['--help']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_help_lists_the_commands(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert all(f"  {name} " in out for name in cli.COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["nonsense"], "error: No such command 'nonsense'. See `commongreen --help`.\n"),
        (["db", "nonsense"], "error: No such command 'nonsense'. See `commongreen db --help`.\n"),
        (
            ["db", "start", "--nonsense"],
            "error: No such option '--nonsense'. See `commongreen db start --help`.\n",
        ),
    ],
)
def test_a_misspelt_command_is_one_line_and_exit_2(
    run: Run, arguments: list[str], line: str
) -> None:
    assert run(*arguments) == (2, "", line)


def test_no_command_shows_the_help_and_exits_2(run: Run) -> None:
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: commongreen")


def test_bad_input_is_one_line_for_each_problem_and_exit_2(
    run: Run, failing: Callable[[Exception], None]
) -> None:
    failing(
        InputError(
            [
                Problem("crs", "No CRS.", "Give --crs.", row=3, field="geometry"),
                Problem("name", "Two\nlines.", "Give one."),
            ]
        )
    )
    assert run("fail") == (
        2,
        "",
        "error: row 3, field geometry: No CRS. Give --crs.\nerror: Two lines. Give one.\n",
    )


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ClusterError("no PostgreSQL: install it."), "error: no PostgreSQL: install it.\n"),
        (DatabaseError("No role. Run it."), "error: No role. Run it.\n"),
        (FileNotFoundError(2, "No such file", "a.shp"), "error: [Errno 2] No such file: 'a.shp'\n"),
        (
            KeyError("x"),
            "error: unexpected KeyError: 'x' Run `commongreen --debug ...` for the traceback.\n",
        ),
    ],
)
def test_a_failure_is_one_line_and_exit_1(
    run: Run, failing: Callable[[Exception], None], error: Exception, line: str
) -> None:
    failing(error)
    assert run("fail") == (1, "", line)


@pytest.mark.parametrize("asked", ["option", "environment"])
def test_debug_shows_the_traceback_too(
    run: Run,
    failing: Callable[[Exception], None],
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
) -> None:
    failing(ClusterError("no PostgreSQL: install it."))
    if asked == "environment":
        monkeypatch.setenv("COMMONGREEN_DEBUG", "1")
    code, _, err = run(*(["--debug"] if asked == "option" else []), "fail")
    assert code == 1
    assert err.startswith("Traceback")
    assert err.endswith("error: no PostgreSQL: install it.\n")


def test_bad_settings_are_bad_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMMONGREEN_PORT", "http")
    code, _, err = run("db", "status")
    assert code == 2
    assert err.startswith("error: field COMMONGREEN_PORT: 'http' is not a port.")
    assert run("db", "--help")[0] == 0


def test_an_unreachable_database_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:hidden@127.0.0.1:1/green")
    code, out, err = run("db", "upgrade")
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "cannot be reached" in err
    assert "hidden" not in err


def test_status_of_no_cluster_is_figures_and_exit_1(run: Run, tmp_path: Path) -> None:
    code, out, err = run("db", "status", "--json")
    figures = json.loads(out)
    assert (code, err) == (1, "")
    assert (figures["private"], figures["ready"], figures["pid"]) == (True, False, None)
    assert figures["data"] == str(tmp_path / "var" / "postgres" / "data")
    assert not (tmp_path / "var").exists()


def test_status_of_an_own_database_says_why_it_is_not_ready(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:hidden@127.0.0.1:1/green")
    code, out, _ = run("db", "status", "--json")
    figures = json.loads(out)
    assert code == 1
    assert (figures["private"], figures["ready"]) == (False, False)
    assert "127.0.0.1" in figures["reason"]
    assert "hidden" not in out


def test_an_own_database_is_never_started_or_stopped_here(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@db.example/green")
    for action in ("start", "stop"):
        code, out, _ = run("db", action)
        assert (code, out) == (0, "DATABASE_URL is set: the private cluster is not used.\n")
    assert run("db", "url") == (0, "postgresql://me@db.example/green\n", "")
    assert not (tmp_path / "var").exists()


def test_figures_are_lines_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"community": "威海", "parcels": 441, "clear": True, "date": None}
    show(row, as_json=False)
    assert capsys.readouterr().out == (
        "community  威海\nparcels    441\nclear      yes\ndate       -\n"
    )
    show([row, row | {"community": "W1"}], as_json=False)
    # A Chinese character takes two columns of a terminal.
    assert capsys.readouterr().out.splitlines() == [
        "community  parcels  clear  date",
        "威海       441      yes    -",
        "W1         441      yes    -",
    ]
    show(row, as_json=True)
    assert json.loads(capsys.readouterr().out) == row


def test_a_command_gets_the_settings_before_its_own_arguments(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @click.command()
    @click.argument("code")
    @json_option
    @pass_settings
    def probe(settings: object, code: str, as_json: bool) -> None:
        show({"code": code, "var": getattr(settings, "var", None)}, as_json=as_json)

    monkeypatch.setattr(sys.modules[__name__], "probe", probe, raising=False)
    monkeypatch.setitem(cli.COMMANDS, "probe", cli.Entry(f"{__name__}:probe", "Probes."))
    code, out, _ = run("probe", "C1", "--json")
    assert code == 0
    assert json.loads(out) == {"code": "C1", "var": str(tmp_path / "var")}
