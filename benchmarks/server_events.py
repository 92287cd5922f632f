"""Events: one at a time, and many at once, at the server and at an attempt's own address. For `bench_server`."""

import json
import statistics
from collections.abc import Sequence
from urllib.parse import urlsplit

from benchmarks.row import Row
from benchmarks.server_client import encoded, flood
from benchmarks.server_seed import JOBS, event
from benchmarks.server_sides import Sample, Side, Sizes, compared, in_turn

CONNECTIONS = 20
TARGET = 800


def rows(sides: Sequence[Side], sizes: Sizes) -> list[Row]:
    """Measure."""
    one = in_turn(sides, sizes.rounds, lambda side: side.timed(_request(side), sizes.requests))
    many = in_turn(sides, sizes.rounds, lambda side: _rates(side.server.port, _request(side), sizes))
    beside = f"; EvalHub's {statistics.median(many[1]):.0f}/s, in memory" if len(many) > 1 else ""
    return [
        compared("an event, one at a time", one, note=f"{sizes.rounds} rounds of {sizes.requests} in turn"),
        _row("durable events", many[0], f"on disk before they are acknowledged{beside}"),
    ]


def fenced(ours: Side, sizes: Sizes) -> Row:
    """Measure events as adapters post them: to their attempt's own address, which a process of its own serves."""
    (spec,) = (ours.server.root / "jobs" / ours.running).glob("**/job.json")
    address = urlsplit(json.loads(spec.read_text())["callback_url"])
    request = _request(ours, address.path)
    rates = [rate for _ in range(sizes.rounds) for rate in _rates(address.port or 0, request, sizes)]
    return _row("durable events at an attempt's own address", rates, "taken by a process of its own")


def _request(side: Side, base: str = "") -> bytes:
    body = event("sleeping", "running", phase="running_evaluation")
    return encoded("POST", f"{base}{JOBS}/{side.running}/events", body)


def _rates(port: int, request: bytes, sizes: Sizes) -> Sample:
    return [sizes.events / flood(port, [request] * sizes.events, connections=CONNECTIONS)]


def _row(metric: str, rates: Sample, note: str) -> Row:
    rate, text = statistics.median(rates), f"{CONNECTIONS} connections, median of {len(rates)}; {note}"
    return Row(metric=metric, measured=rate, unit="events/s", target=TARGET, sense="at least", note=text)
