"""The composition root of the server: opens the store, the catalogue and the lab, and serves until a signal comes.

Told to end (TERM, INT) it answers what it has begun, leaves what runs to its successor, and goes. Killed, it leaves the
same: adapters run on, their events are taken by the mailbox, and the next server finds everything by looking.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import uvicorn

from evallab.api.errors import UsageError
from evallab.engine.driver import Turn
from evallab.local.attending import Attendant
from evallab.local.background import Turnstile
from evallab.local.detached import Detached
from evallab.local.lab import Saw, open_lab
from evallab.planning.lifecycle import Plan
from evallab.server.app import application
from evallab.server.boundary import Boundary
from evallab.server.boundary_http import protocol
from evallab.server.boundary_rules import rules
from evallab.server.config import ServerConfig
from evallab.server.house import House
from evallab.server.live_catalog import LiveCatalog
from evallab.server.metrics import Metrics
from evallab.server.metrics_jobs import JobCounts
from evallab.server.queueing import Queueing
from evallab.server.rendered import Rendered
from evallab.server.routing import operations
from evallab.server.stream import Streams
from evallab.server.trailers import with_trailers
from evallab.settings import Settings
from evallab.store.artifacts import ArtifactFiles
from evallab.store.connection import open_store
from evallab.store.interface import JobSnapshot

log = logging.getLogger("evallab.server")
ANSWER_PATIENCE_S = 5.0  #: so long a request waits for a Postgres that went away


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What a server is started with."""

    settings: Settings
    config: ServerConfig
    turnstile: Turnstile
    strict: bool = False


async def serve(serving: Serving) -> None:
    """Serve until a signal comes. Raises UsageError when the port is taken."""
    config = serving.config
    door = _door(config.service.host, config.service.port)
    async with AsyncExitStack() as stack:
        stack.callback(door.close)
        house = await stack.enter_async_context(open_house(serving))
        app = Boundary(application(operations(config), house), rules(config))
        server = _Server(_uvicorn(app, config))
        _end_on_signals(server, house)
        log.info("serving", extra={"action": "serve", "address": _address(door), "home": str(serving.settings.home)})
        await server.serve(sockets=[door])


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
        queueing = Queueing(attendant, marks, lab.driver.engine)
        house = House(
            store=store,
            catalog=catalog,
            config=config,
            receiver=lab.receiver,
            files=ArtifactFiles(settings.artifacts_dir),
            queueing=queueing,
            metrics=metrics,
            streams=streams,
            rendered=Rendered(store),
            now=lambda: datetime.now(UTC),
            new_id=lambda: str(uuid.uuid4()),
        )
        stack.push_async_callback(queueing.leave)
        stack.push_async_callback(_ended, asyncio.create_task(queueing.run()), asyncio.create_task(catalog.watch()))
        yield house


def _seen(counts: JobCounts, streams: Streams) -> Saw:
    """Return what is told of each look at a job: it is counted, and whoever follows the job looks again."""

    def saw(snapshot: JobSnapshot, _plan: Plan, _turn: Turn) -> None:
        counts.saw(snapshot.job, snapshot.benchmarks)
        streams.ring(snapshot.job.id)

    return saw


async def _ended(*tasks: "asyncio.Task[None]") -> None:
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _uvicorn(app: object, config: ServerConfig) -> uvicorn.Config:
    service = config.service
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=with_trailers(protocol(service)),
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=int(service.idle_timeout),
        timeout_graceful_shutdown=10,
        ssl_certfile=service.tls_cert_file,
        ssl_keyfile=service.tls_key_file,
    )


def _end_on_signals(server: uvicorn.Server, house: House) -> None:
    def end() -> None:
        log.info("told to end", extra={"action": "leave"})
        house.streams.close()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, end)


def _door(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # so that asyncio sends at once
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        raise UsageError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.",
            remedy="Choose another port: PORT=8090, or service.port in config.yaml.",
        ) from error
    door.set_inheritable(False)
    return door


def _address(door: socket.socket) -> str:
    host, port = door.getsockname()[:2]
    return f"http://{host}:{port}"
