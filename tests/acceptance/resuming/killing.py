"""Kill -9 of whoever takes part in a job, at random moments, and resumption until it is complete. For test_resume."""

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.command import Command

FACTS = {
    "scores": """
        select index, benchmark, metric, filter, score, ci_low, ci_high, n, n_errors, validity, question_key, setup_key
        from scores where job = 'NAME' order by index, metric, filter
    """,
    "samples": """
        select index, doc_id, repeat, doc_hash, prompt_hash, response_hash, error
        from samples where job = 'NAME' order by index, doc_id, repeat
    """,
}
Matches = Callable[[list[str]], bool]


@dataclass
class Killer:
    """Runs jobs under fire; `adapter` and `server` say which processes are those."""

    command: Command
    rng: random.Random
    adapter: str
    server: str
    pause: tuple[float, float] = (0.2, 2.0)  #: seconds between kills; `measure` fits it to the machine
    killed: list[str] = field(default_factory=list)

    @property
    def victims(self) -> dict[str, Matches]:
        """Who may be killed, by how its command line looks."""
        return {
            "adapter": lambda argv: self.adapter in " ".join(argv) and not _wrapped(argv),
            "shim": lambda argv: self.adapter in " ".join(argv) and _is_shim(argv),
            "model server": lambda argv: self.server in " ".join(argv) and not _wrapped(argv),
            "shim of the model server": lambda argv: self.server in " ".join(argv) and _is_shim(argv),
            "command": lambda argv: any(part.endswith("/evallab") for part in argv[:2]),
            "postgres": lambda argv: argv[0].endswith("/postgres") and "-D" in argv,
            "supervisor": lambda argv: any("supervisor" in part for part in argv),
        }

    def measure(self, manifest: Path, name: str) -> None:
        """Run a job undisturbed; from now on there are some kills in the time that it took."""
        started = time.monotonic()
        self.bring_to_its_end(manifest, name, kills=0)
        self.pause = (0.2, 0.4 * (time.monotonic() - started))

    def bring_to_its_end(self, manifest: Path, name: str, *, kills: int) -> Any:
        """Run a job, kill `kills` times at most, resume it until it is complete; return its report."""
        running = self._run(manifest, name)
        for _ in range(1000):  # rounds that find no victim count too
            if self._wait(running, self.rng.uniform(*self.pause) if kills else 600):
                stdout, stderr = running.communicate()
                if running.returncode == 0:
                    return json.loads(stdout)
                running = self._run(manifest, name) if "no job" in stderr else self._resume(name)
            elif kills and self._kill():
                kills -= 1
        raise AssertionError(f"{name} never ended: {running.communicate()}")

    def _run(self, manifest: Path, name: str) -> "subprocess.Popen[str]":
        return self.command.start("run", "-f", str(manifest), "--set", f"metadata.name={name}", "--output", "json")

    def _resume(self, name: str) -> "subprocess.Popen[str]":
        return self.command.start("resume", name, "--output", "json")

    def _wait(self, running: "subprocess.Popen[str]", seconds: float) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(seconds)
        return running.returncode is not None

    def _kill(self) -> bool:
        victim = self.rng.choice(list(self.victims))
        found = [pid for pid, argv in processes_of(self.command.home) if self.victims[victim](argv)]
        for pid in found[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed.append(victim)
        return bool(found)


def _is_shim(argv: list[str]) -> bool:
    return any(part.endswith("/shim.py") for part in argv)


def _wrapped(argv: list[str]) -> bool:
    return _is_shim(argv) or Path(argv[0]).name == "sh"


def processes_of(home: Path) -> list[tuple[int, list[str]]]:
    """Every living process that names this home in its command line or environment, oldest first."""
    found = []
    for entry in sorted(Path("/proc").glob("[0-9]*"), key=lambda path: int(path.name)):
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes()
            if str(home).encode() in line + (entry / "environ").read_bytes() and line:
                found.append((int(entry.name), line.decode(errors="replace").rstrip("\0").split("\0")))
    return [(pid, argv) for pid, argv in found if pid != os.getpid()]


def facts(command: Command, name: str) -> dict[str, list[list[str]]]:
    """What must not depend on how often a job was killed: scores, keys, and every sample."""
    return {view: command.sql(query.replace("NAME", name)) for view, query in FACTS.items()}


def lines(log: Path) -> int:
    """How many requests the counting server got."""
    return len(log.read_text().splitlines()) if log.exists() else 0


def until_gone(home: Path, name: str) -> None:
    """Wait until no process whose command line holds `name` is left."""
    deadline = time.monotonic() + 60
    while [argv for _, argv in processes_of(home) if name in " ".join(argv)]:
        assert time.monotonic() < deadline, processes_of(home)
        time.sleep(0.1)
