"""The server as people start and stop it, and the accounts they make before."""

import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from layers import cluster
from layers.config import Settings
from tests.webmap.conftest import PASSWORD
from webmap import cli

Run = Callable[..., tuple[int, str, str]]
COMMONGREEN = str(Path(sys.executable).parent / "commongreen")


def environment(settings: Settings) -> dict[str, str]:
    """Return what makes a command use the database of ``settings``."""
    if settings.database_url is None:
        return {"COMMONGREEN_DATABASE": settings.database}
    return {"DATABASE_URL": settings.database_url}


@pytest.fixture
def run(
    committed: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run the command line on the module's database; return exit code, stdout, stderr."""
    for name, value in environment(committed).items():
        monkeypatch.setenv(name, value)

    def run_it(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = cli.main(arguments)
        return code, *capsys.readouterr()

    return run_it


def test_an_account_is_added_listed_and_closed(run: Run) -> None:
    added = run(
        *("user", "add", "Wang@Example.org", "--name", "王", "--role", "planner"),
        "--password-stdin",
        typed=f"{PASSWORD}\n",
    )
    assert added == (0, "wang@example.org can log in.\n", "")
    expected = {
        "email": "wang@example.org",
        "name": "王",
        "active": True,
        "role": "planner",
        "place": "everywhere",
        "state": "in_force",
    }
    assert json.loads(run("user", "list", "--json")[1]) == [expected]
    assert run("user", "disable", "wang@example.org")[0] == 0
    assert json.loads(run("user", "list", "--json")[1]) == [expected | {"active": False}]


def test_a_bad_account_is_refused_with_every_reason_and_leaves_nothing(run: Run) -> None:
    before = run("user", "list", "--json")[1]
    code, _, errors = run(
        *("user", "add", "nobody", "--name", " ", "--role", "planner", "--place", "nowhere"),
        "--password-stdin",
        typed="short\n",
    )
    assert code == 2
    assert len(errors.splitlines()) == 4
    assert run("user", "list", "--json")[1] == before
    assert run("user", "disable", "nobody@example.org")[0] == 2


def test_an_unknown_role_is_refused(run: Run) -> None:
    code, _, errors = run("user", "add", "a@b", "--name", "A", "--role", "king")
    assert code == 2
    assert "secretary" in errors


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    settings: Settings, folder: Path, port: int, *options: str, trusted: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Serve until the block ends; over HTTPS where an authority is ``trusted``."""
    process = subprocess.Popen(
        [COMMONGREEN, "serve", "--port", str(port), *options],
        env={
            **os.environ,
            **environment(settings),
            "COMMONGREEN_SECRET_KEY_FILE": str(folder / "key"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        scheme = "https" if trusted else "http"
        wait_for(process, f"{scheme}://127.0.0.1:{port}/live", trusted)
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], address: str, trusted: Path | None) -> None:
    context = ssl.create_default_context(cafile=trusted) if trusted else None
    for _ in range(300):
        try:
            with urllib.request.urlopen(address, timeout=5, context=context) as answer:
                assert answer.status == 200
                return
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.1)
    raise AssertionError(f"{address} did not answer")


def test_it_serves_and_stops_cleanly_when_told_to(committed: Settings, tmp_path: Path) -> None:
    port = free_port()
    with serving(committed, tmp_path, port) as process:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=10) as answer:
            shown = json.load(answer)
        assert (shown["ready"], shown["faults"]) == (True, [])
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert output == ""
    assert errors == f"Serving on http://127.0.0.1:{port} with 2 workers; Ctrl+C stops.\n"


def test_phones_that_lost_their_signal_keep_nobody_out(committed: Settings, tmp_path: Path) -> None:
    port = free_port()
    begun = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n" + (
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nemail="
    )
    with serving(committed, tmp_path, port, "--workers", "1", "--silence", "1"):
        # One for each of a worker's threads; they neither go on nor end.
        silent = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(4)]
        for one in silent:
            one.sendall(begun)
        told = [one.recv(100) for one in silent]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/live", timeout=20) as answer:
            assert answer.status == 200
        for one in silent:
            one.close()
    assert all(one == b"" or one.startswith(b"HTTP/1.1 400") for one in told), told


def test_it_listens_on_the_loopback_alone(committed: Settings, tmp_path: Path) -> None:
    port = free_port()
    with serving(committed, tmp_path, port):
        listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
        addresses = {line.split()[1] for line in listening if line.split()[3] == "0A"}
    assert {one for one in addresses if one.endswith(f":{port:04X}")} == {f"0100007F:{port:04X}"}


def test_it_refuses_a_role_that_sees_everything_in_one_line(
    run: Run, committed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMMONGREEN_APP_DATABASE_URL", cluster.owner_url(committed))
    code, output, errors = run("serve", "--port", str(free_port()))
    assert (code, output) == (1, "")
    assert errors.count("\n") == 1
    assert "superuser" in errors


def test_a_port_that_is_taken_is_a_failure(committed: Settings, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = subprocess.run(
            [COMMONGREEN, "serve", "--port", str(taken.getsockname()[1])],
            env={**os.environ, **environment(committed)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "in use" in result.stderr
    assert "--port" in result.stderr
