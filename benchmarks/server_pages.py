"""Whether a page costs the same at few jobs and at many, the first one and the last. Called by `bench_server`."""

import statistics
from dataclasses import replace

from benchmarks.row import Row
from benchmarks.server_seed import JOBS
from benchmarks.server_sides import Side, Sizes, asked, said

PAGE = 50
EQUAL = 1.5  #: what is called equal, on a machine that is never quiet


def rows(many: Side, few: Side, sizes: Sizes) -> list[Row]:
    """Compare the pages of two servers of ours, in turn, that differ in how many jobs they have."""
    return [_row("first", many, few, sizes), _row("last", many, few, sizes)]


def _row(name: str, many: Side, few: Side, sizes: Sizes) -> Row:
    path = _last if name == "last" else _first
    big, small = asked((many, few), replace(sizes, requests=max(1, sizes.requests // 10)), path)
    return Row(
        metric=f"{name} page of {sizes.many:,} jobs ÷ {name} page of {sizes.few:,}: p50",
        measured=statistics.median(big) / statistics.median(small),
        unit="×",
        target=EQUAL,
        note=f"{said(big)} and {said(small)}; pages of {PAGE}, two servers in turn",
    )


def _first(_: Side) -> str:
    return f"{JOBS}?limit={PAGE}"


def _last(side: Side) -> str:
    """Return the address of the last page as `next` names it, with its cursor."""
    with side.server.client() as client:
        total = client.ask("GET", f"{JOBS}?limit=1").body["total_count"]
        before = client.ask("GET", f"{JOBS}?limit=1&offset={max(0, total - PAGE - 1)}").body["next"]["href"]
    return str(before).replace("limit=1&", f"limit={PAGE}&")
