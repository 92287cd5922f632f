"""The composition root of `evallab operator`: store, caches, runtime, engine, watches; nothing else wires them."""

import asyncio
import os
import platform
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from evallab.api.provider import Provider
from evallab.catalog import Catalog
from evallab.controller import parts
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
from evallab.modelserver.bundled import bundled_names
from evallab.planning.cluster.config import Installation
from evallab.planning.subject import CheckFacts
from evallab.store.connection import open_store

Fill = Callable[[parts.Ground], parts.Parts]
PATIENCE_S = 10.0  #: so long one look waits for Postgres; then its key comes again later


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the command line and the environment say."""

    database_url: str
    installation: Installation
    catalog: Catalog
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
    async with open_store(
        url=wishes.database_url, home=wishes.scratch, patience_s=PATIENCE_S, connections=wishes.workers
    ) as store:
        made = fill(
            parts.Ground(
                config=said.cluster,
                store=store,
                api=counted,
                providers=wishes.catalog.by_id,
                scratch=wishes.scratch,
                database_url=wishes.database_url,
            )
        )
        ports, cache = made.ports, made.cache
        reconciler = Reconciler(
            engine=Engine(ports),
            ports=ports,
            api=counted,
            objects=objects,
            intake=Intake(store=store, catalog=wishes.catalog, config=said.cluster, facts=bundled(), now=ports.now),
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


def _expected(watchdog: Watchdog) -> Callable[[str, str], None]:
    return lambda uid, version: watchdog.expect(uid, version, time.monotonic())


def bundled() -> CheckFacts:
    """Return what images of evallab have in them."""
    return CheckFacts(bundled_models=bundled_names(), bundled_data=data_names())


def identity() -> str:
    """Return a name for this process that no other has."""
    return f"{os.environ.get('POD_NAME') or platform.node()}_{uuid.uuid4().hex[:8]}"


def with_images(catalog: Catalog, images: Mapping[str, str]) -> Catalog:
    """Return the catalog with the images that an installation pulls instead of those that providers name."""
    return Catalog.of(
        [replace(entry, provider=_pulled(entry.provider, images)) for entry in catalog.entries.values()],
        catalog.named_collections.values(),
    )


def _pulled(provider: Provider, images: Mapping[str, str]) -> Provider:
    runtime = provider.runtime
    if runtime is None or runtime.k8s is None or not runtime.k8s.image:
        return provider
    image = images.get(_name(runtime.k8s.image), runtime.k8s.image)
    k8s = runtime.k8s.model_copy(update={"image": image})
    return provider.model_copy(update={"runtime": runtime.model_copy(update={"k8s": k8s})})


def _name(image: str) -> str:
    """Return an image's name without digest and tag."""
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name
