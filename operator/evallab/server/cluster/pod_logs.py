"""Logs in a cluster: those of ended attempts as they were kept, those of running ones as their pods write them.

`House.logs` of a cluster. A benchmark's log is that of its attempts, one after the other. Pods are found by the label
of their attempt; the API server is asked for times with every line, so that following goes on where it was cut off.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any

from evallab.api.errors import NotFound, StoreUnavailable
from evallab.kubeapi.interface import POD, ClusterApi, Json, KubernetesUnavailable, Refused
from evallab.planning.cluster import labels
from evallab.runtimes.local.log_reader import LogAsk
from evallab.server.cluster.lines import StampedLines
from evallab.server.log_sections import ENDED, header, sections, threaded
from evallab.server.log_sources import LOG, TIMES, LogSource
from evallab.server.parts import Pieces
from evallab.server.stream import Bell
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import ArtifactRow, AttemptRow, BenchmarkRow, JobRow, JobSnapshot, Store

log = logging.getLogger(__name__)
ADAPTER = "adapter"
PAUSE_S, IDLE_S = 0.5, 5.0


@dataclass(frozen=True)
class PodLogs:
    """The logs of the jobs of a cluster."""

    api: ClusterApi
    store: Store
    files: ArtifactFiles

    async def of_job(self, snapshot: JobSnapshot) -> list["PodSource"]:
        """Return where the logs of a job's benchmarks are, in their order."""
        kept = await self.store.artifacts(snapshot.job.id)
        return [await self._source(snapshot, row, kept) for row in snapshot.benchmarks]

    async def _source(self, snapshot: JobSnapshot, row: BenchmarkRow, kept: Sequence[ArtifactRow]) -> "PodSource":
        own = sorted((each for each in snapshot.attempts if each.index == row.index), key=lambda each: each.number)
        pod = await self.pod(snapshot.job, own[-1]) if own and own[-1].state not in ENDED else None
        name = pod["metadata"]["name"] if pod else "unknown"
        parts = tuple((each, _kept(row, each, kept, self.files)) for each in own)
        return PodSource(logs=self, job=snapshot.job, row=row, name=name, parts=parts)

    async def pod(self, job: JobRow, attempt: AttemptRow) -> Json | None:
        """Return the newest pod of an attempt, None when there is none, or when nobody can be asked."""
        try:
            found = await self.api.list(POD, job.tenant, labels=f"{labels.ATTEMPT}={labels.value(attempt.id)}")
        except (KubernetesUnavailable, Refused) as error:
            log.warning("no pods", extra={"action": "logs", "job": job.id, "reason": str(error)})
            return None
        return max(found, key=lambda each: str(each["metadata"].get("creationTimestamp")), default=None)

    async def written(self, job: JobRow, attempt: AttemptRow, ask: LogAsk) -> bytes:
        """Return what is wanted of what an attempt's pod has written; nothing when there is no pod."""
        pod = await self.pod(job, attempt)
        if pod is None:
            return b""
        query = asked(ask) | ({"timestamps": "true"} if ask.timestamps else {})
        try:
            return await self.api.log(str(job.tenant), pod["metadata"]["name"], ADAPTER, query) or b""
        except (KubernetesUnavailable, Refused) as error:
            log.warning("no log", extra={"action": "logs", "job": job.id, "reason": str(error)})
            return f"evallab: the log of the pod cannot be read now: {error}\n".encode()

    def following(self, job_id: str, ask: LogAsk, bell: Bell) -> "PodFollowing":
        """Return what follows the logs of a job."""
        return PodFollowing(logs=self, job_id=job_id, ask=ask, bell=bell)


