"""The clock of the machine is set in the middle of a job. What lasts is measured by a clock that nobody sets."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.faults.jobs import ANSWERED, CATALOG, environ, job, until_exists, values

from evallab.local import lab as root
from evallab.local.lab import Lab, open_lab
from evallab.settings import Settings


class Clock:
    """A clock that can be set."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that the lab reads."""
    clock = Clock()
    monkeypatch.setattr(root, "_now", clock)
    return clock


@pytest.fixture
async def lab(settings: Settings, clock: Clock) -> AsyncIterator[Lab]:
    async with open_lab(settings, CATALOG, environ=environ()) as lab:
        yield lab


def began(folder: Path) -> str:
    """The words of an adapter that says when it began."""
    return f"Path({str(folder / 'began')!r}).touch(); "


async def test_the_clock_jumps_ahead(lab: Lab, clock: Clock, tmp_path: Path) -> None:
    """The clock is set ahead by a day, while one job runs and another waits for its turn.

    Ends: completed, both: neither has run or waited for longer
    Told: nothing
    Kept: everything
    """
    script = f"{began(tmp_path)}time.sleep(2); {ANSWERED}"
    ids = [
        await lab.submit(job(script, timeout_seconds=600, name=name), manifest="", manifest_dir=None) for name in "ab"
    ]
    running = [asyncio.create_task(lab.run(job_id)) for job_id in ids]
    await until_exists(tmp_path / "began")
    clock.ahead = timedelta(days=2)
    await asyncio.gather(*running)
    for job_id in ids:
        done = await lab.store.snapshot(job_id)
        assert (done.job.state, len(done.attempts)) == ("completed", 1), done.job.message
        assert await values(lab, done) == [1.0, 0.0, 1.0]


async def test_the_clock_jumps_back(lab: Lab, clock: Clock, tmp_path: Path) -> None:
    """The clock is set back by a day, while an adapter hangs.

    Ends: failed, `TimedOut`, `timeoutSeconds` after it began, as if the clock had not been set
    Told: raise `timeoutSeconds`, or ask fewer questions
    Kept: log and events
    """
    spec = job(f"{began(tmp_path)}time.sleep(600)", timeout_seconds=3)
    job_id = await lab.submit(spec, manifest="", manifest_dir=None)
    running = asyncio.create_task(lab.run(job_id))
    await until_exists(tmp_path / "began")
    clock.ahead = timedelta(days=-1)
    await running
    done = await lab.store.snapshot(job_id)
    assert (done.job.state, done.job.reason) == ("failed", "TimedOut")
