"""A model server of the resume tests: slow, deterministic, and it writes down every request that it gets.

Started by evallab as a `custom` runtime: `python counting_server.py LOG PORT`. What it was asked is in the
log, one line per request, whoever dies.
"""

import hashlib
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOG = os.open(Path(sys.argv[1]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
SECONDS = 0.06


class Server(ThreadingHTTPServer):
    """Threads, and a queue that holds all workers at once."""

    request_queue_size = 64
    daemon_threads = True


class Model(BaseHTTPRequestHandler):
    """Answers a prompt with what its hash says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._reply({"status": "ok", "data": [{"id": "counted"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/chat/completions"):
            self.send_error(404)
            return
        digest = hashlib.sha256(body["prompt"].encode()).hexdigest()
        if not self.headers.get("X-Evallab-Canary"):  # those are no questions
            os.write(LOG, f"{digest}\n".encode())
        time.sleep(SECONDS)
        choice = {"index": 0, "text": f"answer {digest[:8]}", "finish_reason": "stop"}
        self._reply({"choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})

    def _reply(self, content: Any) -> None:
        raw = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: Any) -> None:
        pass


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[2])), Model).serve_forever()
