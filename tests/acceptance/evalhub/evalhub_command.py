"""The public `evalhub` command as a user runs it: a home of its own, the server named in its environment."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.evalhub.sdk_environment import SdkEnvironment


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """What it printed with --format json."""
        return json.loads(self.out)


@dataclass(frozen=True)
class EvalhubCommand:
    """`evalhub …`."""

    sdk: SdkEnvironment
    home: Path
    url: str = ""
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """Nothing of the developer's; a terminal wide enough that tables keep their words whole."""
        said = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "COLUMNS": "200", **self.environ}
        return said | ({"EVALHUB_BASE_URL": self.url} if self.url else {})

    def __call__(self, *arguments: str, code: int = 0) -> Ran:
        """Run it and expect an exit code."""
        done = subprocess.run(
            [str(self.sdk.evalhub), *arguments],
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, (
            f"evalhub {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def begin(self, *arguments: str, output: Path | None = None) -> "subprocess.Popen[bytes]":
        """Start it in a process group of its own and leave it running; what it writes goes to a file."""
        with (output or self.home / "output").open("wb") as written:
            return subprocess.Popen(
                [str(self.sdk.evalhub), *arguments],
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
