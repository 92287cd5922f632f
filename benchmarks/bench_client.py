"""The client in front of a server that answers at once, and of one that takes 100 ms; and what the spool costs."""

import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ceiling import ceiling
from benchmarks.mock import mock_server
from benchmarks.row import Row
from evallab.adapter.answer import Request
from evallab.adapter.client import OpenAIClient
from evallab.adapter.connection import Connection, Patience
from evallab.adapter.endpoint import endpoint
from evallab.adapter.spool import Spool

_DELAY, _WIDE = 0.1, 128
_PROMPT = "Question: a box holds twelve marbles and three of them are green. How many are not? " * 40


def rows(*, tiny: bool = False) -> list[Row]:
    """Measure."""
    times, many = (1, 256) if tiny else (3, 12_800)
    with mock_server() as url:
        at_once = [_run(url, 32, many) for _ in range(times)]
    with mock_server(_DELAY) as url:
        waited = [(ceiling(url, _WIDE, many // 2), _run(url, _WIDE, many)) for _ in range(times)]
    ideal = _WIDE / _DELAY
    top = statistics.median(rate for rate, _ in waited)
    wide = statistics.median(run.rate for _, run in waited)
    cpu = statistics.median(run.cpu_us for _, run in waited)
    share = statistics.median(run.kept_share for _, run in waited)
    return [
        Row(
            metric="client, server answers at once, 32 at once",
            measured=statistics.median(run.rate for run in at_once), unit="requests/s", target=1500, sense="at least",
            note=f"prompts of {len(_PROMPT)} characters, every answer kept in the spool; {many} requests",
        ),
        Row(
            metric="client, 100 ms, 128 at once: share of the ideal 1280 requests/s",
            measured=100 * wide / ideal, unit="%", target=95, sense="at least",
            note=f"{wide:.0f} requests/s, connecting included, {cpu:.0f} µs of CPU per request",
        ),
        Row(
            metric="the same, for bare sockets that parse nothing",
            measured=100 * top / ideal, unit="%", note="what this machine and the mock server allow",
        ),
        Row(
            metric="spool and progress: share of the wall time of asking",
            measured=100 * share, unit="%", target=2, note="each answer is written at once, synced by a thread",
        ),
    ]  # fmt: skip


@dataclass
class _Run:
    rate: float = 0.0
    cpu_us: float = 0.0
    kept_share: float = 0.0


@dataclass
class _Timed:
    """A clock around what is done to keep an answer."""

    spent: float = 0.0

    def wrap(self, call: Any) -> Any:
        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*arguments)
            finally:
                self.spent += time.perf_counter() - began

        return timed


def _run(url: str, at_once: int, many: int) -> _Run:
    with tempfile.TemporaryDirectory() as directory:
        spool, clock = Spool(Path(directory) / "answers.jsonl"), _Timed()
        spool.add = clock.wrap(spool.add)  # type: ignore[method-assign]
        requests = [_request(number) for number in range(many)]
        wall, cpu = asyncio.run(_ask(url, at_once, requests, spool))
        spool.close()
    return _Run(many / wall, cpu / many * 1e6, clock.spent / wall)


async def _ask(url: str, at_once: int, requests: list[Request], spool: Spool) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    async with Connection(patience=Patience(concurrency=at_once)) as connection:
        answers = await OpenAIClient(endpoint(url), connection).ask_all(requests, spool=spool)
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    if any(answer.text is None for answer in answers):
        raise RuntimeError("The mock server did not answer everything.")
    return wall, cpu


def _request(number: int) -> Request:
    payload = {"model": "mock", "prompt": f"{number} {_PROMPT}", "max_tokens": 256, "temperature": 0, "stop": ["Q:"]}
    return Request(route="completions", payload=payload)
