"""What an adapter implements. `running.run` calls the methods in this order and posts a phase before each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from evallab.adapter.attempt import Attempt
from evallab.api.contract import Counts, Json, Sample, ScoreValue

ReportProgress = Callable[[int, int], None]  #: questions done, of how many; may be called as often as you like


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What a benchmark came to; becomes the result file and samples.jsonl."""

    scores: tuple[ScoreValue, ...]
    counts: Counts
    samples: Iterable[Sample] = ()
    question: Json = field(default_factory=dict)
    answered_by: Json = field(default_factory=dict)
    provenance: Json = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Adapter(Protocol):
    """One program that runs one benchmark. Whatever it raises ends the attempt as failed, with that sentence."""

    def initialize(self, attempt: Attempt) -> None:
        """Check the parameters; nothing slow (phase `initializing`)."""

    def load(self) -> None:
        """Get the data and build the questions (phase `loading_data`)."""

    def ask(self, report: ReportProgress) -> None:
        """Ask the model everything that the spool does not know yet (phase `running_evaluation`)."""

    def score(self) -> Scored:
        """Turn answers into scores (phase `post_processing`)."""

    def flush(self) -> None:
        """Bring what was answered to disk; called from a signal handler just before the process ends."""

    def close(self) -> None:
        """Let go of connections and files; also called after a failure."""
