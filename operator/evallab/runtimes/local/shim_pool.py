"""Starts shims in a few milliseconds: a process that waits, and forks itself for every attempt.

`shim_process.launch_shim` uses it when it is given one; a server has one, a command that runs a single job need not.
Everything that has to be known of an attempt is known as without it: the shim writes its records itself, it answers
`started`, `exists` or an error, an attached tree ends with this process, a detached one does not. Where the waiting
process cannot be had, does not answer, or cannot take an attempt, the shim is started in the ordinary way; that nothing
is started twice then is what the shim's own record is for.
"""

import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from evallab.runtimes.local.shim_waiting import LARGEST

WAITING = Path(__file__).with_name("shim_waiting.py")
PATIENCE_S = 10.0


class ShimPool:
    """The waiting process of this one; it ends when this one does, however that ends. Used by any thread."""

    def __init__(self, python: str = sys.executable) -> None:
        """Take the interpreter; nothing is started yet (see `warm`)."""
        self.python = python
        self._lock = threading.Lock()
        self._waiting: subprocess.Popen[bytes] | None = None
        self._asking: socket.socket | None = None

    def warm(self) -> None:
        """Have a process that waits; the first attempt would otherwise pay for it."""
        with self._lock, suppress(OSError):
            self._ensure()

    def close(self) -> None:
        """End the waiting process; the shims it became go on."""
        with self._lock:
            self._end()

    def start(
        self, arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path | None, attached: bool
    ) -> str | None:
        """Start a shim and return what it said; None when it must be started in the ordinary way.

        `attached`: until the shim has ended its leash is held, by a thread of this process.
        """
        packet = _packet(arguments, env, cwd)
        if packet is None:
            return None
        answer, theirs = os.pipe()
        leash, life = (os.pipe(), os.pipe()) if attached else ((), ())
        given = [theirs, leash[0], life[1]] if leash and life else [theirs]
        try:
            asked = self._ask(packet, given)
        finally:
            for each in given:  # of the shim alone, so that its end is heard
                os.close(each)
        said = _heard(answer) if asked else None
        if said is None:
            self.close()
        if leash and life:
            threading.Thread(target=_hold, args=(leash[1], life[0]), daemon=True).start()
        return said

    def _ask(self, packet: bytes, pipes: Sequence[int]) -> bool:
        with self._lock:
            try:
                self._ensure()
                if self._asking is None:
                    return False
                socket.send_fds(self._asking, [packet], pipes)
            except OSError:  # it was killed, or it is stopped: the next one has a new one
                self._end()
                return False
        return True

    def _ensure(self) -> None:
        if self._waiting is not None and self._waiting.poll() is None:
            return
        self._end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.settimeout(PATIENCE_S)
            self._asking = ours
            self._waiting = subprocess.Popen(
                [self.python, "-I", "-S", str(WAITING), str(theirs.fileno())],
                env={},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def _end(self) -> None:
        if self._asking is not None:
            self._asking.close()
        if self._waiting is not None:
            self._waiting.kill()
            self._waiting.wait()
        self._asking = self._waiting = None


def _packet(arguments: Sequence[str], env: Mapping[str, str], cwd: Path | None) -> bytes | None:
    """Return an attempt as one packet; None where it is none: too long, or nothing that a process could be given."""
    if any(not name or "=" in name for name in env):
        return None
    try:
        directory = os.fsencode(cwd.absolute() if cwd else Path.cwd())
    except OSError:
        return None
    variables = [os.fsencode(f"{name}={value}") for name, value in env.items()]
    fields = [directory, str(len(variables)).encode(), *variables, *map(os.fsencode, arguments)]
    packet = b"\0".join(fields)
    return packet if packet.count(b"\0") == len(fields) - 1 and len(packet) <= LARGEST else None


def _heard(answer: int) -> str | None:
    """Return what the shim says until it says no more; None when it says nothing."""
    found, poller = b"", select.poll()
    poller.register(answer, select.POLLIN)
    while found not in {b"started\n", b"exists\n"}:
        data = os.read(answer, 4096) if poller.poll(PATIENCE_S * 1000) else b""
        if not data:
            break
        found += data
    os.close(answer)
    return found.decode(errors="replace") or None


def _hold(leash: int, life: int) -> None:
    """Hold the leash until the shim has ended."""
    with suppress(OSError):
        os.read(life, 1)
    os.close(life)
    os.close(leash)
