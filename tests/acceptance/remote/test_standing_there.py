"""What got worse, series, repetitions, provenance of two jobs, asked of a server: what is said there is said here."""

from pathlib import Path

from tests.acceptance.remote.far import Far


def ran(far: Far, manifest: Path, name: str, *sets: str) -> None:
    """Run the job of a name, with its model's name, on the server."""
    options = [part for each in (f"metadata.name={name}", *sets) for part in ("--set", each)]
    done = far("run", "-f", str(manifest), *options)
    assert (done.returncode, done.stderr) == (0, "")


def test_provenance_of_two_jobs(far: Far, manifest: Path) -> None:
    ran(far, manifest, "pair")
    ran(far, manifest, "pair", "spec.benchmarks[1].parameters.loss=0.25")
    for args in (("pair", "--provenance"), ("pair", "--diff", "pair~1")):
        assert far.said("show", *args) == far.said("show", "--local", *args)
    found = far.json("show", "pair", "--provenance", "--diff", "pair~1")
    assert (found["equal"], found["setup"]["equal"]) == (True, True)  # EvalHub's contract says nothing of questions
    assert [each["question"]["equal"] for each in found["benchmarks"]] == [None, None]


def test_series_and_regressions(far: Far, manifest: Path) -> None:
    ran(far, manifest, "series", "spec.model.name=series")
    ran(far, manifest, "series", "spec.model.name=series", "spec.benchmarks[0].parameters.acc=0.8")
    for args in (
        ("history", "series", "plain/a"),
        ("history", "fam", "a", "--family", "-n", "1", "-o", "json"),
        ("regressions", "--model", "series", "--all"),
    ):
        assert far.said(*args) == far.said(*args, "--local")
    nothing = far("regressions", "--model", "series")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr.startswith("No regressions: 0 of 2 newest scores were compared.")


def test_a_series_of_nobody(far: Far) -> None:
    done = far("history", "nobody", "a")
    assert (done.returncode, "'nobody on a' was not found" in done.stderr) == (2, True)


def test_a_server_runs_a_job_again_as_it_was_recorded(far: Far, manifest: Path) -> None:
    ran(far, manifest, "again")
    done = far("reproduce", "again", "-o", "json")
    found = far.json("reproduce", "again~1", "--with", "again")
    assert done.returncode == 1  # EvalHub's contract says nothing of questions, so nothing can be compared
    assert [(each["benchmark"], each["found"]) for each in found["benchmarks"]] == [
        ("plain/a", None),
        ("plain/b", None),
    ]
    jobs = far.json("jobs", "--name", "again")
    assert ([each["state"] for each in jobs], found["repetition"]) == (["completed"] * 2, jobs[0]["id"])
    assert found["job"] == jobs[1]["id"]
    specs = [far.server.get(f"/api/v1/evaluations/jobs/{each['id']}").body for each in jobs]
    assert specs[0]["model"] == specs[1]["model"]
    assert [each["parameters"] for each in specs[0]["benchmarks"]] == [
        each["parameters"] for each in specs[1]["benchmarks"]
    ]
