"""What the engine asks of a runtime: start, observe, stop, read what is left. Implemented by `runtimes.local`
and `runtimes.kubernetes`.

A runtime decides nothing: it neither retries nor times out. `start` is idempotent per attempt id; `observe` may be
called at any time, also by another process than the one that started the attempt, given the handle.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from evallab.api.contract import JobSpec
from evallab.planning.cluster.plan import AttemptPlan
from evallab.planning.conclusion import Cause


@dataclass(frozen=True, kw_only=True)
class Launch:
    """Everything needed to start one attempt."""

    attempt_id: str
    number: int
    spec: JobSpec
    command: str  #: run as `sh -c command`
    env: Mapping[str, str] = field(default_factory=dict)  #: of the provider; on top of the allow-listed environment
    attached: bool = True  #: ends when the process that started it dies
    token: str = ""  #: what the attempt shows where it reports, if anything; a secret
    plan: AttemptPlan | None = None  #: in a cluster


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How an attempt's process ended."""

    code: int | None = None
    signal: int | None = None
    orphaned: bool = False  #: ended because the process that started it died
    finished_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What can be seen of an attempt now. `vanished`: it was started, is not running, and left no exit record.

    `waiting`: it has a place to run only in the future (a queue, a node, an image, a volume); `why` says for what.
    `exited` is said only once everything that the attempt left is here (`Runtime.leavings`) or known to be lost.
    """

    state: Literal["absent", "waiting", "running", "exited", "vanished"]
    why: str = ""
    cause: Cause | None = None  #: of its end; of one that waits or runs: why it has to be ended now
    executed: Mapping[str, Any] = field(default_factory=dict)  #: what really ran, for the provenance: image, node, pod
    started_at: datetime | None = None
    exit: Exit | None = None
    running_s: float | None = None  #: for how long, by a clock that nobody sets


@dataclass(frozen=True, kw_only=True)
class Leavings:
    """Where an attempt left its files."""

    result_file: Path
    artifacts_dir: Path
    log_file: Path
    work_dir: Path
    log_times: Path | None = None  #: when each line of the log arrived


class Runtime(Protocol):
    """Where attempts execute."""

    def handle(self, launch: Launch) -> dict[str, Any]:
        """Return the handle (JSON) that `start` will return. Raises BenchmarkFailed for what cannot be started."""

    async def start(self, launch: Launch) -> dict[str, Any]:
        """Start an attempt and return its handle (JSON). Raises BenchmarkFailed when nothing could be started."""

    async def observe(self, handle: Mapping[str, Any]) -> Observation:
        """Look at an attempt."""

    async def stop(self, handle: Mapping[str, Any], *, grace_seconds: float) -> None:
        """Tell the whole process tree to end: TERM, a grace period, KILL. Returns at once; `observe` shows the end."""

    def leavings(self, handle: Mapping[str, Any]) -> Leavings:
        """Name the files an attempt leaves."""

    def log_tail(self, handle: Mapping[str, Any], *, lines: int) -> str:
        """Return the last lines of an attempt's log ("" when there is none)."""

    async def tidy(self, job_id: str) -> None:
        """Remove what was kept only to bring a job to its end, which is recorded now."""
