"""The model servers of the jobs that this process runs: start, look, stop, and what to write down about them.

Called by the reconciler. What a server needs (`provisions`) is brought here first, in the background. One server per
job, shared by its benchmarks, gone at the end: it runs under the same leash as attempts do, so it ends also when this
process is killed. That of a detached job outlives this process, and is found again by the next one.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Protocol

from evallab.api.errors import EvallabError
from evallab.api.job import EvalJob, InProcess, Serve
from evallab.api.provider import Provider
from evallab.datasets.failures import FetchStopped
from evallab.datasets.watch import Watch
from evallab.engine import in_process
from evallab.engine.provisions import Provided, Provisions
from evallab.modelserver.interface import ServerCommand, ServeRequest
from evallab.modelserver.listed import settings
from evallab.modelserver.named_files import named_files
from evallab.modelserver.readiness import LOG_LINES, failure, probe, until_unhealthy, wait_until_ready
from evallab.modelserver.registry import server
from evallab.planning.prompting import scores_prompts
from evallab.planning.views import ModelView
from evallab.store.interface import BenchmarkRow, JobRow


class ServerProcess(Protocol):
    """A model server's process, as the local runtime runs it."""

    def alive(self) -> bool:
        """Say whether it runs."""

    def log_tail(self, *, lines: int = 15) -> str:
        """Return the end of its log."""

    async def stop(self) -> None:
        """End its whole tree and wait until it is gone."""


Launcher = Callable[[str, ServerCommand, Sequence[int]], Awaitable[ServerProcess]]
Found = tuple[ServerProcess, int]  #: a server that runs already, and its port


@dataclass
class _Served:
    """One job's server while this process runs it."""

    command: ServerCommand
    provided: Provided = field(default_factory=lambda: Provided(weights=None))
    process: ServerProcess | None = None
    ready: asyncio.Task[None] | None = None
    watch: Watch = field(default_factory=Watch)  #: how far its provisions are
    health: asyncio.Task[None] | None = None
    held: list[int] = field(default_factory=list)  #: locks that no server inherits
    failure: str = ""
    died: bool = False  #: it failed after it had been ready, so another start may help
    deaths: int = 0
    resumed_at: datetime | None = None  #: of the job: what happened before its resumption is forgotten
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.command.port}"

    def let_go(self) -> None:
        """Close what is held for adapters."""
        while self.held:
            os.close(self.held.pop())

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
        provisions: Provisions = Provisions(),  # noqa: B008
        providers: Mapping[str, Provider] = MappingProxyType({}),
        environ: Mapping[str, str] = MappingProxyType({}),
        gpus: Callable[[str], Mapping[str, str]] = lambda _: {},
    ) -> None:
        """`launch(job_id, command, locks)` starts a process; `changed()` is called when one became ready or failed.

        `find(job_id)` returns the server that another process started for the job, if it still runs. `providers` say
        what benchmarks ask; of `environ` servers get what they ask for by name; `gpus` names a job's GPUs.
        """
        self._launch, self._free_port, self._changed, self._find = launch, free_port, changed, find
        self._provisions, self._providers, self._environ, self._gpus = provisions, providers, environ, gpus
        self._served: dict[str, _Served] = {}

    def view(self, job: JobRow) -> ModelView:
        """Return what `decide` needs to know of the job's server."""
        if job.spec.model.serve is None and job.spec.model.in_process is None:
            return ModelView()
        served = self._served.get(job.id)
        if served and served.process is None and served.resumed_at != job.resumed_at:
            self._served.pop(job.id).let_go()
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

    def loaded(self, job: JobRow) -> in_process.Loaded | None:
        """Return what the job's adapters are told of the model that they load themselves; None when they ask one."""
        asked, served = job.spec.model.in_process, self._served.get(job.id)
        if asked is None or served is None:
            return None
        return in_process.loaded(asked, served.provided.weights, served.provided.python, self._gpus(job.id))

    def record(self, job: JobRow) -> dict[str, Any] | None:
        """Return what is worth keeping: how the server was started, its weights' fingerprint, its own words."""
        served = self._served.get(job.id)
        if served is None:
            return job.model_server
        serve = job.spec.model.serve
        record = {
            "runtime": serve.runtime if serve else None,
            "argv": served.provided.portable(served.command.argv, served.command.port),
            "served_name": served.command.served_name,
            **({"env": dict(served.command.env)} if served.command.passes else {}),
            **served.facts,
        }
        return record | {name: said for name in ("failure", "deaths") if (said := getattr(served, name))}

    def told(self, job: JobRow, row: BenchmarkRow) -> str | None:
        """Return how far the server's provisions are while its benchmarks wait for it."""
        served = self._served.get(job.id)
        waits = served and served.process is None and served.ready and not served.ready.done() and served.watch.what
        return served.watch.sentence() if served and waits and row.state == "pending" else None

    async def start(self, job: JobRow) -> None:
        """Start the job's server, or again if it died, and watch its readiness. A failure shows in `view`."""
        wanted = job.spec.model.serve or job.spec.model.in_process
        before = self._served.get(job.id)
        if wanted is None or (before and not (before.died and before.process is None)):
            return
        command = ServerCommand((), {}, 0, "/health", job.spec.model.name)
        served = _Served(command, deaths=before.deaths if before else 0, resumed_at=job.resumed_at)
        self._served[job.id] = served
        served.ready = asyncio.create_task(self._bring_up(job, wanted, served))

    async def _bring_up(self, job: JobRow, wanted: Serve | InProcess, served: _Served) -> None:
        """Provide, start, wait: until it is ready, or has failed."""
        try:
            served.provided = await asyncio.to_thread(
                self._provisions.provide, wanted, job.manifest_dir, served.watch, commit=_commit(job)
            )
            served.facts.update(served.provided.facts)
            served.watch.tick()  # nobody may want it any more
            if isinstance(wanted, InProcess):
                served.facts.update(await asyncio.to_thread(served.provided.identity))
                served.held, served.provided = list(served.provided.locks), replace(served.provided, locks=())
                return
            await self._launch_server(job, wanted, served)
            served.watch.tick()
            await self._become_ready(wanted, served)
        except FetchStopped:
            return
        except EvallabError as error:
            served.fail(str(error), died=False)
        except OSError as error:
            served.fail(f"The model's weights cannot be read: {error}", died=False)
        finally:
            served.provided.release()
            self._changed()

    async def _launch_server(self, job: JobRow, serve: Serve, served: _Served) -> None:
        running = self._find(job.id)
        command = server(serve.runtime).command(
            _request(serve, job.spec, self._providers),
            served_name=job.spec.model.name,
            port=running[1] if running else serve.port or self._free_port(),
            weights=served.provided.weights,
            python=served.provided.python,
        )
        served.command = replace(command, env={**passed(self._environ, command.passes), **command.env})
        served.process = running[0] if running else await self._launch(job.id, served.command, served.provided.locks)

    async def _become_ready(self, serve: Serve, served: _Served) -> None:
        process, command = served.process, served.command
        if process is None:
            return
        served.facts |= await asyncio.to_thread(lambda: served.provided.identity() | named_files(serve.args))
        await wait_until_ready(
            served.url,
            command.health_path,
            timeout_s=serve.ready_timeout_seconds or command.ready_s,
            alive=process.alive,
            log_tail=lambda: process.log_tail(lines=LOG_LINES),
        )
        facts = await probe(served.url)
        served.facts["server"] = {key: value for key, value in asdict(facts).items() if value}
        served.facts |= {"settings": said} if (said := await settings(served.url)) else {}
        if command.dies_unhealthy:
            served.health = asyncio.create_task(self._watch_health(served))

    async def _watch_health(self, served: _Served) -> None:
        """A process may outlive its engine: that is its death, too."""
        said = await until_unhealthy(served.url, served.command.health_path)
        if not served.failure and _alive(served):
            served.fail(_died(served, f"The model server's engine died: {said}."), died=True)
            self._changed()

    async def stop(self, job_id: str) -> None:
        """End the job's server, if there is one, and wait until it is gone."""
        served = self._served.get(job_id)
        if served is None:
            running = self._find(job_id)
            if running:
                await running[0].stop()
            return
        served.watch.stop()
        served.let_go()
        for task in (served.health, served.ready):
            if task and not task.done():
                if served.process is not None:  # before, a thread is at work that must end first
                    task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        process, served.process = served.process, None
        if process is not None:
            await process.stop()

    async def stop_all(self) -> None:
        """End every server of this process."""
        for job_id in list(self._served):
            await self.stop(job_id)


