"""A pod without a cluster: its folders, and the sidecar as the process it is there."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.sidecar.server import TOKEN, Server, serving

PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def eventually(check: Callable[[], bool]) -> None:
    """Wait until something is true; how long it takes is not what is tested."""
    end = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.01)


def event(status: str = "running", **fields: Any) -> dict[str, Any]:
    named = {"provider_id": "acme", "id": "sums", "benchmark_index": 0}
    return {"benchmark_status_event": {**named, "status": status, **fields}}


@dataclass
class Pod:
    """The folders of a pod, and its sidecar while it runs."""

    root: Path
    server: str
    model: str = ""
    stream_s: float = 0.05
    limits: dict[str, int] = field(default_factory=dict)
    attempt: str = "a1"
    benchmark: tuple[str, str] = ("acme", "sums")
    port: int = field(default_factory=free_port)
    health: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def log(self) -> str:
        return (self.root / "log").read_text()

    @property
    def spec(self) -> dict[str, Any]:
        return {
            "id": "job-1",
            "provider_id": self.benchmark[0],
            "benchmark_id": self.benchmark[1],
            "benchmark_index": 0,
            "model": {"name": "m", "url": f"{self.url}/model/v1"},
            "parameters": {},
            "callback_url": f"{self.url}/a/{self.attempt}",
        }

    def make(self) -> "Pod":
        for folder in ("etc", "meta", "data/work", "data/artifacts", "spool", "secret"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "token").write_text(TOKEN)
        config = {
            "server": self.server,
            "attempt": self.attempt,
            "job": "job-1",
            "model": self.model,
            "namespace": "lab",
            **self.limits,
        }
        (self.root / "etc" / "sidecar.json").write_text(json.dumps(config))
        for folder in ("etc", "meta"):
            (self.root / folder / "job.json").write_text(json.dumps(self.spec))
        return self

    def start(self) -> "Pod":
        """Start the sidecar and wait until the kubelet would call it started."""
        places = {"config": "etc/sidecar.json", "data": "data", "spool": "spool", "token-file": "token",
                  "secret-dir": "secret"}  # fmt: skip
        flags = [word for name, path in places.items() for word in (f"--{name}", str(self.root / path))]
        flags += ["--port", str(self.port), "--health-port", str(self.health), "--stream-seconds", str(self.stream_s)]
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "evallab.cli", "sidecar", *flags], stderr=log)
        eventually(self.healthy)
        return self

    def healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return httpx.get(f"http://127.0.0.1:{self.health}/health").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, body: Any = None, *, path: str = "/a/a1/api/v1/evaluations/jobs/job-1/events") -> httpx.Response:
        """Post an event as an adapter does."""
        return httpx.post(self.url + path, json=event() if body is None else body)

    def adapter(self, program: Path, *, python: Path | str = sys.executable) -> "subprocess.CompletedProcess[str]":
        """Run an adapter as its container would."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "EVALHUB_MODE": "k8s",
            "EVALHUB_JOB_SPEC_PATH": str(self.root / "meta" / "job.json"),
            "EVALLAB_WORKDIR": str(self.data / "work"),
            "EVALLAB_ARTIFACTS_DIR": str(self.data / "artifacts"),
            "EVALLAB_RESULT_FILE": str(self.data / "result.json"),
        }
        command = [str(python), str(program)]
        return subprocess.run(command, env=environ, cwd=self.root, capture_output=True, text=True, check=False)

    def tell(self, number: signal.Signals = signal.SIGTERM) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def ended(self) -> int:
        """Wait for the end and return the exit code."""
        assert self.process is not None
        return self.process.wait(PATIENCE_S)

    def finish(self) -> int:
        """Say that the adapter has ended, and wait for the end."""
        self.tell()
        return self.ended()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def peer() -> Iterator[Server]:
    with serving(Server()) as running:
        yield running


@pytest.fixture
def pod(tmp_path: Path, peer: Server) -> Iterator[Pod]:
    made = Pod(tmp_path / "pod", peer.url).make()
    yield made
    made.kill()
