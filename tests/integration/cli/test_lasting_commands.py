"""The commands along time and across models: history, leaderboard, baselines, collections, gc."""

import csv
import io
import os
import time
from pathlib import Path

import pytest
from tests.integration.cli.command import Command
from tests.integration.cli.seeding import BASELINE, CANDIDATE, finished_job, job

from evallab.store.postgres import PostgresStore

HISTORY = """\
demo on lm_evaluation_harness/demo_arith, exact_match,strict-match

Time              Model     Score  95 % interval                              Change    Verdict     Job
2026-11-22 12:01  demo-f16  0.950  [0.835, 0.986]                  ─────●─              VALID       5a5e11ae
2026-11-22 12:04  demo-q3   0.550  [0.398, 0.693]  ──────●──────              −40.0 pt  REGRESSION  ca4d1da7
"""
LEADERBOARD = """\
Model     #  demo_arith              #  demo_facts
demo-f16  1  0.950 [0.835, 0.986]    1  0.750 [0.598, 0.858]
demo-q3   2  0.550 [0.398, 0.693]    1  0.725 [0.572, 0.839]

#  equal ranks are within noise: question by question neither is better beyond doubt (q > 0.05 over all pairs of the \
column)
"""


def unspaced(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_history(evallab: Command) -> None:
    assert unspaced(evallab.said("history", "demo", "demo_arith", "--family")) == unspaced(HISTORY)
    document = evallab.json("history", "demo-q3", "lm_evaluation_harness/demo_facts")
    assert (document["schema"], document["others"], len(document["points"])) == ("evallab.history/1", 0, 1)
    assert document["points"][0]["score"] == 0.725
    newest = evallab.json("history", "demo", "demo_arith", "--family", "-n", "1")["points"]
    assert [(each["job"], each["comparison"]["verdict"]) for each in newest] == [(CANDIDATE, "REGRESSION")]


def test_history_of_nothing_names_what_is_near(evallab: Command) -> None:
    done = evallab("history", "demo-f61", "demo_arith")
    assert (done.returncode, "hint: Near names: demo-f16" in done.stderr) == (2, True)
    done = evallab("history", "demo-f16", "nothing")
    assert (done.returncode, "demo-f16 has no scores on nothing" in done.stderr) == (2, True)


def test_leaderboard(evallab: Command) -> None:
    assert unspaced(evallab.said("leaderboard")) == unspaced(LEADERBOARD)
    assert evallab.said("leaderboard", "--collection", "demo") == evallab.said("leaderboard")
    document = evallab.json("leaderboard", "-b", "demo_facts")
    assert [each["benchmark"] for each in document["rankings"]] == ["lm_evaluation_harness/demo_facts"]
    assert [each["rank"] for each in document["rankings"][0]["entries"]] == [1, 1]
    lines = list(csv.DictReader(io.StringIO(evallab.said("leaderboard", "-b", "demo_arith", "-o", "csv"))))
    assert [(each["model"], each["rank"], each["score"]) for each in lines] == [
        ("demo-f16", "1", "0.95"),
        ("demo-q3", "2", "0.55"),
    ]
    assert evallab("leaderboard", "-b", "none").stderr.startswith("No scores yet.")


def test_baseline(evallab: Command) -> None:
    assert evallab("baseline", "show").stderr == "No baselines. Set one: evallab baseline set JOB\n"
    assert (
        evallab.said("baseline", "set", "demo-f16", "--for", "demo") == "demo-f16 (5a5e11ae) is the baseline of demo.\n"
    )
    assert evallab.said("baseline", "set", "demo-q3") == "demo-q3 (ca4d1da7) is the baseline of demo-q3.\n"
    found = evallab.json("baseline", "show")
    assert [(each["name"], each["job_id"]) for each in found] == [("demo", BASELINE), ("demo-q3", CANDIDATE)]
    assert unspaced(evallab.said("baseline", "show"))[1][:3] == ["demo", "demo-f16", "5a5e11ae"]
    assert evallab.said("baseline", "unset", "demo-q3") == "demo-q3 has no baseline any more.\n"
    done = evallab("baseline", "unset", "demo-q3")
    assert (done.returncode, "'demo-q3' has no baseline" in done.stderr) == (2, True)


async def test_a_baseline_has_ended_with_usable_scores(evallab: Command, store: PostgresStore) -> None:
    await store.create_job(job("90119000", "going"), [], actor="test")
    done = evallab("baseline", "set", "going")
    assert (done.returncode, "has not ended" in done.stderr) == (2, True)


def test_collections(evallab: Command) -> None:
    assert unspaced(evallab.said("collections"))[1][:3] == ["demo", "4", "demo"]
    assert ["lm_evaluation_harness/demo_arith", "1"] in unspaced(evallab.said("collections", "demo"))
    assert len(evallab.json("collections", "demo")["benchmarks"]) == 4
    assert evallab("collections", "dmo").returncode == 2


@pytest.fixture
async def aged(evallab: Command, store: PostgresStore, open_home: Path) -> Command:
    """Two jobs in a home of their own, whose files are old enough to go."""
    home = open_home / f"gc-{os.getpid()}-{time.monotonic_ns()}"
    home.mkdir()
    for row in (job(BASELINE, "demo-f16"), job(CANDIDATE, "demo-q3")):
        await finished_job(store, home, row)  # the rows are there; the files are made anew
        (home / "jobs" / row.id / "0" / "work").mkdir(parents=True)
    (home / "jobs" / "of-another-database").mkdir()
    (home / "artifacts" / "zz").mkdir()
    (home / "artifacts" / "zz" / "stray").write_bytes(b"nobody names it")
    for path in (home / "artifacts").rglob("*"):
        os.utime(path, (0, 0))
    return Command(home, evallab.database_url)


def test_gc_removes_what_may_go_and_rows_stay(aged: Command) -> None:
    assert aged("gc", "--older-than", "soon").returncode == 2
    assert aged.said("gc", "--keep-last", "0", "--pin", "demo-f16", "--dry-run").splitlines()[1:] == [
        "  demo-q3 (ca4d1da7): 4 files"
    ]
    assert (aged.home / "artifacts" / "zz" / "stray").exists()
    said = aged.said("gc", "--keep-last", "0")
    assert "4 kept files of 1 job" in said
    assert [path.name for path in (aged.home / "jobs").iterdir()] == ["of-another-database"]
    assert not (aged.home / "artifacts" / "zz" / "stray").exists()

    done = aged("samples", "demo-q3", "-b", "0", "-n", "1")
    assert (done.returncode, "The texts were removed by retention on 20" in done.stderr) == (0, True)
    assert aged("samples", "demo-f16", "-b", "0", "-n", "1").stderr.startswith("1 of 40 questions")
    assert "removed by retention" in aged("logs", "demo-q3").stderr
    assert aged.json("show", "demo-q3")["benchmarks"][0]["score"]["value"] == 0.55
    assert aged.said("gc", "--keep-last", "0").startswith("0 B removed: 0 kept files of 0 jobs")


def test_gc_leaves_young_files_alone(aged: Command) -> None:
    for path in (aged.home / "artifacts").rglob("*"):
        os.utime(path)
    aged.said("gc", "--max-size", "0B")
    assert (aged.home / "artifacts" / "zz" / "stray").exists()
    assert aged("samples", "demo-q3", "-b", "0", "-n", "1").stderr.startswith("warning: The texts were removed")
