"""An adapter in shell, which knows neither evallab nor an SDK, runs under evallab as it would under EvalHub."""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from evallab.api.contract import StatusEvent
from evallab.api.provider import Provider

if TYPE_CHECKING:
    from tests.integration.runtimes.conftest import Attempts

EXAMPLE = Path(__file__).parents[3] / "examples" / "foreign-adapter"
Events = list[tuple[str, dict[str, Any]]]

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the adapter needs curl")


@pytest.fixture
def server() -> Iterator[tuple[str, Events]]:
    """Yield the address of a server and the requests it got; the first is refused once."""
    events: Events = []
    refusals = iter([503])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = next(refusals, 204)
            if status == 204:
                events.append((self.path, body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}/a/1", events
        listener.shutdown()
        thread.join()


async def run(attempts: "Attempts", benchmark: str, url: str) -> tuple[int | None, str]:
    provider = Provider.model_validate(yaml.safe_load((EXAMPLE / "provider.yaml").read_text()))
    assert provider.runtime is not None
    assert provider.runtime.local is not None
    command = provider.runtime.local.command.replace("examples/foreign-adapter", str(EXAMPLE))
    handle = await attempts.start(command, spec=attempts.spec(benchmark=benchmark, callback_url=url))
    found = await attempts.end(handle)
    return found.code, attempts.runtime.log_tail(handle, lines=100)


async def test_it_reports_its_score(attempts: "Attempts", server: tuple[str, Events]) -> None:
    url, events = server
    code, log = await run(attempts, "double_letters", url)
    assert (code, log.splitlines()[-1]) == (0, "11 of 20 words")
    assert {path for path, _ in events} == {f"/a/1/api/v1/evaluations/jobs/{attempts.job}/events"}
    reported = [StatusEvent.model_validate(body["benchmark_status_event"]) for _, body in events]
    about = {"provider_id": "p", "id": "double_letters", "benchmark_index": 0}
    assert reported == [
        StatusEvent(**about, status="running", phase="initializing"),
        StatusEvent(**about, status="running", phase="loading_data"),
        StatusEvent(**about, status="running", phase="running_evaluation"),
        StatusEvent(
            **about, status="completed", metrics={"share": 0.55, "words": 20}, completed_at=reported[-1].completed_at
        ),
    ]
    assert reported[-1].completed_at is not None


async def test_it_reports_its_failure(attempts: "Attempts", server: tuple[str, Events]) -> None:
    url, events = server
    code, _ = await run(attempts, "inspect/petri:v6", url)
    assert code == 1
    assert events[-1][1]["benchmark_status_event"] == {
        "provider_id": "p",
        "id": "inspect/petri:v6",
        "benchmark_index": 0,
        "status": "failed",
        "error_message": {
            "message": "This adapter knows only the benchmark double_letters.",
            "message_code": "unknown_benchmark",
            "message_origin": "adapter",
        },
    }
