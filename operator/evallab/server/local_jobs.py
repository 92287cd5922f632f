"""The jobs of a server that runs them on its own computer; `local_serving` makes it.

Killed before the transaction nothing has happened; killed after it the job is in the queue, and its mark, written
before, has the next server bring it to its end.
"""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from evallab.api.evalhub.errors import ApiError
from evallab.api.job import EvalJob
from evallab.datasets.files import bundled_names as data_names
from evallab.local.preparing import gpus_here
from evallab.modelserver.bundled import bundled_names
from evallab.planning import rest_conditions
from evallab.planning.catalog_view import CatalogView
from evallab.planning.checks import CheckFacts, check, paths_to_check
from evallab.planning.rest_conditions import Allowed
from evallab.server.queueing import Queueing
from evallab.store.interface import BenchmarkRow, JobRow, Store

NO_SUSPENDING = "suspending a job is for clusters; cancel it, and resume it later: what was measured stays"


class LocalJobs:
    """Jobs of this computer."""

    def __init__(self, store: Store, queueing: Queueing, allowed: Allowed) -> None:
        """`allowed`: what requests may name on this machine."""
        self._store, self._queueing, self._allowed = store, queueing, allowed

    def refuse(self, job: EvalJob) -> None:
        """Raise ApiError for what a request may not do to this machine."""
        refused = rest_conditions.refusal(job, self._allowed)
        if refused is not None:
            raise refused
        for named in rest_conditions.paths_named(job):  # a link below a root may lead out of it
            roots = [os.path.realpath(root) for root in rest_conditions.roots_of(named, self._allowed)]
            if not rest_conditions.within(os.path.realpath(named.path), roots):
                raise ApiError(
                    "not_allowed_over_rest", reason=f'{named.field}: "{named.path}" leads out of what is allowed'
                )

    def fitted(self, job: EvalJob) -> tuple[EvalJob, tuple[str, ...]]:
        """Return the job without the hardware that one computer does not hand out, and a warning for each field."""
        return rest_conditions.as_local(job)

    def problems(self, job: EvalJob, view: CatalogView, tenant: str | None) -> tuple[str, ...]:
        """Return what keeps the job from running on this computer."""
        del tenant
        return check(job, catalog=view, runtime="served", facts=_facts(job))

    async def keep(self, job: JobRow, benchmarks: Sequence[BenchmarkRow], *, actor: str) -> tuple[JobRow, bool]:
        """Mark a job as this home's, and store it."""
        self._queueing.mark(job.id)
        stored = await self._store.create_job(job, benchmarks, actor=actor)
        if stored != job.id:  # another POST with the same key came first
            self._queueing.unmark(job.id)
            return (await self._store.snapshot(stored)).job, True
        self._queueing.submitted(job.id)
        return job, False

    async def cancel(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Have its processes end."""
        await self._store.request_cancel(job.id, actor=actor, now=now)
        self._queueing.changed(job.id)

    async def delete(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Have its processes end, and hide it."""
        await self._store.delete_job(job.id, actor=actor, now=now)
        self._queueing.changed(job.id)

    async def suspend(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Refuse: one computer has no other who waits for its place."""
        del job, actor, now
        raise ApiError("not_supported", reason=NO_SUSPENDING)

    async def resume(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Take it into the queue again."""
        self._queueing.mark(job.id)
        await self._store.resume_job(job.id, actor=actor, now=now, attached=False)
        self._queueing.submitted(job.id)


def _facts(job: EvalJob) -> CheckFacts:
    needs = {need.path for need in paths_to_check(job)}
    existing = frozenset(path for path in needs if Path(path.removeprefix("file://")).exists())
    return CheckFacts(
        existing_paths=existing, bundled_models=bundled_names(), bundled_data=data_names(), gpus=gpus_here(job)
    )
