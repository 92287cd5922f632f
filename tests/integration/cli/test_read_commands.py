"""The commands that look: their whole output on real data, stdout and stderr apart, nothing coloured in a pipe."""

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from tests.integration.cli.command import Command
from tests.integration.cli.seeding import BASELINE, CANDIDATE, NOON

from evallab.store.interface import BenchmarkRow
from evallab.store.postgres import PostgresStore

SHOW = """\
demo-q3 (ca4d1da7) completed, took 1 min 12 s, compared with demo-f16 (5a5e11ae)

Benchmark   Metric                    Score  95 % interval    n  Change                   Flips   Verdict
demo_arith  exact_match,strict-match  0.550  [0.398, 0.693]  40  −40.0 pt [−55.4, −26.3]  −16 +0  REGRESSION
demo_facts  exact_match,strict-match  0.725  [0.572, 0.839]  40   −2.5 pt [−12.9,  +6.5]   −1 +0  INCONCLUSIVE
"""
DIFF = """\
Compared with demo-f16 (5a5e11ae)

Benchmark   Metric                    Baseline  Score   n  Change                   Flips   Verdict
demo_arith  exact_match,strict-match     0.950  0.550  40  −40.0 pt [−55.4, −26.3]  −16 +0  REGRESSION

demo_arith  40.0 % of 40 answers changed, p < 0.001, q < 0.001; smallest detectable difference 28.0 pt, margin 1.0 pt
            one question is 2.5 points, more than the margin
q           p corrected for all benchmarks compared at once (Benjamini-Hochberg); REGRESSION needs q ≤ 0.05

Question  Score  Baseline's answer  Answer
      22  1 → 0  The answer is 23.  I think it is [31m 25.
      23  1 → 0  The answer is 24.  I think it is [31m 26.
14 more: --limit 16
"""
SAMPLES = """\
Question  Score  Tokens  Latency  Answer
      22      0       7    42 ms  I think it is [31m 25.
      23      0       7    42 ms  I think it is [31m 26.
"""
LOGS = """\
==> 0 lm_evaluation_harness/demo_arith <==
loading demo_arith
done
==> 1 lm_evaluation_harness/demo_facts <==
loading demo_facts
done
"""


def test_jobs(evallab: Command) -> None:
    lines = evallab.said("jobs").splitlines()
    assert [re.sub(r" \d+[smhd] ", " AGE ", re.sub(r" +", " ", line)) for line in lines] == [
        "Name Model State Progress Score Valid Age ID",
        "demo-q3 demo-q3 completed 2/2 0.550 0.725 yes AGE ca4d1da7",
        "demo-f16 demo-f16 completed 2/2 0.950 0.750 yes AGE 5a5e11ae",
    ]
    assert len(evallab.said("jobs", "-n", "1").splitlines()) == 2
    assert evallab.json("jobs", "--name", "demo-f16") == [
        {
            "id": BASELINE,
            "name": "demo-f16",
            "model": "demo-f16",
            "state": "completed",
            "reason": None,
            "progress": "2/2",
            "scores": [0.95, 0.75],
            "validity": "yes",
            "created_at": NOON.isoformat(),
            "finished_at": (NOON + timedelta(seconds=73)).isoformat(),
            "position": None,
        }
    ]


def test_no_jobs_is_said_on_stderr(evallab: Command) -> None:
    done = evallab("jobs", "--state", "failed")
    assert (done.returncode, done.stdout, "No jobs" in done.stderr) == (0, "", True)
    assert evallab.json("jobs", "--state", "failed") == []


def test_show(evallab: Command) -> None:
    text = evallab.said("show", "demo-q3")
    assert text.startswith(SHOW)
    assert "\x1b" not in text
    assert evallab.said("show", "ca4d").startswith(SHOW)


def test_show_as_json_and_yaml_hold_the_same(evallab: Command) -> None:
    report = evallab.json("show", "demo-q3")
    assert yaml.safe_load(evallab.said("show", "demo-q3", "-o", "yaml")) == report
    assert (report["id"], report["state"]) == (CANDIDATE, "completed")
    assert [(each["benchmark"], each["comparison"]["verdict"]) for each in report["benchmarks"]] == [
        ("lm_evaluation_harness/demo_arith", "REGRESSION"),
        ("lm_evaluation_harness/demo_facts", "INCONCLUSIVE"),
    ]


def test_show_provenance(evallab: Command) -> None:
    record = evallab.json("show", "demo-q3", "--provenance")
    assert record["job"]["host"]["cpu"] == "a cpu"
    assert [record["benchmarks"][index]["harness"]["name"] for index in ("0", "1")] == ["lm-eval", "lm-eval"]
    assert record["job"]["unknown"]["host.hostname"]
    assert yaml.safe_load(evallab.said("show", "demo-q3", "--provenance", "-o", "yaml")) == record


def test_diff_shows_the_flipped_answers(evallab: Command) -> None:
    assert evallab.said("diff", "demo-q3", "--benchmark", "demo_arith", "-n", "2") == DIFF


def test_diff_with_a_named_baseline_is_made_now(evallab: Command) -> None:
    recorded = evallab.json("diff", "demo-q3")
    assert evallab.json("diff", "demo-q3", "demo-f16") == recorded
    backwards = evallab.json("diff", "demo-f16", "demo-q3", "-b", "0")
    assert [each["comparison"]["gained"] for each in backwards["changes"]] == [16]
    assert backwards["flipped"] == len(backwards["flips"]) == 16
    assert backwards["flips"][0] == {
        "index": 0,
        "doc_id": 22,
        "repeat": 0,
        "kind": "improved",
        "before": 0.0,
        "after": 1.0,
        "prompt": "22 + 1 =",
        "target": "23",
        "baseline_response": "I think it is\x1b[31m 25.",
        "response": "The answer is 23.\nThat was easy.",
    }


