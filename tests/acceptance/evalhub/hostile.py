"""What a hostile client sends: bytes as they are, and requests as a page in somebody's browser would send them."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.evalhub.conftest import configured, opened
from tests.acceptance.evalhub.running import JOBS, SERVER, Answer, Server

EVIL = "https://evil.example"
PROVIDERS = "/api/v1/evaluations/providers"
COLLECTIONS = "/api/v1/evaluations/collections"
PLAIN = {"id": "a", "provider_id": "plain", "parameters": {"acc": 1}}


@contextmanager
def served(extra: str = "", **fields: Any) -> Iterator[Server]:
    """Run a server for several tests; `extra` is added to config.yaml."""
    home = opened()
    server = Server(home=home, config=configured(home / "config", extra), **fields).start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def job(*benchmarks: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the body of a job that asks for what it says, or for something harmless."""
    model = {"url": "http://127.0.0.1:9/v1", "name": "m"}
    return {"name": "hostile", "model": model, "benchmarks": list(benchmarks) or [PLAIN], **more}


def wire(server: Server, raw: bytes, *, shut: bool = False) -> bytes:
    """Send bytes; return all that comes back until the server closes. `shut` closes the sending half first."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(raw)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        return until_closed(connection)


def until_closed(connection: socket.socket) -> bytes:
    """Return everything until the server closes; a reset counts as that."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def page(server: Server, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """Send a request with exactly these headers (`_` stands for `-`), Host included."""
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    said = {"Host": f"localhost:{server.port}", "Connection": "close"}
    said |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    if body is not None:
        said["Content-Length"] = str(len(raw))
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return parsed(wire(server, f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + raw))


def parsed(raw: bytes) -> Answer:
    """Take an answer apart."""
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body)


def refused(answer: Answer) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status, answer.body["message_code"]


def jobs_made(server: Server) -> int:
    """Count the jobs of a server."""
    return int(server.get(f"{JOBS}?limit=1").body["total_count"])


def most_memory_kib(server: Server) -> int:
    """Return the largest memory that the server has had."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def attempted(config: Path, *arguments: str, home: Path, **environ: str) -> tuple[int, str]:
    """Start a server that is not to start; return its exit code and what it said."""
    variables = Server(home=home, config=config, environ=environ).variables
    command = [str(SERVER), "--local", "--configdir", str(config), *arguments]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr
