"""The GPUs of pods, from the pages of dcgm-exporter: one on each node, found by the name of their headless Service.

Called by `engine.watching` for each watched job; the pages are asked for once in a period for all of them together. An
exporter tells again what it measured last: what has not changed for long is no measurement any more.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpx

from evallab.controller import gpu_pages
from evallab.modelserver.bounded import Bounded
from evallab.planning.telemetry import GpuReading

log = logging.getLogger(__name__)
PORT = 9400
PERIOD_S = 10.0
TIMEOUT_S = 3.0  #: of one exporter, and of looking up where they are
AT_ONCE = 32
MOST_BYTES = 4 * 2**20  #: of a page; that of eight GPUs has about 50,000
STALE_S = 90.0  #: three times the interval that exporters have by default


@dataclass
class _Last:
    """What was last said of a GPU, since when it is said, and when somebody asked last."""

    reading: GpuReading
    since: float
    asked: float


@dataclass(kw_only=True)
class Exporters:
    """All exporters behind one name."""

    service: str  #: host:port, or only a host
    clock: Callable[[], float] = time.monotonic
    _pages: list[gpu_pages.Page] = field(default_factory=list)
    _asked_at: float | None = None
    _last: dict[str, _Last] = field(default_factory=dict)
    _failed: frozenset[str] = frozenset()
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)
    _client: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(transport=Bounded(most=MOST_BYTES), timeout=TIMEOUT_S)
    )

    async def read(self, names: Sequence[str], *, anew: bool) -> list[GpuReading]:
        """Return how the GPUs of pods (`namespace/name`) are; nothing of those of which nothing new is heard."""
        del anew  # who computes on a GPU is not known here
        async with self._one:
            if self._asked_at is None or self.clock() - self._asked_at >= PERIOD_S:
                self._asked_at = self.clock()
                await self._ask()
        return [each for name in names for each in self._of(name) if self._is_news(each)]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self) -> None:
        """Ask all exporters; one that does not answer says nothing."""
        failures: dict[str, str] = {}
        try:
            async with asyncio.timeout(TIMEOUT_S):
                addresses = await self._addresses()
        except (OSError, TimeoutError, UnicodeError, httpx.InvalidURL) as error:
            addresses, failures[self.service] = [], str(error) or "it is not found in time"
        places = asyncio.Semaphore(AT_ONCE)
        self._pages = []
        with suppress(TimeoutError):  # where many are down, the others of this period are enough
            async with asyncio.timeout(PERIOD_S):
                await asyncio.gather(*(self._page(each, places, failures) for each in addresses))
        for address in failures.keys() - self._failed:
            log.warning("no GPUs read", extra={"action": "watch", "of": address, "reason": failures[address]})
        self._failed = frozenset(failures)
        recent = self.clock() - STALE_S
        self._last = {uuid: last for uuid, last in self._last.items() if last.asked > recent}

    async def _addresses(self) -> list[str]:
        """Return every address behind the name, with its port."""
        said = httpx.URL(f"http://{self.service}")
        found = await asyncio.get_running_loop().getaddrinfo(said.host, said.port or PORT, type=socket.SOCK_STREAM)
        hosts = sorted({(str(address[0]), int(address[1])) for *_, address in found})
        return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in hosts]

    async def _page(self, address: str, places: asyncio.Semaphore, failures: dict[str, str]) -> None:
        try:
            async with places, asyncio.timeout(TIMEOUT_S):
                answer = await self._client.get(f"http://{address}/metrics")
        except (httpx.HTTPError, TimeoutError) as error:
            failures[address] = str(error) or "it does not answer in time"
            return
        if answer.status_code != httpx.codes.OK:
            failures[address] = f"HTTP {answer.status_code}"
            return
        self._pages.append(gpu_pages.by_pod(answer.text))

    def _of(self, pod: str) -> list[GpuReading]:
        """Return the GPUs of a pod; a page that cannot be read says nothing."""
        try:
            return [each for page in self._pages if pod in page for each in gpu_pages.readings(page[pod])]
        except ValueError as error:
            log.warning("no GPUs read", extra={"action": "watch", "of": pod, "reason": str(error)})
            return []

    def _is_news(self, reading: GpuReading) -> bool:
        """Say whether a GPU was measured lately: power and temperature of one that works never stay the same."""
        last, now = self._last.get(reading.uuid), self.clock()
        if last is None or last.reading != reading:
            last = self._last[reading.uuid] = _Last(reading, since=now, asked=now)
        last.asked = now
        return now - last.since < STALE_S
