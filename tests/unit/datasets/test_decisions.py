"""When data is fetched, and that no attempt starts before it is there."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from evallab.api.job import Benchmark, EvalJob, Model, TestData
from evallab.planning.actions import Action, FetchData, StartAttempt, StartModel
from evallab.planning.confidential import is_confidential
from evallab.planning.lifecycle import decide
from evallab.planning.views import BenchmarkView, DataState, JobView, ModelView

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def actions(*data: DataState, **changes: object) -> tuple[Action, ...]:
    views = tuple(BenchmarkView(index=index, data=each) for index, each in enumerate(data))
    view = replace(JobView(benchmarks=views, created_at=NOW), **changes)  # type: ignore[arg-type]
    return decide(view, NOW).actions


def test_all_data_is_fetched_while_the_model_server_starts() -> None:
    assert actions("absent", "absent", model=ModelView(state="absent")) == (
        StartModel(),
        FetchData(0, 1),
        FetchData(1, 1),
    )
    assert actions("fetching", "absent", model=ModelView(state="starting")) == (FetchData(1, 1),)


def test_what_is_ready_starts_and_what_is_not_waits() -> None:
    assert actions("fetching", "ready") == (StartAttempt(1, 1),)
    assert actions("fetching", "fetching") == ()


@pytest.mark.parametrize("changes", [{"admitted": False}, {"cancelled": True}, {"abandoned": True}])
def test_nothing_is_fetched_for_a_job_that_does_not_run(changes: dict[str, bool]) -> None:
    assert actions("absent", **changes) == ()


def test_confidential_is_what_the_benchmark_says() -> None:
    open_, closed = TestData(path="x"), TestData(path="x", confidential=True)
    data = (None, open_, closed)
    benchmarks = tuple(Benchmark(provider_id="p", id="b", test_data=each) for each in data)
    job = EvalJob(name="j", model=Model(name="m"), benchmarks=benchmarks)
    assert [is_confidential(job, index) for index in range(-1, 4)] == [False, False, False, True, False]
