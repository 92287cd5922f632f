"""The composition root of local mode: store, receiver, runtime, model servers and engine in this process.

Used by `evallab run --local`, `evallab cancel` and `local.python`. Nothing else wires these parts together.
"""

import asyncio
import os
import platform
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from evallab.api.job import EvalJob
from evallab.api.provider import Provider
from evallab.catalog import Catalog
from evallab.engine.canary import Canaries
from evallab.engine.data import Datasets
from evallab.engine.driver import Driver, Turn
from evallab.engine.models import Models
from evallab.engine.ports import Ports
from evallab.engine.reconcile import Engine
from evallab.engine.watching import GpuReader, InThread, Sight, Watch
from evallab.local import background, holders
from evallab.local.data import fetcher
from evallab.local.detached import Detached
from evallab.local.provisions import provisions
from evallab.local.servers import Servers
from evallab.planning.views import Plan
from evallab.receiver.mailbox import receiving_by_mailbox
from evallab.receiver.server import Receiver, receiving
from evallab.runtimes.local import gpu_users
from evallab.runtimes.local.gpu_leases import GpuLeases
from evallab.runtimes.local.gpu_readings import NvmlReader
from evallab.runtimes.local.gpus import GpuInventory, Nvml
from evallab.runtimes.local.model_server import free_port
from evallab.runtimes.local.runtime import LocalRuntime
from evallab.runtimes.local.shim_pool import ShimPool
from evallab.settings import Settings
from evallab.store.artifacts import ArtifactFiles
from evallab.store.connection import open_store
from evallab.store.interface import BenchmarkRow, JobRow, JobSnapshot, Store

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}  #: what harnesses understand of EVALLAB_OFFLINE
Saw = Callable[[JobSnapshot, Plan, Turn], None]


@dataclass(frozen=True, kw_only=True)
class Lab:
    """An open local lab."""

    store: Store
    driver: Driver
    receiver: Receiver

    async def submit(self, job: EvalJob, *, manifest: str, manifest_dir: Path | None) -> str:
        """Store a checked job and return its id; it waits for its turn until somebody drives it."""
        return await submit(self.store, job, manifest=manifest, manifest_dir=manifest_dir)

    async def run(self, job_id: str) -> Plan:
        """Drive a job to its end in this process, wherever it stands."""
        return await self.driver.drive(job_id)

    async def cancel(self, job_id: str) -> None:
        """Ask for a job's end; when nobody drives it any more, bring it to its end here."""
        await self.store.request_cancel(job_id, actor=actor(), now=datetime.now(UTC))
        snapshot = await self.store.snapshot(job_id)
        if snapshot.job.finished_at is None and await self.store.lease_holder(job_id) is None:
            await self.driver.bury(job_id)


@asynccontextmanager
async def open_lab(
    settings: Settings,
    catalog: Catalog | Mapping[str, Provider],
    *,
    environ: Mapping[str, str],
    saw: Saw = lambda *_: None,
    detached: bool = False,
    parallel: int = 1,
    inventory: GpuInventory | None = None,
    gpus: GpuReader | None = None,
    limits: Mapping[str, int] = MappingProxyType({}),
    require_token: bool = False,
) -> AsyncIterator[Lab]:
    """Open a local lab; `saw(snapshot, plan, turn)` is called after each look at the job that is driven.

    Of `environ` the processes of a job see only what is on the allow-list (`runtimes.local.environment`). `detached`:
    what this process starts outlives it. `parallel`: how many benchmarks may ask endpoints at once. `catalog`: also
    providers by id, where they change while the lab is open. `limits`: resource limits of adapters.
    `require_token`: events need the token of their attempt.
    """
    wake, marks = asyncio.Event(), Detached(settings.home)
    environ = {**environ, **(OFFLINE if settings.offline else {})}
    async with (
        open_store(url=settings.database_url, home=settings.home) as store,
        _receiver(settings, store, wake, detached=detached, require_token=require_token) as receiver,
    ):
        servers = _servers(settings, environ, inventory or Nvml(), attached=not detached)
        providers = catalog.by_id if isinstance(catalog, Catalog) else catalog
        models = Models(
            launch=servers.launch,
            free_port=free_port,
            changed=wake.set,
            find=servers.find,
            provisions=provisions(settings, environ),
            providers=providers,
            environ=environ,
            gpus=servers.visible,
        )
        datasets = Datasets(fetcher(settings, environ), changed=wake.set)
        canaries = Canaries(store, now=_now, changed=lambda _: wake.set())
        watch = Watch(store, _sight(gpus or NvmlReader(), servers, models), now=_now)
        pool = ShimPool(sys.executable)
        runtime = await _runtime(settings, environ, limits, pool if detached else None)
        if detached:
            await _forget_ended(store, receiver)
        ports = Ports(
            store=store,
            runtime=runtime,
            receiver=receiver,
            models=models,
            files=ArtifactFiles(settings.artifacts_dir),
            providers=providers,
            now=_now,
            new_id=lambda: str(uuid.uuid4()),
            datasets=datasets,
            telemetry=watch,
            canaries=canaries,
        )
        driver = Driver(
            engine=Engine(ports),
            store=store,
            home=settings.home,
            gpus=servers.gpus,
            holder=_holder(settings.home, detached=detached),
            wake=wake,
            saw=saw,
            parallel=(lambda: marks.parallel) if detached else (lambda: parallel),
            revive=lambda: background.ensure(settings),
        )
        try:
            yield Lab(store=store, driver=driver, receiver=receiver)
        finally:
            pool.close()
            await watch.close()
            await canaries.stop_all()
            await datasets.stop_all()
            if not detached:
                await models.stop_all()