@dataclass(frozen=True, kw_only=True)
class PodSource:
    """The log of one benchmark: its attempts, each with what was kept of it."""

    logs: PodLogs
    job: JobRow
    row: BenchmarkRow
    name: str
    parts: tuple[tuple[AttemptRow, LogSource | None], ...]

    @property
    def timed(self) -> bool:
        """Say whether it is known when its lines came; of what a pod writes it always is."""
        return all(kept is None or kept.kept_times is not None for _, kept in self.parts)

    @property
    def header(self) -> bytes:
        """Return the line before it."""
        return header(self.row, self.name, ADAPTER)

    async def text(self, ask: LogAsk) -> Pieces:
        """Yield what is wanted of it."""
        if ask.tail is not None:
            yield await self._tail(ask, ask.tail)
            return
        for part in self.parts:
            async with aclosing(self._part(part, ask)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _tail(self, ask: LogAsk, lines: int) -> bytes:
        """Return the last lines, which may be those of several attempts."""
        found: list[bytes] = []
        for part in reversed(self.parts):
            text = b"".join([piece async for piece in self._part(part, replace(ask, tail=lines))]).removesuffix(b"\n")
            if text:
                found.insert(0, text)
                lines -= text.count(b"\n") + 1
            if lines <= 0:
                break
        return b"\n".join(found)

    async def _part(self, part: tuple[AttemptRow, LogSource | None], ask: LogAsk) -> Pieces:
        attempt, kept = part
        if kept is None:
            yield await self.logs.written(self.job, attempt, ask)
            return
        async for piece in threaded(kept.kept_pieces(ask)):
            yield piece


@dataclass(frozen=True, kw_only=True)
class PodFollowing:
    """Follows logs of one job; `bell` tells when the server ends."""

    logs: PodLogs
    job_id: str
    ask: LogAsk
    bell: Bell

    def texts(self, rows: Sequence[BenchmarkRow]) -> Pieces:
        """Yield the logs of benchmarks, one after the other, each until its benchmark has ended."""
        return sections([header(row, container=ADAPTER) for row in rows], [self.text(row.index) for row in rows])

    async def text(self, index: int) -> Pieces:
        """Yield the log of one benchmark as it grows, through its attempts, until the benchmark has ended."""
        done: set[str] = set()
        while not self.bell.closed:
            snapshot = await self._snapshot()
            if snapshot is None:
                return
            own = [each for each in snapshot.attempts if each.index == index and each.id not in done]
            for attempt in sorted(own, key=lambda each: each.number):
                async with aclosing(self._attempt(snapshot, attempt)) as pieces:
                    async for piece in pieces:
                        yield piece
                done.add(attempt.id)
            if not own and (snapshot.benchmarks[index].state in ENDED or snapshot.job.finished_at is not None):
                return
            await self.bell.wait(PAUSE_S)

    async def _attempt(self, snapshot: JobSnapshot, attempt: AttemptRow) -> Pieces:
        """Yield the log of one attempt until the attempt has ended."""
        lines = StampedLines(timestamps=self.ask.timestamps)
        current: AttemptRow | None = attempt
        while current is not None and current.state not in ENDED and not self.bell.closed:
            async with aclosing(self._connected(snapshot.job, attempt, lines)) as pieces:
                async for piece in pieces:
                    yield piece
            await self.bell.wait(PAUSE_S)
            current = await self._again(attempt)
        yield lines.rest()
        if not lines.seen and not self.bell.closed:
            async with aclosing(self._kept(attempt)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _connected(self, job: JobRow, attempt: AttemptRow, lines: StampedLines) -> Pieces:
        """Yield what a pod writes, as long as the connection lasts."""
        pod = await self.logs.pod(job, attempt)
        if pod is None:
            return
        query = {"timestamps": "true"} | (asked(self.ask) if lines.last is None else {"sinceTime": lines.again()})
        written = self.logs.api.follow_log(str(job.tenant), pod["metadata"]["name"], ADAPTER, query)
        try:
            async with aclosing(self._open(written, attempt)) as pieces:
                async for piece in pieces:
                    yield lines.of(piece)
        except (KubernetesUnavailable, Refused) as error:
            log.warning("following again", extra={"action": "logs", "job": job.id, "reason": str(error)})

    async def _open(self, pieces: AsyncIterator[bytes], attempt: AttemptRow) -> Pieces:
        """Yield pieces until there are no more, the server ends, or the attempt has ended and nothing comes."""
        reading: asyncio.Future[Any] | None = None
        try:
            while not self.bell.closed:
                reading = reading or asyncio.ensure_future(anext(pieces, None))
                waiting = {reading, asyncio.ensure_future(self.bell.wait(IDLE_S))}
                done, idle = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if reading not in done:
                    if (current := await self._again(attempt)) is None or current.state in ENDED:
                        return
                    continue
                for each in idle:
                    each.cancel()
                piece, reading = reading.result(), None
                if piece is None:
                    return
                yield piece
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            await pieces.aclose()  # type: ignore[attr-defined]

    async def _kept(self, attempt: AttemptRow) -> Pieces:
        snapshot = await self._snapshot()
        if snapshot is None:
            return
        kept = await self.logs.store.artifacts(self.job_id)
        source = _kept(snapshot.benchmarks[attempt.index], attempt, kept, self.logs.files)
        if source is not None:
            async for piece in threaded(source.kept_pieces(self.ask)):
                yield piece

    async def _again(self, attempt: AttemptRow) -> AttemptRow | None:
        snapshot = await self._snapshot()
        return next((each for each in snapshot.attempts if each.id == attempt.id), None) if snapshot else None

    async def _snapshot(self) -> JobSnapshot | None:
        """Return the job as it is, None when it was deleted; while Postgres is away, wait for it."""
        while not self.bell.closed:
            try:
                return await self.logs.store.snapshot(self.job_id)
            except NotFound:
                return None
            except StoreUnavailable as error:
                log.warning("following blindly", extra={"action": "logs", "job": self.job_id, "reason": str(error)})
                await self.bell.wait(PAUSE_S)
        return None


def _kept(
    row: BenchmarkRow, attempt: AttemptRow, kept: Sequence[ArtifactRow], files: ArtifactFiles
) -> LogSource | None:
    """Return what was kept of an attempt's log."""
    own = {each.kind: each for each in kept if each.attempt_id == attempt.id and each.expired_at is None}
    if LOG not in own:
        return None
    return LogSource(row=row, live=None, kept=own[LOG], kept_times=own.get(TIMES), files=files)


def asked(ask: LogAsk) -> dict[str, str | int]:
    """Return what the API server is asked for a log."""
    query: dict[str, str | int] = {} if ask.tail is None else {"tailLines": ask.tail}
    if ask.since is not None:
        query["sinceTime"] = ask.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return query
