"""Artifacts: texts in, rows out, any line back without the rest."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard

from evallab.api.contract import Sample
from evallab.api.errors import AdapterFailed, NotFound
from evallab.store.artifacts import ArtifactFiles
from evallab.store.interface import ArtifactRow, SampleRow
from evallab.store.samplefile import FRAME_LINES


@dataclass(frozen=True)
class Owner:
    job_id: str = "job-1"
    index: int | None = 0
    attempt_id: str | None = "job-1-a1"


COUNT = 3 * FRAME_LINES + 5


def sample(number: int, **changes: object) -> Sample:
    made = Sample(
        doc_id=number,
        doc_hash=f"{number:064x}",
        prompt_hash="prompt",
        prompt=[{"role": "user", "content": f"What is {number} + 1? 🙂"}],
        response=f"{number + 1}",
        scores={"exact_match,none": 1.0, "f1": None},
        latency_ms=1.5,
    )
    return made.model_copy(update=changes)


@pytest.fixture
def files(tmp_path: Path) -> ArtifactFiles:
    return ArtifactFiles(tmp_path / "artifacts")


@pytest.fixture
def written(files: ArtifactFiles) -> tuple[ArtifactRow, list[SampleRow]]:
    return files.write_samples((sample(number) for number in range(COUNT)), owner=Owner())


def test_a_row_has_the_numbers_and_where_its_texts_are(written: tuple[ArtifactRow, list[SampleRow]]) -> None:
    _, rows = written
    assert rows[1] == SampleRow(
        doc_id=1,
        repeat=0,
        doc_hash=f"{1:064x}",
        prompt_hash=hashlib.sha256(b'"prompt"').hexdigest(),
        response_hash=hashlib.sha256(b"2").hexdigest(),
        prompt_tokens=None,
        completion_tokens=None,
        latency_ms=1.5,
        finish_reason=None,
        error=None,
        text_offset=0,
        text_line=1,
        scores={("exact_match", "none"): 1.0, ("f1", "none"): None},
    )
    assert [row.text_line for row in rows] == [number % FRAME_LINES for number in range(COUNT)]
    assert len({row.text_offset for row in rows}) == 4


def test_any_text_is_read_in_the_order_asked(
    files: ArtifactFiles, written: tuple[ArtifactRow, list[SampleRow]]
) -> None:
    artifact, rows = written
    asked = [rows[number] for number in (COUNT - 1, 0, 70, 0)]

    read = files.read_texts(artifact.path, asked)
    assert [Sample.model_validate(each) for each in read] == [sample(number) for number in (COUNT - 1, 0, 70, 0)]


def test_one_text_is_read_without_the_frames_before(
    tmp_path: Path, files: ArtifactFiles, written: tuple[ArtifactRow, list[SampleRow]]
) -> None:
    artifact, rows = written
    path = tmp_path / "artifacts" / artifact.path
    offset = rows[-1].text_offset
    assert offset is not None
    path.write_bytes(b"\0" * offset + path.read_bytes()[offset:])

    assert files.read_texts(artifact.path, rows[-1:])[0]["doc_id"] == COUNT - 1


def test_the_artifact_is_lines_that_any_zstd_reads(
    tmp_path: Path, files: ArtifactFiles, written: tuple[ArtifactRow, list[SampleRow]]
) -> None:
    artifact, _ = written
    stored = (tmp_path / "artifacts" / artifact.path).read_bytes()
    text = files.open_text(artifact)

    assert [json.loads(line)["doc_id"] for line in text.splitlines()] == list(range(COUNT))
    assert (artifact.bytes, artifact.codec, artifact.kind, artifact.name) == (
        len(stored), "zstd-frames", "samples", "samples.jsonl",
    )  # fmt: skip
    assert artifact.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert artifact.path.endswith(hashlib.sha256(stored).hexdigest())


def test_texts_are_not_held(files: ArtifactFiles) -> None:
    alive: set[int] = set()
    most = 0

    class Counted(Sample):
        def __del__(self) -> None:
            alive.discard(self.doc_id)

    def stream() -> Iterator[Sample]:
        nonlocal most
        for number in range(1000):
            alive.add(number)
            most = max(most, len(alive))
            yield Counted(doc_id=number, doc_hash="d", prompt_hash="p", response="x")

    files.write_samples(stream(), owner=Owner())
    assert most <= 2 * FRAME_LINES + 2


def test_writing_the_same_again_is_the_same_artifact(files: ArtifactFiles, tmp_path: Path) -> None:
    first, second = (files.write_samples([sample(1)], owner=Owner())[0] for _ in range(2))
    assert first == second
    assert len([path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]) == 1


def test_a_sample_that_comes_twice_is_refused_and_leaves_nothing(files: ArtifactFiles, tmp_path: Path) -> None:
    with pytest.raises(AdapterFailed, match="doc_id 1, repeat 0 twice"):
        files.write_samples([sample(1), sample(1)], owner=Owner())
    assert [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()] == []


def test_no_samples_are_an_artifact_too(files: ArtifactFiles) -> None:
    artifact, rows = files.write_samples([], owner=Owner())
    assert (rows, files.open_text(artifact)) == ([], "")


def test_a_row_without_texts_reads_as_nothing(
    files: ArtifactFiles, written: tuple[ArtifactRow, list[SampleRow]]
) -> None:
    from evallab.store.samplefile import row

    assert files.read_texts(written[0].path, [row(sample(1))]) == [{}]


def test_a_file_is_kept_whole(files: ArtifactFiles, tmp_path: Path) -> None:
    log = tmp_path / "jobrun.log"
    log.write_bytes(b"one line\n" * 300_000 + b"\xff end")
    kept = files.store_file(log, kind="log", name="jobrun.log", owner=Owner(index=None, attempt_id=None))

    assert files.open_text(kept) == "one line\n" * 300_000 + "\ufffd end"
    assert kept.sha256 == hashlib.sha256(log.read_bytes()).hexdigest()
    assert kept.bytes < 10_000
    stored = (tmp_path / "artifacts" / kept.path).read_bytes()
    assert zstandard.ZstdDecompressor().decompressobj().decompress(stored) == log.read_bytes()


def test_only_artifacts_are_read(files: ArtifactFiles, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "artifacts").mkdir()
    for path in ("../secret", "ab/abcd", str(tmp_path / "secret")):
        with pytest.raises(NotFound, match="is not in"):
            files.read_texts(path, [])
