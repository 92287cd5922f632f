"""A small server with pages, such as a dcgm-exporter or a model server has."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def gpu_page(
    pod: str, *, uuid: str = "GPU-0", temperature: float = 71, power: float = 312.5, reasons: str = "4"
) -> str:
    """What an exporter says of one GPU of a pod (namespace/name)."""
    namespace, _, name = pod.partition("/")
    labels = (
        f'{{gpu="0",UUID="{uuid}",modelName="NVIDIA H200",Hostname="node",DCGM_FI_DRIVER_VERSION="570.1",'
        f'container="server",namespace="{namespace}",pod="{name}"}}'
    )
    said = {"GPU_TEMP": temperature, "POWER_USAGE": power, "CLOCKS_EVENT_REASONS": reasons}
    return "".join(f"DCGM_FI_DEV_{metric}{labels} {value}\n" for metric, value in said.items() if value != "")


@dataclass
class Pages:
    """What it answers, and how often it was asked."""

    texts: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)  #: of answers
    port: int = 0
    seen: list[dict[str, str]] = field(default_factory=list)  #: headers of requests


@contextmanager
def serving(pages: Pages, host: str = "127.0.0.1", port: int = 0) -> Iterator[Pages]:
    """Serve until the block ends."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            pages.asked.append(self.path)
            pages.seen.append(dict(self.headers))
            text = pages.texts.get(self.path)
            self.send_response(200 if text is not None else 404)
            for name, value in pages.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write((text or "").encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer((host, port), Answers)
    server.daemon_threads = True
    pages.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield pages
    finally:
        server.shutdown()
        server.server_close()
