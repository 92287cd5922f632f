"""Has the mailbox of a home run: asks whether it lives, and starts it where it does not.

Called when an owner comes, and every moment by its watch (`receiver.mailbox`). There is one mailbox, because it holds a
lock all its life; it holds a second one from when it listens and its port is written down.
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from evallab.api.errors import EvallabError
from evallab.receiver.locks import held
from evallab.runtimes.local.environment import allowed

LOCK, READY, OWNERS = "mailbox.lock", "mailbox.ready", "mailbox.owners"
PORT, EXPECTED, LOG = "mailbox.port", "expected", "log/mailbox.log"
PATIENCE_S, PAUSE_S = 20.0, 0.05
_PYTHON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH")  # what finds Python, besides PATH


def living(home: Path) -> int | None:
    """Return the port of the mailbox that listens now, None when none does."""
    return number(home / PORT) if held(home / READY) else None


def ensure_mailbox(home: Path) -> int:
    """Return the port of the home's mailbox, which is started if there is none. Raises EvallabError when none starts.

    Running attempts post to the port of the last one; it is taken again if that can be done.
    """
    home = home.absolute()
    given_up = time.monotonic() + PATIENCE_S
    while (port := living(home)) is None:
        if time.monotonic() > given_up:
            raise EvallabError("The process that takes adapters' events does not start.", remedy=f"See {home / LOG}.")
        if not held(home / LOCK):  # else another one starts it
            _start(home)
        if living(home) is None:
            time.sleep(PAUSE_S)
    return port


def number(file: Path) -> int:
    """Read a port; 0 where none is written."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _start(home: Path) -> None:
    """Start a mailbox; returns when it listens, or has ended."""
    log = home / LOG
    log.parent.mkdir(exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    program = [sys.executable, "-P", "-m", "evallab.receiver.mailbox_process"]
    try:
        with subprocess.Popen(
            [*program, "--home", str(home), "--port", str(number(home / PORT))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            env=_environment(os.environ),
            start_new_session=True,
        ) as parent:
            assert parent.stdout is not None  # noqa: S101
            parent.stdout.read()  # it ends when the port is known, or the process
    finally:
        os.close(file)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {**allowed(environ), **{name: environ[name] for name in _PYTHON if name in environ}}
