"""The mailbox: a small process per home that takes adapters' events, whoever else lives or dies.

Adapters written with EvalHub's SDK post their result once. `python -m evallab.receiver.mailbox_process --home H` puts
what they post into the home's spool, and nothing else: it knows no database. Owners of the spool start it and watch it
(`receiver.mailbox`, `receiver.ensuring`); it leaves when no attempt is expected and nobody owns the spool.
"""

import argparse
import asyncio
import logging
import os
import resource
import signal
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

from evallab.receiver import door
from evallab.receiver.desk import Desk
from evallab.receiver.ensuring import EXPECTED, LOCK, LOG, OWNERS, PORT, READY, number
from evallab.receiver.expected import Expectations
from evallab.receiver.locks import locked
from evallab.receiver.spool import Spool
from evallab.receiver.wake import knock
from evallab.runtimes.local.files import write_atomically

log = logging.getLogger("evallab.mailbox")
LOG_LIMIT = 2**20
LINGER_S = 5.0
LOOK_S = 1.0
OWN_PORTS = range(20_000, 30_000)  #: below those that Linux gives to outgoing connections, so that ours stays free
OPEN_FILES = 2048


def main(arguments: Sequence[str]) -> int:
    """Be the mailbox of a home, unless there is one."""
    parser = argparse.ArgumentParser(prog="evallab.receiver.mailbox_process")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--linger", type=float, default=LINGER_S)
    told = parser.parse_args(arguments)
    _detach()
    lock = _locked(told.home / LOCK)
    if lock is None:
        return 0
    _log_to(told.home / LOG)
    try:
        return asyncio.run(Mailbox(told.home, lock, linger_s=told.linger).serve(told.port))
    except Exception:
        log.exception("action=give_up")
        return 1


def _locked(path: Path) -> int | None:
    """Take the lock; who asks whether it is held may have it for an instant."""
    for _ in range(20):
        descriptor = locked(path)
        if descriptor is not None:
            return descriptor
        time.sleep(0.01)
    return None


@dataclass
class Mailbox:
    """The one of a home, whose lock is held."""

    home: Path
    lock: int
    linger_s: float = LINGER_S
    _told: asyncio.Event = field(default_factory=asyncio.Event)
    _idle_since: float | None = None

    async def serve(self, port: int) -> int:
        """Take events until nobody needs it any more, its home is gone, or a signal comes."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, self._told.set)
        (self.home / OWNERS).touch(mode=0o600)
        expected = Expectations(self.home / EXPECTED)
        desk = Desk(
            Spool(self.home / "spool", written=lambda: knock(self.home)), expected, now=lambda: datetime.now(UTC)
        )
        listener = door.bound(_ports(self.home, port))
        self._announce(listener.getsockname()[1])
        async with door.opened(desk, listener) as serving:
            while not (serving.done() or self._told.is_set() or self._gone() or self._unneeded(expected)):
                await self._a_while()
            if serving.done():
                log.error("action=broken", exc_info=serving.exception())
        log.info("action=leave")
        return 0

    def _announce(self, port: int) -> None:
        """Say where it listens: to successors, to who asks now, and to who waits for the start."""
        if port != number(self.home / PORT):  # the same port needs no room on a full disk
            write_atomically(self.home / PORT, str(port))
        locked(self.home / READY, wait=True)  # until it dies
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        log.info("action=listen port=%d", port)

    async def _a_while(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), LOOK_S)

    def _gone(self) -> bool:
        try:
            return not os.path.samestat((self.home / LOCK).stat(), os.fstat(self.lock))
        except OSError:
            return True

    def _unneeded(self, expected: Expectations) -> bool:
        """Say whether nothing has been expected, and nobody there, for long enough."""
        now = time.monotonic()
        try:
            owners = None if expected.any() else locked(self.home / OWNERS, make=False)
        except FileNotFoundError:  # somebody is removing the home: nothing may appear in it
            return False
        if owners is None:
            self._idle_since = None
            return False
        self._idle_since = self._idle_since or now
        if now - self._idle_since < self.linger_s:
            os.close(owners)
            return False
        return True  # with the lock held: whoever comes now waits for our end, and starts a new one


def _ports(home: Path, previous: int) -> Iterator[int]:
    """Yield where to listen: where the last one did, else where no other home's would."""
    if previous:
        yield from _for_a_while(previous)
    first = zlib.crc32(bytes(home))
    yield from (OWN_PORTS[(first + each) % len(OWN_PORTS)] for each in range(10))


def _for_a_while(port: int) -> Iterator[int]:
    """Somebody may have the old port for a moment; attempts that run post nowhere else."""
    for _ in range(10):
        yield port
        time.sleep(0.1)


def _log_to(file: Path) -> None:
    handler = RotatingFileHandler(file, maxBytes=LOG_LIMIT, backupCount=1)
    handler.setFormatter(_Lines(f"%(asctime)s pid={os.getpid()} %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("evallab").setLevel(logging.INFO)


class _Lines(logging.Formatter):
    """One line per record: what happened, to what, and why."""

    def format(self, record: logging.LogRecord) -> str:
        said = {name: record.__dict__[name] for name in ("action", "file", "reason") if name in record.__dict__}
        return " ".join([super().format(record), *(f"{name}={value}" for name, value in said.items())])


def _detach() -> None:
    """Let who started us, whose session we left, reap a short-lived parent instead of us."""
    if os.fork() > 0:
        os._exit(0)
    os.chdir("/")
    os.umask(0o077)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
