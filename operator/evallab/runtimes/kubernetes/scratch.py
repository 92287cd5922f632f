"""What attempts left, as files of this process while a job goes on: brought from the store, and the log from its pod.

Everything here can be had again, so it may lie in a directory that goes with the operator's pod.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from evallab.runtimes.interface import Leavings
from evallab.runtimes.kubernetes.stamped import Stamped

Json = dict[str, Any]
_WANTED = ("result", "artifacts", "meta")
_DONE, EXECUTED = ".complete", "executed.json"


class Left(Protocol):
    """A file that an attempt left, as the store lists it."""

    @property
    def area(self) -> str:
        """Which kind of file it is."""

    @property
    def name(self) -> str:
        """Its relative path."""


class Leftover(Protocol):
    """The part of the store that keeps what attempts left."""

    async def leavings(self, attempt_id: str) -> Sequence[Left]:
        """Return what an attempt left so far."""

    def read_leaving(self, attempt_id: str, area: str, name: str) -> AsyncIterator[bytes]:
        """Yield a file that an attempt left."""


class Scratch:
    """The files of attempts: `root/<job>/<benchmark>/<number>-<attempt>/`."""

    def __init__(self, root: Path) -> None:
        """Lay files below `root`."""
        self._root = root

    def of(self, handle: Mapping[str, Any]) -> Path:
        """Return the directory of an attempt."""
        return self._benchmark(handle["job_id"], handle["index"]) / f"{handle['number']:04d}-{handle['attempt_id']}"

    def _benchmark(self, job_id: str, index: int) -> Path:
        return self._root / job_id / str(index)

    def leavings(self, handle: Mapping[str, Any]) -> Leavings:
        """Name the files of an attempt."""
        place = self.of(handle)
        return Leavings(
            result_file=place / "result" / "result.json",
            artifacts_dir=place / "artifacts",
            log_file=place / "jobrun.log",
            work_dir=place / "work",
            log_times=place / "jobrun.times",
        )

    def is_complete(self, handle: Mapping[str, Any]) -> bool:
        """Say whether everything that an attempt left is here."""
        return (self.of(handle) / _DONE).exists()

    async def bring(self, handle: Mapping[str, Any], store: Leftover) -> None:
        """Bring what an attempt left from the store; it has ended, so there will not be more."""
        place, attempt_id = self.of(handle), handle["attempt_id"]
        for row in await store.leavings(attempt_id):
            if row.area in _WANTED:
                await self._bring(place / row.area, row, store.read_leaving(attempt_id, row.area, row.name))
        await asyncio.to_thread(self._complete, place)

    async def _bring(self, area: Path, row: Left, pieces: AsyncIterator[bytes]) -> None:
        path = (area / row.name).resolve()
        if not path.is_relative_to(area.resolve()):
            return
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        with path.open("wb") as file:
            async for piece in pieces:
                await asyncio.to_thread(file.write, piece)

    def _complete(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        (place / _DONE).touch()

    def write_log(self, handle: Mapping[str, Any], content: bytes) -> None:
        """Write the log, and beside it when its lines came; `content` has the times in it."""
        stamped, found = Stamped(), self.leavings(handle)
        found.log_file.parent.mkdir(parents=True, exist_ok=True)
        found.log_file.write_bytes(stamped.of(content) + stamped.rest())
        if found.log_times and (index := stamped.index()):
            found.log_times.write_bytes(index)

    def note(self, handle: Mapping[str, Any], executed: Json) -> None:
        """Remember what really ran: its pod may be gone when somebody asks."""
        path = self.of(handle) / EXECUTED
        if executed and self.noted(handle) != executed:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(executed))

    def noted(self, handle: Mapping[str, Any]) -> Json:
        """Return what really ran, {} when nobody saw it."""
        try:
            found: Json = json.loads((self.of(handle) / EXECUTED).read_text())
        except (OSError, ValueError):
            return {}
        return found

    def test_data(self, job_id: str, index: int) -> Json | None:
        """Return the record of the data of a benchmark, as the newest attempt that had it wrote it down."""
        for path in sorted(self._benchmark(job_id, index).glob("*/meta/test_data.json"), reverse=True):
            try:
                found: Json = json.loads(path.read_text())
            except (OSError, ValueError):
                continue
            return found
        return None

    async def remove(self, job_id: str) -> None:
        """Remove the files of a job."""
        await asyncio.to_thread(shutil.rmtree, self._root / job_id, ignore_errors=True)
