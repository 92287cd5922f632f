"""Where the manifest of `evallab run` comes from: a file, stdin, or the options that stand in for one."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evallab.api.errors import InvalidManifest, UsageError
from evallab.planning.keys import canonical


@dataclass(frozen=True)
class Source:
    """A manifest's bytes, what to call it in messages, and the directory its relative paths are meant from."""

    data: bytes
    name: str
    directory: Path


def of_file(file: Path) -> Source:
    """Read a manifest. Raises InvalidManifest when it cannot be read."""
    if str(file) == "-":
        return Source(sys.stdin.buffer.read(), "stdin", Path.cwd())
    try:
        return Source(file.read_bytes(), str(file), file.resolve().parent)
    except OSError as error:
        raise InvalidManifest([f"cannot be read: {error.strerror or error}"], file=str(file)) from error


def of_options(*, model: str | None, url: str | None, benchmarks: Sequence[str], name: str | None) -> Source:
    """Make the manifest that options stand for. Raises UsageError when one is missing."""
    if not (model and url and benchmarks):
        raise UsageError(
            "There is nothing to run.",
            remedy="Give a manifest (-f FILE), or all of --model, --url and --benchmark provider/benchmark.",
        )
    request: dict[str, Any] = {
        "name": name or model,
        "model": {"name": model, "url": url},
        "benchmarks": [_benchmark(each) for each in benchmarks],
    }
    return Source(canonical(request).encode(), "options", Path.cwd())


def _benchmark(text: str) -> dict[str, str]:
    provider, slash, benchmark = text.partition("/")
    if not (provider and slash and benchmark):
        raise UsageError(f"--benchmark: {text!r} is not provider/benchmark.", remedy="See: evallab providers")
    return {"provider_id": provider, "id": benchmark}
