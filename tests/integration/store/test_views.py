"""The views for a person with psql: explained, and answering the question they are for."""

from pathlib import Path

import psycopg
from psycopg import sql
from tests.integration.store.making import QUESTIONS, comparison, ended_job, event, job, minutes

from evallab.planning.telemetry import ServerWindow
from evallab.store.postgres import PostgresStore

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "database.md"
VIEWS = {
    "artifacts", "attempts", "audit", "baselines", "benchmarks", "canary", "comparisons", "events", "jobs",
    "leaderboard", "models", "provenance", "samples", "scores", "telemetry",
}  # fmt: skip
COMMENTS = """
    SELECT view.relname, coalesce(attribute.attname, ''), description.description
    FROM pg_class AS view
    JOIN pg_attribute AS attribute ON attribute.attrelid = view.oid AND attribute.attnum > 0
    LEFT JOIN pg_description AS description
        ON description.objoid = view.oid AND description.objsubid = attribute.attnum
    WHERE view.relnamespace = 'public'::regnamespace AND view.relkind = 'v'
    UNION ALL
    SELECT view.relname, '', obj_description(view.oid)
    FROM pg_class AS view WHERE view.relnamespace = 'public'::regnamespace AND view.relkind = 'v'
"""


def test_every_view_and_every_column_is_explained(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(COMMENTS).fetchall()

    assert {view for view, _, _ in found} == VIEWS
    assert [(view, column) for view, column, comment in found if not comment] == []


async def test_the_documented_select_says_model_quantisation_commit_score(
    store: PostgresStore, database_url: str
) -> None:
    await ended_job(store, job(setup_key="0c" * 32))
    record = {
        "evallab": {"version": "0.1.0", "commit": "c0ffee", "dirty": False},
        "model_server": {"runtime": "llamacpp", "fingerprint": {"sha256": "5a" * 32}},
    }
    await store.add_provenance("job-1", record, now=minutes(1))
    select = REFERENCE.read_text(encoding="utf-8").split("```sql\n")[1].split("```")[0]

    with psycopg.connect(database_url) as connection:
        found = connection.execute(select.encode()).fetchall()
        whole = connection.execute("SELECT weights_sha256, harness_version, question_key, setup_key FROM scores")
        assert whole.fetchall() == [("5a" * 32, "0.4.13", QUESTIONS, "0c" * 32)]
    benchmark = "lm_evaluation_harness/sums"
    assert found == [("tiny-q4", "Q4_0", "c0ffee", benchmark, "exact_match", 2 / 3, 0.2, 0.94, "degraded")]


async def test_weights_are_known_before_provenance_is_recorded(store: PostgresStore, database_url: str) -> None:
    await ended_job(store, job(model_server={"fingerprint": {"sha256": "5a" * 32}}))

    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT weights_sha256 FROM scores").fetchall() == [("5a" * 32,)]


async def test_every_view_shows_what_is_stored(store: PostgresStore, database_url: str) -> None:
    for id_ in ("job-1", "job-2"):
        await ended_job(store, job(id_))
        await store.add_provenance(id_, {}, now=minutes(1))
        await store.add_event(event(f"{id_}-event", f"{id_}-a1"))
        await store.save_canary_verdict(id_, None, {"outcome": "first", "usable": True}, now=minutes(5))
        await store.add_telemetry(id_, [ServerWindow(started_at=minutes(2), seconds=10, samples=3)])
    await store.add_comparisons([comparison("job-2", "job-1")])
    await store.set_baseline("tiny", "job-1", actor="ada", now=minutes(9))

    with psycopg.connect(database_url) as connection:
        counts = {
            view: len(connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(view))).fetchall())
            for view in VIEWS
        }
    once = dict.fromkeys(("models", "comparisons", "baselines", "leaderboard"), 1)
    assert counts == dict.fromkeys(VIEWS, 2) | once | {"samples": 6, "provenance": 4, "audit": 3}