def _servers(settings: Settings, environ: Mapping[str, str], inventory: GpuInventory, *, attached: bool) -> Servers:
    gpus = GpuLeases(settings.gpu_locks_dir, inventory, environ.get("CUDA_VISIBLE_DEVICES"))
    servers = Servers(home=settings.home, environ=environ, gpus=gpus, attached=attached)
    gpus.serving = servers.serving
    return servers


def _sight(reader: GpuReader, servers: Servers, models: Models) -> Sight:
    def foreign(job_id: str, attempts: frozenset[str], pids: Iterable[int]) -> frozenset[int] | None:
        return gpu_users.foreign(pids, {servers.mark(job_id), *attempts})

    return Sight(gpus=InThread(reader), devices=servers.devices, foreign=foreign, url=models.url)


async def _runtime(
    settings: Settings, environ: Mapping[str, str], limits: Mapping[str, int], pool: ShimPool | None
) -> LocalRuntime:
    if pool is not None:
        await asyncio.to_thread(pool.warm)
    return LocalRuntime(
        home=settings.home,
        jobs_dir=settings.jobs_dir,
        environ=environ,
        python=sys.executable,
        limits=limits,
        pool=pool,
    )


async def _forget_ended(store: Store, receiver: Receiver) -> None:
    """Take no more events of jobs whose driver died between their end and saying so to the mailbox."""
    for row in await store.ended(tuple(receiver.expected_jobs())):
        receiver.forget_job(row.id)


def _receiver(
    settings: Settings, store: Store, wake: asyncio.Event, *, detached: bool, require_token: bool
) -> AbstractAsyncContextManager[Receiver]:
    """Return the receiver to open: of what outlives us, events are taken by a process that outlives us too."""
    if detached:
        return receiving_by_mailbox(
            settings.home, store, stored=lambda _: wake.set(), now=_now, require_token=require_token
        )
    return receiving(settings.home / "spool", store, stored=lambda _: wake.set(), now=_now)


async def submit(
    store: Store, job: EvalJob, *, manifest: str, manifest_dir: Path | None, attached: bool = True, job_id: str = ""
) -> str:
    """Store a checked job and return its id; `attached`: it ends with the command that drives it."""
    row = JobRow(
        id=job_id or str(uuid.uuid4()),
        name=job.name,
        spec=job,
        state="pending",
        attached=attached,
        manifest=manifest,
        manifest_dir=str(manifest_dir) if manifest_dir else None,
        created_at=_now(),
    )
    benchmarks = [
        BenchmarkRow(job_id=row.id, index=index, provider_id=each.provider_id, benchmark_id=each.id)
        for index, each in enumerate(job.benchmarks)
    ]
    await store.create_job(row, benchmarks, actor=actor())
    return row.id


def actor() -> str:
    """Return who acts, for the audit trail: user and host."""
    return f"{os.environ.get('USER') or os.getuid()}@{platform.node()}"


def _holder(home: Path, *, detached: bool) -> str:
    """Name who holds leases; the one background process of a home goes on where its predecessor died."""
    return f"{platform.node()}:background:{home}" if detached else holders.own()


def _now() -> datetime:
    return datetime.now(UTC)
