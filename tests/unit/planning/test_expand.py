"""Collections become explicit benchmarks; providers fill in what nobody said."""

import pytest

from evallab.api.errors import NotFound
from evallab.api.job import Benchmark, CollectionRef, EvalJob, Model, PassCriteria, PrimaryScore, TestData
from evallab.api.provider import Collection, Metric, Provider, ProviderBenchmark, Threshold
from evallab.catalog import Catalog, Entry
from evallab.planning.expand import expand

PROVIDER = Provider(
    id="p",
    benchmarks=(
        ProviderBenchmark(id="a", primary_score=Metric(metric="acc"), pass_criteria=Threshold(threshold=0.3)),
        ProviderBenchmark(id="b"),
    ),
)
COLLECTION = Collection.model_validate(
    {
        "id": "c",
        "pass_criteria": {"threshold": 0.6},
        "benchmarks": [
            {
                "id": "a",
                "provider_id": "p",
                "weight": 2,
                "parameters": {"shots": 5, "limit": 10, "gone": None, "empty": "", "zero": 0},
                "primary_score": {"metric": "f1"},
                "pass_criteria": {"threshold": 0.7},
            },
            {"id": "a", "provider_id": "q", "parameters": {"shots": 1}},
            {"id": "b", "provider_id": "p"},
        ],
    }
)
CATALOG = Catalog.of([Entry(PROVIDER)], [COLLECTION])
MODEL = Model(name="m", url="http://h/v1")


def collected(*overrides: Benchmark, **changes: object) -> EvalJob:
    return EvalJob(name="j", model=MODEL, collection=CollectionRef(id="c", benchmarks=overrides)).model_copy(
        update=changes
    )


def listed(*benchmarks: Benchmark) -> EvalJob:
    return EvalJob(name="j", model=MODEL, benchmarks=benchmarks)


def test_a_collection_becomes_explicit() -> None:
    assert expand(collected(), CATALOG) == EvalJob(
        name="j",
        model=MODEL,
        pass_criteria=PassCriteria(threshold=0.6),
        benchmarks=(
            Benchmark(
                provider_id="p",
                id="a",
                weight=2,
                parameters={"shots": 5, "limit": 10, "zero": 0},
                primary_score=PrimaryScore(metric="f1"),
                pass_criteria=PassCriteria(threshold=0.7),
            ),
            Benchmark(provider_id="q", id="a", parameters={"shots": 1}),
            Benchmark(provider_id="p", id="b"),
        ),
    )


def test_what_the_job_says_wins_for_that_benchmark_only() -> None:
    override = Benchmark(
        provider_id="p",
        id="a",
        parameters={"limit": 3, "own": True},
        weight=0,
        test_data=TestData(path="data"),
        pass_criteria=PassCriteria(threshold=0.9),
    )
    first, *rest = expand(collected(override), CATALOG).benchmarks
    assert first == Benchmark(
        provider_id="p",
        id="a",
        weight=0,
        parameters={"shots": 5, "limit": 3, "zero": 0, "own": True},
        primary_score=PrimaryScore(metric="f1"),
        pass_criteria=PassCriteria(threshold=0.9),
        test_data=TestData(path="data"),
    )
    assert tuple(rest) == expand(collected(), CATALOG).benchmarks[1:]


def test_a_threshold_does_not_outlive_its_score() -> None:
    override = Benchmark(provider_id="p", id="a", primary_score=PrimaryScore(metric="acc"))
    first = expand(collected(override), CATALOG).benchmarks[0]
    assert (first.primary_score, first.pass_criteria) == (PrimaryScore(metric="acc"), None)


def test_the_jobs_own_criteria_win() -> None:
    job = collected(pass_criteria=PassCriteria(threshold=0.1))
    assert expand(job, CATALOG).pass_criteria == PassCriteria(threshold=0.1)


@pytest.mark.parametrize(
    ("own", "score", "criteria"),
    [
        ({}, PrimaryScore(metric="acc"), PassCriteria(threshold=0.3)),
        ({"pass_criteria": PassCriteria(threshold=0)}, PrimaryScore(metric="acc"), PassCriteria(threshold=0)),
        ({"primary_score": PrimaryScore(metric="acc")}, PrimaryScore(metric="acc"), None),
    ],
)
def test_provider_defaults(own: dict[str, object], score: PrimaryScore, criteria: PassCriteria | None) -> None:
    benchmark = Benchmark(provider_id="p", id="a").model_copy(update=own)
    expanded = expand(listed(benchmark), CATALOG).benchmarks[0]
    assert (expanded.primary_score, expanded.pass_criteria) == (score, criteria)


def test_unknown_providers_and_benchmarks_stay_as_they_are() -> None:
    job = listed(Benchmark(provider_id="nobody", id="a"), Benchmark(provider_id="p", id="own_task"))
    assert expand(job, CATALOG) == job


def test_the_same_benchmark_twice() -> None:
    twice = (Benchmark(provider_id="p", id="b", parameters={"shots": 0}), Benchmark(provider_id="p", id="b"))
    assert expand(listed(*twice), CATALOG).benchmarks == twice


@pytest.mark.parametrize("job", [collected(), listed(Benchmark(provider_id="p", id="a"))])
def test_expanding_twice_is_expanding_once(job: EvalJob) -> None:
    once = expand(job, CATALOG)
    assert expand(once, CATALOG) == once


def test_a_later_change_of_the_collection_changes_nothing() -> None:
    once = expand(collected(), CATALOG)
    assert expand(once, Catalog.of([Entry(PROVIDER)])) == once


def test_an_unknown_collection() -> None:
    with pytest.raises(NotFound, match="no collection"):
        expand(collected(), Catalog())
