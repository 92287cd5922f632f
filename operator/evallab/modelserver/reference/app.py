"""The HTTP server of the reference engine: routes to handlers of a few lines; `__main__` runs it with uvicorn."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from evallab.modelserver.reference.answering import Answering
from evallab.modelserver.reference.answers import ChatShape, CompletionShape, Naming, Shape
from evallab.modelserver.reference.api import ChatRequest, CompletionRequest, DetokenizeRequest, TokenizeRequest, parse
from evallab.modelserver.reference.errors import Refused
from evallab.modelserver.reference.metrics import metrics
from evallab.modelserver.reference.parts import Order
from evallab.modelserver.reference.service import Service
from evallab.modelserver.reference.worker import Worker


class Server:
    """The handlers, bound to one model and one worker."""

    def __init__(self, service: Service, worker: Worker, *, version: str, max_body_bytes: int) -> None:
        """Keep what the handlers need."""
        self._service, self._worker = service, worker
        self._answering = Answering(service, worker)
        self._version, self._max_body_bytes = version, max_body_bytes
        self._started = int(time.time())

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/health", self.health),
                Route("/version", self.version),
                Route("/metrics", self.metrics),
                Route("/v1/models", self.models),
                Route("/tokenizer_info", self.tokenizer_info),
                Route("/tokenize", self.tokenize, methods=["POST"]),
                Route("/detokenize", self.detokenize, methods=["POST"]),
                Route("/v1/completions", self.completions, methods=["POST"]),
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
            ],
            exception_handlers={Refused: _refused, HTTPException: _http_error, Exception: _crashed},
            lifespan=self._lifespan,
        )

    async def health(self, request: Request) -> Response:
        """Answer 200: the model was loaded before the port was opened."""
        del request
        return PlainTextResponse("")

    async def version(self, request: Request) -> Response:
        """Say the version of evallab."""
        del request
        return JSONResponse({"version": self._version})

    async def metrics(self, request: Request) -> Response:
        """Say how busy the server is."""
        del request
        return PlainTextResponse(metrics(self._worker.load, self._service.name))

    async def models(self, request: Request) -> Response:
        """List the one model."""
        del request
        name, context = self._service.name, self._service.engine.context
        card = {"id": name, "object": "model", "created": self._started, "owned_by": "evallab", "root": name}
        return JSONResponse({"object": "list", "data": [card | {"max_model_len": context}]})

    async def tokenizer_info(self, request: Request) -> Response:
        """Describe the tokenizer."""
        del request
        return JSONResponse(self._service.vocabulary.facts(self._service.engine.context))

    async def tokenize(self, request: Request) -> Response:
        """Turn text or a conversation into ids."""
        asked = parse(TokenizeRequest, await self._body(request))
        ids = self._service.tokenize(asked)
        names = [self._service.vocabulary.pieces[each] for each in ids] if asked.return_token_strs else None
        context = self._service.engine.context
        return JSONResponse({"count": len(ids), "max_model_len": context, "tokens": ids, "token_strs": names})

    async def detokenize(self, request: Request) -> Response:
        """Turn ids into text."""
        asked = parse(DetokenizeRequest, await self._body(request))
        return JSONResponse({"prompt": self._service.detokenize(asked.tokens)})

    async def completions(self, request: Request) -> Response:
        """Continue prompts."""
        asked = parse(CompletionRequest, await self._body(request))
        order = self._service.completion(asked)
        return await self._answer(request, asked, order, CompletionShape(self._naming(asked), order.top is not None))

    async def chat(self, request: Request) -> Response:
        """Answer a conversation."""
        asked = parse(ChatRequest, await self._body(request))
        order = self._service.chat(asked)
        return await self._answer(request, asked, order, ChatShape(self._naming(asked), order.top is not None))

    async def _answer(
        self, request: Request, asked: CompletionRequest | ChatRequest, order: Order, shape: Shape
    ) -> Response:
        if asked.stream:
            return self._answering.stream(order, shape, include_usage=asked.include_usage)
        return await self._answering.whole(request, order, shape)

    def _naming(self, asked: CompletionRequest | ChatRequest) -> Naming:
        return Naming(self._service.vocabulary, bool(asked.return_tokens_as_token_ids))

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._max_body_bytes:
                raise Refused(f"The body is larger than {self._max_body_bytes} bytes.", status=413)
        return bytes(body)

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        yield
        self._worker.close()


async def _refused(request: Request, error: Exception) -> Response:
    del request
    refused = error if isinstance(error, Refused) else Refused(str(error), status=500)
    return JSONResponse(refused.body(), status_code=refused.status)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else str(error)
    where = f"{request.method} {request.url.path}"
    return await _refused(request, Refused(f"{where}: {detail}.", status=status))


async def _crashed(request: Request, error: Exception) -> Response:
    return await _refused(request, Refused(f"The server failed: {type(error).__name__}.", status=500))
