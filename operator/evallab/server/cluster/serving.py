"""The composition root of one replica in a cluster: stateless; jobs are objects, everything else is in Postgres.

`main` gives `opened` to `serving.serve`. Inside a pod the API server is that of its service account; outside, where
KUBECONFIG says. Replicas tell each other nothing: each hears from Postgres what changed.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.types import ASGIApp, Receive, Scope, Send

from evallab.kubeapi.client import KubernetesApi, in_cluster, of_context
from evallab.local.data import fetcher
from evallab.planning.cluster.config import Installation
from evallab.server.app import application
from evallab.server.attempts.app import PREFIX, app
from evallab.server.attempts.bearers import KubernetesBearers
from evallab.server.attempts.parts import Parts
from evallab.server.attempts.supply import Supply
from evallab.server.cluster.access import Access
from evallab.server.cluster.hosts import cluster_rules
from evallab.server.cluster.installation import installation
from evallab.server.cluster.jobs import ClusterJobs
from evallab.server.cluster.pod_logs import PodLogs
from evallab.server.cluster.reporting import Inbox, NoQueue
from evallab.server.cluster.reviews import Reviews
from evallab.server.config import ServerConfig
from evallab.server.house import House
from evallab.server.live_catalog import Images, LiveCatalog
from evallab.server.metrics import Metrics
from evallab.server.rendered import Rendered
from evallab.server.routing import operations
from evallab.server.serving import ANSWER_PATIENCE_S, Opened, ended
from evallab.server.stream import Streams
from evallab.settings import Settings
from evallab.store.artifacts import ArtifactFiles
from evallab.store.blobs import remote
from evallab.store.connection import open_store
from evallab.store.interface import Store


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What a replica is started with."""

    settings: Settings
    config: ServerConfig
    environ: Mapping[str, str]


@asynccontextmanager
async def opened(serving: Serving) -> AsyncIterator[Opened]:
    """Open a replica. Raises UsageError when no API server or no installation is named."""
    found = installation(serving.environ)
    async with AsyncExitStack() as stack:
        api = await _api(serving.environ)
        stack.push_async_callback(api.close)
        house = await _house(serving, api, found, stack)
        supply = Supply(fetcher(serving.settings, serving.environ), secrets=serving.config.evallab.secrets_dir())
        stack.push_async_callback(supply.close)
        door = Parts(
            store=house.store,
            bearers=KubernetesBearers(api),
            supply=supply,
            now=house.now,
            stored=house.streams.ring,
            leavings_limit=found.cluster.leavings_mib << 20,
        )
        auth = serving.config.evallab.auth
        routes = application(operations(serving.config), house)
        reviews = Reviews(api) if auth.mode == "kubernetes" else None
        doors = _Doors(app(door), Access(routes, reviews, default_tenant=auth.default_tenant))
        yield Opened(house=house, app=doors, rules=cluster_rules(serving.config, found.cluster.server_url))


async def _api(environ: Mapping[str, str]) -> KubernetesApi:
    """Return the API server of this pod, else that of the current context."""
    inside = environ.get("KUBERNETES_SERVICE_HOST") and not environ.get("KUBECONFIG")
    return await (in_cluster() if inside else of_context())


async def _house(serving: Serving, api: KubernetesApi, found: Installation, stack: AsyncExitStack) -> House:
    """Open everything that handlers act through."""
    settings, config = serving.settings, serving.config
    store = await stack.enter_async_context(
        open_store(url=settings.database_url, home=settings.home, patience_s=ANSWER_PATIENCE_S, connections=8)
    )
    images = Images(allowed=found.allowed_images)
    catalog = LiveCatalog(settings.config_dir, store, builtin=config.evallab.builtin, images=images)
    await catalog.load(strict=config.strict)
    files = ArtifactFiles(settings.artifacts_dir, remote(settings.database_url))
    streams = Streams()
    now = lambda: datetime.now(UTC)  # noqa: E731
    house = House(
        store=store,
        catalog=catalog,
        config=config,
        receiver=Inbox(store, now=now),
        files=files,
        queueing=NoQueue(store),
        jobs=ClusterJobs(api, store, found.cluster),
        logs=PodLogs(api, store, files),
        metrics=Metrics(),
        streams=streams,
        rendered=Rendered(store),
        now=now,
        new_id=lambda: str(uuid.uuid4()),
    )
    tasks = asyncio.create_task(_hear(store, streams)), asyncio.create_task(catalog.watch())
    stack.push_async_callback(ended, *tasks)
    return house


async def _hear(store: Store, streams: Streams) -> None:
    """Have streams look when another process heard of their job; each looks by itself every second besides."""
    async for job_id in store.listen():
        streams.ring(job_id)


class _Doors:
    """Attempts have a door of their own, where they show tokens of their own; everybody else is asked who they are."""

    def __init__(self, attempts: ASGIApp, everybody: ASGIApp) -> None:
        self._attempts, self._everybody = attempts, everybody

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        inside = self._attempts if scope["path"].startswith(PREFIX) else self._everybody
        await inside(scope, receive, send)
