"""Jobs whose GPU is a stand-in behind the port; as a command, it runs one of them until it is killed.

python -m tests.integration.engine.watched HOME DATABASE_URL DRIVER
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evallab.api.job import Benchmark, EvalJob, Gpu, Hardware, Model, Serve, Validity
from evallab.api.provider import LocalRuntime, Provider, ProviderRuntime
from evallab.catalog import Catalog, Entry
from evallab.local.lab import open_lab
from evallab.planning.telemetry import GpuReading
from evallab.runtimes.local import gpus
from evallab.settings import Settings

SCRIPT = Path(__file__).with_name("scripted_adapter.py")
CATALOG = Catalog.of(
    [Entry(Provider(id="scripted", runtime=ProviderRuntime(local=LocalRuntime(command=f"{sys.executable} {SCRIPT}"))))]
)
#: Counts 100 tokens for each look at its metrics.
SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
looks = 0

class Model(BaseHTTPRequestHandler):
    def do_GET(self):
        global looks
        looks += self.path == "/metrics"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(
            f'vllm:generation_tokens_total{{engine="0"}} {100 * looks}\\n'
            f'vllm:num_requests_waiting{{engine="0"}} 7\\nvllm:num_preemptions_total{{engine="0"}} {looks}\\n'.encode()
        )

HTTPServer(("127.0.0.1", int(sys.argv[1])), Model).serve_forever()
"""


class OneGpu:
    """A stand-in for the driver's library: a machine with one GPU."""

    def gpus(self) -> Sequence[gpus.Gpu]:
        return [gpus.Gpu(uuid="GPU-0", name="stand-in", memory=1)]


@dataclass
class Planted:
    """Says the same of the GPU at every look; what differs from a cool and lonely one is planted."""

    planted: Mapping[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def read(self, uuids: Sequence[str], *, anew: bool) -> list[GpuReading]:  # noqa: ARG002 - the port's
        self.asked.append(tuple(uuids))
        normal = {"name": "H200", "driver": "570.1", "temperature_c": 60.0, "power_w": 312.0, "reasons": 0x4}
        return [GpuReading(uuid=each, **{**normal, **self.planted}) for each in uuids]

    def close(self) -> None: ...


def settings(home: Path, database_url: str) -> Settings:
    return Settings(
        home=home, jobs_dir=home / "jobs-dir", config_dir=home, gpu_locks_dir=home / "gpus", database_url=database_url
    )


def job(home: Path, *, seconds: float = 1.5, validity: Validity | None = None, gpu: int | None = 1) -> EvalJob:
    """A job with a model server on a GPU."""
    (home / "server.py").write_text(SERVER)
    command = f"exec {sys.executable} {home / 'server.py'} {{port}}"
    parameters = {"answers": [1, 0], "sleep": seconds}
    return EvalJob(
        name="watched",
        model=Model(name="m", serve=Serve(runtime="custom", command=command, health_path="/")),
        benchmarks=(Benchmark(provider_id="scripted", id="b", parameters=parameters),),
        hardware=Hardware(gpu=Gpu(count=gpu)) if gpu else None,
        validity=validity or Validity(),
        canary="Off",
        retries=0,
    )


async def main(home: Path, database_url: str, driver: str) -> None:
    """Run a long job on a hot GPU."""
    hot = Planted({"driver": driver, "temperature_c": 95.0})
    async with open_lab(settings(home, database_url), CATALOG, environ=os.environ, inventory=OneGpu(), gpus=hot) as lab:
        job_id = await lab.submit(job(home, seconds=3600), manifest="", manifest_dir=None)
        await lab.run(job_id)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
