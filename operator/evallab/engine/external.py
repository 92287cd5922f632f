"""Attempts without a process of ours: a client reports a benchmark's events by hand while it waits in the queue.

EvalHub takes events for a job whatever its processes do. Here every event belongs to an attempt, so one is made: it
runs until its events declare an end. Called under the job's lock (`reconcile.Engine.attempt_by_hand`).
"""

from typing import TYPE_CHECKING

from evallab.engine.launching import job_spec
from evallab.engine.observing import EXTERNAL, SETTLED
from evallab.runtimes.interface import Launch
from evallab.store.interface import AttemptRow

if TYPE_CHECKING:
    from evallab.engine.reconcile import Ports


async def open_attempt(ports: "Ports", job_id: str, index: int) -> str:
    """Return the id of the benchmark's open attempt; where there is none, make one that only events will end.

    Killed after the row was written, nothing is lost: the attempt waits for events, or for its time limit.
    """
    snapshot = await ports.store.snapshot(job_id, deleted=True)
    attempts = [each for each in snapshot.attempts if each.index == index]
    running = next((each for each in attempts if each.state not in SETTLED), None)
    if running is not None:
        return running.id
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
