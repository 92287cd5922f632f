"""What the engine acts through in a cluster: runtime, model servers, data, files, telemetry, canaries."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evallab.api.provider import Provider
from evallab.controller import seeing
from evallab.controller.in_pods import ClusterReception, PodData
from evallab.controller.model_servers import ClusterModels
from evallab.controller.objects import Known
from evallab.controller.operating import Cache
from evallab.controller.server_logs import ServerLogs
from evallab.engine.canary import Canaries
from evallab.engine.ports import Ports
from evallab.kubeapi.interface import JOB, POD, ClusterApi
from evallab.planning.cluster import labels
from evallab.planning.cluster.plan import ClusterConfig
from evallab.runtimes.kubernetes.cache import ClusterCache
from evallab.runtimes.kubernetes.runtime import KubernetesRuntime
from evallab.runtimes.kubernetes.scratch import Scratch
from evallab.store.artifacts import ArtifactFiles
from evallab.store.blobs import remote
from evallab.store.interface import JobRow, Store

CLOSE_S = 15.0


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the engine acts through, the cache that watches fill, and what looks after model servers."""

    ports: Ports
    cache: Cache
    look: Callable[[JobRow], Awaitable[None]]
    close: Callable[[], Awaitable[None]]  #: keep what was seen, and ask no more


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What parts are made of."""

    config: ClusterConfig
    store: Store
    api: ClusterApi
    providers: Mapping[str, Provider]
    scratch: Path  #: may be empty at every start
    database_url: str
    wake: Callable[[str], None]  #: has a job looked at again


def of(ground: Ground) -> Parts:
    """Return the parts of an operator."""
    config, store, api, scratch = ground.config, ground.store, ground.api, ground.scratch
    cache, files = ClusterCache(), Scratch(scratch / "attempts")
    artifacts = ArtifactFiles(scratch / "artifacts", remote=remote(ground.database_url))
    logs = ServerLogs(api=api, store=store, files=artifacts)
    models = ClusterModels(api=api, cache=cache, config=config, now=_now, keep=logs.keep)
    watch = seeing.watch(store, cache, models, exporter=config.dcgm_service, now=_now)
    canaries = Canaries(store, now=_now, changed=ground.wake, afar=True)

    async def close() -> None:
        with suppress(TimeoutError):  # a pod has half a minute to end; without Postgres nothing can be kept
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(watch.close(), canaries.stop_all())

    ports = Ports(
        store=store,
        runtime=KubernetesRuntime(api=api, cache=cache, store=store, config=config, scratch=files, now=_now),
        receiver=ClusterReception(),
        models=models,
        files=artifacts,
        providers=ground.providers,
        now=_now,
        new_id=lambda: str(uuid.uuid4()),
        datasets=PodData(files),
        telemetry=watch,
        canaries=canaries,
    )
    return Parts(ports=ports, cache=cache, look=models.look, close=close)


def _now() -> datetime:
    return datetime.now(UTC)


def again(api: ClusterApi, cache: Cache) -> Callable[[Known], Awaitable[None]]:
    """Return what reads a job's Jobs and pods again, whatever the watches brought."""

    async def children(known: Known) -> None:
        for kind in (JOB, POD):
            before = cache.of_job(kind, known.uid)
            found = await api.list(kind, known.namespace, labels=labels.of_job(known.uid))
            there = {body["metadata"]["uid"] for body in found}
            for body in found:
                cache.put(kind, body)
            for body in before:
                if body["metadata"]["uid"] not in there:
                    cache.drop(kind, body)

    return children
