"""What a process does before it drives a job that another one started: expect the events of attempts that still run.

Called by the composition roots; everything else is found by looking, as always.
"""

from evallab.engine.launching import job_spec
from evallab.engine.observing import SETTLED
from evallab.receiver.server import Receiver
from evallab.store.interface import Store


async def adopt(store: Store, receiver: Receiver, job_id: str) -> None:
    """Take the events of a job's unfinished attempts. Raises NotFound."""
    snapshot = await store.snapshot(job_id)
    for attempt in snapshot.attempts:
        if attempt.state not in SETTLED:
            url = receiver.callback_url(attempt.id)
            spec = job_spec(snapshot.job, attempt.index, attempt_id=attempt.id, model_url="", callback_url=url)
            receiver.expect(attempt.id, spec)
