"""The jobs of a server in a cluster: each is an EvalJob object in its tenant's namespace, and a row with its uid as id.

The object is made first: it is what the operator runs. Killed before the row is stored, the operator makes the row from
what the object carries (`api.v1alpha1.rest_notes`); repeated with the same Idempotency-Key, here or at another replica,
the object's name is the same, so there is never a second one. Spec changes go to the object; the row is told as well,
so that it answers at once, also after the object is gone.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from evallab.api.errors import InvalidManifest, StoreUnavailable
from evallab.api.evalhub.errors import ApiError
from evallab.api.job import EvalJob
from evallab.api.v1alpha1 import rest_notes
from evallab.api.v1alpha1.annotations import dns_label
from evallab.api.v1alpha1.conversion import from_job, to_dict
from evallab.api.v1alpha1.rest_notes import RestNotes
from evallab.datasets.files import bundled_names as data_names
from evallab.kubeapi.interface import EVALJOB, AlreadyExists, ClusterApi, Json, Refused
from evallab.modelserver.bundled import bundled_names
from evallab.planning.catalog_view import CatalogView
from evallab.planning.cluster import acceptance
from evallab.planning.cluster.plan import ClusterConfig
from evallab.planning.subject import CheckFacts
from evallab.store.interface import BenchmarkRow, JobRow, Store

log = logging.getLogger(__name__)
TRIES = 5  #: of a name: it was taken, and then it was free
GONE = "its EvalJob object is gone; what was measured stays. Post the job again"
ONE_WAY = "it was cancelled, which is for good in a cluster. Post the job again"


class ClusterJobs:
    """Jobs of this cluster."""

    def __init__(self, api: ClusterApi, store: Store, config: ClusterConfig) -> None:
        """`config` says what the installation can do."""
        self._api, self._store, self._config = api, store, config

    def refuse(self, job: EvalJob) -> None:
        """Raise ApiError for what nobody here could run; everything else is the cluster's own policy."""
        if job.experiment is not None:
            raise ApiError("mlflow_required_for_experiment")

    def fitted(self, job: EvalJob) -> tuple[EvalJob, tuple[str, ...]]:
        """Return the job as it is: a cluster hands out hardware."""
        return job, ()

    def problems(self, job: EvalJob, view: CatalogView, tenant: str | None) -> tuple[str, ...]:
        """Return what keeps the job from running in this cluster."""
        del tenant
        facts = CheckFacts(bundled_models=bundled_names(), bundled_data=data_names())
        found = acceptance.problems(job, catalog=view, config=self._config, facts=facts)
        return tuple(dict.fromkeys(sentence for _, sentence in found))

    async def keep(self, job: JobRow, benchmarks: Sequence[BenchmarkRow], *, actor: str) -> tuple[JobRow, bool]:
        """Make the object, then store its row; say whether another POST with the job's key was first."""
        made, ours = await self._object(job)
        uid, name = made["metadata"]["uid"], made["metadata"]["name"]
        row = replace(job, id=uid, runtime="kubernetes", resource=name)
        try:
            stored = await self._store.create_job(row, [replace(each, job_id=uid) for each in benchmarks], actor=actor)
        except StoreUnavailable as error:  # the object is durable: the operator stores what it carries
            log.warning("not stored yet", extra={"action": "create_job", "job": uid, "reason": str(error)})
            return row, not ours
        if stored == uid:
            return row, not ours
        if ours:
            await self._api.delete(EVALJOB, job.tenant, name, uid=uid)
        return (await self._store.snapshot(stored)).job, True

    async def cancel(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Say so in the object; a job whose object is gone is cancelled in the store."""
        await self._say(job, {"cancelled": True})
        await self._store.request_cancel(job.id, actor=actor, now=now)

    async def delete(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Delete the object, and hide the row."""
        if job.resource is not None:
            await self._api.delete(EVALJOB, job.tenant, job.resource, uid=job.id)
        await self._store.delete_job(job.id, actor=actor, now=now)

    async def suspend(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Say so in the object."""
        if not await self._say(job, {"suspend": True}):
            raise ApiError("not_supported", reason=f"The job {job.id} cannot be suspended: {GONE}.")
        await self._store.set_suspended(job.id, True, actor=actor, now=now)

    async def resume(self, job: JobRow, *, actor: str, now: datetime) -> None:
        """Let a suspended job go on, or have what failed tried again. Both need the object, which owns the pods."""
        found = await self._its_own(job)
        if found is None:
            raise ApiError("not_supported", reason=f"The job {job.id} cannot go on: {GONE}.")
        if found["spec"].get("cancelled"):
            raise ApiError("not_supported", reason=f"The job {job.id} cannot go on: {ONE_WAY}.")
        if found["spec"].get("suspend"):
            await self._say(job, {"suspend": False})
        if job.suspended:
            await self._store.set_suspended(job.id, False, actor=actor, now=now)
        if job.finished_at is not None:
            await self._store.resume_job(job.id, actor=actor, now=now, attached=False)

    async def _say(self, job: JobRow, spec: Json) -> bool:
        """Change the spec of the object, if it is there and still the job's; return whether it was."""
        if job.resource is None:
            return False
        patch = {"metadata": {"uid": job.id}, "spec": spec}
        try:
            return await self._api.merge(EVALJOB, job.tenant, job.resource, patch) is not None
        except Refused as error:
            if await self._its_own(job) is None:  # another object has its name
                return False
            raise refused(error, job.tenant) from error

    async def _its_own(self, job: JobRow) -> Json | None:
        """Return the object of a job, None when it is gone, also where another one has its name."""
        found = await self._api.get(EVALJOB, job.tenant, job.resource) if job.resource else None
        return found if found is not None and found["metadata"]["uid"] == job.id else None

    async def _object(self, job: JobRow) -> tuple[Json, bool]:
        """Return the object of a job, and whether it was made now."""
        key, whole = job.idempotency_key, _whole(job)
        name = dns_label(job.name) if key is None else rest_notes.object_name(key, of=key)
        for _ in range(TRIES):
            try:
                return await self._api.create(EVALJOB, job.tenant, whole(name)), True
            except AlreadyExists:
                found = None if key is None else await self._api.get(EVALJOB, job.tenant, name)
            except Refused as error:
                raise refused(error, job.tenant) from error
            if found is not None:
                return _same(found, job), False
            name = name if key is not None else rest_notes.object_name(job.name, of=f"{job.id}{name}")
        raise ApiError("service_unavailable", reason=f'the name "{name}" is taken, then free, then taken. Try again.')


def _same(found: Json, job: JobRow) -> Json:
    """Return an object that has the key's name, if it was asked for with the same words. Raises ApiError."""
    meta = found["metadata"]
    if rest_notes.read(meta.get("annotations") or {}, meta["name"]).digest != job.request_hash:
        raise ApiError("idempotency_key_reused", key=job.idempotency_key)
    return found


def _whole(job: JobRow) -> Any:
    """Return what makes the job's object of a name. Raises ApiError for what an EvalJob cannot say."""
    try:
        manifest = to_dict(from_job(job.spec))
    except InvalidManifest as error:
        raise ApiError("request_validation_failed", detail="\n".join(error.problems)) from error
    notes = RestNotes(request=job.request, key=job.idempotency_key, digest=job.request_hash, owner=job.owner)
    own = {key: value for key, value in manifest["metadata"].items() if key != "name"}
    return lambda name: {**manifest, "metadata": rest_notes.write(own, notes, name=name, job_name=job.name)}


def refused(error: Refused, namespace: str | None) -> ApiError:
    """Return what a refusal of the API server means to who posted a job."""
    if error.status in {400, 413, 422}:
        return ApiError("request_validation_failed", detail=error.said)
    if error.status == 404:
        return ApiError("resource_not_found", kind="namespace", id=namespace)
    return ApiError("refused_by_cluster", reason=error.said)
