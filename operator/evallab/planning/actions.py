"""What the state machine may tell the engine to do. `lifecycle.decide` returns them, `engine.reconcile` acts."""

from dataclasses import dataclass

from evallab.planning.conclusion import Conclusion


@dataclass(frozen=True)
class StartModel:
    """Start the model server, for the first time or again."""


@dataclass(frozen=True)
class StopModel:
    """Stop the model server."""


@dataclass(frozen=True)
class RunCanary:
    """Ask the fixed prompts: those that come before the first attempt, or after the `last`."""

    last: bool = False


@dataclass(frozen=True)
class FetchData:
    """Fetch and verify the test data of the next attempt of a benchmark."""

    index: int
    number: int


@dataclass(frozen=True)
class StartAttempt:
    """Start the next attempt of a benchmark; `concurrency` is the share of the requests at once that it may use."""

    index: int
    number: int
    concurrency: float = 1.0


@dataclass(frozen=True)
class StopAttempt:
    """Tell an attempt's processes to end; `message` is what was found, where the reason does not say it all."""

    attempt_id: str
    reason: str
    message: str = ""


@dataclass(frozen=True)
class Settle:
    """Write down how an attempt ended; when completed, record its result first."""

    attempt_id: str
    conclusion: Conclusion


Action = StartModel | StopModel | RunCanary | FetchData | StartAttempt | StopAttempt | Settle
