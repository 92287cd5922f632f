"""The two servers that are compared, each with a home and a configuration of its own. Called by `bench_server`.

EvalHub's is found by the environment variable EVALHUB_SERVER, else as `eval-hub-server` on the PATH; without it only
ours is measured.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.server_client import HOST, Client

OURS = Path(sys.executable).with_name("evallab-server")
HEALTH = "/api/v1/health"
PARALLEL = 32  #: so many benchmarks run at once; EvalHub's server knows no limit
PATIENCE_S = 60.0


def theirs() -> str | None:
    """Return EvalHub's server, None when it is not installed."""
    return shutil.which(os.environ.get("EVALHUB_SERVER") or "eval-hub-server")


@dataclass
class Server:
    """A server in a folder."""

    root: Path
    command: str
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    environ: dict[str, str] = field(default_factory=dict)

    def configure(self) -> None:
        """Write its configuration: adapters that do nothing but say that they began, or sleep."""
        self.port = _free_port()
        (self.root / "config" / "providers").mkdir(parents=True)
        self.root.chmod(0o755)  # Postgres may run as another account
        self.began = self.root / "began"
        os.mkfifo(self.began)
        commands = {
            "saying": f'echo "$EVALHUB_JOB_SPEC_PATH" > {self.began}',
            "sleeping": "exec sleep 600",
            "silent": ":",
        }
        for name, command in commands.items():
            provider = {"id": name, "name": name, "runtime": {"local": {"command": command}}}
            benchmark = {"id": "x", "name": "X", "category": "misc", "primary_score": {"metric": "acc"}}
            text = json.dumps(provider | {"benchmarks": [benchmark]})
            (self.root / "config" / "providers" / f"{name}.yaml").write_text(text)
        config = {
            "service": {"port": self.port, "host": HOST},
            "database": {"driver": "sqlite", "url": f"file::{self.root.name}:?mode=memory&cache=shared"},
            "evallab": {"parallel": PARALLEL, "builtin": False, "jobs": {"retries": 0}},
        }
        (self.root / "config" / "config.yaml").write_text(json.dumps(config))

    def start(self) -> float:
        """Start it; return the seconds until it was healthy."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "LANG": "C.UTF-8",
            "EVALLAB_HOME": str(self.root / "lab"),
            "EVALLAB_JOBS_DIR": str(self.root / "jobs"),
            **self.environ,
        }
        command = [self.command, "-local", "-configdir", str(self.root / "config")]
        with (self.root / "server.log").open("ab") as log:
            began = time.perf_counter()
            self.process = subprocess.Popen(
                command, cwd=self.root, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        while not self._is_healthy():
            if self.process.poll() is not None or time.perf_counter() - began > PATIENCE_S:
                raise RuntimeError(f"The server did not start:\n{(self.root / 'server.log').read_text()[-3000:]}")
            time.sleep(0.002)
        return time.perf_counter() - began

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def pid(self) -> int:
        """Its process; 0 before it was started."""
        return self.process.pid if self.process else 0

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Connect for a while."""
        client = Client(self.port)
        try:
            yield client
        finally:
            client.close()

    def _is_healthy(self) -> bool:
        try:
            with self.client() as client:
                return client.ask("GET", HEALTH).status == 200
        except OSError:
            return False


def _free_port() -> int:
    with socket.socket() as door:
        door.bind((HOST, 0))
        return int(door.getsockname()[1])
