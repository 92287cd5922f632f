"""The end of a log, and files that are there whole."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evallab.runtimes.local import files


@given(st.text(alphabet="ab\n", max_size=60), st.integers(1, 5), st.integers(1, 70))
def test_the_tail_is_the_end_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, text: str, lines: int, block: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "log"
    file.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "BLOCK", block)
        assert files.tail(file, lines=lines) == "".join(text.splitlines(keepends=True)[-lines:])


def test_no_file_no_lines_and_broken_text(tmp_path: Path) -> None:
    assert files.tail(tmp_path / "none", lines=3) == ""
    (tmp_path / "log").write_bytes(b"one\ntw\xff\n")
    assert files.tail(tmp_path / "log", lines=0) == ""
    assert files.tail(tmp_path / "log", lines=1) == "tw\N{REPLACEMENT CHARACTER}\n"


def test_one_endless_line_is_cut(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * (files.MOST + 3 * files.BLOCK))
    assert len(files.tail(tmp_path / "log", lines=1)) == files.MOST


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    files.write_atomically(tmp_path / "job.json", "old and longer")
    files.write_atomically(tmp_path / "job.json", "new")
    assert [file.name for file in tmp_path.iterdir()] == ["job.json"]
    assert (tmp_path / "job.json").read_text() == "new"
    assert (tmp_path / "job.json").stat().st_mode & 0o777 == 0o600
