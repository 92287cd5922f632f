"""The one detached process per home that keeps Postgres running while somebody uses it.

`launch` starts it as `python -m evallab.store.embedded.supervisor --home HOME`. It answers on its standard output with
one line of JSON: `{}` when Postgres serves, else `message` and `remedy`; from then on it only writes to its log.
How it, its callers and its successors agree is described in `access`.
"""

import argparse
import json
import logging
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import psycopg

from evallab.api.errors import StoreUnavailable
from evallab.store.embedded import account, datadir, directories, distribution, lock, log, state
from evallab.store.embedded.activity import Activity
from evallab.store.embedded.failure import explained, from_output
from evallab.store.embedded.layout import Layout
from evallab.store.embedded.process import Identity
from evallab.store.embedded.server import Server

LOG = logging.getLogger("evallab.postgres")
IDLE_SETTING = "EVALLAB_POSTGRES_IDLE_SECONDS"
_IDLE_S = 45.0
_INITDB_S = 300.0
_PREDECESSOR_S = 60.0
_STOPPING = (signal.SIGTERM, signal.SIGINT)
_WAKING = (*_STOPPING, signal.SIGCHLD, signal.SIGHUP)
# More crashes than this within a minute are not chance.
_CRASHES, _CRASHES_WITHIN_S = 5, 60.0


class Supervisor:
    """Serves one home, from the moment it holds the lock until it leaves."""

    def __init__(self, layout: Layout, held: lock.Lock, server: Server, *, idle_s: float) -> None:
        """Nothing is started yet."""
        self._layout, self._lock, self._server, self._idle_s = layout, held, server, idle_s
        self._activity = Activity(layout, idle_s=idle_s)
        self._crashes: deque[float] = deque(maxlen=_CRASHES)

    def start(self) -> None:
        """Start Postgres, connect to it, and tell everybody."""
        self._server.start()
        try:
            self._activity.connect(datadir.url(self._layout, self._server.port))
        except psycopg.Error as error:
            raise from_output(
                str(error), doing="Entering the embedded database", log=self._layout.server_log
            ) from error
        self._publish()
        LOG.info("action=serve port=%d postgres_pid=%d", self._server.port, self._server.pid)

    def watch(self) -> None:
        """Return when told to stop, when nobody used Postgres for the idle time, or when the home was removed."""
        while self._lock.in_place():
            woken = signal.sigtimedwait(_WAKING, max(0.05, min(3.0, self._idle_s / 4)))
            if woken is not None and woken.si_signo in _STOPPING:
                LOG.info("action=stop reason=told by_pid=%d", woken.si_pid)
                return
            if self._server.exited() is not None:
                self._restart()
            elif self._may_leave():
                LOG.info("action=stop reason=idle seconds=%g", self._idle_s)
                return
            log.shorten(self._layout.server_log)

    def stop(self) -> None:
        """Take back the state, then end Postgres."""
        self._layout.state.unlink(missing_ok=True)
        self._activity.close()
        self._server.stop()

    def _may_leave(self) -> bool:
        if not self._activity.idle():
            return False
        # First nobody can find us any more, then we look again: see the protocol in `access`.
        self._layout.state.unlink(missing_ok=True)
        if self._activity.idle():
            return True
        self._publish()
        return False

    def _restart(self) -> None:
        LOG.warning("action=restart exit_code=%s", self._server.exited())
        now = time.monotonic()
        if len(self._crashes) == _CRASHES and now - self._crashes[0] < _CRASHES_WITHIN_S:
            raise StoreUnavailable(f"Postgres died {_CRASHES + 1} times within a minute.")
        self._crashes.append(now)
        self.start()

    def _publish(self) -> None:
        us = Identity.own()
        serving = state.State(us.pid, us.started, self._server.port, self._server.pid, distribution.version())
        if state.last_port(self._layout.port) != serving.port:
            state.write_private(self._layout.port, str(serving.port))
        state.write(self._layout.state, serving)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one supervisor to its end."""
    parser = argparse.ArgumentParser(prog="python -m evallab.store.embedded.supervisor", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    layout = Layout.at(parser.parse_args(argv).home)
    _detach()
    logging.basicConfig(level=logging.INFO, format=f"%(asctime)s pid={os.getpid()} %(levelname)s %(message)s")
    try:
        with explained("Running the embedded Postgres"):
            _serve(layout)
    except StoreUnavailable as error:
        LOG.error("action=give_up reason=%s", error.message)
        _report({"message": error.message, "remedy": error.remedy})
        return 1
    return 0


def _serve(layout: Layout) -> None:
    """Become the supervisor when there is none, as soon as a predecessor that is leaving has left."""
    idle_s = _idle_seconds()
    deadline = time.monotonic() + _PREDECESSOR_S
    with lock.held(layout.supervisor_lock, deadline, unless=lambda: state.read(layout.state) is not None) as held:
        if held is None:
            _report({})  # another one serves; the caller looks for itself
            return
        held.write(json.dumps(asdict(Identity.own())))
        supervisor = Supervisor(layout, held, _prepare(layout), idle_s=idle_s)
        try:
            supervisor.start()
            _report({})
            supervisor.watch()
        finally:
            supervisor.stop()


def _prepare(layout: Layout) -> Server:
    who = account.choose(directories.existing_data(layout))
    bin_dir = distribution.usable(layout, who)
    data = datadir.prepare(layout, bin_dir, who, major=distribution.major(), timeout_s=_INITDB_S)
    return Server(layout, bin_dir=bin_dir, data=data, account=who)


def _idle_seconds() -> float:
    text = os.environ.get(IDLE_SETTING, "") or str(_IDLE_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise StoreUnavailable(f"{IDLE_SETTING} is {text!r}.", remedy="Set it to a number of seconds above 0.")
    return seconds


def _detach() -> None:
    """Let the caller, whose session we already left, reap a short-lived parent instead of us."""
    if os.fork() > 0:
        os._exit(0)
    os.chdir("/")
    os.umask(0o077)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WAKING)


def _report(answer: dict[str, str]) -> None:
    """Answer the caller, who may be gone, and let go of the pipe."""
    try:
        os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")
    except BrokenPipeError:
        LOG.info("action=report reason=caller_gone")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
