"""Watching a job on eight GPUs for half a minute: stand-ins for the GPUs, a real page of a model server, real Postgres.

python -m benchmarks.bench_telemetry
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.row import Row
from evallab.api.job import Benchmark, EvalJob, Model, Serve
from evallab.engine.watching import InThread, Sight, Watch
from evallab.planning.telemetry import GpuReading
from evallab.runtimes.local.model_server import free_port
from evallab.store import embedded
from evallab.store.connection import open_store
from evallab.store.interface import AttemptRow, BenchmarkRow, JobRow

GPUS, SECONDS, TARGET = 8, 30.5, 0.5  #: the target in percent
UUIDS = tuple(f"GPU-{number}" for number in range(GPUS))
PAGE = "".join(
    f'# TYPE vllm:{name} counter\nvllm:{name}{{engine="0",model_name="m",le="{bucket}"}} {bucket}.0\n'
    for name in ("generation_tokens_total", "num_requests_waiting", *(f"other_{each}_bucket" for each in range(40)))
    for bucket in range(20)
)  #: about as long as vLLM's


class StandIns:
    """Eight GPUs that are always the same."""

    def read(self, uuids: Sequence[str], *, anew: bool) -> list[GpuReading]:  # noqa: ARG002 - the port's
        """Read them."""
        said = {"temperature_c": 70.0, "power_w": 600.0, "utilisation": 99.0, "memory_used": 10**11, "reasons": 4}
        return [GpuReading(uuid=each, name="H200", driver="570.1", sm_clock_mhz=1980.0, **said) for each in uuids]  # type: ignore[arg-type]

    def close(self) -> None:
        """Hold nothing."""


def rows() -> list[Row]:
    """Measure."""
    folder = Path(tempfile.mkdtemp(prefix="evallab-bench-"))
    folder.chmod(0o755)  # the account that runs Postgres enters it
    try:
        with _page(folder) as url:
            share = asyncio.run(_share(folder, url))
    finally:
        embedded.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return [
        Row(
            metric=f"telemetry of {GPUS} GPUs and a model server: share of one core",
            measured=100 * share,
            unit="%",
            target=TARGET,
            note=f"CPU time of the watching process over {SECONDS:.0f} s; GPUs are stand-ins, so without NVML itself",
        )
    ]


@contextmanager
def _page(folder: Path) -> Iterator[str]:
    public, port = folder / "public", free_port()
    public.mkdir()
    (public / "metrics").write_text(PAGE)
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(public), str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


async def _share(folder: Path, url: str) -> float:
    now = datetime.now(UTC)
    serve = Serve(runtime="custom", command="x", health_path="/")
    spec = EvalJob(name="j", model=Model(name="m", serve=serve), benchmarks=(Benchmark(provider_id="p", id="b"),))
    job = JobRow(id="job-1", name="j", spec=spec, state="running", created_at=now)
    benchmark = BenchmarkRow(job_id=job.id, index=0, provider_id="p", benchmark_id="b", done=1)
    attempt = AttemptRow(id="a", job_id=job.id, index=0, number=1, state="running", created_at=now)
    async with open_store(url=None, home=folder) as store:
        await store.create_job(job, [benchmark], actor="bench")
        gpus = InThread(StandIns())
        sight = Sight(gpus=gpus, devices=lambda _: UUIDS, foreign=lambda *_: frozenset(), url=lambda _: url)
        watch = Watch(store, sight, now=lambda: datetime.now(UTC))
        watch.look(job, [benchmark], [attempt])
        await asyncio.sleep(1)  # what is done once: the client, the connection
        cpu, wall = time.process_time(), time.monotonic()
        end = wall + SECONDS
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(5, left))
            watch.look(job, [benchmark], [attempt])
        share = (time.process_time() - cpu) / (time.monotonic() - wall)
        await watch.close()
    return share


if __name__ == "__main__":
    sys.stdout.write("".join(f"{row}\n" for row in rows()))
