"""A home under fire: a server with its embedded Postgres, who of its processes may be killed, and what adapters noted.

Made by `rounds`; looked at by `judging`.
"""

import json
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.evalhub.running import Server

from evallab.store import embedded

ADAPTERS = Path(__file__).with_name("adapters")
ATTEMPT = b"EVALLAB_ATTEMPT_ID="
CONFIG = """\
service: {port: 8080, host: "127.0.0.1"}
prometheus: {enabled: true}
evallab: {parallel: 4}
"""
PROVIDER = """\
id: NAME
name: NAME
runtime:
  local:
    command: COMMAND
    env:
    - {name: ACKNOWLEDGED, value: "HOME-OF-ALL/acknowledged"}
    - {name: FOLDER, value: "HOME-OF-ALL/done"}
benchmarks: [{id: a, name: A, category: rounds}]
"""
COMMANDS = {
    "posting": f'$EVALLAB_PYTHON -S "{ADAPTERS}/posting.py"',
    "writing": f'$EVALLAB_PYTHON "{ADAPTERS}/writing.py"',
    "waiting": f'$EVALLAB_PYTHON -S "{ADAPTERS}/waiting.py"',
}


@dataclass(frozen=True)
class Process:
    """A living process of the home."""

    pid: int
    argv: tuple[str, ...]
    of_attempt: bool

    def says(self, word: str) -> bool:
        return any(word in part for part in self.argv)

    @property
    def wraps(self) -> bool:
        """A shim, or the shell under it."""
        return self.says("/shim.py") or Path(self.argv[0]).name == "sh"


VICTIMS: Mapping[str, Callable[[Process], bool]] = {
    "adapter": lambda each: each.of_attempt and not each.wraps,
    "mailbox": lambda each: each.says("evallab.receiver.mailbox_process"),
    "postgres": lambda each: each.argv[0].endswith("/postgres") and "-D" in each.argv,
    "supervisor": lambda each: each.says("evallab.store.embedded.supervisor"),
    "server": lambda each: each.says("evallab-server"),
}


@dataclass
class World:
    """One home and its server."""

    home: Path
    server: Server
    killed: dict[str, int] = field(default_factory=dict)
    refused_starts: list[str] = field(default_factory=list)

    @classmethod
    def made(cls) -> "World":
        """Make a home that also the account which runs Postgres may enter."""
        home = Path(tempfile.mkdtemp(prefix="evallab-rounds-"))
        home.chmod(0o755)
        for name in ("acknowledged", "done", "config/providers"):
            (home / name).mkdir(parents=True)
        (home / "config" / "config.yaml").write_text(CONFIG)
        for name, command in COMMANDS.items():
            text = PROVIDER.replace("NAME", name).replace("COMMAND", f"'{command}'").replace("HOME-OF-ALL", str(home))
            (home / "config" / "providers" / f"{name}.yaml").write_text(text)
        passed = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        return cls(home, Server(home=home, config=home / "config", environ=passed))

    @property
    def lab(self) -> Path:
        """The EVALLAB_HOME."""
        return self.home / "lab"

    def processes(self) -> Iterator[Process]:
        """Yield what lives of this home, by what its command line or its environment says."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with suppress(OSError):
                line, environ = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
                if line and str(self.home).encode() in line + environ:
                    argv = tuple(line.decode(errors="replace").rstrip("\0").split("\0"))
                    yield Process(int(entry.name), argv, ATTEMPT in environ)

    def shims(self) -> list[int]:
        """Return the shims of running attempts, by their own records: some are forks that look like something else."""
        records = self.lab.glob("jobs/*/*/attempt-*/started.json")
        running = [json.loads(each.read_text()) for each in records if not each.with_name("exit.json").exists()]
        return [each["pid"] for each in running if _started(each["pid"]) == each["start_time"]]

    def kill(self, victim: str, rng: random.Random) -> bool:
        """Kill one process of that kind as the kernel would; say whether there was one."""
        found = self.shims() if victim == "shim" else [each.pid for each in self.processes() if VICTIMS[victim](each)]
        if not found:
            return False
        with suppress(ProcessLookupError):
            os.kill(rng.choice(sorted(found)), signal.SIGKILL)
        self.killed[victim] = self.killed.get(victim, 0) + 1
        if victim == "server" and self.server.process:
            self.server.process.wait(30)
        return True

    def start(self, *, tries: int = 3) -> None:
        """Start the server, again when Postgres was killed under its feet. Raises AssertionError if it never comes."""
        for left in reversed(range(tries)):
            try:
                self.server.start()
                return
            except AssertionError as error:
                self.refused_starts.append(str(error)[-2000:])
                if not left:
                    raise
                time.sleep(1)

    def begin(self) -> None:
        """Start the server and do not wait for it: it is going to be killed."""

        def starting() -> None:
            with suppress(AssertionError):
                self.server.start()

        before, thread = self.server.process, threading.Thread(target=starting)
        thread.start()
        while self.server.process is before:
            time.sleep(0.01)

    def up(self) -> bool:
        """Say whether the server's process lives."""
        return self.server.process is not None and self.server.process.poll() is None

    def acknowledged(self) -> list[dict[str, Any]]:
        """Return what adapters wrote down after it had been taken; who was killed while it wrote, wrote nothing."""
        texts = [file.read_text() for file in sorted((self.home / "acknowledged").iterdir())]
        return [json.loads(text) for text in texts if text.endswith("\n")]

    def leave(self, *, keep: bool) -> None:
        """End everything; `keep`: the files stay for whoever wants to know."""
        if self.up():
            self.server.stop()
        embedded.stop(self.lab)
        for each in list(self.processes()):
            with suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)
        if not keep:
            shutil.rmtree(self.home, ignore_errors=True)


def _started(pid: int) -> int:
    """Return when a process started, in the kernel's ticks; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0
