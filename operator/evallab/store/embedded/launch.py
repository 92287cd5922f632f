"""Starting the supervisor and hearing what became of it. Called by `access` under `start.lock`."""

import json
import os
import select
import subprocess
import sys
import time

from evallab.api.errors import StoreUnavailable
from evallab.store.embedded import log
from evallab.store.embedded.failure import from_output
from evallab.store.embedded.layout import Layout

# The supervisor outlives us: what it needs to find Python and its own settings, and none of our secrets.
_PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
_OWN = "EVALLAB_POSTGRES_"


def launch(layout: Layout, deadline: float) -> None:
    """Start a supervisor and wait until it serves, found another one serving, or `deadline` (monotonic) passed.

    Raises StoreUnavailable with the supervisor's own words when it gave up.
    """
    log.shorten(layout.supervisor_log)
    before = log.end(layout.supervisor_log)
    argv = [sys.executable, "-P", "-m", "evallab.store.embedded.supervisor", "--home", str(layout.home)]
    with (
        log.appending(layout.supervisor_log) as errors,
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_environment(),
            start_new_session=True,
        ) as parent,
    ):
        assert parent.stdout is not None  # noqa: S101
        answer = _read_line(parent.stdout.fileno(), deadline)
    if answer == "":
        said = log.since(layout.supervisor_log, before)
        raise from_output(said, doing="Starting the embedded Postgres", log=layout.supervisor_log)
    if answer is not None:
        _raise_if_failed(json.loads(answer))


def _raise_if_failed(answer: dict[str, str]) -> None:
    if "message" in answer:
        raise StoreUnavailable(answer["message"], remedy=answer["remedy"])


def _read_line(descriptor: int, deadline: float) -> str | None:
    """Return the line, "" when the writer died without one, None when the deadline passed."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        return None
    return os.read(descriptor, 65536).decode()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith(_OWN)}
