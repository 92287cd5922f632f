"""HTTP to one model server: keep-alive, a deadline for each try, retries with back-off. Used by `client`, preflights.

A server that answers nothing any more ends the attempt instead of turning every question into an error. That is a
`ModelServerFailed`: unlike `AdapterFailed`, which would fail again, it is retried, and the next attempt resumes.
"""

import asyncio
import json
import logging
import random
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from evallab.adapter.failures import classify, retry_after
from evallab.api.contract import Json
from evallab.api.errors import ModelServerFailed

_LOG = logging.getLogger("evallab.adapter")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How many requests at once, how long for each, how often again."""

    concurrency: int = 8
    deadline: float = 600.0  #: seconds for one try of one request
    retries: int = 6
    pause: float = 0.5  #: before the first retry; doubles
    longest_pause: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One HTTP reply; status 0 when there was none and `body` says why."""

    status: int
    body: str
    retry_after: float | None = None
    latency_ms: float = 0.0

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
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._proxies = proxies
        self._session: aiohttp.ClientSession | None = None
        self._jitter = random.Random()  # noqa: S311 - spreads retries; an own instance leaves seeded globals alone
        self._silent = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            trust_env=self._proxies,
            connector=aiohttp.TCPConnector(limit=self.patience.concurrency, keepalive_timeout=60),
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
        return await self._exchange("POST", url, json.dumps(payload, ensure_ascii=False).encode(), None)

    async def insist(self, url: str, payload: Json) -> Reply:
        """Ask, and again while the failure is one that passes; return the last reply."""
        for attempt in range(self.patience.retries + 1):
            reply = await self.post(url, payload)
            self._note(reply)
            if reply.ok or (reply.status and classify(reply.status, reply.body).verdict != "retry"):
                return reply
            if attempt < self.patience.retries:
                await asyncio.sleep(self._pause(attempt, reply.retry_after))
        return reply

    def _pause(self, attempt: int, asked: float | None) -> float:
        if asked is not None:
            return asked + self._jitter.uniform(0, 0.1)
        pause = min(self.patience.pause * 2.0**attempt, self.patience.longest_pause)
        return pause * self._jitter.uniform(0.75, 1.25)

    def _note(self, reply: Reply) -> None:
        """Give up when nothing but silence came for as many tries as all workers have together."""
        self._silent = 0 if reply.status else self._silent + 1
        if self._silent > self.patience.concurrency * (self.patience.retries + 1):
            raise ModelServerFailed(
                f"The model server stopped answering: {reply.body}",
                remedy="See the model server's log. Answers so far are kept, a retry asks only what is missing.",
            )

    async def _exchange(self, method: str, url: str, body: bytes | None, deadline: float | None) -> Reply:
        if self._session is None:
            raise RuntimeError("The connection is used outside `async with`.")
        headers = {"Content-Type": "application/json"} if body is not None else {}
        limit = deadline or self.patience.deadline
        timeout = aiohttp.ClientTimeout(total=limit, sock_connect=min(limit, 10.0))
        started = time.perf_counter()
        try:
            async with self._session.request(method, url, data=body, headers=headers, timeout=timeout) as response:
                text = await response.text()
                latency = (time.perf_counter() - started) * 1000.0
                wait = retry_after(response.headers.get("Retry-After"))
                return Reply(status=response.status, body=text, retry_after=wait, latency_ms=latency)
        except TimeoutError:
            return Reply(status=0, body=f"no answer within {limit:g} s")
        except (aiohttp.ClientError, OSError, UnicodeDecodeError) as error:
            return Reply(status=0, body=str(error) or type(error).__name__)
