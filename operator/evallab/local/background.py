"""The one background process per home that brings detached jobs to their end, and leaves when nothing is left to do.

`ensure` starts it, as `python -m evallab.local.background`, wherever a command meets detached jobs: after it was killed
the next command has it go on. At most one lives per home (a file lock). It leaves only after it let go of the lock and
then found nothing to do: who marked a job and then saw the lock held knows that the holder will see the mark.
"""

import asyncio
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from evallab.api.errors import UsageError
from evallab.engine.turns import locked
from evallab.local.detached import Detached
from evallab.settings import Settings

log = logging.getLogger("evallab.background")
LOG_LIMIT = 4 * 2**20
# Besides what adapters may know of our environment: what finds Python, and our own settings.
PASSED_ON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "XDG_STATE_HOME", "XDG_CONFIG_HOME")


def ensure(settings: Settings) -> None:
    """Have a background process if there are detached jobs; returns when one lives. Starting it takes a moment."""
    detached = Detached(settings.home)
    if detached.ids() and not _lives(detached):
        _start(settings, detached)


def _lives(detached: Detached) -> bool:
    descriptor = locked(detached.lock)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _start(settings: Settings, detached: Detached) -> None:
    detached.log.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    file = os.open(detached.log, flags, 0o600)
    if os.fstat(file).st_size > LOG_LIMIT:
        os.truncate(file, 0)
    try:
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "evallab.local.background"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            env=_environment(settings, os.environ),
            start_new_session=True,
        ) as parent:
            assert parent.stdout is not None  # noqa: S101
            parent.stdout.read()  # it ends when the lock is taken, here or elsewhere
    finally:
        os.close(file)


def _environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    from evallab.runtimes.local.environment import allowed

    passed = {name: value for name, value in environ.items() if name in PASSED_ON or name.startswith("EVALLAB_")}
    said = {"EVALLAB_HOME": str(settings.home), "EVALLAB_JOBS_DIR": str(settings.jobs_dir)}
    return {**allowed(environ), **passed, **said}


def main() -> int:
    """Be the background process of the home that the environment names, unless there is one."""
    settings = Settings.read(os.environ)
    _detach()
    _log_to_stderr()
    detached = Detached(settings.home)
    lock = locked(detached.lock)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the answer to whoever started us
    if lock is None:
        return 0
    from evallab.local.attending import attend

    detached.write_owner(os.getpid())
    log.info("action=serve home=%s", settings.home)
    try:
        asyncio.run(attend(settings, Turnstile(detached.lock, lock)))
    except Exception:
        log.exception("action=give_up")
        return 1
    log.info("action=leave")
    return 0


def take_over(settings: Settings, *, patience_s: float = 15.0) -> "Turnstile":
    """Become the one process that brings this home's detached jobs to their end, instead of the background process.

    Told to end, that goes at once and leaves what runs to us. Raises UsageError when a server serves this home already.
    """
    detached = Detached(settings.home)
    detached.lock.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience_s
    while (descriptor := locked(detached.lock)) is None:
        if time.monotonic() > deadline:
            raise UsageError(
                f"Another evallab server already serves {settings.home}.",
                remedy="Stop it, or give this one a home of its own: EVALLAB_HOME.",
            )
        if _is_background(detached.owner):
            with suppress(ProcessLookupError):
                os.kill(detached.owner, signal.SIGTERM)
        time.sleep(0.05)
    detached.write_owner(os.getpid())
    return Turnstile(detached.lock, descriptor)


def _is_background(pid: int) -> bool:
    """Say whether a process is one of ours that may be told to end; a number from a file alone is not enough."""
    try:
        return b"evallab.local.background" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


class Turnstile:
    """The lock of the one background process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over the lock that is held."""
        self._path, self._descriptor = path, descriptor

    def open(self) -> None:
        """Let go: another one may come."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> bool:
        """Take it again; False when another one came."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def in_place(self) -> bool:
        """Say whether the home is still there."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False


class _Lines(logging.Formatter):
    """One line per record: what happened, and to which job."""

    def format(self, record: logging.LogRecord) -> str:
        said = {name: record.__dict__[name] for name in ("action", "job", "reason") if name in record.__dict__}
        return " ".join([super().format(record), *(f"{name}={value}" for name, value in said.items())])


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines(f"%(asctime)s pid={os.getpid()} %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("evallab").setLevel(logging.INFO)


def _detach() -> None:
    """Let who started us, whose session we left, reap a short-lived parent instead of us."""
    if os.fork() > 0:
        os._exit(0)
    os.chdir("/")
    os.umask(0o077)


if __name__ == "__main__":
    sys.exit(main())
