"""The disk is full: a small file system in memory, mounted where nobody else sees it."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from tests.integration.faults.command import Command
from tests.integration.faults.jobs import ANSWERED

FILL = """
def fill(folder):
    with open(os.path.join(folder, "filling"), "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            print(error, flush=True)
"""
FULL_HOME = FILL + "fill(os.environ['EVALLAB_ARTIFACTS_DIR'])\n"
UNSHARE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]


def on_a_small_disk(folder: Path, *, fill: bool = False) -> list[str]:
    """Return what makes a folder a disk of 1 MB, for the command that follows only."""
    folder.mkdir()
    full = f"; head -c 2M /dev/zero > {shlex.quote(str(folder))}/filling 2> /dev/null" if fill else ""
    mount = f"mount -t tmpfs -o size=1m none {shlex.quote(str(folder))}{full}"
    return [*UNSHARE, "sh", "-c", f'{mount}; exec "$@"', "sh"]


@pytest.fixture
def command(home: Path, database_url: str) -> Command:
    """A command whose database lies elsewhere."""
    probe = subprocess.run([*on_a_small_disk(home / "probe"), "true"], check=False, capture_output=True)
    if probe.returncode:
        pytest.skip("this account may not mount a file system, not even for itself alone")
    return Command(home, {"EVALLAB_DATABASE_URL": database_url})


def ended(command: Command, script: str, before: list[str]) -> tuple[int, str, str]:
    """Run a job there and return how it ended; nothing of evallab may break."""
    manifest = command.manifest(script)
    code = command.run("run", "-f", str(manifest), "--local", "--output", "json", before=before)
    assert "Traceback" not in command.said
    assert command.processes() == []
    [benchmark] = command.report["benchmarks"]
    return code, benchmark["reason"], benchmark["message"]


def test_the_disk_is_full_for_the_adapter(command: Command) -> None:
    """The disk of EVALLAB_HOME is full when the adapter wants to write its result.

    Ends: failed, `ExitedNonZero`, after the retries; the exit is known
    Told: the exit code; the log says `No space left on device`
    Kept: the log where EvalHub has it, the answers that were written before
    """
    code, reason, message = ended(command, FULL_HOME + ANSWERED, on_a_small_disk(command.home / "lab"))
    assert (code, reason) == (3, "ExitedNonZero")
    assert "evallab logs" in message
    [log] = (command.home / "jobs").glob("*/0/faulty/b0/jobrun.log")
    assert "No space left on device" in log.read_text()


def test_the_disk_is_full_for_the_result(command: Command) -> None:
    """The adapter has written its result, and the disk is full when evallab wants to keep it.

    Ends: failed, `NotRecorded`; not retried
    Told: `No space left on device`; make room where EVALLAB_HOME lies, and run it again
    Kept: the result and the answers where the adapter wrote them; no half of a result is recorded
    """
    code, reason, message = ended(command, ANSWERED + FULL_HOME, on_a_small_disk(command.home / "lab"))
    assert (code, reason) == (3, "NotRecorded")
    assert "No space left on device" in message
    assert "Make room" in message


def test_the_disk_is_full_before_it_starts(command: Command) -> None:
    """The disk of the job directories is full before the adapter starts.

    Ends: failed, `NotStarted`; not retried
    Told: `No space left on device`; check the directories
    Kept: the job and its manifest
    """
    code, reason, message = ended(command, ANSWERED, on_a_small_disk(command.home / "jobs", fill=True))
    assert (code, reason) == (3, "NotStarted")
    assert "No space left on device" in message


def test_the_log_does_not_fit(command: Command) -> None:
    """The disk of the log is full, and the adapter goes on writing to it.

    Ends: completed: neither blocked nor ended by it
    Told: nothing
    Kept: what fitted of the log; every sample
    """
    noisy = "os.write(1, bytes(1 << 21)); " + ANSWERED
    code, reason, _ = ended(command, noisy, on_a_small_disk(command.home / "jobs"))
    assert (code, reason) == (0, "Completed")
    assert command.report["benchmarks"][0]["score"]["n"] == 3
