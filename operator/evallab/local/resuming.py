"""Going on with a job that did not complete: take it over, and forget what ended it. Called by `evallab resume`.

The answers that had arrived lie in the work directory of each benchmark, which its next attempt gets again; so only
what is missing is asked. What counts of the past is decided by `planning.lifecycle`.
"""

from datetime import UTC, datetime

from evallab.api.errors import UsageError
from evallab.engine.driver import LEASE_S
from evallab.local import holders
from evallab.local.lab import Lab, actor


class DrivenElsewhere(UsageError):
    """Somebody else works on this job."""

    code = "driven_elsewhere"

    def __init__(self, job_id: str, holder: str) -> None:
        """Name the job and who works on it."""
        super().__init__(
            f"Job {job_id[:8]} is being worked on by another evallab process ({holder}).",
            remedy=f"Look at it: evallab show {job_id[:8]}. If that process is gone, wait {LEASE_S:.0f} seconds.",
        )


async def resume(lab: Lab, job_id: str) -> bool:
    """Take a job over; afterwards `lab.run` goes on with it. False when it completed and nothing is left to do.

    Raises DrivenElsewhere while another process works on it. Killed anywhere in here, it can be called again.
    """
    store, driver = lab.store, lab.driver
    holder = await store.lease_holder(job_id)
    if holder and holders.died(holder):
        await store.drop_lease(job_id, holder)
    if not await store.take_lease(job_id, driver.holder, seconds=LEASE_S):
        raise DrivenElsewhere(job_id, await store.lease_holder(job_id) or "it has just ended")
    if await store.resume_job(job_id, actor=actor(), now=datetime.now(UTC)):
        return True
    await store.drop_lease(job_id, driver.holder)
    return False
