"""The command in a home of its own; the quickstart is run once and looked at by many tests."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.command import EXAMPLES, Command, Quickstart


@pytest.fixture(scope="session")
def fresh_home() -> Iterator[Path]:
    """A folder that also the account which runs Postgres may enter."""
    path = Path(tempfile.mkdtemp(prefix="evallab-acceptance-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def evallab(fresh_home: Path) -> Iterator[Command]:
    """The command."""
    command = Command(fresh_home)
    yield command
    command("db", "stop")


@pytest.fixture(scope="session")
def quickstart(evallab: Command) -> Quickstart:
    """Both jobs of the quickstart, run for real."""
    return Quickstart(
        f16=evallab("run", "-f", str(EXAMPLES / "quickstart.yaml"), "--local", "--output", "json"),
        q3=evallab("run", "-f", str(EXAMPLES / "quickstart-q3.yaml"), "--local", "--output", "json"),
    )


CHAT_ONLY = """
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Chat(BaseHTTPRequestHandler):
    def answer(self, code, body):
        raw = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
    def do_GET(self):
        known = self.path == "/v1/models"
        self.answer(200 if known else 404, {"data": [{"id": "chatty"}]} if known else {"error": {"message": "no"}})
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/chat/completions":
            return self.answer(404, {"error": {"message": "Not Found"}})
        message = {"role": "assistant", "content": "hello"}
        self.answer(200, {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {}})
    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Chat)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def chat_only_server() -> Iterator[str]:
    """A server that knows /v1/chat/completions and nothing else."""
    with subprocess.Popen([sys.executable, "-c", CHAT_ONLY], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
        process.kill()
