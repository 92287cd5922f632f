"""Jobs of faulty adapters, and how the tests of this folder wait."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from evallab.api.job import Benchmark, EvalJob, Model
from evallab.api.provider import LocalRuntime, Provider, ProviderRuntime
from evallab.catalog import Catalog, Entry
from evallab.local.lab import Lab
from evallab.store.interface import JobSnapshot

ADAPTER = Path(__file__).with_name("faulty_adapter.py")
PATIENCE_S = 120.0
ANSWERED = "write_result([1, 0, 1])"


def provider(provider_id: str, command: str) -> Provider:
    return Provider(id=provider_id, runtime=ProviderRuntime(local=LocalRuntime(command=command)))


CATALOG = Catalog.of(
    [
        Entry(provider("faulty", f"{sys.executable} {ADAPTER}")),
        Entry(provider("wrapped", f"{sys.executable} {ADAPTER}; exit $?")),
        Entry(provider("missing", "/no/such/adapter")),
    ]
)


def job(*scripts: str, provider_id: str = "faulty", name: str = "job", **fields: Any) -> EvalJob:
    """A job with one benchmark per script."""
    benchmarks = tuple(
        Benchmark(provider_id=provider_id, id=f"b{index}", parameters={"script": script})
        for index, script in enumerate(scripts)
    )
    return EvalJob(
        name=name,
        benchmarks=benchmarks,
        **({"model": Model(name="m", url="http://127.0.0.1:9/v1"), "retries": 0} | fields),
    )


async def run(lab: Lab, spec: EvalJob) -> JobSnapshot:
    """Run a job to its end; it must have one."""
    job_id = await lab.submit(spec, manifest="", manifest_dir=None)
    async with asyncio.timeout(PATIENCE_S):
        await lab.run(job_id)
    return await lab.store.snapshot(job_id)


async def log_of(lab: Lab, done: JobSnapshot) -> Path:
    """Return the log of a job's first benchmark."""
    handle = done.attempts[0].handle
    assert handle is not None
    return Path(handle["log_file"])


async def values(lab: Lab, done: JobSnapshot) -> list[float | None]:
    """Return what was recorded of each sample of the first benchmark, to see that none is lost or doubled."""
    return [value for sample in await lab.store.samples(done.job.id, 0) for value in dict(sample.scores).values()]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in a file or a row
            await asyncio.sleep(0.05)


async def until_exists(path: Path) -> None:
    """Wait until a file is there."""

    async def there() -> bool:
        return path.exists()

    await until(there)


def gone(pid: int) -> bool:
    """Say whether a process has ended (a zombie has)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def environ() -> dict[str, str]:
    """The environment that labs of these tests get."""
    return dict(os.environ)
