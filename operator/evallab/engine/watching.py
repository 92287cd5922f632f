"""Watches the GPUs and the model server of jobs while attempts run, and keeps what it sees ten seconds at a time.

The reconciler says what runs (`look`) and waits for the last window before it judges (`settle`). On a workstation GPUs
are read once a second, in a cluster once a window (`controller.seeing`), and only those of the job; the model server is
asked at the end of each window. Killed, it loses the open window and nothing else: a window is written once.
"""

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from evallab.api.errors import EvallabError
from evallab.engine.observing import SETTLED
from evallab.modelserver.counters import CounterPage, ServerCounters
from evallab.planning.telemetry import GpuReading, ServerWindow, Window, roll_up
from evallab.planning.validity import policy_of
from evallab.store.interface import AttemptRow, BenchmarkRow, JobRow, Store

log = logging.getLogger(__name__)
PERIOD_S = 1.0
WINDOW_S = 10.0
AT_ONCE = 32  #: model servers that are asked for their counters


class GpuReader(Protocol):
    """Where GPUs of this machine are read, by a library that may take its time."""

    def read(self, uuids: Sequence[str], *, anew: bool) -> Sequence[GpuReading]:
        """Return how these GPUs are; `anew`: also who computes on them and which driver it is, which costs more."""

    def close(self) -> None:
        """Let go of whatever it holds."""


class GpuSource(Protocol):
    """Where GPUs are read, wherever they are."""

    async def read(self, names: Sequence[str], *, anew: bool) -> Sequence[GpuReading]:
        """Return how GPUs are, by the names that `Sight.devices` gave; `anew` as for a reader."""

    async def close(self) -> None:
        """Let go of whatever it holds."""


@dataclass(frozen=True)
class InThread:
    """A reader of this machine, asked in a thread."""

    reader: GpuReader

    async def read(self, names: Sequence[str], *, anew: bool) -> Sequence[GpuReading]:
        """Return how GPUs of this machine are."""
        return await asyncio.to_thread(self.reader.read, names, anew=anew)

    async def close(self) -> None:
        """Close the reader."""
        self.reader.close()


Foreign = Callable[[str, frozenset[str], Iterable[int]], frozenset[int] | None]


