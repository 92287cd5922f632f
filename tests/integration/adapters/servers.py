"""Servers of the tests: the real reference server, a proxy in front that counts and lies, a receiver of events."""

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evallab.modelserver.bundled import bundled

Json = dict[str, Any]
Reply = tuple[int, Any, Mapping[str, str]]  #: status, body (None: hang up), headers


@contextmanager
def reference_server() -> Iterator[str]:
    """The engine of this package with the demo model, as a process; yields its URL."""
    command = [sys.executable, "-m", "evallab.modelserver.reference", str(bundled("demo-f16")), "--port", "0"]
    with socket_port() as port:
        command[-1] = str(port)
        process = subprocess.Popen([*command, "--name", "demo"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url, process)
        yield url
    finally:
        process.kill()
        process.wait()


@contextmanager
def socket_port() -> Iterator[int]:
    """A free port, held until it is needed."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as held:
        yield held.server_port


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(300):
        assert process.poll() is None, "the reference server died"
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the reference server did not start")


@dataclass
class Asked:
    """One request that a server got."""

    method: str
    path: str
    body: Any
    headers: Mapping[str, str]


@dataclass
class Recording:
    """A server in this process: what it was asked, and where it is."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def bodies(self, path: str) -> list[Any]:
        """The bodies posted to a path."""
        return [each.body for each in self.asked if each.path == path]


Respond = Callable[[Asked, int], Reply]  #: the request, and how many came to its path before


@contextmanager
def serving(respond: Respond) -> Iterator[Recording]:
    """Serve with a function; every request is recorded."""
    recording = Recording()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._handle(None)

        def do_POST(self) -> None:
            self._handle(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _handle(self, body: Any) -> None:
            asked = Asked(self.command, self.path, body, dict(self.headers))
            with lock:
                before = sum(each.path == asked.path for each in recording.asked)
                recording.asked.append(asked)
            status, content, headers = respond(asked, before)
            if content is None:
                self.close_connection = True
                return
            raw = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(raw)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        recording.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield recording
        server.shutdown()
        thread.join()


Change = Callable[[Asked, int, Json], Json | Reply]  #: may replace a reply, or only its body


@contextmanager
def proxying(target: str, change: Change | None = None, *, delay: float = 0.0) -> Iterator[Recording]:
    """Stand in front of a real server, count, and change what it says."""

    def respond(asked: Asked, before: int) -> Reply:
        time.sleep(delay)
        status, body = _forward(target, asked)
        if change is None or status != 200 or asked.method != "POST":
            return status, body, {}
        changed = change(asked, before, body)
        return changed if isinstance(changed, tuple) else (status, changed, {})

    with serving(respond) as recording:
        yield recording


def _forward(target: str, asked: Asked) -> tuple[int, Any]:
    data = None if asked.body is None else json.dumps(asked.body).encode()
    request = urllib.request.Request(target + asked.path, data=data, method=asked.method)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.loads(response.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"{}")


@contextmanager
def receiving() -> Iterator[Recording]:
    """Take events."""
    with serving(lambda _asked, _before: (204, "", {})) as recording:
        yield recording


def events(receiver: Recording) -> list[Json]:
    """The events that arrived, in order."""
    return [each.body["benchmark_status_event"] for each in receiver.asked]


def chat_only(asked: Asked, _before: int) -> Reply:
    """A server of chat completions that reasons; nothing else is there."""
    if asked.path == "/v1/models":
        return 200, {"data": [{"id": "demo"}]}, {}
    if asked.path != "/v1/chat/completions":
        return 404, {"detail": "Not Found"}, {}
    question = asked.body["messages"][-1]["content"]
    if "cakes" in question:
        message = {"role": "assistant", "content": None, "reasoning_content": "It is"}
        return (
            200,
            {"choices": [{"message": message, "finish_reason": "length"}], "usage": {"completion_tokens": 48}},
            {},
        )
    message = {"role": "assistant", "content": "#### 7", "reasoning_content": "Question: is it 7?\n\n#### 6"}
    return 200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"completion_tokens": 9}}, {}
