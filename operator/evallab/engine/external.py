"""Attempts without a process of ours: a client reports a benchmark's events by hand while it waits in the queue.

EvalHub takes events for a job whatever its processes do. Here every event belongs to an attempt, so one is made: it
runs until its events declare an end. Called under the job's lock (`reconcile.Engine.attempt_by_hand`).
"""

from evallab.api.evalhub.errors import ApiError
from evallab.engine.launching import job_spec
from evallab.engine.observing import EXTERNAL, SETTLED
from evallab.engine.ports import Ports
from evallab.planning.views import TERMINAL
from evallab.runtimes.interface import Launch
from evallab.store.interface import AttemptRow


async def open_attempt(ports: Ports, job_id: str, index: int) -> str:
    """Return the id of the benchmark's open attempt; where there is none, make one that only events will end.

    Where the benchmark completed meanwhile, it is the attempt that did. Raises ApiError where it failed meanwhile: what
    is said now would not count. Killed after the row was written, nothing is lost: the attempt waits for events, or for
    its time limit.
    """
    snapshot = await ports.store.snapshot(job_id, deleted=True)
    attempts = [each for each in snapshot.attempts if each.index == index]
    known = next((each for each in attempts if each.state not in SETTLED or each.state == "completed"), None)
    if known is not None:
        return known.id
    ended = snapshot.benchmarks[index].state
    if ended in TERMINAL:
        raise ApiError("job_can_not_be_updated", id=job_id, new="updated", state=ended)
    attempt_id, number = ports.new_id(), len(attempts) + 1
    url = ports.receiver.callback_url(attempt_id)
    spec = job_spec(snapshot.job, index, attempt_id=attempt_id, model_url="", callback_url=url)
    launch = Launch(attempt_id=attempt_id, number=number, spec=spec, command="")
    ports.receiver.adopt(attempt_id, spec)
    row = AttemptRow(
        id=attempt_id,
        job_id=job_id,
        index=index,
        number=number,
        state="running",
        handle=ports.runtime.handle(launch) | {EXTERNAL: True},
        created_at=ports.now(),
        started_at=ports.now(),
    )
    await ports.store.save_attempt(row)
    return attempt_id
