"""PostgreSQL's programs on this machine: which there are, running them, their processes."""

import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 14
SERVER_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ClusterError(RuntimeError):
    """An expected failure of the private cluster, in one line with its remedy."""


@dataclass(frozen=True)
class Installation:
    """The programs of one PostgreSQL that has PostGIS."""

    major: int
    bin: Path


def find_installations() -> list[Installation]:
    """Return every PostgreSQL with PostGIS that is new enough, the newest first."""
    found = [
        Installation(int(folder.parent.name), folder)
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdecimal()
        and (folder / "initdb").is_file()
        and _has_postgis(Path("/usr/share/postgresql") / folder.parent.name)
    ]
    found.extend(_installation_of_pg_config())
    new_enough = {item.major: item for item in reversed(found) if item.major >= OLDEST_MAJOR}
    return sorted(new_enough.values(), key=lambda item: item.major, reverse=True)


def _installation_of_pg_config() -> list[Installation]:
    """Return what the pg_config on the usual path describes, where it has a server."""
    program = shutil.which("pg_config", path=SERVER_PATH)
    if program is None:
        return []
    answer = subprocess.run(
        [program, "--version", "--bindir", "--sharedir"], capture_output=True, text=True
    )
    lines = answer.stdout.splitlines()
    major = re.match(r"PostgreSQL (\d+)", lines[0]) if len(lines) == 3 else None
    if major is None or not Path(lines[1], "initdb").is_file() or not _has_postgis(Path(lines[2])):
        return []
    return [Installation(int(major[1]), Path(lines[1]))]


def _has_postgis(share: Path) -> bool:
    return (share / "extension" / "postgis.control").is_file()


def run_as(
    command: Sequence[str | Path], account: pwd.struct_passwd
) -> subprocess.CompletedProcess[str]:
    """Run a program of PostgreSQL as ``account``, without this process's environment."""
    root = os.geteuid() == 0
    with one_line("cannot run PostgreSQL's programs"):
        return subprocess.run(
            [os.fspath(part) for part in command],
            user=account.pw_uid if root else None,
            group=account.pw_gid if root else None,
            extra_groups=os.getgrouplist(account.pw_name, account.pw_gid) if root else None,
            cwd="/",
            env={"PATH": SERVER_PATH, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"},
            umask=0o077,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )


def can_enter(folder: Path, account: pwd.struct_passwd) -> bool:
    """Tell whether ``account`` reaches ``folder``, asking the kernel, not the mode bits."""
    return run_as(["test", "-x", folder.resolve()], account).returncode == 0


@contextmanager
def one_line(what: str) -> Iterator[None]:
    """Turn a failure of the system into a ``ClusterError``."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise ClusterError(
            f"{what}: {error.strerror}{where}; check its owner, mode and free space."
        ) from error


def processes_in(folder: Path, pids: Sequence[int] | None = None) -> list[int]:
    """Return those of ``pids`` (all of the machine's by default) that serve ``folder``.

    A PostgreSQL process works inside its data folder, which tells it from any
    other program that was given the same number after a crash.
    """
    return [
        pid
        for pid in (_all_processes() if pids is None else pids)
        if _link(pid, "cwd") == str(folder)
        and Path(_link(pid, "exe").removesuffix(" (deleted)")).name == "postgres"
    ]


def end_at_once(pid: int) -> None:
    """Make a PostgreSQL process drop its work and leave; one that is gone is fine."""
    with one_line(f"cannot end process {pid}"), suppress(ProcessLookupError):
        os.kill(pid, signal.SIGQUIT)


def _all_processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _link(pid: int, name: str) -> str:
    try:
        return str(Path(f"/proc/{pid}", name).readlink())
    except OSError:
        return ""


def user(uid: int) -> pwd.struct_passwd:
    """Return the entry of a user; PostgreSQL does not run for one without."""
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise ClusterError(
            f"the user {uid} has no entry in /etc/passwd, which PostgreSQL needs: add one."
        ) from None


def user_name(uid: int) -> str:
    """Return the name to show for ``uid``."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def reason(text: str) -> str:
    """Return the line of a program's output that says why it failed."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if re.search("error|FATAL|PANIC", line)]
    return (telling or lines or ["no reason was given"])[-1]
