"""The composition root of a local server: opens the store, the catalogue and the lab, and drives the queue.

Killed, it leaves what a told end leaves: adapters run on, their events are taken by the mailbox, and the next server
finds everything by looking. `main` gives `opened` to `serving.serve`.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from evallab.engine.driver import Turn
from evallab.local.attending import Attendant
from evallab.local.background import Turnstile
from evallab.local.detached import Detached
from evallab.local.lab import Saw, open_lab
from evallab.planning.views import Plan
from evallab.server.app import application
from evallab.server.boundary_rules import rules
from evallab.server.config import ServerConfig
from evallab.server.house import House
from evallab.server.live_catalog import LiveCatalog
from evallab.server.local_jobs import LocalJobs
from evallab.server.log_sections import FileLogs
from evallab.server.metrics import Metrics
from evallab.server.metrics_jobs import JobCounts
from evallab.server.queueing import Queueing
from evallab.server.rendered import Rendered
from evallab.server.routing import operations
from evallab.server.serving import ANSWER_PATIENCE_S, Opened, ended
from evallab.server.stream import Streams
from evallab.settings import Settings
from evallab.store.artifacts import ArtifactFiles
from evallab.store.connection import open_store
from evallab.store.interface import JobSnapshot

log = logging.getLogger("evallab.server")


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What a server is started with."""

    settings: Settings
    config: ServerConfig
    turnstile: Turnstile
    strict: bool = False


@asynccontextmanager
async def opened(serving: Serving) -> AsyncIterator[Opened]:
    """Open a server."""
    config = serving.config
    async with open_house(serving) as house:
        log.info("opened", extra={"action": "open", "home": str(serving.settings.home)})
        yield Opened(house=house, app=application(operations(config), house), rules=rules(config))


@asynccontextmanager
async def open_house(serving: Serving) -> AsyncIterator[House]:
    """Open everything that handlers act through, and drive the queue meanwhile."""
    settings, config = serving.settings, serving.config
    marks = Detached(settings.home)
    marks.set_parallel(config.evallab.parallel)
    streams, metrics = Streams(), Metrics()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_store(url=settings.database_url, home=settings.home, patience_s=ANSWER_PATIENCE_S, connections=8)
        )
        catalog = LiveCatalog(
            settings.config_dir,
            store,
            builtin=config.evallab.builtin,
            local_commands=config.evallab.rest.local_commands,
        )
        await catalog.load(strict=serving.strict)
        lab = await stack.enter_async_context(
            open_lab(
                settings,
                catalog.providers,
                environ=os.environ,
                detached=True,
                saw=_seen(JobCounts(metrics), streams),
                limits=config.evallab.adapter_limits.rlimits(),
                require_token=config.evallab.callbacks.require_token,
            )
        )
        metrics.events_spooled(lab.receiver.spooled)
        attendant = Attendant(lab, marks)
        files = ArtifactFiles(settings.artifacts_dir)
        queueing = Queueing(attendant, marks, lab.driver.engine)
        house = House(
            store=store,
            catalog=catalog,
            config=config,
            receiver=lab.receiver,
            files=files,
            queueing=queueing,
            jobs=LocalJobs(store, queueing, config.evallab.rest.allowed()),
            logs=FileLogs(store, files),
            metrics=metrics,
            streams=streams,
            rendered=Rendered(store),
            now=lambda: datetime.now(UTC),
            new_id=lambda: str(uuid.uuid4()),
        )
        stack.push_async_callback(queueing.leave)
        stack.push_async_callback(ended, asyncio.create_task(queueing.run()), asyncio.create_task(catalog.watch()))
        yield house


def _seen(counts: JobCounts, streams: Streams) -> Saw:
    """Return what is told of each look at a job: it is counted, and whoever follows the job looks again."""

    def saw(snapshot: JobSnapshot, _plan: Plan, _turn: Turn) -> None:
        counts.saw(snapshot.job, snapshot.benchmarks)
        streams.ring(snapshot.job.id)

    return saw
