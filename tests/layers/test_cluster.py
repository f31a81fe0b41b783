"""The private cluster, for real: every test starts PostgreSQL in a folder of its own."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from layers.cluster import Cluster, ClusterError, Timeouts, owner_url
from layers.config import Settings
from layers.postgres import find_installations, processes_in

ROOT = os.geteuid() == 0
BRIEF = Timeouts(lock=20, start=20, stop=20, orphans=5)
MakeCluster = Callable[..., Cluster]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path that the user postgres can enter, which pytest's own cannot be."""
    with tempfile.TemporaryDirectory(prefix="cg-", dir="/tmp") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
def make_cluster(folder: Path) -> Iterator[MakeCluster]:
    """Describe clusters; those that a test leaves running are stopped."""
    made: list[Cluster] = []

    def make(var: Path = folder / "var") -> Cluster:
        settings = replace(Settings.from_environment({}), var=var)
        made.append(
            Cluster(
                settings,
                timeouts=BRIEF,
                shared_state=folder / "shared",
                socket_root=folder,
            )
        )
        return made[-1]

    yield make
    for cluster in made:
        with contextlib.suppress(ClusterError):
            cluster.stop()


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    """A stopped cluster's var folder to copy, which is quicker than making one anew."""
    with tempfile.TemporaryDirectory(prefix="cg-", dir="/tmp") as name:
        path = Path(name)
        path.chmod(0o755)
        cluster = Cluster(replace(Settings.from_environment({}), var=path / "var"), timeouts=BRIEF)
        cluster.start()
        assert cluster.stop()
        yield path / "var"


@pytest.fixture
def cluster(prepared: Path, folder: Path, make_cluster: MakeCluster) -> Cluster:
    """A cluster that was stopped cleanly, not yet started here."""
    subprocess.run(["cp", "-a", prepared, folder / "var"], check=True)
    return make_cluster()


