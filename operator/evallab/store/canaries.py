"""What the store keeps of canaries: the answers to fixed prompts, and what they told; a part of `interface.Store`.

Implemented by `store.canary`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from evallab.store.values import Json


@dataclass(frozen=True, kw_only=True)
class CanaryRow:
    """The canary of one job: its passes by name, when each was asked, and the verdict once the job has ended."""

    job_id: str
    passes: Mapping[str, Json]
    asked_at: Mapping[str, datetime] = field(default_factory=dict)
    verdict: Json | None = None


class Canarying(Protocol):
    """Canaries of jobs."""

    async def save_canary_pass(self, job_id: str, name: str, body: Json, *, now: datetime) -> None:
        """Keep what a pass was answered; one that is asked again replaces the one before."""

    async def save_canary_verdict(self, job_id: str, setup_key: str | None, body: Json, *, now: datetime) -> None:
        """Keep what a job's canary told; judged again it is replaced."""

    async def canary(self, job_id: str) -> CanaryRow | None:
        """Return a job's canary, or None when it has none (yet)."""

    async def last_valid_canary(self, setup_key: str, *, prompts: str, but: str) -> CanaryRow | None:
        """Return the newest usable canary of a setup with that version of the prompts, of another job than `but`."""
