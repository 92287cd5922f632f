"""What speaks against a job's numbers, gathered and written down when it ends, before it is compared with anything.

Called by the reconciler; `planning.judging` judges. Nothing is remembered between calls: windows, attempts and the
canary are in the store, and what is found replaces what was found before, in one statement. Killed before it or after
it, the next reconcile does the same again with the same end.
"""

from typing import Any

from evallab.engine.ports import Ports
from evallab.planning import canary, judging, validity
from evallab.planning.judging import Span
from evallab.store.interface import JobRow, JobSnapshot


async def validate(ports: Ports, job: JobRow) -> dict[str, Any]:
    """Judge a job's scores and its throughput, keep the verdicts, and return the summary of what was seen."""
    await ports.telemetry.settle(job.id)
    gpus, served = await ports.store.gpu_windows(job.id), await ports.store.server_windows(job.id)
    snapshot, answered = await ports.store.snapshot(job.id, deleted=True), await ports.store.canary(job.id)
    whole = canary.findings(answered.verdict if answered else None, canary.policy(job.spec))
    spans = {row.index: _counted(snapshot, row.index) for row in snapshot.benchmarks}
    found = judging.judge(spans, gpus, policy=validity.policy_of(job.spec.validity), whole=whole)
    seen = judging.summary(ports.telemetry.unseen(job), gpus, served, found)
    await ports.store.save_judgements(job.id, found, summary=seen, now=ports.now())
    return seen


def _counted(snapshot: JobSnapshot, index: int) -> Span | None:
    """Return when the attempt ran whose result counts; None where none does."""
    own = [each for each in snapshot.attempts if each.index == index and each.id in snapshot.results]
    last = max(own, key=lambda each: each.number, default=None)
    return (last.started_at, last.finished_at) if last else None
