"""Adapters that fail, fall silent, talk too much, or leave something behind."""

from pathlib import Path

import pytest
from tests.integration.faults.jobs import ANSWERED, gone, job, log_of, run, values

from evallab.local.lab import Lab
from evallab.runtimes.local.shim_process import LOG_LIMIT
from evallab.store.interface import JobSnapshot

STARTED = "post(status='running', phase='initializing'); "
CHILD = """
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
Path(%r).write_text(str(child.pid))
"""
FLOOD = """
print("the first line", flush=True)
line = b"x" * 1023 + b"\\n"
for _ in range(1024):
    os.write(1, line * 1024)
print("the last line", flush=True)
"""


def end(done: JobSnapshot) -> tuple[str, str | None, int]:
    """How it ended, why, and after how many attempts."""
    return done.job.state, done.job.reason, len(done.attempts)


async def test_command_missing(lab: Lab) -> None:
    """The provider's command does not exist.

    Ends: failed, `CommandNotFound`; not retried
    Told: the provider's command was not found; check `runtime.local.command` (`evallab providers ID`)
    Kept: the log with the shell's message
    """
    done = await run(lab, job("", provider_id="missing", retries=2))
    assert end(done) == ("failed", "CommandNotFound", 1)
    assert "/no/such/adapter" in (await log_of(lab, done)).read_text()
    assert "runtime.local.command" in (done.job.message or "")


@pytest.mark.parametrize("before", ["", STARTED])
async def test_exit_1(lab: Lab, before: str) -> None:
    """The adapter exits with 1, before or after its first event.

    Ends: failed, `ExitedNonZero`, after the retries
    Told: the exit code; see the log (`evallab logs JOB`)
    Kept: log and events of each attempt, the work directory
    """
    done = await run(lab, job(before + "sys.exit(1)", retries=1))
    assert end(done) == ("failed", "ExitedNonZero", 2)
    assert "code 1" in (done.job.message or "")
    assert "evallab logs" in (done.job.message or "")
    assert {each.kind for each in await lab.store.artifacts(done.job.id)} == {"log", "log-times"}
    assert len(done.events) == (2 if before else 0)


async def test_exit_0_without_a_result(lab: Lab) -> None:
    """The adapter exits with 0 and has said nothing.

    Ends: failed, `NoResult`, after the retries
    Told: what an adapter has to do before it exits; see the log
    Kept: log and events
    """
    done = await run(lab, job(STARTED))
    assert end(done) == ("failed", "NoResult", 1)
    assert "result file" in (done.job.message or "")


async def test_killed(lab: Lab) -> None:
    """The adapter is killed (`kill -9`), also where a shell waits for it.

    Ends: failed, `Killed`, after the retries
    Told: the signal, and that memory may have run out; see the log
    Kept: log and events; the next attempt asks only what is missing
    """
    for provider_id in ("faulty", "wrapped"):
        done = await run(lab, job("os.kill(os.getpid(), 9)", provider_id=provider_id, retries=1))
        assert end(done) == ("failed", "Killed", 2)
        assert "out of memory" in (done.job.message or "")


async def test_killed_after_its_result(lab: Lab) -> None:
    """The adapter is killed after it has written its result.

    Ends: completed
    Told: nothing; the result counts
    Kept: everything, each sample once
    """
    done = await run(lab, job(f"{ANSWERED}; os.kill(os.getpid(), 9)"))
    assert end(done) == ("completed", "Completed", 1)
    assert await values(lab, done) == [1.0, 0.0, 1.0]


async def test_terminated_by_somebody_else(lab: Lab) -> None:
    """Somebody ends the adapter with another signal (`kill`).

    Ends: failed, `Signalled`, after the retries
    Told: the signal; see the log
    Kept: log and events; the next attempt asks only what is missing
    """
    done = await run(lab, job("os.kill(os.getpid(), 15)", retries=1))
    assert end(done) == ("failed", "Signalled", 2)
    assert "signal 15" in (done.job.message or "")


async def test_out_of_memory(lab: Lab) -> None:
    """Memory runs out: the kernel kills the adapter in the middle of an allocation.

    Ends: failed, `Killed`, after the retries
    Told: that memory may have run out; free some, or ask fewer things at once
    Kept: log and events; the next attempt asks only what is missing
    """
    script = "block = bytearray(64 << 20); print('allocated', flush=True); os.kill(os.getpid(), 9)"
    done = await run(lab, job(script))
    assert end(done) == ("failed", "Killed", 1)
    assert "Free memory" in (done.job.message or "")
    assert "allocated" in (await log_of(lab, done)).read_text()


