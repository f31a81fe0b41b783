"""The private PostgreSQL cluster in the var folder, apart from the machine's own.

It listens on a Unix socket only, inside a folder that nobody but its owner (and
root) enters, and so needs no password. As root it runs as ``postgres``, because
PostgreSQL refuses root; otherwise as the user who started it. It keeps running
when the command ends. Durability (fsync, full_page_writes, synchronous_commit,
data checksums) is configured here and asserted after each start (SAFETY.md).
"""

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from layers.config import Settings

OLDEST_MAJOR = 14
SUPERUSER = "postgres"
PORT = 5432
SOCKET_PATH_BYTES = 107
# libpq and PostgreSQL both split socket folders at commas, and a URL quotes the rest.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")
# pg_ctl hands the data folder to a shell between double quotes.
SHELL_CHARACTERS = frozenset('"$`\\\n')
SERVER_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOG_BYTES_KEPT = 10_000_000

CONFIGURATION = """\
# Written by `commongreen db start` at every start: changes here are lost.
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
fsync = on
full_page_writes = on
synchronous_commit = on
max_connections = 60
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_lock_waits = on
# The details of an error quote whole rows, and rows may hold names.
log_error_verbosity = terse
# Shared memory files vanish when a user logs out (systemd) and are 64 MB in a container.
dynamic_shared_memory_type = mmap
"""
DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "data_checksums": "on",
}


