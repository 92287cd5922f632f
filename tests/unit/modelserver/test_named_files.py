"""What files that arguments name come to."""

import hashlib
from pathlib import Path

import pytest

from evallab.modelserver.named_files import named_files

HASH = hashlib.sha256(b"{{ messages }}").hexdigest()


def test_files_among_arguments_are_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    template = tmp_path / "chat.jinja"
    template.write_text("{{ messages }}")
    args = ("--chat-template", str(template), "--config=chat.jinja", "--dtype", "float32", "", "x" * 5000)
    assert named_files(args) == {"argument_files": {str(template): HASH, "chat.jinja": HASH}}


@pytest.mark.parametrize("arg", ["/", "--flag", "a\0b", "{{ messages }}"])
def test_what_is_no_file_is_none(arg: str) -> None:
    assert named_files((arg,)) == {}
