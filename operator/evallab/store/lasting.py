"""Rows about what stays when jobs have ended: series of scores, baselines, kept files. Re-exported by `interface`."""

from dataclasses import dataclass
from datetime import datetime

from evallab.store.values import JobState, Json, Validity


@dataclass(frozen=True, kw_only=True)
class LatestRow:
    """The newest usable primary score of a model on a benchmark, for one question key."""

    model: str
    family: str | None
    provider_id: str
    benchmark_id: str
    metric: str
    filter: str
    question_key: str | None
    job_id: str
    job: str
    index: int
    value: float
    ci_low: float | None
    ci_high: float | None
    n: int
    higher_is_better: bool
    validity: Validity
    limited: bool  #: not all questions of the benchmark were to be asked
    ended_at: datetime


@dataclass(frozen=True, kw_only=True)
class HistoryRow(LatestRow):
    """A primary score of a job that has ended, usable or not, with what answered."""

    setup_key: str | None
    evallab_commit: str | None
    setup: Json  #: names of the parts of a setup to their values, None where unknown


@dataclass(frozen=True, kw_only=True)
class BaselineRow:
    """The job that others of a model, or of a family, are compared with."""

    name: str  #: of the model or the family
    job_id: str
    job: str
    set_at: datetime


@dataclass(frozen=True, kw_only=True)
class RetainedRow:
    """A kept file of a job that has ended. `rank` 1 is the newest of its model and benchmark."""

    artifact_id: str
    job_id: str
    job: str
    path: str
    bytes: int
    ended_at: datetime
    pinned: bool  #: by somebody, or by being a baseline
    rank: int


@dataclass(frozen=True, kw_only=True)
class EndedRow:
    """A job that has ended: how and when."""

    id: str
    state: JobState
    ended_at: datetime
    deleted: bool = False  #: nothing of it needs to stay
