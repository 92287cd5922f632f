"""A server with a real store, real files and real HTTP, without a queue: for routes that read.

`async with serving(house, operations) as url` listens on a port of its own.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import uvicorn

from evallab.server.app import application
from evallab.server.boundary import Boundary
from evallab.server.boundary_rules import Rules
from evallab.server.house import House
from evallab.server.log_sections import FileLogs
from evallab.server.metrics import Metrics
from evallab.server.operations import Operation
from evallab.server.rendered import Rendered
from evallab.server.stream import Streams
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import Store

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


@dataclass(frozen=True)
class Catalogue:
    """A catalogue of which only the problems are asked."""

    problems: tuple[str, ...] = ()


class NoEvents:
    """A receiver to which nobody posts."""

    def pending(self) -> bool:
        return False


class NoQueue:
    """A server that drives no jobs."""

    def drives(self, _job_id: str) -> bool:
        return False


def house(store: Store, home: Path, *, problems: tuple[str, ...] = ()) -> House:
    """Return a house around a store."""
    return House(
        store=store,
        catalog=cast("Any", Catalogue(problems)),
        config=cast("Any", None),
        receiver=cast("Any", NoEvents()),
        files=ArtifactFiles(home / "artifacts"),
        queueing=cast("Any", NoQueue()),
        metrics=Metrics(),
        streams=Streams(),
        jobs=cast("Any", None),
        logs=FileLogs(store, ArtifactFiles(home / "artifacts")),
        rendered=Rendered(store),
        now=lambda: NOW,
        new_id=lambda: "new",
    )


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(house: House, operations: Iterable[Operation]) -> AsyncIterator[str]:
    """Serve over HTTP; leaving ends the open streams."""
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio asks it before TCP_NODELAY
    door.bind(("127.0.0.1", 0))
    app: Any = Boundary(application(operations, house), Rules())
    server = Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[door]))
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        house.streams.close()
        server.should_exit = True
        await task
        door.close()
