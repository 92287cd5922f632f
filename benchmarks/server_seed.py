"""Fills a server with ended jobs: copies of a real one in ours, posted ones in EvalHub's. For `bench_server`."""

import time
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from benchmarks.server_client import Client
from benchmarks.server_process import Server
from evallab.store import embedded

JOBS = "/api/v1/evaluations/jobs"
OVER = {"completed", "failed", "cancelled", "partially_failed"}
PATIENCE_S = 30.0
_TABLES = ("jobs", "job_benchmarks", "attempts", "events", "results")
_COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = 'evallab_tables' AND table_name = %s AND is_generated = 'NEVER' AND is_identity = 'NO'
"""
_ENDED = "SELECT FROM evallab_tables.jobs WHERE id = %s AND finished_at IS NOT NULL"
_IDS: dict[str, dict[str, LiteralString]] = {
    "jobs": {"id": "{}", "created_at": "row.created_at - copy * interval '1 second'"},
    "job_benchmarks": {"job_id": "{}"},
    "attempts": {"id": "row.id || '-' || copy", "job_id": "{}"},
    "events": {"id": "row.id || '-' || copy", "attempt_id": "row.attempt_id || '-' || copy"},
    "results": {"attempt_id": "row.attempt_id || '-' || copy", "job_id": "{}"},
}


def job(provider: str, **parameters: Any) -> dict[str, Any]:
    """Return a request for a job of one benchmark."""
    benchmark = {"id": "x", "provider_id": provider, "parameters": parameters}
    model = {"url": "http://127.0.0.1:9/v1", "name": "m"}  # nobody is there, so no canary asks: EvalHub has none either
    custom = {"evallab": {"canary": "Off"}}
    return {"name": "bench", "model": model, "benchmarks": [benchmark], "custom": custom}


def event(provider: str, status: str, **more: Any) -> dict[str, Any]:
    """Return an event about that benchmark."""
    named = {"provider_id": provider, "id": "x", "benchmark_index": 0, "status": status}
    return {"benchmark_status_event": {**named, **more}}


def posted(client: Client, provider: str) -> str:
    """Post a job; return its id."""
    return str(client.ask("POST", JOBS, job(provider)).body["resource"]["id"])


def completed(client: Client, provider: str = "silent") -> str:
    """Post a job and report its result; return its id."""
    job_id = posted(client, provider)
    report = event(provider, "completed", metrics={"acc": 0.75}, completed_at="2026-01-01T00:00:00Z")
    client.ask("POST", f"{JOBS}/{job_id}/events", report)
    return job_id


def until(client: Client, job_id: str, states: set[str]) -> dict[str, Any]:
    """Return a job when it is in one of these states."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found: dict[str, Any] = client.ask("GET", f"{JOBS}/{job_id}").body
        if found["status"]["state"] in states:
            return found
        time.sleep(0.02)
    raise TimeoutError(f"{job_id} is {found['status']['state']}, not one of {sorted(states)}.")


def filled(server: Server, number: int) -> None:
    """Post so many jobs, and their results."""
    with server.client() as client:
        for _ in range(number):
            completed(client)


def copied(server: Server, template: str, *, first: int, last: int) -> None:
    """Copy an ended job in our database, once for each number; every row that a job has comes along."""
    with psycopg.connect(embedded.ensure(server.root / "lab"), autocommit=True) as connection:
        _settled(connection, template)
        found = connection.execute("SELECT id FROM evallab_tables.attempts WHERE job_id = %s", [template])
        numbers = {"first": first, "last": last, "job": template, "attempts": [row[0] for row in found]}
        with connection.transaction():
            for table in _TABLES:
                columns = [row[0] for row in connection.execute(_COLUMNS, [table])]
                connection.execute(_copy(table, columns), numbers)
        connection.execute("VACUUM ANALYZE")


def _settled(connection: "psycopg.Connection[Any]", job_id: str) -> None:
    """Wait until a job that is over for its clients is also written down as such."""
    for _ in range(round(PATIENCE_S / 0.05)):
        if connection.execute(_ENDED, [job_id]).fetchone() is not None:
            return
        time.sleep(0.05)
    raise TimeoutError(f"{job_id} never ended.")


def _copy(table: str, columns: list[str]) -> sql.Composed:
    mine: LiteralString = "lpad(copy::text, 8, '0') || substr(%(job)s, 9)"  # as long as an id is
    values = [
        sql.SQL(_IDS[table][name].replace("{}", mine))
        if name in _IDS[table]
        else sql.SQL("row.{}").format(sql.Identifier(name))
        for name in columns
    ]
    whose = {"jobs": "id = %(job)s", "events": "attempt_id = ANY(%(attempts)s)"}.get(table, "job_id = %(job)s")
    return sql.SQL(
        "INSERT INTO evallab_tables.{table} ({columns}) SELECT {values} FROM evallab_tables.{table} AS row"
        " CROSS JOIN generate_series(%(first)s::int, %(last)s::int) AS copy WHERE row.{whose}"
    ).format(
        table=sql.Identifier(table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(values),
        whose=sql.SQL(whose),
    )
