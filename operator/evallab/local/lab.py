"""The composition root of local mode: store, receiver, runtime, model servers and engine in this process.

Used by `evallab run --local`, `evallab cancel` and `local.python`. Nothing else wires these parts together.
"""

import asyncio
import os
import platform
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evallab.api.job import EvalJob
from evallab.catalog import Catalog
from evallab.engine.driver import Driver
from evallab.engine.models import Models, ServerProcess
from evallab.engine.reconcile import Engine, Ports
from evallab.engine.turns import Place
from evallab.planning.lifecycle import Plan
from evallab.receiver.server import receiving
from evallab.runtimes.local.environment import allowed
from evallab.runtimes.local.model_server import LocalServerProcess, free_port
from evallab.runtimes.local.runtime import LocalRuntime
from evallab.settings import Settings
from evallab.store.artifacts import ArtifactFiles
from evallab.store.connection import open_store
from evallab.store.interface import BenchmarkRow, JobRow, JobSnapshot, Store

Saw = Callable[[JobSnapshot, Plan, int], None]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """An open local lab."""

    store: Store
    driver: Driver

    async def submit(self, job: EvalJob, *, manifest: str, manifest_dir: Path | None) -> str:
        """Store a checked job and return its id; it waits for its turn until somebody drives it."""
        now = datetime.now(UTC)
        job_id = str(uuid.uuid4())
        row = JobRow(
            id=job_id,
            name=job.name,
            spec=job,
            state="pending",
            manifest=manifest,
            manifest_dir=str(manifest_dir) if manifest_dir else None,
            created_at=now,
        )
        benchmarks = [
            BenchmarkRow(job_id=job_id, index=index, provider_id=each.provider_id, benchmark_id=each.id)
            for index, each in enumerate(job.benchmarks)
        ]
        await self.store.create_job(row, benchmarks, actor=actor())
        return job_id

    async def run(self, job_id: str) -> Plan:
        """Drive a job to its end in this process."""
        return await self.driver.drive(job_id)

    async def cancel(self, job_id: str) -> None:
        """Ask for a job's end; when nobody drives it any more, bring it to its end here."""
        await self.store.request_cancel(job_id, actor=actor(), now=datetime.now(UTC))
        snapshot = await self.store.snapshot(job_id)
        if snapshot.job.finished_at is None and await self.store.lease_holder(job_id) is None:
            await self.driver.bury(job_id)


@asynccontextmanager
async def open_lab(
    settings: Settings, catalog: Catalog, *, environ: Mapping[str, str], saw: Saw = lambda *_: None
) -> AsyncIterator[Lab]:
    """Open a local lab; `saw(snapshot, plan, jobs ahead)` is called after each look at the job that is driven.

    Of `environ` the processes of a job see only what is on the allow-list (`runtimes.local.environment`).
    """
    wake = asyncio.Event()
    async with (
        open_store(url=settings.database_url, home=settings.home) as store,
        receiving(settings.home / "spool", store, stored=lambda _: wake.set(), now=_now) as receiver,
    ):
        models = Models(launch=_launcher(settings.home, environ), free_port=free_port, changed=wake.set)
        ports = Ports(
            store=store,
            runtime=LocalRuntime(
                home=settings.home, jobs_dir=settings.jobs_dir, environ=environ, python=sys.executable
            ),
            receiver=receiver,
            models=models,
            files=ArtifactFiles(settings.artifacts_dir),
            providers={each.id: each for each in catalog.providers()},
            now=_now,
            new_id=lambda: str(uuid.uuid4()),
        )
        driver = Driver(
            engine=Engine(ports), store=store, place=Place(settings.home), holder=_holder(), wake=wake, saw=saw
        )
        try:
            yield Lab(store=store, driver=driver)
        finally:
            await models.stop_all()


@dataclass(frozen=True)
class _Server:
    """A model server's process that can be waited for."""

    process: LocalServerProcess

    def alive(self) -> bool:
        return self.process.alive()

    def log_tail(self, *, lines: int = 15) -> str:
        return self.process.log_tail(lines=lines)

    async def stop(self) -> None:
        await self.process.stop()
        await asyncio.to_thread(self._wait)

    def _wait(self) -> None:
        while self.process.alive():
            time.sleep(0.02)


def _launcher(
    home: Path, environ: Mapping[str, str]
) -> Callable[[str, Sequence[str], Mapping[str, str]], Awaitable[ServerProcess]]:
    async def launch(job_id: str, argv: Sequence[str], env: Mapping[str, str]) -> ServerProcess:
        folder = home / "jobs" / job_id / "model-server"
        process = LocalServerProcess(directory=folder, log_file=folder / "server.log")
        await process.start(argv, {**allowed(environ), **env})
        return _Server(process)

    return launch


def actor() -> str:
    """Return who acts, for the audit trail: user and host."""
    return f"{os.environ.get('USER') or os.getuid()}@{platform.node()}"


def _holder() -> str:
    return f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def _now() -> datetime:
    return datetime.now(UTC)
