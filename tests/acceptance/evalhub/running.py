"""A server as its users start it, and the requests of a plain HTTP client; imported by the tests of this folder."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SERVER = Path(sys.executable).with_name("evallab-server")
CONFIG = Path(__file__).with_name("config")
JOBS = "/api/v1/evaluations/jobs"
OVER = {"completed", "failed", "cancelled", "partially_failed"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The JSON body."""
        return json.loads(self.raw)

    @property
    def text(self) -> str:
        return self.raw.decode()


@dataclass
class Server:
    """`evallab-server --local` with a home and a configuration directory of its own."""

    home: Path
    config: Path = CONFIG
    port: int = 0
    environ: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "Server":
        """Start it and wait until it answers."""
        self.port = self.port or free_port()
        self.home.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(SERVER), "--local", "--configdir", str(self.config), *self.arguments],
                cwd=self.home,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.until(self._healthy, what="the server to answer")
        return self

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def jobs_dir(self) -> Path:
        return self.home / "jobs"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """An environment that holds nothing of the developer's, except a secret that nobody may see."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PORT": str(self.port),
            "EVALLAB_HOME": str(self.home / "lab"),
            "EVALLAB_JOBS_DIR": str(self.jobs_dir),
            "EVALLAB_POSTGRES_IDLE_SECONDS": "20",
            "SECRET_OF_THE_SERVER": "never-shown",
            **self.environ,
        }

    def stop(self) -> None:
        """End it as an operator would."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def kill(self) -> None:
        """End it as the kernel would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, timeout: float = 60
    ) -> Answer:
        """Send one request; a body that is not bytes is sent as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        try:
            connection.request(method, path, raw, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def submit(self, *benchmarks: Mapping[str, Any], **more: Any) -> str:
        """Post a job of these benchmarks and return its id."""
        model = {"url": "http://127.0.0.1:9/v1", "name": "m"}
        posted = self.request("POST", JOBS, {"name": "job", "model": model, "benchmarks": list(benchmarks), **more})
        assert posted.status == 202, posted.text
        return str(posted.body["resource"]["id"])

    def job(self, job_id: str) -> Any:
        answer = self.get(f"{JOBS}/{job_id}")
        assert answer.status == 200, answer.text
        return answer.body

    def finished(self, job_id: str) -> Any:
        """Return a job when it is over."""
        return self.until(lambda: _over(self.job(job_id)), what=f"the end of {job_id}")

    def event(self, job_id: str, **event: Any) -> Answer:
        return self.request("POST", f"{JOBS}/{job_id}/events", {"benchmark_status_event": event})

    def until(self, look: Callable[[], Any], *, what: str, seconds: float = 90) -> Any:
        """Look until there is something to see."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := look():
                return found
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"waited in vain for {what}; the log ends:\n{self.log.read_text()[-3000:]}")

    def _healthy(self) -> bool:
        try:
            return self.get("/api/v1/health").status == 200
        except OSError:
            return False


def _over(job: Any) -> Any:
    return job if job["status"]["state"] in OVER else None


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])
