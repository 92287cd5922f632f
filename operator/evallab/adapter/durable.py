"""Files that are either whole or absent: the result file and samples.jsonl are written with these by `running`."""

import os
from collections.abc import Iterable
from pathlib import Path

from evallab.api.contract import Result, Sample


def write_result(path: Path, result: Result) -> None:
    """Write the result file atomically: temporary file, fsync, rename."""
    _replace(path, [result.model_dump_json(exclude_none=True).encode()])


def write_samples(path: Path, samples: Iterable[Sample]) -> int:
    """Write one JSON line per sample, atomically; return how many."""
    return _replace(path, (sample.model_dump_json(exclude_none=True).encode() + b"\n" for sample in samples))


def _replace(path: Path, chunks: Iterable[bytes]) -> int:
    partial = path.with_name(f".{path.name}.partial")
    count = 0
    with partial.open("wb") as stream:
        for chunk in chunks:
            stream.write(chunk)
            count += 1
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
    _sync_directory(path.parent)
    return count


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
