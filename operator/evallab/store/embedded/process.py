"""Processes on Linux: who is alive, and children that cannot outlive their parent.

The supervisor starts initdb and postgres through `start` and `run`; callers recognise the supervisor by `Identity`.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from evallab.store.embedded.account import Account

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_DEAD = ("Z", "X")
# Nothing of the caller's environment (tokens, PG* variables) reaches a process that lives longer than the caller.
_ENVIRONMENT = {"PATH": os.defpath, "HOME": "/", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Identity:
    """One process, told apart from a later one with the same pid by its start (clock ticks since boot)."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """Return who runs under this pid, or None when it is gone or only a zombie is left of it."""
        fields = _stat(pid)
        return None if not fields or fields[0] in _DEAD else cls(pid=pid, started=int(fields[19]))

    @classmethod
    def own(cls) -> "Identity":
        """Return who we are. Raises OSError without /proc."""
        us = cls.of(os.getpid())
        if us is None:
            raise OSError("/proc is not mounted")
        return us

    def alive(self) -> bool:
        """Return whether that very process still runs."""
        return Identity.of(self.pid) == self


def unreaped(pid: int) -> bool:
    """Return whether only a zombie is left under this pid; to kill(2), and so to postgres, it looks alive."""
    fields = _stat(pid)
    return bool(fields) and fields[0] in _DEAD


def start(
    argv: Sequence[str | Path], account: Account, *, on_parent_death: signal.Signals, output: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """Start a child as `account` that gets `on_parent_death` when this process dies, kill -9 included.

    Call from the main thread of a single-threaded process: the death signal belongs to the thread that forked.
    Raises OSError when the program cannot be executed, StoreUnavailable when the account cannot be assumed.
    """
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_ENVIRONMENT,
            cwd="/",
            umask=0o077,
            preexec_fn=partial(_tie, os.getpid(), on_parent_death),
            user=account.uid if account.dropped else None,
            group=account.gid if account.dropped else None,
            extra_groups=() if account.dropped else None,
        )
    except OSError as error:
        raise account.refused(error) from error


def run(argv: Sequence[str | Path], account: Account, *, timeout_s: float) -> tuple[int, str]:
    """Run a program to its end and return its exit code and output; killed with this process or after `timeout_s`.

    Raises what `start` raises, and TimeoutError.
    """
    with start(argv, account, on_parent_death=signal.SIGKILL, output=subprocess.PIPE) as child:
        try:
            output, _ = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            child.kill()
            raise TimeoutError(f"{argv[0]} did not end within {timeout_s:g} s") from error
    return child.returncode, output.decode("utf-8", errors="replace")


def _tie(parent: int, on_parent_death: signal.Signals) -> None:
    """Run in the child between fork and exec, after the change of user, which would have cleared the death signal."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(on_parent_death))
    if os.getppid() != parent:
        os._exit(1)


def _stat(pid: int) -> list[str]:
    """Return what /proc says about a pid from its state on (proc(5), field 3), nothing when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()  # the command in parentheses may hold anything
