"""Watching a job: nothing that was seen is lost, whoever stops looking and whatever Postgres does."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from evallab.api.errors import StoreUnavailable
from evallab.api.job import EvalJob, Model
from evallab.engine import watching
from evallab.engine.watching import InThread, Sight, Watch
from evallab.planning.telemetry import GpuReading, GpuWindow, ServerWindow, Window
from evallab.store.interface import AttemptRow, BenchmarkRow, JobRow, Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
JOB = JobRow(
    id="j", name="j", spec=EvalJob(name="j", model=Model(name="m", url="http://x/v1")), state="running", created_at=NOW
)


@dataclass
class Rows:
    """A store that is away for the first few writes."""

    away: int = 0
    windows: list[Window] = field(default_factory=list)

    async def add_telemetry(self, _: str, windows: Sequence[Window]) -> None:
        if self.away:
            self.away -= 1
            raise StoreUnavailable("away")
        self.windows += windows


@dataclass
class OneGpu:
    """A GPU with a process of somebody else on it."""

    broken: bool = False
    closed: bool = False

    def read(self, uuids: Sequence[str], *, anew: bool) -> list[GpuReading]:  # noqa: ARG002 - the port's
        if self.broken:
            raise OSError("gone")
        return [GpuReading(uuid=each, name="g", driver="1", temperature_c=50.0, processes=(7, 8)) for each in uuids]

    def close(self) -> None:
        self.closed = True


def watch(rows: Rows, gpu: OneGpu) -> Watch:
    sight = Sight(
        gpus=InThread(gpu),
        devices=lambda _: ("GPU-0",),
        foreign=lambda job, attempts, pids: (
            frozenset(pids) - {7} if (job, attempts) == ("j", frozenset({"a"})) else None
        ),
        url=lambda _: "",
    )
    return Watch(cast("Store", rows), sight, now=lambda: datetime.now(UTC), period_s=0.01, window_s=0.05)


def look(watch: Watch, done: int, *, state: Any = "running") -> None:
    benchmark = BenchmarkRow(job_id="j", index=0, provider_id="p", benchmark_id="b", done=done)
    attempt = AttemptRow(id="a", job_id="j", index=0, number=1, state=state, created_at=NOW)
    watch.look(JOB, [benchmark], [attempt])


def answered(rows: Rows) -> int:
    return sum(each.samples for each in rows.windows if isinstance(each, ServerWindow))


async def test_every_answer_is_in_one_window_also_when_postgres_is_away_for_a_while() -> None:
    rows, gpu = Rows(away=3), OneGpu()
    watching_ = watch(rows, gpu)
    look(watching_, 0)
    look(watching_, 10)
    async with asyncio.timeout(60):
        while not rows.windows:
            look(watching_, 10)
            await asyncio.sleep(0.01)
    look(watching_, 25, state="completed")
    await watching_.settle("j")
    await watching_.close()
    assert (answered(rows), gpu.closed) == (25, True)
    begun = [(each.started_at, each.device) for each in rows.windows]
    assert len(set(begun)) == len(begun) >= 8
    foreign = {each.foreign_pids for each in rows.windows if isinstance(each, GpuWindow)}
    assert foreign == {(8,)}


async def test_another_attempt_goes_on_where_the_one_before_ended() -> None:
    rows = Rows(away=1)
    watching_ = watch(rows, OneGpu())
    look(watching_, 0)
    look(watching_, 4, state="failed")
    look(watching_, 4)
    look(watching_, 6, state="completed")
    await watching_.settle("j")
    assert answered(rows) == 6


async def test_what_was_answered_before_anybody_looked_is_not_counted() -> None:
    rows = Rows()
    watching_ = watch(rows, OneGpu())
    look(watching_, 100)
    look(watching_, 101)
    await watching_.settle("j")
    assert answered(rows) == 1


async def test_a_job_without_attempts_is_not_watched_and_one_that_nobody_drives_no_longer() -> None:
    rows = Rows()
    watching_ = watch(rows, OneGpu())
    look(watching_, 0, state="completed")
    await watching_.settle("j")
    assert rows.windows == []
    look(watching_, 0)
    async with asyncio.timeout(60):
        await watching_._watched["j"].task  # type: ignore[misc]
    assert rows.windows != []


async def test_a_reader_that_breaks_costs_the_telemetry_and_not_the_job(caplog: pytest.LogCaptureFixture) -> None:
    watching_ = watch(Rows(), OneGpu(broken=True))
    look(watching_, 0)
    await watching_.settle("j")
    assert [record.message for record in caplog.records] == ["not watched"]


async def test_a_job_of_which_nothing_can_be_seen_costs_nothing() -> None:
    rows = Rows()
    sight = Sight(
        gpus=InThread(OneGpu()), devices=lambda _: (), foreign=None, url=lambda _: "", watches=lambda _: False
    )
    blind = Watch(cast("Store", rows), sight, now=lambda: NOW)
    look(blind, 0)
    look(blind, 9)
    assert blind._watched == {}
    await blind.settle("j")
    assert (rows.windows, blind.unseen(JOB)) == ([], "no GPU")


async def test_where_nobody_can_tell_whose_processes_are_none_is_said_to_be_foreign() -> None:
    rows, enough = Rows(), asyncio.Event()
    pods: Iterator[Sequence[str]] = iter([(), ("ns/pod",), ("ns/pod",)])

    def devices(_: str) -> Sequence[str]:
        found = next(pods, None)
        if found is None:
            enough.set()
        return found or ()

    sight = Sight(gpus=InThread(OneGpu()), devices=devices, foreign=None, url=lambda _: "")
    afar = Watch(cast("Store", rows), sight, now=lambda: datetime.now(UTC), period_s=0.05, window_s=0.05, patience_s=60)
    look(afar, 0)
    async with asyncio.timeout(60):
        await enough.wait()  # nobody looks meanwhile, and it goes on
    await afar.close()
    seen = [each for each in rows.windows if isinstance(each, GpuWindow)]
    assert {(each.device, each.foreign_pids) for each in seen} == {("ns/pod", None)}
    assert len(seen) < len([each for each in rows.windows if isinstance(each, ServerWindow)])


@pytest.mark.parametrize(
    ("before", "now", "expected"), [(None, 5.0, None), (5.0, None, None), (5.0, 8.0, 3), (5.0, 2.0, 2)]
)
def test_a_counter_that_began_anew_counts_from_zero(
    before: float | None, now: float | None, expected: int | None
) -> None:
    assert watching._more(before, now) == expected
