"""The command as a user has it; imported by the acceptance tests."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EVALLAB = Path(sys.executable).with_name("evallab")
EXAMPLES = ROOT / "examples"


@dataclass(frozen=True)
class Command:
    """`evallab` with its own EVALLAB_HOME."""

    home: Path

    @property
    def environ(self) -> dict[str, str]:
        """An environment that holds nothing of the developer's."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "EVALLAB_HOME": str(self.home / "lab"),
            "EVALLAB_JOBS_DIR": str(self.home / "jobs"),
            "EVALLAB_POSTGRES_IDLE_SECONDS": "20",
        }

    def __call__(
        self, *args: str, cwd: Path | None = None, environ: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [str(EVALLAB), *args],
            cwd=cwd or self.home,
            env=environ or self.environ,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )

    def start(self, *args: str) -> "subprocess.Popen[str]":
        """Start a command in a session of its own."""
        return subprocess.Popen(
            [str(EVALLAB), *args],
            cwd=self.home,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def json(self, *args: str) -> Any:
        """Run a command that prints JSON and succeeds."""
        done = self(*args, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def sql(self, query: str) -> list[list[str]]:
        """Ask the database with psql, as the docs tell a user to."""
        done = self("db", "psql", "-At", "-F", "\t", "-c", query)
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]


@dataclass(frozen=True)
class Quickstart:
    """The two jobs of the quickstart, as they ended."""

    f16: subprocess.CompletedProcess[str]
    q3: subprocess.CompletedProcess[str]
