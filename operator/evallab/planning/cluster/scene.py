"""What is known of one Job when somebody asks why it does not run, or how it ended. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evallab.planning.cluster import labels, reading
from evallab.planning.cluster.plan import ClusterConfig

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is known of one Job: the object, its newest pod, events of both, and Kueue's Workload for it."""

    job: Json | None
    pod: Json | None = None
    events: Sequence[Json] = ()
    workload: Json | None = None
    container: str = "adapter"  #: the one whose end is the end
    now: datetime
    config: ClusterConfig
    sealed: bool = False  #: what it left has all arrived

    @property
    def queue(self) -> str:
        """The queue that the Job waits in, "" when it is in none."""
        return reading.labels(self.job or {}).get(labels.QUEUE, "")

    @property
    def suspended(self) -> bool:
        """Say whether the Job may have no pods now."""
        return bool((self.job or {}).get("spec", {}).get("suspend"))

    def lasts(self, since: datetime | None, limit: float) -> bool:
        """Say whether something has been so for longer than a limit."""
        return reading.seconds(since, self.now) >= limit


def cut(text: str) -> str:
    """Return a message as a part of a sentence, not endless."""
    return text.strip().rstrip(".")[:900]
