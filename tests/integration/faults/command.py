"""The command with everything of its own, on the database of the test; started as a process that may be signalled."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.faults.jobs import ADAPTER, PATIENCE_S

EVALLAB = Path(sys.executable).with_name("evallab")
PROVIDER = f"""
id: faulty
runtime: {{local: {{command: "{sys.executable} {ADAPTER}"}}}}
benchmarks: [{{id: b0}}]
"""


@dataclass(frozen=True)
class Command:
    """`evallab` in a home."""

    home: Path
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "EVALLAB_HOME": str(self.home / "lab"),
            "EVALLAB_JOBS_DIR": str(self.home / "jobs"),
            "EVALLAB_CONFIG_DIR": str(self.home / "config"),
            "EVALLAB_POSTGRES_IDLE_SECONDS": "1",
            **self.more,
        }

    def manifest(self, script: str, **spec: Any) -> Path:
        """Write the manifest of a job whose adapter runs `script`, and the provider of that adapter."""
        folder = self.home / "config" / "providers"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "faulty.yaml").write_text(PROVIDER)
        benchmark = {"providerId": "faulty", "id": "b0", "parameters": {"script": script}}
        model = {"name": "m", "url": "http://127.0.0.1:9/v1"}
        document = {
            "apiVersion": "evallab.dev/v1alpha1",
            "kind": "EvalJob",
            "metadata": {"name": "job"},
            "spec": {"model": model, "retries": 0, "benchmarks": [benchmark]} | spec,
        }
        path = self.home / "job.yaml"
        path.write_text(json.dumps(document))
        return path

    def start(self, *args: str, before: Sequence[str] = (), **how: Any) -> "subprocess.Popen[str]":
        """Start a command in a session of its own; what it says goes to the files `out` and `err`."""
        with (self.home / "out").open("w") as out, (self.home / "err").open("w") as err:
            streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err}
            how = {"start_new_session": True, **streams, **how}
            return subprocess.Popen([*before, str(EVALLAB), *args], cwd=self.home, env=self.environ, text=True, **how)

    def run(self, *args: str, before: Sequence[str] = ()) -> int:
        """Run a command to its end."""
        with self.start(*args, before=before) as process:
            return process.wait(timeout=PATIENCE_S)

    @property
    def said(self) -> str:
        """What the last command said on stderr."""
        return (self.home / "err").read_text()

    @property
    def report(self) -> Any:
        """What the last command printed as JSON."""
        return json.loads((self.home / "out").read_text())

    def processes(self) -> list[str]:
        """Return every living process that has this home in its environment or command line."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                line = (entry / "cmdline").read_bytes()
                named = str(self.home).encode() in line + (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if named and state != "Z":
                found.append(line.replace(b"\0", b" ").decode())
        return found


def wait_for(condition: Callable[[], object], *, seconds: float = PATIENCE_S) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
