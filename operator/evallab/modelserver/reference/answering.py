"""From an order to an HTTP response, whole or streamed, ending early when the client goes; `app` hands orders in."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from itertools import groupby

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from evallab.modelserver.reference.answers import Body, Envelope, Shape, usage
from evallab.modelserver.reference.errors import Refused
from evallab.modelserver.reference.parts import Order, Part, join, parts
from evallab.modelserver.reference.service import Service
from evallab.modelserver.reference.worker import Check, Worker

_CLIENT_GONE = 499


class Answering:
    """Computes orders in the worker and words the results."""

    def __init__(self, service: Service, worker: Worker) -> None:
        """Answer from the model of `service`."""
        self._service, self._worker = service, worker

    async def whole(self, request: Request, order: Order, shape: Shape) -> Response:
        """Return the finished answer, or give up as soon as the client has gone."""
        computing = asyncio.ensure_future(self._worker.collect(lambda check: self._choices(order, check)))
        leaving = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait((computing, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not computing.done():
                return Response(status_code=_CLIENT_GONE)
            choices = computing.result()
        finally:
            computing.cancel()
            leaving.cancel()
        body = self._envelope(shape).body(shape.whole_kind, [shape.whole(each) for each in choices])
        return JSONResponse(body | {"usage": self._count(order, sum(each.generated for each in choices))})

    def stream(self, order: Order, shape: Shape, *, include_usage: bool) -> Response:
        """Return a stream of server-sent events, one per token."""
        events = self._events(order, shape, include_usage=include_usage)
        return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})

    async def _events(self, order: Order, shape: Shape, *, include_usage: bool) -> AsyncIterator[str]:
        try:
            async for body in self._bodies(order, shape, include_usage=include_usage):
                yield _event(body)
        except Refused as refused:  # the status line has gone out already
            yield _event(refused.body())
        yield "data: [DONE]\n\n"

    async def _bodies(self, order: Order, shape: Shape, *, include_usage: bool) -> AsyncIterator[Body]:
        head, chunk, generated = self._envelope(shape), shape.chunker(), 0
        async for part in self._worker.stream(lambda check: self._parts(order, check)):
            generated += part.generated
            for choice in chunk(part):
                yield head.body(shape.chunk_kind, [choice])
        counted = self._count(order, generated)
        if include_usage:
            yield head.body(shape.chunk_kind, []) | {"usage": counted}

    def _parts(self, order: Order, check: Check) -> Iterator[Part]:
        return parts(self._service.engine, self._service.vocabulary, order, check)

    def _choices(self, order: Order, check: Check) -> Iterator[Part]:
        for _, pieces in groupby(self._parts(order, check), key=lambda part: part.index):
            yield join(list(pieces))

    def _count(self, order: Order, generated: int) -> Body:
        """Return the usage, and remember it for GET /metrics."""
        prompt = sum(len(question.ids) for question in order.questions)
        load = self._worker.load
        load.answered += 1
        load.prompt_tokens += prompt
        load.generated_tokens += generated
        return usage(prompt, generated)

    def _envelope(self, shape: Shape) -> Envelope:
        return Envelope(f"{shape.prefix}-{uuid.uuid4().hex}", int(time.time()), self._service.name)


def _event(body: Body) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n"


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
