"""A home with a mailbox of real processes; whatever a test leaves of them is killed, and nothing else."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.receiver import owner

from evallab.receiver.ensuring import living
from evallab.receiver.expected import Expectations
from evallab.runtimes.local.processes import read_stat

PATIENCE_S = 60.0


async def eventually(check: Callable[[], bool]) -> None:
    """Wait until something is true; how long it takes is not what is tested."""
    async with asyncio.timeout(PATIENCE_S):
        while not check():  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.01)


class Home:
    """A home, and the mailboxes that live for it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def expect(self, attempt_id: str = "a1") -> str:
        """Have events of an attempt taken; return its token."""
        return Expectations(self.path / "expected").expect(attempt_id, owner.SPEC)

    async def start(self, *, linger: float = 60.0, before: tuple[str, ...] = ()) -> int:
        """Start a mailbox itself, without an owner; return its port."""
        program = [sys.executable, "-m", "evallab.receiver.mailbox_process", "--home", str(self.path)]
        (self.path / "log").mkdir(exist_ok=True)
        process = await asyncio.create_subprocess_exec(*before, *program, "--linger", str(linger), stdout=-1)
        await process.communicate()
        return living(self.path) or 0

    def processes(self) -> list[int]:
        """Return the mailboxes of this home."""
        wanted = [b"evallab.receiver.mailbox_process", b"--home", bytes(self.path)]
        return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _runs(each, wanted)]

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> int:
        """End the one mailbox there is; return which it was."""
        [process] = self.processes()
        os.kill(process, number)
        await eventually(lambda: (stat := read_stat(process)) is None or stat.state in "ZX")
        return process

    def has_another(self, process: int, port: int) -> bool:
        """Say whether another mailbox listens there: it is started when nothing is left of the one before."""
        return any(each != process for each in self.processes()) and living(self.path) == port

    def post(self, port: int, body: Any = None, *, path: str = "", token: str = "") -> httpx.Response:
        """Post an event of the attempt `a1` as an adapter does."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        where = path or "/a/a1/api/v1/evaluations/jobs/job-1/events"
        content = json.dumps(body or event()).encode()
        return httpx.post(f"http://127.0.0.1:{port}{where}", content=content, headers=headers)


def event(status: str = "running", **fields: Any) -> dict[str, Any]:
    named = {"provider_id": "lm_evaluation_harness", "id": "sums", "benchmark_index": 0}
    return {"benchmark_status_event": {**named, "status": status, **fields}}


def _runs(process: Path, wanted: list[bytes]) -> bool:
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return [each for each in arguments if each in wanted] == wanted


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path / "home")
    found.path.mkdir()
    yield found
    for process in found.processes():
        os.kill(process, signal.SIGKILL)


@pytest.fixture
def killed_owner(home: Home) -> tuple[str, str]:
    """The callback URL and the token of an attempt whose owner was killed."""
    program = [sys.executable, str(Path(owner.__file__)), str(home.path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, token = process.stdout.readline().strip(), process.stdout.readline().strip()
        process.kill()
    return url, token
