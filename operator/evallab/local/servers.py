"""Model servers of this machine for the engine: started with their GPUs, found again by whoever comes later.

Wired by `lab`. All that a later process needs to know lies in the server's directory: its records and its port.
"""

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evallab.engine.models import Found, ServerProcess
from evallab.modelserver.interface import ServerCommand
from evallab.runtimes.local.environment import allowed
from evallab.runtimes.local.files import write_atomically
from evallab.runtimes.local.gpu_leases import GpuLeases
from evallab.runtimes.local.model_server import LocalServerProcess, server_of

PORT_FILE = "port"
GPUS_FILE = "gpus"


@dataclass(frozen=True)
class Server:
    """A model server's process that can be waited for."""

    process: LocalServerProcess

    def alive(self) -> bool:
        """Say whether it runs."""
        return self.process.alive()

    def log_tail(self, *, lines: int = 15) -> str:
        """Return the end of its log."""
        return self.process.log_tail(lines=lines)

    async def stop(self) -> None:
        """End its tree and wait until it is gone."""
        await self.process.stop()
        await asyncio.to_thread(self._wait)

    def _wait(self) -> None:
        while self.process.alive():
            time.sleep(0.02)


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Starts and finds the model servers of a home; `attached`: they end when this process dies."""

    home: Path
    environ: Mapping[str, str]
    gpus: GpuLeases
    attached: bool

    async def launch(self, job_id: str, command: ServerCommand, locks: Sequence[int] = ()) -> ServerProcess:
        """Start a job's server on its GPUs, with further `locks` to hold. Raises ModelServerFailed."""
        process = self._process(job_id)
        process.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.attached:
            (process.directory / PORT_FILE).unlink(missing_ok=True)
        else:
            write_atomically(process.directory / PORT_FILE, str(command.port))
        write_atomically(process.directory / GPUS_FILE, ",".join(self.gpus.uuids(job_id)))
        env = {**allowed(self.environ), **self.visible(job_id), **command.env}
        held = [os.dup(each) for each in (*self.gpus.descriptors(job_id), *locks)]  # ours may be given back meanwhile
        try:
            await process.start(command.argv, env, attached=self.attached, keep_open=held)
        finally:
            for each in held:
                os.close(each)
        return Server(process)

    def visible(self, job_id: str) -> dict[str, str]:
        """Return the variable that shows a job's processes its own GPUs, and no others."""
        uuids = self.gpus.uuids(job_id)
        return {"CUDA_VISIBLE_DEVICES": ",".join(uuids)} if uuids else {}

    def devices(self, job_id: str) -> tuple[str, ...]:
        """Return the GPUs that are reserved for a job, also by a process before this one that started its server."""
        try:
            said = (self._process(job_id).directory / GPUS_FILE).read_text(encoding="utf-8")
        except OSError:
            said = ""
        return self.gpus.uuids(job_id) or tuple(each for each in said.split(",") if each)

    def mark(self, job_id: str) -> str:
        """Return the name that the processes of a job's server carry."""
        return self._process(job_id).name

    def find(self, job_id: str) -> Found | None:
        """Return the job's server and its port if it runs and is meant to outlive who started it."""
        process = self._process(job_id)
        try:
            port = int((process.directory / PORT_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return (Server(process), port) if process.alive() else None

    def serving(self, job_id: str) -> bool:
        """Say whether such a server of the job runs."""
        return self.find(job_id) is not None

    def _process(self, job_id: str) -> LocalServerProcess:
        return server_of(self.home, job_id)
