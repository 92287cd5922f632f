"""The operator's probes and metrics, on one port: /healthz, /readyz, /metrics.

`/healthz` fails for what only a new process cures: a watch that is dead, a look that never ends. Postgres or an API
server that is away is none of these: the process waits, and `/readyz` says so.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from evallab.controller.figures import Figures

PORT = 8081
STUCK_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Health:
    """What the probes ask; each returns what is wrong, "" for nothing."""

    alive: Callable[[], str]
    ready: Callable[[], str]
    figures: Figures
    measure: Callable[[], None] = lambda: None  #: brings gauges up to date


@asynccontextmanager
async def probed(health: Health, *, port: int) -> AsyncIterator[None]:
    """Answer probes while the context is open."""
    app = web.Application()
    app.router.add_get("/healthz", lambda _: _answer(health.alive()))
    app.router.add_get("/readyz", lambda _: _answer(health.ready()))
    app.router.add_get("/metrics", lambda _: _metrics(health))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()


async def _answer(wrong: str) -> web.Response:
    return web.Response(text=wrong or "ok", status=503 if wrong else 200)


async def _metrics(health: Health) -> web.Response:
    health.measure()
    body = generate_latest(health.figures.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
