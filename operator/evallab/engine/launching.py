"""From a benchmark of a job to the launch of its next attempt: job.json, command, environment. Starts nothing."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from evallab.api.contract import JobSpec, JobSpecExtras, JobSpecModel, TestDataSpec
from evallab.api.errors import BenchmarkFailed
from evallab.api.job import Benchmark
from evallab.api.provider import Provider
from evallab.engine.in_process import Loaded, joined
from evallab.planning.cluster.plan import AttemptPlan, Owner
from evallab.runtimes.interface import Launch
from evallab.store.interface import JobRow

_PROXY = "http://127.0.0.1:8090/model"  #: the sidecar's, in every pod


def launch(
    job: JobRow,
    index: int,
    *,
    number: int,
    concurrency: float,
    attempt_id: str,
    provider: Provider,
    model_url: str,
    callback_url: str,
    loaded: Loaded | None = None,
    test_data: TestDataSpec | None = None,
    data_env: Mapping[str, str] = MappingProxyType({}),
) -> Launch:
    """Return how to start attempt `number` of benchmark `index`, with that share of its requests at once.

    Raises BenchmarkFailed without a local command; in a cluster, without an image.
    """
    if job.runtime == "kubernetes":
        return _in_a_pod(
            job,
            index,
            number=number,
            concurrency=concurrency,
            attempt_id=attempt_id,
            provider=provider,
            model_url=model_url,
            callback_url=callback_url,
        )
    local = provider.runtime.local if provider.runtime else None
    if local is None:
        raise BenchmarkFailed(
            f"Local runtime is not enabled for provider '{provider.id}'.",
            remedy="Please configure a local runtime command for this provider and try again.",
        )
    spec = job_spec(job, index, attempt_id=attempt_id, model_url=model_url, callback_url=callback_url)
    extras = spec.evallab.model_copy(
        update={
            "concurrency_factor": concurrency,
            "test_data": test_data,
            "in_process": loaded.spec if loaded else None,
        }
    )
    env = {**{each.name: each.value for each in local.env}, **data_env}
    return Launch(
        attempt_id=attempt_id,
        number=number,
        spec=spec.model_copy(update={"evallab": extras}),
        command=local.command,
        env=joined(loaded.env, env) if loaded else env,
        attached=job.attached,
    )


def _in_a_pod(
    job: JobRow,
    index: int,
    *,
    number: int,
    concurrency: float,
    attempt_id: str,
    provider: Provider,
    model_url: str,
    callback_url: str,
) -> Launch:
    """Return how to start an attempt in a cluster: the adapter asks the sidecar, which asks the model."""
    runtime = provider.runtime.k8s if provider.runtime else None
    if runtime is None or not runtime.image:
        raise BenchmarkFailed(
            f"The provider '{provider.id}' cannot run in a cluster.",
            remedy="Give it runtime.k8s.image in its provider file.",
        )
    asked = _PROXY + urlsplit(model_url).path if model_url else ""
    spec = job_spec(job, index, attempt_id=attempt_id, model_url=asked, callback_url=callback_url)
    extras = spec.evallab.model_copy(update={"concurrency_factor": concurrency})
    plan = AttemptPlan(
        attempt_id=attempt_id,
        number=number,
        owner=owner(job),
        job=job.spec,
        benchmark=job.spec.benchmarks[index],
        index=index,
        spec=spec.model_copy(update={"evallab": extras}),
        model_url=model_url,
        runtime=runtime,
        restore=number > 1,
    )
    return Launch(attempt_id=attempt_id, number=number, spec=plan.spec, command="", plan=plan)


def owner(job: JobRow) -> Owner:
    """Return the EvalJob that a job of a cluster is."""
    return Owner(namespace=job.tenant or "default", name=job.resource or job.name, uid=job.id)


def job_spec(job: JobRow, index: int, *, attempt_id: str, model_url: str, callback_url: str) -> JobSpec:
    """Return the job.json of one attempt: EvalHub's fields, and ours under `evallab`."""
    spec, benchmark = job.spec, job.spec.benchmarks[index]
    parameters = dict(benchmark.parameters)
    examples = parameters.pop("num_examples", None)
    return JobSpec(
        id=job.id,
        provider_id=benchmark.provider_id,
        benchmark_id=benchmark.id,
        benchmark_index=index,
        model=JobSpecModel(name=spec.model.name, url=model_url, auth=_auth(spec.model.secret_ref)),
        num_examples=examples,
        parameters=parameters,
        callback_url=callback_url,
        primary_score=_primary(benchmark),
        evallab=JobSpecExtras(
            attempt_id=attempt_id,
            temperature=spec.sampling.temperature,
            seed=1234 if spec.sampling.seed is None else spec.sampling.seed,
            manifest_dir=job.manifest_dir,
            code_execution=spec.code_execution or "Forbidden",
        ),
    )


def _auth(secret_ref: str | None) -> Mapping[str, Any] | None:
    return {"secret_ref": secret_ref} if secret_ref else None


def _primary(benchmark: Benchmark) -> dict[str, Any] | None:
    if benchmark.primary_score is None:
        return None
    return benchmark.primary_score.model_dump()
