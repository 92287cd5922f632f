"""What is known of a job in a cluster when its status is written. Filled by `controller.looking`, read by `status`."""

from dataclasses import dataclass
from typing import Literal

from evallab.planning.conclusion import Cause


@dataclass(frozen=True, kw_only=True)
class ScoreFacts:
    """The primary score of a benchmark, with its interval."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    validity: str = ""


@dataclass(frozen=True, kw_only=True)
class BenchmarkFacts:
    """One benchmark."""

    provider_id: str
    id: str
    state: str
    reason: str | None = None
    message: str | None = None
    attempts: int = 0
    going: bool = False  #: a pod of it runs
    waits_for: str = ""  #: why a pod of it does not run yet
    heard: bool = False  #: its adapter has reported
    has_data: bool = False
    done: int | None = None
    total: int | None = None
    score: ScoreFacts | None = None

    @property
    def ended(self) -> bool:
        """Say whether nothing of it will change any more."""
        return self.state in {"completed", "failed", "cancelled"}


@dataclass(frozen=True, kw_only=True)
class JobFacts:
    """One job. `refused`: it was never run, and why; then nothing else of it is meaningful."""

    job_id: str
    state: str = "pending"
    generation: int
    benchmarks: tuple[BenchmarkFacts, ...] = ()
    reason: str | None = None
    message: str | None = None
    refused: Cause | None = None
    suspended: bool = False
    cancelled: bool = False
    queue: str | None = None
    model: Literal["external", "absent", "starting", "ready", "died", "failed"] = "external"
    model_message: str = ""
    score: float | None = None  #: of the whole job, where it has one
    started_at: str | None = None
    finished_at: str | None = None

    @property
    def ended(self) -> bool:
        """Say whether the job has ended."""
        return self.state in {"completed", "failed", "partially_failed", "cancelled"}
