"""What speaks against a job's numbers, gathered and written down when it ends, before it is compared with anything.

Called by the reconciler. Nothing is remembered between calls: windows, attempts and the canary are in the store, and
what is found replaces what was found before, in one statement. Killed before it or after it, the next reconcile does
the same again with the same end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from evallab.engine.ports import Ports
from evallab.planning import canary, telemetry, validity
from evallab.planning.telemetry import GpuWindow, ServerWindow
from evallab.planning.validity import Finding, Judgement, Policy
from evallab.store.interface import AttemptRow, JobRow, JobSnapshot


async def validate(ports: Ports, job: JobRow) -> dict[str, Any]:
    """Judge a job's scores and its throughput, keep the verdicts, and return the summary of what was seen."""
    await ports.telemetry.settle(job.id)
    gpus, served = await ports.store.gpu_windows(job.id), await ports.store.server_windows(job.id)
    snapshot, answered = await ports.store.snapshot(job.id, deleted=True), await ports.store.canary(job.id)
    whole = canary.findings(answered.verdict if answered else None, canary.policy(job.spec))
    found = judge(snapshot, gpus, policy=validity.policy_of(job.spec.validity), whole=whole)
    seen = summary(job, gpus, served, found)
    await ports.store.save_judgements(job.id, found, summary=seen, now=ports.now())
    return seen


def judge(
    snapshot: JobSnapshot, gpus: Sequence[GpuWindow], *, policy: Policy, whole: Sequence[Finding]
) -> dict[int, Judgement]:
    """Return the judgement of each benchmark (pure). `whole` are findings about the whole job.

    A GPU speaks against the benchmarks that ran while it was hot, slowed or shared, not against others.
    """
    everywhere = (*validity.of_drivers(gpus), *whole)
    found = {}
    for row in snapshot.benchmarks:
        counted = _counted(snapshot, row.index)
        own = telemetry.within(gpus, counted.started_at, counted.finished_at) if counted else ()
        found[row.index] = validity.combine((*validity.of_series(own, policy), *everywhere))
    return found


def _counted(snapshot: JobSnapshot, index: int) -> AttemptRow | None:
    """Return the attempt whose result counts."""
    own = [each for each in snapshot.attempts if each.index == index and each.id in snapshot.results]
    return max(own, key=lambda each: each.number, default=None)


def summary(
    job: JobRow, gpus: Sequence[GpuWindow], served: Sequence[ServerWindow], found: Mapping[int, Judgement]
) -> dict[str, Any]:
    """Return what the telemetry of a job comes to (JSON, pure); `none` says why no GPU was seen.

    A speed is as good as that of the worst benchmark.
    """
    speed, verdicts = telemetry.throughput(served), [each.throughput for each in found.values()]
    reasons = list(dict.fromkeys(reason for each in verdicts for reason in each.reasons))
    judged = {"validity": validity.worst(each.validity for each in verdicts), "validity_reasons": reasons}
    seen = [asdict(each) for each in telemetry.gpu_summaries(gpus)]
    absent = {"none": "cluster" if job.runtime == "kubernetes" else "no GPU"}
    return {"gpus": seen, **({} if seen else absent), "throughput": asdict(speed) | judged if speed else None}