async def test_out_of_memory_under_a_limit(lab: Lab) -> None:
    """Memory runs out under a limit (`ulimit -v`): the allocation fails, the adapter breaks.

    Ends: failed, `ExitedNonZero`, after the retries
    Told: the exit code; the log has `MemoryError`
    Kept: log and events
    """
    script = "resource.setrlimit(resource.RLIMIT_AS, (1 << 28, 1 << 28)); bytearray(1 << 30)"
    done = await run(lab, job(script))
    assert end(done) == ("failed", "ExitedNonZero", 1)
    assert "MemoryError" in (await log_of(lab, done)).read_text()


async def test_hangs(lab: Lab, tmp_path: Path) -> None:
    """The adapter hangs, and ignores being told to end.

    Ends: failed, `TimedOut`, `timeoutSeconds` after it began and at most ten seconds later
    Told: raise `timeoutSeconds`, or ask fewer questions
    Kept: log and events; a retry asks only what is missing
    """
    pid = tmp_path / "pid"
    script = f"signal.signal(15, signal.SIG_IGN); Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(600)"
    done = await run(lab, job(script, timeout_seconds=2))
    assert end(done) == ("failed", "TimedOut", 1)
    assert gone(int(pid.read_text()))
    assert "timeoutSeconds" in (done.job.message or "")


async def test_floods_the_log(lab: Lab) -> None:
    """The adapter writes 1 GB to its log.

    Ends: completed: neither blocked nor ended by it
    Told: a line in the log says how many bytes were left out
    Kept: 64 MB of the log at most, its beginning and its end; every sample
    """
    done = await run(lab, job(FLOOD + ANSWERED))
    assert end(done) == ("completed", "Completed", 1)
    log = await log_of(lab, done)
    text = log.read_bytes()
    first, last = text.splitlines()[0], text.splitlines()[-1]
    assert (first, last) == (b"the first line", b"the last line")
    assert LOG_LIMIT // 2 < len(text) <= LOG_LIMIT + 4096
    [said] = [line for line in text.splitlines() if line.startswith(b"=== evallab left out ")]
    written = (1 << 30) + len("the first line\nthe last line\n")
    assert int(said.split()[4]) + len(text) - 160 == written
    assert await values(lab, done) == [1.0, 0.0, 1.0]


async def test_leaves_children(lab: Lab, tmp_path: Path) -> None:
    """The adapter ends and leaves processes running, in a session of their own.

    Ends: completed, when the last of them is gone: they get TERM, and KILL after two seconds
    Told: nothing
    Kept: everything
    """
    pid = tmp_path / "pid"
    done = await run(lab, job(CHILD % str(pid) + ANSWERED))
    assert end(done) == ("completed", "Completed", 1)
    assert gone(int(pid.read_text()))


async def test_closes_stdout(lab: Lab) -> None:
    """The adapter closes its stdout and stderr and goes on.

    Ends: completed
    Told: nothing
    Kept: the log so far, every sample
    """
    done = await run(lab, job(f"print('so far', flush=True); os.close(1); os.close(2); time.sleep(0.5); {ANSWERED}"))
    assert end(done) == ("completed", "Completed", 1)
    assert (await log_of(lab, done)).read_text() == "so far\n"
    assert await values(lab, done) == [1.0, 0.0, 1.0]


async def test_damages_its_result(lab: Lab) -> None:
    """The adapter's result file is not what it should be.

    Ends: failed, `AdapterFailed`, after the retries
    Told: what is wrong with the file
    Kept: the log and the file
    """
    done = await run(lab, job("Path(os.environ['EVALLAB_RESULT_FILE']).write_text('{')"))
    assert end(done) == ("failed", "AdapterFailed", 1)
    assert "cannot be read" in (done.job.message or "")


async def test_damages_its_samples(lab: Lab) -> None:
    """The adapter's samples file is damaged.

    Ends: failed, `DamagedResult`; not retried
    Told: the line that is damaged
    Kept: log and files; no score is recorded of half a result
    """
    damage = "; Path(os.environ['EVALLAB_ARTIFACTS_DIR'], 'samples.jsonl').open('a').write('half a li')"
    done = await run(lab, job(ANSWERED + damage))
    assert end(done) == ("failed", "DamagedResult", 1)
    assert "line 4" in (done.job.message or "")
    assert await lab.store.scores(done.job.id) == []


async def test_the_shim_is_killed(lab: Lab, tmp_path: Path) -> None:
    """The process that watches over the adapter is killed.

    Ends: failed, `Vanished`, after the retries; what it watched over is killed first
    Told: that its process is gone without a record
    Kept: log and events; the next attempt asks only what is missing
    """
    pid = tmp_path / "pid"
    kill = (
        "os.kill(json.loads(Path(os.environ['EVALLAB_RESULT_FILE']).with_name('started.json').read_text())['pid'], 9)"
    )
    done = await run(lab, job(f"Path({str(pid)!r}).write_text(str(os.getpid())); {kill}; time.sleep(600)"))
    assert end(done) == ("failed", "Vanished", 1)
    assert gone(int(pid.read_text()))
