"""What the door of attempts acts through, as one frozen value that the composition root makes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from evallab.server.attempts.supply import Supply
from evallab.store.clustering import LEAVINGS_LIMIT
from evallab.store.interface import AttemptRow, JobRow, Store


class Bearers(Protocol):
    """Knows who may speak for an attempt."""

    async def admits(self, attempt_id: str, token: str, tenant: str) -> bool:
        """Say whether a token was made for this attempt, in the namespace of its job. Raises KubernetesUnavailable."""

    async def made_for(self, attempt_id: str, token: str) -> bool:
        """Say whether a token was made for this attempt, wherever. Raises KubernetesUnavailable."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The door's parts."""

    store: Store
    bearers: Bearers
    supply: Supply  #: test data
    now: Callable[[], datetime]
    stored: Callable[[str], None] = lambda _job_id: None  #: called when a job has new events
    leavings_limit: int = LEAVINGS_LIMIT  #: bytes that one attempt may leave


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The attempt that asks, as the store knows it."""

    job: JobRow
    attempt: AttemptRow
