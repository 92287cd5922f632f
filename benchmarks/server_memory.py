"""What a server and its helpers hold in memory, read from /proc. Called by `bench_server`."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.server_process import Server

_HELPERS = {"mailbox": "mailbox", "waiting shim": "shim_waiting", "Postgres' supervisor": "supervis"}


@dataclass(frozen=True)
class _Process:
    folder: Path
    parent: int
    command: str
    environment: str

    @property
    def pid(self) -> int:
        return int(self.folder.name)


def resident(server: Server) -> float:
    """Return the resident memory of the server's own process, in MB."""
    return _kilobytes(Path("/proc") / str(server.pid) / "status", "VmRSS:") / 1024


def helpers(server: Server) -> dict[str, float]:
    """Return the memory of the other processes of our server, in MB; what several share is divided among them."""
    found: dict[str, float] = {}
    running = _running()
    ours = {each.pid for each in running if str(server.root) in each.command + each.environment} | {server.pid}
    for each in running:
        name = _role(each) if each.pid != server.pid and {each.pid, each.parent} & ours else None
        if name is not None:
            found[name] = found.get(name, 0) + _kilobytes(each.folder / "smaps_rollup", "Pss:") / 1024
    return found


def _role(process: _Process) -> str | None:
    if process.command.startswith("postgres:") or "/postgres " in process.command:
        return "Postgres"
    return next((name for name, word in _HELPERS.items() if word in process.command), None)


def _running() -> list[_Process]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command, environment = (_text(folder / name) for name in ("cmdline", "environ"))
        except OSError:
            continue  # it ended meanwhile, or is not ours
        found.append(_Process(folder, parent, command, environment))
    return found


def _text(file: Path) -> str:
    return file.read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _kilobytes(file: Path, field: str) -> int:
    try:
        return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(field))
    except (OSError, StopIteration):
        return 0
