"""Operator processes as tests see them: started, killed, asked; and a pod's part played in its place.

On the nodeless tier pods run nothing: what an adapter and its sidecar would hand in, `played` puts into the store.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from tests.cluster.running import Cluster

from evallab.store.interface import EventRow, Store

Json = dict[str, Any]
T = TypeVar("T")
PROVIDER = {
    "id": "demo",
    "name": "Demo",
    "runtime": {"local": {"command": "true"}, "k8s": {"image": "evallab/demo:1"}},
    "benchmarks": [
        {"id": each, "name": each, "primary_score": {"metric": "acc"}, "pass_criteria": {"threshold": 0.5}}
        for each in ("b1", "b2")
    ],
}


@dataclass
class Operator:
    """One process of `evallab operator`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def kill(self) -> None:
        """End it as a node that loses power does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def end(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def asked(self, path: str) -> tuple[int, str]:
        """Return status and body of /healthz, /readyz or /metrics; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    @property
    def leads(self) -> bool:
        """Say whether it holds the Lease."""
        return "evallab_operator_leads 1.0" in self.asked("/metrics")[1]

    def writes(self) -> float:
        """Return how many requests changed something in the cluster."""
        lines = self.asked("/metrics")[1].splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("evallab_operator_api_writes_total"))

    def resident_mb(self) -> float:
        """Return how much memory it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@dataclass
class Operators:
    """Starts operators of one installation."""

    cluster: Cluster
    namespace: str
    database_url: str
    directory: Path
    program: list[str] = field(default_factory=lambda: [sys.executable, "-m", "evallab.cli"])
    environ: Mapping[str, str] = field(default_factory=dict)
    running: list[Operator] = field(default_factory=list)

    def start(self, *words: str) -> Operator:
        """Start another one."""
        config = self.directory / "config" / "providers"
        config.mkdir(parents=True, exist_ok=True)
        (config / "demo.yaml").write_text(yaml.safe_dump(PROVIDER))
        file = self.directory / "cluster.yaml"
        file.write_text(
            yaml.safe_dump(
                {
                    "image": "evallab/operator:test",
                    "serverUrl": "http://evallab.evallab.svc:8080",
                    "leaderElection": {"namespace": self.namespace, "name": "evallab-operator"},
                }
            )
        )
        port, log = free_port(), self.directory / f"operator-{len(self.running)}.log"
        environ = {
            **os.environ,
            **self.cluster.environ,
            "EVALLAB_DATABASE_URL": self.database_url,
            "EVALLAB_CLUSTER_CONFIG": str(file),
            "EVALLAB_CONFIG_DIR": str(config.parent),
            "EVALLAB_HOME": str(self.directory / f"home-{len(self.running)}"),
            **self.environ,
        }
        argv = [*self.program, "operator", "--namespace", self.namespace, "--port", str(port), *words]
        with log.open("wb") as output:
            process = subprocess.Popen(argv, env=environ, stdout=output, stderr=output)
        self.running.append(Operator(process, port, log))
        return self.running[-1]

    def end(self) -> None:
        """End all of them."""
        for each in self.running:
            if each.process.poll() is None:
                each.kill()


@contextmanager
def operators(cluster: Cluster, namespace: str, database_url: str, directory: Path, **more: Any) -> Iterator[Operators]:
    """Operators that end with the context."""
    made = Operators(cluster, namespace, database_url, directory, **more)
    try:
        yield made
    finally:
        made.end()


def evaljob(name: str, *, benchmarks: tuple[str, ...] = ("b1",), **spec: Any) -> Json:
    """Return an EvalJob whose pods run for a minute unless it says otherwise."""
    notes = {"evallab.test/run-for": "60s"}
    return {
        "apiVersion": "evallab.dev/v1alpha1",
        "kind": "EvalJob",
        "metadata": {"name": name},
        "spec": {
            "model": {"name": "m", "url": "http://model.default.svc/v1"},
            "benchmarks": [{"providerId": "demo", "id": each} for each in benchmarks],
            "podTemplate": {"metadata": {"annotations": notes}},
            "determinism": {"canary": "Off"},  # nobody is there
            **spec,
        },
    }


async def played(store: Store, attempt_id: str, *, score: float = 0.75) -> None:
    """Hand in a result as an attempt's sidecar does."""
    now = datetime.now(UTC)
    metrics = {"acc": score}
    body = {"status": "completed", "metrics": metrics, "results": {"metrics": metrics}}
    await store.add_event(EventRow(id=f"{attempt_id}-end", attempt_id=attempt_id, received_at=now, body=body))
    await store.seal(attempt_id, {"files": [], "events": 1}, now=now)


def conditions(body: Json | None) -> dict[str, str]:
    """Return the conditions of an object as "status reason"."""
    found = ((body or {}).get("status") or {}).get("conditions") or []
    return {each["type"]: f"{each['status']} {each['reason']}" for each in found}


def until(look: Callable[[], T], *, seconds: float = 60, what: str = "") -> T:
    """Look until there is something, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what or look} did not come true within {seconds} s")


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port
