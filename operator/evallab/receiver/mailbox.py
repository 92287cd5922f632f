# ruff: noqa: A005 - it is the mailbox; nothing here needs that of the standard library
"""A receiver whose door is the mailbox, a process of its own: what is posted is taken also when this one is dead.

Used by whoever may be followed by a successor: the server, and the background process of detached jobs.
"""

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from evallab.api.errors import EvallabError
from evallab.receiver.drain import EventStore
from evallab.receiver.ensuring import EXPECTED, OWNERS, ensure_mailbox, living
from evallab.receiver.expected import Expectations
from evallab.receiver.locks import locked
from evallab.receiver.server import Receiver, draining
from evallab.receiver.wake import listening

log = logging.getLogger(__name__)
WATCH_S = 0.25
LOOK_S = 0.25  #: a knock may be lost, or heard by another owner


@asynccontextmanager
async def receiving_by_mailbox(
    home: Path,
    store: EventStore,
    *,
    stored: Callable[[str], None],
    now: Callable[[], datetime],
    require_token: bool = False,
) -> AsyncIterator[Receiver]:
    """Run a receiver for the mailbox of a home, which is started, watched, and stays when this ends.

    `stored(attempt_id)` is called whenever events of an attempt have reached the store. `require_token`: see `desk`.
    """
    home = home.absolute()
    home.mkdir(parents=True, exist_ok=True)
    expected = Expectations(home / EXPECTED, require_token=require_token)
    receiver = Receiver(home / "spool", store, expected=expected, stored=stored, now=now)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="mailbox") as thread:
        async with _owning(home, thread), _watched(home, receiver, thread):
            with listening(home, receiver.drain.wake):
                async with draining(receiver, look_s=LOOK_S):
                    yield receiver


@asynccontextmanager
async def _owning(home: Path, thread: ThreadPoolExecutor) -> AsyncIterator[None]:
    """Keep the mailbox from leaving. One that is about to leave is waited for."""
    descriptor = await asyncio.get_running_loop().run_in_executor(thread, _own, home)
    try:
        yield
    finally:
        os.close(descriptor)


def _own(home: Path) -> int:
    descriptor = locked(home / OWNERS, fcntl.LOCK_SH, wait=True)
    assert descriptor is not None  # noqa: S101 - it waited
    return descriptor


@asynccontextmanager
async def _watched(home: Path, receiver: Receiver, thread: ThreadPoolExecutor) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    receiver.listens(await loop.run_in_executor(thread, ensure_mailbox, home))
    watching = asyncio.create_task(_watch(home, receiver, thread))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _watch(home: Path, receiver: Receiver, thread: ThreadPoolExecutor) -> None:
    """Start the mailbox again whenever it died."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(WATCH_S)
        try:
            port = living(home)
            if port is None:
                port = await loop.run_in_executor(thread, ensure_mailbox, home)
        except (OSError, EvallabError) as error:
            log.warning("no mailbox", extra={"action": "ensure_mailbox", "reason": str(error)})
            continue
        if port != receiver.port:
            log.warning("mailbox moved", extra={"action": "ensure_mailbox", "from": receiver.port, "to": port})
            receiver.listens(port)
