"""`evallab-server` that kills itself, `kill -9`, at a named point, or does one thing late.

Used by the targeted tests in place of the command: `EVALLAB_DIES_AT` names the point.
"""

import asyncio
import functools
import importlib
import inspect
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

AT = "EVALLAB_DIES_AT"


@dataclass(frozen=True)
class Point:
    """A method, and whether death comes before or after it did its work."""

    module: str
    owner: str
    method: str
    after: bool = False


POINTS = {
    "stored": Point("evallab.server.queueing", "Queueing", "submitted"),
    "starting": Point("evallab.runtimes.local.runtime", "LocalRuntime", "start"),
    "started": Point("evallab.runtimes.local.runtime", "LocalRuntime", "start", after=True),
    "on disk": Point("evallab.store.attempts", "Attempts", "add_events"),
    "in the store": Point("evallab.store.attempts", "Attempts", "add_events", after=True),
    "recording": Point("evallab.store.results", "Results", "record_result"),
    "recorded": Point("evallab.store.results", "Results", "record_result", after=True),
    "stopping": Point("evallab.runtimes.local.runtime", "LocalRuntime", "stop", after=True),
    "ended": Point("evallab.store.jobs", "Jobs", "drop_lease"),
}
LATE = "events come late"  #: into the store, unless somebody asks for them
SLOW = "ends are slow"  #: it takes a while from the judgement until it is written down
SLOW_S = 3.0


def die() -> None:
    """Leave no last word."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: Point) -> None:
    """Have the point reached but once."""
    owner = getattr(importlib.import_module(point.module), point.owner)
    setattr(owner, point.method, _deadly(getattr(owner, point.method), after=point.after))


def _deadly(method: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    if not inspect.iscoroutinefunction(method):
        return lambda *_, **__: die()

    @functools.wraps(method)
    async def deadly(*args: Any, **named: Any) -> None:
        if after:
            await method(*args, **named)
        die()

    return deadly


def _slowly(method: Callable[..., Any]) -> Callable[..., Any]:
    async def slow(*args: Any, **named: Any) -> None:
        await asyncio.sleep(SLOW_S)
        await method(*args, **named)

    return slow


async def _never(*_: Any, **__: Any) -> None:
    await asyncio.Event().wait()


if __name__ == "__main__":
    from evallab.engine.reconcile import Engine
    from evallab.receiver.drain import Drain
    from evallab.server.main import main

    at = os.environ.pop(AT)
    if at == LATE:
        Drain.run = _never  # type: ignore[method-assign]
    elif at == SLOW:
        Engine._settle = _slowly(Engine._settle)  # type: ignore[method-assign]
    else:
        arm(POINTS[at])
    sys.exit(main())
