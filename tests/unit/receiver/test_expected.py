"""Who may report: known in this process, and by files in others; a file never leads elsewhere."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from evallab.api.contract import JobSpec, JobSpecModel
from evallab.api.errors import BenchmarkFailed
from evallab.receiver.expectation import Expectation, ExpectationFiles, usable
from evallab.receiver.expected import Expectations


def spec(**changes: Any) -> JobSpec:
    fields: dict[str, Any] = {"id": "job-1", "provider_id": "p", "benchmark_id": "b", "benchmark_index": 0}
    model = JobSpecModel(name="m")
    return JobSpec(**{**fields, **changes}, model=model, parameters={"n": 1}, callback_url="http://127.0.0.1:1/a/a1")


def expectation(token: str | None = None) -> Expectation:
    return Expectation.of(spec(), token)


def test_a_file_holds_job_json_and_no_token(tmp_path: Path) -> None:
    token = Expectations(tmp_path).expect("a1", spec())
    [file] = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("a1.json", 0o600)
    assert json.loads(file.read_text()) == {
        "spec": spec().model_dump(mode="json"),
        "token_sha256": hashlib.sha256(token.encode()).hexdigest(),
        "token_required": False,
    }


def test_what_one_process_expects_another_knows(tmp_path: Path) -> None:
    here, there = Expectations(tmp_path), Expectations(tmp_path)
    token = here.expect("a1", spec())
    assert there.find("a1") == here.find("a1") == expectation(token)
    assert (there.any(), there.jobs()) == (True, frozenset({"job-1"}))
    here.forget("a1")
    assert (there.any(), here.find("a1"), Expectations(tmp_path).find("a1")) == (False, None, None)


def test_a_mailbox_that_only_asks_forgets_with_the_file(tmp_path: Path) -> None:
    here, mailbox = Expectations(tmp_path), Expectations(tmp_path)
    first = here.expect("a1", spec())
    seen = [mailbox.find("a1"), mailbox.find("a1")]
    second = here.expect("a1", spec(benchmark_id="other"))
    seen.append(mailbox.find("a1"))
    here.forget_job("job-1")
    assert [*seen, mailbox.find("a1")] == [
        expectation(first),
        expectation(first),
        Expectation.of(spec(benchmark_id="other"), second),
        None,
    ]


def test_without_a_folder_they_live_in_memory() -> None:
    expected = Expectations()
    token = expected.expect("a1", spec())
    assert expected.find("a1") == expectation(token)
    assert expected.any() is False
    expected.forget("a1")
    assert expected.find("a1") is None


def test_the_newest_attempt_of_a_benchmark(tmp_path: Path) -> None:
    expected = Expectations(tmp_path)
    for attempt_id, changes in (("a1", {}), ("a2", {}), ("b1", {"benchmark_index": 1}), ("c1", {"id": "job-2"})):
        expected.expect(attempt_id, spec(**changes))
        os.utime(tmp_path / f"{attempt_id}.json", (ord(attempt_id[1]), ord(attempt_id[1])))
    for known in (expected, Expectations(tmp_path)):
        assert known.attempt_of(("job-1", "p", "b", 0)) == "a2"
        assert known.attempt_of(("job-1", "p", "b", 1)) == "b1"
        assert known.attempt_of(("job-1", "p", "other", 0)) is None
    expected.forget("a2")
    assert expected.attempt_of(("job-1", "p", "b", 0)) == "a1"
    expected.forget_job("job-1")
    assert expected.jobs() == {"job-2"}


def test_an_attempt_that_runs_already_keeps_its_token(tmp_path: Path) -> None:
    token = Expectations(tmp_path).expect("a1", spec())
    successor = Expectations(tmp_path)
    successor.adopt("a1", spec())
    successor.adopt("a2", spec())
    assert (successor.find("a1"), successor.find("a2")) == (expectation(token), expectation(None))


@pytest.mark.parametrize(
    "attempt_id", ["", ".", "..", "../a1", "a/b", "/etc/passwd", "a\0b", ".hidden", "a" * 129, "ä", "a\n"]
)
def test_an_id_never_leads_elsewhere(tmp_path: Path, attempt_id: str) -> None:
    folder = tmp_path / "expected"
    expected = Expectations(folder)
    (tmp_path / "a1.json").write_text(json.dumps({"spec": spec().model_dump(mode="json"), "token_sha256": ""}))
    assert (usable(attempt_id), expected.find(attempt_id)) == (False, None)
    with pytest.raises(ValueError, match="cannot name a file"):
        expected.expect(attempt_id, spec())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"spec": {}}', b'{"spec": 1, "token_sha256": ""}', b"\xff"])
def test_a_damaged_file_is_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a1.json").write_bytes(content)
    expected = Expectations(tmp_path)
    assert (expected.find("a1"), expected.jobs()) == (None, frozenset())


def test_a_disk_that_takes_no_file_ends_the_attempt_with_a_reason(tmp_path: Path) -> None:
    expected = Expectations(tmp_path / "expected")
    (tmp_path / "expected").rmdir()
    with pytest.raises(BenchmarkFailed, match="No such file or directory"):
        expected.expect("a1", spec())
    assert expected.find("a1") is None


def test_only_so_many_files_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evallab.receiver.expectation._REMEMBERED", 3)
    files = ExpectationFiles(tmp_path)
    for number in range(5):
        files.write(f"a{number}", spec(), "token", token_required=False)
    assert [files.find(f"a{number}") for number in range(5)] == [expectation("token")] * 5
    assert len(files._read) == 3


@pytest.mark.parametrize(
    ("authorization", "required", "admitted"),
    [
        (None, False, True),
        (None, True, False),
        ("Bearer token", True, True),
        ("bearer  token ", False, True),
        ("Bearer wrong", False, False),
        ("Bearer", False, False),
        ("Basic token", False, False),
        ("", False, False),
        ("Bearer t\u00f6ken", False, False),
    ],
)
def test_a_token_is_judged(authorization: str | None, *, required: bool, admitted: bool) -> None:
    assert expectation("token").admits(authorization, required=required) is admitted
    assert expectation(None).admits(authorization, required=required) is True