def _no_gpu(_: JobRow) -> str:
    return "no GPU"


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What there is to see, here or in a cluster."""

    gpus: GpuSource
    devices: Callable[[str], Sequence[str]]  #: what a job's GPUs are found by now, such as their ids
    foreign: Foreign | None  #: (job, its attempts, process ids) → those that are not the job's; None: nobody can tell
    url: Callable[[JobRow], str]  #: where a job's model server answers
    watches: Callable[[JobRow], bool] = lambda _: True  #: whether anything can be seen of a job
    unseen: Callable[[JobRow], str] = _no_gpu  #: why no GPU of a job was seen


@dataclass
class _Watched:
    """One job while it is watched."""

    job: JobRow
    seen: float  #: when the reconciler last said that something runs
    done: int = 0
    counted: int = 0  #: of `done`, what windows hold
    attempts: frozenset[str] = frozenset()
    over: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    unwritten: list[Window] = field(default_factory=list)
    counters: ServerCounters = field(default_factory=ServerCounters)

    @property
    def ended(self) -> bool:
        return self.over.is_set() or self.task is None or self.task.done()


@dataclass
class _Open:
    """The window that is open."""

    began: float
    started_at: datetime
    foreign: set[int] | None
    readings: dict[str, list[GpuReading]] = field(default_factory=lambda: defaultdict(list))


class Watch:
    """The jobs that are watched by this process."""

    def __init__(
        self,
        store: Store,
        sight: Sight,
        *,
        now: Callable[[], datetime],
        period_s: float = PERIOD_S,
        window_s: float = WINDOW_S,
        patience_s: float = WINDOW_S,
    ) -> None:
        """Keep windows in the store. A job is watched for at most `patience_s` after somebody looked at it."""
        self._store, self._sight, self._now = store, sight, now
        self._period, self._window, self._patience = period_s, window_s, patience_s
        self._watched: dict[str, _Watched] = {}
        self._asking = asyncio.Semaphore(AT_ONCE)

    def look(self, job: JobRow, benchmarks: Sequence[BenchmarkRow], attempts: Sequence[AttemptRow]) -> None:
        """Take note of how a job is; it is watched while attempts run, and when it was not looked at for long no more.

        What runs before and after them (the canary) is none of its throughput.
        """
        running = frozenset(each.id for each in attempts if each.state not in SETTLED)
        done = sum(each.done or 0 for each in benchmarks)
        watched = self._watched.get(job.id)
        if watched and not watched.ended:
            watched.done, watched.attempts = done, watched.attempts | running
            watched.seen = asyncio.get_running_loop().time()
            if not running:
                watched.over.set()
        elif running and self._sight.watches(job):
            self._begin(job, running, done, before=watched)

    def _begin(self, job: JobRow, running: frozenset[str], done: int, *, before: _Watched | None) -> None:
        now = asyncio.get_running_loop().time()
        watched = _Watched(job=job, seen=now, done=done, counted=done, attempts=running)
        watched.task = asyncio.create_task(self._watch(watched, before))
        self._watched[job.id] = watched

    async def settle(self, job_id: str) -> None:
        """Close the open window and wait until all that was seen of a job is kept."""
        watched = self._watched.pop(job_id, None)
        if watched is None or watched.task is None:
            return
        watched.over.set()
        [failure] = await asyncio.gather(watched.task, return_exceptions=True)
        if failure is not None:
            log.warning("not watched", extra={"action": "watch", "job": job_id, "reason": repr(failure)})
        if watched.unwritten:
            await self._keep(watched, ())

    def unseen(self, job: JobRow) -> str:
        """Say why no GPU of a job was seen."""
        return self._sight.unseen(job)

    async def close(self) -> None:
        """Settle everything."""
        await asyncio.gather(*map(self.settle, list(self._watched)))
        await self._sight.gpus.close()

    async def _watch(self, watched: _Watched, before: _Watched | None) -> None:
        if before and before.task:
            await asyncio.wait([before.task])
            watched.unwritten = before.unwritten
        page = CounterPage(self._sight.url(watched.job)) if watched.job.spec.model.serve else None
        try:
            watched.counters = await self._counted(page)
            while True:
                seen = await self._see(watched)
                counted = await self._counted(page)
                await self._keep(watched, [*self._of_gpus(watched, seen), self._of_server(watched, seen, counted)])
                if watched.over.is_set() or asyncio.get_running_loop().time() - watched.seen > self._patience:
                    return
        finally:
            if page:
                await page.close()

    async def _counted(self, page: CounterPage | None) -> ServerCounters:
        """Ask a model server; not too many at once, for pages are long and servers those of many people."""
        if page is None:
            return ServerCounters()
        async with self._asking:
            return await page.read() or ServerCounters()

    async def _see(self, watched: _Watched) -> _Open:
        """Read until the window is full or the job is over."""
        loop, devices = asyncio.get_running_loop(), tuple(self._sight.devices(watched.job.id))
        foreign: set[int] | None = None if self._sight.foreign is None else set()
        seen = _Open(began=loop.time(), started_at=self._now(), foreign=foreign)
        tick, end = seen.began, seen.began + self._window
        while tick < end:
            if devices:
                await self._read(watched, devices, seen)
            tick = tick + self._period if devices else end
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(tick, end)):
                    await watched.over.wait()
                    break
        return seen

    async def _read(self, watched: _Watched, devices: Sequence[str], seen: _Open) -> None:
        """Read GPUs once; who computes on them is asked once in a window, and judged at once, before they are gone."""
        anew, foreign = not seen.readings, self._sight.foreign
        readings = await self._sight.gpus.read(devices, anew=anew)
        for each in readings:
            seen.readings[each.uuid].append(each)
        pids = {pid for each in readings for pid in each.processes} if anew else ()
        if pids and foreign is not None:
            found = await asyncio.to_thread(foreign, watched.job.id, watched.attempts, pids)
            seen.foreign = None if found is None else set(found)

    def _of_gpus(self, watched: _Watched, seen: _Open) -> Iterable[Window]:
        limit = policy_of(watched.job.spec.validity).max_temperature_c
        seconds = self._seconds(seen)
        for readings in seen.readings.values():
            own = {pid for each in readings for pid in each.processes}
            foreign = None if seen.foreign is None else seen.foreign & own
            yield roll_up(readings, started_at=seen.started_at, seconds=seconds, hot_above=limit, foreign=foreign)

    def _of_server(self, watched: _Watched, seen: _Open, counted: ServerCounters) -> ServerWindow:
        samples, before = max(watched.done - watched.counted, 0), watched.counters
        watched.counted = watched.done
        watched.counters = ServerCounters(
            tokens=before.tokens if counted.tokens is None else counted.tokens,
            preemptions=before.preemptions if counted.preemptions is None else counted.preemptions,
        )
        return ServerWindow(
            started_at=seen.started_at,
            seconds=self._seconds(seen),
            samples=samples,
            tokens=_more(before.tokens, counted.tokens),
            waiting=None if counted.waiting is None else int(counted.waiting),
            preemptions=_more(before.preemptions, counted.preemptions),
        )

    def _seconds(self, seen: _Open) -> float:
        return max(asyncio.get_running_loop().time() - seen.began, 1e-3)

    async def _keep(self, watched: _Watched, windows: Sequence[Window]) -> None:
        """Write windows; what Postgres does not take now is written with the next ones."""
        watched.unwritten += windows
        try:
            await self._store.add_telemetry(watched.job.id, watched.unwritten)
        except EvallabError as error:
            log.warning("telemetry waits", extra={"action": "watch", "job": watched.job.id, "reason": str(error)})
        else:
            watched.unwritten = []


def _more(before: float | None, now: float | None) -> int | None:
    """Return by how much a counter grew; one that is smaller than before began anew, with its server."""
    if now is None or before is None:
        return None
    return int(now - before if now >= before else now)
