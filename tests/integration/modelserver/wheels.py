"""Wheels as small as they can be, in a package index that is a directory: what `serve.version` installs in tests.

The package is called vllm and brings a command of that name: a real OpenAI-compatible server (this project's reference
engine, run by the interpreter of the tests) that takes vLLM's arguments, starts an engine process of its own in another
session, as vLLM's are, and answers 503 when that engine is dead.
"""

import sys
import zipfile
from pathlib import Path

SERVER = """
import argparse, socket, subprocess, time, urllib.request, urllib.error
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PYTHON = {python!r}

def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0

def main():
    parser = argparse.ArgumentParser(prog="vllm")
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("model")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--served-model-name")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--max-model-len", type=int)
    parser.add_argument("--enable-tokenizer-info-endpoint", action="store_true")
    parser.add_argument("--no-enable-prefix-caching", action="store_true")
    options = parser.parse_args()
    print("INFO vLLM API server version {version}", flush=True)
    if options.max_model_len == 1:
        print("ValueError: No available memory for the cache blocks. Try increasing ...", flush=True)
        raise SystemExit("RuntimeError: Engine core initialization failed. See root cause above.")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        inner = free.getsockname()[1]
    engine = subprocess.Popen([PYTHON, "-m", "evallab.modelserver.reference", options.model, "--host", "127.0.0.1",
        "--port", str(inner), "--name", options.served_model_name], start_new_session=True)
    print("engine", engine.pid, flush=True)
    while not listens(inner):
        if engine.poll() is not None:
            raise SystemExit("RuntimeError: Engine core initialization failed. See root cause above.")
        time.sleep(0.05)

    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.answer(None)

        def do_POST(self):
            self.answer(self.rfile.read(int(self.headers["Content-Length"])))

        def answer(self, body):
            if self.path == "/version":
                return self.send(200, b\'{{"version": "{version}"}}\')
            request = urllib.request.Request("http://127.0.0.1:%d%s" % (inner, self.path), data=body,
                headers={{"Content-Type": "application/json"}})
            try:
                with urllib.request.urlopen(request) as reply:
                    self.send(reply.status, reply.read())
            except urllib.error.HTTPError as error:
                self.send(error.code, error.read())
            except OSError:
                self.send(503, b"{{}}")

        def send(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    ThreadingHTTPServer((options.host, options.port), Front).serve_forever()
"""


def wheel(folder: Path, version: str) -> Path:
    """Write `vllm-<version>` and the index that names it."""
    folder = folder / "vllm"
    folder.mkdir(parents=True, exist_ok=True)
    path, info = folder / f"vllm-{version}-py3-none-any.whl", f"vllm-{version}.dist-info"
    files = {
        "vllm_stand_in.py": SERVER.format(python=sys.executable, version=version),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nvllm = vllm_stand_in:main\n",
    }
    names = [*files, f"{info}/RECORD"]
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in names)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    links = "".join(f'<a href="{each.name}">{each.name}</a>' for each in sorted(folder.glob("*.whl")))
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    return path


def uv_environ(folder: Path, cache: Path) -> dict[str, str]:
    """Return the settings of uv that have it look into this index only."""
    return {"UV_DEFAULT_INDEX": folder.as_uri(), "UV_CACHE_DIR": str(cache), "UV_NO_CONFIG": "1"}
