"""Ctrl-C once and twice in every phase of a command, SIGTERM, and a terminal that is closed."""

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.integration.faults.command import Command, wait_for
from tests.integration.faults.jobs import ANSWERED

from evallab.engine.turns import Place

Record = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """A command, its database, and what its job does."""

    command: Command
    database: psycopg.Connection[Record]

    def sql(self, query: str) -> list[Record]:
        """Ask the database."""
        return self.database.execute(query.encode()).fetchall()

    def start(self, script: str, **spec: Any) -> "subprocess.Popen[str]":
        """Start a job."""
        return self.command.start(*self.arguments(script, **spec))

    def arguments(self, script: str, **spec: Any) -> tuple[str, ...]:
        """Return what runs a job of this script."""
        return "run", "-f", str(self.command.manifest(script, **spec)), "--local", "--output", "json"

    @property
    def mark(self) -> Path:
        """A file that says that the phase has begun."""
        return self.command.home / "mark"

    def marking(self, script: str) -> str:
        """The script of an adapter that makes the mark first."""
        return f"Path({str(self.mark)!r}).touch(); {script}"


@pytest.fixture
def bench(home: Path, database_url: str) -> Iterator[Bench]:
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        yield Bench(Command(home, {"EVALLAB_DATABASE_URL": database_url}), connection)


@contextmanager
def waiting_for_its_turn(bench: Bench) -> "Iterator[subprocess.Popen[str]]":
    """Somebody else has the machine."""
    place = Place(bench.command.home / "lab")
    assert place.take()
    with bench.start(ANSWERED) as process:
        wait_for(lambda: bench.sql("SELECT 1 FROM evallab_tables.leases"))
        yield process
    place.leave()


@contextmanager
def starting_the_model_server(bench: Bench) -> "Iterator[subprocess.Popen[str]]":
    """A model server that does not become ready."""
    serve = {"runtime": "custom", "command": f"touch {bench.mark}; sleep 600 # $PORT", "healthPath": "/"}
    with bench.start(ANSWERED, model={"name": "m", "serve": serve}) as process:
        wait_for(bench.mark.exists)
        yield process


@contextmanager
def running(bench: Bench) -> "Iterator[subprocess.Popen[str]]":
    """An adapter that has begun."""
    with bench.start(bench.marking("time.sleep(600)")) as process:
        wait_for(bench.mark.exists)
        yield process


@contextmanager
def recording(bench: Bench) -> "Iterator[subprocess.Popen[str]]":
    """A result that is being recorded: nobody may write into its table meanwhile."""
    blocked = "SELECT 1 FROM pg_locks WHERE NOT granted"
    with bench.start(bench.marking(f"time.sleep(1); {ANSWERED}")) as process:
        wait_for(bench.mark.exists)
        with bench.database.transaction():
            bench.database.execute("LOCK TABLE evallab_tables.results IN SHARE MODE")
            wait_for(lambda: bench.sql(blocked))
            yield process
            wait_for(lambda: process.poll() is not None or "cancelling" in bench.command.said)


PHASES = [waiting_for_its_turn, starting_the_model_server, running, recording]


def clean(command: Command) -> None:
    """Nothing is left, and nobody was shown the inside of evallab."""
    wait_for(lambda: not command.processes())
    assert "Traceback" not in command.said
    assert not list((command.home / "lab").glob("log/error-*"))


def interrupt(bench: Bench, process: "subprocess.Popen[str]") -> None:
    """Press Ctrl-C and wait until that was heard."""
    process.send_signal(signal.SIGINT)
    wait_for(lambda: "cancelling" in bench.command.said or process.poll() is not None)


@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c(bench: Bench, phase: Any) -> None:
    """Ctrl-C once: while it waits for its turn, starts the model server, runs, or records.

    Ends: cancelled, exit code 130; what is being recorded is completed
    Told: that it is cancelling, and that once more stops at once; the table as always
    Kept: log, events, answers so far; a result that was there, once
    """
    with phase(bench) as process:
        interrupt(bench, process)
    assert process.returncode == 130, bench.command.said
    clean(bench.command)
    state = "completed" if phase is recording else "cancelled"
    assert bench.command.report["state"] == state
    [job] = bench.sql("SELECT state, lease_holder FROM jobs")
    assert job == {"state": state, "lease_holder": None}
    assert bench.sql("SELECT count(*) FROM samples") == [{"count": 3 if phase is recording else 0}]


@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_twice(bench: Bench, phase: Any) -> None:
    """Ctrl-C twice, in the same phases.

    Ends: at once, exit code 130; adapter and model server within ten seconds; the next command buries the job
    Told: nothing more
    Kept: log, events, answers so far; a result that was there is recorded by the next command, once
    """
    with phase(bench) as process:
        interrupt(bench, process)
        process.send_signal(signal.SIGINT)
    assert process.returncode == 130, bench.command.said
    clean(bench.command)
    bench.sql("DELETE FROM evallab_tables.leases RETURNING 1")  # as if half a minute had gone by
    bench.command.run("cancel", "job")
    [job] = bench.sql("SELECT state FROM jobs")
    assert job["state"] in ({"completed"} if phase is recording else {"cancelled", "failed"})
    assert bench.sql("SELECT count(*) FROM samples") == [{"count": 3 if phase is recording else 0}]


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_while_the_database_starts(home: Path, times: int) -> None:
    """Ctrl-C, once or twice, while the embedded Postgres is started.

    Ends: exit code 130; once: when Postgres has started, twice: at once; Postgres leaves by itself
    Told: that nothing was started
    Kept: there was nothing yet
    """
    command = Command(home)
    bench = Bench(command, None)  # type: ignore[arg-type]
    with bench.start(ANSWERED) as process:
        wait_for((home / "lab" / "postgres").exists)
        interrupt(bench, process)
        if times == 2:
            process.send_signal(signal.SIGINT)
    assert process.returncode == 130, command.said
    assert (times == 2) or "nothing was started" in command.said
    clean(command)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm(bench: Bench, number: signal.Signals) -> None:
    """The command is told to end (SIGTERM, SIGHUP).

    Ends: cancelled, exit code 130
    Told: as after Ctrl-C
    Kept: log, events, answers so far
    """
    with running(bench) as process:
        process.send_signal(number)
    assert process.returncode == 130, bench.command.said
    clean(bench.command)
    assert bench.sql("SELECT state FROM jobs") == [{"state": "cancelled"}]


def test_the_terminal_is_closed(bench: Bench) -> None:
    """The terminal in which the command runs is closed.

    Ends: cancelled, exit code 130
    Told: nobody is there any more; `evallab show JOB` in another terminal
    Kept: log, events, answers so far
    """
    ours, theirs = pty.openpty()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": False}
    arguments = bench.arguments(bench.marking("time.sleep(600)"))
    with bench.command.start(*arguments, before=["setsid", "-c"], **streams) as process:
        os.close(theirs)
        wait_for(bench.mark.exists)
        os.close(ours)
    assert process.returncode == 130
    clean(bench.command)
    assert bench.sql("SELECT state FROM jobs") == [{"state": "cancelled"}]


def test_nohup(bench: Bench) -> None:
    """The terminal is closed, and the command was started with `nohup`.

    Ends: completed
    Told: the table, where `nohup` puts it
    Kept: everything
    """
    arguments = bench.arguments(bench.marking(f"time.sleep(1); {ANSWERED}"))
    with bench.command.start(*arguments, before=["nohup"]) as process:
        wait_for(bench.mark.exists)
        process.send_signal(signal.SIGHUP)
    assert (process.returncode, bench.command.report["state"]) == (0, "completed")
    clean(bench.command)
