"""The commands around the main job: data on stdout, progress on stderr, exit codes, quiet where nobody looks."""

import json

import pytest
from tests.acceptance.command import EXAMPLES, Command, Quickstart

pytestmark = pytest.mark.slow
MANIFEST = str(EXAMPLES / "quickstart.yaml")


def test_run_is_quiet_on_stderr_when_it_is_not_a_terminal(quickstart: Quickstart) -> None:
    assert quickstart.f16.stderr == ""
    assert json.loads(quickstart.f16.stdout)["schema"] == "evallab.job-report/1"


def test_jobs_and_show(evallab: Command, quickstart: Quickstart) -> None:
    listed = evallab("jobs")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert {"quickstart", "quickstart-q3"} <= {line.split()[0] for line in listed.stdout.splitlines()[1:]}
    shown = evallab("show", "quickstart-q3")
    assert "REGRESSION" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_references_are_an_id_a_prefix_a_name_or_the_one_before(evallab: Command, quickstart: Quickstart) -> None:
    job_id = json.loads(quickstart.q3.stdout)["id"]
    for reference in (job_id, job_id[:8], "quickstart-q3"):
        assert evallab.json("show", reference)["id"] == job_id
    missing = evallab("show", "quickstrat")
    assert missing.returncode == 2
    assert "quickstart" in missing.stderr


def test_diff_shows_the_flipped_answers(evallab: Command, quickstart: Quickstart) -> None:
    whole = evallab("diff", "quickstart-q3", "quickstart")
    assert (whole.returncode, "REGRESSION" in whole.stdout) == (0, True), whole.stderr
    flips = evallab("diff", "quickstart-q3", "--benchmark", "demo_arith")
    assert flips.returncode == 0, flips.stderr
    assert len(flips.stdout.splitlines()) > 5


def test_samples_with_their_texts(evallab: Command, quickstart: Quickstart) -> None:
    rows = evallab.json("samples", "quickstart", "--benchmark", "demo_arith", "-n", "3")
    text = json.dumps(rows)
    assert "Question:" in text
    assert "####" in text


def test_logs_are_kept(evallab: Command, quickstart: Quickstart) -> None:
    logs = evallab("logs", "quickstart", "--benchmark", "demo_arith")
    assert (logs.returncode, bool(logs.stdout)) == (0, True), logs.stderr


def test_providers_doctor_and_version(evallab: Command) -> None:
    assert "lm_evaluation_harness" in evallab("providers").stdout
    assert "demo_arith" in evallab("providers", "lm_evaluation_harness").stdout
    assert evallab("doctor").returncode == 0
    assert "evallab" in evallab.json("version")


def test_dump_and_restore(evallab: Command, quickstart: Quickstart) -> None:
    dump = evallab.home / "all.dump"
    assert evallab("db", "dump", str(dump)).returncode == 0
    assert dump.stat().st_size > 0
    refused = evallab("db", "restore", str(dump))
    assert refused.returncode == 2
    assert evallab("db", "restore", "--force", str(dump)).returncode == 0
    assert len(evallab.json("jobs")) >= 2


def test_dry_run_starts_nothing(evallab: Command) -> None:
    before = evallab.sql("select count(*) from jobs")
    done = evallab("run", "-f", MANIFEST, "--local", "--dry-run", "--output", "json")
    assert (done.returncode, "demo_arith" in done.stdout) == (0, True)
    assert evallab.sql("select count(*) from jobs") == before


def test_pass_criteria_fail_the_command(evallab: Command) -> None:
    done = evallab(
        "run", "-f", MANIFEST, "--local", "--output", "json", "--set", "metadata.name=gated",
        "--set", "spec.benchmarks=[{providerId: lm_evaluation_harness, id: demo_arith, parameters: {limit: 20}, "
        "passCriteria: {threshold: 1.0}}]",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr


def test_inconclusive_where_asked(evallab: Command) -> None:
    settings = [
        "metadata.name=unsure",
        "spec.benchmarks=[{providerId: lm_evaluation_harness, id: demo_facts, parameters: {limit: 20}}]",
        "spec.compare={failOn: inconclusive}",
    ]
    options = [option for each in settings for option in ("--set", each)]
    done = evallab("run", "-f", MANIFEST, "--local", *options)
    assert done.returncode == 5, done.stderr


def test_a_failed_benchmark_is_exit_code_3(evallab: Command) -> None:
    done = evallab(
        "run", "--local", "--model", "nobody", "--url", "http://127.0.0.1:9/v1", "--benchmark",
        "lm_evaluation_harness/demo_arith", "--set", "retries=0",
    )  # fmt: skip
    assert done.returncode == 3
    assert "127.0.0.1:9" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(evallab: Command, shell: str) -> None:
    done = evallab("completion", shell)
    assert (done.returncode, "evallab" in done.stdout) == (0, True)
