"""`evallab` as somebody has it whose jobs run on a server."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.evalhub.running import Server

EVALLAB = Path(sys.executable).with_name("evallab")
SLEEPS = "spec.benchmarks[0].parameters.sleep"
Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Far:
    """The command and its server."""

    server: Server

    def environ(self, **more: str) -> dict[str, str]:
        """An environment that holds nothing of the developer's."""
        lab = {name: self.server.variables[name] for name in ("EVALLAB_HOME", "EVALLAB_JOBS_DIR")}
        own = {"PATH": os.environ["PATH"], "HOME": str(self.server.home), "LANG": "C.UTF-8", "COLUMNS": "200"}
        return {**own, **lab, "EVALLAB_CONFIG_DIR": str(self.server.config), "EVALLAB_URL": self.server.url, **more}

    def __call__(self, *args: str, **environ: str) -> Done:
        """Run a command to its end; a variable that is empty counts as not set."""
        return subprocess.run(
            [str(EVALLAB), *args],
            cwd=self.server.home,
            env=self.environ(**environ),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    def said(self, *args: str) -> str:
        """Return what a command that succeeds prints."""
        done = self(*args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *args: str) -> Any:
        """Return the document that a command prints, whatever its exit code."""
        return json.loads(self(*args, "--output", "json").stdout)

    def start(self, *args: str) -> "subprocess.Popen[str]":
        """Start a command in a session of its own."""
        return subprocess.Popen(
            [str(EVALLAB), *args],
            cwd=self.server.home,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def running(self, name: str) -> str:
        """Wait until a job of that name runs, and return its id."""

        def look() -> str | None:
            found = self.json("jobs", "--name", name, "--state", "running")
            return found[0]["id"] if found else None

        job_id: str = self.server.until(look, what=f"{name} to run")
        return job_id
