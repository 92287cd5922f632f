"""HTTP to one model server: keep-alive, deadlines, retries with back-off. Used by `client` and by preflights.

How many requests are under way is decided by `width`, when there is no point in going on by `budget`.
"""

import asyncio
import json
import random
import time
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import aiohttp

from evallab.adapter.budget import ErrorBudget
from evallab.adapter.failures import classify, retry_after
from evallab.adapter.spool import canonical
from evallab.adapter.width import Gate, Signal, Width
from evallab.api.contract import Json


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How many requests at once, how long for each, how often again."""

    concurrency: int = 8  #: to begin with
    max_concurrency: int | None = None  #: that many at most; None: as many as to begin with
    deadline: float = 600.0  #: seconds for one try of one request
    request_deadline: float = 1800.0  #: seconds for one request with all its tries and pauses
    retries: int = 6
    give_up_after: int = 16  #: requests lost in a row before the server counts as gone
    pause: float = 0.5  #: before the first retry; doubles
    longest_pause: float = 30.0

    @property
    def widest(self) -> int:
        """How many requests there can ever be under way."""
        return max(self.concurrency, self.max_concurrency or 0)

    def reduced(self, factor: float) -> Self:
        """Return the same patience with that share of the requests at once, never less than one."""
        most = self.max_concurrency and max(1, int(self.max_concurrency * factor))
        return replace(self, concurrency=max(1, int(self.concurrency * factor)), max_concurrency=most)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One HTTP reply; status 0 when there was none and `body` says why."""

    status: int
    body: str
    retry_after: float | None = None
    latency_ms: float = 0.0
    timed_out: bool = False

    @property
    def ok(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the decoded body, or None when it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


class Connection:
    """A pool of connections to one server."""

    def __init__(self, *, key: str | None = None, patience: Patience | None = None, proxies: bool = False) -> None:
        """Nothing is opened before `async with`; `proxies`: those of the environment are used."""
        self.patience = patience or Patience()
        self.width = Width(self.patience.concurrency, self.patience.max_concurrency)
        self._gate = Gate(self.width)
        self._budget = ErrorBudget(
            lost=self.patience.give_up_after, silent=self.patience.widest * (self.patience.retries + 1)
        )
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._proxies = proxies
        self._session: aiohttp.ClientSession | None = None
        self._jitter = random.Random()  # noqa: S311 - spreads retries; an own instance leaves seeded globals alone

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Content-Type": "application/json", **self._headers},
            trust_env=self._proxies,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),  # the gate is the limit
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session:
            await self._session.close()

    async def get(self, url: str, *, deadline: float = 10.0) -> Reply:
        """Ask once."""
        return await self._exchange("GET", url, None, deadline)

    async def post(self, url: str, payload: Json) -> Reply:
        """Ask once."""
        return await self._exchange("POST", url, canonical(payload), self.patience.deadline)

    async def insist(self, url: str, payload: Json | bytes) -> Reply:
        """Ask, and again while the failure is one that passes; return the last reply."""
        body = payload if isinstance(payload, bytes) else canonical(payload)
        ends = time.monotonic() + self.patience.request_deadline
        for attempt in range(self.patience.retries + 1):
            reply = await self._try(url, body, ends - time.monotonic())
            if _judged(reply):
                self._budget.answered()
                return reply
            self._budget.tried(replied=bool(reply.status), why=reply.body)
            pause = self._pause(attempt, reply.retry_after)
            if attempt == self.patience.retries or time.monotonic() + pause >= ends:
                break
            await asyncio.sleep(pause)
        self._budget.lost(f"HTTP {reply.status}" if reply.status else reply.body)
        return reply

    async def _try(self, url: str, body: bytes, left: float) -> Reply:
        """Wait for a place among the requests under way, ask once, and tell the width how it went."""
        admitted = await self._gate.enter()
        try:
            reply = await self._exchange("POST", url, body, max(min(self.patience.deadline, left), 0.001))
            self.width.note(_signal(reply), latency=reply.latency_ms, admitted=admitted)
            return reply
        finally:
            self._gate.leave()

    def _pause(self, attempt: int, asked: float | None) -> float:
        if asked is not None:
            return asked + self._jitter.uniform(0, 0.1)
        pause = min(self.patience.pause * 2.0**attempt, self.patience.longest_pause)
        return pause * self._jitter.uniform(0.75, 1.25)

    async def _exchange(self, method: str, url: str, body: bytes | None, limit: float) -> Reply:
        if self._session is None:
            raise RuntimeError("The connection is used outside `async with`.")
        timeout = aiohttp.ClientTimeout(total=limit, sock_connect=min(limit, 10.0))
        started = time.perf_counter()
        try:
            async with self._session.request(method, url, data=body, timeout=timeout) as response:
                text = (await response.read()).decode(errors="replace")
                latency = (time.perf_counter() - started) * 1000.0
                wait = retry_after(response.headers.get("Retry-After"))
                return Reply(status=response.status, body=text, retry_after=wait, latency_ms=latency)
        except TimeoutError:
            return Reply(status=0, body=f"no answer within {limit:g} s", timed_out=True)
        except (aiohttp.ClientError, OSError) as error:
            return Reply(status=0, body=str(error) or type(error).__name__)


def _judged(reply: Reply) -> bool:
    """Whether the server dealt with the request, for better or worse."""
    return reply.ok or bool(reply.status and classify(reply.status, reply.body).verdict in {"sample", "fatal"})


def _signal(reply: Reply) -> Signal:
    """What a reply says about how much the server can take; a broken connection says nothing."""
    if reply.status == 429:
        return "overloaded"
    if reply.status >= 500 or reply.timed_out:
        return "strained"
    return "clean" if reply.status else "none"
