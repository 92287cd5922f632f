"""The receiver as a whole: HTTP door, spool and drain on one event loop. Made by the composition roots."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import uvicorn

from evallab.api.contract import JobSpec
from evallab.receiver.app import Desk, application
from evallab.receiver.drain import Drain, EventStore
from evallab.receiver.spool import Spool


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals to the command it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Receiver:
    """Takes adapters' events on a loopback port."""

    def __init__(self, desk: Desk, drain: Drain, port: int) -> None:
        """Use `receiving`, which also starts and stops it."""
        self._desk, self._drain, self._port = desk, drain, port

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    def callback_url(self, attempt_id: str) -> str:
        """Return the URL that an attempt posts to; EvalHub's SDK appends its path."""
        return f"http://127.0.0.1:{self._port}/a/{attempt_id}"

    def expect(self, attempt_id: str, spec: JobSpec) -> None:
        """Take events of this attempt from now on."""
        self._desk.expect(attempt_id, spec)

    async def settle(self) -> None:
        """Bring everything that arrived into the store; called before an attempt is concluded."""
        await self._drain.empty()


def _door(port: int) -> socket.socket:
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the predecessor may linger
    try:
        door.bind(("127.0.0.1", port))
    except OSError:
        door.bind(("127.0.0.1", 0))
    return door


@asynccontextmanager
async def receiving(
    spool_dir: Path, store: EventStore, *, stored: Callable[[str], None], now: Callable[[], datetime], port: int = 0
) -> AsyncIterator[Receiver]:
    """Run a receiver. `stored(attempt_id)` is called whenever an event of an attempt has reached the store.

    `port`: where a predecessor that died listened; attempts that it started still post there. If taken, any other.
    """
    spool = Spool(spool_dir)
    drain = Drain(spool, store, stored=stored)
    desk = Desk(spool, arrived=drain.wake, now=now)
    door = _door(port)
    server = _Server(uvicorn.Config(application(desk), log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[door]))
    draining = asyncio.create_task(drain.run())
    try:
        yield Receiver(desk, drain, door.getsockname()[1])
    finally:
        server.should_exit = True
        draining.cancel()
        await asyncio.gather(serving, draining, return_exceptions=True)
        door.close()
