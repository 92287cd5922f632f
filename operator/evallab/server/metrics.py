"""What the server tells Prometheus: EvalHub's names and OpenTelemetry's, so that dashboards for either work, and ours.

`app` calls `active` and `request` around every request, `metrics_jobs` the verbs about jobs; `routes.metrics` sets the
gauges when somebody looks. Names, labels and buckets of `evalhub_*` are EvalHub's. A label never holds a path or a
method as a client sent it: a scan for files that do not exist must not make a series each.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

DOUBLING = tuple(float(2**power) for power in range(14))  #: 1 s, 2 s, … 8,192 s: EvalHub's buckets of long things
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "_OTHER"  #: OpenTelemetry's word for a method that is none
NOWHERE = "none"  #: the route of a path that is nobody's


class Metrics:
    """One registry with everything that is counted."""

    def __init__(self) -> None:
        """Begin counting from zero."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the page and nobody asks for them
        self.registry = CollectorRegistry(auto_describe=True)
        self._requests = _Requests(self.registry)
        self._jobs = _Jobs(self.registry)
        self._state = _State(self.registry)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)

    def active(self, method: str = OTHER, route: str = NOWHERE) -> AbstractContextManager[object]:
        """Count a request as being served for as long as the context lasts."""
        return self._requests.active(_known(method), route)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered; `route` is the template of its path."""
        self._requests.answered(_known(method), route, status, seconds)

    def job_changed(self, *, provider: str, collection: str, status: str, seconds: float | None = None) -> None:
        """Count that a job came into a state; `seconds` since it was made, when that state is its end."""
        self._jobs.changes.labels(provider, collection, status).inc()
        if seconds is not None:
            self._jobs.durations.labels(provider, collection).observe(seconds)

    def benchmark_ended(self, *, benchmark: str, provider: str, status: str, seconds: float | None) -> None:
        """Count a benchmark that ended; `seconds` from its start, None when it never started."""
        self._jobs.ends.labels(benchmark, provider, status).inc()
        if seconds is not None:
            self._jobs.benchmark_durations.labels(benchmark, provider).observe(seconds)

    def error(self, kind: str, *, provider: str = "") -> None:
        """Count an error of a job: "job_failed", "runtime_start_failed"."""
        self._jobs.errors.labels(kind, provider).inc()

    def activity(self, *, waiting: int, running: int, attempts: int) -> None:
        """Say how many jobs wait and run, and how many attempts run."""
        self._state.waiting.set(waiting)
        self._state.queue.set(waiting)
        self._state.jobs.set(waiting + running)
        self._state.attempts.set(attempts)

    def built(self, version: str, commit: str | None) -> None:
        """Say which evallab this is."""
        self._state.build.labels(version, commit or "unknown").set(1)

    def store_up(self, up: int) -> None:
        """Say whether Postgres answered (1) or not (0)."""
        self._state.store.set(up)

    def catalog_problems(self, count: int) -> None:
        """Say how many problems the catalogue has."""
        self._state.problems.set(count)

    def events_spooled(self, count: Callable[[], int]) -> None:
        """Take what counts the events that were taken but are not in the store; it is asked at every look."""
        self._state.spooled.set_function(count)

    def streams_open(self, count: int) -> None:
        """Say how many clients follow a job."""
        self._state.streams.set(count)

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Return the page and its content type, in the format that the client prefers."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # of a version that is none
            encode, content_type = choose_encoder("")
        return encode(self.registry), content_type


class _Requests:
    """Requests, three times: OpenTelemetry's count and duration, and EvalHub's duration."""

    def __init__(self, registry: CollectorRegistry) -> None:
        whole = ["http_request_method", "http_route", "http_response_status_code"]
        self._count = Counter("http_server_request_count", "Requests answered.", whole, registry=registry)
        self._duration = Histogram(
            "http_server_request_duration_seconds", "How long requests took.", whole, registry=registry
        )
        self._api = Histogram(
            "evalhub_api_request_duration_seconds",
            "How long requests took, as EvalHub names it.",
            ["endpoint", "method", "collection", "provider"],
            registry=registry,
        )
        self._active = Gauge("http_server_active_requests", "Requests being served.", whole[:2], registry=registry)
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram, Histogram]] = {}
        self._actives: dict[tuple[str, str], Gauge] = {}

    def active(self, method: str, route: str) -> AbstractContextManager[object]:
        child = self._actives.get((method, route))
        if child is None:
            child = self._actives[method, route] = self._active.labels(method, route)
        return child.track_inprogress()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        count, duration, api = self._children.get((method, route, status)) or self._new(method, route, status)
        count.inc()
        duration.observe(seconds)
        api.observe(seconds)

    def _new(self, method: str, route: str, status: int) -> tuple[Counter, Histogram, Histogram]:
        labels = (method, route, str(status))
        api = self._api.labels(route, method, "", "")
        children = (self._count.labels(*labels), self._duration.labels(*labels), api)
        self._children[method, route, status] = children
        return children


class _Jobs:
    """What happened to jobs, in EvalHub's names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        of_job, of_benchmark = ["provider", "collection"], ["benchmark_name", "provider"]
        self.changes = Counter(
            "evalhub_evaluation_jobs", "Jobs that came into a state.", [*of_job, "status"], registry=registry
        )
        self.durations = Histogram(
            "evalhub_evaluation_job_duration_seconds",
            "From the creation of a job to its end.",
            of_job,
            buckets=DOUBLING,
            registry=registry,
        )
        self.ends = Counter(
            "evalhub_benchmark_completions", "Benchmarks that ended.", [*of_benchmark, "status"], registry=registry
        )
        self.benchmark_durations = Histogram(
            "evalhub_benchmark_duration_seconds",
            "From the start of a benchmark to its end.",
            of_benchmark,
            buckets=DOUBLING,
            registry=registry,
        )
        self.errors = Counter(
            "evalhub_evaluation_errors", "Errors of jobs.", ["error_type", "provider"], registry=registry
        )


class _State:
    """How things are at the moment of looking."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, registry=registry)

        self.jobs = gauge("evalhub_evaluation_jobs_active", "Jobs that wait or run.")
        self.queue = gauge("evalhub_evaluation_queue_depth", "Jobs that wait, as EvalHub names it.")
        self.waiting = gauge("evallab_queue_length", "Jobs that wait for their turn.")
        self.attempts = gauge("evallab_attempts_running", "Attempts that run.")
        self.spooled = gauge("evallab_events_spooled", "Events taken from adapters that are not yet in the store.")
        self.streams = gauge("evallab_streams_open", "Clients that follow a job.")
        self.problems = gauge("evallab_catalog_problems", "Problems of the catalogue's files.")
        self.store = gauge("evallab_store_up", "1 when Postgres answered at this look, else 0.")
        self.build = Gauge("evallab_build_info", "Which evallab this is.", ["version", "commit"], registry=registry)


def _known(method: str) -> str:
    return method if method in METHODS else OTHER
