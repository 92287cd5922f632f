"""An OpenAI-compatible server that answers at once, or after a delay: what is measured is then everything else.

    python -m benchmarks.mock --delay 0.1

prints its URL and serves until its standard input ends. Always a process of its own. It knows /v1/models and
/v1/completions and nothing else, so both harnesses send their prompts as text.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

_TEXT = " Each box holds 12, so together there are 48.\n#### 48"
_ANSWER = {
    "id": "mock",
    "object": "text_completion",
    "model": "mock",
    "choices": [{"index": 0, "text": _TEXT, "finish_reason": "stop", "logprobs": None}],
    "usage": {"prompt_tokens": 800, "completion_tokens": 20, "total_tokens": 820},
}
_MODELS = {"object": "list", "data": [{"id": "mock", "object": "model", "owned_by": "mock"}]}


def _reply(status: str, body: object) -> bytes:
    raw = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    return head.encode() + raw


_REPLIES = {
    b"POST /v1/completions": _reply("200 OK", _ANSWER),
    b"GET /v1/models": _reply("200 OK", _MODELS),
}
_UNKNOWN = _reply("404 Not Found", {"error": {"message": "not here"}})


class _Serve(asyncio.Protocol):
    """One connection: requests one after the other, told apart by Content-Length."""

    transport: asyncio.Transport

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            whole = end + 4 + _length(self._buffer[:end])
            if len(self._buffer) < whole:
                return
            self._answer(self._buffer[: self._buffer.index(b"\r\n")])
            self._buffer = self._buffer[whole:]

    def _answer(self, line: bytes) -> None:
        reply = _REPLIES.get(line.rsplit(b" ", 1)[0], _UNKNOWN)
        if self._delay and line.startswith(b"POST /v1/"):
            asyncio.get_running_loop().call_later(self._delay, self.transport.write, reply)
        else:
            self.transport.write(reply)


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def _serve(delay: float) -> None:
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = await asyncio.get_running_loop().create_server(lambda: _Serve(delay), sock=listening)
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


@contextmanager
def mock_server(delay: float = 0.0) -> Iterator[str]:
    """Run the server as a process; yield its URL."""
    command = [sys.executable, "-m", "benchmarks.mock", "--delay", str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().strip() if process.stdout else ""
        finally:
            process.kill()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    delay = parser.parse_args().delay
    threading.Thread(target=_end_with_input, daemon=True).start()
    asyncio.run(_serve(delay))


def _end_with_input() -> None:
    """End when whoever started us is gone, however it went."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
