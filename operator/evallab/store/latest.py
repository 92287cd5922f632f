"""The table of latest scores, kept true in the transaction that changes a job. Called by `jobs` and `results`.

A score counts there when its job has ended and it is usable; of one question key the newest. A leaderboard then reads
rows instead of the whole history.
"""

from evallab.store.part import every, write
from evallab.store.transactions import Connection


async def refresh_latest(connection: Connection, job_id: str) -> None:
    """Let the job's scores enter anew. What it displaced earlier comes back when it no longer counts (resumed)."""
    forgotten = await every(connection, "forget_latest_scores", {"job_id": job_id})
    job_ids = {job_id}
    for model in {str(each["model"]) for each in forgotten}:
        job_ids |= {str(each["id"]) for each in await every(connection, "ended_jobs_of_model", {"model": model})}
    await write(connection, "add_latest_scores", {"job_ids": sorted(job_ids)})
