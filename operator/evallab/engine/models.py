"""The model servers of the jobs that this process runs: start, look, stop, and what to write down about them.

Called by the reconciler. One server per job, shared by its benchmarks, gone at the end: it runs under the same leash as
attempts do, so it ends also when this process is killed.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from evallab.api.errors import EvallabError, ModelServerFailed, UsageError
from evallab.api.job import Serve
from evallab.modelserver.bundled import bundled
from evallab.modelserver.fingerprint import fingerprint
from evallab.modelserver.interface import ServerCommand, ServeRequest
from evallab.modelserver.readiness import probe, wait_until_ready
from evallab.modelserver.registry import server
from evallab.planning.lifecycle import ModelView
from evallab.store.interface import JobRow

READY_TIMEOUT_S = 120.0


class ServerProcess(Protocol):
    """A model server's process, as the local runtime runs it."""

    def alive(self) -> bool:
        """Say whether it runs."""

    def log_tail(self, *, lines: int = 15) -> str:
        """Return the end of its log."""

    async def stop(self) -> None:
        """End its whole tree and wait until it is gone."""


Launcher = Callable[[str, Sequence[str], Mapping[str, str]], Awaitable[ServerProcess]]


@dataclass
class _Served:
    """One job's server while this process runs it."""

    command: ServerCommand
    weights: Path | None
    process: ServerProcess | None = None
    ready: asyncio.Task[None] | None = None
    failure: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.command.port}"


class Models:
    """Model servers by job id."""

    def __init__(self, *, launch: Launcher, free_port: Callable[[], int], changed: Callable[[], None]) -> None:
        """`launch(job_id, argv, env)` starts a process; `changed()` is called when one became ready or failed."""
        self._launch, self._free_port, self._changed = launch, free_port, changed
        self._served: dict[str, _Served] = {}

    def view(self, job: JobRow) -> ModelView:
        """Return what `decide` needs to know of the job's server."""
        if job.spec.model.serve is None:
            return ModelView()
        served = self._served.get(job.id)
        if served is None:
            return _remembered(job)
        if not served.failure and served.ready and served.ready.done() and not _alive(served):
            served.failure = _died(served)
        up = served.process is not None
        if served.failure:
            return ModelView(state="failed", message=served.failure, up=up)
        ready = served.ready is not None and served.ready.done()
        return ModelView(state="ready" if ready else "starting", up=up)

    def url(self, job: JobRow) -> str:
        """Return the base URL (ending in /v1) that the job's adapters ask."""
        served = self._served.get(job.id)
        if served is None:
            return job.spec.model.url or ""
        return served.url + served.command.base_path

    def record(self, job: JobRow) -> dict[str, Any] | None:
        """Return what is worth keeping: how the server was started, its weights' fingerprint, its own words."""
        served = self._served.get(job.id)
        if served is None:
            return job.model_server
        serve = job.spec.model.serve
        record = {
            "runtime": serve.runtime if serve else None,
            "argv": _portable(served),
            "served_name": served.command.served_name,
            **served.facts,
        }
        return record | ({"failure": served.failure} if served.failure else {})

    async def start(self, job: JobRow) -> None:
        """Start the job's server and watch its readiness in the background. A failure shows in `view`."""
        serve = job.spec.model.serve
        if serve is None or job.id in self._served:
            return
        served = _Served(command=ServerCommand((), {}, 0, "/health", job.spec.model.name), weights=None)
        self._served[job.id] = served
        try:
            await self._launch_server(job, serve, served)
        except EvallabError as error:
            served.failure = str(error)

    async def _launch_server(self, job: JobRow, serve: Serve, served: _Served) -> None:
        served.weights = weights_path(serve, job.manifest_dir)
        served.command = server(serve.runtime).command(
            _request(serve),
            served_name=job.spec.model.name,
            port=serve.port or self._free_port(),
            weights=served.weights,
            python=sys.executable,
        )
        served.process = await self._launch(job.id, served.command.argv, served.command.env)
        served.ready = asyncio.create_task(self._become_ready(serve, served))

    async def _become_ready(self, serve: Serve, served: _Served) -> None:
        process = served.process
        if process is None:
            return
        try:
            if served.weights:
                print_ = await asyncio.to_thread(fingerprint, served.weights)
                served.facts["fingerprint"] = asdict(print_)
            await wait_until_ready(
                served.url,
                served.command.health_path,
                timeout_s=serve.ready_timeout_seconds or READY_TIMEOUT_S,
                alive=process.alive,
                log_tail=process.log_tail,
            )
            facts = await probe(served.url)
            served.facts["server"] = {key: value for key, value in asdict(facts).items() if value}
        except EvallabError as error:
            served.failure = str(error)
        except OSError as error:
            served.failure = f"The model's weights cannot be read: {error}"
        finally:
            self._changed()

    async def stop(self, job_id: str) -> None:
        """End the job's server, if there is one, and wait until it is gone."""
        served = self._served.get(job_id)
        if served is None:
            return
        if served.ready and not served.ready.done():
            served.ready.cancel()
            await asyncio.gather(served.ready, return_exceptions=True)
        process, served.process = served.process, None
        if process is not None:
            await process.stop()

    async def stop_all(self) -> None:
        """End every server of this process."""
        for job_id in list(self._served):
            await self.stop(job_id)


def weights_path(serve: Serve, manifest_dir: str | None) -> Path | None:
    """Return where the weights lie on this machine; None when the runtime needs none. Raises UsageError, NotFound."""
    source = serve.source
    if source is None:
        return None
    if source.bundled:
        return bundled(source.bundled)
    if source.path:
        return (Path(manifest_dir or ".") / source.path).resolve()
    raise UsageError("This version starts model servers from `path` and `bundled` sources only.")


def _request(serve: Serve) -> ServeRequest:
    return ServeRequest(
        runtime=serve.runtime,
        version=serve.version,
        args=serve.args,
        command=serve.command,
        health_path=serve.health_path,
    )


def _remembered(job: JobRow) -> ModelView:
    """A server that another process ran: it ended with that process."""
    failure = (job.model_server or {}).get("failure")
    return ModelView(state="failed", message=failure) if failure else ModelView(state="absent")


def _alive(served: _Served) -> bool:
    return served.process is None or served.process.alive()


def _died(served: _Served) -> str:
    tail = served.process.log_tail() if served.process else ""
    return str(ModelServerFailed(f"The model server died. Its last words:\n{tail}"))


def _portable(served: _Served) -> list[str]:
    """The arguments without what differs from start to start: the interpreter's path, the port, where weights lie."""
    replace = {str(served.command.port): "PORT", sys.executable: "python"}
    if served.weights:
        replace[str(served.weights)] = served.weights.name
    return [replace.get(part, part) for part in served.command.argv]