def test_diff_of_what_was_not_compared_says_how(evallab: Command) -> None:
    done = evallab("diff", "demo-f16")
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: Name a job: evallab diff demo-f16 BASELINE." in done.stderr


def test_samples(evallab: Command) -> None:
    done = evallab("samples", "demo-q3", "--benchmark", "demo_arith", "--failed", "-n", "2")
    assert (done.returncode, done.stdout) == (0, SAMPLES)
    assert done.stderr == "2 of 18 wrong answers; all of them: --limit 18\n"
    assert evallab("samples", "demo-q3", "-b", "0", "--errors").stderr == "0 errors\n"


def test_samples_as_json_hold_the_texts(evallab: Command) -> None:
    done = evallab("samples", "demo-q3", "-b", "demo_arith", "-n", "1", "-o", "json")
    assert json.loads(done.stdout) == {
        "schema": "evallab.samples/1",
        "job": CANDIDATE,
        "name": "demo-q3",
        "benchmark": "lm_evaluation_harness/demo_arith",
        "matching": 40,
        "samples": [
            {
                "doc_id": 0,
                "repeat": 0,
                "doc_hash": "0" * 64,
                "prompt_hash": "0" * 64,
                "response_hash": hashlib.sha256(b"The answer is 1.\nThat was easy.").hexdigest(),
                "prompt_tokens": 5,
                "completion_tokens": 7,
                "latency_ms": 41.5,
                "finish_reason": "stop",
                "error": None,
                "cluster": None,
                "scores": {"exact_match,strict-match": 1.0},
                "score": 1.0,
                "prompt": "0 + 1 =",
                "target": "1",
                "response": "The answer is 1.\nThat was easy.",
                "reasoning": None,
                "filtered": {},
            }
        ],
    }


def test_texts_that_are_gone_are_said_and_the_numbers_shown(evallab: Command, tmp_path: Path) -> None:
    done = evallab("samples", "demo-q3", "-b", "0", "-n", "1", EVALLAB_HOME=str(tmp_path))
    assert done.returncode == 0
    assert done.stdout.splitlines()[1].split() == ["0", "1", "7", "42", "ms", "–"]
    assert done.stderr.startswith("warning: The artifact ")


def test_logs(evallab: Command) -> None:
    assert evallab.said("logs", "demo-q3") == LOGS
    assert evallab.said("logs", "demo-q3", "--benchmark", "demo_facts", "--tail", "1") == "done\n"


async def test_the_log_of_what_still_runs_is_the_live_one(evallab: Command, store: PostgresStore) -> None:
    row = (await store.snapshot(CANDIDATE)).job
    running = BenchmarkRow(
        job_id="11fe000000000000", index=0, provider_id="p", benchmark_id="nested/name", state="running"
    )
    await store.create_job(replace(row, id="11fe000000000000", state="pending"), [running], actor="test")
    assert "There is no log" in evallab("logs", "11fe").stderr
    directory = evallab.home / "jobs" / "11fe000000000000" / "0" / "p" / "nested" / "name"
    directory.mkdir(parents=True)
    (directory / "jobrun.log").write_text("asking\n")
    assert evallab.said("logs", "11fe") == "asking\n"


async def test_cancel_asks_once_and_says_the_state(evallab: Command, store: PostgresStore) -> None:
    assert evallab.said("cancel", "demo-q3") == "demo-q3 (ca4d1da7): completed, there is nothing to cancel\n"
    row = (await store.snapshot(CANDIDATE)).job
    job_id = "0a17000000000000"
    waiting = replace(row, id=job_id, name="later", state="pending", created_at=datetime.now(UTC), finished_at=None)
    part = BenchmarkRow(job_id=job_id, index=0, provider_id="p", benchmark_id="b")
    await store.create_job(waiting, [part], actor="test")
    assert await store.take_lease(job_id, "its driver", seconds=600)
    assert evallab.said("cancel", "later") == "later (0a170000): pending, its end was requested\n"
    assert (await store.snapshot(job_id)).job.cancel_requested
    await store.drop_lease(job_id, "its driver")
    assert evallab.said("cancel", "later") == "later (0a170000): cancelled\n"


@pytest.mark.parametrize("command", ["show", "logs", "cancel", "diff"])
def test_a_job_that_is_not_there_names_the_nearest(command: str, evallab: Command) -> None:
    done = evallab(command, "demo-q4")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: There is no job 'demo-q4'." in done.stderr
    assert "demo-q3" in done.stderr


def test_a_benchmark_that_is_not_there_names_the_nearest(evallab: Command) -> None:
    done = evallab("samples", "demo-q3", "-b", "demo_arit")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean 'demo_arith'?" in done.stderr


def test_a_server_is_refused_by_name(evallab: Command) -> None:
    done = evallab("diff", "demo-q3", EVALLAB_URL="https://evallab.example")
    assert (done.returncode, done.stdout) == (2, "")
    assert "`evallab diff` does not reach servers" in done.stderr
    assert "--local" in done.stderr
    assert evallab("jobs", "--local", EVALLAB_URL="https://evallab.example").returncode == 0


def test_output_that_is_not_utf_8_is_ascii(evallab: Command) -> None:
    done = evallab("show", "demo-q3", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "-40.0 pt [-55.4, -26.3]" in done.stdout
