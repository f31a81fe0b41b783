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
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from layers.config import Settings
from layers.postgres import (
    OLDEST_MAJOR,
    ClusterError,
    Installation,
    can_enter,
    end_at_once,
    find_installations,
    one_line,
    processes_in,
    reason,
    run_as,
    user,
    user_name,
)

__all__ = ["Cluster", "ClusterError", "Status", "Timeouts", "owner_url"]

SUPERUSER = "postgres"
PORT = 5432
SOCKET_PATH_BYTES = 107
# libpq and PostgreSQL both split socket folders at commas, and a URL quotes the rest.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")
# pg_ctl hands the data folder to a shell between double quotes.
SHELL_CHARACTERS = frozenset('"$`\\\n')
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
INITDB = (
    f"--username={SUPERUSER}",
    "--auth-local=trust",
    "--auth-host=reject",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--data-checksums",
)
DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "data_checksums": "on",
}


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds."""

    lock: float = 120.0
    start: float = 60.0
    stop: float = 60.0
    orphans: float = 10.0


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
            if not self._await_ready():
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
            answer = run_as(
                [program, "stop", "-D", self.data, "-m", "fast", "-w", "-t", wait], account
            )
            if answer.returncode != 0 and self._postmaster() is not None:
                raise ClusterError(
                    f"PostgreSQL did not stop within {wait} seconds: look into {self.log}."
                )
            return True

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Hold the lock file, so that two commands never start or create at once."""
        with one_line("cannot use the var folder"):
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
                    f"the database in {self.home} belongs to {user_name(owner)}: "
                    "run the command as that user or as root."
                )
            if owner != 0:
                return user(owner)
        if os.geteuid() != 0:
            return user(os.geteuid())
        try:
            return pwd.getpwnam(SUPERUSER)
        except KeyError:
            raise ClusterError(
                "PostgreSQL refuses to run as root and there is no user postgres: "
                "install postgresql and PostGIS, or run as another user."
            ) from None

    def _make_home(self) -> None:
        """Create the home folder, once, where its user can reach it."""
        if SHELL_CHARACTERS & set(str(self.home)):
            raise ClusterError(
                f"the path {self.home} holds a quote, $ or backslash, which PostgreSQL's start "
                "cannot carry: move the project or set COMMONGREEN_VAR."
            )
        account = self._account()
        with one_line("cannot make the database's folder"):
            if not self.home.is_dir():
                # A link whose target is gone: the data were deleted, so it begins anew.
                self._entrance.unlink(missing_ok=True)
                if os.geteuid() != 0 or can_enter(self._settings.var, account):
                    self.home.mkdir(mode=0o700)
                else:
                    self._entrance.symlink_to(self._new_shared_home())
            _hand_over(self.home, account)

    def _new_shared_home(self) -> Path:
        """Create a folder for the data outside the project, never an earlier clone's."""
        self._shared_state.mkdir(mode=0o755, parents=True, exist_ok=True)
        digest = _digest(self._settings.var.resolve())
        number = 1
        while (folder := self._shared_state / f"{digest}-{number}").exists():
            number += 1
        folder.mkdir(mode=0o700)
        (folder / "origin").write_text(f"{self._settings.var.resolve()}\n", encoding="utf-8")
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
        with one_line("cannot create the database"):
            if staging.exists():
                shutil.rmtree(staging)
            answer = run_as([installation.bin / "initdb", *INITDB, "--pgdata", staging], account)
            if answer.returncode != 0:
                raise ClusterError(f"PostgreSQL's initdb failed: {reason(answer.stderr)}.")
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
        with one_line("cannot prepare the database's start"):
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            self._check_socket_folder(folder, account)
            _hand_over(folder, account)
            part = self.data / "commongreen.conf.part"
            part.write_text(text, encoding="utf-8")
            _hand_over(part, account)
            part.rename(self.data / "commongreen.conf")
            if self.log.exists() and self.log.stat().st_size > LOG_BYTES_KEPT:
                self.log.rename(self.log.with_suffix(".log.1"))

    def _check_socket_folder(self, folder: Path, account: pwd.struct_passwd) -> None:
        """Refuse a socket folder that another user made or may enter."""
        try:
            state = folder.lstat()
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(state.st_mode) or state.st_uid not in (0, account.pw_uid):
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
        answer = run_as(
            [program, "start", "-D", self.data, "-l", self.log, "-w", "-t", wait], account
        )
        if answer.returncode != 0 or not self.status().ready:
            with one_line("PostgreSQL did not start"):
                written = self.log.read_bytes()[before:].decode(errors="replace")
            cause = reason(written if "FATAL" in written else answer.stderr or written)
            raise ClusterError(f"PostgreSQL did not start: {cause}; see {self.log}.")

    def _await_ready(self) -> bool:
        """Wait for a server that is starting or stopping; return whether one is ready."""
        deadline = time.monotonic() + self._timeouts.start
        while (state := self.status()).running and not state.ready:
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"PostgreSQL (process {state.pid}) is still starting or stopping: "
                    f"wait, and see {self.log}."
                )
            time.sleep(0.05)
        return state.ready

    def _assert_durable(self) -> None:
        """Refuse settings under which an acknowledged write could be lost (SAFETY, Durability)."""
        import psycopg  # Imported here: `db status` and `--help` do without it.

        try:
            with psycopg.connect(
                host=str(self.socket_folder), port=PORT, user=SUPERUSER, dbname="postgres"
            ) as connection:
                query = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
                rows = connection.execute(query, [list(DURABLE)]).fetchall()
        except psycopg.Error as error:
            raise ClusterError(
                f"the database does not answer: {reason(str(error))}; see {self.log}."
            ) from error
        actual: dict[str, str] = dict(rows)
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
        """Return the server's process id, ``None`` where the pid file is stale."""
        lines = self._pid_file_lines()
        if not lines or not lines[0].isdecimal():
            return None
        pid = int(lines[0])
        return pid if processes_in(self.data, [pid]) else None

    def _clear_stale_files(self) -> None:
        """Remove what a killed server left that PostgreSQL takes for a running one.

        It clears a pid file by itself where that process is gone, but not one
        that cannot be read or that names another living program.
        """
        lines = self._pid_file_lines()
        pid = int(lines[0]) if lines and lines[0].isdecimal() else None
        with one_line("cannot remove what a killed server left"):
            if pid is None or Path(f"/proc/{pid}").exists():
                (self.data / "postmaster.pid").unlink(missing_ok=True)
            for name in (f".s.PGSQL.{PORT}", f".s.PGSQL.{PORT}.lock"):
                (self.socket_folder / name).unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """End what a killed server left at work: it holds the data open.

        Nobody was promised what such a process has not committed yet.
        """
        deadline = time.monotonic() + self._timeouts.orphans
        while orphans := processes_in(self.data):
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"processes of a killed server still run ({orphans}): end them, then start."
                )
            for pid in orphans:
                end_at_once(pid)
            time.sleep(0.05)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _hand_over(path: Path, account: pwd.struct_passwd) -> None:
    """Give ``path`` to the server's user; only root needs to, and only root can."""
    if os.geteuid() == 0:
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
