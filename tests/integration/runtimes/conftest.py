"""Real attempts in directories of the test; whatever a test leaves running is killed, and nothing else."""

import asyncio
import functools
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from evallab.api.contract import JobSpec, JobSpecModel
from evallab.runtimes.interface import Exit, Launch
from evallab.runtimes.local import processes, runtime
from evallab.runtimes.local.runtime import LocalRuntime
from evallab.runtimes.local.shim_pool import ShimPool
from evallab.runtimes.local.shim_process import MARK, launch_shim

PATIENCE_SECONDS = 60.0


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is true; how long it takes is not what is tested."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await check():  # noqa: ASYNC110 - other processes set no event
            await asyncio.sleep(0.01)


class Attempts:
    """A local runtime, and what a test starts in it."""

    def __init__(self, root: Path, *, warm: bool) -> None:
        self.root, self.warm = root, warm
        self.job = uuid.uuid4().hex
        self.names: set[str] = set()
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(root), "EVALLAB_DATABASE_URL": "postgresql://secret"}
        self.runtime = self.new_runtime()

    def new_runtime(self) -> LocalRuntime:
        return LocalRuntime(
            home=self.root / "home",
            jobs_dir=self.root / "jobs",
            environ=self.environ,
            python=sys.executable,
            orphan_grace=0.3,
        )

    def spec(self, *, benchmark: str = "b", callback_url: str = "http://127.0.0.1:1") -> JobSpec:
        return JobSpec(
            id=self.job,
            provider_id="p",
            benchmark_id=benchmark,
            benchmark_index=0,
            model=JobSpecModel(name="m"),
            parameters={},
            callback_url=callback_url,
        )

    def launch(self, command: str, *, number: int = 1, name: str | None = None, **more: Any) -> Launch:
        attempt_id = f"{self.job}-{name or number}"
        self.names.add(attempt_id)
        more.setdefault("spec", self.spec())
        return Launch(attempt_id=attempt_id, number=number, command=command, **more)

    async def start(self, command: str, **more: Any) -> dict[str, Any]:
        return await self.runtime.start(self.launch(command, **more))

    async def end(self, handle: Mapping[str, Any]) -> Exit:
        """Wait for the end of an attempt."""
        await self.reached(handle, "exited")
        observation = await self.runtime.observe(handle)
        assert observation.exit is not None
        return observation.exit

    async def is_state(self, handle: Mapping[str, Any], state: str) -> bool:
        return (await self.runtime.observe(handle)).state == state

    async def reached(self, handle: Mapping[str, Any], state: str) -> None:
        """Wait until an attempt is in a state."""
        await eventually(lambda: self.is_state(handle, state))

    async def said(self, handle: Mapping[str, Any], words: str) -> None:
        """Wait until an attempt has written something."""

        async def check() -> bool:
            return words in self.runtime.log_tail(handle, lines=1000)

        await eventually(check)

    def alive(self, handle: Mapping[str, Any]) -> list[int]:
        """Return the processes of an attempt, its shim included."""
        return [process.pid for process in processes.marked(MARK, handle["attempt_id"])]

    async def reaped(self, pid: int) -> None:
        """Wait until a process is not even a zombie."""

        async def check() -> bool:
            return processes.read_stat(pid) is None

        await eventually(check)

    async def gone(self, handle: Mapping[str, Any]) -> None:
        """Wait until no process of an attempt is left."""

        async def check() -> bool:
            return not self.alive(handle)

        await eventually(check)

    def clean_up(self) -> None:
        for name in self.names:
            for process in processes.marked(MARK, name):
                processes.send_signal(process, signal.SIGKILL)


@pytest.fixture(params=["cold", "warm"])
async def attempts(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Attempts]:
    """Yield a runtime whose shims start by themselves, or from a pool; kill what is left of it."""
    found = Attempts(tmp_path, warm=request.param == "warm")
    pool = ShimPool()
    if found.warm:
        monkeypatch.setattr(runtime, "launch_shim", functools.partial(launch_shim, pool=pool))
    yield found
    found.clean_up()
    pool.close()
