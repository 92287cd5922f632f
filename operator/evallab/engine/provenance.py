"""Who and what made a job's numbers: evallab's own commit, the packages, the host, the model and its server.

`collect` is called once per job when it ends, `of_attempt` for each result that is recorded. What is written is
complete (`planning.provenance`): a fact that cannot be known says why; none is silently missing, and none is guessed.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evallab.api.contract import Result
from evallab.engine import surroundings
from evallab.planning import keys
from evallab.planning.checks import not_enforced
from evallab.planning.provenance import OF_BENCHMARKS, OF_JOBS, Unknown, complete, whole
from evallab.planning.provenance.difference import Ran
from evallab.store.interface import AttemptRow, JobRow, JobSnapshot, Store

Json = dict[str, Any]


def collect(job: JobRow, model_server: Json | None, *, now: datetime) -> dict[str, Any]:
    """Return the job-level provenance record (JSON), complete but for its course (`with_course`)."""
    found = {
        "evallab": {"version": surroundings.version("evallab"), **surroundings.own_commit()},
        "executor": {"runtime": job.runtime, "tenant": job.tenant, "owner": job.owner},
        "model": _model(job, model_server),
        "model_server": _server(job, model_server),
        "sampling": job.spec.sampling.model_dump(),
        "packages": surroundings.packages(),
        "packages_sha256": surroundings.packages_sha256(),
        "host": surroundings.host() if job.runtime == "local" else surroundings.no_host(),
        "spec_sha256": keys.digest(job.spec.model_dump(mode="json")),
        "not_enforced": [text.partition(":")[0] for text in not_enforced(job.spec, job.runtime)],
        "manifest": {"sha256": hashlib.sha256(job.manifest.encode()).hexdigest(), **_manifest_commit(job)},
        "times": {
            "created_at": _moment(job.created_at),
            "started_at": _moment(job.started_at),
            "ended_at": _moment(now),
        },
    }
    return complete(found, OF_JOBS)


def with_course(record: Json, **found: Mapping[str, Any]) -> Json:
    """Return a record with what others found out about how the job went, when it had its setup key already."""
    return complete({**record, **found}, OF_JOBS)


def of_attempt(
    attempt: AttemptRow,
    result: Result,
    *,
    given: Mapping[str, Any] | None,
    executed: Mapping[str, Any],
    question_key: str | None,
    now: datetime,
) -> Json:
    """Return the record of a benchmark's result, complete: what the adapter says, and what evallab knows of it.

    `given` is the snapshot of data that it was given, `executed` what really ran: image, node, pod.
    """
    found = {
        **({"executed": dict(executed)} if executed else {}),
        "test_data": dict(given) if given else None,
        "harness": result.question.get("harness"),
        **result.provenance,
        "question": result.question,
        "question_key": question_key,
        "answered_by": result.answered_by,
        "counts": result.counts.model_dump(),
        "warnings": list(result.warnings),
        "attempt": {
            "id": attempt.id,
            "number": attempt.number,
            "started_at": _moment(attempt.started_at),
            "recorded_at": _moment(now),
        },
    }
    return complete(found, OF_BENCHMARKS)


def _model(job: JobRow, model_server: Json | None) -> Json:
    model = job.spec.model
    source = model.serve.source if model.serve else None
    fetched = (model_server or {}).get("weights") or {}
    return {
        "name": model.name,
        "url": model.url,
        "lineage": model.lineage.model_dump() if model.lineage else None,
        "source": source.model_dump(exclude_none=True) if source else None,
        "revision": fetched.get("commit") or (source.hf.revision if source and source.hf else None),
        "quantization": (model_server or {}).get("quantization"),
    }


def _server(job: JobRow, model_server: Json | None) -> Json | Unknown | None:
    if job.spec.model.serve and model_server is None:
        return Unknown("its model server was never started")
    if model_server is None:
        return None
    packages = (model_server.get("environment") or {}).get("packages")
    own = {"packages_sha256": surroundings.sha256_of(packages)} if packages else {}
    return {"deaths": 0, "env": {}, **own, **model_server}


def _manifest_commit(job: JobRow) -> Json:
    return surroundings.commit(Path(job.manifest_dir)) if job.manifest_dir else {}


def _moment(when: datetime | None) -> str | None:
    return when.astimezone(UTC).isoformat() if when else None


async def ran(store: Store, reference: str) -> Ran:
    """Return a job with its record, every fact in its place. Raises NotFound."""
    snapshot = await store.snapshot(await store.resolve(reference))
    return as_ran(snapshot, await store.provenance(snapshot.job.id))


def as_ran(snapshot: JobSnapshot, document: Mapping[str, Any]) -> Ran:
    """Return a job with its record as the store, or a server, has it."""
    return Ran(
        job=snapshot.job.id,
        name=snapshot.job.name,
        benchmarks={each.index: f"{each.provider_id}/{each.benchmark_id}" for each in snapshot.benchmarks},
        record=whole(document),
    )
