"""The postgres process itself: its settings, its start, its end. Only the supervisor uses it."""

import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from evallab.api.errors import StoreUnavailable
from evallab.store.embedded import log, port, state
from evallab.store.embedded.account import Account
from evallab.store.embedded.directories import owned
from evallab.store.embedded.failure import ELSEWHERE, from_output
from evallab.store.embedded.layout import Layout
from evallab.store.embedded.process import start, unreaped

_SETTINGS = {
    "listen_addresses": port.HOST,
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "64MB",
    "max_connections": "50",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",  # the supervisor keeps the log small
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    # Neither statements nor values reach the log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# What an earlier postgres that is still dying, or another program that took our port, makes ours say: try again.
_PASSING = (
    'FATAL:  lock file "',
    "pre-existing shared memory block",
    "could not create any TCP/IP sockets",
)
_RETRY_S = 0.1
# Recovery after a power cut may take minutes; a predecessor that does not go away is an error sooner.
_READY_WITHIN_S = 600.0
_RETRY_WITHIN_S = 30.0
# A fast shutdown, then one that needs recovery, then none at all; seconds for each.
_ENDINGS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 10.0))


class Server:
    """One postgres, a direct child of this process that is told to shut down when this process dies."""

    def __init__(self, layout: Layout, *, bin_dir: Path, data: Path, account: Account) -> None:
        """Nothing is started yet."""
        self._layout, self._bin_dir, self._data, self._account = layout, bin_dir, data, account
        self._process: subprocess.Popen[bytes] | None = None
        self.port = state.last_port(layout.port)

    @property
    def pid(self) -> int:
        """The pid of the last postgres that was started; 0 before."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start postgres and wait until it lets clients in, on the port it had before when that is free.

        Raises StoreUnavailable with what postgres said, OSError when it cannot be executed.
        """
        retry_until = time.monotonic() + _RETRY_WITHIN_S
        while True:
            log.shorten(self._layout.server_log)
            before = log.end(self._layout.server_log)
            self._spawn()
            if self._becomes_ready(time.monotonic() + _READY_WITHIN_S):
                return
            said = log.since(self._layout.server_log, before)
            if time.monotonic() > retry_until or not self._passing(said):
                raise from_output(said, doing="Starting the embedded Postgres", log=self._layout.server_log)
            time.sleep(_RETRY_S)

    def exited(self) -> int | None:
        """Return the exit code of postgres (negative: the signal), None while it runs."""
        return self._process.poll() if self._process else 0

    def stop(self) -> None:
        """End postgres and wait for it; harmless when it ended before."""
        for signum, patience_s in _ENDINGS:
            if self._process is None or self._process.poll() is not None:
                return
            self._process.send_signal(signum)
            try:
                self._process.wait(timeout=patience_s)
            except subprocess.TimeoutExpired:
                continue

    def _spawn(self) -> None:
        self._forget_unreaped()
        self.port = port.free(self.port)
        sockets = self._layout.can_have_sockets
        directory = str(owned(self._layout.sockets, self._account)) if sockets else ""
        settings = {**_SETTINGS, "port": str(self.port), "unix_socket_directories": directory}
        argv: list[str | Path] = [self._bin_dir / "postgres", "-D", self._data]
        argv += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with log.appending(self._layout.server_log) as output:
            self._process = start(argv, self._account, on_parent_death=signal.SIGINT, output=output)

    def _forget_unreaped(self) -> None:
        """Remove the lock files of a killed postmaster that nobody reaps, as in a container without an init.

        Postgres would refuse to start for ever. Should backends of that postmaster still live, it still refuses: it
        finds their shared memory, whose key comes from the data directory.
        """
        for lock_file in (self._data / "postmaster.pid", *self._layout.sockets.glob("*.lock")):
            with suppress(FileNotFoundError, IndexError, ValueError):
                if unreaped(int(lock_file.read_text(encoding="utf-8").split()[0])):
                    lock_file.unlink()

    def _becomes_ready(self, deadline: float) -> bool:
        pause_s = 0.01
        while self.exited() is None:
            if port.answers(self.port):
                return True
            if time.monotonic() > deadline:
                raise StoreUnavailable("The embedded Postgres does not become ready.", remedy=f"Wait, or {ELSEWHERE}")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.25)  # each question is a line in the log
        return False

    def _passing(self, said: str) -> bool:
        killed = (self.exited() or 0) < 0
        return killed or any(reason in said for reason in _PASSING)
