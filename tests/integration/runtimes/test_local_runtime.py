"""One attempt as a real process: how it ends, what it gets, what it leaves."""

import asyncio
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evallab.api.errors import BenchmarkFailed
from evallab.runtimes.interface import Exit, Leavings, Observation, Runtime

if TYPE_CHECKING:
    from tests.integration.runtimes.conftest import Attempts


@pytest.mark.parametrize(
    ("command", "code", "number"),
    [
        ("exit 0", 0, None),
        ("exit 7", 7, None),
        ("no-such-command-anywhere", 127, None),
        ("/etc/passwd", 126, None),
        ("kill -9 $$", None, signal.SIGKILL),
        ("kill -11 $$", None, signal.SIGSEGV),
        ("if", 2, None),
    ],
)
async def test_how_it_ended(attempts: "Attempts", command: str, code: int | None, number: int | None) -> None:
    found = await attempts.end(await attempts.start(command))
    assert found == Exit(code=code, signal=number, orphaned=False, finished_at=found.finished_at)
    assert found.finished_at is not None
    assert found.finished_at.utcoffset() is not None


async def test_the_runtime_is_a_runtime(attempts: "Attempts") -> None:
    runtime: Runtime = attempts.runtime
    places = {"attempt_id": "x", "attempt_dir": "/none", "log_file": "/none/log", "work_dir": "/none/work"}
    assert await runtime.observe(places) == Observation(state="absent")
    await runtime.stop(places, grace_seconds=1)
    assert runtime.log_tail(places, lines=5) == ""


async def test_where_things_lie(attempts: "Attempts") -> None:
    handle = await attempts.start("cat; pwd")
    own, shown = attempts.root / f"home/jobs/{attempts.job}/0", attempts.root / f"jobs/{attempts.job}/0/p/b"
    assert json.loads(json.dumps(handle)) == handle
    assert attempts.runtime.leavings(handle) == Leavings(
        result_file=own / "attempt-1/result.json",
        artifacts_dir=own / "attempt-1/artifacts",
        log_file=shown / "jobrun.log",
        work_dir=own / "work",
        log_times=shown / "jobrun.times",
    )
    await attempts.end(handle)
    assert attempts.runtime.log_tail(handle, lines=10) == f"{Path.cwd()}\n"
    assert (shown / "meta/job.json").stat().st_mode & 0o777 == 0o600
    assert (shown / "jobrun.log").stat().st_mode & 0o777 == 0o600


async def test_job_json_is_evalhubs(attempts: "Attempts") -> None:
    spec = attempts.spec().model_copy(update={"parameters": {"keep": None, "n": 1}})
    await attempts.end(await attempts.start("true", spec=spec))
    content = json.loads((attempts.root / f"jobs/{attempts.job}/0/p/b/meta/job.json").read_text())
    extras = content.pop("evallab")
    assert list(content.items()) == [
        ("id", attempts.job),
        ("provider_id", "p"),
        ("benchmark_id", "b"),
        ("benchmark_index", 0),
        ("model", {"url": "", "name": "m"}),
        ("parameters", {"keep": None, "n": 1}),
        ("callback_url", "http://127.0.0.1:1"),
    ]
    assert extras["code_execution"] == "Forbidden"


async def test_the_token_is_a_file_of_its_own(attempts: "Attempts") -> None:
    handle = await attempts.start('cat "$EVALHUB_AUTH_TOKEN_PATH"; env >"$EVALLAB_WORKDIR/env"', token="secret-token")
    await attempts.end(handle)
    assert attempts.runtime.log_tail(handle, lines=1) == "secret-token"
    [file] = [
        each
        for each in Path(handle["attempt_dir"]).iterdir()
        if each.is_file() and each.read_bytes() == b"secret-token"
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    assert "secret-token" not in (Path(handle["work_dir"]) / "env").read_text()


async def test_the_environment_holds_no_secret(attempts: "Attempts") -> None:
    attempts.environ["OPENAI_API_KEY"] = "secret"
    handle = await attempts.start('env >"$EVALLAB_WORKDIR/env"; ulimit -c', env={"SEED": "1"})
    assert (await attempts.end(handle)).code == 0
    lines = (attempts.runtime.leavings(handle).work_dir / "env").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE"} == {
        *("PATH", "HOME", "SEED", "EVALHUB_MODE", "EVALHUB_JOB_SPEC_PATH", "EVALLAB_PYTHON", "EVALLAB_WORKDIR"),
        *("EVALLAB_ARTIFACTS_DIR", "EVALLAB_RESULT_FILE", "EVALLAB_ATTEMPT_ID", "PYTHONUNBUFFERED", "PYTHONSAFEPATH"),
    }
    assert not any("secret" in line for line in lines)
    assert attempts.runtime.log_tail(handle, lines=1) == "0\n"


