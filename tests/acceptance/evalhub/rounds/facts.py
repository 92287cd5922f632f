"""What Postgres and the disk hold when everything is over. Read by `rounds`, judged by `judging`."""

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from tests.acceptance.evalhub.rounds.world import World

from evallab.store import embedded

Row = dict[str, Any]
QUERIES = {
    "jobs": "SELECT id, state, reason, finished_at, idempotency_key FROM evallab_tables.jobs",
    "benchmarks": "SELECT job_id, index, state, reason FROM evallab_tables.job_benchmarks",
    "attempts": "SELECT id, job_id, index, number, state, reason FROM evallab_tables.attempts",
    "results": """
        SELECT result.attempt_id, result.job_id, result.index, result.metrics, (
            SELECT count(*) FROM evallab_tables.samples AS sample WHERE sample.result_id = result.id
        ) AS samples
        FROM evallab_tables.results AS result
    """,
    "counted": "SELECT job_id, index, attempt_id, metrics FROM evallab_tables.counted_results",
    "ends": """
        SELECT attempt_id, late, body -> 'metrics' AS metrics FROM evallab_tables.events
        WHERE body ->> 'status' = 'completed'
    """,
    "expired_leases": "SELECT job_id, holder FROM evallab_tables.leases WHERE expires_at <= clock_timestamp()",
}


@dataclass(frozen=True)
class Facts:
    """Everything that is judged."""

    jobs: list[Row]
    benchmarks: list[Row]
    attempts: list[Row]
    results: list[Row]
    counted: list[Row]
    ends: list[Row]  #: events that say `completed`
    expired_leases: list[Row]
    left: dict[str, list[str]] = field(default_factory=dict)  #: what should not be there any more, by kind


def read(world: World) -> Facts:
    """Read everything."""
    with psycopg.connect(embedded.ensure(world.lab), row_factory=dict_row) as connection:
        rows = {name: connection.execute(query).fetchall() for name, query in QUERIES.items()}
    return Facts(**rows, left=left(world, {str(row["id"]) for row in rows["jobs"]}))


def settled(world: World, jobs: Collection[str], *, seconds: float = 40.0) -> None:
    """Wait, within a bound, until nothing is left: files that say so are removed a moment after a job's end."""
    deadline = time.monotonic() + seconds
    while any(left(world, jobs).values()) and time.monotonic() < deadline:
        time.sleep(0.25)


def left(world: World, jobs: Collection[str]) -> dict[str, list[str]]:
    """Return what is there and should not be.

    A mark is set before its job is stored; one whose job never was is forgotten after an hour, and counts for nothing.
    """
    lab = world.lab
    return {
        "processes of attempts": [" ".join(each.argv) for each in world.processes() if each.of_attempt],
        "events on disk": _names(lab / "spool"),
        "refused events": _names(lab / "spool" / "refused"),
        "expectations": _names(lab / "expected"),
        "marks": [each for each in _names(lab / "detached") if each in jobs],
    }


def _names(folder: Path) -> list[str]:
    """Name what counts; what somebody was killed while he wrote it was never acknowledged, and goes after an hour."""
    try:
        return sorted(each.name for each in folder.iterdir() if each.name != "refused" and each.suffix != ".partial")
    except FileNotFoundError:
        return []