def query(cluster: Cluster, statement: str) -> object:
    """Run one statement and return its first value, if it has any."""
    address = cluster.url("postgres").replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def kill(cluster: Cluster) -> int:
    """Kill the server's first process as a power cut would, and wait until it is gone."""
    pid = cluster.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while processes_in(cluster.data, [pid]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return pid


def command(var: Path, *arguments: str) -> subprocess.Popen[str]:
    """Run the console command in a session of its own, as another terminal would."""
    return subprocess.Popen(
        [Path(sys.prefix) / "bin" / "commongreen", "db", *arguments],
        env={"COMMONGREEN_VAR": str(var), "PATH": os.defpath},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_new_cluster_is_private_durable_and_utf8(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    status = cluster.start()
    assert (status.running, status.ready) == (True, True)
    assert status.major == find_installations()[0].major
    expected = {
        "listen_addresses": "",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "max_connections": "60",
    }
    actual = {name: query(cluster, f"SHOW {name}") for name in expected}
    assert actual == expected
    assert cluster.socket_folder.stat().st_mode & 0o777 == 0o700
    assert cluster.home.stat().st_mode & 0o777 == 0o700


def test_the_first_process_does_not_run_as_root(cluster: Cluster) -> None:
    pid = cluster.start().pid
    owner = Path(f"/proc/{pid}").stat().st_uid
    assert owner == (pwd.getpwnam("postgres").pw_uid if ROOT else os.geteuid())


def test_starting_twice_and_stopping_twice_change_nothing(cluster: Cluster) -> None:
    first = cluster.start()
    assert cluster.start().pid == first.pid
    assert cluster.stop() is True
    assert cluster.stop() is False
    assert cluster.status().running is False


def test_a_committed_row_survives_kill_9_and_the_next_start(cluster: Cluster) -> None:
    cluster.start()
    query(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")
    killed = kill(cluster)
    assert cluster.status().running is False
    assert cluster.start().pid != killed
    assert query(cluster, "SELECT answer FROM kept") == 42


def test_a_session_that_outlives_the_killed_server_does_not_block_the_start(
    cluster: Cluster,
) -> None:
    cluster.start()
    address = cluster.url("postgres").replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection, ThreadPoolExecutor(1) as pool:
        busy = pool.submit(connection.execute, "SELECT pg_sleep(60)")
        while (
            query(cluster, "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'sleep\\(60'") != 1
        ):
            time.sleep(0.01)
        kill(cluster)
        assert cluster.start().ready
        with pytest.raises(psycopg.OperationalError):
            busy.result(timeout=10)


@pytest.mark.parametrize("text", ["{foreign}\n/elsewhere\n1\n5432\n", "", "nonsense\n"])
def test_a_stale_pid_file_is_not_a_running_server(cluster: Cluster, text: str) -> None:
    account = pwd.getpwnam("postgres") if ROOT else pwd.getpwuid(os.geteuid())
    # A living process of the server's own user, which PostgreSQL takes for a server.
    foreign = subprocess.Popen(
        ["sleep", "60"], user=account.pw_uid if ROOT else None, cwd=cluster.home.parent
    )
    try:
        pid_file = cluster.data / "postmaster.pid"
        pid_file.write_text(text.format(foreign=foreign.pid), encoding="ascii")
        os.chown(pid_file, account.pw_uid, account.pw_gid)
        assert cluster.status().running is False
        assert cluster.stop() is False
        assert cluster.start().ready
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


def test_an_interrupted_creation_is_done_again(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    half = cluster.home / "data.new" / "base"
    half.mkdir(parents=True)
    (half.parent / "PG_VERSION").write_text("15\n", encoding="ascii")
    assert cluster.start().ready
    assert not half.exists()


def test_commands_at_the_same_time_start_one_server(folder: Path) -> None:
    starts = [command(folder / "var", "start") for _ in range(3)]
    answers = [process.communicate(timeout=60)[0] for process in starts]
    stopped = command(folder / "var", "stop").communicate(timeout=60)[0]
    assert [process.returncode for process in starts] == [0, 0, 0]
    assert len(set(answers)) == 1
    assert "is running (process " in answers[0]
    assert stopped == "PostgreSQL has stopped.\n"


def test_the_server_outlives_the_command_and_its_terminal(folder: Path) -> None:
    start = command(folder / "var", "start")
    assert "is running" in start.communicate(timeout=60)[0]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(start.pid, signal.SIGHUP)
    status = command(folder / "var", "status", "--json").communicate(timeout=60)[0]
    stopped = command(folder / "var", "stop").communicate(timeout=60)[0]
    assert json.loads(status)["ready"] is True
    assert stopped == "PostgreSQL has stopped.\n"


@pytest.mark.parametrize("name", ["x" * 100, "共享 绿地,小区"])
def test_a_path_that_no_socket_can_have_gets_a_socket_elsewhere(
    prepared: Path, folder: Path, make_cluster: MakeCluster, name: str
) -> None:
    project = folder / name
    project.mkdir()
    subprocess.run(["cp", "-a", prepared, project / "var"], check=True)
    cluster = make_cluster(project / "var")
    assert cluster.start().ready
    assert cluster.socket_folder.parent == folder
    assert cluster.socket_folder.stat().st_mode & 0o777 == 0o700
    assert query(cluster, "SELECT 1") == 1


def test_a_socket_folder_of_somebody_else_is_refused(
    folder: Path, make_cluster: MakeCluster
) -> None:
    project = folder / ("x" * 100)
    project.mkdir()
    cluster = make_cluster(project / "var")
    elsewhere = cluster.socket_folder
    elsewhere.symlink_to("/")
    with pytest.raises(ClusterError, match="remove it"):
        cluster.url("commongreen")
    elsewhere.unlink()
    elsewhere.mkdir(mode=0o755)
    with pytest.raises(ClusterError, match="open to other users"):
        cluster.start()


@pytest.mark.parametrize("character", ['"', "$", "`", "\\"])
def test_a_path_that_a_shell_would_read_is_refused(
    folder: Path, make_cluster: MakeCluster, character: str
) -> None:
    with pytest.raises(ClusterError, match="move the project"):
        make_cluster(folder / f"a{character}b" / "var").start()


def test_a_moved_project_starts_where_it_is_now(
    cluster: Cluster, folder: Path, make_cluster: MakeCluster
) -> None:
    cluster.start()
    cluster.stop()
    (folder / "var").rename(folder / "moved")
    moved = make_cluster(folder / "moved")
    assert moved.start().socket_folder == folder / "moved" / "postgres" / "socket"


def test_data_of_another_version_are_named_with_the_remedy(cluster: Cluster) -> None:
    (cluster.data / "PG_VERSION").write_text("9\n", encoding="ascii")
    with pytest.raises(ClusterError, match=r"made by PostgreSQL 9.*install postgresql-9-postgis-3"):
        cluster.start()


def test_a_folder_that_is_no_database_is_left_alone(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.data.mkdir(parents=True)
    (cluster.data / "letter.txt").write_text("keep me", encoding="ascii")
    with pytest.raises(ClusterError, match="not a readable PostgreSQL data folder"):
        cluster.start()
    assert (cluster.data / "letter.txt").exists()


def test_switched_off_durability_is_refused(cluster: Cluster) -> None:
    cluster.start()
    query(cluster, "ALTER SYSTEM SET fsync = off")
    cluster.stop()
    with pytest.raises(ClusterError, match="fsync is switched off"):
        cluster.start()


def test_a_start_that_fails_says_what_the_server_said(cluster: Cluster) -> None:
    with (cluster.data / "postgresql.conf").open("a", encoding="utf-8") as handle:
        handle.write("max_connections = 'many'\n")
    with pytest.raises(ClusterError, match=r"did not start: .*FATAL"):
        cluster.start()


def test_a_held_lock_is_waited_for_and_then_named(cluster: Cluster, folder: Path) -> None:
    held = (folder / "var" / "postgres.lock").open("w")
    with held, subprocess.Popen(["flock", str(held.fileno())], pass_fds=[held.fileno()]) as locker:
        assert locker.wait(timeout=10) == 0
        impatient = Cluster(
            replace(Settings.from_environment({}), var=folder / "var"),
            timeouts=Timeouts(lock=0.2),
        )
        with pytest.raises(ClusterError, match="another command holds"):
            impatient.start()


def test_an_own_database_replaces_the_private_one(tmp_path: Path) -> None:
    url = "postgresql://me@db.example/green"
    own = Settings.from_environment({"DATABASE_URL": url, "COMMONGREEN_VAR": str(tmp_path)})
    assert owner_url(own) == "postgresql+psycopg://me@db.example/green"
    private = Settings.from_environment({"COMMONGREEN_VAR": str(tmp_path)})
    assert owner_url(private).startswith("postgresql+psycopg://postgres@/commongreen?host=/")


if ROOT:

    def test_data_go_where_postgres_can_enter(folder: Path, make_cluster: MakeCluster) -> None:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        cluster = make_cluster(closed / "var")
        assert cluster.start().ready
        assert (closed / "var" / "postgres").is_symlink()
        first = cluster.home
        assert first.parent == folder / "shared"
        assert (first / "origin").read_text(encoding="utf-8") == f"{closed / 'var'}\n"
        cluster.stop()
        # The clone is deleted, and another appears at the same path.
        shutil.rmtree(closed)
        again = make_cluster(closed / "var")
        closed.mkdir(mode=0o700)
        assert again.start().ready
        assert again.home != first

    def test_root_serves_a_users_cluster_as_that_user(cluster: Cluster) -> None:
        nobody = pwd.getpwnam("nobody")
        subprocess.run(
            ["chown", "-R", f"{nobody.pw_uid}:{nobody.pw_gid}", cluster.home], check=True
        )
        pid = cluster.start().pid
        assert Path(f"/proc/{pid}").stat().st_uid == nobody.pw_uid

    def test_another_user_is_told_whose_cluster_it_is(cluster: Cluster) -> None:
        cluster.start()
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
        try:
            with pytest.raises(ClusterError, match="belongs to postgres: run the command as that"):
                cluster.start()
            with pytest.raises(ClusterError, match="run the command as its owner"):
                cluster.status()
        finally:
            os.seteuid(0)
