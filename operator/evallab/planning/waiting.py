"""Whose turn it is on this machine: the one rule of the local queue, as functions of what waits and what runs.

The queue's order is priority, then first come; `engine.turns` brings it in that order. A job that only asks an endpoint
needs no GPU and may run beside others of its kind; a job that serves its own model has the machine to itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evallab.api.job import EvalJob


@dataclass(frozen=True, kw_only=True)
class Queued:
    """One job that has not ended; `shares` says that it needs nothing but an endpoint."""

    id: str
    running: bool
    shares: bool


def shares_the_machine(job: EvalJob) -> bool:
    """Say whether a job holds no model here: it asks an endpoint, or its answers were recorded earlier."""
    return job.model.serve is None and job.model.in_process is None


def ahead(job_id: str, queue: Sequence[Queued], *, parallel: int = 1) -> tuple[str, ...]:
    """Return the ids of the jobs that keep `job_id` from starting now; nobody when its turn has come.

    In front of a job are those that run already and those before it in the queue. A job that serves waits for all of
    them; one that only asks an endpoint waits while one of them serves, or while as many as `parallel` ask endpoints.
    A job that runs waits for nobody, also when something more urgent comes, which would wait for it in turn.
    """
    own = next((number for number, each in enumerate(queue) if each.id == job_id), len(queue))
    if own < len(queue) and queue[own].running:
        return ()
    front = (*(each for each in queue[own + 1 :] if each.running), *queue[:own])
    together = own < len(queue) and queue[own].shares and all(each.shares for each in front)
    return () if together and len(front) < parallel else tuple(each.id for each in front)


def positions(queue: Sequence[Queued]) -> Mapping[str, int]:
    """Return the place in the line of every job that waits: 1 starts next."""
    waiting = [each.id for each in queue if not each.running]
    return {job_id: number for number, job_id in enumerate(waiting, start=1)}


def width(job: EvalJob, *, unfinished: int, parallel: int) -> int:
    """Return how many benchmarks of a job may run at once: those of one that serves share its model in turn."""
    return max(1, min(unfinished, parallel)) if shares_the_machine(job) else 1


def gpus_needed(job: EvalJob) -> int:
    """Return how many GPUs the model of a checked job is to hold on this machine."""
    gpu = job.hardware.gpu if job.hardware else None
    if gpu is None or shares_the_machine(job):
        return 0
    return 1 if gpu.count is None else int(gpu.count)
