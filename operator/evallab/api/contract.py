"""The contract between evallab and an adapter: job.json, events, the result file, the rows of samples.

job.json and the events are EvalHub's, unchanged; what evallab adds is optional for an adapter and lives in new fields
(`job.json: evallab`, `event: progress`) and in the result file. Runtimes write job.json; the SDK (`evallab.adapter`)
reads it and writes the rest; the receiver takes it. One attempt directory looks like this:

    meta/job.json     the job specification                     EVALHUB_JOB_SPEC_PATH
    jobrun.log        stdout and stderr of the adapter
    result.json       `Result`, written once, atomically        EVALLAB_RESULT_FILE
    artifacts/        files to keep, samples.jsonl among them   EVALLAB_ARTIFACTS_DIR
    (work directory)  survives attempts: spool, cache           EVALLAB_WORKDIR
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Json = dict[str, Any]
Phase = Literal[
    "initializing", "loading_data", "running_evaluation", "post_processing", "persisting_artifacts", "completed"
]
SAMPLES_FILE = "samples.jsonl"


class Wire(BaseModel):
    """A frozen value on the wire; fields it does not know are kept out, not refused."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class JobSpecModel(Wire):
    """The model as an adapter sees it."""

    url: str = ""
    name: str
    auth: Json | None = None


class TestDataSpec(Wire):
    """The verified snapshot that holds a benchmark's data (`EVALLAB_TEST_DATA` names the same directory).

    `files` are relative to `path`. The texts of confidential data appear in no log and no message of an adapter.
    """

    __test__ = False

    path: str
    source: str = ""
    revision: str = ""
    sha256: str = ""
    files: tuple[str, ...] = ()
    confidential: bool = False


class InProcessSpec(Wire):
    """The model that the harness itself loads: with which of its back ends, from where on this machine, and how."""

    backend: str
    pretrained: str
    args: Json = Field(default_factory=dict)


class JobSpecExtras(Wire):
    """What evallab tells its own adapters beyond EvalHub's job.json."""

    attempt_id: str = ""
    temperature: float | None = None
    seed: int = 1234
    manifest_dir: str | None = None
    code_execution: str = "Forbidden"
    max_model_len: int | None = None
    test_data: TestDataSpec | None = None
    in_process: InProcessSpec | None = None  #: instead of `model.url`
    concurrency_factor: float = Field(default=1.0, gt=0, le=1)  #: below 1 after the model server died of the load


class JobSpec(Wire):
    """job.json. `parameters` is always present, may be empty."""

    id: str
    provider_id: str
    benchmark_id: str
    benchmark_index: int
    model: JobSpecModel
    num_examples: int | None = None
    parameters: Json
    experiment_name: str | None = None
    tags: tuple[Json, ...] | None = None
    callback_url: str
    exports: Json | None = None
    primary_score: Json | None = None
    evallab: JobSpecExtras = JobSpecExtras()


class Message(Wire):
    """A message of an event."""

    message: str
    message_code: str = ""
    message_origin: str = "adapter"


class Progress(Wire):
    """How far an attempt is: questions done, of how many, and how fast in samples per minute."""

    done: int = Field(ge=0)
    total: int = Field(ge=0)
    samples_per_minute: float | None = None


def moment(value: Any) -> Any:
    """Check a moment and keep its text; "" is absent, as EvalHub has it. Raises ValueError."""
    text = _written(value) if isinstance(value, datetime) else value
    if not isinstance(text, str):
        return text
    if text and not _is_moment(text):
        raise ValueError("must be a date and time with its zone, such as 2026-01-31T23:59:59Z")
    return text or None


def _written(moment: datetime) -> str:
    text = moment.isoformat()
    return f"{text.removesuffix('+00:00')}Z" if text.endswith("+00:00") else text


def _is_moment(text: str) -> bool:
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]{1,30})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
Moment = Annotated[str | None, BeforeValidator(moment)]  #: the text of RFC 3339 as it was sent
MetricKind = Literal["numeric", "categorical", "array_ordered", "array_unordered", "time_series"]


class MetricType(Wire):
    """What the values of a metric are."""

    name: str
    type: MetricKind


class StatusEvent(Wire):
    """`benchmark_status_event` of EvalHub, plus `progress`."""

    provider_id: str
    id: str
    benchmark_index: int = 0
    status: Literal["pending", "running", "completed", "failed"]
    phase: Phase | None = None
    metrics: Json | None = None
    error_message: Message | None = None
    warning_message: Message | None = None
    completed_at: Moment = None
    started_at: Moment = None
    overall_score: float | None = None
    artifacts: Json | None = None
    additional_info: Json | None = None
    metrics_schema: tuple[MetricType, ...] | None = None
    mlflow_run_id: str | None = None
    logs_path: str | None = None
    job_meta: Json | None = None  #: such as the `resolved_sha` of git data
    progress: Progress | None = None


class ScoreValue(Wire):
    """One metric of one benchmark as the harness computed it.

    `kind` says how questions become the score: `mean` of a per-sample value (samples carry it under the same metric and
    filter), or `corpus` (a statistic of all answers at once, like BLEU).
    """

    metric: str
    filter: str = "none"
    value: float
    stderr: float | None = None
    higher_is_better: bool = True
    kind: Literal["mean", "corpus"] = "mean"
    primary: bool = False
    n: int | None = None


class Counts(Wire):
    """What happened to the questions. `errors` are infrastructure errors: missing data, never wrong answers."""

    total: int = 0
    answered: int = 0
    errors: int = 0
    truncated: int = 0


class Result(Wire):
    """The result file: what an attempt of evallab's own adapters ended with.

    `question` holds everything that makes two scores answers to the same questions (hashed into the question key);
    `answered_by` what the adapter learnt of what answered; `provenance` whatever else a reviewer needs.
    """

    status: Literal["completed", "failed"]
    error: Message | None = None
    scores: tuple[ScoreValue, ...] = ()
    counts: Counts = Counts()
    question: Json = Field(default_factory=dict)
    answered_by: Json = Field(default_factory=dict)
    provenance: Json = Field(default_factory=dict)
    samples: str | None = None
    artifacts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    started_at: datetime | None = None
    completed_at: datetime | None = None


class Sample(Wire):
    """One question's row: a line of samples.jsonl.

    `scores` maps "metric,filter" to the value of this question; None where there is none. `prompt` and `response` are
    texts (or JSON for multiple choice), kept in the artifact; hashes and numbers become columns. Questions with one
    `cluster` (of one passage, one template) are not independent, and intervals count them together.
    """

    doc_id: int
    repeat: int = 0
    doc_hash: str
    prompt_hash: str
    cluster: str | None = None
    prompt: Any = None
    target: str = ""
    response: str | None = None
    reasoning: str | None = None
    filtered: Mapping[str, Any] = Field(default_factory=dict)
    scores: Mapping[str, float | None] = Field(default_factory=dict)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    latency_ms: float | None = None
    finish_reason: str | None = None
    error: str | None = None
