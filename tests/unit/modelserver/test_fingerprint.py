"""Fingerprints change with what decides answers, and with nothing else."""

import hashlib
from pathlib import Path

import pytest

from evallab.api.errors import NotFound
from evallab.modelserver import FileDigest, Fingerprint
from evallab.modelserver.bundled import bundled
from evallab.modelserver.fingerprint import fingerprint


def test_a_file_is_its_sha256(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert fingerprint(file) == Fingerprint(digest, (FileDigest("m.gguf", 7, digest),))


def test_a_directory_is_its_decisive_files() -> None:
    assert [each.name for each in fingerprint(bundled("demo-hf")).files] == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_a_readme_changes_nothing(directory: Path) -> None:
    before = fingerprint(directory)
    (directory / "README.md").write_text("new")
    assert fingerprint(directory) == before


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja"])
def test_a_decisive_file_changes_it(directory: Path, name: str) -> None:
    before = fingerprint(directory)
    (directory / name).write_text("other")
    assert fingerprint(directory).sha256 != before.sha256


def test_a_renamed_file_changes_it(directory: Path) -> None:
    before = fingerprint(directory)
    (directory / "model.safetensors").rename(directory / "model-2.safetensors")
    assert fingerprint(directory).sha256 != before.sha256


def test_no_weights_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There are no weights at"):
        fingerprint(tmp_path)
    with pytest.raises(NotFound):
        fingerprint(tmp_path / "missing")
