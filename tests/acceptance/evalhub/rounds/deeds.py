"""What the targeted tests of this folder do and ask: jobs of the plain adapter, and what Postgres has of them."""

from pathlib import Path

import psycopg
from tests.acceptance.evalhub.rounds.world import ATTEMPT
from tests.acceptance.evalhub.running import Server

from evallab.store import embedded


def plain(**parameters: object) -> dict[str, object]:
    return {"id": "a", "provider_id": "plain", "parameters": parameters}


def gone(server: Server) -> None:
    """Wait until the server was killed."""
    assert server.process is not None
    assert server.process.wait(60) == -9


def ended(server: Server, job_id: str) -> tuple[str, int, object]:
    """Return how a job ended: its state, how many attempts its first benchmark took, and what that found."""
    job = server.finished(job_id)
    benchmarks = job["results"].get("benchmarks") or [{}]
    return job["status"]["state"], job["status"]["benchmarks"][0].get("attempt", 0), benchmarks[0].get("metrics")


def rows(server: Server, query: str) -> list[tuple[object, ...]]:
    """Ask the server's Postgres."""
    with psycopg.connect(embedded.ensure(server.home / "lab")) as connection:
        return connection.execute(query.encode()).fetchall()


def once(server: Server) -> None:
    """When the job has ended in Postgres too, its result is there once."""
    server.until(lambda: rows(server, "SELECT FROM evallab_tables.jobs WHERE finished_at IS NOT NULL"), what="its end")
    assert rows(server, "SELECT count(*), count(DISTINCT attempt_id) FROM evallab_tables.results") == [(1, 1)]
    said = "SELECT count(*) FROM evallab_tables.events WHERE body ->> 'status' = 'completed' AND NOT late"
    assert rows(server, said) == [(1,)]


def adapters(server: Server) -> list[int]:
    """Return the processes of attempts of this server's home."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environ = (entry / "environ").read_bytes()
        except OSError:
            continue
        if ATTEMPT in environ and str(server.home).encode() in environ:
            found.append(int(entry.name))
    return found
