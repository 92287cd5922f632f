"""Errors at the edge: what, why, remedy on stderr; nothing on stdout; the code; a traceback only in a file."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from evallab.api.errors import Interrupted, InvalidManifest, NotFound, StoreUnavailable
from evallab.cli.errors import guarded


def raising(error: BaseException) -> object:
    raise error


def test_an_error_of_ours_says_what_and_the_remedy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    error = NotFound("There is no job 'x'.", remedy="Near names: y.")
    assert guarded(lambda: raising(error), environ={"EVALLAB_HOME": str(tmp_path)}) == 2
    assert capsys.readouterr() == ("", "error: There is no job 'x'.\nhint: Near names: y.\n")
    assert list(tmp_path.iterdir()) == []


def test_every_problem_of_a_manifest_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: raising(InvalidManifest(["a is missing", "b is odd"], file="x.yaml")), environ={}) == 2
    assert capsys.readouterr().err == "error: x.yaml: a is missing\nerror: x.yaml: b is odd\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (StoreUnavailable("Postgres is away."), 70, "error: Postgres is away.\n"),
        (Interrupted(), 130, "error: Interrupted.\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (click.Abort(), 130, "interrupted\n"),
        (click.UsageError("Odd."), 2, "error: Odd.\n"),
        (click.FileError("x", "gone"), 2, "error: Could not open file 'x': gone\n"),
    ],
)
def test_other_errors(error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: raising(error), environ={}) == code
    assert capsys.readouterr() == ("", said)


def test_what_was_not_expected_leaves_its_traceback_in_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert guarded(lambda: raising(ZeroDivisionError("by 0\nsecond")), environ={"EVALLAB_HOME": str(tmp_path)}) == 70
    [kept] = (tmp_path / "log").iterdir()
    assert "Traceback" in kept.read_text()
    expected = "error: evallab failed: ZeroDivisionError: by 0\n"
    assert capsys.readouterr() == ("", f"{expected}hint: The traceback is in {kept}; please report it.\n")


def test_a_home_that_cannot_be_written_does_not_hide_the_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert guarded(lambda: raising(ZeroDivisionError()), environ={"EVALLAB_HOME": f"{tmp_path}/file"}) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3), ("text", 0)])
def test_a_command_may_return_its_code(returned: object, code: int) -> None:
    assert guarded(lambda: returned, environ={}) == code


def test_a_reader_that_goes_away_is_no_error() -> None:
    script = "import click, os\nfrom evallab.cli.errors import guarded\nimport sys\n"
    script += "sys.exit(guarded(lambda: [click.echo('x' * 1000) for _ in range(10_000)], environ={}))"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == ("", 141)
