"""A real attempt's lines have the times at which they came, through retries and a shim that is killed."""

import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evallab.runtimes.local import processes
from evallab.runtimes.local.log_reader import index_of, read_log
from evallab.runtimes.local.processes import ProcessIdentity

if TYPE_CHECKING:
    from tests.integration.runtimes.conftest import Attempts


def lines(log: str) -> list[tuple[datetime, str]]:
    """Return the lines of a log with their times."""
    found = read_log(Path(log), index_of(Path(log)), timestamps=True, max_bytes=1 << 20)
    assert found.timed
    split = [line.split(" ", 1) for line in found.text.splitlines()]
    return [(datetime.fromisoformat(moment), words) for moment, words in split]


async def test_lines_of_attempts_that_went_well_and_badly(attempts: "Attempts") -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    for number in (1, 2):
        handle = await attempts.start(f"echo one {number}; sleep 0.05; printf 'two {number}\\nend'", number=number)
        await attempts.end(handle)
    handle = await attempts.start("echo here; sleep 600", number=3)
    await attempts.said(handle, "here")
    record = json.loads((Path(handle["attempt_dir"]) / "started.json").read_text())
    processes.send_signal(ProcessIdentity.from_record(record), signal.SIGKILL)
    await attempts.reached(handle, "vanished")
    await attempts.runtime.stop(handle, grace_seconds=1)
    handle = await attempts.start("echo last", number=4)
    await attempts.end(handle)
    found = lines(handle["log_file"])
    assert [words.partition(" 20")[0] for _, words in found] == [
        *("one 1", "two 1", "end=== attempt 2", "one 2", "two 2", "end=== attempt 3", "here", "=== attempt 4", "last")
    ]
    moments = [moment for moment, _ in found]
    assert moments == sorted(moments)
    assert moments[0] < moments[1]
    assert began <= moments[0]
    assert moments[-1] <= datetime.now(UTC)
