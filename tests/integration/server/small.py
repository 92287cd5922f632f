"""Starts `small_server.py` as a process, and talks to it with a bare socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVER = Path(__file__).with_name("small_server.py")
HOST = b"Host: localhost\r\n"


@dataclass(frozen=True)
class Small:
    """A running server: its port, its process, and where it writes."""

    port: int
    process: "subprocess.Popen[bytes]"
    output: Path

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        """Open a connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            yield connection

    def ask(self, raw: bytes) -> bytes:
        """Send bytes, and return everything until the server closes."""
        with self.connected() as connection:
            connection.sendall(raw)
            return until_closed(connection)

    def resident_kib(self) -> int:
        """Return the largest memory that the process has had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))

    def said(self) -> str:
        """Return what the server has written, after it had a moment."""
        return self.output.read_text()


def until_closed(connection: socket.socket) -> bytes:
    """Return everything until the server closes; a reset counts as that."""
    parts = []
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def status_of(answer: bytes) -> int:
    """Return the status of the (first) response."""
    return int(answer.split(b" ", 2)[1])


@contextmanager
def small_server(folder: Path, **service: Any) -> Iterator[Small]:
    """Run one, with these settings of its `service` block."""
    port_file, output = folder / "port", folder / "output"
    with output.open("wb") as log:
        argv = [sys.executable, str(SERVER), str(port_file), json.dumps(service)]
        process = subprocess.Popen(argv, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        while not (port_file.exists() and port_file.read_text()):
            assert process.poll() is None, output.read_text()
            time.sleep(0.02)
        yield Small(int(port_file.read_text()), process, output)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
