"""GET /metrics for Prometheus; served when `prometheus.enabled`. Gauges are set when somebody looks."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from evallab import __version__
from evallab.api.errors import StoreUnavailable
from evallab.local.checkout import own_commit
from evallab.server.house import House
from evallab.server.operations import Operation

PATIENCE_S = 2.0  #: a Postgres that is away must not hide the rest


async def metrics(request: Request, house: House) -> Response:
    """Return what was counted, and how things are now."""
    await _look(house)
    page, content_type = house.metrics.page(request.headers.get("accept", ""))
    return Response(page, headers={"Content-Type": content_type})


async def _look(house: House) -> None:
    house.metrics.built(__version__, await asyncio.to_thread(own_commit))
    house.metrics.streams_open(len(house.streams))
    house.metrics.catalog_problems(len(house.catalog.problems))
    try:
        async with asyncio.timeout(PATIENCE_S):
            found = await house.store.activity()
    except (TimeoutError, StoreUnavailable):
        house.metrics.store_up(0)
        return
    house.metrics.store_up(1)
    house.metrics.activity(waiting=found.waiting, running=found.running, attempts=found.attempts)


OPERATIONS = (
    Operation(
        method="GET",
        path="/metrics",
        handler=metrics,
        summary="Numbers for Prometheus",
        responses={200: "The numbers, as text; only where `prometheus.enabled` is set"},
        media="text/plain",
    ),
)
