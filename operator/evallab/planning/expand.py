"""A job as it was asked for → the job as it runs: explicit benchmarks, with what their provider says by default.

Called once, when a job is submitted, after `checks`; the result is stored, so a collection or a provider that changes
later changes no job. Expanding twice is expanding once.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from evallab.api.errors import NotFound
from evallab.api.evalhub.conversion import placed
from evallab.api.job import Benchmark, EvalJob, PassCriteria, PrimaryScore
from evallab.api.provider import Collection, CollectionBenchmark, Metric, ProviderBenchmark, Threshold
from evallab.planning.catalog_view import CatalogView


def expand(job: EvalJob, catalog: CatalogView) -> EvalJob:
    """Return the job with explicit benchmarks and no collection; NotFound when the collection does not exist."""
    changes: dict[str, Any] = {"collection": None}
    benchmarks: Iterable[Benchmark] = job.benchmarks
    if job.collection and not job.benchmarks:
        collection = catalog.collection(job.collection.id)
        benchmarks = collected(collection, job.collection.benchmarks)
        changes["pass_criteria"] = job.pass_criteria or _criteria(collection.pass_criteria)
    changes["benchmarks"] = tuple(_with_defaults(each, catalog) for each in benchmarks)
    return job.model_copy(update=changes)


def collected(collection: Collection, overrides: Iterable[Benchmark]) -> tuple[Benchmark, ...]:
    """Return the benchmarks of a collection; an override changes every entry with its provider id and benchmark id."""
    by_key = {(each.provider_id, each.id): each for each in overrides}
    return tuple(_entry(each, by_key.get((each.provider_id, each.id))) for each in collection.benchmarks)


def _entry(entry: CollectionBenchmark, override: Benchmark | None) -> Benchmark:
    own = Benchmark.model_validate(
        {
            "provider_id": entry.provider_id,
            "id": entry.id,
            "weight": entry.weight,
            "parameters": _said(entry.parameters),
            "primary_score": _primary(entry.primary_score),
            "pass_criteria": _criteria(entry.pass_criteria),
            **placed(entry.test_data_ref, entry.hardware_config),
        }
    )
    return own if override is None else _overridden(own, override)


def _overridden(own: Benchmark, override: Benchmark) -> Benchmark:
    """What the job says wins, parameters one by one; a threshold does not outlive the score it was meant for."""
    if override.primary_score and override.primary_score != own.primary_score:
        own = own.model_copy(update={"pass_criteria": None})
    said = {name: value for name in Benchmark.model_fields if (value := getattr(override, name)) is not None}
    return own.model_copy(update=said | {"parameters": {**own.parameters, **override.parameters}})


def _said(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Null and "" in a collection mean that the parameter is not set."""
    return {name: value for name, value in parameters.items() if value is not None and value != ""}


def _with_defaults(benchmark: Benchmark, catalog: CatalogView) -> Benchmark:
    """Fill in the provider's primary score, and its threshold only where that threshold belongs to that score."""
    described = _described(benchmark, catalog)
    if described is None or benchmark.primary_score or described.primary_score is None:
        return benchmark
    criteria = benchmark.pass_criteria or _criteria(described.pass_criteria)
    return benchmark.model_copy(update={"primary_score": _primary(described.primary_score), "pass_criteria": criteria})


def _described(benchmark: Benchmark, catalog: CatalogView) -> ProviderBenchmark | None:
    try:
        return catalog.provider(benchmark.provider_id).benchmark(benchmark.id)
    except NotFound:
        return None


def _primary(metric: Metric | None) -> PrimaryScore | None:
    if metric is None:
        return None
    return PrimaryScore(metric=metric.metric, lower_is_better=metric.lower_is_better)


def _criteria(threshold: Threshold | None) -> PassCriteria | None:
    return None if threshold is None else PassCriteria(threshold=threshold.threshold)
