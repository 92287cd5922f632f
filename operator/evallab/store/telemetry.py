"""The store's methods about telemetry and judgements (`store.telling`)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from evallab.planning.telemetry import GpuWindow, ServerWindow, Window, named
from evallab.planning.validity import Judgement, Verdict
from evallab.store import storable
from evallab.store.interface import Json
from evallab.store.part import Part
from evallab.store.transactions import Record


class Telemetry(Part):
    """Windows of a job, and what was found in them."""

    async def add_telemetry(self, job_id: str, windows: Sequence[Window]) -> None:
        """Insert windows of a job, each once per begin and device."""
        rows = [row | {"started_at": row["started_at"].isoformat()} for row in named(windows)]
        if rows:
            await self._write("add_telemetry", {"job_id": job_id, "windows": storable.json(rows)})

    async def gpu_windows(self, job_id: str) -> list[GpuWindow]:
        """Return what was seen of the GPUs of a job, in the order of time."""
        return [_gpu_window(each) for each in await self._all("list_gpu_windows", job_id=job_id)]

    async def server_windows(self, job_id: str) -> list[ServerWindow]:
        """Return what the model server of a job answered, in the order of time."""
        return [ServerWindow(**each) for each in await self._all("list_server_windows", job_id=job_id)]

    async def save_judgements(
        self, job_id: str, judgements: Mapping[int, Judgement], *, summary: Json, now: datetime
    ) -> None:
        """Write what was found about the benchmarks of a job, and what its telemetry comes to; replaces what was."""
        found = storable.json([_row(index, each) for index, each in judgements.items()])
        row = {"job_id": job_id, "judgements": found, "summary": storable.json(summary), "now": now}
        await self._write("save_judgements", row)

    async def judgements(self, job_id: str) -> dict[int, Judgement]:
        """Return what was found about the benchmarks of a job, by index; nothing until the job ended."""
        return {each["index"]: _judgement(each) for each in await self._all("list_judgements", job_id=job_id)}

    async def telemetry_summary(self, job_id: str) -> Json | None:
        """Return what the telemetry of a job comes to; None until the job ended."""
        found = await self._first("telemetry_summary", job_id=job_id)
        return None if found is None else dict(found["summary"])


def _gpu_window(record: Record) -> GpuWindow:
    pids = record["foreign_pids"]
    return GpuWindow(**{**record, "foreign_pids": None if pids is None else tuple(pids)})


def _row(index: int, judgement: Judgement) -> Json:
    return {
        "index": index,
        "validity": judgement.scores.validity,
        "validity_reasons": list(judgement.scores.reasons),
        "throughput": judgement.throughput.validity,
        "throughput_reasons": list(judgement.throughput.reasons),
    }


def _judgement(record: Record) -> Judgement:
    return Judgement(
        scores=Verdict(record["validity"], tuple(record["validity_reasons"])),
        throughput=Verdict(record["throughput"], tuple(record["throughput_reasons"])),
    )
