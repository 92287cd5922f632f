"""A prepared job, left to the background process of this home. Called by `evallab run --detach`."""

import uuid
from typing import Any

from evallab.cli.opening import opened
from evallab.local.background import ensure
from evallab.local.detached import Detached
from evallab.local.lab import submit
from evallab.local.preparing import Prepared
from evallab.settings import Settings


async def detach(settings: Settings, prepared: Prepared, parallel: int | None) -> dict[str, Any]:
    """Store a job, have a background process, and return what is to be known of the job.

    Killed in between: a mark without a job is forgotten later, and a job with its mark is driven as soon as any command
    looks at jobs.
    """
    marks, job_id = Detached(settings.home), str(uuid.uuid4())
    marks.add(job_id)
    if parallel is not None:
        marks.set_parallel(parallel)
    async with opened(settings) as store:
        await submit(
            store,
            prepared.job,
            manifest=prepared.manifest,
            manifest_dir=prepared.directory,
            attached=False,
            job_id=job_id,
        )
        position = await store.queue_position(job_id)
    ensure(settings)
    return {"id": job_id, "name": prepared.job.name, "state": "pending", "position": position}
