"""The composition root of `evallab operator`: store, caches, runtime, engine, watches; nothing else wires them."""

import asyncio
import os
import platform
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from evallab.controller import parts
from evallab.controller.catalogue import Catalogue
from evallab.controller.elect import Election
from evallab.controller.figures import Counted, Figures
from evallab.controller.health import PORT, probed
from evallab.controller.intake import Intake
from evallab.controller.objects import Objects
from evallab.controller.operating import Operator
from evallab.controller.reconciler import Reconciler
from evallab.controller.refresh import Refresh
from evallab.controller.watchdog import Watchdog
from evallab.controller.workqueue import WORKERS, WorkQueue
from evallab.datasets.files import bundled_names as data_names
from evallab.engine.reconcile import Engine
from evallab.kubeapi.client import KubernetesApi
from evallab.kubeapi.interface import ClusterApi
from evallab.modelserver.bundled import bundled_names
from evallab.planning.cluster.config import Installation
from evallab.planning.subject import CheckFacts
from evallab.store.connection import open_store
from evallab.store.interface import Store

Fill = Callable[[parts.Ground], parts.Parts]
PATIENCE_S = 10.0  #: so long one look waits for Postgres; then its key comes again later


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the command line and the environment say."""

    database_url: str
    installation: Installation
    catalogue: Callable[[Store], Catalogue]
    namespaces: Sequence[str]
    scratch: Path  #: for what is on its way into the store
    port: int = PORT
    workers: int = WORKERS
    parallel: int = 100  #: benchmarks of one job at once


async def operate(wishes: Wishes, api: KubernetesApi, *, fill: Fill = parts.of) -> None:
    """Operate until told to end. Raises what ended it."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with assembled(wishes, api, fill=fill) as operator, probed(operator.health(), port=wishes.port):
        running, stopping = asyncio.create_task(operator.run()), asyncio.create_task(stop.wait())
        await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        stopping.cancel()
        outcome = (await asyncio.gather(running, return_exceptions=True))[0]
        if isinstance(outcome, Exception):
            raise outcome


@asynccontextmanager
async def assembled(wishes: Wishes, api: KubernetesApi, *, fill: Fill = parts.of) -> AsyncIterator[Operator]:
    """Put an operator together. `fill` makes the parts that the engine acts through."""
    figures, objects, queue, watchdog = Figures(), Objects(), WorkQueue(), Watchdog()
    counted = Counted(api, figures)
    said = wishes.installation
    async with (
        open_store(
            url=wishes.database_url, home=wishes.scratch, patience_s=PATIENCE_S, connections=wishes.workers
        ) as store,
        _kept_up(wishes.catalogue(store)) as catalogue,
        _closed(fill(_ground(wishes, store, counted, catalogue, queue.add))) as made,
    ):
        ports, cache = made.ports, made.cache
        reconciler = Reconciler(
            engine=Engine(ports),
            ports=ports,
            api=counted,
            objects=objects,
            intake=Intake(store=store, catalogue=catalogue, config=said.cluster, facts=bundled(), now=ports.now),
            refresh=Refresh(
                api=counted, objects=objects, children=parts.again(counted, cache), newer=_expected(watchdog)
            ),
            holder=f"operator:{said.lease_namespace}/{said.lease_name}",
            parallel=wishes.parallel,
            look=made.look,
            wrote=_expected(watchdog),
        )
        yield Operator(
            api=counted,
            configuration=api.configuration,
            namespaces=wishes.namespaces,
            store=store,
            objects=objects,
            cache=cache,
            queue=queue,
            reconciler=reconciler,
            watchdog=watchdog,
            election=Election(api, said.lease_namespace, said.lease_name, identity()),
            figures=figures,
            workers=wishes.workers,
        )


def _ground(
    wishes: Wishes, store: Store, api: ClusterApi, catalogue: Catalogue, wake: Callable[[str], None]
) -> parts.Ground:
    return parts.Ground(
        config=wishes.installation.cluster,
        store=store,
        api=api,
        providers=catalogue.providers,
        scratch=wishes.scratch,
        database_url=wishes.database_url,
        wake=wake,
    )


@asynccontextmanager
async def _closed(made: parts.Parts) -> AsyncIterator[parts.Parts]:
    """Have parts closed at the end, before the store is."""
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def _kept_up(catalogue: Catalogue) -> AsyncIterator[Catalogue]:
    """Have a catalogue follow what changes. A broken file of the installation ends the start, later ones are said."""
    await catalogue.load(strict=True)
    watching = asyncio.create_task(catalogue.watch())
    try:
        yield catalogue
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _expected(watchdog: Watchdog) -> Callable[[str, str], None]:
    return lambda uid, version: watchdog.expect(uid, version, time.monotonic())


def bundled() -> CheckFacts:
    """Return what images of evallab have in them."""
    return CheckFacts(bundled_models=bundled_names(), bundled_data=data_names())


def identity() -> str:
    """Return a name for this process that no other has."""
    return f"{os.environ.get('POD_NAME') or platform.node()}_{uuid.uuid4().hex[:8]}"
