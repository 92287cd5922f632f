"""The state file: which supervisor serves this home, and on which port.

The supervisor writes it once Postgres answers and removes it before it decides to leave; everybody else reads it.
"""

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from evallab.store.embedded.process import Identity


@dataclass(frozen=True)
class State:
    """What a supervisor says about itself; `started` is in clock ticks since boot, `version` the package's."""

    pid: int
    started: int
    port: int
    server_pid: int
    version: str

    @property
    def supervisor(self) -> Identity:
        """The process that wrote it."""
        return Identity(pid=self.pid, started=self.started)


def read(path: Path) -> State | None:
    """Return the state, or None when there is none or its writer died."""
    try:
        state = State(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return state if state.supervisor.alive() else None


def write(path: Path, state: State) -> None:
    """Replace the file as a whole."""
    write_private(path, json.dumps(asdict(state)))


def last_port(path: Path) -> int:
    """Return the port that was used last, 0 when none is known."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 so that a reader, or a crash, sees all of it or nothing."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
