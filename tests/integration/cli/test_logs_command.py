"""`evallab logs`: --since and --follow, on a job that really goes on while somebody looks."""

import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.cli import seeding
from tests.integration.cli.command import Command
from tests.integration.cli.seeding import CANDIDATE

from evallab.store.interface import BenchmarkRow, BenchmarkState, JobState
from evallab.store.postgres import PostgresStore

JOB = "f0110eed00000000"
IDS = ("a", "nested/b")


def rows(*states: BenchmarkState) -> list[BenchmarkRow]:
    return [
        BenchmarkRow(job_id=JOB, index=index, provider_id="p", benchmark_id=each, state=state)
        for index, (each, state) in enumerate(zip(IDS, states, strict=True))
    ]


class Job:
    """A job that this test drives: its rows and its live logs."""

    def __init__(self, store: PostgresStore, home: Path) -> None:
        self.store, self.home = store, home

    async def create(self) -> None:
        row = replace((await self.store.snapshot(CANDIDATE)).job, id=JOB, name="going", state="pending")
        await self.store.create_job(row, rows("running", "pending"), actor="test")

    async def become(self, state: JobState, *states: BenchmarkState) -> None:
        await self.store.save_job(replace((await self.store.snapshot(JOB)).job, state=state), rows(*states))

    def write(self, index: int, text: str) -> None:
        directory = self.home / "jobs" / JOB / str(index) / "p" / IDS[index]
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "jobrun.log").open("a") as stream:
            stream.write(text)


@pytest.fixture
async def job(evallab: Command, store: PostgresStore) -> Job:
    made = Job(store, evallab.home)
    shutil.rmtree(evallab.home / "jobs" / JOB, ignore_errors=True)  # the home is there for the whole session
    await made.create()
    return made


@asynccontextmanager
async def following(evallab: Command, *args: str) -> AsyncIterator["subprocess.Popen[str]"]:
    with subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [sys.executable, "-m", "evallab.cli", "logs", *args, "--follow"],
        env=evallab.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


async def test_lines_appear_through_benchmarks_and_attempts_until_the_job_ends(evallab: Command, job: Job) -> None:
    job.write(0, "first\n")
    async with following(evallab, "going") as process:
        assert line(process) == "a        | first\n"
        job.write(0, "second\n")
        assert line(process) == "a        | second\n"
        await job.become("running", "completed", "running")
        job.write(1, "third\nun")
        assert line(process) == "nested/b | third\n"
        job.write(1, "finished")
        await job.become("completed", "completed", "completed")
        assert process.communicate(timeout=60) == ("nested/b | unfinished\n", "")
        assert process.returncode == 0


async def test_one_benchmark_has_no_prefix_and_ends_with_it(evallab: Command, job: Job) -> None:
    job.write(0, "1\n2\n3\n")
    async with following(evallab, "going", "-b", "a", "--tail", "1") as process:
        assert line(process) == "3\n"
        await job.become("running", "completed", "running")
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


async def test_ctrl_c_is_quiet(evallab: Command, job: Job) -> None:
    job.write(0, "on\n")
    async with following(evallab, "going") as process:
        assert line(process) == "a        | on\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 130


def test_following_a_job_that_ended_shows_what_was_kept(evallab: Command) -> None:
    assert evallab.said("logs", "demo-q3", "-f").splitlines() == [
        "demo_arith | loading demo_arith",
        "demo_arith | done",
        "demo_facts | loading demo_facts",
        "demo_facts | done",
    ]


def test_since_leaves_out_what_ended_before(
    evallab: Command,
) -> None:
    ended = seeding.NOON.isoformat()
    assert evallab.said("logs", "demo-q3", "--since", ended).count("==>") == 2
    assert evallab("logs", "demo-q3", "--since", "nonsense").returncode == 2


async def test_since_knows_when_attempts_ended(evallab: Command, store: PostgresStore) -> None:
    await store.create_job(
        replace((await store.snapshot(CANDIDATE)).job, id=JOB, name="old", state="running"),
        rows("completed", "completed"),
        actor="test",
    )
    row = replace((await store.snapshot(CANDIDATE)).job, id=JOB)
    for index, hour in ((0, 10), (1, 14)):
        started = seeding.attempt(row, index, state="running")
        await store.save_attempt(started)
        await store.save_attempt(replace(started, state="completed", finished_at=seeding.NOON.replace(hour=hour)))
        await store.add_artifact(seeding.kept_log(row, index, evallab.home))
    assert evallab.said("logs", JOB, "--since", "2026-11-22T12:00Z") == "loading demo_facts\ndone\n"
    late = evallab("logs", JOB, "--since", "2026-11-22T20:00Z")
    assert (late.returncode, late.stdout) == (2, "")
    assert "No log of old (f0110eed) was written since then." in late.stderr
