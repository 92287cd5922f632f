"""The one reconcile: observe a job, let `planning` decide, act, write the projection.

It may be called at any time, any number of times, by anybody who holds the job's lease. It keeps no memory between
calls: what it needs to know is in the store, in the processes, and in the files that attempts leave. What happens when
this process dies in the middle of an action is written at each action.
"""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from weakref import WeakValueDictionary

from evallab.api.errors import BenchmarkFailed, EvallabError
from evallab.api.provider import Provider
from evallab.engine import comparing, external, launching, observing, projecting, provenance, recording, validating
from evallab.engine.adopting import adopt
from evallab.engine.data import not_started, waiting
from evallab.engine.observing import Standing
from evallab.engine.ports import Ports
from evallab.planning import setup
from evallab.planning.actions import (
    Action,
    FetchData,
    RunCanary,
    Settle,
    StartAttempt,
    StartModel,
    StopAttempt,
    StopModel,
)
from evallab.planning.conclusion import Conclusion
from evallab.planning.lifecycle import decide
from evallab.planning.views import Plan
from evallab.runtimes.interface import Launch
from evallab.store.interface import AttemptRow, JobRow, JobSnapshot

log = logging.getLogger(__name__)
GRACE_S = 10.0


class Engine:
    """Reconciles jobs."""

    def __init__(self, ports: Ports) -> None:
        """Act through these ports."""
        self._ports = ports
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._seen: dict[str, None] = {}  #: jobs whose attempts are known, as long as they are driven here
        self._open: set[str] = set()  #: attempts whose end is not being judged

    def alone(self, job_id: str) -> asyncio.Lock:
        """Return the lock under which this process changes a job's attempts."""
        return self._locks.setdefault(job_id, asyncio.Lock())

    async def reconcile(self, job_id: str, standing: Standing = Standing()) -> tuple[JobSnapshot, Plan]:  # noqa: B008
        """Look at a job once, do what is to be done now, and return what was seen and planned."""
        async with self.alone(job_id):
            return await self._reconcile(job_id, standing)

    async def attempt_by_hand(self, job_id: str, index: int) -> str:
        """Return the attempt that an event from outside speaks for: the open one, else one without a process."""
        async with self.alone(job_id):
            attempt_id = await external.open_attempt(self._ports, job_id, index)
            self._open.add(attempt_id)
            return attempt_id

    def is_open(self, attempt_id: str) -> bool:
        """Say whether what is reported of an attempt from now on still counts; False also when this is not known."""
        return attempt_id in self._open

    async def _reconcile(self, job_id: str, standing: Standing) -> tuple[JobSnapshot, Plan]:
        snapshot, plan = await self._planned(job_id, standing)
        self._open |= {each.id for each in snapshot.attempts if each.state not in observing.SETTLED}
        heard: frozenset[str] = frozenset()
        while not _ending(plan) <= heard:  # they are gone, so all that they reported and left is there: look again
            heard |= _ending(plan)
            self._open -= heard  # others do not speak for them any more either
            await self._ports.receiver.settle()
            snapshot, plan = await self._planned(job_id, standing)
        for action in plan.actions:
            log.info("act", extra={"action": type(action).__name__, "job": job_id})
            await self._act(snapshot, action)
        return await self._project(snapshot, plan), plan

    async def _planned(self, job_id: str, standing: Standing) -> tuple[JobSnapshot, Plan]:
        ports = self._ports
        snapshot, now = await ports.store.snapshot(job_id, deleted=True), ports.now()
        if job_id not in self._seen:
            adopt(snapshot, ports.receiver)
            self._seen[job_id] = None
        view = await observing.observe(
            snapshot,
            ports.runtime,
            ports.models.view,
            standing,
            now=now,
            data=ports.datasets.state,
            canary=await ports.canaries.state(snapshot.job),
        )
        return snapshot, decide(view, now)

    async def _act(self, snapshot: JobSnapshot, action: Action) -> None:
        match action:
            case StartModel():
                await self._ports.models.start(snapshot.job)
            case StopModel():
                await self._ports.telemetry.settle(snapshot.job.id)
                await self._ports.models.stop(snapshot.job.id)
            case RunCanary():
                self._ports.canaries.start(snapshot.job, self._ports.models.url(snapshot.job), last=action.last)
            case FetchData():
                self._ports.datasets.start(snapshot.job, action.index, action.number)
            case StartAttempt():
                await self._start(snapshot, action)
            case StopAttempt():
                await self._stop(snapshot, action)
            case Settle():
                await self._settle(snapshot, action)

    async def _start(self, snapshot: JobSnapshot, action: StartAttempt) -> None:
        """Start an attempt.

        The row is written first, with how to find the process: killed after it, the next reconcile sees an attempt
        without a process (Vanished) and retries; killed after the process started, the leash ends it, and a detached
        one is found by its handle. Never two processes for one attempt.
        """
        ports, job = self._ports, snapshot.job
        row = AttemptRow(
            id=ports.new_id(), job_id=job.id, index=action.index, number=action.number, created_at=ports.now()
        )
        try:
            launch = await self._launch(job, row, action)
            row = replace(row, handle=ports.runtime.handle(launch))
        except BenchmarkFailed as error:
            await ports.store.save_attempt(row)
            await self._write_down(row, not_started(error))
            return
        await ports.store.save_attempt(row)
        try:
            handle = await ports.runtime.start(launch)
        except BenchmarkFailed as error:
            await self._write_down(row, not_started(error))
        else:
            await ports.store.save_attempt(replace(row, state="running", handle=handle, started_at=ports.now()))

    async def _launch(self, job: JobRow, row: AttemptRow, action: StartAttempt) -> Launch:
        """Return how to start an attempt, whose events are taken from now on. Raises BenchmarkFailed."""
        ports = self._ports
        given = await ports.datasets.given(job, action.index, action.number)
        launch = launching.launch(
            job,
            action.index,
            number=action.number,
            concurrency=action.concurrency,
            attempt_id=row.id,
            provider=self._provider(job.spec.benchmarks[action.index].provider_id),
            model_url=ports.models.url(job),
            loaded=ports.models.loaded(job),
            callback_url=ports.receiver.callback_url(row.id),
            test_data=given,
            data_env=ports.datasets.environment(job, given),
        )
        return replace(launch, token=ports.receiver.expect(row.id, launch.spec))

    def _provider(self, provider_id: str) -> Provider:
        try:
            return self._ports.providers[provider_id]
        except KeyError:
            raise BenchmarkFailed(f"The provider '{provider_id}' is not configured here.") from None

    async def _stop(self, snapshot: JobSnapshot, action: StopAttempt) -> None:
        """Tell an attempt to end. The reason is written first, so that its end is understood whoever sees it."""
        row = next(attempt for attempt in snapshot.attempts if attempt.id == action.attempt_id)
        told = replace(row, stop_requested=action.reason, message=action.message or row.message)
        await self._ports.store.save_attempt(told)
        if not row.handle.get(observing.EXTERNAL):
            await self._ports.runtime.stop(row.handle, grace_seconds=GRACE_S)

    async def _settle(self, snapshot: JobSnapshot, action: Settle) -> None:
        """Write down an end; a completed attempt's result is recorded before.

        Killed in between, the next reconcile finds the attempt open and its result recorded, and only settles it.
        """
        row = next(attempt for attempt in snapshot.attempts if attempt.id == action.attempt_id)
        conclusion = action.conclusion
        if conclusion.reason == "Vanished" and row.handle:  # its shim was killed: what it left must not run on
            await self._ports.runtime.stop(row.handle, grace_seconds=0)
        if conclusion.outcome == "completed" and row.id not in snapshot.results:
            conclusion = await self._record(snapshot, row, conclusion)
        await self._keep_log(row)
        await self._write_down(row, conclusion)

    async def _record(self, snapshot: JobSnapshot, row: AttemptRow, conclusion: Conclusion) -> Conclusion:
        process = bool(row.handle) and not row.handle.get(observing.EXTERNAL)
        ended = recording.Ended(
            job=snapshot.job,
            attempt=row,
            events=[event for event in snapshot.events if event.attempt_id == row.id],
            leavings=self._ports.runtime.leavings(row.handle),
            test_data=self._ports.datasets.record(snapshot.job, row.index),
            executed=(await self._ports.runtime.observe(row.handle)).executed if process else {},
        )
        try:
            result = await asyncio.to_thread(recording.assemble, ended, self._ports.files, now=self._ports.now())
        except (OSError, ValueError) as error:
            return recording.not_recorded(error)
        await self._ports.store.record_result(result)
        return conclusion

    async def _keep_log(self, row: AttemptRow) -> None:
        path = self._ports.runtime.leavings(row.handle).log_file if row.handle else None
        if path is None or not path.exists():
            return
        times = self._ports.runtime.leavings(row.handle).log_times
        await self._keep(row, path, kind="log")
        if times is not None and times.exists():
            await self._keep(row, times, kind="log-times")

    async def _keep(self, row: AttemptRow, path: Path, *, kind: str) -> None:
        owner = recording.Owner(job_id=row.job_id, index=row.index, attempt_id=row.id)
        try:
            kept = await asyncio.to_thread(self._ports.files.store_file, path, kind=kind, name=path.name, owner=owner)
        except OSError as error:  # a full disk costs the copy of the log, not the job
            log.warning("log not kept", extra={"action": "keep_log", "attempt": row.id, "reason": str(error)})
            return
        await self._ports.store.add_artifact(kept)

    async def _write_down(self, row: AttemptRow, conclusion: Conclusion) -> None:
        seen = (await self._ports.runtime.observe(row.handle)).exit if row.handle else None
        await self._ports.store.save_attempt(
            replace(
                row,
                state=conclusion.outcome,
                finished_at=(seen and seen.finished_at) or self._ports.now(),
                exit_code=seen.code if seen else None,
                exit_signal=seen.signal if seen else None,
                reason=conclusion.reason,
                message=conclusion.sentence,
            )
        )

    async def _project(self, before: JobSnapshot, plan: Plan) -> JobSnapshot:
        """Write what changed, and on the last step what belongs to the whole job."""
        ports = self._ports
        snapshot = await ports.store.snapshot(before.job.id, deleted=True) if plan.actions else before
        job, benchmarks = projecting.project(snapshot, plan, ports.models.record(snapshot.job), now=ports.now())
        ports.telemetry.look(job, benchmarks, snapshot.attempts)
        if plan.finished and snapshot.job.finished_at is None:
            job = await self._finish(replace(job, state=snapshot.job.state, finished_at=None))
            job, benchmarks = projecting.project(
                replace(snapshot, job=job), plan, ports.models.record(job), now=ports.now()
            )
            await ports.datasets.stop(job.id)
            await ports.canaries.stop(job.id)
            ports.receiver.forget_job(job.id)
            await ports.runtime.tidy(job.id)
            self._seen.pop(job.id, None)
        benchmarks = waiting(job, waiting(job, benchmarks, ports.datasets), ports.models)
        if (job, benchmarks) != (snapshot.job, snapshot.benchmarks):
            job = replace(job, updated_at=ports.now())
            await ports.store.save_job(job, benchmarks)
        return replace(snapshot, job=job, benchmarks=benchmarks)

    async def _finish(self, job: JobRow) -> JobRow:
        """Add provenance, setup key and comparisons before the job's last state is written; each is safe to repeat."""
        ports = self._ports
        record = await asyncio.to_thread(provenance.collect, job, ports.models.record(job), now=ports.now())
        job = replace(job, setup_key=setup.key(record))
        canary, telemetry = await ports.canaries.judge(job), await validating.validate(ports, job)
        record = provenance.with_course(record, canary=canary, telemetry=telemetry)
        await ports.store.add_provenance(job.id, record, now=ports.now())
        compare = job.spec.compare
        try:
            rows = await comparing.comparisons(ports.store, job, against=compare.against, margin=compare.margin)
        except EvallabError as error:
            log.warning("nothing compared", extra={"action": "compare", "job": job.id, "reason": str(error)})
        else:
            await ports.store.add_comparisons(rows)
        return job


def _ending(plan: Plan) -> frozenset[str]:
    return frozenset(action.attempt_id for action in plan.actions if isinstance(action, Settle))
