"""What an engine does with a job that it sees for the first time: it takes the events of attempts that still run.

Called by `reconcile`; everything else about attempts that another process started is found by looking, as always.
"""

from evallab.engine.launching import job_spec
from evallab.engine.observing import SETTLED
from evallab.engine.ports import Reception
from evallab.store.interface import JobSnapshot


def adopt(snapshot: JobSnapshot, receiver: Reception) -> None:
    """Take the events of a job's unfinished attempts."""
    for attempt in snapshot.attempts:
        if attempt.state not in SETTLED:
            url = receiver.callback_url(attempt.id)
            spec = job_spec(snapshot.job, attempt.index, attempt_id=attempt.id, model_url="", callback_url=url)
            receiver.adopt(attempt.id, spec)