async def test_started_twice_runs_once(attempts: "Attempts") -> None:
    launch = attempts.launch("echo here; sleep 600")
    others = [attempts.new_runtime() for _ in range(4)]
    handles = await asyncio.gather(*(runtime.start(launch) for runtime in (attempts.runtime, *others)))
    assert handles == [await attempts.runtime.start(launch)] * 5
    await attempts.said(handles[0], "here")
    await attempts.runtime.stop(handles[0], grace_seconds=5)
    assert (await attempts.end(handles[0])).signal == signal.SIGTERM
    assert await attempts.runtime.start(launch) == handles[0]
    assert attempts.runtime.log_tail(handles[0], lines=100) == "here\n"


async def test_an_attempt_directory_has_one_attempt(attempts: "Attempts") -> None:
    await attempts.end(await attempts.start("true"))
    with pytest.raises(BenchmarkFailed, match="belongs to"):
        await attempts.start("true", name="other", number=1)


async def test_attempts_share_the_work_directory_and_the_log(attempts: "Attempts") -> None:
    command = 'ls "$EVALLAB_WORKDIR"; touch "$EVALLAB_WORKDIR/spool"; ls "$EVALLAB_ARTIFACTS_DIR"; echo done'
    for number in (1, 2):
        handle = await attempts.start(command + '; touch "$EVALLAB_ARTIFACTS_DIR/kept"', number=number)
        await attempts.end(handle)
    lines = attempts.runtime.log_tail(handle, lines=100).splitlines()
    header = lines.pop(1)
    assert header.startswith("=== attempt 2 2")
    assert header.endswith(" ===")
    assert lines == ["done", "spool", "done"]
    assert attempts.runtime.log_tail(handle, lines=2) == "spool\ndone\n"


async def test_the_starter_keeps_no_zombie(attempts: "Attempts") -> None:
    handle = await attempts.start("true")
    shim = json.loads((Path(handle["attempt_dir"]) / "started.json").read_text())["pid"]
    await attempts.end(handle)
    await attempts.reaped(shim)


async def test_what_cannot_be_started_says_why(attempts: "Attempts") -> None:
    with pytest.raises(BenchmarkFailed, match="embedded null byte"):
        await attempts.start("a\0b")
    with pytest.raises(BenchmarkFailed, match="cannot name a directory"):
        await attempts.start("true", spec=attempts.spec(benchmark="../../etc"))
    (attempts.root / "home" / "jobs").rename(attempts.root / "home" / "moved")
    (attempts.root / "home" / "jobs").write_text("")
    with pytest.raises(BenchmarkFailed, match="could not be started"):
        await attempts.start("true", number=2)


async def test_a_shim_that_cannot_start_says_why(attempts: "Attempts") -> None:
    log = attempts.root / f"jobs/{attempts.job}/0/p/b/jobrun.log"
    log.mkdir(parents=True)
    with pytest.raises(BenchmarkFailed, match="Is a directory"):
        await attempts.start("true")
    log.rmdir()
    assert (await attempts.end(await attempts.start("true"))).code == 0


async def test_a_job_directory_that_is_a_link_is_refused(attempts: "Attempts") -> None:
    (attempts.root / "jobs").mkdir()
    (attempts.root / "jobs" / attempts.job).symlink_to("/tmp")
    with pytest.raises(BenchmarkFailed, match="is a symbolic link"):
        await attempts.start("true")
