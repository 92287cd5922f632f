"""A model server that dies under its job: restarted for half as much at once, at most twice, and then named."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from evallab.api.job import Benchmark, EvalJob, Model, Serve, WeightsSource
from evallab.api.provider import LocalRuntime, Provider, ProviderRuntime
from evallab.catalog import Catalog, Entry
from evallab.local.lab import Lab, open_lab
from evallab.settings import Settings
from evallab.store.interface import JobSnapshot

#: Dies of the Nth GET of /ask as long as it has lives to lose; the file counts them across restarts.
SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
lives = Path(sys.argv[2])

class Model(BaseHTTPRequestHandler):
    def do_GET(self):
        left = int(lives.read_text())
        if self.path.endswith("/ask") and left:
            lives.write_text(str(left - 1))
            print("CUDA out of memory", flush=True)
            os._exit(9)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

HTTPServer(("127.0.0.1", int(sys.argv[1])), Model).serve_forever()
"""
#: Asks once, waits to be stopped when that fails, and writes down how much at once it was allowed.
ADAPTER = """
import json, os, sys, time, urllib.request
from pathlib import Path
spec = json.loads(Path(os.environ["EVALHUB_JOB_SPEC_PATH"]).read_text())
with Path(spec["parameters"]["diary"]).open("a") as diary:
    diary.write(json.dumps(spec["evallab"]["concurrency_factor"]) + "\\n")
try:
    urllib.request.urlopen(spec["model"]["url"] + "/ask", timeout=30).close()
except OSError:
    time.sleep(spec["parameters"]["patience"])
    sys.exit(1)
scores = [{"metric": "acc", "value": 1.0, "primary": True}]
Path(os.environ["EVALLAB_RESULT_FILE"]).write_text(json.dumps({"status": "completed", "scores": scores}))
"""


#: A `vllm` whose process outlives its engine: from the first question of a start on its health path answers 503.
VLLM = """#!{python}
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
lives, dead = Path({lives!r}), False

class Model(BaseHTTPRequestHandler):
    def do_GET(self):
        global dead
        left = int(lives.read_text())
        if self.path.endswith("/ask") and left:
            lives.write_text(str(left - 1))
            print("vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.", flush=True)
            dead = True
        self.send_response(503 if dead else 200)
        self.end_headers()
        self.wfile.write(b"{{}}")

port = int(sys.argv[sys.argv.index("--port") + 1])
ThreadingHTTPServer(("127.0.0.1", port), Model).serve_forever()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="evallab-deaths-"))
    (path / "server.py").write_text(SERVER)
    (path / "adapter.py").write_text(ADAPTER)
    (path / "bin").mkdir()
    (path / "bin" / "vllm").write_text(VLLM.format(python=sys.executable, lives=str(path / "lives")))
    (path / "bin" / "vllm").chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
async def lab(home: Path, database_url: str) -> AsyncIterator[Lab]:
    command = LocalRuntime(command=f"{sys.executable} {home / 'adapter.py'}")
    catalog = Catalog.of([Entry(Provider(id="asks", runtime=ProviderRuntime(local=command)))])
    settings = Settings(home=home, jobs_dir=home / "jobs-dir", config_dir=home, database_url=database_url)
    environ = {**os.environ, "PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
    async with open_lab(settings, catalog, environ=environ) as lab:
        yield lab


def custom(home: Path) -> Serve:
    command = f"exec {sys.executable} {home / 'server.py'} {{port}} {home / 'lives'}"
    return Serve(runtime="custom", command=command, health_path="/health")


async def run(lab: Lab, home: Path, *, deaths: int, patience: float = 60, serve: Serve | None = None) -> JobSnapshot:
    (home / "lives").write_text(str(deaths))
    serve = serve or custom(home)
    parameters: dict[str, Any] = {"diary": str(home / "diary"), "patience": patience}
    benchmarks = (Benchmark(provider_id="asks", id="b", parameters=parameters),)
    job = EvalJob(name="dies", model=Model(name="m", serve=serve), benchmarks=benchmarks, retries=0)
    job_id = await lab.submit(job, manifest="", manifest_dir=None)
    await lab.run(job_id)
    return await lab.store.snapshot(job_id)


def shares(home: Path) -> list[float]:
    return [json.loads(line) for line in (home / "diary").read_text().splitlines()]


async def test_it_is_restarted_twice_for_half_as_much_at_once_without_a_retry(lab: Lab, home: Path) -> None:
    done = await run(lab, home, deaths=2)
    assert (done.job.state, shares(home)) == ("completed", [1.0, 0.5, 0.25])
    assert [each.reason for each in done.attempts] == ["ModelServerDied", "ModelServerDied", "Completed"]
    assert done.job.model_server is not None
    assert done.job.model_server["deaths"] == 2


async def test_an_adapter_that_gives_up_at_once_failed_because_of_the_server(lab: Lab, home: Path) -> None:
    done = await run(lab, home, deaths=1, patience=0.2)
    assert [each.reason for each in done.attempts] == ["ModelServerDied", "Completed"]


async def test_the_third_death_ends_the_job_and_is_named_with_the_last_words_and_resume_starts_afresh(
    lab: Lab, home: Path
) -> None:
    done = await run(lab, home, deaths=3)
    assert (done.job.state, done.job.reason, len(done.attempts)) == ("failed", "ModelServerFailed", 3)
    assert "died 3 times" in (done.job.message or "")
    assert "CUDA out of memory" in (done.job.message or "")
    from evallab.local.resuming import resume

    assert await resume(lab, done.job.id)
    await lab.run(done.job.id)
    again = await lab.store.snapshot(done.job.id)
    assert (again.job.state, shares(home)) == ("completed", [1.0, 0.5, 0.25, 1.0])
    assert not await resume(lab, done.job.id)


async def test_an_engine_that_dies_under_a_living_server_is_a_death_too(lab: Lab, home: Path) -> None:
    vllm = Serve(runtime="vllm", source=WeightsSource(bundled="demo-hf"))
    done = await run(lab, home, deaths=1, serve=vllm)
    assert (done.job.state, shares(home)) == ("completed", [1.0, 0.5]), done.job.message
    assert [each.reason for each in done.attempts] == ["ModelServerDied", "Completed"]
    assert done.job.model_server is not None
    assert done.job.model_server["deaths"] == 1
