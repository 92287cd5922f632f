"""The main of adapters with a scripted one: phases, files, events, failures."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from evallab.adapter import metrics
from evallab.adapter.attempt import Attempt, read_attempt
from evallab.adapter.interface import ReportProgress, Scored
from evallab.adapter.pace import Pace
from evallab.adapter.running import run
from evallab.api.contract import Counts, Json, Result, Sample, ScoreValue
from evallab.api.errors import AdapterFailed

Taken = tuple[str, list[Json]]  #: the address of a receiver, and the events it took


class Scripted:
    """An adapter that does what it is told."""

    def __init__(self, *, fail: Exception | None = None, reports: int = 0, close: Exception | None = None) -> None:
        self.fail, self.reports, self.broken = fail, reports, close

    def initialize(self, attempt: Attempt) -> None:
        (attempt.artifacts_dir / "extra.txt").write_text("kept")

    def load(self) -> None:
        pass

    def ask(self, report: ReportProgress) -> None:
        for done in range(self.reports):
            report(done + 1, self.reports)
            time.sleep(0.002)
        if self.fail:
            raise self.fail

    def score(self) -> Scored:
        sample = Sample(doc_id=0, doc_hash="d", prompt_hash="p", response="x", scores={"acc,none": 1.0})
        score = ScoreValue(metric="acc", value=1.0, primary=True, n=1)
        return Scored(scores=(score,), counts=Counts(total=1, answered=1), samples=iter([sample]), warnings=("hm",))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        if self.broken:
            raise self.broken


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """Put back the handler that `run` replaces."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def taken() -> Iterator[Taken]:
    """A receiver: its address, and the events it took."""
    bodies: list[Json] = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["benchmark_status_event"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Take) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()
        thread.join()


@pytest.fixture
def environ(tmp_path: Path, taken: Taken) -> dict[str, str]:
    spec = {
        "id": "j", "provider_id": "p", "benchmark_id": "b", "benchmark_index": 2, "model": {"name": "m"},
        "parameters": {}, "callback_url": taken[0],
    }  # fmt: skip
    path = tmp_path / "meta" / "job.json"
    path.parent.mkdir()
    path.write_text(json.dumps(spec))
    return {"EVALHUB_JOB_SPEC_PATH": str(path)}


def result(root: Path) -> Result:
    return Result.model_validate_json((root / "result.json").read_bytes())


def test_a_success_is_a_file_first_and_an_event_then(tmp_path: Path, environ: dict[str, str], taken: Taken) -> None:
    assert run(Scripted(), environ) == 0
    left = result(tmp_path)
    assert (left.status, left.samples, left.artifacts, left.warnings) == (
        "completed",
        "samples.jsonl",
        ("extra.txt",),
        ("hm",),
    )
    last = taken[1][-1]
    assert (last["status"], last["metrics"], last["overall_score"], last["benchmark_index"]) == (
        "completed",
        {"acc": 1.0},
        1.0,
        2,
    )
    assert last["warning_message"]["message"] == "hm"
    assert (tmp_path / "artifacts" / "samples.jsonl").read_text().count("\n") == 1
    assert not list(tmp_path.rglob("*.partial"))


CRASH = "The adapter broke: ZeroDivisionError: by zero"


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (AdapterFailed("It cannot be.", remedy="Do that."), "adapter_failed", "It cannot be. Do that."),
        (ZeroDivisionError("by zero"), "adapter_crashed", CRASH),
    ],
)
def test_a_failure_is_recorded_with_its_sentence(  # noqa: PLR0917 - pytest names them
    tmp_path: Path, environ: dict[str, str], taken: Taken, error: Exception, code: str, sentence: str
) -> None:
    assert run(Scripted(fail=error, close=OSError("also broken")), environ) == 1
    left = result(tmp_path)
    assert left.error is not None
    assert (left.status, left.error.message, left.error.message_code) == ("failed", sentence, code)
    assert left.provenance["remedy"]
    assert taken[1][-1]["error_message"] == {"message": sentence, "message_code": code, "message_origin": "adapter"}


def test_progress_is_throttled_and_the_newest_is_never_lost(environ: dict[str, str], taken: Taken) -> None:
    assert run(Scripted(reports=400), environ) == 0
    told = [each["progress"] for each in taken[1] if "progress" in each]
    assert 2 <= len(told) <= 5
    assert (told[-1]["done"], told[-1]["total"]) == (400, 400)
    order = [each.get("phase") for each in taken[1]]
    assert order.index("post_processing") > max(n for n, each in enumerate(taken[1]) if "progress" in each)


def test_nobody_listening_costs_neither_result_nor_exit_code(tmp_path: Path, environ: dict[str, str]) -> None:
    path = Path(environ["EVALHUB_JOB_SPEC_PATH"])
    path.write_text(json.dumps({**json.loads(path.read_text()), "callback_url": "http://127.0.0.1:9/a"}))
    assert run(Scripted(reports=3), environ) == 0
    assert result(tmp_path).status == "completed"


def test_without_a_job_specification_it_says_so(caplog: pytest.LogCaptureFixture) -> None:
    assert run(Scripted(), {"EVALHUB_JOB_SPEC_PATH": "/nowhere/job.json"}) == 1
    assert "EVALHUB_JOB_SPEC_PATH" in caplog.text


def test_a_wrong_job_specification_says_where(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text('{"id": "j"}')
    with pytest.raises(AdapterFailed, match="provider_id: Field required"):
        read_attempt({"EVALHUB_JOB_SPEC_PATH": str(path)})


def test_directories_are_where_the_environment_says(tmp_path: Path, environ: dict[str, str]) -> None:
    said = {
        "EVALLAB_WORKDIR": str(tmp_path / "w"),
        "EVALLAB_ARTIFACTS_DIR": str(tmp_path / "a"),
        "EVALLAB_RESULT_FILE": str(tmp_path / "r" / "result.json"),
    }
    attempt = read_attempt({**environ, **said})
    assert (attempt.workdir, attempt.artifacts_dir, attempt.result_file) == (
        tmp_path / "w",
        tmp_path / "a",
        tmp_path / "r" / "result.json",
    )
    assert attempt.workdir.is_dir()
    assert attempt.result_file.parent.is_dir()


def test_the_sdk_is_light() -> None:
    heavy = "{'aiohttp', 'numpy', 'lm_eval', 'psycopg'}"
    script = f"import sys, evallab.adapter.running; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_metrics_are_named_plainly_and_as_they_were_asked_for() -> None:
    strict = ScoreValue(metric="exact_match", filter="strict-match", value=0.5)
    flexible = ScoreValue(metric="exact_match", filter="flexible-extract", value=0.75, primary=True)
    assert metrics.by_name((strict, flexible), None) == {"exact_match,strict-match": 0.5, "exact_match": 0.75}
    asked = {"metric": "exact_match,flexible-extract"}
    assert metrics.by_name((flexible,), asked) == {"exact_match": 0.75, "exact_match,flexible-extract": 0.75}
    assert (metrics.primary_value((strict, flexible)), metrics.primary_value((strict,))) == (0.75, None)


def test_pace_is_that_of_the_last_minute() -> None:
    pace = Pace()
    assert pace.record(0, 0.0) is None
    assert pace.record(10, 10.0) == 60.0
    assert pace.record(10 + 200, 110.0) == 120.0
