"""Asks an OpenAI-compatible endpoint many things at once and keeps every answer. Used by adapters that ask endpoints.

A fixed number of workers draws from one iterator (`concurrently`): no task per request, and requests are made, encoded
and looked up in the spool as they are drawn, so that the first one leaves at once. There are as many workers as
requests can ever be under way; how many of them may ask at a time is up to the connection's `width`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from evallab.adapter.answer import UNREACHABLE, Answer, Request, failed
from evallab.adapter.concurrently import each
from evallab.adapter.connection import Connection, Reply
from evallab.adapter.endpoint import Endpoint
from evallab.adapter.failures import classify
from evallab.adapter.parsing import parse
from evallab.adapter.spool import Spool, body_digest, canonical
from evallab.api.errors import AdapterFailed

_APART = 0.0008  #: seconds between the first requests: servers need not accept 128 connections in one instant
OnAnswer = Callable[[int, Answer], None]  #: position of the request, its answer


@dataclass(frozen=True)
class OpenAIClient:
    """One endpoint over one connection."""

    where: Endpoint
    connection: Connection

    async def ask(self, request: Request, body: bytes | None = None) -> Answer:
        """Ask once for real (with retries); raises AdapterFailed when asking anything else is pointless too."""
        reply = await self.connection.insist(self.where.route(request.route), body or request.payload)
        if reply.ok:
            content = reply.json()
            if isinstance(content, dict):
                return parse(request, content, reply.latency_ms)
            return failed(UNREACHABLE, "The server's reply is not JSON.")
        return _unanswered(reply)

    async def ask_all(
        self, requests: Sequence[Request], *, spool: Spool | None = None, on_answer: OnAnswer | None = None
    ) -> list[Answer]:
        """Ask everything that the spool does not know; return the answers in the order of the requests."""
        batch = _Batch(requests, spool, on_answer)

        async def ask(drawn: _Drawn) -> None:
            batch.record(drawn, await self.ask(drawn.request, drawn.body))

        async with _flushing(spool):
            await each(batch.open(), ask, at_once=self.connection.patience.widest, apart=_APART)
        return batch.answers()


class _Drawn(NamedTuple):
    """A request on its way."""

    position: int
    request: Request
    body: bytes
    key: str


class _Batch:
    """The requests of one `ask_all`, and what is known of each."""

    def __init__(self, requests: Sequence[Request], spool: Spool | None, on_answer: OnAnswer | None) -> None:
        self._requests = requests
        self._spool = spool
        self._on_answer = on_answer
        self._answers: list[Answer | None] = [None] * len(requests)
        self._seen: Counter[str] = Counter()

    def open(self) -> Iterator[_Drawn]:
        """Yield what is still to be asked; what the spool knows is taken over."""
        for position, request in enumerate(self._requests):
            body = canonical(request.payload)
            key = self._key(request, body) if self._spool is not None else ""
            if self._spool is not None and (kept := self._spool.get(key)):
                self._take(position, Answer.from_json(kept))
            else:
                yield _Drawn(position, request, body, key)

    def record(self, drawn: _Drawn, answer: Answer) -> None:
        """Keep an answer; only real ones go to the spool, so that a retry asks for the others again."""
        if self._spool is not None and answer.error is None:
            self._spool.add(drawn.key, answer.to_json())
        self._take(drawn.position, answer)

    def answers(self) -> list[Answer]:
        """Return all, in order."""
        return [answer for answer in self._answers if answer is not None]

    def _key(self, request: Request, body: bytes) -> str:
        """Key a request by what it asks; the same thing asked twice are two questions (repeats)."""
        digest = body_digest(request.route, body)
        key = f"{digest}:{self._seen[digest]}"
        self._seen[digest] += 1
        return key

    def _take(self, position: int, answer: Answer) -> None:
        self._answers[position] = answer
        if self._on_answer is not None:
            self._on_answer(position, answer)


def _unanswered(reply: Reply) -> Answer:
    if not reply.status:
        return failed(UNREACHABLE, f"The model server did not answer: {reply.body}")
    failure = classify(reply.status, reply.body)
    if failure.verdict == "fatal":
        raise AdapterFailed(failure.sentence, remedy="Check the model's name, URL and credentials.")
    return failed(failure.kind, failure.sentence)


@asynccontextmanager
async def _flushing(spool: Spool | None) -> AsyncIterator[None]:
    """Sync the spool twice a second meanwhile, and at the end.

    Meanwhile on a thread: a sync takes as long as the disk likes, and every request would wait for it.
    """
    if spool is None:
        yield
        return

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.5)
            await asyncio.to_thread(spool.flush)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
        spool.flush()
