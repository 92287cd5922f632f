"""The command as a user has it: a process with its own environment, stdout and stderr apart."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Command:
    """`evallab` on one home and one database."""

    home: Path
    database_url: str

    def __call__(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [sys.executable, "-m", "evallab.cli", *args],
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )

    def said(self, *args: str) -> str:
        """Run a command that succeeds without a word on stderr, and return its stdout."""
        done = self(*args)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def json(self, *args: str) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(self.said(*args, "--output", "json"))

    @property
    def environ(self) -> dict[str, str]:
        """An environment that holds nothing of the developer's."""
        return {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "EVALLAB_HOME": str(self.home),
            "EVALLAB_JOBS_DIR": str(self.home / "jobs"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "EVALLAB_DATABASE_URL": self.database_url,
            "PYTHONWARNINGS": "error",
        }
