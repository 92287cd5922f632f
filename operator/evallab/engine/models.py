"""The model servers of the jobs that this process runs: start, look, stop, and what to write down about them.

Called by the reconciler. One server per job, shared by its benchmarks, gone at the end: it runs under the same leash as
attempts do, so it ends also when this process is killed. That of a detached job outlives this process, and is found
again by the next one.
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

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


Launcher = Callable[[str, ServerCommand], Awaitable[ServerProcess]]
Found = tuple[ServerProcess, int]  #: a server that runs already, and its port


@dataclass
class _Served:
    """One job's server while this process runs it."""

    command: ServerCommand
    weights: Path | None
    process: ServerProcess | None = None
    ready: asyncio.Task[None] | None = None
    failure: str = ""
    died: bool = False  #: it failed after it had been ready, so another start may help
    deaths: int = 0
    resumed_at: datetime | None = None  #: of the job: what happened before its resumption is forgotten
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.command.port}"

    def fail(self, why: str, *, died: bool) -> None:
        """Note that it is of no use any more; who does not come back after a death has died again."""
        self.failure, self.died = why, died or self.deaths > 0
        self.deaths += self.died


class Models:
    """Model servers by job id."""

    def __init__(
        self,
        *,
        launch: Launcher,
        free_port: Callable[[], int],
        changed: Callable[[], None],
        find: Callable[[str], Found | None] = lambda _: None,
    ) -> None:
        """`launch(job_id, command)` starts a process; `changed()` is called when one became ready or failed.

        `find(job_id)` returns the server that another process started for the job, if it still runs.
        """
        self._launch, self._free_port, self._changed, self._find = launch, free_port, changed, find
        self._served: dict[str, _Served] = {}

    def view(self, job: JobRow) -> ModelView:
        """Return what `decide` needs to know of the job's server."""
        if job.spec.model.serve is None:
            return ModelView()
        served = self._served.get(job.id)
        if served and served.process is None and served.resumed_at != job.resumed_at:
            del self._served[job.id]
            served = None
        if served is None:
            return _remembered(job, up=self._find(job.id) is not None)
        if not served.failure and served.ready and served.ready.done() and not _alive(served):
            served.fail(_died(served), died=True)
        return _view(served)

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
        return record | {name: said for name in ("failure", "deaths") if (said := getattr(served, name))}

    async def start(self, job: JobRow) -> None:
        """Start the job's server, or again if it died, and watch its readiness. A failure shows in `view`."""
        serve = job.spec.model.serve
        before = self._served.get(job.id)
        if serve is None or (before and not (before.died and before.process is None)):
            return
        command = ServerCommand((), {}, 0, "/health", job.spec.model.name)
        deaths = before.deaths if before else 0
        served = _Served(command=command, weights=None, deaths=deaths, resumed_at=job.resumed_at)
        self._served[job.id] = served
        try:
            await self._launch_server(job, serve, served)
        except EvallabError as error:
            served.fail(str(error), died=False)

    async def _launch_server(self, job: JobRow, serve: Serve, served: _Served) -> None:
        served.weights = weights_path(serve, job.manifest_dir)
        running = self._find(job.id)
        served.command = server(serve.runtime).command(
            _request(serve),
            served_name=job.spec.model.name,
            port=running[1] if running else serve.port or self._free_port(),
            weights=served.weights,
            python=sys.executable,
        )
        served.process = running[0] if running else await self._launch(job.id, served.command)
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
            served.fail(str(error), died=False)
        except OSError as error:
            served.fail(f"The model's weights cannot be read: {error}", died=False)
        finally:
            self._changed()

    async def stop(self, job_id: str) -> None:
        """End the job's server, if there is one, and wait until it is gone."""
        served = self._served.get(job_id)
        if served is None:
            running = self._find(job_id)
            if running:
                await running[0].stop()
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


def _remembered(job: JobRow, *, up: bool) -> ModelView:
    """A server that another process ran: it ended with that process, unless the job is detached."""
    failure = (job.model_server or {}).get("failure")
    return ModelView(state="failed" if failure else "absent", message=failure or "", up=up)


def _view(served: _Served) -> ModelView:
    up = served.process is not None
    if served.failure:
        state: Literal["died", "failed"] = "died" if served.died else "failed"
        return ModelView(state=state, message=served.failure, up=up, deaths=served.deaths)
    ready = served.ready is not None and served.ready.done()
    return ModelView(state="ready" if ready else "starting", up=up, deaths=served.deaths)


def _alive(served: _Served) -> bool:
    return served.process is None or served.process.alive()


def _died(served: _Served) -> str:
    tail = served.process.log_tail() if served.process else ""
    return str(ModelServerFailed(f"The model server died. Its last words:\n{tail}"))


def _portable(served: _Served) -> list[str]:
    """The arguments without what differs from start to start: the interpreter's path, the port, where weights lie."""
    replace = {sys.executable: "python"}
    if served.weights:
        replace[str(served.weights)] = served.weights.name
    port = re.compile(rf"(?<!\d){served.command.port}(?!\d)")  # a custom command is one argument with the port inside
    return [port.sub("PORT", replace.get(part, part)) for part in served.command.argv]