class ClusterError(RuntimeError):
    """An expected failure of the private cluster, in one line with its remedy."""


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds."""

    lock: float = 120.0
    start: float = 60.0
    stop: float = 60.0
    orphans: float = 10.0


@dataclass(frozen=True)
class Installation:
    """The programs of one PostgreSQL that has PostGIS."""

    major: int
    bin: Path


@dataclass(frozen=True)
class Status:
    """What the cluster does now; ``pid`` and ``major`` are ``None`` where there is none."""

    running: bool
    ready: bool
    pid: int | None
    major: int | None
    data: Path
    socket_folder: Path
    log: Path


def owner_url(settings: Settings) -> str:
    """Return the owner's SQLAlchemy address: ``DATABASE_URL``, else the private cluster's."""
    return settings.database_url or Cluster(settings).url(settings.database)


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


class Cluster:
    """The private cluster of one var folder.

    ``shared_state`` is where the data go when root's ``postgres`` user cannot
    enter the var folder (a clone under /root or in a folder of mode 700).
    ``socket_root`` is where the socket goes when its path would be too long.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        timeouts: Timeouts | None = None,
        shared_state: Path = Path("/var/lib/commongreen"),
        socket_root: Path = Path("/tmp"),
    ) -> None:
        """Describe the cluster; nothing is touched before ``start``."""
        self._settings = settings
        self._timeouts = timeouts or Timeouts()
        self._shared_state = shared_state
        self._socket_root = socket_root
        self._entrance = settings.var / "postgres"

    @property
    def home(self) -> Path:
        """Return the folder of everything, behind the link where there is one."""
        return self._entrance.resolve()

    @property
    def data(self) -> Path:
        """Return PostgreSQL's data folder."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """Return the server's log file."""
        return self.home / "server.log"

    @property
    def socket_folder(self) -> Path:
        """Return the folder of the socket: inside the home unless its path cannot serve."""
        inside = self.home / "socket"
        socket = inside / f".s.PGSQL.{PORT}"
        if len(os.fsencode(socket)) <= SOCKET_PATH_BYTES and PLAIN_PATH.fullmatch(str(socket)):
            return inside
        return self._socket_root / f"commongreen-{_digest(self.home)}"

    def url(self, database: str, user: str = SUPERUSER) -> str:
        """Return the SQLAlchemy address (psycopg 3) of ``database`` as ``user``.

        The port is given because libpq would otherwise follow PGPORT. Raises
        ``ClusterError`` where the socket's folder belongs to somebody else.
        """
        folder = self.socket_folder
        self._check_socket_folder(folder, self._account())
        return (
            f"postgresql+psycopg://{quote(user)}@/{quote(database)}"
            f"?host={quote(str(folder), safe='/')}&port={PORT}"
        )

    def status(self) -> Status:
        """Return what the cluster does now; a stale pid file is not a running server."""
        pid = self._postmaster()
        return Status(
            running=pid is not None,
            ready=pid is not None and self._pid_file_lines()[7:8] == ["ready"],
            pid=pid,
            major=self._major(),
            data=self.data,
            socket_folder=self.socket_folder,
            log=self.log,
        )

    def start(self) -> Status:
        """Start the cluster, creating it first where needed; running already is fine.

        Raises ``ClusterError``, also where durability has been switched off.
        """
        with self._exclusively():
            self._make_home()
            account = self._account()
            installation = self._installation()
            self._initialise(installation, account)
            if not self.status().ready:
                self._end_orphans()
                self._clear_stale_files()
                self._configure(account)
                self._launch(installation, account)
            self._assert_durable()
            return self.status()

    def stop(self) -> bool:
        """Stop the cluster cleanly, ending sessions; return whether it was running."""
        if not self.home.is_dir():
            return False
        with self._exclusively():
            account = self._account()
            if self._postmaster() is None:
                return False
            wait = str(int(self._timeouts.stop))
            program = self._installation().bin / "pg_ctl"
            command = [program, "stop", "-D", self.data, "-m", "fast", "-w", "-t", wait]
            answer = _run(command, account)
            if answer.returncode != 0 and self._postmaster() is not None:
                raise ClusterError(
                    f"PostgreSQL did not stop within {wait} seconds: look into {self.log}."
                )
            return True

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Hold the lock file, so that two commands never start or create at once."""
        with _one_line("cannot use the var folder"):
            self._settings.var.mkdir(parents=True, exist_ok=True)
            # Read-only is enough for a lock, and lets two users share the file.
            handle = os.open(self._settings.var / "postgres.lock", os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            deadline = time.monotonic() + self._timeouts.lock
            while not _locked(handle):
                if time.monotonic() > deadline:
                    raise ClusterError(
                        "another command holds the database's lock "
                        f"({self._settings.var / 'postgres.lock'}): wait for it or end it."
                    )
                time.sleep(0.05)
            yield
        finally:
            os.close(handle)

    def _account(self) -> pwd.struct_passwd:
        """Return the user that runs the server: the data's owner, else the default one."""
        if self.home.exists():
            owner = self.home.stat().st_uid
            if os.geteuid() not in (0, owner):
                raise ClusterError(
                    f"the database in {self.home} belongs to {_user_name(owner)}: "
                    "run the command as that user or as root."
                )
            if owner != 0:
                return _user(owner)
        if os.geteuid() != 0:
            return _user(os.geteuid())
        try:
            return pwd.getpwnam(SUPERUSER)
        except KeyError:
            raise ClusterError(
                "PostgreSQL refuses to run as root and there is no user postgres: "
                "install postgresql and PostGIS, or run as another user."
            ) from None

    def _make_home(self) -> None:
        """Create the home folder where its user can reach it, once."""
        if self.home.is_dir():
            return
        if SHELL_CHARACTERS & set(str(self.home)):
            raise ClusterError(
                f"the path {self.home} holds a quote, $ or backslash, which PostgreSQL's start "
                "cannot carry: move the project or set COMMONGREEN_VAR."
            )
        account = self._account()
        with _one_line("cannot make the database's folder"):
            # A link whose target is gone: the data were deleted, so it begins anew.
            self._entrance.unlink(missing_ok=True)
            if os.geteuid() != 0 or _can_enter(self._settings.var, account):
                self.home.mkdir(mode=0o700)
                os.chown(self.home, account.pw_uid, account.pw_gid)
            else:
                self._entrance.symlink_to(self._new_shared_home(account))

    def _new_shared_home(self, account: pwd.struct_passwd) -> Path:
        """Create a folder for the data that ``account`` can reach, never an earlier clone's."""
        self._shared_state.mkdir(mode=0o755, parents=True, exist_ok=True)
        digest = _digest(self._settings.var.resolve())
        number = 1
        while (folder := self._shared_state / f"{digest}-{number}").exists():
            number += 1
        folder.mkdir(mode=0o700)
        (folder / "origin").write_text(f"{self._settings.var.resolve()}\n", encoding="utf-8")
        os.chown(folder, account.pw_uid, account.pw_gid)
        return folder

    def _installation(self) -> Installation:
        """Return the programs that fit the data, or the newest for a new cluster."""
        found = find_installations()
        if not found:
            raise ClusterError(
                f"no PostgreSQL {OLDEST_MAJOR} or later with PostGIS was found: install "
                "postgresql and postgresql-<version>-postgis-3, or run `make demo`."
            )
        major = self._major()
        fitting = [item for item in found if major in (None, item.major)]
        if not fitting:
            raise ClusterError(
                f"the data in {self.data} were made by PostgreSQL {major}, installed is "
                f"{', '.join(str(item.major) for item in found)}: install "
                f"postgresql-{major}-postgis-3, or move the folder away and restore a backup."
            )
        return fitting[0]

    def _major(self) -> int | None:
        """Return the PostgreSQL version of the data, ``None`` where there are none."""
        if not self.data.exists():
            return None
        try:
            return int((self.data / "PG_VERSION").read_text(encoding="ascii"))
        except (OSError, ValueError):
            raise ClusterError(
                f"{self.data} is not a readable PostgreSQL data folder: "
                "restore it, or move it away to begin anew."
            ) from None

    def _initialise(self, installation: Installation, account: pwd.struct_passwd) -> None:
        """Create the data folder in one step: under another name, then renamed."""
        if self.data.exists():
            return
        staging = self.home / "data.new"
        with _one_line("cannot create the database"):
            if staging.exists():
                shutil.rmtree(staging)
            answer = _run(
                [
                    installation.bin / "initdb",
                    "--pgdata",
                    staging,
                    f"--username={SUPERUSER}",
                    "--auth-local=trust",
                    "--auth-host=reject",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--data-checksums",
                ],
                account,
            )
            if answer.returncode != 0:
                raise ClusterError(f"PostgreSQL's initdb failed: {_last_line(answer.stderr)}")
            with (staging / "postgresql.conf").open("a", encoding="utf-8") as handle:
                handle.write("\ninclude 'commongreen.conf'\n")
                handle.flush()
                os.fsync(handle.fileno())
            staging.rename(self.data)
            _sync_folder(self.home)

    def _configure(self, account: pwd.struct_passwd) -> None:
        """Write our settings and the socket's folder, which follow a moved project."""
        folder = self.socket_folder
        text = CONFIGURATION.format(port=PORT, socket_folder=folder)
        with _one_line("cannot prepare the database's start"):
            self._check_socket_folder(folder, account)
            folder.mkdir(mode=0o700, exist_ok=True)
            os.chown(folder, account.pw_uid, account.pw_gid)
            part = self.data / "commongreen.conf.part"
            part.write_text(text, encoding="utf-8")
            os.chown(part, account.pw_uid, account.pw_gid)
            part.rename(self.data / "commongreen.conf")
            if self.log.exists() and self.log.stat().st_size > LOG_BYTES_KEPT:
                self.log.rename(self.log.with_suffix(".log.1"))

    def _check_socket_folder(self, folder: Path, account: pwd.struct_passwd) -> None:
        """Refuse a socket folder that another user made or may enter."""
        try:
            state = folder.lstat()
        except FileNotFoundError:
            return
        if not folder.is_dir() or folder.is_symlink() or state.st_uid not in (0, account.pw_uid):
            raise ClusterError(
                f"{folder} is not a folder of {account.pw_name}: remove it, then try again."
            )
        if state.st_mode & 0o077:
            raise ClusterError(f"{folder} is open to other users: remove it, then try again.")

    def _launch(self, installation: Installation, account: pwd.struct_passwd) -> None:
        """Run pg_ctl, which detaches the server from this command and its terminal."""
        wait = str(int(self._timeouts.start))
        before = self.log.stat().st_size if self.log.exists() else 0
        program = installation.bin / "pg_ctl"
        command = [program, "start", "-D", self.data, "-l", self.log, "-w", "-t", wait]
        answer = _run(command, account)
        if answer.returncode != 0 or not self.status().ready:
            with _one_line("PostgreSQL did not start"):
                written = self.log.read_bytes()[before:].decode(errors="replace")
            cause = [line for line in written.splitlines() if "FATAL" in line or "PANIC" in line]
            reason = cause[-1] if cause else _last_line(answer.stderr or written)
            raise ClusterError(f"PostgreSQL did not start: {reason}; see {self.log}.")

    def _assert_durable(self) -> None:
        """Refuse settings under which an acknowledged write could be lost (SAFETY, Durability)."""
        import psycopg  # Imported here: `db status` and `--help` do without it.

        try:
            with psycopg.connect(
                host=str(self.socket_folder), port=PORT, user=SUPERUSER, dbname="postgres"
            ) as connection:
                query = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
                actual = dict(connection.execute(query, [list(DURABLE)]).fetchall())
        except psycopg.Error as error:
            raise ClusterError(
                f"the database does not answer: {_last_line(str(error))}; see {self.log}."
            ) from error
        weak = sorted(key for key, value in DURABLE.items() if actual.get(key) != value)
        if weak:
            raise ClusterError(
                f"{', '.join(weak)} is switched off, so that a power cut would lose data: "
                f"remove it from {self.data / 'postgresql.auto.conf'}, then stop and start."
            )

    def _pid_file_lines(self) -> list[str]:
        try:
            text = (self.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ClusterError(
                f"{self.data} cannot be read ({error.strerror}): run the command as its owner."
            ) from error
        return [line.strip() for line in text.splitlines()]

    def _postmaster(self) -> int | None:
        """Return the server's process id, ``None`` where the pid file is stale.

        A server works inside its data folder, which tells it from any other
        program that was given the same number after a crash.
        """
        lines = self._pid_file_lines()
        if not lines or not lines[0].isdecimal():
            return None
        pid = int(lines[0])
        return pid if pid in self._processes([pid]) else None

    def _processes(self, pids: Sequence[int]) -> list[int]:
        """Return those of ``pids`` that are PostgreSQL at work in our data folder."""
        return [
            pid
            for pid in pids
            if _link(f"/proc/{pid}/cwd") == str(self.data)
            and Path(_link(f"/proc/{pid}/exe").removesuffix(" (deleted)")).name == "postgres"
        ]

    def _clear_stale_files(self) -> None:
        """Remove what a killed server left that PostgreSQL takes for a running one.

        It clears a pid file by itself where that process is gone, but not one
        that cannot be read or that names another living program.
        """
        if self._postmaster() is not None:
            return
        lines = self._pid_file_lines()
        pid = int(lines[0]) if lines and lines[0].isdecimal() else None
        with _one_line("cannot remove what a killed server left"):
            if pid is None or Path(f"/proc/{pid}").exists():
                (self.data / "postmaster.pid").unlink(missing_ok=True)
            for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
                (self.socket_folder / name).unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """Wait for, then end, what a killed server left behind: it holds the data open."""
        if self._postmaster() is not None:
            return
        deadline = time.monotonic() + self._timeouts.orphans
        while orphans := self._processes(_all_processes()):
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"processes of a killed server still run ({orphans}): end them, then start."
                )
            for pid in orphans:
                # Without their server they can neither commit nor be reached.
                with _one_line("cannot end a process of the killed server"):
                    _signal(pid, signal.SIGQUIT)
            time.sleep(0.05)


def _run(
    command: Sequence[str | Path], account: pwd.struct_passwd
) -> subprocess.CompletedProcess[str]:
    """Run a program of PostgreSQL as ``account``, without this process's environment."""
    root = os.geteuid() == 0
    with _one_line("cannot run PostgreSQL's programs"):
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


def _can_enter(folder: Path, account: pwd.struct_passwd) -> bool:
    """Tell whether ``account`` reaches ``folder``, asking the kernel, not the mode bits."""
    return _run(["test", "-x", folder.resolve()], account).returncode == 0


@contextmanager
def _one_line(what: str) -> Iterator[None]:
    """Turn a failure of the system into a ``ClusterError``."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise ClusterError(
            f"{what}: {error.strerror}{where}; check its owner, mode and free space."
        ) from error


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _all_processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _user(uid: int) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise ClusterError(
            f"the user {uid} has no entry in /etc/passwd, which PostgreSQL needs: add one."
        ) from None


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
