"""From a posted body to a job that is kept: EvalHub's checks in EvalHub's order, then evallab's own, then `House.jobs`.

What a job may say and how it is kept differs between one computer (`local_jobs`) and a cluster (`cluster.jobs`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evallab.api.errors import InvalidManifest
from evallab.api.evalhub import extras
from evallab.api.evalhub.conversion import to_job
from evallab.api.evalhub.echo import echo
from evallab.api.evalhub.errors import ApiError
from evallab.api.evalhub.reading import validated
from evallab.api.evalhub.request import JobRequest
from evallab.api.evalhub.strict_json import loads
from evallab.api.job import EvalJob
from evallab.planning.expand import expand
from evallab.server.config import ServerConfig
from evallab.server.house import House
from evallab.server.references import check_references, check_url
from evallab.server.views.moments import moment
from evallab.store.interface import BenchmarkRow, JobRow

Json = dict[str, Any]
ROOT = "EvaluationJobConfig"
MOST_NAME = 500  #: bytes; four of them are indexed together, which has an end at 2,704
MOST_PRIORITY = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who posts a job, and the key by which a repeated POST is known."""

    tenant: str | None = None
    user: str | None = None
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """A stored job; `again` when the same request had made it before."""

    job: JobRow
    warnings: tuple[str, ...] = ()
    again: bool = False


async def submit(house: House, sender: Sender, raw: bytes) -> Submitted:
    """Store a job. Raises ApiError for everything that keeps it from being one."""
    digest = hashlib.sha256(raw).hexdigest()
    if known := await _known(house, sender, digest):
        return known
    document = loads(raw)
    request = validated(document, JobRequest, root=ROOT)
    asked = echo(document, JobRequest)
    job, warnings = checked(request, house, sender.tenant, asked)
    await _room(house)
    row = JobRow(
        id=house.new_id(),
        name=job.name,
        spec=job,
        state="pending",
        attached=False,
        manifest=raw.decode(),
        created_at=house.now(),
        tenant=sender.tenant,
        owner=sender.user,
        request=asked,
        idempotency_key=sender.key,
        request_hash=digest,
    )
    benchmarks = [
        BenchmarkRow(job_id=row.id, index=index, provider_id=each.provider_id, benchmark_id=each.id)
        for index, each in enumerate(job.benchmarks)
    ]
    kept, again = await house.jobs.keep(row, benchmarks, actor=sender.user or "rest")
    return _again(kept, digest, sender.key) if again else Submitted(job=kept, warnings=warnings)


async def _known(house: House, sender: Sender, digest: str) -> Submitted | None:
    if sender.key is None:
        return None
    found = await house.store.job_of_key(sender.tenant, sender.key)
    return _again((await house.store.snapshot(found[0])).job, digest, sender.key) if found else None


def _again(job: JobRow, digest: str, key: str | None) -> Submitted:
    if job.request_hash != digest:
        raise ApiError("idempotency_key_reused", key=key)
    return Submitted(job=job, again=True)


async def _room(house: House) -> None:
    limit = house.config.evallab.jobs.max_queued
    if not house.queueing.has_room() and (await house.store.activity()).waiting >= limit:
        raise ApiError("queue_full", limit=limit)


def checked(request: JobRequest, house: House, tenant: str | None, asked: Json) -> tuple[EvalJob, tuple[str, ...]]:
    """Return the job that a request asks for, expanded, and what is not enforced here. `asked` is added to."""
    view = house.catalog.view(tenant)
    collection = check_references(request, view)
    if collection is not None and (changed := house.catalog.updated_at("collection", collection.id)):
        asked["collection"]["collection_updated_at"] = moment(changed)
    job = _job(request, house.config)
    check_url(request, served=job.model.serve is not None)
    house.jobs.refuse(job)
    _refuse_sizes(job)
    job, warnings = house.jobs.fitted(job)
    problems = house.jobs.problems(job, view, tenant)
    if problems:
        raise ApiError("request_validation_failed", detail="\n".join(problems))
    job = expand(job, view)
    if collection is not None and not house.catalog.is_system("collection", collection.id):
        house.jobs.refuse(job)  # what a client put into a collection is refused as in a job
    job, more = house.jobs.fitted(job)  # what the collection brought
    return job, (*warnings, *more)


def _job(request: JobRequest, config: ServerConfig) -> EvalJob:
    said: Mapping[str, Any] = request.custom.get(extras.KEY) or {}
    try:
        job = to_job(request)
    except InvalidManifest as error:
        raise ApiError("request_validation_failed", detail="\n".join(error.problems)) from error
    defaults = config.evallab.jobs
    names = ("timeout_seconds", "retries", "pending_deadline_seconds")
    return job.model_copy(update={name: getattr(defaults, name) for name in names if name not in said})


def _refuse_sizes(job: EvalJob) -> None:
    """Refuse what the columns and indexes of the store cannot hold."""
    lineage = job.model.lineage
    names = {"name": job.name, "model.name": job.model.name}
    names |= {f"custom.evallab.lineage.{name}": value for name, value in lineage or () if isinstance(value, str)}
    long = [
        f"{name}: is longer than {MOST_NAME} bytes" for name, text in names.items() if len(text.encode()) > MOST_NAME
    ]
    if not -MOST_PRIORITY <= job.priority <= MOST_PRIORITY:
        long.append(f"custom.evallab.priority: must be from -{MOST_PRIORITY:,} to {MOST_PRIORITY:,}")
    if long:
        raise ApiError("request_validation_failed", detail="\n".join(long))
