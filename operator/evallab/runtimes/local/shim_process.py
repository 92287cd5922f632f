"""A command under the shim: launched here, observed and stopped from any process that knows its directory.

Used by `runtime` for adapters and by `model_server` for model servers. Whatever has to be known afterwards lies in the
directory (started.json, exit.json), never only in the memory of the process that launched.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, cast

from evallab.runtimes.interface import Exit, Observation
from evallab.runtimes.local import processes
from evallab.runtimes.local.files import tail, write_atomically
from evallab.runtimes.local.processes import ProcessIdentity
from evallab.runtimes.local.shim_pool import ShimPool

SHIM = Path(__file__).with_name("shim.py")
MARK = "EVALLAB_ATTEMPT_ID"  #: the variable by which processes are found when their shim was killed
ORPHAN_GRACE = 10.0
LOG_LIMIT = 64 * 1024 * 1024  #: bytes of what one attempt, or one model server, writes that are kept
DEFAULT_LIMITS: Mapping[str, int] = MappingProxyType({"core": 0})
KILL_ROUNDS = 200
KILL_PAUSE = 0.02


@dataclass(frozen=True, kw_only=True)
class ShimProcess:
    """One started command and its tree."""

    name: str  #: unique; the value of MARK in the environment of its processes
    directory: Path  #: of started.json and exit.json
    log_file: Path

    def started(self) -> dict[str, Any] | None:
        """Return the record of its start."""
        return _read_json(self.directory / "started.json")

    def was_started(self) -> bool:
        """Say whether it was started. Raises OSError when the directory is somebody else's."""
        record = self.started()
        if record is not None and record["about"]["name"] != self.name:
            raise OSError(f"{self.directory} belongs to {record['about']['name']}, not to {self.name}")
        return record is not None

    def exit(self) -> Exit | None:
        """Return how it ended; None while it runs, and when its shim was killed."""
        record = _read_json(self.directory / "exit.json")
        if record is None:
            return None
        return Exit(
            code=record["code"],
            signal=record["signal"],
            orphaned=record["orphaned"],
            finished_at=datetime.fromisoformat(record["finished_at"]),
        )

    def alive(self) -> bool:
        """Say whether any of it may still run, as far as its shim knows."""
        record = self.started()
        return record is not None and self.exit() is None and processes.is_running(ProcessIdentity.from_record(record))

    def observe(self) -> Observation:
        """Look at it."""
        record = self.started()
        if record is None:
            return Observation(state="absent")
        shim = ProcessIdentity.from_record(record)
        running = processes.is_running(shim)
        ended = self.exit()  # read after the look at the process: the shim writes it before it goes
        started_at = datetime.fromisoformat(record["started_at"])
        if ended is not None:
            return Observation(state="exited", started_at=started_at, exit=ended)
        if not running:
            return Observation(state="vanished", started_at=started_at)
        return Observation(state="running", started_at=started_at, running_s=processes.age_s(shim))

    async def stop(self, *, grace_seconds: float) -> None:
        """Tell the tree to end; where its shim was killed, kill what it left (nobody could record its end anyway)."""
        record = self.started()
        if record is None or self.exit() is not None:
            return
        with contextlib.suppress(OSError):  # the directory was removed: the shim takes its own grace period
            write_atomically(self.directory / "stop", f"{grace_seconds}")
        shim = ProcessIdentity.from_record(record)
        if not processes.send_signal(shim, signal.SIGTERM):
            await self._kill_leftovers(shim)

    async def _kill_leftovers(self, shim: ProcessIdentity) -> None:
        for _ in range(KILL_ROUNDS):
            found = processes.marked(MARK, self.name, leader=shim)
            if not found:
                return
            for process in found:
                processes.send_signal(process, signal.SIGKILL)
            await asyncio.sleep(KILL_PAUSE)

    def log_tail(self, *, lines: int) -> str:
        """Return the last lines of its log."""
        return tail(self.log_file, lines=lines)


