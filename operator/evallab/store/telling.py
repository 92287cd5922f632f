"""What the store keeps of GPUs and model servers, and of what was found when a job ended; a part of `interface.Store`.

Scores are insert-only: findings lie beside them, and every reader gets the worst of both. Implemented by
`store.telemetry`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from evallab.planning.telemetry import GpuWindow, ServerWindow, Window
from evallab.planning.validity import Judgement
from evallab.store.values import Json


class Telling(Protocol):
    """Telemetry, and judgements."""

    async def add_telemetry(self, job_id: str, windows: Sequence[Window]) -> None:
        """Insert windows of a job, each once per begin and device."""

    async def gpu_windows(self, job_id: str) -> list[GpuWindow]:
        """Return what was seen of the GPUs of a job, in the order of time."""

    async def server_windows(self, job_id: str) -> list[ServerWindow]:
        """Return what the model server of a job answered, in the order of time."""

    async def save_judgements(
        self, job_id: str, judgements: Mapping[int, Judgement], *, summary: Json, now: datetime
    ) -> None:
        """Write what was found about the benchmarks of a job, and what its telemetry comes to; replaces what was."""

    async def judgements(self, job_id: str) -> dict[int, Judgement]:
        """Return what was found about the benchmarks of a job, by index; nothing until the job ended."""

    async def telemetry_summary(self, job_id: str) -> Json | None:
        """Return what the telemetry of a job comes to; None until the job ended."""
