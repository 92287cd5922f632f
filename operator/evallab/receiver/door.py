"""A port of this machine, and the HTTP server behind it. Used by the receiver within a process, and by the mailbox."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import uvicorn

from evallab.receiver.app import Door
from evallab.receiver.body import Bodies
from evallab.receiver.desk import Desk

HOST = "127.0.0.1"
MOST_CONNECTIONS = 500
LAST_WORDS_S = 5  #: for requests in the middle of which it ends


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to the command it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bound(ports: Iterable[int]) -> socket.socket:
    """Listen on the first port that is free, else on any."""
    for port in ports:
        with contextlib.suppress(OSError):
            return _bound(port)
    return _bound(0)


def _bound(port: int) -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # so that asyncio sends at once
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the predecessor may linger
    try:
        door.bind((HOST, port))
        door.listen(1024)  # from now on nobody is turned away
    except OSError:
        door.close()
        raise
    return door


@asynccontextmanager
async def opened(desk: Desk, door: socket.socket, *, bodies: Bodies | None = None) -> AsyncIterator[asyncio.Task[None]]:
    """Serve a desk; yields the task that serves, which ends only when told, or broken."""
    async with served(Door(desk, bodies or Bodies()), door) as serving:
        yield serving


@asynccontextmanager
async def served(
    app: Any, door: socket.socket, *, http: Literal["h11", "httptools"] = "h11", most: int = MOST_CONNECTIONS
) -> AsyncIterator[asyncio.Task[None]]:
    """Serve an application, with at most that many connections; yields the task that serves."""
    config = uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=most,
        timeout_graceful_shutdown=LAST_WORDS_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[door]))
    try:
        yield serving
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        door.close()
