"""Prometheus finds EvalHub's names with EvalHub's labels and buckets, OpenTelemetry's, and ours; each change once."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from evallab.api.job import Benchmark, EvalJob, Model
from evallab.server.metrics import NOWHERE, Metrics
from evallab.server.metrics_jobs import JobCounts
from evallab.store.interface import BenchmarkRow, JobRow, JobState

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
Labels = dict[str, str]


def samples(metrics: Metrics, name: str) -> list[tuple[Labels, float]]:
    """Return the labels and values of one sample's name."""
    families = text_string_to_metric_families(metrics.page()[0].decode())
    return [(each.labels, each.value) for family in families for each in family.samples if each.name == name]


def job(state: JobState, **changes: object) -> JobRow:
    spec = EvalJob(
        name="nightly",
        model=Model(name="tiny", url="http://127.0.0.1:1/v1"),
        benchmarks=(Benchmark(provider_id="lm", id="sums"), Benchmark(provider_id="code", id="plus")),
    )
    row = JobRow(id="job-1", name="nightly", spec=spec, state=state, created_at=NOON)
    return replace(row, **changes)  # type: ignore[arg-type]


def benchmarks(*states: str) -> list[BenchmarkRow]:
    rows = [("lm", "sums"), ("code", "plus")]
    times = {"started_at": NOON + timedelta(seconds=10), "finished_at": NOON + timedelta(seconds=40)}
    return [
        BenchmarkRow(job_id="job-1", index=index, provider_id=provider, benchmark_id=name, state=state, **times)  # type: ignore[arg-type]
        for index, ((provider, name), state) in enumerate(zip(rows, states, strict=True))
    ]


def test_a_request_is_counted_in_both_families_by_the_template_of_its_path() -> None:
    metrics = Metrics()
    metrics.request("GET", "/api/v1/evaluations/jobs/{job_id}", 200, 0.003)
    labels = {
        "http_request_method": "GET",
        "http_route": "/api/v1/evaluations/jobs/{job_id}",
        "http_response_status_code": "200",
    }
    endpoint = {
        "endpoint": "/api/v1/evaluations/jobs/{job_id}",
        "method": "GET",
        "collection": "",
        "provider": "",
    }
    assert samples(metrics, "http_server_request_count_total") == [(labels, 1.0)]
    assert samples(metrics, "http_server_request_duration_seconds_sum") == [(labels, 0.003)]
    assert samples(metrics, "evalhub_api_request_duration_seconds_sum") == [(endpoint, 0.003)]


def test_a_request_is_active_for_as_long_as_it_lasts() -> None:
    metrics, labels = Metrics(), {"http_request_method": "POST", "http_route": "/a"}
    with metrics.active("POST", "/a"):
        during = samples(metrics, "http_server_active_requests")
    assert (during, samples(metrics, "http_server_active_requests")) == ([(labels, 1.0)], [(labels, 0.0)])


def test_clients_cannot_make_series_of_their_own() -> None:
    metrics = Metrics()
    for number in range(100):
        with metrics.active(f"METHOD{number}"):
            metrics.request(f"METHOD{number}", NOWHERE, 404, 0.001)
    assert [value for _, value in samples(metrics, "http_server_request_count_total")] == [100.0]
    assert len(samples(metrics, "http_server_active_requests")) == 1


def test_each_change_of_a_job_is_counted_once_for_each_of_its_providers() -> None:
    metrics = Metrics()
    counts = JobCounts(metrics)
    asked = {"request": {"collection": {"id": "maths"}}}
    for _ in range(3):
        counts.saw(job("pending", **asked), benchmarks("pending", "pending"))
    counts.saw(job("running", **asked), benchmarks("completed", "running"))
    ended = job("partially_failed", finished_at=NOON + timedelta(seconds=50), **asked)
    for _ in range(3):
        counts.saw(ended, benchmarks("completed", "failed"))
    of_jobs = samples(metrics, "evalhub_evaluation_jobs_total")
    assert of_jobs == [
        ({"provider": provider, "collection": "maths", "status": status}, 1.0)
        for status in ("pending", "running", "partially_failed")
        for provider in ("lm", "code")
    ]
    assert samples(metrics, "evalhub_evaluation_job_duration_seconds_sum") == [
        ({"provider": provider, "collection": "maths"}, 50.0) for provider in ("lm", "code")
    ]
    assert samples(metrics, "evalhub_benchmark_completions_total") == [
        ({"benchmark_name": "sums", "provider": "lm", "status": "completed"}, 1.0),
        ({"benchmark_name": "plus", "provider": "code", "status": "failed"}, 1.0),
    ]
    assert samples(metrics, "evalhub_benchmark_duration_seconds_sum") == [
        ({"benchmark_name": "sums", "provider": "lm"}, 30.0),
        ({"benchmark_name": "plus", "provider": "code"}, 30.0),
    ]
    assert samples(metrics, "evalhub_evaluation_errors_total") == [
        ({"error_type": "job_failed", "provider": provider}, 1.0) for provider in ("lm", "code")
    ]


def test_what_ended_before_it_was_first_seen_is_not_counted() -> None:
    metrics = Metrics()
    counts = JobCounts(metrics)
    counts.saw(job("completed"), benchmarks("completed", "completed"))
    counts.saw(replace(job("running"), id="job-2"), benchmarks("completed", "running"))
    assert samples(metrics, "evalhub_benchmark_completions_total") == []
    assert [labels["status"] for labels, _ in samples(metrics, "evalhub_evaluation_jobs_total")] == [
        "running",
        "running",
    ]


def test_long_things_have_evalhubs_buckets() -> None:
    metrics = Metrics()
    metrics.job_changed(provider="lm", collection="", status="completed", seconds=3.0)
    bounds = [labels["le"] for labels, _ in samples(metrics, "evalhub_evaluation_job_duration_seconds_bucket")]
    assert bounds == [*(str(float(2**power)) for power in range(14)), "+Inf"]


def test_gauges_are_there_before_anything_happened() -> None:
    metrics = Metrics()
    metrics.activity(waiting=3, running=2, attempts=4)
    names = (
        "evalhub_evaluation_jobs_active",
        "evalhub_evaluation_queue_depth",
        "evallab_queue_length",
        "evallab_attempts_running",
        "evallab_events_spooled",
        "evallab_streams_open",
        "evallab_catalog_problems",
    )
    assert [samples(metrics, name) for name in names] == [
        [({}, value)] for value in (5.0, 3.0, 3.0, 4.0, 0.0, 0.0, 0.0)
    ]
    assert samples(metrics, "process_start_time_seconds") != []
    assert samples(metrics, "python_info") != []


def test_a_client_that_prefers_openmetrics_gets_it() -> None:
    metrics = Metrics()
    assert metrics.page()[1].startswith("text/plain")
    assert metrics.page("application/openmetrics-text; version=1.0.0")[0].endswith(b"# EOF\n")


def test_every_metric_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    ours = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in Metrics().registry.collect()
        if not family.name.startswith(("process_", "python_"))
    }
    assert documented == ours
