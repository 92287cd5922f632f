"""How a process gets at the embedded Postgres: `ensure`, `running`, `stop`, `binaries`.

The protocol between callers, the supervisor, and the next supervisor:

1. A caller first touches `used`, then reads `state.json`. The supervisor, before it leaves, first removes `state.json`,
   then looks at `used` and at the connections again, and publishes itself anew when somebody came. So a caller that
   still found the state is always seen, and has the idle time to connect; one that came later starts a successor.
2. `state.json` names the supervisor by pid and start time and counts only while that process lives: after a kill -9
   it is void.
3. Whoever finds nobody serving takes `start.lock`, looks again, and starts a supervisor. That one waits for
   `supervisor.lock`, which its predecessor holds until its Postgres has ended, or until the predecessor published
   itself anew. The kernel releases both locks when their holder dies.
4. Postgres is a child of the supervisor and is told to shut down when the supervisor dies, kill -9 included. A
   successor that comes while it is still shutting down tries again until it is gone.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from evallab.api.errors import StoreUnavailable
from evallab.store.embedded import account, datadir, directories, distribution, lock, port, state
from evallab.store.embedded.failure import ELSEWHERE, explained
from evallab.store.embedded.launch import launch
from evallab.store.embedded.layout import Layout
from evallab.store.embedded.process import Identity

_POLL_S = 0.02
_RESTART_POLL_S = 0.1


def ensure(home: Path, *, timeout_s: float = 30) -> str:
    """Return a libpq URL of this home's Postgres, starting it when it does not run; a millisecond when it does.

    Connect within `EVALLAB_POSTGRES_IDLE_SECONDS` (45) and keep a connection: without any, Postgres leaves after that
    time, and the next use must call `ensure` again. Raises StoreUnavailable when it cannot be had in `timeout_s`.
    """
    layout = Layout.at(home)
    deadline = time.monotonic() + timeout_s
    found = _url_for_use(layout)
    if found is not None:
        return found
    _refuse_other_systems()
    directories.prepare(layout)
    with explained("Starting the embedded Postgres"), lock.held(layout.start_lock, deadline) as held:
        while held is not None and time.monotonic() < deadline:
            found = _url_for_use(layout)
            if found is not None:
                return found
            if state.read(layout.state) is None:
                launch(layout, deadline)
            else:  # a living supervisor is restarting Postgres
                time.sleep(_RESTART_POLL_S)
    raise StoreUnavailable(
        f"The embedded Postgres in {layout.root} was not ready after {timeout_s:g} s.",
        remedy=f"Try again, it may be recovering; look into {layout.log}; is another container using this home? "
        f"Or {ELSEWHERE}",
    )


def running(home: Path) -> str | None:
    """Return the URL when Postgres is up, else None; starts nothing and does not keep it from leaving."""
    layout = Layout.at(home)
    with explained(f"Reading {layout.state}"):
        found = state.read(layout.state)
        serving = found is not None and port.answers(found.port)
        return datadir.url(layout, found.port) if found is not None and serving else None


def stop(home: Path, *, timeout_s: float = 20) -> bool:
    """Ask the supervisor to stop Postgres and leave; return True when one was there and is gone now.

    Clients are disconnected; committed rows stay. Raises StoreUnavailable when it is not gone after `timeout_s`.
    """
    layout = Layout.at(home)
    deadline = time.monotonic() + timeout_s
    with explained("Stopping the embedded Postgres"):
        supervisor = _supervisor(layout)
        if supervisor is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(supervisor.pid, signal.SIGTERM)
    while supervisor.alive():
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                f"The embedded Postgres (supervisor pid {supervisor.pid}) did not stop within {timeout_s:g} s.",
                remedy=f"Wait, or kill -9 {supervisor.pid}: nothing that was committed is lost.",
            )
        time.sleep(_POLL_S)
    return True


def binaries(home: Path) -> Path:
    """Return the directory with psql, pg_dump, pg_restore and the others, the same that the server runs from.

    Raises StoreUnavailable when the package that brings them is missing, or a copy is needed and cannot be made.
    """
    layout = Layout.at(home)
    with explained("Finding PostgreSQL's programs"):
        directories.prepare(layout)
        return distribution.usable(layout, account.choose(directories.existing_data(layout)))


def _refuse_other_systems() -> None:
    if not sys.platform.startswith("linux"):
        raise StoreUnavailable(
            "The embedded Postgres runs on Linux only.",
            remedy="Set EVALLAB_DATABASE_URL to a Postgres of your own.",
        )


def _url_for_use(layout: Layout) -> str | None:
    # Touch first, read afterwards: point 1 of the protocol. No directory yet means nobody serves.
    with explained("Using the embedded Postgres"), suppress(FileNotFoundError):
        layout.used.touch(mode=0o600)
        now = time.time_ns()
        os.utime(layout.used, ns=(now, now))
        return running(layout.home)
    return None


def _supervisor(layout: Layout) -> Identity | None:
    """Return the supervisor that holds the lock, also while it is starting or leaving."""
    try:
        found = Identity(**json.loads(layout.supervisor_lock.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return found if found.alive() else None
