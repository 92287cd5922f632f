"""The table of latest scores, kept true in the transaction that changes a job. Called by `jobs`, `results`, `deletion`.

A score counts there when its job has ended and it is usable; of one question key the newest. A leaderboard then reads
rows instead of the whole history.
"""

from evallab.store.part import every, only, write
from evallab.store.transactions import Connection


async def refresh_latest(connection: Connection, job_id: str) -> None:
    """Let the job's scores enter anew. What it displaced comes back when it no longer counts (resumed, deleted)."""
    forgotten = await only(connection, "forget_latest_scores", {"job_id": job_id})
    job_ids = {job_id} if forgotten["ended"] else set()
    if forgotten["models"]:
        found = await every(connection, "ended_jobs_of_models", {"models": forgotten["models"]})
        job_ids |= {str(each["id"]) for each in found}
    if job_ids:
        await write(connection, "add_latest_scores", {"job_ids": sorted(job_ids)})
