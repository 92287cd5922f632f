"""Logs over real HTTP: as EvalHub serves them, with times, whole, kept, cut, and as they grow."""

import json
import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.integration.server.about_house import NOW
from tests.integration.server.about_logs import JOBS, Logs, logs_of
from tests.integration.store import making

from evallab.runtimes.local import line_times
from evallab.runtimes.local.log_reader import index_of
from evallab.server import log_sections
from evallab.store.postgres import PostgresStore

SAMPLES = Path(os.environ.get("EVALLAB_EVALHUB_SAMPLES", Path(__file__).parents[4] / "shared" / "evalhub" / "samples"))
HEADER = re.compile(
    r"^=== pod=(?P<job>\S+)-(?P<index>\d+) container=local benchmark_id=(?P<id>\S+) ===\n", re.MULTILINE
)


@pytest.fixture
async def logs(store: PostgresStore, tmp_path: Path) -> AsyncIterator[Logs]:
    async with logs_of(store, tmp_path) as found:
        yield found


def recorded(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the request and the response of a recorded pair."""
    file = SAMPLES / f"{name}.json"
    if not file.exists():
        pytest.skip("the recorded pairs are not here")
    pair = json.loads(file.read_text())
    return pair["request"], pair["response"]


async def replay(logs: Logs, name: str, written_as: str) -> tuple[Any, Any]:
    """Make the job whose whole logs were recorded, ask as was recorded, and return our body and theirs."""
    request, response = recorded(name)
    whole = recorded(written_as)[1]["body"]
    found = list(HEADER.finditer(whole))
    job_id = found[0]["job"]
    await logs.job(*(each["id"] for each in found), job_id=job_id, state="completed")
    ends = [each.start() - 1 for each in found[1:]] + [len(whole)]
    for index, (each, end) in enumerate(zip(found, ends, strict=True)):
        logs.write(index, whole[each.end() : end].encode(), job_id=job_id)
    answer = await logs.client.get(logs.url + request["path"])
    assert answer.status_code == response["status"]
    for header in ("content-type", "transfer-encoding", "trailer"):
        assert answer.headers.get(header) == {key.lower(): value for key, value in response["headers"].items()}.get(
            header
        )
    return (answer.text if isinstance(response["body"], str) else answer.json()), response["body"]


@pytest.mark.parametrize(
    ("name", "written_as"),
    [
        ("logs_all", "logs_all"),
        ("job_logs", "logs_all"),
        ("job_bench_logs", "logs_all"),
        ("logs_after_409", "logs_after_409"),
        ("logs_after_cancel", "logs_after_cancel"),
        ("logs_badcmd", "logs_badcmd"),
    ],
)
async def test_the_text_is_evalhubs(logs: Logs, name: str, written_as: str) -> None:
    ours, theirs = await replay(logs, name, written_as)
    assert ours == theirs


async def test_a_bad_number_of_lines_is_refused_as_by_evalhub(logs: Logs) -> None:
    request, response = recorded("logs_bad_tail2")
    await logs.job("b1", "b2", job_id=request["path"].split("/")[5])
    answer = await logs.client.get(logs.url + request["path"])
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert {**answer.json(), "trace": ""} == {**response["body"], "trace": ""}


async def test_what_is_not_there(logs: Logs) -> None:
    await logs.job("b", tenant="t1")
    found = [
        await logs.get(path)
        for path in ("job-1/benchmarks/1/logs", "job-1/benchmarks/x/logs", "job-1/benchmarks/-1/logs", "none/logs")
    ]
    assert [(each.status_code, each.json()["message_code"]) for each in found] == [
        (404, "resource_not_found"),
        (400, "query_parameter_invalid"),
        (400, "query_parameter_invalid"),
        (404, "resource_not_found"),
    ]
    assert found[0].json()["message"] == "The benchmark resource '1' was not found."
    assert found[3].json()["message"] == "The evaluation job resource 'none' was not found."
    other = await logs.client.get(f"{logs.url}{JOBS}/job-1/logs", headers={"X-Tenant": "t2"})
    assert other.status_code == 404
    assert await logs.text("job-1/benchmarks/0/logs") == ""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines come in the ten seconds before the server's `now`, one second after the other."""
    seconds = iter(range(10))

    class Clock:
        def time_ns(self) -> int:
            return (int(NOW.timestamp()) - 10 + next(seconds)) * 1_000_000_000

    monkeypatch.setattr(line_times, "time", Clock())


@pytest.mark.usefixtures("clock")
async def test_times(logs: Logs) -> None:
    await logs.job("b")
    logs.write(0, b"one\ntw", b"o\nthree\n")
    first, second = (
        datetime.fromtimestamp(int(NOW.timestamp()) - 10 + second, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        for second in (0, 1)
    )
    timed = f"{first} one\n{first} two\n{second} three"
    assert await logs.text("job-1/benchmarks/0/logs", timestamps="true") == timed
    assert await logs.text("job-1/benchmarks/0/logs", timestamps="true", tail_lines=1) == f"{second} three"
    assert await logs.text("job-1/benchmarks/0/logs", since_seconds=10) == "three"
    assert await logs.text("job-1/benchmarks/0/logs", since_seconds=2**62) == "one\ntwo\nthree"
    assert await logs.text("job-1/benchmarks/0/logs", since_seconds=1) == ""
    assert "x-log-times" not in (await logs.get("job-1/logs", timestamps="true")).headers


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("times", [True, False])
async def test_a_log_that_was_cleaned_up_is_read_from_what_was_kept(logs: Logs, times: bool) -> None:
    await logs.job("a", "b", state="failed")
    logs.write(0, b"one\n", b"two\n")
    await logs.keep(0, times=times)
    index_of(logs.path(0)).unlink(missing_ok=True)
    assert await logs.text("job-1/benchmarks/0/logs", tail_lines=-1) == "one\ntwo\n"
    assert await logs.text("job-1/benchmarks/0/logs", tail_lines=1) == "two"
    assert await logs.text("job-1/benchmarks/0/logs", follow="true") == "one\ntwo"
    answer = await logs.get("job-1/logs", since_seconds=10)
    assert answer.headers.get("x-log-times") == (None if times else "unavailable")
    kept = "two" if times else "one\ntwo"
    headers = [f"=== pod=job-1-{index} container=local benchmark_id={id_} ===\n" for index, id_ in enumerate("ab")]
    assert answer.text == f"{headers[0]}{kept}\n{headers[1]}"


async def test_what_is_too_long_is_cut_and_the_trailer_says_so(store: PostgresStore, tmp_path: Path) -> None:
    async with logs_of(store, tmp_path, max_log_response_bytes=100) as logs:
        await logs.job("a", "b")
        logs.write(0, b"x" * 30)
        logs.write(1, b"y" * 30)
        first = await logs.raw("job-1/benchmarks/0/logs")
        both = await logs.raw()
    assert first.endswith(b"\r\n1e\r\n" + b"x" * 30 + b"\r\n0\r\nX-Log-Truncated: false\r\n\r\n")
    assert both.endswith(b"\r\n0\r\nX-Log-Truncated: true\r\n\r\n")
    sizes = re.findall(rb"\r\n([0-9a-f]+)\r\n", both.partition(b"\r\n\r\n")[2].join([b"\r\n", b""]))
    assert sum(int(each, 16) for each in sizes) == 100


async def test_what_takes_too_long_is_cut(store: PostgresStore, tmp_path: Path) -> None:
    async with logs_of(store, tmp_path, log_stream_timeout="1ns") as logs:
        await logs.job("a", "b")
        logs.write(0, b"one\n")
        found = await logs.raw()
    assert found.endswith(b"\r\n0\r\nX-Log-Truncated: true\r\n\r\n")


def test_the_header_is_split_by_evalhubs_command() -> None:
    row = making.benchmark("0a-b", 3, benchmark_id="inspect/petri:v6")
    assert log_sections.header(row) == b"=== pod=0a-b-3 container=local benchmark_id=inspect/petri:v6 ===\n"
