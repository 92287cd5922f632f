"""A model server as a process of this machine, under the same shim as attempts. The engine calls it for `model.serve`.

Its state lies in its directory, so that any process can look at it, stop it, or take it over.
"""

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evallab.api.errors import ModelServerFailed
from evallab.runtimes.interface import Exit
from evallab.runtimes.local.shim_process import ORPHAN_GRACE, ShimProcess, launch_shim

RECORDS = ("started.json", "exit.json", "stop")


@dataclass(frozen=True)
class LocalServerProcess:
    """The process of a model server; `directory` is its own, on this machine, for as long as it is wanted."""

    directory: Path
    log_file: Path

    async def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        attached: bool = True,
        grace_seconds: float = ORPHAN_GRACE,
        cwd: Path | None = None,
        keep_open: Sequence[int] = (),
    ) -> None:
        """Start it unless it runs. `env` is its whole environment; `attached`: it ends when this process dies.

        `keep_open` are descriptors of locks that it holds as long as it lives.
        """
        if not self.alive():
            options = {"attached": attached, "grace_seconds": grace_seconds, "cwd": cwd, "keep_open": keep_open}
            await asyncio.to_thread(self._start, argv, env, options)

    def _start(self, argv: Sequence[str], env: Mapping[str, str], options: Mapping[str, Any]) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            for record in RECORDS:  # of a server that has ended
                (self.directory / record).unlink(missing_ok=True)
            launch_shim(self._process, argv, env=env, **options)
        except (OSError, ValueError) as error:
            raise ModelServerFailed(
                f"The model server {argv[0]!r} could not be started: {error}.",
                remedy=f"Check that {self.directory} can be written and has space left.",
            ) from error

    def alive(self) -> bool:
        """Say whether it runs (whether it answers is for `modelserver.readiness`)."""
        return self._process.alive()

    def exit(self) -> Exit | None:
        """Return how it ended; None while it runs, and when its shim was killed (then `alive` is false too)."""
        return self._process.exit()

    async def stop(self, *, grace_seconds: float = ORPHAN_GRACE) -> None:
        """Tell it to end: TERM, the grace period, KILL, for its whole tree. Returns at once."""
        await self._process.stop(grace_seconds=grace_seconds)

    def log_tail(self, *, lines: int = 40) -> str:
        """Return the last lines of its log."""
        return self._process.log_tail(lines=lines)

    @property
    def name(self) -> str:
        """The mark that its processes carry."""
        return f"server:{self.directory.absolute()}"

    @property
    def _process(self) -> ShimProcess:
        return ShimProcess(name=self.name, directory=self.directory, log_file=self.log_file)


def server_of(home: Path, job_id: str) -> LocalServerProcess:
    """Return the process of a job's model server, started or not; whoever has the home finds it."""
    folder = home / "jobs" / job_id / "model-server"
    return LocalServerProcess(directory=folder, log_file=folder / "server.log")


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on now; somebody may take it before the server does, who then dies of it."""
    with contextlib.closing(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)) as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])
