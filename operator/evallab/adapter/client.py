"""Asks an OpenAI-compatible endpoint many things at once and keeps every answer. Used by adapters that ask endpoints.

A fixed number of workers draws from one iterator (`concurrently`): no task per request, and requests may be made as
they are drawn. How many workers there are is decided in `ask_all` alone, where adaptive concurrency would go.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from evallab.adapter.answer import UNREACHABLE, Answer, Request, failed
from evallab.adapter.concurrently import each
from evallab.adapter.connection import Connection, Reply
from evallab.adapter.endpoint import Endpoint
from evallab.adapter.failures import classify
from evallab.adapter.parsing import parse
from evallab.adapter.spool import Spool, request_digest
from evallab.api.errors import AdapterFailed

OnAnswer = Callable[[int, Answer], None]  #: position of the request, its answer


@dataclass(frozen=True)
class OpenAIClient:
    """One endpoint over one connection."""

    where: Endpoint
    connection: Connection

    async def ask(self, request: Request) -> Answer:
        """Ask once for real (with retries); raises AdapterFailed when asking anything else is pointless too."""
        reply = await self.connection.insist(self.where.route(request.route), request.payload)
        if reply.ok:
            body = reply.json()
            if isinstance(body, dict):
                return parse(request, body, reply.latency_ms)
            return failed(UNREACHABLE, "The server's reply is not JSON.")
        return _unanswered(reply)

    async def ask_all(
        self, requests: Sequence[Request], *, spool: Spool | None = None, on_answer: OnAnswer | None = None
    ) -> list[Answer]:
        """Ask everything that the spool does not know; return the answers in the order of the requests."""
        batch = _Batch(requests, spool, on_answer)

        async def ask(position: int) -> None:
            batch.record(position, await self.ask(requests[position]))

        async with _flushing(spool):
            await each(batch.resume(), ask, at_once=self.connection.patience.concurrency)
        return batch.answers()


class _Batch:
    """The requests of one `ask_all`, and what is known of each."""

    def __init__(self, requests: Sequence[Request], spool: Spool | None, on_answer: OnAnswer | None) -> None:
        self._keys = tuple(_keys(requests))
        self._spool = spool
        self._on_answer = on_answer
        self._answers: list[Answer | None] = [None] * len(requests)

    def resume(self) -> list[int]:
        """Take over what the spool knows; return the positions that are still to be asked."""
        for position, key in enumerate(self._keys):
            if self._spool is not None and (kept := self._spool.get(key)):
                self._take(position, Answer.from_json(kept))
        return [position for position, answer in enumerate(self._answers) if answer is None]

    def record(self, position: int, answer: Answer) -> None:
        """Keep an answer; only real ones go to the spool, so that a retry asks for the others again."""
        if self._spool is not None and answer.error is None:
            self._spool.add(self._keys[position], answer.to_json())
        self._take(position, answer)

    def answers(self) -> list[Answer]:
        """Return all, in order."""
        return [answer for answer in self._answers if answer is not None]

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


def _keys(requests: Sequence[Request]) -> Iterator[str]:
    """Key each request by what it asks; the same thing asked twice are two questions (repeats)."""
    seen: Counter[str] = Counter()
    for request in requests:
        digest = request_digest(request.route, request.payload)
        yield f"{digest}:{seen[digest]}"
        seen[digest] += 1


@asynccontextmanager
async def _flushing(spool: Spool | None) -> AsyncIterator[None]:
    """Sync the spool every second meanwhile, and at the end."""
    if spool is None:
        yield
        return

    async def tick() -> None:
        while True:
            await asyncio.sleep(1.0)
            spool.flush()

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
        spool.flush()
