"""From a benchmark of a job to the launch of its next attempt: job.json, command, environment. Starts nothing."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from evallab.api.contract import JobSpec, JobSpecExtras, JobSpecModel, TestDataSpec
from evallab.api.errors import BenchmarkFailed
from evallab.api.job import Benchmark
from evallab.api.provider import Provider
from evallab.runtimes.interface import Launch
from evallab.store.interface import JobRow


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
    test_data: TestDataSpec | None = None,
    data_env: Mapping[str, str] = MappingProxyType({}),
) -> Launch:
    """Return how to start attempt `number` of benchmark `index`, with that share of its requests at once.

    Raises BenchmarkFailed without a local command.
    """
    local = provider.runtime.local if provider.runtime else None
    if local is None:
        raise BenchmarkFailed(
            f"Local runtime is not enabled for provider '{provider.id}'.",
            remedy="Please configure a local runtime command for this provider and try again.",
        )
    spec = job_spec(job, index, attempt_id=attempt_id, model_url=model_url, callback_url=callback_url)
    extras = spec.evallab.model_copy(update={"concurrency_factor": concurrency, "test_data": test_data})
    return Launch(
        attempt_id=attempt_id,
        number=number,
        spec=spec.model_copy(update={"evallab": extras}),
        command=local.command,
        env={**{each.name: each.value for each in local.env}, **data_env},
        attached=job.attached,
    )


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