def launch_shim(
    process: ShimProcess,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    attached: bool,
    grace_seconds: float = ORPHAN_GRACE,
    cwd: Path | None = None,
    limits: Mapping[str, int] | None = None,
    header: str = "",
    log_limit: int = LOG_LIMIT,
    python: str = sys.executable,
    keep_open: Sequence[int] = (),
    pool: ShimPool | None = None,
) -> None:
    """Start a command, at most once per directory, whoever else tries. Raises OSError when it cannot be started.

    `attached`: the tree ends when this process dies; `grace_seconds` is how long it may then take. `limits` are
    resource limits by their short names (core, as, nofile, nproc); without a word about it there are no core dumps.
    `keep_open` are descriptors of locks that the tree holds as long as it lives; with them the `pool`, where shims
    start faster, is not used.
    """
    processes.require_linux()
    if process.was_started():
        return
    limited = {f"--limit-{name}": str(value) for name, value in {**DEFAULT_LIMITS, **(limits or {})}.items()}
    options = {"--header": header, "--grace": str(grace_seconds), "--log-limit": str(log_limit), **limited}
    arguments, marked = [*_arguments(process, options), *argv], {**env, MARK: process.name}
    answer = None
    if pool is not None and not keep_open and pool.python == python:
        answer = pool.start(arguments, env=marked, cwd=cwd, attached=attached)
    if answer is None:
        answer = _started(python, arguments, env=marked, cwd=cwd, attached=attached, keep_open=keep_open)
    if answer not in {"started\n", "exists\n"}:
        raise OSError(answer.strip() or "the shim ended without a word")


def _started(
    python: str,
    arguments: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None,
    attached: bool,
    keep_open: Sequence[int],
) -> str:
    """Start a shim with an interpreter of its own, and return what it said."""
    with _leash(attached=attached) as (reading, writing):
        command = [python, "-I", "-S", str(SHIM), "--leash-fd", str(reading), *arguments]
        shim = _spawn(command, env=env, cwd=cwd, fds=_inherited(reading, keep_open))
        threading.Thread(target=_reap, args=(shim, os.dup(writing) if attached else -1), daemon=True).start()
        return _answer(shim)


def _spawn(
    command: list[str], *, env: Mapping[str, str], cwd: Path | None, fds: Sequence[int]
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=fds,
        start_new_session=True,
    )


def _inherited(leash: int, locks: Sequence[int]) -> list[int]:
    return [each for each in (leash, *locks) if each >= 0]


def _arguments(process: ShimProcess, more: Mapping[str, str]) -> list[str]:
    options = {
        "--directory": str(process.directory.absolute()),
        "--log": str(process.log_file.absolute()),
        "--about": json.dumps({"name": process.name}),
        **more,
    }
    return [*(part for option in options.items() for part in option), "--"]


@contextlib.contextmanager
def _leash(*, attached: bool) -> Iterator[tuple[int, int]]:
    """Yield the two ends of a pipe, or -1 twice; both are closed afterwards (the reaper holds a copy)."""
    ends = os.pipe() if attached else (-1, -1)
    try:
        yield ends
    finally:
        for end in ends:
            if end >= 0:
                os.close(end)


def _answer(shim: "subprocess.Popen[bytes]") -> str:
    """Read the first line the shim says, or everything when that is an error."""
    with cast("IO[bytes]", shim.stdout) as stream:
        first = stream.readline()
        return (first if first in {b"started\n", b"exists\n"} else first + stream.read()).decode(errors="replace")


def _reap(shim: "subprocess.Popen[bytes]", leash: int) -> None:
    """Hold the leash as long as the shim lives, and leave no zombie."""
    shim.wait()
    if leash >= 0:
        os.close(leash)


def _read_json(file: Path) -> dict[str, Any] | None:
    try:
        return cast("dict[str, Any]", json.loads(file.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
