"""The reference server with a planted change, for the tests of the canary: what a URL serves may be something else.

Runs in a thread of the test, so that a test can change it while a job runs.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from evallab.modelserver.bundled import bundled
from evallab.modelserver.reference.api import ChatRequest, CompletionRequest
from evallab.modelserver.reference.app import Server
from evallab.modelserver.reference.engine import Engine
from evallab.modelserver.reference.service import Service
from evallab.modelserver.reference.vocabulary import Vocabulary
from evallab.modelserver.reference.weights import load
from evallab.modelserver.reference.worker import Worker

NAME = "demo"


class Turned(Service):
    """A service that treats every request in another way first."""

    def __init__(self, plain: Service, turn: Callable[[Any], Any]) -> None:
        super().__init__(plain.engine, plain.vocabulary, plain.name)
        self._turn = turn

    def completion(self, request: CompletionRequest) -> Any:
        return super().completion(self._turn(request))

    def chat(self, request: ChatRequest) -> Any:
        return super().chat(self._turn(request))


class OtherTemplate(Vocabulary):
    """A vocabulary whose template puts a system message first, as several families do."""

    def render(self, messages: Any, *, add_generation_prompt: bool = True) -> str:
        system = [("system", "You are a helpful assistant.")]
        return super().render([*system, *messages], add_generation_prompt=add_generation_prompt)


def plain(model: str = "demo-f16", *, context: int | None = None, vocabulary: type[Vocabulary] = Vocabulary) -> Service:
    """The model as it is."""
    checkpoint = load(bundled(model))
    engine = Engine(checkpoint, context)
    return Service(engine, vocabulary(checkpoint, engine.vocabulary_size), NAME)


def default_temperature(value: float) -> Service:
    """Another temperature where the request leaves it out."""
    return Turned(plain(), lambda asked: asked if asked.temperature is not None else _with(asked, temperature=value))


def at_most(tokens: int) -> Service:
    """Answers are cut off earlier than asked."""
    return Turned(plain(), lambda asked: _with(asked, max_tokens=min(asked.max_tokens or tokens, tokens)))


def _with(asked: Any, **changes: Any) -> Any:
    return asked.model_copy(update=changes)


class Serving:
    """A running server; `become` changes what it serves from one request to the next."""

    def __init__(self, service: Service) -> None:
        self._server = Server(service, Worker(60.0), version="1", max_body_bytes=1 << 20)
        config = uvicorn.Config(self._server.app(), port=0, log_level="error", ws="none", loop="asyncio")
        self.uvicorn = uvicorn.Server(config)

    def become(self, service: Service) -> None:
        self._server._service = service
        self._server._answering._service = service

    @property
    def url(self) -> str:
        port = self.uvicorn.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/v1"


@contextmanager
def serving(service: Service) -> Iterator[Serving]:
    """Serve until the block ends."""
    served = Serving(service)
    thread = threading.Thread(target=served.uvicorn.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not served.uvicorn.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield served
    finally:
        served.uvicorn.should_exit = True
        thread.join(30)
