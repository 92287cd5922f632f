"""What the state machine looks at and what it answers: values only. `lifecycle.decide` makes a `Plan` of a `JobView`.

The engine fills views from processes, files and the store (`engine.observing`), and projects plans (`projecting`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from evallab.planning.actions import Action
from evallab.planning.conclusion import AttemptFacts, Conclusion

BenchmarkState = Literal["pending", "running", "completed", "failed", "cancelled"]
JobState = Literal["pending", "running", "completed", "failed", "partially_failed", "cancelled"]
DataState = Literal["absent", "fetching", "ready"]
CanaryState = Literal["off", "due", "asking", "begun", "done"]  #: `begun`: asked before the attempts, not yet after
TERMINAL: frozenset[str] = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, kw_only=True)
class AttemptView:
    """One attempt: its facts now, and since when it runs."""

    id: str
    number: int
    facts: AttemptFacts
    started_at: datetime
    settled: Conclusion | None = None  #: concluded and written down before; never decided anew
    waiting: bool = False  #: for a place to run; its running time has not begun
    waits_for: str = ""  #: why it does not run yet, as a sentence
    past: bool = False  #: made before the job was resumed: of its end only a completion still counts


@dataclass(frozen=True, kw_only=True)
class BenchmarkView:
    """One benchmark with its attempts, oldest first."""

    index: int
    attempts: tuple[AttemptView, ...] = ()
    data: DataState = "ready"  #: for its next attempt; data that cannot be had is ready too: the attempt says why


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """The job's model server: `external` when the job brings none to start."""

    state: Literal["external", "absent", "starting", "ready", "died", "failed"] = "external"
    message: str = ""
    up: bool = False  #: a process of it is there, ready or not; when `absent`, one that a predecessor left running
    deaths: int = 0  #: how often it ended by itself after it had been ready; `died` may be restarted, `failed` may not


@dataclass(frozen=True, kw_only=True)
class JobView:
    """Everything `decide` looks at."""

    benchmarks: tuple[BenchmarkView, ...]
    model: ModelView = ModelView()
    canary: CanaryState = "off"
    created_at: datetime  #: or resumed: when it was last asked for
    admitted: bool = True  #: its turn has come
    suspended: bool = False  #: somebody wants it to pause
    cancelled: bool = False
    abandoned: bool = False  #: it lived with a command that died
    retries: int = 2
    restarts: int = 2  #: of the model server; they are no retries
    timeout: timedelta = timedelta(hours=4)
    pending_deadline: timedelta = timedelta(days=1)
    parallel: int = 1


@dataclass(frozen=True, kw_only=True)
class BenchmarkStatus:
    """The state of one benchmark and why."""

    index: int
    state: BenchmarkState
    conclusion: Conclusion | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the states are, what to do now, and when to look again at the latest."""

    state: JobState
    benchmarks: tuple[BenchmarkStatus, ...]
    actions: tuple[Action, ...] = ()
    look_again_at: datetime | None = None
    held: bool = False  #: all benchmarks have ended, and the canary's last prompts are being asked

    @property
    def finished(self) -> bool:
        """True when nothing will ever change and nothing is left to do."""
        return not self.actions and not self.held and self.state not in {"pending", "running"}
