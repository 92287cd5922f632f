"""A knock from the mailbox to whoever empties the spool: one datagram, and nobody minds when it is lost.

The owner of the spool listens (`receiver.server`), the mailbox knocks after each segment. Where several processes share
a home the last one hears it; the others look now and then, as everybody does.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "receiver.wake"


def knock(home: Path) -> None:
    """Knock at the door of a home; nobody there, or more knocks than anybody hears, is all the same."""
    with suppress(OSError), _short(home) as name, _socket() as hand:
        hand.sendto(b"1", name)


@contextmanager
def listening(home: Path, wake: Callable[[], None]) -> Iterator[None]:
    """Call `wake` on the running loop whenever somebody knocks."""
    loop = asyncio.get_running_loop()
    with _socket() as ear:
        if not _bound(ear, home):  # looking now and then has to do
            yield
            return
        loop.add_reader(ear, _heard, ear, wake)
        try:
            yield
        finally:
            loop.remove_reader(ear)


def _bound(ear: socket.socket, home: Path) -> bool:
    with suppress(OSError), _short(home) as name:
        (home / NAME).unlink(missing_ok=True)
        ear.bind(name)
        return True
    return False


def _heard(ear: socket.socket, wake: Callable[[], None]) -> None:
    with suppress(BlockingIOError):
        while True:
            ear.recv(16)
            wake()


def _socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


@contextmanager
def _short(home: Path) -> Iterator[str]:
    """Name the socket in few bytes: addresses of Unix sockets hold 108, homes may be longer."""
    folder = os.open(home, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{NAME}"
    finally:
        os.close(folder)
