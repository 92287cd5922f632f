"""What both composition roots share: a port, the application behind its boundary, and serving until a signal comes.

`local_serving` opens a server that runs jobs on its own computer, `cluster.serving` one replica of those that hand them
to a cluster. Told to end (TERM, INT) it answers what it has begun, leaves what runs to its successor, and goes.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from evallab.api.errors import UsageError
from evallab.server.boundary import Boundary
from evallab.server.boundary_http import protocol
from evallab.server.boundary_rules import Rules
from evallab.server.config import ServerConfig
from evallab.server.house import House
from evallab.server.trailers import with_trailers

log = logging.getLogger("evallab.server")
ANSWER_PATIENCE_S = 5.0  #: so long a request waits for a Postgres that went away


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A server that only has to listen."""

    house: House
    app: ASGIApp
    rules: Rules


async def serve(config: ServerConfig, opening: AbstractAsyncContextManager[Opened]) -> None:
    """Serve until a signal comes. Raises UsageError when the port is taken."""
    door = _door(config.service.host, config.service.port)
    async with AsyncExitStack() as stack:
        stack.callback(door.close)
        opened = await stack.enter_async_context(opening)
        server = _Server(_uvicorn(Boundary(opened.app, opened.rules), config))
        _end_on_signals(server, opened.house)
        log.info("serving", extra={"action": "serve", "address": _address(door)})
        await server.serve(sockets=[door])


async def ended(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks, and wait for their end."""
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _uvicorn(app: object, config: ServerConfig) -> uvicorn.Config:
    service = config.service
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        http=with_trailers(protocol(service)),
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=int(service.idle_timeout),
        timeout_graceful_shutdown=10,
        ssl_certfile=service.tls_cert_file,
        ssl_keyfile=service.tls_key_file,
    )


def _end_on_signals(server: uvicorn.Server, house: House) -> None:
    def end() -> None:
        log.info("told to end", extra={"action": "leave"})
        house.streams.close()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, end)


def _door(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # so that asyncio sends at once
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        raise UsageError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.",
            remedy="Choose another port: PORT=8090, or service.port in config.yaml.",
        ) from error
    door.set_inheritable(False)
    return door


def _address(door: socket.socket) -> str:
    host, port = door.getsockname()[:2]
    return f"http://{host}:{port}"
