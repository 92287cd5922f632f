"""Must "Resume": after kill -9 of anybody at any moment, `evallab resume` asks only what was in flight, and ends equal.

EVALLAB_KILLS says how many random kills there are (default 100, two to three minutes), EVALLAB_SEED repeats a run.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.acceptance.command import Command
from tests.acceptance.resuming.killing import Killer, facts, lines, processes_of, until_gone

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent / "resuming"
KILLS = int(os.environ.get("EVALLAB_KILLS", "100"))
SEED = int(os.environ.get("EVALLAB_SEED", str(random.SystemRandom().randrange(10**6))))
QUESTIONS, CONCURRENCY = 120, 4
RNG = random.Random
PROVIDER = """
id: asking
name: Asking
runtime:
  local:
    command: "{python} {adapter}"
benchmarks:
- {{id: first, name: First, category: test, metrics: [acc], primary_score: {{metric: acc}}}}
- {{id: second, name: Second, category: test, metrics: [acc], primary_score: {{metric: acc}}}}
"""
COUNTED = """
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {{name: counted}}
spec:
  model:
    name: counted
    serve:
      runtime: custom
      healthPath: /health
      command: '{python} {server} {log} {{port}}'
  benchmarks:
  - {{providerId: asking, id: first, parameters: {{questions: {questions}, concurrency: {concurrency}}}}}
  - {{providerId: asking, id: second, parameters: {{questions: {questions}, concurrency: {concurrency}}}}}
"""
HARNESS = """
apiVersion: evallab.dev/v1alpha1
kind: EvalJob
metadata: {name: harness}
spec:
  model:
    name: demo
    serve: {runtime: reference, source: {bundled: demo-f16}}
  benchmarks:
  - {providerId: lm_evaluation_harness, id: demo_arith, parameters: {limit: 30, concurrency: 2}}
  - {providerId: lm_evaluation_harness, id: demo_facts, parameters: {limit: 30, concurrency: 2}}
"""


class Lab(Command):
    """The command with a provider of the test's own, which counts what it asks."""

    @property
    def environ(self) -> dict[str, str]:
        return super().environ | {"EVALLAB_CONFIG_DIR": str(self.home / "config")}

    @property
    def log(self) -> Path:
        """What the counting server was asked."""
        return self.home / "asked"

    def manifest(self, **changes: int) -> Path:
        """Write the manifest of a job whose requests are counted."""
        fields = {"questions": QUESTIONS, "concurrency": CONCURRENCY} | changes
        server = HERE / "counting_server.py"
        path = self.home / "counted.yaml"
        path.write_text(COUNTED.format(python=sys.executable, server=server, log=self.log, **fields))
        return path


@pytest.fixture
def lab(fresh_home: Path) -> Lab:
    home = fresh_home / f"resume-{os.urandom(4).hex()}"
    providers = home / "config" / "providers"
    providers.mkdir(parents=True)
    home.chmod(0o755)
    adapter = HERE / "asking_adapter.py"
    (providers / "asking.yaml").write_text(PROVIDER.format(python=sys.executable, adapter=adapter))
    return Lab(home)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_killed_anywhere_any_number_of_times_a_job_ends_as_if_undisturbed(lab: Lab) -> None:
    print(f"EVALLAB_SEED={SEED} EVALLAB_KILLS={KILLS}")  # noqa: T201 - shown when the test fails
    killer = Killer(lab, RNG(SEED), adapter="asking_adapter.py", server="counting_server.py")
    manifest = lab.manifest()
    killer.measure(manifest, "undisturbed")
    expected, asked = facts(lab, "undisturbed"), lines(lab.log)
    assert asked == 2 * QUESTIONS
    jobs = 0
    while len(killer.killed) < KILLS:
        jobs += 1
        before, kills_before = lines(lab.log), len(killer.killed)
        report = killer.bring_to_its_end(manifest, f"disturbed-{jobs}", kills=KILLS - kills_before)
        assert report["state"] == "completed"
        assert facts(lab, f"disturbed-{jobs}") == expected
        again = lines(lab.log) - before - asked
        assert again <= CONCURRENCY * (len(killer.killed) - kills_before), killer.killed[kills_before:]
    print(f"{len(killer.killed)} kills in {jobs} jobs: {killer.killed}")  # noqa: T201
    lab("db", "stop")


def test_the_harness_on_the_reference_server_ends_as_if_undisturbed(lab: Lab) -> None:
    print(f"EVALLAB_SEED={SEED}")  # noqa: T201 - shown when the test fails
    killer = Killer(
        lab,
        RNG(SEED),
        adapter="evallab_adapters.lm_eval_harness",
        server="evallab.modelserver.reference",
    )
    manifest = lab.home / "harness.yaml"
    manifest.write_text(HARNESS)
    killer.measure(manifest, "undisturbed")
    expected = facts(lab, "undisturbed")
    for number in range(2):
        killer.bring_to_its_end(manifest, f"disturbed-{number}", kills=6)
        assert facts(lab, f"disturbed-{number}") == expected, killer.killed
    print(f"{len(killer.killed)} kills: {killer.killed}")  # noqa: T201
    assert killer.killed
    lab("db", "stop")


def test_resume_says_what_it_cannot_do_and_rerun_makes_a_new_job(lab: Lab) -> None:
    manifest = lab.manifest(questions=60)
    running = lab.start("run", "-f", str(manifest), "--output", "json")
    until(lambda: lines(lab.log) > 20)
    second = lab("resume", "counted")
    assert second.returncode == 2
    assert "is being worked on by another evallab process" in second.stderr
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    resumed = lab.json("resume", "counted")
    assert resumed["state"] == "completed"
    assert lines(lab.log) <= 120 + CONCURRENCY
    until_gone(lab.home, "counting_server.py")
    asked = lines(lab.log)
    again = lab.json("resume", "counted")
    assert (again["id"], again["state"], lines(lab.log)) == (resumed["id"], "completed", asked)
    other = lab.json("rerun", "counted", "--set", "spec.benchmarks[0].parameters.questions=10")
    assert (other["state"], lines(lab.log) - asked) == ("completed", 70)
    assert lab("resume", "nobody").returncode == 2
    manifests = lab.sql("select count(*), count(distinct manifest) from evallab_tables.jobs")
    assert manifests == [["2", "1"]]
    lab("db", "stop")


def test_a_cancelled_job_is_resumed(lab: Lab) -> None:
    running = lab.start("run", "-f", str(lab.manifest(questions=60)), "--output", "json")
    until(lambda: lines(lab.log) > 20)
    assert lab("cancel", "counted").returncode == 0
    running.communicate(timeout=120)
    assert running.returncode == 3
    assert lab.json("resume", "counted")["state"] == "completed"
    assert lines(lab.log) <= 120 + CONCURRENCY
    assert not [argv for _, argv in processes_of(lab.home) if "adapter" in " ".join(argv)]
    actions = lab.sql("select action from audit order by at")
    assert actions == [["create_job"], ["request_cancel"], ["resume_job"]]
    lab("db", "stop")
