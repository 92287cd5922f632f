"""The one thing that a kubelet does for logs, as a server here: what a test wrote is what a container wrote."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.cluster.running import Cluster


@dataclass
class Kubelet:
    """Lines by time, and how often a connection that follows them is cut off."""

    port: int = 0
    lines: list[tuple[str, str]] = field(default_factory=list)
    cut_after: list[int] = field(default_factory=list)  #: lines of one connection each
    asked: list[dict[str, str]] = field(default_factory=list)
    ended: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def write(self, *texts: str, end: bool = False) -> None:
        """Write lines, each a second later than the one before; `end`: the container ends."""
        with self.changed:
            for text in texts:
                self.lines.append((f"2026-11-22T12:00:{len(self.lines):02d}.5Z", text))
            self.ended = end
            self.changed.notify_all()

    def sent(self, query: dict[str, str]) -> Iterator[bytes]:
        """Yield what a kubelet sends."""
        since, cut = query.get("sinceTime", ""), self.cut_after.pop(0) if "follow" in query and self.cut_after else 99
        wanted = [each for each in self.lines if each[0] >= since]
        place = len(self.lines) - len(wanted[-int(query.get("tailLines", 99)) :])
        while cut:
            with self.changed:
                while place == len(self.lines) and not self.ended and "follow" in query:
                    self.changed.wait(1)
                if place == len(self.lines):
                    return
                time, text = self.lines[place]
            yield (f"{time} {text}\n" if query.get("timestamps") else f"{text}\n").encode()
            place, cut = place + 1, cut - 1


@contextmanager
def kubelet(cluster: Cluster, folder: Path, node: str) -> Iterator[Kubelet]:
    """Be the kubelet of a node that the cluster learns of."""
    known = Kubelet()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(known))
    server.daemon_threads = True
    server.socket = _certified(folder).wrap_socket(server.socket, server_side=True)
    known.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
    status = (
        '{"status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],'
        f' "daemonEndpoints": {{"kubeletEndpoint": {{"Port": {known.port}}}}}}}}}'
    )
    cluster.kubectl("patch", "node", node, "--subresource=status", "--type=merge", "--patch", status)
    try:
        yield known
    finally:
        known.write(end=True)
        cluster.kubectl("delete", "node", node)
        server.shutdown()
        server.server_close()


def _handler(known: Kubelet) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            known.asked.append(query)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in known.sent(query):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    return Handler


def _certified(folder: Path) -> ssl.SSLContext:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=node"]
    subprocess.run([*argv, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
