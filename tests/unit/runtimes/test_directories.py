"""Where attempts lie, and which directories are refused."""

import os
from pathlib import Path

import pytest

from evallab.api.contract import JobSpec, JobSpecModel
from evallab.api.errors import BenchmarkFailed
from evallab.runtimes.local.directories import AttemptDirectories, attempt_directories, jobs_dir, make


def spec(*, job: str = "j", provider: str = "p", benchmark: str = "b") -> JobSpec:
    return JobSpec(
        id=job,
        provider_id=provider,
        benchmark_id=benchmark,
        benchmark_index=3,
        model=JobSpecModel(name="m"),
        parameters={},
        callback_url="http://127.0.0.1:1",
    )


def places(root: Path) -> AttemptDirectories:
    return attempt_directories(root / "home", root / "jobs", spec(), number=1)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_the_base_comes_from_the_environment() -> None:
    assert jobs_dir({}) == jobs_dir({"EVALLAB_JOBS_DIR": ""}) == Path("/tmp/evalhub-jobs")
    assert jobs_dir({"EVALLAB_JOBS_DIR": "/data/jobs"}) == Path("/data/jobs")


def test_the_layout_is_the_documented_one() -> None:
    found = attempt_directories(Path("/home"), Path("/jobs"), spec(benchmark="inspect/petri:v6"), number=2)
    assert found == AttemptDirectories(
        job_dir=Path("/jobs/j"),
        benchmark_dir=Path("/jobs/j/3/p/inspect/petri:v6"),
        attempt_dir=Path("/home/jobs/j/3/attempt-2"),
        work_dir=Path("/home/jobs/j/3/work"),
    )
    assert found.spec_file == Path("/jobs/j/3/p/inspect/petri:v6/meta/job.json")
    assert found.log_file == Path("/jobs/j/3/p/inspect/petri:v6/jobrun.log")
    assert found.result_file == Path("/home/jobs/j/3/attempt-2/result.json")
    assert found.artifacts_dir == Path("/home/jobs/j/3/attempt-2/artifacts")


@pytest.mark.parametrize(
    "bad", ["", ".", "..", "a/../b", "../../etc", "/etc", "a//b", "a/", "a\0b", "a\nb", "x" * 256, "ä" * 128, "\udc80"]
)
def test_ids_that_lead_elsewhere_are_refused(bad: str) -> None:
    with pytest.raises(BenchmarkFailed, match=r"The benchmark id .* cannot name a directory"):
        attempt_directories(Path("/home"), Path("/jobs"), spec(benchmark=bad), number=1)


@pytest.mark.parametrize("bad", ["", "..", "a/b", "/etc", "a\0b"])
def test_job_and_provider_ids_are_one_part(bad: str) -> None:
    for given, what in ((spec(job=bad), "job id"), (spec(provider=bad), "provider id")):
        with pytest.raises(BenchmarkFailed, match=rf"The {what} .* cannot name a directory"):
            attempt_directories(Path("/home"), Path("/jobs"), given, number=1)


def test_modes_are_exact_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        make(places(tmp_path))
    finally:
        os.umask(before)
    assert mode(tmp_path / "jobs") == 0o1777
    private = [tmp_path / "home", *tmp_path.glob("home/**/"), *tmp_path.glob("jobs/**/")]
    assert {path for path in private if path.is_dir() and mode(path) != 0o700} == {tmp_path / "jobs"}


def test_a_base_that_is_there_keeps_its_mode_and_a_job_directory_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir(mode=0o755)
    (tmp_path / "jobs" / "j").mkdir(mode=0o755)
    make(places(tmp_path))
    make(places(tmp_path))
    assert (mode(tmp_path / "jobs"), mode(tmp_path / "jobs" / "j")) == (0o755, 0o700)


@pytest.mark.parametrize("name", ["jobs", "jobs/j"])
def test_symbolic_links_are_refused(tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to(elsewhere)
    with pytest.raises(BenchmarkFailed, match="is a symbolic link"):
        make(places(tmp_path))
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("name", ["jobs", "jobs/j"])
def test_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")
    with pytest.raises(BenchmarkFailed, match="is not a directory"):
        make(places(tmp_path))


def test_a_base_that_everybody_may_change_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs").chmod(0o777)
    with pytest.raises(BenchmarkFailed, match="sticky bit"):
        make(places(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["jobs", "jobs/j"])
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    os.chown(tmp_path / name, 65534, 65534)
    with pytest.raises(BenchmarkFailed, match=r"belongs to another user \(uid 65534\)"):
        make(places(tmp_path))