def passed(environ: Mapping[str, str], beginnings: tuple[str, ...]) -> dict[str, str]:
    """Return the variables of our environment that a server asks for; what sounds like a secret stays here."""
    found = {name: value for name, value in environ.items() if name.startswith(beginnings)}
    return {name: value for name, value in found.items() if not any(word in name for word in _SECRET)}


_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")


def _request(serve: Serve, job: EvalJob, providers: Mapping[str, Provider]) -> ServeRequest:
    return ServeRequest(
        runtime=serve.runtime,
        version=serve.version,
        args=serve.args,
        command=serve.command,
        health_path=serve.health_path,
        scores_prompts=scores_prompts(job, providers),
        batch_invariant=bool(serve.batch_invariant),
    )


def _commit(job: JobRow) -> str | None:
    """Return what a branch meant when this job's server was started first: a restart serves the same weights."""
    said = ((job.model_server or {}).get("weights") or {}).get("commit")
    return said if isinstance(said, str) else None


def _remembered(job: JobRow, *, up: bool) -> ModelView:
    """A server that another process ran: it ended with that process, unless the job is detached."""
    failure = (job.model_server or {}).get("failure")
    return ModelView(state="failed" if failure else "absent", message=failure or "", up=up)


def _view(served: _Served) -> ModelView:
    up = served.process is not None or bool(served.held) or (served.ready is not None and not served.ready.done())
    if served.failure:
        state: Literal["died", "failed"] = "died" if served.died else "failed"
        return ModelView(state=state, message=served.failure, up=up, deaths=served.deaths)
    ready = served.ready is not None and served.ready.done()
    return ModelView(state="ready" if ready else "starting", up=up, deaths=served.deaths)


def _alive(served: _Served) -> bool:
    return served.process is None or served.process.alive()


def _died(served: _Served, why: str = "The model server died.") -> str:
    return str(failure(why, served.process.log_tail(lines=LOG_LINES))) if served.process else why
